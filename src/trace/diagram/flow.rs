//! From the events of a run to steps and arrows: what a peer does at once is one point on its line.
//!
//! A step is at most one receipt, and after it, without another receipt between, the messages of
//! one content that the peer sends. Joining neighbours on one line can never put a receipt above
//! its send: between them the peer heard nothing. For the same reason what a peer sends to itself
//! and receives before anything else is within the step that sends it.

use std::collections::{BTreeMap, BTreeSet};

use super::alarm::{self, Alarm};
use super::draft::{Draft, Ends};
use super::item::{Item, ItemKind};
use super::model::{Arrow, ArrowEnd, DrawnFinding, Lifeline, Marker, Step};
use super::order;
use super::pairs::{MessageCounts, Pair, pair};
use super::window::{Extent, MOST_LIFELINES};

/// The steps in their order, and the arrows between them.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// What each peer does.
    pub drafts: Vec<Draft>,
    /// The messages; what they say is not filled in.
    pub arrows: Vec<Arrow>,
    /// Receipts that no order puts after their sends.
    pub cut: usize,
}

/// What comes later is a step of its own; before that, an answer may wait for the disk.
const LONGEST_STEP_US: u64 = 100_000;
/// Words that come later than this after a receipt may be about something else.
const LONGEST_THOUGHT_US: u64 = 10_000;

/// The peers that speak or are spoken to: those of the log first.
pub fn peers(items: &[Item], extent: &Extent) -> BTreeSet<u16> {
    let mut peers: BTreeSet<u16> = extent.last().keys().copied().collect();
    let others = items.iter().filter_map(|item| match item.event {
        ItemKind::Sent { to, .. } => to,
        ItemKind::Received { from, .. } => from,
        ItemKind::Started { .. } | ItemKind::Does { .. } => None,
    });
    for peer in items.iter().map(|item| item.at).chain(others) {
        if peers.len() < MOST_LIFELINES {
            peers.insert(peer);
        }
    }
    peers
}

/// Makes steps and arrows of these events.
pub fn flow(
    items: &[Item],
    lifelines: &[Lifeline],
    counts: &MessageCounts,
    extent: &Extent,
) -> Flow {
    let index = |peer: u16| lifelines.binary_search_by_key(&peer, |line| line.peer).ok();
    let mut pairs = pair(items, counts);
    // Of a notice whose receipt is left out, the send is left out too.
    let is_quiet = |pair: &Pair| {
        let sent = pair.sent.and_then(|sent| items.get(sent));
        sent.is_some_and(|item| matches!(item.event, ItemKind::Sent { quiet: true, .. }))
    };
    pairs.retain(|pair| pair.end != ArrowEnd::Beyond || !is_quiet(pair));
    let mut arrows = Vec::new();
    pairs.retain(|pair| {
        let arrow = arrow(items, pair, index);
        let is_drawn = arrow.is_some();
        arrows.extend(arrow);
        is_drawn
    });
    let mut ends = vec![Ends::default(); items.len()];
    for (arrow, pair) in pairs.iter().enumerate() {
        if let Some(sent) = pair.sent.and_then(|sent| ends.get_mut(sent)) {
            sent.sends.push(arrow);
        }
        if let Some(received) = pair.received.and_then(|received| ends.get_mut(received)) {
            received.received = Some(arrow);
        }
    }
    let mut lines: Vec<Line> = (0..lifelines.len()).map(Line::new).collect();
    for (rank, (item, ends)) in items.iter().zip(&ends).enumerate() {
        if let Some(line) = index(item.at).and_then(|at| lines.get_mut(at)) {
            line.add(item, rank, ends);
        }
    }
    in_flight(items, &pairs, &mut arrows, &lines, extent);
    // A peer whose log ends while others still write to it, and are not heard.
    for line in &mut lines {
        let Some(last) = line.drafts.last() else { continue };
        let end = lifelines.get(line.lifeline).and_then(|line| extent.last().get(&line.peer));
        // Else only the window ends here, or what is left out follows.
        if end.is_some_and(|end| !last.places.contains(end)) {
            continue;
        }
        let unheard = |(pair, arrow): (&Pair, &Arrow)| {
            let later = pair.sent.is_some_and(|sent| sent > last.rank);
            arrow.to == Some(line.lifeline) && arrow.end == ArrowEnd::Lost && later
        };
        if pairs.iter().zip(&arrows).any(unheard) {
            line.end(Marker::End, "log ends");
        }
    }
    let lines = lines.into_iter().map(|line| fold(line.drafts, &arrows)).collect();
    let (drafts, cut) = order::order(lines, &mut arrows, extent.first_us());
    Flow { drafts, arrows, cut }
}

