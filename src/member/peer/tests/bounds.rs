//! What a large group, a liar and a damaged disk can do to a member.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use crate::member::lead::Leading;
use crate::member::peer::{Fact, Peer, Phase, Record, Setup, Timer};
use crate::member::{Incarnation, Message, Operation, RequestId, View};
use crate::process::{Effect, Effects, PeerId, Process, proceed_while_due};

const T: Duration = Duration::from_secs(1);

/// Peer 1, a member of a view of so many, which it leads.
fn leader_of(size: u16, view_id: u64) -> Peer {
    let mut peer = Peer::new(Setup {
        me: PeerId(1),
        incarnation: Incarnation(1),
        hosts: (1..=size).map(PeerId).collect(),
        group: 7,
        heartbeat: T,
        crash_after: None,
        crash_as_leader: false,
        majority: false,
    });
    let mut out = Vec::new();
    peer.start(&mut out);
    let members: BTreeMap<PeerId, Incarnation> =
        (1..=size).map(|id| (PeerId(id), Incarnation(1))).collect();
    let view = View { id: view_id, members, left: BTreeSet::new(), leader: PeerId(1) };
    peer.receive(PeerId(2), Message::new_view(&view), &mut out);
    assert_eq!(peer.view(), Some(&view));
    peer
}

#[test]
fn a_leader_removes_all_others_on_the_small_stack_of_a_thread() {
    let all_die = || {
        let mut peer = leader_of(255, 300);
        for tick in 0..40 {
            peer.clock(T * tick / 8);
            peer.timeout(Timer::Check, &mut Vec::new());
            proceed_while_due(&mut peer, &mut Vec::new());
        }
        peer.view().map(|view| (view.id, view.members.len()))
    };
    let thread = thread::Builder::new().stack_size(128 << 10).spawn(all_die);
    let end = thread.expect("a thread").join().expect("it ends well");
    assert_eq!(end, Some((300 + 254, 1)), "one by one");
}

#[test]
fn no_single_message_brings_a_group_to_the_end_of_its_ids() {
    let peer = leader_of(3, 10);
    let incarnation = Incarnation(9);
    let near = [10 + (1 << 20), (1 << 32) - 1];
    let far = [10 + (1 << 32), (1 << 53) - 1, 1 << 53, u64::MAX];
    let all = |seen: u64| {
        let two = |round| RequestId { round, by: PeerId(2) };
        let op = Operation::Add { peer: PeerId(3), incarnation, seen: Some(seen) };
        let removal = Operation::Del { peer: PeerId(3), asked: false };
        let view = View { id: seen, ..View::founded(0, PeerId(2), incarnation) };
        [
            Message::Join { incarnation, seen: Some(seen) },
            Message::Req { request: two(0), view_id: 10, op },
            Message::Req { request: two(seen), view_id: 10, op: removal },
            Message::NewLeader { request: two(seen), view_id: 10, op: Operation::Pending },
            Message::Busy { request: two(0), view_id: 10, promised: two(seen) },
            Message::new_view(&view),
        ]
    };
    for seen in near {
        for message in all(seen) {
            assert_eq!(peer.objection(PeerId(2), &message), None, "{message:?}");
        }
    }
    for seen in far {
        for message in all(seen) {
            assert!(peer.objection(PeerId(2), &message).is_some(), "{message:?}");
        }
    }
}

#[test]
fn a_heartbeat_names_a_view_id_that_is_one() {
    let read = |id: u64| Message::from_datagram(format!("HEARTBEAT {id} 7").as_bytes());
    let last = (1 << 53) - 1;
    assert_eq!(read(last), Some(Message::Heartbeat { group: 7, view_id: last }));
    assert_eq!(read(last + 1), None);
}

