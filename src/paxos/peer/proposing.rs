//! The proposer's part of a peer: when it asks whom, under which number, and what it makes of the
//! answers and of their absence.

use std::sync::Arc;
use std::time::Duration;

use super::{Peer, Phase, Record, Timer, WAITING_NOTE_EVERY};
use crate::paxos::fact::Fact;
use crate::paxos::message::{Accepted, Ack, Message};
use crate::paxos::pace::{AttemptFailure, Question};
use crate::paxos::proposal::ProposalNumber;
use crate::paxos::proposer::{Attempt, Outcome};
use crate::paxos::quorum::{is_quorum, majority};
use crate::paxos::reach::within_stride;
use crate::process::{Effect, Effects, PeerId};

/// How many attempts are reserved at once. The more, the rarer an attempt waits for the flush of
/// its number; a restart skips what is left of them.
pub(super) const RESERVED_ATTEMPTS: u64 = 16;

/// A step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The links are there: it can begin to propose.
    Begin,
    /// The answers to the open question have come to this.
    FollowFrom(Outcome),
}

/// The end of the next range of numbers that this peer may reserve, above those it has seen. `None`
/// if no number is left.
pub(in crate::paxos) fn reservation(
    me: PeerId,
    peers: u16,
    seen: Option<ProposalNumber>,
) -> Option<ProposalNumber> {
    let next = ProposalNumber::next(me, peers, seen)?;
    let range = u64::from(peers) * (RESERVED_ATTEMPTS - 1);
    Some(ProposalNumber::new(next.get().saturating_add(range)).unwrap_or(next))
}

impl Peer {
    /// The step that is due, if one is.
    ///
    /// It begins with the links of all peers, or, once it has waited for long enough, with those of
    /// a majority of its acceptors. Acceptors alone would not do: `-t` is counted from when all
    /// peers have started, so a later proposer must not begin to count before the first
    /// proposer is there.
    pub(super) fn next_step(&self) -> Option<NextStep> {
        let (electorate, _) = self.setup.proposer()?;
        match &self.phase {
            Phase::Gathering { left } => {
                let mut peers = (1..=self.setup.roles.peers).map(PeerId);
                let all = peers.all(|peer| self.connected.contains(&peer));
                let enough = left.is_none() && is_quorum(&electorate.acceptors, &self.connected);
                (all || enough).then_some(NextStep::Begin)
            }
            Phase::Asking(attempt) => {
                attempt.outcome(&electorate.acceptors).map(NextStep::FollowFrom)
            }
            Phase::Resting | Phase::Done(_) | Phase::Exhausted => None,
        }
    }

    /// Takes that step.
    pub(super) fn take(&mut self, step: NextStep, out: &mut Effects<Self>) {
        match step {
            NextStep::Begin => self.begin(out),
            NextStep::FollowFrom(outcome) => self.follow_from(outcome, out),
        }
    }

    /// Waits for so long for all peers, and says whom it misses after `note`.
    pub(super) fn wait_on(&mut self, left: Duration, note: Duration, out: &mut Effects<Self>) {
        let over = left.is_zero();
        let step = if over { note } else { note.min(left) };
        self.phase = Phase::Gathering { left: (!over).then(|| left.saturating_sub(step)) };
        out.push(Effect::SetTimer(Timer::Waiting, step.into()));
    }

    /// It could propose now: does so after its own delay.
    fn begin(&mut self, out: &mut Effects<Self>) {
        assert!(matches!(self.phase, Phase::Gathering { .. }), "a proposer begins once");
        self.phase = Phase::Resting;
        if self.setup.delay.is_zero() {
            self.attempt(out);
        } else {
            out.push(Effect::SetTimer(Timer::Attempt, self.setup.delay.into()));
        }
    }

    /// Asks the acceptors for promises under a new number.
    fn attempt(&mut self, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((electorate, value)) = setup.proposer() else { return };
        let Some(number) = ProposalNumber::next(setup.me, setup.roles.peers, self.seen()) else {
            self.phase = Phase::Exhausted;
            out.push(Effect::Report(Fact::Exhausted));
            out.push(Effect::Halt(1));
            return;
        };
        // Durable before the first question leaves: a number that another incarnation uses again
        // could stand for two values.
        self.reserve(out);
        assert!(Some(number) <= self.reserved, "a number is reserved before it is used");
        assert!(Some(number) > self.last_number, "no number is used twice");
        assert_eq!(number.owner(setup.roles.peers), setup.me, "each proposer has its own numbers");
        self.last_number = Some(number);
        out.push(Effect::Report(Fact::Proposing { number, value }));
        self.phase = Phase::Asking(Attempt::new(number, value));
        // From now on, although the question leaves only when its record is durable: on a slow disk
        // that is a part of the round.
        let timeout = self.pace.asks(number, Question::Prepare);
        out.push(Effect::SetTimer(Timer::Answer, timeout.into()));
        for &acceptor in &electorate.acceptors {
            out.push(Effect::Send(acceptor, Message::Prepare { number, value }));
        }
    }

    /// Makes sure that the next number is recorded as used: if it is not, reserves a range.
    pub(super) fn reserve(&mut self, out: &mut Effects<Self>) {
        let (me, peers) = (self.setup.me, self.setup.roles.peers);
        if ProposalNumber::next(me, peers, self.seen()) <= self.reserved {
            return;
        }
        self.reserved = reservation(me, peers, self.seen());
        out.extend(self.reserved.map(Record::LastNumber).map(Effect::Persist));
    }

