//! The learner: counts acceptances until a majority stands behind one number.

use std::collections::BTreeMap;

use super::message::Accepted;
use super::proposal::{ProposalNumber, Value};
use super::quorum::{Acceptors, is_quorum};
use crate::process::PeerId;

/// How many acceptances are kept of each acceptor: those with the highest numbers.
///
/// An acceptor accepts under rising numbers, so only its own later acceptances push one out. Say a
/// value was chosen under `n`, and its last missing vote comes when another acceptor's vote for `n`
/// is pushed out. Then that acceptor has accepted 64 later proposals, each promised by a majority,
/// while one message was under way, and by the protocol all of them carry the chosen value: the
/// first that is accepted by a majority is counted here instead, or its proposer tells the choice.
/// For the choice to be missed all 64 proposers must have died between the two. And a learner that
/// misses it learns it all the same from a peer that knows, as one that comes late does.
pub const KEPT_EACH: usize = 64;

/// Acceptances by acceptor. A majority of one *value* under different numbers is no choice: those
/// votes never stood together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Learner {
    votes: BTreeMap<PeerId, BTreeMap<ProposalNumber, Value>>,
}

impl Learner {
    /// `from` says that it accepted this; `members` are the acceptors of the number's proposer.
    /// True if a majority of them has now accepted it under this number.
    pub fn accepted(&mut self, members: &Acceptors, from: PeerId, vote: Accepted) -> bool {
        if !members.contains(&from) {
            return false;
        }
        let of_one = self.votes.entry(from).or_default();
        // Nobody accepts two values under one number; an acceptor that says so is not counted
        // twice.
        of_one.entry(vote.number).or_insert(vote.value);
        if of_one.len() > KEPT_EACH {
            of_one.pop_first();
        }
        assert!(of_one.len() <= KEPT_EACH, "what one acceptor says takes bounded memory");
        let has_voted = |of_one: &BTreeMap<_, _>| of_one.get(&vote.number) == Some(&vote.value);
        let voters = self.votes.iter().filter(|(_, of_one)| has_voted(of_one));
        is_quorum(members, &voters.map(|(peer, _)| *peer).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(number: u64, value: char) -> Accepted {
        Accepted { number: ProposalNumber::new(number).unwrap(), value: Value(value) }
    }

    #[test]
    fn votes_under_different_numbers_are_not_added_up() {
        let members: Acceptors = [2, 3, 4].map(PeerId).into();
        let mut learner = Learner::default();
        assert!(!learner.accepted(&members, PeerId(2), vote(1, 'X')));
        assert!(!learner.accepted(&members, PeerId(3), vote(5, 'X')));
        assert!(!learner.accepted(&members, PeerId(2), vote(1, 'X')), "told twice");
        assert!(!learner.accepted(&members, PeerId(9), vote(5, 'X')), "an unknown peer");
        assert!(learner.accepted(&members, PeerId(4), vote(5, 'X')));
    }

    #[test]
    fn a_number_has_one_value_whatever_one_acceptor_says() {
        let members: Acceptors = [2, 3, 4].map(PeerId).into();
        let mut learner = Learner::default();
        assert!(!learner.accepted(&members, PeerId(2), vote(1, 'Y')));
        assert!(!learner.accepted(&members, PeerId(2), vote(1, 'X')), "it has said Y");
        assert!(!learner.accepted(&members, PeerId(3), vote(1, 'X')));
        assert!(learner.accepted(&members, PeerId(4), vote(1, 'X')));
    }

    /// The Byzantine peer is one of the acceptors; the others are believed all the same.
    #[test]
    fn a_million_forged_acceptances_are_not_kept_and_hide_no_choice() {
        let members: Acceptors = [2, 3, 4].map(PeerId).into();
        let mut learner = Learner::default();
        assert!(!learner.accepted(&members, PeerId(3), vote(1, 'X')));
        for number in 2..1_000_002 {
            assert!(!learner.accepted(&members, PeerId(2), vote(number, 'Z')));
            assert!(!learner.accepted(&members, PeerId(9), vote(number, 'Z')), "an unknown peer");
            let kept: usize = learner.votes.values().map(BTreeMap::len).sum();
            assert!(kept <= KEPT_EACH + 1, "{kept} are kept");
        }
        assert!(learner.accepted(&members, PeerId(4), vote(1, 'X')));
    }

    /// Votes that come in any order, as late ones do on other links.
    #[test]
    fn as_many_later_votes_as_are_kept_hide_no_earlier_one() {
        let members: Acceptors = [2, 3, 4].map(PeerId).into();
        let mut learner = Learner::default();
        for number in 1..=64 {
            assert!(!learner.accepted(&members, PeerId(2), vote(number, 'X')));
        }
        assert!(learner.accepted(&members, PeerId(3), vote(1, 'X')));
    }
}
