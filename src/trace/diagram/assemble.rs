//! From what was collected to the picture.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::breath::{self, Breath, Line};
use super::collect::{Collector, MOST_EVENTS, MOST_LIFELINES, Place};
use super::model::{Act, Arrow, Diagram, Fate, Lifeline, Mark, Mood, Step};
use super::order;
use super::pairs::{self, Pair};
use super::place;
use super::words::{self, grouped, plural, span};
use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::Number;
use crate::visible::{clipped, visible};

/// A broken rule, as somebody found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: String,
    /// What happened, in plain words.
    pub sentence: String,
    /// The lines that show it; the picture points at the last of them that it has.
    pub places: Vec<Place>,
}

/// What the picture could not do justice.
struct Shortfall {
    /// Receipts by nobody knows whom.
    nowhere: usize,
    /// Receipts that no order puts after their sends.
    cut: usize,
    /// Violations that have a place in the picture.
    found: usize,
}

/// What is known of a peer from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Host and port.
    pub address: String,
    /// The roles in words.
    pub roles: String,
}

/// The rule that no two values are chosen.
const TWO_VALUES: &str = "one-value";

impl Collector {
    /// The picture. `host` says what a hostsfile knows of a peer.
    pub fn finish(
        mut self,
        host: impl Fn(u16) -> Option<Host>,
        violations: &[Violation],
    ) -> Diagram {
        let nowhere = place::place(&mut self.kept);
        let mut pairs =
            pairs::pair(&self.kept, |key| self.counts.get(key).copied().unwrap_or_default());
        // Of a notice whose receipt is hushed, the send is hushed too.
        if !self.window.all {
            let quiet = |pair: &Pair| {
                let kind = pair.sent.map(|sent| self.kept[sent].entry.message_type);
                pair.fate == Fate::Beyond && kind == Some(Some(MessageType::Chosen))
            };
            pairs.retain(|pair| !quiet(pair));
        }
        let mut lifelines = self.lifelines(&pairs, host);
        let index = |peer: u16| lifelines.binary_search_by_key(&peer, |line| line.peer).ok();
        let mut arrows = self.arrows(&mut pairs, &index);
        let lines = self.lines(&pairs, &lifelines, &arrows);
        let (mut breaths, cut) = order::order(lines, &mut arrows, self.first_us);
        let found = alarms(&mut breaths, violations);
        let steps = settle(breaths, &mut arrows);
        for step in &steps {
            if matches!(step.mark, Some(Mark::Promised(_) | Mark::Accepted(..))) {
                lifelines[step.lifeline].is_acceptor = true;
            }
        }
        let numbers: BTreeSet<Number> = arrows.iter().filter_map(Arrow::about).collect();
        let (title, mood) = self.outcome(&lifelines, violations);
        Diagram {
            title,
            mood,
            summary: summary(&lifelines, &arrows),
            remarks: self.remarks(&Shortfall { nowhere, cut, found }, violations, &lifelines),
            timed: !steps.is_empty() && steps.iter().all(|step| step.time_us.is_some()),
            numbers: numbers.into_iter().collect(),
            lifelines,
            steps,
            arrows,
        }
    }

    fn lifelines(&self, pairs: &[Pair], host: impl Fn(u16) -> Option<Host>) -> Vec<Lifeline> {
        let mut peers: BTreeSet<u16> = self.peers.keys().copied().collect();
        let spoken = pairs.iter().flat_map(|pair| {
            let line = pair.received.and_then(|received| self.kept.get(received));
            [pair.to, line.and_then(|kept| kept.entry.sender)]
        });
        for peer in spoken.flatten() {
            if peers.len() < MOST_LIFELINES {
                peers.insert(peer);
            }
        }
        let lifeline = |peer: u16| {
            let name = format!("peer{peer}");
            let told = host(peer);
            let known = self.peers.get(&peer);
            let guess = || {
                let known = known?;
                let roles = [
                    (known.proposes, "proposer"),
                    (known.accepts, "acceptor"),
                    (known.is_told && !known.proposes, "learner"),
                ];
                let roles = roles.iter().filter(|role| role.0).map(|role| role.1);
                Some(roles.collect::<Vec<_>>().join(", "))
            };
            let roles =
                told.as_ref().map(|host| clipped(&host.roles, LONGEST_ROLES)).or_else(guess);
            let host = told.map(|host| clipped(&host.address, LONGEST_HOST));
            Lifeline {
                peer,
                host: host.filter(|host| *host != name && !host.is_empty()),
                name,
                roles: roles.unwrap_or_default(),
                is_acceptor: false,
            }
        };
        peers.into_iter().map(lifeline).collect()
    }

