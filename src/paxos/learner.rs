//! The learner: counts acceptances until a majority stands behind one number.

use std::collections::BTreeMap;

use super::message::Accepted;
use super::proposal::{ProposalNumber, Value};
use super::quorum::{Acceptors, is_quorum};
use crate::process::PeerId;

/// Acceptances by number. A majority of one *value* under different numbers is no choice: those
/// votes never stood together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Learner {
    votes: BTreeMap<ProposalNumber, (Value, Acceptors)>,
}

impl Learner {
    /// `from` says that it accepted this; `members` are the acceptors of the number's proposer.
    /// True if a majority of them has now accepted under this number.
    pub fn accepted(&mut self, members: &Acceptors, from: PeerId, vote: Accepted) -> bool {
        let (value, voters) =
            self.votes.entry(vote.number).or_insert_with(|| (vote.value, Acceptors::new()));
        // A number has one value. A vote for another one is not counted with these.
        if *value == vote.value {
            voters.insert(from);
        }
        is_quorum(members, voters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_under_different_numbers_are_not_added_up() {
        let members: Acceptors = [2, 3, 4].map(PeerId).into();
        let vote =
            |number| Accepted { number: ProposalNumber::new(number).unwrap(), value: Value('X') };
        let mut learner = Learner::default();
        assert!(!learner.accepted(&members, PeerId(2), vote(1)));
        assert!(!learner.accepted(&members, PeerId(3), vote(5)));
        assert!(!learner.accepted(&members, PeerId(2), vote(1)), "told twice");
        assert!(!learner.accepted(&members, PeerId(9), vote(5)), "a stranger");
        assert!(learner.accepted(&members, PeerId(4), vote(5)));
    }
}
