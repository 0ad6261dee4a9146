//! One run of Paxos: a cast, a seed, and the ledger that looks on.

use std::sync::Arc;

use super::claims::{Breach, Claim, Claims};
use super::journal::Tape;
use super::show::Show;
pub use super::show::Tally;
use super::stage::{self, Cast};
use crate::paxos::{Message, Peer, Roles, Setup, Timer, Value};
use crate::process::PeerId;
use crate::sim::mutant::{Mutant, Subject};
use crate::sim::{Arrivals, Counts, Course, Disk, End, Faults, Prng, Script, Step, World};

/// In the second phase everybody must know the choice within this much virtual time, and
/// [`PATIENCE_ROUNDS`] rounds of the slowest.
pub const PATIENCE_US: u64 = 5_000_000;

/// See [`PATIENCE_US`]; a round is two messages and two flushes.
pub const PATIENCE_ROUNDS: u64 = 40;

/// In the second phase all proposers together may begin this many rounds, for each of them.
pub const ROUNDS_PER_PROPOSER: u64 = 12;

/// So many rounds of rivals in turn may be refused for each proposer but one, and no more.
pub const DUEL_PER_RIVAL: u64 = 20;

/// The chance that one peer which is not needed never begins, in runs with faults.
const ABSENCE: u32 = 125_000;

fn patience_us(faults: &Faults) -> u64 {
    PATIENCE_US + PATIENCE_ROUNDS * 2 * (faults.delay.most + faults.flush.most)
}

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
    pub bug: Option<&'static Mutant<Peer>>,
    /// Only this claim is of interest.
    pub only: Option<Claim>,
    /// How much virtual time the second phase has, in microseconds.
    pub patience_us: u64,
    /// A broken claim does not end the run.
    pub(super) to_the_end: bool,
    casts: Arc<Vec<Cast>>,
}

impl Scenario {
    /// Paxos among so many peers.
    pub fn new(peers: u16, proposers: u16, faults: Faults) -> Self {
        let casts = Arc::new(stage::casts(peers, proposers));
        Self::in_one_of(casts, peers, proposers, faults)
    }

    /// Paxos in this cast.
    pub fn of_cast(cast: Cast, faults: Faults) -> Self {
        let proposers = u16::try_from(cast.roles.proposers.len()).unwrap_or(u16::MAX);
        let peers = cast.roles.peers;
        Self::in_one_of(Arc::new(vec![cast]), peers, proposers, faults)
    }

    fn in_one_of(casts: Arc<Vec<Cast>>, peers: u16, proposers: u16, faults: Faults) -> Self {
        let (bug, only, to_the_end, patience_us) = (None, None, false, patience_us(&faults));
        Self { peers, proposers, faults, bug, only, patience_us, to_the_end, casts }
    }

    /// The same with a mutant instead.
    #[must_use]
    pub fn with_bug(mut self, bug: Option<&'static Mutant<Peer>>) -> Self {
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
        self.perform(seed, Keep::default()).outcome
    }

    /// The same run, with its journal.
    pub fn record(&self, seed: u64) -> Recording {
        let run = self.perform(seed, Keep { tape: true, script: false });
        let (cast, absent) = self.cast(seed);
        let roles = self.casts[cast].roles.clone();
        Recording { outcome: run.outcome, tape: run.tape.unwrap_or_default(), roles, absent }
    }

    /// The same run, written down as what happened.
    pub fn write_down(&self, seed: u64) -> (Outcome, Scene) {
        let run = self.perform(seed, Keep { tape: false, script: true });
        let cast = self.cast(seed).0;
        (run.outcome, Scene { cast, steps: run.script.unwrap_or_default() })
    }

    /// The run of this script, and what of it was performed. The scene is in one of these peers'
    /// [`casts`](Self::casts).
    pub fn follow(&self, scene: &Scene) -> (Outcome, Scene) {
        let run = self.enact(scene, Keep { tape: false, script: true }, None);
        (run.outcome, Scene { cast: scene.cast, steps: run.script.unwrap_or_default() })
    }

    /// The run of this script, with its journal. What never arrives is not shown as sent either:
    /// no link took it. Votes are, since they tell what was chosen; and if the claim breaks by the
    /// very sending, all is shown.
    pub fn record_scene(&self, scene: &Scene) -> Recording {
        let keep = Keep { tape: true, script: false };
        let full = self.enact(scene, keep, None);
        let bare = self.enact(scene, keep, full.arrivals.clone());
        let claim = |run: &Run| run.outcome.breach.as_ref().map(|breach| breach.claim);
        let run = if claim(&full) == claim(&bare) { bare } else { full };
        let roles = self.casts[scene.cast].roles.clone();
        let tape = run.tape.unwrap_or_default();
        Recording { outcome: run.outcome, tape, roles, absent: None }
    }

