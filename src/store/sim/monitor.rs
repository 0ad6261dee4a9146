//! What is known of a run of `store`, and what in it violates a property.
//!
//! It recomputes what is chosen from the records that became durable, takes the moment at which a
//! register is chosen for the one at which its operations happened, and compares each reply with
//! that. Nothing is taken from what a peer believes but when a call reached it.

mod acceptors;

use std::collections::{BTreeMap, BTreeSet};

use super::chosen::Chosen;
use super::plan::{StorePlan, token};
use super::properties::{
    CHOSEN_KEPT, LINEARIZABLE, NOT_EARLY, ONCE, ONE_REGISTER, PROMISE_KEPT, SERVED,
};
use super::tally::StoreTally;
use crate::paxos::ProposalNumber;
use crate::process::{Output, PeerId};
use crate::sim::harness::{Monitor, RunFindings, Scenario, Simulated, Violations, is_complete};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, RunEnd, RunObserver};
use crate::store::bytes::Bytes;
use crate::store::event::{StoreLog, called};
use crate::store::judge::objections;
use crate::store::message::QuestionId;
use crate::store::operation::{Answer, Lifetime, Reply, Request};
use crate::store::register::Held;
use crate::store::{Fact, Message, Peer, Record};
use crate::trace::journal::{JournalAction, JournalLine, Journalled as _};

/// So long after the last fault a call is to be served.
const SETTLED_US: u64 = 5_000_000;
/// Within so much all peers drop a register, where nothing goes wrong.
const DROP_US: u64 = 100_000;
/// How much of a duration a wrong clock may take for the whole, in parts of a hundred.
const LEAST_PER_CENT: u64 = 85;

/// A call that reached a peer.
struct Call {
    peer: PeerId,
    key: Bytes,
    operation: Request,
    at: u64,
    /// What was chosen then.
    version: u64,
    /// There was no value at some moment since, or may have been.
    was_absent: bool,
}

/// Looks at a run of `store`.
pub struct StoreMonitor {
    plan: BTreeMap<u64, (Bytes, Request)>,
    lost: Option<(PeerId, u64)>,
    starts: BTreeMap<PeerId, u64>,
    peers: usize,
    keys: BTreeMap<Bytes, Chosen>,
    /// When a duration was first asked for, in milliseconds.
    begun: BTreeMap<(Bytes, u64), u64>,
    open: BTreeMap<u64, Call>,
    /// Deletions that may happen at any time from now on.
    loose: BTreeSet<Bytes>,
    /// When it was last dropped by a peer.
    dropped: BTreeMap<Bytes, u64>,
    /// When the last deletion returned.
    deleted: BTreeMap<Bytes, u64>,
    /// What was chosen when the last step ended.
    settled: BTreeMap<Bytes, (u64, bool)>,
    /// The calls that have reached a peer.
    calls: BTreeSet<u64>,
    /// Which call a version belongs to.
    versions: BTreeMap<(Bytes, u64), u64>,
    /// Those that were told not to have happened, and those that have.
    refused: BTreeSet<u64>,
    made: BTreeSet<u64>,
    /// Of those that have, the ones that a register holds, and those that none does any more.
    present: BTreeMap<Bytes, BTreeSet<u64>>,
    gone: BTreeSet<u64>,
    /// By the acceptor, the key, and the owner of the term.
    promised: BTreeMap<(PeerId, Bytes, PeerId), ProposalNumber>,
    /// The present incarnations, and which ones were asked what by whom.
    incarnations: BTreeMap<PeerId, u64>,
    questions: BTreeMap<(PeerId, PeerId, QuestionId), BTreeSet<u64>>,
    resting: BTreeSet<PeerId>,
    last_call_us: u64,
    healed: Option<u64>,
    now: u64,
    violations: Violations,
    tally: StoreTally,
    journal: Option<String>,
    to_the_end: bool,
}

