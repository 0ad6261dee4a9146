//! From a failure to a small one: fewer peers, fewer kinds of faults, fewer messages.
//!
//! A run is its seed, so nothing can be taken out of it without making it another run. Instead,
//! other seeds of smaller worlds are played until one breaks the same claim: runs are so cheap
//! that this finds small failures where cutting a long one down would not.

use super::claims::Claim;
use super::options::faults;
use super::play::{Outcome, Scenario};
use crate::paxos::Peer;
use crate::sim::Faults;
use crate::sim::mutant::Mutant;

/// A failure, and all that is needed to see it again.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) bug: Option<&'static Mutant<Peer>>,
    pub(super) peers: u16,
    pub(super) proposers: u16,
    pub(super) preset: String,
    pub(super) without: Vec<String>,
    pub(super) claim: Claim,
    pub(super) seed: u64,
    pub(super) outcome: Outcome,
}

impl Failure {
    /// The scenario of this failure.
    pub(super) fn scenario(&self) -> Scenario {
        let faults = faults(&self.preset, &self.without);
        Scenario::new(self.peers, self.proposers, faults).with_bug(self.bug).only(Some(self.claim))
    }

    /// The kinds of faults that are left in it.
    pub(super) fn only(&self) -> Vec<&'static str> {
        let calm = self.preset == "none";
        let left = |kind: &&str| !calm && !self.without.iter().any(|gone| gone == kind);
        Faults::kinds().filter(left).collect()
    }

    /// The command that plays it again.
    pub(super) fn command(&self) -> String {
        let only = match self.only() {
            _ if self.without.is_empty() => String::new(),
            left if left.is_empty() => " --only nothing".into(),
            left => format!(" --only {}", left.join(",")),
        };
        let bug = self.bug.map_or(String::new(), |bug| format!(" --bug {}", bug.name));
        format!(
            "synod sim --seed {} --peers {} --proposers {} --faults {}{only} --claim {}{bug}",
            self.seed, self.peers, self.proposers, self.preset, self.claim
        )
    }

    /// How much there is to read in it.
    fn size(&self) -> (u64, u64) {
        (self.outcome.counts.sent + 3 * self.outcome.counts.crashes, self.outcome.counts.steps)
    }

    /// The smallest of the failures of the first `budget` seeds in the same world, if one is
    /// smaller than this.
    fn shortest(&self, budget: u64) -> Self {
        let scenario = self.scenario();
        let mut best = self.clone();
        for seed in 0..budget {
            let outcome = scenario.play(seed);
            if outcome.breach.is_some() {
                let other = Self { seed, outcome, ..self.clone() };
                if other.size() < best.size() {
                    best = other;
                }
            }
        }
        best
    }

    /// The same failure in another world, if one of the first `budget` seeds shows it.
    fn found(&self, budget: u64) -> Option<Self> {
        let scenario = self.scenario();
        (0..budget).find_map(|seed| {
            let outcome = scenario.play(seed);
            outcome.breach.is_some().then(|| Self { seed, outcome, ..self.clone() })
        })
    }

    /// The shape of the world: how many peers, how many of them propose.
    fn with_shape(&self, peers: u16, proposers: u16) -> Self {
        Self { peers, proposers, ..self.clone() }
    }
}

/// Makes a failure smaller; every attempt plays at most `budget` runs.
pub(super) fn shrink(failure: &Failure, budget: u64) -> Failure {
    let mut best = failure.clone();
    let shapes = (2..=best.peers).flat_map(|peers| (1..=peers).map(move |k| (peers, k)));
    let smaller = shapes.filter(|(n, k)| *n <= failure.peers && *k <= failure.proposers);
    for (peers, proposers) in smaller {
        if let Some(found) = best.with_shape(peers, proposers).found(budget) {
            best = found;
            break;
        }
    }
    let calm = Failure { preset: "none".into(), without: Vec::new(), ..best.clone() };
    if let Some(found) = calm.found(budget) {
        return found.shortest(budget);
    }
    for kind in Faults::kinds() {
        if best.without.iter().any(|gone| gone == kind) {
            continue;
        }
        let mut fewer = best.clone();
        fewer.without.push(kind.to_owned());
        if let Some(found) = fewer.found(budget) {
            best = found;
        }
    }
    best.shortest(budget)
}
