//! What waits is bounded, and whoever sends too much waits alone.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::super::connections::{Batch, MAX_CONNECTIONS};
use super::super::outbox::{Entry, Outbox, PEER_LIMIT, Pending, TURN};
use super::super::{Config, Node, Observer};
use crate::process::{Effect, Effects, NoInput, Output, PeerId, Process};

const DEADLINE: Duration = Duration::from_secs(30);

/// Tells people whatever it hears.
struct Teller;

impl Process for Teller {
    const PROTOCOL: &'static str = "teller/1";
    type Message = String;
    type Record = ();
    type Timer = ();
    type Fact = String;
    type Input = NoInput;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, _: &mut Effects<Self>) {}

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, _: PeerId, message: String, out: &mut Effects<Self>) {
        out.push(Effect::Report(message));
    }

    fn timeout(&mut self, (): (), _: &mut Effects<Self>) {}

    fn objection(&self, _: PeerId, _: &String) -> Option<String> {
        None
    }
}

/// What was seen, and by which thread. While the gate is shut, whoever sees something waits.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Seen>, Condvar)>);

#[derive(Default)]
struct Seen {
    is_shut: bool,
    waiting: bool,
    facts: Vec<(Option<String>, String)>,
}

impl Gate {
    fn shut(&self, is_shut: bool) {
        self.0.0.lock().unwrap().is_shut = is_shut;
        self.0.1.notify_all();
    }

    /// Waits until this is so.
    fn until(&self, is_so: impl Fn(&Seen) -> bool) {
        let seen = self.0.0.lock().unwrap();
        let waited = self.0.1.wait_timeout_while(seen, DEADLINE, |seen| !is_so(seen)).unwrap();
        assert!(!waited.1.timed_out(), "it never came");
    }

    fn facts(&self) -> Vec<(Option<String>, String)> {
        self.0.0.lock().unwrap().facts.clone()
    }
}

impl Observer<Teller> for Gate {
    fn observe(&mut self, output: &Output<Teller>) {
        let Output::Report(fact) = output else { return };
        let mut seen = self.0.0.lock().unwrap();
        seen.waiting = true;
        self.0.1.notify_all();
        seen = self.0.1.wait_while(seen, |seen| seen.is_shut).unwrap();
        seen.waiting = false;
        seen.facts.push((thread::current().name().map(str::to_owned), fact.clone()));
        self.0.1.notify_all();
    }
}

fn node(gate: &Gate) -> Arc<Node<Teller>> {
    let config = Config {
        me: PeerId(1),
        fingerprint: "f".into(),
        peers: BTreeMap::new(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    Node::new(config, Teller, None, Box::new(gate.clone()), [None, None], BTreeMap::new(), 0)
}

fn tell(node: &Node<Teller>, text: &str) {
    node.step(|_, out| out.push(Effect::Report(text.into())));
}

fn stream() -> Arc<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap())
}

/// A node whose outputs do not leave: a thread stands before the gate with the first of them.
fn stuck(gate: &Gate) -> Arc<Node<Teller>> {
    let node = node(gate);
    gate.shut(true);
    let first = Arc::clone(&node);
    thread::spawn(move || tell(&first, "first"));
    gate.until(|seen| seen.waiting);
    node
}

/// Polls until this is so.
fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came");
        thread::yield_now();
    }
}

/// Reads messages without end from a peer on a thread, until it is superseded. Counts them.
fn flood(node: &Arc<Node<Teller>>, peer: PeerId) -> (Arc<AtomicUsize>, mpsc::Receiver<()>) {
    let (count, stream, node) = (Arc::new(AtomicUsize::new(0)), stream(), Arc::clone(node));
    let (taken, (ended, end)) = (Arc::clone(&count), mpsc::channel());
    assert!(node.inbound_up(peer, &stream));
    thread::spawn(move || {
        let mut batch = Batch::default();
        let text = || "x".repeat(100);
        while let Ok(true) = node.receive(peer, &stream, text(), 100, &mut batch) {
            taken.fetch_add(1, Ordering::Relaxed);
            node.conclude(&mut batch);
        }
        node.inbound_down(peer, &stream);
        let _ = ended.send(());
    });
    (count, end)
}

