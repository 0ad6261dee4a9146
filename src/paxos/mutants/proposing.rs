//! Mutants of the proposer: which value it asks for, and under which number.

use std::time::Duration;

use super::guards;
use super::notes::{Mutant, MutantState, PLAIN, with_ack};
use crate::paxos::pace::{FIRST_BACKOFF, FIRST_TIMEOUT, MOST_DOUBLINGS};
use crate::paxos::{Accepted, Ack, Fact, Message, ProposalNumber, Record, Timer, Value};
use crate::process::{Delay, Effect};
use crate::sim::mutant::Guard;

/// The longest back-off on fast links.
const MOST_BACKOFF: Duration = FIRST_BACKOFF.saturating_mul(1 << MOST_DOUBLINGS);

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "ignores-accepted-values",
        does: "Proposes its own value, whatever the promises report.",
        seen: "Proposers written from the phases' names alone.",
        guard: guards::HIGHEST,
        receive: |_, _, message| with_accepted(message, |_| None),
        ..PLAIN
    },
    Mutant {
        name: "takes-the-last-reported-value",
        does: "Adopts the value of the promise that came last instead of the highest number.",
        seen: "One variable, overwritten by every promise.",
        guard: guards::HIGHEST,
        receive: |state, _, message| {
            state.notes.count += 1;
            with_accepted(message, |held| under(held, state.notes.count))
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-lowest-number",
        does: "Adopts the value of the lowest accepted number.",
        seen: "A sort in the wrong direction.",
        guard: guards::HIGHEST,
        receive: |_, _, message| {
            with_accepted(message, |held| under(held, ProposalNumber::MAX - held.number.get()))
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-largest-value",
        does: "Adopts the largest value among the promises instead of the one of the highest \
               number.",
        seen: "A maximum over pairs that begin with the value.",
        guard: guards::HIGHEST,
        receive: |_, _, message| {
            with_accepted(message, |held| under(held, u64::from(u32::from(held.value.0))))
        },
        ..PLAIN
    },
    Mutant {
        name: "keeps-its-value-below-a-quorum",
        does: "Keeps its own value unless a majority of the promises reports the other one.",
        seen: "The argument that what a minority has accepted cannot have been chosen.",
        guard: guards::HIGHEST,
        receive: |state, from, message| {
            let Message::PrepareAck(ack) = *message else { return true };
            state.note(from, message);
            let all = state.noted(message);
            let needed = state.members().len() / 2 + 1;
            if ack.granted() && all.len() >= needed {
                let reported = all.values().filter(|ack| ack.accepted.is_some()).count();
                let keep = |ack: Ack| if reported >= needed { ack.accepted } else { None };
                state.inject_all(all.into_iter().map(|(from, ack)| {
                    (from, Message::PrepareAck(Ack { accepted: keep(ack), ..ack }))
                }));
            }
            !ack.granted()
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-over-the-number",
        does: "Asks for the adopted value under the number under which it was accepted.",
        seen: "Proposers that copy the pair instead of the value.",
        guard: Guard { rule: "number-once", item: "fn ask_acceptance", ..guards::HIGHEST },
        trusting: true,
        effects: |_, effects| {
            let adopted = effects.iter().find_map(|effect| match effect {
                Effect::Report(Fact::Adopted { adopted, .. }) => Some(adopted.number),
                _ => None,
            });
            let Some(other) = adopted else { return };
            for effect in effects {
                if let Effect::Send(_, Message::Accept { number, .. }) = effect {
                    *number = other;
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "number-not-kept",
        does: "Does not write its number down, and uses it again in its next incarnation.",
        seen: "Tencent/phxpaxos #145; durable acceptors beside a forgetful proposer.",
        guard: guards::RESERVED,
        effect: |_, effect| !matches!(effect, Effect::Persist(Record::LastNumber(_))),
        ..PLAIN
    },
    Mutant {
        name: "proposers-share-numbers",
        does: "Uses the round alone as its number, as all other proposers do.",
        seen: "Counters without an identity.",
        guard: guards::NUMBER,
        trusting: true,
        receive: |state, _, message| {
            let change = |ack: Ack| if asked(state, &ack) { own(state, ack) } else { ack };
            *message = with_ack(*message, change);
            true
        },
        effect: |state, effect| {
            if let Effect::Send(
                _,
                Message::Prepare { number, .. } | Message::Accept { number, .. },
            ) = effect
            {
                *number = round(state, *number);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "skips-the-first-phase",
        does: "Asks to accept its candidate without any promise.",
        seen: "The shortcut of a stable leader, taken by everyone.",
        guard: Guard { item: "fn outcome", ..guards::PROMISES },
        receive: |state, from, message| {
            if let Message::AcceptAck(ack) = *message {
                state.inject(from, *message);
                *message = Message::PrepareAck(Ack { accepted: None, ..ack });
            }
            true
        },
        effect: |_, effect| {
            if let Effect::Send(_, message) = effect
                && let Message::Prepare { number, value } = *message
            {
                *message = Message::Accept { number, value };
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-for-a-blank",
        does: "Asks for an empty value when the promises report none: nobody proposed that.",
        seen: "A value that is initialised with nothing and set only by an adopted one.",
        guard: Guard { rule: "value-was-proposed", ..guards::HIGHEST },
        effect: |state, effect| {
            if let Effect::Send(_, Message::Accept { value, .. }) = effect
                && Some(*value) == state.setup.candidate
            {
                *value = Value(' ');
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-again-for-its-own-value",
        does: "Asks an acceptor that was away for its own candidate, not for the adopted value.",
        seen: "Retries that rebuild the question from the configuration.",
        guard: guards::AGAIN,
        effects: |state, effects| {
            // A step of answers asks everybody; a step of a link asks one.
            let mut asked = effects.iter_mut().filter_map(|effect| match effect {
                Effect::Send(_, Message::Accept { value, .. }) => Some(value),
                _ => None,
            });
            if let (Some(value), None, Some(candidate)) =
                (asked.next(), asked.next(), state.setup.candidate)
            {
                *value = candidate;
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "duels-without-backing-off",
        does: "Starts again at once when it is refused, so two proposers beat each other for long.",
        seen: "Retry loops without a random pause.",
        guard: guards::BACK_OFF,
        effect: |_, effect| {
            if let Effect::SetTimer(Timer::Attempt, delay) = effect {
                *delay = Delay::from(Duration::ZERO);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "fixed-time-out",
        does: "Waits a second for answers, whatever they take, and backs off for no more than \
               1.28 s: on slow links every attempt is given up just before it succeeds.",
        seen: "This program, before its time-outs grew; etcd #5870, #7312.",
        guard: Guard { item: "fn times_out", ..guards::BACK_OFF },
        effect: |_, effect| {
            let (most, delay) = match effect {
                Effect::SetTimer(Timer::Answer, delay) => (FIRST_TIMEOUT, delay),
                Effect::SetTimer(Timer::Attempt, delay) => (MOST_BACKOFF, delay),
                _ => return true,
            };
            delay.at_most = delay.at_most.min(most);
            delay.at_least = delay.at_least.min(most);
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "refuses-in-silence",
        does: "Says nothing when it refuses, and waits for answers without a time-out.",
        seen: "Acceptors after the papers, which let a refusal be silent; its cousin, a refusal \
               that names no number: peterbourgon/caspaxos, pull request 6.",
        guard: Guard { rule: "decides", ..guards::ANSWER },
        effect: |_, effect| match effect {
            Effect::Send(_, Message::PrepareAck(ack) | Message::AcceptAck(ack)) => ack.granted(),
            effect => !matches!(effect, Effect::SetTimer(Timer::Answer, _)),
        },
        ..PLAIN
    },
];

/// Changes what an answer to a prepare says it holds. Always true: it is received.
fn with_accepted(message: &mut Message, change: impl Fn(Accepted) -> Option<Accepted>) -> bool {
    if let Message::PrepareAck(ack) = message {
        ack.accepted = ack.accepted.and_then(change);
    }
    true
}

/// The same value under another number.
fn under(held: Accepted, number: u64) -> Option<Accepted> {
    Some(Accepted { number: ProposalNumber::new(number)?, ..held })
}

/// The first number of the round to which a number belongs: it is everybody's.
fn round(state: &MutantState, number: ProposalNumber) -> ProposalNumber {
    let peers = u64::from(state.setup.roles.peers);
    ProposalNumber::new((number.get() - 1) / peers * peers + 1).unwrap_or(number)
}

/// This peer's number of the round to which a number belongs.
fn mine(state: &MutantState, number: ProposalNumber) -> ProposalNumber {
    let first = round(state, number).get();
    ProposalNumber::new(first + u64::from(state.setup.me.0) - 1).unwrap_or(number)
}

/// True if this answers a question of this peer.
fn asked(state: &MutantState, ack: &Ack) -> bool {
    state.number().is_some_and(|number| round(state, number) >= ack.answers)
}

/// The answer, as if it were about this peer's own numbers.
fn own(state: &MutantState, ack: Ack) -> Ack {
    Ack {
        answers: mine(state, ack.answers),
        min_proposal: mine(state, ack.min_proposal),
        accepted: ack.accepted.map(|held| Accepted { number: mine(state, held.number), ..held }),
        ..ack
    }
}
