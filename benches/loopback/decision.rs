//! How long a decision takes on standing links, beside two raw round trips.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use synod::hosts::Hosts;
use synod::node::disk::{Disk, Owner};
use synod::node::{Address, Config, Node, Observer, Output};
use synod::paxos::instances::Instances;
use synod::paxos::{Audience, Roles, Setup, Value};
use synod::process::{PeerId, Process};

use super::{Times, free_ports, hosts_text, row};

/// How many fresh decisions are timed.
const DECISIONS: u64 = 1000;
/// Between two decisions: the notices of the last one have arrived.
const PAUSE: Duration = Duration::from_millis(2);

/// Nobody looks.
struct Blind;

impl Observer<Instances> for Blind {
    fn observe(&mut self, _: &Output<Instances>) {}
    fn before_frames(&mut self) {}
    fn after_frames(&mut self) {}
}

/// `decision-peer HOSTSFILE ID DATA`: one of the five. The proposer prints a time a line.
pub fn peer(args: &[String]) {
    let hosts = Hosts::read(Path::new(&args[0])).unwrap();
    let me = PeerId(args[1].parse().unwrap());
    let audience =
        |id| Audience { acceptors: hosts.acceptors_of(id), learners: hosts.learners_of(id) };
    let roles = Roles {
        peers: u16::try_from(hosts.peers.len()).unwrap(),
        proposers: hosts.proposers().into_iter().map(|id| (id, audience(id))).collect(),
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
        say: Box::new(|_| {}),
    };
    let (delay, patience) = (Duration::ZERO, Duration::from_secs(2));
    let mut process = Instances::new(Setup { me, roles, candidate: None, delay, patience });
    let disk = (args[2] != "-").then(|| {
        let owner = Owner {
            protocol: Instances::PROTOCOL.into(),
            peer: me,
            fingerprint: config.fingerprint.clone(),
        };
        let dir = Path::new(&args[2]).join(me.to_string());
        Disk::open(&dir, &owner, |record| process.restore(record)).unwrap().0
    });
    let listener = TcpListener::bind(("127.0.0.1", address(me).port)).unwrap();
    let node = Node::start(config, process, disk, Box::new(Blind), listener).unwrap();
    if me == PeerId(1) {
        let linked = |p: &Instances| (p.linked().len() == 3).then_some(());
        node.wait_until(None, linked).unwrap();
        for key in 0..DECISIONS {
            thread::sleep(PAUSE);
            let begun = Instant::now();
            node.step(|p, out| p.propose(key, Value('X'), out));
            node.wait_until(None, |p| p.chosen(key)).unwrap();
            println!("{}", begun.elapsed().as_nanos());
        }
    }
    // Until the benchmark closes the pipe.
    let _ = std::io::stdin().read(&mut [0]);
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

/// Two round trips of a line of a usual length, to another process and back.
fn raw_round_trips() -> Times {
    let mut child = again(&["echo"]);
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port.trim().parse().unwrap())).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(&stream);
    let question = [&[b'x'; 120][..], b"\n"].concat();
    let mut answer = Vec::new();
    let mut both = || {
        thread::sleep(PAUSE);
        let begun = Instant::now();
        for _ in 0..2 {
            (&stream).write_all(&question).unwrap();
            answer.clear();
            answers.read_until(b'\n', &mut answer).unwrap();
        }
        begun.elapsed()
    };
    let times = Times::new((0..DECISIONS).map(|_| both()).collect());
    child.kill().unwrap();
    child.wait().unwrap();
    times
}

/// The three flushes, one behind the other, for which a durable decision waits.
fn three_flushes(dir: &Path) -> Times {
    let path = dir.join("flushes");
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let mut three = || {
        thread::sleep(PAUSE);
        let begun = Instant::now();
        for _ in 0..3 {
            file.write_all(&[b'x'; 150]).unwrap();
            file.sync_data().unwrap();
        }
        begun.elapsed()
    };
    Times::new((0..DECISIONS / 2).map(|_| three()).collect())
}

fn decisions(data: Option<&Path>) -> Times {
    let ports = free_ports(5);
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    fs::write(&hosts, hosts_text(&ports)).unwrap();
    let data = data.map_or("-".into(), |dir| dir.display().to_string());
    let mut peers: BTreeMap<u16, Child> = (1..=5u16)
        .map(|id| {
            let args = ["decision-peer", hosts.to_str().unwrap(), &id.to_string(), &data];
            (id, again(&args))
        })
        .collect();
    let out = BufReader::new(peers.get_mut(&1).unwrap().stdout.take().unwrap());
    let lines = out.lines().take(usize::try_from(DECISIONS).unwrap());
    let nanos = lines.map(|line| Duration::from_nanos(line.unwrap().parse().unwrap()));
    let times = Times::new(nanos.collect());
    for child in peers.values_mut() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    times
}

/// Prints the table.
pub fn report() {
    println!("decision latency, five processes, {DECISIONS} fresh decisions (µs)");
    println!("  {:<46} {:>8}  {:>8}", "", "median", "p99");
    let floor = raw_round_trips();
    row("two raw round trips", &floor, "");
    let memory = decisions(None);
    let ratio = memory.median() / floor.median();
    row("a decision, in memory", &memory, &format!("{ratio:.1} times the floor"));
    // Beside the benchmark's own files: a temporary directory is often in memory.
    let disk = tempfile::tempdir_in(env::current_dir().unwrap().join("target"))
        .or_else(|_| tempfile::tempdir_in(env::current_exe().unwrap().parent().unwrap()));
    let disk = disk.unwrap();
    let flushes = three_flushes(disk.path());
    row("three flushes", &flushes, "");
    let durable = decisions(Some(disk.path()));
    let sum = floor.median() + flushes.median();
    let ratio = durable.median() / sum;
    row("a decision, durable", &durable, &format!("{ratio:.1} times round trips + flushes"));
    println!();
}
