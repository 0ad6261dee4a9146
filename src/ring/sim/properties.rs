//! What must hold in every run of the ring, and what is counted.

use crate::sim::harness::{Figure, Property, Tally};

/// What gets a name is the file.
pub(super) const EXACT: Property =
    Property::new("exact", "a file that is received is byte for byte the one that was stored");
/// No half of it.
pub(super) const WHOLE: Property =
    Property::new("whole", "a file gets its name only when all of its bytes have come");
/// Duplicates change nothing.
pub(super) const WRITTEN_ONCE: Property =
    Property::new("written-once", "no byte of a file that comes is written twice");
/// Moving loses nothing.
pub(super) const NOTHING_LOST: Property =
    Property::new("nothing-lost", "a file is removed only when another peer that is there has it");
/// Who leaves leaves its files.
pub(super) const HANDED_OVER: Property = Property::new(
    "handed-over",
    "the files of a peer that has quit are at another one that is there",
);
/// The time-out is kept.
pub(super) const NOT_EARLY: Property = Property::new(
    "not-early",
    "a segment is sent again no sooner than the time-out after the attempt before",
);
/// Nobody is buried alive.
pub(super) const NAMED_DEAD: Property = Property::new(
    "named-dead",
    "a peer is called dead only if it was killed, or the network has lost so many pings or answers",
);
/// A request stops where it must.
pub(super) const STOPS: Property =
    Property::new("stops", "a request is not passed on by the peer to which its name belongs");
/// Both sides agree.
pub(super) const AGREED: Property =
    Property::new("agreed", "no sender says that a file was not sent which its asker has");
/// Nobody is given up who is there.
pub(super) const PATIENT: Property =
    Property::new("patient", "no sender gives up a transfer to a peer that is there");
/// Only the last one is alone.
pub(super) const ALONE: Property =
    Property::new("alone", "a peer says that it is alone only if there is no other");
/// The ring heals soon.
pub(super) const MENDED: Property = Property::in_time(
    "mended",
    "the time that a death takes to be noticed and a second later, all have the right neighbours",
);
/// A departure does not take long.
pub(super) const LEAVES: Property =
    Property::in_time("leaves", "a peer that was told to quit has left 3 s later");
/// The ring heals.
pub(super) const HEALED: Property = Property::in_time(
    "healed",
    "once nobody comes or goes any more, all have the right successors and predecessors",
);
/// What is stored is found.
pub(super) const FOUND: Property =
    Property::in_time("found", "then a request for a name that a peer holds gets the file");
/// Nothing hangs.
pub(super) const ENDS: Property =
    Property::in_time("ends", "then each request and each transfer comes to an end");

/// All of them.
pub(super) const PROPERTIES: &[Property] = &[
    EXACT,
    WHOLE,
    WRITTEN_ONCE,
    NOTHING_LOST,
    HANDED_OVER,
    NOT_EARLY,
    NAMED_DEAD,
    STOPS,
    AGREED,
    PATIENT,
    ALONE,
    LEAVES,
    FOUND,
    HEALED,
    MENDED,
    ENDS,
];

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingTally {
    /// Peers that joined, quit and died.
    pub changes: u64,
    /// Files received.
    pub received: u64,
    /// Requests that found no file.
    pub absent: u64,
    /// Transfers that ended without their file.
    pub broken_off: u64,
    /// Segments sent again, or left out.
    pub resent: u64,
    /// Files moved.
    pub moved: u64,
    /// Requests that were answered, how many peers they went to in all, and at most.
    pub answered: u64,
    /// In all.
    pub hops: u64,
    /// At most.
    pub most_hops: u64,
    /// How long it took after the last change and request, in microseconds.
    pub longest_us: u64,
}

impl Tally for RingTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("changes of the ring", Figure::Sum(self.changes)),
            ("files received", Figure::Sum(self.received)),
            ("files not found", Figure::Sum(self.absent)),
            ("transfers broken off", Figure::Sum(self.broken_off)),
            ("segments sent again", Figure::Sum(self.resent)),
            ("files moved", Figure::Sum(self.moved)),
            ("requests answered", Figure::Sum(self.answered)),
            ("their hops", Figure::Sum(self.hops)),
            ("settled after", Figure::Longest(self.longest_us)),
        ]
    }
}
