//! Slow links and slow disks, in the simulator: 1.5 s one way and 5 s a flush, ten times what a
//! fixed time-out of a second allows. All peers decide all the same, alone and against a rival.

#![allow(clippy::unwrap_used)]

use synod::cli::sim::play::Scenario;
use synod::sim::{Faults, Span, Spell};

const SECOND: u64 = 1_000_000;

/// How many seeds of each world are played.
const SEEDS: u64 = 1_000;

/// 3 s there and back, and 5 s a flush.
fn slow() -> Faults {
    Faults {
        delay: Span::ms(1_500, 1_500),
        flush: Span::ms(5_000, 5_000),
        boot: Span::ms(0, 3_000),
        ..Faults::none()
    }
}

/// The worlds: what is slow, and for how long all may take, in seconds.
fn worlds() -> [(&'static str, Faults, u64); 3] {
    // Between fast and as slow as above, for each message and each flush anew.
    let mixed = Faults { delay: Span::ms(1, 1_500), flush: Span::ms(0, 5_000), ..slow() };
    // Fast links behind which peers stand still for seconds, and then no more.
    let halting = Faults {
        chaos: Span::ms(30_000, 120_000),
        boot: Span::ms(0, 10_000),
        pause: Spell { every: Span::ms(100, 2_000), lasts: Span::ms(3_000, 15_000) },
        flush: Span::ms(0, 20),
        ..Faults::none()
    };
    [("slow", slow(), 1_200), ("mixed", mixed, 1_200), ("slow for a while", halting, 60)]
}

fn quantile(sorted: &[u64], share: f64) -> f64 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at] as f64 / SECOND as f64
}

#[test]
fn peers_on_slow_links_and_slow_disks_decide() {
    for (name, faults, seconds) in worlds() {
        for (peers, proposers) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
            let scenario = Scenario::new(peers, proposers, faults.clone());
            let scenario = scenario.with_patience(seconds * SECOND);
            let mut times = Vec::new();
            for seed in 0..SEEDS {
                let outcome = scenario.play(seed);
                assert_eq!(outcome.breach, None, "{name}: {peers} {proposers}, seed {seed}");
                times.push(outcome.tally.decided_us);
            }
            times.sort_unstable();
            let [half, most, worst] = [0.5, 0.99, 1.0].map(|share| quantile(&times, share));
            println!("{name:>16} {peers} {proposers}: {half:7.2} {most:7.2} {worst:7.2} s");
        }
    }
}
