//! A process that a driver of real sockets and disks runs, but in which nothing happens until it is
//! ordered to: for playing a [script](super::script) on real processes.
//!
//! The runtime moves frames and records as ever. What it would decide by itself waits here for an
//! [`Order`]: a timer fires, a link counts as up, the process takes a step of its own. A message is
//! received when it arrives, so whoever carries it decides. Records that wait for a flush in the
//! script are held back, with all that stands behind them; so is what a crash in the middle of a
//! step leaves undone. Then the process hears and does nothing more, and can be killed.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::script::CrashPoint;
use crate::process::{Effect, Effects, PeerId, Process, proceed_while_due};

/// What is ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order<T, I> {
    /// The links with this peer are up.
    Connected(PeerId),
    /// This timer fires, if it is set.
    Timeout(T),
    /// A step of its own, if one is due.
    Proceed,
    /// All steps of its own that are due.
    Settle,
    /// A client asks for something.
    Input(I),
    /// What waits for a flush is written, and what stands behind it leaves.
    Flushed,
    /// So many records of those that wait for a flush are written, and nothing else happens here
    /// any more.
    Keep(u32),
    /// The next step, whatever it is, has these properties.
    Next(StepProperties),
    /// The process ends itself.
    End,
}

/// What a script says of a step beside its event.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct StepProperties {
    /// As [`ScriptStep::waits_from`](super::script::ScriptStep::waits_from).
    pub waits_from: Option<u32>,
    /// As [`ScriptStep::dies`](super::script::ScriptStep::dies).
    pub dies: Option<CrashPoint>,
}

/// What a gated process tells.
#[derive(Clone, Debug)]
pub enum GatedFact<F> {
    /// What the process inside tells.
    Inner(F),
    /// The links with this peer are up, but the process inside does not know it.
    Linked(PeerId),
    /// An event is over; so many records were handed to the disk so far.
    Done(u64),
}

/// Something that waits for a flush.
enum Held<P: Process> {
    Effect(Effect<P>),
    /// A message was received meanwhile: a place to crash.
    Seen,
}

/// A process behind its gate.
pub struct Gated<P: Process> {
    me: PeerId,
    inner: P,
    timers: BTreeSet<P::Timer>,
    held: VecDeque<Held<P>>,
    next: StepProperties,
    /// How many records of this step were seen, and from which one on they wait.
    records: u32,
    waits_from: Option<u32>,
    /// How many effects are performed before the end comes; none: it does not come.
    left: Option<u32>,
    is_frozen: bool,
    persisted: u64,
}

