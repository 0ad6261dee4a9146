//! One order in which all of it can have happened.
//!
//! The lines of one peer keep their order, and a receipt comes after its send; between these,
//! the clocks decide, and without clocks the order of the log. Clocks of different machines differ:
//! a time that would put a receipt before its send is moved up to it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::draft::Draft;
use super::model::{Arrow, ArrowEnd, Marker};

/// The steps in order, each with its time since `first_us`; and how many receipts were cut off
/// because no order has them after their sends.
pub(super) fn order(
    lines: Vec<Vec<Draft>>,
    arrows: &mut Vec<Arrow>,
    first_us: Option<u64>,
) -> (Vec<Draft>, usize) {
    let timed = lines.iter().flatten().all(|draft| draft.time_us.is_some());
    let mut heads: Vec<_> = lines.into_iter().map(Vec::into_iter).collect();
    let mut done: Vec<Draft> = Vec::new();
    // When each message left, once it has.
    let mut left_us: Vec<Option<u64>> = vec![None; arrows.len()];
    let mut last_us = vec![0; heads.len()];
    let mut ready = BinaryHeap::new();
    let mut blocked: BTreeSet<usize> = (0..heads.len()).collect();
    let mut cut = 0;
    let mut latest = 0;
    let mut known = timed || !outcome_follows(&heads);
    loop {
        let waiting: Vec<usize> = blocked.iter().copied().collect();
        for line in waiting {
            let Some(head) = heads[line].as_slice().first() else {
                blocked.remove(&line);
                continue;
            };
            // Without clocks: who is only told the outcome is told after it came about.
            if !known && is_outcome(head) && head.step.received.is_none() {
                continue;
            }
            let arrives = head.step.received.filter(|arrow| has_send(arrows, *arrow));
            let left = match arrives.map(|arrow| left_us.get(arrow).copied().flatten()) {
                Some(None) => continue,
                Some(Some(left)) => left,
                None => 0,
            };
            blocked.remove(&line);
            let own = if timed { head.time_us.unwrap_or(0) } else { 0 };
            ready.push(Reverse((own.max(left).max(last_us[line]), head.rank, line)));
        }
        let Some(Reverse((time, _, line))) = ready.pop() else {
            if !known {
                known = true;
                continue;
            }
            if !cut_one(&mut heads, &blocked, arrows) {
                return (done, cut);
            }
            cut += 1;
            left_us.resize(arrows.len(), None);
            continue;
        };
        let Some(mut draft) = heads[line].next() else { continue };
        // What was cut loose may have waited for long.
        let time = time.max(latest);
        latest = time;
        last_us[line] = time;
        known |= is_outcome(&draft);
        for &arrow in &draft.step.sends {
            if let Some(left) = left_us.get_mut(arrow) {
                *left = Some(time);
            }
        }
        draft.step.time_us = timed.then(|| time.saturating_sub(first_us.unwrap_or(time)));
        done.push(draft);
        blocked.insert(line);
    }
}

fn is_outcome(draft: &Draft) -> bool {
    draft.step.marker == Marker::Star
}

/// True if some peer's outcome follows from what it receives, so that the others can wait for it.
fn outcome_follows(heads: &[std::vec::IntoIter<Draft>]) -> bool {
    let mut all = heads.iter().flat_map(std::vec::IntoIter::as_slice);
    all.any(|draft| is_outcome(draft) && draft.step.received.is_some())
}

/// True for a message whose send is in the picture.
fn has_send(arrows: &[Arrow], arrow: usize) -> bool {
    arrows.get(arrow).is_some_and(|arrow| arrow.sent.is_some())
}

/// If every line waits for another, the receipt that stands first in the log gives up its send;
/// false if no line is left.
fn cut_one(
    heads: &mut [std::vec::IntoIter<Draft>],
    blocked: &BTreeSet<usize>,
    arrows: &mut Vec<Arrow>,
) -> bool {
    let first = blocked
        .iter()
        .filter_map(|line| heads[*line].as_slice().first().map(|head| (head.rank, *line)))
        .min();
    let Some(head) = first.and_then(|(_, line)| heads[line].as_mut_slice().first_mut()) else {
        return false;
    };
    let Some(arrow) = head.step.received.and_then(|index| arrows.get_mut(index)) else {
        return false;
    };
    let receipt = Arrow { sent: None, end: ArrowEnd::Beyond, ..arrow.clone() };
    (arrow.received, arrow.end) = (None, ArrowEnd::Beyond);
    head.step.received = Some(arrows.len());
    arrows.push(receipt);
    true
}
