//! The mutants of `ready`: what each does, and where it was seen.

use std::collections::BTreeSet;

use super::{Fact, Message, Ready, Setup, Timer};
use crate::process::{Effect, PeerId};
use crate::sim::mutant::{self, Guard, Mutable, MutantState};

type Mutant = mutant::Mutant<Ready>;

/// A mutant that changes nothing.
const PLAIN: Mutant = Mutant::PLAIN;

/// What a mutant remembers beside its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReadyNotes {
    /// Peers with something in common.
    peers: BTreeSet<PeerId>,
    /// Something is so.
    flag: bool,
}

impl Mutable for Ready {
    type Setup = Setup;
    type Notes = ReadyNotes;

    fn build(setup: Setup) -> Self {
        Self::new(setup)
    }
}

/// All mutants of `ready`.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter()
}

const READY: Guard = Guard::new(
    "links-carried",
    "src/ready/peer.rs",
    "fn check",
    "READY, once: heard from each of the others, and an ACK! from each of them",
);
const ANSWER: Guard = Guard {
    item: "fn receive",
    step: "a peer answers each ALIVE? with ACK!, always, also after it is ready",
    ..READY
};
const ASK: Guard = Guard {
    rule: "nobody-gives-up",
    item: "fn timeout",
    step: "ALIVE? goes to each peer that has not answered: at once, then every interval",
    ..READY
};
const LEAVE: Guard = Guard {
    rule: "leaves-together",
    item: "fn farewell",
    step: "goes on answering until --timeout; with --exit until all are known to be ready",
    ..READY
};

static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "acknowledges-only-the-first",
        does: "Answers the first question of each peer and no later one.",
        seen: "Handlers that take a second question for a repetition that needs no answer.",
        guard: Guard { rule: "always-answers", ..ANSWER },
        effect: |state, effect| match effect {
            Effect::Cast(to, Message::Ack) => state.notes.peers.insert(*to),
            _ => true,
        },
        ..PLAIN
    },
    Mutant {
        name: "ready-once-it-has-heard",
        does: "Is ready when it has heard from everybody, whether or not anybody has heard it.",
        seen: "Start-up barriers that count who has been heard, and nothing else.",
        guard: READY,
        receive: |state, from, _| {
            state.inject(from, Message::Ack);
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "counts-itself",
        does: "Counts its own line among those that have acknowledged, and so waits for one \
               peer too few.",
        seen: "Off by one: the file has n lines, and n - 1 of them are others.",
        guard: READY,
        receive: |state, from, message| {
            if *message == Message::Ack {
                state.notes.peers.insert(from);
                let missing: Vec<PeerId> = missing(state).collect();
                if let [last] = missing[..] {
                    state.inject(last, Message::Ack);
                }
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "leaves-when-it-is-ready",
        does: "With --exit, ends as soon as it is ready itself; without, too.",
        seen: "Barriers whose last line is `exit 0`: the others' questions find nobody.",
        guard: LEAVE,
        effects: |_, effects| {
            if effects.iter().any(|effect| matches!(effect, Effect::Report(Fact::Ready))) {
                effects.push(Effect::Halt(0));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-only-once",
        does: "Asks each peer once and never again.",
        seen: "Datagrams treated as if they could not get lost.",
        guard: ASK,
        effect: |_, effect| !matches!(effect, Effect::SetTimer(Timer::Interval, _)),
        ..PLAIN
    },
    Mutant {
        name: "sleeps-before-it-asks",
        does: "Asks at every tick of its interval and at no other time, so the first question \
               comes an interval late and a newcomer's word is not answered with one.",
        seen: "Loops that begin with `sleep`; spec lines that say: first at once, not after a \
               sleep.",
        guard: Guard { rule: "asks-at-once", item: "fn start", ..ASK },
        connected: |_, _| false,
        timeout: |state, timer, _| {
            state.notes.flag = timer == Timer::Interval;
            true
        },
        effects: |state, effects| {
            let asks_now = std::mem::take(&mut state.notes.flag);
            effects.retain(|effect| asks_now || !matches!(effect, Effect::Cast(_, Message::Alive)));
        },
        ..PLAIN
    },
    Mutant {
        name: "says-ready-again",
        does: "Says READY for every acknowledgement that comes after it is ready.",
        seen: "A test for `all acknowledged` without a note that it was passed.",
        guard: Guard { rule: "said-once", ..READY },
        receive: |state, _, message| {
            state.notes.flag = *message == Message::Ack && state.process.is_ready();
            true
        },
        effects: |state, effects| {
            if std::mem::take(&mut state.notes.flag) {
                effects.push(Effect::Report(Fact::Ready));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "gives-up-early",
        does: "Ends after a tenth of its time, ready or not.",
        seen: "Time-outs counted in attempts: ten tries, and some of them come at once.",
        guard: Guard { item: "fn over", ..LEAVE },
        setup: |setup| setup.timeout = setup.timeout.map(|time| time / 10),
        ..PLAIN
    },
];

/// Those whose acknowledgement has not been noted.
fn missing(state: &MutantState<Ready>) -> impl Iterator<Item = PeerId> {
    let missing: BTreeSet<PeerId> = &state.setup.others - &state.notes.peers;
    missing.into_iter()
}
