//! What one read brings is made durable with one flush, and nothing is answered before it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::disk::media::Media;
use super::super::disk::{Disk, Owner};
use super::super::link::Address;
use super::super::{Config, Node, Observer};
use crate::process::{Effect, Effects, NoInput, Output, PeerId, Process};

const DEADLINE: Duration = Duration::from_secs(30);
const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);
const THIRD: PeerId = PeerId(3);
/// What a reader of short lines holds at the most, in bytes.
const READ: usize = 8 * 1024;
/// How many questions are put in one write; they fit in one read.
const QUESTIONS: u64 = 100;

/// Remembers what it is told, and repeats it.
struct Keeper;

impl Process for Keeper {
    const PROTOCOL: &'static str = "keeper/1";
    type Message = u64;
    type Record = u64;
    type Timer = ();
    type Fact = u64;
    type Input = NoInput;

    fn restore(&mut self, _: u64) {}

    fn snapshot(&self) -> Vec<u64> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, message: u64, out: &mut Effects<Self>) {
        out.extend([Effect::Persist(message), Effect::Report(message)]);
    }

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, _: &u64) -> Option<String> {
        None
    }
}

/// The disk, which counts its flushes, and the world, which was told something.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<State>>, Arc<Mutex<Stuck>>);

/// Whoever holds it keeps every flush waiting.
#[derive(Default)]
struct Stuck;

#[derive(Default)]
struct State {
    appended: String,
    flushed: usize,
    flushes: u64,
    told: Vec<u64>,
    /// What was told before it was flushed.
    early: Vec<u64>,
}

impl Media for Seen {
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().appended += std::str::from_utf8(bytes).unwrap();
        file.write_all(bytes)
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        let _waited = self.1.lock().unwrap();
        let mut state = self.0.lock().unwrap();
        state.flushed = state.appended.len();
        state.flushes += 1;
        Ok(())
    }
}

impl Observer<Keeper> for Seen {
    fn observe(&mut self, output: &Output<Keeper>) {
        let Output::Report(fact) = output else { return };
        let mut state = self.0.lock().unwrap();
        let flushed = &state.appended[..state.flushed];
        let mut numbers = flushed.split(|c: char| !c.is_ascii_digit());
        if !numbers.any(|number| number == fact.to_string()) {
            state.early.push(*fact);
        }
        state.told.push(*fact);
    }
}

/// A node on this disk, and where it listens.
fn node(dir: &TempDir, seen: &Seen) -> (Arc<Node<Keeper>>, SocketAddr) {
    let owner = Owner { protocol: "keeper/1".into(), peer: ME, fingerprint: "f".into() };
    let media = Box::new(seen.clone());
    let (disk, _) = Disk::open_on(media, u64::MAX, dir.path(), &owner, &mut Keeper).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let nowhere = || Address { host: "127.0.0.1".into(), port: 1 };
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::from([(OTHER, nowhere()), (THIRD, nowhere())]),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    let observer = Box::new(seen.clone());
    (Node::start(config, Keeper, Some(disk), observer, listener).unwrap(), address)
}

/// A connection in the name of a peer.
fn greet(peer: PeerId, address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect_timeout(&address, DEADLINE).unwrap());
    stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    let id = peer.0;
    let hello = format!(
        "{{\"hello\":{{\"protocol\":\"keeper/1\",\"peer\":{id},\"fingerprint\":\"f\"}}}}\n"
    );
    ask(&mut stream, &hello);
    assert_eq!(ask(&mut stream, "\"ping\"\n"), "\"pong\"\n");
    stream
}

/// Writes this; the next line that comes.
fn ask(stream: &mut BufReader<TcpStream>, text: &str) -> String {
    stream.get_mut().write_all(text.as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

/// Waits until the world was told so many times.
fn until_told(node: &Node<Keeper>, seen: &Seen, count: usize) {
    let deadline = Instant::now() + DEADLINE;
    while seen.0.lock().unwrap().told.len() < count {
        assert!(Instant::now() < deadline, "it is never told");
        node.settle();
        thread::yield_now();
    }
}

#[test]
fn many_frames_cost_few_flushes_and_nothing_is_answered_before_its_own() {
    let (dir, seen) = (TempDir::new().unwrap(), Seen::default());
    let (node, address) = node(&dir, &seen);
    let before = seen.0.lock().unwrap().flushes;
    let mut stream = greet(OTHER, address);
    // Numbers of their own, so that no other figure in the log is taken for one.
    let numbers: Vec<u64> = (0..QUESTIONS).map(|at| 1_000_000_007 + at).collect();
    let mut questions: Vec<String> =
        numbers.iter().map(|number| format!("{{\"message\":{number}}}\n")).collect();
    questions.insert(questions.len() / 2, "\"ping\"\n".into());
    assert_eq!(
        ask(&mut stream, &questions.concat()),
        "\"pong\"\n",
        "also in the middle of a batch"
    );
    until_told(&node, &seen, numbers.len());
    let state = seen.0.lock().unwrap();
    assert_eq!(state.told, numbers);
    assert_eq!(state.early, [0; 0], "told before they were flushed");
    let flushes = state.flushes - before;
    assert!((1..=QUESTIONS / 10).contains(&flushes), "{flushes} flushes");
}

/// A flush that takes its time: what waits for it is what one read of each connection has brought.
#[test]
fn records_that_wait_for_a_flush_are_those_of_one_read_of_each_connection() {
    let (dir, seen) = (TempDir::new().unwrap(), Seen::default());
    let (node, address) = node(&dir, &seen);
    let question = "{\"message\":1000000007}\n";
    let count = 10 * READ / question.len();
    let mut streams = [OTHER, THIRD].map(|peer| greet(peer, address));
    let stuck = seen.1.lock().unwrap();
    for stream in &mut streams {
        stream.get_mut().write_all(question.repeat(count).as_bytes()).unwrap();
    }
    let waiting = || node.lock().appended;
    let (mut last, mut since) = (waiting(), Instant::now());
    while last == 0 || since.elapsed() < Duration::from_millis(500) {
        thread::yield_now();
        let now = waiting();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    let most = streams.len() * READ / question.len();
    assert!(usize::try_from(last).unwrap() <= most, "{last} records wait, of at most {most}");
    drop(stuck);
    until_told(&node, &seen, streams.len() * count);
}