    /// One arrow per pair; pairs without a line to stand on are dropped.
    fn arrows(&self, pairs: &mut Vec<Pair>, index: &impl Fn(u16) -> Option<usize>) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        pairs.retain(|pair| match breath::arrow(&self.kept, pair, index) {
            Some(arrow) => {
                // Any step will do until the steps have their order.
                arrows.push(Arrow { sent: pair.sent.map(|_| 0), ..arrow });
                true
            }
            None => false,
        });
        arrows
    }

    fn lines(&self, pairs: &[Pair], lifelines: &[Lifeline], arrows: &[Arrow]) -> Vec<Line> {
        let ends = breath::ends(&self.kept, pairs);
        let mut lines: Vec<Line> = (0..lifelines.len()).map(Line::new).collect();
        for (rank, (kept, ends)) in self.kept.iter().zip(&ends).enumerate() {
            let place = |at| lifelines.binary_search_by_key(&at, |line| line.peer).ok();
            if let Some(line) = kept.at.and_then(place).and_then(|at| lines.get_mut(at)) {
                line.add(kept, rank, ends, self.window.all);
            }
        }
        // A peer whose log ends while others still write to it, and are not heard.
        for line in &mut lines {
            let Some(last) = line.breaths.last() else { continue };
            let peer = lifelines.get(line.lifeline).and_then(|line| self.peers.get(&line.peer));
            // Only a window ends here, or what tells nothing new follows.
            if peer.is_some_and(|peer| !last.places.contains(&peer.last)) {
                continue;
            }
            let unheard = |(pair, arrow): (&Pair, &Arrow)| {
                let later = pair.sent.is_some_and(|sent| sent > last.rank);
                arrow.to == Some(line.lifeline) && arrow.fate == Fate::Lost && later
            };
            if pairs.iter().zip(arrows).any(unheard) {
                line.end(false);
            }
        }
        lines
    }

    /// The title: what was chosen, and how long it took until everybody knew.
    fn outcome(&self, lifelines: &[Lifeline], violations: &[Violation]) -> (String, Mood) {
        let under =
            |number: Option<Number>| number.map_or(String::new(), |n| format!(" under {n}"));
        if self.choices.len() > 1 {
            let all: Vec<String> = self
                .choices
                .iter()
                .map(|(value, number)| format!("{}{}", words::value(value), under(*number)))
                .collect();
            return (format!("More than one value is chosen: {}", all.join(", ")), Mood::Bad);
        }
        let mood = if violations.is_empty() { Mood::Good } else { Mood::Bad };
        let Some((value, number)) = self.choices.first_key_value() else {
            let open = if violations.is_empty() { Mood::Open } else { Mood::Bad };
            // Nobody may have lived to print what the votes have chosen.
            let by_votes = violations.iter().find(|violation| violation.rule == TWO_VALUES);
            let title = match by_votes {
                Some(two) => format!("By the votes {}", visible(&two.sentence)),
                None => format!("Nothing is chosen in {}", plural(self.total, "line")),
            };
            return (title, open);
        };
        let mut title = format!("{} chosen{}", words::value(value), under(*number));
        let knowing: Vec<_> = self.peers.values().filter_map(|peer| peer.chose.as_ref()).collect();
        let last = knowing.iter().filter_map(|chose| chose.2).max();
        let after = match (last, self.first_sent_us) {
            (Some(last), Some(first)) if last >= first => format!(" after {}", span(last - first)),
            _ => String::new(),
        };
        if knowing.len() >= lifelines.len() {
            put!(title, ", known to all{after}");
        } else {
            put!(title, ", known to {} of {}{after}", knowing.len(), lifelines.len());
        }
        (title, mood)
    }

    fn remarks(
        &self,
        shortfall: &Shortfall,
        violations: &[Violation],
        lifelines: &[Lifeline],
    ) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.beyond > 0 {
            remarks.push(format!(
                "Only {} events are drawn, {} more are left out: choose others with --from, --to \
                 or --number.",
                grouped(MOST_EVENTS as u64),
                grouped(self.beyond)
            ));
        }
        if self.outside > 0 {
            let outside = plural(self.outside, "event");
            remarks.push(format!("{outside} outside the window left out."));
        }
        if self.hushed > 0 {
            let hushed = plural(self.hushed, "event");
            remarks.push(format!(
                "{hushed} left out that tell nothing new: new links, and notices of the choice \
                 to peers that know it (--all draws them)."
            ));
        }
        if self.lost > 0 {
            let lost = plural(self.lost, "line");
            remarks.push(format!(
                "{lost} of journals were lost: what is drawn as never received may have been."
            ));
        }
        if shortfall.nowhere > 0 {
            let nowhere = plural(shortfall.nowhere as u64, "line");
            remarks.push(format!("{nowhere} left out: they do not say which peer received."));
        }
        if self.crowded > 0 {
            remarks.push(format!(
                "Only {} peers are drawn: {} of others left out.",
                lifelines.len(),
                plural(self.crowded, "event")
            ));
        }
        if shortfall.cut > 0 {
            let cut = plural(shortfall.cut as u64, "message");
            remarks.push(format!("{cut} cut in two: no order puts each receipt after its send."));
        }
        let hidden = violations.len().saturating_sub(shortfall.found);
        if hidden > 0 {
            let rules: BTreeSet<&str> = violations.iter().map(|v| v.rule.as_str()).collect();
            let rules = visible(&rules.into_iter().collect::<Vec<_>>().join(", "));
            remarks.push(format!(
                "{} of {} outside this picture ({rules}).",
                hidden,
                plural(violations.len() as u64, "violation")
            ));
        }
        remarks
    }
}

