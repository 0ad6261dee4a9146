//! The end: what holds under every reading, and what under some.

use super::hypothesis::Hypothesis;
use super::intake::PaxosJudge;
use super::report::{Choices, Report};
use super::rules::PaxosRule;
use crate::trace::findings::{Certainty, Findings, Rule as _, Severity};

/// Of a reading that excuses the run, so many findings of another are still a suspicion; with more,
/// that other one is no reading of this log.
const MOST_SUSPICIONS: u64 = 8;

impl PaxosJudge {
    /// Judges what is left and reports.
    pub fn finish(mut self) -> Report {
        let mut all = std::mem::take(&mut self.hypotheses);
        for hypothesis in &mut all {
            hypothesis.finish(&mut self.known);
        }
        let shown = shown(&all);
        let is_guilty = all.iter().all(|one| one.findings.broken() > 0);
        let mut findings = std::mem::take(&mut self.findings);
        // What holds under the likeliest reading that fits the acks, but not under another.
        let likeliest = all.iter().find(|one| one.contradictions == 0);
        let suspicion = likeliest
            .filter(|one| !is_guilty && (1..=MOST_SUSPICIONS).contains(&one.findings.broken()));
        if let Some(other) = suspicion {
            findings.append(suspicions(other));
        }
        let inferred = self.inferred(&all, shown, findings.unreadable());
        let judged = all.swap_remove(shown);
        let known = &self.known;
        let chosen = judged.chosen();
        let chosen = chosen.iter().map(|(value, ..)| known.values.text(*value).to_owned());
        let summary = Choices { chosen: chosen.collect() };
        findings.append(judged.findings);
        Report {
            findings: findings.sorted(),
            inferred,
            lines: known.counts.lines,
            events: known.counts.events,
            expects: known.options.expect.is_some(),
            summary,
        }
    }

    /// What is not in the lines and had to be concluded.
    fn inferred(&self, all: &[Hypothesis], shown: usize, unreadable: u64) -> Vec<String> {
        let mut inferred = Vec::new();
        let judged = &all[shown];
        if self.known.printed_acks > 0 && self.known.options.acks.is_none() {
            inferred.push(self.readings(all, shown));
        }
        if self.known.options.roles.is_none() {
            for (owner, acceptors) in judged.answered.iter().filter(|(_, seen)| !seen.is_empty()) {
                let names: Vec<String> = acceptors.iter().map(|a| format!("peer{a}")).collect();
                inferred.push(format!(
                    "roles: peer{owner} is taken for a proposer with the acceptors {}",
                    names.join(", ")
                ));
            }
        }
        for (peer, facts) in self.known.peers.iter().filter(|(_, facts)| facts.lost > 0) {
            inferred.push(format!(
                "{} line(s) of peer{peer}'s journal were lost, so nothing is concluded from what \
                 is not here",
                facts.lost
            ));
        }
        let counts = self.known.counts;
        for (count, what) in [
            (unreadable, "object(s) were cut off or cannot be read, and were left out"),
            (counts.unnumbered, "message(s) without a proposal_num were not judged"),
            (counts.forgotten, "line(s) about numbers long forgotten were not judged"),
            (counts.unknown_peers, "line(s) of more peers than can be told apart were not judged"),
        ] {
            if count > 0 {
                inferred.push(format!("{count} {what}"));
            }
        }
        inferred
    }

    /// Which readings of an ack's number are left, and why.
    fn readings(&self, all: &[Hypothesis], shown: usize) -> String {
        let is_left = |one: &&Hypothesis| one.contradictions == 0 && one.findings.broken() == 0;
        let left: Vec<&str> = all.iter().filter(is_left).map(|one| one.reading.words).collect();
        let others = all.len() + self.struck.len() - left.len();
        let judged = all[shown].reading.words;
        match &left[..] {
            [] => format!(
                "acks: under every reading of their proposal_num something is wrong; least under \
                 this: it is {judged}"
            ),
            [one] => format!(
                "acks: their proposal_num is {one}; {others} other readings contradict the lines"
            ),
            [one, two] => format!(
                "acks: their proposal_num is {one}, or {two}; {others} other readings contradict \
                 the lines"
            ),
            [one, more @ ..] => format!(
                "acks: their proposal_num is taken for {one}; {} other readings fit as well, and \
                 nothing is held against anybody that one of them excuses (--acks chooses one); \
                 {others} contradict the lines",
                more.len()
            ),
        }
    }
}

/// The reading whose findings are shown: one under which nothing is wrong, else the one that fits
/// the acks best.
fn shown(all: &[Hypothesis]) -> usize {
    let place = |at: &usize| {
        let one = &all[*at];
        let broken = one.findings.broken();
        // A few findings more are no reason to prefer an unlikely reading.
        (broken > 0, one.contradictions, broken / 4, *at)
    };
    (0..all.len()).min_by_key(place).unwrap_or(0)
}

/// The findings of a reading, as what they are under the others.
fn suspicions(of: &Hypothesis) -> Findings<PaxosRule> {
    let mut suspicions = Findings::default();
    for finding in &of.findings.list {
        if finding.certainty == Certainty::Certain && finding.rule.row().level == Severity::Safety {
            let certainty = Certainty::IfRead(of.reading.condition);
            suspicions
                .add(finding.rule, certainty, || (finding.lines.clone(), finding.sentence.clone()));
        }
    }
    suspicions
}
