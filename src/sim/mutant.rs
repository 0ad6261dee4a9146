//! Mutants: a protocol as it has been got wrong, one named mistake each.
//!
//! A [`Mutant`] never changes a line of the protocol. It stands around an unmutated process and
//! changes what goes in (its setup, its records, messages, links, timers), what comes out (its
//! effects), or its state in between (through [`Process::restore`], the one door that every driver
//! has). So the code that is checked stays the code that runs, and a mutant shows that a check can
//! fail. Some leave the process alone and break what its driver does to the disk ([`DiskModel`]).
//!
//! ```text
//! event ──► receive, timeout, … ──► process ──► effects ──►
//!                    ▲                             │
//!                    └──── notes, injections ◄─────┘
//! ```
//!
//! Each protocol has a catalogue of its mutants in its own folder. A mutant of one needs nothing
//! but a [`Mutable`] process; drivers run it as a [`Mutated`] one, and monitors see either through
//! [`Subject`].

use std::collections::VecDeque;
use std::convert::identity;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::DiskModel;
use crate::process::{Effect, Effects, PeerId, Process};

/// A process that has mutants.
pub trait Mutable: Process + Sized + 'static {
    /// What it is built from.
    type Setup: Clone + Debug + Eq + Hash;
    /// What a mutant remembers beside it.
    type Notes: Clone + Debug + Default + Eq + Hash;

    /// A process that remembers nothing yet.
    fn build(setup: Self::Setup) -> Self;
}

/// What keeps the protocol from the mistake of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The rule that the mutant breaks: the judge's of the lines, or a property of the simulator.
    pub rule: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The item in it, as its definition begins: `fn outcome`.
    pub item: &'static str,
    /// The step of the algorithm, in the words of its lecture or assignment.
    pub step: &'static str,
}

impl Guard {
    /// This rule, kept by this item of this file, in this step.
    pub const fn new(
        rule: &'static str,
        file: &'static str,
        item: &'static str,
        step: &'static str,
    ) -> Self {
        Self { rule, file, item, step }
    }
}

/// What a mutant is called, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutantLabel {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Where it was seen.
    pub seen: &'static str,
    /// What keeps the protocol from it.
    pub guard: Guard,
}

/// For people, in lines.
impl fmt::Display for MutantLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, does, seen, guard: Guard { rule, file, item, step } } = self;
        write!(f, "{name}\n  {does}\n  seen: {seen}\n  breaks: {rule}\n")?;
        writeln!(f, "  prevented by: {file}, {item}\n  step: {step}")
    }
}

/// A way to be wrong. Each function stands before or behind the event of the same name.
pub struct Mutant<P: Mutable> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Where it was seen.
    pub seen: &'static str,
    /// What keeps the protocol from it.
    pub guard: Guard,
    /// Changes what the process is built from.
    pub setup: fn(&mut P::Setup),
    /// What is restored instead of this record, if anything.
    pub restore: fn(&mut MutantState<P>, P::Record) -> Option<P::Record>,
    /// Links that the process is told of right after its start, whether or not they are up.
    pub presumed: fn(&P::Setup) -> Vec<PeerId>,
    /// False: the process is not told of this link or address.
    pub connected: fn(&mut MutantState<P>, PeerId) -> bool,
    /// Changes this message; false: the process does not receive it. It comes before what is
    /// injected.
    pub receive: fn(&mut MutantState<P>, PeerId, &mut P::Message) -> bool,
    /// False: the process is not told that this timer has fired. The effects are performed first.
    pub timeout: fn(&mut MutantState<P>, P::Timer, &mut Effects<P>) -> bool,
    /// Changes an effect; false: it is left out.
    pub effect: fn(&mut MutantState<P>, &mut Effect<P>) -> bool,
    /// What the effects of a step, which may be none, become after that.
    pub effects: fn(&mut MutantState<P>, &mut Effects<P>),
    /// True if it receives messages that no honest peer can have sent.
    pub trusting: bool,
    /// How the driver of these processes treats its disk: it can be the broken part, too.
    pub disk: DiskModel,
}

