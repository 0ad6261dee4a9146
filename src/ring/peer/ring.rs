//! Who stands around a peer: pings, deaths, departures and joins.

use std::time::Duration;

use super::{ANSWER, ASK, MOST_HOPS, Peer};
use crate::process::{Effect, Effects};
use crate::ring::key::Key;
use crate::ring::message::{Fact, Message, Note, Purpose, Timer};
use crate::ring::successors::{Successors, is_in_order};

/// How many times the usual pings a successor is given that was named at the start and has never
/// been there: people start peers one after the other.
const GRACE: u32 = 12;

/// A shortcut is used for so many pings after it was found.
const FRESH: u32 = 3;

/// The pings to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Probe {
    next: u32,
    /// The last one is not answered.
    awaited: Option<u32>,
    missed: u32,
    /// It was never there.
    is_new: bool,
    /// It was told to be the second successor.
    is_second: bool,
}

impl Peer {
    /// A time that others need until they have noticed a death themselves.
    fn until_noticed(&self) -> Duration {
        self.now + self.setup.ping * (2 * self.setup.misses + 2)
    }

    /// The regular pings.
    pub(super) fn ping_all(&mut self, out: &mut Effects<Self>) {
        out.push(Effect::SetTimer(Timer::Ping, self.setup.ping.into()));
        if self.leaving.is_some() {
            // Whoever is pinged would take this peer for its predecessor.
            return;
        }
        self.table.forget_gone(self.now);
        let targets: Vec<(Key, bool)> = self.table.pinged().collect();
        for (to, is_second) in targets {
            self.ping(to, is_second, out);
        }
        let silence = self.now.saturating_sub(self.pinged);
        let contact = if self.is_joining { self.setup.contact } else { Some(self.table.first()) };
        let is_lost = silence > self.setup.ping * (self.setup.misses + 2);
        if let Some(contact) = contact.filter(|to| *to != self.me())
            && (self.is_joining || is_lost)
        {
            // Nobody takes this peer for its successor: the ring may have none of it.
            Self::send(contact, Message::Seek { key: self.me(), purpose: Purpose::Join }, out);
        }
        if self.setup.fingers {
            // One that leads nowhere would also lead the search for a better one there.
            let oldest = self.now.saturating_sub(self.setup.ping * FRESH);
            self.fingers.retain(|_, (_, said)| *said >= oldest);
            self.point(0, out);
        }
    }

    fn ping(&mut self, to: Key, is_second: bool, out: &mut Effects<Self>) {
        let (first, second) = self.setup.successors;
        let is_new = self.setup.contact.is_none() && (to == first || to == second);
        let new = || Probe { next: 0, awaited: None, missed: 0, is_new, is_second };
        let probe = self.probes.entry(to).or_insert_with(new);
        let seq = probe.next;
        probe.next = probe.next.wrapping_add(1);
        (probe.awaited, probe.is_second) = (Some(seq), is_second);
        Self::cast(to, Message::Ping { seq, is_second }, out);
        let answer = ANSWER.min(self.setup.ping * 4 / 5);
        out.push(Effect::SetTimer(Timer::Answer, answer.into()));
    }

    /// A peer says that this one is its successor.
    pub(super) fn pinged(&mut self, from: Key, seq: u32, is_second: bool, out: &mut Effects<Self>) {
        Self::tell(Fact::PingFrom(from), out);
        let successors = if self.is_joining { Vec::new() } else { self.table.list().to_vec() };
        Self::cast(from, Message::Pong { seq, successors }, out);
        let before = self.predecessors[usize::from(is_second)].replace(from);
        if before != Some(from) && self.leaving.is_some() {
            self.say_farewell(out);
        }
        if is_second || self.is_joining {
            return;
        }
        self.pinged = self.now;
        if before != Some(from) {
            self.former = before;
        }
        self.table.revive(from);
        if self.table.is_alone() && self.table.join(from) {
            self.changed(out);
        }
        // A newcomer has come between: what belongs to it now goes there.
        if let Some(before) = before.filter(|before| from.is_between(*before, self.me())) {
            self.move_arc(from, (before, from), out);
        }
    }

