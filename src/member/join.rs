//! Getting in, and letting in.

use std::collections::BTreeSet;
use std::time::Duration;

use super::message::Message;
use super::peer::{Fact, Peer, Phase, Timer};
use super::view::{Incarnation, MAX_ID, View};
use crate::process::{Effect, Effects, PeerId};

/// The longest pause before the second try.
const SECOND_TRY: Duration = Duration::from_millis(100);
/// The longest time for which the first line listens before it founds a view of its own.
const FOUNDING: Duration = Duration::from_millis(500);
/// In how many parts it listens. One that ends late by more than a part shows that the process was
/// paused, and then it listens anew.
const PARTS: u32 = 8;
/// How many others are asked in one try, beside the first line: hundreds that ask each other at
/// once would flood the network. The next try asks the next ones.
const ASKED_AT_ONCE: usize = 16;
/// After how many tries people are told, if nobody has let this peer in.
const TRIES_BEFORE_NOTE: usize = 10;

/// The state of one who wants in.
#[derive(Clone, Debug, Default)]
pub(super) struct Joining {
    /// Somebody who is in has answered: there is a group.
    pub(super) answered: bool,
    /// The peer that was named as the leader since the last try. Two who name each other would send
    /// a newcomer back and forth.
    followed: Option<PeerId>,
    /// Somebody has answered since the last try, so not all need to be asked again.
    heard: bool,
    /// For how long the first line listens,
    listens: Duration,
    /// how many parts of that are left,
    parts: u32,
    /// and when the present one ends.
    part_ends: Duration,
    tries: usize,
}

impl Peer {
    /// Begins to ask for being let in: `leader`, if one is known, else the first line.
    pub(super) fn join(&mut self, leader: Option<PeerId>, out: &mut Effects<Self>) {
        let first = leader.or(self.setup.hosts.first().copied());
        self.phase = Phase::Joining(Joining { followed: first, ..Joining::default() });
        self.detector.watch(&[].into(), self.now);
        if let Some(first) = first.filter(|first| *first != self.me()) {
            self.ask_in(first, out);
        } else {
            self.ask_around(0, out);
        }
        let t = self.setup.heartbeat;
        out.push(Effect::SetTimer(Timer::Retry, Self::about((t / 2).min(SECOND_TRY))));
        if self.is_first_line() {
            self.listen((t / 2).min(FOUNDING), out);
        }
    }

    /// The first line listens for so long, and then founds a view if nobody has answered.
    fn listen(&mut self, time: Duration, out: &mut Effects<Self>) {
        if let Phase::Joining(joining) = &mut self.phase {
            (joining.listens, joining.parts) = (time, PARTS);
            joining.part_ends = self.now + time / PARTS;
            out.push(Effect::SetTimer(Timer::Found, (time / PARTS).into()));
        }
    }

    /// Sends a `JOIN`. The first one of an incarnation starts the clock of an ordered crash.
    pub(super) fn ask_in(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        out.push(Effect::Send(
            peer,
            Message::Join { incarnation: self.setup.incarnation, seen: self.seen },
        ));
        self.order_crash(out);
    }

    pub(super) fn order_crash(&mut self, out: &mut Effects<Self>) {
        if let Some(after) = self.setup.crash_after.filter(|_| !self.crash_is_set) {
            self.crash_is_set = true;
            out.push(Effect::SetTimer(Timer::Crash, after.into()));
        }
    }

    /// Asks the first line and some others. The first line itself asks all: it must know whether
    /// there is a group before it founds one.
    fn ask_around(&mut self, tries: usize, out: &mut Effects<Self>) {
        let mut others = self.setup.hosts.clone();
        others.remove(&self.me());
        let count = if self.is_first_line() { others.len() } else { ASKED_AT_ONCE };
        let first = others.first().copied();
        let next = others.iter().cycle().skip(tries * ASKED_AT_ONCE).copied();
        let asked: BTreeSet<PeerId> = next.take(count.min(others.len())).chain(first).collect();
        for peer in asked {
            self.ask_in(peer, out);
        }
    }

