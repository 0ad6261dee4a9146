//! Numbers from a seed, the same on every machine.

use std::time::Duration;

/// Splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// True in so many of 100 cases.
    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// A pause between two strokes: mostly none or very short, since a first round takes only some
    /// milliseconds; now and then long enough for a decision.
    pub(super) fn pause(&mut self) -> Duration {
        let longest_us = self.one_of(&[0, 0, 0, 1_000, 2_000, 2_000, 5_000, 5_000, 10_000, 25_000]);
        Duration::from_micros(self.below(longest_us + 1) as u64)
    }
}
