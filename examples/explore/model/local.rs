//! One peer in the model: the process, its disk, its timers, and what an onlooker has seen it do.
//!
//! A step feeds one event to the process and performs its effects in order, as every driver does.
//! A crash performs only the first few, throws the process away, and builds it anew from its disk.

use std::collections::{BTreeSet, VecDeque};

use synod::paxos::{Accepted, Ack, Fact, Message, ProposalNumber, Record, Timer};
use synod::process::{Effect, Effects, PeerId, proceed_while_due};

use super::Subject;

/// What the model rests on.
const NO_CASTS: &str =
    "Paxos sends no datagrams, and ends by itself only when it is out of numbers";

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Letter {
    /// The sender.
    pub(crate) from: PeerId,
    /// The receiver.
    pub(crate) to: PeerId,
    /// What it says.
    pub(crate) message: Message,
}

/// What can happen to one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// A message arrives.
    Deliver(Letter),
    /// A timer fires.
    Fire(Timer),
    /// The links with this peer come up.
    Connect(PeerId),
    /// It takes a step of its own that is due.
    Proceed,
    /// The process dies and starts again.
    Crash,
}

/// What an onlooker knows of one peer: no more than what left it or became durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Seen {
    /// Everything that this acceptor ever accepted.
    pub(crate) votes: BTreeSet<Accepted>,
    /// Everything that this proposer ever asked acceptors to accept.
    pub(crate) asked: BTreeSet<Accepted>,
    /// The highest promise that it ever gave.
    pub(crate) promised: Option<ProposalNumber>,
    /// It gave or broke a promise below that one.
    pub(crate) broke_promise: bool,
    /// It reported this choice in this incarnation.
    pub(crate) reported: Option<Accepted>,
    /// It reported two choices.
    pub(crate) contradicted: bool,
    /// It found that a message cannot come from an honest peer.
    pub(crate) objected: bool,
    /// A message stood before a record of the same step.
    pub(crate) told_early: bool,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Local<P> {
    /// Which one.
    pub(crate) me: PeerId,
    /// The process itself.
    pub(crate) process: P,
    /// A process that was given every durable record and no event: what a restart begins with.
    pub(crate) disk: P,
    /// The timers that are set and can do something.
    pub(crate) timers: BTreeSet<Timer>,
    /// The number of the open attempt.
    pub(crate) number: Option<ProposalNumber>,
    /// Attempts begun in this incarnation.
    pub(crate) attempts: u8,
    /// True for a proposer in a later incarnation. (An acceptor's incarnations do not differ.)
    pub(crate) restarted: bool,
    /// It is switched off until a crash restarts it.
    pub(crate) off: bool,
    /// What an onlooker knows.
    pub(crate) seen: Seen,
}

/// What a step leads to.
pub(crate) struct Outcome<P> {
    /// The peer afterwards.
    pub(crate) next: Local<P>,
    /// What it sent to others, in order.
    pub(crate) sent: Vec<Letter>,
    /// How many effects there were, all of them performed unless it crashed.
    pub(crate) effects: usize,
}

/// The fixed rules of a step.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Those with whom each peer has links, by peer.
    pub(crate) links: Vec<Vec<PeerId>>,
    /// The proposers.
    pub(crate) proposers: BTreeSet<PeerId>,
    /// The proposers that are nothing else: they may be switched off.
    pub(crate) mere_proposers: BTreeSet<PeerId>,
    /// Attempts in one incarnation.
    pub(crate) rounds: u8,
    /// Notices of a choice travel.
    pub(crate) notices: bool,
    /// Leave out what nobody reads.
    pub(crate) reduce: bool,
    /// A proposer that waits for its next attempt begins it at once.
    pub(crate) eager: bool,
}

impl<P: Subject> Local<P> {
    /// A peer with an empty disk, started and connected with all.
    pub(crate) fn born(me: PeerId, process: P, rules: &Rules) -> (Self, Vec<Letter>) {
        let mut local = Self {
            me,
            disk: process.clone(),
            process,
            timers: BTreeSet::new(),
            number: None,
            attempts: 0,
            restarted: false,
            off: false,
            seen: Seen::default(),
        };
        let mut step = Step::new(&mut local, rules, None);
        step.begin();
        let sent = step.sent;
        (local, sent)
    }

