//! The process's own thread: others count, and it alone takes the steps that are due.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::disk::media::Media;
use super::super::*;
use crate::process::{Effect, Effects, NoInput, Output};

/// So many messages make a step due.
const ENOUGH: usize = 3;

/// Counts messages, and remembers on which thread it took its steps.
#[derive(Default)]
struct Counter {
    counted: usize,
    steps: Vec<Option<String>>,
}

impl Process for Counter {
    const PROTOCOL: &'static str = "counter/1";
    type Message = ();
    type Record = ();
    type Timer = ();
    type Fact = usize;
    type Input = NoInput;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, (): (), _: &mut Effects<Self>) {
        self.counted += 1;
    }

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn is_due(&self) -> bool {
        self.counted >= ENOUGH
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.counted -= ENOUGH;
        self.steps.push(thread::current().name().map(Into::into));
        out.push(Effect::Report(self.steps.len()));
    }

    fn objection(&self, _: PeerId, (): &()) -> Option<String> {
        None
    }
}

struct Nobody;

impl Observer<Counter> for Nobody {
    fn observe(&mut self, _: &Output<Counter>) {}
}

fn config() -> Config<Counter> {
    Config {
        me: PeerId(1),
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    }
}

fn message(node: &Node<Counter>) {
    node.step(|process, out| process.receive(PeerId(2), (), out));
}

#[test]
fn whoever_counts_the_own_thread_takes_every_step() {
    let (process, observer) = (Counter::default(), Box::new(Nobody));
    let node = Node::start(config(), process, None, observer, Sockets::default()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..300).for_each(|_| message(&node)));
        }
    });
    let deadline = Some(Instant::now() + Duration::from_secs(30));
    let steps = node
        .wait_until(deadline, |process| (!process.is_due()).then(|| process.steps.clone()))
        .expect("the process's own thread runs");
    assert_eq!(steps, vec![Some(OWN_THREAD.to_string()); 4 * 300 / ENOUGH]);
}

/// Without that thread counts become complete, and nothing follows from them.
#[test]
fn nobody_takes_a_step_in_the_place_of_the_own_thread() {
    let (process, observer) = (Counter::default(), Box::new(Nobody));
    let node = Node::new(config(), process, None, observer, [None, None], BTreeMap::new(), 0);
    (0..10 * ENOUGH).for_each(|_| message(&node));
    let core = node.lock();
    assert!(core.process.is_due() && core.process.steps.is_empty());
}

/// Takes steps as they are asked for; those for which it is true leave a record.
#[derive(Default)]
struct Recorder {
    asked: Vec<bool>,
    taken: usize,
}

impl Process for Recorder {
    const PROTOCOL: &'static str = "recorder/1";
    type Message = ();
    type Record = u64;
    type Timer = ();
    type Fact = usize;
    type Input = bool;

    fn restore(&mut self, _: u64) {}

    fn snapshot(&self) -> Vec<u64> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, (): (), _: &mut Effects<Self>) {}

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn is_due(&self) -> bool {
        !self.asked.is_empty()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.taken += 1;
        if self.asked.pop() == Some(true) {
            out.push(Effect::Persist(7));
        }
        out.push(Effect::Report(self.taken));
    }

    fn objection(&self, _: PeerId, (): &()) -> Option<String> {
        None
    }
}

impl Observer<Recorder> for Nobody {
    fn observe(&mut self, _: &Output<Recorder>) {}
    fn before_frames(&mut self) {}
    fn after_frames(&mut self) {}
}

/// While it holds, a flush waits.
#[derive(Clone, Default)]
struct Held(Arc<(std::sync::Mutex<()>, AtomicBool)>);

impl Media for Held {
    fn sync_data(&self, _: &File) -> io::Result<()> {
        self.0.1.store(true, Ordering::Relaxed);
        drop(self.0.0.lock().unwrap());
        Ok(())
    }
}

fn recorder(dir: &TempDir, flush: &Held) -> Arc<Node<Recorder>> {
    let owner =
        disk::Owner { protocol: "recorder/1".into(), peer: PeerId(1), fingerprint: "f".into() };
    let media = Box::new(flush.clone());
    let mut process = Recorder::default();
    let (disk, _) = Disk::open_on(media, 0, dir.path(), &owner, &mut process).unwrap();
    let config = Config {
        me: PeerId(1),
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    Node::start(config, process, Some(disk), Box::new(Nobody), Sockets::default()).unwrap()
}

/// Asks for a step and does not wait for anything.
fn ask(node: &Node<Recorder>, leaves_a_record: bool) {
    let mut core = node.lock();
    node.step_locked(&mut core, |process, _| process.asked.push(leaves_a_record));
    node.unlock(core);
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

#[test]
fn what_the_own_thread_records_becomes_durable_without_anybody_else() {
    let dir = TempDir::new().unwrap();
    let node = recorder(&dir, &Held::default());
    ask(&node, true);
    until("its flush", || node.disk.as_ref().unwrap().durable() == 1);
    until("its report", || node.lock().outputs.is_empty());
}

#[test]
fn the_own_thread_goes_on_while_the_records_of_others_are_flushed() {
    let (dir, flush) = (TempDir::new().unwrap(), Held::default());
    let node = recorder(&dir, &flush);
    let hold = flush.0.0.lock().unwrap();
    let other = Arc::clone(&node);
    let other = thread::spawn(move || other.step(|_, out| out.push(Effect::Persist(8))));
    until("the flush of another", || flush.0.1.load(Ordering::Relaxed));
    for taken in 1..=2 {
        ask(&node, false);
        until("a step", || node.lock().process.taken == taken);
    }
    drop(hold);
    other.join().unwrap();
}

/// Each of these steps leaves a record; none without one comes between them.
#[test]
fn a_log_that_has_grown_is_replaced_also_while_every_step_adds_to_it() {
    let dir = TempDir::new().unwrap();
    let node = recorder(&dir, &Held::default());
    for _ in 0..100 {
        node.step(|_, out| out.push(Effect::Persist(9)));
    }
    let length = std::fs::metadata(dir.path().join("log")).unwrap().len();
    assert!(length < 8192, "{length} bytes");
}
