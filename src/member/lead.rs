//! Changing views: the one who asks and those who are asked.
//!
//! Within one view this is Paxos. A request's number is a ballot; [`Promises`] is an acceptor's
//! state; `NEWLEADER` is the first phase and `REQ` the second. What differs is how many must agree:
//! [`Peer::is_enough`].

use std::collections::{BTreeMap, BTreeSet};

use super::memory::Record;
use super::message::{Message, Operation, RequestId};
use super::peer::{Fact, Member, Peer, Phase, Timer};
use super::view::{MAX_ID, View};
use crate::process::{Effect, Effects, PeerId};

/// What a member has agreed to in its view. A view that it has left behind needs none: it never
/// agrees to anything in it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Promises {
    /// Nothing below this number.
    pub(super) promised: Option<RequestId>,
    /// The pending operation, and by which request.
    pub(super) pending: Option<(RequestId, Operation)>,
}

impl Promises {
    /// With this number promised; or the higher number that is in the way.
    fn promise(self, request: RequestId) -> Result<Self, RequestId> {
        match self.promised {
            Some(promised) if promised > request => Err(promised),
            _ => Ok(Self { promised: Some(request), ..self }),
        }
    }

    /// With this operation pending by this request; or the higher number that is in the way.
    fn agree(self, request: RequestId, op: Operation) -> Result<Self, RequestId> {
        Ok(Self { pending: Some((request, op)), ..self.promise(request)? })
    }
}

/// What the one who leads is doing.
#[derive(Clone, Debug)]
pub(super) enum Leading {
    /// Nothing; may ask for one operation under this number, if there is one, without a first
    /// phase.
    Free(Option<RequestId>),
    /// Asks what is pending.
    Taking { request: RequestId, answers: BTreeMap<PeerId, Option<(RequestId, Operation)>> },
    /// Asks for agreement.
    Asking { request: RequestId, op: Operation, agreed: BTreeSet<PeerId> },
}

impl Leading {
    /// At the start of a view. Its lowest member alone may ask under round 0, so nobody can have
    /// been before it, and it needs no first phase. It has that right once. Whoever leads in its
    /// place has no such right: two who finished the same operation may both be named.
    pub(super) fn at_first(view: &View, me: PeerId) -> Self {
        Self::Free((view.lowest() == me).then_some(RequestId { round: 0, by: me }))
    }
}

impl Peer {
    /// The lowest member that is alive: the leader, or the one who acts in its place.
    pub(super) fn acting(&self, view: &View) -> PeerId {
        let silent = self.detector.silent();
        let mut alive = view.members.keys().filter(|peer| !silent.contains(peer));
        alive.next().copied().unwrap_or(self.setup.me)
    }

    fn member(&mut self) -> Option<&mut Member> {
        match &mut self.phase {
            Phase::In(member) => Some(member),
            Phase::Joining(_) | Phase::Out => None,
        }
    }

    /// Promises this from now on. Whoever calls this pushes what tells others of it afterwards.
    ///
    /// With majorities it is durable before anybody is told: an acceptor that starts again and has
    /// forgotten a promise could agree to a second operation of the same view. Whoever asks is an
    /// acceptor too, and its own agreement counts; so its record stands before its question, and
    /// after a restart it never asks anything else under the same number.
    fn keep(&mut self, promises: Promises, out: &mut Effects<Self>) {
        let recorded = self.setup.majority;
        let Some(member) = self.member() else { return };
        let is_new = member.promises != promises;
        member.promises = promises;
        if let Some(record) = Record::of(&promises).filter(|_| recorded && is_new) {
            out.push(Effect::Persist(record));
        }
    }

