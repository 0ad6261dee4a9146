//! The simulator: drives any [`Process`] through a run that is nothing but its seed.
//!
//! # One queue, one clock, one generator
//!
//! A [`World`] holds all peers of a run. What will happen stands in one queue, ordered by virtual
//! time and then by the order in which it was put there; the clock jumps from one entry to the
//! next. Every choice (how long a message travels, whether a peer crashes, where) is drawn from
//! one generator ([`prng`]). No map with a random order, no address and no real time is ever
//! looked at. So the same seed gives the same run, on every machine and forever.
//!
//! # What it keeps of the real driver
//!
//! * Outputs leave in the order of the steps, each when all records appended up to it are durable.
//!   One flush serves all records that wait for it.
//! * A link is a pair of wires, one each way. A wire keeps the order of its messages and loses
//!   them while it is down; [`Process::connected`] comes once both are up again.
//! * A message to oneself is delivered within the same step.
//! * An incarnation makes durable what it restored, as a snapshot, and starts when that is through.
//!
//! # What it does to them
//!
//! [`faults`] lists it. Where the contract allows a driver to be kinder than the simulator, the
//! simulator is unkind: it also reorders and repeats messages, across the ends of connections too.
//! A crash can happen between any two effects of a step: the ones before it have happened, the ones
//! behind it never will. It is a kill or a power loss. A kill leaves what was written in the page
//! cache, and the next incarnation reads it there. A power loss takes some or all of what no flush
//! has served, also from an incarnation that ends before its first flush (`log.rs` has the table).
//! An incarnation that follows on a crash is likely to crash soon.
//!
//! # Two phases
//!
//! The *fault phase* has all faults, and the [`RunObserver`] looks at everything after every step.
//! In the
//! *recovery phase* every link comes up anew, nothing goes wrong any more, and what the observer
//! waits for must be reached within [`RunConfig::time_limit`] of virtual time. A protocol that is
//! merely silent keeps every promise; the recovery phase is what it fails. A world without a fault
//! phase never recovers: the goal must be reached in spite of all that goes wrong in it.
//!
//! # Twice
//!
//! A run can be written down as what happened, without times and without chance, and be played from
//! that: [`script`] says what it is, [`ddmin`] takes out of it all that a failure does not need.
//!
//! # Left out
//!
//! A disk that lies about what it has flushed, or damages what it kept. (The cure for the second is
//! in the log's checksums; against the first nothing helps but another machine.) A flush that
//! fails: the process ends then, and its next incarnation begins as after a kill. Sectors and
//! renames: a log loses some last records here, and the tests of `node` take it apart further.

mod choices;
pub mod ddmin;
mod disk;
pub mod faults;
pub mod gated;
pub mod harness;
mod host;
mod log;
pub mod mutant;
pub mod prng;
mod queue;
pub mod script;
mod wires;
mod world;

use std::borrow::Cow;

use crate::process::{Effect, Output, PeerId, Process};

pub use choices::Arrivals;
pub use faults::{FaultEpisode, Faults, Span};
pub use host::index;
pub use prng::Prng;
pub use script::{Cause, Script, ScriptOf, ScriptStep, StepOf};
pub use world::World;

/// Sees all of a run and judges it.
pub trait RunObserver<P: Process> {
    /// The peer has been given its records, which are durable, and is about to start.
    fn started(&mut self, now: u64, peer: PeerId, process: &P);
    /// This record of the peer is durable now.
    fn durable(&mut self, now: u64, peer: PeerId, record: &P::Record);
    /// Others can see this now.
    fn observe(&mut self, now: u64, peer: PeerId, seen: &Output<P>);
    /// The process has taken a step. Its records may still wait for a flush.
    fn stepped(&mut self, now: u64, peer: PeerId, process: &P);
    /// A message was refused, which no honest peer can have sent.
    fn refused(&mut self, now: u64, peer: PeerId, from: PeerId, why: String);
    /// Nothing goes wrong from here on.
    fn healed(&mut self, now: u64);
    /// True ends the run: something was wrong.
    fn failed(&self) -> bool;
    /// True if the goal of the recovery phase is reached, as things stand.
    fn reached(&self) -> bool;

