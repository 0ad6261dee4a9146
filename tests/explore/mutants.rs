//! Peers that were broken on purpose, each in one classic way, by changing what goes into an
//! unbroken peer and what comes out of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use synod::paxos::acceptor::Acceptor;
use synod::paxos::{Accepted, Ack, Fact, Message, Peer, Record, Setup, Timer, Value};
use synod::process::{Effect, Effects, PeerId, Process};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bug {
    /// Accepts although it has promised more.
    AcceptBelowPromise,
    /// Accepts, but leaves its promise where it was.
    PromiseNotRaised,
    /// Counts a promise for an older number as one for the present number.
    OldPromiseCounted,
    /// Takes the largest value among the promises instead of the one with the highest number.
    LargestValue,
    /// Takes its own value whatever the promises show.
    OwnValueKept,
    /// Is content with one answer less than a majority.
    OneAnswerLess,
    /// Counts the same acceptor twice.
    SameAcceptorTwice,
    /// Forgets over a restart which number it used last.
    NumberReused,
    /// Forgets over a restart what it promised.
    PromiseNotDurable,
    /// Forgets over a restart what it accepted.
    VoteNotDurable,
    /// Answers first and makes it durable afterwards.
    ToldBeforeDurable,
    /// Takes a refusal to accept for an acceptance.
    RefusalIsAcceptance,
    /// Takes the first acceptance for the choice.
    AcceptedIsChosen,
    /// Looks only at the promise in an answer, not at the number that it answers.
    AnswerWithoutNumber,
}

/// A broken peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mutant {
    bug: Bug,
    peer: Peer,
    acceptors: Vec<PeerId>,
    /// The largest value that the promises for the present number showed.
    largest: Option<Value>,
    /// Who answered the open question already, from its own point of view.
    answered: BTreeSet<PeerId>,
    /// The open question is the second one of its attempt.
    accepting: bool,
}

impl Mutant {
    /// A peer broken in this way.
    pub(crate) fn new(bug: Bug, setup: Arc<Setup>) -> Self {
        let audiences = setup.roles.proposers.values();
        let acceptors: BTreeSet<PeerId> =
            audiences.flat_map(|audience| audience.acceptors.clone()).collect();
        let acceptors = acceptors.into_iter().collect();
        let peer = Peer::new(setup);
        Self { bug, peer, acceptors, largest: None, answered: BTreeSet::new(), accepting: false }
    }

    /// What it takes the message for.
    fn misread(&self, message: Message) -> Message {
        let Some(number) = self.peer.last_number() else { return message };
        let mine = |ack: Ack| Ack { answers: number, min_proposal: number, ..ack };
        let as_vote = |ack: Ack| Ack {
            min_proposal: ack.answers,
            accepted: Some(Accepted { number: ack.answers, value: ack.asked }),
            ..ack
        };
        match (self.bug, message) {
            (Bug::OldPromiseCounted, Message::PrepareAck(ack)) if ack.granted() => {
                Message::PrepareAck(mine(ack))
            }
            (Bug::OwnValueKept, Message::PrepareAck(ack)) => {
                Message::PrepareAck(Ack { accepted: None, ..ack })
            }
            (Bug::RefusalIsAcceptance, Message::AcceptAck(ack)) => Message::AcceptAck(as_vote(ack)),
            (Bug::AnswerWithoutNumber, Message::PrepareAck(ack)) if ack.min_proposal == number => {
                Message::PrepareAck(mine(ack))
            }
            (Bug::AnswerWithoutNumber, Message::AcceptAck(ack)) if ack.min_proposal == number => {
                Message::AcceptAck(as_vote(mine(ack)))
            }
            _ => message,
        }
    }

    /// Whom it takes for the sender, besides the real one.
    fn double(&mut self, from: PeerId, message: Message) -> Option<PeerId> {
        let (ack, of_accept) = match message {
            Message::PrepareAck(ack) => (ack, false),
            Message::AcceptAck(ack) => (ack, true),
            _ => return None,
        };
        let open = Some(ack.answers) == self.peer.last_number()
            && ack.granted()
            && of_accept == self.accepting;
        let twice = match self.bug {
            Bug::OneAnswerLess => open && self.answered.is_empty(),
            Bug::SameAcceptorTwice => open && self.answered.contains(&from),
            _ => return None,
        };
        if open {
            self.answered.insert(from);
        }
        self.acceptors.iter().copied().find(|other| twice && !self.answered.contains(other))
    }

