//! A run of a group as a picture: who is in which view when.
//!
//! A view is one row: a box at each member that installs it, a dotted one at a member of which no
//! line says so, a band that joins them, a star at its leader. The line of a member has the colour
//! of its view until the next one, and is dotted while it is in none. Between the views stand those
//! who are called unreachable, and crashes.
//!
//! ```text
//! lines ── collect ── rows ── steps ── Diagram
//!          a window   one     what stands
//!          of them    order   on which line
//! ```
//!
//! The order of the rows is that of the view ids, whatever the order in which the lines of several
//! peers were collected. What stands between two views is ordered by its time, or by its place
//! where all lines are in one input.

mod item;
mod log;
mod rows;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

pub use log::draw_log;

use self::item::Item;
use crate::member::event::{Statement, ViewLine, listed};
use crate::member::judge::{Found, Report};
use crate::trace::counts::{grouped, plural};
use crate::trace::diagram::labels::{span, without_advice};
use crate::trace::diagram::{
    Admission, Alarm, Diagram, Extent, HostLabel, Lifeline, Look, MOST_LIFELINES, Window, settle,
};
use crate::visible::{clipped, visible};

/// How much of a line is kept.
const LONGEST_TEXT: usize = 300;

/// Takes the lines of a group one by one, and gives a picture.
#[derive(Clone, Debug, Default)]
pub struct MemberDiagram {
    extent: Extent,
    items: BTreeMap<u16, Vec<Item>>,
    inputs: BTreeSet<usize>,
}

impl MemberDiagram {
    /// For this part of a run.
    pub fn new(window: Window) -> Self {
        Self { extent: Extent::new(window), ..Self::default() }
    }

    /// How many lines there are, and which.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Takes a line; `input` is its file's place among those given.
    pub fn take(&mut self, input: u16, found: &Found<'_>, line: &ViewLine) {
        let place = (usize::from(input), found.number);
        let time_us = found.time_us;
        if self.extent.admit(Some(line.peer_id), time_us, place) != Admission::Kept {
            return;
        }
        self.inputs.insert(place.0);
        let text = clipped(found.text.trim(), LONGEST_TEXT);
        let item = Item { line: line.clone(), time_us, nth: self.extent.total, text, place };
        self.items.entry(line.peer_id).or_default().push(item);
    }

    /// The picture. `host` says what a hostsfile knows of a peer.
    pub fn finish(
        self,
        host: impl Fn(u16) -> Option<HostLabel>,
        report: &Report,
        alarms: &[Alarm],
    ) -> Diagram {
        let timed = self.extent.is_timed();
        let roleless = |peer| host(peer).map(|host| HostLabel { roles: String::new(), ..host });
        let line = |peer| Lifeline::new(peer, roleless(peer), String::new());
        let peers = self.peers();
        let mut lifelines: Vec<Lifeline> = peers.iter().map(|peer| line(*peer)).collect();
        let ordered = timed || self.inputs.len() <= 1;
        let total = self.extent.total;
        let inferred = report.inferred.iter().map(|sentence| without_advice(&visible(sentence)));
        let (mut remarks, advised): (Vec<String>, Vec<_>) = inferred.unzip();
        let (left_out, mut advice) = self.extent.remarks();
        remarks.extend(left_out);
        advice.extend(advised.into_iter().flatten());
        let mut rows = rows::rows(self.items, &peers, ordered, timed);
        rows::set_times(&mut rows);
        let views = rows.iter().filter(|row| row.is_view()).count();
        let last_us = rows.iter().filter_map(rows::Row::time_us).max().filter(|_| timed);
        let (groups, bands, drafts) = steps::steps(&rows, &peers);
        let (steps, findings, hidden) = settle(drafts, &mut [], alarms);
        steps::follow(&rows, &steps, &peers, &mut lifelines);
        remarks.extend(hidden);
        let mut summary = vec![
            plural(lifelines.len() as u64, "peer"),
            plural(views as u64, "view"),
            plural(total, "line"),
        ];
        summary.extend(last_us.map(span));
        let (title, is_bad) = title(report, alarms);
        Diagram {
            title,
            is_bad,
            summary: summary.join(", "),
            remarks,
            advice,
            findings,
            lifelines,
            steps,
            bands,
            groups,
            legend: &steps::LEGEND,
            line_legend: &[(Look::Gone, "in no view")],
            timed,
            ..Diagram::default()
        }
    }

    /// Who prints, and who is in a view.
    fn peers(&self) -> Vec<u16> {
        let mut peers: BTreeSet<u16> = self.items.keys().copied().collect();
        for item in self.items.values().flatten() {
            if let Statement::Members(list) = &item.line.words {
                let room = MOST_LIFELINES.saturating_sub(peers.len());
                let more: Vec<u16> = list.difference(&peers).copied().take(room).collect();
                peers.extend(more);
            }
        }
        peers.into_iter().collect()
    }
}

/// How the run ends; true if a rule was broken.
fn title(report: &Report, alarms: &[Alarm]) -> (String, bool) {
    let mut broken = alarms.iter().filter(|alarm| !alarm.is_suspicion);
    if let Some(first) = broken.next() {
        let more = if broken.next().is_some() { ", and more" } else { "" };
        let title = format!("{} is broken: {}{more}", first.rule, first.sentence);
        return (visible(&title), true);
    }
    match report.summary.group() {
        Some((id, list)) => (format!("The last view is {}: {}", grouped(id), listed(list)), false),
        None => ("There is no one last view".into(), false),
    }
}