    /// How many casts these peers and proposers leave room for.
    pub fn casts(&self) -> usize {
        self.casts.len()
    }

    /// What the run of this seed is made of: its cast, and who never begins.
    fn cast(&self, seed: u64) -> (usize, Option<PeerId>) {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_ca57);
        let index = prng.index(self.casts.len());
        let calm = self.faults.chaos.most == 0;
        let away = !calm && prng.chance(ABSENCE);
        (index, if away { self.casts[index].dispensable(&mut prng) } else { None })
    }

    /// The run of this seed, between peers that are far apart, while some never begin.
    pub fn play_at(&self, seed: u64, absent: &[PeerId], distances: &[u64]) -> Outcome {
        let cast = &self.casts[self.cast(seed).0];
        self.stage_it(cast, absent, distances, Lead::Seed(seed), Keep::default()).outcome
    }

    fn perform(&self, seed: u64, keep: Keep) -> Run {
        let (cast, absent) = self.cast(seed);
        self.stage_it(&self.casts[cast], absent.as_slice(), &[], Lead::Seed(seed), keep)
    }

    fn enact(&self, scene: &Scene, keep: Keep, arrivals: Option<Arrivals>) -> Run {
        let lead = Lead::Script(&scene.steps, arrivals);
        self.stage_it(&self.casts[scene.cast], &[], &[], lead, keep)
    }

    fn stage_it(
        &self,
        cast: &Cast,
        absent: &[PeerId],
        distances: &[u64],
        lead: Lead<'_>,
        keep: Keep,
    ) -> Run {
        let course = Course {
            peers: self.peers,
            links: &cast.links,
            faults: &self.faults,
            patience: self.patience_us,
            distances,
            absent,
            addresses: None,
            disk: self.bug.map_or(Disk::Sound, |bug| bug.disk),
        };
        match self.bug {
            None => {
                let build = |setup: &Arc<Setup>| Peer::new(Arc::clone(setup));
                self.run(cast, &course, build, lead, keep)
            }
            Some(bug) => {
                let build = move |setup: &Arc<Setup>| bug.build(Arc::clone(setup));
                self.run(cast, &course, build, lead, keep)
            }
        }
    }

    fn run<S: Subject<Peer>>(
        &self,
        cast: &Cast,
        course: &Course<'_>,
        build: impl Fn(&Arc<Setup>) -> S,
        lead: Lead<'_>,
        keep: Keep,
    ) -> Run {
        let tape = keep.tape.then(Tape::default);
        let show = Show::new(self, cast, course.absent, build, tape);
        let (mut world, steps) = match lead {
            Lead::Seed(seed) => (World::new(course, seed, show), None),
            Lead::Script(steps, known) => (World::scripted(course, show, known), Some(steps)),
        };
        if keep.script {
            world.keep_script();
        }
        let end = match steps {
            None => world.run(),
            Some(steps) => world.follow(steps),
        };
        let (now, counts) = (world.now(), world.counts);
        let (script, arrivals) = (
            world.take_script(),
            world.arrivals(|message| matches!(message, Message::AcceptAck(_))),
        );
        let mut show = world.watch;
        if end == End::TooLate {
            show.ledger.object(Claim::Decides, || {
                let missing: Vec<String> =
                    show.missing.iter().map(|peer| peer.to_string()).collect();
                format!("in the second phase these did not come to know: {}", missing.join(", "))
            });
        }
        let (breach, broken) = (show.ledger.breach().cloned(), show.ledger.broken());
        let outcome = Outcome { breach, broken, counts, tally: show.tally, virtual_us: now };
        Run { outcome, tape: show.tape, script, arrivals }
    }
}

/// What happened in a run of Paxos.
pub type Steps = Script<Message, Timer, Value>;

/// A run that is written down: in which cast, and what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Which of the casts of [`stage::casts`].
    pub cast: usize,
    /// The steps.
    pub steps: Steps,
}

/// What leads a run.
enum Lead<'a> {
    Seed(u64),
    Script(&'a [Step<Message, Timer, Value>], Option<Arrivals>),
}

/// What is kept of a run beside its outcome.
#[derive(Clone, Copy, Default)]
struct Keep {
    tape: bool,
    script: bool,
}

struct Run {
    outcome: Outcome,
    tape: Option<Tape>,
    script: Option<Steps>,
    arrivals: Option<Arrivals>,
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
