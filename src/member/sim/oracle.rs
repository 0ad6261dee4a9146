//! What is known of one run of `member`, and what in it violates a property.
//!
//! It is kept from what members say, what was delivered to them and what they sent. Of the protocol
//! it takes only the shape of a view; which change needs whose agreement is computed anew
//! ([`super::votes`]).

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{MemberParameters, T};
use super::properties::{
    AGREED, CALLED_ONCE, GOES_ON, IDS_GROW, IN_ITS_VIEW, NAMED_DEAD, NO_FALSE_ALARM, ONE_LIST,
    PENDING_TOLD, SILENCE_FOUND, STAYS_OUT,
};
use super::tally::MemberTally;
use super::votes::{Violated, Votes};
use crate::member::{Fact, Incarnation, Message, Operation, Record, View};
use crate::process::PeerId;
use crate::sim::harness::{Scenario, Simulated, Violations};
use crate::sim::index;

/// How long a silence goes unseen at most: 2 T, two checks (after it has joined again, the first
/// one begins to count anew), and some time for clocks and flushes.
const FOUND_US: u64 = 28 * T / 10;
/// By how much the oracle's times and those of a member may differ.
const FLUSH_US: u64 = 40_000;

/// What is known of one peer.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Peer {
    pub(super) incarnation: Option<Incarnation>,
    pub(super) alive: bool,
    /// What it holds, while it is a member.
    pub(super) view: Option<View>,
    last_id: Option<u64>,
    /// The view that is the last one in its records, while it has not gone on from it.
    due: Option<View>,
    /// This incarnation has been a member.
    pub(super) was_in: bool,
    /// When each member of its view was last heard.
    heard: BTreeMap<PeerId, u64>,
    /// When it was paused the last time, from and until: then it counts silence anew.
    paused: u64,
    resumed: u64,
    /// Whom it has called unreachable since it last heard them.
    pub(super) called: BTreeSet<PeerId>,
    /// Another incarnation of these has asked to be let in, since they were last heard.
    reborn: BTreeSet<PeerId>,
    /// Called so a moment ago, and not silent for long enough: the next view must lack them.
    doubts: Vec<PeerId>,
    /// Those of the step before: in this one it is certain that no crash has cut that one short.
    late_doubts: Vec<PeerId>,
    /// It was asked to agree to its removal.
    pub(super) asked_out: bool,
    /// It was removed on request.
    pub(super) out: bool,
}

/// What is durable at one peer.
#[derive(Clone, Debug, Default)]
struct Kept {
    incarnation: Option<Incarnation>,
    view: Option<View>,
}

/// What is known of one run.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Oracle {
    pub(super) violations: Violations,
    pub(super) tally: MemberTally,
    pub(super) peers: Vec<Peer>,
    /// What the records of each peer say.
    kept: Vec<Kept>,
    /// The view of every id.
    pub(super) views: BTreeMap<u64, View>,
    votes: Votes,
    majority: bool,
    /// Agreement is promised.
    agrees: bool,
    /// Nothing goes wrong.
    calm: bool,
    memory: bool,
    drift: u64,
}

impl Oracle {
    pub(super) fn new(
        run: &Scenario<impl Simulated<Parameters = MemberParameters>>,
        memory: bool,
    ) -> Self {
        Self {
            violations: Violations::new(run.only),
            tally: MemberTally::default(),
            peers: vec![Peer::default(); run.peers.into()],
            kept: vec![Kept::default(); run.peers.into()],
            views: BTreeMap::new(),
            votes: Votes::default(),
            majority: run.parameters.majority,
            agrees: run.parameters.majority || run.world != "heavy",
            calm: ["none", "jitter"].contains(&run.world),
            memory,
            drift: run.faults.drift.into(),
        }
    }

    pub(super) fn of(&self, peer: PeerId) -> &Peer {
        &self.peers[index(peer)]
    }

    /// True if some living member calls a living one unreachable: that is a failure, too.
    pub(super) fn has_false_alarm(&self) -> bool {
        let living = self.peers.iter().filter(|peer| peer.alive);
        living.flat_map(|peer| &peer.called).any(|called| self.of(*called).alive)
    }

