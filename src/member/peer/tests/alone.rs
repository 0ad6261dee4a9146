//! One peer by itself, event by event: what it says to whom, and when it wants to be woken.

use std::time::Duration;

use crate::member::peer::{Peer, Record, Setup, Timer};
use crate::member::view::MAX_ID;
use crate::member::{Incarnation, Message, Operation, RequestId, View};
use crate::process::{Delay, Effect, PeerId, Process, proceed_while_due};

const T: Duration = Duration::from_secs(1);

/// A peer among five that has not started.
fn peer(me: u16) -> Peer {
    Peer::new(Setup {
        me: PeerId(me),
        incarnation: Incarnation(1),
        hosts: (1..=5).map(PeerId).collect(),
        group: 7,
        heartbeat: T,
        crash_after: None,
        crash_as_leader: false,
        majority: false,
    })
}

/// A view of these, each in its first incarnation.
fn view(id: u64, members: &[u16]) -> View {
    let leader = PeerId(members[0]);
    let members = members.iter().map(|id| (PeerId(*id), Incarnation(1))).collect();
    View { id, members, left: [].into(), leader }
}

/// What one event brings about.
fn effects(
    peer: &mut Peer,
    event: impl FnOnce(&mut Peer, &mut Vec<Effect<Peer>>),
) -> Vec<Effect<Peer>> {
    let mut out = Vec::new();
    event(peer, &mut out);
    proceed_while_due(peer, &mut out);
    out
}

fn hears(peer: &mut Peer, from: u16, message: Message) -> Vec<Effect<Peer>> {
    effects(peer, |peer, out| peer.receive(PeerId(from), message, out))
}

/// To whom a message of this kind goes.
fn told(out: &[Effect<Peer>], kind: fn(&Message) -> bool) -> Vec<u16> {
    let to = out.iter().filter_map(|effect| match effect {
        Effect::Send(to, message) if kind(message) => Some(to.0),
        _ => None,
    });
    to.collect()
}

fn joins(out: &[Effect<Peer>]) -> Vec<u16> {
    told(out, |message| matches!(message, Message::Join { .. }))
}

fn wakes(out: &[Effect<Peer>], timer: Timer) -> Option<Delay> {
    out.iter().find_map(|effect| match effect {
        Effect::SetTimer(set, delay) if *set == timer => Some(*delay),
        _ => None,
    })
}

#[test]
fn a_newcomer_goes_where_it_is_sent_once_and_then_waits_there() {
    let mut four = peer(4);
    let out = effects(&mut four, Peer::start);
    assert_eq!(joins(&out), [1], "the first line");
    let leader = |leader| Message::Leader { leader: PeerId(leader) };
    assert_eq!(joins(&hears(&mut four, 1, leader(3))), [3]);
    assert_eq!(joins(&hears(&mut four, 3, leader(3))), Vec::<u16>::new(), "it is there already");
    assert_eq!(joins(&hears(&mut four, 2, leader(4))), Vec::<u16>::new(), "not to itself");
    let retry = |peer: &mut Peer| effects(peer, |peer, out| peer.timeout(Timer::Retry, out));
    assert_eq!(joins(&retry(&mut four)), [3], "it has others to let in first");
    assert_eq!(joins(&retry(&mut four)), [1, 2, 3, 5], "it has said nothing since");
}

/// Fires the timer of the one who listens as often as it is set; `late`: how much too late the n-th
/// time. When it has founded a view, which one and after how many times.
fn listening(one: &mut Peer, late: impl Fn(u32) -> Duration) -> Option<(u64, u32)> {
    let mut out = effects(one, Peer::start);
    let mut now = Duration::ZERO;
    for count in 0..100 {
        let delay = wakes(&out, Timer::Found)?;
        now += delay.at_least + late(count);
        one.clock(now);
        out = effects(one, |peer, out| peer.timeout(Timer::Found, out));
        if let Some(view) = one.view() {
            return Some((view.id, count + 1));
        }
    }
    None
}

#[test]
fn a_founder_founds_above_whatever_it_remembers() {
    assert_eq!(listening(&mut peer(1), |_| Duration::ZERO), Some((0, 8)));
    let mut again = peer(1);
    again.restore(Record::Seen(6));
    again.restore(Record::Seen(7));
    assert_eq!(listening(&mut again, |_| Duration::ZERO), Some((8, 8)));
    for (seen, founds) in [(MAX_ID - 2, Some((MAX_ID - 1, 8))), (MAX_ID - 1, None)] {
        let mut last = peer(1);
        last.restore(Record::Seen(seen));
        assert_eq!(listening(&mut last, |_| Duration::ZERO), founds, "no id is left");
    }
}

#[test]
fn a_founder_that_stood_still_in_any_part_listens_anew() {
    for part in 0..8 {
        let late = |count| if count == part { T / 4 } else { Duration::ZERO };
        assert_eq!(listening(&mut peer(1), late), Some((0, part + 1 + 8)), "part {part}");
    }
    let little = |_| Duration::from_millis(1);
    assert_eq!(listening(&mut peer(1), little), Some((0, 8)), "a timer is always a little late");
}

#[test]
fn nobody_waits_for_the_agreement_of_the_one_who_is_asked_to_go() {
    let mut two = peer(2);
    effects(&mut two, Peer::start);
    hears(&mut two, 1, Message::new_view(&view(9, &[1, 2, 3])));
    let request = RequestId { round: 0, by: PeerId(1) };
    let op = Operation::Del { peer: PeerId(3), asked: true };
    let out = hears(&mut two, 1, Message::Req { request, view_id: 9, op });
    assert_eq!(told(&out, |message| matches!(message, Message::Ok { .. })), [1]);
    // The leader goes silent, the other does not.
    let mut out = Vec::new();
    for tick in 1..=40 {
        two.clock(T * tick / 8);
        hears(&mut two, 3, Message::Heartbeat { group: 7, view_id: 9 });
        out = effects(&mut two, |peer, out| peer.timeout(Timer::Check, out));
        if !told(&out, |_| true).is_empty() {
            break;
        }
    }
    let asks = |message: &Message| matches!(message, Message::NewLeader { .. });
    assert_eq!(told(&out, asks), [1, 3], "the dead one too: it may live");
    assert!(
        wakes(&out, Timer::Retransmit).is_some_and(|delay| delay.at_most <= T),
        "it asks again soon"
    );
    let request = RequestId { round: 1, by: PeerId(2) };
    let answer = Message::Pending { request, view_id: 9, op: Operation::Nothing, under: None };
    hears(&mut two, 3, answer);
    let next = two.view().expect("is in").clone();
    assert_eq!((next.left, next.members.contains_key(&PeerId(3))), ([PeerId(3)].into(), false));
}

#[test]
fn the_next_leader_is_the_one_who_never_hears_of_the_last_request() {
    let mut one = peer(1);
    one.setup.crash_as_leader = true;
    effects(&mut one, Peer::start);
    let out = hears(&mut one, 2, Message::new_view(&view(4, &[1, 2, 3, 4, 5])));
    let asks = |message: &Message| matches!(message, Message::Req { .. });
    assert_eq!(told(&out, asks), [3, 4, 5]);
    assert!(matches!(out.last(), Some(Effect::Halt(0))));
}