impl<P: Process> Gated<P>
where
    P::Timer: Serialize + DeserializeOwned,
{
    /// Puts the process behind a gate; its first step has these properties.
    pub fn new(me: PeerId, inner: P, first: StepProperties) -> Self {
        Self {
            me,
            inner,
            timers: BTreeSet::new(),
            held: VecDeque::new(),
            next: first,
            records: 0,
            waits_from: None,
            left: None,
            is_frozen: false,
            persisted: 0,
        }
    }

    /// The process itself.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// A step of the process, as the order before says.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let StepProperties { waits_from, dies } = std::mem::take(&mut self.next);
        (self.records, self.waits_from) = (0, waits_from);
        self.left = dies.map(|dies| dies.after);
        self.run(out, event);
        // Messages to itself are still to come.
        self.is_frozen |= dies.is_some();
    }

    fn run(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut effects = Vec::new();
        event(&mut self.inner, &mut effects);
        for effect in effects {
            match &mut self.left {
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
            self.perform(effect, out);
        }
    }

    fn perform(&mut self, effect: Effect<P>, out: &mut Effects<Self>) {
        match effect {
            Effect::SetTimer(timer, _) => _ = self.timers.insert(timer),
            Effect::Persist(_) => {
                self.records += 1;
                let waits = self.waits_from.is_some_and(|from| self.records >= from);
                self.leave_or_wait(effect, waits, out);
            }
            // A process hears itself in the same step.
            Effect::Send(to, _) if to == self.me => self.emit(effect, out),
            effect => self.leave_or_wait(effect, false, out),
        }
    }

    fn leave_or_wait(&mut self, effect: Effect<P>, waits: bool, out: &mut Effects<Self>) {
        if waits || !self.held.is_empty() {
            self.held.push_back(Held::Effect(effect));
        } else {
            self.emit(effect, out);
        }
    }

    fn emit(&mut self, effect: Effect<P>, out: &mut Effects<Self>) {
        self.persisted += u64::from(matches!(effect, Effect::Persist(_)));
        out.push(match effect {
            Effect::Persist(record) => Effect::Persist(record),
            Effect::Send(to, message) => Effect::Send(to, message),
            Effect::Cast(to, message) => Effect::Cast(to, message),
            Effect::Report(fact) => Effect::Report(GatedFact::Inner(fact)),
            Effect::Halt(code) => Effect::Halt(code),
            Effect::SetTimer(..) => unreachable!("timers stay here"),
        });
    }

    /// Writes the first `most` records of those that wait.
    fn write(&mut self, most: usize, out: &mut Effects<Self>) {
        let is_record = |held: &Held<P>| matches!(held, Held::Effect(Effect::Persist(_)));
        let held = std::mem::take(&mut self.held);
        let (records, rest): (VecDeque<_>, _) = held.into_iter().partition(is_record);
        self.held = rest;
        for held in records.into_iter().take(most) {
            if let Held::Effect(effect) = held {
                self.emit(effect, out);
            }
        }
    }

    /// The flush is through, and so many of the outputs behind it leave.
    fn flushed(&mut self, out: &mut Effects<Self>) {
        let dies = std::mem::take(&mut self.next).dies;
        self.write(usize::MAX, out);
        for _ in 0..dies.map_or(u32::MAX, |dies| dies.after) {
            match self.held.pop_front() {
                Some(Held::Effect(effect)) => self.emit(effect, out),
                Some(Held::Seen) => {}
                None => break,
            }
        }
        self.is_frozen |= dies.is_some();
    }

    fn obey(&mut self, order: Order<P::Timer, P::Input>, out: &mut Effects<Self>) {
        match order {
            Order::Next(next) => self.next = next,
            Order::Connected(peer) => self.step(out, |inner, out| inner.connected(peer, out)),
            Order::Timeout(timer) if self.timers.remove(&timer) => {
                self.step(out, |inner, out| inner.timeout(timer, out));
            }
            Order::Proceed if self.inner.is_due() => self.step(out, P::proceed),
            Order::Settle => self.step(out, proceed_while_due),
            Order::Input(input) => self.step(out, |inner, out| inner.input(input, out)),
            Order::Flushed => self.flushed(out),
            // Nothing is due, or not set; the others are seen to before.
            Order::Timeout(_) | Order::Proceed | Order::Keep(_) | Order::End => {}
        }
    }

    fn done(&self, out: &mut Effects<Self>) {
        out.push(Effect::Report(GatedFact::Done(self.persisted)));
    }
}

impl<P: Process> Process for Gated<P>
where
    P::Timer: Serialize + DeserializeOwned,
{
    const PROTOCOL: &'static str = P::PROTOCOL;
    type Message = P::Message;
    type Record = P::Record;
    type Timer = P::Timer;
    type Fact = GatedFact<P::Fact>;
    type Input = Order<P::Timer, P::Input>;

    fn restore(&mut self, record: P::Record) {
        self.inner.restore(record);
    }

    fn disbelieves(&self, record: &P::Record) -> Option<String> {
        self.inner.disbelieves(record)
    }

    fn snapshot(&self) -> Vec<P::Record> {
        self.inner.snapshot()
    }

    fn clock(&mut self, now: Duration) {
        self.inner.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, P::start);
        self.done(out);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        out.push(Effect::Report(GatedFact::Linked(peer)));
    }

    fn receive(&mut self, from: PeerId, message: P::Message, out: &mut Effects<Self>) {
        if from == self.me {
            return self.run(out, |inner, out| inner.receive(from, message, out));
        }
        if !self.is_frozen {
            if !self.held.is_empty() {
                self.held.push_back(Held::Seen);
            }
            self.step(out, |inner, out| inner.receive(from, message, out));
        }
        self.done(out);
    }

    /// Never comes: timers are not handed on.
    fn timeout(&mut self, _: P::Timer, _: &mut Effects<Self>) {}

    fn input(&mut self, order: Order<P::Timer, P::Input>, out: &mut Effects<Self>) {
        match order {
            Order::Keep(most) => {
                self.write(most as usize, out);
                self.is_frozen = true;
            }
            Order::End => out.push(Effect::Halt(0)),
            order if !self.is_frozen => self.obey(order, out),
            _ => {}
        }
        self.done(out);
    }

    fn objection(&self, from: PeerId, message: &P::Message) -> Option<String> {
        self.inner.objection(from, message)
    }
}
