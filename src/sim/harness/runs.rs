//! Runs: of a seed or of a schedule, and what they came to.

use super::property::{Property, Violation};
use super::simulated::{Monitor, Scenario, Simulated};
use crate::process::{PeerId, Process};
use crate::sim::mutant::Mutable;
use crate::sim::{Arrivals, Counts, DiskModel, RunConfig, RunEnd, RunObserver, ScriptOf, World};

impl<S: Simulated> Scenario<S> {
    /// The run of this seed.
    pub fn play(&self, seed: u64) -> RunOutcome<S::Tally> {
        self.perform(&S::plan(self, seed), Lead::Seed(seed), Keep::default()).recording.outcome
    }

    /// The same run, with its journal.
    pub fn record(&self, seed: u64) -> Recording<S> {
        let keep = Keep { journal: true, script: false };
        self.perform(&S::plan(self, seed), Lead::Seed(seed), keep).recording
    }

    /// The same run, written down as what happened.
    pub fn write_down(&self, seed: u64) -> (RunOutcome<S::Tally>, Schedule<S>) {
        let keep = Keep { journal: false, script: true };
        self.perform(&S::plan(self, seed), Lead::Seed(seed), keep).schedule()
    }

    /// The run of this schedule, and what of it was performed.
    pub fn follow(&self, schedule: &Schedule<S>) -> (RunOutcome<S::Tally>, Schedule<S>) {
        let lead = Lead::Schedule(schedule, None);
        self.perform(&schedule.plan, lead, Keep { journal: false, script: true }).schedule()
    }

    /// The run of this schedule, with its journal. What never arrives is not shown as sent either,
    /// unless it tells something by itself ([`Simulated::tells`]): no link took it. If the
    /// violation depends on the very sending, all is shown.
    pub fn record_schedule(&self, schedule: &Schedule<S>) -> Recording<S> {
        let perform = |arrivals| {
            let lead = Lead::Schedule(schedule, arrivals);
            self.perform(&schedule.plan, lead, Keep { journal: true, script: false })
        };
        let full = perform(None);
        let bare = perform(full.arrivals.clone());
        let (full, bare) = (full.recording, bare.recording);
        if full.outcome.violation == bare.outcome.violation { bare } else { full }
    }

    fn perform(&self, plan: &S::Plan, lead: Lead<'_, S>, keep: Keep) -> Run<S> {
        let mut config = S::config(self, plan);
        config.time_limit = self.time_limit_us.unwrap_or(config.time_limit);
        let setup = |peer, incarnation| S::setup(self, plan, peer, incarnation);
        match self.mutant {
            None => {
                let build = |peer, incarnation| S::Peer::build(setup(peer, incarnation));
                self.drive(&config, &build, plan, lead, keep)
            }
            Some(mutant) => {
                if mutant.disk != DiskModel::Sound {
                    config.disk = mutant.disk;
                }
                let build = |peer, incarnation| mutant.build(setup(peer, incarnation));
                self.drive(&config, &build, plan, lead, keep)
            }
        }
    }

    fn drive<P>(
        &self,
        config: &RunConfig<'_>,
        build: &dyn Fn(PeerId, u64) -> P,
        plan: &S::Plan,
        lead: Lead<'_, S>,
        keep: Keep,
    ) -> Run<S>
    where
        P: Process<
                Message = <S::Peer as Process>::Message,
                Timer = <S::Peer as Process>::Timer,
                Input = <S::Peer as Process>::Input,
            >,
        S::Monitor: RunObserver<P>,
    {
        let monitor = S::monitor(self, plan, keep.journal);
        let (mut world, schedule) = match lead {
            Lead::Seed(seed) => (World::new(config, seed, build, monitor), None),
            Lead::Schedule(schedule, known) => {
                (World::scripted(config, build, monitor, known), Some(schedule))
            }
        };
        if keep.script {
            world.keep_script();
        }
        if schedule.is_none() {
            for (time, peer, input) in S::inputs(plan) {
                world.ask(time, peer, input);
            }
        }
        let end = match schedule {
            None => world.run(),
            Some(schedule) => world.follow(&schedule.steps, schedule.at_once),
        };
        let (now, counts) = (world.now(), world.counts);
        let steps = world.take_script().unwrap_or_default();
        let arrivals = world.arrivals(S::tells);
        let findings = world.observer.finish(end, now, &counts);
        let (violation, violated) = findings.violations.into_parts();
        let tally = findings.tally;
        let outcome = RunOutcome { violation, violated, counts, tally, virtual_us: now };
        let (journal, judged, plan) = (findings.journal, findings.judged, plan.clone());
        Run { recording: Recording { outcome, journal, judged, plan }, steps, arrivals }
    }
}

/// A run that is written down: what its seed had drawn before, and what happens.
pub struct Schedule<S: Simulated> {
    /// What the seed drew beside the run.
    pub plan: S::Plan,
    /// The steps.
    pub steps: ScriptOf<S::Peer>,
    /// Steps of a process's own come as soon as they are due, and none is among the steps.
    pub at_once: bool,
}

// Written out because derives would ask the bounds of `S`.
impl<S: Simulated> Clone for Schedule<S> {
    fn clone(&self) -> Self {
        Self { plan: self.plan.clone(), steps: self.steps.clone(), ..*self }
    }
}

impl<S: Simulated> PartialEq for Schedule<S> {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan && self.steps == other.steps
    }
}

impl<S: Simulated> std::fmt::Debug for Schedule<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { plan, steps, at_once } = self;
        f.debug_tuple("Schedule").field(plan).field(steps).field(at_once).finish()
    }
}

/// What leads a run.
enum Lead<'a, S: Simulated> {
    Seed(u64),
    Schedule(&'a Schedule<S>, Option<Arrivals>),
}

/// What is kept of a run beside its outcome.
#[derive(Clone, Copy, Default)]
struct Keep {
    journal: bool,
    script: bool,
}

struct Run<S: Simulated> {
    recording: Recording<S>,
    steps: ScriptOf<S::Peer>,
    arrivals: Option<Arrivals>,
}

impl<S: Simulated> Run<S> {
    fn schedule(self) -> (RunOutcome<S::Tally>, Schedule<S>) {
        let Recording { outcome, plan, .. } = self.recording;
        (outcome, Schedule { plan, steps: self.steps, at_once: false })
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOutcome<T> {
    /// The first violation that counts.
    pub violation: Option<Violation>,
    /// Every property that was violated.
    pub violated: Vec<Property>,
    /// What the world did.
    pub counts: Counts,
    /// What the peers did.
    pub tally: T,
    /// How long it took, by the virtual clock.
    pub virtual_us: u64,
}

/// A run and its journal.
pub struct Recording<S: Simulated> {
    /// What it came to.
    pub outcome: RunOutcome<S::Tally>,
    /// The lines that its peers would write.
    pub journal: String,
    /// What the judge of those lines has against them, if it was given them.
    pub judged: Option<Vec<String>>,
    /// What the seed drew beside the run.
    pub plan: S::Plan,
}

impl<S: Simulated> Recording<S> {
    /// True if the judge of the lines has found a violation.
    pub fn is_condemned(&self) -> bool {
        self.judged.as_ref().is_some_and(|reasons| !reasons.is_empty())
    }
}

impl<T> RunOutcome<T> {
    /// How much there is to read in it.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.counts.sent + 3 * self.counts.crashes, self.counts.steps)
    }
}

/// True if the run is over and was not ended by a violation or a schedule: what must be reached can
/// be asked for.
pub fn is_complete(end: RunEnd) -> bool {
    matches!(end, RunEnd::Reached | RunEnd::TooLate)
}
