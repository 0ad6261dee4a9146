//! The peer: who stands around it, and what it does with requests, transfers and files.
//!
//! ```text
//! ring      pings, deaths, departures, joins     which peers are my neighbours?
//! requests  a wish goes round, peer by peer      who has the file?
//! transfers segments and acknowledgements        the file
//! moves     offers, contents                     files go to the peer that should hold them
//! ```
//!
//! Files are the shell's: the process asks for what it needs by a [`FileOrder`], and hears what
//! came of it as an [`Input`].

mod moves;
mod requests;
mod ring;
mod transfers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::datagram;
use super::key::{Key, Name};
use super::message::{
    Fact, FileOrder, Input, Message, Note, Purpose, Record, Timer, TransferFailure, TransferId,
    Wish,
};
use super::successors::{KNOWN, Successors};
use super::transfer::{MOST_MSS, Terms};
use crate::process::{Effect, Effects, PeerId, Process};
use moves::Moves;
use requests::{Hop, Want};
use ring::Probe;
use transfers::Outgoing;

/// How soon answers to pings are missed, unless pings come more often.
pub const ANSWER: Duration = Duration::from_millis(250);
/// How soon a peer is asked again for its successors.
const ASK: Duration = Duration::from_millis(100);
/// How often what waits is looked at.
const TEND: Duration = Duration::from_millis(250);
/// How long a departing peer waits at most.
const LEAVE: Duration = Duration::from_secs(3);
/// More peers than this are in no ring.
const MOST_HOPS: u16 = 512;

/// What a peer is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Its id.
    pub me: Key,
    /// Its successors, the first and the second.
    pub successors: (Key, Key),
    /// Instead of them, a peer of the ring that it wants to join.
    pub contact: Option<Key>,
    /// How it sends files.
    pub terms: Terms,
    /// From one ping to the next.
    pub ping: Duration,
    /// So many pings in a row without an answer are a death.
    pub misses: u32,
    /// It has shortcuts across the ring.
    pub fingers: bool,
    /// A random number, of which all that it draws is made.
    pub seed: u64,
}

/// A departure under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Leaving {
    /// Those that have confirmed it.
    confirmed: BTreeSet<Key>,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    setup: Setup,
    now: Duration,
    /// It has no place in the ring yet.
    is_joining: bool,
    table: Successors,
    probes: BTreeMap<Key, Probe>,
    /// Who pings it as a first and as a second successor.
    predecessors: [Option<Key>; 2],
    /// Who was the first of them before: it may be leaving.
    former: Option<Key>,
    /// When the first one did so last.
    pinged: Duration,
    /// Shortcuts: where each leads, and when the peer there has said so.
    fingers: BTreeMap<u8, (Key, Duration)>,
    /// Requests of its own so far.
    asked: u64,
    wants: BTreeMap<TransferId, Want>,
    /// Names that wait until there is room for their requests.
    waiting: VecDeque<Name>,
    /// Requests that the next peer has not confirmed.
    hops: BTreeMap<(TransferId, u16), Hop>,
    /// Requests that have come already, and their order.
    seen: BTreeSet<(TransferId, u16)>,
    seen_order: VecDeque<(TransferId, u16)>,
    outgoing: BTreeMap<TransferId, Outgoing>,
    /// Transfers that have come to their end here.
    done: VecDeque<TransferId>,
    /// Segments are looked at when this time comes.
    resend: Option<Duration>,
    moves: Moves,
    leaving: Option<Leaving>,
    is_tending: bool,
}

impl Peer {
    /// A peer that has not started.
    pub fn new(setup: Setup) -> Self {
        let (first, second) = setup.successors;
        let table = match setup.contact {
            Some(_) => Successors::alone(setup.me),
            None => Successors::new(setup.me, first, second),
        };
        Self {
            is_joining: setup.contact.is_some(),
            table,
            now: Duration::ZERO,
            probes: BTreeMap::new(),
            predecessors: [None; 2],
            former: None,
            pinged: Duration::ZERO,
            fingers: BTreeMap::new(),
            asked: 0,
            wants: BTreeMap::new(),
            waiting: VecDeque::new(),
            hops: BTreeMap::new(),
            seen: BTreeSet::new(),
            seen_order: VecDeque::new(),
            outgoing: BTreeMap::new(),
            done: VecDeque::new(),
            resend: None,
            moves: Moves::default(),
            leaving: None,
            is_tending: false,
            setup,
        }
    }

    /// Its id.
    pub fn me(&self) -> Key {
        self.setup.me
    }