    /// Numbers up to `used` may have been used before, and those up to `reserved` are recorded as
    /// used: one record for all decisions of this host.
    pub(in crate::paxos) fn has_reserved(
        &mut self,
        used: Option<ProposalNumber>,
        reserved: Option<ProposalNumber>,
    ) {
        self.last_number = self.last_number.max(used);
        self.reserved = self.reserved.max(reserved);
    }

    /// Gives the attempt up and sets the time of the next one.
    fn back_off(&mut self, failure: AttemptFailure, out: &mut Effects<Self>) {
        assert!(matches!(self.phase, Phase::Asking(_)), "an attempt is given up once");
        let delay = self.pace.back_off(failure, self.failures);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Resting;
        out.push(Effect::SetTimer(Timer::Attempt, delay));
        // The flush of another range takes place during the back-off.
        self.reserve(out);
    }

    /// The question that is open for `acceptor`, if it has not answered it.
    pub(super) fn ask_again(&self, acceptor: PeerId, out: &mut Effects<Self>) {
        let (Phase::Asking(attempt), Some((electorate, candidate))) =
            (&self.phase, self.setup.proposer())
        else {
            return;
        };
        if !electorate.acceptors.contains(&acceptor) || attempt.answered().contains(&acceptor) {
            return;
        }
        let number = attempt.number;
        let question = match attempt.asking() {
            None => Message::Prepare { number, value: candidate },
            Some(value) => Message::Accept { number, value },
        };
        out.push(Effect::Send(acceptor, question));
    }

    /// An answer arrived, in time or late: it tells how long a round takes, and is counted.
    pub(super) fn hear(
        &mut self,
        from: PeerId,
        ack: &Ack,
        question: Question,
        out: &mut Effects<Self>,
    ) {
        let setup = Arc::clone(&self.setup);
        let Some((electorate, _)) = setup.proposer() else { return };
        let members = &electorate.acceptors;
        if members.contains(&from)
            && let Some(longer) = self.pace.hears(members, from, ack.answers, question)
            && let Phase::Asking(_) = self.phase
        {
            out.push(Effect::SetTimer(Timer::Answer, longer.into()));
        }
        let believed = within_stride(self.last_number, ack.min_proposal);
        self.highest_seen = self.highest_seen.max(Some(believed));
        let Phase::Asking(attempt) = &mut self.phase else { return };
        let made_up = ack.answers == attempt.number && believed < ack.min_proposal;
        // A made-up promise, or one made by a made-up number. The others may be enough; if not, the
        // attempt is refused as by any promise.
        if !made_up || !attempt.does_without(members, from) {
            match question {
                Question::Prepare => attempt.prepare_ack(members, from, ack),
                Question::Accept => attempt.accept_ack(members, from, ack),
            }
        }
        if made_up {
            self.disbelieve(from, ack.min_proposal, out);
        }
    }

    /// The count of the open question is complete, or it cannot be completed any more.
    fn follow_from(&mut self, outcome: Outcome, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let (Phase::Asking(attempt), Some((electorate, candidate))) =
            (&mut self.phase, setup.proposer())
        else {
            return;
        };
        let number = attempt.number;
        assert_eq!(Some(number), self.last_number, "only the newest attempt goes on");
        match outcome {
            Outcome::Refused { by, promised } => {
                out.push(Effect::Report(Fact::Refused { number, by, promised }));
                self.back_off(AttemptFailure::Refused, out);
            }
            Outcome::Promised { value, adopted } => {
                attempt.ask_acceptance(value);
                if let Some(adopted) = adopted.filter(|adopted| adopted.value != candidate) {
                    let instead_of = candidate;
                    out.push(Effect::Report(Fact::Adopted { number, adopted, instead_of }));
                }
                let timeout = self.pace.asks(number, Question::Accept);
                out.push(Effect::SetTimer(Timer::Answer, timeout.into()));
                for &acceptor in &electorate.acceptors {
                    out.push(Effect::Send(acceptor, Message::Accept { number, value }));
                }
            }
            Outcome::Chosen(value) => {
                assert_eq!(attempt.asking(), Some(value), "what is chosen was asked for");
                self.phase = Phase::Done(Accepted { number, value });
                out.push(Effect::Report(Fact::Chose { number, value }));
                self.learn(Accepted { number, value }, None, out);
            }
        }
    }

    /// A timer has fired.
    pub(super) fn fires(&mut self, timer: Timer, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((electorate, _)) = setup.proposer() else { return };
        let members = &electorate.acceptors;
        let needed = majority(members.len());
        match (timer, &self.phase) {
            (Timer::Waiting, Phase::Gathering { left }) => {
                let left = left.filter(|left| !left.is_zero());
                self.phase = Phase::Gathering { left };
                if self.next_step().is_none() {
                    let connected = members & &self.connected;
                    let wanted = left.map_or(members.clone(), |_| setup.roles.links_of(setup.me));
                    let missing = &wanted - &self.connected;
                    out.push(Effect::Report(Fact::Waiting { left, connected, missing, needed }));
                    self.wait_on(left.unwrap_or_default(), WAITING_NOTE_EVERY, out);
                }
            }
            (Timer::Attempt, Phase::Resting) => self.attempt(out),
            (Timer::Answer, Phase::Asking(attempt)) => {
                let answered = attempt.answered();
                let (question, asked) = match attempt.asking() {
                    None => (Question::Prepare, "prepare"),
                    Some(_) => (Question::Accept, "accept"),
                };
                out.push(Effect::Report(Fact::TimedOut {
                    number: attempt.number,
                    asked,
                    missing: members - &answered,
                    answered,
                    needed,
                    longer: self.pace.times_out(question),
                }));
                self.back_off(AttemptFailure::TimedOut, out);
            }
            // A timer of a phase that is over.
            (Timer::Waiting | Timer::Attempt | Timer::Answer, _) => {}
        }
    }
}
