//! Which claims a run has broken.

use std::collections::BTreeSet;

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// The claim.
    pub says: &'static str,
}

impl Claim {
    /// A claim of this name.
    pub const fn new(name: &'static str, says: &'static str) -> Self {
        Self { name, says }
    }
}

/// A broken claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub claim: Claim,
    /// How, in words.
    pub how: String,
}

/// The claims that a run has broken so far.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Only this one is of interest, if one is named.
    only: Option<Claim>,
    breach: Option<Breach>,
    broken: BTreeSet<Claim>,
}

impl Account {
    /// Nothing is broken yet. With `only`, other claims may be.
    pub fn new(only: Option<Claim>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Notes that a claim is broken.
    pub fn object(&mut self, claim: Claim, how: impl FnOnce() -> String) {
        self.broken.insert(claim);
        if self.breach.is_none() && self.only.is_none_or(|only| only == claim) {
            self.breach = Some(Breach { claim, how: how() });
        }
    }

    /// The first broken claim that is of interest.
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_ref()
    }

    /// All broken claims, also those that are of no interest.
    pub fn broken(&self) -> &BTreeSet<Claim> {
        &self.broken
    }
}
