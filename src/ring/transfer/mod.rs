//! The transfer of one file over datagrams that may be lost, repeated and overtaken.
//!
//! The sender has at most a window of segments under way; with a window of one it stops and waits.
//! Each segment has a time-out of its own. Before each attempt a number is drawn from `[0, 1)`, and
//! below the probability the segment is not sent: the assignment's way to lose. The receiver
//! acknowledges every segment that it gets, also one that it has already, and the sender marks just
//! that one (*selective repeat*). Once all are acknowledged an end mark is sent until it is
//! acknowledged, so both sides know that the other one is done.

mod receiver;
mod sender;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use receiver::{Arrival, Receiver};
pub use sender::{Sender, Terms, Transmission};

/// After so long without an acknowledgement a segment is sent again.
pub const TIMEOUT: Duration = Duration::from_secs(1);
/// The longest segment, in bytes: a datagram takes little more.
pub const MOST_MSS: u16 = 65_000;
/// The most segments that may be under way.
pub const MOST_WINDOW: u16 = 1024;
/// How far ahead of a gap a segment is taken, in bytes.
pub const REACH: u64 = 64 << 20;

/// Bytes of a file; shown by their number.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(pub Vec<u8>);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Draws what is lost. The seed comes from the driver, so a run is the same every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draws(u64);

impl Draws {
    /// Numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws a number from `[0, 1)`, and says whether it is below the probability.
    pub fn is_below(&mut self, chance: Chance) -> bool {
        // SplitMix64: every seed is as good as another.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) >> 11 < chance.0
    }
}

/// A probability, in parts of 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chance(u64);

impl Chance {
    /// This one; none unless it is in `[0, 1]`.
    pub fn of(probability: f64) -> Option<Self> {
        let parts = probability * 2_f64.powi(53);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^53")]
        (0.0..=1.0).contains(&probability).then_some(Self(parts as u64))
    }
}

#[cfg(test)]
mod tests;
