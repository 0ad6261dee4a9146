//! Paxos under the simulator, checked after every step.
//!
//! [`casts`] says who proposes, who votes and who only learns; the seed draws one. [`properties`]
//! says what must hold, the oracle computes it, [`journal`] writes the run down as real
//! peers would and hands it to the judge of `synod check`. `real` plays a schedule on real
//! processes. `scale` is another experiment on the
//! same engine: how long a decision takes in a wide area.
//!
//! In the fault phase everything goes wrong that the world has; in the recovery phase everybody
//! must learn the choice. In one run of eight a peer that is not needed never starts.

pub mod casts;
pub mod journal;
mod monitor;
mod oracle;
mod plan;
pub mod properties;
mod real;
mod scale;

use std::borrow::Cow;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Message, Peer, Setup, mutants};
use crate::error::Result;
use crate::process::PeerId;
use crate::sim::harness::{Property, RealReplay, Scenario, Simulated, WorldFaults};
use crate::sim::mutant::Mutant;
use crate::sim::{DiskModel, Faults, Prng, RunConfig, index};
use casts::MOST_PEERS;
pub use monitor::{PaxosMonitor, PaxosTally};
pub use plan::{PaxosParameters, PaxosPlan, Site};

/// How long the recovery phase of a run with these faults may take: some time, and some rounds of
/// the slowest. A round is two messages and two flushes.
pub fn time_limit_us(faults: &Faults) -> u64 {
    const BASE_US: u64 = 5_000_000;
    const ROUNDS: u64 = 40;
    BASE_US + ROUNDS * 2 * (faults.delay.most + faults.flush.most)
}

/// The chance that one peer which is not needed never starts, in runs with faults.
const ABSENCE: u32 = 125_000;

/// Paxos, ready to be simulated.
pub struct PaxosSim;

impl Simulated for PaxosSim {
    type Peer = Peer;
    type Parameters = PaxosParameters;
    type Plan = PaxosPlan;
    type Tally = PaxosTally;
    type Monitor = PaxosMonitor;

    const NAME: &'static str = "paxos";
    const WORLDS: &'static [WorldFaults] = &[
        ("heavy", Faults::heavy),
        ("light", Faults::light),
        ("slow", Faults::slow),
        ("none", Faults::none),
    ];
    const PROPERTIES: &'static [Property] = properties::PROPERTIES;
    const MOST_PEERS: u16 = MOST_PEERS;
    /// A small world with calm and stormy weather, the usual one, one with an even number of
    /// acceptors, and a slow one.
    const MATRIX: &'static [(&'static str, u64)] = &[
        ("--peers 3 --proposers 2 --faults heavy", 1_000),
        ("--peers 5 --proposers 2 --faults none", 200),
        ("--peers 5 --proposers 2 --faults light", 500),
        ("--peers 5 --proposers 3 --faults heavy", 1_500),
        ("--peers 6 --proposers 2 --faults heavy", 500),
        ("--peers 5 --proposers 2 --faults slow", 200),
    ];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 6_000;
    const JOURNAL: &'static str = "jsonl";
    const HELP: &'static str = "  --proposers K      how many of the peers propose (2)
  --report           print how long a decision takes for 3 to 101 peers in a wide area
  --plot FILE        with --report: write a plot, as SVG
  --sockets          run one decision of --peers N real peers, with the link latency of a wide area;
                     with --report: measure small clusters so, next to the simulated ones
  --slow K           with --sockets: the K peers nearest to the proposer are slow
  --down K           with --sockets: the K peers nearest to the proposer are down

worlds:
  heavy   all kinds of faults, all the time (the default)
  light   all kinds of faults but partitions, now and then
  slow    no faults, but a round trip takes 3 s and a flush 5 s
  none    no faults
";

    fn mutants() -> impl Iterator<Item = &'static Mutant<Peer>> {
        mutants::all()
    }

    fn plan(run: &Scenario<Self>, seed: u64) -> PaxosPlan {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_ca57);
        let cast = prng.index(run.parameters.casts());
        let calm = run.faults.fault_phase.most == 0;
        let away = !calm && prng.chance(ABSENCE);
        let absent = if away { run.parameters.casts[cast].dispensable(&mut prng) } else { None };
        PaxosPlan { cast, absent }
    }

    fn check_plan(run: &Scenario<Self>, plan: &PaxosPlan) -> std::result::Result<(), String> {
        let (cast, casts) = (plan.cast, run.parameters.casts());
        if cast >= casts {
            return Err(format!("cast {cast}: there are the casts 0 to {}", casts - 1));
        }
        Ok(())
    }

    fn config<'a>(run: &'a Scenario<Self>, plan: &'a PaxosPlan) -> RunConfig<'a> {
        let site = run.parameters.site.as_deref();
        RunConfig {
            peers: run.peers,
            links: Cow::Borrowed(&run.parameters.cast(plan).links),
            faults: &run.faults,
            time_limit: time_limit_us(&run.faults),
            distances: site.map_or(&[], |site| &site.distances),
            absent: site.map_or(plan.absent.as_slice(), |site| &site.absent),
            addresses: None,
            disk: DiskModel::Sound,
        }
    }

    fn setup(
        run: &Scenario<Self>,
        plan: &PaxosPlan,
        peer: PeerId,
        _incarnation: u64,
    ) -> Arc<Setup> {
        Arc::clone(&run.parameters.cast(plan).setups[index(peer)])
    }

    fn monitor(run: &Scenario<Self>, plan: &PaxosPlan, journal: bool) -> PaxosMonitor {
        let absent = Self::config(run, plan).absent;
        PaxosMonitor::new(run, plan, absent, journal)
    }

    fn tells(message: &Message) -> bool {
        monitor::is_vote(message)
    }

    fn other_command(parser: &mut lexopt::Parser) -> Result<Option<ExitCode>> {
        scale::command::<Self>(parser)
    }

    fn replay_real(replay: &RealReplay) -> Result<ExitCode> {
        real::run::<Self>(replay)
    }
}
