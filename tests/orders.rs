//! Peers that start one after the other, at the pace of a person with five terminals, in virtual
//! time: whom a proposer waits for, for how long, and what that does to test case 2.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use synod::hosts::Hosts;
use synod::paxos::{Electorate, Fact, Message, Peer, Roles, Setup, Timer, Value};
use synod::process::{Effect, Effects, PeerId, Process, proceed_while_due};

const ALL: [u16; 5] = [1, 2, 3, 4, 5];
/// What `--wait` is if it is not given, in ms.
const WAIT: u64 = 30_000;
/// How long a link takes, and each message, in ms.
const WAY: u64 = 1;
/// Long after the end of every run below, in ms.
const END: u64 = 120_000;

#[derive(Clone, Copy)]
enum What {
    Start,
    Connected(PeerId),
    Received(PeerId, Message),
    /// A timer, and which setting of it.
    Timeout(Timer, u64),
}

/// Peers on links without faults.
struct World {
    setups: BTreeMap<PeerId, Arc<Setup>>,
    peers: BTreeMap<PeerId, Peer>,
    /// By time in ms, then in the order in which they came about.
    events: BTreeMap<(u64, u64), (PeerId, What)>,
    count: u64,
    now: u64,
    timers: BTreeMap<(PeerId, Timer), u64>,
    /// When who said what, in ms.
    facts: Vec<(u64, PeerId, Fact)>,
}

impl World {
    /// Test case 2, with a second proposer that waits for ten seconds.
    fn new() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostsfiles/hostsfile-testcase2.txt");
        let hosts = Hosts::read(&path).unwrap();
        let electorate =
            |id| Electorate { acceptors: hosts.acceptors_of(id), learners: hosts.learners_of(id) };
        let proposers = hosts.proposers().into_iter().map(|id| (id, electorate(id))).collect();
        let roles = Roles { peers: 5, proposers };
        let setup = |id| {
            let (candidate, delay) = match id {
                1 => (Some(Value('X')), Duration::ZERO),
                5 => (Some(Value('Y')), Duration::from_secs(10)),
                _ => (None, Duration::ZERO),
            };
            let link_wait = Duration::from_millis(WAIT);
            Arc::new(Setup { me: PeerId(id), roles: roles.clone(), candidate, delay, link_wait })
        };
        Self {
            setups: ALL.map(|id| (PeerId(id), setup(id))).into(),
            peers: BTreeMap::new(),
            events: BTreeMap::new(),
            count: 0,
            now: 0,
            timers: BTreeMap::new(),
            facts: Vec::new(),
        }
    }

    fn at(&mut self, time: u64, peer: PeerId, what: What) {
        self.count += 1;
        self.events.insert((time, self.count), (peer, what));
    }

    /// Peers that start at these times, in ms.
    fn run(starts: impl IntoIterator<Item = (u16, u64)>) -> Self {
        let mut world = Self::new();
        for (id, at) in starts {
            world.at(at, PeerId(id), What::Start);
        }
        while let Some(((now, _), (me, what))) = world.events.pop_first() {
            if now > END {
                break;
            }
            world.now = now;
            world.happen(me, what);
        }
        world
    }

    fn happen(&mut self, me: PeerId, what: What) {
        match what {
            What::Start => {
                let others: Vec<PeerId> = self.peers.keys().copied().collect();
                self.peers.insert(me, Peer::new(Arc::clone(&self.setups[&me])));
                self.step(me, Peer::start);
                for other in others {
                    self.at(self.now + WAY, me, What::Connected(other));
                    self.at(self.now + WAY, other, What::Connected(me));
                }
            }
            What::Connected(other) => self.step(me, |peer, out| peer.connected(other, out)),
            What::Received(from, message) => {
                self.step(me, |peer, out| peer.receive(from, message, out));
            }
            What::Timeout(timer, setting) => {
                if self.timers.get(&(me, timer)) == Some(&setting) {
                    self.step(me, |peer, out| peer.timeout(timer, out));
                }
            }
        }
    }

    fn step(&mut self, me: PeerId, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        let peer = self.peers.get_mut(&me).unwrap();
        peer.clock(Duration::from_millis(self.now));
        event(peer, &mut effects);
        proceed_while_due(peer, &mut effects);
        for effect in effects {
            match effect {
                Effect::Send(to, message) => {
                    if self.peers.contains_key(&to) {
                        self.at(self.now + WAY, to, What::Received(me, message));
                    }
                }
                Effect::SetTimer(timer, delay) => {
                    let delay = u64::try_from(delay.at_most.as_millis()).unwrap();
                    self.at(self.now + delay, me, What::Timeout(timer, self.count + 1));
                    self.timers.insert((me, timer), self.count);
                }
                Effect::Report(fact) => self.facts.push((self.now, me, fact)),
                Effect::Persist(_) | Effect::Cast(..) | Effect::Halt(_) => {}
            }
        }
    }

    /// What each peer that has started has chosen.
    fn choices(&self) -> BTreeMap<u16, Option<char>> {
        let chosen = |peer: &Peer| peer.chosen().map(|chosen| chosen.value.0);
        self.peers.iter().map(|(id, peer)| (id.0, chosen(peer))).collect()
    }

    fn assert_all_say(&self, ids: &[u16], value: char, run: &str) {
        let all = ids.iter().map(|id| (*id, Some(value))).collect();
        assert_eq!(self.choices(), all, "{run}: {:#?}", self.facts);
    }

    /// When this peer proposed first, in ms.
    fn proposes(&self, id: u16) -> Option<u64> {
        let is_attempt = |fact: &Fact| matches!(fact, Fact::Proposing { .. });
        let mut attempts =
            self.facts.iter().filter(|(_, peer, fact)| peer.0 == id && is_attempt(fact));
        attempts.next().map(|(at, ..)| *at)
    }

    /// When this peer said in words for whom it waits, in ms.
    fn waits(&self, id: u16) -> Vec<(u64, String)> {
        let waits = |fact: &Fact| matches!(fact, Fact::Waiting { .. });
        let notes = self.facts.iter().filter(|(_, peer, fact)| peer.0 == id && waits(fact));
        notes.map(|(at, _, fact)| (*at, fact.to_string())).collect()
    }
}