#[test]
fn a_record_that_nobody_wrote_is_not_read() {
    let peer = leader_of(3, 10);
    let read = |text: &str| {
        let record = serde_json::from_str::<Record>(text).ok()?;
        peer.disbelieves(&record).is_none().then_some(record)
    };
    assert_eq!(read("{\"seen\":41}"), Some(Record::Seen(41)));
    assert_eq!(serde_json::to_string(&Record::Seen(41)).expect("a record"), "{\"seen\":41}");
    // The first is of an earlier form.
    for text in ["41", "{\"seen\":9007199254740992}", "{\"seen\":-1}", "{\"seen\":9}", "[1]"] {
        assert_eq!(read(text), None, "{text}");
    }
}

/// A peer that has not started, of a file of so many lines.
fn peer_of(me: u16, hosts: u16, heartbeat: Duration) -> Peer {
    Peer::new(Setup {
        me: PeerId(me),
        incarnation: Incarnation(1),
        hosts: (1..=hosts).map(PeerId).collect(),
        group: 7,
        heartbeat,
        crash_after: None,
        crash_as_leader: false,
        majority: false,
    })
}

/// The first incarnations of these, in a view with this id.
fn view_of(id: u64, members: &[u16]) -> View {
    let members: BTreeMap<PeerId, Incarnation> =
        members.iter().map(|id| (PeerId(*id), Incarnation(1))).collect();
    let leader = *members.keys().next().expect("somebody");
    View { id, members, left: BTreeSet::new(), leader }
}

/// What happens, and what comes of it.
fn step(peer: &mut Peer, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) -> Effects<Peer> {
    let mut out = Vec::new();
    event(peer, &mut out);
    proceed_while_due(peer, &mut out);
    out
}

fn asked(out: &Effects<Peer>) -> BTreeSet<PeerId> {
    let joins = out.iter().filter_map(|effect| match effect {
        Effect::Send(to, Message::Join { .. }) => Some(*to),
        _ => None,
    });
    joins.collect()
}

#[test]
fn with_a_short_period_a_member_tries_again_sooner_and_its_crash_is_ordered_once() {
    let mut peer = peer_of(1, 3, T / 10);
    peer.setup.crash_after = Some(T);
    let mut out = step(&mut peer, Peer::start);
    let first: BTreeMap<Timer, Duration> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetTimer(timer, delay) => Some((*timer, delay.at_most)),
            _ => None,
        })
        .collect();
    assert_eq!(first[&Timer::Retry], T / 20);
    assert_eq!(first[&Timer::Found], T / 160);
    assert_eq!(first[&Timer::Crash], T);
    out.extend(step(&mut peer, |peer, out| peer.timeout(Timer::Retry, out)));
    let is_crash = |effect: &&Effect<Peer>| matches!(effect, Effect::SetTimer(Timer::Crash, _));
    assert_eq!(out.iter().filter(is_crash).count(), 1);
}

/// Some at a time; also as a member of a view that lacks its majority.
#[test]
fn a_few_tries_ask_all_others_and_one_line_tells_that_nobody_answers() {
    for is_in in [false, true] {
        let mut peer = peer_of(20, 40, T);
        step(&mut peer, Peer::start);
        if is_in {
            step(&mut peer, |peer, out| peer.take_view(view_of(0, &[20, 21]), out));
            let Phase::In(member) = &mut peer.phase else { panic!("it is in") };
            member.lacking = Some(0);
        }
        let again = |_| {
            let mut out = Vec::new();
            peer.timeout(Timer::Retry, &mut out);
            out
        };
        let tries: Vec<Effects<Peer>> = (0..20).map(again).collect();
        let all: BTreeSet<PeerId> = tries[..3].iter().flat_map(asked).collect();
        assert_eq!(all, (1..=40).filter(|id| *id != 20).map(PeerId).collect());
        assert!(tries.iter().all(|out| asked(out).len() <= 17));
        let is_told = |effect: &Effect<Peer>| matches!(effect, Effect::Report(Fact::Waiting));
        let waits = |out: &Effects<Peer>| out.iter().any(is_told);
        let told: Vec<usize> = (0..20).filter(|at| waits(&tries[*at])).collect();
        assert_eq!(told, if is_in { vec![] } else { vec![9] }, "once");
    }
}

