//! The judge of finished runs, by what the peers printed and by their logs: it shares no code with
//! the protocol.
//!
//! Lines of several peers may stand in one input, each with its peer's name before it, or each peer
//! has an input of its own. Peers may share a log, whose lines then have the clocks of several
//! programs. What is certain is what no such mixture explains.

mod ends;
mod hops;
mod neighbours;
mod rules;
mod segments;

use std::cell::OnceCell;

use serde::Serialize;

use super::event::{self, RingLog, Said};
use crate::error::Result;
use crate::trace::findings::{Certainty, Findings, Rule as _, Spot};
use crate::trace::inputs::Inputs;
use crate::trace::journal::JournalDialect;
use crate::trace::judge::{JudgeFlag, JudgeOptions, Judgement, LogJudge};
use crate::trace::reader::LogLine;
use crate::trace::report::{Report, Summary};
use ends::Ends;
use hops::Hops;
use neighbours::Neighbours;
pub use rules::RingRule;
use rules::Source;
use segments::Segments;

type Line<'a> = LogLine<'a, JournalDialect<RingLog>>;

/// A run, line by line.
#[derive(Default)]
struct RingJudge {
    ends: Ends,
    hops: Hops,
    neighbours: Neighbours,
    segments: Segments,
    findings: Findings<RingRule>,
    files: u64,
}

impl RingJudge {
    fn take(&mut self, source: Source, said: Said, spot: Spot<'_>) {
        self.files += u64::from(said == Said::FileReceived);
        let findings = &mut self.findings;
        self.ends.take(source, said, spot, findings);
        self.hops.take(source, said, spot, findings);
        self.neighbours.take(source, said, spot, findings);
        self.segments.take(source, said, spot, findings);
    }

    fn finish(mut self) -> (Findings<RingRule>, RingOutcome) {
        self.ends.finish(&mut self.findings);
        self.hops.finish(&mut self.findings);
        self.segments.finish(&mut self.findings);
        let (peers, right) = self.neighbours.finish(&mut self.findings);
        (self.findings.sorted(), RingOutcome { peers, right, files: self.files })
    }
}

/// Reads a run.
fn read(inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Report<RingOutcome>> {
    let (mut judge, mut events, mut lines) = (RingJudge::default(), 0_u64, 0_u64);
    let key = |_: &Line<'_>| None::<u64>;
    let inferred = inputs.read(&options.names(), key, |input, line: Option<&Line<'_>>| {
        let Some(line) = line else { return };
        lines += 1;
        if let Some((named, said)) = event::read(&line.text) {
            events += 1;
            let kept = OnceCell::new();
            let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
            judge.take((input, named), said, spot);
        }
    })?;
    let (findings, summary) = judge.finish();
    Ok(Report { findings, inferred, lines, events, expects: true, summary })
}

/// What came of the run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct RingOutcome {
    /// Peers whose neighbours are known.
    peers: usize,
    /// Those with the right ones.
    right: usize,
    /// Files received.
    files: u64,
}

impl Summary for RingOutcome {
    type Rule = RingRule;
    const EXPECTED: RingRule = RingRule::Circle;
    const EVENTS: &'static str = "events";

    fn outcome(&self) -> String {
        let Self { peers, right, files } = self;
        let ring = match peers {
            0 => "no successors are known".to_owned(),
            _ if right == peers => format!("{peers} peers, all with the right successors"),
            _ => format!("{right} of {peers} peers with the right successors"),
        };
        format!("{ring}; {files} files received")
    }

    fn json(&self) -> impl Serialize {
        self
    }
}

/// What this judge has against the lines of a run that has ended.
pub(crate) fn objections(journal: String) -> Vec<String> {
    match read(Inputs::of_text("journal", journal), &JudgeOptions::default()) {
        Ok(report) => {
            let list = report.findings.list.into_iter();
            let is_sure = |certainty| certainty == Certainty::Certain;
            list.filter(|found| is_sure(found.certainty))
                .map(|found| format!("{}: {}", found.rule.row().name, found.sentence))
                .collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

impl LogJudge for RingLog {
    fn flags(&self) -> &'static [JudgeFlag] {
        &[JudgeFlag { name: "ring", has_value: false }]
    }

    fn help(&self) -> &'static str {
        "  --ring             the inputs are lines and logs of synod ring\n"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        event::recognises(head)
    }

    fn judge(&self, inputs: Inputs, options: &JudgeOptions<'_>) -> Result<Judgement> {
        let names = inputs.names.clone();
        read(inputs, options)?.judgement(&names, options)
    }
}

#[cfg(test)]
mod tests;
