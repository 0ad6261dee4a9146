//! The register store: a key-value store without a leader.
//!
//! # The problem
//!
//! Clients read and change values under keys at whichever peer they reach. Each key is to behave as
//! if there were one copy of it (linearizable), what was answered is to survive crashes and power
//! losses, and no peer is special: when one dies, the others go on at once.
//!
//! # The protocol
//!
//! Each key is a register of its own that Paxos' acceptors decide again and again: `CASPaxos`
//! (D. Rystsov, arXiv 1802.07000). A proposer asks for promises, takes the register that was
//! accepted under the highest ballot, changes it, and asks for acceptance.
//!
//! * *Ownership.* A ballot is a term (a proposal number of Paxos) and a count within it. A promise
//!   for a term covers all of its counts, so whoever has a majority of promises changes the
//!   register with one round trip and one flush. Any refusal or time-out ends that (`owner.rs`).
//! * *Home.* Changes are forwarded to the key's home, a peer that all choose alike, so that owners
//!   do not compete. It is a hint; any peer may propose at any time ([`peer`]).
//! * *Combining.* One round for a key is under way at a time. What arrives meanwhile goes into the
//!   next one, each operation with its own reply.
//! * *Reads* ask a majority what it holds. If all of it holds the same ballot and nobody a higher
//!   one, that register is chosen, and it was one round trip and no flush. Otherwise a round that
//!   changes nothing decides.
//! * *Retries.* A register remembers the last ballots that have changed it. So an owner that tries
//!   again finds out whether its earlier attempt was chosen; if too much has happened since, the
//!   client is told that nobody knows ([`register::Register::descends_from`]).
//! * *Promises* below a watermark need no flush; *deleted* registers are dropped once all acceptors
//!   hold them ([`registers`]). A peer with a *lost disk* fetches everything before it votes
//!   (`peer/rejoin.rs`).
//!
//! # Why it is safe
//!
//! Say a register is chosen under a ballot `b`: a majority has accepted it. Any higher ballot of
//! the same term was asked for by the same owner, after it knew that `b` was chosen, and changes
//! that register. Any higher term began with promises of a majority, which shares an acceptor with
//! that of `b`. That acceptor accepted `b` before it promised (it would have refused later), so
//! its promise showed `b` or something higher; and by induction everything accepted above `b`
//! descends from it. So registers that are chosen form one line, and a moment at which one is
//! chosen is the moment at which its operations happen.
//!
//! # What clients are told
//!
//! The version of a register counts its changes and never goes back, also across deletions: it is
//! a fencing token. A reply is definite or `Unknown`: an operation that was asked for and
//! may have been accepted is never called failed.
//!
//! # Left out
//!
//! * Changing the set of peers. The cure: agree on the next hostsfile as a value, and require
//!   majorities of both meanwhile.
//! * Transactions over several keys, which a protocol for each key cannot give.
//! * A clock that lies: an expiry is measured by the monotonic clocks of peers.
//! * A peer of the hostsfile that lies. A single frame of it uses up no terms (`paxos::reach`), but
//!   what it says of registers is believed.
//! * Memory is the limit of what is stored: each peer holds every register.
//! * Recovery of a forwarded operation whose home has died: it is unknown. The cure: operations
//!   with ids that registers remember, at the price of larger records.

pub mod bytes;
pub(crate) mod command;
pub mod diagram;
pub mod event;
pub mod judge;
pub(crate) mod live;
pub mod message;
#[cfg(feature = "simulator")]
pub mod mutants;
pub mod operation;
mod owner;
pub mod peer;
mod pending;
pub mod register;
pub mod registers;
#[cfg(feature = "simulator")]
pub mod sim;
mod terms;

pub use message::{Fact, Input, Message, Record, Timer};
pub use peer::{Peer, Setup};
