//! `synod sim ready`: readiness under the simulator.
//!
//! Peers begin in any order, many intervals apart, and learn each other's addresses some time after
//! that. The usual world loses three datagrams of ten, forever; so what must be reached is reached
//! under the loss, with probability one, and the bound of [`oracle::ENDS_READY`] says how soon. The
//! seed draws whether peers are started with `--exit`, without, or some with and some without it.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `lossy` | 30 % of all datagrams are lost; copies, overtaking, pauses, clocks; it never heals |
//! | `none` | nothing: readiness is a round trip after the last start |
//! | `heavy` | half of them lost, partitions, one-way cuts, crashes; then it heals |
//!
//! The lines of a run have a second judge, the one of `synod local ready`. It is not asked where a
//! peer crashed: a second incarnation says `READY` a second time, and that judge knows of one only.
//!
//! # Left out
//!
//! A crash among peers that leave together. A peer that begins again when the others have left
//! waits in vain, and no protocol of this kind can help it.

mod monitor;
pub mod oracle;
mod plan;

use std::borrow::Cow;

use super::{Ready, Setup, mutants};
use crate::process::PeerId;
use crate::sim::harness::{NoParameters, Property, Scenario, Simulated, WorldFaults, all_pairs};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, FaultEpisode, Faults, Prng, RunConfig, Span};
pub use monitor::ReadyMonitor;
pub use oracle::ReadyTally;
pub use plan::{INTERVAL, Mode, ReadyPlan, TIMEOUT};

/// After so much virtual time in its last phase a run ends: all have left long before.
const TIME_LIMIT_US: u64 = 250_000_000;

/// Nothing goes wrong, and peers start within 20 s.
fn none() -> Faults {
    Faults { boot: Span::ms(0, 20_000), ..Faults::none() }
}

fn lossy() -> Faults {
    Faults {
        delay: Span::us(100, 50_000),
        loss: 300_000,
        duplication: 50_000,
        reordering: 100_000,
        late: Span::ms(1, 3_000),
        pause: FaultEpisode { every: Span::ms(5_000, 20_000), lasts: Span::ms(100, 5_000) },
        drift: 50_000,
        ..none()
    }
}

fn heavy() -> Faults {
    let episode = |every: Span, lasts: Span| FaultEpisode { every, lasts };
    Faults {
        fault_phase: Span::ms(10_000, 40_000),
        delay: Span::us(100, 200_000),
        loss: 500_000,
        duplication: 100_000,
        reordering: 200_000,
        late: Span::ms(1, 10_000),
        partition: episode(Span::ms(2_000, 20_000), Span::ms(500, 10_000)),
        one_way: episode(Span::ms(1_000, 10_000), Span::ms(500, 10_000)),
        pause: episode(Span::ms(2_000, 15_000), Span::ms(100, 8_000)),
        crash: 10_000,
        restart: Span::ms(10, 5_000),
        drift: 50_000,
        ..none()
    }
}

/// `ready`, ready to be simulated.
pub struct ReadySim;

impl Simulated for ReadySim {
    type Peer = Ready;
    type Parameters = NoParameters;
    type Plan = ReadyPlan;
    type Tally = ReadyTally;
    type Monitor = ReadyMonitor;

    const NAME: &'static str = "ready";
    const WORLDS: &'static [WorldFaults] = &[("lossy", lossy), ("none", none), ("heavy", heavy)];
    const PROPERTIES: &'static [Property] = oracle::PROPERTIES;
    /// All of them talk to all.
    const MOST_PEERS: u16 = 32;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 5 --faults none", 100),
        ("--peers 5 --faults lossy", 600),
        ("--peers 3 --faults heavy", 300),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 1_000;
    const JOURNAL: &'static str = "jsonl";
    const HELP: &'static str = "
worlds:
  lossy   three datagrams of ten are lost, also in the recovery phase (the default)
  none    no faults
  heavy   half of the datagrams are lost; partitions, pauses and crashes
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<Ready>> {
        mutants::all()
    }

    fn plan(_run: &Scenario<Self>, seed: u64) -> ReadyPlan {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_ba44);
        ReadyPlan { mode: [Mode::Stay, Mode::Exit, Mode::Mixed][prng.index(3)] }
    }

    fn config<'a>(run: &'a Scenario<Self>, _plan: &'a ReadyPlan) -> RunConfig<'a> {
        let calm = run.world == "none";
        RunConfig {
            peers: run.peers,
            links: Cow::Owned(all_pairs(run.peers)),
            faults: &run.faults,
            time_limit: TIME_LIMIT_US,
            distances: &[],
            absent: &[],
            addresses: Some(if calm { Span::ZERO } else { Span::ms(0, 6_000) }),
            disk: DiskModel::None,
        }
    }

    fn setup(run: &Scenario<Self>, plan: &ReadyPlan, me: PeerId, _incarnation: u64) -> Setup {
        let others = (1..=run.peers).map(PeerId).filter(|peer| *peer != me).collect();
        let (interval, timeout, exit) = (INTERVAL, Some(TIMEOUT), plan.mode.exits(me));
        Setup { others, interval, timeout, stay: false, exit }
    }

    fn monitor(run: &Scenario<Self>, plan: &ReadyPlan, journal: bool) -> ReadyMonitor {
        ReadyMonitor::new(run, plan.mode, journal)
    }
}
