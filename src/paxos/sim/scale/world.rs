//! Peers in a wide area, and how soon they decide in the simulator.

use std::collections::BTreeMap;
use std::time::Duration;

use super::regions::way_us;
use crate::paxos::sim::casts::{self, Cast};
use crate::paxos::sim::monitor::PaxosTally;
use crate::paxos::sim::plan::{PaxosParameters, Site};
use crate::paxos::{Electorate, Roles};
use crate::process::PeerId;
use crate::sim::harness::{RunOutcome, Scenario, Simulated, as_f64};
use crate::sim::{Faults, Span};

/// How many runs each figure is the middle of.
const RUNS: u64 = 15;

/// How much farther away a slow peer is.
const SLOWER: u64 = 5;

/// Peers in a wide area, and what is wrong with some of them.
pub(super) struct World {
    peers: u16,
    pub(super) cast: Cast,
    pub(super) site: Site,
}

impl World {
    /// `peers` peers, of which `troubled` are slow or down: those nearest to the proposer, which is
    /// the worst case.
    pub(super) fn new(peers: u16, troubled: u16, down: bool) -> Self {
        let all = || (1..=peers).map(PeerId);
        let electorate = Electorate { acceptors: all().collect(), learners: all().collect() };
        let roles = Roles { peers, proposers: BTreeMap::from([(PeerId(1), electorate)]) };
        let mut cast = casts::cast(&roles, 0);
        // With everything connected that will ever be, so that the dials do not count.
        cast.set_link_wait(Duration::from_secs(2));
        let mut others: Vec<PeerId> = all().skip(1).collect();
        others.sort_by_key(|peer| way_us(PeerId(1), *peer));
        others.truncate(troubled.into());
        let is_slow = |peer: &PeerId| !down && others.contains(peer);
        let way = |from: PeerId, to: PeerId| {
            way_us(from, to) * if is_slow(&from) || is_slow(&to) { SLOWER } else { 1 }
        };
        let ways_us = all().flat_map(|from| all().map(move |to| (from, to)));
        let ways_us = ways_us.map(|(from, to)| way(from, to)).collect();
        let absent = if down { others } else { Vec::new() };
        Self { peers, cast, site: Site { distances: ways_us, absent } }
    }

    /// The way from one peer to another.
    pub(super) fn way_us(&self, from: PeerId, to: PeerId) -> u64 {
        self.site.distances
            [usize::from(from.0 - 1) * usize::from(self.peers) + usize::from(to.0 - 1)]
    }

    /// The middle of its simulated runs, and how many messages were sent until somebody knew.
    pub(super) fn simulate<S>(&self, flush: Span) -> (Times, u64)
    where
        S: Simulated<Parameters = PaxosParameters, Tally = PaxosTally>,
    {
        let faults = Faults { delay: Span::us(50, 1_000), flush, ..Faults::none() };
        let parameters = PaxosParameters::at(self.cast.clone(), self.site.clone());
        let none = ("none", Faults::none as fn() -> Faults);
        let scenario = Scenario::<S>::new(self.peers, parameters, &none).with_faults(faults);
        let runs: Vec<RunOutcome<PaxosTally>> = (0..RUNS).map(|seed| scenario.play(seed)).collect();
        let middle = |figure: &dyn Fn(&RunOutcome<PaxosTally>) -> u64| {
            let mut figures: Vec<u64> = runs.iter().map(figure).collect();
            figures.sort_unstable();
            figures[figures.len() / 2]
        };
        let since = |us: u64, run: &RunOutcome<PaxosTally>| us.saturating_sub(run.tally.begun_us);
        let decided_ms = as_f64(middle(&|run| since(run.tally.decided_us, run))) / 1e3;
        let known_ms = as_f64(middle(&|run| since(run.virtual_us, run))) / 1e3;
        (Times { decided_ms, known_ms }, middle(&|run| run.tally.sent_to_decide))
    }
}

/// How long after the first question somebody knew the choice, and how long after it everybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub(super) decided_ms: f64,
    pub(super) known_ms: f64,
}

impl Times {
    /// A line for people, and for [`Self::read`].
    pub(super) fn text(&self) -> String {
        let Self { decided_ms, known_ms } = self;
        format!("known to one after {decided_ms:.1} ms, to all after {known_ms:.1} ms\n")
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut figures = text.split_whitespace().filter_map(|word| word.parse().ok());
        Some(Self { decided_ms: figures.next()?, known_ms: figures.next()? })
    }
}