impl<P: Mutable> Mutant<P> {
    /// One that changes nothing: the entries of a catalogue say what they change.
    pub const PLAIN: Self = Self {
        name: "",
        does: "",
        seen: "",
        guard: Guard::new("", "", "", ""),
        setup: |_| {},
        restore: |_, record| Some(record),
        presumed: |_| Vec::new(),
        connected: |_, _| true,
        receive: |_, _, _| true,
        timeout: |_, _, _| true,
        effect: |_, _| true,
        effects: |_, _| {},
        trusting: false,
        disk: DiskModel::Sound,
    };

    /// Its label.
    pub fn label(&self) -> MutantLabel {
        let Self { name, does, seen, guard, .. } = *self;
        MutantLabel { name, does, seen, guard }
    }

    /// A process of this mutant that remembers nothing yet.
    pub fn build(&'static self, mut setup: P::Setup) -> Mutated<P> {
        (self.setup)(&mut setup);
        let process = P::build(setup.clone());
        let (notes, injected) = (P::Notes::default(), VecDeque::new());
        Mutated { mutant: self, state: MutantState { setup, process, notes, injected } }
    }
}

// Written out because a derive would ask the bounds of `P`; names are unique in a catalogue.
impl<P: Mutable> PartialEq for Mutant<P> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<P: Mutable> Eq for Mutant<P> {}

impl<P: Mutable> Hash for Mutant<P> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.name.hash(hasher);
    }
}

impl<P: Mutable> Debug for Mutant<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An unmutated process and what its mutant needs to mislead it.
#[derive(Clone, Debug)]
pub struct MutantState<P: Mutable> {
    /// What the process was built from.
    pub setup: P::Setup,
    /// The process itself.
    pub process: P,
    /// What the mutant remembers.
    pub notes: P::Notes,
    /// What the process receives next. Empty between events.
    injected: VecDeque<(PeerId, P::Message)>,
}

// Between events nothing is injected, so messages need not be compared.
impl<P: Mutable + PartialEq> PartialEq for MutantState<P> {
    fn eq(&self, other: &Self) -> bool {
        self.setup == other.setup && self.process == other.process && self.notes == other.notes
    }
}

impl<P: Mutable + Eq> Eq for MutantState<P> {}

impl<P: Mutable + Hash> Hash for MutantState<P> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.setup, &self.process, &self.notes).hash(hasher);
    }
}

impl<P: Mutable> MutantState<P> {
    /// After this step the process receives this message, whether or not anybody sent it.
    pub fn inject(&mut self, from: PeerId, message: P::Message) {
        self.injected.push_back((from, message));
    }

    /// Injects these messages in their order.
    pub fn inject_all(&mut self, messages: impl IntoIterator<Item = (PeerId, P::Message)>) {
        self.injected.extend(messages);
    }

    /// Puts another process in its place, which knows nothing.
    pub fn rebuild(&mut self) {
        self.process = P::build(self.setup.clone());
    }
}

/// A process inside its mutant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mutated<P: Mutable> {
    mutant: &'static Mutant<P>,
    state: MutantState<P>,
}

impl<P: Mutable> Mutated<P> {
    /// One step of the process, and one for each message that was injected.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut effects = Vec::new();
        event(&mut self.state.process, &mut effects);
        self.pass(&mut effects, out);
        self.receive_injected(effects, out);
    }

    fn receive_injected(&mut self, mut effects: Effects<P>, out: &mut Effects<Self>) {
        while let Some((from, message)) = self.state.injected.pop_front() {
            self.state.process.receive(from, message, &mut effects);
            self.pass(&mut effects, out);
        }
    }

    /// Hands the effects of one step on, as the mutant has them.
    fn pass(&mut self, effects: &mut Effects<P>, out: &mut Effects<Self>) {
        effects.retain_mut(|effect| (self.mutant.effect)(&mut self.state, effect));
        (self.mutant.effects)(&mut self.state, effects);
        out.extend(effects.drain(..).map(same));
    }
}

