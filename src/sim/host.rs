//! One simulated machine: a process or the lack of it, a disk, timers, and what waits to leave.

use std::collections::VecDeque;

use super::log::Log;
use super::queue::Event;
use crate::process::{PeerId, Process};

/// What waits to leave until records are durable.
pub(super) enum Pending<P: Process> {
    Connected(PeerId),
    Received(PeerId, P::Message),
    /// To be sent, if a wire takes it.
    Send(PeerId, P::Message),
    /// To be sent as a datagram.
    Cast(PeerId, P::Message),
    Report(P::Fact),
}

pub(super) struct Host<P: Process> {
    /// Absent while the machine is down.
    pub(super) process: Option<P>,
    /// How many incarnations it has had.
    pub(super) incarnation: u32,
    /// An incarnation has begun, and its first flush is under way: there is no process yet.
    pub(super) is_booting: bool,
    /// How many processes were built here.
    pub(super) starts: u64,
    /// Its process has ended itself, and nothing starts here again.
    pub(super) has_halted: bool,
    /// How many steps this incarnation has taken.
    pub(super) steps: u32,
    /// Its records.
    pub(super) log: Log<P::Record>,
    /// Outputs behind records that wait for a flush; none if no record waits.
    pub(super) outputs: VecDeque<Pending<P>>,
    /// The deadline of each timer that is set: only the newest stamp counts.
    pub(super) timers: Vec<(P::Timer, u64)>,
    /// A step of its own is due, and scheduled.
    pub(super) is_proceeding: bool,
    /// What happened to it while it was paused; present while it is.
    pub(super) held: Option<Vec<Event<P>>>,
    /// A second of its clock, in microseconds of the true one.
    pub(super) second: u64,
}

impl<P: Process> Host<P> {
    pub(super) fn new(second: u64) -> Self {
        Self {
            process: None,
            incarnation: 0,
            starts: 0,
            has_halted: false,
            is_booting: false,
            steps: 0,
            log: Log::new(),
            outputs: VecDeque::new(),
            timers: Vec::new(),
            is_proceeding: false,
            held: None,
            second,
        }
    }

    /// Sets a timer: `stamp` replaces the one of its earlier deadline.
    pub(super) fn set_timer(&mut self, timer: P::Timer, stamp: u64) {
        match self.timers.iter_mut().find(|(set, _)| *set == timer) {
            Some(entry) => entry.1 = stamp,
            None => self.timers.push((timer, stamp)),
        }
    }

    /// Takes a timer whose deadline has come; false if it was set again since.
    pub(super) fn take_timer(&mut self, timer: P::Timer, stamp: u64) -> bool {
        let found = self.timers.iter().position(|entry| *entry == (timer, stamp));
        if let Some(index) = found {
            self.timers.swap_remove(index);
        }
        found.is_some()
    }
}

/// The index of this peer, from 0, in lists of all peers of a run.
pub fn index(peer: PeerId) -> usize {
    usize::from(peer.0) - 1
}

/// The name of the peer at this index.
pub(super) fn id(index: usize) -> PeerId {
    PeerId(u16::try_from(index + 1).unwrap_or(u16::MAX))
}
