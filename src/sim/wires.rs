//! Links: a wire each way between two peers, cut and repaired.

use super::RunObserver;
use super::faults::Span;
use super::host::id;
use super::queue::{Carrier, Event};
use super::world::World;
use crate::process::{Output, PeerId, Process};

/// One direction of a link.
#[derive(Clone, Copy, Default)]
pub(super) struct Wire {
    /// The two peers keep a link at all.
    pub(super) exists: bool,
    up: bool,
    /// Counts connections; what an old one carried does not arrive.
    connection: u32,
    /// When the last message arrives: a later one cannot overtake it.
    last_arrival: u64,
    /// Until then it cannot come up.
    blocked_until: u64,
}

impl<P: Process, O: RunObserver<P>> World<'_, P, O> {
    pub(super) fn wire(&mut self, from: usize, to: usize) -> &mut Wire {
        let index = from * self.hosts.len() + to;
        &mut self.wires[index]
    }

    fn travel(&mut self, from: usize, to: usize) -> u64 {
        let distance = self.distances.get(from * self.hosts.len() + to).copied().unwrap_or(0);
        distance + self.prng.within(self.faults.delay)
    }

    /// Gives a message to the wire.
    pub(super) fn send(&mut self, from: usize, to: PeerId, message: P::Message) {
        let target = usize::from(to.0) - 1;
        if self.replayer.is_some() {
            return self.post(from, target, message);
        }
        if !self.wire(from, target).up {
            self.counts.lost += 1;
            return;
        }
        self.counts.sent += 1;
        let message = self.show_sent(from, to, message);
        let message = if self.faults.streams_hold {
            message
        } else {
            let Some(message) = self.unordered_or_lost(from, target, message) else { return };
            message
        };
        let arrival = self.now + self.travel(from, target);
        let wire = self.wire(from, target);
        wire.last_arrival = wire.last_arrival.max(arrival);
        let (time, carrier) = (wire.last_arrival, Carrier::Connection(wire.connection));
        self.queue.put(time, Event::Deliver { from, to: target, carrier, message });
    }

    /// Shows that a link has taken the message.
    pub(super) fn show_sent(&mut self, from: usize, to: PeerId, message: P::Message) -> P::Message {
        let sent = Output::Sent(to, message);
        self.observer.observe(self.now, id(from), &sent);
        let Output::Sent(_, message) = sent else { unreachable!("it was just made") };
        message
    }

    /// The message, unless it is lost or late. A second copy of it may be under way.
    fn unordered_or_lost(
        &mut self,
        from: usize,
        to: usize,
        message: P::Message,
    ) -> Option<P::Message> {
        if self.prng.chance(self.faults.loss) && self.observer.loses(self.now) {
            self.counts.lost += 1;
            return None;
        }
        if self.prng.chance(self.faults.duplication) {
            self.counts.duplicated += 1;
            self.send_unordered(from, to, message.clone());
        }
        if self.prng.chance(self.faults.reordering) && self.observer.loses(self.now) {
            self.counts.reordered += 1;
            self.send_unordered(from, to, message);
            return None;
        }
        Some(message)
    }

    /// Lets a datagram travel: it needs no connection, only that nothing is cut when it arrives,
    /// and an address to go to.
    pub(super) fn cast(&mut self, from: usize, to: PeerId, message: P::Message) {
        let target = usize::from(to.0) - 1;
        if self.replayer.is_some() {
            return self.mail(from, target, message);
        }
        if self.addresses.is_some() && !self.wire(from, target).up {
            self.counts.lost += 1;
            return;
        }
        self.counts.sent += 1;
        let message = self.show_sent(from, to, message);
        let Some(message) = self.unordered_or_lost(from, target, message) else { return };
        let time = self.now + self.travel(from, target);
        let carrier = Carrier::Unordered;
        self.queue.put(time, Event::Deliver { from, to: target, carrier, message });
    }

    fn send_unordered(&mut self, from: usize, to: usize, message: P::Message) {
        let time = self.now + self.travel(from, to) + self.prng.within(self.faults.late);
        self.queue.put(time, Event::Deliver { from, to, carrier: Carrier::Unordered, message });
    }

    /// True if a message that arrives now does so over a living connection, or outside of one while
    /// nothing is cut.
    pub(super) fn carries(&mut self, from: usize, to: usize, carrier: Carrier) -> bool {
        let now = self.now;
        let wire = self.wire(from, to);
        match carrier {
            Carrier::Connection(connection) => wire.connection == connection,
            Carrier::Unordered => wire.blocked_until <= now,
        }
    }

    /// Cuts a wire for some time; what is on it is lost.
    pub(super) fn cut(&mut self, from: usize, to: usize, until: u64) {
        let wire = self.wire(from, to);
        if !wire.exists {
            return;
        }
        wire.blocked_until = wire.blocked_until.max(until);
        let blocked_until = wire.blocked_until;
        self.counts.cuts += 1;
        self.redial(from, to, blocked_until);
    }

    /// Ends the wire's connection, and makes another one after that time. An address stays known.
    fn redial(&mut self, from: usize, to: usize, not_before: u64) {
        if self.addresses.is_some() {
            return;
        }
        let wire = self.wire(from, to);
        wire.up = false;
        wire.connection += 1;
        self.dial(from, to, not_before);
    }

    /// Sees to it that the wire comes up some time after `not_before`.
    fn dial(&mut self, from: usize, to: usize, not_before: u64) {
        let time = not_before.max(self.now) + self.travel(from, to);
        self.queue.put(time, Event::WireUp { from, to });
    }

    /// The wire comes up. `to` hears of it first, `from` a while later.
    pub(super) fn wire_up(&mut self, from: usize, to: usize) {
        let now = self.now;
        if self.addresses.is_some() {
            return self.address_known(from, to);
        }
        let both_live = self.hosts[from].process.is_some() && self.hosts[to].process.is_some();
        let wire = self.wire(from, to);
        if wire.up || !both_live || wire.blocked_until > now {
            return;
        }
        wire.up = true;
        // A new connection supersedes the old one, also what a crashed peer left on it.
        wire.connection += 1;
        wire.last_arrival = now;
        let there = wire.connection;
        let back = *self.wire(to, from);
        if back.up {
            let later = now + self.travel(to, from);
            let wires = [there, back.connection];
            self.queue.put(later, Event::Joined { at: from, with: to, wires });
            self.queue.put(now, Event::Joined { at: to, with: from, wires: [wires[1], wires[0]] });
        }
    }

    /// `at` learns where `with` is. Datagrams need no more, and nobody need listen there.
    fn address_known(&mut self, at: usize, with: usize) {
        let is_up = self.hosts[at].process.is_some();
        let wire = self.wire(at, with);
        if is_up && !wire.up {
            wire.up = true;
            self.queue.put(self.now, Event::Joined { at, with, wires: [0, 0] });
        }
    }

    /// True if both wires are up and still the same connections; or if the address is known.
    pub(super) fn is_joined(&mut self, at: usize, with: usize, wires: [u32; 2]) -> bool {
        let (there, back) = (*self.wire(at, with), *self.wire(with, at));
        if self.addresses.is_some() {
            return there.up;
        }
        there.up && back.up && [there.connection, back.connection] == wires
    }

    /// The process of `at` is gone: nothing reaches it, and what it sent is still on its way.
    pub(super) fn unplug(&mut self, at: usize) {
        for other in 0..self.hosts.len() {
            let inbound = self.wire(other, at);
            inbound.up = false;
            inbound.connection += 1;
            self.wire(at, other).up = false;
        }
    }

    /// The process of `at` begins: it dials, and is dialled; or all learn addresses.
    pub(super) fn plug(&mut self, at: usize) {
        if let Some(after) = self.addresses {
            return self.announce(at, after);
        }
        for other in 0..self.hosts.len() {
            if self.wire(at, other).exists && self.hosts[other].process.is_some() {
                let blocked =
                    [self.wire(at, other).blocked_until, self.wire(other, at).blocked_until];
                self.dial(at, other, blocked[0]);
                self.dial(other, at, blocked[1]);
            }
        }
    }

    /// `at` will learn where the others are, and they where it is.
    fn announce(&mut self, at: usize, after: Span) {
        for other in 0..self.hosts.len() {
            if self.wire(at, other).exists {
                for (from, to) in [(at, other), (other, at)] {
                    let time = self.now + self.prng.within(after);
                    self.queue.put(time, Event::WireUp { from, to });
                }
            }
        }
    }

    /// Ends every cut; every link is dialled anew, so that what was lost is asked for again.
    pub(super) fn repair(&mut self) {
        let now = self.now;
        for from in 0..self.hosts.len() {
            for to in 0..self.hosts.len() {
                let wire = self.wire(from, to);
                wire.blocked_until = wire.blocked_until.min(now);
                if wire.exists {
                    self.redial(from, to, now);
                }
            }
        }
    }
}
