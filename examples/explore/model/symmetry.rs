//! Which acceptor is which does not matter: the permutations of the acceptors, and the key that
//! all states share which are one up to a permutation.

use std::collections::HashMap;

use synod::process::PeerId;

use super::Subject;
use super::local::Letter;
use super::table::{LetterId, LocalId, Table, UNKNOWN, mix};

/// A permutation, by its number. 0 changes nothing.
pub(crate) type Swap = usize;

/// All permutations of the interchangeable acceptors.
pub(crate) struct Permutations {
    places: Vec<PeerId>,
    /// `all[swap][i]`: where the acceptor of place `i` goes.
    all: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, Swap>,
}

impl Permutations {
    /// Of these peers.
    pub(crate) fn new(places: Vec<PeerId>) -> Self {
        let mut all = vec![Vec::new()];
        for _ in &places {
            all = all.iter().flat_map(|shorter| longer(shorter, places.len())).collect();
        }
        let numbers = all.iter().cloned().zip(0..).collect();
        Self { places, all, numbers }
    }

    /// Where `peer` goes.
    pub(crate) fn of(&self, swap: Swap, peer: PeerId) -> PeerId {
        match self.place(peer) {
            Some(place) => self.places[usize::from(self.all[swap][place])],
            None => peer,
        }
    }

    /// Remembers what a thing becomes.
    pub(crate) fn note(&self, swapped: &mut Vec<u32>, swap: Swap, place: u32) {
        if swapped.is_empty() {
            swapped.resize(self.all.len(), UNKNOWN);
        }
        swapped[swap] = place;
    }

    fn place(&self, peer: PeerId) -> Option<usize> {
        self.places.iter().position(|&place| place == peer)
    }

    /// An exchange of two and a rotation of all, from which every permutation can be built.
    pub(crate) fn generators(&self) -> Vec<Swap> {
        let count = u8::try_from(self.places.len()).expect("few acceptors");
        if count < 2 {
            return Vec::new();
        }
        let exchange = [1, 0].into_iter().chain(2..count).collect::<Vec<u8>>();
        let rotation = (1..count).chain([0]).collect::<Vec<u8>>();
        vec![self.numbers[&exchange], self.numbers[&rotation]]
    }

    /// The permutation that brings `place` to the front and leaves the order of the others.
    fn to_front(&self, place: usize) -> Swap {
        let order = [place].into_iter().chain((0..self.places.len()).filter(|&i| i != place));
        self.by_order(&order.collect::<Vec<_>>())
    }

    /// The permutation that brings the acceptor of place `order[i]` to place `i`.
    fn by_order(&self, order: &[usize]) -> Swap {
        let mut to = vec![0; order.len()];
        for (i, &from) in (0..).zip(order) {
            to[from] = i;
        }
        self.numbers[&to]
    }
}

/// `shorter` with each number below `count` that it lacks at its end.
fn longer(shorter: &[u8], count: usize) -> Vec<Vec<u8>> {
    let count = u8::try_from(count).expect("few acceptors");
    let free = (0..count).filter(|place| !shorter.contains(place));
    free.map(|place| [shorter, &[place]].concat()).collect()
}

/// The key of a state: equal for two states exactly if a permutation turns one into the other
/// (but for a collision of 64-bit hashes).
pub(crate) fn key<P: Subject>(
    table: &mut Table<P>,
    locals: &[LocalId],
    letters: &[(LetterId, u8)],
    rest: u64,
) -> u64 {
    let places = table.permutations.places.len();
    if places < 2 {
        return mix(rest ^ whole(table, locals, letters, 0));
    }
    // An acceptor's looks: its state and its letters, without its name. Permutations need to be
    // tried only among acceptors that look alike.
    let mut looks = Vec::with_capacity(places);
    for place in 0..places {
        looks.push((look(table, locals, letters, place), place));
    }
    looks.sort_unstable();
    let mut orders = vec![Vec::with_capacity(places)];
    for alike in looks.chunk_by(|a, b| a.0 == b.0) {
        for _ in alike {
            orders = orders.iter().flat_map(|order| with_one_of(order, alike)).collect();
        }
    }
    let keys = orders.iter().map(|order| {
        let swap = table.permutations.by_order(order);
        whole(table, locals, letters, swap)
    });
    mix(rest ^ keys.min().unwrap_or_default())
}

fn with_one_of(order: &[usize], alike: &[(u64, usize)]) -> Vec<Vec<usize>> {
    let free = alike.iter().map(|&(_, place)| place).filter(|place| !order.contains(place));
    free.map(|place| [order, &[place]].concat()).collect()
}

fn look<P: Subject>(
    table: &mut Table<P>,
    locals: &[LocalId],
    letters: &[(LetterId, u8)],
    place: usize,
) -> u64 {
    let me = table.permutations.places[place];
    let swap = table.permutations.to_front(place);
    let mine = table.swapped_local(locals[usize::from(me.0 - 1)], swap);
    let mut sum = mix(table.locals.prints[mine as usize]);
    for &(letter, at) in letters {
        let Letter { from, to, .. } = table.letter(letter);
        let other = if from == me { to } else { from };
        // Letters between two acceptors would bring in the other one's name.
        if (from == me || to == me) && table.permutations.place(other).is_none() {
            let letter = table.swapped_letter(letter, swap);
            sum = sum.wrapping_add(mix(table.letters.prints[letter as usize] ^ u64::from(at)));
        }
    }
    sum
}

fn whole<P: Subject>(
    table: &mut Table<P>,
    locals: &[LocalId],
    letters: &[(LetterId, u8)],
    swap: Swap,
) -> u64 {
    let mut sum = 0_u64;
    for &local in locals {
        let local = table.swapped_local(local, swap);
        sum = sum.wrapping_add(mix(table.locals.prints[local as usize]));
    }
    for &(letter, at) in letters {
        let letter = table.swapped_letter(letter, swap);
        sum = sum.wrapping_add(mix(table.letters.prints[letter as usize] ^ u64::from(at)));
    }
    sum
}
