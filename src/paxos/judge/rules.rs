//! The table of rules for single-decree Paxos.

use super::dialect::PaxosFault as Fault;
use crate::trace::findings::{Rule, RuleRow, Severity, form, row};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the table below says what each one claims
pub enum PaxosRule {
    OneValue,
    ExpectedValue,
    ValueWasProposed,
    OneValuePerNumber,
    OwnGrowingNumbers,
    MajorityOfPromises,
    HighestAcceptedValue,
    PromiseKept,
    VoteKept,
    AckFollowsQuestion,
    MajorityOfVotes,
    ReceivedWasSent,
    Form(Fault),
    OwnPeerId,
    ChoseOnce,
    SentPerReceiver,
    NeverChose,
    Missing,
    Refused,
    Duel,
    Restarted,
    Roles,
    OtherText,
}

use PaxosRule as P;
use Severity::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
const TABLE: &[RuleRow<PaxosRule>] = &[
    row(P::OneValue, "one-value", Safety, "one value is chosen"),
    row(P::ExpectedValue, "expected-value", Safety, "the value chosen is the one expected"),
    row(P::ValueWasProposed, "value-was-proposed", Safety, "a proposer put it forward"),
    row(P::OneValuePerNumber, "one-value-per-number", Safety, "a number has one value"),
    row(P::OwnGrowingNumbers, "own-growing-numbers", Safety, {
        "a proposer's numbers are its own and grow"
    }),
    row(P::MajorityOfPromises, "majority-of-promises", Safety, {
        "accept only after a majority promised that number"
    }),
    row(P::HighestAcceptedValue, "highest-accepted-value", Safety, {
        "accept proposes the value of the highest accepted proposal"
    }),
    row(P::PromiseKept, "promise-kept", Safety, "an acceptor never goes below its promise"),
    row(P::VoteKept, "vote-kept", Safety, "an acceptor reports what it has accepted"),
    row(P::AckFollowsQuestion, "ack-follows-question", Safety, "an ack follows its question"),
    row(P::MajorityOfVotes, "majority-of-votes", Safety, {
        "chosen only after a majority accepted that number"
    }),
    row(P::ReceivedWasSent, "received-was-sent", Safety, "nothing is received that was not sent"),
    form(P::Form(Fault::KeyOrder), "key-order", "the five keys are in order", {
        "the keys are in another order"
    }),
    form(P::Form(Fault::Blanks), "no-blanks", "no blanks between the parts", {
        "there are blanks between the parts"
    }),
    form(P::Form(Fault::KeyNames), "key-names", "the keys have the lab's names", {
        "a key has another name"
    }),
    form(P::Form(Fault::ExtraKeys), "five-keys", "there is no sixth key", {
        "there are more than the five keys"
    }),
    form(P::Form(Fault::MissingKeys), "all-keys", "no key is missing", "a key is missing"),
    form(P::Form(Fault::Words), "words", "actions and types are the lab's words", {
        "an action or a message type is worded differently"
    }),
    form(P::Form(Fault::NumberKind), "integer", "ids and numbers are integers", {
        "peer_id or proposal_num is not an integer"
    }),
    form(P::Form(Fault::ValueKind), "value-is-text", "message_value is text and not blank", {
        "message_value is blank or not text"
    }),
    form(P::Form(Fault::Mended), "valid-json", "each object is valid JSON", {
        "this is not valid JSON; it was read as it is clearly meant"
    }),
    form(P::Form(Fault::Spelling), "spelling", "no escapes that are not needed", {
        "the same could be written without escapes"
    }),
    form(P::Form(Fault::TextAround), "nothing-around", "nothing else on the line", {
        "there is other text on the line"
    }),
    form(P::Form(Fault::SeveralLines), "one-line", "an object is one line", {
        "the object is spread over lines"
    }),
    form(P::Form(Fault::NotUtf8), "utf-8", "lines are UTF-8", "these bytes are not UTF-8"),
    form(P::Form(Fault::PeerIdIsPrinter), "peer-id-is-sender", "peer_id is the sender", {
        "peer_id is the receiver, where it should be the sender"
    }),
    form(P::Form(Fault::Unreadable), "known-object", "each object is an event of Paxos", {
        "this object is not an event of Paxos, or cannot be read"
    }),
    form(P::Form(Fault::TooLong), "line-length", "no line is longer than 64 KiB", {
        "this line is longer than 64 KiB and was skipped"
    }),
    row(P::OwnPeerId, "own-peer-id", Form, "a peer prints its own acts only"),
    row(P::ChoseOnce, "chose-once", Form, "a peer prints its choice once"),
    row(P::SentPerReceiver, "sent-per-receiver", Form, "each receiver has a sent line"),
    row(P::OtherText, "other-text", Progress, "text that is not a line of a run"),
    row(P::NeverChose, "never-chose", Progress, "every peer learns the choice"),
    row(P::Missing, "missing", Progress, "what the last proposals lacked"),
    row(P::Refused, "refused", Progress, "questions that were refused"),
    row(P::Duel, "duel", Progress, "proposers that got in each other's way"),
    row(P::Restarted, "restarted", Progress, "peers that restarted"),
    row(P::Roles, "roles", Progress, "whoever proposes is a proposer in the hostsfile"),
];

impl Rule for PaxosRule {
    type Fault = Fault;
    const TABLE: &'static [RuleRow<Self>] = TABLE;
    // One reason is enough to say why a rule is not decidable.
    const MOST_UNDECIDED: u64 = 1;
    const MOST_NOTES: usize = 3;
    const SUSPECTS: bool = true;

    fn origin(self) -> Option<(&'static str, &'static str)> {
        const ACCEPTOR: &str = "src/paxos/acceptor.rs";
        const PROPOSER: &str = "src/paxos/proposer.rs";
        Some(match self {
            P::OneValue => ("src/paxos/learner.rs", "only a single value is chosen"),
            P::ValueWasProposed => (PROPOSER, "only a proposed value is chosen"),
            P::OneValuePerNumber => (PROPOSER, "the proposer sends accept(n, value) to all"),
            P::OwnGrowingNumbers => ("src/paxos/proposal.rs", "choose a new proposal number n"),
            P::MajorityOfPromises => (PROPOSER, "when a majority has answered prepare(n)"),
            P::HighestAcceptedValue => {
                (PROPOSER, "take the acceptedValue of the highest acceptedProposal")
            }
            P::PromiseKept => (ACCEPTOR, "prepare(n), accept(n, value): never below minProposal"),
            P::VoteKept => (ACCEPTOR, "answer with acceptedProposal and acceptedValue"),
            P::AckFollowsQuestion => (ACCEPTOR, "the acceptor responds to prepare and accept"),
            P::MajorityOfVotes => (PROPOSER, "when a majority has accepted n, value is chosen"),
            _ => return None,
        })
    }

    fn of_form(fault: Fault) -> Self {
        Self::Form(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_safety_says_where_it_is_kept() {
        for row in TABLE.iter().filter(|row| row.level == Safety) {
            let is_outside = matches!(row.rule, P::ExpectedValue | P::ReceivedWasSent);
            let Some((source, _)) = row.rule.origin() else {
                assert!(is_outside, "{}", row.name);
                continue;
            };
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
            assert!(path.is_file(), "{source}");
        }
    }
}
