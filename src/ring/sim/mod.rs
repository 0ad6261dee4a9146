//! `synod sim ring`: the ring under the simulator.
//!
//! A [machine] is a peer with a model of its shell and its directory. The seed draws ids anywhere
//! on the circle, files, who is in the ring at the beginning, and then up to eight changes: a peer
//! joins, quits or dies, or two neighbours die together. Requests come at any time, and when all is
//! calm each file is asked for once more.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `churn` | peers come and go; some datagrams are lost, repeated or overtaken |
//! | `lossy` | nobody comes or goes; many datagrams are lost, repeated and overtaken |
//! | `none` | peers come and go, and the network is perfect |
//! | `hops` | nothing: requests only, without shortcuts; `fingers` is the same with them |

mod monitor;
mod pings;
mod plan;
mod properties;

use std::borrow::Cow;
use std::time::Duration;

use super::machine::{self, Input, RingMachine};
use super::transfer::{Chance, Terms};
use super::{mutants, peer};
use crate::process::PeerId;
use crate::sim::harness::{NoParameters, Property, Scenario, Simulated, WorldFaults, all_pairs};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, Faults, RunConfig, Span, index};
pub use monitor::RingMonitor;
use monitor::content;
use pings::MISSES;
use plan::Amount;
pub use plan::RingPlan;
pub use properties::RingTally;

/// After so much virtual time a run has failed.
const TIME_LIMIT_US: u64 = 900_000_000;

fn none() -> Faults {
    Faults {
        delay: Span::us(100, 5_000),
        boot: Span::ms(0, 900),
        hand_over: Span::us(0, 2_000),
        streams_hold: true,
        ..Faults::none()
    }
}

fn churn() -> Faults {
    Faults {
        loss: 5_000,
        duplication: 20_000,
        reordering: 50_000,
        late: Span::us(0, 60_000),
        drift: 10_000,
        ..none()
    }
}

fn lossy() -> Faults {
    Faults {
        delay: Span::us(100, 100_000),
        loss: 300_000,
        duplication: 200_000,
        reordering: 200_000,
        late: Span::us(0, 2_500_000),
        ..churn()
    }
}

/// The ring, ready to be simulated.
pub struct RingSim;

impl Simulated for RingSim {
    type Peer = RingMachine;
    type Parameters = NoParameters;
    type Plan = RingPlan;
    type Tally = RingTally;
    type Monitor = RingMonitor;

    const NAME: &'static str = "ring";
    const WORLDS: &'static [WorldFaults] =
        &[("churn", churn), ("lossy", lossy), ("none", none), ("hops", none), ("fingers", none)];
    const PROPERTIES: &'static [Property] = properties::PROPERTIES;
    const MOST_PEERS: u16 = 256;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 8 --faults none", 60),
        ("--peers 9 --faults churn", 80),
        ("--peers 5 --faults lossy", 40),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 400;
    const JOURNAL: &'static str = "log";
    const HELP: &'static str = "
worlds:
  churn    peers join, quit and die; some datagrams are lost, repeated, overtaken (the default)
  lossy    nobody comes or goes; many datagrams are lost, repeated and overtaken
  none     peers join, quit and die; the network is perfect
  hops     requests only: how many peers each goes to, without shortcuts
  fingers  the same with shortcuts
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<RingMachine>> {
        mutants::all()
    }

    fn plan(run: &Scenario<Self>, seed: u64) -> RingPlan {
        let amount = match run.world {
            "lossy" => Amount { changes: 0, requests: 6, at_last: None, fingers: None },
            "hops" => Amount { changes: 0, requests: 0, at_last: Some(64), fingers: Some(false) },
            "fingers" => Amount { changes: 0, requests: 0, at_last: Some(64), fingers: Some(true) },
            _ => Amount { changes: 8, requests: 12, at_last: None, fingers: None },
        };
        RingPlan::new(run.peers, seed, amount)
    }

    fn check_plan(run: &Scenario<Self>, plan: &RingPlan) -> Result<(), String> {
        plan.check(run.peers)
    }

    fn config<'a>(run: &'a Scenario<Self>, _: &'a RingPlan) -> RunConfig<'a> {
        RunConfig {
            peers: run.peers,
            links: Cow::Owned(all_pairs(run.peers)),
            faults: &run.faults,
            time_limit: run.time_limit_us.unwrap_or(TIME_LIMIT_US),
            distances: &[],
            absent: &[],
            addresses: None,
            disk: DiskModel::None,
        }
    }

    fn setup(run: &Scenario<Self>, plan: &RingPlan, me: PeerId, _: u64) -> machine::Setup {
        let key = plan.ids[index(me)];
        let is_member = plan.members.contains(&me);
        let (mss, window, percent) = plan.terms;
        let drop = Chance::of(f64::from(percent) / 100.0).unwrap_or_default();
        let peer = peer::Setup {
            me: key,
            successors: if is_member { plan.successors(key) } else { (key, key) },
            contact: (!is_member).then(|| plan.contact()),
            terms: Terms { mss, window, drop, give_up: 60 },
            ping: Duration::from_secs(1),
            // Where so much is lost, silence says little.
            misses: if run.world == "lossy" { 1000 } else { MISSES },
            fingers: plan.fingers,
            seed: u64::from(me.0).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        let stored = plan.files.iter().filter(|(_, (at, _))| *at == me);
        let files = stored.map(|(name, (_, size))| (*name, content(*name, *size))).collect();
        machine::Setup { peer, ids: plan.ids.clone(), files, sleeps: !is_member }
    }

    fn inputs(plan: &RingPlan) -> Vec<(u64, PeerId, Input)> {
        plan.events.clone()
    }

    fn monitor(run: &Scenario<Self>, plan: &RingPlan, journal: bool) -> RingMonitor {
        RingMonitor::new(run, plan, journal)
    }

    /// In a schedule anything is lost, so the living are taken for dead, and what they hold with
    /// them.
    fn holds_in_schedules(_: &Scenario<Self>, property: Property) -> bool {
        ![
            properties::NAMED_DEAD,
            properties::NOTHING_LOST,
            properties::HANDED_OVER,
            properties::PATIENT,
            properties::AGREED,
            properties::STOPS,
        ]
        .iter()
        .any(|promised| promised.name == property.name)
    }
}
