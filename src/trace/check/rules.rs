//! The table of rules for single-decree Paxos.

use crate::trace::findings::{self, Level, Row, row};
use crate::trace::read::Fault;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the table below says what each one claims
pub enum Rule {
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
}

use Level::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
const TABLE: &[Row<Rule>] = &[
    row(Rule::OneValue, "one-value", Safety, "one value is chosen"),
    row(Rule::ExpectedValue, "expected-value", Safety, "the value chosen is the one expected"),
    row(Rule::ValueWasProposed, "value-was-proposed", Safety, "a proposer put it forward"),
    row(Rule::OneValuePerNumber, "one-value-per-number", Safety, "a number has one value"),
    row(
        Rule::OwnGrowingNumbers,
        "own-growing-numbers",
        Safety,
        "a proposer's numbers are its own and grow",
    ),
    row(
        Rule::MajorityOfPromises,
        "majority-of-promises",
        Safety,
        "accept only after a majority promised that number",
    ),
    row(
        Rule::HighestAcceptedValue,
        "highest-accepted-value",
        Safety,
        "accept asks for the highest accepted proposal's value",
    ),
    row(Rule::PromiseKept, "promise-kept", Safety, "an acceptor never goes below its promise"),
    row(Rule::VoteKept, "vote-kept", Safety, "an acceptor reports what it has accepted"),
    row(Rule::AckFollowsQuestion, "ack-follows-question", Safety, "an ack follows its question"),
    row(
        Rule::MajorityOfVotes,
        "majority-of-votes",
        Safety,
        "chosen only after a majority accepted that number",
    ),
    row(
        Rule::ReceivedWasSent,
        "received-was-sent",
        Safety,
        "nothing is received that was not sent",
    ),
    row(Rule::Form(Fault::KeyOrder), "key-order", Form, "the five keys stand in order"),
    row(Rule::Form(Fault::Blanks), "no-blanks", Form, "no blanks between the parts"),
    row(Rule::Form(Fault::KeyNames), "key-names", Form, "the keys have the lab's names"),
    row(Rule::Form(Fault::ExtraKeys), "five-keys", Form, "there is no sixth key"),
    row(Rule::Form(Fault::MissingKeys), "all-keys", Form, "no key is missing"),
    row(Rule::Form(Fault::Words), "words", Form, "actions and types are the lab's words"),
    row(Rule::Form(Fault::NumberKind), "integer", Form, "ids and numbers are integers"),
    row(Rule::Form(Fault::ValueKind), "value-is-text", Form, "message_value is text and not blank"),
    row(Rule::Form(Fault::Mended), "valid-json", Form, "each object is valid JSON"),
    row(Rule::Form(Fault::Spelling), "spelling", Form, "no escapes that are not needed"),
    row(Rule::Form(Fault::TextAround), "nothing-around", Form, "nothing beside the object"),
    row(Rule::Form(Fault::SeveralLines), "one-line", Form, "an object is one line"),
    row(Rule::Form(Fault::NotUtf8), "utf-8", Form, "lines are UTF-8"),
    row(Rule::Form(Fault::PeerIdIsPrinter), "peer-id-is-sender", Form, "peer_id is the sender"),
    row(Rule::Form(Fault::Unreadable), "known-object", Form, "each object is an event of Paxos"),
    row(Rule::Form(Fault::TooLong), "line-length", Form, "no line is longer than 64 KiB"),
    row(Rule::OwnPeerId, "own-peer-id", Form, "a peer prints its own acts only"),
    row(Rule::ChoseOnce, "chose-once", Form, "a peer prints its choice once"),
    row(Rule::SentPerReceiver, "sent-per-receiver", Form, "each receiver has a sent line"),
    row(Rule::Form(Fault::Prose), "other-text", Progress, "text that is no line of a run"),
    row(Rule::NeverChose, "never-chose", Progress, "every peer learns the choice"),
    row(Rule::Missing, "missing", Progress, "what the last proposals lacked"),
    row(Rule::Refused, "refused", Progress, "questions that were refused"),
    row(Rule::Duel, "duel", Progress, "proposers that got in each other's way"),
    row(Rule::Restarted, "restarted", Progress, "peers that began anew"),
    row(Rule::Roles, "roles", Progress, "who proposes is a proposer of the hostsfile"),
];

impl findings::Rule for Rule {
    const TABLE: &'static [Row<Self>] = TABLE;
    // One reason is enough to say why a rule is not decidable.
    const MOST_UNDECIDED: u64 = 1;
    const MOST_NOTES: usize = 3;
}