    /// True if this incarnation of this peer is alive.
    pub(super) fn is_alive(&self, peer: PeerId, incarnation: Incarnation) -> bool {
        let of = self.of(peer);
        of.alive && of.incarnation == Some(incarnation)
    }

    /// A process begins, which is `incarnation` unless its records say that it is an earlier one.
    pub(super) fn started(&mut self, peer: PeerId, incarnation: Incarnation) {
        let kept = self.kept[index(peer)].clone();
        let goes_on = self.memory && self.majority;
        let incarnation = kept.incarnation.filter(|_| goes_on).unwrap_or(incarnation);
        let due = kept.view.filter(|view| goes_on && view.holds(peer, incarnation));
        let of = &mut self.peers[index(peer)];
        let last_id = of.last_id.filter(|_| self.memory);
        *of = Peer { incarnation: Some(incarnation), alive: true, last_id, due, ..Peer::default() };
        if !goes_on {
            self.votes.forget(peer);
        }
    }

    /// This record of the peer is durable.
    pub(super) fn durable(&mut self, peer: PeerId, record: &Record) {
        let kept = &mut self.kept[index(peer)];
        match record {
            // A memory is one member forever.
            Record::Incarnation(incarnation) => _ = kept.incarnation.get_or_insert(*incarnation),
            Record::View(view) => {
                kept.view = Some(view.clone());
                // It holds even if a crash keeps the one who made it from telling.
                self.known(peer, view);
            }
            // It holds even if a crash keeps the one who asks from asking anybody but itself.
            Record::Promise { pending: Some((request, op)), .. } if request.by == peer => {
                let view = kept.view.as_ref().map_or(0, |view| view.id);
                let incarnation = self.of(peer).incarnation;
                let violated = self.votes.asked(peer, incarnation, view, *request, *op);
                self.blame(peer, violated);
            }
            Record::Seen(_) | Record::Promise { .. } => {}
        }
    }

    pub(super) fn died(&mut self, peer: PeerId) {
        let of = &mut self.peers[index(peer)];
        (of.alive, of.view) = (false, None);
        (of.doubts, of.late_doubts) = <_>::default();
    }

    /// It is paused from now on.
    pub(super) fn paused(&mut self, now: u64, peer: PeerId) {
        self.peers[index(peer)].paused = now;
    }

    /// It was paused: its own detector begins anew, so the others get their time again.
    pub(super) fn resumed(&mut self, now: u64, peer: PeerId) {
        self.peers[index(peer)].resumed = now;
    }

    pub(super) fn received(&mut self, now: u64, peer: PeerId, from: PeerId, message: &Message) {
        match message {
            Message::Heartbeat { view_id, .. } => {
                let of = &mut self.peers[index(peer)];
                let current = of.view.as_ref().is_some_and(|view| *view_id >= view.id);
                if let Some(heard) = of.heard.get_mut(&from).filter(|_| current) {
                    *heard = now;
                    of.called.remove(&from);
                    of.reborn.remove(&from);
                }
            }
            Message::Join { incarnation, .. } => {
                let of = &mut self.peers[index(peer)];
                let members = of.view.as_ref().map(|view| &view.members);
                if members.and_then(|m| m.get(&from)).is_some_and(|member| member != incarnation) {
                    of.reborn.insert(from);
                }
            }
            Message::Req { op: Operation::Del { peer: target, asked: true }, .. } => {
                self.peers[index(peer)].asked_out |= *target == peer;
            }
            Message::Pending { request, view_id, op, under } => {
                // With its own vote, that is a majority.
                let half =
                    self.views.get(view_id).map_or(usize::MAX, |view| view.members.len() / 2);
                let enough = if self.majority { half } else { usize::MAX };
                let told = under.map(|under| (under, *op));
                self.votes.answered(peer, from, (*view_id, *request), told, enough);
            }
            _ => {}
        }
    }

    pub(super) fn sent(&mut self, peer: PeerId, message: &Message) {
        let incarnation = self.of(peer).incarnation;
        let violated = match message {
            Message::Req { request, view_id, op } => {
                self.votes.asked(peer, incarnation, *view_id, *request, *op)
            }
            Message::Ok { request, view_id } => {
                self.votes.agreed(peer, incarnation, *view_id, *request)
            }
            Message::NewLeader { request, view_id, .. } => {
                self.votes.leads(peer, *view_id, *request);
                None
            }
            Message::Pending { request, view_id, op, under } => {
                let told = under.map(|under| (under, *op));
                self.votes.told(peer, *view_id, *request, told)
            }
            Message::NewView { view, .. } => {
                self.known(peer, view);
                None
            }
            _ => None,
        };
        self.blame(peer, violated);
    }