    /// Its successors; none as long as it has no place in the ring.
    pub fn successors(&self) -> Option<&Successors> {
        (!self.is_joining).then_some(&self.table)
    }

    /// Who pings it as a first and as a second successor.
    pub fn predecessors(&self) -> [Option<Key>; 2] {
        self.predecessors
    }

    /// True if it waits for no file, sends none and moves none.
    pub fn is_idle(&self) -> bool {
        let Self { wants, waiting, hops, outgoing, moves, .. } = self;
        wants.is_empty()
            && waiting.is_empty()
            && hops.is_empty()
            && outgoing.is_empty()
            && moves.is_empty()
    }

    /// How many shortcuts it has.
    pub fn fingers(&self) -> usize {
        self.fingers.len()
    }

    fn send(to: Key, message: Message, out: &mut Effects<Self>) {
        out.push(Effect::Send(to.peer(), message));
    }

    fn cast(to: Key, message: Message, out: &mut Effects<Self>) {
        out.push(Effect::Cast(to.peer(), message));
    }

    fn tell(fact: Fact, out: &mut Effects<Self>) {
        out.push(Effect::Report(fact));
    }

    fn note(note: Note, out: &mut Effects<Self>) {
        Self::tell(Fact::Note(note), out);
    }

    fn order(order: FileOrder, out: &mut Effects<Self>) {
        Self::tell(Fact::Order(order), out);
    }

    /// Looks at what waits from now on, as long as something does.
    fn keep_tending(&mut self, out: &mut Effects<Self>) {
        if !self.is_tending && (!self.is_idle() || self.leaving.is_some()) {
            self.is_tending = true;
            out.push(Effect::SetTimer(Timer::Tend, TEND.into()));
        }
    }

    fn tend(&mut self, out: &mut Effects<Self>) {
        self.tend_hops(out);
        self.tend_wants(out);
        self.tend_outgoing(out);
        self.tend_moves(out);
        if self.leaving.is_some() {
            self.say_farewell(out);
        }
    }

    /// A person wants it to leave.
    fn quit(&mut self, out: &mut Effects<Self>) {
        if self.leaving.is_some() {
            return;
        }
        if self.is_joining || self.table.is_alone() {
            return out.push(Effect::Halt(0));
        }
        self.leaving = Some(Leaving::default());
        self.break_off(out);
        self.move_all(out);
        out.push(Effect::SetTimer(Timer::Leave, LEAVE.into()));
        self.say_farewell(out);
    }

    /// Tells those predecessors that have not confirmed it.
    fn say_farewell(&mut self, out: &mut Effects<Self>) {
        let confirmed = self.leaving.as_ref().map(|leaving| &leaving.confirmed);
        let known: BTreeSet<Key> = self.predecessors.iter().flatten().copied().collect();
        for peer in known {
            if peer != self.me() && confirmed.is_none_or(|by| !by.contains(&peer)) {
                Self::send(peer, Message::Depart(self.table.list().to_vec()), out);
            }
        }
    }

    /// Leaves if all that must know do, and no file waits to be moved.
    fn leave_if_done(&mut self, out: &mut Effects<Self>) {
        let Some(leaving) = &self.leaving else { return };
        let is_pair = self.table.list().get(1) == Some(&self.me());
        let needed = if is_pair { &self.predecessors[..1] } else { &self.predecessors[..] };
        let knows = |peer: &Option<Key>| peer.is_some_and(|peer| leaving.confirmed.contains(&peer));
        if needed.iter().all(knows) && self.moves.is_empty() {
            out.push(Effect::Halt(0));
        }
    }
}

impl Process for Peer {
    const PROTOCOL: &'static str = "ring/1";
    /// Files that move.
    const MAX_BODY: u64 = 1 << 36;
    const MAX_DATAGRAM: usize = MOST_MSS as usize + datagram::HEADER;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Input;

    fn restore(&mut self, record: Record) {
        match record {}
    }

    fn snapshot(&self) -> Vec<Record> {
        Vec::new()
    }

