//! No answer leaves before its record is durable: at every boundary the process is killed, and the
//! power fails.
//!
//! A real node with a real log runs a script of events. Everything it says and every change of its
//! files goes on one trace, in the order in which it happens. Then, for every beginning of the
//! trace and every state that a crash can leave there, a peer is built from that state, and must
//! still hold everything that was said before, in this incarnation and in earlier ones
//! ([`incarnations`]).

mod batches;
mod bounds;
mod halts;
mod incarnations;
mod inputs;
mod own_step;
#[cfg(shuttle)]
mod schedules;
mod waits;
mod wreck;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::disk::media::Media;
use super::disk::{Disk, Owner};
use super::*;
use crate::paxos::{
    Accepted, Ack, Electorate, Fact, Message, Peer, ProposalNumber, Record, Roles, Setup, Timer,
    Value,
};
use crate::process::{Effect, Effects, NoInput, Output, proceed_while_due};
use wreck::{Image, Note, Trace, Volume, build};

const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);

/// What leaves a peer.
#[derive(Clone, Debug)]
enum Word {
    Message(Message),
    Fact(Fact),
}

/// A peer whose messages to others are said like facts, since nobody is connected with it.
struct Loud(Peer);

impl Loud {
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        event(&mut self.0, &mut effects);
        out.extend(effects.into_iter().map(|effect| match effect {
            Effect::Cast(..) | Effect::Halt(_) => unreachable!("not in Paxos"),
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Send(to, message) if to == ME => Effect::Send(to, message),
            Effect::Send(_, message) => Effect::Report(Word::Message(message)),
            Effect::SetTimer(timer, delay) => Effect::SetTimer(timer, delay),
            Effect::Report(fact) => Effect::Report(Word::Fact(fact)),
        }));
    }
}

impl Process for Loud {
    const PROTOCOL: &'static str = Peer::PROTOCOL;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Word;
    type Input = NoInput;

    fn restore(&mut self, record: Record) {
        self.0.restore(record);
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        self.0.disbelieves(record)
    }

    fn snapshot(&self) -> Vec<Record> {
        self.0.snapshot()
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, Peer::start);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.step(out, |inner, out| inner.connected(peer, out));
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        self.step(out, |inner, out| inner.receive(from, message, out));
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        self.step(out, |inner, out| inner.timeout(timer, out));
    }

    fn is_due(&self) -> bool {
        self.0.is_due()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.step(out, Peer::proceed);
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        self.0.objection(from, message)
    }
}

impl Observer<Loud> for Trace<Word> {
    fn observe(&mut self, output: &Output<Loud>) {
        match output {
            Output::Sent(_, message) => self.note(Note::Said(Word::Message(*message))),
            Output::Report(word) => self.note(Note::Said(word.clone())),
            Output::Connected(_) | Output::Received(..) => {}
        }
    }
}

fn n(number: u64) -> ProposalNumber {
    ProposalNumber::new(number).unwrap()
}

/// Peer 1 of three that all vote; peers 1 and 2 propose.
fn peer() -> Peer {
    let all: BTreeSet<PeerId> = [ME, OTHER, PeerId(3)].into();
    let electorate = Electorate { acceptors: all.clone(), learners: all };
    let proposers = [(ME, electorate.clone()), (OTHER, electorate)].into();
    let roles = Roles { peers: 3, proposers };
    let (delay, link_wait) = (Duration::ZERO, Duration::ZERO);
    Peer::new(Arc::new(Setup { me: ME, roles, candidate: Some(Value('X')), delay, link_wait }))
}

/// Below the root of a volume; both are made by the first incarnation.
const DATA: &str = "a/b";
/// Shorten a log as early as its first length allows.
const SHORT: u64 = 0;

fn open(media: impl Media + 'static, root: &Path) -> Result<(Disk, Peer)> {
    let owner = Owner { protocol: "test/1".into(), peer: ME, fingerprint: "f".into() };
    let mut peer = peer();
    let (disk, _) = Disk::open_on(Box::new(media), SHORT, &root.join(DATA), &owner, &mut peer)?;
    Ok((disk, peer))
}

/// A node on this volume, whose files are changed through `media`.
fn node_on(
    media: impl Media + 'static,
    observer: impl Observer<Loud> + 'static,
    root: &Path,
) -> Result<Arc<Node<Loud>>> {
    let (disk, peer) = open(media, root)?;
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    Ok(Node::new(
        config,
        Loud(peer),
        Some(disk),
        Box::new(observer),
        [None, None],
        BTreeMap::new(),
        0,
    ))
}

/// A node on this volume that says everything to the trace.
fn node(trace: &Trace<Word>, root: &Path) -> Result<Arc<Node<Loud>>> {
    node_on(trace.clone(), trace.clone(), root)
}

/// One event.
#[derive(Clone, Copy)]
enum Event {
    Start,
    Connected,
    Timeout(Timer),
    Receive(Message),
}

impl Event {
    fn happen(self, process: &mut Loud, out: &mut Effects<Loud>) {
        match self {
            Self::Start => process.start(out),
            Self::Connected => process.connected(OTHER, out),
            Self::Timeout(timer) => process.timeout(timer, out),
            Self::Receive(message) => process.receive(OTHER, message, out),
        }
        // Here there is no thread of the process's own.
        proceed_while_due(process, out);
    }
}

fn prepare(number: u64) -> Event {
    Event::Receive(Message::Prepare { number: n(number), value: Value('Y') })
}

fn accept(number: u64, value: char) -> Event {
    Event::Receive(Message::Accept { number: n(number), value: Value(value) })
}

fn ack(number: u64, accepted: bool, wrap: fn(Ack) -> Message) -> Event {
    let (answers, value) = (n(number), Value('X'));
    let accepted = accepted.then_some(Accepted { number: answers, value });
    Event::Receive(wrap(Ack { answers, min_proposal: answers, accepted, asked: value }))
}
