//! Mutants of the proposer: which value it asks for, and under which number.

use std::time::Duration;

use super::{Mutant, MutantState, PLAIN, with_ack};
use crate::paxos::pace::{FIRST_BACKOFF, FIRST_TIMEOUT, MOST_DOUBLINGS};
use crate::paxos::{Accepted, Ack, Fact, Message, ProposalNumber, Record, Timer, Value};
use crate::process::{Delay, Effect};
use crate::sim::mutant::sent;

/// The longest back-off on fast links.
const MOST_BACKOFF: Duration = FIRST_BACKOFF.saturating_mul(1 << MOST_DOUBLINGS);

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "ignores-accepted-values",
        does: "Proposes its own value, whatever the promises report.",
        seen: "Proposers written from the phases' names alone.",
        receive: |state, from, message| {
            state.inject(from, with_accepted(message, |_| None));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-last-reported-value",
        does: "Adopts the value of the promise that came last instead of the highest number.",
        seen: "One variable, overwritten by every promise.",
        receive: |state, from, message| {
            state.notes.count += 1;
            let count = state.notes.count;
            state.inject(from, with_accepted(message, |held| under(held, count)));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-lowest-number",
        does: "Adopts the value of the lowest accepted number.",
        seen: "A sort in the wrong direction.",
        receive: |state, from, message| {
            let turned = |held: Accepted| under(held, ProposalNumber::MAX - held.number.get());
            state.inject(from, with_accepted(message, turned));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-largest-value",
        does: "Adopts the largest value among the promises instead of the one of the highest \
               number.",
        seen: "A maximum over pairs that begin with the value.",
        receive: |state, from, message| {
            let by_value = |held: Accepted| under(held, u64::from(u32::from(held.value.0)));
            state.inject(from, with_accepted(message, by_value));
        },
        ..PLAIN
    },
    Mutant {
        name: "keeps-its-value-below-a-quorum",
        does: "Keeps its own value unless a majority of the promises reports the other one.",
        seen: "The argument that what a minority has accepted cannot have been chosen.",
        receive: |state, from, message| {
            let Message::PrepareAck(ack) = message else { return state.inject(from, message) };
            state.note(from, &message);
            let all = state.noted(&message);
            let needed = state.members().len() / 2 + 1;
            if !ack.granted() || all.len() < needed {
                if !ack.granted() {
                    state.inject(from, message);
                }
                return;
            }
            let reported = all.values().filter(|ack| ack.accepted.is_some()).count();
            let keep = |ack: Ack| if reported >= needed { ack.accepted } else { None };
            state.inject_all(all.into_iter().map(|(from, ack)| {
                (from, Message::PrepareAck(Ack { accepted: keep(ack), ..ack }))
            }));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-over-the-number",
        does: "Asks for the adopted value under the number under which it was accepted.",
        seen: "Proposers that copy the pair instead of the value.",
        trusting: true,
        effects: |_, effects| {
            let adopted = effects.iter().find_map(|effect| match effect {
                Effect::Report(Fact::Adopted { adopted, .. }) => Some(adopted.number),
                _ => None,
            });
            let Some(other) = adopted else { return };
            for message in sent(effects) {
                if let Message::Accept { number, .. } = message {
                    *number = other;
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "number-not-kept",
        does: "Does not write its number down, and uses it again in its next life.",
        seen: "Tencent/phxpaxos #145; durable acceptors beside a forgetful proposer.",
        effects: |_, effects| {
            effects.retain(|effect| !matches!(effect, Effect::Persist(Record::LastNumber(_))));
        },
        ..PLAIN
    },
    Mutant {
        name: "proposers-share-numbers",
        does: "Uses the round alone as its number, as all other proposers do.",
        seen: "Counters without an identity.",
        trusting: true,
        receive: |state, from, message| {
            let change = |ack: Ack| if asked(state, &ack) { own(state, ack) } else { ack };
            state.inject(from, with_ack(message, change));
        },
        effects: |state, effects| {
            for message in sent(effects) {
                if let Message::Prepare { number, .. } | Message::Accept { number, .. } = message {
                    *number = round(state, *number);
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "skips-the-first-phase",
        does: "Asks to accept its candidate without any promise.",
        seen: "The shortcut of a stable leader, taken by everyone.",
        receive: |state, from, message| {
            if let Message::AcceptAck(ack) = message {
                state.inject(from, Message::PrepareAck(Ack { accepted: None, ..ack }));
            }
            state.inject(from, message);
        },
        effects: |_, effects| {
            for message in sent(effects) {
                if let Message::Prepare { number, value } = *message {
                    *message = Message::Accept { number, value };
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-for-a-blank",
        does: "Asks for an empty value when the promises report none: nobody proposed that.",
        seen: "A value that is initialised with nothing and set only by an adopted one.",
        effects: |state, effects| {
            for message in sent(effects) {
                if let Message::Accept { value, .. } = message
                    && Some(*value) == state.setup.candidate
                {
                    *value = Value(' ');
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-again-for-its-own-value",
        does: "Asks an acceptor that was away for its own candidate, not for the adopted value.",
        seen: "Retries that rebuild the question from the configuration.",
        effects: |state, effects| {
            // A step of answers asks everybody; a step of a link asks one.
            let mut asked: Vec<_> = sent(effects)
                .filter_map(|message| match message {
                    Message::Accept { value, .. } => Some(value),
                    _ => None,
                })
                .collect();
            if let ([value], Some(candidate)) = (&mut asked[..], state.setup.candidate) {
                **value = candidate;
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "duels-without-backing-off",
        does: "Starts again at once when it is refused, so two proposers beat each other for long.",
        seen: "Retry loops without a random pause.",
        effects: |_, effects| {
            for effect in effects {
                if let Effect::SetTimer(Timer::Attempt, delay) = effect {
                    *delay = Delay::from(Duration::ZERO);
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "fixed-time-out",
        does: "Waits a second for answers, whatever they take, and backs off for no more than \
               1.28 s: on slow links every attempt is given up just before it succeeds.",
        seen: "This program, before its time-outs grew; etcd #5870, #7312.",
        effects: |_, effects| {
            for effect in effects {
                let (most, delay) = match effect {
                    Effect::SetTimer(Timer::Answer, delay) => (FIRST_TIMEOUT, delay),
                    Effect::SetTimer(Timer::Attempt, delay) => (MOST_BACKOFF, delay),
                    _ => continue,
                };
                delay.at_most = delay.at_most.min(most);
                delay.at_least = delay.at_least.min(most);
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "refuses-in-silence",
        does: "Says nothing when it refuses, and waits for answers without a time-out.",
        seen: "Acceptors after the papers, which let a refusal be silent; its cousin, a refusal \
               that names no number: peterbourgon/caspaxos, pull request 6.",
        effects: |_, effects| {
            effects.retain(|effect| match effect {
                Effect::Send(_, Message::PrepareAck(ack) | Message::AcceptAck(ack)) => {
                    ack.granted()
                }
                Effect::SetTimer(Timer::Answer, _) => false,
                _ => true,
            });
        },
        ..PLAIN
    },
];

/// The message, with what an answer to a prepare says it holds changed.
fn with_accepted(message: Message, change: impl Fn(Accepted) -> Option<Accepted>) -> Message {
    match message {
        Message::PrepareAck(ack) => {
            Message::PrepareAck(Ack { accepted: ack.accepted.and_then(change), ..ack })
        }
        _ => message,
    }
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
