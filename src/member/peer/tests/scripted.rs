//! Single situations.

use super::world::{T, World};
use crate::member::{Fact, Message, Operation, RequestId, View};
use crate::process::PeerId;

/// The ids of the views that a peer has installed.
fn views_of(world: &World, at: u16) -> Vec<u64> {
    let views = world.said.iter().filter_map(|(_, who, fact)| match fact {
        Fact::Installed(view) if *who == at => Some(view.id),
        _ => None,
    });
    views.collect()
}

#[test]
fn five_join_and_every_member_prints_every_view() {
    let mut world = World::new(1, 5);
    world.gather();
    assert_eq!(views_of(&world, 1), [0, 1, 2, 3, 4]);
    assert_eq!(views_of(&world, 4), [3, 4]);
    assert_eq!(world.views[&3].ids(), [1, 2, 3, 4].map(PeerId).into());
    world.run(100 * T);
    assert_eq!(world.views.len(), 5, "nothing changes in a group at rest");
}

#[test]
fn a_dead_member_is_named_by_all_and_removed_between_two_and_two_and_a_half_periods() {
    let mut world = World::new(1, 5);
    world.gather();
    world.run(3 * T + 300);
    let died = world.now;
    world.crash(5);
    world.until_agreed(&[1, 2, 3, 4], 4 * T);
    assert!((T..5 * T / 2).contains(&(world.now - died)), "{}", world.now - died);
    assert_eq!(world.told_of(5).keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    world.run(20 * T);
    let count = world.said.iter().filter(|s| matches!(s.2, Fact::Unreachable { .. })).count();
    assert_eq!(count, 4, "once per silence");
}

#[test]
fn they_go_one_by_one_until_the_first_is_alone() {
    let mut world = World::new(2, 5);
    world.gather();
    for last in (2..=5).rev() {
        world.crash(last);
        let left: Vec<u16> = (1..last).collect();
        world.until_agreed(&left, 4 * T);
    }
    assert_eq!(views_of(&world, 1), (0..=8).collect::<Vec<_>>());
}

#[test]
fn a_new_leader_finishes_what_it_never_saw_and_then_removes_the_dead_one() {
    let mut world = World::new(3, 5);
    world.crash_as_leader = true;
    world.gather_but_the_first_crashes();
    world.until_agreed(&[2, 3, 4], 10 * T);
    assert_eq!(world.views[&5].ids(), [1, 2, 3, 4].map(PeerId).into(), "first the pending one");
    assert_eq!(world.views[&6].ids(), [2, 3, 4].map(PeerId).into());
    assert_eq!(views_of(&world, 5), [4]);
    assert!(world.peer(5).is_out() && world.told_of(5).is_empty(), "it left on request");
    world.run(30 * T);
    assert_eq!(world.views.len(), 7, "it stays out and silent");
    assert_eq!(world.told_of(1).len(), 3);
    // From the take-over on the new leader is named; what comes before it names the old one.
    let leaders = |view: u64| -> Vec<PeerId> {
        let of = world.said.iter().filter_map(|(_, _, fact)| match fact {
            Fact::Installed(of) | Fact::Unreachable { view: of, .. } if of.id == view => Some(of),
            _ => None,
        });
        of.map(|view| view.leader).collect()
    };
    assert_eq!(leaders(4), [PeerId(1); 8], "five install it, and three miss the leader");
    assert_eq!((leaders(5), leaders(6)), (vec![PeerId(2); 3], vec![PeerId(2); 3]));
}

impl World {
    fn gather_but_the_first_crashes(&mut self) {
        for at in 1..=5 {
            self.start(at);
            self.run(2 * T);
        }
        assert!(!self.is_up(1));
    }
}

#[test]
fn one_that_was_paused_is_removed_learns_it_and_joins_again() {
    let mut world = World::new(4, 4);
    world.gather();
    for (paused, rest) in [(3, [1, 2, 4]), (1, [2, 3, 4])] {
        world.pause(paused, 10 * T);
        world.until_agreed(&rest, 6 * T);
        assert!(world.told_of(paused).len() >= 3);
        let before = world.said.len();
        world.run(10 * T);
        world.until_agreed(&[1, 2, 3, 4], 5 * T);
        let by_paused = world.said[before..].iter().filter(|said| said.1 == paused);
        let alarms = by_paused.filter(|said| matches!(said.2, Fact::Unreachable { .. })).count();
        assert_eq!(alarms, 0, "it was paused itself");
    }
}

#[test]
fn a_short_pause_is_no_death() {
    let mut world = World::new(5, 4);
    world.gather();
    for (at, ms) in [(1, 900), (2, 800), (3, 950), (4, 240), (1, 600)] {
        world.pause(at, ms);
        world.run(3 * T);
    }
    assert_eq!(world.views.len(), 4);
}

#[test]
fn a_member_that_dies_while_its_agreement_is_awaited_stalls_nothing() {
    let mut world = World::new(6, 5);
    for at in 1..=4 {
        world.start(at);
        world.run(2 * T);
    }
    world.crash(3);
    world.start(5);
    world.until_agreed(&[1, 2, 4, 5], 8 * T);
}

#[test]
fn whoever_starts_again_at_once_joins_again_as_another() {
    for again in [1, 2, 4] {
        let mut world = World::new(7, 4);
        world.gather();
        world.crash(again);
        world.start(again);
        world.until_agreed(&[1, 2, 3, 4], 6 * T);
        let last = world.views.keys().next_back().copied();
        assert!(last >= Some(5), "out, and in again: {last:?}");
    }
}

#[test]
fn a_first_line_that_starts_again_founds_nothing_while_others_are_there() {
    let mut world = World::new(8, 3);
    world.gather();
    world.crash(1);
    world.until_agreed(&[2, 3], 4 * T);
    world.start(1);
    world.until_agreed(&[1, 2, 3], 4 * T);
    assert_eq!(world.views.len(), 5);
}

#[test]
fn a_first_line_that_stood_still_while_it_listened_listens_again() {
    // Also if it goes on just before its time to listen is over.
    for ms in [100, 300, 440, 480, 495, 499, 501, 600, 2 * T] {
        let mut world = World::new(16, 3);
        world.gather();
        world.crash(1);
        world.until_agreed(&[2, 3], 4 * T);
        world.start(1);
        world.run(1);
        world.pause(1, ms);
        world.until_agreed(&[1, 2, 3], 8 * T);
        assert_eq!(world.views.len(), 5, "after a pause of {ms} ms");
    }
}

/// 2 is let in again and does not hear of it; then the first line starts again, which may found
/// nothing. 2 has been sent to it before, and must not be kept there: 3 and 4 need it.
#[test]
fn with_majorities_a_first_line_that_waits_itself_keeps_nobody() {
    let mut untold = 0;
    for cut_after in 1..20 {
        let mut world = World::new(17, 4);
        world.majority = true;
        world.gather();
        world.crash(2);
        world.until_agreed(&[1, 3, 4], 4 * T);
        world.start(2);
        world.run(cut_after);
        world.cut.insert((1, 2));
        world.run(20);
        let is_in = world.list(3).len() == 4;
        untold += usize::from(is_in && world.list(2).is_empty());
        world.crash(1);
        world.start(1);
        world.cut.clear();
        if is_in {
            world.until_agreed(&[1, 2, 3, 4], 12 * T);
        }
    }
    assert!(untold > 3, "{untold} times in, and not told");
}

#[test]
fn all_at_once_is_a_way_to_start_too() {
    let mut world = World::new(9, 9);
    (1..=9).for_each(|at| world.start(at));
    world.until_agreed(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 10 * T);
    assert_eq!(world.views.len(), 9);
}

#[test]
fn with_majorities_a_minority_keeps_its_view_and_says_so() {
    let mut world = World::new(10, 5);
    world.majority = true;
    world.gather();
    // 1 and 2 on one side.
    for one in 1..=2 {
        for other in 3..=5 {
            world.cut.extend([(one, other), (other, one)]);
        }
    }
    world.until_agreed(&[3, 4, 5], 8 * T);
    world.run(10 * T);
    assert_eq!((world.list(1).len(), world.list(2).len()), (5, 5));
    let says = world.said.iter().filter(|s| matches!(s.2, Fact::NoMajority { .. }));
    assert_eq!(says.map(|said| said.1).collect::<Vec<_>>(), [1], "the one who would lead, once");
    world.cut.clear();
    world.until_agreed(&[1, 2, 3, 4, 5], 8 * T);
}

/// The leader asks for the removal of 3, which is paused, while 4 is dead and nobody knows. Then
/// 3 is back, and without it there is no majority for anything.
#[test]
fn with_majorities_one_that_is_back_is_asked_about_its_own_removal() {
    let mut world = World::new(15, 4);
    world.majority = true;
    world.gather();
    world.run(3 * T);
    world.pause(3, 3 * T);
    world.run(800);
    world.crash(4);
    world.until_agreed(&[1, 2, 3], 10 * T);
    assert!(!world.peer(3).is_out(), "it was asked, but not to go for good");
}

#[test]
fn by_default_the_last_one_goes_on_alone() {
    let mut world = World::new(11, 3);
    world.gather();
    world.crash(1);
    world.crash(2);
    world.until_agreed(&[3], 8 * T);
}

#[test]
fn heartbeats_of_old_views_count_for_nothing_and_of_new_ones_do() {
    use crate::member::detector::Detector;
    use crate::process::{Effect, Process};
    let mut world = World::new(12, 3);
    world.gather();
    let mut peer = world.peer(1).clone();
    let now = std::time::Duration::from_millis(world.now);
    let mut silent_after = |view_id: u64| {
        peer.detector = Detector::new(std::time::Duration::from_millis(T));
        peer.detector.watch(&[PeerId(2)].into(), now);
        let mut out = Vec::new();
        for n in 1..=12 {
            peer.clock(now + std::time::Duration::from_millis(250) * n);
            peer.receive(PeerId(2), Message::Heartbeat { group: 7, view_id }, &mut out);
            let _ = peer.detector.check(peer.now);
        }
        let answers = out.iter().filter(|e| matches!(e, Effect::Send(PeerId(2), _))).count();
        (!peer.detector.silent().is_empty(), answers)
    };
    assert_eq!(silent_after(2), (false, 0));
    assert_eq!(silent_after(1), (true, 12), "stale: no sign of life, and told what it missed");
    assert_eq!(silent_after(99), (false, 0), "from the future: alive");
}

#[test]
fn a_lower_number_is_refused_and_a_view_is_never_taken_back() {
    use crate::process::{Effect, Process};
    let mut world = World::new(13, 3);
    world.gather();
    let mut peer = world.peer(3).clone();
    let view_id = peer.view().expect("is in").id;
    let mut says = |from: u16, message: Message| {
        let mut out = Vec::new();
        peer.receive(PeerId(from), message, &mut out);
        out.into_iter().find_map(|effect| match effect {
            Effect::Send(to, message) => Some((to.0, message)),
            _ => None,
        })
    };
    let id = |round, by| RequestId { round, by: PeerId(by) };
    let op = Operation::Del { peer: PeerId(2), asked: false };
    let (first, second) = (id(0, 1), id(1, 2));
    let agreed = says(1, Message::Req { request: first, view_id, op });
    assert_eq!(agreed, Some((1, Message::Ok { request: first, view_id })));
    let asks = Message::NewLeader { request: second, view_id, op: Operation::Pending };
    let pending = Message::Pending { request: second, view_id, op, under: Some(first) };
    assert_eq!(says(2, asks), Some((2, pending)));
    let busy = Message::Busy { request: first, view_id, promised: second };
    assert_eq!(says(1, Message::Req { request: first, view_id, op }), Some((1, busy)));
    // Behind, ahead, and from one who is not in.
    let behind = says(1, Message::Req { request: first, view_id: 0, op });
    assert!(matches!(behind, Some((1, Message::NewView { .. }))), "{behind:?}");
    assert_eq!(says(1, Message::Req { request: first, view_id: 9, op }), None);
    let old = world.views[&1].clone();
    let told = says(2, Message::new_view(&old));
    assert!(matches!(told, Some((2, Message::NewView { .. }))), "{told:?}");
    assert_eq!(peer.view().map(|view| view.id), Some(view_id));
}

/// The one who made the new view may have told nobody else before it died.
#[test]
fn whoever_was_removed_tells_those_who_are_behind() {
    use crate::process::{Effect, Process};
    let mut world = World::new(18, 3);
    world.gather();
    let mut peer = world.peer(3).clone();
    let old = peer.view().expect("is in").clone();
    let new = old.after(&Operation::Del { peer: PeerId(3), asked: false }).expect("an id is left");
    let mut answer = |from: u16, view: &View| {
        let mut out = Vec::new();
        peer.receive(PeerId(from), Message::new_view(view), &mut out);
        let to_it = |effect: &Effect<_>| match effect {
            Effect::Send(PeerId(to), Message::NewView { view, .. }) if *to == from => Some(view.id),
            _ => None,
        };
        out.iter().find_map(to_it)
    };
    assert_eq!(answer(1, &new), None, "removed");
    assert_eq!(answer(2, &old), Some(new.id), "it is in the old one and does not go back");
}

#[test]
fn what_no_honest_peer_sends_is_refused() {
    use crate::process::Process;
    let mut world = World::new(14, 3);
    world.gather();
    let peer = world.peer(1);
    let view = world.views[&2].clone();
    let request = RequestId { round: 1, by: PeerId(2) };
    let far = 1 << 53;
    let (view_id, op) = (2, Operation::Nothing);
    let stranger = Operation::Del { peer: PeerId(9), asked: false };
    let mut empty = view.clone();
    empty.members.clear();
    for message in [
        Message::Heartbeat { group: 8, view_id },
        Message::Req { request, view_id, op },
        Message::Req { request, view_id, op: Operation::Pending },
        Message::Req { request: RequestId { by: PeerId(3), ..request }, view_id, op: stranger },
        Message::Req { request, view_id, op: stranger },
        Message::Req { request, view_id: far, op: Operation::Del { peer: PeerId(3), asked: true } },
        Message::NewLeader { request: RequestId { round: far, ..request }, view_id, op },
        Message::NewLeader { request, view_id, op },
        Message::Join { incarnation: crate::member::Incarnation(1), seen: Some(far) },
        Message::Leader { leader: PeerId(4) },
        Message::Pending { request, view_id, op, under: Some(request) },
        Message::Pending { request, view_id, op: stranger, under: Some(request) },
        Message::NewView { view: empty },
        Message::NewView { view: View { leader: PeerId(4), ..view.clone() } },
        Message::NewView { view: View { id: far, ..view.clone() } },
    ] {
        assert!(peer.objection(PeerId(2), &message).is_some(), "{message:?}");
    }
    for bytes in [
        &b""[..],
        b"HEARTBEAT",
        b"HEARTBEAT x 7",
        b"HEARTBEAT -1 7",
        b"HEARTBEAT 99999999999999999999 7",
        b"HEARTBEAT 1 g\x1b",
        b"ALIVE?",
        b"\xff\xfe",
        b"{\"join\":{\"life\":1,\"seen\":null}}",
    ] {
        assert_eq!(crate::member::Peer::from_datagram(bytes), None, "{bytes:?}");
    }
}
