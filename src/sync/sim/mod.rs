//! `synod sim sync`: the replicated file under the simulator.
//!
//! A [machine] is a peer with a model of its shell and its file. Some begin with a
//! file of their own. The seed draws a chain, a star, a ring or a mesh of up to as many peers as
//! are asked for, which of two linked peers dials the other, and up to a dozen edits and deletions
//! at random peers, within 20 s.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `heavy` | cuts, pauses, crashes between any two effects, slow flushes; then it heals |
//! | `light` | the same, seldom |
//! | `none` | nothing: people only edit at the same time |
//!
//! Streams keep the contract: what is lost is lost with the connection.

mod monitor;
mod plan;

use std::borrow::Cow;

use super::machine::{self, Input, ModelPeer};
use super::version::FileId;
use super::{Setup, mutants};
use crate::process::PeerId;
use crate::sim::harness::{NoParameters, Property, Scenario, Simulated, WorldFaults};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, FaultEpisode, Faults, RunConfig, Span};
pub use monitor::{SyncMonitor, SyncTally};
pub use plan::SyncPlan;

/// After so much virtual time in its last phase a run has failed.
const TIME_LIMIT_US: u64 = 40_000_000;
/// Edits and deletions come within so much.
const EDITS_US: u64 = 20_000_000;

fn none() -> Faults {
    Faults { boot: Span::ms(0, 3_000), streams_hold: true, ..Faults::none() }
}

fn light() -> Faults {
    Faults {
        fault_phase: Span::ms(5_000, 20_000),
        delay: Span::us(100, 20_000),
        partition: FaultEpisode { every: Span::ms(2_000, 20_000), lasts: Span::ms(100, 3_000) },
        pause: FaultEpisode { every: Span::ms(2_000, 20_000), lasts: Span::ms(100, 3_000) },
        crash: 2_000,
        power_loss: 500_000,
        restart: Span::ms(10, 3_000),
        flush: Span::us(0, 5_000),
        hand_over: Span::us(0, 2_000),
        drift: 10_000,
        ..none()
    }
}

fn heavy() -> Faults {
    Faults {
        fault_phase: Span::ms(5_000, 20_000),
        delay: Span::us(100, 300_000),
        partition: FaultEpisode { every: Span::ms(500, 6_000), lasts: Span::ms(100, 4_000) },
        one_way: FaultEpisode { every: Span::ms(500, 5_000), lasts: Span::ms(100, 4_000) },
        pause: FaultEpisode { every: Span::ms(500, 6_000), lasts: Span::ms(100, 4_000) },
        crash: 30_000,
        restart: Span::ms(10, 5_000),
        flush: Span::us(0, 200_000),
        hand_over: Span::us(0, 300_000),
        drift: 50_000,
        ..light()
    }
}

/// `sync`, ready to be simulated.
pub struct SyncSim;

impl Simulated for SyncSim {
    type Peer = ModelPeer;
    type Parameters = NoParameters;
    type Plan = SyncPlan;
    type Tally = SyncTally;
    type Monitor = SyncMonitor;

    const NAME: &'static str = "sync";
    const WORLDS: &'static [WorldFaults] = &[("heavy", heavy), ("light", light), ("none", none)];
    const PROPERTIES: &'static [Property] = monitor::PROPERTIES;
    const MOST_PEERS: u16 = 16;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 4 --faults none", 100),
        ("--peers 4 --faults light", 100),
        ("--peers 4 --faults heavy", 200),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 1_000;
    const JOURNAL: &'static str = "jsonl";
    const HELP: &'static str = "
worlds:
  heavy   partitions, cuts, pauses, crashes, slow flushes (the default)
  light   fewer of them
  none    no faults
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<ModelPeer>> {
        mutants::all()
    }

    fn plan(run: &Scenario<Self>, seed: u64) -> SyncPlan {
        SyncPlan::new(run.peers, seed, EDITS_US)
    }

    fn check_plan(run: &Scenario<Self>, plan: &SyncPlan) -> Result<(), String> {
        plan.check(run.peers)
    }

    fn config<'a>(run: &'a Scenario<Self>, plan: &'a SyncPlan) -> RunConfig<'a> {
        RunConfig {
            peers: run.peers,
            links: Cow::Borrowed(&plan.links),
            faults: &run.faults,
            time_limit: TIME_LIMIT_US,
            distances: &[],
            absent: &[],
            addresses: None,
            disk: DiskModel::Sound,
        }
    }

    fn setup(_: &Scenario<Self>, plan: &SyncPlan, me: PeerId, incarnation: u64) -> machine::Setup {
        // Ids in another order than names.
        let fresh = FileId(u64::from(me.0) * 0x9e37_79b9 % 0xffff_fffb);
        let peer = Setup { fresh, file: "f".into(), max_size: 1 << 20 };
        let dialled = plan.links.iter().filter(|(_, dialler)| *dialler == me);
        let hosts = dialled.map(|(host, _)| *host).collect();
        let file = plan.files.get(&me).copied().filter(|_| incarnation == 1);
        machine::Setup { peer, hosts, file }
    }

    fn inputs(plan: &SyncPlan) -> Vec<(u64, PeerId, Input)> {
        plan.edits.clone()
    }

    fn monitor(run: &Scenario<Self>, plan: &SyncPlan, journal: bool) -> SyncMonitor {
        SyncMonitor::new(run, plan, journal)
    }
}