    /// An acceptor that does not mind its promise.
    fn accept_anyway(&mut self, from: PeerId, vote: Accepted, out: &mut Effects<Self>) {
        let acceptor = Acceptor { accepted: Some(vote), ..*self.peer.acceptor() };
        self.peer.restore(Record::Acceptor(acceptor));
        out.push(Effect::Persist(Record::Acceptor(acceptor)));
        let Accepted { number, value } = vote;
        let ack = Ack { answers: number, min_proposal: number, accepted: Some(vote), asked: value };
        out.push(Effect::Send(from, Message::AcceptAck(ack)));
    }

    /// What is left of the unbroken peer's effects, and in which order.
    fn spoil(&mut self, before: Acceptor, effects: Effects<Peer>, out: &mut Effects<Self>) {
        let mut late = Vec::new();
        for effect in effects {
            match effect {
                Effect::Cast(..) | Effect::Halt(_) => unreachable!("not in Paxos"),
                Effect::Persist(record) => match (self.bug, record) {
                    (Bug::NumberReused, Record::LastNumber(_)) => {}
                    (Bug::PromiseNotDurable, Record::Acceptor(now))
                        if now.accepted == before.accepted => {}
                    (Bug::VoteNotDurable, Record::Acceptor(now))
                        if now.accepted != before.accepted => {}
                    (Bug::PromiseNotRaised, Record::Acceptor(now))
                        if now.accepted != before.accepted =>
                    {
                        let low = Acceptor { min_proposal: before.min_proposal, ..now };
                        self.peer.restore(Record::Acceptor(low));
                        out.push(Effect::Persist(Record::Acceptor(low)));
                    }
                    (Bug::ToldBeforeDurable, _) => late.push(Effect::Persist(record)),
                    _ => out.push(Effect::Persist(record)),
                },
                Effect::Send(to, message) => out.push(Effect::Send(to, self.asked(message))),
                Effect::SetTimer(timer, delay) => out.push(Effect::SetTimer(timer, delay)),
                Effect::Report(Fact::Chose { number, value }) => {
                    let value = self.largest.unwrap_or(value);
                    out.push(Effect::Report(Fact::Chose { number, value }));
                }
                Effect::Report(fact) => out.push(Effect::Report(fact)),
            }
        }
        out.extend(late);
    }

    /// The question that it asks instead.
    fn asked(&mut self, message: Message) -> Message {
        match message {
            Message::Prepare { .. } => {
                self.largest = None;
                self.answered.clear();
                self.accepting = false;
                message
            }
            Message::Accept { number, value } => {
                self.answered.clear();
                self.accepting = true;
                Message::Accept { number, value: self.largest.unwrap_or(value) }
            }
            _ => message,
        }
    }
}

impl Process for Mutant {
    const PROTOCOL: &'static str = Peer::PROTOCOL;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;

    fn restore(&mut self, record: Record) {
        self.peer.restore(record);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        let mut effects = Vec::new();
        self.peer.start(&mut effects);
        self.spoil(*self.peer.acceptor(), effects, out);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        let mut effects = Vec::new();
        self.peer.connected(peer, &mut effects);
        self.spoil(*self.peer.acceptor(), effects, out);
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let before = *self.peer.acceptor();
        let message = self.misread(message);
        match (self.bug, message) {
            (Bug::AcceptBelowPromise, Message::Accept { number, value })
                if Some(number) < before.min_proposal =>
            {
                return self.accept_anyway(from, Accepted { number, value }, out);
            }
            (Bug::LargestValue, Message::PrepareAck(ack))
                if Some(ack.answers) == self.peer.last_number() =>
            {
                self.largest = self.largest.max(ack.accepted.map(|accepted| accepted.value));
            }
            (Bug::AcceptedIsChosen, Message::AcceptAck(ack)) if ack.accepts() => {
                let (number, value) = (ack.answers, ack.asked);
                out.push(Effect::Report(Fact::Chose { number, value }));
            }
            _ => {}
        }
        let mut effects = Vec::new();
        let double = self.double(from, message);
        self.peer.receive(from, message, &mut effects);
        if let Some(double) = double {
            self.answered.insert(double);
            self.peer.receive(double, message, &mut effects);
        }
        self.spoil(before, effects, out);
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        let mut effects = Vec::new();
        self.peer.timeout(timer, &mut effects);
        self.spoil(*self.peer.acceptor(), effects, out);
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        self.peer.objection(from, message)
    }
}
