//! One peer: an acceptor of every key, a proposer for those that ask it, and what it knows of the
//! others.

mod expiry;
mod forwarding;
mod objection;
mod rejoin;
mod sweeping;
#[cfg(test)]
mod tests;
mod voting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::bytes::Bytes;
use super::message::{Fact, Input, Message, QuestionId, Record, Timer};
use super::operation::{Answer, MAX_BYTES, Reply, Request};
use super::owner::{Context, Owner};
use super::pending::{Origin, Pending};
use super::register::{Ballot, Held};
use super::registers::Registers;
use super::terms::Terms;
use crate::paxos::quorum::Acceptors;
use crate::paxos::reach::{Reach, within_stride};
use crate::process::{Effect, Effects, PeerId, Process};

use expiry::Expiries;
use forwarding::{Forwards, Other};
use rejoin::Rejoining;

/// How often deadlines are looked at, while anything waits.
const TICK: Duration = Duration::from_millis(20);
/// A client that has waited for so long is told what is known.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Of more keys than this, those that are owned and not in use are forgotten.
const MOST_OWNERS: usize = 1 << 16;

/// What a peer is told at its birth and what never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Which peer this is.
    pub me: PeerId,
    /// How many there are; their ids are 1 to this, and each is an acceptor of every key.
    pub peers: u16,
    /// The disk was lost, or is an old copy: what is restored counts for nothing, and everything
    /// is fetched from the others first.
    pub rejoin: bool,
    /// Nothing is kept on a disk, so whether anything was lost only the others know: they are
    /// asked first.
    pub is_volatile: bool,
    /// A number that differs from start to start.
    pub nonce: u64,
}

impl Setup {
    /// Nothing of what it knew before can be restored.
    fn forgets(&self) -> bool {
        self.rejoin || self.is_volatile
    }
}

/// One peer of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    setup: Setup,
    members: Acceptors,
    registers: Registers,
    terms: Terms,
    /// The last question of this incarnation; none while there is no incarnation to be asked.
    question: QuestionId,
    owners: BTreeMap<Bytes, Owner>,
    /// Those with something to do.
    active: BTreeSet<Bytes>,
    others: BTreeMap<PeerId, Other>,
    forwards: Forwards,
    expiries: Expiries,
    rejoining: Option<Rejoining>,
    /// Who had not begun either when this peer had not, and with which nonce.
    met: BTreeMap<PeerId, u64>,
    /// Which terms of others are believed.
    reach: Reach,
    now: Duration,
    /// Since when all acceptors hold a deleted register of this key, as far as is known.
    deleted: VecDeque<(Duration, Bytes)>,
    swept: Duration,
    has_tick: bool,
    is_exhausted: bool,
    /// The last call of a client.
    last_call: Option<u64>,
}

