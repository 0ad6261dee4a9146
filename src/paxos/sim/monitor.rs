//! What is kept of a run while it goes on: the oracle, the counts, the journal.

use std::sync::Arc;

use super::casts::{Cast, MOST_PEERS};
use super::journal::Trace;
use super::oracle::Oracle;
use super::plan::{PaxosParameters, PaxosPlan};
use super::properties::{DECIDES, HONEST, SHORT_DUELS};
use crate::paxos::{Fact, Message, Peer, Record};
use crate::process::{Output, PeerId};
use crate::sim::harness::{Figure, Monitor, RunFindings, Scenario, Simulated, Tally};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, RunEnd, RunObserver, index};

/// In the recovery phase all proposers together may begin this many rounds, for each of them.
const ROUNDS_PER_PROPOSER: u64 = 12;

/// How many rounds of rivals in turn may be refused for each proposer but one.
const DUEL_PER_RIVAL: u64 = 20;

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaxosTally {
    /// Rounds begun.
    pub rounds: u64,
    /// Rounds begun before the first choice.
    pub rounds_to_choice: u64,
    /// Rounds begun in the recovery phase.
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
    /// How long it took in the recovery phase until everybody knew.
    pub recovery_us: u64,
}

impl Tally for PaxosTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("decisions", Figure::Sum(self.decisions)),
            ("after a crash", Figure::Sum(self.chose_after_crash)),
            ("rounds", Figure::Sum(self.rounds)),
            ("rounds to a decision", Figure::Mean(self.rounds_to_choice)),
            ("rounds refused", Figure::Sum(self.refused)),
            ("rounds timed out", Figure::Sum(self.timed_out)),
            ("adopted values", Figure::Sum(self.adopted)),
            ("longest duel", Figure::Most(self.duel)),
            ("rounds in recovery", Figure::Most(self.rounds_healed)),
            ("recovery", Figure::Longest(self.recovery_us)),
        ]
    }
}

/// Looks at a run of Paxos.
pub struct PaxosMonitor {
    cast: Arc<Cast>,
    oracle: Oracle,
    tally: PaxosTally,
    trace: Option<Trace>,
    /// Who never starts.
    absent: Option<PeerId>,
    /// Those who do not know the choice yet.
    missing: Missing,
    healed_us: Option<u64>,
    to_the_end: bool,
    incarnations: Vec<u32>,
    last_refused: Option<PeerId>,
    row: u64,
}

/// A set of peers.
struct Missing {
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

    fn names(&self) -> String {
        let missing = |id: &u16| self.bits >> (id - 1) & 1 == 1;
        let names = (1..=MOST_PEERS).filter(missing).map(|id| PeerId(id).to_string());
        names.collect::<Vec<_>>().join(", ")
    }
}

impl PaxosMonitor {
    pub(super) fn new(
        run: &Scenario<impl Simulated<Parameters = PaxosParameters>>,
        plan: &PaxosPlan,
        absent: &[PeerId],
        journal: bool,
    ) -> Self {
        let cast = Arc::clone(run.parameters.cast(plan));
        let wanted = cast.participants.iter().copied().filter(|peer| !absent.contains(peer));
        Self {
            oracle: Oracle::new(&cast, run.only),
            tally: PaxosTally::default(),
            trace: journal.then(Trace::default),
            absent: plan.absent,
            missing: Missing::new(wanted),
            healed_us: None,
            to_the_end: run.to_the_end,
            incarnations: vec![0; cast.setups.len()],
            last_refused: None,
            row: 0,
            cast,
        }
    }

    fn most_rounds(&self) -> u64 {
        ROUNDS_PER_PROPOSER * self.cast.roles.proposers.len() as u64
    }

    fn count(&mut self, now: u64, peer: PeerId, fact: &Fact) {
        let undecided = self.tally.decisions == 0;
        match fact {
            Fact::Proposing { .. } => self.count_round(now, undecided),
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
                    self.oracle.violations.add(SHORT_DUELS, || {
                        format!("more than {most} rounds of rivals are refused in turn")
                    });
                }
            }
            Fact::TimedOut { .. } => {
                self.tally.timed_out += 1;
                self.row = 0;
            }
            Fact::Chose { .. } => {
                let incarnation = self.incarnations[index(peer)];
                self.tally.chose_after_crash += u64::from(incarnation > 1);
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

    fn count_round(&mut self, now: u64, undecided: bool) {
        if self.tally.rounds == 0 {
            self.tally.begun_us = now;
        }
        self.tally.rounds += 1;
        self.tally.rounds_to_choice += u64::from(undecided);
        self.tally.rounds_healed += u64::from(self.healed_us.is_some());
        let most = self.most_rounds();
        if self.tally.rounds_healed > most {
            self.oracle.violations.add(DECIDES, || {
                format!("more than {most} rounds are begun in the recovery phase")
            });
        }
    }
}

impl<P: Subject<Peer>> RunObserver<P> for PaxosMonitor {
    fn started(&mut self, now: u64, peer: PeerId, process: &P) {
        self.incarnations[index(peer)] += 1;
        self.missing.set(peer, true);
        self.oracle.started(peer, process.process());
        if let Some(trace) = &mut self.trace {
            trace.started(now, peer, process.process());
        }
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &Record) {
        self.oracle.durable(peer, record);
    }

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        match output {
            Output::Sent(to, message) => {
                self.oracle.sent(peer, message);
                self.tally.sent += u64::from(*to != peer);
            }
            Output::Report(fact) => {
                self.oracle.reported(peer, fact);
                self.count(now, peer, fact);
            }
            Output::Connected(_) | Output::Received(..) => {}
        }
        if let Some(trace) = &mut self.trace {
            trace.observe(now, peer, output);
        }
    }

    fn stepped(&mut self, _now: u64, peer: PeerId, process: &P) {
        self.oracle.stepped(peer, process.process());
    }

    fn refused(&mut self, now: u64, peer: PeerId, from: PeerId, why: String) {
        if let Some(trace) = &mut self.trace {
            trace.noted(now, peer, format!("refuses a message of {from}: {why}"));
        }
        let violations = &mut self.oracle.violations;
        violations.add(HONEST, || format!("{peer} cannot believe {from}: {why}"));
    }

    fn healed(&mut self, now: u64) {
        self.healed_us = Some(now);
    }

    fn failed(&self) -> bool {
        let ended = !self.to_the_end || self.tally.rounds_healed > self.most_rounds();
        ended && self.oracle.violations.first().is_some()
    }

    fn reached(&self) -> bool {
        self.missing.bits == 0
    }
}

impl Monitor for PaxosMonitor {
    type Tally = PaxosTally;

    fn finish(self, end: RunEnd, now: u64, _counts: &Counts) -> RunFindings<PaxosTally> {
        let Self { mut tally, missing, trace, cast, absent, .. } = self;
        let mut violations = self.oracle.violations;
        if end == RunEnd::TooLate {
            violations.add(DECIDES, || {
                format!("in the recovery phase these did not learn the choice: {}", missing.names())
            });
        }
        tally.recovery_us = now.saturating_sub(self.healed_us.unwrap_or(0));
        let journal = trace.as_ref().map_or_else(String::new, Trace::text);
        let judged =
            trace.map(|_| super::journal::reasons(&journal, &cast.roles, absent.is_some()));
        RunFindings { violations, tally, journal, judged }
    }
}

/// A vote tells what was chosen, whether or not it arrives.
pub(super) fn is_vote(message: &Message) -> bool {
    matches!(message, Message::AcceptAck(_))
}
