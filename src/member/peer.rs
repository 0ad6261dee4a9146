//! One peer of the group, as a [`Process`]: its state, and what each event does to it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::detector::Detector;
use super::join::Joining;
use super::lead::{Leading, Promises};
use super::memory::Record;
use super::message::Message;
use super::view::{Incarnation, Operation, Reach, View};
use crate::process::{Delay, Effect, Effects, NoInput, PeerId, Process};

/// A view changes soon after it came: then heartbeats follow after this part of a period.
const SOON: u32 = 8;

/// What a peer knows from its command line and hostsfile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// This peer.
    pub me: PeerId,
    /// No other incarnation of this peer has this number.
    pub incarnation: Incarnation,
    /// All peers of the hostsfile; the lowest is its first line.
    pub hosts: BTreeSet<PeerId>,
    /// The hostsfile's fingerprint.
    pub group: u64,
    /// T: from one heartbeat to the next.
    pub heartbeat: Duration,
    /// Crash this long after the first `JOIN`.
    pub crash_after: Option<Duration>,
    /// As the first leader, once all hosts have joined: ask for the removal of the highest, tell
    /// everyone but the next leader, and crash.
    pub crash_as_leader: bool,
    /// A new view needs a majority of the one before.
    pub majority: bool,
}

/// The timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The next heartbeat is due.
    Heartbeat,
    /// The detector is to be checked.
    Check,
    /// Ask to be let in, again.
    Retry,
    /// Nobody has answered: found a view, if this is the first line.
    Found,
    /// Ask those again who have not answered the leader.
    Retransmit,
    /// The crash that was ordered.
    Crash,
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// This view holds from now on.
    Installed(View),
    /// This process starts as a member of this view: an earlier one had installed it, and all that
    /// it agreed to is remembered.
    Resumed(View),
    /// That peer, of this view, was silent for too long, or is known to be dead.
    Unreachable {
        /// Who.
        peer: PeerId,
        /// Of which view.
        view: View,
    },
    /// The crash that was ordered; the view is absent before the first.
    Crashing(Option<View>),
    /// The view stays, because fewer than a majority of it are alive.
    NoMajority {
        /// The view.
        view: View,
        /// Those who are alive.
        alive: BTreeSet<PeerId>,
    },
    /// Removed by others, who considered this peer dead: it joins again.
    Removed {
        /// The view without it.
        view_id: u64,
    },
    /// Removed on request: it stays out.
    Left {
        /// The view without it.
        view_id: u64,
    },
    /// Joining, and nobody has let it in for a while.
    Waiting,
    /// The view that was just installed has the last id, so none can follow it.
    LastId {
        /// That id.
        view_id: u64,
    },
}

/// What a peer does at the moment.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// It wants in.
    Joining(Joining),
    /// It is a member.
    In(Box<Member>),
    /// It was removed on request, for good.
    Out,
}

/// The state of a member, which belongs to its view.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) view: View,
    /// As one who is asked.
    pub(super) promises: Promises,
    /// As the one who asks.
    pub(super) leading: Leading,
    /// No majority of the view is alive, which was said; and how often this peer has asked around
    /// since.
    pub(super) lacking: Option<usize>,
}

/// One peer of the group.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) setup: Setup,
    pub(super) now: Duration,
    pub(super) phase: Phase,
    pub(super) detector: Detector,
    /// The incarnation in its records, if one is.
    pub(super) kept_incarnation: Option<Incarnation>,
    /// The highest view id that it has seen.
    pub(super) seen: Option<u64>,
    /// The highest view that it was told of without being in it.
    pub(super) newest: Option<View>,
    /// It was asked to agree to its own removal.
    pub(super) asked_out: bool,
    /// Those who wait to be let in, in the order in which they came.
    pub(super) waiting: Vec<(PeerId, Incarnation, Option<u64>)>,
    /// When the next heartbeat goes out.
    pub(super) next_beat: Duration,
    pub(super) crash_is_set: bool,
}

impl Peer {
    /// A peer that has not started yet.
    pub fn new(setup: Setup) -> Self {
        let detector = Detector::new(setup.heartbeat);
        Self {
            setup,
            now: Duration::ZERO,
            phase: Phase::Joining(Joining::default()),
            detector,
            kept_incarnation: None,
            seen: None,
            newest: None,
            asked_out: false,
            waiting: Vec::new(),
            next_beat: Duration::MAX,
            crash_is_set: false,
        }
    }

    /// The view, while this peer is a member.
    pub fn view(&self) -> Option<&View> {
        match &self.phase {
            Phase::In(member) => Some(&member.view),
            Phase::Joining(_) | Phase::Out => None,
        }
    }

    /// True once it was removed on request.
    pub fn is_out(&self) -> bool {
        matches!(self.phase, Phase::Out)
    }

    pub(super) fn me(&self) -> PeerId {
        self.setup.me
    }

    pub(super) fn is_first_line(&self) -> bool {
        self.setup.hosts.first() == Some(&self.setup.me)
    }

