//! Broken rules in the picture.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::model::DrawnFinding;
use super::window::Place;
use crate::trace::counts::plural;
use crate::trace::findings::{Certainty, Finding, Rule, Severity};
use crate::visible::{clipped, visible};

/// A broken rule, as a judge found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The rule's name.
    pub rule: String,
    /// What happened, in plain words.
    pub sentence: String,
    /// True if it holds only on a condition: nothing is red for it.
    pub is_suspicion: bool,
    /// The lines that show it.
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
        sentence: if finding.is_suspicion() {
            // What would meet the condition is said by the judge.
            let condition = finding.certainty.words().split(" (--").next().unwrap_or_default();
            format!("{} ({condition})", finding.sentence)
        } else {
            finding.sentence.clone()
        },
        is_suspicion: finding.is_suspicion(),
        places: finding.lines.iter().map(|line| (usize::from(line.input), line.line)).collect(),
    };
    broken.map(alarm).collect()
}

/// How much of a rule's name and of the sentence is shown.
const LONGEST: (usize, usize) = (60, 600);
/// How many sentences of what has no place are said.
const MOST_SENTENCES: usize = 3;

impl Alarm {
    fn says(&self) -> String {
        let suspicious = if self.is_suspicion { "suspicious: " } else { "" };
        let rule = format!("{suspicious}{}", clipped(&self.rule, LONGEST.0));
        if self.sentence.is_empty() {
            return rule;
        }
        format!("{rule}: {}", clipped(&self.sentence, LONGEST.1))
    }
}

/// Finds the steps that show each alarm, and says in words what is shown nowhere.
pub(super) fn place(drafts: &[Draft], alarms: &[Alarm]) -> (Vec<DrawnFinding>, Vec<String>) {
    let (mut shown, mut hidden) = (Vec::<DrawnFinding>::new(), Vec::new());
    for alarm in alarms {
        let fits = |draft: &Draft| draft.places.iter().any(|place| alarm.places.contains(place));
        let steps: Vec<usize> = (0..drafts.len()).filter(|step| fits(&drafts[*step])).collect();
        let says = alarm.says();
        if steps.is_empty() {
            hidden.push(alarm);
        } else if shown.iter().all(|other| other.says != says) {
            shown.push(DrawnFinding { says, is_suspicion: alarm.is_suspicion, steps });
        }
    }
    shown.sort_by_key(|finding| finding.steps.last().copied());
    (shown, remarks(&hidden, alarms.len()))
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
