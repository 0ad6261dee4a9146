//! Takes the lines of a run one by one and keeps what the picture needs.
//!
//! A run can have any length, a picture cannot. So the events of a window are kept, up to
//! [`MOST_EVENTS`]; of all others only counts stay, among them how often each message was sent
//! and received, so that a message whose other end is outside the window is not called lost.

use std::collections::{BTreeMap, HashMap};

use crate::paxos::event::{Action, MessageType};
use crate::paxos::judge::dialect::{Entry, Number};
use crate::visible::clipped;

/// How many events are drawn at most; the picture says how many more there are.
pub const MOST_EVENTS: usize = 3_000;
/// How many peers are drawn at most: those whose events come first.
pub const MOST_LIFELINES: usize = 40;
/// For how many messages outside the window it is remembered that they are on their way. Beyond,
/// a message that enters the window may be drawn as one that nobody sent.
const MOST_OUTSIDE: usize = 100_000;

/// Where a line stands: the file's place among those given, from 0, and the line in it, from 1.
pub type Place = (usize, u64);

/// Which part of a run is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub from: Option<Bound>,
    /// Up to here, included.
    pub to: Option<Bound>,
    /// Only messages about this proposal number, beside what is no message.
    pub number: Option<Number>,
    /// Draw also what says nothing new: links that come up, and notices to peers that know.
    pub all: bool,
}

/// One end of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Microseconds since the first event with a time.
    Time(u64),
    /// The place of an event in the log, from 1.
    Event(u64),
}

/// An event in the window.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) entry: Entry<'static>,
    /// The peer whose line this is; none until it is found out.
    pub(super) at: Option<u16>,
    pub(super) place: Place,
    /// The line, fit to be shown.
    pub(super) text: String,
    /// How many messages of the same key went the same way before.
    pub(super) nth: u32,
}

/// What makes two lines tell of the same message: from, to, type, number, value.
pub(super) type Key = (u16, Option<u16>, MessageType, Option<Number>, Option<String>);

/// How often a message was sent and received, in the window and outside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) sent: u32,
    pub(super) received: u32,
    kept: bool,
}

/// What is known of one peer, whatever the window.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub(super) struct Known {
    pub(super) proposes: bool,
    pub(super) accepts: bool,
    pub(super) is_told: bool,
    pub(super) lives: u32,
    /// Where the last of its lines stands.
    pub(super) last: Place,
    /// It knows the choice, in its present life.
    knows: bool,
    /// What it chose first: value, number, time.
    pub(super) chose: Option<(String, Option<Number>, Option<u64>)>,
}

/// Takes events, gives a picture.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    pub(super) window: Window,
    pub(super) kept: Vec<Kept>,
    pub(super) counts: HashMap<Key, Count>,
    pub(super) peers: BTreeMap<u16, Known>,
    /// All choices that differ: value, its lowest number.
    pub(super) choices: BTreeMap<String, Option<Number>>,
    /// How many lines there were.
    pub(super) total: u64,
    pub(super) messages: u64,
    /// Lines that were in the window, but too many.
    pub(super) beyond: u64,
    /// Lines outside the window.
    pub(super) outside: u64,
    /// Events of peers for whom there is no room.
    pub(super) crowded: u64,
    /// Notices to peers that knew, and links that came up.
    pub(super) hushed: u64,
    /// Lines that journals say are missing.
    pub(super) lost: u64,
    pub(super) first_us: Option<u64>,
    pub(super) first_sent_us: Option<u64>,
    last_us: u64,
}

/// How much of a line is kept.
const LONGEST_TEXT: usize = 1_000;
/// How many different chosen values are remembered: two are already a disaster.
const MOST_CHOICES: usize = 8;

