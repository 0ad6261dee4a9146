//! The group with real processes on loopback, and a heartbeat shortened to a fifth of a second.

mod common;
mod members;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use common::{Program, Scratch, at_once, free_ports, peer, signal, synod};
use members::agree;

/// Far above what a busy machine needs from one thread to the next.
const BEAT: &str = "--heartbeat 0.2";

struct Group {
    scratch: Scratch,
    ports: Vec<u16>,
    peers: BTreeMap<u16, Program>,
}

impl Group {
    fn new(count: usize) -> Self {
        let (scratch, ports) = (Scratch::new(), free_ports(count));
        let lines = ports.iter().map(|port| format!("127.0.0.1:{port}\n"));
        scratch.file("hosts", lines.collect::<String>());
        Self { scratch, ports, peers: BTreeMap::new() }
    }

    fn start(&mut self, id: u16, words: &str) -> &Program {
        let mut command = peer(&format!("member --id {id} {BEAT} {words}"));
        command.arg("-h").arg(self.scratch.path("hosts"));
        self.peers.insert(id, Program::start(command));
        &self.peers[&id]
    }

    fn agree(&self, ids: &[u16]) -> u64 {
        agree(&self.peers, ids)
    }

    /// Starts these, one after the other.
    fn gather(count: u16, words: &str) -> Self {
        let mut group = Self::new(usize::from(count));
        for id in 1..=count {
            group.start(id, words);
            let ids: Vec<u16> = (1..=id).collect();
            group.agree(&ids);
        }
        group
    }
}

/// The four cases of the lab, at a fifth of their time.
#[test]
fn the_four_cases_of_the_lab() {
    let cases = [
        ("", "[1,2,3,4,5] are one group"),
        ("-c 5:0.8", "[1,2,3,4] are one group"),
        ("-c 2:6,3:4,4:2.4,5:0.8", "[1] are one group"),
        ("-t", "[2,3,4] are one group"),
    ];
    at_once(2, cases.len(), |case| {
        let (flags, want) = cases[case];
        let scratch = Scratch::new();
        let picture = scratch.path("run.svg");
        let words = format!("local member -d 0,0.4,0.8,1.2,1.6 {BEAT} {flags}");
        let words = format!("{words} --draw {}", picture.display());
        let end = Program::start(synod(&words)).end();
        assert_eq!(end.code, Some(0), "{flags}: {end:#?}");
        assert_eq!(end.out.last(), Some(&format!("passed: {want}")));
        let removed = end.out.iter().filter(|line| line.ends_with(", then removed"));
        assert_eq!(removed.count(), usize::from(flags == "-t"), "{flags}: {end:#?}");
        let drawn = fs::read_to_string(&picture).expect("it was drawn");
        assert!(drawn.contains("The last view is ") && drawn.contains(">ms</text>"), "{drawn}");
        // What it printed is judged by the same rules, to the letter.
        let log = scratch.file("log", end.err.join("\n"));
        let left = want.trim_end_matches(" are one group");
        let words = format!("check --strict --expect {left} {}", log.display());
        let judged = Program::start(synod(&words)).end();
        assert_eq!(judged.code, Some(0), "{judged:#?}");
        let last_case = flags == "-t";
        let has = |text: &str| end.err.iter().any(|line| line.ends_with(text));
        assert_eq!(has("message:\"peer 1 (leader) unreachable\"}"), last_case);
        assert!(!last_case || !has("message:\"peer 5 unreachable\"}"), "it left on request");
    });
}

#[test]
fn lines_are_printed_to_the_letter_and_as_json_for_tools() {
    let mut group = Group::new(2);
    group.start(1, "--json");
    group.agree(&[1]);
    group.start(2, "-c 0.5");
    group.agree(&[1, 2]);
    group.agree(&[1]);
    let one = &group.peers[&1];
    // Two threads read the two streams: what is seen of one says nothing of the other.
    one.prints("\"view_id\":2");
    let lines: Vec<String> = one.err().into_iter().filter(|line| line.starts_with('{')).collect();
    assert_eq!(
        lines,
        [
            "{peer_id: 1, view_id: 0, leader: 1, memb_list: [1]}",
            "{peer_id: 1, view_id: 1, leader: 1, memb_list: [1,2]}",
            "{peer_id: 1, view_id: 1, leader: 1, message:\"peer 2 unreachable\"}",
            "{peer_id: 1, view_id: 2, leader: 1, memb_list: [1]}",
        ]
    );
    assert_eq!(
        one.out(),
        [
            "{\"peer_id\":1,\"view_id\":0,\"leader\":1,\"memb_list\":[1]}",
            "{\"peer_id\":1,\"view_id\":1,\"leader\":1,\"memb_list\":[1,2]}",
            "{\"peer_id\":1,\"view_id\":1,\"leader\":1,\"message\":\"peer 2 unreachable\"}",
            "{\"peer_id\":1,\"view_id\":2,\"leader\":1,\"memb_list\":[1]}",
        ]
    );
    let end = group.peers.get_mut(&2).expect("was started").end();
    assert_eq!(end.code, Some(0), "as told");
    assert_eq!(
        end.err.last().map(String::as_str),
        Some("{peer_id: 2, view_id: 1, leader: 1, message:\"crashing\"}")
    );
}

