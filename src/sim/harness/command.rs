//! The command: plays seeds until one fails, and says what failed in as little as it takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::failure::{Failure, find, known_failure};
use super::front::Front;
use super::minimize::{MOST_STEPS, minimize};
use super::options::{Job, Options, beside};
use super::runs::{Recording, RunOutcome, Schedule};
use super::simulated::{Scenario, Simulated};
use super::summary::{Progress, Summary, Tally as _, as_f64};
use super::{matrix, schedule};
use crate::command::{complain, print, quoted};
use crate::error::{Doing, Error, Result};
use crate::sim::mutant::{Guard, MutantLabel};

/// How many seeds are played when none are named.
const SEEDS: u64 = 10_000;

/// How many runs each attempt to make a failure smaller may take.
const SHRINK_BUDGET: u64 = 3_000;

/// Said where a failure was to be written or drawn, and there is none.
const NOTHING_TO_SHOW: &str = "no run failed, so nothing is written or drawn (--seed names one)\n";

/// Where the journal of a failure goes if nothing else is said, before its extension.
const FAILURE_FILE: &str = "synod-sim-failure";

/// Runs the command line.
pub(super) fn run<S: Simulated>(mut parser: lexopt::Parser, front: &Front<'_>) -> Result<ExitCode> {
    if let Some(code) = S::other_command(&mut parser)? {
        return Ok(code);
    }
    let options = Options::<S>::parse(parser, front)?;
    let command = Command { front, options };
    let is_mutant = command.options.scenario.mutant.is_some();
    let is_named = command.options.seeds.is_some() || command.options.is_described;
    match &command.options.job {
        Job::Play if is_mutant && !is_named => command.show_known(),
        Job::Play => command.play(),
        Job::List => command.list(),
        Job::Matrix => command.matrix(),
        Job::Find => {
            find::<S>(command.options.scenario.mutant)?;
            Ok(ExitCode::SUCCESS)
        }
        Job::Replay(file) => command.replay(file),
    }
}

struct Command<'a, S: Simulated> {
    front: &'a Front<'a>,
    options: Options<S>,
}

