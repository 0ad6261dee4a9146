//! The only source of chance in a simulated run: `SplitMix64`.
//!
//! G. L. Steele, D. Lea, C. H. Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA
//! 2014. Sixty-four bits of state and three multiplications; the same sequence on every machine.
//! It is written out here because a seed is a bug report: no other package may change what a seed
//! means.

use super::faults::Span;

/// Chances are counted in parts of a million.
pub const MILLION: u32 = 1_000_000;

/// A generator with its whole state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prng(u64);

impl Prng {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero. (The high half of a product; the bias is far
    /// below what a run could notice.)
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// An index below `bound`, which is not zero.
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }

    /// A time within the span, both ends included.
    pub fn within(&mut self, span: Span) -> u64 {
        if span.most <= span.least {
            return span.least;
        }
        span.least + self.below(span.most - span.least + 1)
    }

    /// True in `per_million` of a million draws. What never happens draws nothing.
    pub fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.below(u64::from(MILLION)) < u64::from(per_million)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the paper's algorithm, as other implementations print them.
    #[test]
    fn it_is_the_published_generator() {
        let mut prng = Prng::new(1_234_567);
        for want in [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(prng.bits(), want);
        }
        assert_eq!(Prng::new(0).bits(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn draws_stay_within_their_bounds_and_reach_both_ends() {
        let mut prng = Prng::new(7);
        let span = Span { least: 3, most: 6 };
        let mut hits = [0; 10];
        for _ in 0..1000 {
            hits[usize::try_from(prng.within(span)).unwrap()] += 1;
            assert!(prng.below(3) < 3 && prng.index(5) < 5);
        }
        assert!(hits[3..=6].iter().all(|count| *count > 150) && hits[..3] == [0, 0, 0]);
        assert_eq!(prng.within(Span { least: 9, most: 9 }), 9);
        assert!(!prng.chance(0) && prng.chance(MILLION));
    }
}
