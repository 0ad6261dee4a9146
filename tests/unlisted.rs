//! Peers that no file lists: they introduce themselves, and what is sent to them goes back on the
//! connection that they made.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use synod::node::{Address, Bodies, Config, Node, Observer, Sockets};
use synod::process::{Effect, Effects, NoInput, Output, PeerId, Process};

const DEADLINE: Duration = Duration::from_secs(60);
/// How many peers a host takes.
const MOST: usize = 2;
/// Messages above have bodies of as many bytes.
const SHORT: u64 = 1000;
/// More than sockets hold.
const LONG: u64 = 20 << 20;

/// Greets whoever comes with a number and a content, and remembers what it hears.
#[derive(Default)]
struct Greeter {
    greeting: u64,
    connected: Vec<PeerId>,
    heard: Vec<(PeerId, u64)>,
}

impl Process for Greeter {
    const PROTOCOL: &'static str = "greeter/1";
    const MAX_BODY: u64 = LONG;
    type Message = u64;
    type Record = ();
    type Timer = ();
    type Fact = ();
    type Input = NoInput;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.connected.push(peer);
        let messages = [self.greeting, LONG, self.greeting + 1];
        out.extend(messages.map(|message| Effect::Send(peer, message)));
    }

    fn receive(&mut self, from: PeerId, message: u64, _: &mut Effects<Self>) {
        self.heard.push((from, message));
    }

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, _: &u64) -> Option<String> {
        None
    }

    fn has_body(message: &u64) -> bool {
        *message > SHORT
    }
}

struct Nothing;

impl Observer<Greeter> for Nothing {
    fn observe(&mut self, _: &Output<Greeter>) {}
}

impl Bodies<Greeter> for Nothing {
    fn open(&self, _: PeerId, message: &u64) -> io::Result<(u64, Box<dyn Read + Send>)> {
        Ok((*message, Box::new(io::repeat(b'\n'))))
    }

    fn receive(&self, _: PeerId, message: &u64, body: &mut dyn Read) -> io::Result<()> {
        assert_eq!(io::copy(body, &mut io::sink())?, *message);
        Ok(())
    }
}

struct Peer {
    node: Arc<Node<Greeter>>,
    at: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

impl Peer {
    /// Says its id and the next number; dials these addresses.
    fn start(id: u16, dial: &[SocketAddr]) -> Self {
        Self::at(listener().0, id, dial, "token")
    }

    fn at(listener: TcpListener, id: u16, dial: &[SocketAddr], token: &str) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&lines);
        let config = Config {
            me: PeerId(id),
            fingerprint: token.into(),
            peers: BTreeMap::new(),
            strict_address: false,
            bodies: Some(Arc::new(Nothing)),
            say: Box::new(move |_, line| said.lock().unwrap().push(line.to_owned())),
        };
        let at = listener.local_addr().unwrap();
        let dial = dial.iter().map(|at| Address { host: at.ip().to_string(), port: at.port() });
        let sockets = Sockets {
            streams: Some(listener),
            unlisted: MOST,
            dial: dial.collect(),
            ..Sockets::default()
        };
        let greeter = Greeter { greeting: u64::from(id), ..Greeter::default() };
        let node = Node::start(config, greeter, None, Box::new(Nothing), sockets).unwrap();
        Self { node, at, lines }
    }

    fn look<T>(&self, found: impl FnMut(&Greeter) -> Option<T>) -> T {
        let found = self.node.wait_until(Some(Instant::now() + DEADLINE), found);
        found.unwrap_or_else(|| panic!("it never came: {:?}", self.lines.lock().unwrap()))
    }

    /// What it has heard from this peer, once the greeting is complete.
    fn hears(&self, from: u16) -> Vec<u64> {
        self.look(|greeter| {
            let heard = greeter.heard.iter().filter(|(by, _)| by.0 == from);
            let heard: Vec<u64> = heard.map(|(_, message)| *message).collect();
            (heard.last() == Some(&(u64::from(from) + 1))).then_some(heard)
        })
    }

    fn says(&self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.lines.lock().unwrap().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "no {text:?} in {:?}", self.lines.lock().unwrap());
            thread::yield_now();
        }
    }
}