impl Peer {
    /// A peer that remembers nothing yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            members: (1..=setup.peers).map(PeerId).collect(),
            registers: Registers::default(),
            terms: Terms::new(setup.me, setup.peers),
            question: QuestionId { incarnation: 0, count: 0 },
            owners: BTreeMap::new(),
            active: BTreeSet::new(),
            others: BTreeMap::new(),
            forwards: Forwards::default(),
            expiries: Expiries::default(),
            rejoining: setup.forgets().then(Rejoining::default),
            met: BTreeMap::new(),
            reach: Reach::default(),
            now: Duration::ZERO,
            deleted: VecDeque::new(),
            swept: Duration::ZERO,
            has_tick: false,
            is_exhausted: false,
            last_call: None,
            setup,
        }
    }

    /// What this peer's own acceptor holds. It may not be chosen.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// True unless it still fetches what a lost disk held.
    pub fn serves(&self) -> bool {
        self.rejoining.is_none()
    }

    /// The number of the last call, for observers that want to know when it came.
    pub fn last_call(&self) -> Option<u64> {
        self.last_call
    }

    /// Who answers, itself included.
    pub fn connected_peers(&self) -> usize {
        1 + self.others.values().filter(|other| other.is_near).count()
    }

    /// True if nothing waits: no operation, and no deleted register.
    pub fn is_at_rest(&self) -> bool {
        self.active.is_empty() && self.forwards.is_empty() && self.registers.deleted().is_empty()
    }

    /// Begins to answer, as an incarnation that no other one is equal to.
    fn begin(&mut self, out: &mut Effects<Self>) {
        self.registers.begin();
        match self.terms.next(None) {
            Some(first) => self.question = QuestionId { incarnation: first.get(), count: 0 },
            None => self.exhausted(out),
        }
        self.keep_terms(out);
        self.expect_all();
        for peer in self.others_ids() {
            self.greet(peer, out);
        }
    }

    fn exhausted(&mut self, out: &mut Effects<Self>) {
        if !std::mem::replace(&mut self.is_exhausted, true) {
            out.push(Effect::Report(Fact::Exhausted));
        }
    }

    fn keep_terms(&mut self, out: &mut Effects<Self>) {
        out.extend(self.terms.record.take().map(Effect::Persist));
    }

    fn others_ids(&self) -> Vec<PeerId> {
        self.members.iter().copied().filter(|peer| *peer != self.setup.me).collect()
    }

    /// One step of what this peer does about a key.
    fn with_owner(
        &mut self,
        key: &Bytes,
        out: &mut Effects<Self>,
        step: impl FnOnce(&mut Owner, &mut Context<'_>),
    ) {
        let mut owner = self.owners.remove(key).unwrap_or_default();
        let mut context = Context {
            me: self.setup.me,
            is_elsewhere: self.home(key) != self.setup.me,
            members: &self.members,
            key,
            now: self.now,
            terms: &mut self.terms,
            question: &mut self.question,
            own: self.registers.held(key),
            messages: Vec::new(),
            replies: Vec::new(),
            elsewhere: Vec::new(),
            is_collectable: false,
        };
        step(&mut owner, &mut context);
        let Context { messages, replies, elsewhere, is_collectable, .. } = context;
        if is_collectable {
            self.deleted.push_back((self.now, key.clone()));
        }
        // Before the first message that uses a number of the range.
        self.keep_terms(out);
        out.extend(messages.into_iter().map(|(to, message)| Effect::Send(to, message)));
        if owner.is_idle() {
            self.active.remove(key);
        } else if !self.active.contains(key) {
            self.active.insert(key.clone());
        }
        if !owner.is_forgettable() {
            self.owners.insert(key.clone(), owner);
        }
        for (origin, reply) in replies {
            self.complete(key, origin, reply, out);
        }
        for pending in elsewhere {
            self.forward(key, pending, out);
        }
    }

    fn ask(&mut self, key: &Bytes, pending: Pending, out: &mut Effects<Self>) {
        self.with_owner(key, out, |owner, context| owner.ask(pending, context));
    }

    /// Tells who wants to know.
    fn complete(&mut self, key: &Bytes, to: Origin, mut reply: Reply, out: &mut Effects<Self>) {
        match to {
            Origin::Client(id) => {
                self.expiries.tell_what_is_left(key, &mut reply, self.now);
                out.push(Effect::Report(Fact::Replied(id, reply)));
            }
            Origin::Peer(peer, id) => {
                out.push(Effect::Send(peer, Message::Forwarded { id, reply: Some(reply) }));
            }
            Origin::Itself => {}
        }
    }

    fn call(&mut self, id: u64, key: &Bytes, operation: Request, out: &mut Effects<Self>) {
        self.last_call = Some(id);
        let origin = Origin::Client(id);
        if self.rejoining.is_some() {
            return self.complete(key, origin, Reply::of(Answer::Unavailable), out);
        }
        let pending = Pending::new(origin, operation, self.now + CALL_TIMEOUT);
        if pending.operation.is_read() {
            self.ask(key, pending, out);
        } else {
            self.forward(key, pending, out);
        }
    }

    /// An answer of an acceptor to this peer's question.
    fn answered(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        match message {
            Message::Promise { key, term, held, floor } => {
                self.with_owner(&key, out, |owner, context| {
                    owner.promise(from, term, held, floor, context);
                });
            }
            Message::Accepted { key, ballot } => {
                self.with_owner(&key, out, |owner, context| owner.accepted(from, ballot, context));
            }
            Message::Refused { key, term, promised } => {
                // A refusal alone must not use the terms up.
                let promised = within_stride(self.terms.last(), promised);
                // The terms of different peers come together, so that refusals are rare.
                self.terms.heard_of(promised);
                self.with_owner(&key, out, |owner, context| {
                    owner.refused(term, promised, context);
                });
            }
            Message::State { key, id, ballot, register } => {
                self.with_owner(&key, out, |owner, context| {
                    owner.state(from, id, ballot, register, context);
                });
            }
            _ => {}
        }
    }

    fn tick(&mut self, out: &mut Effects<Self>) {
        for key in self.active.clone() {
            self.with_owner(&key, out, Owner::tick);
        }
        self.tick_forwards(out);
        self.tick_rejoining(out);
        self.lapse(out);
        self.collect(out);
        self.sweep(out);
        if self.owners.len() > MOST_OWNERS {
            let active = &self.active;
            self.owners.retain(|key, _| active.contains(key));
        }
    }

    /// Sets the timer, if anything waits.
    fn arm(&mut self, out: &mut Effects<Self>) {
        let waits = !self.is_at_rest() || !self.expiries.is_empty() || self.rejoining.is_some();
        if waits && !std::mem::replace(&mut self.has_tick, true) {
            out.push(Effect::SetTimer(Timer::Tick, TICK.into()));
        }
    }
}

