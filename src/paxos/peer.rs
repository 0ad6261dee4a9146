//! One host's part in one decision: its roles together, as a [`Process`].

mod proposing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::acceptor::Acceptor;
use super::fact::Fact;
use super::learner::Learner;
use super::message::{Accepted, Ack, Message};
use super::pace::{Pace, Question};
use super::proposal::{ProposalNumber, Value};
use super::proposer::Attempt;
use super::reach::Reach;
use super::roles::{Electorate, Roles};
use crate::process::{Effect, Effects, PeerId, Process};

pub(super) use proposing::reservation;

/// When a proposer first says which links it waits for: later than a group takes that starts well.
pub const FIRST_WAITING_NOTE: Duration = Duration::from_secs(2);
/// How often it says so from then on.
pub const WAITING_NOTE_EVERY: Duration = Duration::from_secs(10);

/// What a peer is told at its birth and what never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Which peer this is.
    pub me: PeerId,
    /// The roles of all.
    pub roles: Roles,
    /// What it proposes, if it is a proposer.
    pub candidate: Option<Value>,
    /// How long it waits before it proposes, counted from when it could begin.
    pub delay: Duration,
    /// How long it waits for links with *all* peers, counted from its start. Then links with a
    /// majority of its acceptors are enough.
    pub link_wait: Duration,
}

impl Setup {
    /// This peer's electorate and candidate, if it is a proposer.
    fn proposer(&self) -> Option<(&Electorate, Value)> {
        Some((self.roles.proposers.get(&self.me)?, self.candidate?))
    }
}

/// What must survive a crash.
///
/// The number is as important as the promise. In experiments with durable acceptors and a
/// forgetful proposer, a few of some thousand runs let two values be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The acceptor's whole state.
    Acceptor(Acceptor),
    /// No number up to this one is used by a later incarnation. It stands for a reserved range, so
    /// that an attempt need not wait for a flush of its own.
    LastNumber(ProposalNumber),
}

/// The timers of a proposer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Time to say for which links it waits, or to wait for a majority of its acceptors only.
    Waiting,
    /// Time for an attempt: the first after `-t`, a later one after a back-off.
    Attempt,
    /// The open question has waited long enough.
    Answer,
}

/// What the proposer is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Waiting for links: with all peers, and so much longer once [`Timer::Waiting`] has fired;
    /// with a majority of its acceptors if that is none.
    Gathering { left: Option<Duration> },
    /// Waiting for [`Timer::Attempt`].
    Resting,
    /// Waiting for answers.
    Asking(Attempt),
    /// Its own round has found the choice.
    Done(Accepted),
    /// No number is left for it, so it ends.
    Exhausted,
}

/// One host's part in one decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    setup: Arc<Setup>,
    acceptor: Acceptor,
    learner: Learner,
    chosen: Option<Accepted>,
    /// Connected both ways at least once; itself included.
    connected: BTreeSet<PeerId>,
    phase: Phase,
    /// The last number used; after a restart, the last one that may have been used.
    last_number: Option<ProposalNumber>,
    /// Numbers up to this one are recorded as used.
    reserved: Option<ProposalNumber>,
    /// The highest number heard of: the next attempt goes above it.
    highest_seen: Option<ProposalNumber>,
    failures: u32,
    pace: Pace,
    reach: Reach,
    /// Two chosen values were reported to it, and it has said so.
    contradicted: bool,
}

impl Peer {
    /// A peer that remembers nothing yet.
    pub fn new(setup: Arc<Setup>) -> Self {
        Self {
            acceptor: Acceptor::default(),
            learner: Learner::default(),
            chosen: None,
            // A peer is always connected with itself.
            connected: BTreeSet::from([setup.me]),
            phase: Phase::Gathering { left: Some(setup.link_wait) },
            setup,
            last_number: None,
            reserved: None,
            highest_seen: None,
            failures: 0,
            pace: Pace::default(),
            reach: Reach::default(),
            contradicted: false,
        }
    }

    /// What this peer knows to be chosen, and under which number.
    pub fn chosen(&self) -> Option<Accepted> {
        self.chosen
    }

