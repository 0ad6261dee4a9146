//! The readiness barrier: nobody goes on before everybody is connected.
//!
//! # The problem
//!
//! Machines start in any order, and a datagram to one that does not listen yet is gone. A program
//! that begins by sleeping hopes; this one asks.
//!
//! # The protocol
//!
//! Three datagrams, each a plain ASCII text ([`message`]). `ALIVE?` goes to every peer that has not
//! acknowledged yet, again and again, the first at once. `ACK!` answers each `ALIVE?`, always, also
//! when its sender is ready long since: so one lost datagram never leaves anybody behind. The first
//! word of a peer that has not acknowledged us is answered with an `ALIVE?` of our own; so the last
//! peer to come up is waited for by a round trip, and not by an interval.
//!
//! A peer is **ready** once it has heard from each of the others and each of them has acknowledged.
//!
//! # The guarantee
//!
//! When any peer says READY, every peer's socket was bound, and every link to and from that peer
//! has carried a datagram. For an `ACK!` from `q` at `p` says both: `q` had heard `p`, and `p`
//! hears `q`. It says nothing about the links among the others, and nothing about who is still
//! there.
//!
//! # Leaving together
//!
//! A peer that left as soon as it was ready would leave others unanswered. So it stays until its
//! time is over; or, with [`Setup::exit`], until it knows that all others are ready too. For that
//! the third datagram, `READY`, goes to everyone who has not said it, or says it again and so has
//! not heard ours; when all have said it, it goes to all a few times more. No last message can be
//! known to have arrived (the two generals); a peer that misses all of these stays until its time
//! is over, and has been ready all the same.
//!
//! # Left out
//!
//! Who the peers are is known by their addresses alone. The texts leave no room for more, such as
//! the hostsfile's fingerprint; the cure is the hello of the streams, where a protocol has some.

pub(crate) mod command;
pub mod diagram;
pub mod event;
pub(crate) mod live;
pub mod message;
#[cfg(feature = "simulator")]
pub mod mutants;
pub mod peer;
pub(crate) mod service;
#[cfg(feature = "simulator")]
pub mod sim;

pub use message::Message;
pub use peer::{Fact, Ready, Setup, Timer};
