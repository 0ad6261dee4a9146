//! Mutants of the acceptor and its memory.

use super::{Mutant, Notes, PLAIN, Ward, rewrite_record};
use crate::paxos::acceptor::Acceptor;
use crate::paxos::{Accepted, Message, Peer, ProposalNumber, Record};
use crate::process::{Effect, Effects};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "accept-below-promise",
        does: "Accepts under a number below its promise.",
        seen: "Paxos Made Simple read in a hurry: the acceptor forgets what the promise was for.",
        hear: |ward, from, message, feed| {
            if let Message::Accept { number, .. } = message {
                forget_promise_above(ward, number);
            }
            feed.push((from, message));
        },
        tell: promise_as_before,
        ..PLAIN
    },
    Mutant {
        name: "accept-without-raising-the-promise",
        does: "Accepts without raising the promise, so that a lower accept can follow.",
        seen: "scylladb #6139; apache/cassandra, pull request 1327.",
        hear: |ward, from, message, feed| {
            if let Message::Accept { .. } = message {
                ward.notes.before = Some(ward.acceptor());
            }
            feed.push((from, message));
        },
        tell: |ward, effects| {
            if let Some(before) = ward.notes.before.take() {
                put_back(ward, effects, before);
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "relabels-its-vote",
        does: "Puts the newly promised number on the value that it accepted earlier.",
        seen: "Acceptors with one field for both numbers.",
        tell: |ward, effects| {
            let state = ward.acceptor();
            let (Some(number), Some(held)) = (state.min_proposal, state.accepted) else { return };
            if held.number == number {
                return;
            }
            let accepted = Some(Accepted { number, ..held });
            ward.set_acceptor(Acceptor { accepted, ..state });
            rewrite_record(effects, ward.acceptor());
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
        hear: |ward, from, message, feed| {
            let promised = ward.acceptor().min_proposal;
            let equal =
                matches!(message, Message::Accept { number, .. } if Some(number) == promised);
            if !equal {
                feed.push((from, message));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "promises-only-the-first",
        does: "Once it has promised, it answers no other proposer: promises are split and nobody \
               gets a majority, nor a refusal.",
        seen: "cocagne/multi-paxos-example #4.",
        hear: |ward, from, message, feed| {
            let peers = ward.setup.roles.peers;
            let promised = ward.acceptor().min_proposal;
            let first = promised.is_none_or(|number| number.owner(peers) == from);
            if first || !matches!(message, Message::Prepare { .. }) {
                feed.push((from, message));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "compares-numbers-as-text",
        does: "Compares proposal numbers as text: \"9\" is above \"10\".",
        seen: "Numbers kept as strings; and round.id as a decimal, in which 1.10 is 1.1.",
        hear: |ward, from, message, feed| {
            let (Message::Prepare { number, .. } | Message::Accept { number, .. }) = message else {
                return feed.push((from, message));
            };
            let promised = ward.acceptor().min_proposal.map_or(String::new(), |n| n.to_string());
            if number.to_string() >= promised {
                forget_promise_above(ward, number);
                feed.push((from, message));
            }
        },
        // The text that was larger is the promise now.
        tell: |ward, _| ward.notes = Notes::default(),
        ..PLAIN
    },
    Mutant {
        name: "checks-then-acts",
        does: "Looks whether it may accept, lets go of the lock, and accepts after the next \
               message, whatever was promised to that one.",
        seen: "Check-then-act over two lockings.",
        hear: |ward, from, message, feed| {
            let late: Vec<_> = std::mem::take(&mut ward.notes.aside);
            if let Message::Accept { number, .. } = message
                && Some(number) >= ward.acceptor().min_proposal
            {
                ward.notes.aside.push((from, message));
            } else {
                feed.push((from, message));
            }
            ward.notes.count = late.len() as u64;
            feed.extend(late);
        },
        tell: |ward, effects| {
            // A refusal of what was put aside becomes the acceptance that was decided earlier.
            let refused = effects.iter().find_map(|effect| match effect {
                Effect::Send(to, Message::AcceptAck(ack)) if !ack.granted() => Some((*to, *ack)),
                _ => None,
            });
            let Some((to, ack)) = refused.filter(|_| ward.notes.count > 0) else { return };
            let held = Accepted { number: ack.answers, value: ack.asked };
            let state = Acceptor { accepted: Some(held), ..ward.acceptor() };
            ward.set_acceptor(state);
            let answer = super::accepted(super::Ack { accepted: Some(held), ..ack }, ack.answers);
            effects.clear();
            effects.push(Effect::Persist(Record::Acceptor(state)));
            effects.push(Effect::Send(to, Message::AcceptAck(answer)));
        },
        ..PLAIN
    },
    Mutant {
        name: "answers-before-it-is-durable",
        does: "Lets the answer leave before the promise or the vote is on disk.",
        seen: "Every store that acknowledges a write from its memory.",
        tell: |_, effects| {
            effects.sort_by_key(|effect| matches!(effect, Effect::Persist(Record::Acceptor(_))));
        },
        ..PLAIN
    },
    Mutant {
        name: "promise-not-kept",
        does: "Writes down what it accepts, but not what it only promises.",
        seen: "Logs of accepted values without a record of the promise.",
        tell: |_, effects| {
            effects.retain(|effect| match effect {
                Effect::Persist(Record::Acceptor(state)) => {
                    state.accepted.map(|held| held.number) == state.min_proposal
                }
                _ => true,
            });
        },
        ..PLAIN
    },
    Mutant {
        name: "vote-not-kept",
        does: "Writes down its promises, but not what it accepted.",
        seen: "A vote counted from memory, and gone after a restart.",
        tell: |_, effects| {
            for effect in effects {
                if let Effect::Persist(Record::Acceptor(state)) = effect {
                    state.accepted = None;
                }
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "fresh-start",
        does: "Finds its state missing or damaged, and begins as if it were new.",
        seen: "A state file truncated in place, empty after a power cut.",
        recalls: |_, record| match record {
            Record::Acceptor(_) => None,
            Record::LastNumber(_) => Some(record),
        },
        ..PLAIN
    },
    Mutant {
        name: "last-record-lost",
        does: "Does not wait for the flush: the newest record is gone after a crash.",
        seen: "A write without fsync, or without one for the directory.",
        recalls: |ward, record| ward.notes.held.replace(record),
        ..PLAIN
    },
    Mutant {
        name: "old-votes-expire",
        does: "Deletes an accepted value that seems old when the next prepare comes.",
        seen: "scylladb #6149; palantir/atlasdb #1504.",
        hear: |ward, from, message, feed| {
            if let Message::Prepare { number, .. } = message {
                let old = ward.acceptor();
                let peers = u64::from(ward.setup.roles.peers);
                let expired = |held: &Accepted| held.number.get() + peers < number.get();
                if old.accepted.as_ref().is_some_and(expired) {
                    ward.set_acceptor(Acceptor { accepted: None, ..old });
                }
            }
            feed.push((from, message));
        },
        ..PLAIN
    },
];

/// Makes the acceptor forget a promise above `number`; the notes keep it.
fn forget_promise_above(ward: &mut Ward, number: ProposalNumber) {
    let state = ward.acceptor();
    if state.min_proposal > Some(number) {
        ward.notes.before = Some(state);
        ward.set_acceptor(Acceptor { min_proposal: Some(number), ..state });
    }
}

/// After a doctored acceptance: the promise is what it was.
fn promise_as_before(ward: &mut Ward, effects: &mut Effects<Peer>) {
    if let Some(before) = ward.notes.before.take() {
        put_back(ward, effects, before);
    }
}

fn put_back(ward: &mut Ward, effects: &mut Effects<Peer>, before: Acceptor) {
    let state = Acceptor { min_proposal: before.min_proposal, ..ward.acceptor() };
    ward.set_acceptor(state);
    rewrite_record(effects, state);
}