    /// True if these, this peer counted, are enough for a change of the view.
    fn is_enough(&self, view: &View, agreed: &BTreeSet<PeerId>, op: Option<&Operation>) -> bool {
        if self.setup.majority {
            return agreed.len() >= view.majority();
        }
        // Nobody needs to agree to its own removal.
        let target = match op {
            Some(Operation::Del { peer, .. }) => Some(*peer),
            _ => None,
        };
        let silent = self.detector.silent();
        view.members.keys().all(|p| agreed.contains(p) || silent.contains(p) || target == Some(*p))
    }

    /// Does what a leader has to do, if this peer leads and there is something to do. Called
    /// whenever that may have changed.
    ///
    /// One thing often makes the next one possible, for a leader whose members are all dead as
    /// often as there were members. So what is called for from within is done in turn, not one
    /// inside the other: a thread's stack is small.
    pub(super) fn lead(&mut self, out: &mut Effects<Self>) {
        self.turns += 1;
        if self.turns > 1 {
            return;
        }
        loop {
            let before = self.turns;
            self.lead_once(out);
            if self.turns == before {
                break;
            }
        }
        self.turns = 0;
    }

    fn lead_once(&mut self, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        let view = member.view.clone();
        if self.acting(&view) != self.me() {
            return;
        }
        if self.says_no_majority(&view, out) {
            return;
        }
        let Phase::In(member) = &self.phase else { return };
        match member.leading.clone() {
            Leading::Free(right) => {
                if right.is_some_and(|right| self.ends_as_ordered(right, &view, out)) {
                    return;
                }
                let Some(op) = self.next_operation(&view) else { return };
                match right {
                    Some(request) => self.ask(request, op, out),
                    None => self.take_over(out),
                }
            }
            Leading::Taking { request, answers } => {
                let answered = answers.keys().copied().collect();
                if self.is_enough(&view, &answered, None) {
                    // The one with the highest number may have been agreed to already.
                    let pending = answers.into_values().flatten().max_by_key(|(under, _)| *under);
                    let op = pending.map(|(_, op)| op).or_else(|| self.next_operation(&view));
                    let op = op.filter(|op| view.after(op).is_some());
                    self.set_leading(Leading::Free(Some(request)));
                    if let Some(op) = op {
                        self.ask(request, op, out);
                    }
                }
            }
            Leading::Asking { op, agreed, .. } => {
                if self.is_enough(&view, &agreed, Some(&op))
                    && let Some(next) = view.after(&op)
                {
                    self.decide(&view, next, &op, out);
                }
            }
        }
    }

    /// With majorities: a side without one keeps its view and says so, once. Others may have made
    /// views since, so it also asks to be let in.
    fn says_no_majority(&mut self, view: &View, out: &mut Effects<Self>) -> bool {
        let alive = &view.ids() - self.detector.silent();
        let majority = self.setup.majority;
        let Some(member) = self.member() else { return false };
        let lacking = majority && alive.len() < view.majority();
        let news = lacking && member.lacking.is_none();
        member.lacking = lacking.then(|| member.lacking.unwrap_or_default());
        if news {
            out.push(Effect::Report(Fact::NoMajority { view: view.clone(), alive }));
            out.push(Effect::SetTimer(Timer::Retry, Self::about(self.setup.heartbeat)));
        }
        lacking
    }

    /// The dead first, then those who wait. None that no id is left for.
    fn next_operation(&self, view: &View) -> Option<Operation> {
        let dead = self.detector.silent().iter().find(|peer| view.members.contains_key(peer));
        let dead = dead.map(|peer| Operation::Del { peer: *peer, asked: false });
        let newcomers = self.waiting.iter();
        let newcomers = newcomers.map(|(peer, life, seen)| Operation::Add {
            peer: *peer,
            life: *life,
            seen: *seen,
        });
        dead.into_iter().chain(newcomers).find(|op| view.after(op).is_some())
    }

    fn set_leading(&mut self, leading: Leading) {
        if let Some(member) = self.member() {
            member.leading = leading;
        }
    }

