//! With majorities and a memory: whoever starts again, and however many, the group goes on.

use std::time::Duration;

use super::world::{T, World};
use crate::member::peer::{Peer, Phase, Setup, Timer};
use crate::member::view::MAX_ID;
use crate::member::{Fact, Incarnation, Message, Operation, Record, RequestId, View};
use crate::process::{Effect, PeerId, Process, proceed_while_due};

fn group(seed: u64, size: u16) -> World {
    let mut world = World::new(seed, size);
    world.majority = true;
    world
}

/// Starts these in a random order, each up to `gap` after the one before.
fn start(world: &mut World, mut down: Vec<u16>, gap: u64) {
    while !down.is_empty() {
        let next = usize::try_from(world.below(down.len() as u64)).expect("few");
        world.start(down.swap_remove(next));
        let gap = world.below(gap);
        world.run(gap);
    }
}

fn last_id(world: &World) -> u64 {
    *world.views.keys().next_back().expect("there was one")
}

#[test]
fn any_part_of_a_group_may_start_again_at_once() {
    let (mut same, mut later) = (0, 0);
    for down in [vec![1, 2, 3, 4, 5], vec![1, 2, 3], vec![3, 4, 5], vec![1, 4, 5], vec![2]] {
        for seed in 0..40 {
            let mut world = group(seed, 5);
            world.gather();
            world.crash_all(&down);
            let away = world.below(6 * T);
            world.run(away);
            start(&mut world, down.clone(), 4 * T);
            world.until_agreed(&[1, 2, 3, 4, 5], 12 * T);
            let back = world.said.iter().filter(|said| matches!(said.2, Fact::Resumed(_)));
            assert_eq!(back.count(), down.len(), "each goes on from what it remembers");
            if last_id(&world) > 4 { later += 1 } else { same += 1 }
        }
    }
    assert!(same > 10 && later > 100, "{same} groups went on as they were, {later} changed");
}

/// All crash, the leader first, behind each of its sends in turn while somebody joins and somebody
/// is removed. The world asserts that no two views have one id.
#[test]
fn what_was_pending_is_finished_after_all_have_started_again() {
    let mut finished = 0;
    for sends in 0..60 {
        let mut world = group(sends, 5);
        (1..=4).for_each(|at| world.start(at));
        world.until_agreed(&[1, 2, 3, 4], 12 * T);
        world.crash(4);
        world.start(5);
        world.crash_in(1, sends);
        world.run(3 * T);
        let before = last_id(&world);
        world.crash_all(&[1, 2, 3, 5]);
        start(&mut world, vec![1, 2, 3, 5], T);
        world.until_agreed(&[1, 2, 3, 5], 20 * T);
        finished += usize::from(last_id(&world) > before);
    }
    assert!(finished > 10, "{finished}");
}

#[test]
fn who_does_not_come_back_is_removed_and_who_lost_everything_is_let_in() {
    for seed in 0..20 {
        let mut world = group(seed, 5);
        world.gather();
        (1..=5).for_each(|at| world.crash(at));
        world.lose(2);
        start(&mut world, vec![2, 3, 4, 5], T);
        world.until_agreed(&[2, 3, 4, 5], 12 * T);
        let incarnations = &world.views[&last_id(&world)].members;
        assert_eq!(
            incarnations[&PeerId(2)],
            Incarnation(2002),
            "another member: it has forgotten its promises"
        );
        assert_eq!(incarnations[&PeerId(3)], Incarnation(3001), "the same member");
        world.start(1);
        world.until_agreed(&[1, 2, 3, 4, 5], 12 * T);
    }
}

#[test]
fn who_lost_everything_does_not_count_as_the_member_that_it_was() {
    let mut world = group(1, 5);
    world.gather();
    (1..=5).for_each(|at| world.crash(at));
    for at in [3, 4, 5] {
        world.lose(at);
    }
    start(&mut world, vec![1, 2, 3, 4, 5], T);
    world.run(60 * T);
    assert_eq!(last_id(&world), 4, "two of five remember");
    let says = world.said.iter().filter(|said| matches!(said.2, Fact::NoMajority { .. }));
    assert!(says.count() >= 1);
    assert_eq!(world.list(3), Vec::<u16>::new());
}