    /// Where agreement is not promised, two views may have one id, and what is pending in them
    /// cannot be told apart.
    fn blame(&mut self, peer: PeerId, violated: Violated) {
        if let Some((property, how)) = violated.filter(|(p, _)| self.agrees || *p != PENDING_TOLD) {
            self.violations.add(property, || format!("{peer} {how}"));
        }
    }

    /// This view becomes known, by this peer.
    fn known(&mut self, by: PeerId, view: &View) {
        if let Some(first) = self.views.get(&view.id) {
            if self.agrees && first != view {
                let (id, first) = (view.id, text(first));
                self.violations.add(ONE_LIST, || {
                    format!("view {id} is {first}, and {} says {by}", text(view))
                });
            }
            return;
        }
        let before = self.views.range(..view.id).next_back().map(|(_, before)| before);
        // Nobody need agree to its own removal.
        let called = &self.peers[index(by)].called;
        let free = |peer: PeerId| {
            !self.majority && (called.contains(&peer) || !view.members.contains_key(&peer))
        };
        let agreed = match before {
            None => view.members.len() == 1,
            Some(before) => {
                let all = before.members.len();
                let needed = if self.majority { all / 2 + 1 } else { all };
                self.votes.has_agreed(by, before, view, needed, &free)
            }
        };
        if self.agrees && !agreed {
            let before =
                before.map_or("nothing".into(), |view| format!("{} {}", view.id, text(view)));
            self.violations.add(AGREED, || {
                format!("{by} makes view {} {} of {before}, unagreed", view.id, text(view))
            });
        }
        self.views.insert(view.id, view.clone());
    }

    pub(super) fn reported(&mut self, now: u64, peer: PeerId, fact: &Fact) {
        let due = self.peers[index(peer)].due.take();
        let resumed = if let Fact::Resumed(view) = fact { Some(view) } else { None };
        if due.as_ref() != resumed {
            let text = |view: Option<&View>| {
                view.map_or("none".into(), |view| format!("{} {}", view.id, text(view)))
            };
            let (due, resumed) = (text(due.as_ref()), text(resumed));
            self.violations.add(GOES_ON, || {
                format!("{peer} has recorded view {due}, and starts again with {resumed}")
            });
        }
        match fact {
            Fact::Resumed(view) => {
                self.known(peer, view);
                self.resumes(now, peer, view);
            }
            Fact::Installed(view) => {
                self.known(peer, view);
                self.installs(now, peer, view);
            }
            Fact::Unreachable { peer: dead, view } => self.calls(now, peer, *dead, view),
            Fact::Removed { view_id } => {
                self.tally.removed += 1;
                let of = &mut self.peers[index(peer)];
                of.view = None;
                if of.asked_out {
                    self.violations.add(STAYS_OUT, || {
                        format!(
                            "{peer} was asked to go, view {view_id} lets it, and it joins again"
                        )
                    });
                }
            }
            Fact::Left { .. } => {
                let of = &mut self.peers[index(peer)];
                (of.view, of.out) = (None, true);
            }
            Fact::Crashing(_) | Fact::NoMajority { .. } | Fact::Waiting | Fact::LastId { .. } => {}
        }
    }

    /// It goes on as the member that it was; it may have said nothing of its last view before.
    fn resumes(&mut self, now: u64, peer: PeerId, view: &View) {
        self.tally.resumed += 1;
        let of = &mut self.peers[index(peer)];
        let id = view.id;
        if let Some(before) = of.last_id.filter(|before| *before > id) {
            self.violations.add(IDS_GROW, || format!("{peer} is back in {id} after {before}"));
        }
        of.last_id = of.last_id.max(Some(id));
        of.was_in = true;
        of.view = Some(view.clone());
        let others = view.members.keys().filter(|other| **other != peer);
        of.heard = others.map(|other| (*other, now)).collect();
    }