#[test]
fn a_peer_is_not_read_while_too_much_waits_and_all_others_go_on() {
    let gate = Gate::default();
    let node = stuck(&gate);
    let (greedy, modest) = (PeerId(2), PeerId(3));
    let (count, end) = flood(&node, greedy);
    until(|| node.lock().outputs.blocked == 1);
    let held = count.load(Ordering::Relaxed);
    // A message is shown and told; each is 100 bytes, and has an entry.
    assert!(held * 200 <= PEER_LIMIT && held * 1000 >= PEER_LIMIT, "{held} messages wait");
    // Another peer, a datagram, and the process itself do not wait for it.
    let other = stream();
    assert!(node.inbound_up(modest, &other));
    let taken = node.receive(modest, &other, "modest".into(), 6, &mut Batch::default());
    assert_eq!(taken, Ok(true));
    let datagram = |from: PeerId, text: &str| {
        node.receive_datagrams(&mut vec![(from, text.to_owned(), text.len())])
    };
    assert_eq!(datagram(modest, "datagram"), [""; 0]);
    tell(&node, "own");
    assert_eq!(datagram(greedy, "dropped").len(), 1);
    assert_eq!(count.load(Ordering::Relaxed), held, "it was read on");
    // A newer connection of the greedy peer waits in its place.
    assert!(node.inbound_up(greedy, &stream()));
    end.recv_timeout(DEADLINE).expect("it is superseded while it waits");
    gate.shut(false);
    node.settle();
    let facts: Vec<String> = gate.facts().into_iter().map(|(_, fact)| fact).collect();
    assert_eq!(facts.len(), held + 4, "what was taken is told");
    assert_eq!(facts[held + 1..], ["modest", "datagram", "own"]);
    assert_eq!(datagram(greedy, "room again"), [""; 0]);
}

#[test]
fn whoever_waited_goes_on_when_there_is_room() {
    let gate = Gate::default();
    let node = stuck(&gate);
    let (count, end) = flood(&node, PeerId(2));
    until(|| node.lock().outputs.blocked == 1);
    let held = count.load(Ordering::Relaxed);
    gate.shut(false);
    until(|| count.load(Ordering::Relaxed) > 10 * held);
    assert!(node.inbound_up(PeerId(2), &stream()));
    end.recv_timeout(DEADLINE).expect("it is superseded");
    // Under a flood, too, it ends when what was said before it was seen.
    let (_, end) = flood(&node, PeerId(2));
    tell(&node, "mine");
    node.settle();
    assert!(gate.facts().iter().any(|(_, fact)| fact == "mine"));
    assert!(node.inbound_up(PeerId(2), &stream()));
    end.recv_timeout(DEADLINE).expect("it is superseded");
    assert_eq!(node.lock().outputs.blocked, 0, "nobody waits any more");
}

/// Also the clock hands over what it finds. It must not be held up by what others put.
#[test]
fn a_thread_hands_over_one_turn_and_is_relieved() {
    let gate = Gate::default();
    let node = node(&gate);
    let (size, count) = (1000, 10 * TURN / 1000);
    let stepping = Arc::clone(&node);
    let clock = thread::Builder::new().name("clock".into()).spawn(move || {
        stepping.step(|_, out| {
            out.extend((0..count).map(|n| Effect::Report(format!("{n:0size$}"))));
        });
    });
    clock.unwrap().join().unwrap();
    node.settle();
    let facts = gate.facts();
    assert!(facts.iter().enumerate().all(|(n, (_, fact))| *fact == format!("{n:0size$}")));
    let by = |name: &str| facts.iter().filter(|(by, _)| by.as_deref() == Some(name)).count();
    assert_eq!(by("clock") + by("outputs"), count);
    assert!(by("clock") * size <= TURN && by("clock") > 0, "{}", by("clock"));
}

#[test]
fn a_peer_has_few_connections_that_have_not_ended() {
    let node = node(&Gate::default());
    let streams: Vec<_> = (0..MAX_CONNECTIONS).map(|_| stream()).collect();
    assert!(streams.iter().all(|stream| node.inbound_up(PeerId(2), stream)));
    assert!(!node.inbound_up(PeerId(2), &stream()));
    assert!(node.inbound_up(PeerId(3), &stream()), "another peer");
    node.inbound_down(PeerId(2), &streams[0]);
    assert!(node.inbound_up(PeerId(2), &stream()));
}

