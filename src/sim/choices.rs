//! Who decides what happens: chance, or a script.
//!
//! Everything that a step leaves to chance stands here, with both answers side by side: does the
//! peer crash, of what, and after which effect; how long does the flush take; how many records
//! survive. What is decided is written down where it is decided, if a script is kept.

use std::mem::discriminant;

use super::faults::Faults;
use super::host::id;
use super::prng::{MILLION, Prng};
use super::script::{Cause, CrashPoint, ScriptOf, ScriptStep, StepOf, What, WhatOf};
use super::world::World;
use super::{RunConfig, RunEnd, RunObserver};
use crate::process::{Effect, PeerId, Process};

/// From one step of a script to the next, in microseconds.
const TICK: u64 = 1_000;

/// The number of the records that an incarnation restores, before those of its first step.
const RESTORED: u32 = 0;

/// How many steps an incarnation that follows a crash is young.
const YOUNG: u32 = 10;

/// By how much a crash is more likely while an incarnation is young, or waits for its first flush.
const YOUNG_RISK: u32 = 8;

/// A message that was sent while a script is followed.
struct Queued<M> {
    message: M,
    /// It has arrived at least once.
    delivered: bool,
}

/// Which of the messages that were sent ever arrived: by link, in the order of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals(Vec<Vec<bool>>);

/// What answers in the place of chance.
pub(super) struct Replayer<P: Process> {
    /// All messages that were sent, by link: `from * peers + to`, oldest first.
    queued: Vec<Vec<Queued<P::Message>>>,
    /// Which of them arrive, if that is known from the same script: no link takes the others.
    arrivals: Option<Arrivals>,
    /// Of the step that is performed: from which record on a flush takes time,
    waits_from: Option<u32>,
    /// after how many effects the peer crashes,
    crash_after: Option<u32>,
    /// of what, and how many of the records at stake survive that.
    cause: Cause,
    kept: u32,
}

