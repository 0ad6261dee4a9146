//! Raw bodies behind messages, on real sockets: what is moved, in which order, and what a body that
//! is slow, too long or cut off costs, and whom.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use synod::node::{Address, Bodies, Config, Node, Observer};
use synod::process::{Effect, Effects, NoInput, Output, PeerId, Process};

const DEADLINE: Duration = Duration::from_secs(60);
const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);
const THIRD: PeerId = PeerId(3);
const MIB: u64 = 1 << 20;
/// By how much a process may grow, in KiB, while it sends and receives what is many times longer.
const MOST_GROWTH: u64 = 12 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Message {
    Plain(u64),
    /// A content of this length.
    Content(u64),
}
use Message::{Content, Plain};

/// Says what it has to say to whom it is connected with, and remembers what it hears.
#[derive(Default)]
struct Mover {
    says: Vec<Message>,
    connected: usize,
    heard: Vec<(PeerId, Message)>,
}

impl Process for Mover {
    const PROTOCOL: &'static str = "mover/1";
    const MAX_BODY: u64 = 64 * MIB;
    type Message = Message;
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
        self.connected += 1;
        out.extend(self.says.iter().map(|message| Effect::Send(peer, *message)));
    }

    fn receive(&mut self, from: PeerId, message: Message, _: &mut Effects<Self>) {
        self.heard.push((from, message));
    }

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, message: &Message) -> Option<String> {
        (*message == Content(666)).then(|| "no such content".into())
    }

    fn has_body(message: &Message) -> bool {
        matches!(message, Content(_))
    }
}

impl Observer<Mover> for Store {
    fn observe(&mut self, _: &Output<Mover>) {}
}

/// A message that came with contents, and how they ended.
type Received = (Message, Result<(), ErrorKind>);

/// Makes contents, and looks at those that come.
#[derive(Clone, Default)]
struct Store {
    /// How long it rests before each piece that it reads.
    rest: Duration,
    /// Contents of this length have no room here, and cannot be opened.
    refused: Option<u64>,
    /// What was received, with how it ended.
    received: Arc<Mutex<Vec<Received>>>,
}

impl Bodies<Mover> for Store {
    fn open(&self, _: PeerId, message: &Message) -> io::Result<(u64, Box<dyn Read + Send>)> {
        let Content(length) = message else { panic!("it has no body") };
        if self.refused == Some(*length) {
            return Err(io::Error::other("it is gone"));
        }
        Ok((*length, Box::new(Pattern(0).take(*length))))
    }

    fn receive(&self, _: PeerId, message: &Message, body: &mut dyn Read) -> io::Result<()> {
        let Content(length) = message else { panic!("it has no body") };
        if self.refused == Some(*length) {
            return Err(io::Error::other("no room"));
        }
        let ended = self.look(*length, body);
        let end = ended.as_ref().map_err(io::Error::kind).copied();
        self.received.lock().unwrap().push((*message, end));
        ended
    }
}

impl Store {
    fn look(&self, length: u64, body: &mut dyn Read) -> io::Result<()> {
        let (mut piece, mut expected, mut came) = ([0; 8 * 1024], [0; 8 * 1024], 0);
        let mut pattern = Pattern(0);
        loop {
            thread::sleep(self.rest);
            let count = body.read(&mut piece)?;
            if count == 0 {
                assert_eq!(came, length, "it ends where it should");
                return Ok(());
            }
            pattern.read_exact(&mut expected[..count])?;
            assert_eq!(piece[..count], expected[..count], "at {came}");
            came += count as u64;
        }
    }
}

/// Bytes that repeat at no power of two; the newline is one of them.
struct Pattern(u8);

impl Read for Pattern {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *into {
            *byte = self.0;
            self.0 = if self.0 == 250 { 0 } else { self.0 + 1 };
        }
        Ok(into.len())
    }
}