/// All whom 3 knows are gone for good, and none of those who are here knows that it is back.
#[test]
fn one_that_comes_back_to_strangers_asks_to_be_let_in() {
    let mut world = group(2, 5);
    (1..=3).for_each(|at| world.start(at));
    world.until_agreed(&[1, 2, 3], 12 * T);
    world.crash(3);
    world.until_agreed(&[1, 2], 12 * T);
    world.start(4);
    world.until_agreed(&[1, 2, 4], 12 * T);
    world.start(5);
    world.until_agreed(&[1, 2, 4, 5], 12 * T);
    for (gone, left) in [(1, vec![2, 4, 5]), (2, vec![4, 5])] {
        world.crash(gone);
        world.until_agreed(&left, 12 * T);
    }
    world.start(3);
    world.until_agreed(&[3, 4, 5], 12 * T);
}

/// The last view was told to nobody but the one whom it removed, and that one starts again.
#[test]
fn whoever_was_removed_passes_the_view_on_after_a_start_too() {
    let mut world = group(3, 4);
    world.gather();
    world.pause(4, 4 * T);
    let agrees = |world: &World, at: u16| match &world.peer(at).phase {
        Phase::In(member) => member.promises.pending.is_some(),
        Phase::Joining(_) | Phase::Out => false,
    };
    while !(agrees(&world, 2) && agrees(&world, 3)) {
        assert!(world.now < 100 * T, "nobody asks for the removal");
        world.run(1);
    }
    world.cut.extend([(1, 2), (1, 3)]);
    while !world.list(4).is_empty() {
        assert!(world.now < 100 * T, "it does not learn that it is out");
        world.run(1);
    }
    assert_eq!((world.list(1), world.list(2)), (vec![1, 2, 3], vec![1, 2, 3, 4]));
    world.crash(1);
    world.crash(4);
    world.cut.clear();
    world.start(4);
    world.until_agreed(&[2, 3, 4], 20 * T);
}

#[test]
fn one_that_left_on_request_may_be_started_again() {
    let mut world = group(4, 5);
    world.crash_as_leader = true;
    (1..=5).for_each(|at| world.start(at));
    world.until_agreed(&[2, 3, 4], 20 * T);
    assert!(world.peer(5).is_out());
    world.crash(5);
    world.start(5);
    world.until_agreed(&[2, 3, 4, 5], 12 * T);
}

// One peer by itself.

fn member(majority: bool, incarnation: u64) -> Peer {
    Peer::new(Setup {
        me: PeerId(2),
        incarnation: Incarnation(incarnation),
        hosts: (1..=3).map(PeerId).collect(),
        group: 7,
        heartbeat: Duration::from_millis(T),
        crash_after: None,
        crash_as_leader: false,
        majority,
    })
}

fn view(id: u64, lowest: u16) -> View {
    let members = (lowest..=3).map(|id| (PeerId(id), Incarnation(1))).collect();
    View { id, members, left: [].into(), leader: PeerId(lowest) }
}

fn step(
    peer: &mut Peer,
    event: impl FnOnce(&mut Peer, &mut Vec<Effect<Peer>>),
) -> Vec<Effect<Peer>> {
    let mut out = Vec::new();
    event(peer, &mut out);
    proceed_while_due(peer, &mut out);
    out
}

/// The records of these effects. No message that tells of a view or a promise stands before the
/// last of them.
fn recorded(out: &[Effect<Peer>]) -> Vec<Record> {
    let is_record = |effect: &Effect<Peer>| matches!(effect, Effect::Persist(_));
    let last = out.iter().rposition(is_record);
    let sends = |effect: &Effect<Peer>| match effect {
        Effect::Send(_, message) => !matches!(message, Message::Leader { .. }),
        effect => matches!(effect, Effect::Cast(..)),
    };
    let first = out.iter().position(sends);
    assert!(last.is_none() || first.is_none() || last < first, "{out:?}");
    let records = out.iter().filter_map(|effect| match effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    });
    records.collect()
}

fn by(round: u64, peer: u16) -> RequestId {
    RequestId { round, by: PeerId(peer) }
}

