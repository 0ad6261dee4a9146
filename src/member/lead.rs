//! Changing views: the one who asks and those who are asked.
//!
//! Within one view this is Paxos. A request's number is a ballot; [`Promises`] is an acceptor's
//! state; `NEWLEADER` is the first phase and `REQ` the second. What differs is how many must agree:
//! [`Peer::is_enough`].

use std::collections::{BTreeMap, BTreeSet};

use super::memory::Record;
use super::message::{Message, RequestId};
use super::peer::{Fact, Member, Peer, Phase, Timer};
use super::view::{MAX_ID, Operation, View};
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
    /// With this number promised; or the higher number that was promised.
    fn promise(self, request: RequestId) -> Result<Self, RequestId> {
        match self.promised {
            Some(promised) if promised > request => Err(promised),
            _ => Ok(Self { promised: Some(request), ..self }),
        }
    }

    /// With this operation pending by this request; or the higher number that was promised.
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
    /// A higher number was promised: nothing, until [`Timer::Retransmit`] fires. At once, two who
    /// lead would duel.
    Resting,
    /// Asks what is pending.
    Taking { request: RequestId, answers: BTreeMap<PeerId, Option<(RequestId, Operation)>> },
    /// Asks for agreement.
    Asking { request: RequestId, op: Operation, agreed: BTreeSet<PeerId> },
}

/// A step of the one who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LeaderStep {
    /// Its majority is gone, or is back.
    Majority { lacking: bool },
    /// To crash, as it was ordered to.
    CrashAsOrdered { request: RequestId },
    /// To ask what is pending.
    TakeOver { request: RequestId },
    /// To ask for agreement to this operation. Without one there is nothing to do yet, and it may
    /// ask under this number later.
    Ask { request: RequestId, op: Option<Operation> },
    /// Enough have agreed to this operation, so this is the next view.
    Decide { next: View, op: Operation },
}

impl Leading {
    /// At the start of a view. Its lowest member alone may ask under round 0, so nobody can have
    /// been before it, and it needs no first phase. It has that right once. A peer that leads in
    /// its place has no such right: two who finished the same operation may both be named.
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

