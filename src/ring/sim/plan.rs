//! What a seed draws beside the run itself: the ids, the files, and who comes, goes and asks when.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::process::PeerId;
use crate::ring::key::{Key, Name};
use crate::ring::machine::Input;
use crate::ring::message;
use crate::sim::Prng;

/// When the first change comes, and how long the ring has from each to the next, in microseconds.
const FIRST_US: u64 = 4_000_000;
const GAP_US: u64 = 25_000_000;

/// The plan of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingPlan {
    /// The ids, by peer.
    pub ids: Vec<Key>,
    /// Those that are in the ring from the beginning.
    pub members: BTreeSet<PeerId>,
    /// The files at the beginning: where each is, and how long.
    pub files: BTreeMap<Name, (PeerId, u32)>,
    /// What happens: when, in microseconds, and where.
    pub events: Vec<(u64, PeerId, Input)>,
    /// The last of them come when nobody comes or goes any more.
    pub calm_us: u64,
    /// Bytes per segment, segments under way, and of a hundred segments how many are left out.
    pub terms: (u16, u16, u8),
    /// They have shortcuts.
    pub fingers: bool,
}

/// How much happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    /// Changes of the ring at most.
    pub(super) changes: usize,
    /// Requests before the calm.
    pub(super) requests: usize,
    /// Requests in the calm; none: one for each file.
    pub(super) at_last: Option<usize>,
    /// Peers have shortcuts; none: as the seed draws it.
    pub(super) fingers: Option<bool>,
}

struct Planner {
    prng: Prng,
    plan: RingPlan,
    /// The ring, in order, as it will be.
    ring: BTreeMap<Key, PeerId>,
    asleep: Vec<PeerId>,
    now: u64,
}

impl RingPlan {
    pub(super) fn new(peers: u16, seed: u64, amount: Amount) -> Self {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x0121_c1e5);
        let mut keys: Vec<Key> = (0..=255).map(Key).collect();
        let ids: Vec<Key> = (0..peers).map(|_| keys.swap_remove(prng.index(keys.len()))).collect();
        let most_asleep = if amount.changes == 0 { 0 } else { usize::from(peers) / 3 };
        let asleep = prng.index(most_asleep + 1);
        let all: Vec<PeerId> = (1..=peers).map(PeerId).collect();
        let (asleep, members) = all.split_at(asleep);
        let ring = members.iter().map(|peer| (ids[crate::sim::index(*peer)], *peer)).collect();
        let fingers = amount.fingers.unwrap_or_else(|| prng.chance(300_000));
        let mss = [40, 400, 1000][prng.index(3)];
        let window = [1, 1, 4, 16][prng.index(4)];
        let plan = Self {
            ids,
            members: members.iter().copied().collect(),
            files: BTreeMap::new(),
            events: Vec::new(),
            calm_us: 0,
            terms: (mss, window, [0, 0, 10, 50][prng.index(4)]),
            fingers,
        };
        let mut planner = Planner { prng, plan, ring, asleep: asleep.to_vec(), now: FIRST_US };
        planner.store();
        for _ in 0..planner.prng.index(amount.changes + 1) {
            planner.change();
            planner.now += GAP_US;
        }
        planner.ask(amount);
        planner.plan.events.sort_by_key(|event| event.0);
        planner.plan
    }

    /// The successors that a member is started with.
    pub(super) fn successors(&self, me: Key) -> (Key, Key) {
        let mut others: Vec<Key> =
            self.members.iter().map(|peer| self.ids[crate::sim::index(*peer)]).collect();
        others.sort_by_key(|key| (key.0.wrapping_sub(me.0)).wrapping_sub(1));
        (others[0], others[1 % others.len()])
    }

    /// A peer that a newcomer can ask: one that never goes.
    pub(super) fn contact(&self) -> Key {
        self.members.first().map_or(Key(0), |peer| self.ids[crate::sim::index(*peer)])
    }

    pub(super) fn check(&self, peers: u16) -> Result<(), String> {
        let of_files = self.files.values().map(|(peer, _)| *peer);
        let of_events = self.events.iter().map(|(_, peer, _)| *peer);
        let mut named = self.members.iter().copied().chain(of_files).chain(of_events);
        let keys: BTreeSet<&Key> = self.ids.iter().collect();
        match named.find(|peer| !(1..=peers).contains(&peer.0)) {
            Some(peer) => Err(format!("there is no {peer} among {peers}")),
            None if keys.len() != usize::from(peers) => Err("each peer has an id".into()),
            None if self.members.is_empty() => Err("somebody is in the ring".into()),
            None => Ok(()),
        }
    }
}

