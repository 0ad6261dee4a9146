//! Mutants of the proposer: which value it asks for, and under which number.

use std::time::Duration;

use super::{Mutant, PLAIN, Ward};
use crate::paxos::pace::{FIRST_BACKOFF, FIRST_TIMEOUT, MOST_DOUBLINGS};
use crate::paxos::{Accepted, Ack, Fact, Message, Peer, ProposalNumber, Record, Timer, Value};
use crate::process::{Delay, Effect};

/// The longest back-off on fast links.
const MOST_BACKOFF: Duration = FIRST_BACKOFF.saturating_mul(1 << MOST_DOUBLINGS);

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "ignores-accepted-values",
        does: "Proposes its own value, whatever the promises report.",
        seen: "Proposers written from the phases' names alone.",
        hear: |_, from, message, feed| {
            feed.push((from, with_accepted(message, |_| None)));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-last-reported-value",
        does: "Adopts the value of the promise that came last instead of the highest number.",
        seen: "One variable, overwritten by every promise.",
        hear: |ward, from, message, feed| {
            ward.notes.count += 1;
            let count = ward.notes.count;
            feed.push((from, with_accepted(message, |held| under(held, count))));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-lowest-number",
        does: "Adopts the value of the lowest accepted number.",
        seen: "A sort in the wrong direction.",
        hear: |_, from, message, feed| {
            let turned = |held: Accepted| under(held, ProposalNumber::MAX - held.number.get());
            feed.push((from, with_accepted(message, turned)));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-the-largest-value",
        does: "Adopts the largest value among the promises instead of the one of the highest \
               number.",
        seen: "A maximum over pairs that begin with the value.",
        hear: |_, from, message, feed| {
            let by_value = |held: Accepted| under(held, u64::from(u32::from(held.value.0)));
            feed.push((from, with_accepted(message, by_value)));
        },
        ..PLAIN
    },
    Mutant {
        name: "keeps-its-value-below-a-quorum",
        does: "Keeps its own value unless a majority of the promises reports the other one.",
        seen: "The argument that what a minority has accepted cannot have been chosen.",
        hear: |ward, from, message, feed| {
            let Message::PrepareAck(ack) = message else { return feed.push((from, message)) };
            ward.note(from, &message);
            let all = ward.noted(&message);
            let needed = ward.members().len() / 2 + 1;
            if !ack.granted() || all.len() < needed {
                if !ack.granted() {
                    feed.push((from, message));
                }
                return;
            }
            let reported = all.values().filter(|ack| ack.accepted.is_some()).count();
            let keep = |ack: Ack| if reported >= needed { ack.accepted } else { None };
            feed.extend(all.into_iter().map(|(from, ack)| {
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
        tell: |_, effects| {
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
        does: "Does not write its number down, and uses it again in its next life.",
        seen: "Tencent/phxpaxos #145; durable acceptors beside a forgetful proposer.",
        tell: |_, effects| {
            effects.retain(|effect| !matches!(effect, Effect::Persist(Record::LastNumber(_))));
        },
        ..PLAIN
    },
    Mutant {
        name: "proposers-share-numbers",
        does: "Uses the round alone as its number, as all other proposers do.",
        seen: "Counters without an identity.",
        trusting: true,
        hear: |ward, from, message, feed| {
            let message = if asked_by(ward, &message) { own(ward, message) } else { message };
            feed.push((from, message));
        },
        tell: |ward, effects| {
            for effect in effects {
                share(ward, effect);
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "skips-the-first-phase",
        does: "Asks to accept its candidate without any promise.",
        seen: "The shortcut of a stable leader, taken by everyone.",
        hear: |_, from, message, feed| {
            if let Message::AcceptAck(ack) = message {
                feed.push((from, Message::PrepareAck(Ack { accepted: None, ..ack })));
            }
            feed.push((from, message));
        },
        tell: |_, effects| {
            for effect in effects {
                if let Effect::Send(_, message) = effect
                    && let Message::Prepare { number, value } = *message
                {
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
        tell: |ward, effects| {
            for effect in effects {
                if let Effect::Send(_, Message::Accept { value, .. }) = effect
                    && Some(*value) == ward.setup.candidate
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
        tell: |ward, effects| {
            // A step of answers asks everybody; a step of a link asks one.
            let asked = |e: &Effect<Peer>| matches!(e, Effect::Send(_, Message::Accept { .. }));
            if effects.iter().filter(|effect| asked(effect)).count() != 1 {
                return;
            }
            for effect in effects {
                if let (Effect::Send(_, Message::Accept { value, .. }), Some(candidate)) =
                    (effect, ward.setup.candidate)
                {
                    *value = candidate;
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "duels-without-backing-off",
        does: "Starts again at once when it is refused, so two proposers beat each other for long.",
        seen: "Retry loops without a random pause.",
        tell: |_, effects| {
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
        tell: |_, effects| {
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
        tell: |_, effects| {
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
fn round(ward: &Ward, number: ProposalNumber) -> ProposalNumber {
    let peers = u64::from(ward.setup.roles.peers);
    ProposalNumber::new((number.get() - 1) / peers * peers + 1).unwrap_or(number)
}

/// This peer's number of the round to which a number belongs.
fn mine(ward: &Ward, number: ProposalNumber) -> ProposalNumber {
    let first = round(ward, number).get();
    ProposalNumber::new(first + u64::from(ward.setup.me.0) - 1).unwrap_or(number)
}

/// True if the message answers a question of this peer.
fn asked_by(ward: &Ward, message: &Message) -> bool {
    match message {
        Message::PrepareAck(ack) | Message::AcceptAck(ack) => {
            ward.number().is_some_and(|number| round(ward, number) >= ack.answers)
        }
        _ => false,
    }
}

/// The answer, as if it were about this peer's own numbers.
fn own(ward: &Ward, message: Message) -> Message {
    let change = |ack: Ack| Ack {
        answers: mine(ward, ack.answers),
        min_proposal: mine(ward, ack.min_proposal),
        accepted: ack.accepted.map(|held| Accepted { number: mine(ward, held.number), ..held }),
        ..ack
    };
    match message {
        Message::PrepareAck(ack) => Message::PrepareAck(change(ack)),
        Message::AcceptAck(ack) => Message::AcceptAck(change(ack)),
        _ => message,
    }
}

/// What a peer with shared numbers asks: its round's number, not its own.
fn share(ward: &Ward, effect: &mut Effect<Peer>) {
    if let Effect::Send(_, Message::Prepare { number, .. } | Message::Accept { number, .. }) =
        effect
    {
        *number = round(ward, *number);
    }
}