    fn clock(&mut self, now: Duration) {
        self.now = now;
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.pinged = self.now;
        self.ping_all(out);
        if let Some(contact) = self.setup.contact {
            Self::note(Note::Joins(contact), out);
        }
    }

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let Some(from) = Key::of(from) else { return };
        match message {
            Message::Ping { seq, is_second } => self.pinged(from, seq, is_second, out),
            Message::Pong { seq, successors } => self.answered(from, seq, &successors, out),
            Message::Ask => {
                if !self.is_joining {
                    let list = self.table.list().to_vec();
                    Self::send(from, Message::Successors(list), out);
                }
            }
            Message::Successors(list) => self.learn(from, &list, out),
            Message::Depart(list) => self.departs(from, &list, out),
            Message::Departed => {
                if let Some(leaving) = &mut self.leaving {
                    leaving.confirmed.insert(from);
                }
            }
            Message::Seek { key, purpose } => self.find(None, from, key, purpose, 0, out),
            Message::Find { key, purpose, asker, hops } => {
                self.find(Some(from), asker, key, purpose, hops, out);
            }
            Message::Found { key, purpose, predecessor, successors, hops } => match purpose {
                Purpose::Join if key == self.me() => {
                    self.take_place(from, predecessor, &successors, out);
                }
                Purpose::Join => {}
                Purpose::Finger => self.point_at(key, from, hops, out),
            },
            Message::Join => self.joins(from, out),
            Message::Request(wish) => self.requested(from, wish, out),
            Message::Passed { id, attempt } => _ = self.hops.remove(&(id, attempt)),
            Message::Response { id, name, size, patience, hops } => {
                self.responded(from, (id, name, size), patience, hops, out);
            }
            Message::Accept { id } => self.accepted(from, id, out),
            Message::Absent { id } => self.absent(from, id, out),
            Message::Busy { id } => self.busy(id),
            Message::Failed { id, why } => self.failed(from, id, why, out),
            Message::Data { id, seq, mss, bytes } => self.data(from, id, seq, mss, bytes, out),
            Message::Ack { id, ack, .. } => self.acknowledged(from, id, ack, out),
            Message::End { id } => self.ended(from, id, out),
            Message::EndAck { id } => self.confirmed(from, id, out),
            Message::Unknown { id } => self.failed(from, id, TransferFailure::Unwanted, out),
            Message::Offer(file) => self.offered(from, file, out),
            Message::Wants { name, is_wanted } => self.wanted(from, name, is_wanted, out),
            Message::Move(file) => self.took(from, file, out),
            Message::Moved { name } => self.moved(from, name, out),
        }
        self.leave_if_done(out);
        self.keep_tending(out);
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        match timer {
            Timer::Ping => self.ping_all(out),
            Timer::Answer => self.miss(out),
            Timer::Ask => self.ask(out),
            Timer::Resend => {
                self.resend = None;
                self.expire(out);
            }
            Timer::Tend => {
                self.is_tending = false;
                self.tend(out);
            }
            Timer::Leave => {
                if !self.moves.is_empty() {
                    Self::note(Note::Left(self.moves.count()), out);
                }
                return out.push(Effect::Halt(0));
            }
        }
        self.keep_tending(out);
    }

    fn input(&mut self, input: Input, out: &mut Effects<Self>) {
        match input {
            Input::Request(name) => self.typed(name, out),
            Input::Quit => self.quit(out),
            Input::End => out.push(Effect::Halt(0)),
            Input::Opened { id, size } => self.opened(id, size, out),
            Input::NotThere { id } => self.not_there(id, out),
            Input::Chunk { id, at, bytes } => self.chunk(id, at, &bytes, out),
            Input::Stored { id } => self.stored(id, out),
            Input::NotStored { id } => self.not_stored(id, out),
            Input::Files(files) => self.listed(&files, out),
            Input::Has { from, name, is_here } => self.looked(from, name, is_here, out),
        }
        self.leave_if_done(out);
        self.keep_tending(out);
    }

    fn objection(&self, _: PeerId, message: &Message) -> Option<String> {
        let (list, hops) = match message {
            Message::Pong { successors, .. } => (&successors[..], 0),
            Message::Found { successors, hops, .. } => (&successors[..], *hops),
            Message::Successors(list) | Message::Depart(list) => (&list[..], 0),
            Message::Request(Wish { hops, .. }) | Message::Find { hops, .. } => (&[][..], *hops),
            _ => return None,
        };
        let long = list.len() > KNOWN;
        (long || hops > MOST_HOPS).then(|| "more peers than there can be".into())
    }

    fn has_body(message: &Message) -> bool {
        matches!(message, Message::Move(_))
    }

    fn weight(fact: &Fact) -> usize {
        match fact {
            Fact::Order(FileOrder::Write(_, _, bytes)) => bytes.0.len(),
            _ => 0,
        }
    }

    fn is_bulk(message: &Message) -> bool {
        !matches!(message, Message::Ping { .. } | Message::Pong { .. })
    }

    fn to_datagram(message: &Message) -> Vec<u8> {
        datagram::encode(message)
    }

    fn from_datagram(bytes: &[u8]) -> Option<Message> {
        datagram::decode(bytes)
    }
}

#[cfg(test)]
mod tests;
