//! A small network: peers with one clock, streams that keep their order, datagrams that may not
//! arrive, crashes between two effects, pauses, cuts. What happens follows from the seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::member::view::{Incarnation, View};
use crate::member::{Fact, Message, Peer, Record, Setup, Timer};
use crate::process::{Effect, Effects, PeerId, Process};

/// T, in milliseconds.
pub(super) const T: u64 = 1000;

#[derive(Clone, Debug)]
enum Event {
    Start,
    Fire(Timer, u64),
    Stream(u16, Message),
    Datagram(u16, Message),
    Resume,
}

/// One machine.
#[derive(Default)]
struct Machine {
    peer: Option<Peer>,
    incarnations: u64,
    records: Vec<Record>,
    timers: BTreeMap<Timer, u64>,
    /// What happened while it was paused; present while it does.
    held: Option<VecDeque<Event>>,
    /// After so many more sends it crashes.
    crash_in: Option<u64>,
    told_dead: BTreeSet<PeerId>,
}

/// A peer with these records, of which each can follow those before it.
fn remembering(setup: &Setup, records: &[Record]) -> Peer {
    let mut peer = Peer::new(setup.clone());
    for record in records {
        assert_eq!(peer.disbelieves(record), None, "{record:?} in {records:?}");
        let written = serde_json::to_vec(record).expect("JSON");
        peer.restore(serde_json::from_slice(&written).expect("the same"));
    }
    peer
}

pub(super) struct World {
    pub(super) now: u64,
    machines: BTreeMap<u16, Machine>,
    /// Time, order, where.
    queue: BTreeMap<(u64, u64), (u16, Event)>,
    /// When the last message of this stream arrives: the next one comes later.
    streams: BTreeMap<(u16, u16), u64>,
    pub(super) cut: BTreeSet<(u16, u16)>,
    count: u64,
    random: u64,
    /// Of a hundred.
    pub(super) datagram_loss: u64,
    pub(super) stream_loss: u64,
    pub(super) majority: bool,
    pub(super) delay: u64,
    pub(super) crash_as_leader: bool,
    /// The lists of members by view id, checked while it runs.
    pub(super) views: BTreeMap<u64, View>,
    pub(super) unique: bool,
    pub(super) said: Vec<(u64, u16, Fact)>,
    size: u16,
    /// How many sends each machine made, in all incarnations.
    pub(super) sends: BTreeMap<u16, u64>,
}

impl World {
    pub(super) fn new(seed: u64, size: u16) -> Self {
        Self {
            now: 0,
            machines: (1..=size).map(|id| (id, Machine::default())).collect(),
            queue: BTreeMap::new(),
            streams: BTreeMap::new(),
            cut: BTreeSet::new(),
            count: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            datagram_loss: 0,
            stream_loss: 0,
            majority: false,
            delay: 5,
            crash_as_leader: false,
            views: BTreeMap::new(),
            unique: true,
            said: Vec::new(),
            size,
            sends: BTreeMap::new(),
        }
    }