impl Collector {
    /// A collector for this window.
    pub fn new(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    /// True if there was no event at all.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// What the whole has, if the window has nothing of it: so many events in so many microseconds.
    pub fn missed(&self) -> Option<(u64, u64)> {
        let narrow = self.window.from.is_some() || self.window.to.is_some();
        let is_message = |kept: &Kept| matches!(kept.entry.action, Action::Sent | Action::Received);
        let missed = (narrow && self.kept.is_empty())
            || (self.window.number.is_some() && !self.kept.iter().any(is_message));
        missed.then(|| (self.total, self.last_us.saturating_sub(self.first_us.unwrap_or(0))))
    }

    /// True if no line of the log had a time.
    pub fn is_untimed(&self) -> bool {
        self.first_us.is_none()
    }

    /// Takes the next event, which stands at `place` and came as `text`.
    pub fn take(&mut self, entry: &Entry<'_>, text: &str, place: Place) {
        self.total += 1;
        self.first_us = self.first_us.or(entry.time_us);
        self.last_us = self.last_us.max(entry.time_us.unwrap_or(0));
        let mut knew = false;
        if let Some(at) = entry.printer {
            if !self.peers.contains_key(&at) && self.peers.len() >= MOST_LIFELINES {
                self.crowded += 1;
                return;
            }
            knew = self.learn(entry, at);
            self.peers.entry(at).or_default().last = place;
        }
        let visible = self.in_window(entry);
        let hushed = !self.window.all && is_quiet(entry, knew);
        let keep = visible && !hushed && self.kept.len() < MOST_EVENTS;
        let nth = self.count(entry, keep);
        if keep {
            let entry = entry.clone().into_owned();
            let text = clipped(text, LONGEST_TEXT);
            self.kept.push(Kept { at: entry.printer, entry, place, text, nth });
        } else if !visible {
            self.outside += 1;
        } else if hushed {
            self.hushed += 1;
        } else {
            self.beyond += 1;
        }
    }

    /// Updates what is known of the peer; true if it knew the choice before.
    fn learn(&mut self, entry: &Entry<'_>, at: u16) -> bool {
        let known = self.peers.entry(at).or_default();
        let knew = known.knows;
        let sent = entry.action == Action::Sent;
        match entry.message_type {
            Some(MessageType::Prepare | MessageType::Accept) => {
                known.proposes |= sent;
                known.accepts |= entry.action == Action::Received;
            }
            Some(MessageType::PrepareAck | MessageType::AcceptAck) => {
                known.accepts |= sent;
                known.is_told |= !sent && entry.message_type == Some(MessageType::AcceptAck);
            }
            _ => {}
        }
        match entry.action {
            Action::Started => {
                known.lives += 1;
                // A new life learns the choice anew.
                known.knows = false;
            }
            Action::Chose => {
                let value = entry.value.as_deref().unwrap_or_default().to_owned();
                let number = entry.number;
                if self.choices.len() < MOST_CHOICES || self.choices.contains_key(&value) {
                    let lowest = self.choices.entry(value.clone()).or_insert(number);
                    *lowest = (*lowest).min(number);
                }
                known.knows = true;
                known.chose.get_or_insert((value, number, entry.time_us));
            }
            Action::Sent | Action::Received => {
                self.messages += u64::from(sent);
                if sent && self.first_sent_us.is_none() {
                    self.first_sent_us = entry.time_us;
                }
            }
            Action::Lost => self.lost = self.lost.saturating_add(entry.lost.unwrap_or(1)),
            Action::Connected | Action::Noted => {}
        }
        knew
    }

    fn in_window(&self, entry: &Entry<'_>) -> bool {
        let since = entry.time_us.map(|t| t.saturating_sub(self.first_us.unwrap_or(t)));
        // What has no time is in no window of time.
        let inside = |bound: Option<Bound>, fits: fn(u64, u64) -> bool| match bound {
            None => true,
            Some(Bound::Time(bound)) => since.is_some_and(|since| fits(since, bound)),
            Some(Bound::Event(bound)) => fits(self.total, bound),
        };
        let wanted = self.window.number;
        let about = entry.answers.or(entry.number);
        let is_message = matches!(entry.action, Action::Sent | Action::Received);
        let other_number = is_message && wanted.is_some() && about != wanted
            // A refusal belongs to both numbers.
            && entry.number != wanted;
        inside(self.window.from, |t, bound| t >= bound)
            && inside(self.window.to, |t, bound| t <= bound)
            && !other_number
    }

    /// Counts a message; says how many of its key went the same way before.
    fn count(&mut self, entry: &Entry<'_>, keep: bool) -> u32 {
        let Some((key, sent)) = key(entry, entry.printer) else { return 0 };
        let room = keep || (self.kept.len() < MOST_EVENTS && self.counts.len() < MOST_OUTSIDE);
        if !room && !self.counts.contains_key(&key) {
            return 0;
        }
        let count = self.counts.entry(key.clone()).or_default();
        count.kept |= keep;
        let way = if sent { &mut count.sent } else { &mut count.received };
        let nth = *way;
        *way = way.saturating_add(1);
        // Sent and arrived, and not drawn: forgotten.
        if count.sent == count.received && !count.kept {
            self.counts.remove(&key);
        }
        nth
    }
}

/// The message that a line tells of, and whether the line is the sender's.
pub(super) fn key(entry: &Entry<'_>, at: Option<u16>) -> Option<(Key, bool)> {
    let value = entry.value.as_deref().map(str::to_owned);
    let what = (entry.message_type?, entry.number, value);
    let (from, to, sent) = match entry.action {
        Action::Sent => (at?, entry.receiver, true),
        Action::Received => (entry.sender?, Some(at?), false),
        _ => return None,
    };
    Some(((from, to, what.0, what.1, what.2), sent))
}

/// Lines that say nothing new.
fn is_quiet(entry: &Entry<'_>, knew: bool) -> bool {
    match entry.action {
        Action::Connected => true,
        Action::Received => entry.message_type == Some(MessageType::Chosen) && knew,
        _ => false,
    }
}
