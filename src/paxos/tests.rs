//! Real peers, event by event: numbers that nobody should believe, and the end of the numbers.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::acceptor::Acceptor;
use super::instances::{HostRecord, Instances, Keyed, MOST_KEYS};
use super::reach::{REACH, STRIDE};
use super::{
    Accepted, Ack, Electorate, Fact, Message, Peer, ProposalNumber, Record, Roles, Setup, Timer,
    Value,
};
use crate::process::{Effect, Effects, PeerId, Process, proceed_while_due};

/// Peers 1 and 5 propose; 2, 3 and 4 are the acceptors of both.
const ACCEPTORS: [u16; 3] = [2, 3, 4];

fn n(number: u64) -> ProposalNumber {
    ProposalNumber::new(number).unwrap()
}

/// The highest number of this peer up to `number`.
fn of_peer(peer: u16, number: u64) -> u64 {
    (0..5).map(|less| number - less).find(|near| n(*near).owner(5) == PeerId(peer)).unwrap()
}

fn setup(me: u16) -> Setup {
    let electorate =
        Electorate { acceptors: ACCEPTORS.map(PeerId).into(), learners: [PeerId(2)].into() };
    let proposers = [1, 5].map(|proposer| (PeerId(proposer), electorate.clone())).into();
    let candidate = match me {
        1 => Some(Value('X')),
        5 => Some(Value('Y')),
        _ => None,
    };
    let (delay, link_wait) = (Duration::ZERO, Duration::ZERO);
    Setup { me: PeerId(me), roles: Roles { peers: 5, proposers }, candidate, delay, link_wait }
}

fn prepare(number: u64) -> Message {
    Message::Prepare { number: n(number), value: Value('Z') }
}

/// Peers with links that carry everything, and timers that fire when nothing else happens.
#[derive(Default)]
struct World {
    peers: BTreeMap<u16, Peer>,
    under_way: VecDeque<(PeerId, PeerId, Message)>,
    timers: VecDeque<(u16, Timer)>,
    facts: Vec<(u16, Fact)>,
    ended: Option<u8>,
}

impl World {
    fn of(ids: &[u16]) -> Self {
        let peers = ids.iter().map(|&id| (id, Peer::new(Arc::new(setup(id))))).collect();
        Self { peers, ..Self::default() }
    }

    fn step(&mut self, id: u16, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        let peer = self.peers.get_mut(&id).unwrap();
        event(peer, &mut effects);
        proceed_while_due(peer, &mut effects);
        for effect in effects {
            match effect {
                Effect::Send(to, message) => self.under_way.push_back((PeerId(id), to, message)),
                Effect::SetTimer(timer, _) => {
                    self.timers.retain(|set| *set != (id, timer));
                    self.timers.push_back((id, timer));
                }
                Effect::Report(fact) => self.facts.push((id, fact)),
                Effect::Halt(code) => self.ended = Some(code),
                Effect::Persist(_) | Effect::Cast(..) => {}
            }
        }
    }

    /// What a forger says in the name of a peer.
    fn say(&mut self, from: u16, to: u16, message: Message) {
        let peer = &self.peers[&to];
        assert_eq!(peer.objection(PeerId(from), &message), None, "only its number is odd");
        self.step(to, |peer, out| peer.receive(PeerId(from), message, out));
    }

    fn deliver_all(&mut self) {
        while let Some((from, to, message)) = self.under_way.pop_front() {
            if self.peers.contains_key(&to.0) {
                self.say(from.0, to.0, message);
            }
        }
    }

    fn attempts(&self) -> usize {
        self.facts.iter().filter(|(_, fact)| matches!(fact, Fact::Proposing { .. })).count()
    }

    /// Begins the proposer and lets everything happen until it has decided, within so many
    /// attempts.
    fn decides(&mut self, proposer: u16, most: usize) -> Accepted {
        self.facts.clear();
        let others: Vec<u16> = self.peers.keys().copied().filter(|id| *id != proposer).collect();
        self.step(proposer, Peer::start);
        for other in others {
            self.step(proposer, |peer, out| peer.connected(PeerId(other), out));
        }
        loop {
            self.deliver_all();
            if let Some(chosen) = self.peers[&proposer].own_round() {
                return chosen;
            }
            let (id, timer) = self.timers.pop_front().expect("somebody waits");
            self.step(id, |peer, out| peer.timeout(timer, out));
            assert!(self.attempts() <= most, "{} attempts: {:#?}", self.attempts(), self.facts);
        }
    }
}

#[test]
fn one_forged_last_number_ends_nothing() {
    let last = ProposalNumber::MAX;
    assert_eq!(n(last).owner(5), PeerId(1), "a rightful number of peer1");
    let mut world = World::of(&[2, 3, 4, 5]);
    for acceptor in ACCEPTORS {
        world.say(1, acceptor, prepare(last));
        world.say(1, acceptor, Message::Accept { number: n(last), value: Value('Z') });
        assert_eq!(*world.peers[&acceptor].acceptor(), Acceptor::default(), "no promise, no vote");
    }
    assert!(world.under_way.is_empty(), "and no answer");
    let said: Vec<String> = world.facts.iter().map(|(_, fact)| fact.to_string()).collect();
    assert_eq!(said[0], "ignores number 9007199254740991 of peer1: it is far above all others");
    assert_eq!(world.decides(5, 1), Accepted { number: n(5), value: Value('Y') });
}