    /// An answer to a ping.
    pub(super) fn answered(
        &mut self,
        from: Key,
        seq: u32,
        successors: &[Key],
        out: &mut Effects<Self>,
    ) {
        let Some(probe) = self.probes.get_mut(&from) else { return };
        if seq >= probe.next {
            return;
        }
        Self::tell(Fact::PongFrom(from), out);
        (probe.missed, probe.is_new) = (0, false);
        probe.awaited.take_if(|awaited| *awaited == seq);
        self.learn(from, successors, out);
    }

    /// Counts the pings that were not answered in time.
    pub(super) fn miss(&mut self, out: &mut Effects<Self>) {
        let misses = self.setup.misses;
        let mut dead = Vec::new();
        for (peer, _) in self.table.pinged() {
            let Some(probe) = self.probes.get_mut(&peer) else { continue };
            if probe.awaited.take().is_none() {
                continue;
            }
            probe.missed += 1;
            if probe.is_new && probe.missed == misses {
                Self::note(Note::Waits(peer), out);
            }
            if probe.missed >= misses * if probe.is_new { GRACE } else { 1 } {
                dead.push(peer);
            }
        }
        for peer in dead {
            Self::tell(Fact::Dead(peer), out);
            self.probes.remove(&peer);
            if self.table.lose(peer, self.until_noticed()) {
                self.lost(peer, out);
            }
        }
        // What has begun to be pinged now, when all of the dead are known.
        if !self.table.must_ask() && self.table.is_alone() {
            return;
        }
        self.ping_new(out);
        self.ask(out);
    }

    /// A successor has died or departed.
    fn lost(&mut self, peer: Key, out: &mut Effects<Self>) {
        self.fingers.retain(|_, (finger, _)| *finger != peer);
        self.drop_moves_to(peer);
        if self.table.is_alone() {
            self.predecessors = [None; 2];
            Self::note(Note::Alone, out);
            self.changed(out);
        }
        self.pass_on_again(|to| to == peer, out);
    }

    /// Pings the successors that were not pinged yet, or not as what they are now, at once.
    fn ping_new(&mut self, out: &mut Effects<Self>) {
        let targets: Vec<(Key, bool)> = self.table.pinged().collect();
        self.probes.retain(|peer, _| targets.iter().any(|(to, _)| to == peer));
        for (to, is_second) in targets {
            if self.probes.get(&to).is_none_or(|probe| probe.is_second != is_second) {
                self.ping(to, is_second, out);
            }
        }
    }

    /// The successors have changed: people are told both, and who is new is pinged.
    pub(super) fn changed(&mut self, out: &mut Effects<Self>) {
        if let Some(second) = self.table.second() {
            Self::tell(Fact::Now(self.table.first(), second), out);
        }
        self.ping_new(out);
    }

    /// Asks the first successor for its own, as long as they are not known.
    pub(super) fn ask(&mut self, out: &mut Effects<Self>) {
        if self.table.must_ask() {
            Self::send(self.table.first(), Message::Ask, out);
            out.push(Effect::SetTimer(Timer::Ask, ASK.into()));
        }
    }

    /// A peer says who its successors are.
    pub(super) fn learn(&mut self, from: Key, its: &[Key], out: &mut Effects<Self>) {
        if self.is_joining {
            // The ring has not noticed that this peer was away.
            let rest = its.strip_prefix(&[self.me()]).filter(|rest| !rest.is_empty());
            if let Some((first, rest)) = rest.and_then(<[Key]>::split_first) {
                self.take_place(*first, from, rest, out);
            }
            return;
        }
        let second = self.table.second();
        if self.table.learn(from, its) {
            if let Some(second) = second.filter(|second| self.is_passed_over(*second)) {
                // The first one has noticed its death before this peer could.
                Self::tell(Fact::Dead(second), out);
                self.table.lose(second, self.until_noticed());
                self.lost(second, out);
            }
            self.changed(out);
        }
    }

    /// True of a peer that has missed pings, and that the first successor does not know any more.
    fn is_passed_over(&self, peer: Key) -> bool {
        let has_missed = self.probes.get(&peer).is_some_and(|probe| probe.missed > 0);
        let next = self.table.list().get(1);
        has_missed && next.is_some_and(|next| peer.is_between(self.table.first(), *next))
    }

    /// A peer leaves.
    pub(super) fn departs(&mut self, from: Key, its: &[Key], out: &mut Effects<Self>) {
        Self::send(from, Message::Departed, out);
        let is_known = self.table.list().contains(&from);
        if self.is_joining || !is_known {
            return;
        }
        Self::tell(Fact::Departs(from), out);
        let until = self.until_noticed();
        if self.table.depart(from, its, until) {
            self.probes.remove(&from);
            self.lost(from, out);
            if !self.table.is_alone() {
                self.changed(out);
                self.ask(out);
            }
        }
    }

