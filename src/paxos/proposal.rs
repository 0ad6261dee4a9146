//! Proposal numbers and values.
//!
//! A number is one integer, `n = (round - 1) × peers + id`. Two peers never share one, so the
//! order is total without a tie-breaker, and from `n` alone follows who may use it. (The usual
//! `round.id` written as a JSON number would make 1.10 equal 1.1.)

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::process::PeerId;

/// A proposal number: from 1 to [`ProposalNumber::MAX`]. "None yet" is an `Option` around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ProposalNumber(u64);

impl ProposalNumber {
    /// 2^53 − 1, the largest integer that every JSON reader keeps exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    /// This number, or `None` outside 1…[`Self::MAX`].
    pub fn new(number: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&number).then_some(Self(number))
    }

    /// The plain integer.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The only peer that may propose under this number, among `peers` peers.
    pub fn owner(self, peers: u16) -> PeerId {
        let index = (self.0 - 1) % u64::from(peers.max(1));
        PeerId(u16::try_from(index).unwrap_or(u16::MAX - 1) + 1)
    }

    /// The smallest number of `id` above `seen`; `None` when the integers are used up.
    pub fn next(id: PeerId, peers: u16, seen: Option<Self>) -> Option<Self> {
        let (id, peers) = (u64::from(id.0), u64::from(peers.max(1)));
        let seen = seen.map_or(0, Self::get);
        // `round` is the number of whole rounds to skip, so that round × peers + id > seen.
        let round = if seen < id { 0 } else { (seen - id) / peers + 1 };
        let next = Self::new(round * peers + id);
        assert!(next.is_none_or(|next| next.get() > seen), "the next number is above all seen");
        next
    }
}

impl Display for ProposalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl From<ProposalNumber> for u64 {
    fn from(number: ProposalNumber) -> Self {
        number.0
    }
}

impl TryFrom<u64> for ProposalNumber {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        Self::new(number)
            .ok_or_else(|| format!("proposal number {number} is not within 1 to 2^53 - 1"))
    }
}

/// What is agreed on: one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub char);

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_control() { write!(f, "{}", self.0.escape_default()) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u64) -> ProposalNumber {
        ProposalNumber::new(n).unwrap()
    }

    #[test]
    fn numbers_follow_the_table_of_five_peers() {
        let next = |id, seen| ProposalNumber::next(PeerId(id), 5, ProposalNumber::new(seen));
        for (id, seen, want) in
            [(1, 0, 1), (5, 0, 5), (2, 2, 7), (2, 0, 2), (1, 5, 6), (5, 6, 10), (3, 13, 18)]
        {
            assert_eq!(next(id, seen), Some(number(want)), "peer{id} above {seen}");
        }
    }

    #[test]
    fn every_number_has_one_owner_and_it_is_the_one_that_drew_it() {
        for peers in 1..=9 {
            for id in 1..=peers {
                let mut seen = None;
                for round in 0..20 {
                    let drawn = ProposalNumber::next(PeerId(id), peers, seen).unwrap();
                    assert_eq!(drawn.get(), round * u64::from(peers) + u64::from(id));
                    assert_eq!(drawn.owner(peers), PeerId(id));
                    assert!(Some(drawn) > seen);
                    seen = Some(drawn);
                }
            }
        }
    }

    #[test]
    fn a_proposer_at_the_end_of_the_numbers_gets_none() {
        let last = number(ProposalNumber::MAX);
        assert_eq!(ProposalNumber::next(PeerId(1), 5, Some(last)), None);
        assert_eq!(ProposalNumber::new(ProposalNumber::MAX + 1), None);
        assert_eq!(ProposalNumber::new(0), None);
    }

    #[test]
    fn json_outside_the_range_is_no_number() {
        for text in ["0", "-1", "1.5", "9007199254740992", "18446744073709551615", "\"1\"", "1e3"] {
            assert!(serde_json::from_str::<ProposalNumber>(text).is_err(), "{text}");
        }
        let largest = serde_json::from_str::<ProposalNumber>("9007199254740991").unwrap();
        assert_eq!(largest.get(), ProposalNumber::MAX);
        assert_eq!(serde_json::to_string(&largest).unwrap(), "9007199254740991");
    }
}
