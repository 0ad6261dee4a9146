//! The casts of a run: who proposes, who votes, who only learns.
//!
//! A number of peers and a number of proposers leave room for several casts, because some mistakes
//! show in one of them only. The seed draws which one a run has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::paxos::{Electorate, Roles, Setup, Value};
use crate::process::PeerId;
use crate::sim::Prng;

/// More peers than this do not fit the masks of the oracle.
pub const MOST_PEERS: u16 = 128;

/// One cast.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Who plays what.
    pub roles: Roles,
    /// What every peer is built from, in the order of ids.
    pub setups: Vec<Arc<Setup>>,
    /// The pairs with a link.
    pub links: Vec<(PeerId, PeerId)>,
    /// Everyone who takes part.
    pub participants: BTreeSet<PeerId>,
}

impl Cast {
    /// How long proposers with a majority of links hope for the others.
    pub fn set_link_wait(&mut self, link_wait: Duration) {
        for setup in &mut self.setups {
            *setup = Arc::new(Setup { link_wait, ..Setup::clone(setup) });
        }
    }

    /// A peer without which every proposer still has a majority of its acceptors, and which
    /// proposes nothing; one of them is drawn.
    pub fn dispensable(&self, prng: &mut Prng) -> Option<PeerId> {
        let proposers = &self.roles.proposers;
        let can_miss = |peer: &PeerId| {
            let enough = |a: &Electorate| !a.acceptors.contains(peer) || a.acceptors.len() > 2;
            !proposers.contains_key(peer) && proposers.values().all(enough)
        };
        let peers: Vec<PeerId> = self.participants.iter().copied().filter(can_miss).collect();
        if peers.is_empty() { None } else { Some(peers[prng.index(peers.len())]) }
    }
}

/// What the proposers propose, in their order.
const VALUES: &str = "XYZABCDEFGHIJKLMNOPQRSTUVW";

/// All casts of `peers` peers with `proposers` proposers.
///
/// In order: everybody votes; the proposers do not vote; nor does the last peer, which learns; the
/// proposers' acceptors differ. Each once with all proposers at the same moment, and once with the
/// later ones waiting.
pub fn casts(peers: u16, proposers: u16) -> Vec<Cast> {
    let all: BTreeSet<PeerId> = (1..=peers).map(PeerId).collect();
    let voters: BTreeSet<PeerId> = (proposers + 1..=peers).map(PeerId).collect();
    let last = PeerId(peers);
    let mut of_each: Vec<Vec<Electorate>> = Vec::new();
    let mut add = |electorate: &dyn Fn(u16) -> Electorate| {
        of_each.push((1..=proposers).map(electorate).collect());
    };
    add(&|_| Electorate { acceptors: all.clone(), learners: all.clone() });
    if !voters.is_empty() {
        add(&|_| Electorate { acceptors: voters.clone(), learners: BTreeSet::new() });
    }
    if voters.len() >= 2 {
        let acceptors: BTreeSet<PeerId> = voters.iter().copied().filter(|p| *p != last).collect();
        add(&|_| Electorate { acceptors: acceptors.clone(), learners: [last].into() });
    }
    if peers >= 4 {
        // Proposer k does without peer k, or without one more.
        add(&|k| Electorate {
            acceptors: all.iter().copied().filter(|p| p.0 % peers != k % peers).collect(),
            learners: [last].into(),
        });
    }
    let roles = of_each.into_iter().map(|electorates| Roles {
        peers,
        proposers: (1..=proposers).map(PeerId).zip(electorates).collect(),
    });
    let safe = roles.filter(|roles| roles.unsafe_pair().is_none());
    safe.flat_map(|roles| [cast(&roles, 0), cast(&roles, 4)]).collect()
}

/// The cast of these roles; each proposer waits `step_ms` longer than the one before.
pub fn cast(roles: &Roles, step_ms: u64) -> Cast {
    let mut values = VALUES.chars().cycle();
    let mut delay = Duration::ZERO;
    let mut setup = |id: u16| {
        let me = PeerId(id);
        let proposes = roles.proposers.contains_key(&me);
        let candidate = if proposes { values.next().map(Value) } else { None };
        let own = delay;
        if proposes {
            delay += Duration::from_millis(step_ms);
        }
        let link_wait = Duration::from_millis(5);
        Arc::new(Setup { me, roles: roles.clone(), candidate, delay: own, link_wait })
    };
    let setups = (1..=roles.peers).map(&mut setup).collect();
    let links = (1..=roles.peers).map(PeerId).flat_map(|me| {
        roles.links_of(me).into_iter().filter(move |other| *other > me).map(move |o| (me, o))
    });
    let participants = roles.participants();
    Cast { roles: roles.clone(), setups, links: links.collect(), participants }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cast_is_safe_and_has_its_proposers() {
        for peers in 1..=9 {
            for proposers in 1..=peers.min(4) {
                let casts = casts(peers, proposers);
                assert!(!casts.is_empty());
                for cast in casts {
                    assert_eq!(cast.roles.unsafe_pair(), None);
                    assert_eq!(cast.roles.proposers.len(), usize::from(proposers));
                    let candidates = cast.setups.iter().filter(|s| s.candidate.is_some());
                    assert_eq!(candidates.count(), usize::from(proposers));
                }
            }
        }
    }
}