    /// A number below `limit` (xorshift).
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % limit
    }

    fn put(&mut self, time: u64, at: u16, event: Event) {
        self.count += 1;
        self.queue.insert((time, self.count), (at, event));
    }

    pub(super) fn start(&mut self, at: u16) {
        self.put(self.now, at, Event::Start);
    }

    pub(super) fn peer(&self, at: u16) -> &Peer {
        self.machines[&at].peer.as_ref().expect("it lives")
    }

    pub(super) fn is_up(&self, at: u16) -> bool {
        self.machines[&at].peer.is_some()
    }

    /// The ids of a peer's view.
    pub(super) fn list(&self, at: u16) -> Vec<u16> {
        let view = self.machines[&at].peer.as_ref().and_then(Peer::view);
        view.map(|view| view.members.keys().map(|peer| peer.0).collect()).unwrap_or_default()
    }

    /// It starts if it is down, and no crash is ordered any more.
    pub(super) fn endure(&mut self, at: u16) {
        let machine = self.machines.get_mut(&at).expect("is one");
        machine.crash_in = None;
        let starts = |(to, event): &(u16, Event)| *to == at && matches!(event, Event::Start);
        if machine.peer.is_none() && !self.queue.values().any(starts) {
            self.start(at);
        }
    }

    /// What it has written is gone.
    pub(super) fn lose(&mut self, at: u16) {
        self.machines.get_mut(&at).expect("is one").records.clear();
    }

    pub(super) fn crash(&mut self, at: u16) {
        let machine = self.machines.get_mut(&at).expect("is one");
        machine.peer = None;
        machine.timers.clear();
        machine.held = None;
        machine.crash_in = None;
        machine.told_dead.clear();
        self.streams.retain(|(from, to), _| *from != at && *to != at);
        // What is on the way to it finds nobody; what it has sent arrives.
        self.queue.retain(|_, (to, event)| *to != at || matches!(event, Event::Start));
    }

    pub(super) fn crash_all(&mut self, peers: &[u16]) {
        for at in peers {
            self.crash(*at);
        }
    }

    /// It crashes after so many more sends.
    pub(super) fn crash_in(&mut self, at: u16, sends: u64) {
        self.machines.get_mut(&at).expect("is one").crash_in = Some(sends);
    }

    pub(super) fn pause(&mut self, at: u16, ms: u64) {
        let machine = self.machines.get_mut(&at).expect("is one");
        if machine.held.is_none() && machine.peer.is_some() {
            machine.held = Some(VecDeque::new());
            self.put(self.now + ms, at, Event::Resume);
        }
    }

    /// Lets everything happen until that long from now.
    pub(super) fn run(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) {
            self.now = entry.key().0;
            let (at, event) = entry.remove();
            self.happen(at, event);
        }
        self.now = until;
    }

    fn happen(&mut self, at: u16, event: Event) {
        let machine = self.machines.get_mut(&at).expect("is one");
        if let Some(held) = &mut machine.held {
            if !matches!(event, Event::Resume) {
                return held.push_back(event);
            }
            // The clock may be the first to wake.
            let mut held: Vec<Event> = machine.held.take().into_iter().flatten().collect();
            held.sort_by_key(|event| !matches!(event, Event::Fire(..)));
            return held.into_iter().for_each(|event| self.happen(at, event));
        }
        let now = Duration::from_millis(self.now);
        let mut out = Vec::new();
        match event {
            Event::Start => {
                machine.incarnations += 1;
                let incarnation = Incarnation(u64::from(at) * 1000 + machine.incarnations);
                let setup = Setup {
                    me: PeerId(at),
                    incarnation,
                    hosts: (1..=self.size).map(PeerId).collect(),
                    group: 7,
                    heartbeat: Duration::from_millis(T),
                    crash_after: None,
                    crash_as_leader: self.crash_as_leader,
                    majority: self.majority,
                };
                let mut peer = remembering(&setup, &machine.records);
                let (records, again) = (peer.snapshot(), remembering(&setup, &peer.snapshot()));
                assert_eq!(format!("{again:?}"), format!("{peer:?}"), "{records:?}");
                if machine.incarnations.is_multiple_of(2) {
                    machine.records = records;
                }
                peer.clock(now);
                peer.start(&mut out);
                machine.peer = Some(peer);
            }
            Event::Resume => {}
            event => {
                let Some(peer) = &mut machine.peer else { return };
                peer.clock(now);
                match event {
                    Event::Fire(timer, stamp) => {
                        if machine.timers.get(&timer) != Some(&stamp) {
                            return;
                        }
                        machine.timers.remove(&timer);
                        peer.timeout(timer, &mut out);
                    }
                    Event::Stream(from, message) => {
                        assert_eq!(peer.objection(PeerId(from), &message), None, "{message:?}");
                        peer.receive(PeerId(from), message, &mut out);
                    }
                    Event::Datagram(from, message) => {
                        let bytes = Peer::to_datagram(&message);
                        let message = Peer::from_datagram(&bytes).expect("a heartbeat");
                        peer.receive(PeerId(from), message, &mut out);
                    }
                    Event::Start | Event::Resume => {}
                }
            }
        }
        self.perform(at, out);
        self.proceed(at);
    }

    /// Takes the steps of its own that are due.
    fn proceed(&mut self, at: u16) {
        for steps in 0.. {
            assert!(steps < 1000, "{:?} is due for ever", self.machines[&at].peer);
            let machine = self.machines.get_mut(&at).expect("is one");
            let Some(peer) = machine.peer.as_mut().filter(|peer| peer.is_due()) else { return };
            let mut out = Vec::new();
            peer.proceed(&mut out);
            self.perform(at, out);
        }
    }

    fn perform(&mut self, at: u16, out: Effects<Peer>) {
        for effect in out {
            let sends = matches!(effect, Effect::Send(..) | Effect::Cast(..));
            let machine = self.machines.get_mut(&at).expect("is one");
            if sends {
                *self.sends.entry(at).or_default() += 1;
                if let Some(left) = &mut machine.crash_in {
                    if *left == 0 {
                        return self.crash(at);
                    }
                    *left -= 1;
                }
            }
            match effect {
                Effect::Persist(record) => machine.records.push(record),
                Effect::Send(to, message) => self.send(at, to.0, &message),
                Effect::Cast(to, message) => {
                    if self.below(100) >= self.datagram_loss && !self.cut.contains(&(at, to.0)) {
                        let late = 1 + self.below(self.delay);
                        self.put(self.now + late, to.0, Event::Datagram(at, message));
                    }
                }
                Effect::SetTimer(timer, delay) => {
                    let ms = |time: Duration| u64::try_from(time.as_millis()).expect("short");
                    let spread = ms(delay.at_most.saturating_sub(delay.at_least)) + 1;
                    let time = self.now + ms(delay.at_least) + self.below(spread);
                    let stamp = self.count + 1;
                    let machine = self.machines.get_mut(&at).expect("is one");
                    machine.timers.insert(timer, stamp);
                    self.put(time, at, Event::Fire(timer, stamp));
                }
                Effect::Report(fact) => self.report(at, fact),
                Effect::Halt(_) => return self.crash(at),
            }
        }
    }

    fn send(&mut self, from: u16, to: u16, message: &Message) {
        // As the wire would have it.
        let text = serde_json::to_vec(message).expect("JSON");
        let message = serde_json::from_slice(&text).expect("the same");
        if self.cut.contains(&(from, to)) || self.below(100) < self.stream_loss {
            return;
        }
        let late = self.now + 1 + self.below(self.delay);
        let last = self.streams.entry((from, to)).or_default();
        *last = late.max(*last + 1);
        let time = *last;
        self.put(time, to, Event::Stream(from, message));
    }

    /// The rules that hold at every moment.
    fn report(&mut self, at: u16, fact: Fact) {
        let last = self.said.iter().rev().find_map(|(_, who, fact)| match fact {
            Fact::Installed(view) if *who == at => Some(view.clone()),
            _ => None,
        });
        let machine = self.machines.get_mut(&at).expect("is one");
        match &fact {
            Fact::Installed(view) => {
                assert!(view.members.contains_key(&PeerId(at)), "{at} is not in {view:?}");
                let incarnation =
                    machine.peer.as_ref().map(|peer| peer.setup.incarnation).expect("it lives");
                assert!(
                    view.holds(PeerId(at), incarnation),
                    "{at}: an old incarnation in {view:?}"
                );
                if let Some(last) = last.filter(|last| last.holds(PeerId(at), incarnation)) {
                    assert!(last.id < view.id, "{at}: {} after {}", view.id, last.id);
                    for gone in last.members.keys().filter(|p| !view.members.contains_key(p)) {
                        let told = machine.told_dead.contains(gone) || view.left.contains(gone);
                        // One that was away for a while did not see who went meanwhile.
                        assert!(told || self.majority, "{at}: {view:?} without a word of {gone}");
                    }
                }
                machine.told_dead.retain(|peer| view.members.contains_key(peer));
                let known = self.views.entry(view.id).or_insert_with(|| view.clone());
                let same = !self.unique || known == view;
                assert!(same, "two views: {known:?} and {view:?}; {:#?}", self.said);
            }
            Fact::Unreachable { peer, .. } => _ = machine.told_dead.insert(*peer),
            _ => {}
        }
        self.said.push((self.now, at, fact));
    }

    /// True if all of these have one view, of these and no others.
    pub(super) fn agree(&self, expected: &[u16]) -> bool {
        let ids: BTreeSet<_> = expected
            .iter()
            .map(|at| self.machines[at].peer.as_ref().and_then(Peer::view).map(|view| view.id))
            .collect();
        ids.len() == 1 && expected.iter().all(|at| self.list(*at) == expected)
    }

    /// Runs until they agree, for that long at most; how long it took.
    pub(super) fn until_agreed(&mut self, expected: &[u16], ms: u64) -> u64 {
        let begun = self.now;
        while !self.agree(expected) {
            let lists: Vec<_> = expected.iter().map(|at| self.list(*at)).collect();
            assert!(self.now < begun + ms, "no agreement on {expected:?}: {lists:?}");
            self.run(1);
        }
        self.now - begun
    }

    /// Starts all, one by one, until they agree.
    pub(super) fn gather(&mut self) -> Vec<u16> {
        let all: Vec<u16> = (1..=self.size).collect();
        for (index, at) in all.iter().enumerate() {
            self.start(*at);
            self.until_agreed(&all[..=index], 20 * T);
        }
        all
    }

    /// When each said that the peer is unreachable.
    pub(super) fn told_of(&self, dead: u16) -> BTreeMap<u16, u64> {
        let told = self.said.iter().filter_map(|(time, at, fact)| match fact {
            Fact::Unreachable { peer, .. } if peer.0 == dead => Some((*at, *time)),
            _ => None,
        });
        told.collect()
    }
}