impl Planner {
    /// The peer that holds what has this hash.
    fn owner(&self, hash: Key) -> PeerId {
        let next = self.ring.range(hash..).next().or_else(|| self.ring.first_key_value());
        next.map_or(PeerId(1), |(_, peer)| *peer)
    }

    fn store(&mut self) {
        for _ in 0..6 {
            let number = u16::try_from(self.prng.below(10_000)).unwrap_or(0);
            let Ok(name) = Name::try_from(number) else { continue };
            let size = [0, 1, 399, 400, 401, 2000][self.prng.index(6)];
            self.plan.files.insert(name, (self.owner(name.hash()), size));
        }
    }

    fn put(&mut self, time: u64, peer: PeerId, input: Input) {
        self.plan.events.push((time, peer, input));
    }

    /// Somebody comes or goes; at times two neighbours die together.
    fn change(&mut self) {
        let at = self.prng.index(self.ring.len());
        let keys: Vec<Key> = self.ring.keys().copied().collect();
        let (peer, next) = (self.ring[&keys[at]], self.ring[&keys[(at + 1) % keys.len()]]);
        self.ask_shortly_before(peer);
        let stays = self.plan.members.first();
        let goes = |peer: PeerId| stays != Some(&peer);
        match self.prng.index(4) {
            0 if !self.asleep.is_empty() => {
                let peer = self.asleep.remove(0);
                self.ring.insert(self.plan.ids[crate::sim::index(peer)], peer);
                self.put(self.now, peer, Input::Begin);
            }
            1 if self.ring.len() > 4 && goes(peer) && goes(next) => {
                let next = keys[(at + 1) % keys.len()];
                for key in [keys[at], next] {
                    if let Some(peer) = self.ring.remove(&key) {
                        let time = self.now + self.prng.below(2_000_000);
                        self.put(time, peer, Input::Die);
                    }
                }
            }
            2 if self.ring.len() > 3 && goes(peer) => {
                self.ring.remove(&keys[at]);
                self.put(self.now, peer, Input::Typed(message::Input::Quit));
            }
            _ if self.ring.len() > 3 && goes(peer) => {
                self.ring.remove(&keys[at]);
                self.put(self.now, peer, Input::Die);
            }
            _ => {}
        }
    }

    /// A request for a file of a peer that may go, so close to it that the transfer is under way.
    fn ask_shortly_before(&mut self, peer: PeerId) {
        let mut names = self.plan.files.keys();
        let name = names.find(|name| self.owner(name.hash()) == peer).copied();
        let others: Vec<PeerId> = self.ring.values().filter(|it| **it != peer).copied().collect();
        if let Some(name) = name {
            let asker = others[self.prng.index(others.len())];
            let time = self.now - self.prng.below(800_000);
            self.put(time, asker, Input::Typed(message::Input::Request(name)));
        }
    }

    /// Requests at any time, and in the end one for each file, each by one that is still there.
    fn ask(&mut self, amount: Amount) {
        let names: Vec<Name> = self.plan.files.keys().copied().collect();
        let request = |name: Name| Input::Typed(message::Input::Request(name));
        for _ in 0..amount.requests {
            let time = 500_000 + self.prng.below(self.now);
            let peer = self.plan.ids.len();
            let peer = PeerId(u16::try_from(1 + self.prng.index(peer)).unwrap_or(1));
            let missing = Name::try_from(u16::try_from(self.prng.below(10_000)).unwrap_or(0));
            let stored = names[self.prng.index(names.len())];
            let name = if self.prng.chance(150_000) { missing.unwrap_or(stored) } else { stored };
            self.put(time, peer, request(name));
        }
        self.plan.calm_us = self.now + GAP_US;
        let there: Vec<PeerId> = self.ring.values().copied().collect();
        for at in 0..amount.at_last.unwrap_or(names.len()) {
            let peer = there[self.prng.index(there.len())];
            let time = self.plan.calm_us + 200_000 * at as u64;
            self.put(time, peer, request(names[at % names.len()]));
        }
    }
}
