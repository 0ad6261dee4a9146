//! Who may propose together: any two quorums of any two proposers must share an acceptor.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Cluster, Program};
use synod::paxos::{Electorate, Roles};
use synod::process::PeerId;

fn set(bits: u16) -> BTreeSet<PeerId> {
    (0..4).filter(|at| bits & (1 << at) != 0).map(|at| PeerId(at + 1)).collect()
}

/// A majority of each that have nobody in common, by trying all.
fn could_disagree(a: u16, b: u16) -> bool {
    let quorums =
        |of: u16| (1..16u16).filter(move |q| q & !of == 0 && q.count_ones() * 2 > of.count_ones());
    quorums(a).any(|one| quorums(b).any(|other| one & other == 0))
}

/// All choices of acceptors among four for three proposers: a pair that could disagree is found
/// wherever it stands, and what is named are quorums of the two that share nobody.
#[test]
fn every_pair_of_proposers_is_compared() {
    let mut far_apart = 0;
    for bits in 0..16u16.pow(3) {
        let sets = [bits & 15, bits >> 4 & 15, bits >> 8];
        let proposers = sets.iter().zip(5..).map(|(acceptors, id)| {
            let (acceptors, learners) = (set(*acceptors), BTreeSet::new());
            (PeerId(id), Electorate { acceptors, learners })
        });
        let roles = Roles { peers: 7, proposers: proposers.collect::<BTreeMap<_, _>>() };
        let [ab, bc, ac] = [(0, 1), (1, 2), (0, 2)].map(|(x, y)| could_disagree(sets[x], sets[y]));
        far_apart += usize::from(ac && !ab && !bc);
        let Some(pair) = roles.unsafe_pair() else {
            assert!(!(ab || bc || ac), "{sets:?}");
            continue;
        };
        let [(one, of_one), (other, of_other)] = &pair;
        assert!(one < other && of_one.is_disjoint(of_other), "{sets:?}: {pair:?}");
        for (proposer, quorum) in &pair {
            let acceptors = &roles.proposers[proposer].acceptors;
            assert!(quorum.is_subset(acceptors) && quorum.len() * 2 > acceptors.len(), "{pair:?}");
        }
    }
    assert!(far_apart > 0, "the first and the last alone must be among them");
}

/// Peer 1 needs only peer 2 and peer 5 only peer 4; the proposer between them meets both.
#[test]
fn a_hostsfile_whose_first_and_last_proposer_could_disagree_is_refused() {
    let roles =
        ["proposer1", "acceptor1,acceptor2", "proposer2", "acceptor2,acceptor3", "proposer3"];
    let cluster = Cluster::new(&roles);
    for id in 1..=5 {
        let end = Program::start(cluster.command(id, "-v X")).end();
        assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
        let want = "two values could be chosen: peer1 needs only peer2, and peer5 only peer4";
        assert!(end.err[0].contains(want), "{end:#?}");
    }
}