    /// Asks all what is pending, under a number above all that were seen.
    pub(super) fn take_over(&mut self, out: &mut Effects<Self>) {
        let me = self.me();
        let Some(member) = self.member() else { return };
        let highest = member.promises.promised.map_or(0, |promised| promised.round);
        let request = RequestId { round: highest + 1, by: me };
        // A number that nobody reaches is refused here, before it is recorded.
        let promises = member.promises.promise(request).ok().filter(|_| request.round < MAX_ID);
        let Some(promises) = promises else { return };
        member.leading = Leading::Taking { request, answers: [(me, promises.pending)].into() };
        self.keep(promises, out);
        self.say_again(out);
        out.push(Effect::SetTimer(Timer::Nag, Self::about(self.setup.heartbeat / 2)));
        self.lead(out);
    }

    /// Asks all to agree. This peer agrees first.
    fn ask(&mut self, request: RequestId, op: Operation, out: &mut Effects<Self>) {
        let me = self.me();
        let Some(member) = self.member() else { return };
        let Ok(promises) = member.promises.agree(request, op) else {
            // Somebody else was faster; the next try begins above its number.
            member.leading = Leading::Free(None);
            return self.nag_later(out);
        };
        member.leading = Leading::Asking { request, op, agreed: [me].into() };
        self.keep(promises, out);
        self.say_again(out);
        self.nag_later(out);
        self.lead(out);
    }

    fn nag_later(&self, out: &mut Effects<Self>) {
        out.push(Effect::SetTimer(Timer::Nag, Self::about(self.setup.heartbeat / 2)));
    }

    /// Puts the open question to all who have not answered it.
    fn say_again(&self, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        let view_id = member.view.id;
        let (message, answered) = match &member.leading {
            Leading::Free(_) => return,
            Leading::Taking { request, answers } => {
                let op = Operation::Pending;
                let answered: BTreeSet<PeerId> = answers.keys().copied().collect();
                (Message::NewLeader { request: *request, view_id, op }, answered)
            }
            // Also the one who is held for dead: if it lives, there may be no majority without it.
            Leading::Asking { request, op, agreed } => {
                (Message::Req { request: *request, view_id, op: *op }, agreed.clone())
            }
        };
        for peer in member.view.members.keys() {
            if !answered.contains(peer) {
                out.push(Effect::Send(*peer, message.clone()));
            }
        }
    }

    /// The question is still open. Whoever does not answer may have missed the view as well.
    pub(super) fn nag(&mut self, out: &mut Effects<Self>) {
        let me = self.me();
        let Phase::In(member) = &self.phase else { return };
        if self.acting(&member.view) != me {
            // A leader that was held for dead is back.
            return self.set_leading(Leading::Free(None));
        }
        if matches!(member.leading, Leading::Free(_)) {
            return self.lead(out);
        }
        for peer in member.view.members.keys().filter(|peer| **peer != me) {
            out.push(Effect::Send(*peer, Message::new_view(&member.view)));
        }
        self.say_again(out);
        self.nag_later(out);
    }

    /// Enough have agreed.
    fn decide(&mut self, view: &View, next: View, op: &Operation, out: &mut Effects<Self>) {
        let mut told = &view.ids() | &next.ids();
        // The dead are not told; if one lives, its heartbeats will be answered.
        if let Operation::Del { peer, asked: false } = op {
            told.remove(peer);
        }
        told.remove(&self.me());
        // It is led by whoever leads now, also while the one in whose place that is is still in the
        // list. Who is let in lives, whatever became of its life before.
        let mut dead = self.detector.silent().clone();
        if let Operation::Add { peer, .. } = op {
            dead.remove(peer);
        }
        self.install(next.led_without(&dead), &told, out);
    }

    /// Somebody asks for agreement.
    pub(super) fn requested(
        &mut self,
        from: PeerId,
        request: RequestId,
        view_id: u64,
        op: Operation,
        out: &mut Effects<Self>,
    ) {
        let Some(member) = self.fellow(from, view_id, out) else { return };
        let answer = match member.promises.agree(request, op) {
            Ok(promises) => {
                self.keep(promises, out);
                Message::Ok { request, view_id }
            }
            Err(promised) => Message::Busy { request, view_id, promised },
        };
        out.push(Effect::Send(from, answer));
    }