    /// The acceptor's state.
    pub fn acceptor(&self) -> &Acceptor {
        &self.acceptor
    }

    /// The last number that this peer proposed under, in this incarnation or an earlier one.
    pub fn last_number(&self) -> Option<ProposalNumber> {
        self.last_number
    }

    /// What this proposer's own round has found to be chosen.
    pub fn own_round(&self) -> Option<Accepted> {
        match self.phase {
            Phase::Done(chosen) => Some(chosen),
            _ => None,
        }
    }

    /// Has links with these peers from the beginning.
    pub(super) fn is_connected_with(&mut self, peers: &BTreeSet<PeerId>) {
        self.connected.extend(peers);
    }

    /// The highest number that it holds, has used, or has seen in an answer.
    fn seen(&self) -> Option<ProposalNumber> {
        self.highest_seen.max(self.last_number).max(self.acceptor.min_proposal)
    }

    /// True if the number of a question is within reach.
    fn believes(&mut self, from: PeerId, number: ProposalNumber, out: &mut Effects<Self>) -> bool {
        let believes = self.reach.believes(self.seen(), number);
        if !believes {
            self.disbelieve(from, number, out);
        }
        believes
    }

    fn disbelieve(&mut self, from: PeerId, number: ProposalNumber, out: &mut Effects<Self>) {
        if let Some(count) = self.reach.disbelieve() {
            out.push(Effect::Report(Fact::Disbelieved { number, from, count }));
        }
    }

    /// Now this peer knows the choice: it tells those who may not.
    fn learn(&mut self, choice: Accepted, teller: Option<PeerId>, out: &mut Effects<Self>) {
        let Accepted { number, value } = choice;
        if let Some(known) = self.chosen {
            // Said once: a peer that repeats it could fill a disk with it.
            if known.value != value && !std::mem::replace(&mut self.contradicted, true) {
                out.push(Effect::Report(Fact::Contradiction { known, heard: choice }));
            }
            return;
        }
        assert!(self.chosen.is_none(), "a choice is learned once");
        self.chosen = Some(choice);
        self.learner = Learner::default();
        // A proposer speaks only of its own round.
        if self.setup.proposer().is_none() {
            out.push(Effect::Report(Fact::Chose { number, value }));
        }
        for peer in self.setup.roles.recipients() {
            if peer != self.setup.me && Some(peer) != teller {
                out.push(Effect::Send(peer, Message::Chosen { number, value }));
            }
        }
    }

    /// Answers a question; what changed is durable first.
    fn answer(
        &mut self,
        from: PeerId,
        before: Acceptor,
        ack: Ack,
        kind: fn(Ack) -> Message,
        out: &mut Effects<Self>,
    ) {
        assert!(self.acceptor.min_proposal >= before.min_proposal, "a promise never falls");
        assert_eq!(ack.accepted, self.acceptor.accepted, "an answer tells what is held");
        if self.acceptor != before {
            // Before the answer: a promise that a crash takes back is worse than none.
            out.push(Effect::Persist(Record::Acceptor(self.acceptor)));
        }
        out.push(Effect::Send(from, kind(ack)));
    }

    /// The learners of the proposer to whom `number` belongs.
    fn learners(&self, number: ProposalNumber) -> BTreeSet<PeerId> {
        let proposer = self.setup.roles.proposer_of(number);
        proposer.map(|(_, electorate)| electorate.learners.clone()).unwrap_or_default()
    }

    /// An acceptance, told by the acceptor itself.
    fn hear_acceptance(&mut self, from: PeerId, ack: &Ack, out: &mut Effects<Self>) {
        let Some(vote) = ack.accepted.filter(|_| ack.accepts()) else { return };
        let setup = Arc::clone(&self.setup);
        let Some((_, electorate)) = setup.roles.proposer_of(vote.number) else { return };
        let mine = electorate.learners.contains(&setup.me) && self.chosen.is_none();
        if mine && self.learner.accepted(&electorate.acceptors, from, vote) {
            self.learn(vote, None, out);
        }
    }
}

