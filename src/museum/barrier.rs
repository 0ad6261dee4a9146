//! The barrier as it can be got wrong.

use std::collections::BTreeSet;

use super::wrap::{self, Label, Ward, reports};
use crate::process::{Effect, PeerId};
use crate::ready::{Fact, Message, Ready, Setup, Timer};

/// A mutant of the barrier.
pub type Mutant = wrap::Mutant<Ready, Setup>;

/// All mutants of the barrier.
pub static MUTANTS: &[Mutant] = &[
    Mutant {
        label: Label {
            name: "acknowledges-only-the-first",
            does: "Answers the first question of each peer and no later one.",
            seen: "Handlers that take a second question for a repetition that needs no answer.",
        },
        tell: |ward, effects| {
            effects.retain(|effect| match effect {
                Effect::Cast(to, Message::Ack) => ward.notes.peers.insert(*to),
                _ => true,
            });
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "ready-once-it-has-heard",
            does: "Is ready when it has heard from everybody, whether or not anybody has heard it.",
            seen: "Start-up barriers that count who has been heard, and nothing else.",
        },
        hear: |_, from, message, feed| feed.extend([(from, message), (from, Message::Ack)]),
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "counts-itself",
            does: "Counts its own line among those that have acknowledged, and so waits for one \
                   peer too few.",
            seen: "Off by one: the file has n lines, and n - 1 of them are others.",
        },
        hear: |ward, from, message, feed| {
            feed.push((from, message));
            if message == Message::Ack {
                ward.notes.peers.insert(from);
                let missing: Vec<PeerId> = missing(ward).collect();
                if let [last] = missing[..] {
                    feed.push((last, Message::Ack));
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "leaves-when-it-is-ready",
            does: "With --exit, ends as soon as it is ready itself; without, too.",
            seen: "Barriers whose last line is `exit 0`: the others' questions find nobody.",
        },
        tell: |_, effects| {
            if reports(effects, |fact| *fact == Fact::Ready) {
                effects.push(Effect::Halt(0));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "asks-only-once",
            does: "Asks each peer once and never again.",
            seen: "Datagrams treated as if they could not get lost.",
        },
        tell: |_, effects| {
            effects.retain(|effect| !matches!(effect, Effect::SetTimer(Timer::Interval, _)));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "sleeps-before-it-asks",
            does: "Asks at every tick of its interval and at no other time, so the first question \
                   comes an interval late and a newcomer's word is not answered with one.",
            seen: "Loops that begin with `sleep`; spec lines that say: first at once, not after a \
                   sleep.",
        },
        links: |_, _| false,
        fires: |ward, timer, _| {
            ward.notes.flag = timer == Timer::Interval;
            true
        },
        tell: |ward, effects| {
            let asks_now = std::mem::take(&mut ward.notes.flag);
            effects.retain(|effect| asks_now || !matches!(effect, Effect::Cast(_, Message::Alive)));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "says-ready-again",
            does: "Says READY for every acknowledgement that comes after it is ready.",
            seen: "A test for `all acknowledged` without a note that it was passed.",
        },
        hear: |ward, from, message, feed| {
            feed.push((from, message));
            ward.notes.flag = message == Message::Ack && ward.peer.is_ready();
        },
        tell: |ward, effects| {
            if std::mem::take(&mut ward.notes.flag) {
                effects.push(Effect::Report(Fact::Ready));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "gives-up-early",
            does: "Ends after a tenth of its time, ready or not.",
            seen: "Time-outs counted in attempts: ten tries, and some of them come at once.",
        },
        told: |setup| setup.timeout = setup.timeout.map(|time| time / 10),
        ..Mutant::PLAIN
    },
];

/// Those whose acknowledgement has not been noted.
fn missing(ward: &Ward<Ready, Setup>) -> impl Iterator<Item = PeerId> {
    let missing: BTreeSet<PeerId> = &ward.setup.others - &ward.notes.peers;
    missing.into_iter()
}

/// A peer at the barrier inside its mutant.
pub type Broken = wrap::Broken<Ready, Setup>;
