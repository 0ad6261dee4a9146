//! The kill matrix of a protocol beside Paxos: every mutant against every claim, and against the
//! judge of the printed lines.

use std::collections::BTreeMap;

use super::Stage;
use super::scenario::Scenario;
use crate::cli::sim::matrix::cell;
use crate::cli::sim::say;
use crate::error::Result;
use crate::sim::mutant::MutantLabel;

/// One world of the museum.
#[derive(Clone, Copy)]
pub struct World {
    /// How many peers.
    pub peers: u16,
    /// What goes wrong.
    pub faults: &'static str,
    /// With majorities.
    pub majority: bool,
    /// How many seeds.
    pub seeds: u64,
}

/// How many seeds of each world the judge of the printed lines hears as well.
const TRIED_SEEDS: u64 = 100;

/// Which checks catch a mutant, and how often.
#[derive(Default)]
pub struct Row {
    /// In how many runs each claim was broken, by name.
    pub broken: BTreeMap<&'static str, u64>,
    /// How many runs the judge of the printed lines was given, and how many of them it condemned.
    pub tried: (u64, u64),
}

impl Row {
    /// How many checks caught the mutant.
    pub fn kills(&self) -> usize {
        self.broken.len() + usize::from(self.tried.1 > 0)
    }
}

/// Plays a mutant in all worlds, with one run in every `share`.
pub fn row(stage: &'static dyn Stage, bug: Option<MutantLabel>, share: u64) -> Row {
    let mut row = Row::default();
    for world in stage.museum() {
        let Some(plain) = Scenario::new(stage, world.peers, world.faults) else { continue };
        let scenario = Scenario { majority: world.majority, bug, to_the_end: true, ..plain };
        for seed in 0..world.seeds / share.max(1) {
            let journal = seed < TRIED_SEEDS;
            let outcome = if journal { scenario.record(seed) } else { scenario.play(seed) };
            for claim in &outcome.broken {
                *row.broken.entry(claim.name).or_default() += 1;
            }
            row.tried.0 += u64::from(outcome.judged.is_some());
            row.tried.1 += u64::from(outcome.is_condemned());
        }
    }
    row
}

/// Prints the matrix. False if a mutant is caught by fewer than two checks.
pub(in crate::cli::sim) fn print(stage: &'static dyn Stage) -> Result<bool> {
    let runs: u64 = stage.museum().iter().map(|world| world.seeds).sum();
    say(&format!(
        "\n| mutant of synod {} | simulator: in how many of {runs} runs a claim breaks | the judge \
         of the lines, of those it is asked |\n|:---|:---|---:|\n",
        stage.name()
    ))?;
    let mut caught = 0;
    let bugs = stage.bugs();
    for bug in &bugs {
        let row = row(stage, Some(*bug), 1);
        let broken = stage
            .claims()
            .iter()
            .map(|claim| (claim.name, row.broken.get(claim.name).copied().unwrap_or_default()));
        let (tried, condemned) = row.tried;
        say(&format!("| {} | {} | {condemned} of {tried} |\n", bug.name, cell(broken)))?;
        caught += usize::from(row.kills() >= 2);
    }
    say(&format!("\n{caught} of {} mutants are caught by two checks or more\n", bugs.len()))?;
    Ok(caught == bugs.len())
}
