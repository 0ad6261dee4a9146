//! Broken rules in the picture.

use std::collections::BTreeSet;

use super::flow::Draft;
use super::labels::plural;
use super::markers::Marker;
use super::model::Step;
use super::window::Place;
use crate::trace::findings::{Certainty, Finding, Rule, Severity};
use crate::visible::{clipped, visible};

/// A broken rule, as a judge found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The rule's name.
    pub rule: String,
    /// What happened, in plain words.
    pub sentence: String,
    /// The lines that show it; the picture points at the last of them that it has.
    pub places: Vec<Place>,
}

/// The safety rules that were broken, of what a judge found.
pub fn alarms<R: Rule>(findings: &[Finding<R>]) -> Vec<Alarm> {
    let broken = findings.iter().filter(|finding| {
        let is_safety = finding.rule.row().level == Severity::Safety;
        is_safety && finding.certainty != Certainty::NotDecidable
    });
    let alarm = |finding: &Finding<R>| Alarm {
        rule: finding.rule.row().name.into(),
        sentence: finding.sentence.clone(),
        places: finding.lines.iter().map(|line| (usize::from(line.input), line.line)).collect(),
    };
    broken.map(alarm).collect()
}

/// How much of a rule's name and of the sentence is shown.
const LONGEST: (usize, usize) = (60, 300);
/// How many sentences of what has no place are said.
const MOST_SENTENCES: usize = 3;

impl Alarm {
    fn says(&self) -> String {
        let rule = clipped(&self.rule, LONGEST.0);
        if self.sentence.is_empty() {
            return rule;
        }
        format!("{rule}: {}", clipped(&self.sentence, LONGEST.1))
    }
}

/// Puts each alarm behind the last row that shows it, and says in words what is shown nowhere.
pub(super) fn place(drafts: &mut Vec<Draft>, alarms: &[Alarm]) -> Vec<String> {
    let mut hidden = Vec::new();
    for alarm in alarms {
        let shows = |draft: &Draft| draft.places.iter().any(|place| alarm.places.contains(place));
        let Some(at) = drafts.iter().rposition(shows) else {
            hidden.push(alarm);
            continue;
        };
        let says = alarm.says();
        let is_alarm = |draft: &Draft| draft.step.marker == Marker::Alarm;
        let band = drafts[at].step.band;
        let joined = |draft: &Draft| band.is_some() && draft.step.band == band;
        // Behind the row, and behind the alarms that it has already.
        let row = drafts[at + 1..].iter().take_while(|draft| joined(draft)).count();
        let next = at + 1 + row;
        let before = drafts[next..].iter().take_while(|draft| is_alarm(draft));
        let (count, is_said) =
            before.fold((0, false), |(count, said), d| (count + 1, said || d.step.says == says));
        if is_said {
            continue;
        }
        let Step { lifeline, time_us, .. } = drafts[at].step;
        let step = Step { lifeline, time_us, marker: Marker::Alarm, says, ..Step::default() };
        drafts.insert(next + count, Draft::of(step, Vec::new()));
    }
    remarks(&hidden, alarms.len())
}

fn remarks(hidden: &[&Alarm], all: usize) -> Vec<String> {
    if hidden.is_empty() {
        return Vec::new();
    }
    let rules: BTreeSet<&str> = hidden.iter().map(|alarm| alarm.rule.as_str()).collect();
    let rules = visible(&rules.into_iter().collect::<Vec<_>>().join(", "));
    let (count, all) = (hidden.len(), plural(all as u64, "violation"));
    let mut remarks = vec![format!("{count} of {all} outside this picture ({rules}).")];
    remarks.extend(hidden.iter().take(MOST_SENTENCES).map(|alarm| alarm.says()));
    remarks
}