fn pattern(length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pattern(0).take(length).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A peer, and what it said to people.
struct Peer {
    node: Arc<Node<Mover>>,
    store: Store,
    lines: Arc<Mutex<Vec<String>>>,
    at: SocketAddr,
}

impl Peer {
    fn start(me: PeerId, at: TcpListener, peers: &[(PeerId, SocketAddr)], mover: Mover) -> Self {
        Self::with(me, at, peers, mover, Store::default())
    }

    fn with(
        me: PeerId,
        listener: TcpListener,
        peers: &[(PeerId, SocketAddr)],
        mover: Mover,
        store: Store,
    ) -> Self {
        let address = |at: &SocketAddr| Address { host: at.ip().to_string(), port: at.port() };
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&lines);
        let config = Config {
            me,
            fingerprint: "f".into(),
            peers: peers.iter().map(|(peer, at)| (*peer, address(at))).collect(),
            strict_address: false,
            bodies: Some(Arc::new(store.clone())),
            say: Box::new(move |_, line| said.lock().unwrap().push(line.to_owned())),
        };
        let at = listener.local_addr().unwrap();
        let node = Node::start(config, mover, None, Box::new(store.clone()), listener).unwrap();
        Self { node, store, lines, at }
    }

    /// What it has heard once this is the last of it.
    fn heard(&self, from: PeerId, last: Message) -> Vec<Message> {
        let found = self.node.wait_until(Some(Instant::now() + DEADLINE), |mover| {
            let heard =
                mover.heard.iter().filter(|(by, _)| *by == from).map(|(_, message)| *message);
            let heard: Vec<Message> = heard.collect();
            (heard.last() == Some(&last)).then_some(heard)
        });
        found.unwrap_or_else(|| panic!("it never heard {last:?}: {:?}", self.lines.lock().unwrap()))
    }

    fn connected(&self) -> usize {
        self.node.wait_until(None, |mover| Some(mover.connected)).unwrap()
    }

    fn received(&self) -> Vec<Received> {
        self.store.received.lock().unwrap().clone()
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

/// A peer alone, whose others are played by hand.
fn alone() -> Peer {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    Peer::start(ME, listener().0, &[(OTHER, nowhere), (THIRD, nowhere)], Mover::default())
}

/// A connection in the name of a peer.
struct Client(BufReader<TcpStream>);

impl Client {
    fn greet(peer: PeerId, at: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&at, DEADLINE).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut client = Self(BufReader::new(stream));
        let id = peer.0;
        let hello = format!(
            "{{\"hello\":{{\"protocol\":\"mover/1\",\"peer\":{id},\"fingerprint\":\"f\"}}}}\n"
        );
        client.say(hello.as_bytes());
        assert!(client.line().starts_with("{\"hello\":"));
        client.say(b"\"ping\"\n");
        assert_eq!(client.line(), "\"pong\"\n");
        client
    }

    fn say(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next line; empty at the end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => line,
        }
    }
}

fn with_body(length: u64, content: u64) -> String {
    format!("{{\"with_body\":{{\"length\":{length},\"message\":{{\"Content\":{content}}}}}}}\n")
}

/// In KiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn bodies_of_all_sizes_arrive_whole_in_order_and_are_never_held_whole() {
    let ((one, at_one), (two, at_two)) = (listener(), listener());
    let lengths = [0, 1, 64 * 1024, 10 * MIB, Mover::MAX_BODY];
    let says: Vec<_> = lengths.iter().flat_map(|n| [Plain(*n), Content(*n)]).collect();
    let says = [says, vec![Plain(7)]].concat();
    let before = most_memory();
    let receiver = Peer::start(OTHER, two, &[(ME, at_one)], Mover::default());
    let sends = Mover { says: says.clone(), ..Mover::default() };
    let sender = Peer::start(ME, one, &[(OTHER, at_two)], sends);
    assert_eq!(receiver.heard(ME, Plain(7)), says);
    let grown = most_memory() - before;
    assert!(grown < MOST_GROWTH, "{grown} KiB for both ends");
    let ended: Vec<_> = lengths.iter().map(|n| (Content(*n), Ok(()))).collect();
    assert_eq!(receiver.received(), ended);
    assert_eq!(sender.connected(), 1);
}

#[test]
fn what_no_honest_peer_announces_costs_the_connection_and_is_not_received() {
    let peer = alone();
    for (said, why) in [
        (with_body(Mover::MAX_BODY + 1, 5), "a body of 67108865 bytes, of at most 67108864"),
        (with_body(u64::MAX, 5), "of at most 67108864"),
        (with_body(1, 666), "no such content"),
        ("{\"message\":{\"Content\":5}}\n".into(), "a message without its body"),
        (
            "{\"with_body\":{\"length\":1,\"message\":{\"Plain\":5}}}\n".into(),
            "a body after a message that has none",
        ),
    ] {
        let mut client = Client::greet(OTHER, peer.at);
        client.say((said + "x").as_bytes());
        assert_eq!(client.line(), "", "it is closed");
        let lines = peer.lines.lock().unwrap();
        assert!(lines.iter().any(|line| line.contains(why)), "{why}: {lines:?}");
    }
    assert_eq!(peer.received(), []);
}

