//! How long a decision takes on standing links, beside two raw round trips.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use synod::hosts::Hosts;
use synod::node::disk::{Disk, Owner};
use synod::node::{Address, Config, Node, Observer};
use synod::paxos::instances::{Instances, Keyed};
use synod::paxos::{Electorate, Roles, Setup, Value};
use synod::process::{Output, PeerId, Process};

use super::{Times, free_ports, hosts_text, row};

/// How many fresh decisions are timed.
const DECISIONS: usize = 1000;
/// Before each measurement: the notices of the last decision have arrived, and all are idle.
const PAUSE: Duration = Duration::from_millis(2);
/// About the size of a message on the wire.
const MESSAGE: [u8; 120] = [b'x'; 120];
/// About the size of a record on the disk.
const RECORD: [u8; 100] = [b'x'; 100];

/// Nobody looks.
struct Blind;

impl Observer<Instances> for Blind {
    fn observe(&mut self, _: &Output<Instances>) {}
}

/// `decision-peer HOSTSFILE ID DATA ECHO_PORT`: one of the five. The proposer takes turns between
/// what the machine needs and what a decision needs, and prints the nanoseconds of each turn.
pub fn peer(args: &[String]) {
    let hosts = Hosts::read(Path::new(&args[0])).unwrap();
    let me = PeerId(args[1].parse().unwrap());
    let electorate =
        |id| Electorate { acceptors: hosts.acceptors_of(id), learners: hosts.learners_of(id) };
    let roles = Roles {
        peers: u16::try_from(hosts.peers.len()).unwrap(),
        proposers: hosts.proposers().into_iter().map(|id| (id, electorate(id))).collect(),
    };
    let address = |id: PeerId| {
        let host = hosts.get(id).unwrap();
        Address { host: host.host.clone(), port: host.port.unwrap() }
    };
    let config = Config {
        me,
        fingerprint: hosts.fingerprint(3000),
        peers: roles.links_of(me).into_iter().map(|id| (id, address(id))).collect(),
        strict_address: false,
        bodies: None,
        say: Box::new(|_, _| {}),
    };
    let (delay, link_wait) = (Duration::ZERO, Duration::from_secs(2));
    let mut process = Instances::new(Setup { me, roles, candidate: None, delay, link_wait });
    let disk = (args[2] != "-").then(|| {
        let owner = Owner {
            protocol: Instances::PROTOCOL.into(),
            peer: me,
            fingerprint: config.fingerprint.clone(),
        };
        let dir = Path::new(&args[2]).join(me.to_string());
        Disk::open(&dir, &owner, &mut process).unwrap().0
    });
    let listener = TcpListener::bind(("127.0.0.1", address(me).port)).unwrap();
    let node = Node::start(config, process, disk, Box::new(Blind), listener).unwrap();
    if me == PeerId(1) {
        let connected = |p: &Instances| (p.connected_peers().len() == 3).then_some(());
        node.wait_until(None, connected).unwrap();
        let echo = TcpStream::connect(("127.0.0.1", args[3].parse().unwrap())).unwrap();
        echo.set_nodelay(true).unwrap();
        let flushed = (args[2] != "-").then(|| {
            OpenOptions::new().create(true).append(true).open(Path::new(&args[2]).join("flushed"))
        });
        let flushed = flushed.transpose().unwrap();
        for key in 0..DECISIONS as u64 {
            let trips = time(|| two_round_trips(&echo));
            let disk = time(|| flushed.as_ref().map_or((), two_flushes));
            let decision = time(|| {
                node.input(Keyed { key, part: Value('X') });
                node.wait_until(None, |p| p.chosen(key)).unwrap();
            });
            println!("{} {} {}", trips.as_nanos(), disk.as_nanos(), decision.as_nanos());
        }
    }
    // Until the benchmark closes the pipe.
    let _ = std::io::stdin().read(&mut [0]);
}

fn time(work: impl FnOnce()) -> Duration {
    thread::sleep(PAUSE);
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// To another process and back, twice: the least that two phases need.
fn two_round_trips(mut echo: &TcpStream) {
    let question = [&MESSAGE[..], b"\n"].concat();
    for _ in 0..2 {
        echo.write_all(&question).unwrap();
        BufReader::new(echo).read_line(&mut String::new()).unwrap();
    }
}

/// The promises, then the acceptances. (The proposer's number was reserved at the start.)
fn two_flushes(mut file: &File) {
    for _ in 0..2 {
        file.write_all(&RECORD).unwrap();
        file.sync_data().unwrap();
    }
}

/// Sends back every line that comes over one connection.
pub fn echo() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let mut lines = BufReader::new(&stream);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).unwrap() > 0 {
        (&stream).write_all(&line).unwrap();
        line.clear();
    }
}

fn again(args: &[&str]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Round trips, flushes, decisions.
fn measure(data: Option<&Path>) -> [Times; 3] {
    let mut echo = again(&["echo"]);
    let mut port = String::new();
    BufReader::new(echo.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    fs::write(&hosts, hosts_text(&free_ports(5))).unwrap();
    let data = data.map_or("-".into(), |dir| dir.display().to_string());
    let peer = |id: usize| {
        again(&["decision-peer", hosts.to_str().unwrap(), &id.to_string(), &data, port.trim()])
    };
    let mut peers: Vec<Child> = (1..=5).map(peer).collect();
    let mut times: [Vec<Duration>; 3] = Default::default();
    let out = BufReader::new(peers[0].stdout.take().unwrap());
    for line in out.lines().take(DECISIONS) {
        for (column, nanos) in line.unwrap().split(' ').enumerate() {
            times[column].push(Duration::from_nanos(nanos.parse().unwrap()));
        }
    }
    for child in peers.iter_mut().chain([&mut echo]) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    times.map(Times::new)
}

/// Prints the table.
pub fn report() {
    println!("decision latency, five processes, {DECISIONS} fresh decisions, in turns (µs)");
    println!("  {:<46} {:>8}  {:>8}", "", "median", "p99");
    let [trips, _, decision] = measure(None);
    row("two raw round trips", &trips, "");
    let ratio = decision.median() / trips.median();
    row("a decision, in memory", &decision, &format!("{ratio:.1} times that"));
    // Beside the program: a temporary directory is often in memory.
    let disk = tempfile::tempdir_in(env::current_exe().unwrap().parent().unwrap()).unwrap();
    let [trips, flushes, decision] = measure(Some(disk.path()));
    row("two raw round trips", &trips, "");
    row("two flushes, one behind the other", &flushes, "");
    let ratio = decision.median() / (trips.median() + flushes.median());
    row("a decision, durable", &decision, &format!("{ratio:.1} times both"));
    println!();
}
