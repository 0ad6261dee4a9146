//! From the events of a run to steps and arrows: what a peer does at once is one point on its line.
//!
//! A step is at most one receipt, and after it, without another receipt between, the messages of
//! one content that the peer sends. Joining neighbours on one line can never put a receipt above
//! its send: between them the peer heard nothing.

use std::collections::BTreeSet;

use super::alarm::Alarm;
use super::markers::Marker;
use super::model::{Arrow, ArrowEnd, Lifeline, Step};
use super::order;
use super::pairs::{MessageCounts, Pair, pair};
use super::window::{Extent, MOST_LIFELINES, Place};

/// One event of a run, as the picture needs it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The peer whose line this is.
    pub at: u16,
    /// By the clock of that peer, since 1970.
    pub time_us: Option<u64>,
    /// Where it stands.
    pub place: Place,
    /// The line, fit to be shown.
    pub text: String,
    /// How many messages of the same key went the same way before; see [`MessageCounts::take`].
    pub nth: u32,
    /// What happened.
    pub event: ItemKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// A message leaves.
    Sent {
        /// To whom, if the line says so.
        to: Option<u16>,
        /// Its content: messages of one content are alike.
        what: String,
        /// True if it is left out where its receipt is not drawn.
        quiet: bool,
    },
    /// A message arrives.
    Received {
        /// From whom, if the line says so.
        from: Option<u16>,
        /// Its content.
        what: String,
    },
    /// The process begins; if it is not the first time, it must have ended before.
    Started {
        /// In words, if it is to be drawn.
        says: Option<String>,
    },
    /// The peer does something else.
    Does {
        /// What stands on its line.
        marker: Marker,
        /// In words.
        says: String,
        /// True if it belongs to the receipt just before.
        joins: bool,
    },
}

/// A step on its way into the picture.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The step; its time is not set yet.
    pub step: Step,
    /// The place of its first event among all: the order of the log.
    pub rank: usize,
    /// By the clock of the peer, since 1970.
    pub time_us: Option<u64>,
    /// The lines it was made from.
    pub places: Vec<Place>,
    /// The content of what it sends.
    what: Option<String>,
    /// To whom; the same message to the same peer is a new step.
    told: Vec<Option<u16>>,
}

impl Draft {
    /// A step that was made from these lines.
    pub fn of(step: Step, places: Vec<Place>) -> Self {
        Self { step, places, ..Self::default() }
    }
}

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

/// The messages that an event sends, and the one that it receives.
#[derive(Clone, Debug, Default)]
struct Ends {
    sends: Vec<usize>,
    received: Option<usize>,
}

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
            line.end("log ends");
        }
    }
    let lines = lines.into_iter().map(|line| line.drafts).collect();
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
        lines: lines.filter_map(|line| Some(items.get(line)?.text.clone())).collect(),
    })
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
            ItemKind::Received { .. } => {
                self.push(item, rank, Marker::Dot, "").step.received = ends.received;
            }
            ItemKind::Does { marker, says, joins } => {
                let open = |last: &&mut Draft| {
                    let plain = last.step.marker == Marker::Dot && last.step.sends.is_empty();
                    *joins && plain && last.step.received.is_some()
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
                    self.end("crashed");
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
            let speaks = matches!(last.step.marker, Marker::Dot | Marker::Star);
            let soon = |(before, now): (u64, u64)| now.saturating_sub(before) <= LONGEST_STEP_US;
            speaks
                && last.what.as_deref().is_none_or(|before| before == what)
                && last.time_us.zip(item.time_us).is_none_or(soon)
                && (to.is_none() || !last.told.contains(&to))
        };
        if !self.drafts.last().is_some_and(open) {
            self.push(item, rank, Marker::Dot, "");
        } else if let Some(last) = self.drafts.last_mut() {
            last.step.lines.push(item.text.clone());
            last.places.push(item.place);
        }
        if let Some(last) = self.drafts.last_mut() {
            last.step.sends.extend(&ends.sends);
            last.what = Some(what.to_owned());
            last.told.push(to);
        }
    }

    /// The peer is gone after its last step.
    fn end(&mut self, says: &str) {
        let Some(last) = self.drafts.last() else { return };
        let step = Step {
            lifeline: self.lifeline,
            marker: Marker::Lost,
            says: says.into(),
            ..Step::default()
        };
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

/// The steps of these drafts, with alarms behind those that show them, and what of the alarms has
/// no place; tells the arrows where their ends are.
pub fn settle(
    mut drafts: Vec<Draft>,
    arrows: &mut [Arrow],
    alarms: &[Alarm],
) -> (Vec<Step>, Vec<String>) {
    let remarks = super::alarm::place(&mut drafts, alarms);
    let steps: Vec<Step> = drafts.into_iter().map(|draft| draft.step).collect();
    for (index, step) in steps.iter().enumerate() {
        for &arrow in &step.sends {
            if let Some(arrow) = arrows.get_mut(arrow) {
                arrow.sent = Some(index);
            }
        }
        if let Some(arrow) = step.received.and_then(|arrow| arrows.get_mut(arrow)) {
            arrow.received = Some(index);
        }
    }
    (steps, remarks)
}