    /// This event happens; with `crash_after`, the peer crashes after that many effects.
    pub(crate) fn step(
        &self,
        event: Event,
        crash_after: Option<usize>,
        rules: &Rules,
    ) -> Outcome<P> {
        let mut next = self.clone();
        let mut step = Step::new(&mut next, rules, crash_after);
        step.happen(event);
        let Step { sent, performed, .. } = step;
        Outcome { next, sent, effects: performed }
    }

    /// True if a step of its own is due.
    pub(crate) fn is_due(&self) -> bool {
        !self.off && self.process.is_due()
    }

    /// True if this timer can fire now and lead on.
    pub(crate) fn can_fire(&self, timer: Timer, rules: &Rules) -> bool {
        // Beyond the last round an attempt is out of bounds, and giving one up is no different
        // from hearing nothing more.
        !self.off && self.timers.contains(&timer) && self.attempts < rules.rounds
    }
}

/// A step under way.
struct Step<'a, P: Subject> {
    local: &'a mut Local<P>,
    rules: &'a Rules,
    crash_after: Option<usize>,
    sent: Vec<Letter>,
    to_itself: VecDeque<Message>,
    performed: usize,
    gave_up: bool,
}

impl<'a, P: Subject> Step<'a, P> {
    fn new(local: &'a mut Local<P>, rules: &'a Rules, crash_after: Option<usize>) -> Self {
        Self {
            local,
            rules,
            crash_after,
            sent: Vec::new(),
            to_itself: VecDeque::new(),
            performed: 0,
            gave_up: false,
        }
    }

    fn happen(&mut self, event: Event) {
        let mut effects = Vec::new();
        match event {
            Event::Crash => {
                self.crash();
                return;
            }
            Event::Deliver(letter) => self.receive(letter.from, letter.message, &mut effects),
            Event::Fire(timer) => self.fire(timer, &mut effects),
            Event::Connect(peer) => self.local.process.connected(peer, &mut effects),
            Event::Proceed => self.local.process.proceed(&mut effects),
        }
        if self.perform_all(effects) {
            self.settle();
        } else {
            self.crash();
        }
    }

    /// The process dies; what it had not made durable is gone.
    fn crash(&mut self) {
        self.crash_after = None;
        self.to_itself.clear();
        let local = &mut *self.local;
        local.process = local.disk.clone();
        local.timers.clear();
        local.attempts = 0;
        local.number = None;
        local.off = false;
        // An incarnation's report is told when it happens; a later one may tell it again.
        local.seen.reported = None;
        local.restarted = self.rules.proposers.contains(&local.me);
        self.begin();
    }

    /// The first events of an incarnation.
    fn begin(&mut self) {
        let mut effects = Vec::new();
        self.local.process.start(&mut effects);
        let me = usize::from(self.local.me.0 - 1);
        for &peer in &self.rules.links[me] {
            self.local.process.connected(peer, &mut effects);
        }
        // Nothing can come between these: no message has arrived yet.
        proceed_while_due(&mut self.local.process, &mut effects);
        self.perform_all(effects);
        self.settle();
    }

    fn fire(&mut self, timer: Timer, effects: &mut Effects<P>) {
        self.local.timers.remove(&timer);
        self.local.attempts += u8::from(timer == Timer::Attempt);
        self.local.process.timeout(timer, effects);
    }

    fn receive(&mut self, from: PeerId, message: Message, effects: &mut Effects<P>) {
        if self.local.process.objection(from, &message).is_some() {
            self.local.seen.objected = true;
        } else {
            self.local.process.receive(from, message, effects);
        }
    }

    /// Performs effects, then those of the messages to itself; false if the crash came.
    fn perform_all(&mut self, mut effects: Effects<P>) -> bool {
        loop {
            let mut told = false;
            for effect in effects.drain(..) {
                if self.crash_after == Some(self.performed) {
                    return false;
                }
                self.performed += 1;
                match &effect {
                    Effect::Send(..) => told = true,
                    Effect::Persist(_) => self.local.seen.told_early |= told,
                    Effect::SetTimer(..) | Effect::Report(_) => {}
                    Effect::Cast(..) | Effect::Halt(_) => unreachable!("{NO_CASTS}"),
                }
                self.perform(effect);
            }
            let Some(message) = self.to_itself.pop_front() else { return true };
            self.receive(self.local.me, message, &mut effects);
        }
    }

