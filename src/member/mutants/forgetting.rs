//! Members that start again and have forgotten what they were, or what they had promised.

use super::guards;
use super::notes::{Mutant, PLAIN};
use crate::member::{Peer, Record};
use crate::process::Effect;
use crate::sim::mutant::Guard;

pub(super) static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "one-incarnation-for-ever",
        does: "A process that starts again takes itself for the member that it was.",
        seen: "Members known by their address alone; what they had promised was in memory.",
        guard: guards::INCARNATION,
        setup: |setup| setup.incarnation.0 = 0,
        ..PLAIN
    },
    Mutant {
        name: "founds-again",
        does: "The first line does not remember that it has founded a group.",
        seen: "What --data is there for: a first line that starts again, cut off from \
               everybody.",
        guard: guards::FOUNDS,
        restore: |_, _| None,
        ..PLAIN
    },
    Mutant {
        name: "forgets-its-promises",
        does: "With --majority, starts again with its view, and with nothing that it promised \
               or agreed to in it.",
        seen: "An acceptor that writes down what was chosen, and not what it promised.",
        guard: Guard { rule: "one-list", ..guards::RECALL },
        restore: |_, record| (!matches!(record, Record::Promise { .. })).then_some(record),
        ..PLAIN
    },
    Mutant {
        name: "forgets-its-view",
        does: "With --majority, starts again as the member that it was, and asks others for \
               the view instead of remembering it.",
        seen: "A typical slip: only the identity is durable.",
        guard: Guard { rule: "goes-on", ..guards::RECALL },
        restore: |_, record| matches!(record, Record::Incarnation(_)).then_some(record),
        ..PLAIN
    },
    Mutant {
        name: "answers-before-it-records",
        does: "With --majority, agrees first and makes it durable afterwards.",
        seen: "The classic of all logs: a crash between the answer and the write takes the \
               promise back.",
        guard: Guard { file: "src/member/lead.rs", item: "fn keep", ..guards::RECALL },
        effects: |_, effects| {
            let is_promise =
                |effect: &Effect<Peer>| matches!(effect, Effect::Persist(Record::Promise { .. }));
            let (late, soon): (Vec<_>, Vec<_>) = effects.drain(..).partition(is_promise);
            effects.extend(soon.into_iter().chain(late));
        },
        ..PLAIN
    },
    Mutant {
        name: "another-incarnation-at-every-start",
        does: "With --majority, remembers everything but which member it was, so it must be \
               removed and let in again.",
        seen: "This program before it remembered: after a majority had started again, no view \
               was ever agreed to.",
        guard: Guard { rule: "one-group", ..guards::RECALL },
        restore: |_, record| matches!(record, Record::Seen(_)).then_some(record),
        effect: |_, effect| {
            if let Effect::Persist(record) = effect
                && let Record::View(view) = record
            {
                *record = Record::Seen(view.id);
            }
            true
        },
        ..PLAIN
    },
];
