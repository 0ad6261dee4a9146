//! `synod sim store`: the register store under the simulator.
//!
//! The seed draws some dozens of calls on three keys at all peers, peers that are taken to be away
//! for no reason, and one disk that is lost, or none.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `heavy` | loss, repetition, reordering, partitions, pauses, crashes between any two effects |
//! | `restless` | crashes all the time, and messages that are repeated long after |
//! | `light` | the same as `heavy`, seldom |
//! | `none` | nothing: clients only call at the same time |

mod chosen;
mod monitor;
mod plan;
mod properties;
mod tally;

use super::{Input, Peer, Setup, mutants};
use crate::process::PeerId;
use crate::sim::harness::{NoParameters, Property, Scenario, Simulated, WorldFaults, all_pairs};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, FaultEpisode, Faults, RunConfig, Span};
pub use monitor::StoreMonitor;
pub use plan::StorePlan;
pub use tally::StoreTally;

/// The world in which peers take each other to be away, too.
const RESTLESS: &str = "restless";
/// After so much virtual time in its last phase a run has failed.
const TIME_LIMIT_US: u64 = 60_000_000;

fn none() -> Faults {
    Faults { boot: Span::ms(0, 50), ..Faults::none() }
}

fn light() -> Faults {
    Faults {
        fault_phase: Span::ms(500, 2_500),
        delay: Span::us(100, 5_000),
        loss: 5_000,
        duplication: 10_000,
        reordering: 10_000,
        late: Span::ms(1, 300),
        partition: FaultEpisode { every: Span::ms(300, 3_000), lasts: Span::ms(50, 500) },
        pause: FaultEpisode { every: Span::ms(300, 3_000), lasts: Span::ms(50, 800) },
        crash: 2_000,
        power_loss: 500_000,
        restart: Span::ms(10, 500),
        flush: Span::us(0, 2_000),
        drift: 10_000,
        ..none()
    }
}

fn heavy() -> Faults {
    Faults {
        delay: Span::us(100, 20_000),
        loss: 30_000,
        duplication: 50_000,
        reordering: 100_000,
        late: Span::ms(1, 1_500),
        partition: FaultEpisode { every: Span::ms(100, 1_000), lasts: Span::ms(50, 1_200) },
        one_way: FaultEpisode { every: Span::ms(100, 800), lasts: Span::ms(50, 800) },
        pause: FaultEpisode { every: Span::ms(100, 1_000), lasts: Span::ms(50, 1_500) },
        crash: 10_000,
        restart: Span::ms(10, 1_000),
        flush: Span::us(0, 40_000),
        drift: 100_000,
        ..light()
    }
}

/// Peers that crash all the time, and a network that repeats what it carries long after.
fn restless() -> Faults {
    Faults {
        delay: Span::us(100, 30_000),
        loss: 10_000,
        duplication: 400_000,
        reordering: 200_000,
        late: Span::ms(1, 600),
        partition: FaultEpisode::NEVER,
        one_way: FaultEpisode::NEVER,
        pause: FaultEpisode { every: Span::ms(100, 600), lasts: Span::ms(20, 200) },
        crash: 50_000,
        restart: Span::ms(1, 60),
        flush: Span::us(0, 2_000),
        ..heavy()
    }
}

/// `store`, ready to be simulated.
pub struct StoreSim;

impl Simulated for StoreSim {
    type Peer = Peer;
    type Parameters = NoParameters;
    type Plan = StorePlan;
    type Tally = StoreTally;
    type Monitor = StoreMonitor;

    const NAME: &'static str = "store";
    const WORLDS: &'static [WorldFaults] =
        &[("heavy", heavy), (RESTLESS, restless), ("light", light), ("none", none)];
    const PROPERTIES: &'static [Property] = properties::PROPERTIES;
    const MOST_PEERS: u16 = 9;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 3 --faults none", 100),
        ("--peers 3 --faults light", 400),
        ("--peers 3 --faults heavy", 2_000),
        ("--peers 5 --faults heavy", 500),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 2_000;
    const JOURNAL: &'static str = "jsonl";
    const HELP: &'static str = "
worlds:
  heavy     loss, repetition, reordering, partitions, pauses, crashes (the default)
  restless  crashes all the time, and messages that are repeated long after
  light     fewer faults than in heavy
  none      no faults
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<Peer>> {
        mutants::all()
    }

    fn plan(run: &Scenario<Self>, seed: u64) -> StorePlan {
        StorePlan::new(run.peers, seed, run.world == RESTLESS)
    }

    fn check_plan(run: &Scenario<Self>, plan: &StorePlan) -> Result<(), String> {
        plan.check(run.peers)
    }

    fn config<'a>(run: &'a Scenario<Self>, _plan: &'a StorePlan) -> RunConfig<'a> {
        RunConfig {
            peers: run.peers,
            links: all_pairs(run.peers).into(),
            faults: &run.faults,
            time_limit: TIME_LIMIT_US,
            distances: &[],
            absent: &[],
            addresses: None,
            disk: DiskModel::Sound,
        }
    }

    fn setup(run: &Scenario<Self>, plan: &StorePlan, me: PeerId, incarnation: u64) -> Setup {
        let is_lost = plan.loses_disk(me, incarnation);
        // Who keeps nothing does the same as who knows that a disk was lost.
        let is_volatile = is_lost && plan.calls.len().is_multiple_of(2);
        let rejoin = is_lost && !is_volatile;
        Setup { me, peers: run.peers, rejoin, is_volatile, nonce: incarnation }
    }

    fn inputs(plan: &StorePlan) -> Vec<(u64, PeerId, Input)> {
        plan.inputs()
    }

    fn monitor(run: &Scenario<Self>, plan: &StorePlan, journal: bool) -> StoreMonitor {
        StoreMonitor::new(run, plan, journal)
    }
}
