//! Mutants that count wrong: who answered, what they answered, and how many are enough.

use std::collections::BTreeSet;

use super::{Mutant, PLAIN, Ward, accepted, granted};
use crate::paxos::{Accepted, Message};
use crate::process::PeerId;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "promise-for-an-older-number",
        does: "Counts a promise for an older number of its own for the present one.",
        seen: "luohaha/MyPaxos #18: two values decided.",
        hear: |ward, from, message, feed| {
            let message = match (message, ward.number()) {
                (Message::PrepareAck(ack), Some(now)) if ack.granted() => {
                    Message::PrepareAck(granted(ack, now))
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
    Mutant {
        name: "acceptance-for-an-older-number",
        does: "Counts an acceptance of an older number of its own for the present one.",
        seen: "The sister of the promise for an older number; many hand-written proposers.",
        hear: |ward, from, message, feed| {
            let message = match (message, ward.number()) {
                (Message::AcceptAck(ack), Some(now))
                    if ack.accepts()
                        && ack.answers.owner(ward.setup.roles.peers) == ward.setup.me =>
                {
                    Message::AcceptAck(accepted(ack, now))
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
    Mutant {
        name: "ack-that-names-no-question",
        does: "Reads an ack by its promise alone, as if every ack answered the present question; \
               a delayed refusal that names the present number is then an acceptance of it.",
        seen: "The usual lab interface, in which an ack carries the promise only.",
        hear: |ward, from, message, feed| {
            let message = match (message, ward.number()) {
                (Message::PrepareAck(ack), Some(now)) if ack.min_proposal == now => {
                    Message::PrepareAck(granted(ack, now))
                }
                (Message::AcceptAck(ack), Some(now)) if ack.min_proposal == now => {
                    Message::AcceptAck(accepted(ack, now))
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
    Mutant {
        name: "one-acceptor-counted-twice",
        does: "Counts answers instead of acceptors: the same one, heard twice, is two.",
        seen: "jjzhang/booth, pull request 47.",
        hear: |ward, from, message, feed| {
            let other = if ward.note(from, &message) { None } else { unheard(ward, &message) };
            feed.push((other.unwrap_or(from), message));
        },
        ..PLAIN
    },
    Mutant {
        name: "half-is-a-quorum",
        does: "Takes n / 2 answers for a majority instead of n / 2 + 1, in both phases.",
        seen: "Any quorum reckoned without a table of tests.",
        hear: |ward, from, message, feed| {
            ward.note(from, &message);
            feed.push((from, message));
            let needed = ward.members().len() / 2;
            if ward.noted(&message).len() >= needed {
                feed.extend(unheard(ward, &message).map(|other| (other, message)));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "promise-quorum-of-one",
        does: "Goes on to the second phase with the first promise; acceptances it counts well.",
        seen: "A promise quorum of one among three, in student proposers.",
        hear: |ward, from, message, feed| {
            feed.push((from, message));
            if let Message::PrepareAck(_) = message {
                feed.extend(ward.members().into_iter().map(|other| (other, message)));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "waits-for-all",
        does: "Waits for the answers of all acceptors instead of a majority: one that is dead \
               stops everything.",
        seen: "Two-phase commit taken for Paxos.",
        hear: |ward, from, message, feed| {
            let (Message::PrepareAck(ack) | Message::AcceptAck(ack)) = message else {
                return feed.push((from, message));
            };
            ward.note(from, &message);
            let all = ward.noted(&message);
            if !ack.granted() {
                feed.push((from, message));
            } else if all.len() >= ward.members().len() {
                let kind = |ack| match message {
                    Message::PrepareAck(_) => Message::PrepareAck(ack),
                    _ => Message::AcceptAck(ack),
                };
                feed.extend(all.into_iter().map(|(from, ack)| (from, kind(ack))));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "accepted-is-chosen",
        does: "Takes the first acceptance for the choice, and announces it.",
        seen: "Learning from a minority.",
        hear: |ward, from, message, feed| {
            feed.push((from, message));
            if let Message::AcceptAck(ack) = message
                && ack.accepts()
            {
                feed.extend(ward.members().into_iter().map(|other| (other, message)));
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "counts-values-not-numbers",
        does: "Learns from a majority that has accepted the same value, under whatever numbers.",
        seen: "Learners that keep one counter for each value.",
        hear: |ward, from, message, feed| {
            let message = match message {
                Message::AcceptAck(ack) if ack.accepts() => {
                    let value = ack.accepted.map_or(ack.asked, |held| held.value);
                    let first = *ward.notes.first_under.entry(value).or_insert(ack.answers);
                    // Answers to its own questions it counts well.
                    let own = ack.answers.owner(ward.setup.roles.peers) == ward.setup.me;
                    let first = if own { ack.answers } else { first };
                    Message::AcceptAck(accepted(ack, first))
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
    Mutant {
        name: "refusal-read-as-acceptance",
        does: "Has the test of an accept's answer the wrong way round, so a refusal counts.",
        seen: "A value was announced that no majority held; the comparison of the lecture's \
               slide, turned round.",
        hear: |ward, from, message, feed| {
            let message = match message {
                Message::AcceptAck(ack) if Some(ack.answers) == ward.number() => {
                    let (number, value) = (ack.answers, ack.asked);
                    let held = Some(Accepted { number, value });
                    Message::AcceptAck(granted(super::Ack { accepted: held, ..ack }, number))
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
    Mutant {
        name: "refusal-read-as-promise",
        does: "Counts every answer to a prepare as a promise, also a refusal that reports nothing.",
        seen: "Proposers that look at who answered and not at what.",
        hear: |_, from, message, feed| {
            let message = match message {
                Message::PrepareAck(ack) if !ack.granted() => {
                    Message::PrepareAck(super::Ack { accepted: None, ..granted(ack, ack.answers) })
                }
                _ => message,
            };
            feed.push((from, message));
        },
        ..PLAIN
    },
];

/// An acceptor of this proposer that has not answered this.
fn unheard(ward: &Ward, message: &Message) -> Option<PeerId> {
    let heard: BTreeSet<PeerId> = ward.noted(message).into_keys().collect();
    ward.members().difference(&heard).next().copied()
}
