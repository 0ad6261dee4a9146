//! The runtime on real sockets and a real clock, under a process that does what a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use synod::node::{Address, Config, Node, Observer, Sockets};
use synod::process::{Effect, Effects, Output, PeerId, Process};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);
/// The first message of the second connection.
const NEW: u64 = u64::MAX;

/// Opened once; and it is known whether somebody waits for that.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Shut,
    Reached,
    Open,
}

impl Gate {
    fn set(&self, state: State) {
        let mut now = self.0.0.lock().expect("nobody panics");
        if *now < state {
            *now = state;
        }
        self.0.1.notify_all();
    }

    fn wait_for(&self, state: &State) {
        let now = self.0.0.lock().expect("nobody panics");
        drop(self.0.1.wait_while(now, |now| *now < *state).expect("nobody panics"));
    }
}

/// Remembers what happens to it; the first message has to wait for the gate.
#[derive(Default)]
struct Probe {
    gate: Gate,
    received: Vec<u64>,
    fired: Vec<u64>,
}

impl Process for Probe {
    const PROTOCOL: &'static str = "probe/1";
    type Message = u64;
    type Record = ();
    type Timer = u64;
    type Fact = ();
    /// To set this timer to a millisecond.
    type Input = u64;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, message: u64, _: &mut Effects<Self>) {
        self.gate.set(State::Reached);
        self.gate.wait_for(&State::Open);
        self.received.push(message);
    }

    /// Then the next deadline is an hour away.
    fn timeout(&mut self, timer: u64, out: &mut Effects<Self>) {
        self.fired.push(timer);
        out.push(Effect::SetTimer(timer, Duration::from_secs(3600).into()));
    }

    fn input(&mut self, timer: u64, out: &mut Effects<Self>) {
        out.push(Effect::SetTimer(timer, Duration::from_millis(1).into()));
    }

    fn objection(&self, _: PeerId, _: &u64) -> Option<String> {
        None
    }
}

struct Nobody;

impl Observer<Probe> for Nobody {
    fn observe(&mut self, _: &Output<Probe>) {}
}

/// A node that listens at the second result, and dials this address.
fn node(process: Probe, other: &TcpListener) -> (Arc<Node<Probe>>, TcpStream) {
    let port = other.local_addr().expect("it is bound").port();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::from([(OTHER, Address { host: "127.0.0.1".into(), port })]),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    let node = Node::start(config, process, None, Box::new(Nobody), Sockets::from(listener));
    (node.expect("it starts"), dial(address))
}

fn dial(address: std::net::SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn hello() -> String {
    format!("{{\"hello\":{{\"protocol\":\"probe/1\",\"peer\":{OTHER},\"fingerprint\":\"f\"}}}}\n")
        .replace("peer2", "2")
}

/// The next line; empty at the end.
fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    // A connection that is closed while something is on the way to it is reset.
    match stream.read_line(&mut line) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
            panic!("neither a line nor an end: {error}")
        }
        _ => line,
    }
}

/// Greets a node as its other peer.
fn greet(stream: TcpStream) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(hello().as_bytes()).expect("it listens");
    assert!(line(&mut stream).starts_with("{\"hello\":"));
    stream.get_mut().write_all(b"\"ping\"\n").expect("it listens");
    assert_eq!(line(&mut stream), "\"pong\"\n");
    stream
}

/// The next connection that the node dials.
fn accepted(listener: &TcpListener) -> TcpStream {
    let (sender, receiver) = channel();
    let listener = listener.try_clone().expect("a copy");
    thread::spawn(move || sender.send(listener.accept()));
    let (stream, _) = receiver.recv_timeout(PATIENCE).expect("it dials").expect("it can be had");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// A connection whose peer has come back over a new one may still hold messages. They are of
/// another incarnation, and none may come behind what the new one says.
#[test]
fn nothing_of_a_superseded_connection_is_taken() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let gate = Gate::default();
    let (node, stream) = node(Probe { gate: gate.clone(), ..Probe::default() }, &other);
    let address = stream.peer_addr().expect("it is connected");
    let mut old = greet(stream);
    let mut writer = old.get_ref().try_clone().expect("a copy");
    // It never runs dry, so something waits to be read when it is superseded.
    let flood = thread::spawn(move || {
        for number in 0.. {
            if writer.write_all(format!("{{\"message\":{number}}}\n").as_bytes()).is_err() {
                return;
            }
        }
    });
    gate.wait_for(&State::Reached);
    let mut new = greet(dial(address));
    new.get_mut().write_all(format!("{{\"message\":{NEW}}}\n").as_bytes()).expect("it listens");
    gate.set(State::Open);
    let heard = |probe: &Probe| probe.received.contains(&NEW).then_some(());
    assert!(node.wait_until(Some(deadline()), heard).is_some(), "the new one is heard");
    // When the old one is closed, all of it has been read that ever will be.
    let mut rest = Vec::new();
    let _ = old.read_to_end(&mut rest);
    flood.join().expect("the old one is closed");
    new.get_mut().write_all(b"{\"message\":7}\n\"ping\"\n").expect("it listens");
    assert_eq!(line(&mut new), "\"pong\"\n", "it is still taken");
    let received = node.wait_until(Some(deadline()), |probe| Some(probe.received.clone()));
    let received = received.expect("it goes on");
    let behind = received.iter().skip_while(|message| **message != NEW).collect::<Vec<_>>();
    assert_eq!(behind, [&NEW, &7], "{} came before", received.len() - 2);
    assert!(received.first() == Some(&0), "the old one was heard first");
}

#[test]
fn a_dialled_link_that_falls_silent_is_pinged_closed_and_dialled_again() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_node, _) = node(Probe::default(), &other);
    let mut link = BufReader::new(accepted(&other));
    assert!(line(&mut link).starts_with("{\"hello\":"));
    link.get_mut().write_all(hello().as_bytes()).expect("it listens");
    let pings = std::iter::from_fn(|| Some(line(&mut link)).filter(|line| !line.is_empty()));
    let pings = pings.inspect(|line| assert_eq!(line, "\"ping\"\n")).count();
    assert!(pings >= 2, "the greeting's, and then it asks: {pings}");
    accepted(&other);
}

#[test]
fn a_dialled_link_that_never_says_hello_is_closed_and_dialled_again() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_node, _) = node(Probe::default(), &other);
    let mut link = BufReader::new(accepted(&other));
    assert!(line(&mut link).starts_with("{\"hello\":"));
    assert_eq!(line(&mut link), "", "it is closed");
    accepted(&other);
}

#[test]
fn an_accepted_connection_that_falls_silent_is_closed() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_node, stream) = node(Probe::default(), &other);
    let mut stream = greet(stream);
    assert_eq!(line(&mut stream), "", "it is closed");
}

/// The clock sleeps until a deadline an hour away when one comes that is much nearer.
#[test]
fn a_deadline_that_came_nearer_wakes_the_clock() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (node, _) = node(Probe::default(), &other);
    for round in 0..50 {
        node.input(round);
        let fired =
            node.wait_until(Some(deadline()), |probe| probe.fired.contains(&round).then_some(()));
        assert!(fired.is_some(), "in round {round}");
    }
}
