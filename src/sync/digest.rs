//! A digest of 128 bits, fast enough to be no part of what a transfer costs.
//!
//! It sees that a content changed, and it is **no defence against forgery**: it has no key, and
//! nobody has tried to break it. Whoever can write to the port and knows the token can write the
//! file anyway.
//!
//! Two lanes of 64 bits each take every word of a block of 32 bytes, by the multiplication whose
//! two halves are folded into one (as in wyhash), and the length comes last.

use super::version::Digest;

const BLOCK: usize = 32;
/// Odd numbers without a pattern: the first digits of the square roots of 2, 3, 5 and 7.
const KEYS: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Takes a content piece by piece.
#[derive(Clone, Debug)]
pub struct Digester {
    lanes: [u64; 2],
    /// The beginning of a block.
    rest: [u8; BLOCK],
    filled: usize,
    length: u64,
}

impl Default for Digester {
    fn default() -> Self {
        Self { lanes: [KEYS[2], KEYS[3]], rest: [0; BLOCK], filled: 0, length: 0 }
    }
}

/// Both halves of the product.
fn fold(one: u64, other: u64) -> u64 {
    let bytes = (u128::from(one) * u128::from(other)).to_le_bytes();
    let half = |at: usize| bytes[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    half(0) ^ half(8)
}

fn block(lanes: [u64; 2], bytes: &[u8]) -> [u64; 2] {
    let word = |at: usize| {
        let bytes = bytes.get(8 * at..8 * at + 8).and_then(|word| word.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    };
    let [a, b, c, d] = [word(0), word(1), word(2), word(3)];
    let [one, other] = lanes;
    [
        fold(a ^ one, b ^ KEYS[0])
            .wrapping_add(fold(c ^ one.rotate_left(32), d ^ KEYS[1]))
            .wrapping_add(one.rotate_left(23)),
        fold(d ^ other, a ^ KEYS[2])
            .wrapping_add(fold(b ^ other.rotate_left(32), c ^ KEYS[3]))
            .wrapping_add(other.rotate_left(41)),
    ]
}

impl Digester {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let count = bytes.len().min(BLOCK - self.filled);
            self.rest[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
            self.filled += count;
            bytes = &bytes[count..];
            if self.filled < BLOCK {
                return;
            }
            self.lanes = block(self.lanes, &self.rest);
            self.filled = 0;
        }
        let whole = bytes.chunks_exact(BLOCK);
        let rest = whole.remainder();
        self.lanes = whole.fold(self.lanes, block);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// How many bytes it has taken.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all that it has taken.
    pub fn finish(mut self) -> Digest {
        self.rest[self.filled..].fill(0);
        let [one, other] = block(self.lanes, &self.rest);
        let one = fold(one ^ self.length, KEYS[0]) ^ other.rotate_left(17);
        let other = fold(other ^ KEYS[1], one ^ self.length.rotate_left(32) ^ KEYS[2]);
        Digest(u128::from(fold(one, KEYS[3] ^ other)) << 64 | u128::from(other ^ one))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> Digest {
        let mut digester = Digester::default();
        digester.update(bytes);
        digester.finish()
    }

    #[test]
    fn every_bit_and_the_length_matter() {
        let mut seen = BTreeSet::new();
        for length in 0..200 {
            assert!(seen.insert(of(&vec![0; length])), "{length} zeroes");
            assert!(length == 0 || seen.insert(of(&vec![7; length])), "{length} sevens");
        }
        let text: Vec<u8> = (0..100).collect();
        let plain = of(&text);
        for bit in 0..800 {
            let mut changed = text.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = of(&changed);
            assert!(seen.insert(changed), "bit {bit}");
            let differ = (changed.0 ^ plain.0).count_ones();
            assert!((30..98).contains(&differ), "bit {bit} changes {differ} bits");
        }
        for (one, other) in (0..96).zip(4..100) {
            let mut swapped = text.clone();
            swapped.swap(one, other);
            assert!(seen.insert(of(&swapped)), "{one} and {other} are swapped");
        }
    }

    /// It is part of the protocol: peers of all versions of the program compute it alike.
    #[test]
    fn it_is_the_same_for_ever() {
        assert_eq!(of(b"").to_string(), "a0395b019773d13f69393dd14989612a");
        assert_eq!(
            of(b"a chain of blocks, and then some more of them").to_string(),
            "400645463fee07cdac8ea7f4a30b8eb1"
        );
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bytes in prop::collection::vec(any::<u8>(), 0..500),
            pieces in prop::collection::vec(1usize..70, 1..60),
        ) {
            let (mut digester, mut rest) = (Digester::default(), &bytes[..]);
            for piece in pieces.iter().cycle() {
                let (head, tail) = rest.split_at(rest.len().min(*piece));
                digester.update(head);
                rest = tail;
                if rest.is_empty() { break }
            }
            prop_assert_eq!(digester.length(), bytes.len() as u64);
            prop_assert_eq!(digester.finish(), of(&bytes));
        }
    }
}
