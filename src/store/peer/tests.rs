//! Peers that talk with each other without a network: what one frame can do, and how those begin
//! that remember nothing.

use std::collections::VecDeque;

use super::super::operation::{Condition, Lifetime};
use super::super::register::Register;
use super::*;
use crate::paxos::ProposalNumber;
use crate::paxos::reach::REACH;

const MEMORY: Setup = Setup { me: PeerId(0), peers: 3, rejoin: false, is_volatile: true, nonce: 0 };
const KEPT: Setup = Setup { is_volatile: false, ..MEMORY };

/// Some peers, of which some run.
#[derive(Default)]
struct Group {
    peers: BTreeMap<PeerId, Peer>,
    on_the_way: VecDeque<(PeerId, PeerId, Message)>,
    replies: BTreeMap<u64, Reply>,
    facts: Vec<Fact>,
    starts: u64,
    now: Duration,
}

impl Group {
    fn of(setup: &Setup) -> Self {
        let mut group = Self::default();
        for me in 1..=setup.peers {
            group.start(me, setup);
        }
        group
    }

    fn start(&mut self, me: u16, setup: &Setup) {
        self.starts += 1;
        let (me, nonce) = (PeerId(me), self.starts);
        self.peers.insert(me, Peer::new(Setup { me, nonce, ..setup.clone() }));
        self.step(me, Process::start);
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for other in ids.into_iter().filter(|other| *other != me) {
            self.step(me, |peer, out| peer.connected(other, out));
            self.step(other, |peer, out| peer.connected(me, out));
        }
        self.settle();
    }

    fn stop(&mut self, peer: u16) {
        self.peers.remove(&PeerId(peer));
    }

    fn step(&mut self, at: PeerId, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let Some(peer) = self.peers.get_mut(&at) else { return };
        let mut out = Vec::new();
        peer.clock(self.now);
        event(peer, &mut out);
        for effect in out {
            match effect {
                Effect::Send(to, message) => self.on_the_way.push_back((at, to, message)),
                Effect::Report(Fact::Replied(id, reply)) => _ = self.replies.insert(id, reply),
                Effect::Report(fact) => self.facts.push(fact),
                _ => {}
            }
        }
    }

    fn settle(&mut self) {
        while let Some((from, to, message)) = self.on_the_way.pop_front() {
            self.step(to, |peer, out| peer.receive(from, message, out));
        }
    }

    /// Long enough for what is repeated.
    fn wait(&mut self) {
        for _ in 0..20 {
            self.now += Duration::from_millis(50);
            let ids: Vec<PeerId> = self.peers.keys().copied().collect();
            for peer in ids {
                self.step(peer, |peer, out| peer.timeout(Timer::Tick, out));
            }
            self.settle();
        }
    }

    fn ask(&mut self, at: u16, id: u64, operation: Request) -> Option<Answer> {
        let key = "k".into();
        self.step(PeerId(at), |peer, out| peer.input(Input::Call { id, key, operation }, out));
        self.settle();
        self.wait();
        self.replies.get(&id).map(|reply| reply.outcome.clone())
    }

    fn set(&mut self, at: u16, id: u64, value: &str) -> Option<Answer> {
        let (only, lifetime) = (Condition::Always, Lifetime::Unlimited);
        self.ask(at, id, Request::Set { value: value.into(), only, lifetime, tells: false })
    }

    fn serving(&self) -> Vec<u16> {
        self.peers.values().filter(|peer| peer.serves()).map(|peer| peer.setup.me.0).collect()
    }
}

/// The highest term of peer 3 of 3.
fn last_term() -> ProposalNumber {
    let all = (0..3).filter_map(|below| ProposalNumber::new(ProposalNumber::MAX - below));
    all.into_iter().find(|term| term.owner(3) == PeerId(3)).unwrap()
}

