//! The engine: takes what happens next and lets it happen.

use std::collections::VecDeque;
use std::time::Duration;

use super::choices::Replayer;
use super::faults::{FaultEpisode, Faults, Span};
use super::host::{Host, Pending, id};
use super::prng::{MILLION, Prng};
use super::queue::{Event, Queue};
use super::script::{ScriptOf, What};
use super::wires::Wire;
use super::{Counts, DiskModel, RunConfig, RunEnd, RunObserver};
use crate::process::{Delay, Effect, Effects, Output, PeerId, Process};

/// How many effects beyond those of its event a crash may come behind: what the messages of a
/// peer to itself bring about.
const LATE_CRASHES: usize = 8;

/// One run.
pub struct World<'a, P: Process, O> {
    /// The one who looks at it all.
    pub observer: O,
    /// A process that remembers nothing yet; the number counts those of the peer, from 1.
    pub(super) build: &'a dyn Fn(PeerId, u64) -> P,
    /// What happened so far.
    pub counts: Counts,
    pub(super) now: u64,
    pub(super) queue: Queue<P>,
    pub(super) prng: Prng,
    pub(super) hosts: Vec<Host<P>>,
    pub(super) wires: Vec<Wire>,
    pub(super) faults: Faults,
    pub(super) distances: Vec<u64>,
    /// See [`RunConfig::addresses`].
    pub(super) addresses: Option<Span>,
    pub(super) disk: DiskModel,
    time_limit: u64,
    /// When the recovery phase must have reached its goal; none in the fault phase.
    deadline: Option<u64>,
    stamps: u64,
    /// Kept between steps, so that a step need not allocate.
    effects: Effects<P>,
    to_itself: VecDeque<P::Message>,
    /// What happened, written down for those who want to see it again.
    pub(super) script: Option<ScriptOf<P>>,
    /// Answers what would be left to chance, while a script is followed.
    pub(super) replayer: Option<Replayer<P>>,
    /// How often in this step it was asked how long a flush takes.
    pub(super) flushes_asked: u32,
}

impl<'a, P: Process, O: RunObserver<P>> World<'a, P, O> {
    /// The world of this seed, before anything has happened.
    pub fn new(
        config: &RunConfig<'_>,
        seed: u64,
        build: &'a dyn Fn(PeerId, u64) -> P,
        observer: O,
    ) -> Self {
        let mut prng = Prng::new(seed);
        let mut faults = config.faults.clone();
        if prng.chance(faults.slow) {
            faults.stretch();
        }
        let mut world = Self::empty(config, prng, faults, build, observer);
        world.schedule(config.absent);
        world
    }

    /// Peers that never begin unless something happens.
    pub(super) fn empty(
        config: &RunConfig<'_>,
        mut prng: Prng,
        faults: Faults,
        build: &'a dyn Fn(PeerId, u64) -> P,
        observer: O,
    ) -> Self {
        let peers = usize::from(config.peers);
        let mut host = |_| {
            let drift = u64::from(faults.drift);
            let wrong = if drift > 0 { prng.below(2 * drift + 1) } else { 0 };
            Host::new(u64::from(MILLION) + wrong - drift)
        };
        let hosts = (0..peers).map(&mut host).collect();
        let mut wires = vec![Wire::default(); peers * peers];
        for (one, other) in &*config.links {
            let (one, other) = (usize::from(one.0) - 1, usize::from(other.0) - 1);
            wires[one * peers + other].exists = true;
            wires[other * peers + one].exists = true;
        }
        Self {
            observer,
            build,
            counts: Counts::default(),
            now: 0,
            queue: Queue::new(),
            prng,
            hosts,
            wires,
            faults,
            distances: config.distances.to_vec(),
            addresses: config.addresses,
            disk: config.disk,
            time_limit: config.time_limit,
            deadline: None,
            stamps: 0,
            effects: Vec::new(),
            to_itself: VecDeque::new(),
            script: None,
            replayer: None,
            flushes_asked: 0,
        }
    }

