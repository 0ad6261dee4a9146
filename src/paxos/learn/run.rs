//! The two runs of a lesson, with the bug and without it: played, judged, drawn.

use serde::Deserialize;

use super::lessons::Lesson;
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::paxos::diagram::draw_log;
use crate::paxos::judge::PaxosLog;
use crate::paxos::sim::PaxosSim;
use crate::sim::harness::{Scenario, Schedule, schedule};
use crate::sim::mutant::MutantLabel;
use crate::trace::diagram::{self, Format, Window};
use crate::trace::inputs::Inputs;
use crate::trace::judge::{JudgeOptions, LogJudge as _};

/// Who plays what.
const HOSTS: &str = include_str!("hosts.txt");

/// Both runs.
pub(super) struct Runs {
    /// The bug.
    pub(super) label: MutantLabel,
    /// With the bug.
    pub(super) bug: Verdict,
    /// Without it.
    pub(super) fixed: Verdict,
    /// What is written, by name.
    pub(super) files: Vec<(&'static str, String)>,
}

/// A run and what the judge of the lines says of it.
pub(super) struct Verdict {
    /// Its journal.
    pub(super) journal: String,
    /// What the judge finds, the violated rules only.
    pub(super) findings: Vec<Finding>,
    /// The last words of the judge.
    pub(super) summary: String,
}

/// What `synod check --json` says: as much of it as is shown.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

/// A violated rule, and the lines that prove it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Finding {
    pub(super) rule: String,
    level: String,
    pub(super) sentence: String,
    pub(super) lines: Vec<Line>,
}

/// A line of the journal.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    pub(super) line: u64,
    pub(super) text: String,
}

impl Runs {
    /// Plays the script of the lesson twice.
    pub(super) fn of(lesson: &Lesson) -> Result<Self> {
        let parsed = schedule::parse::<PaxosSim>(lesson.schedule.as_bytes());
        let (scenario, script) = parsed
            .map_err(|(line, what)| Error::Input(format!("{}:{line}: {what}", lesson.bug)))?;
        let mutant = scenario.mutant.ok_or_else(|| Error::Input("no bug".into()))?;
        let hosts = Hosts::parse(HOSTS, "hosts")?;
        let play = |scenario: Scenario<PaxosSim>, script: &Schedule<PaxosSim>| {
            scenario.to_the_end().record_schedule(script).journal
        };
        let bug = Verdict::of("bug.jsonl", play(scenario.clone(), &script), &hosts)?;
        let fixed = Verdict::of("fixed.jsonl", play(scenario.with_mutant(None), &script), &hosts)?;
        let files = vec![
            ("hosts", HOSTS.into()),
            ("bug.schedule", lesson.schedule.into()),
            ("bug.jsonl", bug.journal.clone()),
            ("bug.html", page("bug.jsonl", &bug.journal, &hosts)?),
            ("fixed.jsonl", fixed.journal.clone()),
            ("fixed.html", page("fixed.jsonl", &fixed.journal, &hosts)?),
        ];
        Ok(Self { label: mutant.label(), bug, fixed, files })
    }
}

impl Verdict {
    fn of(name: &str, journal: String, hosts: &Hosts) -> Result<Self> {
        let judge = |json| {
            let options = JudgeOptions { hosts: Some(hosts), json, ..JudgeOptions::default() };
            let judgement = PaxosLog.judge(Inputs::of_text(name, journal.clone()), &options);
            judgement.map(|judgement| judgement.printed)
        };
        let report: Report = serde_json::from_str(&judge(true)?)
            .map_err(|error| Error::Input(format!("the report of {name}: {error}")))?;
        let mut findings = report.findings;
        findings.retain(|finding| finding.level == "safety");
        let summary = judge(false)?.lines().last().unwrap_or_default().to_owned();
        Ok(Self { journal, findings, summary })
    }

    /// The finding about this rule.
    pub(super) fn about(&self, rule: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.rule == rule)
    }
}

/// What `synod draw` makes of a journal.
fn page(name: &str, journal: &str, hosts: &Hosts) -> Result<String> {
    let options = JudgeOptions { hosts: Some(hosts), ..JudgeOptions::default() };
    let inputs = Inputs::of_text(name, journal.to_owned());
    Ok(diagram::draw(&draw_log(inputs, Window::default(), &options)?, Format::Html))
}
