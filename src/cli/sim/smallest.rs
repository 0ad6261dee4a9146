//! From one failing run to the least of it: single messages, crashes and time-outs are taken out
//! of that very run while the same claim still breaks.
//!
//! `shrink` comes first and looks for another seed in a smaller world. What it finds still
//! has everything in it that chance put there; here ([`cut`]) that goes.

use super::claims::Claim;
use super::play::{Outcome, Scenario, Scene};
use super::shortest;
use crate::paxos::Peer;
use crate::sim::cut::cut;
use crate::sim::mutant::Mutant;

/// How many steps all attempts together may perform: more than a failure among thirty peers takes.
/// What is left beyond them is shorter than it was, but maybe not the least.
pub const MOST_STEPS: usize = 30_000_000;

/// A failing run from which nothing can be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smallest {
    /// What it comes to.
    pub outcome: Outcome,
    /// What happens in it.
    pub scene: Scene,
    /// The attempts came to an end before everything had been tried.
    pub gave_up: bool,
}

/// The least of the run of this seed in which the scenario's one claim still breaks, found in
/// attempts of so many steps together.
///
/// None if it does not break, or hangs on time: without deliveries nobody decides in any run, so
/// there is nothing to learn from one without.
pub fn smallest(scenario: &Scenario, seed: u64, most_steps: usize) -> Option<Smallest> {
    if scenario.only.is_none_or(Claim::hangs_on_time) {
        return None;
    }
    let scene = scenario.write_down(seed).1;
    let (mut left, mut gave_up) = (most_steps, false);
    let fails = |steps: &[_]| {
        gave_up |= steps.len() > left;
        left = left.checked_sub(steps.len()).filter(|_| !gave_up)?;
        let attempt = Scene { cast: scene.cast, steps: steps.to_vec() };
        let (outcome, performed) = scenario.follow(&attempt);
        outcome.breach.is_some().then_some(performed.steps)
    };
    let steps = cut(scene.steps.clone(), fails);
    let scene = Scene { steps, ..scene };
    let outcome = scenario.record_scene(&scene).outcome;
    outcome.breach.is_some().then_some(Smallest { outcome, scene, gave_up })
}

/// The least of the mutant's shortest failure, and the scenario in which it happens.
pub fn of_mutant(bug: &'static Mutant<Peer>) -> Option<(Scenario, Smallest)> {
    let failure = shortest::failure_of(bug)?;
    let scenario = failure.scenario();
    let small = smallest(&scenario, failure.seed, MOST_STEPS)?;
    Some((scenario, small))
}
