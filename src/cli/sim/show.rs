//! What is kept of a run while it goes on: the ledger, the counts, the journal.

use std::marker::PhantomData;
use std::sync::Arc;

use super::claims::Claim;
use super::journal::Tape;
use super::ledger::Ledger;
use super::play::{DUEL_PER_RIVAL, ROUNDS_PER_PROPOSER, Scenario};
use super::stage::{Cast, MOST_PEERS};
use crate::paxos::{Fact, Peer, Setup};
use crate::process::{Output, PeerId};
use crate::sim::Watch;
use crate::sim::mutant::Subject;

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rounds begun.
    pub rounds: u64,
    /// Rounds begun before the first choice.
    pub rounds_to_choice: u64,
    /// Rounds begun in the second phase.
    pub rounds_healed: u64,
    /// The longest row of refused rounds of different proposers before the first choice.
    pub duel: u64,
    /// Runs with a choice.
    pub decisions: u64,
    /// Adopted values.
    pub adopted: u64,
    /// Refused rounds.
    pub refused: u64,
    /// Rounds that ended with too few answers.
    pub timed_out: u64,
    /// Choices found by a peer that had crashed before.
    pub chose_after_crash: u64,
    /// When the first round was begun.
    pub begun_us: u64,
    /// When the first choice was known to its proposer, by the virtual clock.
    pub decided_us: u64,
    /// Messages taken by links until then.
    pub sent_to_decide: u64,
    /// Messages taken by links in all.
    pub sent: u64,
    /// When the second phase began.
    pub healed_us: u64,
}

/// Builds the peers, keeps the ledger, counts, and keeps the journal.
pub(super) struct Show<'a, S, B> {
    cast: &'a Cast,
    build: B,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    pub(super) tape: Option<Tape>,
    /// Those who do not know the choice yet.
    pub(super) missing: Missing,
    healed: bool,
    to_the_end: bool,
    lives: Vec<u32>,
    last_refused: Option<PeerId>,
    row: u64,
    subject: PhantomData<S>,
}

/// A set of peers.
pub(super) struct Missing {
    bits: u128,
    all: u128,
}

impl Missing {
    fn new(peers: impl Iterator<Item = PeerId>) -> Self {
        let bits = peers.fold(0, |bits, peer| bits | 1 << (peer.0 - 1));
        Self { bits, all: bits }
    }

    fn set(&mut self, peer: PeerId, missing: bool) {
        let bit = 1 << (peer.0 - 1);
        self.bits = if missing { self.bits | bit & self.all } else { self.bits & !bit };
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PeerId> {
        let bits = self.bits;
        (1..=MOST_PEERS).filter(move |id| bits >> (id - 1) & 1 == 1).map(PeerId)
    }
}

impl<'a, S: Subject<Peer>, B: Fn(&Arc<Setup>) -> S> Show<'a, S, B> {
    pub(super) fn new(
        scenario: &Scenario,
        cast: &'a Cast,
        absent: &[PeerId],
        build: B,
        tape: Option<Tape>,
    ) -> Self {
        let wanted = cast.participants.iter().copied().filter(|peer| !absent.contains(peer));
        Self {
            build,
            ledger: Ledger::new(cast, scenario.only),
            tally: Tally::default(),
            tape,
            missing: Missing::new(wanted),
            to_the_end: scenario.to_the_end,
            healed: false,
            lives: vec![0; cast.setups.len()],
            last_refused: None,
            row: 0,
            cast,
            subject: PhantomData,
        }
    }

    fn most_rounds(&self) -> u64 {
        ROUNDS_PER_PROPOSER * self.cast.roles.proposers.len() as u64
    }

    fn count(&mut self, now: u64, peer: PeerId, fact: &Fact) {
        let undecided = self.tally.decisions == 0;
        match fact {
            Fact::Proposing { .. } => {
                if self.tally.rounds == 0 {
                    self.tally.begun_us = now;
                }
                self.tally.rounds += 1;
                self.tally.rounds_to_choice += u64::from(undecided);
                self.tally.rounds_healed += u64::from(self.healed);
                let most = self.most_rounds();
                if self.tally.rounds_healed > most {
                    self.ledger.object(Claim::Decides, || {
                        format!("more than {most} rounds are begun in the second phase")
                    });
                }
            }
            Fact::Adopted { .. } => self.tally.adopted += 1,
            Fact::Refused { .. } => {
                self.tally.refused += 1;
                self.row = if self.last_refused == Some(peer) { 1 } else { self.row + 1 };
                self.last_refused = Some(peer);
                if undecided {
                    self.tally.duel = self.tally.duel.max(self.row);
                }
                let most = DUEL_PER_RIVAL * (self.cast.roles.proposers.len().max(2) as u64 - 1);
                if self.row > most {
                    self.ledger.object(Claim::ShortDuels, || {
                        format!("more than {most} rounds of rivals are refused in turn")
                    });
                }
            }
            Fact::TimedOut { .. } => {
                self.tally.timed_out += 1;
                self.row = 0;
            }
            Fact::Chose { .. } => {
                let life = self.lives[usize::from(peer.0) - 1];
                self.tally.chose_after_crash += u64::from(life > 1);
                self.missing.set(peer, false);
                self.row = 0;
                if undecided {
                    self.tally.decisions = 1;
                    self.tally.decided_us = now;
                    self.tally.sent_to_decide = self.tally.sent;
                }
            }
            _ => {}
        }
    }
}

impl<S: Subject<Peer>, B: Fn(&Arc<Setup>) -> S> Watch<S> for Show<'_, S, B> {
    fn build(&mut self, peer: PeerId) -> S {
        (self.build)(&self.cast.setups[usize::from(peer.0) - 1])
    }

    fn born(&mut self, now: u64, peer: PeerId, process: &S) {
        self.lives[usize::from(peer.0) - 1] += 1;
        self.missing.set(peer, true);
        self.ledger.born(peer, process.process());
        if let Some(tape) = &mut self.tape {
            tape.started(now, peer, process.process());
        }
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &S::Record) {
        self.ledger.durable(peer, record);
    }

    fn seen(&mut self, now: u64, peer: PeerId, seen: &Output<S>) {
        match seen {
            Output::Sent(to, message) => {
                self.ledger.sent(peer, message);
                self.tally.sent += u64::from(*to != peer);
            }
            Output::Report(fact) => {
                self.ledger.reported(peer, fact);
                self.count(now, peer, fact);
            }
            Output::Connected(_) | Output::Received(..) => {}
        }
        if let Some(tape) = &mut self.tape {
            tape.seen(now, peer, seen);
        }
    }

    fn stepped(&mut self, _now: u64, peer: PeerId, process: &S) {
        self.ledger.stepped(peer, process.process());
    }

    fn refused(&mut self, now: u64, peer: PeerId, from: PeerId, why: String) {
        if let Some(tape) = &mut self.tape {
            tape.noted(now, peer, format!("refuses a message of {from}: {why}"));
        }
        self.ledger.object(Claim::Honest, || format!("{peer} cannot believe {from}: {why}"));
    }

    fn healed(&mut self, now: u64) {
        self.healed = true;
        self.tally.healed_us = now;
    }

    fn failed(&self) -> bool {
        let ended = !self.to_the_end || self.tally.rounds_healed > self.most_rounds();
        ended && self.ledger.breach().is_some()
    }

    fn reached(&self) -> bool {
        self.missing.bits == 0
    }
}
