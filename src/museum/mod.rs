//! The museum: Paxos as it has been got wrong, one named mutant each.
//!
//! A [`Mutant`] never changes a line of the protocol. It stands around an unbroken
//! [`Peer`] and doctors what goes in (messages, records, the setup), what
//! comes out (effects), or the state in between (through [`Process::restore`], the one door that
//! every driver has). So the code that is checked stays the code that runs, and a mutant shows
//! that a check can fail. Some leave the peer alone and break what its driver does ([`Disk`]).
//!
//! ```text
//! event ──► hear ──► Peer ──► tell ──► effects
//!            ▲                 │
//!            └────── Notes ◄───┘         what the mutant itself remembers
//! ```
//!
//! [`exhibits`] is the catalogue: what each does, and where it was seen. The siblings of Paxos have
//! catalogues of their own, [`barrier`] and [`group`], in the same frame ([`wrap`]).

mod around;
pub mod barrier;
mod counting;
mod forgetting;
pub mod group;

mod proposing;
mod voting;
pub mod wrap;

pub use wrap::Label;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::identity;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::paxos::acceptor::Acceptor;
use crate::paxos::{
    Accepted, Ack, Fact, Message, Peer, ProposalNumber, Record, Setup, Timer, Value,
};
use crate::process::{Effect, Effects, PeerId, Process};
use crate::sim::Disk;

/// A peer of Paxos, broken or not, as judges want to see it.
pub trait Subject:
    Process<Message = Message, Record = Record, Timer = Timer, Fact = Fact, Input = Value> + Sized
{
    /// The unbroken peer inside.
    fn peer(&self) -> &Peer;
}

impl Subject for Peer {
    fn peer(&self) -> &Peer {
        self
    }
}

/// A way to be wrong.
pub struct Mutant {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Where it was seen.
    pub seen: &'static str,
    /// What the peer is told at its birth instead of this.
    told: fn(&Setup) -> Option<Setup>,
    /// What is restored instead of this record.
    recalls: fn(&mut Ward, Record) -> Option<Record>,
    /// What the peer hears instead of this message.
    hear: fn(&mut Ward, PeerId, Message, &mut Vec<(PeerId, Message)>),
    /// What the effects of a step become.
    tell: fn(&mut Ward, &mut Effects<Peer>),
    /// True if the links of this peer are not waited for.
    deaf_to_links: bool,
    /// True if it believes messages that no honest peer can have sent.
    trusting: bool,
    /// How the driver of these peers treats its disk: it can be the broken part, too.
    pub disk: Disk,
}

/// A mutant that changes nothing: the catalogue's entries say what they change.
const PLAIN: Mutant = Mutant {
    name: "",
    does: "",
    seen: "",
    told: |_| None,
    recalls: |_, record| Some(record),
    hear: |_, from, message, feed| feed.push((from, message)),
    tell: |_, _| {},
    deaf_to_links: false,
    trusting: false,
    disk: Disk::Sound,
};

/// All mutants.
pub fn exhibits() -> impl Iterator<Item = &'static Mutant> {
    counting::MUTANTS.iter().chain(voting::MUTANTS).chain(proposing::MUTANTS).chain(around::MUTANTS)
}

/// The mutant of this name.
pub fn exhibit(name: &str) -> Option<&'static Mutant> {
    exhibits().find(|mutant| mutant.name == name)
}

impl PartialEq for Mutant {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Mutant {}

impl Hash for Mutant {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.name.hash(hasher);
    }
}

impl Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a mutant remembers beside its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Notes {
    /// The acceptor before a doctored step, to be put back in part.
    before: Option<Acceptor>,
    /// Answers to the question of a number, by kind (true: to an accept) and sender.
    answers: BTreeMap<(ProposalNumber, bool), BTreeMap<PeerId, Ack>>,
    /// The first number heard for a value.
    first_under: BTreeMap<crate::paxos::Value, ProposalNumber>,
    /// Messages put aside.
    aside: Vec<(PeerId, Message)>,
    /// A record that is not believed yet.
    held: Option<Record>,
    /// How many of something.
    count: u64,
}

