//! Proposal numbers as other programs write them.

use std::fmt::{self, Display};

use crate::trace::prefix::digits;

/// A proposal number: an integer, or a round and a proposer's id as in `3.10`.
///
/// Taken from the *text* of a line and never from a float, since 1.1 and 1.10 are one float and
/// two proposals. The order is by round, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    /// The integer, or what stands before the point.
    pub round: u64,
    /// What stands behind the point.
    pub id: Option<u64>,
}

impl Number {
    /// A plain integer.
    pub const fn whole(round: u64) -> Self {
        Self { round, id: None }
    }

    /// The number in this text; none if it is no number, has a sign or is beyond 64 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (round, id) = match text.split_once('.') {
            Some((round, id)) => (round, Some(digits(id)?)),
            None => (text, None),
        };
        Some(Self { round: digits(round)?, id })
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.round)?;
        self.id.map_or(Ok(()), |id| write!(f, ".{id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_and_id_are_compared_as_integers_not_as_a_float() {
        let number = |text| Number::parse(text).unwrap();
        assert!(number("1.1") < number("1.10"));
        assert!(number("1.9") < number("1.10"));
        assert!(number("9.1") < number("10.1"));
        assert_eq!(number(" 7 "), Number::whole(7));
        assert_eq!(number("1.10").to_string(), "1.10");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", ".", "1.", ".1", "-1", "+1", "1e3", "1.2.3", "x", "99999999999999999999"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
