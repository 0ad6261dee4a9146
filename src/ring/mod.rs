//! The ring: a circular distributed hash table that finds files and sends them.

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
