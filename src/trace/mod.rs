//! What a run printed: read, judged and drawn, whatever the protocol.
//!
//! Here is what the judges of all protocols share: what stands in front of a line ([`prefix`]), a
//! forgiving scanner of one object ([`object`]), and what a judge reports ([`findings`]).
//! [`diagram`] draws. What a line *means* is known in the protocols' folders.

pub mod diagram;
pub mod findings;
pub mod object;
pub mod prefix;

/// How many peers are kept apart; lines of further ones are counted and not judged.
pub const MOST_PEERS: usize = 256;