impl Process for Peer {
    const PROTOCOL: &'static str = "store/1";
    /// A value takes up to two bytes for each of its own; and there is what is around values.
    const MAX_LINE: usize = 2 * MAX_BYTES + (1 << 20);
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Input;

    fn weight(fact: &Fact) -> usize {
        let told = match fact {
            Fact::Replied(_, reply) => reply.outcome.told(),
            _ => 0,
        };
        size_of::<Fact>() + told
    }

    fn restore(&mut self, record: Record) {
        if self.setup.forgets() {
            return;
        }
        match record {
            Record::Reserved(end) => self.terms.restore(end),
            Record::Rejoining => self.rejoining = Some(Rejoining::default()),
            Record::Rejoined => self.rejoining = None,
            record => self.registers.restore(record),
        }
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        match record {
            _ if self.setup.forgets() => None,
            Record::Reserved(end) => (Some(*end) <= self.terms.reserved())
                .then(|| format!("term {end} was reserved before")),
            record => self.registers.disbelieves(record),
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        let rejoining = self.rejoining.is_some().then_some(Record::Rejoining);
        let reserved = self.terms.reserved().map(Record::Reserved);
        rejoining.into_iter().chain(reserved).chain(self.registers.snapshot()).collect()
    }

    fn clock(&mut self, now: Duration) {
        self.now = now;
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if self.rejoining.is_some() {
            self.take_census(out);
        } else {
            self.begin(out);
        }
        self.arm(out);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.greet(peer, out);
        for key in self.active.clone() {
            self.with_owner(&key, out, |owner, context| owner.connected(peer, context));
        }
        self.repeat_rejoining(peer, out);
        self.arm(out);
    }

    fn disconnected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.is_lost(peer, out);
        self.arm(out);
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        self.is_heard(from);
        let serves = self.rejoining.is_none();
        match message {
            Message::Here { incarnation } => self.is_here(from, incarnation, out),
            Message::Limits { nonce, highest } => self.limited(from, nonce, highest, out),
            Message::Fresh { nonce, own } => self.is_fresh(from, nonce, own, out),
            Message::Pulled { floor, after, page, is_last, version } => {
                self.pulled(from, floor, after.as_ref(), (page, is_last, version), out);
            }
            Message::Census { nonce } => self.counted(from, nonce, out),
            // Whoever has lost its disk knows nothing, and asks again later.
            _ if !serves => {}
            Message::Forward { id, to, key, operation } => {
                self.take(from, id, to, (&key, operation), out);
            }
            Message::Forwarded { id, reply } => self.forwarded(from, id, reply, out),
            // Of a number that is not believed only the reach is raised; it is asked again.
            Message::Prepare { term, .. }
            | Message::Accept { ballot: Ballot { term, .. }, .. }
            | Message::Pull { floor: term, .. }
                if !self.believes(from, term, out) => {}
            Message::Pull { floor, after } => self.give_page(from, floor, after, out),
            Message::Prepare { .. }
            | Message::Accept { .. }
            | Message::Query { .. }
            | Message::Drop { .. } => self.vote(from, message, out),
            Message::Promise { .. }
            | Message::Accepted { .. }
            | Message::Refused { .. }
            | Message::State { .. } => self.answered(from, message, out),
        }
        self.arm(out);
    }

    fn timeout(&mut self, Timer::Tick: Timer, out: &mut Effects<Self>) {
        self.has_tick = false;
        self.tick(out);
        self.arm(out);
    }

    fn input(&mut self, input: Input, out: &mut Effects<Self>) {
        match input {
            Input::Call { id, key, operation } => self.call(id, &key, operation, out),
            Input::Suspect(peer) => self.is_lost(peer, out),
        }
        self.arm(out);
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        self.objects(from, message)
    }
}

impl Peer {
    /// Measures the expiries of all that is held, from now on.
    fn expect_all(&mut self) {
        for (key, Held { register, .. }) in self.registers.behind(None) {
            self.expiries.note(key, &register, self.now);
        }
    }
}
