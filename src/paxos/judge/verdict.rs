//! The end: what holds under every reading, and what under some.

use super::hypothesis::Hypothesis;
use super::intake::PaxosJudge;
use super::report::{Choices, Report};
use super::rules::PaxosRule;
use crate::trace::counts::plural;
use crate::trace::findings::{Certainty, Findings, Rule as _, Severity};

/// Of a reading that excuses the run, so many findings of another are still a suspicion; with more,
/// that other one is no reading of this log.
const MOST_SUSPICIONS: u64 = 8;

impl PaxosJudge {
    /// Judges what is left and reports.
    pub fn finish(mut self) -> Report {
        let all = self.all_readings();
        let shown = (0..all.len()).min_by_key(|at| all[*at].rank()).unwrap_or(0);
        let is_guilty = all.iter().all(Hypothesis::objects);
        let mut findings = std::mem::take(&mut self.findings);
        // What holds under the likeliest reading that fits the acks, but not under another.
        let likeliest = all.iter().find(|one| one.contradictions == 0);
        let suspicion = likeliest
            .filter(|one| !is_guilty && (1..=MOST_SUSPICIONS).contains(&one.findings.broken()));
        if let Some(other) = suspicion {
            findings.append(suspicions(other));
        }
        let inferred = self.inferred(&all, shown, findings.unreadable());
        let Some(judged) = all.into_iter().nth(shown) else { unreachable!("there is a reading") };
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

    /// The readings, judged to the end, the likeliest first. Of a log that is longer than the
    /// tail, only the one that was followed, unless it objects.
    fn all_readings(&mut self) -> Vec<Hypothesis> {
        let followed = self.followed.take().map(|mut followed| {
            followed.finish(&self.known);
            *followed
        });
        let mut all = Vec::new();
        for (at, reading) in self.readings() {
            match &followed {
                Some(followed) if followed.reading == reading => all.push(followed.clone()),
                Some(followed) if !followed.objects() || self.objected.contains(&at) => {}
                _ => {
                    let mut tried = Hypothesis::new(reading);
                    self.tail.tell(&self.known, &mut tried, true);
                    tried.finish(&self.known);
                    all.push(tried);
                }
            }
        }
        all
    }

    /// What is not in the lines and had to be concluded.
    fn inferred(&self, all: &[Hypothesis], shown: usize, unreadable: u64) -> Vec<String> {
        let mut inferred = Vec::new();
        let judged = &all[shown];
        if self.known.printed_acks > 0 && self.known.options.acks.is_none() {
            inferred.push(self.readings_left(all, shown));
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
                "lost from peer{peer}'s journal: {}; nothing is concluded from what is not here",
                plural(facts.lost, "line")
            ));
        }
        let counts = self.known.counts;
        for (why, count, what) in [
            ("left out, as cut off or unreadable", unreadable, "object"),
            ("not judged, as they have no proposal_num", counts.unnumbered, "message"),
            ("not judged, as their numbers are long forgotten", judged.forgotten, "line"),
            ("not judged, of more peers than can be told apart", counts.unknown_peers, "line"),
        ] {
            if count > 0 {
                inferred.push(format!("{why}: {}", plural(count, what)));
            }
        }
        inferred
    }

    /// Which readings of an ack's number are left, and why.
    fn readings_left(&self, all: &[Hypothesis], shown: usize) -> String {
        let left: Vec<&str> =
            all.iter().filter(|one| !one.objects()).map(|one| one.reading.words).collect();
        let others = all.len() - left.len();
        let judged = all[shown].reading.words;
        if self.tail.is_cut && !left.is_empty() {
            return format!(
                "acks: their proposal_num is taken for {judged}, under which nothing is wrong; of \
                 a log of this length, no other reading is tried then"
            );
        }
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
