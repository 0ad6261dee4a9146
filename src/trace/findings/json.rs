//! The rules and findings of a report for tools.

use serde::Serialize;

use super::{Finding, FindingCounts, Findings, Rule, RuleRow, Severity, Witness};
use crate::visible::visible_json;

/// A rule, and how it fared.
#[derive(Serialize)]
pub struct JsonRule {
    name: &'static str,
    level: Severity,
    claim: &'static str,
    outcome: &'static str,
    kept: u64,
    broken: u64,
    suspicious: u64,
    undecided: u64,
}

/// A finding, with the lines that show it.
#[derive(Serialize)]
pub struct JsonFinding<'a> {
    rule: &'static str,
    level: Severity,
    certainty: &'static str,
    suspicious: bool,
    sentence: &'a str,
    more: u64,
    lines: Vec<JsonLine<'a>>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    input: &'a str,
    line: u64,
    text: &'a str,
}

impl<R: Rule> Findings<R> {
    /// Every rule.
    pub fn json_rules(&self, strict: bool) -> Vec<JsonRule> {
        let rule = |row: &RuleRow<R>| {
            let FindingCounts { kept, broken, suspected: suspicious, undecided } =
                self.tallies.get(&row.rule).cloned().unwrap_or_default();
            let &RuleRow { name, claim, .. } = row;
            let (level, outcome) = (row.level, self.outcome(row, strict));
            JsonRule { name, level, claim, outcome, kept, broken, suspicious, undecided }
        };
        R::TABLE.iter().map(rule).collect()
    }

    /// Every finding.
    pub fn json_list<'a>(&'a self, inputs: &'a [String]) -> Vec<JsonFinding<'a>> {
        let line = |line: &'a Witness| JsonLine {
            input: name_of(inputs, line.input),
            line: line.line,
            text: &line.text,
        };
        let finding = |finding: &'a Finding<R>| JsonFinding {
            rule: finding.rule.row().name,
            level: finding.rule.row().level,
            certainty: finding.certainty.words(),
            suspicious: finding.is_suspicion(),
            sentence: &finding.sentence,
            more: finding.more,
            lines: finding.lines.iter().map(line).collect(),
        };
        self.list.iter().map(finding).collect()
    }
}

/// A report as JSON for tools, in lines for people.
pub fn to_json(report: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(report);
    let json = json.expect("strings and integers always serialize");
    json.lines().map(visible_json).collect::<Vec<_>>().join("\n")
}

/// The name of an input.
pub(super) fn name_of(inputs: &[String], input: u16) -> &str {
    inputs.get(usize::from(input)).map_or("?", |name| name)
}
