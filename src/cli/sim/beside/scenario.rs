//! What a run is, beside its seed, and what it came to.

use std::collections::BTreeSet;

use super::Stage;
use super::account::{Account, Breach, Claim};
use crate::sim::mutant::MutantLabel;
use crate::sim::{Counts, Faults};

/// What a run is, beside its seed.
#[derive(Clone)]
pub struct Scenario {
    /// The protocol.
    pub stage: &'static dyn Stage,
    /// How many peers.
    pub peers: u16,
    /// The name of the world, and what is left out of it.
    pub world: &'static str,
    /// Kinds of faults that are left out of the world.
    pub without: Vec<String>,
    /// Members need a majority for every view.
    pub majority: bool,
    /// The mutant, if not the protocol itself.
    pub bug: Option<MutantLabel>,
    /// Only this claim is of interest.
    pub only: Option<Claim>,
    /// A broken claim does not end the run.
    pub to_the_end: bool,
    /// What goes wrong: the world without what is left out.
    pub(super) faults: Faults,
}

impl Scenario {
    /// The protocol itself in this world; `None` if there is no such world.
    pub fn new(stage: &'static dyn Stage, peers: u16, world: &str) -> Option<Self> {
        let world = stage.worlds().iter().find(|known| **known == world)?;
        let faults = stage.faults(world)?;
        let (without, majority, bug, only, to_the_end) = (Vec::new(), false, None, None, false);
        Some(Self { stage, peers, world, without, majority, bug, only, to_the_end, faults })
    }

    /// The same without these kinds of faults.
    #[must_use]
    pub fn without(mut self, kinds: &[String]) -> Self {
        for kind in kinds {
            self.faults.without(kind);
        }
        self.without.extend_from_slice(kinds);
        self
    }

    /// The kinds of faults that are in it.
    pub fn kinds(&self) -> Vec<&'static str> {
        let matters = |kind: &&str| {
            let mut less = self.faults.clone();
            less.without(kind);
            less != self.faults
        };
        Faults::kinds().filter(matters).collect()
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The run of this seed.
    pub fn play(&self, seed: u64) -> Outcome {
        self.stage.perform(self, seed, false)
    }

    /// The same run, with the lines that its peers print.
    pub fn record(&self, seed: u64) -> Outcome {
        self.stage.perform(self, seed, true)
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The broken claim, if one was.
    pub breach: Option<Breach>,
    /// All claims that were broken.
    pub broken: BTreeSet<Claim>,
    /// What the world did.
    pub counts: Counts,
    /// How long it took, by the virtual clock.
    pub virtual_us: u64,
    /// Figures that add up.
    pub sums: Vec<(&'static str, u64)>,
    /// A time of which the longest counts.
    pub longest: (&'static str, u64),
    /// The lines that the peers print, if they were wanted.
    pub journal: String,
    /// What the judge of the printed lines has against them, if it was given them.
    pub judged: Option<Vec<String>>,
}

impl Outcome {
    /// What the account says, to begin with.
    pub fn of(account: &Account) -> Self {
        let (breach, broken) = (account.breach().cloned(), account.broken().clone());
        Self { breach, broken, ..Self::default() }
    }

    /// True if the judge of the printed lines has seen a fault.
    pub fn is_condemned(&self) -> bool {
        self.judged.as_ref().is_some_and(|reasons| !reasons.is_empty())
    }
}
