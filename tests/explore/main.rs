//! All runs of a few peers, on every test run; larger bounds are in `examples/explore`.
//!
//! Three claims: the peers keep every promise in every run within the bounds; a peer with one of
//! the classic mistakes does not; and what the model leaves out hides nothing.

#![allow(clippy::print_stdout)]

// The example uses parts that the tests do not.
#[allow(dead_code)]
#[path = "../../examples/explore/model/mod.rs"]
mod model;
mod reductions;

use std::time::Duration;

use synod::paxos::Peer;

use model::bounds::NAMED;
use model::mutants;
use model::run::exhaust;

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

/// How mutants are caught, as `explore mutants` prints it. (It tries them all; here
/// those that the smallest bounds are enough for.)
#[test]
fn mutants_are_caught_as_written_down() {
    let mut wrong = Vec::new();
    let mut caught = 0;
    for line in include_str!("mutants.txt").lines() {
        let (name, how) = line.split_once('\t').expect("a name and how");
        let mutant = synod::paxos::mutants::named(name).expect("is a mutant");
        if how.ends_with("(3x2)") {
            caught += 1;
            let found = mutants::caught(mutant, Duration::from_secs(300));
            let found = found.map_or_else(String::new, |caught| caught.to_string());
            if found != how {
                wrong.push((name, found));
            }
        }
    }
    assert!(wrong.is_empty(), "caught otherwise than expected, or not: {wrong:#?}");
    assert!(caught >= 15, "only {caught}");
}