    /// Lets everybody begin, and things begin to go wrong.
    fn schedule(&mut self, absent: &[PeerId]) {
        for at in (0..self.hosts.len()).filter(|at| !absent.contains(&id(*at))) {
            let time = self.prng.within(self.faults.boot);
            self.queue.put(time, Event::Boot { at });
        }
        if self.faults.fault_phase.most == 0 {
            self.deadline = Some(self.time_limit);
            self.observer.healed(0);
        } else {
            let end = self.prng.within(self.faults.fault_phase);
            self.queue.put(end, Event::Heal);
        }
        self.next_episode(self.faults.partition, Event::Partition);
        self.next_episode(self.faults.one_way, Event::OneWay);
        self.next_episode(self.faults.pause, Event::Pause);
    }

    /// Lets everything happen until the run ends.
    pub fn run(&mut self) -> RunEnd {
        while let Some((time, event)) = self.queue.take() {
            if self.deadline.is_some_and(|deadline| time > deadline) {
                return RunEnd::TooLate;
            }
            self.now = time;
            self.happen(event);
            if self.observer.failed() {
                return RunEnd::Failed;
            }
            if self.deadline.is_some() && self.observer.reached() {
                return RunEnd::Reached;
            }
        }
        RunEnd::TooLate
    }

    /// Microseconds since the run began.
    pub fn now(&self) -> u64 {
        self.now
    }

    fn happen(&mut self, event: Event<P>) {
        match event {
            Event::Deliver { to: at, .. }
            | Event::Timer { at, .. }
            | Event::Flushed { at, .. }
            | Event::Proceed { at, .. }
            | Event::Input { at, .. }
            | Event::Joined { at, .. } => match &mut self.hosts[at].held {
                // A paused peer gets all of it when it goes on.
                Some(held) => held.push(event),
                None => self.happen_to(event),
            },
            Event::WireUp { from, to } => self.wire_up(from, to),
            Event::Boot { at } => self.boot(at),
            Event::Resume { at } => self.resume(at),
            Event::Partition => self.partition(),
            Event::OneWay => self.one_way(),
            Event::Pause => self.pause(),
            Event::Heal => self.heal(),
        }
    }

    /// An event of one peer.
    fn happen_to(&mut self, event: Event<P>) {
        match event {
            Event::Deliver { from, to, carrier, message } => {
                let carries = self.carries(from, to, carrier);
                if !carries || self.hosts[to].process.is_none() {
                    self.counts.lost += 1;
                    return;
                }
                self.receive(from, to, message);
            }
            Event::Timer { at, stamp, timer } if self.hosts[at].take_timer(timer, stamp) => {
                self.timeout(at, timer);
            }
            Event::Flushed { at, incarnation } if self.hosts[at].incarnation == incarnation => {
                self.flushed(at);
            }
            Event::Proceed { at, incarnation } if self.hosts[at].incarnation == incarnation => {
                self.hosts[at].is_proceeding = false;
                self.proceed(at);
            }
            Event::Input { at, input } if self.hosts[at].process.is_some() => {
                self.input(at, input);
            }
            Event::Joined { at, with, wires } if self.is_joined(at, with, wires) => {
                self.connected(at, with);
            }
            // Of an earlier incarnation, or replaced since.
            _ => {}
        }
    }

    /// A message reaches a process.
    pub(super) fn receive(&mut self, from: usize, to: usize, message: P::Message) {
        let Some(process) = &self.hosts[to].process else { return };
        self.counts.delivered += 1;
        let objection = process.objection(id(from), &message);
        self.note(to, || What::Received { from: id(from), message: message.clone() });
        if let Some(why) = objection {
            return self.observer.refused(self.now, id(to), id(from), why);
        }
        self.put(to, Pending::Received(id(from), message.clone()));
        self.step(to, |process, out| process.receive(id(from), message, out));
    }

    /// A timer fires.
    pub(super) fn timeout(&mut self, at: usize, timer: P::Timer) {
        self.note(at, || What::Timeout(timer));
        self.step(at, |process, out| process.timeout(timer, out));
    }

    /// The process takes a step of its own, if one is due.
    pub(super) fn proceed(&mut self, at: usize) {
        if self.hosts[at].process.as_ref().is_some_and(Process::is_due) {
            self.note(at, || What::Proceed);
            self.step(at, Process::proceed);
        }
    }

