//! `synod sim member`: membership under the simulator, with majorities and without.
//!
//! T, from one heartbeat to the next, is a second. All peers begin within ten.
//!
//! * `heavy`: everything. Loss, copies, overtaking (of streams too), partitions, one-way cuts,
//!   pauses up to 8 T, crashes between any two effects, clocks wrong by 5 %; then it heals.
//! * `light`: one failure at a time. A crash between any two effects, or a pause up to 8 T; 1 % of
//!   the heartbeats lost, repeated, overtaken; streams keep the contract.
//! * `jitter`: nothing, but everything takes up to 0.2 T; for an hour.
//! * `none`: nothing at all.
//!
//! # What is promised without `--majority`
//!
//! What the original promises, in `light`, `jitter` and `none`. There are no partitions and no
//! cuts, a stream loses nothing while both its ends live, and a message takes less than T/10. The
//! next crash comes only when all who live have removed the dead from their views and none of them
//! considers another dead, and only if somebody who is in a view is left. A crashed peer stays
//! away in one half of the runs; in the other it comes back as a newcomer, within 5 T, with what
//! `--data` keeps or without it. That, too, the seed draws. In every eighth run the first line is
//! started with `-t` and nobody else crashes. Then:
//!
//! * a view id has one list, ids grow, whoever installs a view is in it;
//! * every view is the one before it, changed by one operation, to which all agreed whom the one
//!   who asked did not consider dead;
//! * whoever is removed was called unreachable before by each who installs the view without it,
//!   and nobody is called so who was heard within 2 T;
//! * once the world is healed, all who live are in one view that has them and no others, within
//!   60 T; a peer that was asked to agree to its own removal stays out of it.
//!
//! Nothing is promised in `heavy`, a split is permitted: each part may make views of its own. What
//! holds for every single member (ids grow, it is in its view, it finds silence) is asked there
//! too.
//!
//! # What is promised with `--majority`
//!
//! All of that in every world, `heavy` included, with `--data`: above all, no two different views
//! ever share an id. Up to three times in a run an outage hits some of the peers, in one of three
//! cases all of them: they crash within a moment and start again within 8 T. What they agreed to,
//! they still have: promises are kept and pending operations told as if they had never been away.
//!
//! Two of it with a condition. *One group*: in every fourth `heavy` run some who crash never come
//! back. If those who are left are no majority of the last view, or of the highest that any of them
//! holds, no view can ever be agreed to again, and the group stalls. A run that ends like this
//! counts as an `expected stall`; where all come back, none is expected. *Who was called
//! unreachable*: of those who were in a view without a break; whoever was removed and joins again
//! knows nothing of the time between.
//!
//! The lines of a run have a second judge, [`judge`](super::judge), the one of
//! `synod local member`. It does not know of incarnations, so it is asked where nobody came back.

mod convergence;
mod monitor;
mod oracle;
mod plan;
pub mod properties;
mod tally;
mod votes;

use std::borrow::Cow;
use std::time::Duration;

use super::{Incarnation, Peer, Setup, mutants};
use crate::process::PeerId;
use crate::sim::harness::{Property, Scenario, Simulated, WorldFaults, all_pairs};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, FaultEpisode, Faults, RunConfig, Span};
pub use monitor::MemberMonitor;
use plan::hour_us;
pub use plan::{AN_HOUR_US, MemberParameters, MemberPlan, T};
use properties::NO_FALSE_ALARM;
pub use tally::MemberTally;

/// In the second phase the group must be one within this much virtual time.
pub const TIME_LIMIT_US: u64 = 60 * T;
/// Nothing goes wrong, and peers start within 10 s.
fn none() -> Faults {
    Faults { delay: Span::us(100, 5_000), boot: Span::ms(0, 10_000), ..Faults::none() }
}

fn jitter() -> Faults {
    Faults { delay: Span::ms(0, 200), ..none() }
}

