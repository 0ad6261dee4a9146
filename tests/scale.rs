//! Decisions on real sockets, round the world: never quicker than their round trips.

#![allow(clippy::unwrap_used)]

use std::process::Command;

/// What `synod sim --sockets` says: exit code, and the milliseconds until one knows and all know.
fn on_sockets(args: &str) -> (Option<i32>, Vec<f64>) {
    let binary = env!("CARGO_BIN_EXE_synod");
    let out = Command::new(binary)
        .args(["sim", "--sockets"])
        .args(args.split_whitespace())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    (out.status.code(), text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// The three are in N. Virginia, Ireland and Tokyo: 80.5 and 145.3 ms there and back. Ireland is
/// asked twice, and knows with its own acceptance; Virginia half a round trip later. If Ireland is
/// five times as far away, Tokyo comes first; if it is not there, nobody waits for it.
#[test]
fn a_decision_takes_its_round_trips_and_the_nearest_majority_makes_it() {
    for (args, one_knows, all_know) in [
        ("--peers 3", 80.5 * 1.5, 80.5 * 2.0),
        ("--peers 3 --slow 1", 145.3 * 1.5, 145.3 + 80.5 * 2.5),
        ("--peers 3 --down 1", 145.3 * 1.5, 145.3 * 2.0),
    ] {
        let (code, times) = on_sockets(args);
        assert_eq!(code, Some(0), "{args}");
        assert!(times[0] >= one_knows && times[1] >= all_know, "{args}: {times:?}");
    }
}

#[test]
fn worlds_that_cannot_decide_are_refused() {
    for args in [
        "--peers 10",
        "--peers 5 --down 3",
        "--peers 3 --slow 3",
        "--peers 5 --slow 1 --down 1",
        "--seed 1",
    ] {
        assert_eq!(on_sockets(args), (Some(2), vec![]), "{args}");
    }
}
