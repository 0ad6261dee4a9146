//! A share of `make torture`: real processes, killed and stopped while they decide.

mod attack;

use std::env;

use attack::{Plan, any_seed, attack};

#[test]
fn two_hundred_kills_lose_nothing() {
    let seed = env::var("TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let plan = Plan {
        synod: env!("CARGO_BIN_EXE_synod").into(),
        scratch: env!("CARGO_TARGET_TMPDIR").into(),
        seed: seed.unwrap_or_else(any_seed),
        kills: 200,
        lanes: 2,
    };
    let tally = attack(&plan).unwrap_or_else(|why| panic!("{why}"));
    let seed = plan.seed;
    assert!(tally.kills >= 200 && tally.decisions == tally.rounds, "seed {seed}:\n{tally}");
    // An attack that only meets finished or newborn groups proves nothing.
    let met = tally.early_kills > 20 && tally.remembered > 20 && tally.acceptances > 20;
    assert!(met, "seed {seed}:\n{tally}");
}
