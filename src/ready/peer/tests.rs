//! `ready` step by step, and over a network that loses three datagrams of ten.

use super::*;

fn setup(count: u16, me: u16, exit: bool) -> Setup {
    let others = (1..=count).filter(|id| *id != me).map(PeerId).collect();
    let (interval, timeout) = (Duration::from_secs(2), Some(Duration::from_secs(120)));
    Setup { others, interval, timeout, stay: false, exit }
}

/// What a step casts, and what it says, as text.
fn told(effects: &Effects<Ready>) -> String {
    let told = effects.iter().map(|effect| match effect {
        Effect::Cast(to, message) => format!("{}<-{message}", to.0),
        Effect::Report(fact) => format!("[{fact}]"),
        Effect::Halt(code) => format!("exit {code}"),
        Effect::SetTimer(timer, _) => format!("{timer:?}"),
        other => panic!("{other:?}"),
    });
    told.collect::<Vec<_>>().join(" ")
}

fn step(peer: &mut Ready, event: impl FnOnce(&mut Ready, &mut Effects<Ready>)) -> String {
    let mut out = Vec::new();
    event(peer, &mut out);
    told(&out)
}

fn hears(peer: &mut Ready, from: u16, message: Message) -> String {
    step(peer, |peer, out| peer.receive(PeerId(from), message, out))
}

#[test]
fn an_alive_is_always_answered_and_the_first_word_with_a_question_too() {
    let mut peer = Ready::new(setup(3, 1, false));
    assert_eq!(step(&mut peer, Ready::start), "Timeout Interval");
    assert_eq!(step(&mut peer, |p, out| p.connected(PeerId(2), out)), "2<-ALIVE?");
    assert_eq!(hears(&mut peer, 3, Message::Alive), "3<-ACK! 3<-ALIVE?");
    assert_eq!(hears(&mut peer, 3, Message::Alive), "3<-ACK!", "only the first");
    assert_eq!(hears(&mut peer, 2, Message::Ack), "");
    let again = |p: &mut Ready| step(p, |p, out| p.timeout(Timer::Interval, out));
    assert_eq!(again(&mut peer), "3<-ALIVE? Interval", "only who has not acknowledged");
    assert_eq!(hears(&mut peer, 3, Message::Ack), "[READY]");
    assert_eq!(again(&mut peer), "");
    assert_eq!(hears(&mut peer, 3, Message::Ack), "", "once");
    assert_eq!(hears(&mut peer, 2, Message::Alive), "2<-ACK!", "also when ready");
    assert_eq!(hears(&mut peer, 2, Message::Ready), "", "no message of ours");
    assert_eq!(step(&mut peer, |p, out| p.timeout(Timer::Timeout, out)), "exit 0");
}

#[test]
fn who_is_missing_is_named_with_the_half_that_is_missing() {
    let mut peer = Ready::new(setup(4, 1, false));
    hears(&mut peer, 2, Message::Alive);
    hears(&mut peer, 3, Message::Ack);
    assert_eq!(
        step(&mut peer, |p, out| p.timeout(Timer::Timeout, out)),
        "[not ready: not heard from peer4; heard from, but not acknowledged by peer2] exit 1"
    );
}

#[test]
fn a_file_of_one_line_is_ready_at_once() {
    let mut peer = Ready::new(setup(1, 1, true));
    assert_eq!(step(&mut peer, Ready::start), "Timeout Interval [READY] exit 0");
}

#[test]
fn with_exit_it_leaves_when_all_are_known_to_be_ready() {
    let mut peer = Ready::new(setup(3, 1, true));
    hears(&mut peer, 2, Message::Ack);
    assert_eq!(hears(&mut peer, 3, Message::Ack), "[READY] 2<-READY 3<-READY Farewell");
    assert_eq!(hears(&mut peer, 2, Message::Ready), "");
    let again = |p: &mut Ready| step(p, |p, out| p.timeout(Timer::Farewell, out));
    assert_eq!(again(&mut peer), "3<-READY Farewell", "until it is answered in kind");
    assert_eq!(hears(&mut peer, 3, Message::Ready), "2<-READY 3<-READY Farewell");
    assert_eq!(hears(&mut peer, 3, Message::Ready), "", "the last rounds have their own time");
    for _ in 1..LAST_ROUNDS {
        assert_eq!(again(&mut peer), "2<-READY 3<-READY Farewell");
    }
    assert_eq!(again(&mut peer), "exit 0");
}

#[test]
fn only_the_three_texts_are_messages() {
    for message in Message::ALL {
        assert_eq!(Ready::from_datagram(&Ready::to_datagram(&message)), Some(message));
    }
    for bytes in [&b""[..], b"ALIVE", b"ALIVE?\n", b"alive?", b"ACK", b"\0", b"HEARTBEAT 1 x"] {
        assert_eq!(Ready::from_datagram(bytes), None, "{bytes:?}");
    }
}

/// A network of our own: everything it does follows from its seed.
struct Network {
    peers: Vec<Option<Ready>>,
    /// Time, order, to whom, what. The time is in milliseconds.
    queue: BTreeSet<(u64, u64, usize, Event)>,
    count: u64,
    random: u64,
    now: u64,
    ready: Vec<Option<u64>>,
    ended: Vec<Option<u8>>,
    /// From whom to whom a datagram has arrived.
    carried: BTreeSet<(usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Start,
    Fire(Timer),
    /// From this peer, the message with this number.
    Arrive(usize, usize),
}

impl Network {
    fn new(seed: u64, count: usize) -> Self {
        let mut network = Self {
            peers: vec![None; count],
            queue: BTreeSet::new(),
            count: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 0,
            ready: vec![None; count],
            ended: vec![None; count],
            carried: BTreeSet::new(),
        };
        // Any order of start, up to ten seconds apart.
        for at in 0..count {
            let start = network.below(10_000);
            network.put(start, at, Event::Start);
        }
        network
    }

