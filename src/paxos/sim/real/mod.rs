//! A schedule of the simulator on real processes: `synod replay FILE --real`.
//!
//! Every peer is a process with sockets, a data directory and a journal (`peer`); all connections
//! go through a relay that holds every message (`relay`). This module reads the script step by
//! step: it starts and kills processes, tells them what happens to them, lets messages arrive. A
//! kill is a kill; what a power loss takes is taken out of the log's file afterwards, since the
//! simulated disk says what had reached it. After the last step everything that is still under way
//! arrives, so that what follows from the script shows in the lines, too.
//!
//! The judge of `synod check` is given the journal of this run and that of the simulated one: the
//! real run must violate what the simulated one does.
//!
//! Left out: properties about time. Their failures have no schedule.

mod peer;
mod process;
mod relay;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::journal::judged;
use super::plan::PaxosPlan;
use crate::command::{colour, complain, print};
use crate::error::{Doing, Error, Result};
use crate::paxos::judge::{PaxosRule, Report};
use crate::paxos::{Message, Timer, Value};
use crate::process::PeerId;
use crate::sim::gated::{Order, StepProperties};
use crate::sim::harness::{RealReplay, Scenario, Schedule, schedule};
use crate::sim::script::{Cause, CrashPoint, What};
use crate::sim::{DiskModel, ScriptStep};
use crate::trace::findings::{Rule as _, Severity};
pub(super) use peer::Played;
use peer::{PeerOrder, links};
use process::Running;
use relay::{Found, Relay};
use shelf::Shelf;

/// How long nothing may move before the end of a run is the end.
const QUIET: Duration = Duration::from_millis(700);
/// Beyond so many messages a run that goes on by itself is over.
const MOST_MESSAGES: usize = 1_000;

type Step = ScriptStep<Message, Timer, Value>;

/// The command.
pub(super) fn run<S: Played>(replay: &RealReplay) -> Result<ExitCode> {
    if let Some(one) = &replay.one_peer {
        return peer::run::<S>(replay, one);
    }
    let (scenario, played) = schedule::read::<S>(&replay.file)?;
    let mutant = scenario.mutant.filter(|_| !replay.without_bug);
    let scenario = scenario.with_mutant(mutant).to_the_end();
    let simulated = scenario.record_schedule(&played).journal;
    let place = Place::new()?;
    let mut stage = Stage::new(&scenario, &played, replay, &place)?;
    for step in &played.steps {
        stage.perform(step)?;
    }
    stage.let_go()?;
    let (skipped, substituted) = (stage.skipped, stage.substituted);
    drop(stage);
    if skipped + substituted > 0 {
        complain(&format!(
            "{skipped} steps could not be performed, and {substituted} messages of the schedule \
             were not sent, so others of their kind arrived instead\n"
        ));
    }
    let journal = fs::read_to_string(place.journal())
        .doing(|| format!("reading {}", place.journal().display()))?;
    if let Some(path) = &replay.trace {
        fs::write(path, &journal).doing(|| format!("writing {}", path.display()))?;
    }
    let roles = &scenario.parameters.cast(&played.plan).roles;
    let (real, simulated) = (judged(&journal, roles)?, judged(&simulated, roles)?);
    colour::print_report(&real.for_people(&["the real run".into()], false))?;
    verdict(&violated(&simulated), &violated(&real), mutant.is_some())
}

/// The rules that a run violated.
fn violated(report: &Report) -> BTreeSet<&'static str> {
    let tallies = &report.findings.tallies;
    let is_broken = |rule: &PaxosRule| tallies.get(rule).is_some_and(|tally| tally.broken > 0);
    let rows = PaxosRule::TABLE.iter().filter(|row| row.level == Severity::Safety);
    rows.filter(|row| is_broken(&row.rule)).map(|row| row.name).collect()
}

fn verdict(simulated: &BTreeSet<&str>, real: &BTreeSet<&str>, is_mutant: bool) -> Result<ExitCode> {
    let list = |rules: &BTreeSet<&str>| match rules.len() {
        0 => "nothing".to_owned(),
        _ => rules.iter().copied().collect::<Vec<_>>().join(", "),
    };
    print(&format!(
        "\nviolated by the lines of the simulated run: {}\n\
         violated by the lines of the real run:      {}\n",
        list(simulated),
        list(real)
    ))?;
    let is_as_expected =
        if is_mutant { !real.is_empty() && real.is_superset(simulated) } else { real.is_empty() };
    Ok(ExitCode::from(u8::from(!is_as_expected)))
}

/// Where the processes of a replay have their files; gone with the value.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self> {
        let name = format!("synod-replay-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).doing(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn data(&self, peer: PeerId) -> PathBuf {
        self.0.join(peer.to_string())
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The processes, and what is between them.
struct Stage<'a, S: Played> {
    scenario: &'a Scenario<S>,
    plan: &'a PaxosPlan,
    at_once: bool,
    replay: &'a RealReplay,
    place: &'a Place,
    relay: Arc<Relay>,
    running: BTreeMap<PeerId, Running>,
    /// Those that wait for the flush with which they begin.
    booting: BTreeSet<PeerId>,
    shelves: BTreeMap<PeerId, Shelf>,
    skipped: usize,
    substituted: usize,
}

