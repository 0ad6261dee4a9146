//! Peers come and go.

use std::fs;

use crate::appears;
use crate::common::{Program, until};
use crate::peers::{Ring, pdf};

#[test]
fn two_neighbours_die_together() {
    let mut ring = Ring::new(&[1, 5, 9, 20, 30]);
    ring.store(30, "0025.pdf", &pdf(777));
    ring.start_all("400 0");
    for id in [9, 20] {
        ring.programs.get_mut(&id).unwrap().kill();
    }
    // Typed while the ring heals: it goes on when that is done.
    ring.types(5, "request 0025");
    ring.has_successors(5, 30, 1);
    ring.has_successors(1, 5, 30);
    ring.prints(5, "The file is received.");
    assert_eq!(fs::read(ring.received(5, "0025")).unwrap(), pdf(777));
}

#[test]
fn a_ring_shrinks_to_one_and_grows_again() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all("400 0");
    ring.types(9, "quit");
    ring.has_successors(5, 1, 5);
    ring.has_successors(1, 5, 1);
    ring.programs.get_mut(&5).unwrap().kill();
    ring.has_successors(1, 1, 1);
    ring.programs[&1].says("there is no other peer in the network any more");
    let newcomer = Program::start_typing(ring.command(5, "400 0 --join 1"));
    ring.programs.insert(5, newcomer);
    ring.has_successors(5, 1, 5);
    ring.has_successors(1, 5, 1);
    ring.store(5, "0005", b"there");
    ring.types(1, "request 0005");
    ring.prints(1, "The file is received.");
}

#[test]
fn a_newcomer_gets_what_it_should_hold_and_leaves_it_behind() {
    let ring = Ring::new(&[1, 5, 9, 20]);
    for (name, byte) in [("0009.pdf", 9), ("0007", 7), ("0264.pdf", 8), ("0006.pdf", 6)] {
        ring.store(9, name, &vec![byte; 5000]);
    }
    let mut members = Ring { ids: vec![1, 5, 9], ..ring };
    members.start_all("400 0");
    let mut ring = Ring { ids: vec![1, 5, 7, 9, 20], ..members };
    fs::create_dir(ring.dir(7)).unwrap();
    let newcomer = Program::start_typing(ring.command(7, "400 0 --join 1"));
    ring.programs.insert(7, newcomer);
    ring.has_successors(7, 9, 1);
    ring.has_successors(5, 7, 9);
    ring.has_successors(1, 5, 7);
    // 7 and 6 belong to it now, 9 and 264 mod 256 = 8 do not.
    for name in ["0007", "0006.pdf"] {
        appears(&ring.dir(7).join(name));
        until("it is moved", || (!ring.dir(9).join(name).exists()).then_some(()));
    }
    assert!(ring.dir(9).join("0009.pdf").exists() && ring.dir(9).join("0264.pdf").exists());
    assert_eq!(fs::read(ring.dir(7).join("0007")).unwrap(), [7; 5000]);
    ring.types(1, "request 0007");
    ring.prints(1, "Received a response message from peer 7, which has the file 0007.");
    ring.prints(1, "The file is received.");
    ring.types(7, "quit");
    assert_eq!(ring.programs.get_mut(&7).unwrap().end().code, Some(0));
    for name in ["0007", "0006.pdf"] {
        assert!(ring.dir(9).join(name).exists(), "it was confirmed before the peer left");
        assert!(!ring.dir(7).join(name).exists());
    }
    assert_eq!(ring.parts(9), 0);
}

#[test]
fn a_peer_leaves_in_time_though_nobody_has_pinged_it() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start(5, "400 0");
    ring.types(5, "QUIT");
    let end = ring.programs.get_mut(&5).unwrap().end();
    assert_eq!(end.code, Some(0), "{end:?}");
}

#[test]
fn a_file_that_the_successor_has_already_is_not_written_over() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.store(5, "0005.pdf", b"one");
    ring.store(9, "0005.pdf", b"another");
    ring.start_all("400 0");
    ring.prints(5, "A ping request message was received from Peer 1.");
    ring.types(5, "quit");
    assert_eq!(ring.programs.get_mut(&5).unwrap().end().code, Some(0));
    assert_eq!(fs::read(ring.dir(5).join("0005.pdf")).unwrap(), b"one");
    assert_eq!(fs::read(ring.dir(9).join("0005.pdf")).unwrap(), b"another");
}

#[test]
fn a_peer_that_was_stopped_and_taken_for_dead_comes_back() {
    let mut ring = Ring::new(&[1, 5, 9, 20]);
    ring.start_all("400 0");
    let pid = ring.programs[&9].pid();
    crate::common::signal("STOP", pid);
    ring.has_successors(5, 20, 1);
    ring.has_successors(1, 5, 20);
    crate::common::signal("CONT", pid);
    ring.has_successors(5, 9, 20);
    ring.has_successors(1, 5, 9);
}
