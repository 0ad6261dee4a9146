//! The peer alone.

use super::*;
use crate::ring::message::Stored;
use crate::ring::transfer::Chance;

/// Peer 5 of the ring 1 5 9.
fn peer() -> Peer {
    let terms = Terms { mss: 400, window: 1, drop: Chance::default(), give_up: 60 };
    Peer::new(Setup {
        me: Key(5),
        successors: (Key(9), Key(1)),
        contact: None,
        terms,
        ping: Duration::from_secs(5),
        misses: 3,
        fingers: false,
        seed: 7,
    })
}

/// Peer 1 passes on a wish for a file that is here.
fn wish(peer: &mut Peer, id: u64, asker: u8) -> Vec<Message> {
    let name = Name::try_from(5).unwrap();
    let wish = Wish { id: TransferId(id), attempt: 0, asker: Key(asker), name, hops: 1 };
    let mut out = Vec::new();
    peer.receive(Key(1).peer(), Message::Request(wish), &mut out);
    peer.input(Input::Opened { id: TransferId(id), size: 100 }, &mut out);
    sent_to(asker, &out)
}

fn sent_to(peer: u8, out: &Effects<Peer>) -> Vec<Message> {
    let sent = out.iter().filter_map(|effect| match effect {
        Effect::Send(to, message) if *to == Key(peer).peer() => Some(message.clone()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn askers_that_never_answer_give_way_to_others_and_those_that_are_new_do_not() {
    let mut peer = peer();
    for id in 0..64 {
        assert!(matches!(wish(&mut peer, id, 20)[..], [Message::Response { .. }]), "{id}");
    }
    assert!(matches!(wish(&mut peer, 64, 9)[..], [Message::Busy { .. }]), "they may yet answer");
    let mut out = Vec::new();
    peer.clock(Duration::from_secs(1));
    peer.timeout(Timer::Tend, &mut out);
    assert!(matches!(wish(&mut peer, 65, 9)[..], [Message::Response { .. }]));
    assert_eq!(peer.outgoing.len(), 64);
}

fn stored() -> Stored {
    Stored { name: Name::try_from(5).unwrap(), size: 100, is_pdf: true }
}

/// The confirmation is lost, so the content is offered once more. The file must not stay in both
/// places.
#[test]
fn what_has_come_already_is_confirmed_again_and_what_was_here_before_is_not() {
    let (mut peer, file, name) = (peer(), stored(), stored().name);
    let look = |peer: &mut Peer, is_here: bool| {
        let mut out = Vec::new();
        peer.receive(Key(9).peer(), Message::Offer(file), &mut out);
        peer.input(Input::Has { from: Key(9), name, is_here }, &mut out);
        sent_to(9, &out)
    };
    let wants = |is_wanted: bool| [Message::Wants { name, is_wanted }];
    assert_eq!(look(&mut peer, true), wants(false), "another one");
    assert_eq!(look(&mut peer, false), wants(true));
    peer.receive(Key(9).peer(), Message::Move(file), &mut Vec::new());
    assert_eq!(look(&mut peer, true), [Message::Moved { name }]);
    assert_eq!(look(&mut peer, false), wants(true), "it is not here any more");
}

#[test]
fn a_late_confirmation_removes_the_file_and_one_of_what_was_never_sent_does_not() {
    for is_sent in [true, false] {
        let (mut peer, file, name) = (peer(), stored(), stored().name);
        let mut out = Vec::new();
        peer.receive(Key(1).peer(), Message::Ping { seq: 0, is_second: false }, &mut out);
        peer.input(Input::Quit, &mut out);
        peer.input(Input::Files(vec![file]), &mut out);
        if is_sent {
            peer.receive(Key(9).peer(), Message::Wants { name, is_wanted: true }, &mut out);
            // Nothing is heard for a minute, and it is offered once more.
            peer.clock(Duration::from_secs(61));
            peer.timeout(Timer::Tend, &mut out);
        }
        let offers = sent_to(9, &out).iter().filter(|sent| **sent == Message::Offer(file)).count();
        assert_eq!(offers, if is_sent { 2 } else { 1 });
        out.clear();
        peer.receive(Key(9).peer(), Message::Moved { name }, &mut out);
        let removes = |effect: &Effect<Peer>| {
            matches!(effect, Effect::Report(Fact::Order(FileOrder::Remove(_))))
        };
        assert_eq!(out.iter().any(removes), is_sent);
        assert!(peer.moves.is_empty());
    }
}
