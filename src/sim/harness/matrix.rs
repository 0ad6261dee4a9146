//! The kill matrix: every mutant against every check.
//!
//! Each property is seen to be violated by mutants, and each mutant to be caught by at least two
//! checks: the properties of the simulator, the judge of the lines on the journals of the same
//! runs, and the model checker, which is a program of its own (`examples/explore`) and hands its
//! findings over in a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::failure::{Failure, known_failure};
use super::front::{AnySim, Explored, MatrixRow};
use super::simulated::{Scenario, Simulated};
use crate::command;
use crate::error::{Doing, Error, Result};
use crate::sim::mutant::Mutant;

/// How many seeds of each world the judge of the lines hears as well.
const JUDGED_SEEDS: u64 = 100;

/// Plays a mutant in all worlds, with one run in every `share`. The judge of the lines hears its
/// known failure too: some mistakes show in one run of thousands.
pub(super) fn row<S: Simulated>(mutant: &'static Mutant<S::Peer>, share: u64) -> MatrixRow {
    let mut row = MatrixRow { runs: 0, violated: BTreeMap::new(), judged: (0, 0) };
    for (flags, seeds) in S::MATRIX {
        let Ok(plain) = Scenario::<S>::of_flags(flags) else { continue };
        let scenario = plain.with_mutant(Some(mutant)).to_the_end();
        for seed in 0..seeds / share.max(1) {
            let violated = if seed < JUDGED_SEEDS {
                let run = scenario.record(seed);
                row.judged.0 += u64::from(run.judged.is_some());
                row.judged.1 += u64::from(run.is_condemned());
                run.outcome.violated
            } else {
                scenario.play(seed).violated
            };
            row.runs += 1;
            for property in violated {
                *row.violated.entry(property.name).or_default() += 1;
            }
        }
    }
    if let Some(Failure { scenario, seed, .. }) = known_failure::<S>(mutant) {
        let run = scenario.to_the_end().record(seed);
        row.judged.0 += u64::from(run.judged.is_some());
        row.judged.1 += u64::from(run.is_condemned());
    }
    row
}

/// Reads what the model checker has printed: a mutant, a tab, and how it was caught; nothing if it
/// was not.
///
/// # Errors
/// The file cannot be read, or a line is not of this form.
pub(super) fn explored(path: &Path, all: &[&'static dyn AnySim]) -> Result<Explored> {
    let text = std::fs::read_to_string(path).doing(|| path.display().to_string())?;
    let mut found = Explored::new();
    let labels = || all.iter().flat_map(|sim| sim.mutants());
    for (at, line) in (1..).zip(text.lines()) {
        let known = line.split_once('\t').filter(|(name, _)| labels().any(|l| l.name == *name));
        let Some((name, how)) = known else {
            let name = path.display();
            let why = "a line is a mutant, a tab, and how it was caught";
            return Err(Error::Input(format!("{name}:{at}: {why} (explore mutants prints them)")));
        };
        found.insert(name.to_owned(), how.to_owned());
    }
    Ok(found)
}

/// What the simulator found, as a cell: the properties that were violated, each with its runs.
fn cell<S: Simulated>(row: &MatrixRow) -> String {
    let violated = S::PROPERTIES.iter().filter_map(|p| Some((p.name, row.violated.get(p.name)?)));
    let list: Vec<String> = violated.map(|(name, count)| format!("{name} {count}")).collect();
    if list.is_empty() { "·".into() } else { list.join(", ") }
}

/// Prints the matrix: checks that share no code. False if a mutant is caught by fewer than two;
/// where nothing was explored, two properties are enough.
pub(super) fn print<S: Simulated>(explored: Option<&Explored>) -> Result<bool> {
    let runs: u64 = S::MATRIX.iter().map(|(_, seeds)| seeds).sum();
    // Of which protocol the model checker knows something is known from the file.
    let explored = explored.filter(|explored| S::mutants().any(|m| explored.contains_key(m.name)));
    let [more, line] = if explored.is_some() { [" exploration |", ":---|"] } else { [""; 2] };
    command::print(&format!(
        "\n| mutant of synod {} | simulator: in how many of {runs} runs a property is violated | \
         judge of the lines |{more}\n|:---|:---|---:|{line}\n",
        S::NAME
    ))?;
    let (mut caught, mut all) = (0, 0);
    for mutant in S::mutants() {
        let row = row::<S>(mutant, 1);
        let (given, condemned) = row.judged;
        let how = explored.map(|explored| explored.get(mutant.name).map_or("", String::as_str));
        let shown = how.map_or_else(String::new, |how| {
            format!(" {} |", if how.is_empty() { "·" } else { how })
        });
        let cell = cell::<S>(&row);
        command::print(&format!("| {} | {cell} | {condemned} of {given} |{shown}\n", mutant.name))?;
        let kills = how.map_or(row.kills(), |how| {
            let simulated = usize::from(!row.violated.is_empty());
            simulated + usize::from(condemned > 0) + usize::from(!how.is_empty())
        });
        all += 1;
        caught += u32::from(kills >= 2);
    }
    command::print(&format!("\n{caught} of {all} mutants are caught by two checks or more\n"))?;
    Ok(caught == all)
}
