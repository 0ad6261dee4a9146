//! What a run of Paxos must never do. The oracle looks at it after every step.

use crate::sim::harness::Property;

/// At most one value is ever accepted by a quorum under one number.
pub const ONE_CHOICE: Property = Property::new(
    "one-choice",
    "at most one value is ever accepted by a quorum, each under one number",
);
/// What a peer says is chosen has been accepted by a quorum.
pub const TRUTH_TOLD: Property =
    Property::new("truth-told", "what a peer says is chosen has been accepted by a quorum");
/// What is chosen was somebody's candidate.
pub const PROPOSED: Property = Property::new("proposed", "what is chosen was somebody's candidate");
/// A higher number never asks for another value than the chosen one.
pub const CHOICE_KEPT: Property = Property::new(
    "choice-kept",
    "a higher number never proposes another value than the chosen one",
);
/// Nobody asks to accept before a quorum has promised.
pub const QUORUM_ASKED: Property =
    Property::new("quorum-asked", "no accept is sent before a quorum has promised");
/// A number is asked for one value only.
pub const ONE_VALUE: Property = Property::new("one-value", "a number proposes one value only");
/// A number is used once.
pub const NUMBER_ONCE: Property = Property::new(
    "number-once",
    "a number belongs to one peer and to one incarnation of it, and numbers rise",
);
/// A promise is kept.
pub const PROMISE_KEPT: Property = Property::new(
    "promise-kept",
    "a promise never goes down, not even in a crash, and nothing below it is accepted",
);
/// A vote is kept.
pub const VOTE_KEPT: Property =
    Property::new("vote-kept", "a vote is for what was asked, and is never taken back");
/// Durable before visible.
pub const DURABLE_FIRST: Property =
    Property::new("durable-first", "no answer leaves before what it says is durable");
/// No peer is Byzantine.
pub const HONEST: Property =
    Property::new("honest", "no peer sends what no honest peer could have sent");
/// Paxos comes to an end.
pub const DECIDES: Property =
    Property::in_time("decides", "in the recovery phase every peer learns the choice");
/// Back-off works.
pub const SHORT_DUELS: Property = Property::in_time(
    "short-duels",
    "rivals do not refuse each other for ever: back-off ends a duel",
);

/// All of them.
pub const PROPERTIES: &[Property] = &[
    ONE_CHOICE,
    TRUTH_TOLD,
    PROPOSED,
    CHOICE_KEPT,
    QUORUM_ASKED,
    ONE_VALUE,
    NUMBER_ONCE,
    PROMISE_KEPT,
    VOTE_KEPT,
    DURABLE_FIRST,
    HONEST,
    DECIDES,
    SHORT_DUELS,
];
