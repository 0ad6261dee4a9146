//! Mutants of those who ask: owners, readers, homes.

use super::guards;
use super::notes::{Mutant, MutantState, STRANGE, everybody};
use crate::process::{Effect, Effects, Process as _};
use crate::sim::mutant::Guard;
use crate::store::bytes::Bytes;
use crate::store::operation::{Answer, Request};
use crate::store::register::{Ballot, Register};
use crate::store::{Fact, Input, Message, Peer};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "makes-an-attempt-again",
        does: "Does not look whether an earlier attempt of an operation is in the register.",
        seen: "Retries in compare-and-set loops; scylladb and cassandra issues about increments.",
        guard: guards::EARLIER,
        receive: |_, _, message| {
            if let Message::Promise { held: Some(held), .. } = message {
                let register = Register::clone(&held.register);
                held.register = Register { rounds: 0, recent: Vec::new(), ..register }.into();
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "calls-unknown-a-failure",
        does: "Tells a client that an operation failed, where nobody knows.",
        seen: "Time-outs reported as errors, by many clients and servers.",
        guard: guards::GIVEN_UP,
        effect: |_, effect| {
            if let Effect::Report(Fact::Replied(_, reply)) = effect
                && reply.outcome == Answer::Unknown
            {
                reply.outcome = Answer::Unavailable;
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "forwards-again-after-a-time-out",
        does: "Makes an operation again that its home has not answered.",
        seen: "Proxies that retry what is not idempotent.",
        guard: guards::FORWARD,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Forward { key, operation, .. }) = effect
                && let Some(call) = state.process.last_call()
            {
                let forwarded = (key.clone(), operation.clone());
                state.notes.forwarded.insert(call, forwarded);
            }
            true
        },
        effects: forward_again,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "takes-a-repeated-question",
        does: "A home does what it is asked as often as the question arrives.",
        seen: "Servers without a table of requests that were served.",
        guard: guards::TAKE,
        receive: |state, from, message| {
            if let Message::Forward { id, .. } = message
                && !state.notes.questions.insert((from, *id))
            {
                state.notes.strange += 1;
                id.count = STRANGE + state.notes.strange;
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "takes-what-an-earlier-incarnation-was-asked",
        does: "A home that has started again does what was asked of it before, perhaps twice.",
        seen: "Requests that a network delivers after a restart of their server.",
        guard: guards::TAKE,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Here { incarnation }) = effect {
                state.notes.incarnation = *incarnation;
            }
            true
        },
        receive: |state, _, message| {
            if let Message::Forward { to, .. } = message {
                *to = state.notes.incarnation;
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "keeps-a-ballot-after-a-time-out",
        does: "Asks again under the ballot that has failed, for another register.",
        seen: "Leaders that stay leaders after a time-out and reuse the slot.",
        guard: guards::FAIL,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Accept { key, ballot, .. }) = effect {
                rename(state, &key.clone(), ballot);
            }
            true
        },
        receive: |state, _, message| {
            match message {
                Message::Accepted { key, ballot } => {
                    if let Some((old, new)) = state.notes.renamed.get(key)
                        && old == ballot
                    {
                        *ballot = *new;
                    }
                }
                Message::Refused { key, term, .. } => {
                    if let Some((old, new)) = state.notes.renamed.get(key)
                        && old.term == *term
                    {
                        *term = new.term;
                    }
                }
                _ => {}
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "reads-from-one",
        does: "Takes the first acceptor's answer to a read for that of all.",
        seen: "Reads from a local replica that are called linearizable.",
        guard: guards::READ,
        receive: |state, _, message| {
            if let Message::State { .. } = message {
                let all = everybody(&state.setup);
                state.inject_all(all.map(|peer| (peer, message.clone())));
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "tells-what-a-minority-may-hold",
        does: "Answers what changes nothing, such as a failed comparison, without a round.",
        seen: "scylladb #6299: seen by a failed compare-and-set, then unseen.",
        guard: Guard { item: "fn accept", ..guards::ACCEPTED },
        receive: |state, _, message| {
            if let Message::Promise { key, held: Some(held), .. } = message {
                state.notes.seen.insert((key.clone(), held.register.clone()));
            }
            true
        },
        effect: |state, effect| {
            if let Effect::Send(_, Message::Accept { key, ballot, register }) = effect {
                let seen = (key.clone(), register.clone());
                if state.notes.asked.insert(key.clone(), *ballot) == Some(*ballot) {
                    return true;
                }
                if !state.notes.seen.insert(seen) {
                    let accepted = Message::Accepted { key: key.clone(), ballot: *ballot };
                    let all = everybody(&state.setup);
                    state.inject_all(all.map(|peer| (peer, accepted.clone())));
                }
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "counts-acceptances-of-another-ballot",
        does: "Counts every acceptance for the key, also one of an earlier ballot.",
        seen: "Counters that compare keys and not ballots; mistake 2 of the list.",
        guard: guards::ACCEPTED,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Accept { key, ballot, .. }) = effect {
                state.notes.asked.insert(key.clone(), *ballot);
            }
            true
        },
        receive: |state, _, message| {
            if let Message::Accepted { key, ballot } = message
                && let Some(asked) = state.notes.asked.get(key)
            {
                *ballot = *asked;
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "versions-begin-again",
        does: "A register that is written after its deletion begins with version 1.",
        seen: "Fencing tokens that are counted per record, and the record is gone.",
        guard: guards::VERSION,
        receive: |_, _, message| {
            if let Message::Promise { floor, .. } = message {
                *floor = 0;
            }
            true
        },
        ..Mutant::PLAIN
    },
];

/// Operations whose reply is unknown are asked for again.
fn forward_again(state: &mut MutantState, effects: &mut Effects<Peer>) {
    let mut again = Vec::new();
    effects.retain(|effect| {
        let Effect::Report(Fact::Replied(call, reply)) = effect else { return true };
        let known = state.notes.forwarded.remove(call);
        let Some(forwarded) = known.filter(|_| reply.outcome == Answer::Unknown) else {
            return true;
        };
        again.push((*call, forwarded));
        false
    });
    for (id, (key, operation)) in again {
        if operation != Request::Confirm {
            state.process.input(Input::Call { id, key, operation }, effects);
        }
    }
}

/// Gives the first request of a new term the last ballot of the old one.
fn rename(state: &mut MutantState, key: &Bytes, ballot: &mut Ballot) {
    if let Some((old, new)) = state.notes.renamed.get(key)
        && new == ballot
    {
        *ballot = *old;
        return;
    }
    let asked = state.notes.asked.insert(key.clone(), *ballot);
    if let Some(old) = asked.filter(|old| old.term != ballot.term && ballot.seq == 1) {
        state.notes.renamed.insert(key.clone(), (old, *ballot));
        *ballot = old;
    }
}
