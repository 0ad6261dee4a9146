//! What a run of `member` must never do. The oracle looks at it all the time.

use crate::sim::harness::Property;

/// Agreement.
pub(super) const ONE_LIST: Property =
    Property::new("one-list", "a view id has one list of members, each in one incarnation");
/// Order.
pub(super) const IDS_GROW: Property = Property::new(
    "ids-grow",
    "the ids of the views that a peer installs grow, over its incarnations too if it remembers \
     them",
);
/// Nobody installs what it is not in.
pub(super) const IN_ITS_VIEW: Property =
    Property::new("in-its-view", "whoever installs a view is in it, in its present incarnation");
/// A view follows from the one before.
pub(super) const AGREED: Property = Property::new(
    "agreed",
    "every view but a founder's is the one before it, changed by one operation to which a majority \
     of that one agreed; without majorities, all of it but those whom the one who asks considers \
     dead",
);
/// An acceptor's promise.
pub(super) const PROMISE_KEPT: Property = Property::new(
    "promise-kept",
    "in one view nobody agrees below a number that it has agreed to or answered before, also in an \
     earlier process that it remembers",
);
/// What is pending is finished first.
pub(super) const PENDING_TOLD: Property = Property::new(
    "pending-told",
    "whoever has agreed to an operation tells a new leader, who asks for no other one first",
);
/// A member outlives its process.
pub(super) const GOES_ON: Property = Property::new(
    "goes-on",
    "with majorities, whoever starts again goes on as a member of the last view in its records",
);
/// Every removal is announced.
pub(super) const NAMED_DEAD: Property = Property::new(
    "named-dead",
    "whoever is removed was called unreachable before by each who installs the view without it; a \
     removal on request aside",
);
/// Once per silence.
pub(super) const CALLED_ONCE: Property = Property::new(
    "called-once",
    "nobody is called unreachable twice by the same member without having been heard in between",
);
/// The detector is not too quick.
pub(super) const NO_FALSE_ALARM: Property = Property::new(
    "no-false-alarm",
    "whoever is called unreachable was not heard for 2 T, has died, has asked to be let in with \
     another incarnation, is not in the next view, or is below its leader; where nothing goes \
     wrong nobody ever is",
);
/// Nor too slow.
pub(super) const SILENCE_FOUND: Property = Property::in_time(
    "silence-found",
    "whoever was not heard for 2.8 T in the present view, or not since that, is called unreachable",
);
/// On request.
pub(super) const STAYS_OUT: Property = Property::new(
    "stays-out",
    "whoever was asked to agree to its removal never installs a view again",
);
/// No peer sends what no honest peer could have sent.
pub(super) const HONEST: Property =
    Property::new("honest", "no peer sends what no honest peer could have sent");
/// What the recovery phase must come to.
pub(super) const ONE_GROUP: Property = Property::in_time(
    "one-group",
    "once nothing goes wrong any more, all who live come to be one view, which has them and no \
     others, unless a majority of the last view is dead",
);

/// All of them.
pub(super) const PROPERTIES: &[Property] = &[
    ONE_LIST,
    IDS_GROW,
    IN_ITS_VIEW,
    AGREED,
    PROMISE_KEPT,
    PENDING_TOLD,
    GOES_ON,
    NAMED_DEAD,
    CALLED_ONCE,
    NO_FALSE_ALARM,
    SILENCE_FOUND,
    STAYS_OUT,
    HONEST,
    ONE_GROUP,
];
