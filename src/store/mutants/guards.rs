//! What keeps the protocol from the mistakes of its mutants.

use crate::sim::mutant::Guard;

const PENDING: &str = "src/store/pending.rs";
const OWNER: &str = "src/store/owner.rs";
const REGISTERS: &str = "src/store/registers.rs";
const FORWARDING: &str = "src/store/peer/forwarding.rs";
const PEER: &str = "src/store/peer.rs";
const REJOIN: &str = "src/store/peer/rejoin.rs";

pub(super) const EARLIER: Guard = Guard::new(
    "once",
    PENDING,
    "fn earlier",
    "retry: an attempt is in the register that was found, or is never chosen, or nobody knows",
);
pub(super) const GIVEN_UP: Guard = Guard::new(
    "once",
    PENDING,
    "fn given_up",
    "time-out: what was asked for and may have been accepted is unknown, never failed",
);
pub(super) const FORWARD: Guard = Guard::new(
    "once",
    FORWARDING,
    "fn give_up_on",
    "home: a change that was forwarded and not answered is not made again",
);
pub(super) const TAKE: Guard = Guard::new(
    "once",
    FORWARDING,
    "fn take",
    "home: a question is taken once, and only by the incarnation that it was asked of",
);
pub(super) const FAIL: Guard = Guard::new(
    "one-register",
    OWNER,
    "fn fail",
    "owner: a refusal or a time-out ends the ownership; a ballot stands for one register",
);
pub(super) const READ: Guard = Guard::new(
    "linearizable",
    OWNER,
    "fn state",
    "read: a majority reports the same ballot, and nobody a higher one",
);
pub(super) const ACCEPTED: Guard = Guard::new(
    "linearizable",
    OWNER,
    "fn accepted",
    "accept: a reply waits until a majority has accepted exactly this ballot",
);
pub(super) const VERSION: Guard = Guard::new(
    "linearizable",
    OWNER,
    "fn promise",
    "delete: a new register's version begins above those that were dropped",
);
pub(super) const TERMS: Guard = Guard::new(
    "linearizable",
    "src/store/terms.rs",
    "fn restore",
    "restart: terms that may have been used, and incarnations named after them, are not used again",
);
pub(super) const WATERMARK: Guard = Guard::new(
    "promise-kept",
    REGISTERS,
    "fn begin",
    "restart: every key counts as promised up to the watermark",
);
pub(super) const LATE: Guard = Guard::new(
    "chosen-kept",
    REGISTERS,
    "fn accept",
    "accept: within a term, a later request is not replaced by an earlier one",
);
pub(super) const COLLECT: Guard = Guard::new(
    "chosen-kept",
    OWNER,
    "fn collectable",
    "delete: a deleted register is dropped once all acceptors hold it, not before",
);
pub(super) const FLOOR: Guard = Guard::new(
    "promise-kept",
    REGISTERS,
    "fn drop",
    "delete: whoever drops a register accepts nothing up to its term for that key",
);
pub(super) const REJOIN_FLOOR: Guard = Guard::new(
    "linearizable",
    REJOIN,
    "fn limited",
    "lost disk: a peer votes again above all terms that may have been promised",
);
pub(super) const REJOINING: Guard = Guard::new(
    "chosen-kept",
    PEER,
    "fn start",
    "lost disk: a peer that had a disk and has lost it asks the others before it votes",
);
pub(super) const DURABLE: Guard = Guard::new(
    "durable-first",
    "src/store/peer/voting.rs",
    "fn vote",
    "accept: the record is durable before the answer leaves",
);
pub(super) const EXPIRY: Guard = Guard::new(
    "not-early",
    "src/store/peer/expiry.rs",
    "fn note",
    "expiry: measured from when the register was accepted, never from before",
);
pub(super) const RESTART: Guard = Guard::new(
    "durable-first",
    "src/node/disk.rs",
    "fn open",
    "restart: what was restored is made durable before anything is answered",
);
pub(super) const FLUSH: Guard = Guard::new(
    "durable-first",
    "src/node/disk.rs",
    "fn commit",
    "flush: an answer waits for the flush of its record",
);
