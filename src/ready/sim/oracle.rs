//! What is known of one run of `ready`, and what in it violates a property.
//!
//! It is kept from what was delivered, said and done; nothing is taken from the protocol's own
//! idea of who was heard.

use std::collections::BTreeSet;

use super::plan::{Mode, TIMEOUT};
use crate::process::PeerId;
use crate::ready::{Fact, Message};
use crate::sim::harness::{Figure, Property, Scenario, Simulated, Tally, Violations};
use crate::sim::{Faults, index};

/// What `READY` promises.
pub const LINKS_CARRIED: Property = Property::new(
    "links-carried",
    "when a peer says READY, every peer has started and every link to and from it has carried a \
     datagram",
);
/// The condition, as one peer can see it.
pub const ACKNOWLEDGED: Property =
    Property::new("acknowledged", "whoever says READY has had an ACK! from each of the others");
/// Once is enough.
pub const SAID_ONCE: Property = Property::new("said-once", "READY is said once in an incarnation");
/// What `--exit` is for.
pub const LEAVES_TOGETHER: Property = Property::new(
    "leaves-together",
    "nobody leaves before its time is over, unless it was started with --exit and all have said \
     READY",
);
/// Exit code 1 is for worlds that are worse than these.
pub const NOBODY_GIVES_UP: Property =
    Property::in_time("nobody-gives-up", "nobody ends without being ready");
/// What the others depend on.
pub const ALWAYS_ANSWERS: Property = Property::new(
    "always-answers",
    "whoever hears ALIVE? answers it with ACK! in the same step, always",
);
/// Not after a sleep.
pub const ASKS_AT_ONCE: Property = Property::new(
    "asks-at-once",
    "the first ALIVE? to a peer leaves as soon as its address is known",
);
/// It always ends.
pub const ENDS_READY: Property = Property::in_time(
    "ends-ready",
    "everybody is ready within 90 s of the last start in world lossy (45 intervals), 20 s after \
     the recovery phase begins in heavy, and three one-way delays of the last start in none",
);

/// All of them.
pub const PROPERTIES: &[Property] = &[
    LINKS_CARRIED,
    ACKNOWLEDGED,
    SAID_ONCE,
    LEAVES_TOGETHER,
    NOBODY_GIVES_UP,
    ALWAYS_ANSWERS,
    ASKS_AT_ONCE,
    ENDS_READY,
];

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadyTally {
    /// How often `READY` was said.
    pub ready: u64,
    /// How many left before their time was over.
    pub left_together: u64,
    /// The longest time from the last start to `READY`, in microseconds.
    pub longest_us: u64,
}

impl Tally for ReadyTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("said READY", Figure::Sum(self.ready)),
            ("left together", Figure::Sum(self.left_together)),
            ("ready after the last", Figure::Longest(self.longest_us)),
        ]
    }
}

/// How soon after the last start, and the beginning of the recovery phase, everybody is ready.
fn bound_us(world: &str) -> u64 {
    match world {
        // A question and its answer are both carried once in two intervals; with nine peers not
        // every one of 72 links has done so after 45 intervals once in a hundred thousand million
        // runs.
        "lossy" => 90_000_000,
        "heavy" => 20_000_000,
        // A question, the answer's question, and the answer to that.
        _ => 3 * Faults::none().delay.most,
    }
}

/// What is known of one peer.
#[derive(Clone, Default)]
struct Peer {
    /// When this incarnation began; none before the first.
    started: Option<u64>,
    /// This incarnation has said READY.
    ready: bool,
    /// Some incarnation has.
    was_ready: bool,
    /// Whose datagrams have been delivered to it, in any incarnation.
    carried: BTreeSet<PeerId>,
    /// Whose acknowledgements have, in this incarnation.
    acknowledged: BTreeSet<PeerId>,
    /// Whose questions it has heard in this step and not answered.
    owed: Vec<PeerId>,
    /// To whom a first question is due in this step.
    due: Option<PeerId>,
    /// Both of the step before: in this one it is certain that no crash has cut that one short.
    late: (Vec<PeerId>, Option<PeerId>),
}

/// What is known of one run.
pub(super) struct Oracle {
    pub(super) violations: Violations,
    pub(super) tally: ReadyTally,
    mode: Mode,
    peers: Vec<Peer>,
    /// When the last one began for the first time, and when the world was healed.
    last_start: u64,
    healed: u64,
    bound: u64,
    /// The shortest time of a clock that runs wrong, in parts of a million.
    drift: u64,
}

impl Oracle {
    pub(super) fn new(run: &Scenario<impl Simulated>, mode: Mode) -> Self {
        Self {
            violations: Violations::new(run.only),
            tally: ReadyTally::default(),
            mode,
            peers: vec![Peer::default(); run.peers.into()],
            last_start: 0,
            // Until it is, the bound says nothing.
            healed: u64::MAX,
            bound: bound_us(run.world),
            drift: run.faults.drift.into(),
        }
    }

    fn others(&self, peer: PeerId) -> impl Iterator<Item = PeerId> + use<> {
        let count = u16::try_from(self.peers.len()).unwrap_or(u16::MAX);
        (1..=count).map(PeerId).filter(move |other| *other != peer)
    }

