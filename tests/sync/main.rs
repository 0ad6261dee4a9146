//! The replicated file as real processes: all copies become equal, and no edit is lost.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod crashes;
mod editors;
mod judged;
mod local;
mod peers;

use std::fs;

use common::{Program, free_ports};
use peers::{Peers, noise};

const MIB: usize = 1 << 20;

/// Starts a graph: whom each peer dials.
fn start(peers: &Peers, graph: &[&[usize]]) -> Vec<Program> {
    graph.iter().enumerate().map(|(at, dial)| peers.start(at, dial, "")).collect()
}

/// Edits of all sizes, each at another peer, reach all.
fn converges(graph: &[&[usize]], sizes: &[usize]) {
    let peers = Peers::new(graph.len());
    peers.write(0, "before");
    let _programs = start(&peers, graph);
    peers.all_hold(0..graph.len(), b"before");
    for (round, size) in sizes.iter().enumerate() {
        let bytes = noise(*size, round as u64 + 7);
        peers.write(round % graph.len(), &bytes);
        peers.all_hold(0..graph.len(), &bytes);
    }
    for at in 0..graph.len() {
        assert!(peers.copies(at).is_empty(), "one after the other is no conflict");
    }
}

#[test]
fn a_chain_carries_every_size_as_it_is() {
    converges(&[&[], &[0], &[1], &[2]], &[1, 0, 1023, 1024, 1025, 3280, MIB]);
}

#[test]
fn a_star_converges() {
    converges(&[&[], &[0], &[0], &[0]], &[3280, 1, 1025, 0]);
}

#[test]
fn a_ring_converges_and_does_not_echo() {
    let peers = Peers::new(4);
    peers.write(0, "before");
    let programs = start(&peers, &[&[3], &[0], &[1], &[2]]);
    peers.all_hold(0..4, b"before");
    for round in 0..3 {
        let bytes = noise(2000, 2 * round + 1);
        peers.write(usize::try_from(round).unwrap(), &bytes);
        peers.all_hold(0..4, &bytes);
    }
    for (at, program) in programs.iter().enumerate() {
        let count = |text: &str| program.out().iter().filter(|line| line.contains(text)).count();
        let (changed, received) = if at < 3 { (1, 2) } else { (0, 3) };
        // What is printed follows on what is done.
        peers::until(&format!("peer{at} prints all: {:#?}", program.out()), || {
            count("Received: 2000 bytes") >= received
        });
        let printed = (count("file changed."), count("Received: 2000 bytes"));
        assert_eq!(printed, (changed, received), "peer{at}: {:#?}", program.out());
    }
}

#[test]
fn a_mesh_in_which_each_dials_all_converges() {
    converges(&[&[1, 2, 3], &[0, 2, 3], &[0, 1, 3], &[0, 1, 2]], &[1025, 0, 3280, 1]);
}

#[test]
fn sixty_four_mebibytes_arrive_as_they_are() {
    let peers = Peers::new(2);
    let bytes = noise(64 * MIB, 5);
    peers.write(0, &bytes);
    let _programs = start(&peers, &[&[], &[0]]);
    peers.all_hold([1], &bytes);
}

#[test]
fn the_lines_are_those_of_the_original() {
    let peers = Peers::new(2);
    peers.write(0, "one\ntwo");
    let host = peers.start(0, &[], "");
    let guest = peers.start(1, &[0], "--print");
    host.prints("New peer connection from 127.0.0.1");
    guest.prints(&format!("Connected to peer 127.0.0.1:{}", peers.ports[0]));
    let line = guest.prints("Received: 7 bytes, version 0.");
    assert!(line.ends_with(" from 127.0.0.1"), "{line}");
    guest.prints("two");
    peers.write(1, "three");
    guest.prints("notes.txt file changed.");
    host.prints("Received: 5 bytes, version 1.");
    drop(guest);
    host.prints("Peer disconnected");
    let lonely = peers.start(1, &[0, 1], "--port 1");
    drop(lonely);
}

#[test]
fn the_file_of_the_side_that_was_dialled_is_the_groups_and_the_other_is_kept() {
    let peers = Peers::new(3);
    for (at, text) in ["host", "guest", "third"].into_iter().enumerate() {
        peers.write(at, text);
    }
    let programs = start(&peers, &[&[], &[0], &[0]]);
    peers.all_hold(0..3, b"host");
    programs[1].says("is kept as notes.txt.conflict-0-");
    assert_eq!(peers.copies(1), [b"guest"]);
    assert_eq!(peers.copies(2), [b"third"]);
    assert!(peers.copies(0).is_empty());
}

