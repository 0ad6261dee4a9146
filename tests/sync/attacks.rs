//! Strangers, and peers that mean it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use crate::common::{PATIENCE, Program};
use crate::peers::{Peers, connect, until};

fn host(words: &str) -> (Peers, Program) {
    let peers = Peers::new(1);
    peers.write(0, "before");
    let program = peers.start(0, &[], words);
    (peers, program)
}

/// Says hello with this token; the line that comes back.
fn hello(port: u16, id: u16, token: &str) -> (BufReader<TcpStream>, String) {
    let mut stream = BufReader::new(connect(port));
    let hello = format!(
        "{{\"hello\":{{\"protocol\":\"sync/1\",\"peer\":{id},\"fingerprint\":\"{token}\"}}}}\n"
    );
    stream.get_mut().write_all(hello.as_bytes()).unwrap();
    let answer = line(&mut stream);
    if answer.contains("hello") {
        stream.get_mut().write_all(b"\"ping\"\n").unwrap();
        assert_eq!(line(&mut stream), "\"pong\"\n");
    }
    (stream, answer)
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let _ = stream.read_line(&mut line);
    line
}

const ID: &str = "00000000000000aa";

fn offer(id: &str, size: u64) -> String {
    let contents = format!("{{\"digest\":\"{}\",\"size\":{size}}}", "7".repeat(32));
    let stamp = format!("{{\"counter\":9,\"by\":\"{id}\"}}");
    format!("{{\"stamp\":{stamp},\"contents\":{contents},\"seen\":{{\"{id}\":9}}}}")
}

/// The last line that the other side says before it closes.
fn last(mut stream: BufReader<TcpStream>) -> String {
    let mut last = String::new();
    loop {
        match line(&mut stream) {
            end if end.is_empty() => return last,
            next => last = next,
        }
    }
}