    /// A client asks the process for something.
    pub(super) fn input(&mut self, at: usize, input: P::Input) {
        self.note(at, || What::Input(input.clone()));
        self.step(at, |process, out| process.input(input, out));
    }

    /// Lets a client of this peer ask for something at that time; in vain if the peer is down then.
    pub fn ask(&mut self, time: u64, peer: PeerId, input: P::Input) {
        if let Some(at) = self.index(peer) {
            self.queue.put(time, Event::Input { at, input });
        }
    }

    /// If a step of the process's own is due, it comes: at once, or after other events.
    fn schedule_proceed(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let is_due = host.process.as_ref().is_some_and(Process::is_due);
        if is_due && !host.is_proceeding && self.replayer.is_none() {
            host.is_proceeding = true;
            let incarnation = host.incarnation;
            let time = self.now + self.prng.within(self.faults.hand_over);
            self.queue.put(time, Event::Proceed { at, incarnation });
        }
    }

    /// A peer hears that its links with another are up.
    pub(super) fn connected(&mut self, at: usize, with: usize) {
        self.note(at, || What::Connected(id(with)));
        self.put(at, Pending::Connected(id(with)));
        self.step(at, |process, out| process.connected(id(with), out));
    }

    /// Feeds one event to a process and performs its effects, all or, in a crash, the first ones.
    pub(super) fn step(&mut self, at: usize, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut effects = std::mem::take(&mut self.effects);
        let second = u128::from(self.hosts[at].second);
        let own_time = u128::from(self.now) * u128::from(MILLION) / second;
        let Some(process) = &mut self.hosts[at].process else { return };
        process.clock(Duration::from_micros(u64::try_from(own_time).unwrap_or(u64::MAX)));
        event(process, &mut effects);
        self.counts.steps += 1;
        self.hosts[at].steps += 1;
        let crash_after = self.crash_after(at, &effects, effects.len() + LATE_CRASHES);
        let mut left = crash_after.unwrap_or(u32::MAX);
        let (mut exit_code, mut unfinished) = (None, false);
        'effects: loop {
            for effect in effects.drain(..) {
                if let Effect::Halt(code) = effect {
                    exit_code = Some(code);
                }
                unfinished = left == 0;
                if unfinished || exit_code.is_some() {
                    break 'effects;
                }
                left -= 1;
                self.perform(at, effect);
            }
            let Some(message) = self.to_itself.pop_front() else { break };
            let Some(process) = &mut self.hosts[at].process else { break };
            process.receive(id(at), message, &mut effects);
        }
        self.to_itself.clear();
        self.effects = effects;
        if let Some(process) = &self.hosts[at].process {
            self.observer.stepped(self.now, id(at), process);
        }
        if let Some(code) = exit_code {
            self.halt(at, code);
        } else if let Some(after) = crash_after {
            self.crash(at, unfinished.then_some(after));
        } else {
            self.schedule_proceed(at);
        }
    }

    /// The process ends itself, when all that it did before has been seen through. It stays away.
    fn halt(&mut self, at: usize, code: u8) {
        self.flush(at, usize::MAX);
        while let Some(output) = self.hosts[at].outputs.pop_front() {
            self.leave(at, output);
        }
        self.hosts[at].timers.clear();
        self.hosts[at].process = None;
        self.hosts[at].has_halted = true;
        self.hosts[at].incarnation += 1;
        self.hosts[at].is_proceeding = false;
        self.unplug(at);
        self.observer.halted(self.now, id(at), code);
    }

    fn perform(&mut self, at: usize, effect: Effect<P>) {
        match effect {
            Effect::Persist(record) => self.append(at, record),
            Effect::Send(to, message) if to == id(at) => {
                self.to_itself.push_back(message.clone());
                self.put(at, Pending::Send(to, message.clone()));
                self.put(at, Pending::Received(to, message));
            }
            Effect::Send(to, message) => self.put(at, Pending::Send(to, message)),
            Effect::Cast(to, message) => self.put(at, Pending::Cast(to, message)),
            Effect::SetTimer(timer, delay) => self.set_timer(at, timer, delay),
            Effect::Report(fact) => self.put(at, Pending::Report(fact)),
            // Seen to by the step.
            Effect::Halt(_) => {}
        }
    }

    fn set_timer(&mut self, at: usize, timer: P::Timer, delay: Delay) {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if self.replayer.is_some() {
            let earliest = self.now.saturating_add(us(delay.at_least));
            return self.hosts[at].set_timer(timer, earliest);
        }
        let spread = us(delay.at_most.saturating_sub(delay.at_least));
        let drawn = us(delay.at_least) + if spread > 0 { self.prng.below(spread + 1) } else { 0 };
        let host = &mut self.hosts[at];
        let time = drawn.saturating_mul(host.second) / u64::from(MILLION);
        self.stamps += 1;
        host.set_timer(timer, self.stamps);
        let stamp = self.stamps;
        self.queue.put(self.now.saturating_add(time), Event::Timer { at, stamp, timer });
    }

    /// Lets an output leave, behind all records and outputs before it.
    fn put(&mut self, at: usize, output: Pending<P>) {
        let host = &mut self.hosts[at];
        if host.log.is_waiting() {
            host.outputs.push_back(output);
        } else {
            self.leave(at, output);
        }
    }

    pub(super) fn leave(&mut self, at: usize, output: Pending<P>) {
        let me = id(at);
        let output = match output {
            Pending::Connected(peer) => Output::Connected(peer),
            Pending::Received(from, message) => Output::Received(from, message),
            Pending::Send(to, message) if to == me => Output::Sent(to, message),
            Pending::Send(to, message) => return self.send(at, to, message),
            Pending::Cast(to, message) => return self.cast(at, to, message),
            Pending::Report(fact) => Output::Report(fact),
        };
        self.observer.observe(self.now, me, &output);
    }

    fn resume(&mut self, at: usize) {
        let Some(held) = self.hosts[at].held.take() else { return };
        self.observer.resumed(self.now, id(at));
        for event in held {
            self.happen_to(event);
        }
    }

    fn next_episode(&mut self, episode: FaultEpisode, event: Event<P>) {
        if episode.comes() {
            let time = self.now + self.prng.within(episode.every);
            self.queue.put(time, event);
        }
    }

    /// Two halves, each peer assigned to one at random, stop hearing each other.
    fn partition(&mut self) {
        let episode = self.faults.partition;
        if !episode.comes() {
            return;
        }
        let until = self.now + self.prng.within(episode.lasts);
        let sides: Vec<bool> = self.hosts.iter().map(|_| self.prng.bits() & 1 == 0).collect();
        for from in 0..sides.len() {
            for to in (0..sides.len()).filter(|to| sides[*to] != sides[from]) {
                self.cut(from, to, until);
            }
        }
        self.next_episode(episode, Event::Partition);
    }

    fn one_way(&mut self) {
        let episode = self.faults.one_way;
        if !episode.comes() {
            return;
        }
        let until = self.now + self.prng.within(episode.lasts);
        let (from, to) = (self.prng.index(self.hosts.len()), self.prng.index(self.hosts.len()));
        self.cut(from, to, until);
        self.next_episode(episode, Event::OneWay);
    }

    fn pause(&mut self) {
        let episode = self.faults.pause;
        if !episode.comes() {
            return;
        }
        let until = self.now + self.prng.within(episode.lasts);
        let at = self.prng.index(self.hosts.len());
        if self.hosts[at].held.is_none() && self.observer.pauses(self.now, id(at)) {
            self.hosts[at].held = Some(Vec::new());
            self.counts.pauses += 1;
            self.queue.put(until, Event::Resume { at });
        }
        self.next_episode(episode, Event::Pause);
    }

    /// Ends the fault phase.
    fn heal(&mut self) {
        self.faults.heal();
        self.deadline = Some(self.now + self.time_limit);
        self.observer.healed(self.now);
        for at in 0..self.hosts.len() {
            self.resume(at);
        }
        self.repair();
    }
}