    fn installs(&mut self, now: u64, peer: PeerId, view: &View) {
        self.tally.installed += 1;
        let of = &mut self.peers[index(peer)];
        let id = view.id;
        let last_id = of.last_id.max(Some(id));
        let before = std::mem::replace(&mut of.last_id, last_id);
        let violations = &mut self.violations;
        if before >= Some(id) {
            let before = before.unwrap_or(0);
            violations.add(IDS_GROW, || format!("{peer} installs view {id} after view {before}"));
        }
        if !of.incarnation.is_some_and(|incarnation| view.holds(peer, incarnation)) {
            violations.add(IN_ITS_VIEW, || {
                format!("{peer} installs view {id}, and its present incarnation is not in it")
            });
        }
        if of.out {
            violations.add(STAYS_OUT, || format!("{peer} was asked to go, and is in view {id}"));
        }
        of.was_in = true;
        let old = of.view.replace(view.clone());
        for gone in old.iter().flat_map(|old| old.members.keys()) {
            let is_gone = !view.members.contains_key(gone) && !view.left.contains(gone);
            if is_gone && !of.called.contains(gone) {
                violations.add(NAMED_DEAD, || {
                    format!("{peer} installs view {id} without {gone}, and never said why")
                });
            }
        }
        // A member that would lead the next view and does not is known to be dead from that.
        of.doubts.retain(|doubted| view.members.contains_key(doubted) && *doubted >= view.leader);
        if old.is_none() {
            (of.heard, of.called) = <_>::default();
        }
        of.heard.retain(|other, _| view.members.contains_key(other));
        of.called.retain(|other| view.members.contains_key(other));
        for other in view.members.keys().filter(|other| **other != peer) {
            of.heard.entry(*other).or_insert(now);
        }
    }

    fn calls(&mut self, now: u64, peer: PeerId, dead: PeerId, view: &View) {
        self.tally.alarms += 1;
        let alive =
            view.members.get(&dead).is_some_and(|incarnation| self.is_alive(dead, *incarnation));
        let of = &mut self.peers[index(peer)];
        let violations = &mut self.violations;
        if !of.called.insert(dead) {
            violations.add(CALLED_ONCE, || format!("{peer} calls {dead} unreachable again"));
        }
        if self.calm {
            violations.add(NO_FALSE_ALARM, || {
                format!("{peer} calls {dead} unreachable where nothing goes wrong")
            });
        }
        let heard = of.heard.get(&dead).copied().unwrap_or(now);
        // What waited for a flush while it was paused had happened before.
        let late = (of.resumed..of.resumed + FLUSH_US).contains(&heard);
        let silence = now - if late { of.paused.min(heard) } else { heard };
        let least = 2 * T - 2 * T / 1_000_000 * self.drift - FLUSH_US;
        // Such a message of an earlier incarnation may be late, and is believed all the same.
        if alive && silence < least && !of.reborn.contains(&dead) {
            of.doubts.push(dead);
        }
    }

    /// A step has been taken.
    pub(super) fn stepped(&mut self, now: u64, peer: PeerId) {
        let of = &mut self.peers[index(peer)];
        let doubts = std::mem::take(&mut of.doubts);
        if let Some(doubted) = std::mem::replace(&mut of.late_doubts, doubts).pop() {
            self.violations.add(NO_FALSE_ALARM, || {
                format!("{peer} calls {doubted} unreachable, which it has heard")
            });
        }
        if of.view.is_none() {
            return;
        }
        let resumed = of.resumed;
        let silent = of.heard.iter().find(|(other, heard)| {
            now - resumed.max(**heard) > FOUND_US && !of.called.contains(other)
        });
        if let Some((silent, heard)) = silent.map(|(silent, heard)| (*silent, *heard)) {
            let ms = (now - heard) / 1000;
            self.violations.add(SILENCE_FOUND, || {
                format!("{peer} has not heard {silent} for {ms} ms, and does not notice")
            });
        }
    }
}

/// A list with its incarnations.
pub(super) fn text(view: &View) -> String {
    let members: Vec<String> = view
        .members
        .iter()
        .map(|(peer, incarnation)| format!("{}.{}", peer.0, incarnation.0))
        .collect();
    format!("[{}]", members.join(","))
}
