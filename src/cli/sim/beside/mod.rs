//! `synod sim ready` and `synod sim member`: the siblings of Paxos under the same simulator.
//!
//! A [`Stage`] is one of the two: it knows its worlds, its claims, its mutants and how one seed is
//! played. What is the same for both stands here: the loop over the seeds, what is said of a
//! failure, the search for a small one ([`shortest`]), and the table of the museum ([`matrix`]).

pub mod account;
pub mod matrix;
pub(super) mod options;
pub mod scenario;
pub mod shortest;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::summary::{Progress, as_f64};
use super::{barrier, group, replay, say};
use crate::cli::draw;
use crate::command::complain;
use crate::error::{Doing, Result};
use crate::process::PeerId;
use account::Claim;
use options::{Job, Options};
use scenario::{Outcome, Scenario};
use tally::Sums;

pub(super) use matrix::print as print_matrix;

/// A protocol beside Paxos, ready to be played.
pub trait Stage: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// The names of its worlds, the usual one first.
    fn worlds(&self) -> &'static [&'static str];
    /// What may never happen.
    fn claims(&self) -> &'static [Claim];
    /// Its mutants.
    fn bugs(&self) -> Vec<crate::sim::mutant::MutantLabel>;
    /// The worlds in which the museum plays every mutant, each with so many seeds.
    fn museum(&self) -> &'static [matrix::World];
    /// The shortest known failures.
    fn failures(&self) -> &'static [shortest::Row];
    /// How many peers there are if nothing is said.
    fn peers(&self) -> u16 {
        5
    }
    /// What goes wrong in the world of this name.
    fn faults(&self, world: &str) -> Option<crate::sim::Faults>;
    /// Plays a seed; with its journal, if that is wanted.
    fn perform(&self, scenario: &Scenario, seed: u64, journal: bool) -> Outcome;
}

/// All of them.
pub const STAGES: [&dyn Stage; 2] = [&barrier::Barrier, &group::Group];

/// Everybody has a link with everybody.
pub(super) fn all_pairs(peers: u16) -> Vec<(PeerId, PeerId)> {
    let pairs = (1..=peers).flat_map(|one| (one + 1..=peers).map(move |other| (one, other)));
    pairs.map(|(one, other)| (PeerId(one), PeerId(other))).collect()
}

/// The command, without its first word.
pub(super) fn run(stage: &'static dyn Stage, parser: lexopt::Parser) -> Result<ExitCode> {
    let options = options::parse(stage, parser)?;
    match options.job {
        Job::Play if options.scenario.bug.is_some() && options.seeds.is_none() => exhibit(&options),
        Job::Play => play(&options),
        Job::List => list(stage),
        Job::Museum => Ok(ExitCode::from(u8::from(!print_matrix(stage)?))),
        Job::Find => shortest::find(stage, options.scenario.bug),
    }
}

/// The catalogue of the mutants of a protocol, a line for each.
pub(super) fn list(stage: &dyn Stage) -> Result<ExitCode> {
    for bug in stage.bugs() {
        say(&format!("{}\t{}\t{}\n", bug.name, bug.does, stage.name()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays the seeds until one fails.
fn play(options: &Options) -> Result<ExitCode> {
    let (scenario, seeds) = (&options.scenario, options.seeds.clone().unwrap_or(0..super::SEEDS));
    let count = seeds.end - seeds.start;
    let mut sums = Sums::default();
    let mut progress = Progress::new();
    let mut failed = None;
    for seed in seeds.clone() {
        let outcome = scenario.play(seed);
        sums.add(seed, &outcome);
        progress.show(sums.runs(), count);
        if outcome.breach.is_some() {
            failed = Some((seed, outcome));
            break;
        }
    }
    progress.clear();
    say(&sums.text(progress.took()))?;
    let is_mutant = scenario.bug.is_some();
    if let Some((seed, outcome)) = failed {
        explain(options, seed, outcome, count == 1)?;
        return Ok(ExitCode::from(u8::from(!is_mutant)));
    }
    if count == 1 {
        keep(options, scenario, seeds.start, options.trace.as_deref())?;
    } else if options.trace.is_some() || options.picture.is_some() {
        complain(super::NOTHING_TO_SHOW);
    }
    say(if is_mutant { "the mutant survives\n" } else { "no claim broken\n" })?;
    Ok(ExitCode::from(u8::from(is_mutant)))
}

/// Says what went wrong, makes it smaller and writes it down.
fn explain(options: &Options, seed: u64, outcome: Outcome, only_one: bool) -> Result<()> {
    let failure = shortest::Failure::new(&options.scenario, seed, outcome);
    tell(&failure, "BROKEN")?;
    // Whoever names one seed wants to see that one.
    let small = if only_one { failure.clone() } else { failure.shrunk(super::SHRINK_BUDGET) };
    if small.command() != failure.command() {
        tell(&small, "smaller")?;
    }
    let trace = options.trace.clone();
    let is_mutant = options.scenario.bug.is_some();
    let trace = trace.or_else(|| (!is_mutant).then(|| PathBuf::from(FAILURE_FILE)));
    keep(options, &small.scenario, small.seed, trace.as_deref())
}

/// Where the lines of a failure go if nothing else is said.
const FAILURE_FILE: &str = "synod-sim-failure.log";

/// Shows a mutant's shortest failure.
fn exhibit(options: &Options) -> Result<ExitCode> {
    let Some(bug) = options.scenario.bug else { return Ok(ExitCode::SUCCESS) };
    say(&format!("{}\n  {}\n  seen: {}\n", bug.name, bug.does, bug.seen))?;
    let known = if options.staged { None } else { shortest::shown(options.scenario.stage, bug) };
    let Some(failure) = known else { return play(options) };
    tell(&failure, "BROKEN")?;
    keep(options, &failure.scenario, failure.seed, options.trace.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

fn tell(failure: &shortest::Failure, word: &str) -> Result<()> {
    let Some(breach) = &failure.outcome.breach else { return Ok(()) };
    let counts = &failure.outcome.counts;
    say(&format!(
        "\n{word}: {}: {} ({}, {}, {:.3} s of virtual time)\nreplay: {}\n",
        breach.claim.name,
        breach.how,
        replay::counted(counts.sent, "message", "messages"),
        replay::counted(counts.crashes, "crash", "crashes"),
        as_f64(failure.outcome.virtual_us) / 1e6,
        failure.command()
    ))
}

/// Plays a seed again, writes what its peers printed, and draws it.
fn keep(options: &Options, scenario: &Scenario, seed: u64, trace: Option<&Path>) -> Result<()> {
    // The picture is made of the file, as `synod draw` would make it.
    let beside = options.picture.as_ref().map(|path| replay::beside(path, "log"));
    let Some(path) = trace.or(beside.as_deref()) else { return Ok(()) };
    let outcome = scenario.record(seed);
    std::fs::write(path, outcome.journal).doing(|| format!("writing {}", path.display()))?;
    complain(&format!("the lines are in {}\n", path.display()));
    if let Some(picture) = &options.picture {
        draw::journal(path, picture, None)?;
        complain(&format!("the picture is in {}\n", picture.display()));
    }
    Ok(())
}