/// An unbroken peer and what its mutant needs to break it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ward {
    setup: Arc<Setup>,
    peer: Peer,
    notes: Notes,
}

impl Ward {
    fn acceptor(&self) -> Acceptor {
        *self.peer.acceptor()
    }

    /// Doctors the acceptor's memory.
    fn set_acceptor(&mut self, acceptor: Acceptor) {
        self.peer.restore(Record::Acceptor(acceptor));
    }

    /// The number that this proposer used last.
    fn number(&self) -> Option<ProposalNumber> {
        self.peer.last_number()
    }

    /// This proposer's acceptors.
    fn members(&self) -> BTreeSet<PeerId> {
        let audience = self.setup.roles.proposers.get(&self.setup.me);
        audience.map(|audience| audience.acceptors.clone()).unwrap_or_default()
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

/// A peer of Paxos inside its mutant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    mutant: &'static Mutant,
    ward: Ward,
    feed: Vec<(PeerId, Message)>,
}

impl Broken {
    /// A mutant that remembers nothing yet.
    pub fn new(mutant: &'static Mutant, setup: Arc<Setup>) -> Self {
        let setup = (mutant.told)(&setup).map_or(setup, Arc::new);
        let peer = Peer::new(Arc::clone(&setup));
        let ward = Ward { setup, peer, notes: Notes::default() };
        Self { mutant, ward, feed: Vec::new() }
    }

    /// One step of the peer, with its effects doctored.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        event(&mut self.ward.peer, &mut effects);
        (self.mutant.tell)(&mut self.ward, &mut effects);
        out.extend(effects.into_iter().map(same));
    }
}

/// An effect of the process inside is one of the mutant.
fn same<P: Process, Q>(effect: Effect<P>) -> Effect<Q>
where
    Q: Process<Message = P::Message, Record = P::Record, Timer = P::Timer, Fact = P::Fact>,
{
    effect.map(identity, identity, identity, identity)
}

impl Subject for Broken {
    fn peer(&self) -> &Peer {
        &self.ward.peer
    }
}

impl Process for Broken {
    const PROTOCOL: &'static str = "paxos-broken/1";
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Value;

    fn restore(&mut self, record: Record) {
        if let Some(record) = (self.mutant.recalls)(&mut self.ward, record) {
            self.ward.peer.restore(record);
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        self.ward.peer.snapshot()
    }

    fn clock(&mut self, now: std::time::Duration) {
        self.ward.peer.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, Peer::start);
        if self.mutant.deaf_to_links {
            for other in self.ward.setup.roles.links_of(self.ward.setup.me) {
                self.step(out, |peer, out| peer.connected(other, out));
            }
        }
    }

    fn connected(&mut self, other: PeerId, out: &mut Effects<Self>) {
        if !self.mutant.deaf_to_links {
            self.step(out, |peer, out| peer.connected(other, out));
        }
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let mut feed = std::mem::take(&mut self.feed);
        (self.mutant.hear)(&mut self.ward, from, message, &mut feed);
        for (from, message) in feed.drain(..) {
            self.step(out, |peer, out| peer.receive(from, message, out));
        }
        self.feed = feed;
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        self.step(out, |peer, out| peer.timeout(timer, out));
    }

    fn input(&mut self, input: Value, out: &mut Effects<Self>) {
        self.step(out, |peer, out| peer.input(input, out));
    }

    fn is_due(&self) -> bool {
        self.ward.peer.is_due()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.step(out, Peer::proceed);
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        if self.mutant.trusting { None } else { self.ward.peer.objection(from, message) }
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
        if let Effect::Persist(record @ Record::Acceptor(_)) = effect {
            *record = Record::Acceptor(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exhibit_has_a_name_of_its_own_and_a_label() {
        let names: BTreeSet<&str> = exhibits().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), exhibits().count());
        assert!(names.len() >= 26, "only {}", names.len());
        for mutant in exhibits() {
            assert!(mutant.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            assert!(mutant.does.ends_with('.') && mutant.seen.ends_with('.'), "{}", mutant.name);
            assert!(exhibit(mutant.name).is_some());
        }
        assert!(exhibit("unbroken").is_none());
    }
}
