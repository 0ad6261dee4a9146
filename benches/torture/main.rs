//! `make torture`: real processes on the loopback interface, attacked until nothing is left to try.
//!
//! Arguments: `KILLS=n`, `POWER=n` (power losses) and `SEED=n`. Exit 1: something was lost; then it
//! says how to look.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/attack/mod.rs"]
mod attack;

use std::env;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use attack::lossyfs::missing;
use attack::{Plan, any_seed, attack};

fn main() -> ExitCode {
    let mut plan = Plan {
        synod: env!("CARGO_BIN_EXE_synod").into(),
        scratch: env!("CARGO_TARGET_TMPDIR").into(),
        seed: any_seed(),
        kills: 10_000,
        power_losses: 1_000,
        lanes: thread::available_parallelism().map_or(2, usize::from),
    };
    for arg in env::args().skip(1).filter(|arg| arg != "--bench") {
        let set = match arg.split_once('=') {
            Some(("KILLS", number)) => number.parse().map(|number| plan.kills = number),
            Some(("POWER", number)) => number.parse().map(|number| plan.power_losses = number),
            Some(("SEED", number)) => number.parse().map(|number| plan.seed = number),
            _ => "".parse::<u64>().map(drop),
        };
        if set.is_err() {
            eprintln!("torture: {arg:?} is none of KILLS=n, POWER=n, SEED=n");
            return ExitCode::from(2);
        }
    }
    if let Some(why) = missing().filter(|_| plan.power_losses > 0) {
        eprintln!("torture: no power losses: {why}; POWER=0 goes without");
        return ExitCode::from(2);
    }
    let (kills, power, seed, lanes) = (plan.kills, plan.power_losses, plan.seed, plan.lanes);
    println!("torture: {kills} kills, {power} power losses, seed {seed}, {lanes} groups at once");
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