#[test]
fn a_ladder_of_believed_numbers_leaves_nobody_behind() {
    // In steps that are believed two acceptors are brought up, out of reach of all others.
    let mut world = World::of(&[2, 3, 4, 5]);
    let steps = 8_u16;
    for step in (1..=steps).map(u64::from) {
        for acceptor in [2, 3] {
            world.say(1, acceptor, prepare(of_peer(1, step * (REACH - 5))));
            let promised = world.peers[&acceptor].acceptor().min_proposal;
            assert_eq!(promised, Some(n(of_peer(1, step * (REACH - 5)))));
        }
    }
    world.under_way.clear();
    // A proposer that knows nothing of it climbs after them, in about as many steps.
    let chosen = world.decides(5, 2 * usize::from(steps) + 4);
    assert_eq!(chosen.value, Value('Y'));
    // And so does an acceptor without which another proposer has no majority.
    world.peers.remove(&2);
    world.peers.insert(1, Peer::new(Arc::new(setup(1))));
    world.peers.insert(4, Peer::new(Arc::new(setup(4))));
    world.timers.clear();
    assert_eq!(world.decides(1, 4 * usize::from(steps) + 8).value, Value('Y'));
}

#[test]
fn one_acceptor_with_a_promise_beyond_all_reach_hinders_nobody() {
    for found in [ProposalNumber::MAX, REACH * 9, STRIDE + 11] {
        let mut world = World::of(&[2, 3, 4, 5]);
        let promise = Acceptor { min_proposal: Some(n(of_peer(1, found))), accepted: None };
        world.peers.get_mut(&2).unwrap().restore(Record::Acceptor(promise));
        // The two others are enough, at once.
        assert_eq!(world.decides(5, 1), Accepted { number: n(5), value: Value('Y') });
    }
}

#[test]
fn a_refusal_moves_a_proposer_by_a_stride_at_most() {
    let mut world = World::of(&[2, 3, 4, 5]);
    for acceptor in [2, 3] {
        let promise = Acceptor { min_proposal: Some(n(ProposalNumber::MAX)), accepted: None };
        world.peers.get_mut(&acceptor).unwrap().restore(Record::Acceptor(promise));
    }
    let others = ACCEPTORS.map(PeerId);
    world.step(5, Peer::start);
    for other in others {
        world.step(5, |peer, out| peer.connected(other, out));
    }
    for _ in 0..100 {
        let before = world.peers[&5].last_number().unwrap().get();
        world.deliver_all();
        world.step(5, |peer, out| peer.timeout(Timer::Attempt, out));
        let after = world.peers[&5].last_number().unwrap().get();
        assert!(after - before <= STRIDE + 5 && after > before, "from {before} to {after}");
    }
    let (promised, last) = (world.peers[&4].acceptor().min_proposal, world.peers[&5].last_number());
    let behind = last.unwrap().get() - promised.unwrap().get();
    assert!(behind <= STRIDE + 5, "the third acceptor climbs with it");
    let told = world.facts.iter().filter(|(_, fact)| matches!(fact, Fact::Disbelieved { .. }));
    assert!(told.count() < 12, "what is not believed is not told each time");
}

#[test]
fn answers_to_what_was_never_asked_move_nobody_far() {
    let mut world = World::of(&[1]);
    world.step(1, Peer::start);
    for other in ACCEPTORS {
        world.step(1, |peer, out| peer.connected(PeerId(other), out));
    }
    let ahead = n(ProposalNumber::MAX);
    let held = Some(Accepted { number: ahead, value: Value('Z') });
    let ack = Ack { answers: ahead, min_proposal: ahead, accepted: held, asked: Value('Z') };
    for _ in 0..1_000 {
        world.say(2, 1, Message::PrepareAck(Ack { accepted: None, ..ack }));
        world.say(2, 1, Message::AcceptAck(ack));
    }
    world.step(1, |peer, out| peer.timeout(Timer::Answer, out));
    world.step(1, |peer, out| peer.timeout(Timer::Attempt, out));
    let next = world.peers[&1].last_number().unwrap();
    assert!(next > n(1) && next < n(STRIDE + 10), "it goes on with {next}");
}

#[test]
fn a_proposer_out_of_numbers_says_so_and_ends_with_code_1() {
    let mut world = World::of(&[2, 3, 4, 5]);
    let last = Record::LastNumber(n(of_peer(5, ProposalNumber::MAX)));
    world.peers.get_mut(&5).unwrap().restore(last);
    world.step(5, Peer::start);
    for acceptor in ACCEPTORS {
        world.step(5, |peer, out| peer.connected(PeerId(acceptor), out));
    }
    assert_eq!(world.facts, [(5, Fact::Exhausted)]);
    assert_eq!(world.ended, Some(1));
    assert_eq!(world.peers[&5].own_round(), None);
}

