//! Who plays what: the hostsfile as the protocol sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::proposal::ProposalNumber;
use super::quorum::{Acceptors, disjoint_majorities};
use crate::process::PeerId;

/// Those who listen to one proposer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Electorate {
    /// Its acceptors; its quorums are their majorities.
    pub acceptors: Acceptors,
    /// Its learners: told of every acceptance of its numbers.
    pub learners: BTreeSet<PeerId>,
}

/// The roles of all peers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Roles {
    /// How many peers there are, with or without a part; it sets the proposal numbers apart.
    pub peers: u16,
    /// The proposers, each with its electorate.
    pub proposers: BTreeMap<PeerId, Electorate>,
}

impl Roles {
    /// The proposer to whom `number` belongs, and its electorate.
    pub fn proposer_of(&self, number: ProposalNumber) -> Option<(PeerId, &Electorate)> {
        let owner = number.owner(self.peers);
        self.proposers.get(&owner).map(|electorate| (owner, electorate))
    }

    /// True if `acceptor` answers the proposer to whom `number` belongs.
    pub fn serves(&self, acceptor: PeerId, number: ProposalNumber) -> bool {
        self.proposer_of(number)
            .is_some_and(|(_, electorate)| electorate.acceptors.contains(&acceptor))
    }

    /// Acceptors and learners: those who are told the choice.
    pub fn recipients(&self) -> BTreeSet<PeerId> {
        let electorates = self.proposers.values();
        electorates.flat_map(|a| a.acceptors.union(&a.learners)).copied().collect()
    }

    /// Everyone who takes part.
    pub fn participants(&self) -> BTreeSet<PeerId> {
        self.recipients().into_iter().chain(self.proposers.keys().copied()).collect()
    }

    /// The peers that `me` links with: every other one. Also two that have no message for each
    /// other, because a link is how a proposer learns that a peer has started.
    pub fn links_of(&self, me: PeerId) -> BTreeSet<PeerId> {
        (1..=self.peers).map(PeerId).filter(|peer| *peer != me).collect()
    }

    /// Which acceptor to give to which proposer so that any two quorums meet: nothing if they do,
    /// one if that is enough, and never one that could be left out.
    pub fn missing(&self) -> Vec<(PeerId, PeerId)> {
        let with = |added: &[(PeerId, PeerId)]| {
            let mut roles = self.clone();
            for (acceptor, proposer) in added {
                if let Some(electorate) = roles.proposers.get_mut(proposer) {
                    electorate.acceptors.insert(*acceptor);
                }
            }
            roles
        };
        let mut added = Vec::new();
        // Each turn two sets become more alike, and equal ones meet: so it ends.
        while let Some([(one, _), (other, _)]) = with(&added).unsafe_pair() {
            let roles = with(&added);
            let (a, b) = (&roles.proposers[&one].acceptors, &roles.proposers[&other].acceptors);
            let to_other = (a - b).into_iter().map(|peer| (peer, other));
            let to_one = (b - a).into_iter().map(|peer| (peer, one));
            let mut candidates = to_other.chain(to_one).peekable();
            let Some(first) = candidates.peek().copied() else { break };
            let settles = |next: &(PeerId, PeerId)| {
                let added: Vec<_> = added.iter().chain([next]).copied().collect();
                with(&added).unsafe_pair().is_none()
            };
            added.push(candidates.find(settles).unwrap_or(first));
        }
        let without = |added: &[_], index| [&added[..index], &added[index + 1..]].concat();
        let is_idle = |added: &[_], index| with(&without(added, index)).unsafe_pair().is_none();
        while let Some(idle) = (0..added.len()).find(|index| is_idle(&added, *index)) {
            added.remove(idle);
        }
        added
    }

    /// Two proposers with a quorum each that share no acceptor, if there are such: together they
    /// could choose two values, so nobody may run with these roles.
    pub fn unsafe_pair(&self) -> Option<[(PeerId, Acceptors); 2]> {
        let proposers: Vec<_> = self.proposers.iter().collect();
        proposers.iter().enumerate().find_map(|(i, (one, a))| {
            proposers[i + 1..].iter().find_map(|(other, b)| {
                let (of_one, of_other) = disjoint_majorities(&a.acceptors, &b.acceptors)?;
                Some([(**one, of_one), (**other, of_other)])
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_proposers_without_a_common_acceptor_are_an_unsafe_pair() {
        let of = |acceptor: u16| Electorate {
            acceptors: [PeerId(acceptor)].into(),
            learners: [PeerId(5)].into(),
        };
        let proposers = [(PeerId(1), of(3)), (PeerId(2), of(4))].into();
        let mut roles = Roles { peers: 6, proposers };
        let pair = [(PeerId(1), [PeerId(3)].into()), (PeerId(2), [PeerId(4)].into())];
        assert_eq!(roles.unsafe_pair(), Some(pair));
        assert_eq!(roles.participants(), (1..=5).map(PeerId).collect());
        roles.proposers.insert(PeerId(2), of(3));
        assert_eq!(roles.unsafe_pair(), None);
    }

    proptest! {
        /// Whatever the roles are, following the advice makes them safe, and less does not.
        #[test]
        fn what_is_missing_makes_every_two_quorums_meet(
            sets in prop::collection::vec(prop::collection::btree_set(1u16..9, 1..6), 1..5),
        ) {
            let electorate = |ids: &BTreeSet<u16>| Electorate {
                acceptors: ids.iter().map(|id| PeerId(*id)).collect(),
                learners: BTreeSet::new(),
            };
            let mut roles = Roles {
                peers: 16,
                proposers: (10..).map(PeerId).zip(sets.iter().map(electorate)).collect(),
            };
            let missing = roles.missing();
            prop_assert_eq!(missing.is_empty(), roles.unsafe_pair().is_none());
            for (acceptor, proposer) in &missing {
                let electorate = roles.proposers.get_mut(proposer).expect("it proposes");
                prop_assert!(electorate.acceptors.insert(*acceptor), "it has that one");
            }
            prop_assert_eq!(roles.unsafe_pair(), None);
            for (acceptor, proposer) in &missing {
                let mut fewer = roles.clone();
                let electorate = fewer.proposers.get_mut(proposer).expect("it proposes");
                electorate.acceptors.remove(acceptor);
                prop_assert!(fewer.unsafe_pair().is_some(), "{} could be left out", acceptor);
            }
        }
    }
}
