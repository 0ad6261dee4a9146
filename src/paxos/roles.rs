//! Who plays what: the hostsfile as the protocol sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::proposal::ProposalNumber;
use super::quorum::{Acceptors, disjoint_majorities};
use crate::process::PeerId;

/// Those who listen to one proposer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audience {
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
    /// The proposers, each with its audience.
    pub proposers: BTreeMap<PeerId, Audience>,
}

impl Roles {
    /// The proposer to whom `number` belongs, and its audience.
    pub fn proposer_of(&self, number: ProposalNumber) -> Option<(PeerId, &Audience)> {
        let owner = number.owner(self.peers);
        self.proposers.get(&owner).map(|audience| (owner, audience))
    }

    /// True if `acceptor` answers the proposer to whom `number` belongs.
    pub fn serves(&self, acceptor: PeerId, number: ProposalNumber) -> bool {
        self.proposer_of(number).is_some_and(|(_, audience)| audience.acceptors.contains(&acceptor))
    }

    /// Acceptors and learners: those who are told the choice.
    pub fn told(&self) -> BTreeSet<PeerId> {
        let audiences = self.proposers.values();
        audiences.flat_map(|a| a.acceptors.union(&a.learners)).copied().collect()
    }

    /// Everyone who takes part.
    pub fn participants(&self) -> BTreeSet<PeerId> {
        self.told().into_iter().chain(self.proposers.keys().copied()).collect()
    }

    /// The peers that `me` links with: every other one. Also two that have no message for each
    /// other, because a link is how a proposer learns that a peer has started.
    pub fn links_of(&self, me: PeerId) -> BTreeSet<PeerId> {
        (1..=self.peers).map(PeerId).filter(|peer| *peer != me).collect()
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
