//! What stands on which line: the rows as steps and bands.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Row, What};
use crate::member::event::listed;
use crate::trace::diagram::{Band, Draft, Groups, Lifeline, Look, Marker, Shape, Step};

/// What the markers mean.
pub(super) const LEGEND: [(Marker, &str, &str); 7] = [
    (Marker::Box, "3", "installs view 3"),
    (Marker::LeadBox, "3", "as its leader"),
    (Marker::Absent, "", "a member, without a line"),
    (Marker::Barred, "5", "calls peer5 unreachable"),
    (Marker::Target, "", "is called unreachable"),
    (Marker::Lost, "", "crashes"),
    (Marker::Dot, "", "says"),
];

/// The views, a band for each row, and the steps of all rows.
pub(super) fn steps(rows: &[Row], peers: &[u16]) -> (Groups, Vec<Band>, Vec<Draft>) {
    let ranks = ranks(rows);
    let mut names: Vec<(usize, String)> =
        ranks.iter().map(|(id, rank)| (*rank, id.to_string())).collect();
    names.sort_unstable();
    let names = names.into_iter().map(|(_, name)| name).collect();
    let (mut bands, mut drafts) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let own = parts(row, peers);
        let mut reach: Vec<usize> = own.iter().map(|draft| draft.step.lifeline).collect();
        reach.dedup();
        let group = group(row, &ranks);
        bands.push(band(row, peers, reach, group));
        drafts.extend(own.into_iter().map(|mut draft| {
            (draft.step.band, draft.step.group) = (Some(index), group);
            draft
        }));
    }
    (Groups { noun: "view", names }, bands, drafts)
}

/// The views by id, each with its place among those in the picture.
fn ranks(rows: &[Row]) -> BTreeMap<u64, usize> {
    let mut ranks = BTreeMap::new();
    for row in rows {
        if let What::View { id, .. } = row.what {
            let next = ranks.len();
            ranks.entry(id).or_insert(next);
        }
    }
    ranks
}

fn group(row: &Row, ranks: &BTreeMap<u64, usize>) -> Option<usize> {
    match row.what {
        What::View { id, .. } => ranks.get(&id).copied(),
        _ => None,
    }
}

/// The steps of a row, by lifeline: those who say it, and those it is about.
fn parts(row: &Row, peers: &[u16]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for mark in &row.marks {
        let peer = peers.get(mark.lifeline).copied().unwrap_or_default();
        let (marker, tag, effect) = match &row.what {
            What::View { id, list, leader } => {
                let marker = if peer == *leader { Marker::LeadBox } else { Marker::Box };
                (marker, id.to_string(), format!("installs view {id}: {}", listed(list)))
            }
            What::Unreachable(who, leads) => {
                (Marker::Barred, who.to_string(), format!("calls {}", unreachable(*who, *leads)))
            }
            What::Crash => (Marker::Lost, String::new(), "crashes".into()),
            What::Says(words) => (Marker::Dot, String::new(), format!("says: {words}")),
        };
        let (lifeline, time_us) = (mark.lifeline, mark.time_us);
        let lines = vec![mark.text.clone()];
        let step = Step { lifeline, time_us, marker, tag, effect, lines, ..Step::default() };
        drafts.push(Draft::of(step, vec![mark.place]));
    }
    let about: Vec<u16> = match &row.what {
        What::View { list, .. } => list.iter().copied().collect(),
        What::Unreachable(who, _) => vec![*who],
        What::Crash | What::Says(_) => Vec::new(),
    };
    for lifeline in about.iter().filter_map(|peer| peers.binary_search(peer).ok()) {
        let (marker, effect) = match &row.what {
            What::View { id, .. } => (
                Marker::Absent,
                format!("is a member of view {id}; no line says that it installs it"),
            ),
            _ => (Marker::Target, "is called unreachable".into()),
        };
        if row.marks.iter().all(|mark| mark.lifeline != lifeline) {
            let time_us = row.time_us();
            let step = Step { lifeline, time_us, marker, effect, ..Step::default() };
            drafts.push(Draft::of(step, Vec::new()));
        }
    }
    drafts.sort_by_key(|draft| draft.step.lifeline);
    drafts
}

fn unreachable(who: u16, leads: bool) -> String {
    format!("peer{who}{} unreachable", if leads { " (leader)" } else { "" })
}

fn band(row: &Row, peers: &[u16], reach: Vec<usize>, group: Option<usize>) -> Band {
    let said = row.marks.iter().filter_map(|mark| peers.get(mark.lifeline));
    let said: BTreeSet<u16> = said.copied().collect();
    let join = |peers: Vec<u16>| peers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let who = said.first().map_or_else(|| "?".into(), |peer| format!("peer{peer}"));
    let plain = |text: String| (String::new(), text.clone(), text);
    let (head, text, sentence) = match &row.what {
        What::View { id, list, leader } => {
            let silent: Vec<u16> = list.difference(&said).copied().collect();
            let silent = if silent.is_empty() {
                String::new()
            } else {
                format!(" (no line of {})", join(silent))
            };
            let (head, list) = (format!("view {id}"), listed(list));
            let sentence = format!("{head} {list} led by {leader}{silent}");
            (head, list, sentence)
        }
        What::Unreachable(who, leads) => {
            let text = unreachable(*who, *leads);
            let sentence = format!("{text} (says {})", join(said.into_iter().collect()));
            (String::new(), text, sentence)
        }
        What::Crash => plain(format!("{who} crashes")),
        What::Says(words) => plain(format!("{who}: {words}")),
    };
    let shape = match row.what {
        What::View { .. } => Shape::Area,
        What::Unreachable(..) => Shape::Line,
        What::Crash | What::Says(_) => Shape::None,
    };
    let is_strong = matches!(row.what, What::Unreachable(..) | What::Crash);
    Band { reach, shape, group, head, text, sentence, is_strong }
}

/// Follows each peer through the steps: which view it is in.
pub(super) fn follow(rows: &[Row], steps: &[Step], peers: &[u16], lifelines: &mut [Lifeline]) {
    for line in lifelines.iter_mut() {
        line.looks.push((0, Look::Gone));
    }
    for (index, step) in steps.iter().enumerate() {
        let Some(row) = step.band.and_then(|band| rows.get(band)) else { continue };
        let look = match (step.marker, step.group) {
            (Marker::Box | Marker::LeadBox, Some(group)) => Some(Look::Full(group)),
            (Marker::Lost, _) => Some(Look::Gone),
            _ => None,
        };
        if let (Some(look), Some(line)) = (look, lifelines.get_mut(step.lifeline)) {
            line.looks.push((index, look));
        }
        // Whoever is not in a view is out with its first line.
        let is_first = index == 0 || steps[index - 1].band != step.band;
        if let (What::View { list, .. }, true) = (&row.what, is_first) {
            for (peer, line) in peers.iter().zip(lifelines.iter_mut()) {
                if !list.contains(peer) && line.looks.last().is_none_or(|last| last.1 != Look::Gone)
                {
                    line.looks.push((index, Look::Gone));
                }
            }
        }
    }
}