#[test]
fn a_first_line_that_is_named_itself_asks_the_others() {
    let mut peer = peer_of(1, 3, T);
    step(&mut peer, Peer::start);
    let named = Message::Leader { leader: PeerId(1) };
    step(&mut peer, |peer, out| peer.receive(PeerId(2), named, out));
    let out = step(&mut peer, |peer, out| peer.timeout(Timer::Retry, out));
    assert_eq!(asked(&out), [PeerId(2), PeerId(3)].into());
}

/// Each part of its time ends as late as it may without a doubt that the process ran.
#[test]
fn a_first_line_that_is_a_little_late_each_time_founds_its_view() {
    let mut peer = peer_of(1, 3, T);
    step(&mut peer, Peer::start);
    for part in 1..=8 {
        assert!(peer.view().is_none());
        peer.clock(T / 16 * 2 * part);
        step(&mut peer, |peer, out| peer.timeout(Timer::Found, out));
    }
    assert_eq!(peer.view(), Some(&view_of(0, &[1])));
}

#[test]
fn a_first_leader_without_others_does_not_crash_as_one_of_a_group_is_ordered_to() {
    for (hosts, ends) in [(1, false), (2, true)] {
        let mut peer = peer_of(1, hosts, T);
        peer.setup.crash_as_leader = true;
        step(&mut peer, Peer::start);
        let all: Vec<u16> = (1..=hosts).collect();
        let out = step(&mut peer, |peer, out| peer.take_view(view_of(1, &all), out));
        assert_eq!(out.iter().any(|effect| matches!(effect, Effect::Halt(0))), ends, "{hosts}");
    }
}

#[test]
fn whoever_joins_tells_the_first_view_with_the_highest_id_to_those_behind_it() {
    let mut peer = peer_of(3, 5, T);
    step(&mut peer, Peer::start);
    let mut hears = |view: &View| {
        let out = step(&mut peer, |peer, out| {
            peer.receive(PeerId(1), Message::new_view(view), out);
        });
        let told = out.into_iter().find_map(|effect| match effect {
            Effect::Send(_, Message::NewView { view, .. }) => Some(view),
            _ => None,
        });
        told.map(|view| (view.id, view.ids().len()))
    };
    assert_eq!(hears(&view_of(5, &[1, 2])), None);
    assert_eq!(hears(&view_of(7, &[1, 2])), None);
    assert_eq!(hears(&view_of(7, &[1, 2, 4])), None);
    assert_eq!(hears(&view_of(6, &[1, 2, 4])), Some((7, 2)));
}

/// Without majorities two views can have one id.
#[test]
fn a_view_with_the_id_of_one_without_this_peer_is_entered_unless_majorities_decide() {
    for majority in [false, true] {
        let mut peer = peer_of(3, 5, T);
        peer.setup.majority = majority;
        step(&mut peer, Peer::start);
        for view in [view_of(5, &[1, 2]), view_of(5, &[1, 3])] {
            step(&mut peer, |peer, out| {
                peer.receive(PeerId(1), Message::new_view(&view), out);
            });
        }
        assert_eq!(peer.view().is_some(), !majority);
    }
}

#[test]
fn only_a_higher_promise_for_its_open_request_gives_a_leader_pause() {
    let mut peer = leader_of(3, 10);
    // A second incarnation: the first is to be removed.
    let again = Message::Join { incarnation: Incarnation(2), seen: None };
    let out = step(&mut peer, |peer, out| peer.receive(PeerId(3), again, out));
    let open = out.iter().find_map(|effect| match effect {
        Effect::Send(_, Message::Req { request, .. }) => Some(*request),
        _ => None,
    });
    let request = open.expect("it asks");
    let other = RequestId { round: request.round + 1, by: PeerId(2) };
    for (request, promised, rests) in
        [(request, request, false), (other, other, false), (request, other, true)]
    {
        peer.refused(request, 10, promised);
        let Phase::In(member) = &peer.phase else { panic!("it is in") };
        assert_eq!(matches!(member.leading, Leading::Resting), rests, "{promised:?}");
    }
}
