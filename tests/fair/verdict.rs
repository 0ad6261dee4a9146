//! The judge's word on a log, and how often it is unjust.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions, PaxosRule, Report};
use synod::trace::findings::{Finding, Rule as _, Severity, Witness};

use super::cuts::Files;
use super::known::{Examples, examples, hosts, in_text};

/// What `synod check` concludes.
pub(crate) fn judge(files: &Files, roles: Option<KnownRoles>) -> Report {
    let mut judge = PaxosJudge::new(PaxosOptions { roles, ..PaxosOptions::default() });
    for (index, (name, text)) in (0..).zip(files) {
        let mut reader = Reader::new(name, text.as_bytes(), Names::new()).expect("in memory");
        while let Some(line) = reader.next_line().expect("in memory") {
            judge.line(index, &line);
        }
    }
    judge.finish()
}

/// The rules of safety that were broken.
pub(crate) fn accusations(report: &Report) -> Vec<&'static str> {
    if !report.findings.violated(false) {
        return Vec::new();
    }
    let broken = report.findings.tallies.iter().filter(|(_, tally)| tally.broken > 0);
    let rows = broken.map(|(rule, _)| rule.row()).filter(|row| row.level == Severity::Safety);
    rows.map(|row| row.name).collect()
}

/// The findings behind a verdict.
pub(crate) fn charges(report: &Report) -> impl Iterator<Item = &Finding<PaxosRule>> {
    let guilty = report.findings.violated(false);
    let is_safety = |finding: &&Finding<PaxosRule>| finding.rule.row().level == Severity::Safety;
    report.findings.list.iter().filter(move |_| guilty).filter(is_safety)
}

/// What was found of one mistake.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Logs that prove it: how many, how many of them were found, and shown by the right lines.
    pub(crate) proved: usize,
    pub(crate) hits: usize,
    pub(crate) shown: usize,
    /// The most findings of safety in one of them.
    pub(crate) charges: usize,
    /// Logs that only a judge who joins several accounts could call wrong; those that are.
    pub(crate) open: usize,
    pub(crate) open_hits: usize,
    /// Logs that are those of a right program; those that are accused.
    pub(crate) innocent: usize,
    pub(crate) accused: usize,
}

/// True if a finding shows a line of each of these sets, of which one may be empty.
pub(crate) fn shows(report: &Report, sets: [&[(u16, u64)]; 2]) -> bool {
    charges(report).any(|finding| {
        let has = |set: &[(u16, u64)]| {
            let place = |line: &Witness| (line.input, line.line);
            set.is_empty() || finding.lines.iter().any(|line| set.contains(&place(line)))
        };
        has(sets[0]) && has(sets[1])
    })
}

/// How many logs of each kind were accused, and the shortest of them.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<String, (usize, usize)>,
    rules: BTreeMap<&'static str, usize>,
    shortest: Examples,
}

impl Tally {
    /// Counts a right log; `class` is what is to have its shortest example kept.
    pub(crate) fn add(
        &mut self,
        labels: &[String],
        class: &str,
        (files, roles): (&Files, Option<&KnownRoles>),
        report: &Report,
    ) {
        let accused = accusations(report);
        for label in labels.iter().map(String::as_str).chain(["all"]) {
            let (unjust, all) = self.counts.entry(label.into()).or_default();
            *all += 1;
            *unjust += usize::from(!accused.is_empty());
        }
        let Some(first) = accused.first() else { return };
        for rule in &accused {
            *self.rules.entry(rule).or_default() += 1;
        }
        let length = files.iter().map(|(_, text)| text.lines().count()).sum();
        let known = self.shortest.entry(format!("{first}, {class}"));
        let known = known.or_insert((usize::MAX, String::new()));
        if length < known.0 {
            *known = (length, shown("right", labels, roles, files, report));
        }
    }

    /// Prints the table. None may have been accused.
    pub(crate) fn check(&self) {
        println!("{}", self.table());
        let unjust = self.counts.get("all").map_or(0, |(unjust, _)| *unjust);
        assert_eq!(unjust, 0, "right logs are accused");
    }

    /// The table, and the shortest logs.
    fn table(&self) -> String {
        let mut text = String::from("accused of right logs:\n");
        for (label, (unjust, all)) in &self.counts {
            writeln!(text, "{unjust:6} of {all:6}  {label}").expect("a String");
        }
        writeln!(text, "by rule: {:?}", self.rules).expect("a String");
        text + &examples(&self.shortest)
    }
}

/// A log as it is kept in `logs/`, and what the judge said of it.
pub(crate) fn shown(
    what: &str,
    labels: &[String],
    roles: Option<&KnownRoles>,
    files: &Files,
    report: &Report,
) -> String {
    let hosts = roles.map_or(String::new(), hosts);
    let mut text = format!("{what}: {}\n{hosts}{}", labels.join("; "), in_text(files));
    let is_safety = |finding: &&Finding<PaxosRule>| finding.rule.row().level == Severity::Safety;
    for finding in report.findings.list.iter().filter(is_safety) {
        let lines: Vec<u64> = finding.lines.iter().map(|line| line.line).collect();
        let (rule, words) = (finding.rule.row().name, finding.certainty.words());
        writeln!(text, "*** {rule} {lines:?} ({words}): {}", finding.sentence).expect("a String");
    }
    text
}
