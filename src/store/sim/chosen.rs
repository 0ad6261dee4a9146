//! What is chosen, recomputed from what became durable where.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::PeerId;
use crate::store::bytes::Bytes;
use crate::store::register::{Ballot, Held, Shared};

/// What is known of one key.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Every register that was accepted, and where it is durable.
    accepted: BTreeMap<Ballot, (Shared, BTreeSet<PeerId>)>,
    /// The chosen register with the highest ballot.
    pub(super) last: Option<Held>,
    /// The value of every chosen version.
    pub(super) values: BTreeMap<u64, Option<Bytes>>,
}

/// What one more acceptance means.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Another register was accepted under the same ballot.
    pub(super) differs: bool,
    /// It does not descend from what was chosen.
    pub(super) is_astray: bool,
    /// It is chosen now, and later than all that were.
    pub(super) is_chosen: bool,
}

fn follows(later: &Shared, earlier: &Shared) -> bool {
    later.version > earlier.version
        || later.version == earlier.version && later.value == earlier.value
}

impl Chosen {
    /// The version that is chosen, and whether there is a value.
    pub(super) fn version(&self) -> (u64, bool) {
        let last = self.last.as_ref().map(|held| &held.register);
        last.map_or((0, false), |register| (register.version, register.value.is_some()))
    }

    /// A peer has this on its disk, among so many.
    pub(super) fn accept(&mut self, peer: PeerId, held: &Held, peers: usize) -> News {
        let Held { ballot, register } = held;
        let mut news = News::default();
        let of_ballot = self.accepted.entry(*ballot);
        let (known, holders) = of_ballot.or_insert_with(|| (register.clone(), BTreeSet::new()));
        news.differs = known != register;
        let was = holders.len() > peers / 2;
        holders.insert(peer);
        let is_chosen = holders.len() > peers / 2 && !was;
        if let Some(last) = &self.last {
            let (low, high) = if *ballot > last.ballot {
                (&last.register, register)
            } else {
                (register, &last.register)
            };
            // Below a chosen ballot, only what is chosen too must be its ancestor.
            news.is_astray = (*ballot > last.ballot || is_chosen) && !follows(high, low);
        }
        if is_chosen {
            self.values.insert(register.version, register.value.clone());
            if self.last.as_ref().is_none_or(|last| last.ballot < *ballot) {
                self.last = Some(held.clone());
                news.is_chosen = true;
            }
        }
        news
    }

    /// True if this peer has had it on its disk.
    pub(super) fn is_durable(&self, peer: PeerId, ballot: Ballot) -> bool {
        self.accepted.get(&ballot).is_some_and(|(_, holders)| holders.contains(&peer))
    }

    /// The peer has lost its disk.
    pub(super) fn lose(&mut self, peer: PeerId) {
        for (_, holders) in self.accepted.values_mut() {
            // What was chosen with it stays chosen.
            holders.remove(&peer);
        }
    }
}