fn light() -> Faults {
    let ms = Span::ms;
    Faults {
        fault_phase: ms(20_000, 60_000),
        delay: Span::us(100, 90_000),
        loss: 10_000,
        duplication: 10_000,
        reordering: 10_000,
        streams_hold: true,
        late: ms(1, 1_000),
        pause: FaultEpisode { every: ms(12_000, 40_000), lasts: ms(100, 8_000) },
        crash: 1_000_000,
        power_loss: 500_000,
        restart: ms(10, 5_000),
        flush: ms(0, 5),
        drift: 10_000,
        ..none()
    }
}

fn heavy() -> Faults {
    let ms = Span::ms;
    Faults {
        fault_phase: ms(20_000, 60_000),
        delay: Span::us(100, 300_000),
        loss: 100_000,
        duplication: 50_000,
        reordering: 100_000,
        late: ms(1, 3_000),
        partition: FaultEpisode { every: ms(3_000, 20_000), lasts: ms(1_000, 10_000) },
        one_way: FaultEpisode { every: ms(2_000, 15_000), lasts: ms(1_000, 8_000) },
        pause: FaultEpisode { every: ms(2_000, 20_000), lasts: ms(100, 8_000) },
        crash: 300_000,
        power_loss: 500_000,
        restart: ms(10, 8_000),
        flush: ms(0, 20),
        drift: 50_000,
        ..none()
    }
}

/// `member`, ready to be simulated.
pub struct MemberSim;

impl Simulated for MemberSim {
    type Peer = Peer;
    type Parameters = MemberParameters;
    type Plan = MemberPlan;
    type Tally = MemberTally;
    type Monitor = MemberMonitor;

    const NAME: &'static str = "member";
    const WORLDS: &'static [WorldFaults] =
        &[("light", light), ("heavy", heavy), ("jitter", jitter), ("none", none)];
    const PROPERTIES: &'static [Property] = properties::PROPERTIES;
    /// All of them talk to all.
    const MOST_PEERS: u16 = 32;
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 3 --faults none", 20),
        ("--peers 5 --faults light", 300),
        ("--peers 5 --majority --faults light", 100),
        ("--peers 4 --majority --faults heavy", 300),
        ("--peers 5 --majority --faults heavy", 800),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 1_000;
    const JOURNAL: &'static str = "log";
    const HELP: &'static str =
        "  --majority         a new view needs a majority of the one before, as in synod member

worlds:
  light   one peer at a time fails (the default)
  heavy   crashes, partitions, pauses and loss, of any number of peers
  jitter  no faults, but a message takes up to a fifth of a heartbeat, for an hour
  none    no faults
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<Peer>> {
        mutants::all()
    }

    fn plan(run: &Scenario<Self>, seed: u64) -> MemberPlan {
        MemberPlan::new(run, seed)
    }

    fn config<'a>(run: &'a Scenario<Self>, plan: &'a MemberPlan) -> RunConfig<'a> {
        RunConfig {
            peers: run.peers,
            links: Cow::Owned(all_pairs(run.peers)),
            faults: &run.faults,
            time_limit: TIME_LIMIT_US + hour_us(run.world),
            distances: &[],
            absent: &[],
            addresses: None,
            disk: if plan.memory { DiskModel::Sound } else { DiskModel::None },
        }
    }

    fn setup(run: &Scenario<Self>, plan: &MemberPlan, me: PeerId, incarnation: u64) -> Setup {
        Setup {
            me,
            incarnation: Incarnation(incarnation),
            hosts: (1..=run.peers).map(PeerId).collect(),
            group: 7,
            heartbeat: Duration::from_micros(T),
            crash_after: None,
            crash_as_leader: plan.ordered && me == PeerId(1),
            majority: run.parameters.majority,
        }
    }

    fn monitor(run: &Scenario<Self>, plan: &MemberPlan, journal: bool) -> MemberMonitor {
        MemberMonitor::new(run, *plan, journal)
    }

    /// Without majorities agreement is promised only while one thing fails at a time. When a
    /// record is flushed and when a heartbeat arrives are moments, and a schedule moves them.
    fn holds_in_schedules(run: &Scenario<Self>, property: Property) -> bool {
        run.parameters.majority && property != NO_FALSE_ALARM
    }
}
