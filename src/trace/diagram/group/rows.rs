//! One order for all: what each peer printed, in rows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::collect::Item;
use super::model::{Column, Mark, Row, What};
use crate::member::event::Statement;

/// What is left of one peer's lines.
struct Rest {
    column: usize,
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
    columns: &[Column],
    ordered: bool,
    timed: bool,
) -> Vec<Row> {
    let mut rest: Vec<Rest> = Vec::new();
    for (peer, items) in items {
        if let Some(column) = columns.iter().position(|column| column.peer == peer) {
            rest.push(Rest { column, items: items.into() });
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
                let alone = !matches!(what, What::Unreachable { .. });
                take(&mut rest, what.clone(), alone, |item| {
                    What::of(&item.line) == what && item.line.view_id == id
                })
            }
            (None, Some((id, list))) => {
                let leader = list.first().copied().unwrap_or(0);
                let what = What::View { id, list: list.clone(), leader, hue: 0 };
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
        marks.push(Mark { column: rest.column, time_us, line: text, place });
    }
    Row { time_us: 0, what, marks, after: Vec::new() }
}
