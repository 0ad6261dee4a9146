//! Mutants of those who keep: acceptors, their disks, and those that have lost them.

use super::guards;
use super::notes::{Mutant, MutantState, STRANGE, everybody};
use crate::paxos::quorum::majority;
use crate::process::{Effect, Process as _};
use crate::sim::DiskModel;
use crate::store::bytes::Bytes;
use crate::store::message::QuestionId;
use crate::store::operation::Request;
use crate::store::register::{Held, Register};
use crate::store::{Message, Record};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "accepts-within-a-term-in-any-order",
        does: "Replaces a register by an earlier one of the same owner that arrives late.",
        seen: "Acceptors that compare terms only, and stream sequences over datagrams.",
        guard: guards::LATE,
        receive: |state, _, message| {
            if let Message::Accept { key, ballot, register } = message
                && let Some(now) = state.process.registers().held(key)
                && now.ballot.term == ballot.term
                && now.ballot.seq > ballot.seq
                && state.process.registers().promised(key) == Some(ballot.term)
            {
                let held = Held { ballot: *ballot, register: register.clone() };
                let record = Record::Accepted(key.clone(), held);
                state.process.restore(record.clone());
                state.notes.records.push(record);
            }
            true
        },
        effects: |state, effects| {
            let records = std::mem::take(&mut state.notes.records);
            effects.splice(0..0, records.into_iter().map(Effect::Persist));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "promises-are-forgotten",
        does: "After a restart only what was accepted counts as promised.",
        seen: "Promises kept in memory; scylladb #6149.",
        guard: guards::WATERMARK,
        restore: |_, record| Some(record).filter(|record| !matches!(record, Record::Watermark(_))),
        ..Mutant::PLAIN
    },
    Mutant {
        name: "terms-are-forgotten",
        does: "Begins with its first term again after a restart.",
        seen: "Tencent/phxpaxos #145.",
        guard: guards::TERMS,
        restore: |_, record| Some(record).filter(|record| !matches!(record, Record::Reserved(_))),
        ..Mutant::PLAIN
    },
    Mutant {
        name: "drops-once-a-majority-has-it",
        does: "Has a deleted register dropped that not all acceptors hold.",
        seen: "Tombstones collected after a time; cassandra's gc_grace_seconds and late nodes.",
        guard: guards::COLLECT,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Accept { key, ballot, register }) = effect
                && register.value.is_none()
            {
                state.notes.deleted.entry((key.clone(), *ballot)).or_default();
            }
            true
        },
        receive: |state, from, message| {
            if let Message::Accepted { key, ballot } = message
                && let Some(holders) = state.notes.deleted.get_mut(&(key.clone(), *ballot))
                && holders.insert(from)
                && holders.len() == majority(usize::from(state.setup.peers))
            {
                let drop = Message::Drop { key: key.clone(), ballot: *ballot };
                state.notes.messages.push(drop);
            }
            true
        },
        effects: |state, effects| {
            for message in std::mem::take(&mut state.notes.messages) {
                let all = everybody(&state.setup);
                effects.extend(all.map(|peer| Effect::Send(peer, message.clone())));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "drops-without-a-floor",
        does: "Forgets with a deleted register what was promised for its key.",
        seen: "palantir/atlasdb #1504: Paxos state deleted under a running proposer.",
        guard: guards::FLOOR,
        receive: |state, _, message| {
            if let Message::Drop { .. } = message {
                state.notes.floor = state.process.registers().floor();
            }
            true
        },
        effect: |state, effect| {
            if let Effect::Persist(Record::Dropped(_, _, floor)) = effect {
                floor.term = state.notes.floor.term;
                state.process.restore(Record::Floor(*floor));
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "rejoins-without-a-floor",
        does: "Votes again after a lost disk without asking which terms are in use.",
        seen: "Replicas that are copied back from another one and join as if nothing had been.",
        guard: guards::REJOIN_FLOOR,
        receive: |_, _, message| {
            if let Message::Limits { highest, .. } = message {
                *highest = None;
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "takes-an-empty-disk-for-a-new-one",
        does: "Begins with nothing after a lost disk, and votes.",
        seen: "Containers that start again without their volume.",
        guard: guards::REJOINING,
        setup: |setup| {
            let forgets = setup.rejoin || setup.is_volatile;
            (setup.rejoin, setup.is_volatile) = (false, false);
            if forgets {
                setup.nonce = STRANGE;
            }
        },
        restore: |state, record| Some(record).filter(|_| state.setup.nonce != STRANGE),
        ..Mutant::PLAIN
    },
    Mutant {
        name: "votes-before-it-is-durable",
        does: "Sends its vote first and records it then.",
        seen: "Replies that leave before `fsync` returns.",
        guard: guards::DURABLE,
        effects: |_, effects| {
            effects.sort_by_key(|effect| matches!(effect, Effect::Persist(_)));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "lets-expire-at-once",
        does: "A home deletes what has an expiry as soon as it accepts it.",
        seen: "Deadlines computed from a clock that was set forward.",
        guard: guards::EXPIRY,
        effect: |state, effect| {
            if let Effect::Send(_, Message::Here { incarnation }) = effect {
                state.notes.incarnation = *incarnation;
            }
            true
        },
        receive: |state, from, message| {
            match message {
                Message::Here { incarnation } => {
                    state.notes.others.insert(from, *incarnation);
                }
                Message::Accept { key, register, .. } => lapse(state, key.clone(), register),
                _ => {}
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        name: "registers-trust-the-cache",
        does: "Answers from records that only the page cache holds, after a restart.",
        seen: "This program: a kill between write and flush, then a power loss.",
        guard: guards::RESTART,
        disk: DiskModel::CacheTrusted,
        ..Mutant::PLAIN
    },
    Mutant {
        name: "registers-are-never-flushed",
        does: "Writes its records and flushes none of them.",
        seen: "`appendfsync no`, and journals with flushing turned off for speed.",
        guard: guards::FLUSH,
        disk: DiskModel::NeverFlushed,
        ..Mutant::PLAIN
    },
];

/// Somebody asks to delete what has outlived this register's expiry, at once.
fn lapse(state: &mut MutantState, key: Bytes, register: &Register) {
    let Some(expiry) = register.expiry else { return };
    let Some((from, incarnation)) = state.notes.others.first_key_value() else { return };
    let (from, incarnation) = (*from, *incarnation);
    if state.notes.lapsed.insert((key.clone(), expiry)) {
        state.notes.strange += 1;
        let id = QuestionId { incarnation, count: STRANGE + state.notes.strange };
        let (to, operation) = (state.notes.incarnation, Request::Lapse(expiry));
        state.inject(from, Message::Forward { id, to, key, operation });
    }
}
