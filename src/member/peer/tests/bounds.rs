//! What a large group, a liar and a damaged disk can do to a member.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use crate::member::peer::{Peer, Record, Setup, Timer};
use crate::member::{Incarnation, Message, Operation, RequestId, View};
use crate::process::{PeerId, Process, proceed_while_due};

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
