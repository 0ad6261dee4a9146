//! The peer alone.

use super::*;
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