impl<P: Mutable> Process for Mutated<P> {
    const PROTOCOL: &'static str = P::PROTOCOL;
    const MAX_BODY: u64 = P::MAX_BODY;
    const MAX_LINE: usize = P::MAX_LINE;
    const MAX_DATAGRAM: usize = P::MAX_DATAGRAM;
    type Message = P::Message;
    type Record = P::Record;
    type Timer = P::Timer;
    type Fact = P::Fact;
    type Input = P::Input;

    fn restore(&mut self, record: P::Record) {
        if let Some(record) = (self.mutant.restore)(&mut self.state, record) {
            self.state.process.restore(record);
        }
    }

    fn disbelieves(&self, record: &P::Record) -> Option<String> {
        self.state.process.disbelieves(record)
    }

    fn snapshot(&self) -> Vec<P::Record> {
        self.state.process.snapshot()
    }

    fn clock(&mut self, now: Duration) {
        self.state.process.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, P::start);
        for other in (self.mutant.presumed)(&self.state.setup) {
            self.step(out, |process, out| process.connected(other, out));
        }
    }

    fn connected(&mut self, other: PeerId, out: &mut Effects<Self>) {
        if (self.mutant.connected)(&mut self.state, other) {
            self.step(out, |process, out| process.connected(other, out));
        }
    }

    fn disconnected(&mut self, other: PeerId, out: &mut Effects<Self>) {
        self.step(out, |process, out| process.disconnected(other, out));
    }

    fn receive(&mut self, from: PeerId, mut message: P::Message, out: &mut Effects<Self>) {
        if (self.mutant.receive)(&mut self.state, from, &mut message) {
            self.state.injected.push_front((from, message));
        }
        self.receive_injected(Vec::new(), out);
    }

    fn timeout(&mut self, timer: P::Timer, out: &mut Effects<Self>) {
        let mut effects = Vec::new();
        let fires = (self.mutant.timeout)(&mut self.state, timer, &mut effects);
        out.extend(effects.into_iter().map(same));
        if fires {
            self.step(out, |process, out| process.timeout(timer, out));
        }
    }

    fn input(&mut self, input: P::Input, out: &mut Effects<Self>) {
        self.step(out, |process, out| process.input(input, out));
    }

    fn is_due(&self) -> bool {
        self.state.process.is_due()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.step(out, P::proceed);
    }

    fn objection(&self, from: PeerId, message: &P::Message) -> Option<String> {
        if self.mutant.trusting { None } else { self.state.process.objection(from, message) }
    }

    fn has_body(message: &P::Message) -> bool {
        P::has_body(message)
    }

    fn is_bulk(message: &P::Message) -> bool {
        P::is_bulk(message)
    }

    fn to_datagram(message: &P::Message) -> Vec<u8> {
        P::to_datagram(message)
    }

    fn from_datagram(bytes: &[u8]) -> Option<P::Message> {
        P::from_datagram(bytes)
    }
}

/// An effect of the process inside is one of the mutant.
fn same<P: Mutable>(effect: Effect<P>) -> Effect<Mutated<P>> {
    effect.map(identity, identity, identity, identity)
}

/// A process of protocol `P`, mutated or not, as monitors see it.
pub trait Subject<P: Process>:
    Process<
        Message = P::Message,
        Record = P::Record,
        Timer = P::Timer,
        Fact = P::Fact,
        Input = P::Input,
    > + Sized
{
    /// The unmutated process inside.
    fn process(&self) -> &P;
}

impl<P: Process> Subject<P> for P {
    fn process(&self) -> &P {
        self
    }
}

impl<P: Mutable> Subject<P> for Mutated<P> {
    fn process(&self) -> &P {
        &self.state.process
    }
}