/// All files below, but those of the log.
fn files(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

fn is_unharmed(peers: &Peers, program: &mut Program) {
    assert!(program.is_running());
    assert_eq!(peers.read(0).unwrap(), b"before");
    assert_eq!(files(&peers.folder(0)), ["about.txt", "log", "notes.txt"]);
}

#[test]
fn whoever_says_no_hello_or_has_no_token_is_told_and_writes_nothing() {
    let (peers, mut program) = host("--token secret");
    let mut stream = connect(peers.ports[0]);
    stream.write_all(b"a whole new file\n").unwrap();
    let told = last(BufReader::new(stream));
    assert!(told.contains("no hello"), "{told}");
    program.says("rejected 127.0.0.1: no hello");
    let (_, told) = hello(peers.ports[0], 7, "guess");
    assert!(told.contains("are of different groups"), "{told}");
    let (stream, told) = hello(peers.ports[0], 7, "secret");
    assert!(told.contains("hello"), "{told}");
    drop(stream);
    is_unharmed(&peers, &mut program);
}

#[test]
fn one_who_comes_from_elsewhere_is_told() {
    let (peers, mut program) = host("--allow 192.0.2.0/24");
    let told = last(BufReader::new(connect(peers.ports[0])));
    assert!(told.contains("not allowed"), "{told}");
    program.says("rejected 127.0.0.1: connections from there are not allowed");
    is_unharmed(&peers, &mut program);
}

#[test]
fn frames_that_no_peer_sends_close_the_connection_and_nothing_else() {
    let (peers, mut program) = host("");
    let body = |length: u64, message: String| {
        format!("{{\"with_body\":{{\"length\":{length},\"message\":{message}}}}}\n")
    };
    let content = |id: &str, size| format!("{{\"content\":{}}}", offer(id, size));
    let mut far: serde_json::Value = serde_json::from_str(&offer(ID, 5)).unwrap();
    far["stamp"]["counter"] = (1_u64 << 40).into();
    far["seen"][ID] = (1_u64 << 40).into();
    for (frame, why) in [
        (body(1 << 40, content(ID, 1 << 40)), "a body of 1099511627776 bytes, of at most"),
        (body(5, content("../../../../etc/", 5)), "no id of 16 hexadecimal digits"),
        (format!("{{\"message\":{{\"offer\":{}}}}}\n", offer("../x", 5)), "no id of 16"),
        (format!("{{\"message\":{}}}\n", content(ID, 5)), "a message without its body"),
        (body(5, "{\"want\":\"77777777777777777777777777777777\"}".into()), "that has none"),
        (format!("{{\"message\":{{\"offer\":{far}}}}}\n"), "is out of reach"),
        ("{\"message\":{\"offer\":{}}}\n".into(), "not a message"),
    ] {
        let (mut stream, _) = hello(peers.ports[0], 7, "");
        stream.get_mut().write_all(frame.as_bytes()).unwrap();
        let told = last(stream);
        assert!(told.contains(why), "{frame}: {told}");
    }
    is_unharmed(&peers, &mut program);
}

#[test]
fn a_content_that_nobody_asked_for_is_dropped() {
    let (peers, mut program) = host("");
    let (mut stream, _) = hello(peers.ports[0], 7, "");
    let frame = format!(
        "{{\"with_body\":{{\"length\":5,\"message\":{{\"content\":{}}}}}}}\n",
        offer(ID, 5)
    );
    stream.get_mut().write_all(format!("{frame}12345\"ping\"\n").as_bytes()).unwrap();
    until("the ping behind it is answered", || line(&mut stream) == "\"pong\"\n");
    is_unharmed(&peers, &mut program);
}

/// It promises a version, sends another content than it promised, then half a one, and holds on.
#[test]
fn a_peer_that_sends_half_a_body_and_holds_the_link_stops_nobody() {
    let peers = Peers::new(2);
    peers.write(0, "before");
    let host = peers.start(0, &[], "");
    let (mut stream, _) = hello(peers.ports[0], 7, "");
    let write = |stream: &mut BufReader<TcpStream>, text: &str| {
        stream.get_mut().write_all(text.as_bytes()).unwrap();
    };
    write(&mut stream, &format!("{{\"message\":{{\"offer\":{}}}}}\n", offer(ID, 1000)));
    until("it is wanted", || line(&mut stream).contains("\"want\""));
    let frame = format!(
        "{{\"with_body\":{{\"length\":1000,\"message\":{{\"content\":{}}}}}}}\n",
        offer(ID, 1000)
    );
    write(&mut stream, &format!("{frame}half of it"));
    let begun = Instant::now();
    let _guest = peers.start(1, &[0], "");
    peers.all_hold([1], b"before");
    peers.write(1, "by an honest peer");
    peers.all_hold([0], b"by an honest peer");
    assert!(begun.elapsed() < PATIENCE);
    host.prints("Peer disconnected");
    until("nothing is left of it", || files(&peers.folder(0)) == ["about.txt", "log", "notes.txt"]);
}

#[test]
fn a_thousand_connections_keep_no_peer_out() {
    let peers = Peers::new(2);
    peers.write(0, "before");
    let _host = peers.start(0, &[], "");
    let crowd: Vec<TcpStream> = (0..1000).map(|_| connect(peers.ports[0])).collect();
    let _guest = peers.start(1, &[0], "");
    peers.all_hold([1], b"before");
    drop(crowd);
}

#[test]
fn the_sixty_fifth_peer_is_told_that_there_is_no_room() {
    let (peers, mut program) = host("");
    let crowd: Vec<_> = (1..=64).map(|id| hello(peers.ports[0], id, "").0).collect();
    let mut stream = BufReader::new(connect(peers.ports[0]));
    let hello =
        "{\"hello\":{\"protocol\":\"sync/1\",\"peer\":99,\"fingerprint\":\"\"}}\n\"ping\"\n";
    stream.get_mut().write_all(hello.as_bytes()).unwrap();
    let told = last(stream);
    assert!(told.contains("has 64 peers, which is the most"), "{told}");
    drop(crowd);
    is_unharmed(&peers, &mut program);
}
