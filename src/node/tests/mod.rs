//! No answer leaves before its record is durable: the power fails at every boundary.
//!
//! A real node with a real log runs a script of events. Everything it says and every change of its
//! files goes on one tape, in the order in which it happens. Then, for every beginning of the tape
//! and every state that a crash can leave there, a peer is built from that state, and must still
//! hold everything that was said before.

mod bounds;
mod wreck;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::disk::media::Media;
use super::disk::{Disk, Owner};
use super::*;
use crate::paxos::{
    Accepted, Ack, Audience, Fact, Message, Peer, ProposalNumber, Record, Roles, Setup, Timer,
    Value,
};
use wreck::{Directory, Image, Note, Tape, build};

const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);

/// What leaves a peer.
#[derive(Clone, Debug)]
enum Word {
    Message(Message),
    Fact(Fact),
}

/// A peer whose messages to others are said like facts, since nobody is linked with it.
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

    fn restore(&mut self, record: Record) {
        self.0.restore(record);
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

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        self.0.objection(from, message)
    }
}

impl Observer<Loud> for Tape<Word> {
    fn observe(&mut self, output: &Output<Loud>) {
        match output {
            Output::Sent(_, message) => self.note(Note::Said(Word::Message(*message))),
            Output::Report(word) => self.note(Note::Said(word.clone())),
            Output::Connected(_) | Output::Received(..) => {}
        }
    }

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}

fn n(number: u64) -> ProposalNumber {
    ProposalNumber::new(number).unwrap()
}

/// Peer 1 of three that all vote; peers 1 and 2 propose.
fn peer() -> Peer {
    let all: BTreeSet<PeerId> = [ME, OTHER, PeerId(3)].into();
    let audience = Audience { acceptors: all.clone(), learners: all };
    let proposers = [(ME, audience.clone()), (OTHER, audience)].into();
    let roles = Roles { peers: 3, proposers };
    let (delay, patience) = (Duration::ZERO, Duration::ZERO);
    Peer::new(Arc::new(Setup { me: ME, roles, candidate: Some(Value('X')), delay, patience }))
}

fn open(media: impl Media + 'static, dir: &Path) -> Result<(Disk, Peer)> {
    let owner = Owner { protocol: "test/1".into(), peer: ME, fingerprint: "f".into() };
    let mut peer = peer();
    let (disk, _) = Disk::open_on(Box::new(media), dir, &owner, |record| peer.restore(record))?;
    Ok((disk, peer))
}

/// A node on this directory that says everything to the tape.
fn node(tape: &Tape<Word>, dir: &Path) -> Result<Arc<Node<Loud>>> {
    let (disk, peer) = open(tape.clone(), dir)?;
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        say: Box::new(|_| {}),
    };
    Ok(Node::new(config, Loud(peer), Some(disk), Box::new(tape.clone()), None, BTreeMap::new()))
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

/// Promises, attempts, acceptances, a choice; each question twice, because the second answer comes
/// from memory.
fn first_life() -> Vec<Event> {
    vec![
        Event::Start,
        prepare(2),
        prepare(2),
        Event::Connected,
        Event::Timeout(Timer::Patience),
        accept(2, 'Y'),
        Event::Timeout(Timer::Answer),
        Event::Timeout(Timer::Attempt),
        ack(7, false, Message::PrepareAck),
        prepare(5),
        ack(7, true, Message::AcceptAck),
        prepare(8),
        prepare(8),
        accept(8, 'X'),
        accept(8, 'X'),
        prepare(2),
    ]
}

/// Whatever it remembers, this one proposes, promises and accepts.
fn next_life() -> Vec<Event> {
    vec![
        Event::Start,
        prepare(20),
        prepare(20),
        Event::Connected,
        Event::Timeout(Timer::Patience),
        prepare(29),
        accept(29, 'X'),
        accept(29, 'X'),
    ]
}

/// Plays events; behind some of them the records are flushed. What may leave is let out always.
fn play(node: &Node<Loud>, events: &[Event], flushes: impl Fn(usize) -> bool) {
    for (at, event) in events.iter().enumerate() {
        let needs = {
            let mut core = node.lock();
            node.step_locked(&mut core, |process, out| event.happen(process, out));
            core.appended
        };
        node.release();
        if flushes(at) {
            assert!(node.commit(needs));
            node.release();
        }
    }
}