    /// A number below `limit` (xorshift).
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn put(&mut self, after: u64, at: usize, event: Event) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count, at, event));
    }

    fn run(&mut self, exit: bool, until: u64) {
        while let Some((time, _, at, event)) = self.queue.pop_first() {
            if time > until {
                return;
            }
            self.now = time;
            self.happen(at, event, exit);
        }
    }

    fn happen(&mut self, at: usize, event: Event, exit: bool) {
        let count = self.peers.len();
        let id = |at: usize| PeerId(u16::try_from(at + 1).expect("few"));
        let mut out = Vec::new();
        if event == Event::Start {
            let peers = u16::try_from(count).expect("few");
            let mut peer = Ready::new(setup(peers, id(at).0, exit));
            peer.start(&mut out);
            (0..count).for_each(|other| peer.connected(id(other), &mut out));
            self.peers[at] = Some(peer);
        }
        if self.ended[at].is_some() {
            return;
        }
        let Some(peer) = &mut self.peers[at] else { return };
        match event {
            Event::Start => {}
            Event::Fire(timer) => peer.timeout(timer, &mut out),
            Event::Arrive(from, number) => {
                self.carried.insert((from, at));
                peer.receive(id(from), Message::ALL[number], &mut out);
            }
        }
        for effect in out {
            match effect {
                Effect::Cast(to, message) => {
                    let to = usize::from(to.0) - 1;
                    let number = Message::ALL.iter().position(|m| *m == message).expect("one");
                    // Lost, or on its way; now and then twice.
                    if self.below(10) >= 3 {
                        let delay = self.below(30);
                        self.put(delay, to, Event::Arrive(at, number));
                    }
                    if self.below(20) == 0 {
                        let delay = self.below(300);
                        self.put(delay, to, Event::Arrive(at, number));
                    }
                }
                Effect::SetTimer(timer, delay) => {
                    let ms = u64::try_from(delay.at_least.as_millis()).expect("short");
                    // Set again, it has only its new deadline.
                    self.queue.retain(|(_, _, whose, e)| (*whose, *e) != (at, Event::Fire(timer)));
                    self.put(ms, at, Event::Fire(timer));
                }
                Effect::Report(Fact::Ready) => {
                    assert_eq!(self.ready[at], None, "READY twice");
                    self.ready[at] = Some(self.now);
                    self.check_guarantee(at);
                }
                Effect::Halt(code) => self.ended[at] = Some(code),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The claim of the module's page.
    fn check_guarantee(&self, at: usize) {
        for other in (0..self.peers.len()).filter(|other| *other != at) {
            assert!(self.peers[other].is_some(), "{other} is not up");
            let both = [(at, other), (other, at)];
            assert!(both.iter().all(|link| self.carried.contains(link)), "{both:?}");
        }
    }
}

#[test]
fn all_become_ready_under_loss_in_any_order_of_start() {
    let mut latest = 0;
    for seed in 1..=2_000 {
        let mut network = Network::new(seed, 2 + usize::try_from(seed % 6).expect("small"));
        network.run(false, 200_000);
        assert!(network.ready.iter().all(Option::is_some), "seed {seed}");
        assert!(network.ended.iter().all(|code| *code == Some(0)), "seed {seed}");
        latest = latest.max(network.ready.iter().flatten().copied().max().unwrap_or(0));
    }
    // Ten seconds for the starts, and then a few intervals of two.
    assert!(latest < 60_000, "{latest} ms");
}

#[test]
fn with_exit_all_leave_together_under_loss() {
    for seed in 1..=2_000 {
        let mut network = Network::new(seed, 2 + usize::try_from(seed % 6).expect("small"));
        network.run(true, 119_000);
        assert!(network.ready.iter().all(Option::is_some), "seed {seed}");
        let ended = &network.ended;
        assert!(ended.iter().all(|c| *c == Some(0)), "seed {seed}: {ended:?} {:?}", network.ready);
    }
}

/// Two who have missed our `READY` say theirs again: both hear ours, in one round that is set once.
#[test]
fn those_who_ask_again_are_answered_together() {
    let mut peer = Ready::new(setup(4, 1, true));
    step(&mut peer, Ready::start);
    assert!(!peer.is_ready());
    for other in [2, 3, 4] {
        hears(&mut peer, other, Message::Ack);
    }
    assert!(peer.is_ready());
    let ready = |peer: &mut Ready, from| hears(peer, from, Message::Ready);
    assert_eq!(ready(&mut peer, 2), "");
    assert_eq!(ready(&mut peer, 2), "Farewell", "again: with the next round, and soon");
    assert_eq!(ready(&mut peer, 2), "");
    assert_eq!(ready(&mut peer, 3), "");
    assert_eq!(ready(&mut peer, 3), "", "that round is set already");
    let round = step(&mut peer, |peer, out| peer.timeout(Timer::Farewell, out));
    assert_eq!(round, "2<-READY 3<-READY 4<-READY Farewell");
    // Whoever is no peer has nothing to say here.
    assert_eq!(peer.objection(PeerId(4), &Message::Alive), None);
    assert!(peer.objection(PeerId(5), &Message::Alive).is_some());
    assert!(peer.objection(PeerId(1), &Message::Alive).is_some(), "nor does one to itself");
}

#[test]
fn nothing_of_it_is_recorded() {
    let mut peer = Ready::new(setup(2, 1, true));
    step(&mut peer, Ready::start);
    hears(&mut peer, 2, Message::Ack);
    assert!(peer.is_ready() && peer.snapshot().is_empty());
}
