//! Transfers on real sockets: the whole matrix is played in virtual time.

use std::fs;

use crate::appears;
use crate::common::until;
use crate::peers::{Ring, pdf};

/// Two peers, the second of which holds 0005, and asks for it from the first.
fn fetch(words: &str, sizes: &[usize]) {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all(words);
    for (round, size) in sizes.iter().enumerate() {
        let file = pdf(*size);
        ring.store(5, "0005.pdf", &file);
        ring.types(1, "request 0005");
        ring.prints_times(1, "The file is received.", round + 1);
        ring.prints_times(5, "The file is sent.", round + 1);
        assert!(fs::read(ring.received(1, "0005")).unwrap() == file, "{words}: {size} bytes");
        assert_eq!(ring.parts(1), 0);
    }
}

#[test]
fn every_size_arrives_as_it_is() {
    fetch("1400 0", &[0, 1, 1399, 1400, 1401, 100_000]);
}

#[test]
fn segments_of_one_byte_do() {
    fetch("1 0 --window 64", &[0, 1, 2, 3000]);
}

#[test]
fn long_files_in_long_segments_do() {
    fetch("60000 0", &[10 << 20, 60_001]);
    fetch("1400 0 --window 64", &[10 << 20, 1401]);
}

#[test]
fn what_is_left_out_is_sent_again() {
    fetch("400 0.5 --window 64", &[25_001, 399]);
}

#[test]
fn with_a_probability_of_one_both_sides_give_up_and_there_is_no_file() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.store(5, "0005.pdf", &pdf(999));
    ring.start_all("400 1 --give-up 2");
    ring.types(1, "request 0005");
    ring.programs[&5].says("not sent to peer 1: a segment was tried too often in vain");
    ring.programs[&1].says("peer 5 does not send file 0005 to its end");
    assert!(!ring.received(1, "0005").exists());
    until("the temporary file goes", || (ring.parts(1) == 0).then_some(()));
    let log = fs::read_to_string(ring.dir(5).join("responding_log.txt")).unwrap();
    let events: Vec<&str> = log.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(events, ["drop", "drop"], "{log}");
}

/// A transfer that takes a minute: two hundred segments, of which every third is left out.
fn slow(ring: &mut Ring) {
    ring.store(5, "0005.pdf", &pdf(40_000));
    ring.start_all("200 0.3 --give-up 8");
    ring.types(1, "request 0005");
    appears(&ring.dir(1).join("requesting_log.txt"));
    assert!(!ring.received(1, "0005").exists());
}

#[test]
fn the_responder_is_killed() {
    let mut ring = Ring::new(&[1, 5, 9]);
    slow(&mut ring);
    ring.programs.get_mut(&5).unwrap().kill();
    ring.programs[&1].says("0005 is not received from peer 5: nothing has come for too long");
    until("the temporary file goes", || (ring.parts(1) == 0).then_some(()));
    assert!(!ring.received(1, "0005").exists());
    // It goes on, with those that are left.
    ring.has_successors(1, 9, 1);
    ring.store(9, "0009", b"there");
    ring.types(1, "request 0009");
    ring.prints(1, "The file is received.");
}

#[test]
fn the_requester_is_killed() {
    let mut ring = Ring::new(&[1, 5, 9]);
    slow(&mut ring);
    ring.programs.get_mut(&1).unwrap().kill();
    ring.programs[&5].says("0005 is not sent to peer 1: a segment was tried too often in vain");
    assert!(!ring.received(1, "0005").exists());
    ring.store(5, "0004", b"there");
    ring.types(9, "request 0004");
    ring.prints(9, "The file is received.");
    // What it has left goes when it begins again.
    assert_eq!(ring.parts(1), 1);
    ring.start(1, "400 0");
    ring.prints(1, "A ping response");
    assert_eq!(ring.parts(1), 0);
}

#[test]
fn a_transfer_under_way_ends_when_either_side_leaves() {
    for leaves in [1, 5] {
        let mut ring = Ring::new(&[1, 5, 9]);
        slow(&mut ring);
        ring.types(leaves, "quit");
        assert_eq!(ring.programs.get_mut(&leaves).unwrap().end().code, Some(0));
        let (stays, text) = match leaves {
            1 => (5, "peer 1 does not take file 0005: it leaves the network"),
            _ => (1, "peer 5 does not send file 0005 to its end: it leaves the network"),
        };
        ring.programs[&stays].says(text);
        until("the temporary file goes", || (ring.parts(1) == 0).then_some(()));
        assert!(!ring.received(1, "0005").exists());
    }
}

#[test]
fn two_transfers_at_once_from_one_peer_to_two_and_two_of_one_peer() {
    let mut ring = Ring::new(&[1, 5, 9]);
    let (one, other) = (pdf(30_001), pdf(20_002));
    ring.store(5, "0005.pdf", &one);
    ring.store(5, "0004.pdf", &other);
    ring.start_all("400 0.2 --window 4");
    for (id, name) in [(1, "0005"), (9, "0005"), (1, "0004")] {
        ring.types(id, &format!("request {name}"));
    }
    ring.prints_times(1, "The file is received.", 2);
    ring.prints(9, "The file is received.");
    for (id, name, file) in [(1, "0005", &one), (9, "0005", &one), (1, "0004", &other)] {
        assert!(fs::read(ring.received(id, name)).unwrap() == *file, "{id} {name}");
    }
}

#[test]
fn a_directory_that_takes_nothing_more_is_said_and_the_peer_goes_on() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.store(5, "0005.pdf", &pdf(999));
    // A file cannot take the name of a directory that has something in it.
    fs::create_dir_all(ring.received(1, "0005").join("x")).unwrap();
    ring.start_all("400 0");
    ring.types(1, "request 0005");
    ring.programs[&1].says("0005 is not received from peer 5: the file cannot be written");
    ring.programs[&5].says("peer 1 does not take file 0005: the file cannot be written");
    until("the temporary file goes", || (ring.parts(1) == 0).then_some(()));
    ring.types(9, "request 0005");
    ring.prints(9, "The file is received.");
}

#[test]
fn peers_that_share_a_directory_append_whole_lines_to_the_same_logs() {
    let mut ring = Ring::new(&[1, 5, 9]);
    let dir = ring.dir(1);
    fs::write(dir.join("0005.pdf"), pdf(30_000)).unwrap();
    for (id, successors) in [(1, "5 9"), (5, "9 1"), (9, "1 5")] {
        let mut command = ring.command(id, &format!("{successors} 100 0 --window 8"));
        command.arg("--dir").arg(&dir);
        ring.programs.insert(id, crate::Program::start_typing(command));
    }
    for id in [1, 9] {
        ring.prints(id, "A ping response message was received from Peer 5.");
        ring.types(id, "request 0005");
    }
    for id in [1, 9] {
        ring.prints(id, "The file is received.");
        assert!(dir.join(format!("received_file_0005_{id}.pdf")).exists());
    }
    let log = fs::read_to_string(dir.join("requesting_log.txt")).unwrap();
    assert_eq!(log.lines().count(), 2 * 2 * 300);
    assert!(log.lines().all(|line| line.split_whitespace().count() == 5), "{log}");
    // A departure moves nothing: the successor has the file, which is the same.
    ring.types(5, "quit");
    assert_eq!(ring.programs.get_mut(&5).unwrap().end().code, Some(0));
    assert!(dir.join("0005.pdf").exists());
}
