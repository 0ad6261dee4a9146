//! What one peer does about one key: it takes operations, and makes rounds of them.
//!
//! ```text
//!             all are reads
//!   Idle ───────────────────► Querying ── a majority holds the same, highest ballot ──► Idle
//!    │ ▲                          └── it does not: one of the operations now insists ──► Idle
//!    │ │ chosen
//!    │ Accepting ◄── a majority has promised ── Preparing ◄─────┐
//!    │ ▲   └── refused, or too late ──► Resting ────────────────┤
//!    └─┴── the term is owned                    └── it is not ──┘
//! ```
//!
//! One round is under way at a time. What arrives meanwhile waits and is combined into the next
//! one, in the order of arrival, each operation with its own reply.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::bytes::Bytes;
use super::message::{Message, QuestionId};
use super::operation::{Answer, MAX_MADE, Reply};
use super::pending::{Attempt, Origin, Pending};
use super::register::{Ballot, Held, Register, Shared};
use super::terms::Terms;
use crate::paxos::ProposalNumber;
use crate::paxos::quorum::{Acceptors, is_quorum, is_quorum_of};
use crate::process::PeerId;

/// After so long a question is repeated to those that have not answered. Each KiB of a value
/// adds a millisecond, lest long ones are sent again while they are on their way.
const REPEAT: Duration = Duration::from_millis(100);
/// After so long without a majority an attempt has failed; twice as long after each failure.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
/// How often that doubles.
const MOST_DOUBLINGS: u32 = 4;
/// The longest rest after the second of some failures in a row; twice as long after each further.
const FIRST_REST_MS: u64 = 10;
/// How many operations one round takes; fewer if they make more than [`MAX_MADE`] bytes.
const MOST_COMBINED: usize = 1024;
/// How many operations wait for the next rounds of one key; more are refused.
const MOST_WAITING: usize = 1 << 16;
/// An ownership that was not used for so long may be another's by now. An attempt under it could
/// be refused, and then too much may have happened to know what became of it.
const OWNED_FOR: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Idle,
    /// After a failure.
    Resting { until: Duration },
    /// Asking what is held.
    Querying { id: QuestionId, states: BTreeMap<PeerId, Option<Ballot>>, best: Option<Held> },
    /// Asking for promises, each with what is held and the version of its floor.
    Preparing { term: ProposalNumber, promises: BTreeMap<PeerId, (Option<Held>, u64)> },
    /// Asking for acceptance.
    Accepting { ballot: Ballot, register: Shared, votes: Acceptors },
}

/// A term that a majority has promised to this peer, and what was chosen last under it.
///
/// Safety: nobody else has had a later register chosen unless a majority has promised a higher
/// term, and then nothing more is chosen under this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owned {
    ballot: Ballot,
    register: Shared,
    /// Who has accepted it, so far.
    votes: Acceptors,
    /// When it was chosen.
    at: Duration,
}

/// What a peer does about one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    waiting: VecDeque<Pending>,
    phase: Phase,
    /// Those of the present round, with the replies of one that asks for acceptance.
    present: Vec<(Pending, Option<Reply>)>,
    /// Present only between two rounds.
    owned: Option<Owned>,
    /// The highest term heard of.
    seen: Option<ProposalNumber>,
    failures: u32,
    /// When the present question was asked, and when it was repeated last.
    asked: (Duration, Duration),
}

/// What an owner needs of its peer, and what it gives it.
pub(super) struct Context<'a> {
    pub(super) me: PeerId,
    pub(super) members: &'a Acceptors,
    pub(super) key: &'a Bytes,
    pub(super) now: Duration,
    pub(super) terms: &'a mut Terms,
    /// The next question of this incarnation.
    pub(super) question: &'a mut QuestionId,
    /// What this peer's own acceptor holds.
    pub(super) own: Option<Held>,
    /// Somebody else is the key's home.
    pub(super) is_elsewhere: bool,
    pub(super) messages: Vec<(PeerId, Message)>,
    pub(super) replies: Vec<(Origin, Reply)>,
    /// Reads for the key's home: others are changing the register.
    pub(super) elsewhere: Vec<Pending>,
    /// All acceptors hold a deleted register now: [`Owner::collect`] is to be called later.
    pub(super) is_collectable: bool,
}

impl Context<'_> {
    fn tell_all(&mut self, message: &Message) {
        // To itself last: what its own acceptor records holds back no message to another.
        let others = self.members.iter().filter(|peer| **peer != self.me);
        let all = others.chain([&self.me]);
        self.messages.extend(all.map(|peer| (*peer, message.clone())));
    }

    fn reply(&mut self, pending: &Pending, reply: Reply) {
        self.replies.push((pending.origin, reply));
    }
}

