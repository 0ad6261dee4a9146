//! The proposer's part of a peer: when it asks whom, under which number, and what it makes of the
//! answers and of their absence.

use std::sync::Arc;
use std::time::Duration;

use super::{Peer, Record, Stage, Timer, WAITING_NOTE_EVERY};
use crate::paxos::fact::Fact;
use crate::paxos::message::{Accepted, Ack, Message};
use crate::paxos::pace::{Failure, Phase};
use crate::paxos::proposal::ProposalNumber;
use crate::paxos::proposer::{Attempt, Progress};
use crate::paxos::quorum::{is_quorum, majority};
use crate::paxos::reach::within_stride;
use crate::process::{Effect, Effects, PeerId};

impl Peer {
    /// Looks at the links: begins with those of all peers, or, once it has waited for long enough,
    /// with those of a majority of its acceptors.
    ///
    /// Acceptors alone would not do: `-t` is counted from when all peers have started, so whoever
    /// proposes later must not begin to count before the first proposer is there.
    pub(super) fn gather(&mut self, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, _)) = setup.proposer() else { return };
        let Stage::Gathering { left } = self.stage else { return };
        let all = setup.roles.links_of(setup.me).is_subset(&self.linked);
        if all || left.is_none() && is_quorum(&audience.acceptors, &self.linked) {
            self.begin(out);
        }
    }

    /// Waits for so long for all peers, and says whom it misses after `note`.
    pub(super) fn wait_on(&mut self, left: Duration, note: Duration, out: &mut Effects<Self>) {
        let over = left.is_zero();
        let step = if over { note } else { note.min(left) };
        self.stage = Stage::Gathering { left: (!over).then(|| left.saturating_sub(step)) };
        out.push(Effect::SetTimer(Timer::Waiting, step.into()));
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
    pub(super) fn ask_again(&self, acceptor: PeerId, out: &mut Effects<Self>) {
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

    /// An answer arrived, in time or late: it tells how long a round takes, and is counted.
    pub(super) fn hear(&mut self, from: PeerId, ack: &Ack, phase: Phase, out: &mut Effects<Self>) {
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

    /// A timer has fired.
    pub(super) fn fires(&mut self, timer: Timer, out: &mut Effects<Self>) {
        let setup = Arc::clone(&self.setup);
        let Some((audience, _)) = setup.proposer() else { return };
        let members = &audience.acceptors;
        let needed = majority(members.len());
        match (timer, &self.stage) {
            (Timer::Waiting, Stage::Gathering { left }) => {
                let left = left.filter(|left| !left.is_zero());
                self.stage = Stage::Gathering { left };
                self.gather(out);
                if let Stage::Gathering { .. } = self.stage {
                    let linked = members & &self.linked;
                    let wanted = left.map_or(members.clone(), |_| setup.roles.links_of(setup.me));
                    let missing = &wanted - &self.linked;
                    out.push(Effect::Report(Fact::Waiting { left, linked, missing, needed }));
                    self.wait_on(left.unwrap_or_default(), WAITING_NOTE_EVERY, out);
                }
            }
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
            (Timer::Waiting | Timer::Attempt | Timer::Answer, _) => {}
        }
    }
}
