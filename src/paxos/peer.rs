//! One host's part in one decision: its roles together, as a [`Process`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::acceptor::Acceptor;
use super::fact::Fact;
use super::learner::Learner;
use super::message::{Accepted, Ack, Message};
use super::pace::{FIRST_TIMEOUT, Failure, Pace, Phase};
use super::proposal::{ProposalNumber, Value};
use super::proposer::{Attempt, Progress};
use super::quorum::{is_quorum, majority};
use super::reach::{Reach, within_stride};
use super::roles::{Audience, Roles};
use crate::process::{Effect, Effects, PeerId, Process};

/// How often a proposer without a majority of links says what it waits for.
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
    /// How long it hopes for links with *all* its acceptors once it has a majority.
    pub patience: Duration,
}

impl Setup {
    /// This peer's audience and candidate, if it is a proposer.
    fn proposer(&self) -> Option<(&Audience, Value)> {
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
    /// The last number that the proposer used.
    LastNumber(ProposalNumber),
}

/// The timers of a proposer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Time to say for which links it waits.
    Waiting,
    /// A majority has been linked for long enough; the rest is not waited for.
    Patience,
    /// Time for an attempt: the first after `-t`, a later one after a back-off.
    Attempt,
    /// The open question has waited long enough.
    Answer,
}