/// The `index`th order of the five peers.
fn order(mut index: usize) -> Vec<u16> {
    let mut left = ALL.to_vec();
    (1..=left.len()).rev().map(|n| (left.remove(index % n), index /= n).0).collect()
}

#[test]
fn test_case_2_ends_in_x_in_whatever_order_the_terminals_are_started() {
    let orders: BTreeSet<Vec<u16>> = (0..120).map(order).collect();
    assert_eq!(orders.len(), 120, "these are all of them");
    // With the second pace, peer1 can come last, more than ten seconds after a majority.
    for pace in [5_000, 7_000] {
        for order in &orders {
            let world = World::run(order.iter().copied().zip((0..).map(|place| place * pace)));
            world.assert_all_say(&ALL, 'X', &format!("{order:?}, {pace} ms apart"));
            assert_eq!(world.proposes(1), Some(4 * pace + WAY), "{order:?}: once all are there");
        }
    }
}

#[test]
fn test_case_2_ends_in_x_whoever_is_late() {
    for late in [14_000, 20_000] {
        for who in ALL {
            let world = World::run(ALL.map(|id| (id, if id == who { late } else { 0 })));
            world.assert_all_say(&ALL, 'X', &format!("peer{who} comes after {late} ms"));
            let counted = world.proposes(5).unwrap() - world.proposes(1).unwrap();
            assert_eq!(counted, 10_000, "-t counts from when peer{who} is there");
        }
    }
}

#[test]
fn whoever_never_comes_is_named_and_in_the_end_a_majority_does() {
    for (absent, proposer, value) in [(2, 1, 'X'), (4, 1, 'X'), (5, 1, 'X'), (1, 5, 'Y')] {
        let here: Vec<u16> = ALL.into_iter().filter(|id| *id != absent).collect();
        let world = World::run(here.iter().map(|id| (*id, 0)));
        world.assert_all_say(&here, value, &format!("peer{absent} does not come"));
        let delay = if proposer == 5 { 10_000 } else { 0 };
        assert_eq!(world.proposes(proposer), Some(WAIT + delay), "without peer{absent}");
        let note = |(at, left): (u64, u64)| {
            let words = format!(
                "cannot propose yet: waits for peer{absent}; after {left} s more it begins with a \
                 majority of its acceptors"
            );
            (at, words)
        };
        let want = [(2_000, 28), (12_000, 18), (22_000, 8)].map(note);
        assert_eq!(world.waits(proposer), want);
    }
}

#[test]
fn without_a_majority_it_waits_on_and_begins_with_the_next_acceptor() {
    let world = World::run([(1, 0), (3, 0), (5, 0), (4, 47_000)]);
    assert_eq!(world.proposes(1), Some(47_000 + WAY));
    world.assert_all_say(&[1, 3, 4, 5], 'X', "peer2 does not come");
    let (at, last) = world.waits(1).pop().unwrap();
    assert_eq!(at, 40_000);
    let want = "needs links with 2 acceptors, has peer3, waits for peer2, peer4";
    assert!(last.contains(want), "{last}");
}
