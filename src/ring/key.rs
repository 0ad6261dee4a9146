//! The circle of 256 keys, and the names that are stored on it.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::process::PeerId;

/// A place on the circle: the id of a peer, or the hash of a name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Key(pub u8);

impl Key {
    /// How many steps it is from here to there, going round.
    pub fn distance_to(self, to: Self) -> u8 {
        to.0.wrapping_sub(self.0)
    }

    /// True if this key lies behind `from` and at `to` or before it: on the arc `(from, to]`, which
    /// is the whole circle where both are one.
    pub fn is_in(self, from: Self, to: Self) -> bool {
        from == to || (self != from && from.distance_to(self) <= from.distance_to(to))
    }

    /// The same without `to`.
    pub fn is_between(self, from: Self, to: Self) -> bool {
        self != to && self.is_in(from, to)
    }

    /// The peer with this id.
    pub fn peer(self) -> PeerId {
        PeerId(self.0.into())
    }

    /// The id of this peer; none if it is no id.
    pub fn of(peer: PeerId) -> Option<Self> {
        peer.0.try_into().ok().map(Self)
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A name of four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Name(u16);

impl Name {
    /// The key under which it is stored.
    pub fn hash(self) -> Key {
        Key(self.0.to_le_bytes()[0])
    }
}

impl TryFrom<u16> for Name {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, &'static str> {
        if number < 10_000 { Ok(Self(number)) } else { Err("a name has four digits") }
    }
}

impl From<Name> for u16 {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_name = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_name).map(Self).ok_or("a name is four digits, as in 2012")
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arc_goes_round_and_has_its_end_and_not_its_beginning() {
        for from in 0..=255 {
            for to in 0..=255 {
                let (mut key, mut is_on) = (from, from == to);
                // Walking from `from` on, every key up to `to` is on the arc.
                for _ in 0..256 {
                    key = u8::wrapping_add(key, 1);
                    is_on |= key == from.wrapping_add(1);
                    let (from, to, key) = (Key(from), Key(to), Key(key));
                    assert_eq!(key.is_in(from, to), is_on, "{key} in ({from}, {to}]");
                    assert_eq!(key.is_between(from, to), is_on && key != to);
                    is_on &= key != to || from == to;
                }
            }
        }
    }

    #[test]
    fn a_name_is_four_digits_and_its_hash_is_its_remainder() {
        for (text, hash) in [("2012", 220), ("0000", 0), ("0159", 159), ("9999", 15), ("0256", 0)] {
            let name: Name = text.parse().expect("a name");
            assert_eq!((name.hash(), name.to_string()), (Key(hash), text.into()));
        }
        for text in ["", "1", "201", "20122", "+201", "20 1", "../2", "２０１２", "abcd", "-012"]
        {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Name>("10000").is_err());
        assert_eq!(serde_json::from_str::<Name>("9999").expect("a name").to_string(), "9999");
    }
}
