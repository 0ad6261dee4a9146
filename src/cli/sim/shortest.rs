//! The shortest known failure of every mutant: what `synod sim --bug NAME` shows.

use std::process::ExitCode;

use super::claims::{Breach, Claim};
use super::failures::TABLE;
use super::options::all_but;
use super::say;
use super::shrink::{Failure, shrink};
use crate::error::Result;
use crate::paxos::{Peer, mutants};
use crate::sim::mutant::Mutant;

/// How many runs each attempt of the search may take.
const BUDGET: u64 = 6_000;

/// The claim that the shortest known failure of this mutant breaks, and how; none if none is
/// known, or the one that was known does not fail any more.
pub fn shown(bug: &'static Mutant<Peer>) -> Option<Breach> {
    failure_of(bug)?.outcome.breach
}

/// The failure of this mutant that is shown.
pub(super) fn failure_of(bug: &'static Mutant<Peer>) -> Option<Failure> {
    let entry = TABLE.iter().find(|entry| entry.bug == bug.name)?;
    let mut failure = blank(bug, entry.claim);
    failure.peers = entry.peers;
    failure.proposers = entry.proposers;
    failure.preset = entry.preset.into();
    failure.without = all_but(entry.only);
    failure.seed = entry.seed;
    failure.outcome = failure.scenario().play(entry.seed);
    failure.outcome.breach.is_some().then_some(failure)
}

fn blank(bug: &'static Mutant<Peer>, claim: Claim) -> Failure {
    Failure {
        bug: Some(bug),
        peers: 5,
        proposers: 3,
        preset: "heavy".into(),
        without: Vec::new(),
        claim,
        seed: 0,
        outcome: super::play::Outcome::default(),
    }
}

/// Searches every mutant's shortest failure, worst claim first, and prints the table.
pub(super) fn find(one: Option<&'static Mutant<Peer>>) -> Result<ExitCode> {
    for bug in mutants::all().filter(|bug| one.is_none_or(|one| one.name == bug.name)) {
        let Some(failure) = worst(bug) else {
            say(&format!("// {}: no failure found\n", bug.name))?;
            continue;
        };
        let found = shrink(&failure, BUDGET);
        let only = found.only().join(",");
        let (peers, proposers, seed) = (found.peers, found.proposers, found.seed);
        let (name, claim, preset) = (bug.name, found.claim, found.preset);
        say(&format!(
            "    row({name:?}, Claim::{claim:?}, ({peers}, {proposers}), {preset:?}, {only:?}, \
             {seed}),\n"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A failure of this mutant that breaks the claim which stands first among those it ever breaks.
fn worst(bug: &'static Mutant<Peer>) -> Option<Failure> {
    let wide = blank(bug, Claim::Decides);
    let scenario = wide.scenario().to_the_end();
    let mut first = [None; Claim::ALL.len()];
    for seed in 0..BUDGET {
        let broken = scenario.play(seed).broken;
        for (first, claim) in first.iter_mut().zip(Claim::ALL) {
            if broken.contains(claim) {
                first.get_or_insert(seed);
            }
        }
    }
    let (seed, claim) = first.into_iter().zip(Claim::ALL).find_map(|(s, c)| Some((s?, c)))?;
    let failure = Failure { seed, ..blank(bug, claim) };
    let outcome = failure.scenario().play(seed);
    Some(Failure { outcome, ..failure })
}