    fn perform(&mut self, effect: Effect<P>) {
        let me = self.local.me;
        match effect {
            Effect::Persist(record) => {
                if let Record::Acceptor(acceptor) = &record {
                    self.vote(acceptor.accepted);
                }
                self.local.disk.restore(record);
            }
            Effect::Send(to, message) => {
                self.look_at(message);
                if to == me {
                    self.to_itself.push_back(message);
                } else if self.rules.notices || !matches!(message, Message::Chosen { .. }) {
                    self.sent.push(Letter { from: me, to, message: self.stripped(message) });
                }
            }
            Effect::Cast(..) | Effect::Halt(_) => unreachable!("{NO_CASTS}"),
            Effect::SetTimer(timer, _) => {
                self.local.timers.insert(timer);
            }
            Effect::Report(fact) => match fact {
                Fact::Chose { number, value } => {
                    self.local.seen.reported = Some(Accepted { number, value });
                }
                Fact::Contradiction { .. } => self.local.seen.contradicted = true,
                Fact::Refused { .. } | Fact::TimedOut { .. } | Fact::Exhausted => {
                    self.gave_up = true;
                    self.local.number = None;
                }
                Fact::Waiting { .. }
                | Fact::Proposing { .. }
                | Fact::Adopted { .. }
                | Fact::Disbelieved { .. } => {}
            },
        }
    }

    /// The onlooker reads every message that leaves.
    fn look_at(&mut self, message: Message) {
        match message {
            Message::Accept { number, value } => {
                self.local.seen.asked.insert(Accepted { number, value });
            }
            Message::PrepareAck(ack) | Message::AcceptAck(ack) => {
                self.vote(ack.accepted);
                let seen = &mut self.local.seen;
                seen.broke_promise |= seen.promised > Some(ack.min_proposal);
                seen.promised = seen.promised.max(Some(ack.min_proposal));
            }
            Message::Prepare { number, .. } => self.local.number = Some(number),
            Message::Chosen { .. } => {}
        }
    }

    /// It holds this now, or says so.
    fn vote(&mut self, held: Option<Accepted>) {
        let Some(held) = held else { return };
        let seen = &mut self.local.seen;
        if seen.votes.insert(held) {
            seen.broke_promise |= Some(held.number) < seen.promised;
        }
    }

    /// A refusal without what its acceptor holds: no proposer reads that.
    fn stripped(&self, message: Message) -> Message {
        let strip = |ack: Ack| Ack { accepted: None, ..ack };
        match message {
            Message::PrepareAck(ack) if self.rules.reduce && !ack.granted() => {
                Message::PrepareAck(strip(ack))
            }
            Message::AcceptAck(ack) if self.rules.reduce && !ack.granted() => {
                Message::AcceptAck(strip(ack))
            }
            message => message,
        }
    }

    /// After a step: drops timers that can do nothing, and switches off who has no more to do.
    fn settle(&mut self) {
        let waits = self.local.can_fire(Timer::Attempt, self.rules);
        if self.rules.eager && waits && self.rules.mere_proposers.contains(&self.local.me) {
            let mut effects = Vec::new();
            self.fire(Timer::Attempt, &mut effects);
            self.perform_all(effects);
        }
        let local = &mut *self.local;
        // A stage that needs a timer sets it on entering, so one that would do nothing in this
        // stage is set again before it can do something.
        local.timers = std::mem::take(&mut local.timers)
            .into_iter()
            .filter(|&timer| {
                let (mut process, mut effects) = (local.process.clone(), Vec::new());
                process.timeout(timer, &mut effects);
                !effects.is_empty() || process != local.process
            })
            .collect();
        let finished =
            local.seen.reported.is_some() || (self.gave_up && local.attempts >= self.rules.rounds);
        if self.rules.reduce && finished && self.rules.mere_proposers.contains(&local.me) {
            local.process = local.disk.clone();
            local.timers.clear();
            local.off = true;
        }
    }
}
