//! The replicated file: every peer keeps the same copy of one file.
//!
//! # The problem
//!
//! Each of some connected peers has a copy of a file, which people and programs change where they
//! like, also while peers are away. In the end all copies are to be the same, and no edit is to
//! vanish.
//!
//! # The protocol
//!
//! Every edit makes a [`version`]. A peer offers its version on every connection and after every
//! change (`Offer`). Whoever is offered a better one asks for its content (`Want`), and gets it
//! (`Content`) with the bytes behind the message. Once the content is in its place the peer offers
//! that version on, so it travels over any graph of peers, and since a version that a peer has
//! already is not asked for, loops end by themselves.
//!
//! Contents never enter the process ([`peer`]). The shell (`command/`) looks at the file at an
//! interval, receives contents into files of their own, and replaces the file by renaming.
//!
//! # The guarantee
//!
//! After any sequence of edits, cuts and crashes, once links are up and edits stop, all copies are
//! equal. Of edits that did not know each other all peers choose the same; the others are kept as
//! `NAME.conflict-COUNTER-PEER` beside the file, where they gave way. A copy is never seen half
//! written: it is replaced at once or not at all.
//!
//! # Left out
//!
//! * A program that holds the old file open and writes to it after the rename writes to a file
//!   without a name. What it had open is replaced as by any editor that saves by renaming.
//! * Between the last look at the file and the rename lies a moment. Whoever writes just then loses
//!   that write; only the kernel could exclude it.
//! * A deletion is no version: a deleted file is put back.
//! * On the wire peers are known by numbers of 16 bits, drawn at each start. Two of a group that
//!   draw the same one (1 in 65,536 for each pair) cannot be connected to the same peer; starting
//!   one of them again cures it. Versions and files carry ids of 64 bits.
//! * Contents and token travel in the clear.

pub(crate) mod command;
pub mod diagram;
pub mod digest;
pub mod event;
pub mod judge;
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
pub mod version;

pub use message::{Fact, Input, Message, Record, Timer};
pub use peer::{Peer, Plan, Setup};
