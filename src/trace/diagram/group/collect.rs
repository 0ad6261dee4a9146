//! Lines that are kept for the picture, by peer, and what the judge says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::assemble::{Host, Violation};
use super::super::collect::{Bound, MOST_EVENTS, MOST_LIFELINES, Window};
use super::super::model::Mood;
use super::super::words::{grouped, plural, span};
use super::model::{Column, Mark, Picture, Row, State, What};
use super::rows;
use crate::member::event::{Statement, ViewLine, listed};
use crate::member::judge::{Found, Report};
use crate::visible::{clipped, visible};

/// The colours of views.
const HUES: usize = super::super::ink::HUES;

/// One line of a peer.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) line: ViewLine,
    pub(super) time_us: Option<u64>,
    /// Its place in the order in which the lines came.
    pub(super) nth: u64,
    pub(super) text: String,
    pub(super) place: (usize, u64),
}

/// Takes the lines of a group one by one, and keeps as many as a picture can show.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    window: Window,
    pub(super) items: BTreeMap<u16, Vec<Item>>,
    inputs: BTreeSet<usize>,
    first_us: Option<u64>,
    last_us: u64,
    count: u64,
    kept: usize,
    untimed: bool,
}

impl Collector {
    /// A collector for this part of a run.
    pub fn new(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    /// Takes a line; `input` is its file's place among those given.
    pub fn take(&mut self, input: u16, found: &Found<'_>, line: &ViewLine) {
        self.count += 1;
        if let Some(time) = found.time_us {
            self.first_us.get_or_insert(time);
            self.last_us = self.last_us.max(time);
        } else {
            self.untimed = true;
        }
        let since = found.time_us.zip(self.first_us).map(|(at, first)| at.saturating_sub(first));
        let reaches = |bound: Option<Bound>, beyond: fn(u64, u64) -> bool| match bound {
            None => true,
            Some(Bound::Event(nth)) => beyond(self.count, nth),
            Some(Bound::Time(us)) => since.is_some_and(|at| beyond(at, us)),
        };
        let inside = reaches(self.window.from, |at, bound| at >= bound)
            && reaches(self.window.to, |at, bound| at <= bound);
        let known = self.items.contains_key(&line.peer_id);
        let room = known || self.items.len() < MOST_LIFELINES;
        if !inside || !room || self.kept >= MOST_EVENTS {
            return;
        }
        self.kept += 1;
        let place = (usize::from(input), found.number);
        self.inputs.insert(place.0);
        let text = clipped(found.text.trim(), 300);
        let item =
            Item { line: line.clone(), time_us: found.time_us, nth: self.count, text, place };
        self.items.entry(line.peer_id).or_default().push(item);
    }

    /// True if no line was taken.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the whole has, if the window has nothing of it: so many lines in so many microseconds.
    pub fn missed(&self) -> Option<(u64, u64)> {
        let narrow = self.window.from.is_some() || self.window.to.is_some();
        let last = self.last_us.saturating_sub(self.first_us.unwrap_or(0));
        (narrow && self.kept == 0).then_some((self.count, last))
    }

    /// True if a line has no time.
    pub fn is_untimed(&self) -> bool {
        self.untimed
    }

    /// The picture. `host` says what a hostsfile knows of a peer.
    pub fn finish(
        self,
        host: impl Fn(u16) -> Option<Host>,
        report: &Report,
        violations: &[Violation],
    ) -> Picture {
        let timed = !self.untimed && self.count > 0;
        let columns = self.columns(host);
        let left_out = self.count - self.kept as u64;
        let ordered = timed || self.inputs.len() <= 1;
        let first = self.items.values().flatten().filter_map(|item| item.time_us).min();
        let mut rows = rows::rows(self.items, &columns, ordered, timed);
        let mut latest = 0;
        for row in &mut rows {
            for at in row.marks.iter_mut().filter_map(|mark| mark.time_us.as_mut()) {
                *at = at.saturating_sub(first.unwrap_or(0));
            }
            let own = row.marks.iter().filter_map(|mark| mark.time_us).min();
            latest = latest.max(own.unwrap_or(0));
            row.time_us = latest;
        }
        paint(&mut rows);
        let mut remarks: Vec<String> =
            report.inferred.iter().map(|sentence| visible(sentence)).collect();
        if left_out > 0 {
            remarks.push(format!("{} are not in this picture.", plural(left_out, "line")));
        }
        remarks.extend(alarms(&mut rows, violations));
        follow(&mut rows, &columns);
        let views = rows.iter().filter(|row| matches!(row.what, What::View { .. })).count();
        let mut summary = format!(
            "{}, {}, {}",
            plural(columns.len() as u64, "peer"),
            plural(views as u64, "view"),
            plural(self.count, "line")
        );
        if timed {
            put!(summary, ", {}", span(latest));
        }
        let (title, mood) = title(report, violations);
        Picture { title, mood, summary, remarks, columns, rows, timed }
    }

    fn columns(&self, host: impl Fn(u16) -> Option<Host>) -> Vec<Column> {
        let mut peers: BTreeSet<u16> = self.items.keys().copied().collect();
        for item in self.items.values().flatten() {
            if let Statement::Members(list) = &item.line.words {
                let room = MOST_LIFELINES.saturating_sub(peers.len());
                let more: Vec<u16> = list.difference(&peers).copied().take(room).collect();
                peers.extend(more);
            }
        }
        let column =
            |peer| Column { peer, host: host(peer).map(|host| clipped(&host.address, 24)) };
        peers.into_iter().map(column).collect()
    }
}

fn title(report: &Report, violations: &[Violation]) -> (String, Mood) {
    if let [first, more @ ..] = violations {
        let more = if more.is_empty() { "" } else { ", and more" };
        let title = format!("{} is broken: {}{more}", first.rule, first.sentence);
        return (visible(&title), Mood::Bad);
    }
    match report.group() {
        Some((id, list)) => {
            (format!("The last view is {}: {}", grouped(id), listed(list)), Mood::Good)
        }
        None => ("There is no one last view".into(), Mood::Open),
    }
}

/// Gives each view its colour.
fn paint(rows: &mut [Row]) {
    let mut ids: BTreeMap<u64, usize> = BTreeMap::new();
    for row in rows {
        if let What::View { id, hue, .. } = &mut row.what {
            let next = ids.len() % HUES;
            *hue = *ids.entry(*id).or_insert(next);
        }
    }
}

/// Puts broken rules under the rows that show them; what has no place is returned.
fn alarms(rows: &mut Vec<Row>, violations: &[Violation]) -> Vec<String> {
    let mut elsewhere = Vec::new();
    for violation in violations {
        let sentence = format!("{}: {}", violation.rule, violation.sentence);
        let sentence = clipped(&sentence, 300);
        let has = |row: &Row| {
            row.marks.iter().any(|mark| violation.places.contains(&mark.place))
                && !matches!(row.what, What::Alarm(_))
        };
        let Some(at) = rows.iter().rposition(has) else {
            elsewhere.push(sentence);
            continue;
        };
        let is_said = |row: &Row| row.what == What::Alarm(sentence.clone());
        if rows[at + 1..].iter().take_while(|row| matches!(row.what, What::Alarm(_))).any(is_said) {
            continue;
        }
        let broken = |mark: &&Mark| violation.places.contains(&mark.place);
        let marks = rows[at].marks.iter().filter(broken).take(1).cloned().collect();
        let time_us = rows[at].time_us;
        let alarm = Row { time_us, what: What::Alarm(sentence), marks, after: Vec::new() };
        // Behind those that the row has already.
        let is_alarm = |row: &Row| matches!(row.what, What::Alarm(_));
        let place = (at + 1..rows.len()).find(|next| !is_alarm(&rows[*next]));
        rows.insert(place.unwrap_or(rows.len()), alarm);
    }
    elsewhere
}

/// Follows each peer through the rows.
fn follow(rows: &mut [Row], columns: &[Column]) {
    let mut states = vec![State::Out; columns.len()];
    for row in rows {
        match &row.what {
            What::View { list, hue, .. } => {
                for (index, column) in columns.iter().enumerate() {
                    let installs = row.marks.iter().any(|mark| mark.column == index);
                    if installs {
                        states[index] = State::In(*hue);
                    } else if !list.contains(&column.peer) {
                        states[index] = State::Out;
                    }
                }
            }
            What::Crash => {
                for mark in &row.marks {
                    states[mark.column] = State::Out;
                }
            }
            What::Unreachable { .. } | What::Says(_) | What::Alarm(_) => {}
        }
        row.after.clone_from(&states);
    }
}