    /// A newcomer says that its place is behind this peer.
    pub(super) fn joins(&mut self, from: Key, out: &mut Effects<Self>) {
        if self.is_joining {
            return;
        }
        if self.table.join(from) {
            self.changed(out);
        }
    }

    /// Somebody looks for the peer to which a key belongs. `before` is the peer that has passed the
    /// question on: the key belongs here if it lies between that one and this one.
    pub(super) fn find(
        &mut self,
        before: Option<Key>,
        asker: Key,
        key: Key,
        purpose: Purpose,
        hops: u16,
        out: &mut Effects<Self>,
    ) {
        let me = self.me();
        if self.is_joining && before.is_none_or(|before| asker != me || before == me) {
            return;
        }
        let is_here = before.is_some_and(|before| key.is_in(before, me));
        match before {
            // The ring has this peer still, which has begun anew.
            Some(before) if is_here && asker == me => Self::send(before, Message::Ask, out),
            _ if self.is_joining => {}
            _ if is_here || self.table.is_alone() => {
                let predecessor = before.unwrap_or(me);
                let successors = self.table.list().to_vec();
                let found = Message::Found { key, purpose, predecessor, successors, hops };
                Self::send(asker, found, out);
            }
            _ if hops < MOST_HOPS => {
                let find = Message::Find { key, purpose, asker, hops: hops + 1 };
                Self::send(self.towards(key), find, out);
            }
            _ => {}
        }
    }

    /// The place of this peer is between these two.
    pub(super) fn take_place(
        &mut self,
        first: Key,
        predecessor: Key,
        its: &[Key],
        out: &mut Effects<Self>,
    ) {
        let me = self.me();
        let list: Vec<Key> = [first].into_iter().chain(its.iter().copied()).collect();
        if first == me || (predecessor != first && !me.is_between(predecessor, first)) {
            return;
        }
        if self.is_joining || self.table.is_alone() {
            let mut table = Successors::new(me, first, first);
            let its = if is_in_order(me, &list) { its } else { &[me][..] };
            table.learn(first, its);
            (self.table, self.is_joining, self.pinged) = (table, false, self.now);
            Self::note(Note::Joined(predecessor), out);
            self.changed(out);
            self.ask(out);
            for name in std::mem::take(&mut self.waiting) {
                self.typed(name, out);
            }
        }
        Self::send(predecessor, Message::Join, out);
    }

    /// Whom a question for a key is passed on to: the nearest known peer before it, which without
    /// shortcuts is the first successor.
    pub(super) fn towards(&self, key: Key) -> Key {
        let (me, first) = (self.me(), self.table.first());
        let fingers = self.fingers.values().map(|(finger, _)| *finger);
        let before = fingers.filter(|finger| finger.is_between(me, key));
        let nearest = before.max_by_key(|finger| me.distance_to(*finger));
        nearest.filter(|finger| first.is_between(me, *finger)).unwrap_or(first)
    }

    /// Looks for the shortcut of this number and, as long as they are near, for the next ones.
    fn point(&mut self, from: u8, out: &mut Effects<Self>) {
        if self.is_joining || self.table.is_alone() {
            return;
        }
        for number in from..8 {
            let key = Key(self.me().0.wrapping_add(1 << number));
            if key.is_in(self.me(), self.table.first()) {
                self.fingers.remove(&number);
                continue;
            }
            let (asker, purpose) = (self.me(), Purpose::Finger);
            let find = Message::Find { key, purpose, asker, hops: 1 };
            return Self::send(self.towards(key), find, out);
        }
    }

    /// The shortcut to this key leads to this peer.
    pub(super) fn point_at(&mut self, key: Key, to: Key, hops: u16, out: &mut Effects<Self>) {
        let far = self.me().distance_to(key);
        if !far.is_power_of_two() || to == self.me() || !self.setup.fingers {
            return;
        }
        let number = u8::try_from(far.trailing_zeros()).unwrap_or(0);
        if self.fingers.insert(number, (to, self.now)).is_none_or(|(before, _)| before != to) {
            Self::tell(Fact::Finger(to, hops), out);
        }
        self.point(number + 1, out);
    }
}
