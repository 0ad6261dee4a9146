//! A share of `make torture`: real processes that are killed, stopped and lose their power while
//! they decide.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod attack;

use std::env;

use attack::lossyfs::missing;
use attack::{Plan, any_seed, attack};

#[test]
fn two_hundred_kills_and_fifty_power_losses_lose_nothing() {
    let missing = missing();
    if let Some(why) = &missing {
        eprintln!("no power losses: {why}");
    }
    let seed = env::var("TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let plan = Plan {
        synod: env!("CARGO_BIN_EXE_synod").into(),
        scratch: env!("CARGO_TARGET_TMPDIR").into(),
        seed: seed.unwrap_or_else(any_seed),
        kills: 200,
        power_losses: if missing.is_some() { 0 } else { 50 },
        lanes: 2,
    };
    let tally = attack(&plan).unwrap_or_else(|why| panic!("{why}"));
    let seed = plan.seed;
    let enough = tally.kills >= plan.kills && tally.power_losses >= plan.power_losses;
    assert!(enough && tally.decisions == tally.rounds, "seed {seed}:\n{tally}");
    // An attack that only meets finished or newborn groups proves nothing.
    let met = tally.early_kills > 20 && tally.remembered > 20 && tally.acceptances > 20;
    assert!(met, "seed {seed}:\n{tally}");
    let felt = tally.early_power_losses > 5 && tally.felt_power_losses > 5;
    assert!(felt || plan.power_losses == 0, "seed {seed}:\n{tally}");
}
