//! Who has asked for what in which view, and who agreed: from the messages alone.

use std::collections::{BTreeMap, BTreeSet};

use super::properties::{PENDING_TOLD, PROMISE_KEPT};
use crate::member::{Incarnation, Operation, RequestId, View};
use crate::process::PeerId;
use crate::sim::harness::Property;

/// A request of a view.
type Key = (u64, RequestId);

/// A violated property, and how.
pub(super) type Violated = Option<(Property, String)>;

/// What one incarnation of a peer has said in a view.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// The highest number that it has agreed to, asked under or answered.
    promised: Option<RequestId>,
    /// The highest request that it has agreed to.
    pending: Option<RequestId>,
}

/// The answers to one who asks what is pending.
#[derive(Clone, Debug, Default)]
struct Answers {
    from: BTreeSet<PeerId>,
    /// The pending operation with the highest number.
    best: Option<(RequestId, Operation)>,
}

/// All that was asked and agreed to.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    asked: BTreeMap<Key, Operation>,
    agreed: BTreeMap<Key, BTreeSet<(PeerId, Option<Incarnation>)>>,
    words: BTreeMap<(PeerId, u64), Word>,
    /// What was answered to those who asked what is pending.
    answers: BTreeMap<Key, Answers>,
}

impl Votes {
    /// A new incarnation of this peer starts: it has said nothing.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.words.retain(|(of, _), _| *of != peer);
    }

    /// `by` has made up its mind about this number. That it asks under a number shows only now, and
    /// may have been long ago: the wire was down.
    pub(super) fn leads(&mut self, by: PeerId, view: u64, request: RequestId) {
        let word = self.words.entry((by, view)).or_default();
        word.promised = word.promised.max(Some(request));
    }

    fn promised(&mut self, by: PeerId, view: u64, request: RequestId) -> Violated {
        let word = self.words.entry((by, view)).or_default();
        let promised = word.promised.filter(|promised| *promised > request);
        word.promised = word.promised.max(Some(request));
        let higher = promised?;
        let how =
            format!("goes along with {} in view {view}, after {}", number(request), number(higher));
        Some((PROMISE_KEPT, how))
    }

    /// `by` asks for this.
    pub(super) fn asked(
        &mut self,
        by: PeerId,
        incarnation: Option<Incarnation>,
        view: u64,
        request: RequestId,
        op: Operation,
    ) -> Violated {
        let key = (view, request);
        let is_new = self.asked.insert(key, op).is_none();
        self.agreed.entry(key).or_default().insert((by, incarnation));
        let word = self.words.entry((by, view)).or_default();
        word.pending = word.pending.max(Some(request));
        self.leads(by, view, request);
        // Some other operation is pending, and this one is nobody's but its own.
        let (under, pending) = self.answers.get(&key).filter(|_| is_new)?.best?;
        let mut earlier = self.asked.range((view, RequestId { round: 0, by: PeerId(0) })..key);
        let known = pending == op || earlier.any(|(of, asked)| of.1 >= under && *asked == op);
        if !known {
            let how = format!("asks for {op:?} in view {view}, and {pending:?} was pending");
            return Some((PENDING_TOLD, how));
        }
        None
    }

    /// `by` agrees.
    pub(super) fn agreed(
        &mut self,
        by: PeerId,
        incarnation: Option<Incarnation>,
        view: u64,
        request: RequestId,
    ) -> Violated {
        self.agreed.entry((view, request)).or_default().insert((by, incarnation));
        let word = self.words.entry((by, view)).or_default();
        word.pending = word.pending.max(Some(request));
        self.promised(by, view, request)
    }

    /// `by` tells a new leader what is pending.
    pub(super) fn told(
        &mut self,
        by: PeerId,
        view: u64,
        request: RequestId,
        told: Option<(RequestId, Operation)>,
    ) -> Violated {
        let pending = self.words.entry((by, view)).or_default().pending;
        let broken = self.promised(by, view, request);
        if told.map(|told| told.0) < pending {
            let pending = pending.map(number).unwrap_or_default();
            let how = format!("has agreed to {pending} in view {view} and does not say so");
            return Some((PENDING_TOLD, how));
        }
        broken
    }

    /// The answer of `from` has arrived. Those behind the first `enough` are late: who asked them
    /// may have made up its mind.
    pub(super) fn answered(
        &mut self,
        at: PeerId,
        from: PeerId,
        (view, request): Key,
        told: Option<(RequestId, Operation)>,
        enough: usize,
    ) {
        if request.by != at {
            return;
        }
        let answers = self.answers.entry((view, request)).or_default();
        if answers.from.len() < enough {
            answers.from.insert(from);
            let higher = told.filter(|told| answers.best.is_none_or(|best| told.0 > best.0));
            answers.best = higher.or(answers.best);
        }
    }

    /// True if `by` may make `next` of `before`: one operation lies between them, and enough of
    /// `before` have agreed to it. Those who are `excused` count as if they had.
    pub(super) fn has_agreed(
        &self,
        by: PeerId,
        before: &View,
        next: &View,
        needed: usize,
        excused: &dyn Fn(PeerId) -> bool,
    ) -> bool {
        let gone: Vec<PeerId> =
            before.members.keys().filter(|p| !next.members.contains_key(p)).copied().collect();
        let new: Vec<(PeerId, Incarnation)> = next
            .members
            .iter()
            .filter(|(peer, incarnation)| !before.holds(**peer, **incarnation))
            .map(|(peer, incarnation)| (*peer, *incarnation))
            .collect();
        let is_it = |op: &Operation| match (*op, &gone[..], &new[..]) {
            (Operation::Add { peer, incarnation, .. }, [], [one]) => *one == (peer, incarnation),
            (Operation::Del { peer, .. }, [one], []) => *one == peer,
            _ => false,
        };
        let fits = gone.len() + new.len() == 1;
        // Nobody need be asked, so nothing of it was seen.
        if before.members.keys().all(|peer| *peer == by || excused(*peer)) {
            return fits;
        }
        let first = (before.id, RequestId { round: 0, by: PeerId(0) });
        let last = (before.id, RequestId { round: u64::MAX, by: PeerId(u16::MAX) });
        fits && self.asked.range(first..=last).any(|(key, op)| {
            let agreed = self.agreed.get(key);
            let has = |peer: &PeerId, incarnation: &Incarnation| {
                let said =
                    agreed.is_some_and(|agreed| agreed.contains(&(*peer, Some(*incarnation))));
                said || excused(*peer)
            };
            let votes =
                before.members.iter().filter(|(peer, incarnation)| has(peer, incarnation)).count();
            key.1.by == by && is_it(op) && votes >= needed
        })
    }
}

fn number(request: RequestId) -> String {
    format!("request {} of {}", request.round, request.by)
}
