//! The kill matrix: every mutant against every claim.
//!
//! A check that never fails proves nothing. Here each claim of the simulator is seen to fail on
//! mutants, and each mutant to be caught, by at least two claims.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::claims::Claim;
use super::play::Scenario;
use super::{say, trial};
use crate::error::Result;
use crate::museum::{self, Mutant};
use crate::sim::Faults;

/// The worlds in which every mutant is played, each with so many seeds: a small one with calm and
/// stormy weather, the usual one, and one with an even number of acceptors.
const WORLDS: &[(u16, u16, &str, u64)] = &[
    (3, 2, "heavy", 1_000),
    (5, 2, "none", 200),
    (5, 2, "light", 500),
    (5, 3, "heavy", 1_500),
    (6, 2, "heavy", 500),
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
pub(super) fn row(mutant: &'static Mutant, share: u64) -> Result<Row> {
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

/// Prints the matrix. Exit 1 if a mutant is caught by fewer than two checks.
pub(super) fn print() -> Result<ExitCode> {
    let runs: u64 = WORLDS.iter().map(|world| world.3).sum();
    let mut text = format!("runs of {runs} in which each claim is broken\n\n");
    let width = museum::exhibits().map(|mutant| mutant.name.len()).max().unwrap_or(0);
    let _ = write!(text, "| {:<width$} |", "mutant"); // a String takes all
    for claim in Claim::ALL {
        let _ = write!(text, " {claim} |");
    }
    let _ = write!(text, " synod check |\n|{:-<1$}|", "", width + 2);
    for claim in Claim::ALL {
        let _ = write!(text, "{:->1$}:|", "", claim.name().len() + 1);
    }
    say(&(text + "-----------:|\n"))?;
    let (mut caught, mut all) = (0, 0);
    for mutant in museum::exhibits() {
        let row = row(mutant, 1)?;
        let mut line = format!("| {:<width$} |", mutant.name);
        for (count, claim) in row.broken.iter().zip(Claim::ALL) {
            let shown = if *count == 0 { "·".into() } else { count.to_string() };
            let _ = write!(line, " {shown:>0$} |", claim.name().len());
        }
        let (tried, violated) = row.tried;
        say(&format!("{line} {:>11} |\n", format!("{violated}/{tried}")))?;
        all += 1;
        caught += u32::from(row.kills() >= 2);
    }
    say(&format!("\n{caught} of {all} mutants are caught by two checks or more\n"))?;
    Ok(ExitCode::from(u8::from(caught < all)))
}