    /// Takes a view that is higher than the present one.
    pub(super) fn take_view(&mut self, view: View, out: &mut Effects<Self>) {
        self.install(view, &BTreeSet::new(), out);
    }

    /// The same, and tells these of it. Nothing else changes a view.
    pub(super) fn install(&mut self, view: View, told: &BTreeSet<PeerId>, out: &mut Effects<Self>) {
        let (me, majority) = (self.me(), self.setup.majority);
        // While joining, also the present incarnation must be in: views list those before it.
        let known = self.view().map(|view| view.id);
        let is_in = view.holds(me, self.setup.incarnation);
        if known.is_some_and(|known| view.id <= known) || (known.is_none() && !is_in) {
            return;
        }
        // With majorities an id has one view, so one that was seen without this peer never has it.
        // And a view is entered once: a second time, its promises would be forgotten.
        let lowest = self.seen.map_or(0, |seen| seen + u64::from(known.is_none() && majority));
        if view.id < lowest || self.is_out() {
            return;
        }
        assert!(Some(view.id) >= self.seen, "the highest id seen never falls");
        assert!(view.members.contains_key(&view.leader), "a view is led by a member");
        self.seen = Some(view.id);
        // Recorded before it is told or acted on, and told before the next change begins. From here
        // on nothing is answered in the view before, so the record may take the place of what was
        // promised there.
        out.push(Effect::Persist(Record::of_view(&view, majority)));
        let message = Message::new_view(&view);
        out.extend(told.iter().map(|peer| Effect::Send(*peer, message.clone())));
        if !is_in {
            return self.was_removed(&view, out);
        }
        assert!(
            view.holds(me, self.setup.incarnation),
            "a member is in its view, in this incarnation"
        );
        self.tell_deaths(&view, out);
        self.watch_others(&view);
        self.waiting.retain(|(peer, incarnation, _)| !view.holds(*peer, *incarnation));
        if known.is_none() {
            out.push(Effect::SetTimer(Timer::Check, self.detector.check_every().into()));
            self.next_beat = Duration::MAX;
        }
        let view_id = view.id;
        let last = view.is_last().then_some(Effect::Report(Fact::LastId { view_id }));
        out.push(Effect::Report(Fact::Installed(view.clone())));
        out.extend(last);
        let leading = Leading::at_first(&view, me);
        let promises = Promises::default();
        self.phase = Phase::In(Box::new(Member { view, promises, leading, lacking: None }));
        self.beat_soon(out);
    }

    pub(super) fn watch_others(&mut self, view: &View) {
        let mut others = view.ids();
        others.remove(&self.setup.me);
        self.detector.watch(&others, self.now);
    }

    /// A member of the old view that is not in the new one is dead, unless it left on request; and
    /// so is one that would lead the new one and does not. Here it may not have been silent for
    /// long enough yet.
    fn tell_deaths(&mut self, next: &View, out: &mut Effects<Self>) {
        let Some(view) = self.view().cloned() else { return };
        for peer in view.ids() {
            let is_in = next.members.contains_key(&peer);
            let passed_over = is_in && peer < next.leader;
            let gone = !is_in && !next.left.contains(&peer);
            if (gone || passed_over) && peer != self.me() && self.detector.lost(peer) {
                out.push(Effect::Report(Fact::Unreachable { peer, view: view.clone() }));
            }
        }
    }

    fn was_removed(&mut self, view: &View, out: &mut Effects<Self>) {
        self.newest = Some(view.clone());
        if self.asked_out {
            self.phase = Phase::Out;
            out.push(Effect::Report(Fact::Left { view_id: view.id }));
        } else {
            out.push(Effect::Report(Fact::Removed { view_id: view.id }));
            self.join(Some(view.leader), out);
        }
    }

    /// The others should soon hear a heartbeat that carries the new view. Not at once for every
    /// view: while many join, that would flood the network.
    fn beat_soon(&mut self, out: &mut Effects<Self>) {
        let soon = self.setup.heartbeat / SOON;
        if self.next_beat > self.now + soon {
            self.next_beat = self.now + soon;
            out.push(Effect::SetTimer(Timer::Heartbeat, soon.into()));
        }
    }

    pub(super) fn beat(&mut self, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        let (group, view_id) = (self.setup.group, member.view.id);
        for peer in member.view.members.keys().filter(|peer| **peer != self.setup.me) {
            out.push(Effect::Cast(*peer, Message::Heartbeat { group, view_id }));
        }
        self.next_beat = self.now + self.setup.heartbeat;
        out.push(Effect::SetTimer(Timer::Heartbeat, self.setup.heartbeat.into()));
    }

    fn check(&mut self, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        for peer in self.detector.check(self.now) {
            out.push(Effect::Report(Fact::Unreachable { peer, view: member.view.clone() }));
        }
        out.push(Effect::SetTimer(Timer::Check, self.detector.check_every().into()));
    }

