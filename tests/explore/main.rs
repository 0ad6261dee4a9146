//! All runs of a few peers, on every test run; larger bounds are in `examples/explore`.
//!
//! Three claims: the peers keep every promise in every run within the bounds; a peer with one of
//! the classic mistakes does not; and what the model leaves out hides nothing.

#![allow(clippy::print_stdout)]

// The example uses parts that the tests do not.
#[allow(dead_code)]
#[path = "../../examples/explore/model/mod.rs"]
mod model;
mod mutants;
mod reductions;

use std::time::Duration;

use synod::paxos::Peer;

use model::bounds::{Bounds, NAMED};
use model::properties;
use model::run::{exhaust, shortest};
use mutants::{Bug, Mutant};

/// What a broken peer must break. (That a guard objects is no loss of safety.)
const SAFETY: [&str; 5] = [
    properties::ONE_VALUE,
    properties::ONE_VALUE_A_NUMBER,
    properties::PROMISES_HOLD,
    properties::REPORTS_ARE_TRUE,
    properties::WAS_PROPOSED,
];

#[test]
fn every_run_within_the_quick_bounds_is_safe() {
    let mut wrong = Vec::new();
    for named in NAMED.iter().filter(|named| named.quick) {
        let outcome = exhaust(named.bounds, Peer::new, None);
        println!("{}: {outcome:?}", named.name);
        assert!(outcome.violated.is_empty(), "{}: {:#?}", named.name, outcome.violated);
        // A check of runs in which nothing happens would prove nothing.
        let never = Vec::from_iter(outcome.missing);
        if (Some(outcome.states), &never[..]) != (named.states, named.never) {
            wrong.push((named.name, outcome.states, never));
        }
    }
    assert!(wrong.is_empty(), "other states, or things never seen: {wrong:#?}");
}

#[test]
fn every_mutant_is_caught() {
    let plain = Bounds { crashes: 0, ..Bounds::new(3, 2) };
    let crash = Bounds { crashes: 1, ..plain };
    let named = Bounds { symmetry: false, ..plain };
    let stale = Bounds { acceptors: 2, rounds: 2, stale_answers: true, ..plain };
    let table = [
        (Bug::AcceptBelowPromise, plain, properties::PROMISES_HOLD, 5),
        (Bug::PromiseNotRaised, plain, properties::PROMISES_HOLD, 5),
        (Bug::OldPromiseCounted, stale, properties::ONE_VALUE, 14),
        (Bug::LargestValue, Bounds { proposers: 3, ..plain }, properties::ONE_VALUE, 14),
        (Bug::OwnValueKept, plain, properties::ONE_VALUE, 10),
        (Bug::OneAnswerLess, named, properties::REPORTS_ARE_TRUE, 4),
        (Bug::SameAcceptorTwice, Bounds { acceptors: 5, ..named }, properties::REPORTS_ARE_TRUE, 4),
        (Bug::NumberReused, crash, properties::ONE_VALUE_A_NUMBER, 11),
        (Bug::PromiseNotDurable, crash, properties::PROMISES_HOLD, 3),
        (Bug::VoteNotDurable, crash, properties::PROMISES_HOLD, 6),
        (Bug::ToldBeforeDurable, crash.in_full(), properties::PROMISES_HOLD, 4),
        (Bug::RefusalIsAcceptance, plain, properties::REPORTS_ARE_TRUE, 7),
        (Bug::AcceptedIsChosen, plain, properties::REPORTS_ARE_TRUE, 5),
        (Bug::AnswerWithoutNumber, stale, properties::REPORTS_ARE_TRUE, 12),
    ];
    let mut wrong = Vec::new();
    for (bug, bounds, broken, length) in table {
        let birth = |setup| Mutant::new(bug, setup);
        let found = shortest(bounds, birth, &SAFETY, Duration::from_secs(300));
        let (name, steps) = found.unwrap_or(("nothing", Vec::new()));
        println!(
            "{bug:?} breaks \"{name}\" in {} steps:\n    {}",
            steps.len(),
            steps.join("\n    ")
        );
        if (name, steps.len()) != (broken, length) {
            wrong.push((bug, name, steps.len()));
        }
    }
    assert!(wrong.is_empty(), "caught otherwise than expected, or not: {wrong:?}");
}
