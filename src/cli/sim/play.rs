//! One run of Paxos: a cast, a seed, and the ledger that looks on.

use std::sync::Arc;

use super::claims::{Breach, Claim, Claims, Ledger};
use super::journal::Tape;
use super::stage::{self, Cast};
use crate::museum::{Broken, Mutant, Subject};
use crate::paxos::{Fact, Peer, Roles, Setup};
use crate::process::PeerId;
use crate::sim::{Counts, Course, End, Faults, Prng, Seen, Watch, World};

/// In the second phase everybody must know the choice within this much virtual time.
pub const PATIENCE_US: u64 = 5_000_000;

/// In the second phase all proposers together may begin this many rounds, for each of them.
pub const ROUNDS_PER_PROPOSER: u64 = 12;

/// So many rounds of rivals in turn may be refused for each proposer but one, and no more.
pub const DUEL_PER_RIVAL: u64 = 20;

/// The chance that one peer which is not needed never begins, in runs with faults.
const ABSENCE: u32 = 125_000;

/// What a run is, beside its seed.
#[derive(Clone)]
pub struct Scenario {
    /// How many peers.
    pub peers: u16,
    /// How many of them propose.
    pub proposers: u16,
    /// What goes wrong.
    pub faults: Faults,
    /// The mutant, if not Paxos itself.
    pub bug: Option<&'static Mutant>,
    /// Only this claim is of interest.
    pub only: Option<Claim>,
    /// A broken claim does not end the run.
    to_the_end: bool,
    casts: Arc<Vec<Cast>>,
}

impl Scenario {
    /// Paxos among so many peers.
    pub fn new(peers: u16, proposers: u16, faults: Faults) -> Self {
        let casts = Arc::new(stage::casts(peers, proposers));
        Self { peers, proposers, faults, bug: None, only: None, to_the_end: false, casts }
    }

    /// Paxos in this cast.
    pub fn of_cast(cast: Cast, faults: Faults) -> Self {
        let proposers = u16::try_from(cast.roles.proposers.len()).unwrap_or(u16::MAX);
        let (bug, only, to_the_end) = (None, None, false);
        let peers = cast.roles.peers;
        Self { peers, proposers, faults, bug, only, to_the_end, casts: Arc::new(vec![cast]) }
    }

    /// The same with a mutant instead.
    #[must_use]
    pub fn with_bug(mut self, bug: Option<&'static Mutant>) -> Self {
        self.bug = bug;
        self
    }

    /// The same, looking at one claim only.
    #[must_use]
    pub fn only(mut self, claim: Option<Claim>) -> Self {
        self.only = claim;
        self
    }

    /// The same, but a broken claim does not end a run: all that it breaks is counted.
    #[must_use]
    pub fn to_the_end(mut self) -> Self {
        self.to_the_end = true;
        self
    }

    /// The run of this seed.
    pub fn play(&self, seed: u64) -> Outcome {
        self.perform(seed, None).0
    }

    /// The same run, with its journal.
    pub fn record(&self, seed: u64) -> Recording {
        let (outcome, tape) = self.perform(seed, Some(Tape::default()));
        let (cast, absent) = self.cast(seed);
        Recording { outcome, tape: tape.unwrap_or_default(), roles: cast.roles.clone(), absent }
    }

