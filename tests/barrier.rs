//! The readiness barrier with real processes on loopback.

mod common;

use std::net::UdpSocket;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::{Cluster, End, PATIENCE, Program, Scratch, free_ports, synod, until};

/// Peers on free ports, their hostsfile without roles.
struct Barrier {
    scratch: Scratch,
    ports: Vec<u16>,
}

impl Barrier {
    fn new(count: usize) -> Self {
        let (scratch, ports) = (Scratch::new(), free_ports(count));
        let lines = ports.iter().map(|port| format!("127.0.0.1:{port}\n"));
        scratch.file("hosts", lines.collect::<String>());
        Self { scratch, ports }
    }

    fn command(&self, id: usize, words: &str) -> Command {
        let mut command = synod(&format!("ready --id {id} {words}"));
        command.arg("-h").arg(self.scratch.path("hosts"));
        command
    }

    fn start(&self, id: usize, words: &str) -> Program {
        Program::start(self.command(id, words))
    }
}

/// How many lines are just `READY`.
fn readies(end: &[String]) -> usize {
    end.iter().filter(|line| *line == "READY").count()
}

#[test]
fn five_at_once_are_ready_and_leave_together() {
    let barrier = Barrier::new(5);
    let mut peers: Vec<Program> = (1..=5).map(|id| barrier.start(id, "--exit")).collect();
    for peer in &mut peers {
        let end = peer.end();
        assert_eq!((end.code, end.out.len(), &end.err[..]), (Some(0), 0, &["READY".into()][..]));
    }
}

#[test]
fn nobody_is_ready_before_the_last_and_then_all_are_at_once() {
    let barrier = Barrier::new(4);
    // Whoever waited for the interval would wait for an hour.
    let early: Vec<Program> = [2, 4, 1].map(|id| barrier.start(id, "--interval 3600")).into();
    thread::sleep(Duration::from_millis(700));
    assert!(early.iter().all(|peer| peer.err().is_empty()), "nobody is ready");
    let begun = Instant::now();
    let late = barrier.start(3, "--interval 3600");
    for peer in early.iter().chain([&late]) {
        peer.says("READY");
    }
    assert!(begun.elapsed() < PATIENCE / 2, "a round trip, not an interval");
}

#[test]
fn a_late_peer_becomes_ready_long_after_the_others() {
    let barrier = Barrier::new(3);
    let first = [1, 2, 3].map(|id| barrier.start(id, ""));
    for peer in &first {
        peer.says("READY");
    }
    let [one, two, mut three] = first;
    three.kill();
    let again = barrier.start(3, "");
    again.says("READY");
    for peer in [one, two] {
        assert_eq!(readies(&peer.err()), 1, "once");
    }
}

#[test]
fn when_time_is_up_it_says_who_is_missing_and_which_half() {
    let barrier = Barrier::new(4);
    // One that speaks and never listens.
    let half = UdpSocket::bind(("127.0.0.1", barrier.ports[2])).expect("is free");
    let mut peer = barrier.start(1, "--timeout 1.5 --interval 0.1");
    let other = barrier.start(2, "");
    until("its end", || {
        half.send_to(b"ALIVE?", ("127.0.0.1", barrier.ports[0])).expect("loopback takes it");
        thread::sleep(Duration::from_millis(20));
        (!peer.is_running()).then_some(())
    });
    let end = peer.end();
    let want = "peer1: not ready: not heard from peer4; heard from, but not acknowledged by peer3";
    assert_eq!((end.code, &end.err[..]), (Some(1), &[want.to_owned()][..]));
    assert!(other.err().is_empty());
}

#[test]
fn ready_in_time_is_exit_0_and_the_answers_go_on_until_then() {
    let barrier = Barrier::new(2);
    let mut one = barrier.start(1, "--timeout 1");
    let mut two = barrier.start(2, "--timeout 1 --exit");
    for peer in [&mut one, &mut two] {
        let End { code, err, .. } = peer.end();
        assert_eq!((code, readies(&err)), (Some(0), 1), "one without --exit: {err:?}");
    }
}

