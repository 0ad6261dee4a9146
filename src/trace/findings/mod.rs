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

    /// What holds only on a condition is a suspicion, which breaks the rule for a strict judge
    /// alone.
    const SUSPECTS: bool = false;

    /// True if a strict judge takes what cannot be decided for broken: the protocol lets a log
    /// leave it open, and the lab does not.
    fn must_be_decided(self) -> bool {
        false
    }

    /// Where the program keeps the rule and where it was taught: a source file, and a step of the
    /// lecture.
    fn origin(self) -> Option<(&'static str, &'static str)> {
        None
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
    /// It holds under one reading of the lines, whose condition this is, and not under another
    /// that explains them as well.
    IfRead(&'static str),
    /// It holds if acks show the value that the acceptor has accepted.
    IfAcksShowValues,
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
            Self::IfRead(condition) => condition,
            Self::IfAcksShowValues => "if acks show the value that the acceptor has accepted",
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
    /// How many more there are of the same cause.
    pub more: u64,
}

impl<R: Rule> Finding<R> {
    /// True if it holds only on a condition, and so accuses nobody.
    pub fn is_suspicion(&self) -> bool {
        R::SUSPECTS && !matches!(self.certainty, Certainty::Certain | Certainty::NotDecidable)
    }
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// How often it was looked at and kept.
    pub kept: u64,
    /// How often it was broken; of notes, how often there was something to note.
    pub broken: u64,
    /// How often it was broken on some condition, where that is a suspicion.
    pub suspected: u64,
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
    /// A rule of safety was broken.
    is_broken: bool,
    /// The finding of each cause: of a rule, a peer and a certainty.
    causes: BTreeMap<(R, u16, Certainty), usize>,
}

impl<R> Default for Findings<R> {
    fn default() -> Self {
        let (list, tallies) = (Vec::new(), BTreeMap::new());
        Self { list, tallies, is_broken: false, causes: BTreeMap::new() }
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
        self.keep(rule, certainty, words);
    }

    /// Adds a finding against a peer; where one against it stands already, it is only counted.
    pub fn add_of(
        &mut self,
        rule: R,
        peer: u16,
        certainty: Certainty,
        words: impl FnOnce() -> (Vec<Witness>, String),
    ) {
        let cause = (rule, peer, certainty);
        if let Some(finding) = self.causes.get(&cause).and_then(|at| self.list.get_mut(*at)) {
            finding.more += 1;
            self.count(rule, certainty);
        } else if self.keep(rule, certainty, words) {
            self.causes.insert(cause, self.list.len() - 1);
        }
    }

    /// Counts a finding; the how manieth of its kind it is.
    fn count(&mut self, rule: R, certainty: Certainty) -> u64 {
        let tally = self.tallies.entry(rule).or_default();
        let count = match certainty {
            Certainty::NotDecidable => &mut tally.undecided,
            Certainty::Certain => &mut tally.broken,
            _ if R::SUSPECTS => &mut tally.suspected,
            _ => &mut tally.broken,
        };
        *count += 1;
        let count = *count;
        let is_new = count == 1 && rule.row().level == Severity::Safety;
        self.is_broken |= is_new && self.tallies.get(&rule).is_some_and(|tally| tally.broken > 0);
        count
    }

    /// Counts a finding, and keeps it in full if it is one of the first.
    fn keep(
        &mut self,
        rule: R,
        certainty: Certainty,
        words: impl FnOnce() -> (Vec<Witness>, String),
    ) -> bool {
        let undecided = certainty == Certainty::NotDecidable;
        let count = self.count(rule, certainty);
        let is_kept = count <= if undecided { R::MOST_UNDECIDED } else { MOST_FINDINGS };
        if is_kept {
            let (lines, sentence) = words();
            self.list.push(Finding { rule, certainty, lines, sentence, more: 0 });
        }
        is_kept
    }

    /// The condition is met: what was suspected on it is certain.
    pub fn promote(&mut self, condition: Certainty) {
        for finding in self.list.iter_mut().filter(|finding| finding.certainty == condition) {
            finding.certainty = Certainty::Certain;
            self.is_broken |= finding.rule.row().level == Severity::Safety;
            let (tally, count) = (self.tallies.entry(finding.rule).or_default(), finding.more + 1);
            tally.broken += count;
            tally.suspected = tally.suspected.saturating_sub(count);
        }
    }

    /// Adds what another judge of the same run has found.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.is_broken |= other.is_broken;
        for (rule, counts) in other.tallies {
            let tally = self.tallies.entry(rule).or_default();
            tally.kept += counts.kept;
            tally.broken += counts.broken;
            tally.suspected += counts.suspected;
            tally.undecided += counts.undecided;
        }
    }

    /// How many objects were meant to be events and could not be read.
    pub fn unreadable(&self) -> u64 {
        let faults = [R::Fault::UNREADABLE, R::Fault::TOO_LONG];
        let tallies = faults.iter().filter_map(|fault| self.tallies.get(&R::of_form(*fault)));
        tallies.map(|tally| tally.broken).sum()
    }

    /// True if a rule of safety was broken.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// How often rules of safety were broken.
    pub fn broken(&self) -> u64 {
        let is_safety = |(rule, _): &(&R, &FindingCounts)| rule.row().level == Severity::Safety;
        self.tallies.iter().filter(is_safety).map(|(_, tally)| tally.broken).sum()
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

    /// True if a rule is violated under some of the readings that are left.
    pub fn suspicious(&self) -> bool {
        self.tallies.values().any(|tally| tally.suspected > 0)
    }

    /// The names of the rules for which this is not zero.
    pub fn names(&self, pick: fn(&FindingCounts) -> u64) -> Vec<&'static str> {
        let has =
            |row: &&RuleRow<R>| self.tallies.get(&row.rule).is_some_and(|tally| pick(tally) > 0);
        R::TABLE.iter().filter(has).map(|row| row.name).collect()
    }
}
