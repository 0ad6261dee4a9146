//! The mutants that the simulator plays, explored by the model checker.
//!
//! Each is tried within small bounds, one after another, until a property breaks. What a mutant
//! gets wrong about time (it waits for ever, it never backs off) is not seen here: in these runs
//! every order of events is tried, also the lucky one.

use std::fmt::{self, Display};
use std::time::Duration;

use synod::paxos::Peer;
use synod::sim::DiskModel;
use synod::sim::mutant::Mutant;

use super::bounds::Bounds;
use super::properties;
use super::run::{exhaust, shortest};

/// What a mutant must break.
const SAFETY: &[&str] = &[
    properties::ONE_VALUE,
    properties::ONE_VALUE_A_NUMBER,
    properties::PROMISES_HOLD,
    properties::REPORTS_ARE_TRUE,
    properties::WAS_PROPOSED,
    properties::DURABLE_FIRST,
];

/// Mutants may treat acceptors by their names, so none are exchanged.
const PLAIN: Bounds = Bounds { crashes: 0, symmetry: false, ..Bounds::new(3, 2) };
const ONE_CRASH: Bounds = Bounds { crashes: 1, ..PLAIN };
/// With two acceptors, two rounds each, and answers to the first round in the second.
const LATE: Bounds = Bounds { acceptors: 2, rounds: 2, stale_answers: true, ..PLAIN };

/// The bounds that are tried, small ones first.
const BOUNDS: [(&str, Bounds); 4] = [
    ("3x2", PLAIN),
    ("2x2 late", LATE),
    ("3x2 crash", ONE_CRASH),
    ("2x2 both", Bounds { acceptors: 2, combined: true, ..ONE_CRASH }.in_full()),
];

/// One proposer, three acceptors, nothing goes wrong: a decision must be among the runs.
const CALM: Bounds = Bounds { proposers: 1, ..PLAIN }.in_full();

/// How a mutant was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caught {
    /// Within which bounds.
    pub(crate) bounds: &'static str,
    /// What it broke.
    pub(crate) property: &'static str,
    /// By how many steps at least; none for something that never happens.
    pub(crate) steps: Option<usize>,
}

impl Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bounds, property, steps } = self;
        match steps {
            Some(steps) => write!(f, "\"{property}\" breaks in {steps} ({bounds})"),
            None => write!(f, "\"{property}\" never happens ({bounds})"),
        }
    }
}

/// Tries a mutant within all bounds, each for so long at most.
pub(crate) fn caught(mutant: &'static Mutant<Peer>, limit: Duration) -> Option<Caught> {
    // The model is its own driver, and its disk is sound: there is nothing to explore.
    if mutant.disk != DiskModel::Sound {
        return None;
    }
    let birth = |setup| mutant.build(setup);
    let safety = BOUNDS.iter().map(|bounds| (SAFETY, bounds));
    // A guard that objects is a smaller thing than a rule of safety, and it objects soon.
    let guards = BOUNDS[..3].iter().map(|bounds| (&[properties::NO_OBJECTION][..], bounds));
    let broken = safety.chain(guards).find_map(|(wanted, (name, bounds))| {
        let (property, steps) = shortest(*bounds, birth, wanted, limit)?;
        Some(Caught { bounds: name, property, steps: Some(steps.len()) })
    });
    broken.or_else(|| {
        let calm = exhaust(CALM, birth, Some(limit));
        let never = calm.exhausted && calm.missing.contains(properties::DECISION);
        let property = properties::DECISION;
        never.then_some(Caught { bounds: "3x1", property, steps: None })
    })
}