    /// Somebody acts in the place of a leader.
    pub(super) fn new_leader(
        &mut self,
        from: PeerId,
        request: RequestId,
        view_id: u64,
        out: &mut Effects<Self>,
    ) {
        let Some(member) = self.fellow(from, view_id, out) else { return };
        let answer = match member.promises.promise(request) {
            Ok(promises) => {
                self.keep(promises, out);
                let (under, op) = match promises.pending {
                    Some((under, op)) => (Some(under), op),
                    None => (None, Operation::Nothing),
                };
                Message::Pending { request, view_id, op, under }
            }
            Err(promised) => Message::Busy { request, view_id, promised },
        };
        out.push(Effect::Send(from, answer));
    }

    /// This member, if the one who asks is a member too and both have the same view. One who is
    /// behind is sent the view instead; one who is ahead will send its own.
    fn fellow(
        &mut self,
        from: PeerId,
        view_id: u64,
        out: &mut Effects<Self>,
    ) -> Option<&mut Member> {
        let member = self.member()?;
        if view_id < member.view.id || !member.view.members.contains_key(&from) {
            out.push(Effect::Send(from, Message::new_view(&member.view)));
            return None;
        }
        (view_id == member.view.id).then_some(member)
    }

    /// An answer to a request.
    pub(super) fn agreed(
        &mut self,
        from: PeerId,
        request: RequestId,
        view_id: u64,
        out: &mut Effects<Self>,
    ) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let is_member = member.view.members.contains_key(&from);
        if let Leading::Asking { request: open, agreed, .. } = &mut member.leading
            && *open == request
            && is_member
        {
            agreed.insert(from);
            self.lead(out);
        }
    }

    /// An answer to a new leader.
    pub(super) fn pending(
        &mut self,
        from: PeerId,
        request: RequestId,
        view_id: u64,
        op: Operation,
        under: Option<RequestId>,
        out: &mut Effects<Self>,
    ) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let is_member = member.view.members.contains_key(&from);
        if let Leading::Taking { request: open, answers } = &mut member.leading
            && *open == request
            && is_member
        {
            answers.insert(from, under.map(|under| (under, op)));
            self.lead(out);
        }
    }

    /// A higher number is in the way. The next try comes when the timer fires, above that number;
    /// at once, two who lead would chase each other.
    pub(super) fn refused(&mut self, request: RequestId, view_id: u64, promised: RequestId) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let open = match &member.leading {
            Leading::Free(_) => None,
            Leading::Taking { request, .. } | Leading::Asking { request, .. } => Some(*request),
        };
        if open == Some(request) && promised > request {
            // Not recorded: it is another member's promise, and nothing was answered under it.
            member.promises.promised = member.promises.promised.max(Some(promised));
            member.leading = Leading::Free(None);
        }
    }

    /// The crash that is ordered for the first leader, once all hosts are in and it has the right
    /// to ask. True if it came.
    fn ends_as_ordered(
        &mut self,
        request: RequestId,
        view: &View,
        out: &mut Effects<Self>,
    ) -> bool {
        let me = self.me();
        let all = view.ids() == self.setup.hosts && view.members.len() > 1;
        if !self.setup.crash_as_leader || !self.is_first_line() || !all {
            return false;
        }
        let Some(highest) = view.members.keys().next_back().copied() else { return false };
        let next_leader = view.members.keys().nth(1).copied();
        let op = Operation::Del { peer: highest, asked: true };
        for peer in view.members.keys().filter(|p| **p != me && Some(**p) != next_leader) {
            out.push(Effect::Send(*peer, Message::Req { request, view_id: view.id, op }));
        }
        self.crash(out);
        true
    }
}
