//! One run of Paxos: a cast, a seed, and the ledger that looks on.

use std::sync::Arc;

use super::claims::{Breach, Claim, Claims};
use super::journal::Tape;
use super::show::Show;
pub use super::show::Tally;
use super::stage::{self, Cast};
use crate::museum::{Broken, Mutant, Subject};
use crate::paxos::{Peer, Roles, Setup};
use crate::process::PeerId;
use crate::sim::{Counts, Course, End, Faults, Prng, World};

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
    pub(super) to_the_end: bool,
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