    pub(super) fn started(&mut self, now: u64, peer: PeerId) {
        let of = &mut self.peers[index(peer)];
        if of.started.is_none() {
            self.last_start = now;
        }
        let (was_ready, carried) = (of.was_ready, std::mem::take(&mut of.carried));
        *of = Peer { started: Some(now), was_ready, carried, ..Peer::default() };
    }

    pub(super) fn healed(&mut self, now: u64) {
        self.healed = now;
    }

    /// The peer knows this address now.
    pub(super) fn connected(&mut self, peer: PeerId, other: PeerId) {
        let of = &mut self.peers[index(peer)];
        of.due = (!of.acknowledged.contains(&other)).then_some(other);
    }

    pub(super) fn received(&mut self, peer: PeerId, from: PeerId, message: Message) {
        let of = &mut self.peers[index(peer)];
        of.carried.insert(from);
        match message {
            Message::Alive => of.owed.push(from),
            Message::Ack => _ = of.acknowledged.insert(from),
            Message::Ready => {}
        }
    }

    pub(super) fn sent(&mut self, peer: PeerId, to: PeerId, message: Message) {
        let of = &mut self.peers[index(peer)];
        match message {
            Message::Ack => of.owed.retain(|owed| *owed != to),
            Message::Alive if of.due == Some(to) => of.due = None,
            Message::Alive | Message::Ready => {}
        }
    }

    /// A step has been taken. `knows` says whose addresses the peer knows.
    pub(super) fn stepped(&mut self, peer: PeerId, knows: &BTreeSet<PeerId>) {
        let of = &mut self.peers[index(peer)];
        // An answer that has no address to go to cannot be given.
        of.owed.retain(|to| knows.contains(to));
        let now = (std::mem::take(&mut of.owed), of.due.take());
        let (owed, due) = std::mem::replace(&mut of.late, now);
        if let Some(to) = owed.first() {
            self.violations.add(ALWAYS_ANSWERS, || format!("{peer} does not answer {to}"));
        }
        if let Some(to) = due {
            self.violations.add(ASKS_AT_ONCE, || {
                format!("{peer} learns the address of {to} and does not ask it")
            });
        }
    }

    /// A crash has cut a step short.
    pub(super) fn crashed(&mut self, peer: PeerId) {
        let of = &mut self.peers[index(peer)];
        (of.owed, of.due, of.late) = <_>::default();
    }

    pub(super) fn reported(&mut self, now: u64, peer: PeerId, fact: &Fact) {
        if *fact == Fact::Ready {
            self.says_ready(now, peer);
        }
    }

    fn says_ready(&mut self, now: u64, peer: PeerId) {
        let of = &mut self.peers[index(peer)];
        let again = std::mem::replace(&mut of.ready, true);
        of.was_ready = true;
        self.tally.ready += 1;
        if again {
            self.violations.add(SAID_ONCE, || format!("{peer} says READY again"));
        }
        for other in self.others(peer) {
            let (mine, its) = (&self.peers[index(peer)], &self.peers[index(other)]);
            let acknowledged = mine.acknowledged.contains(&other);
            let missing = if its.started.is_none() {
                Some(format!("{other} has not started"))
            } else if !its.carried.contains(&peer) {
                Some(format!("nothing of it has reached {other}"))
            } else if !mine.carried.contains(&other) {
                Some(format!("nothing of {other} has reached it"))
            } else {
                None
            };
            if let Some(missing) = missing {
                self.violations.add(LINKS_CARRIED, || format!("{peer} says READY, but {missing}"));
            }
            if !acknowledged {
                self.violations.add(ACKNOWLEDGED, || {
                    format!("{peer} says READY without an ACK! from {other}")
                });
            }
        }
        let started = self.peers[index(peer)].started.unwrap_or(0);
        let took = now.saturating_sub(self.last_start.max(self.healed).max(started));
        self.tally.longest_us = self.tally.longest_us.max(took);
        if took > self.bound {
            self.too_late(peer);
        }
    }

    fn too_late(&mut self, peer: PeerId) {
        let bound = self.bound / 1000;
        self.violations.add(ENDS_READY, || format!("{peer} is not ready after {bound} ms"));
    }

    pub(super) fn halted(&mut self, now: u64, peer: PeerId, code: u8) {
        let of = &self.peers[index(peer)];
        let (ready, lived) = (of.ready, now - of.started.unwrap_or(0));
        if code != 0 || !ready {
            let how = || format!("{peer} ends with exit code {code}, ready: {ready}");
            self.violations.add(NOBODY_GIVES_UP, how);
        }
        // A clock that is fast by this much says so.
        let whole = u64::try_from(TIMEOUT.as_micros()).unwrap_or(u64::MAX);
        let over = lived >= whole - whole / 1_000_000 * self.drift;
        let leaves = |(id, peer): (u16, &Peer)| peer.was_ready && self.mode.exits(PeerId(id));
        let together = (1..).zip(&self.peers).all(leaves);
        self.tally.left_together += u64::from(!over);
        if !over && !together {
            let ms = lived / 1000;
            let how = || format!("{peer} leaves {ms} ms after it started, and may not yet");
            self.violations.add(LEAVES_TOGETHER, how);
        }
    }

    /// The run is over, and not by a violation.
    pub(super) fn ended(&mut self) {
        for peer in (1..=u16::try_from(self.peers.len()).unwrap_or(u16::MAX)).map(PeerId) {
            if !self.peers[index(peer)].ready {
                self.too_late(peer);
            }
        }
    }
}