/// Everything that is promised stands before the message that says so.
#[test]
fn nothing_is_answered_before_it_is_recorded() {
    let mut two = member(true, 1);
    assert_eq!(recorded(&step(&mut two, Peer::start)), [Record::Incarnation(Incarnation(1))]);
    let hears = |peer: &mut Peer, from: u16, message: Message| {
        recorded(&step(peer, |peer, out| peer.receive(PeerId(from), message, out)))
    };
    let nine = view(9, 1);
    assert_eq!(hears(&mut two, 1, Message::new_view(&nine)), [Record::View(nine.clone())]);
    let op = Operation::Del { peer: PeerId(3), asked: false };
    let request = by(0, 1);
    let req = Message::Req { request, view_id: 9, op };
    let promise = |promised, pending| Record::Promise { promised, pending };
    assert_eq!(hears(&mut two, 1, req.clone()), [promise(request, Some((request, op)))]);
    assert_eq!(hears(&mut two, 1, req), [], "it is recorded already");
    let asks = Message::NewLeader { request: by(4, 3), view_id: 9, op: Operation::Pending };
    assert_eq!(hears(&mut two, 3, asks), [promise(by(4, 3), Some((request, op)))]);
    let busy = Message::Req { request: by(2, 1), view_id: 9, op };
    assert_eq!(hears(&mut two, 1, busy), [], "refused");
    // All of it again, in another process; and above it a first phase of its own.
    let mut again = member(true, 77);
    two.snapshot().into_iter().for_each(|record| again.restore(record));
    let out = step(&mut again, Peer::start);
    assert_eq!(recorded(&out), []);
    assert!(matches!(&out[0], Effect::Report(Fact::Resumed(view)) if *view == nine), "{out:?}");
    let mut asked = Vec::new();
    for tick in 1..=20 {
        again.clock(Duration::from_millis(T / 4) * tick);
        let beat = Message::Heartbeat { group: 7, view_id: 9 };
        again.receive(PeerId(3), beat, &mut Vec::new());
        asked.extend(recorded(&step(&mut again, |peer, out| peer.timeout(Timer::Check, out))));
    }
    assert_eq!(asked, [promise(by(5, 2), Some((request, op)))]);
}

/// The right to ask without a first phase is good for one question, whatever became of it.
#[test]
fn a_leader_that_starts_again_never_asks_under_round_0() {
    let mut two = member(true, 1);
    step(&mut two, Peer::start);
    let nine = view(9, 2);
    step(&mut two, |peer, out| peer.receive(PeerId(3), Message::new_view(&nine), out));
    let mut again = member(true, 77);
    two.snapshot().into_iter().for_each(|record| again.restore(record));
    step(&mut again, Peer::start);
    let join = Message::Join { incarnation: Incarnation(5), seen: None };
    let out = step(&mut again, |peer, out| peer.receive(PeerId(1), join, out));
    let request = by(1, 2);
    assert_eq!(recorded(&out), [Record::Promise { promised: request, pending: None }]);
    let asks = Message::NewLeader { request, view_id: 9, op: Operation::Pending };
    let is_it = |e: &Effect<Peer>| matches!(e, Effect::Send(PeerId(3), m) if *m == asks);
    assert!(out.iter().any(is_it), "{out:?}");
}

/// Peer 2 in the first process that remembers this, and what it does at its start.
fn starting(records: &[Record], crash_as_leader: bool) -> (Peer, Vec<Effect<Peer>>) {
    let mut peer = member(true, 77);
    peer.setup.crash_as_leader = crash_as_leader;
    peer.setup.hosts.remove(&PeerId(1));
    for record in records {
        peer.restore(record.clone());
    }
    let out = step(&mut peer, Peer::start);
    (peer, out)
}

fn asks(out: &[Effect<Peer>], round: u64) -> bool {
    let request = by(round, 2);
    out.iter().any(|effect| match effect {
        Effect::Send(PeerId(3), Message::NewLeader { request: asked, .. }) => *asked == request,
        _ => false,
    })
}