impl StoreMonitor {
    pub(super) fn new(run: &Scenario<impl Simulated>, plan: &StorePlan, journal: bool) -> Self {
        let of_plan = plan
            .calls
            .iter()
            .map(|(_, _, id, key, operation)| (*id, (key.clone(), operation.clone())));
        Self {
            plan: of_plan.collect(),
            lost: plan.lost,
            starts: BTreeMap::new(),
            peers: usize::from(run.peers),
            keys: BTreeMap::new(),
            begun: BTreeMap::new(),
            open: BTreeMap::new(),
            loose: BTreeSet::new(),
            dropped: BTreeMap::new(),
            deleted: BTreeMap::new(),
            settled: BTreeMap::new(),
            calls: BTreeSet::new(),
            versions: BTreeMap::new(),
            refused: BTreeSet::new(),
            made: BTreeSet::new(),
            present: BTreeMap::new(),
            gone: BTreeSet::new(),
            promised: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            questions: BTreeMap::new(),
            resting: BTreeSet::new(),
            last_call_us: plan.calls.iter().map(|call| call.0).max().unwrap_or(0),
            healed: None,
            now: 0,
            violations: Violations::new(run.only),
            tally: StoreTally::default(),
            journal: journal.then(String::new),
            to_the_end: run.to_the_end,
        }
    }

    fn line(&mut self, now: u64, line: impl FnOnce() -> JournalLine) {
        if let Some(journal) = &mut self.journal {
            *journal += &JournalLine { time_us: now, ..line() }.json();
        }
    }

    fn note(&mut self, now: u64, peer: PeerId, text: String) {
        let action = JournalAction::Noted;
        let line = || JournalLine { action, text, ..JournalLine::started(StoreLog::NAME, peer) };
        self.line(now, line);
    }

    /// A call has come in; `early` if the step is not over.
    fn called(&mut self, now: u64, peer: PeerId, id: u64, early: bool) {
        let Some((key, operation)) = self.plan.get(&id).cloned() else { return };
        if !self.calls.insert(id) {
            return;
        }
        self.tally.calls += 1;
        let chosen = self.keys.entry(key.clone()).or_default().version();
        let before = self.settled.get(&key).copied().unwrap_or((0, false));
        let (version, was_there) = if early { before } else { chosen };
        let last = self.keys.get(&key).and_then(|chosen| chosen.last.as_ref());
        let expires = last.is_some_and(|held| held.register.expiry.is_some());
        let text = called(id, &key, &operation);
        self.note(now, peer, text);
        if let Request::Set { lifetime: Lifetime::Milliseconds(ms), .. } = operation {
            self.begun.entry((key.clone(), ms)).or_insert(now);
        }
        let was_absent = !was_there || !chosen.1 || expires;
        self.open.insert(id, Call { peer, key, operation, at: now, version, was_absent });
    }

    /// This became durable.
    fn accepted(&mut self, now: u64, peer: PeerId, key: &Bytes, held: &Held) {
        let chosen = self.keys.entry(key.clone()).or_default();
        let before = chosen.last.clone();
        let news = chosen.accept(peer, held, self.peers);
        let Held { ballot, register } = held;
        if news.differs {
            let how = || format!("{peer} accepts another register for {key} under {ballot}");
            self.violations.add(ONE_REGISTER, how);
        }
        if news.is_astray {
            let last = before.as_ref().map_or(0, |held| held.register.version);
            let version = register.version;
            let how = || {
                format!(
                    "{peer} accepts version {version} of {key} under {ballot}, {last} is chosen"
                )
            };
            self.violations.add(CHOSEN_KEPT, how);
        }
        if news.is_chosen {
            self.chosen(now, key, before.as_ref(), held);
        }
    }

