//! Homes: who of the peers proposes for a key, so that its owner seldom changes.
//!
//! A home is a hint. Who is asked forwards a change to the home; if that is not near, who was asked
//! proposes. Safety does not rest on it: any two peers may propose for a key at any time.
//!
//! A change that was forwarded and not answered may have been made. Nobody makes it again: its
//! client is told that nobody knows. For the same reason a home takes each question once, and only
//! those that were asked of its present incarnation: an earlier one may have done it already.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bytes::Bytes;
use super::super::message::{Message, QuestionId};
use super::super::operation::{Answer, Reply, Request};
use super::super::pending::{Origin, Pending};
use super::super::terms::mix;
use super::{CALL_TIMEOUT, Peer};
use crate::paxos::ProposalNumber;
use crate::process::{Effect, Effects, PeerId};

/// A home that has not answered for so long, nor said anything, is not asked for more.
const DOUBT: Duration = Duration::from_millis(300);
/// After so long the reply is not waited for any more.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(5);
/// How far apart the questions of a peer may be that arrive out of order. Older ones are not
/// taken.
const WINDOW: usize = 1 << 12;

/// What is known of another peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Other {
    /// It was heard since it was last taken to be away.
    pub(super) is_near: bool,
    /// The latest incarnation that is known.
    incarnation: u64,
    /// Its questions up to this one were taken, or come too late.
    taken_up_to: u64,
    /// Those above it that were taken.
    taken: BTreeSet<u64>,
}

impl Other {
    /// The first term of its latest incarnation.
    pub(super) fn first_term(&self) -> Option<ProposalNumber> {
        ProposalNumber::new(self.incarnation)
    }

    /// True if this question was not taken before. It is now.
    fn takes(&mut self, count: u64) -> bool {
        if count <= self.taken_up_to || !self.taken.insert(count) {
            return false;
        }
        while self.taken.remove(&(self.taken_up_to + 1)) {
            self.taken_up_to += 1;
        }
        if self.taken.len() > WINDOW
            && let Some(first) = self.taken.pop_first()
        {
            self.taken_up_to = first;
        }
        true
    }
}

/// A question to a home.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Forward {
    to: PeerId,
    key: Bytes,
    pending: Pending,
    since: Duration,
}

/// The open ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Forwards {
    /// The last count. They have one of their own: others count as if none were missing.
    last: u64,
    open: BTreeMap<u64, Forward>,
}

