//! `make torture`: real processes on the loopback interface, attacked until nothing is left to try.
//!
//! Arguments: how many kills, and a seed. Exit 1: something was lost; then it says how to look.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/attack/mod.rs"]
mod attack;

use std::env;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use attack::{Plan, any_seed, attack};

fn main() -> ExitCode {
    let mut numbers = Vec::new();
    for arg in env::args().skip(1).filter(|arg| arg != "--bench") {
        let Ok(number) = arg.parse() else {
            eprintln!("usage: torture [KILLS [SEED]], not {arg:?}");
            return ExitCode::from(2);
        };
        numbers.push(number);
    }
    let plan = Plan {
        synod: env!("CARGO_BIN_EXE_synod").into(),
        scratch: env!("CARGO_TARGET_TMPDIR").into(),
        seed: numbers.get(1).copied().unwrap_or_else(any_seed),
        kills: numbers.first().copied().unwrap_or(10_000),
        lanes: thread::available_parallelism().map_or(2, usize::from),
    };
    println!("torture: {} kills, seed {}, {} groups at once", plan.kills, plan.seed, plan.lanes);
    let begun = Instant::now();
    match attack(&plan) {
        Ok(tally) => {
            println!("{tally}nothing was lost, in {:.0} s", begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("FAILED after {:.0} s: {why}", begun.elapsed().as_secs_f64());
            ExitCode::from(1)
        }
    }
}
