//! Whatever is left out to save states, the acceptors must still get everywhere.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;
use synod::paxos::{Accepted, Peer, ProposalNumber};

use crate::model::Exploration;
use crate::model::bounds::Bounds;
use crate::model::run::exhaust;

type Acceptors = Vec<(Option<ProposalNumber>, Vec<Accepted>)>;

/// Every situation of all acceptors that can arise, and how many states were walked through. A
/// walk of its own, so that Stateright's count is checked as well.
fn situations(bounds: Bounds) -> (BTreeSet<Acceptors>, usize) {
    let model = Exploration::new(bounds, Peer::new);
    let mut todo = model.init_states();
    let mut met = BTreeSet::new();
    let mut found = BTreeSet::new();
    while let Some(state) = todo.pop() {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        if met.insert(hasher.finish()) {
            found.insert(model.acceptors_of(&state));
            todo.extend(model.next_states(&state));
        }
    }
    (found, met.len())
}

#[test]
fn the_reductions_lose_no_situation_of_the_acceptors() {
    assert_nothing_is_lost(3, 1, 0);
    assert_nothing_is_lost(2, 1, 1);
}

/// Takes a minute without optimization, so `make explore` runs it.
#[test]
#[ignore = "slow; make explore runs it"]
fn the_reductions_lose_no_situation_of_two_proposers() {
    assert_nothing_is_lost(2, 2, 0);
}

fn assert_nothing_is_lost(acceptors: u16, proposers: u16, crashes: u8) {
    let reduced = Bounds { crashes, ..Bounds::new(acceptors, proposers) };
    let (want, states) = situations(reduced.in_full());
    let (found, fewer) = situations(reduced);
    println!("{acceptors} acceptors, {proposers} proposers, {crashes} crashes: {states} states");
    assert_eq!(found, want, "{acceptors} acceptors, {proposers} proposers, {crashes} crashes");
    assert_eq!(fewer, exhaust(reduced, Peer::new, None).states, "two walks, one count");
}
