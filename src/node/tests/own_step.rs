//! The process's own thread: others count, and it alone takes the steps that are due.

use std::thread;
use std::time::{Duration, Instant};

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
    let node = Node::new(config(), process, None, observer, None, BTreeMap::new(), 0);
    (0..10 * ENOUGH).for_each(|_| message(&node));
    let core = node.lock();
    assert!(core.process.is_due() && core.process.steps.is_empty());
}
