//! The table of rules for single-decree Paxos, and what became of each.

use std::collections::BTreeMap;

use super::super::read::Fault;
use super::state::Witness;

/// What breaking a rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Two values could be chosen: an error.
    Safety,
    /// The lab's exact form: a warning, or an error if asked for.
    Form,
    /// Whether and how the run got on: a note.
    Progress,
}

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

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which rule.
    pub rule: Rule,
    /// Its name in findings.
    pub name: &'static str,
    /// What breaking it means.
    pub level: Level,
    /// What it claims.
    pub claim: &'static str,
}

const fn row(rule: Rule, name: &'static str, level: Level, claim: &'static str) -> Row {
    Row { rule, name, level, claim }
}

use Level::{Form, Progress, Safety};

/// Every rule, in the order of the summary.
pub const TABLE: &[Row] = &[
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

impl Rule {
    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.rule == self).unwrap_or(&TABLE[0])
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// The lines alone prove it.
    Certain,
    /// It holds if the roles are as they were inferred from who answered whom.
    IfRoles,
    /// It holds if the `proposal_num` of an ack is the acceptor's promise, as the lab has it.
    IfAckNumber,
    /// It holds if the log has the lines of every proposer.
    IfComplete,
    /// The log cannot decide it: neither broken nor kept.
    NotDecidable,
}

impl Certainty {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::IfRoles => "if the inferred roles are right (--hosts makes it certain)",
            Self::IfAckNumber => "if an ack's proposal_num is the acceptor's promise",
            Self::IfComplete => "if the lines of every proposer are here",
            Self::NotDecidable => "not decidable from this log",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How sure it is.
    pub certainty: Certainty,
    /// The one or two lines that show it; none where a line is missing.
    pub lines: Vec<Witness>,
    /// What is wrong, in a sentence.
    pub sentence: String,
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was looked at and kept.
    pub kept: u64,
    /// How often it was broken; of notes, how often there was something to note.
    pub broken: u64,
    /// How often the log could not decide it.
    pub undecided: u64,
}

/// How many findings of one rule are kept in full; a broken program breaks one rule many times.
pub const MOST_FINDINGS: u64 = 10;

/// Collects findings.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) list: Vec<Finding>,
    pub(super) tallies: BTreeMap<Rule, Tally>,
}

impl Findings {
    pub(super) fn kept(&mut self, rule: Rule) {
        self.tallies.entry(rule).or_default().kept += 1;
    }

    /// Adds a finding; its words are made only if it is kept.
    pub(super) fn add(
        &mut self,
        rule: Rule,
        certainty: Certainty,
        words: impl FnOnce() -> (Vec<Witness>, String),
    ) {
        let tally = self.tallies.entry(rule).or_default();
        let undecided = certainty == Certainty::NotDecidable;
        let count = if undecided { &mut tally.undecided } else { &mut tally.broken };
        *count += 1;
        // One reason is enough to say why a rule is not decidable.
        if *count <= if undecided { 1 } else { MOST_FINDINGS } {
            let (lines, sentence) = words();
            self.list.push(Finding { rule, certainty, lines, sentence });
        }
    }
}