/// The room that it lacks is what its own steps have taken, and nobody else hands those over.
#[test]
fn a_batch_that_fills_its_room_is_seen_through_before_it_waits() {
    let gate = Gate::default();
    let node = node(&gate);
    let (peer, stream, count) = (PeerId(2), stream(), 10_000);
    assert!(node.inbound_up(peer, &stream));
    let (ended, end) = mpsc::channel();
    let reading = Arc::clone(&node);
    thread::spawn(move || {
        let mut batch = Batch::default();
        for number in 0..count {
            let taken = reading.receive(peer, &stream, number.to_string(), 5, &mut batch);
            assert_eq!(taken, Ok(true));
        }
        reading.conclude(&mut batch);
        let _ = ended.send(());
    });
    end.recv_timeout(DEADLINE).expect("it waits for itself");
    node.settle();
    assert_eq!(gate.facts().len(), count);
}

#[test]
fn nothing_is_kept_of_a_peer_that_is_gone() {
    let node = node(&Gate::default());
    for id in 100..200 {
        let (peer, stream, mut batch) = (PeerId(id), stream(), Batch::default());
        node.outbound(peer, true);
        assert!(node.inbound_up(peer, &stream));
        let taken = node.receive(peer, &stream, "some".into(), 4, &mut batch);
        assert_eq!(taken, Ok(true));
        node.conclude(&mut batch);
        node.outbound(peer, false);
        node.inbound_down(peer, &stream);
    }
    node.settle();
    let core = node.lock();
    assert!(core.ends.is_empty() && core.outputs.charges() == 0);
}

#[test]
fn there_is_room_up_to_the_limit_and_again_below_half_of_it() {
    let (peer, entry) = (PeerId(2), size_of::<Entry<Teller>>());
    for (bytes, room, again) in [
        (PEER_LIMIT / 2 - 1, true, true),
        (PEER_LIMIT / 2, true, false),
        (PEER_LIMIT - 1, true, false),
        (PEER_LIMIT, false, false),
    ] {
        let mut outbox = Outbox::<Teller>::default();
        outbox.cause = Some(peer);
        outbox.put(0, Pending::Halt(0), bytes - entry);
        assert_eq!((outbox.has_room(peer, false), outbox.has_room(peer, true)), (room, again));
        assert!(outbox.has_room(PeerId(3), true), "nothing is charged to it");
    }
}

#[test]
fn what_a_flood_has_taken_is_given_back() {
    let mut outbox = Outbox::<Teller>::default();
    (0..10 * TURN).for_each(|_| outbox.put(0, Pending::Halt(0), 0));
    while !outbox.take_ready(0).is_empty() {}
    assert!(outbox.held() <= TURN, "{} bytes", outbox.held());
}

/// A message waits as bytes, and once more where it is of interest.
#[test]
fn a_datagram_is_charged_with_the_memory_that_it_takes() {
    let node = node(&Gate::default());
    let (peer, entry) = (PeerId(2), size_of::<Entry<Teller>>());
    let message = "x".repeat(1000);
    let datagram = Teller::to_datagram(&message);
    for (interest, copies) in [(false, 0), (true, 1)] {
        let mut core = node.lock();
        let before = core.outputs.charged(peer);
        core.sees_traffic = interest;
        core.outputs.cause = Some(peer);
        core.cast(PeerId(3), message.clone());
        let more = core.outputs.charged(peer) - before;
        assert_eq!(more, datagram.capacity() + copies * datagram.len() + entry);
    }
}

#[test]
fn whoever_waits_for_what_was_said_is_counted_as_long_as_it_waits() {
    let gate = Gate::default();
    let node = stuck(&gate);
    let waiting = Arc::clone(&node);
    let waits = thread::spawn(move || waiting.settle());
    until(|| node.lock().settling == 1);
    gate.shut(false);
    waits.join().unwrap();
    let soon = Instant::now() + Duration::from_millis(10);
    assert_eq!(node.wait_until(Some(soon), |_| None::<()>), None);
    assert_eq!(node.lock().settling, 0);
}