fn arrow(items: &[Item], pair: &Pair, lifeline: impl Fn(u16) -> Option<usize>) -> Option<Arrow> {
    // The sender knows best what it sent.
    let event = pair.sent.or(pair.received)?;
    let item = items.get(event)?;
    let from = match item.event {
        ItemKind::Received { from, .. } => from?,
        _ => item.at,
    };
    let lines = [pair.sent, pair.received].into_iter().flatten();
    Some(Arrow {
        from: lifeline(from)?,
        to: pair.to.and_then(lifeline),
        // Any step will do until the steps have their order.
        sent: pair.sent.map(|_| 0),
        received: None,
        end: pair.end,
        event,
        kind: 0,
        group: None,
        label: String::new(),
        shorter: Vec::new(),
        refused: false,
        reports: false,
        lines: lines.filter_map(|line| Some(items.get(line)?.text.clone())).collect(),
    })
}

/// Tells messages that were under way when the log ended from those that were lost: they were so
/// for no longer than others are, and the link has brought nothing later.
fn in_flight(
    items: &[Item],
    pairs: &[Pair],
    arrows: &mut [Arrow],
    lines: &[Line],
    extent: &Extent,
) {
    let end = match extent.last_us() {
        Some(end) => end,
        None if extent.reaches_the_end() => items.len() as u64,
        None => return,
    };
    let is_timed = extent.is_timed();
    let at = |event: usize| items[event].time_us.filter(|_| is_timed).unwrap_or(event as u64);
    let ways = || pairs.iter().filter_map(|pair| Some((pair, pair.sent?, pair.received?)));
    let slowest = ways().map(|(_, sent, received)| at(received).saturating_sub(at(sent))).max();
    let mut latest: BTreeMap<(u16, u16), u64> = BTreeMap::new();
    for (_, sent, received) in ways() {
        let last = latest.entry((items[sent].at, items[received].at)).or_default();
        *last = at(sent).max(*last);
    }
    let is_young = |sent: usize| end.saturating_sub(at(sent)) <= slowest.unwrap_or(0);
    let lost: Vec<_> = (0..arrows.len())
        .filter(|arrow| arrows[*arrow].end == ArrowEnd::Lost)
        .filter_map(|arrow| Some((arrow, arrows[arrow].to?, pairs[arrow].sent?)))
        .collect();
    // Who was written to in vain before hears nothing any more.
    let newest = |line: usize| lines.get(line)?.drafts.last().map(|draft| draft.rank);
    let is_gone = |to: usize, sent: usize| newest(to).is_none_or(|newest| sent > newest);
    let gone: BTreeSet<usize> = lost
        .iter()
        .filter(|(_, to, sent)| !is_young(*sent) && is_gone(*to, *sent))
        .map(|(_, to, _)| *to)
        .collect();
    for (arrow, to, sent) in lost {
        let link = pairs[arrow].to.and_then(|to| latest.get(&(items[sent].at, to)));
        let is_overtaken = link.is_some_and(|later| *later > at(sent));
        if is_young(sent) && !is_overtaken && !gone.contains(&to) && newest(to).is_some() {
            arrows[arrow].end = ArrowEnd::InFlight;
        }
    }
}

/// Takes into a step what the peer tells itself there.
fn fold(drafts: Vec<Draft>, arrows: &[Arrow]) -> Vec<Draft> {
    let to_itself =
        |arrow: &usize| arrows.get(*arrow).is_some_and(|arrow| arrow.to == Some(arrow.from));
    let mut folded: Vec<Draft> = Vec::new();
    for draft in drafts {
        let own = draft.step.received.filter(to_itself);
        let is_plain = draft.step.marker == Marker::Dot && draft.step.says.is_empty();
        let last = folded.last_mut().filter(|last| {
            let sent = own.is_some_and(|own| last.step.sends.contains(&own));
            sent && is_plain && draft.step.sends.iter().all(to_itself)
        });
        match (last, own) {
            (Some(last), Some(own)) => {
                last.within.push(own);
                last.step.sends.extend(draft.step.sends);
                last.step.lines.extend(draft.step.lines);
                last.places.extend(draft.places);
            }
            _ => folded.push(draft),
        }
    }
    folded
}

/// The steps of one peer, in its own order.
struct Line {
    lifeline: usize,
    drafts: Vec<Draft>,
    has_started: bool,
}

