//! The table of rules for single-decree Paxos.

use super::dialect::Fault;
use crate::trace::findings::{self, Level, RuleRow, row};

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
    KnownRoles,
}

use Level::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
const TABLE: &[RuleRow<PaxosRule>] = &[
    row(PaxosRule::OneValue, "one-value", Safety, "one value is chosen"),
    row(PaxosRule::ExpectedValue, "expected-value", Safety, "the value chosen is the one expected"),
    row(PaxosRule::ValueWasProposed, "value-was-proposed", Safety, "a proposer put it forward"),
    row(PaxosRule::OneValuePerNumber, "one-value-per-number", Safety, "a number has one value"),
    row(
        PaxosRule::OwnGrowingNumbers,
        "own-growing-numbers",
        Safety,
        "a proposer's numbers are its own and grow",
    ),
    row(
        PaxosRule::MajorityOfPromises,
        "majority-of-promises",
        Safety,
        "accept only after a majority promised that number",
    ),
    row(
        PaxosRule::HighestAcceptedValue,
        "highest-accepted-value",
        Safety,
        "accept asks for the highest accepted proposal's value",
    ),
    row(PaxosRule::PromiseKept, "promise-kept", Safety, "an acceptor never goes below its promise"),
    row(PaxosRule::VoteKept, "vote-kept", Safety, "an acceptor reports what it has accepted"),
    row(
        PaxosRule::AckFollowsQuestion,
        "ack-follows-question",
        Safety,
        "an ack follows its question",
    ),
    row(
        PaxosRule::MajorityOfVotes,
        "majority-of-votes",
        Safety,
        "chosen only after a majority accepted that number",
    ),
    row(
        PaxosRule::ReceivedWasSent,
        "received-was-sent",
        Safety,
        "nothing is received that was not sent",
    ),
    row(PaxosRule::Form(Fault::KeyOrder), "key-order", Form, "the five keys stand in order"),
    row(PaxosRule::Form(Fault::Blanks), "no-blanks", Form, "no blanks between the parts"),
    row(PaxosRule::Form(Fault::KeyNames), "key-names", Form, "the keys have the lab's names"),
    row(PaxosRule::Form(Fault::ExtraKeys), "five-keys", Form, "there is no sixth key"),
    row(PaxosRule::Form(Fault::MissingKeys), "all-keys", Form, "no key is missing"),
    row(PaxosRule::Form(Fault::Words), "words", Form, "actions and types are the lab's words"),
    row(PaxosRule::Form(Fault::NumberKind), "integer", Form, "ids and numbers are integers"),
    row(
        PaxosRule::Form(Fault::ValueKind),
        "value-is-text",
        Form,
        "message_value is text and not blank",
    ),
    row(PaxosRule::Form(Fault::Mended), "valid-json", Form, "each object is valid JSON"),
    row(PaxosRule::Form(Fault::Spelling), "spelling", Form, "no escapes that are not needed"),
    row(PaxosRule::Form(Fault::TextAround), "nothing-around", Form, "nothing beside the object"),
    row(PaxosRule::Form(Fault::SeveralLines), "one-line", Form, "an object is one line"),
    row(PaxosRule::Form(Fault::NotUtf8), "utf-8", Form, "lines are UTF-8"),
    row(
        PaxosRule::Form(Fault::PeerIdIsPrinter),
        "peer-id-is-sender",
        Form,
        "peer_id is the sender",
    ),
    row(
        PaxosRule::Form(Fault::Unreadable),
        "known-object",
        Form,
        "each object is an event of Paxos",
    ),
    row(PaxosRule::Form(Fault::TooLong), "line-length", Form, "no line is longer than 64 KiB"),
    row(PaxosRule::OwnPeerId, "own-peer-id", Form, "a peer prints its own acts only"),
    row(PaxosRule::ChoseOnce, "chose-once", Form, "a peer prints its choice once"),
    row(PaxosRule::SentPerReceiver, "sent-per-receiver", Form, "each receiver has a sent line"),
    row(PaxosRule::Form(Fault::Prose), "other-text", Progress, "text that is no line of a run"),
    row(PaxosRule::NeverChose, "never-chose", Progress, "every peer learns the choice"),
    row(PaxosRule::Missing, "missing", Progress, "what the last proposals lacked"),
    row(PaxosRule::Refused, "refused", Progress, "questions that were refused"),
    row(PaxosRule::Duel, "duel", Progress, "proposers that got in each other's way"),
    row(PaxosRule::Restarted, "restarted", Progress, "peers that began anew"),
    row(PaxosRule::KnownRoles, "roles", Progress, "who proposes is a proposer of the hostsfile"),
];

impl findings::Rule for PaxosRule {
    const TABLE: &'static [RuleRow<Self>] = TABLE;
    // One reason is enough to say why a rule is not decidable.
    const MOST_UNDECIDED: u64 = 1;
    const MOST_NOTES: usize = 3;
}