/// What the proposer is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Waiting for links with its acceptors; with a majority of them [`Timer::Patience`] runs.
    Gathering { majority: bool },
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
    /// Linked both ways at least once; itself included.
    linked: BTreeSet<PeerId>,
    stage: Stage,
    last_number: Option<ProposalNumber>,
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
            // A peer is always linked with itself.
            linked: BTreeSet::from([setup.me]),
            setup,
            stage: Stage::Gathering { majority: false },
            last_number: None,
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

    /// The last number that this peer proposed under, in this life or an earlier one.
    pub fn last_number(&self) -> Option<ProposalNumber> {
        self.last_number
    }

    /// What this proposer's own round has found to be chosen.
    pub fn own_round(&self) -> Option<Accepted> {
        match self.stage {
            Stage::Done(chosen) => Some(chosen),
            _ => None,
        }
    }

    /// Gives a peer that was not a proposer yet its candidate.
    pub(super) fn adopt(&mut self, candidate: Value) {
        if self.setup.candidate.is_none() {
            let candidate = Some(candidate);
            self.setup = Arc::new(Setup { candidate, ..Setup::clone(&self.setup) });
        }
    }

    /// Looks at the links: with all acceptors it begins, with a majority it waits for the rest.
    fn gather(&mut self, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, _)) = setup.proposer() else { return };
        let Stage::Gathering { majority } = &mut self.stage else { return };
        let linked = &audience.acceptors & &self.linked;
        if linked == audience.acceptors {
            self.begin(out);
        } else if !*majority && is_quorum(&audience.acceptors, &linked) {
            *majority = true;
            out.push(Effect::SetTimer(Timer::Patience, setup.patience.into()));
        }
    }

    /// It could propose now: does so after its own delay.
    fn begin(&mut self, out: &mut Effects<Self>) {
        self.stage = Stage::Resting;
        if self.setup.delay.is_zero() {
            self.attempt(out);
        } else {
            out.push(Effect::SetTimer(Timer::Attempt, self.setup.delay.into()));
        }
    }

    /// Asks the acceptors for promises under a new number.
    fn attempt(&mut self, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, value)) = setup.proposer() else { return };
        let Some(number) = ProposalNumber::next(setup.me, setup.roles.peers, self.seen()) else {
            self.stage = Stage::Exhausted;
            out.push(Effect::Report(Fact::Exhausted));
            out.push(Effect::Halt(1));
            return;
        };
        // Durable before the first question leaves. A number used again in another life could
        // stand for two values.
        self.last_number = Some(number);
        out.push(Effect::Persist(Record::LastNumber(number)));
        out.push(Effect::Report(Fact::Proposing { number, value }));
        self.stage = Stage::Asking(Attempt::new(number, value));
        // From now on, although the question leaves only when its record is durable: on a slow disk
        // that is a part of the round.
        let timeout = self.pace.asks(number, Phase::Prepare);
        out.push(Effect::SetTimer(Timer::Answer, timeout.into()));
        for &acceptor in &audience.acceptors {
            out.push(Effect::Send(acceptor, Message::Prepare { number, value }));
        }
    }

    /// Gives the attempt up and sets the time of the next one.
    fn back_off(&mut self, failure: Failure, out: &mut Effects<Self>) {
        let delay = self.pace.back_off(failure, self.failures);
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Resting;
        out.push(Effect::SetTimer(Timer::Attempt, delay));
    }

    /// The question that is open for `acceptor`, if it has not answered it.
    fn ask_again(&self, acceptor: PeerId, out: &mut Effects<Self>) {
        let (Stage::Asking(attempt), Some((audience, candidate))) =
            (&self.stage, self.setup.proposer())
        else {
            return;
        };
        if !audience.acceptors.contains(&acceptor) || attempt.answered().contains(&acceptor) {
            return;
        }
        let number = attempt.number;
        let question = match attempt.asking() {
            None => Message::Prepare { number, value: candidate },
            Some(value) => Message::Accept { number, value },
        };
        out.push(Effect::Send(acceptor, question));
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

    /// An answer arrived, in time or late: it tells how long a round takes, and is counted.
    fn hear(&mut self, from: PeerId, ack: &Ack, phase: Phase, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, _)) = setup.proposer() else { return };
        let members = &audience.acceptors;
        if members.contains(&from)
            && let Some(longer) = self.pace.hears(members, from, ack.answers, phase)
            && let Stage::Asking(_) = self.stage
        {
            out.push(Effect::SetTimer(Timer::Answer, longer.into()));
        }
        let believed = within_stride(self.last_number, ack.min_proposal);
        self.highest_seen = self.highest_seen.max(Some(believed));
        let Stage::Asking(attempt) = &mut self.stage else { return };
        if ack.answers == attempt.number && believed < ack.min_proposal {
            // A made-up promise, or one made by a made-up number. The others may be enough; if not,
            // the attempt is refused as by any promise.
            let enough = attempt.does_without(members, from);
            self.disbelieve(from, ack.min_proposal, out);
            if enough {
                return;
            }
        }
        self.count(from, ack, phase, out);
    }

    /// Counts an answer and goes where it leads.
    fn count(&mut self, from: PeerId, ack: &Ack, phase: Phase, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let (Stage::Asking(attempt), Some((audience, candidate))) =
            (&mut self.stage, setup.proposer())
        else {
            return;
        };
        let number = attempt.number;
        let progress = match phase {
            Phase::Prepare => attempt.prepare_ack(&audience.acceptors, from, ack),
            Phase::Accept => attempt.accept_ack(&audience.acceptors, from, ack),
        };
        match progress {
            Progress::Pending => {}
            Progress::Refused => {
                let promised = ack.min_proposal;
                out.push(Effect::Report(Fact::Refused { number, by: from, promised }));
                self.back_off(Failure::Refused, out);
            }
            Progress::Promised { value, adopted } => {
                if let Some(adopted) = adopted.filter(|adopted| adopted.value != candidate) {
                    let instead_of = candidate;
                    out.push(Effect::Report(Fact::Adopted { number, adopted, instead_of }));
                }
                let timeout = self.pace.asks(number, Phase::Accept);
                out.push(Effect::SetTimer(Timer::Answer, timeout.into()));
                for &acceptor in &audience.acceptors {
                    out.push(Effect::Send(acceptor, Message::Accept { number, value }));
                }
            }
            Progress::Chosen(value) => {
                self.stage = Stage::Done(Accepted { number, value });
                out.push(Effect::Report(Fact::Chose { number, value }));
                self.learn(Accepted { number, value }, None, out);
            }
        }
    }

    /// Now this peer knows the choice: it tells those who may not.
    fn learn(&mut self, choice: Accepted, teller: Option<PeerId>, out: &mut Effects<Self>) {
        let Accepted { number, value } = choice;
        if let Some(known) = self.chosen {
            // Said once: whoever repeats it could fill a disk with it.
            if known.value != value && !std::mem::replace(&mut self.contradicted, true) {
                out.push(Effect::Report(Fact::Contradiction { known, heard: choice }));
            }
            return;
        }
        self.chosen = Some(choice);
        self.learner = Learner::default();
        // A proposer speaks only of its own round.
        if self.setup.proposer().is_none() {
            out.push(Effect::Report(Fact::Chose { number, value }));
        }
        for peer in self.setup.roles.told() {
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
        wrap: fn(Ack) -> Message,
        out: &mut Effects<Self>,
    ) {
        if self.acceptor != before {
            // Before the answer: a promise that a crash takes back is worse than none.
            out.push(Effect::Persist(Record::Acceptor(self.acceptor)));
        }
        out.push(Effect::Send(from, wrap(ack)));
    }

    /// The learners of the proposer to whom `number` belongs.
    fn learners(&self, number: ProposalNumber) -> BTreeSet<PeerId> {
        let proposer = self.setup.roles.proposer_of(number);
        proposer.map(|(_, audience)| audience.learners.clone()).unwrap_or_default()
    }

    /// An acceptance, told by the acceptor itself.
    fn hear_acceptance(&mut self, from: PeerId, ack: &Ack, out: &mut Effects<Self>) {
        let Some(vote) = ack.accepted.filter(|_| ack.accepts()) else { return };
        let setup = Arc::clone(&self.setup);
        let Some((_, audience)) = setup.roles.proposer_of(vote.number) else { return };
        let mine = audience.learners.contains(&setup.me) && self.chosen.is_none();
        if mine && self.learner.accepted(&audience.acceptors, from, vote) {
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

    fn restore(&mut self, record: Record) {
        match record {
            Record::Acceptor(acceptor) => self.acceptor = acceptor,
            Record::LastNumber(number) => self.last_number = self.last_number.max(Some(number)),
        }
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        // Neither of the two ever falls in a life. If a record says otherwise, it is an older one
        // that has come back, and the promise in between would be broken.
        match record {
            Record::Acceptor(found) => {
                let held = &self.acceptor;
                let vote = |acceptor: &Acceptor| acceptor.accepted.map(|accepted| accepted.number);
                let falls = found.min_proposal < held.min_proposal || vote(found) < vote(held);
                let odd = vote(found) > found.min_proposal;
                (falls || odd).then(|| "a promise or a vote falls below an earlier one".into())
            }
            Record::LastNumber(number) => (Some(*number) <= self.last_number)
                .then(|| format!("proposal number {number} was used before")),
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        let voted = self.acceptor != Acceptor::default();
        let acceptor = voted.then_some(Record::Acceptor(self.acceptor));
        acceptor.into_iter().chain(self.last_number.map(Record::LastNumber)).collect()
    }

    fn clock(&mut self, now: Duration) {
        self.pace.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if self.setup.proposer().is_some() {
            let first = self.setup.patience.max(FIRST_TIMEOUT);
            out.push(Effect::SetTimer(Timer::Waiting, first.into()));
            self.gather(out);
        }
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.linked.insert(peer);
        if let Some(Accepted { number, value }) = self.chosen {
            if self.setup.roles.told().contains(&peer) {
                out.push(Effect::Send(peer, Message::Chosen { number, value }));
            }
        } else if let Some(held) = self.acceptor.accepted {
            // A learner that comes late may be the only one left who can count.
            let granted = Some(held.number) == self.acceptor.min_proposal;
            if granted && self.learners(held.number).contains(&peer) {
                let ack = self.acceptor.accept(held.number, held.value);
                out.push(Effect::Send(peer, Message::AcceptAck(ack)));
            }
        }
        self.ask_again(peer, out);
        self.gather(out);
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
                    for learner in self.learners(number) {
                        if learner != from {
                            out.push(Effect::Send(learner, Message::AcceptAck(ack)));
                        }
                    }
                }
            }
            Message::PrepareAck(ack) => self.hear(from, &ack, Phase::Prepare, out),
            Message::AcceptAck(ack) => {
                self.hear(from, &ack, Phase::Accept, out);
                self.hear_acceptance(from, &ack, out);
            }
            Message::Chosen { number, value } => {
                self.learn(Accepted { number, value }, Some(from), out);
            }
        }
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, _)) = setup.proposer() else { return };
        let members = &audience.acceptors;
        let needed = majority(members.len());
        match (timer, &self.stage) {
            (Timer::Waiting, Stage::Gathering { majority: false }) => {
                let linked = members & &self.linked;
                let missing = members - &linked;
                out.push(Effect::Report(Fact::Waiting { linked, missing, needed }));
                out.push(Effect::SetTimer(Timer::Waiting, WAITING_NOTE_EVERY.into()));
            }
            (Timer::Patience, Stage::Gathering { .. }) => self.begin(out),
            (Timer::Attempt, Stage::Resting) => self.attempt(out),
            (Timer::Answer, Stage::Asking(attempt)) => {
                let answered = attempt.answered();
                let (phase, asked) = match attempt.asking() {
                    None => (Phase::Prepare, "prepare"),
                    Some(_) => (Phase::Accept, "accept"),
                };
                out.push(Effect::Report(Fact::TimedOut {
                    number: attempt.number,
                    asked,
                    missing: members - &answered,
                    answered,
                    needed,
                    longer: self.pace.times_out(phase),
                }));
                self.back_off(Failure::TimedOut, out);
            }
            // A timer of a stage that is over.
            (Timer::Waiting | Timer::Patience | Timer::Attempt | Timer::Answer, _) => {}
        }
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        super::objection::objection(&self.setup, from, message)
    }
}
