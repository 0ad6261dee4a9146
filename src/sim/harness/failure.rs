//! From a failure to a small one: fewer peers, fewer kinds of faults, fewer messages.
//!
//! A run is its seed, so nothing can be taken out of it without making it another run. Instead,
//! other seeds of smaller worlds are played until one violates the same property: runs are so cheap
//! that this finds small failures where cutting a long one down would not. What is found still has
//! everything in it that chance put there; [`minimize`](super::minimize()) takes that out.

use super::options::with_seed;
use super::runs::RunOutcome;
use super::simulated::{Parameters as _, Scenario, Simulated, WorldFaults};
use crate::command::print;
use crate::error::Result;
use crate::sim::mutant::Mutant;

/// A failure, and all that is needed to see it again.
pub struct Failure<S: Simulated> {
    /// The world, with an eye to the violated property only.
    pub scenario: Scenario<S>,
    /// The seed.
    pub seed: u64,
    /// What it came to.
    pub outcome: RunOutcome<S::Tally>,
}

// Written out because a derive would ask the bounds of `S`.
impl<S: Simulated> Clone for Failure<S> {
    fn clone(&self) -> Self {
        let (scenario, outcome) = (self.scenario.clone(), self.outcome.clone());
        Self { scenario, seed: self.seed, outcome }
    }
}

impl<S: Simulated> Failure<S> {
    /// The failure of this seed, if it is one.
    pub fn of_seed(scenario: &Scenario<S>, seed: u64) -> Option<Self> {
        let outcome = scenario.play(seed);
        let property = outcome.violation.as_ref()?.property;
        Some(Self { scenario: scenario.clone().only(Some(property)), seed, outcome })
    }

    /// The command that plays it again.
    pub fn command(&self) -> String {
        self.scenario.command(self.seed)
    }

    /// The first failure among the first `budget` seeds.
    fn first(scenario: &Scenario<S>, budget: u64) -> Option<Self> {
        (0..budget).find_map(|seed| Self::of_seed(scenario, seed))
    }

    /// The smallest of the failures of the first `budget` seeds in the same world, if one is
    /// smaller than this.
    fn shortest(mut self, budget: u64) -> Self {
        for seed in 0..budget {
            if let Some(other) = Self::of_seed(&self.scenario, seed)
                && other.outcome.size() < self.outcome.size()
            {
                self = other;
            }
        }
        self
    }

    /// A smaller one that violates the same property; every attempt plays at most `budget` runs.
    #[must_use]
    pub fn shrunk(&self, budget: u64) -> Self {
        let mut best = self.clone();
        let Scenario { peers, parameters, .. } = &self.scenario;
        for (peers, parameters) in parameters.smaller(*peers) {
            let smaller = Scenario { peers, parameters, ..best.scenario.clone() };
            if let Some(found) = Self::first(&smaller, budget) {
                best = found;
                break;
            }
        }
        if let Some(calm) = S::WORLDS.iter().find(|world| world.0 == "none")
            && let Some(found) = Self::first(&in_world(&best.scenario, calm), budget)
        {
            return found.shortest(budget);
        }
        for kind in best.scenario.kinds() {
            let calmer = best.scenario.clone().without([kind]);
            best = Self::first(&calmer, budget).unwrap_or(best);
        }
        best.shortest(budget)
    }
}

/// The same in another world, with all of its faults.
fn in_world<S: Simulated>(scenario: &Scenario<S>, world: &WorldFaults) -> Scenario<S> {
    let other = Scenario::new(scenario.peers, scenario.parameters.clone(), world);
    other.with_mutant(scenario.mutant).only(scenario.only)
}

/// The known failure of this mutant; none if there is none, or it does not fail any more.
pub fn known_failure<S: Simulated>(mutant: &Mutant<S::Peer>) -> Option<Failure<S>> {
    let names = |line: &&str| line.split(' ').any(|word| word == mutant.name);
    let (scenario, seed) = with_seed(S::KNOWN_FAILURES.lines().find(names)?).ok()?;
    Failure::of_seed(&scenario, seed)
}

/// Searches the shortest failure of every mutant, or of this one, and prints them.
pub(super) fn find<S: Simulated>(only: Option<&Mutant<S::Peer>>) -> Result<()> {
    for mutant in S::mutants().filter(|mutant| only.is_none_or(|only| only == *mutant)) {
        print(&match worst::<S>(mutant)?.map(|failure| failure.shrunk(S::SEARCH_BUDGET)) {
            Some(found) => format!("--seed {} {}\n", found.seed, found.scenario.flags()),
            None => format!("# {}: no failure found\n", mutant.name),
        })?;
    }
    Ok(())
}

/// A failure of this mutant that violates the property which stands first among those it ever
/// violates in the runs of the kill matrix.
fn worst<S: Simulated>(mutant: &'static Mutant<S::Peer>) -> Result<Option<Failure<S>>> {
    let mut first = vec![None; S::PROPERTIES.len()];
    for (flags, seeds) in S::MATRIX {
        let scenario = Scenario::<S>::of_flags(flags)?.with_mutant(Some(mutant)).to_the_end();
        for seed in 0..*seeds {
            let violated = scenario.play(seed).violated;
            for (first, property) in first.iter_mut().zip(S::PROPERTIES) {
                if first.is_none() && violated.contains(property) {
                    *first = Some((flags, seed, *property));
                }
            }
        }
    }
    let Some((flags, seed, property)) = first.into_iter().flatten().next() else { return Ok(None) };
    let scenario = Scenario::of_flags(flags)?.with_mutant(Some(mutant)).only(Some(property));
    Ok(Failure::of_seed(&scenario, seed))
}