    /// What the run of this seed is made of: its cast, and who never begins.
    fn cast(&self, seed: u64) -> (&Cast, Option<PeerId>) {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_ca57);
        let cast = &self.casts[prng.index(self.casts.len())];
        let calm = self.faults.chaos.most == 0;
        let away = !calm && prng.chance(ABSENCE);
        (cast, if away { cast.dispensable(&mut prng) } else { None })
    }

    /// The run of this seed, between peers that are far apart, while some never begin.
    pub fn play_at(&self, seed: u64, absent: &[PeerId], distances: &[u64]) -> Outcome {
        let cast = self.cast(seed).0;
        self.stage_it(cast, absent, distances, seed, None).0
    }

    fn perform(&self, seed: u64, tape: Option<Tape>) -> (Outcome, Option<Tape>) {
        let (cast, absent) = self.cast(seed);
        self.stage_it(cast, absent.as_slice(), &[], seed, tape)
    }

    fn stage_it(
        &self,
        cast: &Cast,
        absent: &[PeerId],
        distances: &[u64],
        seed: u64,
        tape: Option<Tape>,
    ) -> (Outcome, Option<Tape>) {
        let course = Course {
            peers: self.peers,
            links: &cast.links,
            faults: &self.faults,
            patience: PATIENCE_US,
            distances,
            absent,
        };
        match self.bug {
            None => {
                let build = |setup: &Arc<Setup>| Peer::new(Arc::clone(setup));
                self.run(cast, &course, build, seed, tape)
            }
            Some(bug) => {
                let build = move |setup: &Arc<Setup>| Broken::new(bug, Arc::clone(setup));
                self.run(cast, &course, build, seed, tape)
            }
        }
    }

    fn run<S: Subject>(
        &self,
        cast: &Cast,
        course: &Course<'_>,
        build: impl Fn(&Arc<Setup>) -> S,
        seed: u64,
        tape: Option<Tape>,
    ) -> (Outcome, Option<Tape>) {
        let show = Show::new(self, cast, course.absent, build, tape);
        let mut world = World::new(course, seed, show);
        let end = world.run();
        let (now, counts) = (world.now(), world.counts);
        let mut show = world.watch;
        if end == End::TooLate {
            show.ledger.object(Claim::Decides, || {
                let missing: Vec<String> =
                    show.missing.iter().map(|peer| peer.to_string()).collect();
                format!("in the second phase these did not come to know: {}", missing.join(", "))
            });
        }
        let (breach, broken) = (show.ledger.breach().cloned(), show.ledger.broken());
        (Outcome { breach, broken, counts, tally: show.tally, virtual_us: now }, show.tape)
    }
}

/// A run and its journal.
pub struct Recording {
    /// What it came to.
    pub outcome: Outcome,
    /// Its lines.
    pub tape: Tape,
    /// Who played what.
    pub roles: Roles,
    /// Who never began.
    pub absent: Option<PeerId>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The broken claim, if one was.
    pub breach: Option<Breach>,
    /// All claims that were broken.
    pub broken: Claims,
    /// What the world did.
    pub counts: Counts,
    /// What the peers did.
    pub tally: Tally,
    /// How long it took, by the virtual clock.
    pub virtual_us: u64,
}

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
struct Show<'a, S, B> {
    cast: &'a Cast,
    build: B,
    ledger: Ledger,
    tally: Tally,
    tape: Option<Tape>,
    /// Those who do not know the choice yet.
    missing: Missing,
    healed: bool,
    to_the_end: bool,
    lives: Vec<u32>,
    last_refused: Option<PeerId>,
    row: u64,
    subject: std::marker::PhantomData<S>,
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

    fn iter(&self) -> impl Iterator<Item = PeerId> {
        let bits = self.bits;
        (1..=stage::MOST_PEERS).filter(move |id| bits >> (id - 1) & 1 == 1).map(PeerId)
    }
}

impl<'a, S: Subject, B: Fn(&Arc<Setup>) -> S> Show<'a, S, B> {
    fn new(
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
            subject: std::marker::PhantomData,
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

impl<S: Subject, B: Fn(&Arc<Setup>) -> S> Watch<S> for Show<'_, S, B> {
    fn build(&mut self, peer: PeerId) -> S {
        (self.build)(&self.cast.setups[usize::from(peer.0) - 1])
    }

    fn born(&mut self, now: u64, peer: PeerId, process: &S) {
        self.lives[usize::from(peer.0) - 1] += 1;
        self.missing.set(peer, true);
        self.ledger.born(peer, process.peer());
        if let Some(tape) = &mut self.tape {
            tape.started(now, peer, process.peer());
        }
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &S::Record) {
        self.ledger.durable(peer, record);
    }

    fn seen(&mut self, now: u64, peer: PeerId, seen: &Seen<'_, S>) {
        match seen {
            Seen::Sent(to, message) => {
                self.ledger.sent(peer, message);
                self.tally.sent += u64::from(*to != peer);
            }
            Seen::Report(fact) => {
                self.ledger.reported(peer, fact);
                self.count(now, peer, fact);
            }
            Seen::Connected(_) | Seen::Received(..) => {}
        }
        if let Some(tape) = &mut self.tape {
            tape.seen(now, peer, seen);
        }
    }

    fn stepped(&mut self, _now: u64, peer: PeerId, process: &S) {
        self.ledger.stepped(peer, process.peer());
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
