//! Mutants that count wrong: who answered, what they answered, and how many are enough.

use std::collections::BTreeSet;

use super::guards;
use super::notes::{Mutant, MutantState, PLAIN, accepted, granted, with_ack};
use crate::paxos::{Ack, Message};
use crate::process::PeerId;
use crate::sim::mutant::Guard;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "promise-for-an-older-number",
        does: "Counts a promise for an older number of its own for the present one.",
        seen: "luohaha/MyPaxos #18: two values decided.",
        guard: guards::PROMISES,
        receive: |state, _, message| {
            if let (Message::PrepareAck(ack), Some(now)) = (message, state.number())
                && ack.granted()
            {
                *ack = granted(*ack, now);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "acceptance-for-an-older-number",
        does: "Counts an acceptance of an older number of its own for the present one.",
        seen: "As with the promise for an older number; many hand-written proposers.",
        guard: Guard { rule: "truth-told", ..guards::VOTES },
        receive: |state, _, message| {
            if let (Message::AcceptAck(ack), Some(now)) = (message, state.number())
                && ack.accepts()
                && state.owns(ack.answers)
            {
                *ack = accepted(*ack, now);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "ack-that-names-no-question",
        does: "Reads an ack by its promise alone, as if every ack answered the present question; \
               a delayed refusal that names the present number is then an acceptance of it.",
        seen: "The usual lab interface, in which an ack carries the promise only.",
        guard: guards::VOTES,
        receive: |state, _, message| {
            let now = state.number();
            match message {
                Message::PrepareAck(ack) if Some(ack.min_proposal) == now => {
                    *ack = granted(*ack, ack.min_proposal);
                }
                Message::AcceptAck(ack) if Some(ack.min_proposal) == now => {
                    *ack = accepted(*ack, ack.min_proposal);
                }
                _ => {}
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "one-acceptor-counted-twice",
        does: "Counts answers instead of acceptors: the same one, heard twice, is two.",
        seen: "jjzhang/booth, pull request 47.",
        guard: Guard { rule: "truth-told", ..guards::VOTES },
        receive: |state, from, message| {
            let again = !state.note(from, message);
            let other = unheard(state, message).filter(|_| again);
            state.inject(other.unwrap_or(from), *message);
            false
        },
        ..PLAIN
    },
    Mutant {
        name: "half-is-a-quorum",
        does: "Takes n / 2 answers for a majority instead of n / 2 + 1, in both phases.",
        seen: "Any quorum computed without a table of tests.",
        guard: guards::MAJORITY,
        receive: |state, from, message| {
            state.note(from, message);
            let needed = state.members().len() / 2;
            if state.noted(message).len() >= needed {
                state.inject_all(unheard(state, message).map(|other| (other, *message)));
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "promise-quorum-of-one",
        does: "Goes on to the second phase with the first promise; acceptances it counts well.",
        seen: "A promise quorum of one among three, in student proposers.",
        guard: guards::MAJORITY,
        receive: |state, _, message| {
            if let Message::PrepareAck(_) = message {
                state.inject_all(state.members().into_iter().map(|other| (other, *message)));
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "waits-for-all",
        does: "Waits for the answers of all acceptors instead of a majority: one that is dead \
               stops everything.",
        seen: "Two-phase commit taken for Paxos.",
        guard: Guard { rule: "decides", ..guards::MAJORITY },
        receive: |state, from, message| {
            let (Message::PrepareAck(ack) | Message::AcceptAck(ack)) = message else { return true };
            let is_refused = !ack.granted();
            state.note(from, message);
            let all = state.noted(message);
            if !is_refused && all.len() >= state.members().len() {
                let of = |ack| with_ack(*message, |_| ack);
                state.inject_all(all.into_iter().map(|(from, ack)| (from, of(ack))));
            }
            is_refused
        },
        ..PLAIN
    },
    Mutant {
        name: "accepted-is-chosen",
        does: "Takes the first acceptance for the choice, and announces it.",
        seen: "Learning from a minority.",
        guard: guards::VOTES,
        receive: |state, _, message| {
            if matches!(message, Message::AcceptAck(ack) if ack.accepts()) {
                state.inject_all(state.members().into_iter().map(|other| (other, *message)));
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "counts-values-not-numbers",
        does: "Learns from a majority that has accepted the same value, under whatever numbers.",
        seen: "Learners that keep one counter for each value.",
        guard: guards::LEARNER,
        receive: |state, _, message| {
            if let Message::AcceptAck(ack) = message
                && ack.accepts()
            {
                let value = ack.accepted.map_or(ack.asked, |held| held.value);
                let first = *state.notes.first_under.entry(value).or_insert(ack.answers);
                // Answers to its own questions it counts well.
                *ack = accepted(*ack, if state.owns(ack.answers) { ack.answers } else { first });
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "refusal-read-as-acceptance",
        does: "Has the test of an accept's answer the wrong way round, so a refusal counts.",
        seen: "A value was announced that no majority held; the comparison of the lecture's \
               slide, turned round.",
        guard: guards::VOTES,
        receive: |state, _, message| {
            if let Message::AcceptAck(ack) = message
                && Some(ack.answers) == state.number()
            {
                *ack = accepted(Ack { accepted: None, ..*ack }, ack.answers);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "refusal-read-as-promise",
        does: "Counts every answer to a prepare as a promise, also a refusal that reports nothing.",
        seen: "Proposers that look at who answered and not at what.",
        guard: guards::PROMISES,
        receive: |_, _, message| {
            if let Message::PrepareAck(ack) = message
                && !ack.granted()
            {
                *ack = Ack { accepted: None, ..granted(*ack, ack.answers) };
            }
            true
        },
        ..PLAIN
    },
];

/// An acceptor of this proposer that has not answered this.
fn unheard(state: &MutantState, message: &Message) -> Option<PeerId> {
    let heard: BTreeSet<PeerId> = state.noted(message).into_keys().collect();
    state.members().difference(&heard).next().copied()
}
