//! What is known of a run of the ring, and what in it violates a property.
//!
//! It knows the plan, so who is there and where each file was; nothing is taken from what a peer
//! believes, but to compare it with that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use super::pings::Pings;
use super::plan::RingPlan;
use super::properties::{
    AGREED, ALONE, ENDS, EXACT, FOUND, HANDED_OVER, HEALED, LEAVES, MENDED, NAMED_DEAD, NOT_EARLY,
    NOTHING_LOST, PATIENT, RingTally, STOPS, WHOLE, WRITTEN_ONCE,
};
use crate::process::{Output, PeerId};
use crate::ring::judge::objections;
use crate::ring::key::{Key, Name};
use crate::ring::lines::{logged, printed, said};
use crate::ring::machine::{Input, KILLED, Message, RingMachine};
use crate::ring::message::{
    self, Fact, FileOrder, LogEvent, Note, Record, TransferFailure, TransferId,
};
use crate::ring::transfer::{Payload, TIMEOUT};
use crate::sim::harness::{Monitor, RunFindings, Scenario, Simulated, Violations, is_complete};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, RunEnd, RunObserver};

/// What is known of one machine.
#[derive(Clone, Debug, Default)]
struct Machine {
    is_there: bool,
    files: BTreeSet<Name>,
    is_idle: bool,
    /// A file has got its name since the last look.
    is_news: bool,
    /// The request that came last: who had passed it on, and its name.
    came: Option<(Key, Name)>,
    /// Its successors and its predecessors, as it believes.
    around: Option<([Key; 2], [Option<Key>; 2])>,
    /// When it was told to quit.
    told: Option<u64>,
    /// What of each file that comes was written.
    written: BTreeMap<TransferId, BTreeSet<u64>>,
}

/// Looks at a run of the ring.
pub struct RingMonitor {
    ids: Vec<Key>,
    contents: BTreeMap<Name, Payload>,
    machines: BTreeMap<PeerId, Machine>,
    killed: BTreeSet<Key>,
    pings: Pings,
    /// Who has received what.
    received: BTreeSet<(PeerId, Name)>,
    /// When the ring must have healed.
    due: VecDeque<u64>,
    /// When each segment was sent last.
    tried: BTreeMap<(TransferId, u64), u64>,
    /// Who waits for what since the calm.
    open: BTreeSet<(PeerId, Name)>,
    /// Who was told that there is no such file.
    absent: BTreeMap<(PeerId, Name), String>,
    events: Vec<(u64, PeerId, Input)>,
    calm_us: u64,
    violations: Violations,
    tally: RingTally,
    last_us: u64,
    now: u64,
    journal: Option<String>,
    to_the_end: bool,
}

/// After a change no peer needs longer than this to know its neighbours: four pings that are not
/// answered, and a second.
const MENDED_US: u64 = 6_300_000;

/// When the ring must have healed after its changes.
fn due(events: &[(u64, PeerId, Input)]) -> VecDeque<u64> {
    let changes = events.iter().filter(|(_, _, input)| {
        matches!(input, Input::Begin | Input::Die | Input::Typed(message::Input::Quit))
    });
    let times: Vec<u64> = changes.map(|change| change.0).collect();
    let is_last = |at: usize| times.get(at + 1).is_none_or(|next| *next > times[at] + MENDED_US);
    (0..times.len()).filter(|at| is_last(*at)).map(|at| times[at] + MENDED_US).collect()
}

/// The content of a file: no two are alike.
pub(super) fn content(name: Name, size: u32) -> Payload {
    let seed = u32::from(u16::from(name)) + 1;
    let byte = |at: u32| {
        let mixed = at.wrapping_mul(2_654_435_761).wrapping_add(seed * 977);
        mixed.to_be_bytes()[1]
    };
    Payload((0..size).map(byte).collect())
}

