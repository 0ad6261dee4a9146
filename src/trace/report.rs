//! What a judge has found in a run, for people and for tools.

use serde::Serialize;

use super::findings::{Findings, JsonFinding, JsonRule, Rule, say, to_json};
use super::judge::{JudgeOptions, Judgement};
use crate::error::{Error, Result};

/// What only the runs of one protocol have come to.
pub trait Summary {
    /// The protocol's rules.
    type Rule: Rule;
    /// The rule that says what must come of the run.
    const EXPECTED: Self::Rule;
    /// What its events are called.
    const EVENTS: &'static str;

    /// What has come of the run, for the line of the verdict.
    fn outcome(&self) -> String;

    /// What people read before that line.
    fn table(&self) -> String {
        String::new()
    }

    /// What people read after it.
    fn remarks(&self) -> String {
        String::new()
    }

    /// The outcome as keys of the report for tools.
    fn json(&self) -> impl Serialize;

    /// Further keys, about the parts of the run.
    fn json_details(&self) -> impl Serialize {
        Nothing {}
    }
}

/// No keys.
#[derive(Serialize)]
struct Nothing {}

/// The judgement on a run.
#[derive(Clone, Debug)]
pub struct Report<S: Summary> {
    /// What was found.
    pub findings: Findings<S::Rule>,
    /// What was not in the lines and had to be concluded, in sentences.
    pub inferred: Vec<String>,
    /// Lines read.
    pub lines: u64,
    /// Events among them.
    pub events: u64,
    /// True if a certain outcome was expected.
    pub expects: bool,
    /// What has come of the run.
    pub summary: S,
}

#[derive(Serialize)]
struct JsonReport<'a, O: Serialize, D: Serialize> {
    verdict: String,
    #[serde(flatten)]
    outcome: O,
    lines: u64,
    events: u64,
    inferred: &'a [String],
    #[serde(flatten)]
    details: D,
    rules: Vec<JsonRule>,
    findings: Vec<JsonFinding<'a>>,
}

impl<S: Summary> Report<S> {
    /// True if there was an event to judge, and not more that cannot be read.
    pub fn is_readable(&self) -> bool {
        self.events > self.findings.unreadable()
    }

    fn verdict(&self, strict: bool) -> &'static str {
        match () {
            () if !self.is_readable() => "unreadable",
            () if self.findings.violated(strict) => "VIOLATED",
            () if self.findings.suspicious() => "suspicious",
            () => "clean",
        }
    }

    /// The report for people; `inputs` are the names of what was read.
    pub fn for_people(&self, inputs: &[String], strict: bool) -> String {
        let unasked = (!self.expects).then_some(S::EXPECTED);
        let mut text = self.findings.for_people(&self.inferred, inputs, strict, unasked);
        text.push_str(&self.summary.table());
        let (verdict, outcome) = (self.verdict(strict), self.summary.outcome());
        let (sum, what) = (self.findings.sum(strict), S::EVENTS);
        // Who reads only this line must see that what came of the run is not what was asked for.
        let broken = self.findings.names(|counts| counts.broken);
        let unlike =
            if broken.contains(&S::EXPECTED.row().name) { ", not as expected" } else { "" };
        let Self { lines, events, .. } = self;
        say(
            &mut text,
            format_args!("{verdict}: {outcome}{unlike}; {sum}; {events} {what} in {lines} lines"),
        );
        text.push_str(&self.summary.remarks());
        text
    }

    /// The report for tools: one JSON object.
    pub fn json(&self, inputs: &[String], strict: bool) -> String {
        to_json(&JsonReport {
            verdict: self.verdict(strict).to_lowercase(),
            outcome: self.summary.json(),
            lines: self.lines,
            events: self.events,
            inferred: &self.inferred,
            details: self.summary.json_details(),
            rules: self.findings.json_rules(strict),
            findings: self.findings.json_list(inputs),
        })
    }

    /// The report in the form that was asked for.
    ///
    /// # Errors
    /// There was no line at all.
    pub fn judgement(&self, inputs: &[String], options: &JudgeOptions<'_>) -> Result<Judgement> {
        if self.lines == 0 {
            let names = inputs.join(", ");
            return Err(Error::Input(format!("{names} is empty: nothing to judge")));
        }
        let printed = if options.json {
            self.json(inputs, options.strict) + "\n"
        } else {
            self.for_people(inputs, options.strict)
        };
        let is_violated = self.findings.violated(options.strict);
        Ok(Judgement { printed, is_readable: self.is_readable(), is_violated })
    }
}
