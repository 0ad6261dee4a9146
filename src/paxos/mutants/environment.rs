//! Mutants of the environment: hostsfiles, starts, what others say, and what the driver does about
//! its disk.

use std::sync::Arc;

use super::guards;
use super::notes::{Mutant, PLAIN};
use crate::paxos::{Message, Timer};
use crate::process::Effect;
use crate::sim::DiskModel;
use crate::sim::mutant::Guard;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "different-hostsfiles",
        does: "Every proposer has a file that names another half of the acceptors, so quorums do \
               not meet.",
        seen: "A hostsfile that was changed on some machines only.",
        guard: guards::SAME_FILE,
        trusting: true,
        setup: |setup| {
            let proposers = &mut Arc::make_mut(setup).roles.proposers;
            for (at, electorate) in proposers.values_mut().enumerate() {
                let most = electorate.acceptors.len() / 2;
                let skipped = if at % 2 == 0 { 0 } else { electorate.acceptors.len() - most };
                let acceptors = electorate.acceptors.iter().skip(skipped).take(most.max(1));
                electorate.acceptors = acceptors.copied().collect();
            }
        },
        ..PLAIN
    },
    Mutant {
        name: "starts-by-sleeping",
        does: "Asks once and waits for ever, without knowing whether anybody listens yet.",
        seen: "`sleep 5` in start scripts; a prepare lost because the other side was not up.",
        guard: guards::START,
        presumed: |setup| setup.roles.links_of(setup.me).into_iter().collect(),
        connected: |_, _| false,
        effect: |_, effect| !matches!(effect, Effect::SetTimer(Timer::Answer, _)),
        ..PLAIN
    },
    Mutant {
        name: "believes-what-is-asked",
        does: "Takes the request to accept a value for the news that it is chosen.",
        seen: "Learners that listen to accepts instead of acceptances.",
        guard: Guard { rule: "truth-told", ..guards::LEARNER },
        receive: |state, from, message| {
            if let Message::Accept { number, value } = *message {
                state.inject(from, Message::Chosen { number, value });
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "restart-trusts-cache",
        does: "Takes what a new incarnation reads back for durable: starts at once, and answers \
               from records that only the page cache holds.",
        seen: "This program: a kill between write and flush, a repeated question, a power loss, \
               and two values were chosen.",
        guard: guards::RESTART,
        disk: DiskModel::CacheTrusted,
        ..PLAIN
    },
    Mutant {
        name: "flush-skipped",
        does: "Writes its records and flushes none of them: a kill takes nothing, a power loss \
               what it likes.",
        seen: "`write` taken for `fsync`; journals with flushing turned off for speed.",
        guard: guards::FLUSH,
        disk: DiskModel::NeverFlushed,
        ..PLAIN
    },
];
