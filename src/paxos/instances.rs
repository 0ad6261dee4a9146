//! One decision per key, on the same links and the same disk.
//!
//! Each key has a [`Peer`] of its own, made when the key is first heard of. Decisions do not know
//! of each other: what they share is the runtime, so their frames share links and their records
//! share flushes. There are no notices of a choice here beyond those of each decision.
//!
//! A number is reserved before it is used, and that takes a flush. One reservation serves all keys:
//! the host records at its start that numbers up to some end may have been used, *whatever the
//! key*, and a later incarnation begins above it with every key. So a decision for a fresh key
//! waits for two flushes, those of the promises and of the acceptances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::message::{Accepted, Message};
use super::peer::{Peer, Record, Setup, Timer, reservation};
use super::proposal::{ProposalNumber, Value};
use crate::process::{Effect, Effects, PeerId, Process};

/// Which decision.
pub type Key = u64;

/// A message, record, timer or fact of one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keyed<T> {
    /// Which decision.
    pub key: Key,
    /// Its part.
    pub part: T,
}

/// What must survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRecord {
    /// No number up to this one is used by a later incarnation, for any key.
    Reserved(ProposalNumber),
    /// A record of one decision.
    #[serde(untagged)]
    Of(Keyed<Record>),
}

/// How many decisions others can begin here. What comes of further keys is dropped, as if it had
/// been lost on the way: their proposers say that too few answer.
pub const MOST_KEYS: usize = 1 << 16;

/// All decisions of one host.
pub struct Instances {
    setup: Arc<Setup>,
    peers: BTreeMap<Key, Peer>,
    /// Those whose next step is due.
    due: BTreeSet<Key>,
    connected: BTreeSet<PeerId>,
    /// The end of the range that earlier incarnations have reserved for all keys.
    used: Option<ProposalNumber>,
    /// The end of the range that is reserved for all keys; never below `used`.
    reserved: Option<ProposalNumber>,
    now: Duration,
}

impl Instances {
    /// No decision yet. The candidate in `setup` is not used: each decision has its own.
    pub fn new(setup: Setup) -> Self {
        let setup = Arc::new(Setup { candidate: None, ..setup });
        Self {
            setup,
            peers: BTreeMap::new(),
            due: BTreeSet::new(),
            connected: BTreeSet::new(),
            used: None,
            reserved: None,
            now: Duration::ZERO,
        }
    }

    /// What is known to be chosen for `key`.
    pub fn chosen(&self, key: Key) -> Option<Accepted> {
        self.peers.get(&key)?.chosen()
    }

    /// The peers with links both ways.
    pub fn connected_peers(&self) -> &BTreeSet<PeerId> {
        &self.connected
    }

    /// One step of one decision, its effects marked with the key.
    fn step(
        &mut self,
        key: Key,
        out: &mut Effects<Self>,
        step: impl FnOnce(&mut Peer, &mut Effects<Peer>),
    ) {
        let peer = self.peers.entry(key).or_insert_with(|| {
            let mut peer = Peer::new(Arc::clone(&self.setup));
            peer.is_connected_with(&self.connected);
            peer.has_reserved(self.used, self.reserved);
            peer
        });
        let mut effects = Vec::new();
        peer.clock(self.now);
        step(peer, &mut effects);
        if peer.is_due() {
            self.due.insert(key);
        } else {
            self.due.remove(&key);
        }
        // One decision is out of numbers. The others are not.
        let stays = |effect: &Effect<Peer>| !matches!(effect, Effect::Halt(_));
        out.extend(effects.into_iter().filter(stays).map(|effect| {
            effect.map(
                |part| Keyed { key, part },
                |part| HostRecord::Of(Keyed { key, part }),
                |part| Keyed { key, part },
                |part| Keyed { key, part },
            )
        }));
    }
}

impl Process for Instances {
    const PROTOCOL: &'static str = "paxos-keyed/1";
    type Message = Keyed<Message>;
    type Record = HostRecord;
    type Timer = Keyed<Timer>;
    type Fact = Keyed<Fact>;
    /// To have this value chosen for that key.
    type Input = Keyed<Value>;

    fn restore(&mut self, record: Self::Record) {
        match record {
            HostRecord::Reserved(end) => {
                self.used = self.used.max(Some(end));
                self.reserved = self.used;
            }
            HostRecord::Of(Keyed { key, part }) => {
                let setup = &self.setup;
                let peer = self.peers.entry(key).or_insert_with(|| Peer::new(Arc::clone(setup)));
                peer.restore(part);
            }
        }
    }

    fn disbelieves(&self, record: &Self::Record) -> Option<String> {
        match record {
            HostRecord::Reserved(end) => (Some(*end) <= self.reserved)
                .then(|| format!("proposal number {end} was reserved before")),
            HostRecord::Of(record) => self.peers.get(&record.key)?.disbelieves(&record.part),
        }
    }

    fn snapshot(&self) -> Vec<Self::Record> {
        // What the reservation for all keys covers, a key need not repeat.
        let covered =
            |part: &Record| matches!(part, Record::LastNumber(n) if Some(*n) <= self.reserved);
        let of_peer = |(&key, peer): (&Key, &Peer)| {
            let parts = peer.snapshot().into_iter().filter(move |part| !covered(part));
            parts.map(move |part| HostRecord::Of(Keyed { key, part }))
        };
        let reserved = self.reserved.map(HostRecord::Reserved);
        reserved.into_iter().chain(self.peers.iter().flat_map(of_peer)).collect()
    }

    fn clock(&mut self, now: Duration) {
        self.now = now;
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        let Setup { me, roles, .. } = &*self.setup;
        if roles.proposers.contains_key(me)
            && let Some(end) = reservation(*me, roles.peers, self.used)
        {
            self.reserved = Some(end);
            out.push(Effect::Persist(HostRecord::Reserved(end)));
        }
        for peer in self.peers.values_mut() {
            peer.has_reserved(self.used, self.reserved);
        }
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.connected.insert(peer);
        let keys: Vec<Key> = self.peers.keys().copied().collect();
        for key in keys {
            self.step(key, out, |one, out| one.connected(peer, out));
        }
    }

    fn receive(&mut self, from: PeerId, message: Self::Message, out: &mut Effects<Self>) {
        if self.peers.contains_key(&message.key) || self.peers.len() < MOST_KEYS {
            self.step(message.key, out, |peer, out| peer.receive(from, message.part, out));
        }
    }

    fn timeout(&mut self, timer: Self::Timer, out: &mut Effects<Self>) {
        self.step(timer.key, out, |peer, out| peer.timeout(timer.part, out));
    }

    fn input(&mut self, input: Self::Input, out: &mut Effects<Self>) {
        self.step(input.key, out, |peer, out| peer.input(input.part, out));
    }

    fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        // All that are due, so that no decision waits for another one's thread hand-over.
        for key in std::mem::take(&mut self.due) {
            self.step(key, out, Peer::proceed);
        }
    }

    fn objection(&self, from: PeerId, message: &Self::Message) -> Option<String> {
        self.setup.objection(from, &message.part)
    }
}