#[test]
fn no_single_frame_uses_the_terms_up() {
    let term = last_term();
    let key = || Bytes::from("k");
    let register: super::super::register::Shared = Register::above(1).into();
    let refused = ProposalNumber::new(1).unwrap();
    for message in [
        Message::Prepare { key: key(), term },
        Message::Accept { key: key(), ballot: Ballot { term, seq: 1 }, register },
        Message::Pull { floor: term, after: None },
        Message::Refused { key: key(), term: refused, promised: term },
        Message::Here { incarnation: term.get() },
        Message::Limits { nonce: 1, highest: Some(term) },
    ] {
        let mut group = Group::of(&KEPT);
        assert_eq!(group.peers[&PeerId(1)].objection(PeerId(3), &message), None, "{message}");
        group.step(PeerId(1), |peer, out| peer.receive(PeerId(3), message.clone(), out));
        group.on_the_way.clear();
        group.stop(3);
        for at in [1, 2] {
            group.step(PeerId(at), |peer, out| peer.disconnected(PeerId(3), out));
        }
        assert_eq!(group.set(1, 1, "v"), Some(Answer::Done(None)), "{message}");
        assert_eq!(group.set(2, 2, "w"), Some(Answer::Done(None)), "{message}");
        let highest = group.peers[&PeerId(1)].highest_term().map_or(0, ProposalNumber::get);
        assert!(highest < 3 * REACH, "{message}: {highest}");
        assert!(!group.facts.contains(&Fact::Exhausted), "{message}");
    }
}

#[test]
fn a_term_out_of_reach_is_reached_by_asking_again() {
    let mut group = Group::of(&KEPT);
    let far = ProposalNumber::next(PeerId(3), 3, ProposalNumber::new(5 * REACH)).unwrap();
    group.peers.get_mut(&PeerId(3)).unwrap().terms.heard_of(far);
    group.stop(2);
    for at in [1, 3] {
        group.step(PeerId(at), |peer, out| peer.disconnected(PeerId(2), out));
    }
    group.step(PeerId(3), |peer, out| peer.disconnected(PeerId(1), out));
    assert_eq!(group.set(3, 1, "v"), Some(Answer::Done(None)));
    assert!(matches!(group.facts[..], [Fact::Disbelieved { from: PeerId(3), count: 1, .. }, ..]));
}

#[test]
fn peers_that_keep_nothing_begin_once_all_are_there_in_whatever_order_they_come() {
    let mut group = Group::default();
    for (me, serving) in [(2, vec![]), (3, vec![]), (1, vec![1, 2, 3])] {
        group.start(me, &MEMORY);
        group.wait();
        assert_eq!(group.serving(), serving);
    }
    assert_eq!(group.set(1, 1, "v"), Some(Answer::Done(None)));
    // One that comes back fetches what the others hold before it votes.
    group.stop(2);
    group.start(2, &MEMORY);
    group.wait();
    assert_eq!(group.serving(), [1, 2, 3]);
    let held = group.peers[&PeerId(2)].registers().held(&"k".into()).unwrap();
    assert_eq!(held.register.value, Some("v".into()));
}

#[test]
fn of_peers_that_keep_nothing_a_majority_that_was_lost_never_votes_again() {
    let mut group = Group::of(&MEMORY);
    group.wait();
    assert_eq!(group.set(1, 1, "v"), Some(Answer::Done(None)));
    for lost in [2, 3] {
        group.stop(lost);
    }
    for lost in [2, 3] {
        group.start(lost, &MEMORY);
        group.wait();
        assert_eq!(group.serving(), [1], "what they have forgotten may have been chosen");
    }
    assert_ne!(group.set(1, 2, "w"), Some(Answer::Done(None)));
    // All anew: a group without memory.
    group.stop(1);
    group.start(1, &MEMORY);
    group.wait();
    assert_eq!(group.serving(), [1, 2, 3]);
    assert_eq!(group.ask(2, 3, Request::Read), Some(Answer::Value(None, None)));
}

#[test]
fn a_lost_disk_waits_for_all_others_and_a_peer_without_one_does_too() {
    let setup = Setup { peers: 5, ..KEPT };
    for lost in
        [Setup { rejoin: true, ..setup.clone() }, Setup { is_volatile: true, ..setup.clone() }]
    {
        let mut group = Group::of(&setup);
        assert_eq!(group.set(1, 1, "v"), Some(Answer::Done(None)));
        // The one that is away may have a promise of the one that forgets, and go on with it.
        group.stop(5);
        group.stop(1);
        group.start(1, &lost);
        group.wait();
        assert_eq!(group.serving(), [2, 3, 4]);
        group.start(5, &setup);
        group.wait();
        assert_eq!(group.serving(), [1, 2, 3, 4, 5]);
    }
}
