//! Which send belongs to which receipt.
//!
//! A link keeps its order, so the n-th receipt of a message (same sender, receiver, type, number
//! and value) is the n-th send of it. A `sent` line that does not say to whom is matched with
//! what is left over; where there are fewer such lines than receivers, one line stands for a
//! whole broadcast.

use std::collections::BTreeMap;

use super::collect::{Count, Kept, Key, key};
use super::model::Fate;
use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::Number;

/// One message: the places of its two lines among the kept events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) sent: Option<usize>,
    pub(super) received: Option<usize>,
    /// The receiver, if known.
    pub(super) to: Option<u16>,
    pub(super) fate: Fate,
}

/// The lines of messages that differ in nothing.
#[derive(Default)]
struct Alike {
    sends: Vec<usize>,
    receipts: Vec<usize>,
}

/// What is left of a broadcast's key: from, type, number, value.
type Open = (u16, MessageType, Option<Number>, Option<String>);

/// Matches the kept events; `count` says how often a message went which way in the whole log.
pub(super) fn pair(kept: &[Kept], count: impl Fn(&Key) -> Count) -> Vec<Pair> {
    let mut alike: BTreeMap<Key, Alike> = BTreeMap::new();
    for (index, event) in kept.iter().enumerate() {
        let Some((key, sent)) = key(&event.entry, event.at) else { continue };
        let lines = alike.entry(key).or_default();
        if sent { &mut lines.sends } else { &mut lines.receipts }.push(index);
    }
    let mut pairs = Vec::new();
    let mut open: BTreeMap<Open, Alike> = BTreeMap::new();
    for (key, lines) in alike {
        let (from, to, kind, number, value) = key.clone();
        let name = (from, kind, number, value);
        if to.is_none() {
            open.entry(name).or_default().sends = lines.sends;
            continue;
        }
        let left = closed(kept, count(&key), to, &lines, &mut pairs);
        let rest = open.entry(name).or_default();
        rest.receipts.extend(left);
    }
    for (name, mut lines) in open {
        lines.receipts.sort_unstable();
        let whole = count(&(name.0, None, name.1, name.2, name.3));
        broadcast(kept, &lines, whole, &mut pairs);
    }
    pairs.sort_by_key(|pair| (pair.sent.or(pair.received), pair.received));
    pairs
}

/// Matches lines that name both ends; gives back the receipts that no send is known for.
fn closed(
    kept: &[Kept],
    count: Count,
    to: Option<u16>,
    lines: &Alike,
    pairs: &mut Vec<Pair>,
) -> Vec<usize> {
    let mut receipts = lines.receipts.iter().copied().peekable();
    let mut orphans = Vec::new();
    let nth = |index: usize| kept[index].nth;
    for &sent in &lines.sends {
        // Receipts of earlier sends, which are outside the window.
        while let Some(received) = receipts.next_if(|index| nth(*index) < nth(sent)) {
            pairs.push(Pair { sent: None, received: Some(received), to, fate: Fate::Beyond });
        }
        let received = receipts.next_if(|index| nth(*index) == nth(sent));
        let fate = match received {
            Some(_) => Fate::Arrived,
            None if count.received > nth(sent) => Fate::Beyond,
            None => Fate::Lost,
        };
        pairs.push(Pair { sent: Some(sent), received, to, fate });
    }
    for received in receipts {
        if count.sent > nth(received) {
            pairs.push(Pair { sent: None, received: Some(received), to, fate: Fate::Beyond });
        } else {
            orphans.push(received);
        }
    }
    orphans
}

/// Matches sends that do not say to whom with receipts that are left over.
fn broadcast(kept: &[Kept], lines: &Alike, whole: Count, pairs: &mut Vec<Pair>) {
    let one_for_all = lines.receipts.len() > lines.sends.len();
    let mut used = vec![false; lines.sends.len()];
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    for (place, &received) in lines.receipts.iter().enumerate() {
        let Some(to) = kept[received].at else { continue };
        let turn = seen.entry(to).or_default();
        // The n-th receipt of a peer is of the n-th broadcast.
        let pick = if one_for_all { (*turn).min(lines.sends.len().max(1) - 1) } else { place };
        *turn += 1;
        let sent = lines.sends.get(pick).copied();
        if let Some(mark) = used.get_mut(pick) {
            *mark = true;
        }
        let fate = if sent.is_some() { Fate::Arrived } else { Fate::Beyond };
        pairs.push(Pair { sent, received: Some(received), to: Some(to), fate });
    }
    let outside = usize::try_from(whole.sent).unwrap_or(usize::MAX) > lines.sends.len();
    for (&sent, _) in lines.sends.iter().zip(&used).filter(|(_, used)| !**used) {
        let fate = if outside { Fate::Beyond } else { Fate::Lost };
        pairs.push(Pair { sent: Some(sent), received: None, to: None, fate });
    }
}