impl Owner {
    /// True if nothing is to be done and nothing to be remembered.
    pub(super) fn is_forgettable(&self) -> bool {
        self.is_idle() && self.owned.is_none()
    }

    /// True if nothing is to be done.
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.waiting.is_empty()
    }

    /// One more operation.
    pub(super) fn ask(&mut self, pending: Pending, context: &mut Context<'_>) {
        if self.waiting.len() >= MOST_WAITING {
            return context.reply(&pending, Reply::of(Answer::Busy));
        }
        self.waiting.push_back(pending);
        self.go_on(context);
    }

    /// Begins the next round, if none is under way and something waits.
    fn go_on(&mut self, context: &mut Context<'_>) {
        if self.phase != Phase::Idle || self.waiting.is_empty() {
            return;
        }
        self.asked = (context.now, context.now);
        if !self.waiting.iter().any(|pending| pending.insists) {
            self.query(context);
        } else if let Some(Owned { ballot, register, at, .. }) = self.owned.take()
            && context.now.saturating_sub(at) < OWNED_FOR
        {
            let next = Ballot { seq: ballot.seq + 1, ..ballot };
            self.accept(next, &register, context);
        } else {
            self.prepare(context);
        }
    }

    fn query(&mut self, context: &mut Context<'_>) {
        context.question.count += 1;
        let id = *context.question;
        self.present = self.waiting.drain(..).map(|pending| (pending, None)).collect();
        let best = context.own.clone();
        self.phase = Phase::Querying { id, states: BTreeMap::new(), best };
        self.send_question(&Acceptors::new(), context);
    }

    fn prepare(&mut self, context: &mut Context<'_>) {
        let Some(term) = context.terms.next(self.seen) else {
            for pending in self.waiting.drain(..) {
                context.reply(&pending, pending.given_up());
            }
            return;
        };
        self.phase = Phase::Preparing { term, promises: BTreeMap::new() };
        self.send_question(&Acceptors::new(), context);
    }

    /// Asks for a register that is `base` with what waits.
    fn accept(&mut self, ballot: Ballot, base: &Shared, context: &mut Context<'_>) {
        let mut register = Register::clone(base);
        let mut made = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < MOST_COMBINED && bytes <= MAX_MADE {
            let Some(pending) = self.waiting.pop_front() else { break };
            count += 1;
            match pending.earlier(base) {
                Ok(Some(reply)) => self.present.push((pending, Some(reply))),
                Ok(None) => {
                    let before = register.version;
                    let reply = pending.operation.apply(&mut register);
                    if register.version != before {
                        made.push(self.present.len());
                        bytes += register.length();
                    }
                    self.present.push((pending, Some(reply)));
                }
                Err(()) => context.reply(&pending, Reply::of(Answer::Unknown)),
            }
        }
        let is_changed = register.version != base.version;
        assert_eq!(is_changed, !made.is_empty(), "a version counts changes");
        for at in made {
            let (pending, reply) = &mut self.present[at];
            let reply = reply.clone().expect("it was just made");
            pending.attempts.push(Attempt { ballot, rounds: base.rounds, reply });
        }
        // A failed comparison, too, is told only after a round: what it has seen may be held by a
        // minority, and could be unseen later.
        let register = if is_changed {
            register.descend(ballot);
            register.into()
        } else {
            base.clone()
        };
        self.phase = Phase::Accepting { ballot, register, votes: Acceptors::new() };
        self.send_question(&Acceptors::new(), context);
    }

    /// Asks all but those that have answered.
    fn send_question(&self, answered: &Acceptors, context: &mut Context<'_>) {
        let key = context.key.clone();
        let message = match &self.phase {
            Phase::Idle | Phase::Resting { .. } => return,
            Phase::Querying { id, best, .. } => {
                Message::Query { key, id: *id, known: best.as_ref().map(|held| held.ballot) }
            }
            Phase::Preparing { term, .. } => Message::Prepare { key, term: *term },
            Phase::Accepting { ballot, register, .. } => {
                Message::Accept { key, ballot: *ballot, register: register.clone() }
            }
        };
        if answered.is_empty() {
            return context.tell_all(&message);
        }
        for peer in context.members.iter().filter(|peer| !answered.contains(*peer)) {
            context.messages.push((*peer, message.clone()));
        }
    }

    fn answered(&self) -> Acceptors {
        match &self.phase {
            Phase::Idle | Phase::Resting { .. } => Acceptors::new(),
            Phase::Querying { states, .. } => states.keys().copied().collect(),
            Phase::Preparing { promises, .. } => promises.keys().copied().collect(),
            Phase::Accepting { votes, .. } => votes.clone(),
        }
    }

    /// An acceptor tells what it holds.
    pub(super) fn state(
        &mut self,
        from: PeerId,
        of: QuestionId,
        ballot: Option<Ballot>,
        register: Option<Shared>,
        context: &mut Context<'_>,
    ) {
        let Phase::Querying { id, states, best } = &mut self.phase else { return };
        if *id != of {
            return;
        }
        states.insert(from, ballot);
        if let (Some(ballot), Some(register)) = (ballot, register)
            && best.as_ref().is_none_or(|best| best.ballot < ballot)
        {
            *best = Some(Held { ballot, register });
        }
        // Safety: what a majority holds is chosen. A majority was asked after the read began, so it
        // has whatever was chosen before, or something later: the highest ballot of all answers
        // must be that of the majority.
        let highest = best.as_ref().map(|held| held.ballot);
        if is_quorum_of(context.members, |peer| states.get(peer) == Some(&highest)) {
            let register = best.take().map(|held| held.register).unwrap_or_default();
            self.phase = Phase::Idle;
            let mut register = Register::clone(&register);
            for (pending, _) in std::mem::take(&mut self.present) {
                let reply = pending.operation.apply(&mut register);
                context.reply(&pending, reply);
            }
            self.go_on(context);
        } else if states.len() == context.members.len() {
            self.is_undecided(context);
        }
    }

    /// The acceptors differ: the reads need a round, and the key's home can make it best.
    fn is_undecided(&mut self, context: &mut Context<'_>) {
        self.phase = Phase::Idle;
        let present = std::mem::take(&mut self.present).into_iter().map(|(pending, _)| pending);
        if context.is_elsewhere {
            context.elsewhere.extend(present);
        } else {
            for pending in present.rev() {
                self.waiting.push_front(Pending { insists: true, ..pending });
            }
        }
        self.go_on(context);
    }

    /// An acceptor has promised.
    pub(super) fn promise(
        &mut self,
        from: PeerId,
        to: ProposalNumber,
        held: Option<Held>,
        floor: u64,
        context: &mut Context<'_>,
    ) {
        let Phase::Preparing { term, promises } = &mut self.phase else { return };
        if *term != to {
            return;
        }
        promises.insert(from, (held, floor));
        if !is_quorum_of(context.members, |peer| promises.contains_key(peer)) {
            return;
        }
        let ballot = Ballot { term: to, seq: 1 };
        let floor = promises.values().map(|(_, floor)| *floor).max().unwrap_or(0);
        let held = promises.values_mut().filter_map(|(held, _)| held.take());
        let base = held.max_by_key(|held| held.ballot).map(|held| held.register);
        let base = base.unwrap_or_else(|| Register::above(floor).into());
        self.asked = (context.now, context.now);
        self.accept(ballot, &base, context);
    }

    /// An acceptor has accepted.
    pub(super) fn accepted(&mut self, from: PeerId, of: Ballot, context: &mut Context<'_>) {
        if let Phase::Accepting { ballot, register, votes } = &mut self.phase
            && *ballot == of
        {
            votes.insert(from);
            if !is_quorum(context.members, votes) {
                return;
            }
            let (register, votes) = (register.clone(), std::mem::take(votes));
            self.owned = Some(Owned { ballot: of, register, votes, at: context.now });
            self.phase = Phase::Idle;
            self.failures = 0;
            for (pending, reply) in std::mem::take(&mut self.present) {
                let reply = reply.expect("a round that asks for acceptance has its replies");
                context.reply(&pending, reply);
            }
            self.go_on(context);
        } else if let Some(owned) = self.owned.as_mut().filter(|owned| owned.ballot == of) {
            owned.votes.insert(from);
        }
        context.is_collectable = self.collectable(context.members).is_some();
    }

    /// The ballot of a deleted register that all acceptors hold, if nothing has come since.
    fn collectable(&self, members: &Acceptors) -> Option<Ballot> {
        let owned = self.owned.as_ref().filter(|_| self.is_idle())?;
        let is_everywhere = owned.register.value.is_none() && owned.votes == *members;
        is_everywhere.then_some(owned.ballot)
    }

    /// Has a deleted register dropped, if all acceptors hold it.
    pub(super) fn collect(&mut self, context: &mut Context<'_>) {
        if let Some(ballot) = self.collectable(context.members) {
            context.tell_all(&Message::Drop { key: context.key.clone(), ballot });
            self.owned = None;
        }
    }

    /// This peer's own acceptor has voted for another owner.
    pub(super) fn superseded(&mut self, term: ProposalNumber) {
        self.owned = self.owned.take().filter(|owned| owned.ballot.term >= term);
    }

    /// What was held under this ballot is dropped: nothing more is accepted under its term.
    pub(super) fn dropped(&mut self, ballot: Ballot) {
        self.owned = self.owned.take().filter(|owned| owned.ballot > ballot);
    }

    /// An acceptor has refused something under `term`.
    pub(super) fn refused(
        &mut self,
        term: ProposalNumber,
        promised: ProposalNumber,
        context: &mut Context<'_>,
    ) {
        self.seen = self.seen.max(Some(promised));
        // What was chosen last may not be the last any more.
        self.owned = self.owned.take().filter(|owned| owned.ballot.term != term);
        let present = match &self.phase {
            Phase::Preparing { term, .. } => Some(*term),
            Phase::Accepting { ballot, .. } => Some(ballot.term),
            _ => None,
        };
        if present == Some(term) {
            self.fail(context);
        }
    }

    /// The present attempt has failed. Its term is not used any more: a second request under the
    /// same ballot could carry another register.
    fn fail(&mut self, context: &mut Context<'_>) {
        for (pending, _) in std::mem::take(&mut self.present).into_iter().rev() {
            self.waiting.push_front(pending);
        }
        self.owned = None;
        // Different peers rest for different times, or two rivals refuse each other forever.
        let longest = FIRST_REST_MS << self.failures.min(MOST_DOUBLINGS + 4);
        let rest = if self.failures == 0 { 0 } else { context.terms.lot() % longest };
        self.failures += 1;
        self.phase = Phase::Resting { until: context.now + Duration::from_millis(rest) };
        self.rested(context);
    }

    fn rested(&mut self, context: &mut Context<'_>) {
        if let Phase::Resting { until } = self.phase
            && until <= context.now
        {
            self.phase = Phase::Idle;
            self.go_on(context);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, context: &mut Context<'_>) {
        self.give_up(context);
        let (asked, repeated) = self.asked;
        let on_the_way = match &self.phase {
            Phase::Accepting { register, .. } => register.length(),
            _ => context.own.as_ref().map_or(0, |held| held.register.length()),
        };
        let on_the_way = Duration::from_millis(on_the_way as u64 / 1024);
        let timeout = FIRST_TIMEOUT * (1 << self.failures.min(MOST_DOUBLINGS)) + 4 * on_the_way;
        let waited = |since: Duration| context.now.saturating_sub(since);
        match &self.phase {
            Phase::Preparing { .. } | Phase::Accepting { .. } if waited(asked) >= timeout => {
                return self.fail(context);
            }
            Phase::Querying { states, .. }
                if waited(asked) >= REPEAT
                    && is_quorum_of(context.members, |peer| states.contains_key(peer)) =>
            {
                return self.is_undecided(context);
            }
            Phase::Resting { .. } => return self.rested(context),
            Phase::Idle => return,
            _ => {}
        }
        if waited(repeated) >= REPEAT + on_the_way {
            self.asked.1 = context.now;
            self.send_question(&self.answered(), context);
        }
    }

    /// Replies to those who have waited for too long.
    fn give_up(&mut self, context: &mut Context<'_>) {
        let is_late = |pending: &Pending| pending.until <= context.now;
        let mut late = Vec::new();
        for (pending, reply) in std::mem::take(&mut self.present) {
            if is_late(&pending) {
                late.push(pending);
            } else {
                self.present.push((pending, reply));
            }
        }
        for pending in std::mem::take(&mut self.waiting) {
            if is_late(&pending) {
                late.push(pending);
            } else {
                self.waiting.push_back(pending);
            }
        }
        for pending in late {
            let reply = pending.given_up();
            context.reply(&pending, reply);
        }
        if self.present.is_empty() && self.waiting.is_empty() && self.phase != Phase::Idle {
            // Nobody waits for this round.
            self.phase = Phase::Idle;
            self.owned = None;
        }
    }

    /// A link came up: what was sent before may have been lost.
    pub(super) fn connected(&mut self, peer: PeerId, context: &mut Context<'_>) {
        let mut others = context.members.clone();
        others.remove(&peer);
        others.extend(self.answered());
        if others.len() < context.members.len() {
            self.send_question(&others, context);
        }
    }
}
