//! What mutants of `store` remember beside their process.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::PeerId;
use crate::sim::mutant::{self, Mutable};
use crate::store::bytes::Bytes;
use crate::store::message::QuestionId;
use crate::store::operation::Request;
use crate::store::peer::Setup;
use crate::store::register::{Ballot, Expiry, Floor, Shared};
use crate::store::{Message, Peer, Record};

pub(super) type Mutant = mutant::Mutant<Peer>;
pub(super) type MutantState = mutant::MutantState<Peer>;

/// Counts of questions that no peer reaches by itself.
pub(super) const STRANGE: u64 = 1 << 40;

/// What a mutant remembers beside its process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoreNotes {
    /// What was forwarded for a call.
    pub(super) forwarded: BTreeMap<u64, (Bytes, Request)>,
    /// The last ballot under which acceptance was asked for.
    pub(super) asked: BTreeMap<Bytes, Ballot>,
    /// A ballot that stands for another one.
    pub(super) renamed: BTreeMap<Bytes, (Ballot, Ballot)>,
    /// Registers that are nobody's change.
    pub(super) seen: BTreeSet<(Bytes, Shared)>,
    /// Who has accepted a deleted register.
    pub(super) deleted: BTreeMap<(Bytes, Ballot), BTreeSet<PeerId>>,
    /// What is sent or recorded next.
    pub(super) messages: Vec<Message>,
    pub(super) records: Vec<Record>,
    /// The floor before something was dropped.
    pub(super) floor: Floor,
    /// Its own incarnation, and those of others.
    pub(super) incarnation: u64,
    pub(super) others: BTreeMap<PeerId, u64>,
    pub(super) questions: BTreeSet<(PeerId, QuestionId)>,
    /// How many questions it has made up.
    pub(super) strange: u64,
    pub(super) lapsed: BTreeSet<(Bytes, Expiry)>,
}

impl Mutable for Peer {
    type Setup = Setup;
    type Notes = StoreNotes;

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}

/// All peers of the group.
pub(super) fn everybody(setup: &Setup) -> impl Iterator<Item = PeerId> + use<> {
    (1..=setup.peers).map(PeerId)
}
