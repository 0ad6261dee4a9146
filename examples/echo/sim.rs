//! The protocol under the simulator: its worlds, its properties, its mutants.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use synod::process::{Effect, Output, PeerId};
use synod::sim::harness::{
    Figure, Monitor, NoParameters, Property, RunFindings, Scenario, Simulated, Tally, Violations,
    WorldFaults, all_pairs, is_complete,
};
use synod::sim::mutant::{self, Guard, Mutable, Subject};
use synod::sim::{Counts, DiskModel, Faults, RunConfig, RunEnd, RunObserver};
use synod::trace::journal::{JournalLine, Journalled as _};

use super::judge::objections;
use super::lines::EchoLog;
use super::protocol::{Echo, Fact, Message, Setup};

/// Up to which number a simulated peer counts.
const GOAL: u64 = 3;
/// Within so much virtual time of the recovery phase everybody has.
const PATIENCE_US: u64 = 60_000_000;

const ECHOED: Property =
    Property::new("echoed", "a number is counted when every other peer has echoed it");
const IN_ORDER: Property =
    Property::new("in-order", "a peer never counts a number again, nor a lower one");
const REACHED: Property =
    Property::in_time("reached", "everybody counts to the goal in the recovery phase");

type Mutant = mutant::Mutant<Echo>;

impl Mutable for Echo {
    type Setup = Setup;
    type Notes = ();

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}

/// What keeps it from its mutants' mistakes.
const COUNT: Guard = Guard::new(
    "echoed",
    "examples/echo/protocol.rs",
    "fn is_due",
    "count: a number is counted when every other peer has echoed it",
);

static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "one-echo-is-all",
        does: "Takes the first echo for the echo of everybody.",
        seen: "Counters that count answers and not who gave them.",
        guard: COUNT,
        receive: |state, _, message| {
            if let Message::Echo(_) = message {
                let others = state.setup.others.clone();
                state.inject_all(others.into_iter().map(|other| (other, *message)));
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "forgets-its-count",
        does: "Begins again with 1 after a crash.",
        seen: "Counters in memory.",
        guard: Guard { rule: "in-order", item: "fn restore", ..COUNT },
        restore: |_, _| None,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "calls-only-once",
        does: "Calls when it starts and when it has counted, and at no other time.",
        seen: "Messages treated as if they could not get lost.",
        guard: Guard { rule: "reached", item: "fn timeout", ..COUNT },
        connected: |_, _| false,
        effect: |_, effect| !matches!(effect, Effect::SetTimer(..)),
        ..Mutant::PLAIN
    },
];

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EchoTally {
    /// How often a number was counted.
    pub(crate) counted: u64,
}

impl Tally for EchoTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![("numbers counted", Figure::Sum(self.counted))]
    }
}

/// The row of the table.
pub(crate) struct EchoSim;

impl Simulated for EchoSim {
    type Peer = Echo;
    type Parameters = NoParameters;
    type Plan = ();
    type Tally = EchoTally;
    type Monitor = EchoMonitor;

    const NAME: &'static str = "echo";
    const WORLDS: &'static [WorldFaults] =
        &[("heavy", Faults::heavy), ("light", Faults::light), ("none", Faults::none)];
    const PROPERTIES: &'static [Property] = &[ECHOED, IN_ORDER, REACHED];
    const MOST_PEERS: u16 = 32;
    const MATRIX: &'static [(&'static str, u64)] = &[("--peers 3 --faults heavy", 200)];
    const KNOWN_FAILURES: &'static str = include_str!("known_failures.txt");
    const SEARCH_BUDGET: u64 = 1_000;
    const JOURNAL: &'static str = "jsonl";
    const HELP: &'static str = "\n\
        worlds:\n\
        \x20 heavy  all kinds of faults (the default)\n\
        \x20 light  fewer of them\n\
        \x20 none   no faults\n";

    fn mutants() -> impl Iterator<Item = &'static Mutant> {
        MUTANTS.iter()
    }

    fn plan(_run: &Scenario<Self>, _seed: u64) {}

    fn config<'a>(run: &'a Scenario<Self>, (): &'a ()) -> RunConfig<'a> {
        RunConfig {
            peers: run.peers,
            links: Cow::Owned(all_pairs(run.peers)),
            faults: &run.faults,
            time_limit: PATIENCE_US,
            distances: &[],
            absent: &[],
            addresses: None,
            disk: DiskModel::Sound,
        }
    }

    fn setup(run: &Scenario<Self>, (): &(), me: PeerId, _incarnation: u64) -> Setup {
        let others = (1..=run.peers).map(PeerId).filter(|peer| *peer != me).collect();
        Setup { others, goal: GOAL }
    }

    fn monitor(run: &Scenario<Self>, (): &(), journal: bool) -> EchoMonitor {
        EchoMonitor {
            peers: (1..=run.peers).map(|peer| (PeerId(peer), Known::default())).collect(),
            violations: Violations::new(run.only),
            tally: EchoTally::default(),
            journal: journal.then(String::new),
            to_the_end: run.to_the_end,
        }
    }
}