impl Forwards {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Peer {
    /// The home of a key, as far as this peer knows: of all that are near, the one with the
    /// highest score for the key (rendezvous hashing).
    pub(super) fn home(&self, key: &[u8]) -> PeerId {
        let hash = key.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte)));
        let near = self.others.iter().filter(|(_, other)| other.is_near && other.incarnation > 0);
        let all = near.map(|(peer, _)| *peer).chain([self.setup.me]);
        let score = |peer: &PeerId| mix(hash.wrapping_add(u64::from(peer.0)));
        all.max_by_key(score).unwrap_or(self.setup.me)
    }

    /// Tells a peer that this one can be asked.
    pub(super) fn greet(&self, peer: PeerId, out: &mut Effects<Self>) {
        let incarnation = self.question.incarnation;
        if incarnation > 0 {
            out.push(Effect::Send(peer, Message::Here { incarnation }));
        }
    }

    /// A peer is there.
    pub(super) fn is_heard(&mut self, peer: PeerId) {
        if peer != self.setup.me {
            self.others.entry(peer).or_default().is_near = true;
        }
    }

    /// A peer can be asked.
    pub(super) fn is_here(&mut self, peer: PeerId, incarnation: u64, out: &mut Effects<Self>) {
        let other = self.others.entry(peer).or_default();
        if incarnation <= other.incarnation {
            return;
        }
        *other = Other { is_near: true, incarnation, ..Other::default() };
        // What the one before was asked, it has done or not.
        self.give_up_on(|forward| forward.to == peer, out);
    }

    /// A peer is taken to be away.
    pub(super) fn is_lost(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.others.entry(peer).or_default().is_near = false;
        self.give_up_on(|forward| forward.to == peer, out);
    }

    /// Those questions will not be answered.
    fn give_up_on(&mut self, which: impl Fn(&Forward) -> bool, out: &mut Effects<Self>) {
        let given_up = self.forwards.open.iter().filter(|(_, forward)| which(forward));
        let counts: Vec<u64> = given_up.map(|(count, _)| *count).collect();
        for count in counts {
            let Some(Forward { key, pending, .. }) = self.forwards.open.remove(&count) else {
                continue;
            };
            if pending.operation.is_read() {
                self.ask(&key, pending, out);
            } else {
                let unknown = Reply::of(Answer::Unknown);
                self.complete(&key, pending.origin, unknown, out);
            }
        }
    }

    /// Has the key's home do this; the peer itself, if it is the home or cannot ask it.
    pub(super) fn forward(&mut self, key: &Bytes, pending: Pending, out: &mut Effects<Self>) {
        let home = self.home(key);
        let to = self.others.get(&home).map(|other| other.incarnation);
        // Who was asked by another peer does not ask a third one.
        let is_mine = home == self.setup.me || matches!(pending.origin, Origin::Peer(..));
        let Some(to) = to.filter(|_| !is_mine) else { return self.ask(key, pending, out) };
        self.forwards.last += 1;
        let count = self.forwards.last;
        let id = QuestionId { incarnation: self.question.incarnation, count };
        let operation = pending.operation.clone();
        out.push(Effect::Send(home, Message::Forward { id, to, key: key.clone(), operation }));
        let forward = Forward { to: home, key: key.clone(), pending, since: self.now };
        self.forwards.open.insert(count, forward);
    }

    /// Another peer takes this one for the key's home.
    pub(super) fn take(
        &mut self,
        from: PeerId,
        id: QuestionId,
        to: u64,
        (key, operation): (&Bytes, Request),
        out: &mut Effects<Self>,
    ) {
        let other = self.others.entry(from).or_default();
        // Of an incarnation that is over nobody waits for the reply; and without the greeting of
        // a new one it is not known which questions are repeated. That is not known either of what
        // an earlier incarnation of this peer was asked.
        if id.incarnation != other.incarnation
            || to != self.question.incarnation
            || !other.takes(id.count)
        {
            return;
        }
        let pending = Pending::new(Origin::Peer(from, id), operation, self.now + CALL_TIMEOUT);
        self.ask(key, pending, out);
    }

    /// A home has answered.
    pub(super) fn forwarded(
        &mut self,
        from: PeerId,
        id: QuestionId,
        reply: Option<Reply>,
        out: &mut Effects<Self>,
    ) {
        let is_of_it = self.forwards.open.get(&id.count).is_some_and(|open| open.to == from);
        if !is_of_it || id.incarnation != self.question.incarnation {
            return;
        }
        let Some(Forward { key, pending, .. }) = self.forwards.open.remove(&id.count) else {
            return;
        };
        match reply {
            Some(reply) => self.complete(&key, pending.origin, reply, out),
            None => self.ask(&key, pending, out),
        }
    }

    /// Gives up homes that do not answer.
    pub(super) fn tick_forwards(&mut self, out: &mut Effects<Self>) {
        let now = self.now;
        let waits = |forward: &Forward| now.saturating_sub(forward.since);
        // A peer that lives says something meanwhile.
        for forward in self.forwards.open.values().filter(|forward| waits(forward) >= DOUBT) {
            if let Some(other) = self.others.get_mut(&forward.to) {
                other.is_near = false;
            }
        }
        self.give_up_on(|forward| waits(forward) >= FORWARD_TIMEOUT, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_taken_once_in_whatever_order_they_come() {
        let mut other = Other::default();
        for (count, is_new) in [(2, true), (1, true), (2, false), (1, false), (4, true), (3, true)]
        {
            assert_eq!(other.takes(count), is_new, "{count}");
        }
        assert_eq!((other.taken_up_to, other.taken.len()), (4, 0));
        for count in (6..).take(2 * WINDOW) {
            assert!(other.takes(count));
        }
        assert!(other.taken.len() <= WINDOW, "what is remembered is bounded");
        assert!(!other.takes(5), "nobody knows any more whether it was taken");
    }
}
