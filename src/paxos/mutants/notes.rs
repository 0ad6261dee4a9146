//! What a mutant of Paxos is, what it remembers, and what several of them do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::paxos::acceptor::Acceptor;
use crate::paxos::{Accepted, Ack, Message, Peer, ProposalNumber, Record, Setup, Value};
use crate::process::{Effect, Effects, PeerId, Process as _};
use crate::sim::mutant::{self, Mutable};

pub(super) type Mutant = mutant::Mutant<Peer>;
pub(super) type MutantState = mutant::MutantState<Peer>;

/// A mutant that changes nothing.
pub(super) const PLAIN: Mutant = Mutant::PLAIN;

/// What a mutant remembers beside its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaxosNotes {
    /// The acceptor before a doctored step, to be put back in part.
    pub(super) before: Option<Acceptor>,
    /// Answers to the question of a number, by kind (true: to an accept) and sender.
    pub(super) answers: BTreeMap<(ProposalNumber, bool), BTreeMap<PeerId, Ack>>,
    /// The first number heard for a value.
    pub(super) first_under: BTreeMap<Value, ProposalNumber>,
    /// Messages put aside.
    pub(super) aside: Vec<(PeerId, Message)>,
    /// A record that is not believed yet.
    pub(super) held: Option<Record>,
    /// How many of something.
    pub(super) count: u64,
}

impl Mutable for Peer {
    type Setup = Arc<Setup>;
    type Notes = PaxosNotes;

    fn build(setup: Arc<Setup>) -> Self {
        Self::new(setup)
    }
}

impl MutantState {
    pub(super) fn acceptor(&self) -> Acceptor {
        *self.process.acceptor()
    }

    /// Doctors the acceptor's memory.
    pub(super) fn set_acceptor(&mut self, acceptor: Acceptor) {
        self.process.restore(Record::Acceptor(acceptor));
    }

    /// The number that this proposer used last.
    pub(super) fn number(&self) -> Option<ProposalNumber> {
        self.process.last_number()
    }

    /// True if the number is one of this proposer's own.
    pub(super) fn owns(&self, number: ProposalNumber) -> bool {
        number.owner(self.setup.roles.peers) == self.setup.me
    }

    /// This proposer's acceptors.
    pub(super) fn members(&self) -> BTreeSet<PeerId> {
        let electorate = self.setup.roles.proposers.get(&self.setup.me);
        electorate.map(|electorate| electorate.acceptors.clone()).unwrap_or_default()
    }

    /// Notes an answer; true if its sender had not answered that yet.
    pub(super) fn note(&mut self, from: PeerId, message: &Message) -> bool {
        let (accept, ack) = match message {
            Message::PrepareAck(ack) => (false, ack),
            Message::AcceptAck(ack) => (true, ack),
            _ => return true,
        };
        self.notes.answers.entry((ack.answers, accept)).or_default().insert(from, *ack).is_none()
    }

    /// Who has answered what this message answers.
    pub(super) fn noted(&self, message: &Message) -> BTreeMap<PeerId, Ack> {
        let key = match message {
            Message::PrepareAck(ack) => (ack.answers, false),
            Message::AcceptAck(ack) => (ack.answers, true),
            _ => return BTreeMap::new(),
        };
        self.notes.answers.get(&key).cloned().unwrap_or_default()
    }
}

/// The message, with its answer changed if it is one.
pub(super) fn with_ack(message: Message, change: impl FnOnce(Ack) -> Ack) -> Message {
    match message {
        Message::PrepareAck(ack) => Message::PrepareAck(change(ack)),
        Message::AcceptAck(ack) => Message::AcceptAck(change(ack)),
        _ => message,
    }
}

/// An answer that says: granted, for this number.
pub(super) fn granted(ack: Ack, number: ProposalNumber) -> Ack {
    Ack { answers: number, min_proposal: number, ..ack }
}

/// An answer that says: accepted, under this number.
pub(super) fn accepted(ack: Ack, number: ProposalNumber) -> Ack {
    let value = ack.accepted.map_or(ack.asked, |accepted| accepted.value);
    Ack { accepted: Some(Accepted { number, value }), ..granted(ack, number) }
}

/// What a doctored acceptor wrote becomes this.
pub(super) fn rewrite_record(effects: &mut Effects<Peer>, state: Acceptor) {
    for effect in effects {
        if let Effect::Persist(Record::Acceptor(acceptor)) = effect {
            *acceptor = state;
        }
    }
}