    /// True if the crash that is about to happen within these effects does not. So an observer can
    /// keep crashes apart from each other, or for the steps that matter.
    fn vetoes(&mut self, _now: u64, _peer: PeerId, _effects: &[Effect<P>]) -> bool {
        false
    }

    /// The process has crashed. False if it never begins again. Not asked of an incarnation that
    /// was never born: it begins again.
    fn crashed(&mut self, _now: u64, _peer: PeerId) -> bool {
        true
    }

    /// The process has ended itself, with this exit code, and stays away.
    fn halted(&mut self, _now: u64, _peer: PeerId, _code: u8) {}

    /// A message is about to be lost or overtaken. False if it is not.
    fn loses(&mut self, _now: u64) -> bool {
        true
    }

    /// The peer is about to be paused. False if it is not.
    fn pauses(&mut self, _now: u64, _peer: PeerId) -> bool {
        true
    }

    /// The peer was paused and goes on now.
    fn resumed(&mut self, _now: u64, _peer: PeerId) {}
}

/// What a run is, beside its seed and its observer.
#[derive(Clone, Debug)]
pub struct RunConfig<'a> {
    /// How many peers; their ids are 1 to this.
    pub peers: u16,
    /// The pairs that keep links with each other.
    pub links: Cow<'a, [(PeerId, PeerId)]>,
    /// What goes wrong.
    pub faults: &'a Faults,
    /// How much virtual time the recovery phase has, in microseconds.
    pub time_limit: u64,
    /// What a message needs at least from one peer to another, added to the delay of
    /// [`Faults::delay`]; `(from - 1) * peers + to - 1` is the index. Empty: nothing.
    pub distances: &'a [u64],
    /// Peers that never begin.
    pub absent: &'a [PeerId],
    /// For a protocol that has datagrams only: how long after its birth a peer learns where another
    /// one is, and the others where it is, if it was elsewhere before. [`Process::connected`] tells
    /// it, whether or not the other one listens yet. With none the links tell who is there, and
    /// datagrams find their way from the first step on.
    pub addresses: Option<Span>,
    /// What becomes of records.
    pub disk: DiskModel,
}

/// How the driver treats its disk: as it must, or as a mutant of the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskModel {
    /// There is none. Every incarnation begins with nothing.
    None,
    /// What stands behind a record leaves when the record is durable, and an incarnation starts
    /// when what it restored is.
    Sound,
    /// A mutant. An incarnation takes what it reads for durable, so it starts at once.
    CacheTrusted,
    /// A mutant. Records are written and never flushed.
    NeverFlushed,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The goal was reached in the recovery phase.
    Reached,
    /// The observer found something wrong.
    Failed,
    /// The recovery phase ended without the goal.
    TooLate,
    /// The script has no more steps, and the observer has found nothing wrong.
    Over,
}

/// What happened in a run, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events fed to processes.
    pub steps: u64,
    /// Messages that a link took, without those of a peer to itself.
    pub sent: u64,
    /// Messages that arrived, copies included; without those of a peer to itself.
    pub delivered: u64,
    /// Messages that were sent, or would have been, and never arrived.
    pub lost: u64,
    /// Second copies.
    pub duplicated: u64,
    /// Messages sent out of their order.
    pub reordered: u64,
    /// Crashes, each followed by another incarnation.
    pub crashes: u64,
    /// Those of them that were power losses.
    pub power_losses: u64,
    /// Those of them that came before the first flush of an incarnation was through.
    pub unheard: u64,
    /// Records that a crash took.
    pub records_lost: u64,
    /// Wires cut by partitions and one-way cuts.
    pub cuts: u64,
    /// Pauses.
    pub pauses: u64,
    /// Of a script: messages that were not sent word for word, so that others arrived instead.
    pub substituted: u64,
}

impl Counts {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.crashes += other.crashes;
        self.power_losses += other.power_losses;
        self.unheard += other.unheard;
        self.records_lost += other.records_lost;
        self.cuts += other.cuts;
        self.pauses += other.pauses;
        self.substituted += other.substituted;
    }
}