/// Counts of one step are far below 2^32.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<P: Process, O: RunObserver<P>> World<'_, P, O> {
    pub(super) fn index(&self, peer: PeerId) -> Option<usize> {
        usize::from(peer.0).checked_sub(1).filter(|at| *at < self.hosts.len())
    }

    /// Writes down what happens from here on.
    pub fn keep_script(&mut self) {
        self.script = Some(Vec::new());
    }

    /// What happened, if it was written down.
    pub fn take_script(&mut self) -> Option<ScriptOf<P>> {
        self.script.take()
    }

    /// A step begins.
    pub(super) fn note(&mut self, at: usize, what: impl FnOnce() -> WhatOf<P>) {
        self.flushes_asked = 0;
        if let Some(script) = &mut self.script {
            script.push(ScriptStep::new(id(at), what()));
        }
    }

    /// The peer crashes, `after` some effects of the step that was noted last or between two.
    pub(super) fn note_crash(&mut self, at: usize, after: Option<u32>, cause: Cause, kept: usize) {
        let Some(script) = &mut self.script else { return };
        let kept = small(kept);
        match (after, script.last_mut()) {
            (Some(after), Some(step)) => step.dies = Some(CrashPoint { after, kept, cause }),
            _ => script.push(ScriptStep::new(id(at), What::Crash { kept, cause })),
        }
    }

    /// The chance that the incarnation of this peer ends now. What has ended one is often still
    /// there when the next begins, and those ends are the ones that find a record in the page
    /// cache.
    fn risk(&self, at: usize) -> u32 {
        let host = &self.hosts[at];
        let is_young = host.is_booting || host.incarnation > 0 && host.steps < YOUNG;
        let crash = self.faults.crash;
        if is_young { crash.saturating_mul(YOUNG_RISK).min(MILLION / 2) } else { crash }
    }

    /// In which of the `places` of these effects the peer crashes, counted from 0; `None`: it does
    /// not.
    pub(super) fn crash_after(
        &mut self,
        at: usize,
        effects: &[Effect<P>],
        places: usize,
    ) -> Option<u32> {
        if let Some(replayer) = &self.replayer {
            return replayer.crash_after;
        }
        let risk = self.risk(at);
        let crashes = self.prng.chance(risk) && !self.observer.vetoes(self.now, id(at), effects);
        crashes.then(|| small(self.prng.index(places)))
    }

    /// How long the flush of the record that is appended now takes.
    pub(super) fn flush_lasts(&mut self) -> u64 {
        self.flushes_asked += 1;
        let asked = self.flushes_asked;
        self.lasts(asked, |from| asked >= from)
    }

    /// How long the first flush of an incarnation takes.
    pub(super) fn boot_lasts(&mut self) -> u64 {
        self.lasts(RESTORED, |from| from == RESTORED)
    }

    /// How long a flush takes that begins with this record of the step; `waits` tells of the first
    /// record that waits in a script whether this one does.
    fn lasts(&mut self, record: u32, waits: impl FnOnce(u32) -> bool) -> u64 {
        let time = match &self.replayer {
            Some(replayer) => u64::from(replayer.waits_from.is_some_and(waits)),
            None => self.prng.within(self.faults.flush),
        };
        if let Some(step) = self.script.as_mut().filter(|_| time > 0).and_then(|s| s.last_mut()) {
            step.waits_from = Some(record);
        }
        time
    }

    /// Whether an incarnation ends before its first flush is through. In a script that is a crash
    /// like any other.
    pub(super) fn dies_unheard(&mut self, at: usize) -> bool {
        let risk = self.risk(at);
        self.replayer.is_none() && self.prng.chance(risk)
    }

    /// What ends the process, and how many of the records at stake survive it.
    pub(super) fn ending(&mut self, at: usize) -> (Cause, usize) {
        let log = &self.hosts[at].log;
        if let Some(replayer) = &self.replayer {
            return (replayer.cause, log.at_stake(replayer.cause).min(replayer.kept as usize));
        }
        let is_power_loss = self.prng.chance(self.faults.power_loss);
        let cause = if is_power_loss { Cause::PowerLoss } else { Cause::Kill };
        let at_stake = log.at_stake(cause);
        (cause, if at_stake > 0 { self.prng.index(at_stake + 1) } else { 0 })
    }

    /// Gives a message to a link, which takes it while both ends live.
    pub(super) fn post(&mut self, from: usize, to: usize, message: P::Message) {
        if self.wire(from, to).exists && self.hosts[to].process.is_some() {
            self.mail(from, to, message);
        } else {
            self.counts.lost += 1;
        }
    }

    /// Puts a message where a step may find it.
    pub(super) fn mail(&mut self, from: usize, to: usize, message: P::Message) {
        let link = from * self.hosts.len() + to;
        let Some(replayer) = &self.replayer else { return };
        let queued = &replayer.queued[link];
        let arrives = |Arrivals(known): &Arrivals| {
            known.get(link).and_then(|link| link.get(queued.len())) == Some(&true)
        };
        let message = if replayer.arrivals.as_ref().is_none_or(arrives) {
            self.counts.sent += 1;
            self.show_sent(from, id(to), message)
        } else {
            self.counts.lost += 1;
            message
        };
        let Some(replayer) = &mut self.replayer else { return };
        replayer.queued[link].push(Queued { message, delivered: false });
    }
}

