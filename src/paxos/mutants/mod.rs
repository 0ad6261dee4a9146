//! The mutants of Paxos: what each does, and where it was seen.
//!
//! They stand in the frame of [`crate::sim::mutant`], in four groups: what is counted, what an
//! acceptor remembers, what a proposer asks, and the environment of the protocol.

mod counting;
mod environment;
mod guards;
mod proposing;
mod voting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::acceptor::Acceptor;
use super::{Accepted, Ack, Message, Peer, ProposalNumber, Record, Setup, Value};
use crate::process::{Effect, Effects, PeerId, Process};
use crate::sim::mutant::{self, Guard, Mutable};

type Mutant = mutant::Mutant<Peer>;
type MutantState = mutant::MutantState<Peer>;

/// A mutant that changes nothing.
const PLAIN: Mutant = Mutant::PLAIN;

/// All mutants.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let catalogues = [counting::MUTANTS, voting::MUTANTS, proposing::MUTANTS, environment::MUTANTS];
    catalogues.into_iter().flatten()
}

/// The mutant of this name.
pub fn named(name: &str) -> Option<&'static Mutant> {
    all().find(|mutant| mutant.name == name)
}

/// What a mutant remembers beside its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaxosNotes {
    /// The acceptor before a doctored step, to be put back in part.
    before: Option<Acceptor>,
    /// Answers to the question of a number, by kind (true: to an accept) and sender.
    answers: BTreeMap<(ProposalNumber, bool), BTreeMap<PeerId, Ack>>,
    /// The first number heard for a value.
    first_under: BTreeMap<Value, ProposalNumber>,
    /// Messages put aside.
    aside: Vec<(PeerId, Message)>,
    /// A record that is not believed yet.
    held: Option<Record>,
    /// How many of something.
    count: u64,
}

impl Mutable for Peer {
    type Setup = Arc<Setup>;
    type Notes = PaxosNotes;

    fn build(setup: Arc<Setup>) -> Self {
        Self::new(setup)
    }
}

impl MutantState {
    fn acceptor(&self) -> Acceptor {
        *self.process.acceptor()
    }

    /// Doctors the acceptor's memory.
    fn set_acceptor(&mut self, acceptor: Acceptor) {
        self.process.restore(Record::Acceptor(acceptor));
    }

    /// The number that this proposer used last.
    fn number(&self) -> Option<ProposalNumber> {
        self.process.last_number()
    }

    /// True if the number is one of this proposer's own.
    fn owns(&self, number: ProposalNumber) -> bool {
        number.owner(self.setup.roles.peers) == self.setup.me
    }

    /// This proposer's acceptors.
    fn members(&self) -> BTreeSet<PeerId> {
        let electorate = self.setup.roles.proposers.get(&self.setup.me);
        electorate.map(|electorate| electorate.acceptors.clone()).unwrap_or_default()
    }

    /// Notes an answer; true if its sender had not answered that yet.
    fn note(&mut self, from: PeerId, message: &Message) -> bool {
        let (accept, ack) = match message {
            Message::PrepareAck(ack) => (false, ack),
            Message::AcceptAck(ack) => (true, ack),
            _ => return true,
        };
        self.notes.answers.entry((ack.answers, accept)).or_default().insert(from, *ack).is_none()
    }

    /// Who has answered what this message answers.
    fn noted(&self, message: &Message) -> BTreeMap<PeerId, Ack> {
        let key = match message {
            Message::PrepareAck(ack) => (ack.answers, false),
            Message::AcceptAck(ack) => (ack.answers, true),
            _ => return BTreeMap::new(),
        };
        self.notes.answers.get(&key).cloned().unwrap_or_default()
    }
}

/// The message, with its answer changed if it is one.
fn with_ack(message: Message, change: impl FnOnce(Ack) -> Ack) -> Message {
    match message {
        Message::PrepareAck(ack) => Message::PrepareAck(change(ack)),
        Message::AcceptAck(ack) => Message::AcceptAck(change(ack)),
        _ => message,
    }
}

/// An answer that says: granted, for this number.
fn granted(ack: Ack, number: ProposalNumber) -> Ack {
    Ack { answers: number, min_proposal: number, ..ack }
}

/// An answer that says: accepted, under this number.
fn accepted(ack: Ack, number: ProposalNumber) -> Ack {
    let value = ack.accepted.map_or(ack.asked, |accepted| accepted.value);
    Ack { accepted: Some(Accepted { number, value }), ..granted(ack, number) }
}

/// What a doctored acceptor wrote becomes this.
fn rewrite_record(effects: &mut Effects<Peer>, state: Acceptor) {
    for effect in effects {
        if let Effect::Persist(Record::Acceptor(acceptor)) = effect {
            *acceptor = state;
        }
    }
}
