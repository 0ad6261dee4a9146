//! `synod sim sync`: the replicated file under the simulator.
//!
//! A [machine](super::machine) is a peer with a model of its shell and its file. Some begin with a
//! file of their own. The seed draws a chain, a star, a ring or a mesh of up to as many peers as
//! are asked for, which of two linked peers dials the other, and up to a dozen edits and deletions
//! at random peers, within 20 s.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `heavy` | cuts, one-way cuts, pauses, kills and power losses between any two effects, slow flushes; then it heals |
//! | `light` | the same, seldom |
//! | `none` | nothing: people only edit at the same time |
//!
//! Streams keep the contract: what is lost is lost with the connection.

mod monitor;
mod plan;

use std::borrow::Cow;

use super::machine::{self, Input, Machine};
use super::version::FileId;
use super::{Setup, mutants};
use crate::process::PeerId;
use crate::sim::harness::{NoParameters, Property, Scenario, Simulated, WorldFaults};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, FaultEpisode, Faults, RunConfig, Span};
pub use monitor::{SyncMonitor, SyncTally};
pub use plan::SyncPlan;

/// After so much virtual time in its last phase a run has failed.
const TIME_LIMIT_US: u64 = 90_000_000;
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
    type Peer = Machine;
    type Parameters = NoParameters;
    type Plan = SyncPlan;
    type Tally = SyncTally;
    type Monitor = SyncMonitor;

    const NAME: &'static str = "sync";
    const WORLDS: &'static [WorldFaults] = &[("heavy", heavy), ("light", light), ("none", none)];
    const PROPERTIES: &'static [Property] = monitor::PROPERTIES;
    const MOST_PEERS: u16 = 16;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 4 --faults none", 300),
        ("--peers 4 --faults light", 300),
        ("--peers 4 --faults heavy", 400),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 1_000;
    const JOURNAL: &'static str = "jsonl";

    fn mutants() -> impl Iterator<Item = &'static Mutant<Machine>> {
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

#[cfg(test)]
mod tmp {
    use super::*;
    use crate::sim::harness::Tally as _;
    #[test]
    fn tmp() {
        for world in SyncSim::WORLDS {
            for peers in [2, 3, 5] {
                let run = Scenario::<SyncSim>::new(peers, NoParameters {}, world);
                let (mut bad, mut tally) = (0, std::collections::BTreeMap::new());
                let mut worst = 0;
                for seed in 0..40 {
                    let rec = run.record(seed);
                    let o = rec.outcome;
                    worst = worst.max(o.tally.longest_us);
                    for (n, f) in o.tally.figures() {
                        *tally.entry(n).or_insert(0) += f.value();
                    }
                    if let Some(v) = o.violation {
                        bad += 1;
                        if bad < 4 {
                            println!("{}: {v:?}", run.command(seed));
                        }
                    } else if rec.judged.as_ref().is_some_and(|j| !j.is_empty()) {
                        bad += 1;
                        if bad < 4 {
                            println!("{}: JUDGE {:?}", run.command(seed), rec.judged);
                        }
                    }
                }
                println!("== {} {peers}: bad {bad} worst {worst} {tally:?}", world.0);
            }
        }
        for m in mutants::all() {
            let mut v = std::collections::BTreeMap::new();
            let mut judged = 0;
            for world in SyncSim::WORLDS {
                for seed in 0..10 {
                    let run = Scenario::<SyncSim>::new(4, NoParameters {}, world)
                        .with_mutant(Some(m))
                        .to_the_end();
                    let rec = run.record(seed);
                    for p in rec.outcome.violated {
                        *v.entry(p.name).or_insert(0) += 1;
                    }
                    judged += u32::from(rec.judged.is_some_and(|j| !j.is_empty()));
                }
            }
            println!("{}: {v:?} judged {judged}", m.name);
        }
    }
}
