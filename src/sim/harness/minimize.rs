//! From one failing run to the least of it: single messages, crashes and time-outs are taken out of
//! that very run while the same property is still violated.

use super::failure::{Failure, known_failure};
use super::runs::{RunOutcome, Schedule};
use super::simulated::{Scenario, Simulated};
use crate::sim::ddmin::ddmin;
use crate::sim::mutant::Mutant;

/// How many steps all attempts together may perform: more than a failure among thirty peers takes.
/// What is left beyond them is shorter than it was, but maybe not the least.
pub const MOST_STEPS: usize = 30_000_000;

/// A failing run from which nothing can be taken away.
pub struct Minimized<S: Simulated> {
    /// What it comes to.
    pub outcome: RunOutcome<S::Tally>,
    /// What happens in it.
    pub schedule: Schedule<S>,
    /// The attempts came to an end before everything had been tried.
    pub gave_up: bool,
}

/// The least of the run of this seed in which the scenario's one property is still violated, found
/// in attempts of `most_steps` steps together.
///
/// None if it is not violated, or not by what happens alone: a property about time, or one that is
/// promised in some worlds only and was violated by the protocol itself.
pub fn minimize<S: Simulated>(
    scenario: &Scenario<S>,
    seed: u64,
    most_steps: usize,
) -> Option<Minimized<S>> {
    let property = scenario.only.filter(|property| !property.depends_on_time)?;
    // What the protocol itself does in the same schedule is looked at where it makes a difference.
    let compared = !S::holds_in_schedules(scenario, property);
    if compared && scenario.mutant.is_none() {
        return None;
    }
    let sound = scenario.clone().with_mutant(None);
    let Schedule { plan, steps, at_once } = scenario.write_down(seed).1;
    let (mut left, mut gave_up) = (most_steps, false);
    let steps = ddmin(steps, |steps| {
        let cost = steps.len() * if compared { 2 } else { 1 };
        gave_up |= cost > left;
        left = left.checked_sub(cost).filter(|_| !gave_up)?;
        let attempt = Schedule { plan: plan.clone(), steps: steps.to_vec(), at_once };
        let (outcome, performed) = scenario.follow(&attempt);
        // What was performed is what is kept, so that is compared.
        let is_sound = || !compared || sound.follow(&performed).0.violation.is_none();
        (outcome.violation.is_some() && is_sound()).then_some(performed.steps)
    });
    let schedule = Schedule { plan, steps, at_once };
    let outcome = scenario.record_schedule(&schedule).outcome;
    let is_sound = !compared || sound.follow(&schedule).0.violation.is_none();
    let found = outcome.violation.is_some() && is_sound;
    found.then_some(Minimized { outcome, schedule, gave_up })
}

/// The least of the mutant's known failure, and the scenario in which it happens.
pub fn minimize_known<S: Simulated>(
    mutant: &Mutant<S::Peer>,
) -> Option<(Scenario<S>, Minimized<S>)> {
    let Failure { scenario, seed, .. } = known_failure::<S>(mutant)?;
    let least = minimize(&scenario, seed, MOST_STEPS)?;
    Some((scenario, least))
}
