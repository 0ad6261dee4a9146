//! What a register holds, and under which ballot.

use std::fmt::{self, Display};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bytes::Bytes;
use crate::paxos::ProposalNumber;

/// How many of the ballots that have changed it a register remembers.
pub const LINEAGE: usize = 8;

/// Under what an owner asks for acceptance. A promise for a term covers all of its `seq`s, so the
/// owner of a term changes a register with one round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// A number of Paxos: it has one owner, ever.
    pub term: ProposalNumber,
    /// Counts the owner's accepts within the term, from 1.
    pub seq: u64,
}

impl Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.seq)
    }
}

/// When a register is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Expiry {
    /// So many milliseconds after this expiry was set, by the clock of whoever measures.
    pub after_ms: u64,
    /// The version that has set it. Changes that keep the expiry keep this too, so it tells one
    /// expiry from the next.
    pub since: u64,
}

/// What a register holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Register {
    /// The value; none: deleted, or never written.
    pub value: Option<Bytes>,
    /// Counts changes, never goes back, and is no other change's: a fencing token.
    pub version: u64,
    /// Counts the ballots that have changed it; never above `version`.
    #[serde(default)]
    pub rounds: u64,
    /// The last of them, oldest first: [`LINEAGE`] at most.
    #[serde(default)]
    pub recent: Vec<Ballot>,
    /// When it is to be deleted, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
}

impl Register {
    /// One that knows nothing but that versions up to this one were used: for a key of which
    /// nothing is held, since what was held may have been deleted and dropped.
    ///
    /// Safety: no more ballots have changed a register than its version says. So whoever has asked
    /// for a change of one that was dropped is not told that it was never made.
    pub fn above(version: u64) -> Self {
        Self { version, rounds: version, ..Self::default() }
    }

    /// What a client is told: nothing but absence has version 0.
    pub fn told_version(&self) -> u64 {
        if self.value.is_some() { self.version } else { 0 }
    }

    /// Notes that this ballot has changed it.
    pub fn descend(&mut self, ballot: Ballot) {
        self.rounds += 1;
        assert!(self.rounds <= self.version, "a round changes something");
        if self.recent.len() >= LINEAGE {
            self.recent.remove(0);
        }
        self.recent.push(ballot);
    }

    /// Whether the change that was asked for under `ballot`, upon a register with `rounds`, is in
    /// this one; `None` if that was too long ago to know.
    ///
    /// Registers descend from each other and never merge: what an acceptor holds was made of
    /// another register by one ballot. So as long as `recent` reaches back to the register that the
    /// change was made upon, a ballot that is not in it has changed nothing here.
    pub fn descends_from(&self, ballot: Ballot, rounds: u64) -> Option<bool> {
        if self.recent.contains(&ballot) {
            return Some(true);
        }
        let since = self.rounds.saturating_sub(rounds);
        (since <= self.recent.len() as u64).then_some(false)
    }
}

/// A register that is not changed any more, so that copies are cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shared(Arc<Register>);

impl Deref for Shared {
    type Target = Register;

    fn deref(&self) -> &Register {
        &self.0
    }
}

impl From<Register> for Shared {
    fn from(register: Register) -> Self {
        Self(Arc::new(register))
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Register::deserialize(deserializer).map(Self::from)
    }
}

/// A register as an acceptor holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// Under which it was accepted.
    pub ballot: Ballot,
    /// What it holds.
    pub register: Shared,
}

/// What counts for keys of which nothing is held.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Floor {
    /// Nothing is promised or accepted up to this term.
    pub term: Option<ProposalNumber>,
    /// Nothing that was dropped had a higher version.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(term: u64) -> Ballot {
        Ballot { term: ProposalNumber::new(term).unwrap(), seq: 1 }
    }

    #[test]
    fn a_change_is_known_as_long_as_the_lineage_reaches_back() {
        let mut register = Register::above(7);
        let change = |register: &mut Register, term| {
            register.version += 1;
            register.descend(ballot(term));
        };
        assert_eq!(register.descends_from(ballot(9), 7), Some(false), "it is as it was");
        assert_eq!(register.descends_from(ballot(9), 6), None, "it may have been dropped since");
        for term in 1..=3 {
            change(&mut register, term);
        }
        let base = register.rounds;
        assert_eq!(register.descends_from(ballot(2), 8), Some(true));
        assert_eq!(register.descends_from(ballot(9), base), Some(false), "nothing came since");
        for term in 11..=18 {
            change(&mut register, term);
        }
        assert_eq!(register.recent.len(), LINEAGE);
        assert_eq!(register.descends_from(ballot(9), base), Some(false), "all since are known");
        assert_eq!(register.descends_from(ballot(11), base), Some(true));
        change(&mut register, 19);
        assert_eq!(register.descends_from(ballot(9), base), None);
        assert_eq!(register.descends_from(ballot(11), base), None, "it has fallen out");
        assert_eq!(register.descends_from(ballot(19), base), Some(true));
    }

    #[test]
    fn a_term_comes_before_a_count() {
        let (low, high) = (ballot(2), ballot(3));
        assert!(Ballot { seq: 9, ..low } < high && Ballot { seq: 2, ..low } > low);
    }
}
