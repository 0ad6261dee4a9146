//! Names and addresses that are not what they should be, now or ever.

mod common;

use common::Cluster;

const ROLES: [&str; 4] = ["proposer1", "acceptor1", "acceptor1", "acceptor1"];

/// A group whose peers are on loopback aliases: they listen there, but dial from 127.0.0.1.
fn on_aliases() -> Cluster {
    let cluster = Cluster::new(&ROLES);
    let line = |(at, port): (usize, &u16)| format!("127.0.0.{}:{port}:{}\n", at + 2, ROLES[at]);
    let text: String = cluster.ports.iter().enumerate().map(line).collect();
    cluster.scratch.file("hosts", text);
    cluster
}

#[test]
fn an_honest_peer_from_an_unexpected_address_is_named_once_and_heard() {
    let mut cluster = on_aliases();
    for id in [2, 3, 4, 1] {
        cluster.start(id, "-v X");
    }
    assert_eq!(cluster.choice([1, 2, 3, 4]), "X");
    let want = "peer1 comes from 127.0.0.1, which its name does not resolve to";
    let said = cluster.peer(2).err().iter().filter(|line| line.contains(want)).count();
    assert_eq!(said, 1);
}

#[test]
fn with_strict_address_it_is_turned_away() {
    let mut cluster = on_aliases();
    for id in [2, 3, 4] {
        cluster.start(id, "--strict-address");
    }
    cluster.start(1, "-v X --wait 0");
    cluster.peer(2).says("rejected 127.0.0.1: peer1 comes from 127.0.0.1");
    cluster.peer(1).says("no link with peer2");
    cluster.peer(1).says("cannot propose yet");
    assert!(cluster.peer(2).out().is_empty());
}

#[test]
fn a_name_that_does_not_resolve_is_said_once_and_nobody_waits_for_it() {
    let mut cluster = Cluster::new(&ROLES);
    let mut text = std::fs::read_to_string(cluster.hosts()).expect("was written");
    let last = format!("127.0.0.1:{}", cluster.ports[3]);
    text = text.replace(&last, &format!("no-such-name.invalid:{}", cluster.ports[3]));
    cluster.scratch.file("hosts", text);
    for id in [2, 3] {
        cluster.start(id, "");
    }
    cluster.start(1, "-v X --wait 1");
    assert_eq!(cluster.choice([1, 2, 3]), "X");
    let want = "the name no-such-name.invalid does not resolve yet";
    cluster.peer(1).says(want);
    let said = cluster.peer(1).err().iter().filter(|line| line.contains(want)).count();
    assert_eq!(said, 1);
}
