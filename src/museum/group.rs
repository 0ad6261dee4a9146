//! The group as it can be got wrong.

use std::collections::BTreeSet;

use super::forgetting;
use super::wrap::{self, Label, Ward};
use crate::member::{Fact, Message, Operation, Peer, RequestId, Setup, Timer, View};
use crate::process::{Effect, PeerId};

/// A mutant of a member.
pub type Mutant = wrap::Mutant<Peer, Setup>;

/// A member inside its mutant.
pub type Broken = wrap::Broken<Peer, Setup>;

/// All mutants of a member.
pub fn mutants() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter().chain(forgetting::MUTANTS)
}

static MUTANTS: &[Mutant] = &[
    Mutant {
        label: Label {
            name: "installs-a-view-twice",
            does: "Installs a view again when it is told of it again.",
            seen: "A slip of a kind: messages that are repeated after a silence, and a handler \
                   that does not look at the id.",
        },
        hear: |ward, from, message, feed| {
            if let Message::NewView { view, .. } = &message {
                ward.notes.flag = ward.peer.view() == Some(view);
            }
            feed.push((from, message));
        },
        tell: |ward, effects| {
            if let (true, Some(view)) = (std::mem::take(&mut ward.notes.flag), ward.peer.view()) {
                effects.push(Effect::Report(Fact::Installed(view.clone())));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "takes-a-lower-view",
            does: "Takes every view that it is told of and is in, also a lower one.",
            seen: "A slip of a kind: a late message is taken for the newest.",
        },
        hear: |ward, from, message, feed| {
            if let Message::NewView { view, .. } = &message {
                let lower = ward.peer.view().is_some_and(|known| view.id < known.id);
                if lower && view.holds(ward.setup.me, ward.setup.life) {
                    // As if it knew of no view yet.
                    ward.rebuild();
                }
            }
            feed.push((from, message));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "forgets-the-pending-operation",
            does: "Agrees to a request and keeps nothing of it, so a new leader finds nothing to \
                   finish.",
            seen: "What the assignment's test case 4 is there for: a request that the next leader \
                   has not seen.",
        },
        tell: |_, effects| {
            for effect in effects {
                if let Effect::Send(_, Message::Pending { op, under, .. }) = effect {
                    (*op, *under) = (Operation::Nothing, None);
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "takes-over-without-asking",
            does: "Acts for a dead leader without asking what is pending: it answers for everybody \
                   that nothing is.",
            seen: "Leader changes that only remove the dead leader.",
        },
        tell: |ward, effects| {
            for effect in std::mem::take(effects) {
                match effect {
                    Effect::Send(to, Message::NewLeader { request, view_id, .. }) => {
                        let op = Operation::Nothing;
                        ward.murmur(to, Message::Pending { request, view_id, op, under: None });
                    }
                    other => effects.push(other),
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "counts-stale-heartbeats",
            does: "Takes a heartbeat of an older view for a sign of life, so whoever missed a view \
                   is neither told nor missed.",
            seen: "Detectors that look at the sender only.",
        },
        hear: |ward, from, message, feed| match (message, ward.peer.view()) {
            (Message::Heartbeat { group, .. }, Some(view)) if view.members.contains_key(&from) => {
                feed.push((from, Message::Heartbeat { group, view_id: view.id }));
            }
            (message, _) => feed.push((from, message)),
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "waits-for-the-dead",
            does: "While it waits for agreement it does not look who is silent, so a member that \
                   dies then is waited for for ever.",
            seen: "The classic slip of two-phase commit: the coordinator waits for all.",
        },
        fires: |ward, timer, effects| {
            let waits = timer == Timer::Check && ward.notes.flag;
            if waits {
                effects.push(Effect::SetTimer(timer, (ward.setup.heartbeat / 4).into()));
            }
            !waits
        },
        tell: |ward, effects| {
            for effect in effects {
                match effect {
                    Effect::Send(_, Message::Req { .. }) => ward.notes.flag = true,
                    Effect::Report(Fact::Installed(_)) => ward.notes.flag = false,
                    _ => {}
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "asks-and-goes-ahead",
            does: "Takes its own request for the agreement of all.",
            seen: "A slip of a kind: the new view is sent right behind the request.",
        },
        tell: |ward, effects| {
            for effect in effects {
                if let Effect::Send(to, Message::Req { request, view_id, .. }) = effect {
                    ward.murmur(*to, Message::Ok { request: *request, view_id: *view_id });
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "half-is-a-majority",
            does: "With --majority, takes half of the view for a majority of it.",
            seen: "n/2 instead of n/2 + 1.",
        },
        hear: |ward, from, message, feed| {
            feed.push((from, message.clone()));
            let answered = match &message {
                Message::Ok { request, view_id } | Message::Pending { request, view_id, .. } => {
                    Some((*request, *view_id))
                }
                _ => None,
            };
            if let (Some((request, view_id)), true) = (answered, ward.setup.majority)
                && let Some(other) = half(ward, from, request, view_id, &message)
            {
                feed.push((other, message));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "counts-old-agreements",
            does: "Counts an agreement to an earlier request for the one that is open.",
            seen: "A promise for an older number counted for the newer one: luohaha/MyPaxos #18.",
        },
        hear: |ward, from, message, feed| match (message, ward.notes.request) {
            (Message::Ok { .. }, Some((request, view_id))) => {
                feed.push((from, Message::Ok { request, view_id }));
            }
            (message, _) => feed.push((from, message)),
        },
        tell: |ward, effects| {
            for effect in effects {
                if let Effect::Send(_, Message::Req { request, view_id, .. }) = effect {
                    ward.notes.request = Some((*request, *view_id));
                }
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "agrees-below-its-promise",
            does: "Agrees to a request although it has gone along with a higher one.",
            seen: "Paxos Made Simple read in a hurry: what is asked last is agreed to.",
        },
        tell: |ward, effects| {
            let asked = std::mem::take(&mut ward.notes.flag);
            for effect in effects {
                if let Effect::Send(_, message @ Message::Busy { .. }) = effect
                    && let Message::Busy { request, view_id, .. } = *message
                    && asked
                {
                    *message = Message::Ok { request, view_id };
                }
            }
        },
        hear: |ward, from, message, feed| {
            ward.notes.flag = matches!(message, Message::Req { .. });
            feed.push((from, message));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "two-leaders",
            does: "Does not hear the leader's heartbeats, so the next one acts beside it.",
            seen: "A slip of a kind: a link that fails one way, and nobody who asks the others.",
        },
        hear: |ward, from, message, feed| {
            let leader = ward.peer.view().map(|view| view.leader);
            if !(matches!(message, Message::Heartbeat { .. }) && leader == Some(from)) {
                feed.push((from, message));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "goes-on-when-removed",
            does: "Removed while it stood still, it goes on in its old view as if nothing had \
                   happened.",
            seen: "hashicorp/serf #269 tells of members that are paused and come back.",
        },
        hear: |ward, from, message, feed| {
            let removed = match (&message, ward.peer.view()) {
                (Message::NewView { view, .. }, Some(_)) => {
                    !view.holds(ward.setup.me, ward.setup.life)
                }
                _ => false,
            };
            if !removed {
                feed.push((from, message));
            }
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "comes-back-when-asked-to-go",
            does: "Asked to agree to its own removal, it forgets that it was, and joins again.",
            seen: "A slip of a kind: one way out of the group, whatever the reason.",
        },
        hear: |ward, from, message, feed| match message {
            Message::Req { request, view_id, op: Operation::Del { peer, asked: true } }
                if peer == ward.setup.me =>
            {
                let op = Operation::Del { peer, asked: false };
                feed.push((from, Message::Req { request, view_id, op }));
            }
            message => feed.push((from, message)),
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "removes-without-a-word",
            does: "Says of nobody that it is unreachable.",
            seen: "A slip of a kind: the view without the dead is taken for message enough.",
        },
        tell: |_, effects| {
            effects.retain(|effect| !matches!(effect, Effect::Report(Fact::Unreachable { .. })));
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "one-silent-period-is-death",
            does: "Calls dead whoever was silent for a single period.",
            seen: "Time-outs as long as the period: a little jitter, and a member flaps.",
        },
        told: |setup| setup.heartbeat /= 2,
        hear: |_, from, message, feed| feed.push((from, message)),
        fires: |ward, timer, effects| {
            // It sends as seldom as all others.
            let skips = timer == Timer::Heartbeat && std::mem::replace(&mut ward.notes.flag, false);
            if skips {
                effects.push(Effect::SetTimer(timer, ward.setup.heartbeat.into()));
            } else if timer == Timer::Heartbeat {
                ward.notes.flag = true;
            }
            !skips
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "says-it-at-every-check",
            does: "Calls a silent member unreachable at every check, and goes on when it was heard \
                   again.",
            seen: "A slip of a kind: no note of what was said.",
        },
        tell: |ward, effects| {
            for effect in effects.iter() {
                match effect {
                    Effect::Report(Fact::Unreachable { peer, .. }) => {
                        ward.notes.peers.insert(*peer);
                    }
                    Effect::Report(Fact::Installed(_)) => ward.notes.peers.clear(),
                    _ => {}
                }
            }
        },
        fires: |ward, timer, effects| {
            if let (Timer::Check, Some(view)) = (timer, ward.peer.view()) {
                for peer in &ward.notes.peers {
                    let fact = Fact::Unreachable { peer: *peer, view: view.clone() };
                    effects.push(Effect::Report(fact));
                }
            }
            true
        },
        ..Mutant::PLAIN
    },
    Mutant {
        label: Label {
            name: "asks-in-the-name-of-another",
            does: "Puts the leader's id on its own requests.",
            seen: "A slip of a kind: the field of the leader is filled from the view.",
        },
        tell: |ward, effects| {
            let Some(leader) = ward.peer.view().map(View::lowest) else { return };
            for effect in effects {
                if let Effect::Send(_, Message::NewLeader { request, .. }) = effect {
                    request.by = leader;
                }
            }
        },
        ..Mutant::PLAIN
    },
];

/// A member that has not answered this yet, if with one more answer a majority would have.
fn half(
    ward: &mut Ward<Peer, Setup>,
    from: PeerId,
    request: RequestId,
    view_id: u64,
    message: &Message,
) -> Option<PeerId> {
    let kind = u64::from(matches!(message, Message::Ok { .. }));
    let members: BTreeSet<PeerId> = ward.peer.view()?.ids();
    let key = (view_id * 2 + kind, request.round);
    let answered = ward.notes.answers.entry(key).or_default();
    answered.insert(from);
    let one_short = answered.len() + 1 == members.len() / 2;
    let mut others = members.iter().filter(|peer| **peer != ward.setup.me);
    others.find(|peer| one_short && !answered.contains(*peer)).copied()
}
