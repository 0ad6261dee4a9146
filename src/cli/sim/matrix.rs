//! The kill matrix: every mutant against every check.
//!
//! A check that never fails proves nothing. Here each claim of the simulator is seen to fail on
//! mutants, and each mutant to be caught, by at least two checks: the simulator's claims, the judge
//! of `synod check` on the journals of the same runs, and the model checker, which is a program of
//! its own (`examples/explore`) and hands its findings over in a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::claims::Claim;
use super::play::Scenario;
use super::{say, trial};
use crate::error::{Doing, Error, Result};
use crate::paxos::{Peer, mutants};
use crate::sim::Faults;
use crate::sim::mutant::Mutant;

/// The worlds in which every mutant is played, each with so many seeds: a small one with calm and
/// stormy weather, the usual one, one with an even number of acceptors, and a slow one.
const WORLDS: &[(u16, u16, &str, u64)] = &[
    (3, 2, "heavy", 1_000),
    (5, 2, "none", 200),
    (5, 2, "light", 500),
    (5, 3, "heavy", 1_500),
    (6, 2, "heavy", 500),
    (5, 2, "slow", 200),
];

/// How many seeds of each world `synod check` judges as well.
const TRIED_SEEDS: u64 = 100;

/// Which claims a mutant breaks, and how often.
pub(super) struct Row {
    /// How many runs were played.
    runs: u64,
    /// In how many of them each claim was broken, in the order of [`Claim::ALL`].
    pub(super) broken: [u64; Claim::ALL.len()],
    /// How many runs `synod check` was given, and in how many of them it found a violation.
    pub(super) tried: (u64, u64),
}

impl Row {
    /// How many checks caught the mutant: claims, and `synod check`.
    pub(super) fn kills(&self) -> usize {
        self.broken.iter().filter(|count| **count > 0).count() + usize::from(self.tried.1 > 0)
    }
}

/// Plays a mutant in all worlds, with one run in every `share`.
pub(super) fn row(mutant: &'static Mutant<Peer>, share: u64) -> Result<Row> {
    let mut row = Row { runs: 0, broken: [0; Claim::ALL.len()], tried: (0, 0) };
    for (peers, proposers, preset, seeds) in WORLDS {
        let faults = Faults::preset(preset).unwrap_or_else(Faults::heavy);
        let scenario =
            Scenario::new(*peers, *proposers, faults).with_bug(Some(mutant)).to_the_end();
        for seed in 0..seeds / share.max(1) {
            let broken = if seed < TRIED_SEEDS {
                let recording = scenario.record(seed);
                let violated = trial::condemned(&recording)?;
                row.tried = (row.tried.0 + 1, row.tried.1 + u64::from(violated));
                recording.outcome.broken
            } else {
                scenario.play(seed).broken
            };
            row.runs += 1;
            for (count, claim) in row.broken.iter_mut().zip(Claim::ALL) {
                *count += u64::from(broken.contains(claim));
            }
        }
    }
    Ok(row)
}

/// How the model checker caught the mutants that it caught, by name.
pub(super) type Explored = BTreeMap<String, String>;

/// Reads what `explore mutants` has printed: a mutant, a tab, and how it was caught; nothing if it
/// was not.
///
/// # Errors
/// The file cannot be read, or a line is not of this form.
pub(super) fn explored(path: &Path) -> Result<Explored> {
    let text = std::fs::read_to_string(path).doing(|| path.display().to_string())?;
    let mut found = Explored::new();
    for (at, line) in (1..).zip(text.lines()) {
        let known = line.split_once('\t').filter(|(name, _)| mutants::named(name).is_some());
        let Some((name, how)) = known else {
            let name = path.display();
            let why = "a line is a mutant of Paxos, a tab, and how it was caught";
            return Err(Error::Input(format!("{name}:{at}: {why} (explore mutants prints them)")));
        };
        if !how.is_empty() {
            found.insert(name.to_owned(), how.to_owned());
        }
    }
    Ok(found)
}

/// What the simulator found, as a cell: the claims that were broken, each with its runs.
pub(super) fn cell<'a>(broken: impl Iterator<Item = (&'a str, u64)>) -> String {
    let broken = broken.filter(|(_, count)| *count > 0);
    let list: Vec<String> = broken.map(|(claim, count)| format!("{claim} {count}")).collect();
    if list.is_empty() { "·".into() } else { list.join(", ") }
}

/// Prints the matrix: three checks that share no code. False if a mutant is caught by fewer than
/// two; where nothing was explored, two claims are enough.
pub(super) fn print(explored: Option<&Explored>) -> Result<bool> {
    let runs: u64 = WORLDS.iter().map(|world| world.3).sum();
    let tried = TRIED_SEEDS * WORLDS.len() as u64;
    let [more, line] = if explored.is_some() { [" exploration |", ":---|"] } else { [""; 2] };
    say(&format!(
        "| mutant | simulator: in how many of {runs} runs a claim breaks | synod check, of {tried} \
         |{more}\n|:---|:---|---:|{line}\n"
    ))?;
    let (mut caught, mut all) = (0, 0);
    for mutant in mutants::all() {
        let row = row(mutant, 1)?;
        let broken = Claim::ALL.iter().map(|claim| claim.name()).zip(row.broken);
        let violated = row.tried.1;
        let how = explored.map(|explored| explored.get(mutant.name));
        let shown =
            how.map_or_else(String::new, |how| format!(" {} |", how.map_or("·", String::as_str)));
        say(&format!("| {} | {} | {violated} |{shown}\n", mutant.name, cell(broken)))?;
        let simulated = usize::from(row.broken.iter().any(|count| *count > 0));
        let kills = how.map_or(row.kills(), |how| {
            simulated + usize::from(violated > 0) + usize::from(how.is_some())
        });
        all += 1;
        caught += u32::from(kills >= 2);
    }
    say(&format!("\n{caught} of {all} mutants are caught by two checks or more\n"))?;
    Ok(caught == all)
}