impl<S: Simulated> Command<'_, S> {
    /// The catalogue of the mutants, a line for each.
    fn list(&self) -> Result<ExitCode> {
        for sim in self.front.about {
            for label in sim.mutants() {
                let MutantLabel { name, does, guard: Guard { rule, file, item, step }, .. } = label;
                let sim = sim.name();
                print(&format!("{name}\t{does}\t{sim}\t{rule}\t{file}: {item}\t{step}\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn matrix(&self) -> Result<ExitCode> {
        let explored = self.options.explored.as_deref();
        let explored = explored.map(|file| matrix::explored(file, self.front.all)).transpose()?;
        let mut all_caught = true;
        for sim in self.front.about {
            all_caught &= sim.print_matrix(explored.as_ref())?;
        }
        Ok(ExitCode::from(u8::from(!all_caught)))
    }

    /// Plays the seeds until one fails.
    fn play(&self) -> Result<ExitCode> {
        let Options { scenario, seeds, .. } = &self.options;
        let seeds = seeds.clone().unwrap_or(0..SEEDS);
        let count = seeds.end - seeds.start;
        let mut summary = Summary::default();
        let mut progress = Progress::new();
        let mut failed = None;
        for seed in seeds.clone() {
            let outcome = scenario.play(seed);
            summary.add(seed, &outcome.counts, outcome.virtual_us, outcome.tally.figures());
            progress.show(summary.runs, count);
            if outcome.violation.is_some() {
                failed = Failure::of_seed(scenario, seed);
                break;
            }
        }
        progress.clear();
        print(&summary.text(progress.took()))?;
        let is_mutant = scenario.mutant.is_some();
        if let Some(failure) = failed {
            self.explain(&failure, count == 1)?;
            return Ok(ExitCode::from(u8::from(!is_mutant)));
        }
        if count == 1 {
            self.keep(&scenario.record(seeds.start), self.options.journal())?;
        } else if self.options.journal().is_some() {
            complain(NOTHING_TO_SHOW);
        }
        print(nothing_violated(is_mutant))?;
        Ok(ExitCode::from(u8::from(is_mutant)))
    }

    /// Says what went wrong, makes it smaller, writes and draws it.
    fn explain(&self, failure: &Failure<S>, only_one: bool) -> Result<()> {
        if let Some(mutant) = self.options.scenario.mutant {
            print(&format!("\n{}", mutant.label()))?;
        }
        tell(failure, "VIOLATED")?;
        // A person who names one seed wants to see that one.
        let small = if only_one { failure.clone() } else { failure.shrunk(SHRINK_BUDGET) };
        if small.command() != failure.command() {
            tell(&small, "smaller")?;
        }
        let default = || PathBuf::from(format!("{FAILURE_FILE}.{}", S::JOURNAL));
        let is_mutant = self.options.scenario.mutant.is_some();
        let journal = self.options.trace.clone().or_else(|| (!is_mutant).then(default));
        self.minimize(&small, journal.or_else(|| self.options.journal()), only_one)
    }

    /// Shows a mutant's known failure.
    fn show_known(&self) -> Result<ExitCode> {
        let Some(mutant) = self.options.scenario.mutant else { return Ok(ExitCode::SUCCESS) };
        print(&mutant.label().to_string())?;
        let Some(failure) = known_failure(mutant) else { return self.play() };
        tell(&failure, "VIOLATED")?;
        self.minimize(&failure, self.options.journal(), false)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Takes out of a failing run what it does not need, says what is left, and writes and draws
    /// that; the run itself, if it is wanted as it was.
    fn minimize(
        &self,
        failure: &Failure<S>,
        journal: Option<PathBuf>,
        as_it_was: bool,
    ) -> Result<()> {
        let Failure { scenario, seed, .. } = failure;
        let Some(least) = minimize(scenario, *seed, MOST_STEPS) else {
            let property = scenario.only.map_or("", |property| property.name);
            print(&format!(
                "\n{property} depends on time, so no single events are taken out of this run\n"
            ))?;
            return self.keep(&scenario.record(*seed), journal);
        };
        let how = if least.gave_up { "minimized in part" } else { "minimized" };
        print(&format!("\n{how}: {}\n", summary_of(&least.outcome, &least.schedule)))?;
        if let Some(journal) = &journal {
            let path = beside(journal, "schedule");
            let text = schedule::text(scenario, &least.schedule);
            std::fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
            print(&format!("replay: synod sim {} --replay {}\n", S::NAME, quoted(&path)))?;
        }
        let run = if as_it_was {
            scenario.record(*seed)
        } else {
            scenario.record_schedule(&least.schedule)
        };
        self.keep(&run, journal)
    }

    /// Plays the schedule in a file.
    fn replay(&self, file: &Path) -> Result<ExitCode> {
        let (scenario, schedule): (Scenario<S>, Schedule<S>) = schedule::read(file)?;
        if self.options.without_bug && scenario.mutant.is_none() {
            let file = file.display();
            return Err(Error::Usage(format!("--without-bug: {file} names no mutant")));
        }
        let mutant = scenario.mutant.filter(|_| !self.options.without_bug);
        // What comes after a violation shows what it leads to.
        let scenario = scenario.with_mutant(mutant).to_the_end();
        let run = scenario.record_schedule(&schedule);
        let (replayed, performed) = scenario.follow(&schedule);
        let (done, all) = (performed.steps.len(), schedule.steps.len());
        if done < all {
            complain(&format!("{done} of {all} steps could be performed before the run ended\n"));
        }
        let substituted = replayed.counts.substituted;
        if substituted > 0 {
            let count = counted(substituted, "message", "messages");
            complain(&format!(
                "{count} of the schedule: this run sends other ones, so the newest of the same \
                 kind arrived instead\n"
            ));
        }
        let (is_mutant, failed) = (scenario.mutant.is_some(), run.outcome.violation.is_some());
        print(&if failed {
            format!("VIOLATED: {}\n", summary_of(&run.outcome, &performed))
        } else {
            nothing_violated(is_mutant).to_owned()
        })?;
        self.keep(&run, self.options.journal())?;
        Ok(ExitCode::from(u8::from(failed != is_mutant)))
    }

    /// Writes and draws a journal.
    fn keep(&self, run: &Recording<S>, journal: Option<PathBuf>) -> Result<()> {
        let Some(path) = journal else { return Ok(()) };
        std::fs::write(&path, &run.journal).doing(|| format!("writing {}", path.display()))?;
        complain(&format!("the journal is in {}\n", path.display()));
        if let Some(picture) = &self.options.draw {
            (self.front.draw)(&path, picture)?;
            complain(&format!("the picture is in {}\n", picture.display()));
        }
        Ok(())
    }
}

/// A failure in two lines.
fn tell<S: Simulated>(failure: &Failure<S>, word: &str) -> Result<()> {
    let outcome = &failure.outcome;
    print(&format!(
        "\n{word}: {} ({}, {}, {:.3} s of virtual time)\nreplay: {}\n",
        violation(outcome),
        counted(outcome.counts.sent, "message", "messages"),
        counted(outcome.counts.crashes, "crash", "crashes"),
        as_f64(outcome.virtual_us) / 1e6,
        failure.command()
    ))
}

fn nothing_violated(is_mutant: bool) -> &'static str {
    if is_mutant { "the mutant survives\n" } else { "no property violated\n" }
}

/// What was violated, and how.
fn violation<T>(outcome: &RunOutcome<T>) -> String {
    let violation = outcome.violation.as_ref();
    violation.map_or(String::new(), |found| format!("{}: {}", found.property.name, found.how))
}

/// A scheduled failure in a line.
fn summary_of<S: Simulated>(outcome: &RunOutcome<S::Tally>, schedule: &Schedule<S>) -> String {
    let counts = &outcome.counts;
    let steps = counted(schedule.steps.len() as u64, "step", "steps");
    let messages = counted(counts.delivered, "message", "messages");
    let crashes = counted(counts.crashes, "crash", "crashes");
    format!("{} ({steps}: {messages}, {crashes})", violation(outcome))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
