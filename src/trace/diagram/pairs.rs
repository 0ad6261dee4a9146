//! Which send belongs to which receipt.
//!
//! A link keeps its order, so the n-th receipt of a message (same sender, receiver and
//! content) is the n-th send of it. A `sent` line that does not say to whom is matched with
//! what is left over; where there are fewer such lines than receivers, one line stands for a
//! whole broadcast.

use std::collections::{BTreeMap, HashMap};

use super::item::{Item, ItemKind};
use super::model::ArrowEnd;

/// One message: the places of its two lines among the kept events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) sent: Option<usize>,
    pub(super) received: Option<usize>,
    /// The receiver, if known.
    pub(super) to: Option<u16>,
    pub(super) end: ArrowEnd,
}

/// What makes two lines tell of the same message: from, to, content.
pub type Key = (u16, Option<u16>, String);

/// For how many messages outside the window it is remembered that they are on their way. Beyond,
/// a message that enters the window may be drawn as one that nobody sent.
const MOST_OUTSIDE: usize = 100_000;

/// How often each message was sent and received, in the window and outside: so that a message
/// whose other end is outside the window is not called lost.
#[derive(Clone, Debug, Default)]
pub struct MessageCounts(HashMap<Key, Count>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sent: u32,
    received: u32,
    kept: bool,
}

impl MessageCounts {
    /// Counts a message that was sent or received; says how many of its key went the same way
    /// before. `kept` if it is drawn; `room` if more can be.
    pub fn take(&mut self, key: &Key, sent: bool, kept: bool, room: bool) -> u32 {
        let room = kept || (room && self.0.len() < MOST_OUTSIDE);
        if !room && !self.0.contains_key(key) {
            return 0;
        }
        let count = self.0.entry(key.clone()).or_default();
        count.kept |= kept;
        let way = if sent { &mut count.sent } else { &mut count.received };
        let nth = *way;
        *way = way.saturating_add(1);
        // Sent and arrived, and not drawn: forgotten.
        if count.sent == count.received && !count.kept {
            self.0.remove(key);
        }
        nth
    }

    fn of(&self, key: &Key) -> Count {
        self.0.get(key).copied().unwrap_or_default()
    }
}

/// The message that an item tells of, and whether the line is the sender's.
fn key(item: &Item) -> Option<(Key, bool)> {
    match &item.event {
        ItemKind::Sent { to, what, .. } => Some(((item.at, *to, what.clone()), true)),
        ItemKind::Received { from, what } => Some((((*from)?, Some(item.at), what.clone()), false)),
        ItemKind::Started { .. } | ItemKind::Does { .. } => None,
    }
}

/// The lines of messages that differ in nothing.
#[derive(Default)]
struct Alike {
    sends: Vec<usize>,
    receipts: Vec<usize>,
}

/// Matches these events; `counts` are those of the whole log.
pub(super) fn pair(kept: &[Item], counts: &MessageCounts) -> Vec<Pair> {
    let mut alike: BTreeMap<Key, Alike> = BTreeMap::new();
    for (index, event) in kept.iter().enumerate() {
        let Some((key, sent)) = key(event) else { continue };
        let lines = alike.entry(key).or_default();
        if sent { &mut lines.sends } else { &mut lines.receipts }.push(index);
    }
    let mut pairs = Vec::new();
    let mut open: BTreeMap<(u16, String), Alike> = BTreeMap::new();
    for (key, lines) in alike {
        let (from, to, what) = key.clone();
        let name = (from, what);
        if to.is_none() {
            open.entry(name).or_default().sends = lines.sends;
            continue;
        }
        let left = closed(kept, counts.of(&key), to, &lines, &mut pairs);
        let rest = open.entry(name).or_default();
        rest.receipts.extend(left);
    }
    for (name, mut lines) in open {
        lines.receipts.sort_unstable();
        let whole = counts.of(&(name.0, None, name.1));
        broadcast(kept, &lines, whole, &mut pairs);
    }
    pairs.sort_by_key(|pair| (pair.sent.or(pair.received), pair.received));
    pairs
}

/// Matches lines that name both ends; gives back the receipts that no send is known for.
fn closed(
    kept: &[Item],
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
            pairs.push(Pair { sent: None, received: Some(received), to, end: ArrowEnd::Beyond });
        }
        let received = receipts.next_if(|index| nth(*index) == nth(sent));
        let end = match received {
            Some(_) => ArrowEnd::Arrived,
            None if count.received > nth(sent) => ArrowEnd::Beyond,
            None => ArrowEnd::Lost,
        };
        pairs.push(Pair { sent: Some(sent), received, to, end });
    }
    for received in receipts {
        if count.sent > nth(received) {
            pairs.push(Pair { sent: None, received: Some(received), to, end: ArrowEnd::Beyond });
        } else {
            orphans.push(received);
        }
    }
    orphans
}

/// Matches sends that do not say to whom with receipts that are left over.
fn broadcast(kept: &[Item], lines: &Alike, whole: Count, pairs: &mut Vec<Pair>) {
    let one_for_all = lines.receipts.len() > lines.sends.len();
    let mut used = vec![false; lines.sends.len()];
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    for (place, &received) in lines.receipts.iter().enumerate() {
        let to = kept[received].at;
        let turn = seen.entry(to).or_default();
        // The n-th receipt of a peer is of the n-th broadcast.
        let pick = if one_for_all { (*turn).min(lines.sends.len().max(1) - 1) } else { place };
        *turn += 1;
        let sent = lines.sends.get(pick).copied();
        if let Some(mark) = used.get_mut(pick) {
            *mark = true;
        }
        let end = if sent.is_some() { ArrowEnd::Arrived } else { ArrowEnd::Beyond };
        pairs.push(Pair { sent, received: Some(received), to: Some(to), end });
    }
    let outside = usize::try_from(whole.sent).unwrap_or(usize::MAX) > lines.sends.len();
    for (&sent, _) in lines.sends.iter().zip(&used).filter(|(_, used)| !**used) {
        let end = if outside { ArrowEnd::Beyond } else { ArrowEnd::Lost };
        pairs.push(Pair { sent: Some(sent), received: None, to: None, end });
    }
}
