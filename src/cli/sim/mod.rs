//! `synod sim`: Paxos under the simulator, judged after every step; and its siblings ([`beside`]).
//!
//! Here the protocol meets the driver: [`stage`] casts the peers, [`mod@play`] runs one seed,
//! [`claims`] says what may never happen, [`ledger`] keeps account, [`journal`] writes the run
//! down as real peers would, and [`trial`] has that judged a second time. Of a failure `shrink`
//! looks for smaller ones, [`smallest`] takes out whatever it does not need, and [`scene`] is the
//! file in which that is kept.

pub mod barrier;
pub mod beside;
pub mod claims;
mod failures;
pub mod group;
pub mod journal;
pub mod ledger;
mod matrix;
mod options;
pub mod play;
mod replay;
mod scale;
pub mod scene;
pub mod shortest;
mod show;
mod shrink;
pub mod smallest;
pub mod stage;
mod summary;
pub mod trial;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::command::complain;
use crate::error::{Doing, Result};
use crate::paxos::mutants;
use claims::Claim;
use journal::Tape;
pub(super) use options::HELP;
use options::{Job, Options};
use play::Outcome;
use replay::Paths;
use shrink::Failure;
use summary::{Progress, Summary};

/// How many seeds are played when none are named.
const SEEDS: u64 = 10_000;

/// How many runs each attempt to make a failure smaller may take.
const SHRINK_BUDGET: u64 = 3_000;

/// Said where a failure was to be written or drawn, and there is none.
const NOTHING_TO_SHOW: &str = "no run failed, so nothing is written or drawn (--seed names one)\n";

/// Where the journal of a failure goes if nothing else is said.
const FAILURE_FILE: &str = "synod-sim-failure.jsonl";

/// The command.
pub(super) fn run(mut parser: lexopt::Parser) -> Result<ExitCode> {
    if let Some(member) = crate::cli::group_protocol(&mut parser) {
        return beside::run(beside::STAGES[usize::from(member)], parser);
    }
    let options = options::parse(parser)?;
    match options.job {
        Job::Play if options.bug.is_some() && options.seeds.is_none() && !options.staged => {
            exhibit(&options)
        }
        Job::Play => play(&options),
        Job::List => list(),
        Job::Museum => museum(options.explored.as_deref()),
        Job::Find => shortest::find(options.bug),
        Job::Report => scale::report(options.plot.as_deref(), options.sockets),
        Job::Sockets => scale::on_sockets(options.peers, options.slow, options.down),
        Job::Replay(ref script) => replay::replay(script, options.paths()),
    }
}

/// The catalogue of the museum, a line for each mutant.
fn list() -> Result<ExitCode> {
    for mutant in mutants::all() {
        say(&format!("{}\t{}\tpaxos\n", mutant.name, mutant.does))?;
    }
    for stage in beside::STAGES {
        beside::list(stage)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The tables of all three protocols.
fn museum(explored: Option<&Path>) -> Result<ExitCode> {
    let explored = explored.map(matrix::explored).transpose()?;
    let mut all_caught = matrix::print(explored.as_ref())?;
    for stage in beside::STAGES {
        all_caught &= beside::print_matrix(stage)?;
    }
    Ok(ExitCode::from(u8::from(!all_caught)))
}

/// Plays the seeds until one fails.
fn play(options: &Options) -> Result<ExitCode> {
    let seeds = options.seeds.clone().unwrap_or(0..SEEDS);
    let count = seeds.end - seeds.start;
    let scenario = options.scenario();
    let mut summary = Summary::default();
    let mut progress = Progress::new();
    let mut failed = None;
    for seed in seeds.clone() {
        let outcome = scenario.play(seed);
        summary.add(seed, &outcome);
        progress.show(summary.runs(), count);
        if outcome.breach.is_some() {
            failed = Some((seed, outcome));
            break;
        }
    }
    progress.clear();
    say(&summary.text(progress.took()))?;
    let only_one = (count == 1).then_some(seeds.start);
    if let Some((seed, outcome)) = failed {
        return explain(options, seed, outcome, only_one.is_some());
    }
    if let Some(seed) = only_one {
        keep(&scenario.record(seed).tape, options.paths())?;
    } else if options.paths().journal().is_some() {
        complain(NOTHING_TO_SHOW);
    }
    say(if options.bug.is_some() { "the mutant survives\n" } else { "no claim broken\n" })?;
    Ok(ExitCode::from(u8::from(options.bug.is_some())))
}

/// Says what went wrong, makes it smaller, writes and draws it.
fn explain(options: &Options, seed: u64, outcome: Outcome, only_one: bool) -> Result<ExitCode> {
    let claim = outcome.breach.as_ref().map_or(Claim::Decides, |breach| breach.claim);
    let failure = Failure {
        bug: options.bug,
        peers: options.peers,
        proposers: options.proposers,
        preset: options.preset.clone(),
        without: options.without.clone(),
        claim,
        seed,
        outcome,
    };
    say(&format!("\nBROKEN: {}\nreplay: {}\n", broken(&failure), failure.command()))?;
    // Whoever names one seed wants to see that one.
    let small = if only_one { failure.clone() } else { shrink::shrink(&failure, SHRINK_BUDGET) };
    if small.command() != failure.command() {
        say(&format!("\nsmaller: {}\nreplay: {}\n", broken(&small), small.command()))?;
    }
    let mut paths = options.paths();
    if options.bug.is_none() {
        paths.trace = paths.trace.or(Some(Path::new(FAILURE_FILE)));
    }
    replay::cut_down(&small, paths, only_one)?;
    Ok(ExitCode::from(u8::from(options.bug.is_none())))
}

/// Shows a mutant's shortest failure.
fn exhibit(options: &Options) -> Result<ExitCode> {
    let Some(bug) = options.bug else { return Ok(ExitCode::SUCCESS) };
    say(&format!("{}\n  {}\n  seen: {}\n", bug.name, bug.does, bug.seen))?;
    let Some(failure) = shortest::failure_of(bug) else { return play(options) };
    say(&format!("\nBROKEN: {}\nreplay: {}\n", broken(&failure), failure.command()))?;
    replay::cut_down(&failure, options.paths(), false)?;
    Ok(ExitCode::SUCCESS)
}

/// A failure in a line.
fn broken(failure: &Failure) -> String {
    let how = failure.outcome.breach.as_ref().map_or("", |breach| breach.how.as_str());
    let counts = &failure.outcome.counts;
    format!(
        "{}: {how} ({}, {}, {:.3} s of virtual time)",
        failure.claim,
        replay::counted(counts.sent, "message", "messages"),
        replay::counted(counts.crashes, "crash", "crashes"),
        summary::as_f64(failure.outcome.virtual_us) / 1e6
    )
}

/// Writes and draws a journal.
fn keep(tape: &Tape, paths: Paths<'_>) -> Result<()> {
    let Some(path) = paths.journal() else { return Ok(()) };
    std::fs::write(&path, tape.text()).doing(|| format!("writing {}", path.display()))?;
    complain(&format!("the journal is in {}\n", path.display()));
    if let Some(picture) = paths.draw {
        super::draw::journal(&path, picture, None)?;
        complain(&format!("the picture is in {}\n", picture.display()));
    }
    Ok(())
}

/// Standard output; nobody reading any more, as in `| head`, is no error.
fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).doing(|| "writing the result".into())
        }
        _ => Ok(()),
    }
}