#[test]
fn a_leader_that_starts_again_asks_at_once_what_was_pending() {
    let known = [Record::Incarnation(Incarnation(1)), Record::View(view(9, 2))];
    let (_, out) = starting(&known, false);
    assert!(!asks(&out, 1), "nothing was: {out:?}");
    let promised = by(0, 2);
    let op = Operation::Add { peer: PeerId(1), incarnation: Incarnation(1), seen: None };
    let [incarnation, view] = known;
    let promise = Record::Promise { promised, pending: Some((promised, op)) };
    let (_, out) = starting(&[incarnation, view, promise], false);
    assert!(asks(&out, 1), "{out:?}");
}

#[test]
fn an_ordered_crash_asks_nothing_under_a_number_that_may_have_been_used() {
    let (_, out) = starting(&[Record::Incarnation(Incarnation(1)), Record::View(view(9, 2))], true);
    let is_it =
        |e: &Effect<Peer>| matches!(e, Effect::Halt(_) | Effect::Send(_, Message::Req { .. }));
    assert!(!out.iter().any(is_it), "{out:?}");
}

#[test]
fn no_number_beyond_the_last_is_promised() {
    for (last, more) in [(MAX_ID - 2, true), (MAX_ID - 1, false)] {
        let promise = Record::Promise { promised: by(last, 3), pending: None };
        let known = [Record::Incarnation(Incarnation(1)), Record::View(view(9, 2)), promise];
        let (mut peer, _) = starting(&known, false);
        let join = Message::Join { incarnation: Incarnation(5), seen: None };
        let out = step(&mut peer, |peer, out| peer.receive(PeerId(1), join, out));
        assert_eq!((asks(&out, last + 1), recorded(&out).len()), (more, usize::from(more)));
    }
}

#[test]
fn a_view_that_was_seen_without_this_member_never_has_it() {
    let mut two = member(true, 1);
    step(&mut two, Peer::start);
    let hears = |peer: &mut Peer, view: &View| {
        step(peer, |peer, out| peer.receive(PeerId(3), Message::new_view(view), out));
        peer.view().map(|view| view.id)
    };
    assert_eq!(hears(&mut two, &view(12, 3)), None, "it is not in it");
    assert_eq!(hears(&mut two, &view(12, 2)), None, "one of the two is false");
    assert_eq!(hears(&mut two, &view(13, 2)), Some(13));
}

#[test]
fn without_majorities_only_ids_are_recorded_and_a_start_is_another_member() {
    let mut two = member(false, 1);
    assert_eq!(recorded(&step(&mut two, Peer::start)), []);
    let hears = |peer: &mut Peer, message: Message| {
        recorded(&step(peer, |peer, out| peer.receive(PeerId(1), message, out)))
    };
    assert_eq!(hears(&mut two, Message::new_view(&view(9, 1))), [Record::Seen(9)]);
    let op = Operation::Del { peer: PeerId(3), asked: false };
    assert_eq!(hears(&mut two, Message::Req { request: by(0, 1), view_id: 9, op }), []);
    assert_eq!(two.snapshot(), [Record::Seen(9)]);
    let mut again = member(false, 2);
    again.restore(Record::Seen(9));
    let out = step(&mut again, Peer::start);
    let join = Message::Join { incarnation: Incarnation(2), seen: Some(9) };
    assert!(matches!(&out[0], Effect::Send(PeerId(1), message) if *message == join), "{out:?}");
}

