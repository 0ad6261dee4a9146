//! What a mutant of `member` is, and what it remembers.

use std::collections::{BTreeMap, BTreeSet};

use crate::member::{Peer, RequestId, Setup};
use crate::process::PeerId;
use crate::sim::mutant::{self, Mutable};

pub(super) type Mutant = mutant::Mutant<Peer>;

/// A mutant that changes nothing.
pub(super) const PLAIN: Mutant = Mutant::PLAIN;

/// What a mutant remembers beside its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemberNotes {
    /// Peers with something in common.
    pub(super) peers: BTreeSet<PeerId>,
    /// Who has answered what, by two numbers.
    pub(super) answers: BTreeMap<(u64, u64), BTreeSet<PeerId>>,
    /// The last request that it has made, and of which view.
    pub(super) request: Option<(RequestId, u64)>,
    /// Something is so.
    pub(super) flag: bool,
}

impl Mutable for Peer {
    type Setup = Setup;
    type Notes = MemberNotes;

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}
