//! The judge of histories: is what clients were told linearizable? It shares no code with the
//! protocol and knows nothing of ballots, only calls and returns.
//!
//! A history is the lines of the calls and returns of *all* clients of a run, with times of one
//! clock: a call's from before it was made, a return's from after. A write that is in no line is
//! a value that nobody has written.

mod history;
mod key;
mod rules;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use serde::Serialize;

use super::event::StoreLog;
use crate::error::Result;
#[cfg(feature = "simulator")]
use crate::trace::findings::Rule as _;
use crate::trace::findings::{Certainty, Findings, Spot};
use crate::trace::inputs::{Inputs, has_event};
use crate::trace::journal::JournalDialect;
use crate::trace::judge::{JudgeOptions, Judgement, LogJudge};
use crate::trace::reader::{Content, LogLine};
use crate::trace::report::{Report, Summary};

use history::{Call, History};
pub use rules::StoreRule;

type Line<'a> = LogLine<'a, JournalDialect<StoreLog>>;

/// Reads a run.
fn read(inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Report<Calls>> {
    let (mut history, mut events, mut lines) = (History::default(), 0_u64, 0_u64);
    let mut findings: Findings<StoreRule> = Findings::default();
    let time = |line: &Line<'_>| match &line.content {
        Content::Event(entry) => Some(entry.time_us),
        _ => None,
    };
    let inferred = inputs.read(&options.names(), time, |input, line: Option<&Line<'_>>| {
        let Some(line) = line else { return };
        let kept = OnceCell::new();
        let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
        lines += 1;
        if let Content::Event(entry) = &line.content {
            events += 1;
            findings.add_faults(spot, line.faults);
            if let Err(why) = history.take(&entry.text, entry.time_us, spot.witness()) {
                let words = || (vec![spot.witness()], why);
                findings.add(StoreRule::Form, Certainty::Certain, words);
            }
        }
    })?;
    for (key, calls) in &history.keys {
        let objections = key::judge(calls);
        for rule in calls.iter().flat_map(Call::rules) {
            // One that is broken is not kept as well.
            if !objections.iter().any(|objection| objection.rule == rule) {
                findings.kept(rule);
            }
        }
        for objection in objections {
            let lines = objection.calls.iter().flat_map(|at| calls[*at].lines.clone());
            let sentence = format!("key {key:?}: {}", objection.sentence);
            let words = || (lines.collect(), sentence);
            findings.add(objection.rule, Certainty::Certain, words);
        }
    }
    for _ in 0..history.returns {
        findings.kept(StoreRule::Answered);
    }
    if history.returns == 0 {
        let words = || (Vec::new(), "no call has returned".into());
        findings.add(StoreRule::Answered, Certainty::Certain, words);
    }
    let History { keys, calls, returns, unknown, .. } = history;
    let summary = Calls { keys: keys.len(), made: calls, returns, unknown };
    Ok(Report { findings: findings.sorted(), inferred, lines, events, expects: true, summary })
}

/// What came of a history.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Calls {
    /// How many keys.
    keys: usize,
    /// How many calls were made.
    made: u64,
    /// How many returns.
    returns: u64,
    /// How many of them say that nobody knows.
    unknown: u64,
}

impl Summary for Calls {
    type Rule = StoreRule;
    const EXPECTED: StoreRule = StoreRule::Answered;
    const EVENTS: &'static str = "events";

    fn outcome(&self) -> String {
        let Self { keys, made, returns, unknown } = self;
        format!("{made} calls of {keys} keys, {returns} answered, {unknown} of them unknown")
    }

    fn json(&self) -> impl Serialize {
        self
    }
}

/// What this judge has against the lines of a simulated run that has ended.
#[cfg(feature = "simulator")]
pub(crate) fn objections(journal: String) -> Vec<String> {
    match read(Inputs::of_text("journal", journal), &JudgeOptions::default()) {
        Ok(report) => {
            let list = report.findings.list.into_iter();
            // Without a call there is nothing to answer.
            let list = list.filter(|found| found.rule != StoreRule::Answered);
            list.map(|found| format!("{}: {}", found.rule.row().name, found.sentence)).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

impl LogJudge for StoreLog {
    fn recognises(&self, head: &[u8]) -> bool {
        has_event::<JournalDialect<Self>>(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        read(inputs, options)?.judgement(&names, options)
    }
}
