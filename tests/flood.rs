//! Peers that send faster than a peer can take: its memory stays bounded, and others get through.

mod clients;
mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clients::{Client, hello, status_of};
use common::{Cluster, Program, until};

/// Three acceptors, and proposers: peer1 is true, peer5 and peer6 flood, peer7 comes last.
const ROLES: [&str; 7] =
    ["proposer1", "acceptor", "acceptor", "acceptor", "proposer2", "proposer3", "proposer4"];
/// How many questions are put in one write.
const BATCH: usize = 1000;
/// How many questions each flood has at the least: ten times what may wait.
const QUESTIONS: usize = 60_000;
/// How many it takes until their lines, unread, are many times what may wait of those.
const UNREAD_QUESTIONS: usize = 200_000;
/// By how much peer2 may grow, in KiB: outputs on account of two peers, frames for both, lines for
/// a reader that is slow, and what an allocator keeps.
const MOST_GROWTH: u64 = 16 * 1024;

/// Questions of a peer, all alike: the second answer is as good as the first.
fn questions(peer: u16) -> String {
    format!("{{\"message\":{{\"prepare\":{{\"number\":{peer},\"value\":\"Y\"}}}}}}\n").repeat(BATCH)
}

/// Puts questions in the name of `peer` until `enough`, and no fewer than `least`.
fn flood(cluster: &Cluster, peer: u16, least: usize, enough: &AtomicBool) {
    let (mut client, questions) = (Client::posing_as(peer, cluster, 2), questions(peer));
    let mut put = 0;
    while put < least || !enough.load(Ordering::Relaxed) {
        assert!(client.say(&questions), "peer2 closes the connection after {put} questions");
        put += BATCH;
    }
    // What is read before this one is read too.
    client.say("\"ping\"\n");
    assert_eq!(client.hears().as_deref(), Some("\"pong\""));
}

/// Answers peer2's hello in the name of `peer` and then takes nothing any more, again and again.
fn take_nothing(cluster: &Cluster, peer: u16, listener: &TcpListener, enough: &AtomicBool) {
    listener.set_nonblocking(true).expect("an option");
    let mut held: Vec<TcpStream> = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        thread::yield_now();
        let Ok((mut stream, _)) = listener.accept() else { continue };
        stream.set_nonblocking(false).expect("an option");
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|count| count == 1) && byte != *b"\n" {}
        if stream.write_all(hello(cluster, peer).as_bytes()).is_ok() {
            held.push(stream);
        }
    }
    assert!(!held.is_empty(), "peer2 dials peer{peer}");
}

/// Floods peer2, whose process id is given, in two names while peer7 has the choice confirmed; its
/// growth in KiB.
fn growth_under_flood(cluster: &Cluster, pid: u32, least: usize, answered: bool) -> u64 {
    let before = status_of(pid, "VmRSS");
    let enough = AtomicBool::new(false);
    let seven = cluster.command(7, "-v Z --wait 0");
    thread::scope(|scope| {
        let enough = &enough;
        if answered {
            for peer in [5, 6] {
                let listener = TcpListener::bind(("127.0.0.1", cluster.ports[peer - 1]));
                let listener = listener.expect("nobody else is peer5 or peer6");
                let peer = u16::try_from(peer).expect("few");
                scope.spawn(move || take_nothing(cluster, peer, &listener, enough));
            }
        }
        let floods = [5, 6].map(|peer| scope.spawn(move || flood(cluster, peer, least, enough)));
        let seven = Program::start(seven);
        let line = seven.prints("\"action\":\"chose\"");
        assert!(line.contains("\"message_value\":\"X\""), "{line}");
        enough.store(true, Ordering::Relaxed);
        for flood in floods {
            flood.join().expect("the flood is taken to its end");
        }
    });
    status_of(pid, "VmHWM").saturating_sub(before)
}

/// Peers 1 to 3 with X chosen, by peer2's vote among others: peer4 is missing.
fn decided(start_peer2: impl FnOnce(&mut Cluster)) -> Cluster {
    let mut cluster = Cluster::new(&ROLES);
    cluster.run(1, "-v X --wait 0");
    cluster.run(3, "");
    start_peer2(&mut cluster);
    assert_eq!(cluster.choice([1, 3]), "X");
    cluster
}

#[test]
fn a_flood_by_two_peers_takes_bounded_memory_and_a_third_gets_through() {
    for (answered, durable) in [(false, false), (true, false), (true, true)] {
        let mut cluster = decided(|cluster| {
            cluster.durable = durable;
            // As in `synod ... | head -1`: nothing is printed after that.
            let closed = Program::start_reading(cluster.command(2, ""), 1);
            cluster.adopt(2, closed);
            cluster.durable = false;
        });
        let pid = cluster.peer(2).pid();
        let grown = growth_under_flood(&cluster, pid, QUESTIONS, answered);
        assert!(grown <= MOST_GROWTH, "by {grown} KiB; answered: {answered}, durable: {durable}");
        assert!(cluster.peer(2).is_running() && !cluster.peer(2).err().is_empty());
    }
}

/// A peer whose lines nobody takes.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_flood_of_lines_that_nobody_reads_takes_bounded_memory() {
    let mut unread = None;
    let cluster = decided(|cluster| {
        let mut command = cluster.command(2, "");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        unread = Some(Unread(command.spawn().expect("the program starts")));
    });
    let unread = unread.expect("was started");
    // The printer's own limit, once waiting and once being written.
    let most = MOST_GROWTH + 2 * 8 * 1024;
    let grown = growth_under_flood(&cluster, unread.0.id(), UNREAD_QUESTIONS, false);
    assert!(grown <= most, "by {grown} KiB");
}

/// Each new connection of a peer ends the one before, also when the client keeps it open.
#[test]
fn a_peer_that_connects_again_and_again_has_few_threads() {
    let mut cluster = Cluster::new(&ROLES);
    cluster.start(2, "");
    // By then its other threads are there.
    cluster.peer(2).says("waiting for peer7");
    let pid = cluster.peer(2).pid();
    let (before, mut kept) = (status_of(pid, "Threads"), Vec::new());
    for _ in 0..200 {
        kept.push(Client::posing_as(5, &cluster, 2));
    }
    // Sixteen that may be about to end, and the one that listens for outputs or dials.
    let threads = status_of(pid, "Threads");
    assert!(threads <= before + 20, "from {before} to {threads} threads");
    until("the end of all but the newest", || {
        (status_of(pid, "Threads") <= before + 1).then_some(())
    });
}
