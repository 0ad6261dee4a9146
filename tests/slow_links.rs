//! Slow links and slow disks, in the simulator: 1.5 s one way and 5 s a flush, ten times what a
//! fixed time-out of a second allows. All peers decide all the same, alone and against rivals.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Duration;

use synod::paxos::mutants;
use synod::paxos::sim::properties::DECIDES;
use synod::paxos::sim::{PaxosSim, PaxosTally};
use synod::sim::harness;
use synod::sim::{FaultEpisode, Faults, Span};

type Scenario = harness::Scenario<PaxosSim>;
type Outcome = harness::RunOutcome<PaxosTally>;

const SECOND: u64 = 1_000_000;

/// One flush to ask, one to answer, and both ways.
const ROUND_SECONDS: f64 = 13.0;

/// How many seeds of each world are played.
const SEEDS: u64 = 1_000;

/// Peers and proposers.
const CASTS: [(u16, u16); 5] = [(3, 1), (3, 2), (5, 1), (5, 2), (5, 3)];

/// Everything takes its time, and nothing else goes wrong.
fn slow(peers: u16, proposers: u16) -> Scenario {
    Scenario::of_flags(&format!("--peers {peers} --proposers {proposers} --faults slow")).unwrap()
}

/// When the first proposer knows the choice, in rounds of the slowest, least first.
fn rounds_to_decide(name: &str, scenario: &Scenario) -> Vec<f64> {
    let decided = |seed: u64| {
        let outcome = scenario.play(seed);
        assert_eq!(outcome.violation, None, "{name}: {}", scenario.command(seed));
        Duration::from_micros(outcome.tally.decided_us).as_secs_f64() / ROUND_SECONDS
    };
    let mut rounds: Vec<f64> = (0..SEEDS).map(decided).collect();
    rounds.sort_by(f64::total_cmp);
    rounds
}

/// The middle one, and the one that only a hundredth exceeds.
fn show(name: &str, scenario: &Scenario, rounds: &[f64]) -> (f64, f64) {
    let (half, most) = (rounds[rounds.len() / 2], rounds[rounds.len() * 99 / 100]);
    let last = rounds[rounds.len() - 1];
    println!("{name}, {}: {half:.1}, {most:.1}, {last:.1} rounds", scenario.flags());
    (half, most)
}

#[test]
fn a_decision_on_slow_links_and_slow_disks_takes_a_few_rounds() {
    for (peers, proposers) in CASTS {
        let scenario = slow(peers, proposers);
        let rounds = rounds_to_decide("slow", &scenario);
        // Two rounds at least: a late answer to the first attempt tells how long one is.
        let (half, most) = show("slow", &scenario, &rounds);
        assert!(half < 3.0 && most < 5.0, "{half} {most}");
    }
}

#[test]
fn a_decision_comes_where_each_message_and_each_flush_takes_another_time() {
    let faults = Faults { delay: Span::ms(1, 1_500), flush: Span::ms(0, 5_000), ..Faults::slow() };
    for (peers, proposers) in CASTS {
        let scenario = slow(peers, proposers).with_faults(faults.clone());
        let rounds = rounds_to_decide("mixed", &scenario);
        let (half, most) = show("mixed", &scenario, &rounds);
        assert!(half < 3.0 && most < 5.0, "{half} {most}");
    }
}

/// Fast links, but behind them peers stand still for 3 to 15 s, again and again; then no more.
#[test]
fn what_was_slow_for_a_while_decides_when_it_is_fast_again() {
    let faults = Faults {
        fault_phase: Span::ms(30_000, 120_000),
        boot: Span::ms(0, 10_000),
        pause: FaultEpisode { every: Span::ms(100, 2_000), lasts: Span::ms(3_000, 15_000) },
        flush: Span::ms(0, 20),
        ..Faults::none()
    };
    for (peers, proposers) in CASTS {
        let mut scenario = slow(peers, proposers).with_faults(faults.clone());
        // A rival that was refused in the slow time may rest for eight of its rounds.
        scenario.time_limit_us = Some(600 * SECOND);
        let rounds = rounds_to_decide("slow for a while", &scenario);
        show("slow for a while", &scenario, &rounds);
    }
}

/// The proof that all this can fail: with a fixed time-out nobody decides, in any run.
#[test]
fn with_a_fixed_time_out_nothing_is_ever_decided() {
    let bug = mutants::named("fixed-time-out").unwrap();
    for (peers, proposers) in CASTS {
        let scenario = slow(peers, proposers).with_mutant(Some(bug));
        let runs: Vec<Outcome> = (0..20).map(|seed| scenario.play(seed)).collect();
        assert!(runs.iter().all(|run| run.violated.contains(&DECIDES)));
        assert!(runs.iter().all(|run| run.tally.decisions == 0));
    }
}
