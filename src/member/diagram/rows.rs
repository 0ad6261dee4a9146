//! One order for all: what each peer printed, in rows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::item::Item;
use crate::member::event::{Statement, ViewLine};
use crate::trace::diagram::Place;
use crate::visible::clipped;

/// What happens at once, or is the same at several peers.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) what: What,
    /// Who says so.
    pub(super) marks: Vec<Mark>,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A view is installed.
    View {
        id: u64,
        list: BTreeSet<u16>,
        /// Who leads it, as printed.
        leader: u16,
    },
    /// Somebody is called unreachable; true if as the leader.
    Unreachable(u16, bool),
    /// A peer crashes on order.
    Crash,
    /// Other words.
    Says(String),
}

/// One peer's part in a row.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Index of its lifeline.
    pub(super) lifeline: usize,
    pub(super) time_us: Option<u64>,
    /// The line.
    pub(super) text: String,
    pub(super) place: Place,
}

impl What {
    /// What a printed line is about.
    fn of(line: &ViewLine) -> Self {
        match (&line.words, line.names_dead()) {
            (Statement::Members(list), _) => {
                Self::View { id: line.view_id, list: list.clone(), leader: line.leader }
            }
            (Statement::Message(text), Some(who)) => {
                Self::Unreachable(who, text.contains("(leader)"))
            }
            (Statement::Message(_), None) if line.is_crash() => Self::Crash,
            (Statement::Message(text), None) => Self::Says(clipped(text, LONGEST_WORDS)),
        }
    }
}

/// How much of other words is shown.
const LONGEST_WORDS: usize = 60;

impl Row {
    pub(super) fn is_view(&self) -> bool {
        matches!(self.what, What::View { .. })
    }

    /// The time of the first who says so.
    pub(super) fn time_us(&self) -> Option<u64> {
        self.marks.iter().filter_map(|mark| mark.time_us).min()
    }
}

/// Makes all times those since the first; none is less than that of an earlier row.
pub(super) fn set_times(rows: &mut [Row]) {
    let first = rows.iter().filter_map(Row::time_us).min().unwrap_or(0);
    let mut latest = 0;
    for row in rows {
        for time in row.marks.iter_mut().filter_map(|mark| mark.time_us.as_mut()) {
            *time = time.saturating_sub(first).max(latest);
        }
        latest = row.time_us().unwrap_or(0).max(latest);
    }
}

/// What is left of one peer's lines.
struct Rest {
    lifeline: usize,
    items: VecDeque<Item>,
}

/// A view as a peer prints it.
type View = (u64, BTreeSet<u16>);

impl Rest {
    fn next_view(&self) -> Option<View> {
        self.items.iter().find_map(|item| match &item.line.words {
            Statement::Members(list) => Some((item.line.view_id, list.clone())),
            Statement::Message(_) => None,
        })
    }

    /// The line that comes next, if it is a message.
    fn message(&self) -> Option<&Item> {
        self.items.front().filter(|item| matches!(item.line.words, Statement::Message(_)))
    }
}

/// The rows. With `ordered`, lines of several peers stand in the order in which they came.
pub(super) fn rows(
    items: BTreeMap<u16, Vec<Item>>,
    peers: &[u16],
    ordered: bool,
    timed: bool,
) -> Vec<Row> {
    let mut rest: Vec<Rest> = Vec::new();
    for (peer, items) in items {
        if let Ok(lifeline) = peers.binary_search(&peer) {
            rest.push(Rest { lifeline, items: items.into() });
        }
    }
    let key = |item: &Item| {
        let time = if timed { item.time_us.unwrap_or(0) } else { 0 };
        // Without an order, a crash is what others notice.
        let noticed = !ordered && !item.line.is_crash();
        (noticed, time, if ordered { item.nth } else { item.line.view_id }, item.nth)
    };
    let mut rows = Vec::new();
    loop {
        let view = rest.iter().filter_map(Rest::next_view).min();
        let is_next = |rest: &Rest| view.is_some() && rest.next_view() == view;
        // The first that installs it, where nothing else comes before.
        let begins = rest
            .iter()
            .filter(|rest| is_next(rest) && rest.message().is_none())
            .filter_map(|rest| rest.items.front().map(key))
            .min();
        let due = |rest: &Rest, item: &Item| {
            view.is_none() || is_next(rest) || !ordered || begins.is_none_or(|at| key(item) < at)
        };
        let messages = rest.iter().filter_map(|rest| {
            let item = rest.message().filter(|item| due(rest, item))?;
            Some((key(item), What::of(&item.line), item.line.view_id))
        });
        let first = messages.min_by_key(|(key, ..)| *key);
        let row = match (first, view) {
            (Some((_, what, id)), _) => {
                let alone = !matches!(what, What::Unreachable(..));
                take(&mut rest, what.clone(), alone, |item| {
                    What::of(&item.line) == what && item.line.view_id == id
                })
            }
            (None, Some((id, list))) => {
                let leader = list.first().copied().unwrap_or(0);
                let what = What::View { id, list: list.clone(), leader };
                take(&mut rest, what, false, |item| {
                    matches!(&item.line.words, Statement::Members(own) if *own == list)
                        && item.line.view_id == id
                })
            }
            (None, None) => return rows,
        };
        rows.push(row);
    }
}

/// Takes what fits from all who have it next; or from the first of them alone.
fn take(rest: &mut [Rest], what: What, alone: bool, fits: impl Fn(&Item) -> bool) -> Row {
    let mut marks = Vec::new();
    let mut what = what;
    for rest in rest {
        if (alone && !marks.is_empty()) || !rest.items.front().is_some_and(&fits) {
            continue;
        }
        let Some(item) = rest.items.pop_front() else { continue };
        if let What::View { leader, .. } = &mut what
            && item.line.leader != 0
            && marks.is_empty()
        {
            *leader = item.line.leader;
        }
        let Item { time_us, text, place, .. } = item;
        marks.push(Mark { lifeline: rest.lifeline, time_us, text, place });
    }
    Row { what, marks }
}
