//! What the reports of all judges have in common as JSON: their rules and findings.

use serde::Serialize;

use super::rules::{Level, Tally};
use super::state::Witness;

/// A rule, and how it fared.
#[derive(Serialize)]
pub(in crate::trace) struct JsonRule {
    name: &'static str,
    level: &'static str,
    claim: &'static str,
    outcome: &'static str,
    kept: u64,
    broken: u64,
    undecided: u64,
}

impl JsonRule {
    pub(in crate::trace) fn new(
        name: &'static str,
        level: Level,
        claim: &'static str,
        outcome: &'static str,
        tally: Option<&Tally>,
    ) -> Self {
        let Tally { kept, broken, undecided } = tally.cloned().unwrap_or_default();
        Self { name, level: level_name(level), claim, outcome, kept, broken, undecided }
    }
}

/// A finding, with the lines that show it.
#[derive(Serialize)]
pub(in crate::trace) struct JsonFinding<'a> {
    rule: &'static str,
    level: &'static str,
    certainty: &'static str,
    sentence: &'a str,
    lines: Vec<JsonLine<'a>>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    input: &'a str,
    line: u64,
    text: &'a str,
}

impl<'a> JsonFinding<'a> {
    pub(in crate::trace) fn new(
        (rule, level): (&'static str, Level),
        certainty: &'static str,
        sentence: &'a str,
        lines: &'a [Witness],
        inputs: &'a [String],
    ) -> Self {
        let shown = |line: &'a Witness| JsonLine {
            input: name_of(inputs, line.input),
            line: line.line,
            text: &line.text,
        };
        let (level, lines) = (level_name(level), lines.iter().map(shown).collect());
        Self { rule, level, certainty, sentence, lines }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Safety => "safety",
        Level::Form => "form",
        Level::Progress => "progress",
    }
}

/// The name of an input.
pub(in crate::trace) fn name_of(inputs: &[String], input: u16) -> &str {
    inputs.get(usize::from(input)).map_or("?", |name| name)
}