#[test]
fn two_choices_are_reported_once() {
    let mut world = World::of(&[2]);
    for (number, value) in (0..1_000).flat_map(|_| [(1, 'X'), (5, 'Y')]) {
        world.say(1, 2, Message::Chosen { number: n(number), value: Value(value) });
    }
    let lost = |(_, fact): &&(u16, Fact)| matches!(fact, Fact::Contradiction { .. });
    assert_eq!(world.facts.iter().filter(lost).count(), 1);
}

#[test]
fn keys_that_others_make_up_are_bounded_and_those_that_are_known_go_on() {
    let mut host = Instances::new(setup(2));
    let mut effects = Vec::new();
    let mut answers = |host: &mut Instances, key: u64, number: u64| {
        effects.clear();
        let message = Keyed { key, part: prepare(number) };
        host.receive(PeerId(1), message, &mut effects);
        effects.iter().any(|effect| matches!(effect, Effect::Send(..)))
    };
    for key in 0..MOST_KEYS as u64 {
        assert!(answers(&mut host, key, 1));
    }
    assert!(!answers(&mut host, u64::MAX, 1), "one too many");
    assert!(answers(&mut host, 7, 6), "a known one goes on");
    assert_eq!(host.snapshot().len(), MOST_KEYS);
}

#[test]
fn a_key_out_of_numbers_does_not_end_the_others() {
    let mut host = Instances::new(setup(1));
    let part = Record::LastNumber(n(of_peer(1, ProposalNumber::MAX)));
    host.restore(HostRecord::Of(Keyed { key: 7, part }));
    let mut effects = Vec::new();
    for other in ACCEPTORS {
        host.connected(PeerId(other), &mut effects);
    }
    for key in [7, 8] {
        host.input(Keyed { key, part: Value('X') }, &mut effects);
    }
    proceed_while_due(&mut host, &mut effects);
    let is_end = |effect: &&Effect<Instances>| matches!(effect, Effect::Halt(_));
    assert_eq!(effects.iter().filter(is_end).count(), 0);
    let said = |effect: &&Effect<Instances>| {
        matches!(effect, Effect::Report(Keyed { key: 7, part: Fact::Exhausted }))
    };
    assert_eq!(effects.iter().filter(said).count(), 1);
    let asked =
        |effect: &&Effect<Instances>| matches!(effect, Effect::Send(_, Keyed { key: 8, .. }));
    assert_eq!(effects.iter().filter(asked).count(), 3);
}

/// Feeds a host its start, all links and a candidate for each key; the effects of that.
fn proposes(host: &mut Instances, keys: &[u64]) -> Vec<Effect<Instances>> {
    let mut effects = Vec::new();
    host.start(&mut effects);
    for other in ACCEPTORS {
        host.connected(PeerId(other), &mut effects);
    }
    for &key in keys {
        host.input(Keyed { key, part: Value('X') }, &mut effects);
    }
    proceed_while_due(host, &mut effects);
    effects
}

#[test]
fn one_reservation_serves_all_keys_and_no_later_incarnation_uses_its_numbers() {
    let asked = |effects: &[Effect<Instances>]| -> Vec<(u64, ProposalNumber)> {
        let asked = effects.iter().filter_map(|effect| match effect {
            Effect::Send(_, Keyed { key, part: Message::Prepare { number, .. } }) => {
                Some((*key, *number))
            }
            _ => None,
        });
        let mut asked: Vec<_> = asked.collect();
        asked.dedup();
        asked
    };
    let persisted = |effects: &[Effect<Instances>]| -> Vec<HostRecord> {
        let kept = effects.iter().filter_map(|effect| match effect {
            Effect::Persist(record) => Some(*record),
            _ => None,
        });
        kept.collect()
    };
    let mut host = Instances::new(setup(1));
    let first = proposes(&mut host, &[7, 8, 9]);
    let records = persisted(&first);
    assert!(matches!(records[..], [HostRecord::Reserved(_)]), "{records:?}");
    assert!(matches!(first[0], Effect::Persist(_)), "before anything leaves");
    let used = asked(&first);
    assert_eq!(used.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(host.snapshot(), records, "no key repeats it");

    // The next incarnation, also where it knows the key from a vote.
    let mut next = Instances::new(setup(1));
    next.receive(PeerId(2), Keyed { key: 8, part: prepare(2) }, &mut Vec::new());
    assert_eq!(next.disbelieves(&records[0]), None);
    next.restore(records[0]);
    assert!(next.disbelieves(&records[0]).is_some(), "it comes once");
    let second = proposes(&mut next, &[7, 8, 9, 10]);
    assert!(asked(&second).len() == 4 && persisted(&second).len() == 1);
    let HostRecord::Reserved(end) = records[0] else { panic!("{records:?}") };
    assert!(used.iter().all(|(_, number)| *number <= end));
    assert!(asked(&second).iter().all(|(_, number)| *number > end), "any up to it may be used");
    assert!(next.disbelieves(&persisted(&second)[0]).is_some(), "reserved now");
}
