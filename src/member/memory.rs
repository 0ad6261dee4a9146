//! What a member remembers over a crash, and how it goes on from there.
//!
//! With majorities the data directory *is* the member: it holds the incarnation, the last view and
//! what was promised in it. All of that is durable before anybody can know of it, so a process that
//! starts with the directory differs from one that was paused in nothing but what a leader was just
//! doing. That part is not remembered and need not be: a new first phase finds it. The argument is
//! in [the chapter](super).

use serde::{Deserialize, Serialize};

use super::join::Joining;
use super::lead::{Leading, Promises};
use super::message::RequestId;
use super::peer::{Fact, Member, Peer, Phase, Timer};
use super::view::{Incarnation, Operation, Reach, View};
use crate::process::{Effect, Effects};

/// What must survive a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// With majorities: the incarnation, once. Durable before the first `JOIN`: a newcomer that
    /// crashes may be a member by then, and must come back as that member.
    #[serde(rename = "life")]
    Incarnation(Incarnation),
    /// Without majorities: this peer has seen a view with this id. A first line that starts again
    /// while nobody answers founds above it.
    Seen(u64),
    /// With majorities: this peer has installed this view, or was removed by it. Nothing is
    /// promised in it yet.
    View(View),
    /// With majorities: what was promised in the view last recorded.
    Promise {
        /// Nothing below this number is agreed to.
        promised: RequestId,
        /// The pending operation, and by which request.
        pending: Option<(RequestId, Operation)>,
    },
}

impl Record {
    /// The record of a view.
    pub(super) fn of_view(view: &View, majority: bool) -> Self {
        if majority { Self::View(view.clone()) } else { Self::Seen(view.id) }
    }

    /// The record of these promises, if there are any.
    pub(super) fn of(promises: &Promises) -> Option<Self> {
        let pending = promises.pending;
        promises.promised.map(|promised| Self::Promise { promised, pending })
    }
}

impl Peer {
    /// Takes back a record.
    pub(super) fn recall(&mut self, record: Record) {
        match record {
            Record::Incarnation(incarnation) => self.kept_incarnation = Some(incarnation),
            Record::Seen(id) => {
                self.seen = self.seen.max(Some(id));
                self.leave();
            }
            Record::View(view) => {
                self.seen = self.seen.max(Some(view.id));
                self.asked_out = false;
                if self
                    .kept_incarnation
                    .is_some_and(|incarnation| view.holds(self.setup.me, incarnation))
                {
                    // The leader may have asked under round 0 already: that right is gone.
                    let (promises, leading) = (Promises::default(), Leading::Free(None));
                    let member = Member { view, promises, leading, lacking: None };
                    self.phase = Phase::In(Box::new(member));
                    self.newest = None;
                } else {
                    self.leave();
                    self.newest = Some(view);
                }
            }
            Record::Promise { promised, pending } => {
                let me = self.me();
                let goes = Operation::Del { peer: me, asked: true };
                self.asked_out = pending.is_some_and(|(_, op)| op == goes);
                if let Phase::In(member) = &mut self.phase {
                    member.promises = Promises { promised: Some(promised), pending };
                }
            }
        }
    }

    fn leave(&mut self) {
        self.phase = Phase::Joining(Joining::default());
        self.asked_out = false;
    }

    /// Why this record cannot follow those taken back so far, if that is so.
    pub(super) fn doubt(&self, record: &Record) -> Option<String> {
        let reach = Reach::ever();
        let falls = |id: u64, least: Option<u64>| {
            (Some(id) < least).then(|| format!("view id {id} is below an earlier one"))
        };
        match record {
            Record::Incarnation(_) => {
                self.kept_incarnation.is_some().then(|| "a second incarnation in one log".into())
            }
            Record::Seen(id) => reach.view_id(*id).or_else(|| falls(*id, self.seen)),
            Record::View(view) => {
                // A view that came twice would take back what was promised in it.
                let objection = view.objection(&self.setup.hosts, reach);
                objection.or_else(|| falls(view.id, self.seen.map(|seen| seen + 1)))
            }
            Record::Promise { promised, pending } => {
                let Phase::In(member) = &self.phase else {
                    return Some("a promise of one who is in no view".into());
                };
                let held = &member.promises;
                let under = pending.map(|(under, _)| under);
                let held_under = held.pending.map(|(under, _)| under);
                if Some(*promised) < held.promised || under < held_under {
                    return Some("a promise falls below an earlier one".into());
                }
                if under > Some(*promised) {
                    return Some("an operation is pending above what is promised".into());
                }
                let op = pending.and_then(|(_, op)| match op {
                    Operation::Pending | Operation::Nothing => Some("an operation is none".into()),
                    op => op.objection(&self.setup.hosts, reach),
                });
                op.or_else(|| reach.round(promised.round))
            }
        }
    }

    /// The records that build this state anew.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> =
            self.kept_incarnation.map(Record::Incarnation).into_iter().collect();
        let is_kept = |view: &View| {
            self.kept_incarnation.is_some_and(|incarnation| view.holds(self.me(), incarnation))
        };
        let (view, promises) = match &self.phase {
            Phase::In(member) if is_kept(&member.view) => {
                (Some(&member.view), Record::of(&member.promises))
            }
            _ => (self.newest.as_ref().filter(|_| self.setup.majority), None),
        };
        let recorded = view.map(|view| view.id);
        records.extend(view.cloned().map(Record::View));
        records.extend(promises);
        records.extend(self.seen.filter(|seen| Some(*seen) > recorded).map(Record::Seen));
        records
    }

    /// The first event: a member that remembers its view goes on from there, everybody else asks to
    /// be let in.
    pub(super) fn begin(&mut self, out: &mut Effects<Self>) {
        if !self.setup.majority {
            return self.join(None, out);
        }
        if let Some(incarnation) = self.kept_incarnation {
            self.setup.incarnation = incarnation;
        } else {
            self.kept_incarnation = Some(self.setup.incarnation);
            out.push(Effect::Persist(Record::Incarnation(self.setup.incarnation)));
        }
        match &self.phase {
            Phase::In(member) => self.resume(&member.view.clone(), out),
            Phase::Joining(_) | Phase::Out => self.join(None, out),
        }
    }

    /// Goes on as a member of this view. Nobody is considered dead before a silence of 2 T;
    /// those who have a newer view answer a stale heartbeat with it.
    fn resume(&mut self, view: &View, out: &mut Effects<Self>) {
        self.watch_others(view);
        out.push(Effect::Report(Fact::Resumed(view.clone())));
        self.order_crash(out);
        out.push(Effect::SetTimer(Timer::Check, self.detector.check_every().into()));
        self.beat(out);
    }
}
