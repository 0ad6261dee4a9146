//! What keeps `member` from the mistakes of its mutants: the property, where it stands in the
//! source, and which part of the assignment it is.

use crate::sim::mutant::Guard;

pub(super) const INSTALL: Guard = Guard::new(
    "ids-grow",
    "src/member/peer.rs",
    "fn install",
    "view: a member never installs a view id lower than its own, nor the same one twice",
);
pub(super) const REMOVED: Guard = Guard {
    rule: "one-group",
    item: "fn was_removed",
    step: "failure: who was removed joins again, or stays out if it was asked to go",
    ..INSTALL
};
pub(super) const DEATHS: Guard = Guard {
    rule: "named-dead",
    item: "fn tell_deaths",
    step: "failure: every survivor prints who is unreachable, once per silence",
    ..INSTALL
};
pub(super) const HEARTBEAT: Guard = Guard {
    rule: "called-once",
    item: "fn heartbeat",
    step: "heartbeat: one from a stale view is no sign of life",
    ..INSTALL
};
pub(super) const SILENCE: Guard = Guard::new(
    "no-false-alarm",
    "src/member/detector.rs",
    "fn check",
    "failure: silent for more than 2T is unreachable, printed once per silence",
);
pub(super) const PENDING: Guard = Guard::new(
    "pending-told",
    "src/member/lead.rs",
    "fn requested",
    "leader gone: each answers with its pending operation, which the new leader finishes",
);
pub(super) const AGREEMENT: Guard = Guard {
    rule: "agreed",
    item: "fn is_enough",
    step: "join: only with OK from all live members the leader installs the next view",
    ..PENDING
};
pub(super) const ENOUGH_WITHOUT_THE_DEAD: Guard = Guard {
    rule: "silence-found",
    step: "failure: a member that crashes before its OK does not stall the view",
    ..AGREEMENT
};
pub(super) const LEADER: Guard = Guard {
    item: "fn acting",
    step: "leader gone: the lowest live id of the view takes over",
    ..AGREEMENT
};
pub(super) const NAME: Guard = Guard { rule: "honest", item: "fn next_request", ..LEADER };
pub(super) const PROMISE: Guard = Guard {
    rule: "promise-kept",
    item: "fn promise",
    step: "--majority: nobody agrees below what it has agreed to",
    ..PENDING
};
pub(super) const MAJORITY: Guard = Guard {
    file: "src/member/view.rs",
    item: "fn majority",
    step: "--majority: a view needs OKs from a majority of the previous one",
    ..AGREEMENT
};
pub(super) const RECALL: Guard = Guard {
    file: "src/member/memory.rs",
    item: "fn recall",
    step: "--majority: what was promised and installed is durable before anybody is told",
    ..PROMISE
};
pub(super) const INCARNATION: Guard = Guard {
    rule: "in-its-view",
    file: "src/member/view.rs",
    item: "fn holds",
    step: "join: a process that starts again joins as a new member",
};
pub(super) const FOUNDS: Guard = Guard {
    rule: "one-list",
    step: "join: a first line that starts again founds above every view that it has seen",
    ..RECALL
};
