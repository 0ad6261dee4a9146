//! One peer, event by event: what it refuses, which records it doubts, and whom it tells.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::paxos::instances::{HostRecord, Instances, Keyed};
use crate::process::proceed_while_due;

/// Peer 1 proposes to 3, 4 and 5, and 6 learns; peer 2 proposes to 4 and 5, and 2 and 5 learn.
fn setup(me: u16) -> Setup {
    let electorate = |acceptors: &[u16], learners: &[u16]| Electorate {
        acceptors: acceptors.iter().map(|id| PeerId(*id)).collect(),
        learners: learners.iter().map(|id| PeerId(*id)).collect(),
    };
    let proposers =
        [(PeerId(1), electorate(&[3, 4, 5], &[6])), (PeerId(2), electorate(&[4, 5], &[2, 5]))];
    let candidate = (me <= 2).then_some(X);
    let roles = Roles { peers: 6, proposers: proposers.into() };
    Setup { me: PeerId(me), roles, candidate, delay: Duration::ZERO, link_wait: Duration::ZERO }
}

const X: Value = Value('X');

fn peer(me: u16) -> Peer {
    Peer::new(Arc::new(setup(me)))
}

fn n(number: u64) -> ProposalNumber {
    ProposalNumber::new(number).unwrap()
}

fn accepted(number: u64) -> Accepted {
    Accepted { number: n(number), value: X }
}

fn ack(answers: u64, min_proposal: u64, held: Option<u64>) -> Ack {
    Ack {
        answers: n(answers),
        min_proposal: n(min_proposal),
        accepted: held.map(accepted),
        asked: X,
    }
}

fn accept(number: u64) -> Message {
    Message::Accept { number: n(number), value: X }
}

fn chosen(number: u64) -> Message {
    Message::Chosen { number: n(number), value: X }
}

/// What the peer sends and says, in words.
fn step(peer: &mut Peer, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) -> Vec<String> {
    let mut out = Vec::new();
    event(peer, &mut out);
    let told = out.iter().filter_map(|effect| match effect {
        Effect::Send(to, Message::AcceptAck(ack)) => Some(format!("ack {} to {to}", ack.answers)),
        Effect::Send(to, Message::PrepareAck(_)) => Some(format!("promise to {to}")),
        Effect::Send(to, Message::Chosen { number, .. }) => {
            Some(format!("chosen {number} to {to}"))
        }
        Effect::Report(Fact::Chose { number, .. }) => Some(format!("chose {number}")),
        Effect::Persist(_) => None,
        other => panic!("{other:?}"),
    });
    told.collect()
}

fn hears(peer: &mut Peer, from: u16, message: Message) -> Vec<String> {
    step(peer, |peer, out| peer.receive(PeerId(from), message, out))
}

fn links(peer: &mut Peer, with: u16) -> Vec<String> {
    step(peer, |peer, out| peer.connected(PeerId(with), out))
}

#[test]
fn what_no_honest_peer_can_have_sent_is_refused_and_all_else_is_not() {
    let prepare = |number| Message::Prepare { number: n(number), value: X };
    let promise = |answers, min, held| Message::PrepareAck(ack(answers, min, held));
    let vote = |answers, min, held| Message::AcceptAck(ack(answers, min, held));
    let table = [
        (3, 1, prepare(1), ""),
        (3, 2, prepare(1), "proposal 1 belongs to peer1, not to peer2"),
        (3, 2, prepare(2), "peer3 is no acceptor of peer2"),
        (4, 2, accept(2), ""),
        (4, 1, accept(2), "proposal 2 belongs to peer2"),
        (1, 3, promise(1, 1, None), ""),
        (1, 3, promise(1, 7, Some(7)), ""),
        (1, 3, promise(7, 7, Some(1)), ""),
        (1, 3, promise(7, 1, None), "its promise 1 is below its own numbers"),
        (1, 3, promise(7, 7, Some(13)), "its promise 7 is below its own numbers"),
        (1, 3, promise(1, 8, None), "peer3 is no acceptor of the proposer of 8"),
        (1, 4, promise(1, 8, None), ""),
        (2, 4, promise(1, 1, None), "it answers 1, which peer2 never asked"),
        (1, 3, vote(1, 1, Some(1)), ""),
        (1, 3, vote(1, 7, None), ""),
        (1, 3, vote(1, 1, None), "it grants 1 without holding it"),
        (1, 3, vote(7, 7, Some(1)), "it grants 7 without holding it"),
        (6, 3, vote(1, 1, Some(1)), ""),
        (6, 3, vote(1, 7, None), "it answers 1, which peer6 never asked"),
        (5, 3, vote(1, 1, Some(1)), "it answers 1, which peer5 never asked"),
        (4, 3, chosen(1), ""),
        (4, 3, chosen(3), "proposal 3 belongs to no proposer"),
    ];
    for (me, from, message, want) in table {
        let found = peer(me).objection(PeerId(from), &message);
        let fits = match &found {
            None => want.is_empty(),
            Some(found) => !want.is_empty() && found.starts_with(want),
        };
        assert!(fits, "peer{from} to peer{me}: {message:?}: {found:?}, not {want:?}");
        let keyed = Keyed { key: 7, part: message };
        assert_eq!(Instances::new(setup(me)).objection(PeerId(from), &keyed), found, "with a key");
    }
}