impl<'a, S: Played> Stage<'a, S> {
    fn new(
        scenario: &'a Scenario<S>,
        played: &'a Schedule<S>,
        replay: &'a RealReplay,
        place: &'a Place,
    ) -> Result<Self> {
        let peers = (1..=scenario.peers).map(PeerId);
        let disk = scenario.mutant.map_or(DiskModel::Sound, |mutant| mutant.disk);
        let shelves =
            peers.clone().map(|peer| (peer, Shelf::new(place.data(peer), disk))).collect();
        let of = |me| links(scenario, &played.plan, me).into_iter().map(move |to| (me, to));
        let ways: Vec<_> = peers.flat_map(of).collect();
        Ok(Self {
            scenario,
            plan: &played.plan,
            at_once: played.at_once,
            replay,
            place,
            relay: Relay::open(&ways)?,
            running: BTreeMap::new(),
            booting: BTreeSet::new(),
            shelves,
            skipped: 0,
            substituted: 0,
        })
    }

    /// Performs one step of the script, or skips it.
    fn perform(&mut self, step: &Step) -> Result<()> {
        let peer = step.peer;
        let properties = StepProperties { waits_from: step.waits_from, dies: step.dies };
        let is_up = self.running.contains_key(&peer);
        let done = match &step.event {
            What::Start if !is_up && step.waits_from == Some(0) => self.booting.insert(peer),
            What::Start if !is_up => self.start(peer, properties)?,
            What::Flushed if self.booting.remove(&peer) => self.start(peer, properties)?,
            What::Crash { .. } if self.booting.remove(&peer) => true,
            What::Crash { kept, cause } if is_up => self.crash(peer, *cause, *kept)?,
            What::Received { from, message } if is_up => {
                self.order(peer, &Order::Next(properties))?;
                self.deliver((*from, peer), message)?
            }
            event if is_up => match order_of(event) {
                Some(order) => {
                    self.order(peer, &Order::Next(properties))?;
                    self.order(peer, &order)?;
                    true
                }
                None => false,
            },
            _ => false,
        };
        if !done {
            self.skipped += 1;
            return Ok(());
        }
        if let Some(CrashPoint { kept, cause, .. }) = step.dies {
            self.crash(peer, cause, kept)?;
        } else if self.at_once && self.running.contains_key(&peer) {
            self.order(peer, &Order::Settle)?;
        }
        Ok(())
    }

    fn start(&mut self, peer: PeerId, first: StepProperties) -> Result<bool> {
        let ids = (1..=self.scenario.peers).map(PeerId);
        let ports = ids.map(|to| self.relay.port(peer, to)).collect::<Vec<_>>();
        let (data, journal) = (self.place.data(peer), self.place.journal());
        let running = Running::start(self.replay, peer, &ports, &data, &journal, first)?;
        self.relay.lives(peer, running.port);
        self.running.insert(peer, running);
        let written = self.done(peer)?;
        self.note(peer, written)?;
        // In the simulator a link takes messages as soon as both ends live.
        for other in links(self.scenario, self.plan, peer) {
            if self.running.contains_key(&other) {
                for (one, with) in [(peer, other), (other, peer)] {
                    self.one(one)?.linked_with(with)?;
                }
            }
        }
        Ok(true)
    }

    fn one(&mut self, peer: PeerId) -> Result<&mut Running> {
        let ended = || Error::Input(format!("{peer} has ended by itself"));
        self.running.get_mut(&peer).ok_or_else(ended)
    }

    /// Waits until an event of this peer is over, and what it has sent has left.
    fn done(&mut self, peer: PeerId) -> Result<u64> {
        self.one(peer)?.done()
    }

    fn note(&mut self, peer: PeerId, written: u64) -> Result<()> {
        self.shelves.get_mut(&peer).map_or(Ok(()), |shelf| shelf.note(written))
    }

    fn order(&mut self, peer: PeerId, order: &PeerOrder) -> Result<()> {
        let one = self.one(peer)?;
        one.order(order)?;
        let written = one.done()?;
        self.note(peer, written)
    }

    fn deliver(&mut self, way: (PeerId, PeerId), message: &Message) -> Result<bool> {
        match self.relay.deliver(way, message)? {
            Found::Nothing => return Ok(false),
            Found::Alike => self.substituted += 1,
            Found::Exact => {}
        }
        let written = self.done(way.1)?;
        self.note(way.1, written)?;
        Ok(true)
    }

    /// Kills a process. Of what its disk does not hold for certain, so many records survive.
    fn crash(&mut self, peer: PeerId, cause: Cause, kept: u32) -> Result<bool> {
        let kept_log = self.shelves.get_mut(&peer).expect("each has one");
        let of_waiting = kept_log.kept_of_waiting(cause, kept);
        let one = self.running.get_mut(&peer).expect("it is up");
        one.order(&PeerOrder::Keep(of_waiting))?;
        let written = one.done()?;
        // Its messages to itself come behind the step.
        one.order(&Order::Next(StepProperties::default()))?;
        one.done()?;
        self.running.remove(&peer);
        self.relay.died(peer);
        for other in self.running.values_mut() {
            other.unlinked(peer);
        }
        kept_log.crash(cause, kept, written)?;
        Ok(true)
    }

    /// Lets everything that is under way arrive, and everybody go on, until nothing moves.
    fn let_go(&mut self) -> Result<()> {
        for _ in 0..MOST_MESSAGES {
            let living: Vec<PeerId> = self.running.keys().copied().collect();
            for peer in living {
                self.order(peer, &Order::Settle)?;
            }
            match self.relay.deliver_oldest(QUIET)? {
                Some(to) => _ = self.done(to)?,
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

/// What a peer is told, of what happens to it alone.
fn order_of(event: &What<Message, Timer, Value>) -> Option<PeerOrder> {
    Some(match event {
        What::Connected(with) => Order::Connected(*with),
        What::Timeout(timer) => Order::Timeout(*timer),
        What::Proceed => Order::Proceed,
        What::Input(value) => Order::Input(*value),
        What::Flushed => Order::Flushed,
        What::Start | What::Received { .. } | What::Crash { .. } => return None,
    })
}
