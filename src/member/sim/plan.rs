//! What is the same in all runs of `member`, what of a run one may choose, and what a seed draws
//! beside the run itself.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::sim::Prng;
use crate::sim::harness::{Parameters, Scenario, Simulated};

/// T, from one heartbeat to the next, in microseconds.
pub const T: u64 = 1_000_000;
/// How long a world without faults goes on.
pub const AN_HOUR_US: u64 = 3_600 * T;

/// A run of world `jitter` goes on for an hour.
pub(super) fn hour_us(world: &str) -> u64 {
    if world == "jitter" { AN_HOUR_US } else { 0 }
}

/// What of a run one may choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberParameters {
    /// Members need a majority for every view.
    #[serde(default)]
    pub majority: bool,
}

impl Display for MemberParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.majority { " --majority" } else { "" })
    }
}

impl Parameters for MemberParameters {
    fn take(&mut self, flag: &str, _parser: &mut lexopt::Parser) -> Result<bool> {
        self.majority |= flag == "--majority";
        Ok(flag == "--majority")
    }
}

/// What the seed draws beside the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct MemberPlan {
    /// The first line is started with `-t`.
    pub ordered: bool,
    /// What a peer wrote down survives.
    pub memory: bool,
    /// How many crashes there may be. This and the rest chooses who crashes when, so a schedule
    /// does without it.
    #[serde(skip)]
    pub crashes: u32,
    /// Who crashes comes back,
    #[serde(skip)]
    pub returns: bool,
    /// or at least two of three do.
    #[serde(skip)]
    pub some_return: bool,
    /// How often several crash at once.
    #[serde(skip)]
    pub outages: u32,
    /// Crashes come one at a time.
    #[serde(skip)]
    pub one_at_a_time: bool,
    /// Of what the monitor draws.
    #[serde(skip)]
    pub(super) seed: u64,
}

impl MemberPlan {
    pub(super) fn new(
        run: &Scenario<impl Simulated<Parameters = MemberParameters>>,
        seed: u64,
    ) -> Self {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_6709);
        let one_at_a_time = run.world != "heavy";
        // With two, the next leader would be the highest one; with three and majorities, it would
        // be left with a view of two of which one is dead.
        let least = if run.parameters.majority { 4 } else { 3 };
        let light = run.world == "light" && run.peers >= least;
        let ordered = light && prng.below(8) == 0;
        let most = if one_at_a_time { 4 } else { 16 };
        // Often none, often few.
        let drawn = [0, 1, 2, most][prng.index(4)];
        let crashes = if ordered { 0 } else { drawn.max(u32::from(one_at_a_time)) };
        let returns = prng.below(2) == 0 || !one_at_a_time;
        let memory = prng.below(2) == 0 || run.parameters.majority;
        // Only those who remember can go on when too many were down at once.
        let outages =
            if run.parameters.majority && !ordered { [0, 1, 2, 3][prng.index(4)] } else { 0 };
        let some_return = !one_at_a_time && run.parameters.majority && prng.below(4) == 0;
        let returns = returns && !some_return;
        Self { ordered, memory, crashes, returns, some_return, outages, one_at_a_time, seed }
    }
}