#[test]
fn a_record_in_which_something_falls_is_doubted() {
    let record = |promise: u64, vote: Option<u64>| {
        let accepted = vote.map(accepted);
        Record::Acceptor(Acceptor { min_proposal: Some(n(promise)), accepted })
    };
    let restored = [record(7, Some(1)), Record::LastNumber(n(7))];
    let table = [
        (record(7, Some(1)), None),
        (record(13, Some(1)), None),
        (record(13, Some(13)), None),
        (record(1, Some(1)), Some("falls below")),
        (record(7, None), Some("falls below")),
        (record(7, Some(13)), Some("falls below")),
        (Record::LastNumber(n(13)), None),
        (Record::LastNumber(n(7)), Some("number 7 was")),
        (Record::LastNumber(n(1)), Some("number 1 was")),
    ];
    let (mut one, mut host) = (peer(3), Instances::new(setup(3)));
    for part in restored {
        one.restore(part);
        host.restore(HostRecord::Of(Keyed { key: 7, part }));
    }
    assert_eq!(one.snapshot(), restored);
    assert_eq!(host.snapshot(), restored.map(|part| HostRecord::Of(Keyed { key: 7, part })));
    for (part, want) in table {
        let found = one.disbelieves(&part);
        let fits = found.as_ref().map(|found| want.is_some_and(|want| found.contains(want)));
        assert_eq!(fits, want.map(|_| true), "{part:?}: {found:?}");
        let keyed = |key| HostRecord::Of(Keyed { key, part });
        assert_eq!(host.disbelieves(&keyed(7)), found, "with a key");
        assert_eq!(host.disbelieves(&keyed(8)), None, "of another decision");
    }
    assert_eq!(peer(3).snapshot(), [], "of a peer that has done nothing");
}

#[test]
fn a_choice_is_passed_on_once_to_all_who_may_not_know_it() {
    let mut acceptor = peer(3);
    let said = hears(&mut acceptor, 4, chosen(1));
    assert_eq!(said, ["chose 1", "chosen 1 to peer2", "chosen 1 to peer5", "chosen 1 to peer6"]);
    assert_eq!(acceptor.chosen(), Some(accepted(1)));
    assert!(hears(&mut acceptor, 5, chosen(7)).is_empty(), "the same value again");
    assert_eq!(acceptor.chosen(), Some(accepted(1)));
    // A proposer speaks of its own round only.
    let said = hears(&mut peer(1), 4, chosen(1));
    assert_eq!(said, [2, 3, 5, 6].map(|to| format!("chosen 1 to peer{to}")));
    // And to whoever comes later.
    assert_eq!(links(&mut acceptor, 6), ["chosen 1 to peer6"]);
    assert!(links(&mut acceptor, 1).is_empty(), "it neither accepts nor learns");
    let (mut host, mut out) = (Instances::new(setup(3)), Vec::new());
    host.receive(PeerId(4), Keyed { key: 7, part: chosen(1) }, &mut out);
    host.connected(PeerId(6), &mut out);
    assert_eq!((host.chosen(7), host.chosen(8)), (Some(accepted(1)), None));
    assert_eq!(*host.connected_peers(), [PeerId(6)].into());
    let told = |effect: &&Effect<Instances>| {
        matches!(effect, Effect::Send(PeerId(6), Keyed { key: 7, part: Message::Chosen { .. } }))
    };
    assert_eq!(out.iter().filter(told).count(), 2, "at once, and over the new link");
}