/// Says hello by hand; the connection, and the line that comes back.
fn hello(id: u16, at: SocketAddr) -> (BufReader<TcpStream>, String) {
    let mut stream = BufReader::new(TcpStream::connect_timeout(&at, DEADLINE).unwrap());
    stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    let hello = format!(
        "{{\"hello\":{{\"protocol\":\"greeter/1\",\"peer\":{id},\"fingerprint\":\"token\"}}}}\n"
    );
    stream.get_mut().write_all(hello.as_bytes()).unwrap();
    assert!(line(&mut stream).starts_with("{\"hello\":"));
    stream.get_mut().write_all(b"\"ping\"\n").unwrap();
    let answer = line(&mut stream);
    (stream, answer)
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    match stream.read_line(&mut line) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => line,
    }
}

/// Both have long contents under way at once, and ids that are no index.
#[test]
fn a_peer_that_nobody_knows_is_answered_on_its_own_connection() {
    let host = Peer::start(0, &[]);
    let guest = Peer::start(60_000, &[host.at]);
    assert_eq!(host.hears(60_000), [60_000, LONG, 60_001]);
    assert_eq!(guest.hears(0), [0, LONG, 1]);
    for peer in [&host, &guest] {
        assert_eq!(peer.look(|greeter| Some(greeter.connected.len())), 1);
    }
}

#[test]
fn one_peer_more_than_the_bound_is_told_so_and_has_room_once_another_leaves() {
    let host = Peer::start(1, &[]);
    let (first, answer) = hello(2, host.at);
    assert_eq!(answer, "\"pong\"\n");
    let (_second, answer) = hello(3, host.at);
    assert_eq!(answer, "\"pong\"\n");
    let (_, answer) = hello(4, host.at);
    assert!(answer.contains("peer1 has 2 peers, which is the most"), "{answer}");
    host.says("rejected 127.0.0.1: peer1 has 2 peers");
    let (_again, answer) = hello(3, host.at);
    assert_eq!(answer, "\"pong\"\n", "a peer that comes back is no further one");
    drop(first);
    let deadline = Instant::now() + DEADLINE;
    while hello(4, host.at).1 != "\"pong\"\n" {
        assert!(Instant::now() < deadline, "there is never room again");
    }
}

#[test]
fn whoever_has_another_token_is_told_so() {
    let host = Peer::start(1, &[]);
    let guest = Peer::at(listener().0, 2, &[host.at], "another");
    host.says("rejected 127.0.0.1: peer2 and peer1 are of different groups");
    guest.says("peer2 and peer1 are of different groups");
    assert_eq!(host.look(|greeter| Some(greeter.heard.len() + greeter.connected.len())), 0);
}

/// Each dials the other: one connection is enough, and it stays.
#[test]
fn two_that_dial_each_other_keep_one_connection() {
    let ((of_one, at_one), (of_two, at_two)) = (listener(), listener());
    let one = Peer::at(of_one, 1, &[at_two], "token");
    let two = Peer::at(of_two, 2, &[at_one], "token");
    one.hears(2);
    two.hears(1);
    let counts = || [&one, &two].map(|peer| peer.look(|greeter| Some(greeter.connected.len())));
    let deadline = Instant::now() + DEADLINE;
    let mut before = [0; 2];
    // A peer dials again within a second.
    while before != counts() {
        assert!(Instant::now() < deadline, "it is made anew again and again");
        before = counts();
        thread::sleep(Duration::from_secs(3));
    }
    for peer in [&one, &two] {
        let lines = peer.lines.lock().unwrap();
        assert!(!lines.iter().any(|line| line.contains("no link")), "{lines:?}");
    }
}
