//! What the judge found, for people and for tools.

use serde::Serialize;

use super::rules::PaxosRule;
use crate::trace::findings::{Findings, JsonFinding, JsonRule, say, to_json};
use crate::visible::visible;

/// What was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Lines read.
    pub lines: u64,
    /// Events among them.
    pub events: u64,
    /// The values that are chosen, by what peers say or by the votes.
    pub chosen: Vec<String>,
}

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found.
    pub findings: Findings<PaxosRule>,
    /// What was judged.
    pub subject: Subject,
    /// What was not in the lines and had to be concluded, in sentences.
    pub inferred: Vec<String>,
    /// True if a certain value was expected.
    pub expects: bool,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    verdict: &'static str,
    chosen: &'a [String],
    lines: u64,
    events: u64,
    inferred: &'a [String],
    rules: Vec<JsonRule>,
    findings: Vec<JsonFinding<'a>>,
}

impl Report {
    /// True if there was an event to judge.
    pub fn is_readable(&self) -> bool {
        self.subject.events > 0
    }

    /// The report for people; `inputs` are the names of what was read.
    pub fn for_people(&self, inputs: &[String], strict: bool) -> String {
        let unasked = (!self.expects).then_some(PaxosRule::ExpectedValue);
        let mut text = self.findings.for_people(&self.inferred, inputs, strict, unasked);
        self.write_verdict(&mut text, strict);
        text
    }

    fn write_verdict(&self, text: &mut String, strict: bool) {
        let chosen = match &self.subject.chosen[..] {
            [] => "nothing is chosen".into(),
            [one] => format!("{} is chosen", visible(one)),
            more => {
                let more: Vec<String> = more.iter().map(|value| visible(value)).collect();
                format!("{} are chosen", more.join(" and "))
            }
        };
        let verdict = match () {
            () if !self.is_readable() => "unreadable",
            () if self.findings.violated(strict) => "VIOLATED",
            () => "clean",
        };
        let Subject { lines, events, .. } = self.subject;
        let sum = self.findings.sum(strict);
        say(text, format_args!("{verdict}: {chosen}; {sum}; {events} events in {lines} lines"));
    }

    /// The report for tools: one JSON object.
    pub fn json(&self, inputs: &[String], strict: bool) -> String {
        let report = JsonReport {
            verdict: match () {
                () if !self.is_readable() => "unreadable",
                () if self.findings.violated(strict) => "violated",
                () => "clean",
            },
            chosen: &self.subject.chosen,
            lines: self.subject.lines,
            events: self.subject.events,
            inferred: &self.inferred,
            rules: self.findings.json_rules(strict),
            findings: self.findings.json_list(inputs),
        };
        to_json(&report)
    }
}