impl Process for Peer {
    const PROTOCOL: &'static str = "paxos/1";
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Value;

    fn restore(&mut self, record: Record) {
        match record {
            Record::Acceptor(acceptor) => self.acceptor = acceptor,
            Record::LastNumber(number) => {
                self.reserved = self.reserved.max(Some(number));
                self.last_number = self.reserved;
            }
        }
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        // Neither of the two ever falls in an incarnation. If a record says otherwise, it is an
        // older one that has come back, and the promise in between would be broken.
        match record {
            Record::Acceptor(found) => {
                let held = &self.acceptor;
                let vote = |acceptor: &Acceptor| acceptor.accepted.map(|accepted| accepted.number);
                let falls = found.min_proposal < held.min_proposal || vote(found) < vote(held);
                let odd = vote(found) > found.min_proposal;
                (falls || odd).then(|| "a promise or a vote falls below an earlier one".into())
            }
            Record::LastNumber(number) => (Some(*number) <= self.reserved)
                .then(|| format!("proposal number {number} was reserved before")),
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        let voted = self.acceptor != Acceptor::default();
        let acceptor = voted.then_some(Record::Acceptor(self.acceptor));
        acceptor.into_iter().chain(self.reserved.map(Record::LastNumber)).collect()
    }

    fn clock(&mut self, now: Duration) {
        self.pace.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if self.setup.proposer().is_some() && matches!(self.phase, Phase::Gathering { .. }) {
            // While the links come up, so that no question has to wait for this record's flush.
            self.reserve(out);
            self.wait_on(self.setup.link_wait, FIRST_WAITING_NOTE, out);
        }
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.connected.insert(peer);
        if let Some(held) = self.acceptor.accepted {
            // A learner that comes late may be the only one left who can count. It hears the same
            // as one that came early, also where the choice is known.
            let granted = Some(held.number) == self.acceptor.min_proposal;
            if granted && self.learners(held.number).contains(&peer) {
                let ack = self.acceptor.accept(held.number, held.value);
                out.push(Effect::Send(peer, Message::AcceptAck(ack)));
            }
        }
        if let Some(Accepted { number, value }) = self.chosen
            && self.setup.roles.recipients().contains(&peer)
        {
            out.push(Effect::Send(peer, Message::Chosen { number, value }));
        }
        self.ask_again(peer, out);
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let before = self.acceptor;
        match message {
            Message::Prepare { number, .. } | Message::Accept { number, .. }
                if !self.believes(from, number, out) => {}
            Message::Prepare { number, value } => {
                let ack = self.acceptor.prepare(number, value);
                self.answer(from, before, ack, Message::PrepareAck, out);
            }
            Message::Accept { number, value } => {
                let ack = self.acceptor.accept(number, value);
                self.answer(from, before, ack, Message::AcceptAck, out);
                if ack.accepts() {
                    // Who is not connected yet is told once it is (`connected`), and so not twice.
                    for learner in &self.learners(number) & &self.connected {
                        if learner != from {
                            out.push(Effect::Send(learner, Message::AcceptAck(ack)));
                        }
                    }
                }
            }
            Message::PrepareAck(ack) => self.hear(from, &ack, Question::Prepare, out),
            Message::AcceptAck(ack) => {
                self.hear(from, &ack, Question::Accept, out);
                self.hear_acceptance(from, &ack, out);
            }
            Message::Chosen { number, value } => {
                self.learn(Accepted { number, value }, Some(from), out);
            }
        }
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        self.fires(timer, out);
    }

    /// To propose this value. One host has one candidate: asking again changes nothing.
    fn input(&mut self, candidate: Value, out: &mut Effects<Self>) {
        if self.setup.candidate.is_none() {
            let candidate = Some(candidate);
            self.setup = Arc::new(Setup { candidate, ..Setup::clone(&self.setup) });
            self.start(out);
        }
    }

    fn is_due(&self) -> bool {
        self.next_step().is_some()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        if let Some(step) = self.next_step() {
            self.take(step, out);
        }
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        self.setup.objection(from, message)
    }
}

#[cfg(test)]
mod tests;
