//! Paxos without a leader: how the peers of a hostsfile agree on one value.
//!
//! # The problem
//!
//! Several *proposers* want a value chosen. *Acceptors* vote. A value is **chosen** once a
//! majority of a proposer's acceptors has accepted it under one number. Peers crash, restart and
//! lose messages, and still there may never be two chosen values.
//!
//! # The protocol
//!
//! A proposer draws a number that nobody has used ([`proposal`]) and asks in two phases:
//!
//! 1. **prepare(n)**: an acceptor promises to accept nothing below `n`, and tells what it accepted
//!    last. With promises from a majority the proposer knows every value that can have been chosen
//!    under a lower number, and that no more will be.
//! 2. **accept(n, v)**: `v` is the value of the highest accepted proposal among those promises,
//!    or the proposer's own if there is none. Acceptances of `n` from a majority: `v` is chosen.
//!
//! An acceptor that has promised more refuses and names the number in its way. The proposer backs
//! off for a random, growing time and starts again above everything it has seen.
//!
//! # Why it is safe
//!
//! Say `v` is chosen under `n`. Take the lowest higher number `m` for which another value is asked.
//! Its promises come from a majority, which shares an acceptor `a` with the majority that accepted
//! `n`. `a` accepted `n` before it promised `m` (afterwards it would have refused), so its promise
//! showed a proposal of `n` or above. The highest shown lies in `n..m`, and by the choice of `m`
//! all of those carry `v`. So `m` asks for `v` as well. Three things must hold for that: majorities
//! meet ([`quorum`], and between two proposers [`roles::Roles::unsafe_pair`]); promises survive
//! crashes; and a number stands for one value, ever ([`peer::Record`]).
//!
//! # The map
//!
//! [`acceptor`] and [`proposer`] are the two halves of the protocol, each a plain value;
//! [`learner`] counts acceptances. [`pace`] says how long a proposer waits, [`reach`] which numbers
//! are believed. [`peer`] joins the roles of one host into a
//! [`Process`](crate::process::Process); [`instances`] runs one decision per key on the same links.
//!
//! # Left out
//!
//! Malicious peers (the cure is another protocol, PBFT or its kin, with 3f + 1 acceptors); changing
//! the set of acceptors while running (the cure: agree on the next hostsfile as a value).
//!
//! Sources: L. Lamport, *Paxos Made Simple* (2001); J. Ousterhout and D. Ongaro's lecture
//! *Implementing Replicated Logs with Paxos* (2013), whose slide 45 names the variables.

pub mod acceptor;
pub(crate) mod command;
pub mod diagram;
pub mod event;
pub mod fact;
pub mod instances;
pub mod judge;
#[cfg(feature = "simulator")]
pub(crate) mod learn;
pub mod learner;
pub(crate) mod lines;
pub(crate) mod live;
pub mod message;
#[cfg(feature = "simulator")]
pub mod mutants;
mod objection;
pub mod pace;
pub mod peer;
pub mod proposal;
pub mod proposer;
pub mod quorum;
pub mod reach;
pub mod roles;
#[cfg(feature = "simulator")]
pub mod sim;
#[cfg(test)]
mod tests;

pub use fact::Fact;
pub use message::{Accepted, Ack, Message};
pub use peer::{Peer, Record, Setup, Timer};
pub use proposal::{ProposalNumber, Value};
pub use roles::{Electorate, Roles};