#[test]
fn of_a_message_whose_body_is_cut_off_the_process_never_hears() {
    let peer = alone();
    let mut client = Client::greet(OTHER, peer.at);
    client.say(with_body(100_000, 100_000).as_bytes());
    client.say(&pattern(50_000));
    drop(client);
    let mut client = Client::greet(OTHER, peer.at);
    client.say(with_body(3, 3).as_bytes());
    client.say(b"\x00\x01\x02{\"message\":{\"Plain\":4}}\n");
    assert_eq!(peer.heard(OTHER, Plain(4)), [Content(3), Plain(4)]);
    let cut = (Content(100_000), Err(ErrorKind::UnexpectedEof));
    assert!(peer.received().contains(&cut), "{:?}", peer.received());
}

/// A byte now and then is progress, for longer than a link may be silent; others do not wait.
#[test]
fn a_slow_body_holds_up_only_its_own_link_and_is_no_silence() {
    let peer = alone();
    let mut slow = Client::greet(OTHER, peer.at);
    slow.say(b"{\"message\":{\"Plain\":1}}\n");
    slow.say(with_body(4, 4).as_bytes());
    assert_eq!(peer.heard(OTHER, Plain(1)), [Plain(1)], "what came before is not held up");
    for byte in 0..4 {
        thread::sleep(Duration::from_millis(1300));
        slow.say(&[byte]);
        let mut other = Client::greet(THIRD, peer.at);
        other.say(format!("{{\"message\":{{\"Plain\":{byte}}}}}\n").as_bytes());
        peer.heard(THIRD, Plain(u64::from(byte)));
        assert_eq!(slow.line(), "\"progress\"\n");
    }
    assert_eq!(peer.heard(OTHER, Content(4)), [Plain(1), Content(4)]);
}

/// The sender hears no answers to pings while its body is on the way.
#[test]
fn a_link_outlives_a_body_that_is_received_slowly() {
    let ((one, at_one), (two, at_two), (three, at_three)) = (listener(), listener(), listener());
    let rest = Duration::from_millis(25);
    let slow = Store { rest, ..Store::default() };
    let receiver = Peer::with(OTHER, two, &[(ME, at_one)], Mover::default(), slow);
    let third = Peer::start(THIRD, three, &[(ME, at_one)], Mover::default());
    let says = vec![Plain(1), Content(10 * MIB), Plain(2)];
    let peers = [(OTHER, at_two), (THIRD, at_three)];
    let begun = Instant::now();
    let sender = Peer::start(ME, one, &peers, Mover { says: says.clone(), ..Mover::default() });
    assert_eq!(third.heard(ME, Plain(2)), says);
    assert_eq!(receiver.heard(ME, Plain(2)), says);
    assert!(begun.elapsed() > Duration::from_secs(5), "longer than silence: {:?}", begun.elapsed());
    assert_eq!(sender.connected(), 2, "each link came up once");
}

#[test]
fn a_body_that_cannot_be_kept_or_opened_loses_its_message_and_nothing_else() {
    for opens in [true, false] {
        let ((one, at_one), (two, at_two)) = (listener(), listener());
        let refuses = Store { refused: Some(5000), ..Store::default() };
        let (of_sender, of_receiver) =
            if opens { (Store::default(), refuses) } else { (refuses, Store::default()) };
        let receiver = Peer::with(OTHER, two, &[(ME, at_one)], Mover::default(), of_receiver);
        let says = vec![Content(1), Content(5000), Content(3), Plain(7)];
        let mover = Mover { says, ..Mover::default() };
        let sender = Peer::with(ME, one, &[(OTHER, at_two)], mover, of_sender);
        assert_eq!(receiver.heard(ME, Plain(7)), [Content(1), Content(3), Plain(7)]);
        let (peer, why) = if opens {
            (&receiver, "dropped what peer1 sent: no room")
        } else {
            (&sender, "cannot send to peer2: it is gone")
        };
        assert_eq!(*peer.lines.lock().unwrap(), [why]);
        assert_eq!(sender.connected(), 1);
    }
}