#[test]
fn killed_peers_are_removed_and_join_again() {
    let mut group = Group::gather(4, "");
    group.peers.get_mut(&1).expect("was started").kill();
    group.agree(&[2, 3, 4]);
    group.start(1, "");
    group.agree(&[1, 2, 3, 4]);
    group.peers.get_mut(&3).expect("was started").kill();
    group.start(3, "");
    assert!(group.agree(&[1, 2, 3, 4]) >= 7);
}

#[test]
fn a_paused_member_is_removed_and_joins_again() {
    let group = Group::gather(3, "");
    for paused in [2, 1] {
        signal("STOP", group.peers[&paused].pid());
        let rest: Vec<u16> = (1..=3).filter(|id| *id != paused).collect();
        group.agree(&rest);
        signal("CONT", group.peers[&paused].pid());
        group.agree(&[1, 2, 3]);
        let err = group.peers[&paused].err();
        let removed = err.iter().position(|line| line.contains("was removed by view"));
        assert!(removed.is_some(), "{err:?}");
    }
}

#[test]
fn with_majorities_a_minority_stands_still() {
    let mut group = Group::gather(3, "--majority");
    for id in [2, 3] {
        group.peers.get_mut(&id).expect("was started").kill();
    }
    let one = &group.peers[&1];
    let line = one.says("keeps view 2");
    assert!(line.ends_with("1 of its 3 members are alive, and a new one needs 2"), "{line}");
    assert!(!one.err().iter().any(|line| line.contains("view_id: 3")));
}

#[test]
fn noise_and_strangers_harm_no_group() {
    let group = Group::gather(3, "");
    let noise = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let big = vec![0xff; 60_000];
    for _ in 0..50 {
        for port in &group.ports {
            for bytes in [&b""[..], b"HEARTBEAT", b"HEARTBEAT 999 x", b"ALIVE?", b"\xff\xfe", &big]
            {
                noise.send_to(bytes, ("127.0.0.1", *port)).expect("loopback takes it");
            }
        }
    }
    for port in &group.ports {
        let mut stream = TcpStream::connect(("127.0.0.1", *port)).expect("it listens");
        let _ = stream.write_all(b"{\"join\":{\"life\":1,\"seen\":null}}\n\xff\0garbage\n");
    }
    thread::sleep(Duration::from_secs(1));
    assert_eq!(group.agree(&[1, 2, 3]), 2, "nothing has changed");
}

#[test]
fn a_peer_with_another_file_stays_outside() {
    let mut group = Group::gather(2, "");
    // Peer 3 has the ports of the others, and one more line.
    let more = free_ports(2);
    let all = group.ports.iter().chain(&more);
    let lines: Vec<String> = all.map(|port| format!("127.0.0.1:{port}\n")).collect();
    let other = group.scratch.file("other", lines.concat());
    let mut command = peer(&format!("member --id 3 {BEAT}"));
    command.arg("-h").arg(other);
    group.peers.insert(3, Program::start(command));
    group.peers[&3].says("differ");
    group.peers[&1].says("differ");
    assert_eq!(group.agree(&[1, 2]), 1);
}

#[test]
fn another_protocol_is_turned_away() {
    let group = Group::gather(2, "");
    // Paxos, as peer 2 would speak it.
    let mut stream = TcpStream::connect(("127.0.0.1", group.ports[0])).expect("it listens");
    stream
        .write_all(b"{\"hello\":{\"protocol\":\"paxos/1\",\"peer\":2,\"fingerprint\":\"0\"}}\n")
        .expect("it reads");
    group.peers[&1].says("peer2 speaks paxos/1, peer1 speaks member/3");
    assert_eq!(group.agree(&[1, 2]), 1);
}

#[test]
fn a_second_process_with_the_same_identity_ends() {
    let group = Group::gather(2, "");
    let mut command = peer("member --id 2");
    command.arg("-h").arg(group.scratch.path("hosts"));
    let end = Program::start(command).end();
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.err[0].contains("listening on port"), "{end:?}");
    assert_eq!(group.agree(&[1, 2]), 1);
}

#[test]
fn flags_that_cannot_be_used_are_refused() {
    for words in [
        "member",
        "member -h x --heartbeat 0",
        "member -h x -c x",
        "member -h x y",
        "local member -c 6:1",
        "local member --draw run.png",
        "local member -c 5",
        "local member -c 5:1,5:2",
        "local member -c 1:1,2:1,3:1,4:1,5:1",
        "judge member",
        "local member --trace x",
        "judge member -h x -c a",
        "judge member -h tests/alone.hosts -d 0",
        "judge member -h tests/alone.hosts --heartbeat 1",
        "judge member -h tests/alone.hosts --majority",
    ] {
        let end = Program::start(synod(words)).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}: {end:?}");
        assert!(end.err[0].starts_with("synod: "), "{end:?}");
    }
}
