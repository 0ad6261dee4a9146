//! Peers that send faster than a peer can take: its memory stays bounded, and others get through.

mod clients;
mod common;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clients::{Client, status};
use common::{Cluster, Program, until};

/// Three acceptors, and proposers: peer1 is true, peer5 and peer6 flood, peer7 comes last.
const ROLES: [&str; 7] =
    ["proposer1", "acceptor", "acceptor", "acceptor", "proposer2", "proposer3", "proposer4"];

/// How many questions the flood puts at once.
const BATCH: usize = 1000;

/// Peers 1 to 4, with X chosen, and peer4 dead, so that peer2's vote is needed. Nobody reads what
/// peer2 prints.
fn decided() -> Cluster {
    let mut cluster = Cluster::new(&ROLES);
    for id in [1, 3, 4] {
        cluster.run(id, if id == 1 { "-v X" } else { "" });
    }
    let blind = Program::start_reading(cluster.command(2, ""), 1);
    cluster.adopt(2, blind);
    assert_eq!(cluster.choice([1, 3, 4]), "X");
    cluster.peer(4).kill();
    cluster
}

/// Questions of a peer, all alike: the second answer is as good as the first.
fn questions(peer: u16) -> String {
    format!("{{\"message\":{{\"prepare\":{{\"number\":{peer},\"value\":\"Y\"}}}}}}\n").repeat(BATCH)
}

/// Puts questions in the name of `peer` until told to stop; returns how many were put.
fn flood(cluster: &Cluster, peer: u16, stop: &AtomicBool) -> usize {
    let (mut client, questions) = (Client::posing_as(peer, cluster, 2), questions(peer));
    let mut put = 0;
    while !stop.load(Ordering::Relaxed) && client.say(&questions) {
        put += BATCH;
    }
    put
}

/// Memory by which peer2 may grow under any flood, in KiB: two sources of outputs with their
/// copies, the links' queues, the readers' buffers.
const MOST_GROWTH: u64 = 16 * 1024;

#[test]
fn a_flood_by_two_peers_takes_bounded_memory_and_a_third_gets_through() {
    let mut cluster = decided();
    let before = status(cluster.peer(2), "VmRSS");
    let stop = AtomicBool::new(false);
    let put = thread::scope(|scope| {
        let flooding = [5, 6].map(|peer| {
            let (cluster, stop) = (&cluster, &stop);
            scope.spawn(move || flood(cluster, peer, stop))
        });
        std::thread::sleep(std::time::Duration::from_secs(4));
        stop.store(true, Ordering::Relaxed);
        flooding.map(|thread| thread.join().expect("no panic"))
    });
    let most = status(cluster.peer(2), "VmHWM");
    eprintln!("{put:?} {before} {most}");
    assert!(most <= before + MOST_GROWTH, "from {before} KiB to {most} KiB after {put:?}");
}