    fn chosen(&mut self, now: u64, key: &Bytes, before: Option<&Held>, held: &Held) {
        let register = &held.register;
        let is_same = before.is_some_and(|b| b.register.version == register.version);
        self.tally.changes += u64::from(!is_same);
        self.tally.identity += u64::from(is_same);
        // A call whose step is not over is not known yet.
        let mut may_delete = self.loose.contains(key)
            || self.plan.iter().any(|(id, (of, operation))| {
                let is_deletion = matches!(operation, Request::Delete { .. });
                of == key && is_deletion && !self.calls.contains(id) && self.peers == 1
            });
        for call in self.open.values_mut().filter(|call| call.key == *key) {
            // What expires may be there again in the same round.
            call.was_absent |= register.value.is_none() || register.expiry.is_some();
            may_delete |= matches!(call.operation, Request::Delete { .. });
        }
        let expiry = before.and_then(|held| held.register.expiry);
        if let Some(expiry) = expiry.filter(|_| register.value.is_none() && !may_delete) {
            self.tally.lapsed += 1;
            let begun = self.begun.get(&(key.clone(), expiry.after_ms)).copied().unwrap_or(0);
            let least = expiry.after_ms * 10 * LEAST_PER_CENT;
            if now < begun + least {
                let how = || format!("{key} is deleted after {} us", now - begun);
                self.violations.add(NOT_EARLY, how);
            }
        }
        let text = String::from_utf8_lossy(register.value.as_deref().unwrap_or_default());
        let mut ids = BTreeSet::new();
        let before = self.present.remove(key).unwrap_or_default();
        let is_kept = |id: &&u64| text.split(',').any(|other| other == id.to_string());
        self.gone.extend(before.iter().filter(|id| !is_kept(id)));
        for id in text.split_terminator(',').filter_map(|id| id.parse::<u64>().ok()) {
            if !text.ends_with(',') {
                break; // a number
            }
            if !ids.insert(id) {
                self.violations.add(ONCE, || format!("{key} holds {} twice", token(id)));
            }
            if self.gone.contains(&id) {
                self.violations.add(ONCE, || format!("{key} holds {} again", token(id)));
            }
            self.made.insert(id);
            self.present.entry(key.clone()).or_default().insert(id);
            if self.refused.contains(&id) {
                let how = || format!("{key} holds {}, which was refused", token(id));
                self.violations.add(ONCE, how);
            }
        }
    }

    fn replied(&mut self, now: u64, id: u64, reply: &Reply) {
        let Some(call) = self.open.remove(&id) else { return };
        self.tally.replies += 1;
        let is_change = match &reply.outcome {
            Answer::Unknown => {
                self.tally.unknown += 1;
                return self.is_open(id, &call);
            }
            Answer::Unavailable | Answer::Busy => {
                self.tally.unavailable += 1;
                self.is_refused(id);
                return self.must_be_served(&call, "is unavailable");
            }
            Answer::NotDone(_) | Answer::Invalid(_) => {
                self.is_refused(id);
                false
            }
            Answer::Value(..) => false,
            _ => true,
        };
        self.tally.longest_us = self.tally.longest_us.max(now - call.at);
        if is_change && matches!(call.operation, Request::Delete { .. }) {
            self.deleted.insert(call.key.clone(), now);
        }
        self.judge(id, &call, reply, is_change);
    }

    /// It may still happen.
    fn is_open(&mut self, id: u64, call: &Call) {
        if matches!(call.operation, Request::Delete { .. }) {
            self.loose.insert(call.key.clone());
        }
        // With a register that is dropped goes what was done to it.
        let was_dropped = self.dropped.get(&call.key).is_some_and(|at| at + DROP_US > call.at);
        if !was_dropped {
            self.must_be_served(call, &format!("{id} is unknown"));
        }
    }

    fn must_be_served(&mut self, call: &Call, how: &str) {
        if self.healed.is_some_and(|healed| call.at > healed + SETTLED_US) {
            let (peer, at) = (call.peer, call.at / 1000);
            self.violations.add(SERVED, || format!("a call to {peer} at {at} ms: {how}"));
        }
    }

    fn is_refused(&mut self, id: u64) {
        self.refused.insert(id);
        if self.made.contains(&id) {
            self.violations.add(ONCE, || format!("{} was held, and is refused", token(id)));
        }
    }

    fn judge(&mut self, id: u64, call: &Call, reply: &Reply, is_change: bool) {
        let key = &call.key;
        let chosen = self.keys.entry(key.clone()).or_default();
        let (now, _) = chosen.version();
        let Reply { version, outcome } = reply;
        let mut wrong = |how: String| {
            self.violations.add(LINEARIZABLE, || format!("call {id} of {key}: {how}"));
        };
        if *version > now {
            wrong(format!("version {version} is told and {now} is chosen"));
        }
        if is_change {
            if *version <= call.version {
                wrong(format!("version {version} was chosen when {} was called", call.version));
            }
            if let Some(other) = self.versions.insert((key.clone(), *version), id) {
                wrong(format!("its version {version} is that of call {other}"));
            }
        } else if *version > 0 && *version < call.version {
            wrong(format!("it sees version {version}, {} was chosen before", call.version));
        } else if *version == 0 && !call.was_absent {
            // Between the operations of one round there may be none for a moment.
            let overlaps = self.loose.contains(key)
                || self.deleted.get(key).is_some_and(|at| *at >= call.at)
                || self.open.values().any(|other| {
                    other.key == *key && matches!(other.operation, Request::Delete { .. })
                });
            if !overlaps {
                wrong("it sees no value, and there always was one".into());
            }
        }
        let seen = match outcome {
            Answer::Value(value, _) if *version > 0 => Some(value),
            _ => None,
        };
        if let (Some(seen), Some(value)) = (seen, chosen.values.get(version))
            && seen != value
        {
            wrong(format!("version {version} is {value:?}, and {seen:?} is told"));
        }
    }
}