    /// A sign of life, if its sender is a member and its view is not stale. Else it shows that its
    /// sender has missed something.
    fn heartbeat(&mut self, from: PeerId, view_id: u64, out: &mut Effects<Self>) {
        let Phase::In(member) = &self.phase else { return };
        let view = &member.view;
        if !view.members.contains_key(&from) {
            return out.push(Effect::Send(from, Message::new_view(view)));
        }
        if view_id >= view.id {
            self.detector.heard(from, self.now);
        } else if self.acting(view) == self.me() {
            out.push(Effect::Send(from, Message::new_view(view)));
        }
    }

    fn new_view(&mut self, from: PeerId, view: View, out: &mut Effects<Self>) {
        if matches!(self.phase, Phase::Joining(_))
            && let Some(newest) = self.newest.as_ref().filter(|newest| newest.id > view.id)
        {
            // The peer that made the newer one may be dead, and nobody in it may know of it.
            out.push(Effect::Send(from, Message::new_view(newest)));
        }
        match (&mut self.phase, self.setup.me) {
            (Phase::In(member), _) if view.id < member.view.id => {
                // It is behind.
                out.push(Effect::Send(from, Message::new_view(&member.view)));
            }
            (Phase::Joining(joining), me) if !view.holds(me, self.setup.incarnation) => {
                // A view without this incarnation: there is a group, and that is its leader.
                joining.answered = true;
                self.seen = self.seen.max(Some(view.id));
                if self.newest.as_ref().is_none_or(|newest| newest.id < view.id) {
                    self.newest = Some(view.clone());
                }
                let leader = view.leader;
                self.follow(leader, out);
            }
            _ => self.take_view(view, out),
        }
    }

    /// The crash that was ordered.
    pub(super) fn crash(&mut self, out: &mut Effects<Self>) {
        out.push(Effect::Report(Fact::Crashing(self.view().cloned())));
        self.phase = Phase::Out;
        out.push(Effect::Halt(0));
    }

    /// A delay of about this length, so that two who wait for each other do not do it forever.
    pub(super) fn about(time: Duration) -> Delay {
        Delay { at_least: time / 2, at_most: time }
    }
}

impl Process for Peer {
    const PROTOCOL: &'static str = "member/3";
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = NoInput;

    fn restore(&mut self, record: Record) {
        self.recall(record);
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        self.doubt(record)
    }

    fn snapshot(&self) -> Vec<Record> {
        self.records()
    }

    fn clock(&mut self, now: Duration) {
        self.now = now;
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.begin(out);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        // Where links stand by themselves, this comes before the next try.
        let first_line = self.setup.hosts.first() == Some(&peer);
        if matches!(self.phase, Phase::Joining(_)) && (first_line || self.is_first_line()) {
            self.ask_in(peer, out);
        }
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        match message {
            Message::Join { incarnation, seen } => self.joins(from, incarnation, seen, out),
            Message::Leader { leader } => {
                if let Phase::Joining(joining) = &mut self.phase {
                    joining.answered = true;
                    self.follow(leader, out);
                }
            }
            Message::Req { request, view_id, op } => {
                // Whatever becomes of it: this peer knows that it is to go. (Asked because it was
                // silent, it agrees as well, and comes back.)
                self.asked_out |= op == Operation::Del { peer: self.me(), asked: true };
                self.requested(from, request, view_id, op, out);
            }
            Message::Ok { request, view_id } => self.agreed(from, request, view_id),
            Message::Busy { request, view_id, promised } => {
                self.refused(request, view_id, promised);
            }
            Message::NewView { view, .. } => self.new_view(from, view, out),
            Message::NewLeader { request, view_id, .. } => {
                self.new_leader(from, request, view_id, out);
            }
            Message::Pending { request, view_id, op, under } => {
                self.pending(from, request, view_id, op, under);
            }
            Message::Heartbeat { view_id, .. } => self.heartbeat(from, view_id, out),
        }
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        match timer {
            Timer::Heartbeat => self.beat(out),
            Timer::Check => self.check(out),
            Timer::Retry => self.retry(out),
            Timer::Found => self.found(out),
            Timer::Retransmit => self.retransmit(out),
            Timer::Crash => self.crash(out),
        }
    }

    fn is_due(&self) -> bool {
        self.next_step().is_some()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        if let Some(step) = self.next_step() {
            self.take(step, out);
        }
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        let promised = match &self.phase {
            Phase::In(member) => member.promises.promised.map_or(0, |promised| promised.round),
            Phase::Joining(_) | Phase::Out => 0,
        };
        let reach = Reach::from(self.seen.unwrap_or(0), promised);
        message.objection(from, &self.setup.hosts, self.setup.group, reach)
    }

    fn to_datagram(message: &Message) -> Vec<u8> {
        message.to_datagram()
    }

    fn from_datagram(bytes: &[u8]) -> Option<Message> {
        Message::from_datagram(bytes)
    }
}

#[cfg(test)]
mod tests;