#[test]
fn records_that_cannot_follow_each_other_are_not_believed() {
    let request = by(3, 1);
    let del = |peer| Operation::Del { peer: PeerId(peer), asked: false };
    let promise = |promised, op| Record::Promise { promised, pending: Some((request, op)) };
    let of = |records: &[Record]| {
        let mut peer = member(true, 7);
        for record in records {
            assert_eq!(peer.disbelieves(record), None, "{record:?}");
            peer.restore(record.clone());
        }
        peer
    };
    let known = of(&[
        Record::Incarnation(Incarnation(1)),
        Record::View(view(9, 1)),
        promise(by(5, 3), del(1)),
    ]);
    for good in [promise(by(5, 3), del(1)), Record::View(view(10, 2)), Record::Seen(9)] {
        assert_eq!(known.disbelieves(&good), None, "{good:?}");
    }
    let round =
        |round| Record::Promise { promised: by(round, 3), pending: Some((request, del(1))) };
    assert_eq!(known.disbelieves(&round(MAX_ID - 1)), None);
    let add =
        |seen| Operation::Add { peer: PeerId(1), incarnation: Incarnation(1), seen: Some(seen) };
    assert_eq!(known.disbelieves(&promise(by(6, 1), add(MAX_ID - 2))), None);
    assert_eq!(known.disbelieves(&Record::View(view(MAX_ID - 1, 1))), None);
    for bad in [
        Record::Incarnation(Incarnation(1)),
        Record::View(view(9, 1)),
        Record::View(view(8, 1)),
        Record::View(view(MAX_ID, 1)),
        Record::View(view(11, 4)),
        Record::Seen(8),
        Record::Seen(MAX_ID),
        promise(by(4, 3), del(1)),
        Record::Promise { promised: by(5, 3), pending: None },
        Record::Promise { promised: by(5, 3), pending: Some((by(6, 1), del(1))) },
        promise(by(6, 1), del(9)),
        promise(by(6, 1), Operation::Nothing),
        promise(by(6, 1), add(MAX_ID - 1)),
        round(MAX_ID),
    ] {
        assert!(known.disbelieves(&bad).is_some(), "{bad:?}");
    }
    let outside = of(&[Record::Incarnation(Incarnation(1)), Record::View(view(9, 3))]);
    assert!(outside.disbelieves(&promise(by(5, 3), del(1))).is_some(), "it is in no view");
}

/// Whatever is installed can be read again, up to the last id; and that one stays.
#[test]
fn the_last_view_id_is_installed_recorded_read_and_never_passed() {
    for majority in [false, true] {
        let mut peer = member(majority, 1);
        // It has seen views up to there, so it believes in such ids.
        peer.restore(Record::Seen(MAX_ID - 3));
        let mut records = recorded(&step(&mut peer, Peer::start));
        let before = view(MAX_ID - 2, 2);
        let told = Message::new_view(&before);
        assert_eq!(peer.objection(PeerId(3), &told), None);
        records.extend(recorded(&step(&mut peer, |p, out| p.receive(PeerId(3), told, out))));
        let join = Message::Join { incarnation: Incarnation(5), seen: Some(MAX_ID - 2) };
        assert_eq!(peer.objection(PeerId(1), &join), None);
        records.extend(recorded(&step(&mut peer, |p, out| p.receive(PeerId(1), join, out))));
        let ok = Message::Ok { request: by(0, 2), view_id: MAX_ID - 2 };
        let out = step(&mut peer, |p, out| p.receive(PeerId(3), ok, out));
        records.extend(recorded(&out));
        assert_eq!(peer.view().map(|view| view.id), Some(MAX_ID - 1), "{out:?}");
        let last = Fact::LastId { view_id: MAX_ID - 1 };
        let says = |e: &Effect<Peer>| matches!(e, Effect::Report(fact) if *fact == last);
        assert!(out.iter().any(says), "{out:?}");
        // Nothing can follow: nobody is asked, whoever wants in and whoever dies.
        let join = Message::Join { incarnation: Incarnation(6), seen: None };
        let mut after = step(&mut peer, |p, out| p.receive(PeerId(1), join, out));
        for tick in 1..=40 {
            peer.clock(Duration::from_millis(T / 4) * tick);
            after.extend(step(&mut peer, |p, out| p.timeout(Timer::Check, out)));
        }
        let asks = |e: &Effect<Peer>| matches!(e, Effect::Send(_, Message::Req { .. }));
        assert_eq!(recorded(&after), []);
        assert!(!after.iter().any(asks), "{after:?}");
        assert_eq!(peer.view().map(|view| view.id), Some(MAX_ID - 1));
        let mut again = member(majority, 2);
        again.restore(Record::Seen(MAX_ID - 3));
        for record in records {
            assert_eq!(again.disbelieves(&record), None, "{record:?}");
            again.restore(record);
        }
        assert_eq!(again.seen, Some(MAX_ID - 1));
        // A view beyond is believed of nobody.
        let beyond = Message::new_view(&view(MAX_ID, 1));
        assert!(again.objection(PeerId(3), &beyond).is_some());
    }
}