#[test]
fn of_two_edits_at_once_one_wins_everywhere_and_the_other_is_kept() {
    let peers = Peers::new(3);
    peers.write(0, "before");
    let mut programs = start(&peers, &[&[], &[0], &[0]]);
    peers.all_hold(0..3, b"before");
    // Both are stopped while they are edited, so neither knows of the other.
    for program in &programs[1..] {
        peers::signal(program, "STOP");
    }
    peers.write(1, "of one");
    peers.write(2, "of two");
    for program in &programs[1..] {
        peers::signal(program, "CONT");
    }
    peers::until("all are equal", || {
        let read = peers.read(0);
        read == peers.read(1) && read == peers.read(2) && read.as_deref() != Some(b"before")
    });
    let won = peers.read(0).unwrap();
    let lost: &[u8] = if won == b"of one" { b"of two" } else { b"of one" };
    let kept: Vec<_> = (0..3).flat_map(|at| peers.copies(at)).collect();
    assert!(kept.iter().any(|copy| copy == lost), "{kept:?}");
    programs.clear();
}

#[test]
fn a_peer_that_was_away_gets_what_it_missed_and_gives_what_it_has() {
    let peers = Peers::new(3);
    peers.write(0, "before");
    let mut programs = start(&peers, &[&[], &[0], &[0]]);
    peers.all_hold(0..3, b"before");
    // Edited here only, then there only, then on both sides.
    programs.remove(1).kill();
    peers.write(1, "while it was away");
    let mut away = peers.start(1, &[0], "");
    peers.all_hold(0..3, b"while it was away");
    away.kill();
    peers.write(2, "while the other was away");
    peers.all_hold([0, 2], b"while the other was away");
    let mut away = peers.start(1, &[0], "");
    peers.all_hold(0..3, b"while the other was away");
    away.kill();
    peers.write(1, "here");
    peers.write(2, "there");
    peers.all_hold([0, 2], b"there");
    let _away = peers.start(1, &[0], "");
    peers::until("both are somewhere", || {
        let mut all: Vec<_> = (0..3).flat_map(|at| peers.copies(at)).collect();
        all.extend(peers.read(0));
        let is_equal = (1..3).all(|at| peers.read(at) == peers.read(0));
        is_equal && [&b"here"[..], b"there"].iter().all(|text| all.iter().any(|copy| copy == text))
    });
}

#[test]
fn a_state_of_another_file_or_a_damaged_one_is_refused_and_a_lost_one_is_a_file_found() {
    let peers = Peers::new(2);
    peers.write(0, "text");
    let log = peers.folder(0).join(".synod-sync/state/log");
    let mut first = peers.start(0, &[], "");
    let is_written = || fs::read_to_string(&log).is_ok_and(|text| text.contains("\"has\""));
    peers::until("the state is written", is_written);
    first.kill();
    let run = |words: &str| Program::start(peers.command(0, &[], words)).end();
    let end = run("--file other.txt");
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.err[0].contains("it is the state of the file \"notes.txt\""), "{end:?}");
    assert!(end.err[0].contains("remove ") && end.err[0].contains(".synod-sync"), "{end:?}");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.windows(7).position(|word| word == b"\"named\"").unwrap();
    bytes[at + 1] ^= 1;
    fs::write(&log, bytes).unwrap();
    let end = run("");
    assert!(end.code == Some(2) && end.err[0].contains("remove "), "{end:?}");
    fs::remove_dir_all(peers.folder(0).join(".synod-sync")).unwrap();
    let _programs = start(&peers, &[&[], &[0]]);
    peers.all_hold([1], b"text");
}

#[test]
fn a_flag_that_makes_no_sense_and_a_port_that_is_taken_are_said() {
    let peers = Peers::new(1);
    for (words, part) in [
        ("--max-size 0", "a number of bytes"),
        ("--allow 10.0.0.0/99", "a network is as in"),
        ("--bind host", "this is no IP address"),
        ("--interval 0", "a period is at least"),
        ("host:0", "a port is a number"),
        ("--file .", "names no file"),
        ("--file nowhere/x", "the directory of nowhere/x"),
        ("--what", "there is no such flag"),
    ] {
        let end = Program::start(peers.command(0, &[], words)).end();
        assert!(end.code == Some(2) && end.err[0].contains(part), "{words}: {end:?}");
    }
    let _first = peers.start(0, &[], "");
    let mut same = peers.command(0, &[], "");
    same.args(["--port", &free_ports(1)[0].to_string()]);
    let end = Program::start(same).end();
    assert!(end.code == Some(2) && end.err[0].contains("in use by another process"), "{end:?}");
    assert!(!end.err[0].contains("remove"), "what it tells to do would do harm: {end:?}");
    fs::create_dir(peers.scratch.path("other")).unwrap();
    let mut second = peers.command(0, &[], "");
    second.current_dir(peers.scratch.path("other"));
    let end = Program::start(second).end();
    assert_eq!(end.code, Some(2), "{end:?}");
    let why = format!("Failed to bind: port {}: ", peers.ports[0]);
    assert!(end.err[0].starts_with(&why), "{end:?}");
}