/// What an onlooker knows of one peer.
#[derive(Default)]
struct Known {
    counted: u64,
    is_done: bool,
    /// Who has echoed what to it.
    echoes: BTreeMap<u64, BTreeSet<PeerId>>,
}

/// Looks at a run, and takes nothing from the protocol's own idea of it.
pub(crate) struct EchoMonitor {
    peers: BTreeMap<PeerId, Known>,
    violations: Violations,
    tally: EchoTally,
    journal: Option<String>,
    to_the_end: bool,
}

impl EchoMonitor {
    fn note(&mut self, now: u64, line: impl FnOnce() -> JournalLine) {
        if let Some(journal) = &mut self.journal {
            journal.push_str(&JournalLine { time_us: now, ..line() }.json());
        }
    }

    fn counted(&mut self, peer: PeerId, number: u64) {
        let all = self.peers.len() - 1;
        let Some(known) = self.peers.get_mut(&peer) else { return };
        self.tally.counted += 1;
        if number <= known.counted {
            let how = || format!("{peer} counts {number} after {}", known.counted);
            self.violations.add(IN_ORDER, how);
        }
        known.counted = number;
        let echoed = known.echoes.get(&number).map_or(0, BTreeSet::len);
        if echoed < all {
            let how = || format!("{peer} counts {number}, echoed by {echoed} of {all}");
            self.violations.add(ECHOED, how);
        }
    }
}

impl Monitor for EchoMonitor {
    type Tally = EchoTally;

    fn finish(mut self, end: RunEnd, _now: u64, _counts: &Counts) -> RunFindings<EchoTally> {
        let is_complete = is_complete(end);
        for (peer, known) in self.peers.iter().filter(|(_, known)| is_complete && !known.is_done) {
            let how = || format!("{peer} has counted to {} only", known.counted);
            self.violations.add(REACHED, how);
        }
        // Of a run that was broken off its lines cannot say whether all would be done.
        let judged = self.journal.clone().filter(|_| is_complete).map(objections);
        let journal = self.journal.unwrap_or_default();
        RunFindings { violations: self.violations, tally: self.tally, journal, judged }
    }
}

impl<P: Subject<Echo>> RunObserver<P> for EchoMonitor {
    fn started(&mut self, now: u64, peer: PeerId, _process: &P) {
        self.note(now, || JournalLine::started(EchoLog::NAME, peer));
    }

    fn durable(&mut self, _now: u64, _peer: PeerId, _record: &P::Record) {}

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        self.note(now, || JournalLine::of(EchoLog::NAME, peer, output));
        match output {
            Output::Received(from, Message::Echo(number)) => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.echoes.entry(*number).or_default().insert(*from);
                }
            }
            Output::Report(Fact::Counted(number)) => self.counted(peer, *number),
            Output::Report(Fact::Done) => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.is_done = true;
                }
            }
            _ => {}
        }
    }

    fn stepped(&mut self, _now: u64, _peer: PeerId, _process: &P) {}

    fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}

    fn healed(&mut self, _now: u64) {}

    fn failed(&self) -> bool {
        !self.to_the_end && self.violations.first().is_some()
    }

    fn reached(&self) -> bool {
        self.peers.values().all(|known| known.is_done)
    }
}
