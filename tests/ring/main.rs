//! The ring as real processes.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod churn;
mod local;
mod peers;
mod transfers;

use std::fs;

use common::{Program, until};
use peers::{Ring, pdf};

const CLASSIC: [u16; 8] = [1, 3, 4, 5, 8, 10, 12, 15];

/// The whole demonstration of the assignment: pings, a request, a departure, a death, a request.
#[test]
fn the_demonstration_of_the_assignment() {
    let mut ring = Ring::new(&CLASSIC);
    let file = pdf(20_011);
    ring.store(1, "2012.pdf", &file);
    ring.start_all("400 0.1 --window 8");
    for (id, first, second) in [(8, 5, 4), (1, 15, 12)] {
        for from in [first, second] {
            ring.prints(id, &format!("A ping request message was received from Peer {from}."));
        }
    }
    ring.types(8, "Request 2012");
    ring.prints(8, "File request message for 2012 has been sent to my successor.");
    for id in [10, 12, 15] {
        ring.prints(id, "File 2012 is not stored here.");
        ring.prints(id, "File request message has been forwarded to my successor.");
    }
    ring.prints(1, "File 2012 is here.");
    ring.prints(1, "A response message, destined for peer 8, has been sent.");
    ring.prints(8, "Received a response message from peer 1, which has the file 2012.");
    ring.prints(8, "We now start receiving the file \u{2026}\u{2026}\u{2026}");
    ring.prints(1, "We now start sending the file \u{2026}\u{2026}\u{2026}");
    ring.prints(8, "The file is received.");
    ring.prints(1, "The file is sent.");
    assert_eq!(fs::read(ring.received(8, "2012")).unwrap(), file);

    ring.types(10, "quit");
    assert_eq!(ring.programs.get_mut(&10).unwrap().end().code, Some(0));
    for (id, first, second) in [(8, 12, 15), (5, 8, 12)] {
        ring.prints(id, "Peer 10 will depart from the network.");
        ring.has_successors(id, first, second);
    }
    ring.programs.get_mut(&5).unwrap().kill();
    for (id, first, second) in [(4, 8, 12), (3, 4, 8)] {
        ring.prints(id, "Peer 5 is no longer alive.");
        ring.has_successors(id, first, second);
    }
    fs::remove_file(ring.received(8, "2012")).unwrap();
    ring.types(8, "request 2012");
    ring.prints_times(8, "The file is received.", 2);
    assert_eq!(fs::read(ring.received(8, "2012")).unwrap(), file);
    ring.prints_times(1, "The file is sent.", 2);
    assert_eq!(ring.programs[&10].out().iter().filter(|line| line.contains("2012")).count(), 1);

    let end = Program::start(ring.check()).end();
    assert_eq!(end.code, Some(0), "{end:#?}");
    assert!(end.out.last().unwrap().starts_with("clean: "), "{end:#?}");
    for rule in ["forward", "holder", "acknowledged", "time-out", "bytes"] {
        let held = |line: &&String| line.starts_with(rule) && line.contains(" held ");
        assert!(end.out.iter().any(|line| held(&line)), "{rule}: {end:#?}");
    }
}

#[test]
fn what_is_typed_wrong_is_said_and_the_peer_goes_on() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start_all("400 0");
    for (line, why) in [
        ("request", "a name is four digits"),
        ("request 12", "a name is four digits"),
        ("request ../9", "a name is four digits"),
        ("request /etc", "a name is four digits"),
        ("request 20122", "a name is four digits"),
        ("hello \u{1b}[31m", "is no command; type request NNNN or quit"),
    ] {
        ring.types(5, line);
        ring.programs[&5].says(why);
    }
    let said = ring.programs[&5].err().join("\n");
    assert!(!said.contains('\u{1b}'), "{said}");
    // 0001 belongs to peer 1, which has no such file; 9999 mod 256 is 15, which goes round to 1.
    ring.types(5, "request 0001");
    ring.programs[&5].says("peer 1 should have file 0001, and has not");
    ring.programs[&1].says("file 0001 should be here, and is not; peer 5 is told");
    ring.store(1, "9999", b"without an ending");
    ring.types(1, "request 9999");
    ring.prints(1, "File 9999 is here.");
    ring.types(1, "request 0001");
    ring.programs[&1].says("file 0001 belongs here, and there is no such file");
    // At the end of standard input it goes on.
    ring.programs.get_mut(&5).unwrap().types_no_more();
    ring.types(9, "request 9999");
    ring.prints(9, "The file is received.");
    assert_eq!(fs::read(ring.received(9, "9999")).unwrap(), b"without an ending");
    assert!(ring.programs.get_mut(&5).unwrap().is_running());
}

#[test]
fn it_ends_with_its_input_where_it_is_told_to() {
    let mut ring = Ring::new(&[1, 5, 9]);
    ring.start(1, "400 0 --until-eof");
    ring.programs.get_mut(&1).unwrap().types_no_more();
    assert_eq!(ring.programs.get_mut(&1).unwrap().end().code, Some(0));
}

#[test]
fn wrong_flags_and_a_port_in_use_are_one_clear_line() {
    let ring = Ring::new(&[1, 5, 9]);
    for (words, part) in [
        ("5 9 400", "5 arguments are wanted, ID SUCC1 SUCC2 MSS DROP"),
        ("9 5 400 0.1", "are not the next two peers going round from 1"),
        ("5 9 0 0.1", "MSS \"0\""),
        ("5 9 400 2", "DROP \"2\""),
        ("5 9 400 0.1 --hosts nowhere", "reading nowhere"),
        ("5 9 400 0.1 --what", "there is no such flag"),
    ] {
        let end = Program::start(ring.command(1, words)).end();
        assert!(end.code == Some(2) && end.err[0].contains(part), "{words}: {end:?}");
    }
    let mut nowhere = ring.command(1, "5 9 400 0.1");
    nowhere.args(["--dir", "nowhere"]);
    let end = Program::start(nowhere).end();
    assert!(end.code == Some(2) && end.err[0].contains("--dir nowhere"), "{end:?}");
    let held = std::net::UdpSocket::bind(("127.0.0.1", ring.base + 10_001)).unwrap();
    let mut waits = Program::start_typing(ring.command(1, "5 9 400 0.1"));
    waits.says("it is tried again for up to 10 s");
    drop(held);
    waits.types("quit");
    let begun = std::time::Instant::now();
    assert_eq!(waits.end().code, Some(0), "it had the port after all");
    assert!(begun.elapsed() < common::PATIENCE);
    let _held = std::net::UdpSocket::bind(("127.0.0.1", ring.base + 1)).unwrap();
    let end = Program::start(ring.command(1, "5 9 400 0.1")).end();
    assert_eq!(end.code, Some(2), "{end:?}");
    let port = format!("UDP port {} cannot be used", ring.base + 1);
    assert!(end.err.last().unwrap().contains(&port), "{end:?}");
}

/// Waits until there is a file.
fn appears(path: &std::path::Path) {
    until(&path.display().to_string(), || path.exists().then_some(()));
}
