//! What all judges of a run have in common: rules with names, findings that show the lines, and a
//! report of both, [for people](Findings::for_people) and for tools.
//!
//! A judge has a table of rules ([`Rule::TABLE`]). Each time it can hold a line, or the lack of
//! one, against a rule, it either counts the rule as kept or adds a [`Finding`]. A finding says how
//! sure it is: a log rarely has everything, and an accusation that relies on what may merely be
//! missing must say so.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;

use super::fault::{Fault, FaultSet};

mod json;
mod report;

pub use json::{JsonFinding, JsonRule, to_json};
pub use report::say;

/// How much of a line's text a finding shows.
pub const MAX_SHOWN_BYTES: usize = 400;
/// How many findings of one rule are kept in full; a broken program breaks one rule many times.
pub const MOST_FINDINGS: u64 = 10;

/// What breaking a rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run is wrong: an error.
    Safety,
    /// The lab's exact form: a warning, or an error if asked for.
    Form,
    /// Whether and how the run got on: a note.
    Progress,
}

/// A row of a table of rules.
#[derive(Clone, Copy, Debug)]
pub struct RuleRow<R> {
    /// Which rule.
    pub rule: R,
    /// Its name in findings.
    pub name: &'static str,
    /// What breaking it means.
    pub level: Severity,
    /// What it claims.
    pub claim: &'static str,
    /// What is wrong where it is broken, if that is always the same.
    pub sentence: &'static str,
}

/// A row.
pub const fn row<R: Copy>(
    rule: R,
    name: &'static str,
    level: Severity,
    claim: &'static str,
) -> RuleRow<R> {
    RuleRow { rule, name, level, claim, sentence: "" }
}

/// The row of a rule of form, which every line with one fault breaks.
pub const fn form<R: Copy>(
    rule: R,
    name: &'static str,
    claim: &'static str,
    sentence: &'static str,
) -> RuleRow<R> {
    RuleRow { rule, name, level: Severity::Form, claim, sentence }
}

/// A rule of some protocol.
pub trait Rule: Copy + Debug + Ord + 'static {
    /// In what a line may differ from the form.
    type Fault: Fault;
    /// Every rule, in the order of the summary.
    const TABLE: &'static [RuleRow<Self>];
    /// How many findings of one rule that the log cannot decide are kept in full.
    const MOST_UNDECIDED: u64;
    /// How many notes of one rule are shown.
    const MOST_NOTES: usize;

    /// True if a strict judge takes what cannot be decided for broken: the protocol lets a log
    /// leave it open, and the lab does not.
    fn must_be_decided(self) -> bool {
        false
    }

    /// The rule that a line with this fault breaks.
    fn of_form(fault: Self::Fault) -> Self;

    /// Its row of the table.
    fn row(self) -> &'static RuleRow<Self> {
        Self::TABLE.iter().find(|row| row.rule == self).unwrap_or(&Self::TABLE[0])
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
    IfEveryProposer,
    /// It holds if the log has the lines of every peer.
    IfEveryPeer,
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
            Self::IfEveryProposer => "if the lines of every proposer are here",
            Self::IfEveryPeer => "if the lines of every peer are here",
            Self::NotDecidable => "not decidable from this log",
        }
    }
}

/// A line that shows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Which input, from 0.
    pub input: u16,
    /// Its number there, from 1.
    pub line: u64,
    /// Its text, cut after [`MAX_SHOWN_BYTES`].
    pub text: Arc<str>,
}

/// A line being looked at.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    /// Which input, from 0.
    pub input: u16,
    /// Its number there, from 1.
    pub line: u64,
    /// Its text.
    pub text: &'a str,
    /// The copy that all who keep this line share.
    pub kept: &'a OnceCell<Arc<str>>,
}

impl Spot<'_> {
    /// The line as findings keep it.
    pub fn witness(self) -> Witness {
        let text = self.kept.get_or_init(|| {
            let mut end = self.text.len().min(MAX_SHOWN_BYTES);
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.text[..end].into()
        });
        Witness { input: self.input, line: self.line, text: Arc::clone(text) }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<R> {
    /// The rule.
    pub rule: R,
    /// How sure it is.
    pub certainty: Certainty,
    /// The lines that show it; none where a line is missing.
    pub lines: Vec<Witness>,
    /// What is wrong, in a sentence.
    pub sentence: String,
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// How often it was looked at and kept.
    pub kept: u64,
    /// How often it was broken; of notes, how often there was something to note.
    pub broken: u64,
    /// How often the log could not decide it.
    pub undecided: u64,
}

/// What a judge has found.
#[derive(Clone, Debug)]
pub struct Findings<R> {
    /// The first few of each rule; once the run is judged, in the order of the table.
    pub list: Vec<Finding<R>>,
    /// What became of each rule; one that is not here had nothing to judge.
    pub tallies: BTreeMap<R, FindingCounts>,
}

impl<R> Default for Findings<R> {
    fn default() -> Self {
        Self { list: Vec::new(), tallies: BTreeMap::new() }
    }
}

impl<R: Rule> Findings<R> {
    /// Notes that the rule was looked at and kept.
    pub fn kept(&mut self, rule: R) {
        self.tallies.entry(rule).or_default().kept += 1;
    }

    /// Adds a finding; its words are made only if it is kept in full.
    pub fn add(
        &mut self,
        rule: R,
        certainty: Certainty,
        words: impl FnOnce() -> (Vec<Witness>, String),
    ) {
        let tally = self.tallies.entry(rule).or_default();
        let undecided = certainty == Certainty::NotDecidable;
        let count = if undecided { &mut tally.undecided } else { &mut tally.broken };
        *count += 1;
        if *count <= if undecided { R::MOST_UNDECIDED } else { MOST_FINDINGS } {
            let (lines, sentence) = words();
            self.list.push(Finding { rule, certainty, lines, sentence });
        }
    }

    /// Adds a finding that this line proves; its sentence is made only if it is kept in full.
    pub fn broken_by(&mut self, rule: R, spot: Spot<'_>, sentence: impl FnOnce() -> String) {
        self.add(rule, Certainty::Certain, || (vec![spot.witness()], sentence()));
    }

    /// Adds in what a line differs from the form.
    pub fn add_faults(&mut self, spot: Spot<'_>, faults: FaultSet<R::Fault>) {
        for rule in faults.iter().map(R::of_form) {
            self.broken_by(rule, spot, || rule.row().sentence.into());
        }
    }

    /// True while findings of this rule are kept in full.
    pub fn has_room(&self, rule: R) -> bool {
        self.tallies.get(&rule).is_none_or(|tally| tally.broken < MOST_FINDINGS)
    }

    /// In the order of the table, at the end of the judgement.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let place = |rule: R| R::TABLE.iter().position(|row| row.rule == rule);
        self.list.sort_by_key(|finding| place(finding.rule));
        self
    }

    /// True if a safety rule was broken; with `strict`, also by another form, or where a rule that
    /// must be decided is open.
    pub fn violated(&self, strict: bool) -> bool {
        self.tallies.iter().any(|(rule, tally)| report::breaks(rule.row(), tally, strict))
    }

    /// The names of the rules for which this is not zero.
    pub fn names(&self, pick: fn(&FindingCounts) -> u64) -> Vec<&'static str> {
        let has =
            |row: &&RuleRow<R>| self.tallies.get(&row.rule).is_some_and(|tally| pick(tally) > 0);
        R::TABLE.iter().filter(has).map(|row| row.name).collect()
    }
}
