//! From a failure to a small one, and the smallest that are known of every mutant.
//!
//! As for Paxos: other seeds of smaller worlds are played until one breaks the same claim.

use std::process::ExitCode;

use super::Stage;
use super::account::Claim;
use super::scenario::{Outcome, Scenario};
use crate::cli::sim::options::all_but;
use crate::cli::sim::say;
use crate::error::Result;
use crate::sim::mutant::MutantLabel;

/// How many runs each attempt of the search may take.
const BUDGET: u64 = 1_000;

/// A failure as a row of a table.
pub struct Row {
    /// The mutant.
    pub bug: &'static str,
    /// The claim that it breaks.
    pub claim: Claim,
    /// How many peers.
    pub peers: u16,
    /// The world, a `+` behind it with majorities.
    pub world: &'static str,
    /// The kinds of faults that it takes, with commas between.
    pub only: &'static str,
    /// The seed.
    pub seed: u64,
}

/// Mutant, claim, peers, world, which kinds of it, seed.
pub const fn row(
    bug: &'static str,
    claim: Claim,
    peers: u16,
    world: &'static str,
    only: &'static str,
    seed: u64,
) -> Row {
    Row { bug, claim, peers, world, only, seed }
}

/// A failure, and all that is needed to see it again.
#[derive(Clone)]
pub struct Failure {
    /// The world, looking at the broken claim only.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// What it came to.
    pub outcome: Outcome,
}

impl Failure {
    /// The failure of this seed.
    pub fn new(scenario: &Scenario, seed: u64, outcome: Outcome) -> Self {
        let only = outcome.breach.as_ref().map(|breach| breach.claim).or(scenario.only);
        Self { scenario: Scenario { only, ..scenario.clone() }, seed, outcome }
    }

    /// The command that plays it again.
    pub fn command(&self) -> String {
        let Scenario { stage, peers, world, without, majority, bug, only, .. } = &self.scenario;
        let kinds = match self.scenario.kinds() {
            _ if without.is_empty() => String::new(),
            left if left.is_empty() => " --only nothing".into(),
            left => format!(" --only {}", left.join(",")),
        };
        let majority = if *majority { " --majority" } else { "" };
        let claim = only.map_or(String::new(), |claim| format!(" --claim {}", claim.name));
        let bug = bug.map_or(String::new(), |bug| format!(" --bug {}", bug.name));
        let (name, seed) = (stage.name(), self.seed);
        format!(
            "synod sim {name} --seed {seed} --peers {peers}{majority} --faults {world}{kinds}\
             {claim}{bug}"
        )
    }

    /// How much there is to read in it.
    fn size(&self) -> (u64, u64) {
        (self.outcome.counts.sent + 3 * self.outcome.counts.crashes, self.outcome.counts.steps)
    }

    /// The first failure of another world.
    fn found(scenario: &Scenario, budget: u64) -> Option<Self> {
        (0..budget).find_map(|seed| {
            let outcome = scenario.play(seed);
            outcome.breach.is_some().then(|| Self { scenario: scenario.clone(), seed, outcome })
        })
    }

    /// A smaller one that breaks the same claim; every attempt plays at most `budget` runs.
    #[must_use]
    pub fn shrunk(&self, budget: u64) -> Self {
        let mut best = self.clone();
        for peers in 2..self.scenario.peers {
            let fewer = Scenario { peers, ..self.scenario.clone() };
            if let Some(found) = Self::found(&fewer, budget) {
                best = found;
                break;
            }
        }
        for kind in best.scenario.kinds() {
            let calmer = best.scenario.clone().without(&[kind.to_owned()]);
            best = Self::found(&calmer, budget).unwrap_or(best);
        }
        let scenario = best.scenario.clone();
        for seed in 0..budget {
            let outcome = scenario.play(seed);
            let other = Self { scenario: scenario.clone(), seed, outcome };
            if other.outcome.breach.is_some() && other.size() < best.size() {
                best = other;
            }
        }
        best
    }
}

/// The shortest known failure of this mutant; none if it does not fail any more.
pub fn shown(stage: &'static dyn Stage, bug: MutantLabel) -> Option<Failure> {
    let row = stage.failures().iter().find(|row| row.bug == bug.name)?;
    let (world, majority) = match row.world.strip_suffix('+') {
        Some(world) => (world, true),
        None => (row.world, false),
    };
    let plain = Scenario::new(stage, row.peers, world)?;
    let without = if row.only == "all" { Vec::new() } else { all_but(row.only) };
    let plain = plain.without(&without);
    let scenario = Scenario { majority, bug: Some(bug), only: Some(row.claim), ..plain };
    let outcome = scenario.play(row.seed);
    outcome.breach.is_some().then(|| Failure::new(&scenario, row.seed, outcome))
}

/// Searches the shortest failure of every mutant, or of this one, and prints the table.
pub(super) fn find(stage: &'static dyn Stage, one: Option<MutantLabel>) -> Result<ExitCode> {
    for bug in stage.bugs().into_iter().filter(|bug| one.is_none_or(|one| one.name == bug.name)) {
        let Some(failure) = first(stage, bug) else {
            say(&format!("// {}: no failure found\n", bug.name))?;
            continue;
        };
        let found = failure.shrunk(BUDGET);
        let Scenario { only, peers, world, majority, without, .. } = &found.scenario;
        let Some(claim) = only else { continue };
        let claim = claim.name.to_uppercase().replace('-', "_");
        let sign = if *majority { "+" } else { "" };
        let kinds = found.scenario.kinds().join(",");
        let kinds = if without.is_empty() { "all" } else { &kinds };
        let (name, seed) = (bug.name, found.seed);
        say(&format!(
            "    row({name:?}, {claim}, {peers}, \"{world}{sign}\", {kinds:?}, {seed}),\n"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A failure of this mutant that breaks the claim which stands first among those it ever breaks.
fn first(stage: &'static dyn Stage, bug: MutantLabel) -> Option<Failure> {
    for claim in stage.claims() {
        for world in stage.museum() {
            let plain = Scenario::new(stage, world.peers, world.faults)?;
            let (majority, only) = (world.majority, Some(*claim));
            let scenario = Scenario { majority, only, bug: Some(bug), ..plain };
            if let Some(found) = Failure::found(&scenario, world.seeds) {
                return Some(found);
            }
        }
    }
    None
}