    /// Nobody has let this peer in yet; or its view has too few members left to go on, and perhaps
    /// those who went on without it are not of that view.
    pub(super) fn retry(&mut self, out: &mut Effects<Self>) {
        let joining = match &mut self.phase {
            Phase::Joining(joining) => joining,
            Phase::In(member) => {
                let Some(tries) = member.lacking.as_mut() else { return };
                *tries += 1;
                let tries = *tries;
                self.ask_around(tries, out);
                return out.push(Effect::SetTimer(Timer::Retry, Self::about(self.setup.heartbeat)));
            }
            Phase::Out => return,
        };
        let leader = joining.followed.take().filter(|_| joining.heard);
        joining.heard = false;
        joining.tries += 1;
        let tries = joining.tries;
        if joining.tries == TRIES_BEFORE_NOTE {
            out.push(Effect::Report(Fact::Waiting));
        }
        match leader {
            // It knows, and has others to let in first.
            Some(leader) if leader != self.me() => self.ask_in(leader, out),
            _ => self.ask_around(tries, out),
        }
        out.push(Effect::SetTimer(Timer::Retry, Self::about(self.setup.heartbeat)));
    }

    /// Somebody has named a leader.
    pub(super) fn follow(&mut self, leader: PeerId, out: &mut Effects<Self>) {
        let Phase::Joining(joining) = &mut self.phase else { return };
        joining.heard = true;
        if joining.followed != Some(leader) && leader != self.setup.me {
            joining.followed = Some(leader);
            self.ask_in(leader, out);
        }
    }

    /// With majorities, a peer that has ever been in a group never founds another one.
    fn may_found(&self) -> bool {
        self.is_first_line() && !(self.setup.majority && self.seen.is_some())
    }

    /// The first line has listened for a part of its time; when it has for all of it, and nobody
    /// has answered, it founds a view.
    pub(super) fn found(&mut self, out: &mut Effects<Self>) {
        let Phase::Joining(joining) = &mut self.phase else { return };
        let (time, part) = (joining.listens, joining.listens / PARTS);
        if self.now > joining.part_ends + part {
            // It was paused itself, and the answers may be those that it finds now.
            return self.listen(time, out);
        }
        joining.parts = joining.parts.saturating_sub(1);
        if joining.parts > 0 {
            joining.part_ends = self.now + part;
            return out.push(Effect::SetTimer(Timer::Found, part.into()));
        }
        let answered = std::mem::take(&mut joining.answered);
        let id = self.seen.map_or(0, |seen| seen + 1);
        if answered || !self.may_found() || id >= MAX_ID {
            return self.listen(self.setup.heartbeat * 2, out);
        }
        self.order_crash(out);
        let view = View::founded(id, self.me(), self.setup.incarnation);
        self.take_view(view, out);
    }

    /// Somebody wants in.
    pub(super) fn joins(
        &mut self,
        peer: PeerId,
        incarnation: Incarnation,
        seen: Option<u64>,
        out: &mut Effects<Self>,
    ) {
        let Phase::In(member) = &self.phase else {
            // Others may queue while the first line listens; unless it waits itself for
            // those who are in.
            if !self.is_out() && self.may_found() {
                self.enqueue(peer, incarnation, seen);
                out.push(Effect::Send(peer, Message::Leader { leader: self.me() }));
            }
            return;
        };
        let view = member.view.clone();
        if view.holds(peer, incarnation) {
            return out.push(Effect::Send(peer, Message::new_view(&view)));
        }
        // Another incarnation of a member: so the incarnation that is a member has ended.
        if view.members.contains_key(&peer) && self.detector.lost(peer) {
            out.push(Effect::Report(Fact::Unreachable { peer, view: view.clone() }));
        }
        let leader = self.acting(&view);
        if leader == self.me() {
            self.enqueue(peer, incarnation, seen);
        }
        // Also from the leader itself: the change in hand may take a while, and a first line that
        // hears nothing founds a view of its own.
        out.push(Effect::Send(peer, Message::Leader { leader }));
    }

    fn enqueue(&mut self, peer: PeerId, incarnation: Incarnation, seen: Option<u64>) {
        let place = self.waiting.iter_mut().find(|(waits, _, _)| *waits == peer);
        match place {
            Some(place) => *place = (peer, incarnation, seen),
            None => self.waiting.push((peer, incarnation, seen)),
        }
    }
}