    /// Promises this from now on. The caller pushes what tells others of it afterwards.
    ///
    /// With majorities it is durable before anybody is told: an acceptor that starts again and has
    /// forgotten a promise could agree to a second operation of the same view. The one who asks is
    /// an acceptor too, and its own agreement counts; so its record stands before its question, and
    /// after a restart it never asks anything else under the same number.
    fn keep(&mut self, promises: Promises, out: &mut Effects<Self>) {
        let recorded = self.setup.majority;
        let Some(member) = self.member() else { return };
        assert!(promises.promised >= member.promises.promised, "a promise never falls");
        let pending = promises.pending.map(|(under, _)| under);
        assert!(pending <= promises.promised, "what is pending was promised");
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

    /// The step that is due: what the one who leads has to do next, if this peer does.
    ///
    /// The threads of connections only count answers; the process's own thread takes the steps.
    pub(super) fn next_step(&self) -> Option<LeaderStep> {
        let Phase::In(member) = &self.phase else { return None };
        let view = &member.view;
        if self.acting(view) != self.me() {
            return None;
        }
        let lacking = self.lacks_majority(view);
        if lacking != member.lacking.is_some() {
            return Some(LeaderStep::Majority { lacking });
        }
        if lacking {
            return None;
        }
        match &member.leading {
            Leading::Free(Some(right)) if self.is_ordered_to_crash(view) => {
                Some(LeaderStep::CrashAsOrdered { request: *right })
            }
            Leading::Free(Some(right)) => {
                let op = Some(self.next_operation(view)?);
                Some(LeaderStep::Ask { request: *right, op })
            }
            Leading::Free(None) => {
                // What is pending may have been agreed to, and the peer that asked may not come
                // back.
                let wanted = member.promises.pending.is_some();
                let wanted = wanted || self.next_operation(view).is_some();
                self.next_request()
                    .filter(|_| wanted)
                    .map(|request| LeaderStep::TakeOver { request })
            }
            Leading::Resting => None,
            Leading::Taking { request, answers } => {
                let answered = answers.keys().copied().collect();
                let enough = self.is_enough(view, &answered, None);
                enough.then(|| {
                    // The one with the highest number may have been agreed to already.
                    let pending = answers.values().flatten().max_by_key(|(under, _)| *under);
                    let op = pending.map(|(_, op)| *op).or_else(|| self.next_operation(view));
                    let op = op.filter(|op| view.after(op).is_some());
                    LeaderStep::Ask { request: *request, op }
                })
            }
            Leading::Asking { op, agreed, .. } => {
                // A peer that has seen a higher view than the next one does not make it.
                let next = view.after(op).filter(|next| Some(next.id) >= self.seen)?;
                let enough = self.is_enough(view, agreed, Some(op));
                enough.then_some(LeaderStep::Decide { next, op: *op })
            }
        }
    }

    /// Takes that step.
    pub(super) fn take(&mut self, step: LeaderStep, out: &mut Effects<Self>) {
        assert!(self.view().is_some(), "only a member leads");
        match step {
            LeaderStep::Majority { lacking } => self.says_majority(lacking, out),
            LeaderStep::CrashAsOrdered { request } => self.crash_as_ordered(request, out),
            LeaderStep::TakeOver { request } => self.take_over(request, out),
            LeaderStep::Ask { request, op: Some(op) } => self.ask(request, op, out),
            LeaderStep::Ask { request, op: None } => {
                self.set_leading(Leading::Free(Some(request)));
            }
            LeaderStep::Decide { next, op } => self.decide(next, &op, out),
        }
    }

    fn lacks_majority(&self, view: &View) -> bool {
        let alive = view.members.keys().filter(|peer| !self.detector.silent().contains(peer));
        self.setup.majority && alive.count() < view.majority()
    }

    /// With majorities: a side without one keeps its view and says so, once. Others may have made
    /// views since, so it also asks to be let in.
    fn says_majority(&mut self, lacking: bool, out: &mut Effects<Self>) {
        let silent = self.detector.silent().clone();
        let Some(member) = self.member() else { return };
        member.lacking = lacking.then_some(0);
        if lacking {
            let (view, alive) = (member.view.clone(), &member.view.ids() - &silent);
            out.push(Effect::Report(Fact::NoMajority { view, alive }));
            out.push(Effect::SetTimer(Timer::Retry, Self::about(self.setup.heartbeat)));
        }
    }

    /// The dead first, then those who wait. None that no id is left for.
    fn next_operation(&self, view: &View) -> Option<Operation> {
        let dead = self.detector.silent().iter().find(|peer| view.members.contains_key(peer));
        let dead = dead.map(|peer| Operation::Del { peer: *peer, asked: false });
        let newcomers = self.waiting.iter();
        let newcomers = newcomers.map(|(peer, incarnation, seen)| Operation::Add {
            peer: *peer,
            incarnation: *incarnation,
            seen: *seen,
        });
        dead.into_iter().chain(newcomers).find(|op| view.after(op).is_some())
    }

    fn set_leading(&mut self, leading: Leading) {
        if let Some(member) = self.member() {
            member.leading = leading;
        }
    }

    /// A number above all that were seen, to take over with. None once they are used up: one that
    /// nobody reaches is not even recorded.
    fn next_request(&self) -> Option<RequestId> {
        let Phase::In(member) = &self.phase else { return None };
        let highest = member.promises.promised.map_or(0, |promised| promised.round);
        let request = RequestId { round: highest + 1, by: self.me() };
        (request.round < MAX_ID && member.promises.promise(request).is_ok()).then_some(request)
    }

    /// Asks all what is pending.
    fn take_over(&mut self, request: RequestId, out: &mut Effects<Self>) {
        let me = self.me();
        let Some(member) = self.member() else { return };
        assert!(matches!(member.leading, Leading::Free(None)), "it asks one question at a time");
        let Ok(promises) = member.promises.promise(request) else { return };
        member.leading = Leading::Taking { request, answers: [(me, promises.pending)].into() };
        self.keep(promises, out);
        self.send_question(out);
        self.retransmit_later(out);
    }

    /// Asks all to agree. This peer agrees first.
    fn ask(&mut self, request: RequestId, op: Operation, out: &mut Effects<Self>) {
        let me = self.me();
        let Some(member) = self.member() else { return };
        let Ok(promises) = member.promises.agree(request, op) else {
            // Somebody else was faster; the next try begins above its number.
            member.leading = Leading::Resting;
            return self.retransmit_later(out);
        };
        assert!(member.view.after(&op).is_some(), "what is asked for can be done");
        member.leading = Leading::Asking { request, op, agreed: [me].into() };
        self.keep(promises, out);
        self.send_question(out);
        self.retransmit_later(out);
    }

    fn retransmit_later(&self, out: &mut Effects<Self>) {
        out.push(Effect::SetTimer(Timer::Retransmit, Self::about(self.setup.heartbeat / 2)));
    }

    /// Puts the open question to all who have not answered it.
    fn send_question(&self, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        let view_id = member.view.id;
        let (message, answered) = match &member.leading {
            Leading::Free(_) | Leading::Resting => return,
            Leading::Taking { request, answers } => {
                let op = Operation::Pending;
                let answered: BTreeSet<PeerId> = answers.keys().copied().collect();
                (Message::NewLeader { request: *request, view_id, op }, answered)
            }
            // Also the one who is considered dead: if it lives, it may be needed for a majority.
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

    /// The question is still open. A peer that does not answer may have missed the view as well.
    pub(super) fn retransmit(&mut self, out: &mut Effects<Self>) {
        let me = self.me();
        let Phase::In(member) = &self.phase else { return };
        if self.acting(&member.view) != me {
            // A leader that was considered dead is back.
            return self.set_leading(Leading::Free(None));
        }
        match member.leading {
            Leading::Free(_) => return,
            Leading::Resting => return self.set_leading(Leading::Free(None)),
            Leading::Taking { .. } | Leading::Asking { .. } => {}
        }
        for peer in member.view.members.keys().filter(|peer| **peer != me) {
            out.push(Effect::Send(*peer, Message::new_view(&member.view)));
        }
        self.send_question(out);
        self.retransmit_later(out);
    }

    /// Enough have agreed.
    fn decide(&mut self, next: View, op: &Operation, out: &mut Effects<Self>) {
        let Some(view) = self.view() else { return };
        assert!(next.id > view.id, "view ids rise");
        assert!(view.members.contains_key(&self.setup.me), "only members change a view");
        let mut told = &view.ids() | &next.ids();
        // The dead are not told; if one lives, its heartbeats will be answered.
        if let Operation::Del { peer, asked: false } = op {
            told.remove(peer);
        }
        told.remove(&self.me());
        // It is led by whoever leads now, also while the one in whose place that is is still in the
        // list. Who is let in lives, whatever became of its incarnation before.
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
    pub(super) fn agreed(&mut self, from: PeerId, request: RequestId, view_id: u64) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let is_member = member.view.members.contains_key(&from);
        if let Leading::Asking { request: open, agreed, .. } = &mut member.leading
            && *open == request
            && is_member
        {
            agreed.insert(from);
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
    ) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let is_member = member.view.members.contains_key(&from);
        if let Leading::Taking { request: open, answers } = &mut member.leading
            && *open == request
            && is_member
        {
            answers.insert(from, under.map(|under| (under, op)));
        }
    }

    /// A higher number was promised. The next try comes when the timer fires, above that number; at
    /// once, two who lead would duel.
    pub(super) fn refused(&mut self, request: RequestId, view_id: u64, promised: RequestId) {
        let Some(member) = self.member().filter(|member| member.view.id == view_id) else { return };
        let open = match &member.leading {
            Leading::Free(_) | Leading::Resting => None,
            Leading::Taking { request, .. } | Leading::Asking { request, .. } => Some(*request),
        };
        if open == Some(request) && promised > request {
            // Not recorded: it is another member's promise, and nothing was answered under it.
            member.promises.promised = member.promises.promised.max(Some(promised));
            member.leading = Leading::Resting;
        }
    }

    /// True if this is the first leader, all hosts are in, and it is to crash then.
    fn is_ordered_to_crash(&self, view: &View) -> bool {
        let all = view.ids() == self.setup.hosts && view.members.len() > 1;
        self.setup.crash_as_leader && self.is_first_line() && all
    }

    /// Asks all but the next leader to agree to the removal of the highest member, and crashes.
    fn crash_as_ordered(&mut self, request: RequestId, out: &mut Effects<Self>) {
        let (me, Some(view)) = (self.me(), self.view()) else { return };
        let Some(highest) = view.members.keys().next_back().copied() else { return };
        let next_leader = view.members.keys().nth(1).copied();
        let op = Operation::Del { peer: highest, asked: true };
        for peer in view.members.keys().filter(|p| **p != me && Some(**p) != next_leader) {
            out.push(Effect::Send(*peer, Message::Req { request, view_id: view.id, op }));
        }
        self.crash(out);
    }
}
