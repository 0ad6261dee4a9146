//! The frame for mutants of the siblings: like that of Paxos, around any protocol.
//!
//! A mutant stands around an unbroken process and doctors what it is told at its birth, which
//! events reach it, and what becomes of its effects. It can also make its process hear what nobody
//! said (`Ward::murmur`).

use std::collections::{BTreeMap, BTreeSet};

use super::same;
use crate::member::RequestId;
use crate::process::{Effect, Effects, PeerId, Process};

/// What a mutant is called, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Where it was seen.
    pub seen: &'static str,
}

/// A message and who is said to have sent it.
pub(super) type Letter<P> = (PeerId, <P as Process>::Message);

/// What the process hears instead of a message.
type Hear<P, S> = fn(&mut Ward<P, S>, PeerId, <P as Process>::Message, &mut Vec<Letter<P>>);
/// Whether the process is told that a timer has fired, and what happens beside it.
type Fires<P, S> = fn(&mut Ward<P, S>, <P as Process>::Timer, &mut Effects<P>) -> bool;

/// A way to be wrong.
pub struct Mutant<P: Process, S> {
    /// Its label.
    pub label: Label,
    /// Doctors what the process is told at its birth.
    pub(super) told: fn(&mut S),
    /// False: it does not remember this record of an earlier life.
    pub(super) recalls: fn(&P::Record) -> bool,
    /// False: the process is not told of this link or address.
    pub(super) links: fn(&mut Ward<P, S>, PeerId) -> bool,
    /// What the process hears instead of this message.
    pub(super) hear: Hear<P, S>,
    /// False: the process is not told that this timer has fired.
    pub(super) fires: Fires<P, S>,
    /// What the effects of a step become.
    pub(super) tell: fn(&mut Ward<P, S>, &mut Effects<P>),
}

impl<P: Process, S> Mutant<P, S> {
    /// One that changes nothing: the entries of a catalogue say what they change.
    pub(super) const PLAIN: Self = Self {
        label: Label { name: "", does: "", seen: "" },
        told: |_| {},
        recalls: |_| true,
        links: |_, _| true,
        hear: |_, from, message, feed| feed.push((from, message)),
        fires: |_, _, _| true,
        tell: |_, _| {},
    };
}

/// What a mutant remembers beside its process.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Peers with something in common.
    pub(super) peers: BTreeSet<PeerId>,
    /// Who has answered what, by two numbers.
    pub(super) answers: BTreeMap<(u64, u64), BTreeSet<PeerId>>,
    /// The last request that it has made, and of which view.
    pub(super) request: Option<(RequestId, u64)>,
    /// Something is so.
    pub(super) flag: bool,
}

/// An unbroken process and what its mutant needs to break it.
pub(super) struct Ward<P: Process, S> {
    pub(super) setup: S,
    pub(super) peer: P,
    pub(super) notes: Notes,
    build: fn(S) -> P,
    murmurs: Vec<Letter<P>>,
}

impl<P: Process, S: Clone> Ward<P, S> {
    /// Puts another process in its place, which knows nothing.
    pub(super) fn rebuild(&mut self) {
        self.peer = (self.build)(self.setup.clone());
    }

    /// After this step the process hears this message, which nobody sent.
    pub(super) fn murmur(&mut self, from: PeerId, message: P::Message) {
        self.murmurs.push((from, message));
    }
}

/// A process inside its mutant.
pub struct Broken<P: Process + 'static, S: 'static> {
    mutant: &'static Mutant<P, S>,
    ward: Ward<P, S>,
}

impl<P: Process, S: Clone> Broken<P, S> {
    /// A mutant that remembers nothing yet.
    pub fn new(mutant: &'static Mutant<P, S>, mut setup: S, build: fn(S) -> P) -> Self {
        (mutant.told)(&mut setup);
        let peer = build(setup.clone());
        let ward = Ward { setup, peer, notes: Notes::default(), build, murmurs: Vec::new() };
        Self { mutant, ward }
    }

    /// One step of the process, with its effects doctored, and the steps that follow from murmurs.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut effects = Vec::new();
        event(&mut self.ward.peer, &mut effects);
        loop {
            (self.mutant.tell)(&mut self.ward, &mut effects);
            out.extend(effects.drain(..).map(same));
            if self.ward.murmurs.is_empty() {
                return;
            }
            let (from, message) = self.ward.murmurs.remove(0);
            self.ward.peer.receive(from, message, &mut effects);
        }
    }
}

impl<P: Process, S: Clone> Process for Broken<P, S> {
    const PROTOCOL: &'static str = P::PROTOCOL;
    type Message = P::Message;
    type Record = P::Record;
    type Timer = P::Timer;
    type Fact = P::Fact;
    type Input = P::Input;

    fn restore(&mut self, record: P::Record) {
        if (self.mutant.recalls)(&record) {
            self.ward.peer.restore(record);
        }
    }

    fn snapshot(&self) -> Vec<P::Record> {
        self.ward.peer.snapshot()
    }

    fn clock(&mut self, now: std::time::Duration) {
        self.ward.peer.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, P::start);
    }

    fn connected(&mut self, other: PeerId, out: &mut Effects<Self>) {
        if (self.mutant.links)(&mut self.ward, other) {
            self.step(out, |peer, out| peer.connected(other, out));
        }
    }

    fn receive(&mut self, from: PeerId, message: P::Message, out: &mut Effects<Self>) {
        let mut feed = Vec::new();
        (self.mutant.hear)(&mut self.ward, from, message, &mut feed);
        if !self.ward.murmurs.is_empty() {
            // A step without an event: what was only murmured is heard too.
            self.step(out, |_, _| {});
        }
        for (from, message) in feed {
            self.step(out, |peer, out| peer.receive(from, message, out));
        }
    }

    fn timeout(&mut self, timer: P::Timer, out: &mut Effects<Self>) {
        let mut effects = Vec::new();
        let fires = (self.mutant.fires)(&mut self.ward, timer, &mut effects);
        out.extend(effects.into_iter().map(same::<P, Self>));
        if fires {
            self.step(out, |peer, out| peer.timeout(timer, out));
        }
    }

    fn input(&mut self, input: P::Input, out: &mut Effects<Self>) {
        self.step(out, |peer, out| peer.input(input, out));
    }

    fn is_due(&self) -> bool {
        self.ward.peer.is_due()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.step(out, P::proceed);
    }

    fn objection(&self, from: PeerId, message: &P::Message) -> Option<String> {
        self.ward.peer.objection(from, message)
    }
}

/// True if the step reports such a fact.
pub(super) fn reports<P: Process>(effects: &Effects<P>, such: fn(&P::Fact) -> bool) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Report(fact) if such(fact)))
}
