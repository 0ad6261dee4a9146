//! The kill matrix: every mutant against every claim.
//!
//! A check that never fails proves nothing. Here each claim of the simulator is seen to fail on
//! mutants, and each mutant to be caught, by at least two claims.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::claims::Claim;
use super::play::Scenario;
use super::say;
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

/// Which claims a mutant breaks, and how often.
pub struct Row {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// How many runs were played.
    pub runs: u64,
    /// In how many of them each claim was broken, in the order of [`Claim::ALL`].
    pub broken: [u64; Claim::ALL.len()],
}

impl Row {
    /// How many different claims the mutant broke.
    pub fn kills(&self) -> usize {
        self.broken.iter().filter(|count| **count > 0).count()
    }
}

/// Plays a mutant in all worlds, with one run in every `share`.
pub fn row(mutant: &'static Mutant, share: u64) -> Row {
    let mut row = Row { mutant, runs: 0, broken: [0; Claim::ALL.len()] };
    for (peers, proposers, preset, seeds) in WORLDS {
        let faults = Faults::preset(preset).unwrap_or_else(Faults::heavy);
        let scenario =
            Scenario::new(*peers, *proposers, faults).with_bug(Some(mutant)).to_the_end();
        for seed in 0..seeds / share.max(1) {
            let broken = scenario.play(seed).broken;
            row.runs += 1;
            for (count, claim) in row.broken.iter_mut().zip(Claim::ALL) {
                *count += u64::from(broken.contains(claim));
            }
        }
    }
    row
}

/// Prints the matrix. Exit 1 if a mutant is caught by fewer than two claims.
pub(super) fn print() -> Result<ExitCode> {
    let runs: u64 = WORLDS.iter().map(|world| world.3).sum();
    let mut text = format!("runs of {runs} in which each claim is broken\n\n");
    let width = museum::exhibits().map(|mutant| mutant.name.len()).max().unwrap_or(0);
    let _ = write!(text, "| {:<width$} |", "mutant"); // a String takes all
    for claim in Claim::ALL {
        let _ = write!(text, " {claim} |");
    }
    let _ = write!(text, "\n|{:-<1$}|", "", width + 2);
    for claim in Claim::ALL {
        let _ = write!(text, "{:->1$}:|", "", claim.name().len() + 1);
    }
    say(&(text + "\n"))?;
    let (mut caught, mut all) = (0, 0);
    for mutant in museum::exhibits() {
        let row = row(mutant, 1);
        let mut line = format!("| {:<width$} |", mutant.name);
        for (count, claim) in row.broken.iter().zip(Claim::ALL) {
            let shown = if *count == 0 { "·".into() } else { count.to_string() };
            let _ = write!(line, " {shown:>0$} |", claim.name().len());
        }
        say(&(line + "\n"))?;
        all += 1;
        caught += u32::from(row.kills() >= 2);
    }
    say(&format!("\n{caught} of {all} mutants are caught by two claims or more\n"))?;
    Ok(ExitCode::from(u8::from(caught < all)))
}
