//! Reading the lines of a run, by whatever program and in whatever company.
//!
//! The lab asks for one JSON object a line with five keys. Programs that solve it differ in more
//! ways than one would think: blanks, the order of keys, `prepare ack` for `prepare_ack`, a number
//! as text or as `round.id`, acks without a value, a value without quotation marks. And between a
//! program and its reader stand tools that add to the line: compose puts `peer1  | ` in front,
//! with colours and times. [`Reader`] takes all of that and says of each line
//!
//! * what it says: an [`Entry`], or why there is none ([`Content`]);
//! * whose line it is and how that is known ([`Attribution`]);
//! * in what it differs from the lab's form ([`Fault`]).
//!
//! **Whose line.** A judge needs the order of one peer's own lines, so it must know whose they
//! are. The journal says it (`at`); so does the name that compose puts in front; a `sent` line is
//! its sender's. A `received` line of the lab's form names only the sender of the message: who
//! printed it is known only if its file is one peer's. That, and whether a program means by
//! `peer_id` the sender or the one who prints, is found by a look at the first
//! [`SNIFF_BYTES`] of each input ([`Reader::inferred`] says what was concluded).
//!
//! **Memory** is one line and those bytes, whatever the input: beyond [`MAX_LINE_BYTES`] a
//! line is skipped, and an object that is spread over lines may have [`MAX_OBJECT_LINES`].
//!
//! Lines of exactly the lab's form take a path without an allocation; all others are scanned.
//!
//! Several objects on one line are several [`Line`]s of one number.
//!
//! Left out: objects of one line beyond the 256th, objects spread over lines while another peer's
//! lines come between.

mod entry;
mod fault;
mod number;
mod reader;
mod sniff;
mod strict;
#[cfg(test)]
mod tests;

pub use crate::trace::prefix::Names;
pub use entry::Entry;
pub use fault::{Fault, Faults};
pub use number::Number;
pub use reader::{
    Attribution, Content, Line, MAX_LINE_BYTES, MAX_OBJECT_LINES, Reader, SNIFF_BYTES,
};
pub(crate) use reader::{skip_line, text_of};