impl RingMonitor {
    pub(super) fn new(run: &Scenario<impl Simulated>, plan: &RingPlan, journal: bool) -> Self {
        let machines = (1..=run.peers).map(|peer| {
            let stored = plan.files.iter().filter(|(_, (at, _))| at.0 == peer);
            let files = stored.map(|(name, _)| *name).collect();
            let is_there = plan.members.contains(&PeerId(peer));
            (PeerId(peer), Machine { is_there, files, ..Machine::default() })
        });
        let last = plan.events.last().map_or(0, |event| event.0);
        let at_last = plan.events.iter().filter(|event| event.0 >= plan.calm_us);
        let open = at_last.filter_map(|(_, peer, input)| match input {
            Input::Typed(message::Input::Request(name)) => Some((*peer, *name)),
            _ => None,
        });
        Self {
            ids: plan.ids.clone(),
            contents: plan
                .files
                .iter()
                .map(|(name, (_, size))| (*name, content(*name, *size)))
                .collect(),
            machines: machines.collect(),
            killed: BTreeSet::new(),
            pings: Pings::default(),
            received: BTreeSet::new(),
            due: due(&plan.events),
            tried: BTreeMap::new(),
            open: open.collect(),
            absent: BTreeMap::new(),
            events: plan.events.clone(),
            calm_us: plan.calm_us,
            violations: Violations::new(run.only),
            tally: RingTally::default(),
            last_us: last,
            now: 0,
            journal: journal.then(String::new),
            to_the_end: run.to_the_end,
        }
    }

    fn id(&self, peer: PeerId) -> Key {
        self.ids[crate::sim::index(peer)]
    }

    fn line(&mut self, peer: PeerId, lines: &str) {
        let id = self.id(peer);
        if let Some(journal) = &mut self.journal {
            for line in lines.lines() {
                let _ = writeln!(journal, "peer{id} | {line}"); // a String takes all
            }
        }
    }

    /// A segment leaves.
    fn sent(&mut self, now: u64, peer: PeerId, id: TransferId, seq: u64) {
        // By this much a clock may be fast.
        let timeout = u64::try_from(TIMEOUT.as_micros()).unwrap_or(0) / 50 * 49;
        let before = self.tried.insert((id, seq), now);
        if before.is_some_and(|before| now < before + timeout) {
            let how = || format!("{peer} sends segment {seq} again too early");
            self.violations.add(NOT_EARLY, how);
        }
    }