impl<'a, P: Process, O: RunObserver<P>> World<'a, P, O>
where
    P::Message: PartialEq,
{
    /// A world without chance, in which nothing happens but what [`World::follow`] is given. Of the
    /// config only peers and links matter.
    ///
    /// With the arrivals of an earlier run of the same script, messages that never arrive are never
    /// taken by a link either: the same run with less to see.
    pub fn scripted(
        config: &RunConfig<'_>,
        build: &'a dyn Fn(PeerId, u64) -> P,
        observer: O,
        arrivals: Option<Arrivals>,
    ) -> Self {
        let mut world = Self::empty(config, Prng::new(0), Faults::none(), build, observer);
        let links = world.hosts.len() * world.hosts.len();
        world.replayer = Some(Replayer {
            queued: (0..links).map(|_| Vec::new()).collect(),
            arrivals,
            waits_from: None,
            crash_after: None,
            cause: Cause::default(),
            kept: 0,
        });
        world
    }

    /// Performs the steps until one fails. Those that cannot be performed are skipped. With
    /// `at_once`, a step of a process's own comes as soon as it is due, and the script names none.
    pub fn follow(&mut self, script: &[StepOf<P>], at_once: bool) -> RunEnd {
        for step in script {
            self.now += TICK;
            self.perform_step(step);
            while at_once && self.is_due(step.peer) && !self.observer.failed() {
                self.perform_step(&ScriptStep::new(step.peer, What::Proceed));
            }
            if self.observer.failed() {
                return RunEnd::Failed;
            }
        }
        RunEnd::Over
    }

    /// Which messages have arrived, or tell so much that they count as if they had; none where
    /// there is no script to follow.
    pub fn arrivals(&self, tells: impl Fn(&P::Message) -> bool) -> Option<Arrivals> {
        let taken = |queued: &Queued<P::Message>| queued.delivered || tells(&queued.message);
        let of_link = |queued: &Vec<_>| queued.iter().map(taken).collect();
        Some(Arrivals(self.replayer.as_ref()?.queued.iter().map(of_link).collect()))
    }

    fn is_due(&self, peer: PeerId) -> bool {
        let process = self.index(peer).and_then(|at| self.hosts[at].process.as_ref());
        process.is_some_and(Process::is_due)
    }

    fn perform_step(&mut self, step: &StepOf<P>) {
        let Some(at) = self.index(step.peer) else { return };
        let Some(replayer) = &mut self.replayer else { return };
        replayer.waits_from = step.waits_from;
        replayer.crash_after = step.dies.map(|point| point.after);
        (replayer.cause, replayer.kept) = match (&step.event, step.dies) {
            (What::Crash { kept, cause }, _) => (*cause, *kept),
            (_, Some(point)) => (point.cause, point.kept),
            _ => <_>::default(),
        };
        let (is_up, is_booting) = (self.hosts[at].process.is_some(), self.hosts[at].is_booting);
        match &step.event {
            What::Start if !is_up && !is_booting && !self.hosts[at].has_halted => self.boot(at),
            What::Connected(with) if is_up => {
                let other = self.index(*with).filter(|other| self.wire(at, *other).exists);
                let is_there = |other: &usize| {
                    self.addresses.is_some() || self.hosts[*other].process.is_some()
                };
                if let Some(other) = other.filter(is_there) {
                    self.connected(at, other);
                }
            }
            What::Received { from, message } if is_up => {
                let Some(from) = self.index(*from) else { return };
                if let Some(message) = self.queued(from, at, message) {
                    self.receive(from, at, message);
                }
            }
            What::Timeout(timer) if is_up => {
                let set = self.hosts[at].timers.iter().find(|(name, _)| name == timer);
                if let Some((timer, earliest)) = set.copied() {
                    self.now = self.now.max(earliest);
                    self.hosts[at].take_timer(timer, earliest);
                    self.timeout(at, timer);
                }
            }
            What::Proceed if is_up => self.proceed(at),
            What::Input(input) if is_up => self.input(at, input.clone()),
            What::Flushed if is_booting || self.hosts[at].log.is_waiting() => self.flushed(at),
            What::Crash { .. } if is_up || is_booting => self.crash(at, None),
            _ => {}
        }
    }

    /// This message if it was ever sent over this link; else the newest of its kind that has not
    /// arrived, which is counted.
    fn queued(&mut self, from: usize, to: usize, wanted: &P::Message) -> Option<P::Message> {
        let link = from * self.hosts.len() + to;
        let queued = &mut self.replayer.as_mut()?.queued[link];
        let same = queued.iter().position(|queued| queued.message == *wanted);
        let alike = |queued: &Queued<P::Message>| {
            !queued.delivered && discriminant(&queued.message) == discriminant(wanted)
        };
        let found = same.or_else(|| queued.iter().rposition(alike))?;
        queued[found].delivered = true;
        let substituted = u64::from(same.is_none());
        self.counts.substituted += substituted;
        Some(queued[found].message.clone())
    }
}