impl Line {
    fn new(lifeline: usize) -> Self {
        Self { lifeline, drafts: Vec::new(), has_started: false }
    }

    /// Adds the peer's next event.
    fn add(&mut self, item: &Item, rank: usize, ends: &Ends) {
        match &item.event {
            ItemKind::Sent { to, what, .. } => self.send(item, rank, ends, *to, what),
            ItemKind::Received { from, .. } => {
                let draft = self.push(item, rank, Marker::Dot, "");
                draft.step.received = ends.received;
                draft.is_own = *from == Some(item.at);
            }
            ItemKind::Does { marker, says, joins } => {
                let open = |last: &&mut Draft| {
                    let plain = last.step.marker == Marker::Dot && last.step.sends.is_empty();
                    let soon = *marker != Marker::Note || last.is_within(LONGEST_THOUGHT_US, item);
                    *joins && plain && last.step.received.is_some() && soon
                };
                let Some(last) = self.drafts.last_mut().filter(open) else {
                    self.push(item, rank, *marker, says);
                    return;
                };
                (last.step.marker, last.step.says) = (*marker, says.clone());
                last.step.lines.push(item.text.clone());
                last.places.push(item.place);
            }
            ItemKind::Started { says } => {
                if self.has_started {
                    self.end(Marker::Lost, "crashed");
                }
                self.has_started = true;
                if let Some(says) = says {
                    self.push(item, rank, Marker::Start, says);
                }
            }
        }
    }

    fn send(&mut self, item: &Item, rank: usize, ends: &Ends, to: Option<u16>, what: &str) {
        // A notice that is left out.
        if ends.sends.is_empty() {
            return;
        }
        let open = |last: &Draft| {
            let speaks = matches!(last.step.marker, Marker::Dot | Marker::Star | Marker::Note);
            speaks
                && last.what.as_deref().is_none_or(|before| before == what)
                && last.is_within(LONGEST_STEP_US, item)
                && (to.is_none() || !last.told.contains(&to))
        };
        // A broadcast goes on when its own copy has arrived.
        let goes_on = match self.drafts.as_slice() {
            [.., asks, own] if own.is_own && own.what.is_none() => {
                asks.what.as_deref() == Some(what) && open(asks)
            }
            _ => false,
        };
        let at = self.drafts.len().wrapping_sub(1 + usize::from(goes_on));
        if self.drafts.get(at).is_some_and(open) {
            let draft = &mut self.drafts[at];
            draft.step.lines.push(item.text.clone());
            draft.places.push(item.place);
            draft.send(ends, to, what);
        } else {
            self.push(item, rank, Marker::Dot, "").send(ends, to, what);
        }
    }

    /// The peer is gone after its last step.
    fn end(&mut self, marker: Marker, says: &str) {
        let Some(last) = self.drafts.last() else { return };
        let step = Step { lifeline: self.lifeline, marker, says: says.into(), ..Step::default() };
        let (rank, time_us) = (last.rank, last.time_us);
        self.drafts.push(Draft { step, rank, time_us, ..Draft::default() });
    }

    fn push(&mut self, item: &Item, rank: usize, marker: Marker, says: &str) -> &mut Draft {
        let step = Step {
            lifeline: self.lifeline,
            marker,
            says: says.into(),
            lines: vec![item.text.clone()],
            ..Step::default()
        };
        let (time_us, places) = (item.time_us, vec![item.place]);
        self.drafts.push(Draft { step, rank, time_us, places, ..Draft::default() });
        self.drafts.last_mut().expect("one was pushed")
    }
}

/// The steps of these drafts, the alarms that they show, and what of the others is to be said;
/// tells the arrows where their ends are.
pub fn settle(
    drafts: Vec<Draft>,
    arrows: &mut [Arrow],
    alarms: &[Alarm],
) -> (Vec<Step>, Vec<DrawnFinding>, Vec<String>) {
    let (findings, remarks) = alarm::place(&drafts, alarms);
    let mut steps = Vec::new();
    for (index, draft) in drafts.into_iter().enumerate() {
        for &arrow in &draft.step.sends {
            if let Some(arrow) = arrows.get_mut(arrow) {
                arrow.sent = Some(index);
            }
        }
        for arrow in draft.step.received.into_iter().chain(draft.within) {
            if let Some(arrow) = arrows.get_mut(arrow) {
                arrow.received = Some(index);
            }
        }
        steps.push(draft.step);
    }
    (steps, findings, remarks)
}