/// That a peer with these words behind it still stands by them.
fn assert_kept(peer: &Peer, words: &[Word], at: &str) {
    let held = peer.acceptor();
    for word in words {
        match word {
            Word::Message(Message::PrepareAck(ack) | Message::AcceptAck(ack)) => {
                let promise = held.min_proposal >= Some(ack.min_proposal);
                assert!(promise, "{at}: it said {ack:?} and holds {held:?}");
                let Some(told) = ack.accepted else { continue };
                let kept =
                    held.accepted.is_some_and(|kept| kept.number > told.number || kept == told);
                assert!(kept, "{at}: it said {ack:?} and holds {held:?}");
            }
            Word::Message(Message::Prepare { number, .. } | Message::Accept { number, .. })
            | Word::Fact(Fact::Proposing { number, .. }) => {
                let last = peer.last_number();
                assert!(last >= Some(*number), "{at}: it used {number} and remembers {last:?}");
            }
            Word::Message(Message::Chosen { .. }) | Word::Fact(_) => {}
        }
    }
}

/// What was tried.
#[derive(Default)]
struct Tried {
    crashes: usize,
    wrecks: usize,
    words: usize,
}

/// Crashes after every note of the tape. `before` was said in earlier lives; `found` gets every
/// state that is found, with all that was said before.
fn crash_everywhere(
    from: &Image,
    tape: &Tape<Word>,
    before: &[Word],
    tried: &mut Tried,
    mut found: impl FnMut(&Image, &[Word]),
) {
    let dir = TempDir::new().unwrap();
    let mut directory = Directory::new(from);
    let mut words = before.to_vec();
    let mut restored = BTreeMap::new();
    for (at, note) in tape.notes().iter().enumerate() {
        directory.play(note);
        if let Note::Said(word) = note {
            words.push(word.clone());
            tried.words += 1;
        }
        tried.crashes += 1;
        for image in directory.wrecks() {
            tried.wrecks += 1;
            let mut at = format!("after note {at}, {note:?}");
            at.truncate(120);
            // What a state restores is always the same.
            let peer = restored.entry(image.clone()).or_insert_with(|| {
                build(dir.path(), &image);
                match open(Tape::<Word>::new(), dir.path()) {
                    Ok((_, peer)) => peer,
                    Err(error) => panic!("{at}: a restart is refused: {error}; {:?}", image.keys()),
                }
            });
            assert_kept(peer, &words, &at);
            found(&image, &words);
        }
    }
}

/// Flush after every event, after none, after each second or third, and some mixtures.
fn schedules() -> Vec<u32> {
    let regular = [u32::MAX, 0, 0xaaaa_aaaa, 0x5555_5555, 0x9249_2492, 0x8000, 0x0f0f_0f0f];
    let mixed = (1..10_u32).map(|n| n.wrapping_mul(0x9e37_79b9));
    regular.into_iter().chain(mixed).collect()
}

#[test]
fn what_was_said_before_a_crash_at_any_boundary_is_still_true_after_it() {
    let mut tried = Tried::default();
    for schedule in schedules() {
        let (dir, tape) = (TempDir::new().unwrap(), Tape::new());
        let node = node(&tape, dir.path()).unwrap();
        play(&node, &first_life(), |at| schedule >> at & 1 == 1);
        crash_everywhere(&Image::new(), &tape, &[], &mut tried, |_, _| {});
    }
    // A tape on which nothing is said proves nothing.
    assert!(tried.words > 100 && tried.wrecks > 2_000, "{} {}", tried.words, tried.wrecks);
}

#[test]
fn a_second_life_crashes_at_any_boundary_too() {
    let mut tried = Tried::default();
    let (dir, tape) = (TempDir::new().unwrap(), Tape::new());
    play(&node(&tape, dir.path()).unwrap(), &first_life(), |at| at % 3 == 2);
    // Of the moments that can leave the same state, the last has the most words behind it.
    let mut found = BTreeMap::new();
    crash_everywhere(&Image::new(), &tape, &[], &mut tried, |image, words| {
        found.insert(image.clone(), words.to_vec());
    });
    for (image, words) in &found {
        let (dir, tape) = (TempDir::new().unwrap(), Tape::new());
        build(dir.path(), image);
        play(&node(&tape, dir.path()).unwrap(), &next_life(), |at| at % 2 == 1);
        crash_everywhere(image, &tape, words, &mut tried, |_, _| {});
    }
    assert!(tried.crashes > 1_000 && tried.words > 500, "{} {}", tried.crashes, tried.words);
}

#[test]
fn nothing_is_said_too_early_when_many_ask_at_once() {
    let (dir, tape) = (TempDir::new().unwrap(), Tape::new());
    let node = node(&tape, dir.path()).unwrap();
    node.step(Process::start);
    thread::scope(|scope| {
        for asker in 0..4 {
            let node = &node;
            scope.spawn(move || {
                for round in 1..20 {
                    let number = round * 4 + asker;
                    for event in [prepare(number), prepare(number), accept(number, 'Y')] {
                        node.step(|process, out| event.happen(process, out));
                    }
                }
            });
        }
    });
    let mut tried = Tried::default();
    crash_everywhere(&Image::new(), &tape, &[], &mut tried, |_, _| {});
    assert!(tried.words > 200, "{}", tried.words);
}
