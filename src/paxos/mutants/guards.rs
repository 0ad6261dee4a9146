//! What keeps the protocol from the mistakes of its mutants: the rule, where it stands in the
//! source, and which step of the lecture it is (slide 45 has the acceptor's variables).

use crate::sim::mutant::Guard;

pub(super) const NUMBER: Guard = Guard::new(
    "own-growing-numbers",
    "src/paxos/proposal.rs",
    "fn next",
    "proposer: chooses a new number n that no other proposer uses",
);
pub(super) const RESERVED: Guard = Guard {
    file: "src/paxos/peer/proposing.rs",
    item: "fn reserve",
    step: "proposer: never uses a number again, not even after a crash",
    ..NUMBER
};
pub(super) const PREPARE: Guard = Guard::new(
    "promise-kept",
    "src/paxos/acceptor.rs",
    "fn prepare",
    "acceptor, prepare(n): if n > min_proposal then min_proposal = n; answers with what it has \
     accepted",
);
pub(super) const ANSWER: Guard =
    Guard { item: "fn answer", step: "acceptor: always answers, also to refuse", ..PREPARE };
pub(super) const PROMISES: Guard = Guard::new(
    "majority-of-promises",
    "src/paxos/proposer.rs",
    "fn prepare_ack",
    "proposer: waits for promises of this n from a majority of different acceptors",
);
pub(super) const MAJORITY: Guard =
    Guard { file: "src/paxos/quorum.rs", item: "fn majority", ..PROMISES };
pub(super) const HIGHEST: Guard = Guard::new(
    "highest-accepted-value",
    "src/paxos/proposer.rs",
    "fn outcome",
    "proposer: takes the value of the highest accepted proposal among the promises, else its own",
);
pub(super) const AGAIN: Guard =
    Guard { file: "src/paxos/peer/proposing.rs", item: "fn ask_again", ..HIGHEST };
pub(super) const ACCEPT: Guard = Guard {
    item: "fn accept",
    step: "acceptor, accept(n, v): accepts, and promises n, only if n >= min_proposal",
    ..PREPARE
};
pub(super) const STABLE: Guard = Guard {
    file: "src/paxos/peer.rs",
    item: "fn answer",
    step: "acceptor: its state is on stable storage before any answer",
    ..PREPARE
};
pub(super) const RESTORE: Guard = Guard { rule: "vote-kept", item: "fn restore", ..STABLE };
pub(super) const FLUSH: Guard = Guard { file: "src/node/disk.rs", item: "fn commit", ..RESTORE };
pub(super) const RESTART: Guard = Guard { item: "fn begin", ..FLUSH };
pub(super) const VOTES: Guard = Guard::new(
    "majority-of-votes",
    "src/paxos/proposer.rs",
    "fn accept_ack",
    "proposer: a value is chosen once a majority has accepted it under this n",
);
pub(super) const LEARNER: Guard = Guard {
    file: "src/paxos/learner.rs",
    item: "fn accepted",
    step: "learner: counts different acceptors for each proposal number",
    ..VOTES
};
pub(super) const BACK_OFF: Guard = Guard::new(
    "decides",
    "src/paxos/pace.rs",
    "fn back_off",
    "proposer: refused or without answers, waits for a random, growing time and starts again",
);
pub(super) const START: Guard = Guard {
    file: "src/paxos/peer/proposing.rs",
    item: "fn next_step",
    step: "proposer: begins when its links are up",
    ..BACK_OFF
};
pub(super) const SAME_FILE: Guard = Guard::new(
    "one-value",
    "src/node/connections.rs",
    "fn check",
    "quorum: every majority of one proposer meets every majority of the other",
);
