//! What a run of a group must never do. The [`ledger`](super::ledger) looks at it all the time.

use crate::cli::sim::beside::account::Claim;

/// Agreement.
pub(super) const ONE_LIST: Claim =
    Claim::new("one-list", "a view id has one list of members, each in one life");
/// Order.
pub(super) const IDS_GROW: Claim = Claim::new(
    "ids-grow",
    "the ids of the views that a peer installs grow, over its lives too if it remembers them",
);
/// Nobody installs what it is not in.
pub(super) const IN_ITS_VIEW: Claim =
    Claim::new("in-its-view", "whoever installs a view is in it, in its present life");
/// A view follows from the one before.
pub(super) const AGREED: Claim = Claim::new(
    "agreed",
    "every view but a founder's is the one before it, changed by one operation to which a majority \
     of that one agreed; without majorities, all of it but those whom the one who asks holds for \
     dead",
);
/// An acceptor's promise.
pub(super) const PROMISE_KEPT: Claim = Claim::new(
    "promise-kept",
    "in one view nobody agrees below a number that it has agreed to or answered before, also in an \
     earlier process that it remembers",
);
/// What is pending is finished first.
pub(super) const PENDING_TOLD: Claim = Claim::new(
    "pending-told",
    "whoever has agreed to an operation tells a new leader, who asks for no other one first",
);
/// A member outlives its process.
pub(super) const GOES_ON: Claim = Claim::new(
    "goes-on",
    "with majorities, whoever starts again goes on as a member of the last view in its records",
);
/// Nobody disappears without a word.
pub(super) const NAMED_DEAD: Claim = Claim::new(
    "named-dead",
    "whoever is removed was called unreachable before by each who installs the view without it; a \
     removal on request aside",
);
/// Once per silence.
pub(super) const CALLED_ONCE: Claim = Claim::new(
    "called-once",
    "nobody is called unreachable twice by the same member without having been heard in between",
);
/// The detector is not too quick.
pub(super) const NO_FALSE_ALARM: Claim = Claim::new(
    "no-false-alarm",
    "whoever is called unreachable was not heard for 2 T, has died, has asked to be let in with \
     another life, is not in the next view, or is below its leader; where nothing goes wrong \
     nobody ever is",
);
/// Nor too slow.
pub(super) const SILENCE_FOUND: Claim = Claim::new(
    "silence-found",
    "whoever was not heard for 2.8 T in the present view, or not since that, is called unreachable",
);
/// On request.
pub(super) const STAYS_OUT: Claim = Claim::new(
    "stays-out",
    "whoever was asked to agree to its removal never installs a view again",
);
/// No peer sends what no honest peer could have sent.
pub(super) const HONEST: Claim =
    Claim::new("honest", "no peer sends what no honest peer could have sent");
/// The goal of the second phase.
pub(super) const ONE_GROUP: Claim = Claim::new(
    "one-group",
    "once nothing goes wrong any more, all who live come to be one view, which has them and no \
     others, unless a majority of the last view is dead",
);

/// All of them.
pub(super) const CLAIMS: &[Claim] = &[
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
