//! What must hold in every run of `store`.

use crate::sim::harness::Property;

/// Paxos' invariant about numbers.
pub(super) const ONE_REGISTER: Property =
    Property::new("one-register", "under one ballot acceptors accept one register only");
/// What a majority holds is final.
pub(super) const CHOSEN_KEPT: Property = Property::new(
    "chosen-kept",
    "what is accepted under a higher ballot than a chosen register descends from it: its version \
     is no lower, and the same version has the same value",
);
/// An acceptor's word.
pub(super) const PROMISE_KEPT: Property = Property::new(
    "promise-kept",
    "an acceptor that has promised a term accepts nothing under a lower one, whatever happens to \
     it in between",
);
/// The same, looked at from within.
pub(super) const PROMISE_RESTORED: Property = Property::new(
    "promise-restored",
    "an acceptor that begins again knows that it may have promised every term that it has promised",
);
/// A question is for one incarnation.
pub(super) const ASKED: Property =
    Property::new("asked", "a home answers only what its present incarnation was asked");
/// The contract of the driver, seen from outside.
pub(super) const DURABLE_FIRST: Property = Property::new(
    "durable-first",
    "an acceptor tells of nothing that it holds before that is durable on its disk",
);
/// Every operation happens at most once.
pub(super) const ONCE: Property = Property::new(
    "once",
    "what a client asked for is in a register once, and not at all if it was told that it is not",
);
/// The claim.
pub(super) const LINEARIZABLE: Property = Property::new(
    "linearizable",
    "a reply is that of the register as it was chosen at some moment between call and return; \
     versions of changes are distinct and above what was chosen before the call",
);
/// Time that is told is not up.
pub(super) const NOT_EARLY: Property =
    Property::new("not-early", "no register is deleted before its time is up");
/// Liveness.
pub(super) const SERVED: Property = Property::in_time(
    "served",
    "once nothing goes wrong every call is answered, and not by unknown; deleted registers are \
     dropped; lost disks are full again",
);

/// All of them.
pub(super) const PROPERTIES: &[Property] = &[
    LINEARIZABLE,
    ONCE,
    CHOSEN_KEPT,
    ONE_REGISTER,
    PROMISE_KEPT,
    PROMISE_RESTORED,
    ASKED,
    DURABLE_FIRST,
    NOT_EARLY,
    SERVED,
];