#[test]
fn an_acceptance_reaches_each_learner_of_its_proposer_once() {
    let mut acceptor = peer(5);
    assert!(links(&mut acceptor, 4).is_empty());
    assert_eq!(hears(&mut acceptor, 1, accept(1)), ["ack 1 to peer1"], "6 is not connected");
    assert_eq!(links(&mut acceptor, 6), ["ack 1 to peer6"]);
    assert!(links(&mut acceptor, 4).is_empty(), "it learns nothing");
    assert!(links(&mut acceptor, 2).is_empty(), "it learns of its own numbers only");
    // Peer 2 asks and learns: it has its answer.
    assert_eq!(hears(&mut acceptor, 2, accept(2)), ["ack 2 to peer2", "ack 2 to peer5"]);
    assert_eq!(hears(&mut acceptor, 1, accept(7)), ["ack 7 to peer1", "ack 7 to peer6"]);
    // What a higher promise has overtaken is no acceptance under its own number any more.
    let prepare = Message::Prepare { number: n(13), value: X };
    assert_eq!(hears(&mut acceptor, 1, prepare), ["promise to peer1"]);
    assert!(links(&mut acceptor, 6).is_empty());
    assert_eq!(hears(&mut acceptor, 1, accept(7)), ["ack 7 to peer1"], "a refusal is for it alone");
}

#[test]
fn a_learner_counts_for_its_own_proposer_alone() {
    let mut learner = peer(6);
    for from in [4, 5] {
        let vote = Message::AcceptAck(ack(2, 2, Some(2)));
        assert!(hears(&mut learner, from, vote).is_empty(), "not of its proposer");
    }
    assert!(hears(&mut learner, 3, Message::AcceptAck(ack(1, 1, Some(1)))).is_empty(), "one");
    assert!(hears(&mut learner, 4, Message::AcceptAck(ack(1, 7, Some(1)))).is_empty(), "refused");
    let said = hears(&mut learner, 4, Message::AcceptAck(ack(1, 1, Some(1))));
    assert_eq!(said[0], "chose 1");
    assert_eq!(said[1..], [2, 3, 4, 5].map(|to| format!("chosen 1 to peer{to}")));
}

/// A decision with a key measures its rounds and fires its timers as one without.
#[test]
fn each_key_has_the_clock_and_the_timers_of_its_peer() {
    let (mut host, mut out) = (Instances::new(setup(1)), Vec::new());
    host.input(Keyed { key: 7, part: X }, &mut out);
    out.clear();
    host.timeout(Keyed { key: 7, part: Timer::Waiting }, &mut out);
    let said = out.iter().find_map(|effect| match effect {
        Effect::Report(Keyed { key: 7, part }) => Some(part.to_string()),
        _ => None,
    });
    let want = "cannot propose yet: needs links with 2 acceptors, has nobody, \
                waits for peer3, peer4, peer5";
    assert_eq!(said.unwrap(), want);
    for other in 2..=6 {
        host.connected(PeerId(other), &mut out);
    }
    proceed_while_due(&mut host, &mut out);
    host.clock(Duration::from_secs(3));
    for acceptor in [3, 4] {
        let part = Message::PrepareAck(ack(1, 1, None));
        host.receive(PeerId(acceptor), Keyed { key: 7, part }, &mut out);
    }
    out.clear();
    proceed_while_due(&mut host, &mut out);
    let deadline = out.iter().find_map(|effect| match effect {
        Effect::SetTimer(Keyed { key: 7, part: Timer::Answer }, delay) => Some(delay.at_most),
        _ => None,
    });
    assert_eq!(deadline, Some(Duration::from_secs(6)), "twice as long as the promises took");
}

#[test]
fn an_acceptor_begins_nothing_and_records_what_has_changed() {
    let mut acceptor = peer(3);
    assert!(step(&mut acceptor, Peer::start).is_empty());
    let records = |acceptor: &mut Peer, message| {
        let mut out = Vec::new();
        acceptor.receive(PeerId(1), message, &mut out);
        assert!(matches!(out.last(), Some(Effect::Send(PeerId(1), _))), "it answers at last");
        out.len() - 1
    };
    let prepare = |number| Message::Prepare { number: n(number), value: X };
    assert_eq!(records(&mut acceptor, prepare(7)), 1);
    assert_eq!(records(&mut acceptor, prepare(7)), 0, "the same promise");
    assert_eq!(records(&mut acceptor, accept(1)), 0, "a refusal");
    assert_eq!(records(&mut acceptor, accept(7)), 1);
    assert_eq!(records(&mut acceptor, accept(7)), 0, "the same acceptance");
}
