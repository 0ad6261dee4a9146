//! Peers far from each other: real connections over a network whose packets take seconds.

mod common;
mod network;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Line, Program, Scratch, at_once, peer};
use network::Network;

/// The lab's test case 2.
const ROLES: [&str; 5] =
    ["proposer1", "acceptor1,acceptor2", "acceptor1,acceptor2", "acceptor1,acceptor2", "proposer2"];
/// Who is connected with whom, both ways.
const LINKS: [(u16, u16); 6] = [(1, 2), (1, 3), (1, 4), (5, 2), (5, 3), (5, 4)];
/// How long a test waits: some dozens of round trips.
const PATIENCE: Duration = Duration::from_secs(120);

/// Peers on hosts of their own.
struct Distant {
    // In this order: the peers end before their network does.
    peers: BTreeMap<u16, Program>,
    network: Network,
    scratch: Scratch,
}

impl Distant {
    /// `None` where there can be no such network.
    fn new(roles: &[&str], one_way: f64, wave: f64) -> Option<Self> {
        let network = Network::new(roles.len(), one_way, wave)?;
        let scratch = Scratch::new();
        let line = |(index, roles): (usize, &&str)| format!("10.77.0.{}:3000:{roles}\n", index + 1);
        scratch.file("hosts", roles.iter().enumerate().map(line).collect::<String>());
        Some(Self { peers: BTreeMap::new(), network, scratch })
    }

    fn trace(&self, id: u16) -> PathBuf {
        self.scratch.path(format!("peer{id}.trace"))
    }

    fn start(&mut self, id: u16, words: &str) {
        let mut command = peer(words);
        command.arg("-h").arg(self.scratch.path("hosts")).args(["--id", &id.to_string()]);
        command.arg("--trace").arg(self.trace(id));
        self.peers.insert(id, Program::start(self.network.on(id, &command)));
    }

    /// How many lines of this peer's journal have this text in them.
    fn count(&self, id: u16, text: &str) -> usize {
        let journal = fs::read_to_string(self.trace(id)).unwrap_or_default();
        journal.lines().filter(|line| line.contains(text)).count()
    }

    /// How often a peer was connected with another one.
    fn connections(&self, id: u16, to: u16) -> usize {
        self.count(id, &format!("\"action\":\"connected\",\"at\":{id},\"to\":{to},"))
    }

    /// Waits until this is so.
    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let said: Vec<_> = self.peers.values().map(Program::err).collect();
            assert!(Instant::now() < deadline, "{what} never came; {said:#?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

#[test]
fn peers_are_connected_and_stay_so_however_long_an_answer_takes() {
    // A round trip longer than the first limit of a dial; one as long as that of a silence; and one
    // that is longer, with silences in between that are longer too.
    at_once(3, 3, |index| {
        let (one_way, wave) = [(0.55, 0.0), (1.5, 0.0), (2.2, 2.5)][index];
        let Some(mut group) = Distant::new(&ROLES, one_way, wave) else { return };
        for id in 1..=5 {
            // Nobody proposes for four times the silence that ends a near link.
            group.start(id, ["-v X -t 12", "", "", "", "-v Y -t 12"][usize::from(id) - 1]);
        }
        group.wait("a connection of each pair", |group| {
            LINKS
                .iter()
                .all(|(a, b)| group.connections(*a, *b) > 0 && group.connections(*b, *a) > 0)
        });
        for proposer in [1, 5] {
            group.wait("a question", |group| {
                let text = format!("{{\"peer_id\":{proposer},\"action\":\"received\"");
                (2..=4).all(|id| group.count(id, &text) > 0)
            });
        }
        for (a, b) in LINKS {
            let connected = (group.connections(a, b), group.connections(b, a));
            assert_eq!(connected, (1, 1), "peer{a} and peer{b} lost each other");
        }
    });
}

#[test]
fn five_peers_decide_across_round_trips_of_three_seconds() {
    let Some(mut group) = Distant::new(&ROLES, 1.5, 0.0) else { return };
    for id in 1..=5 {
        group.start(id, ["-v X", "", "", "", "-v Y -t 12"][usize::from(id) - 1]);
    }
    group.wait("a choice of each", |group| {
        group.peers.values().all(|peer| peer.out().iter().any(|line| line.contains("\"chose\"")))
    });
    for (id, peer) in &group.peers {
        let chose = peer.out().iter().map(|line| Line::of(line)).find(|l| l.action == "chose");
        assert_eq!(chose.map(|line| line.value).as_deref(), Some("X"), "peer{id}");
    }
}

/// The longer a peer was away, the longer it is waited for. It must not be found later for that.
#[test]
fn after_a_long_cut_near_peers_find_each_other_soon() {
    let Some(mut group) = Distant::new(&["proposer1", "acceptor"], 0.001, 0.0) else { return };
    group.start(1, "-v X");
    group.start(2, "");
    group.wait("a choice", |group| group.peers[&2].out().iter().any(|l| l.contains("chose")));
    let connected = group.connections(1, 2);
    group.network.order("cut");
    let cut = Instant::now();
    // The slow dial is one of the longest by now, and tries every eight seconds.
    group.wait("a long outage", |_| cut.elapsed() > Duration::from_secs(42));
    group.peers[&1].says("waiting for peer2");
    group.network.order("heal");
    let (healed, outage) = (Instant::now(), cut.elapsed());
    group.wait("a new connection", |group| group.connections(1, 2) > connected);
    let late = healed.elapsed();
    assert!(late < outage / 10, "found {late:?} after an outage of {outage:?}");
    group.peers[&1].says("peer2 is connected");
}