#[test]
fn what_is_no_datagram_of_a_peer_harms_nobody() {
    let barrier = Barrier::new(3);
    let victim = barrier.start(1, "-d");
    victim.says("sent ALIVE?");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let posing = UdpSocket::bind(("127.0.0.1", barrier.ports[1])).expect("is free");
    let to = ("127.0.0.1", barrier.ports[0]);
    let big = vec![b'A'; 60_000];
    for socket in [&stranger, &posing] {
        for bytes in [&b""[..], b"ACK", b"ALIVE?\n", b"\xff\0\x1b[31m", b"HEARTBEAT 1 x", &big] {
            socket.send_to(bytes, to).expect("loopback takes it");
        }
    }
    for _ in 0..3 {
        stranger.send_to(b"ACK!", to).expect("loopback takes it");
        stranger.send_to(b"READY", to).expect("loopback takes it");
    }
    victim.says("which is not a peer's address");
    victim.says("dropped a datagram from peer2: it says nothing");
    victim.says("dropped a datagram from peer2: longer than 1200 bytes");
    assert_eq!(readies(&victim.err()), 0);
    drop(posing);
    let others = [2, 3].map(|id| barrier.start(id, ""));
    for peer in others.iter().chain([&victim]) {
        peer.says("READY");
    }
    assert!(victim.err().iter().all(|line| !line.contains('\u{1b}')));
}

#[test]
fn debug_lines_tell_every_datagram_with_a_time_stamp() {
    let barrier = Barrier::new(2);
    let one = barrier.start(1, "-d");
    let two = barrier.start(2, "");
    two.says("READY");
    one.says("READY");
    for want in ["sent ALIVE? to peer2", "received ALIVE? from peer2", "sent ACK! to peer2"] {
        let line = one.says(want);
        let (stamp, rest) = line.split_at(15);
        let digits = |at: &[usize]| at.iter().all(|at| stamp.as_bytes()[*at].is_ascii_digit());
        assert!(digits(&[0, 1, 3, 4, 6, 7, 9, 14]) && rest == format!(" peer1 {want}"), "{line}");
    }
}

#[test]
fn a_name_that_never_resolves_is_waited_for_and_named() {
    let scratch = Scratch::new();
    let port = free_ports(1)[0];
    scratch.file("hosts", format!("127.0.0.1:{port}\nno-such-host.invalid:{port}\n"));
    let mut command = synod("ready --id 1 --timeout 1");
    command.arg("-h").arg(scratch.path("hosts"));
    let end = Program::start(command).end();
    assert_eq!(
        (end.code, &end.err[..]),
        (Some(1), &["peer1: not ready: not heard from peer2".into()][..])
    );
}

#[test]
fn two_processes_with_one_identity_are_one_too_many() {
    let barrier = Barrier::new(2);
    let one = barrier.start(1, "-d");
    one.says("sent ALIVE?");
    let end = barrier.start(1, "").end();
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:?}");
    assert!(end.err[0].contains("opening UDP port"), "{end:?}");
}

#[test]
fn a_proposer_waits_for_the_barrier_if_it_is_told_to() {
    let mut cluster = Cluster::of_file("hostsfile-testcase1.txt");
    for id in [1, 2, 3, 4] {
        cluster.run(id, "-v X --ready --wait 0");
    }
    thread::sleep(Duration::from_millis(700));
    assert!(cluster.peer(1).out().is_empty(), "the learner is not there");
    cluster.run(5, "--ready");
    assert_eq!(cluster.choice([1, 2, 3, 4, 5]), "X");
    cluster.peer(1).says("READY");
    cluster.finish(&[1, 2, 3, 4, 5]);
}

#[test]
fn local_judges_the_barrier() {
    let end = Program::start(synod("local ready -d 0.3,0,0.1 --interval 10")).end();
    assert_eq!(end.code, Some(0), "{end:#?}");
    assert_eq!(end.out.last().map(String::as_str), Some("passed: 5 peers, and all are ready"));
    let head = end.out.iter().position(|line| line == "peer    ready after").expect("a table");
    for (row, id) in end.out[head + 1..].iter().zip(1..=5) {
        let after =
            row.strip_prefix(&format!("peer{id}   ")).and_then(|row| row.strip_suffix(" s"));
        let after: f64 = after.and_then(|after| after.parse().ok()).expect("a time");
        assert!(after >= 0.3, "the first is started last: {row}");
    }
}

#[test]
fn flags_that_cannot_be_used_are_refused() {
    for words in [
        "ready",
        "ready -h",
        "ready -h x --interval 0",
        "ready -h x --timeout -1",
        "ready -h x y",
        "local ready -c 5:1",
        "local ready -d x",
        "local ready -d 0,0,0,0,0,0",
        "judge ready",
        "judge ready tests/alone.hosts",
        "judge ready -h tests/alone.hosts tests/alone.hosts",
        "judge ready -h tests/alone.hosts -h tests/alone.hosts",
        "local ready --data x",
        "judge ready -h tests/alone.hosts -d 0",
        "judge ready -h tests/alone.hosts --interval 1",
    ] {
        let end = Program::start(synod(words)).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}: {end:?}");
        assert!(end.err[0].starts_with("synod: "), "{end:?}");
    }
}
