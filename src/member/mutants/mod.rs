//! The mutants of `member`: what each does, and where it was seen.

mod forgetting;
mod guards;
mod notes;

use std::collections::BTreeSet;

use super::{Fact, Message, Operation, Peer, RequestId, Timer, View};
use crate::process::{Effect, PeerId};
use crate::sim::mutant::{Guard, MutantState};
use notes::{Mutant, PLAIN};

/// All mutants of a member.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter().chain(forgetting::MUTANTS)
}

static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "installs-a-view-twice",
        does: "Installs a view again when it is told of it again.",
        seen: "A typical slip: messages that are repeated after a silence, and a handler \
               that does not look at the id.",
        guard: guards::INSTALL,
        receive: |state, _, message| {
            if let Message::NewView { view, .. } = message {
                state.notes.flag = state.process.view() == Some(view);
            }
            true
        },
        effects: |state, effects| {
            let view = state.process.view().filter(|_| std::mem::take(&mut state.notes.flag));
            effects.extend(view.map(|view| Effect::Report(Fact::Installed(view.clone()))));
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-a-lower-view",
        does: "Takes every view that it is told of and is in, also a lower one.",
        seen: "A typical slip: a late message is taken for the newest.",
        guard: guards::INSTALL,
        receive: |state, _, message| {
            if let Message::NewView { view, .. } = message {
                let lower = state.process.view().is_some_and(|known| view.id < known.id);
                if lower && view.holds(state.setup.me, state.setup.incarnation) {
                    // As if it knew of no view yet.
                    state.rebuild();
                }
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "forgets-the-pending-operation",
        does: "Agrees to a request and keeps nothing of it, so a new leader finds nothing to \
               finish.",
        seen: "What the assignment's test case 4 is there for: a request that the next leader \
               has not seen.",
        guard: guards::PENDING,
        effect: |_, effect| {
            if let Effect::Send(_, Message::Pending { op, under, .. }) = effect {
                (*op, *under) = (Operation::Nothing, None);
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "takes-over-without-asking",
        does: "Acts for a dead leader without asking what is pending: it answers for everybody \
               that nothing is.",
        seen: "Leader changes that only remove the dead leader.",
        guard: Guard { rule: "one-list", item: "fn take_over", ..guards::PENDING },
        effect: |state, effect| {
            let Effect::Send(to, Message::NewLeader { request, view_id, .. }) = effect else {
                return true;
            };
            let (request, view_id, op) = (*request, *view_id, Operation::Nothing);
            state.inject(*to, Message::Pending { request, view_id, op, under: None });
            false
        },
        ..PLAIN
    },
    Mutant {
        name: "counts-stale-heartbeats",
        does: "Takes a heartbeat of an older view for a sign of life, so whoever missed a view \
               is neither told nor missed.",
        seen: "Detectors that look at the sender only.",
        guard: guards::HEARTBEAT,
        receive: |state, from, message| {
            if let (Message::Heartbeat { view_id, .. }, Some(view)) =
                (message, state.process.view())
                && view.members.contains_key(&from)
            {
                *view_id = view.id;
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "waits-for-the-dead",
        does: "While it waits for agreement it does not look who is silent, so a member that \
               dies then is waited for for ever.",
        seen: "The classic slip of two-phase commit: the coordinator waits for all.",
        guard: guards::ENOUGH_WITHOUT_THE_DEAD,
        timeout: |state, timer, effects| {
            let waits = timer == Timer::Check && state.notes.flag;
            if waits {
                effects.push(Effect::SetTimer(timer, (state.setup.heartbeat / 4).into()));
            }
            !waits
        },
        effect: |state, effect| {
            match effect {
                Effect::Send(_, Message::Req { .. }) => state.notes.flag = true,
                Effect::Report(Fact::Installed(_)) => state.notes.flag = false,
                _ => {}
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-and-goes-ahead",
        does: "Takes its own request for the agreement of all.",
        seen: "A typical slip: the new view is sent right behind the request.",
        guard: guards::AGREEMENT,
        effect: |state, effect| {
            if let Effect::Send(to, Message::Req { request, view_id, .. }) = effect {
                state.inject(*to, Message::Ok { request: *request, view_id: *view_id });
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "half-is-a-majority",
        does: "With --majority, takes half of the view for a majority of it.",
        seen: "n/2 instead of n/2 + 1.",
        guard: guards::MAJORITY,
        receive: |state, from, message| {
            if let Message::Ok { request, view_id } | Message::Pending { request, view_id, .. } =
                message
                && state.setup.majority
                && let Some(other) = half(state, from, *request, *view_id, message)
            {
                state.inject(other, message.clone());
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "counts-old-agreements",
        does: "Counts an agreement to an earlier request for the one that is open.",
        seen: "A promise for an older number counted for the newer one: luohaha/MyPaxos #18.",
        guard: Guard { item: "fn agreed", ..guards::AGREEMENT },
        receive: |state, _, message| {
            if let (Message::Ok { request, view_id }, Some(open)) = (message, state.notes.request) {
                (*request, *view_id) = open;
            }
            true
        },
        effect: |state, effect| {
            if let Effect::Send(_, Message::Req { request, view_id, .. }) = effect {
                state.notes.request = Some((*request, *view_id));
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "agrees-below-its-promise",
        does: "Agrees to a request although it has gone along with a higher one.",
        seen: "Paxos Made Simple read in a hurry: what is asked last is agreed to.",
        guard: guards::PROMISE,
        effects: |state, effects| {
            let asked = std::mem::take(&mut state.notes.flag);
            for effect in effects {
                if let Effect::Send(_, message @ Message::Busy { .. }) = effect
                    && let Message::Busy { request, view_id, .. } = *message
                    && asked
                {
                    *message = Message::Ok { request, view_id };
                }
            }
        },
        receive: |state, _, message| {
            state.notes.flag = matches!(message, Message::Req { .. });
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "two-leaders",
        does: "Does not hear the leader's heartbeats, so the next one acts beside it.",
        seen: "A typical slip: a link that fails one way, and nobody who asks the others.",
        guard: guards::LEADER,
        receive: |state, from, message| {
            let leader = state.process.view().map(|view| view.leader);
            !(matches!(message, Message::Heartbeat { .. }) && leader == Some(from))
        },
        ..PLAIN
    },
    Mutant {
        name: "goes-on-when-removed",
        does: "Removed while it was paused, it goes on in its old view as if nothing had \
               happened.",
        seen: "hashicorp/serf #269 tells of members that are paused and come back.",
        guard: guards::REMOVED,
        receive: |state, _, message| match message {
            Message::NewView { view, .. } if state.process.view().is_some() => {
                view.holds(state.setup.me, state.setup.incarnation)
            }
            _ => true,
        },
        ..PLAIN
    },
    Mutant {
        name: "comes-back-when-asked-to-go",
        does: "Asked to agree to its own removal, it forgets that it was, and joins again.",
        seen: "A typical slip: one way out of the group, whatever the reason.",
        guard: Guard { rule: "stays-out", ..guards::REMOVED },
        receive: |state, _, message| {
            if let Message::Req { op: Operation::Del { peer, asked }, .. } = message {
                *asked &= *peer != state.setup.me;
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "removes-without-a-word",
        does: "Says of nobody that it is unreachable.",
        seen: "A typical slip: the view without the dead is taken for message enough.",
        guard: guards::DEATHS,
        effect: |_, effect| !matches!(effect, Effect::Report(Fact::Unreachable { .. })),
        ..PLAIN
    },
    Mutant {
        name: "one-silent-period-is-death",
        does: "Calls dead whoever was silent for a single period.",
        seen: "Time-outs as long as the period: a little jitter, and a member flaps.",
        guard: guards::SILENCE,
        setup: |setup| setup.heartbeat /= 2,
        timeout: |state, timer, effects| {
            // It sends as seldom as all others.
            let skips =
                timer == Timer::Heartbeat && std::mem::replace(&mut state.notes.flag, false);
            if skips {
                effects.push(Effect::SetTimer(timer, state.setup.heartbeat.into()));
            } else if timer == Timer::Heartbeat {
                state.notes.flag = true;
            }
            !skips
        },
        ..PLAIN
    },
    Mutant {
        name: "says-it-at-every-check",
        does: "Calls a silent member unreachable at every check, and goes on when it was heard \
               again.",
        seen: "A typical slip: no note of what was said.",
        guard: Guard { rule: "called-once", ..guards::SILENCE },
        effect: |state, effect| {
            match effect {
                Effect::Report(Fact::Unreachable { peer, .. }) => {
                    state.notes.peers.insert(*peer);
                }
                Effect::Report(Fact::Installed(_)) => state.notes.peers.clear(),
                _ => {}
            }
            true
        },
        timeout: |state, timer, effects| {
            if let (Timer::Check, Some(view)) = (timer, state.process.view()) {
                for peer in &state.notes.peers {
                    let fact = Fact::Unreachable { peer: *peer, view: view.clone() };
                    effects.push(Effect::Report(fact));
                }
            }
            true
        },
        ..PLAIN
    },
    Mutant {
        name: "asks-in-the-name-of-another",
        does: "Puts the leader's id on its own requests.",
        seen: "A typical slip: the field of the leader is filled from the view.",
        guard: guards::NAME,
        effect: |state, effect| {
            if let Effect::Send(_, Message::NewLeader { request, .. }) = effect {
                request.by = state.process.view().map_or(request.by, View::lowest);
            }
            true
        },
        ..PLAIN
    },
];

/// A member that has not answered this yet, if with one more answer a majority would have.
fn half(
    state: &mut MutantState<Peer>,
    from: PeerId,
    request: RequestId,
    view_id: u64,
    message: &Message,
) -> Option<PeerId> {
    let kind = u64::from(matches!(message, Message::Ok { .. }));
    let members: BTreeSet<PeerId> = state.process.view()?.ids();
    let key = (view_id * 2 + kind, request.round);
    let answered = state.notes.answers.entry(key).or_default();
    answered.insert(from);
    let one_short = answered.len() + 1 == members.len() / 2;
    let mut others = members.iter().filter(|peer| **peer != state.setup.me);
    others.find(|peer| one_short && !answered.contains(*peer)).copied()
}