impl Monitor for StoreMonitor {
    type Tally = StoreTally;

    fn finish(mut self, end: RunEnd, now: u64, _: &Counts) -> RunFindings<StoreTally> {
        self.now = now;
        if end == RunEnd::TooLate {
            let open: Vec<&u64> = self.open.keys().collect();
            let (resting, peers) = (self.resting.len(), self.peers);
            let how = || format!("calls {open:?} are open, {resting} of {peers} peers at rest");
            self.violations.add(SERVED, how);
        }
        let judged = self.journal.clone().filter(|_| is_complete(end)).map(objections);
        let journal = self.journal.unwrap_or_default();
        RunFindings { violations: self.violations, tally: self.tally, journal, judged }
    }
}

impl<P: Subject<Peer>> RunObserver<P> for StoreMonitor {
    fn started(&mut self, now: u64, peer: PeerId, process: &P) {
        let starts = self.starts.entry(peer).or_default();
        *starts += 1;
        let is_lost = self.lost == Some((peer, *starts));
        if is_lost {
            self.tally.rejoined += 1;
            for chosen in self.keys.values_mut() {
                chosen.lose(peer);
            }
            // What it has promised to itself, it has asked for itself, and will not go on with.
            self.promised.retain(|(by, _, owner), _| *by != peer || *owner != peer);
        }
        if !is_lost {
            self.has_restored(peer, process.process());
        }
        self.line(now, || JournalLine::started(StoreLog::NAME, peer));
    }

    fn durable(&mut self, now: u64, peer: PeerId, record: &Record) {
        match record {
            Record::Accepted(key, held) => self.accepted(now, peer, key, held),
            Record::Dropped(key, ..) => {
                self.tally.dropped += 1;
                self.dropped.insert(key.clone(), now);
            }
            _ => {}
        }
    }

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        if let Output::Report(Fact::Replied(id, _)) = output {
            // It may have been answered within the step that it came in.
            self.called(now, peer, *id, true);
        }
        self.line(now, || JournalLine::of(StoreLog::NAME, peer, output));
        match output {
            Output::Report(Fact::Replied(id, reply)) => self.replied(now, *id, reply),
            Output::Sent(to, message) => self.sent(peer, *to, message),
            Output::Received(from, Message::Forward { id, to, .. }) => {
                self.questions.entry((peer, *from, *id)).or_default().insert(*to);
            }
            _ => {}
        }
    }

    fn stepped(&mut self, now: u64, peer: PeerId, process: &P) {
        self.now = now;
        let process = process.process();
        if let Some(id) = process.last_call() {
            self.called(now, peer, id, false);
        }
        let chosen = self.keys.iter().map(|(key, chosen)| (key.clone(), chosen.version()));
        self.settled = chosen.collect();
        if process.is_at_rest() && process.serves() {
            self.resting.insert(peer);
        } else {
            self.resting.remove(&peer);
        }
    }

    fn refused(&mut self, _now: u64, peer: PeerId, from: PeerId, why: String) {
        self.violations.add(PROMISE_KEPT, || format!("{peer} objects to what {from} sends: {why}"));
    }

    fn healed(&mut self, now: u64) {
        self.healed = Some(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.violations.first().is_some()
    }

    fn reached(&self) -> bool {
        self.now > self.last_call_us && self.open.is_empty() && self.resting.len() == self.peers
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        self.resting.remove(&peer);
        // Nobody is told what came of these.
        let (gone, open) =
            std::mem::take(&mut self.open).into_iter().partition(|(_, call)| call.peer == peer);
        self.open = open;
        let gone: BTreeMap<u64, Call> = gone;
        for call in gone.into_values() {
            if matches!(call.operation, Request::Delete { .. }) {
                self.loose.insert(call.key);
            }
        }
        self.note(now, peer, "crashes".into());
        true
    }
}
