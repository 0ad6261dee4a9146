//! All runs of a few peers, on every test run; larger bounds are in `examples/explore`.

#[path = "../../examples/explore/model/mod.rs"]
mod model;
mod mutants;

use std::time::Duration;

use model::bounds::{Bounds, CrashPoints};
use model::properties;
use model::run::shortest;
use mutants::{Bug, Mutant};

/// A violation of any of these is a loss of safety.
const SAFETY: [&str; 5] = [
    properties::ONE_VALUE,
    properties::ONE_VALUE_A_NUMBER,
    properties::PROMISES_HOLD,
    properties::REPORTS_ARE_TRUE,
    properties::WAS_PROPOSED,
];

#[test]
fn every_mutant_is_caught() {
    let three = Bounds { crashes: 0, ..Bounds::new(3, 2) };
    let stale = Bounds { stale_answers: true, ..three };
    let restarts = Bounds { crashes: 1, ..three };
    let table = [
        (Bug::AcceptBelowPromise, three),
        (Bug::PromiseNotRaised, three),
        (Bug::OldPromiseCounted, Bounds { crashes: 1, ..stale }),
        (Bug::LargestValue, Bounds { proposers: 3, ..three }),
        (Bug::OwnValueKept, three),
        (Bug::OneAnswerLess, Bounds { symmetry: false, ..three }),
        (Bug::SameAcceptorTwice, Bounds { acceptors: 5, symmetry: false, ..three }),
        (Bug::NumberReused, restarts),
        (Bug::PromiseNotDurable, restarts),
        (Bug::VoteNotDurable, restarts),
        (
            Bug::ToldBeforeDurable,
            Bounds { crash_points: CrashPoints::BetweenEffects, reduce: false, ..restarts },
        ),
        (Bug::RefusalIsAcceptance, three),
        (Bug::AcceptedIsChosen, three),
        (Bug::AnswerWithoutNumber, Bounds { rounds: 2, ..stale }),
    ];
    for (bug, bounds) in table {
        for wanted in [&SAFETY[..], &SAFETY[..1]] {
            let t = std::time::Instant::now();
            let found = shortest(bounds, |setup| Mutant::new(bug, setup), wanted, Duration::from_secs(30));
            println!("{bug:?} {:?} {:?}", found.as_ref().map(|(name, steps)| (*name, steps.len())), t.elapsed());
            if let Some((_, steps)) = found { for s in steps { println!("      {s}"); } }
        }
    }
}