/// How much there is to see.
fn summary(lifelines: &[Lifeline], arrows: &[Arrow]) -> String {
    let count = |fits: fn(&Arrow) -> bool| arrows.iter().filter(|arrow| fits(arrow)).count();
    let mut parts =
        vec![plural(lifelines.len() as u64, "peer"), plural(arrows.len() as u64, "message")];
    let lost = count(|arrow| arrow.fate == Fate::Lost);
    let refused = count(|arrow| arrow.refused);
    if lost > 0 {
        parts.push(format!("{lost} never received"));
    }
    if refused > 0 {
        parts.push(plural(refused as u64, "refusal"));
    }
    parts.join(" · ")
}

/// How much of a peer's roles is shown.
const LONGEST_ROLES: usize = 80;
/// How much of a host's name is shown.
const LONGEST_HOST: usize = 28;

/// Puts each violation behind the last step that shows it; says how many found a place.
fn alarms(breaths: &mut Vec<Breath>, violations: &[Violation]) -> usize {
    let mut found = 0;
    for violation in violations {
        let shows = |breath: &Breath| breath.places.iter().any(|p| violation.places.contains(p));
        let Some(at) = breaths.iter().rposition(shows) else { continue };
        found += 1;
        let mut alarm = breaths[at].clone();
        alarm.places = Vec::new();
        alarm.step = Step {
            received: None,
            sends: Vec::new(),
            act: Act::Alarm {
                rule: clipped(&violation.rule, LONGEST_RULE),
                sentence: clipped(&violation.sentence, LONGEST_SENTENCE),
            },
            mark: None,
            ..alarm.step
        };
        breaths.insert(at + 1, alarm);
    }
    found
}

const LONGEST_RULE: usize = 60;
const LONGEST_SENTENCE: usize = 300;

/// Tells the arrows where their ends are, and the steps what they change.
fn settle(breaths: Vec<Breath>, arrows: &mut [Arrow]) -> Vec<Step> {
    let mut steps: Vec<Step> = breaths.into_iter().map(|breath| breath.step).collect();
    for (index, step) in steps.iter_mut().enumerate() {
        for &arrow in &step.sends {
            if let Some(arrow) = arrows.get_mut(arrow) {
                arrow.sent = Some(index);
            }
        }
        if let Some(arrow) = step.received.and_then(|arrow| arrows.get_mut(arrow)) {
            arrow.received = Some(index);
        }
        breath::judge(step, arrows);
    }
    steps
}
