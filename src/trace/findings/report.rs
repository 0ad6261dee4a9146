//! The report for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::json::name_of;
use super::{Certainty, Finding, FindingCounts, Findings, Rule, RuleRow, Severity};
use crate::trace::counts::plural;
use crate::visible::visible;

/// How many findings of one rule of form are shown; the table says how many there are.
const SHOWN_ALIKE: usize = 3;

impl<R: Rule> Findings<R> {
    /// What became of a rule, in a word.
    pub(super) fn outcome(&self, row: &RuleRow<R>, strict: bool) -> &'static str {
        match (self.tallies.get(&row.rule), row.level) {
            (Some(tally), _) if breaks(row, tally, strict) => "VIOLATED",
            (None, Severity::Safety) => "nothing to judge",
            (None, _) => "fine",
            (Some(tally), Severity::Safety) if tally.suspected > 0 => "suspicious",
            (Some(tally), Severity::Form) if tally.broken > 0 => "differs",
            (Some(tally), Severity::Progress) if tally.broken > 0 => "noted",
            (Some(tally), _) if tally.undecided > 0 => "not decidable",
            (Some(_), _) => "held",
        }
    }

    /// What had to be concluded, the findings, and the table without the rule that nobody asked
    /// for; `inputs` are the names of what was read.
    pub fn for_people(
        &self,
        inferred: &[String],
        inputs: &[String],
        strict: bool,
        unasked: Option<R>,
    ) -> String {
        let mut text = String::new();
        for sentence in inferred {
            say(&mut text, format_args!("inferred: {}", visible(sentence)));
        }
        if !inferred.is_empty() {
            text.push('\n');
        }
        self.write_list(&mut text, inputs, strict);
        self.write_table(&mut text, strict, unasked);
        text.push('\n');
        text
    }

    /// All findings of safety; of the others the first few of each rule.
    fn write_list(&self, text: &mut String, inputs: &[String], strict: bool) {
        let mut alike: BTreeMap<R, usize> = BTreeMap::new();
        for finding in &self.list {
            let count = alike.entry(finding.rule).or_default();
            *count += 1;
            if *count <= most_shown::<R>(finding.rule.row().level) {
                write_finding(text, finding, inputs, strict);
            }
        }
        for row in R::TABLE {
            let rule = row.rule;
            let Some(count) = alike.get(&rule).copied() else { continue };
            let shown = count.min(most_shown::<R>(row.level)) as u64;
            let all = self.tallies.get(&rule).map_or(0, |tally| tally.broken);
            if row.level == Severity::Form && all > shown {
                say(text, format_args!("{}: and {} more like these\n", row.name, all - shown));
            }
        }
    }

    fn write_table(&self, text: &mut String, strict: bool, unasked: Option<R>) {
        let is_shown = |row: &&RuleRow<R>| match row.level {
            Severity::Safety => Some(row.rule) != unasked,
            _ => self.tallies.contains_key(&row.rule),
        };
        let width = R::TABLE.iter().map(|row| row.name.len()).max().unwrap_or(0);
        say(text, format_args!("{:<width$}  {:<16}  {:>8}  claim", "rule", "outcome", "times"));
        for row in R::TABLE.iter().filter(is_shown) {
            let outcome = self.outcome(row, strict);
            let times = self.tallies.get(&row.rule).map_or(0, |tally| match outcome {
                "held" => tally.kept,
                "not decidable" => tally.undecided,
                _ if tally.broken + tally.suspected == 0 => tally.undecided,
                _ => tally.broken + tally.suspected,
            });
            let times = if times > 0 { times.to_string() } else { "-".into() };
            let (name, claim) = (row.name, row.claim);
            say(text, format_args!("{name:<width$}  {outcome:<16}  {times:>8}  {claim}"));
        }
        let mut form = R::TABLE.iter().filter(|row| row.level == Severity::Form);
        if form.all(|row| !self.tallies.contains_key(&row.rule)) {
            say(
                text,
                format_args!(
                    "{:<width$}  {:<16}  {:>8}  every line has the expected form",
                    "(form)", "exact", "-"
                ),
            );
        }
    }

    /// How many rules fared how, for the verdict's line.
    pub fn sum(&self, strict: bool) -> String {
        let count = |holds: &dyn Fn(&RuleRow<R>, &FindingCounts) -> bool| {
            self.tallies.iter().filter(|(rule, tally)| holds(rule.row(), tally)).count()
        };
        let violated = count(&|row, tally| breaks(row, tally, strict));
        let is_open = |row: &RuleRow<R>| {
            row.level == Severity::Safety && !(strict && row.rule.must_be_decided())
        };
        let open = count(&|row, tally| is_open(row) && tally.undecided > 0);
        let form = count(&|row, tally| row.level == Severity::Form && tally.broken > 0);
        let of_them = if strict && form > 0 { " of them" } else { "" };
        let suspicious = count(&|row, tally| {
            row.level == Severity::Safety && tally.suspected > 0 && !breaks(row, tally, strict)
        });
        let suspicious = match suspicious {
            0 => String::new(),
            count => format!("{count} suspicious, "),
        };
        let violated = plural(violated as u64, "rule");
        format!("{violated} violated, {suspicious}{open} not decidable, {form}{of_them} of form")
    }
}

/// True if this makes the run a failure.
pub(super) fn breaks<R: Rule>(row: &RuleRow<R>, tally: &FindingCounts, strict: bool) -> bool {
    match row.level {
        Severity::Safety => {
            let open = row.rule.must_be_decided() && tally.undecided > 0;
            tally.broken > 0 || (strict && (tally.suspected > 0 || open))
        }
        Severity::Form => strict && tally.broken > 0,
        Severity::Progress => false,
    }
}

fn most_shown<R: Rule>(level: Severity) -> usize {
    match level {
        Severity::Safety => usize::MAX,
        Severity::Form => SHOWN_ALIKE,
        Severity::Progress => R::MOST_NOTES,
    }
}

fn write_finding<R: Rule>(
    text: &mut String,
    finding: &Finding<R>,
    inputs: &[String],
    strict: bool,
) {
    let row = finding.rule.row();
    let open = finding.certainty == Certainty::NotDecidable;
    let head = match row.level {
        Severity::Safety if open && !(strict && finding.rule.must_be_decided()) => "not decidable",
        Severity::Safety if finding.is_suspicion() && !strict => "suspicious",
        Severity::Safety => "VIOLATED",
        Severity::Form if strict => "VIOLATED",
        Severity::Form => "warning",
        Severity::Progress => "note",
    };
    let sure = match (row.level, finding.certainty) {
        (Severity::Safety, certainty) if !open => format!(" ({})", certainty.words()),
        _ => String::new(),
    };
    say(text, format_args!("{head}: {}: {}{sure}", row.name, visible(&finding.sentence)));
    for line in &finding.lines {
        let (input, number) = (visible(name_of(inputs, line.input)), line.line);
        say(text, format_args!("    {input}:{number}: {}", visible(&line.text)));
    }
    if let Some((source, step)) = finding.rule.origin().filter(|_| !open) {
        say(text, format_args!("    kept in {source}; the lecture: {step}"));
    }
    if finding.more > 0 {
        say(text, format_args!("    and {} more of the same", finding.more));
    }
    text.push('\n');
}

/// Adds a line.
pub fn say(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}"); // a String takes everything
}
