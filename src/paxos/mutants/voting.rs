//! Mutants of the acceptor and its memory.

use super::guards;
use super::notes::{Mutant, MutantState, PLAIN, PaxosNotes, accepted, rewrite_record};
use crate::paxos::acceptor::Acceptor;
use crate::paxos::{Accepted, Ack, Message, Peer, ProposalNumber, Record};
use crate::process::{Effect, Effects};
use crate::sim::mutant::Guard;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "accept-below-promise",
        does: "Accepts under a number below its promise.",
        seen: "Paxos Made Simple read in a hurry: the acceptor forgets what the promise was for.",
        guard: guards::ACCEPT,
        receive: |state, _, message| {
            if let Message::Accept { number, .. } = message {
                forget_promise_above(state, *number);
            }
            true
        },
        effects: promise_as_before,
        ..PLAIN
    },
    Mutant {
        name: "accept-without-raising-the-promise",
        does: "Accepts without raising the promise, so that a lower accept can follow.",
        seen: "scylladb #6139; apache/cassandra, pull request 1327.",
        guard: guards::ACCEPT,
        receive: |state, _, message| {
            if let Message::Accept { .. } = message {
                state.notes.before = Some(state.acceptor());
            }
            true
        },
        effects: promise_as_before,
        ..PLAIN
    },
    Mutant {
        name: "relabels-its-vote",
        does: "Puts the newly promised number on the value that it accepted earlier.",
        seen: "Acceptors with one field for both numbers.",
        guard: Guard { rule: "vote-kept", ..guards::PREPARE },
        effects: |state, effects| {
            let held = state.acceptor();
            let (Some(number), Some(vote)) = (held.min_proposal, held.accepted) else { return };
            if vote.number == number {
                return;
            }
            let accepted = Some(Accepted { number, ..vote });
            state.set_acceptor(Acceptor { accepted, ..held });
            rewrite_record(effects, state.acceptor());
            for effect in effects {
                if let Effect::Send(_, Message::PrepareAck(ack)) = effect {
                    ack.accepted = accepted;
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "never-accepts-its-own-promise",
        does: "Accepts only above the promise, not at it: after its own promise nothing is ever \
               accepted.",
        seen: "`>` where `>=` is needed.",
        guard: Guard { rule: "decides", ..guards::ACCEPT },
        receive: |state, _, message| {
            let promised = state.acceptor().min_proposal;
            !matches!(message, Message::Accept { number, .. } if Some(*number) == promised)
        },
        ..PLAIN
    },
    Mutant {
        name: "promises-only-the-first",
        does: "Once it has promised, it answers no other proposer: promises are split and nobody \
               gets a majority, nor a refusal.",
        seen: "cocagne/multi-paxos-example #4.",
        guard: Guard { rule: "decides", ..guards::ANSWER },
        receive: |state, from, message| {
            let peers = state.setup.roles.peers;
            let promised = state.acceptor().min_proposal;
            let first = promised.is_none_or(|number| number.owner(peers) == from);
            first || !matches!(message, Message::Prepare { .. })
        },
        ..PLAIN
    },
    Mutant {
        name: "compares-numbers-as-text",
        does: "Compares proposal numbers as text: \"9\" is above \"10\".",
        seen: "Numbers kept as strings; and round.id as a decimal, in which 1.10 is 1.1.",
        guard: Guard {
            item: "struct ProposalNumber",
            file: "src/paxos/proposal.rs",
            ..guards::ACCEPT
        },
        receive: |state, _, message| {
            let (Message::Prepare { number, .. } | Message::Accept { number, .. }) = *message
            else {
                return true;
            };
            let promised = state.acceptor().min_proposal.map_or(String::new(), |n| n.to_string());
            let is_above = number.to_string() >= promised;
            if is_above {
                forget_promise_above(state, number);
            }
            is_above
        },
        // The text that was larger is the promise now.
        effects: |state, _| state.notes = PaxosNotes::default(),
        ..PLAIN
    },
    Mutant {
        name: "checks-then-acts",
        does: "Looks whether it may accept, lets go of the lock, and accepts after the next \
               message, whatever was promised to that one.",
        seen: "Check-then-act over two lockings.",
        guard: Guard { file: "src/node/steps.rs", item: "fn step_locked", ..guards::ACCEPT },
        receive: |state, from, message| {
            let late: Vec<_> = std::mem::take(&mut state.notes.aside);
            state.notes.count = late.len() as u64;
            state.inject_all(late);
            let promised = state.acceptor().min_proposal;
            let waits =
                matches!(message, Message::Accept { number, .. } if Some(*number) >= promised);
            if waits {
                state.notes.aside.push((from, *message));
            }
            !waits
        },
        effects: |state, effects| {
            // A refusal of what was put aside becomes the acceptance that was decided earlier.
            let refused = effects.iter().find_map(|effect| match effect {
                Effect::Send(to, Message::AcceptAck(ack)) if !ack.granted() => Some((*to, *ack)),
                _ => None,
            });
            let Some((to, ack)) = refused.filter(|_| state.notes.count > 0) else { return };
            let held = Accepted { number: ack.answers, value: ack.asked };
            let acceptor = Acceptor { accepted: Some(held), ..state.acceptor() };
            state.set_acceptor(acceptor);
            let answer = accepted(Ack { accepted: Some(held), ..ack }, ack.answers);
            effects.clear();
            effects.push(Effect::Persist(Record::Acceptor(acceptor)));
            effects.push(Effect::Send(to, Message::AcceptAck(answer)));
        },
        ..PLAIN
    },
    Mutant {
        name: "answers-before-it-is-durable",
        does: "Lets the answer leave before the promise or the vote is on disk.",
        seen: "Every store that acknowledges a write from its memory.",
        guard: guards::STABLE,
        effects: |_, effects| {
            effects.sort_by_key(|effect| matches!(effect, Effect::Persist(Record::Acceptor(_))));
        },
        ..PLAIN
    },
    Mutant {
        name: "promise-not-kept",
        does: "Writes down what it accepts, but not what it only promises.",
        seen: "Logs of accepted values without a record of the promise.",
        guard: guards::STABLE,
        effect: |_, effect| match effect {
            Effect::Persist(Record::Acceptor(held)) => {
                held.accepted.map(|vote| vote.number) == held.min_proposal
            }
            _ => true,
        },
        ..PLAIN
    },
    Mutant {
        name: "vote-not-kept",
        does: "Writes down its promises, but not what it accepted.",
        seen: "A vote counted from memory, and gone after a restart.",
        guard: Guard { rule: "vote-kept", ..guards::STABLE },
        effect: |_, effect| {
            if let Effect::Persist(Record::Acceptor(held)) = effect {
                held.accepted = None;
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "fresh-start",
        does: "Finds its state missing or damaged, and begins as if it were new.",
        seen: "A state file truncated in place, empty after a power cut.",
        guard: guards::RESTORE,
        restore: |_, record| matches!(record, Record::LastNumber(_)).then_some(record),
        ..PLAIN
    },
    Mutant {
        name: "last-record-lost",
        does: "Does not wait for the flush: the newest record is gone after a crash.",
        seen: "A write without fsync, or without one for the directory.",
        guard: guards::FLUSH,
        restore: |state, record| state.notes.held.replace(record),
        ..PLAIN
    },
    Mutant {
        name: "old-votes-expire",
        does: "Deletes an accepted value that seems old when the next prepare comes.",
        seen: "scylladb #6149; palantir/atlasdb #1504.",
        guard: Guard { rule: "vote-kept", ..guards::PREPARE },
        receive: |state, _, message| {
            if let Message::Prepare { number, .. } = message {
                let old = state.acceptor();
                let peers = u64::from(state.setup.roles.peers);
                let expired = |held: &Accepted| held.number.get() + peers < number.get();
                if old.accepted.as_ref().is_some_and(expired) {
                    state.set_acceptor(Acceptor { accepted: None, ..old });
                }
            }
            true
        },
        ..PLAIN
    },
];

/// Makes the acceptor forget a promise above `number`; the notes keep it.
fn forget_promise_above(state: &mut MutantState, number: ProposalNumber) {
    let held = state.acceptor();
    if held.min_proposal > Some(number) {
        state.notes.before = Some(held);
        state.set_acceptor(Acceptor { min_proposal: Some(number), ..held });
    }
}

/// After a doctored acceptance: the promise is what it was.
fn promise_as_before(state: &mut MutantState, effects: &mut Effects<Peer>) {
    if let Some(before) = state.notes.before.take() {
        let held = Acceptor { min_proposal: before.min_proposal, ..state.acceptor() };
        state.set_acceptor(held);
        rewrite_record(effects, held);
    }
}
