//! What one read brings is made durable with one flush, and nothing is answered before it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::super::disk::media::Media;
use super::super::disk::{Disk, Owner};
use super::super::link::Address;
use super::super::{Config, Node, Observer};
use crate::process::{Effect, Effects, NoInput, Output, PeerId, Process};

const DEADLINE: Duration = Duration::from_secs(30);
const ME: PeerId = PeerId(1);
const OTHER: PeerId = PeerId(2);
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
struct Seen(Arc<Mutex<State>>);

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

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}

#[test]
fn many_frames_cost_few_flushes_and_nothing_is_answered_before_its_own() {
    let (dir, seen) = (TempDir::new().unwrap(), Seen::default());
    let owner = Owner { protocol: "keeper/1".into(), peer: ME, fingerprint: "f".into() };
    let media = Box::new(seen.clone());
    let (disk, _) = Disk::open_on(media, u64::MAX, dir.path(), &owner, &mut Keeper).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let nowhere = Address { host: "127.0.0.1".into(), port: 1 };
    let config = Config {
        me: ME,
        fingerprint: "f".into(),
        peers: BTreeMap::from([(OTHER, nowhere)]),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    let observer = Box::new(seen.clone());
    let node = Node::start(config, Keeper, Some(disk), observer, listener).unwrap();
    let before = seen.0.lock().unwrap().flushes;

    let mut stream = BufReader::new(TcpStream::connect_timeout(&address, DEADLINE).unwrap());
    stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    let mut line = |text: &str| {
        stream.get_mut().write_all(text.as_bytes()).unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line
    };
    line("{\"hello\":{\"protocol\":\"keeper/1\",\"peer\":2,\"fingerprint\":\"f\"}}\n");
    assert_eq!(line("\"ping\"\n"), "\"pong\"\n");
    // Numbers of their own, so that no other figure in the log is taken for one.
    let numbers: Vec<u64> = (0..QUESTIONS).map(|at| 1_000_000_007 + at).collect();
    let mut questions: Vec<String> =
        numbers.iter().map(|number| format!("{{\"message\":{number}}}\n")).collect();
    questions.insert(questions.len() / 2, "\"ping\"\n".into());
    assert_eq!(line(&questions.concat()), "\"pong\"\n", "also in the middle of a batch");
    let answered = |_: &Keeper| (seen.0.lock().unwrap().told.len() == numbers.len()).then_some(());
    while node.wait_until(Some(std::time::Instant::now()), answered).is_none() {
        node.settle();
    }
    let state = seen.0.lock().unwrap();
    assert_eq!(state.told, numbers);
    assert_eq!(state.early, [0; 0], "told before they were flushed");
    let flushes = state.flushes - before;
    assert!((1..=QUESTIONS / 10).contains(&flushes), "{flushes} flushes");
}
