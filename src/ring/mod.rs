//! The ring: a circular distributed hash table that finds files and sends them.
//!
//! # The problem
//!
//! Peers with ids from 0 to 255 stand on a circle. A file with a name of four digits belongs to the
//! first peer at or after its hash, going round. Each peer knows a few neighbours only, and peers
//! come, leave and die; a request must find its file all the same.
//!
//! # The protocol
//!
//! A peer pings its first and its second successor over datagrams and learns their own successors
//! from the answers ([`successors`]). A ping says which of the two it goes to, so a peer knows its
//! two predecessors. Some pings in a row without an answer are a death: the second successor
//! becomes the first, and is asked over a stream for the next. Who leaves tells both predecessors.
//! Who joins asks any peer for the place of its id, and tells the peer before it.
//!
//! A request goes from successor to successor (or over shortcuts, `--fingers`), and each peer
//! confirms it to the one before; it belongs to the peer that the key lies before, as seen from the
//! one that passed it on. The file comes over datagrams ([`transfer`]): segments with a time-out
//! each, a window, and an end mark that is acknowledged too. Files never enter the process as a
//! whole: it orders reads and writes ([`message::FileOrder`]) from its shell (`command/`).
//!
//! # The guarantee
//!
//! After any joins, departures and deaths, as long as no three neighbours die between two repairs,
//! all peers that are there have the right successors again, and each file that one of them holds
//! is found. A received file has its name only when all of it is there and flushed. A file moves to
//! its owner by being copied, confirmed, and only then removed.
//!
//! # Left out
//!
//! * Replicas: the files of a peer that dies are away with it.
//! * Two rings that a cut network has made do not become one again; joining anew cures it.
//! * Peers are known by their addresses. On one machine all have the same, so whoever can open
//!   ports there can speak for a peer that is not running, and over streams for any.
//! * Congestion control: the window is what `--window` says.

pub(crate) mod command;
pub mod datagram;
pub mod diagram;
pub mod event;
pub mod judge;
pub mod key;
mod lines;
pub(crate) mod live;
#[cfg(feature = "simulator")]
pub mod machine;
pub mod message;
#[cfg(feature = "simulator")]
pub mod mutants;
pub mod peer;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod successors;
pub mod transfer;

pub use message::{Fact, Input, Message, Record, Timer};
pub use peer::{Peer, Setup};