    fn ordered(&mut self, peer: PeerId, order: &FileOrder) {
        let Some(machine) = self.machines.get_mut(&peer) else { return };
        match order {
            FileOrder::Write(id, at, bytes) => {
                let written = machine.written.entry(*id).or_default();
                let mut places = *at..*at + bytes.0.len() as u64;
                if places.any(|place| !written.insert(place)) {
                    let how = || format!("{peer} writes byte {at} twice");
                    self.violations.add(WRITTEN_ONCE, how);
                }
            }
            FileOrder::Finish(_) => machine.is_news = true,
            FileOrder::Remove(name) => {
                let was_here = machine.files.remove(name);
                let mut others = self.machines.values();
                let is_elsewhere = others.any(|it| it.is_there && it.files.contains(name));
                if was_here && !is_elsewhere {
                    let how = || format!("{peer} removes {name}, which nobody else has");
                    self.violations.add(NOTHING_LOST, how);
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self, peer: PeerId, name: Name, absent: Option<String>) {
        if self.now >= self.calm_us {
            self.open.remove(&(peer, name));
            if let Some(how) = absent.filter(|_| !self.pings.are_mistaken(self.now)) {
                self.absent.insert((peer, name), how);
            }
        }
    }

    fn noted(&mut self, peer: PeerId, note: Note) {
        match note {
            Note::Alone
                if !self.pings.are_mistaken(self.now)
                    && self.machines.values().filter(|machine| machine.is_there).count() > 1 =>
            {
                self.violations.add(ALONE, || format!("{peer} says that it is alone"));
            }
            Note::NotHereEither(name)
            | Note::NotThere(name, _)
            | Note::NoAnswer(name)
            | Note::NotReceived(name, ..)
            | Note::Abandoned(name, ..) => {
                self.tally.absent += 1;
                self.settle(peer, name, Some(format!("{note:?}")));
            }
            Note::MovedTo(..) => self.tally.moved += 1,
            Note::NotSent(name, to, TransferFailure::GaveUp) => {
                let asker = self.machine(to);
                let is_there = self.machines.get(&asker).is_some_and(|it| it.is_there);
                if is_there {
                    let how = || format!("{peer} gives up sending {name} to {asker}");
                    self.violations.add(PATIENT, how);
                }
                if is_there && self.received.contains(&(asker, name)) {
                    let how = || format!("{peer} has not sent {name}, which {asker} has");
                    self.violations.add(AGREED, how);
                }
            }
            _ => {}
        }
        match note {
            Note::NotReceived(..) | Note::Abandoned(..) => self.tally.broken_off += 1,
            _ => {}
        }
    }

    fn reported(&mut self, peer: PeerId, fact: &Fact) {
        match fact {
            Fact::Log(entry) => {
                self.tally.resent += u64::from(entry.event == LogEvent::Resent);
            }
            Fact::Order(order) => self.ordered(peer, order),
            Fact::Note(note) => self.noted(peer, *note),
            Fact::FileReceived(name) => {
                self.tally.received += 1;
                self.received.insert((peer, *name));
                self.settle(peer, *name, None);
            }
            Fact::Here(name) => self.settle(peer, *name, None),
            Fact::ResponseFrom(_, _, hops) => {
                self.tally.answered += 1;
                self.tally.hops += u64::from(*hops);
                self.tally.most_hops = self.tally.most_hops.max((*hops).into());
            }
            Fact::PassedOn(name) => {
                let me = self.id(peer);
                let came = self.machines.get(&peer).and_then(|machine| machine.came);
                if came.is_some_and(|(from, of)| of == *name && name.hash().is_in(from, me)) {
                    let how = || format!("{peer} passes on the request for {name}, its own");
                    self.violations.add(STOPS, how);
                }
            }
            Fact::Dead(dead) if !self.killed.contains(dead) => self.is_called_dead(peer, *dead),
            _ => {}
        }
        match fact {
            Fact::Log(entry) => self.line(peer, &logged(entry, 0)),
            Fact::Note(note) => self.line(peer, &said(*note)),
            fact => {
                if let Some(lines) = printed(fact) {
                    self.line(peer, &lines);
                }
            }
        }
    }

    /// One that was not killed.
    fn is_called_dead(&mut self, by: PeerId, dead: Key) {
        let of = self.machine(dead);
        let is_there = self.machines.get(&of).is_some_and(|machine| machine.is_there);
        if !is_there || !self.pings.explains(self.now, by, of) {
            self.violations.add(NAMED_DEAD, || format!("{by} calls peer {dead} dead"));
        }
    }

    /// The machine with this id.
    fn machine(&self, id: Key) -> PeerId {
        let at = self.ids.iter().position(|key| *key == id).map_or(0, |at| at + 1);
        PeerId(u16::try_from(at).unwrap_or(0))
    }

    /// The ids of those that are there, in order.
    fn ring(&self) -> Vec<Key> {
        let there = self.machines.iter().filter(|(_, machine)| machine.is_there);
        let mut ring: Vec<Key> = there.map(|(peer, _)| self.id(*peer)).collect();
        ring.sort();
        ring
    }

    /// Who has wrong neighbours, if anybody has.
    fn wrong(&self) -> Option<String> {
        let ring = self.ring();
        let count = ring.len();
        for (peer, machine) in self.machines.iter().filter(|(_, machine)| machine.is_there) {
            let id = self.id(*peer);
            let at = ring.iter().position(|key| *key == id)?;
            let right = [1, 2].map(|far| ring[(at + far) % count]);
            let before = [1, 2].map(|far| Some(ring[(at + count - far % count) % count]));
            let Some((after, known)) = machine.around else {
                return Some(format!("peer {id} has no place"));
            };
            if after != right {
                return Some(format!("peer {id} has successors {after:?}, not {right:?}"));
            }
            let needed = count.saturating_sub(1).min(2);
            if known[..needed] != before[..needed] {
                return Some(format!("peer {id} has predecessors {known:?}, not {before:?}"));
            }
        }
        None
    }
}

impl Monitor for RingMonitor {
    type Tally = RingTally;

    fn finish(mut self, end: RunEnd, now: u64, _: &Counts) -> RunFindings<RingTally> {
        self.tally.longest_us = now.saturating_sub(self.last_us);
        if end == RunEnd::TooLate {
            if let Some(how) = self.wrong() {
                self.violations.add(HEALED, || how);
            }
            let busy = self.machines.iter().find(|(_, it)| it.is_there && !it.is_idle);
            if let Some((peer, _)) = busy {
                let how = format!("something is under way still at {peer}: {:?}", self.open);
                self.violations.add(ENDS, || how);
            } else if let Some(open) = self.open.first() {
                let how = format!("nothing has come of {open:?}");
                self.violations.add(ENDS, || how);
            }
        }
        let mut absent = std::mem::take(&mut self.absent);
        absent.retain(|(_, name), _| {
            self.machines.values().any(|it| it.is_there && it.files.contains(name))
        });
        if let Some(((peer, name), how)) = absent.pop_first() {
            let how = || format!("{peer} asks for {name}, which is there, and gets {how}");
            self.violations.add(FOUND, how);
        }
        let judged = self.journal.clone().filter(|_| is_complete(end)).map(objections);
        let journal = self.journal.unwrap_or_default();
        RunFindings { violations: self.violations, tally: self.tally, journal, judged }
    }
}

impl<P: Subject<RingMachine>> RunObserver<P> for RingMonitor {
    fn started(&mut self, _now: u64, _peer: PeerId, _process: &P) {}

    fn durable(&mut self, _now: u64, _peer: PeerId, record: &Record) {
        match *record {}
    }

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        self.now = now;
        match output {
            Output::Report(fact) => self.reported(peer, fact),
            Output::Sent(_, Message::Plain(message::Message::Data { id, seq, .. })) => {
                self.sent(now, peer, *id, *seq);
            }
            Output::Sent(to, Message::Plain(message::Message::Ping { .. })) => {
                self.pings.sent(peer, *to);
            }
            Output::Received(from, Message::Plain(message::Message::Pong { .. })) => {
                self.pings.answered(peer, *from);
            }
            Output::Received(from, Message::Plain(message::Message::Request(wish))) => {
                let came = Some((self.id(*from), wish.name));
                self.machines.entry(peer).or_default().came = came;
            }
            _ => {}
        }
    }

    fn stepped(&mut self, now: u64, peer: PeerId, process: &P) {
        self.now = now;
        if self.due.front().is_some_and(|due| now > *due) {
            self.due.pop_front();
            if let Some(how) = self.wrong().filter(|_| !self.pings.are_mistaken(now)) {
                self.violations.add(MENDED, || how);
            }
        }
        let process = process.process();
        let Some(machine) = self.machines.get_mut(&peer) else { return };
        if std::mem::take(&mut machine.is_news)
            && let Some((name, content)) = process.received().iter().find(|(name, content)| {
                self.contents.get(name).is_none_or(|right| right != *content)
            })
        {
            let length = content.0.len();
            let how = || format!("{peer} has received {length} bytes as {name}, which is not it");
            let right = self.contents.get(name).map_or(0, |content| content.0.len());
            if length < right {
                self.violations.add(WHOLE, how);
            }
            self.violations.add(EXACT, how);
        }
        let Some(machine) = self.machines.get_mut(&peer) else { return };
        machine.is_there = process.is_awake();
        machine.is_idle = process.is_idle();
        if machine.files.len() != process.files().len() {
            machine.files = process.files().keys().copied().collect();
        }
        machine.around = process.peer().successors().and_then(|table| {
            Some(([table.first(), table.second()?], process.peer().predecessors()))
        });
        let is_due = |event: &(u64, PeerId, Input)| {
            event.0 <= now && event.1 == peer && event.2 == Input::Typed(message::Input::Quit)
        };
        machine.told = self.events.iter().find(|event| is_due(event)).map(|event| event.0);
        if let Some(told) = machine.told.filter(|told| now > told + 3_300_000) {
            let how = || format!("{peer} was told to quit {} ms ago", (now - told) / 1000);
            self.violations.add(LEAVES, how);
        }
    }

    fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}

    fn healed(&mut self, _now: u64) {}

    fn failed(&self) -> bool {
        !self.to_the_end && self.violations.first().is_some()
    }

    /// All has happened, everybody knows its neighbours, and nothing is under way.
    fn reached(&self) -> bool {
        self.now > self.last_us
            && self.open.is_empty()
            && self.machines.values().all(|machine| !machine.is_there || machine.is_idle)
            && self.wrong().is_none()
    }

    fn halted(&mut self, now: u64, peer: PeerId, code: u8) {
        self.now = now;
        self.tally.changes += 1;
        let id = self.id(peer);
        let text = if code == KILLED { "killed" } else { "quits" };
        if code == KILLED {
            self.killed.insert(id);
        }
        let machine = self.machines.entry(peer).or_default();
        machine.is_there = false;
        let files = machine.files.clone();
        let is_lost =
            |name: &&Name| !self.machines.values().any(|it| it.is_there && it.files.contains(name));
        if let Some(name) = files.iter().find(is_lost).filter(|_| code != KILLED) {
            self.violations.add(HANDED_OVER, || format!("{peer} has quit, and {name} with it"));
        }
        if let Some(journal) = &mut self.journal {
            let _ = writeln!(journal, "==> peer{id} {text}"); // a String takes all
        }
    }
}
