//! What will happen, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::process::Process;

/// Something that will happen. Peers are indices here, from 0.
pub(super) enum Event<P: Process> {
    /// A message arrives.
    Deliver { from: usize, to: usize, carrier: Carrier, message: P::Message },
    /// A timer's deadline; only if it was not set again since.
    Timer { at: usize, stamp: u64, timer: P::Timer },
    /// A flush ends, in this incarnation of its peer.
    Flushed { at: usize, incarnation: u32 },
    /// The process takes a step of its own, if one is due, in this incarnation.
    Proceed { at: usize, incarnation: u32 },
    /// A client asks for something.
    Input { at: usize, input: P::Input },
    /// The wire comes up, unless it is cut for longer.
    WireUp { from: usize, to: usize },
    /// `at` learns that both wires between it and `with` are up, if they still are those.
    Joined { at: usize, with: usize, wires: [u32; 2] },
    /// A peer begins an incarnation.
    Boot { at: usize },
    /// A paused peer goes on.
    Resume { at: usize },
    /// The next partition.
    Partition,
    /// The next one-way cut.
    OneWay,
    /// The next pause.
    Pause,
    /// The fault phase ends.
    Heal,
}

/// How a message travels.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    /// Over this connection of the wire, and not beyond its end.
    Connection(u32),
    /// Outside of a connection: late, and whatever became of that.
    Unordered,
}

struct Entry<P: Process> {
    time: u64,
    sequence: u64,
    event: Event<P>,
}

impl<P: Process> PartialEq for Entry<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<P: Process> Eq for Entry<P> {}

impl<P: Process> PartialOrd for Entry<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Process> Ord for Entry<P> {
    /// The heap gives its largest: that must be the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

/// All that will happen.
pub(super) struct Queue<P: Process> {
    heap: BinaryHeap<Entry<P>>,
    sequence: u64,
}

impl<P: Process> Queue<P> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::with_capacity(256), sequence: 0 }
    }

    /// At one time, what was put first comes first.
    pub(super) fn put(&mut self, time: u64, event: Event<P>) {
        self.sequence += 1;
        self.heap.push(Entry { time, sequence: self.sequence, event });
    }

    pub(super) fn take(&mut self) -> Option<(u64, Event<P>)> {
        self.heap.pop().map(|entry| (entry.time, entry.event))
    }
}
