//! How long a decision takes on standing links, beside what the machine needs for the same: two
//! round trips with one process, and two phases with three of which two must answer.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
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

/// `decision-peer HOSTSFILE ID DATA ECHO_PORTS`: one of the five. The proposer takes turns between
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
        let echoes: Vec<TcpStream> = args[3].split(',').map(connect).collect();
        let bare = Bare::new(args[3].split(',').map(connect));
        let flushed = (args[2] != "-").then(|| {
            OpenOptions::new().create(true).append(true).open(Path::new(&args[2]).join("flushed"))
        });
        let flushed = flushed.transpose().unwrap();
        for key in 0..DECISIONS as u64 {
            let trips = time(|| two_round_trips(&echoes[0]));
            let disk = time(|| flushed.as_ref().map_or((), two_flushes));
            let decision = time(|| {
                node.input(Keyed { key, part: Value('X') });
                node.wait_until(None, |p| p.chosen(key)).unwrap();
            });
            let direct = time(|| bare.two_phases(false));
            let handed = time(|| bare.two_phases(true));
            let turn =
                [trips, disk, decision, direct, handed].map(|time| time.as_nanos().to_string());
            println!("{}", turn.join(" "));
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

fn connect(port: &str) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A proposer without a protocol: a thread for each of three connections counts the answers.
struct Bare {
    streams: Vec<TcpStream>,
    phase: Mutex<Phase>,
    done: Condvar,
}

#[derive(Default)]
struct Phase {
    /// Two of the first, and two of one decision.
    of: usize,
    answers: usize,
    /// A thread of its own asks the second question, as in the program.
    handed: bool,
}

impl Bare {
    fn new(streams: impl Iterator<Item = TcpStream>) -> Arc<Self> {
        let streams: Vec<_> = streams.collect();
        let bare = Arc::new(Self { streams, phase: Mutex::default(), done: Condvar::new() });
        for index in 0..bare.streams.len() {
            let bare = Arc::clone(&bare);
            thread::spawn(move || bare.count(index));
        }
        bare
    }

    fn count(&self, index: usize) {
        let mut lines = BufReader::new(&self.streams[index]);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            let asked = line[0] - b'0';
            line.clear();
            let mut phase = self.phase.lock().unwrap();
            // The third answer of a phase comes late.
            if usize::from(asked) != phase.of {
                continue;
            }
            phase.answers += 1;
            if phase.answers < 2 {
                continue;
            }
            if phase.of == 1 && !phase.handed {
                let question = phase.next();
                drop(phase);
                self.ask(&question);
            } else {
                self.done.notify_one();
            }
        }
    }

    fn ask(&self, question: &[u8]) {
        for mut stream in &self.streams {
            stream.write_all(question).unwrap();
        }
    }

    /// A question to all three, twice; two answers end a phase. Between the phases either the
    /// thread of the second answer goes on, or it hands over to this one.
    fn two_phases(&self, handed: bool) {
        let mut phase = self.phase.lock().unwrap();
        *phase = Phase { handed, ..Phase::default() };
        let question = phase.next();
        drop(phase);
        self.ask(&question);
        let waits = |until: usize| {
            let phase = self.phase.lock().unwrap();
            let over = |phase: &mut Phase| phase.of < until || phase.answers < 2;
            self.done.wait_while(phase, over).unwrap()
        };
        if handed {
            let question = waits(1).next();
            self.ask(&question);
        }
        drop(waits(2));
    }
}

impl Phase {
    fn next(&mut self) -> Vec<u8> {
        self.of += 1;
        self.answers = 0;
        [self.of.to_string().as_bytes(), &MESSAGE[1..], b"\n"].concat()
    }
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
fn two_flushes(file: &File) {
    (0..2).for_each(|_| flush(file));
}

fn flush(mut file: &File) {
    file.write_all(&RECORD).unwrap();
    file.sync_data().unwrap();
}

/// `echo`, `echo FILE`: sends back every line that comes over a connection; a thread for each. With
/// a file, the lines of the second connection are answered after a flush.
pub fn echo(args: &[String]) {
    let file = args
        .first()
        .map(|path| Arc::new(OpenOptions::new().create(true).append(true).open(path).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for (index, stream) in listener.incoming().enumerate() {
        let stream = stream.unwrap();
        stream.set_nodelay(true).unwrap();
        let file = file.clone().filter(|_| index > 0);
        thread::spawn(move || {
            let mut lines = BufReader::new(&stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                if let Some(file) = &file {
                    flush(file);
                }
                (&stream).write_all(&line).unwrap();
                line.clear();
            }
        });
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

/// Round trips, flushes, decisions, bare phases without and with a hand-over.
fn measure(data: Option<&Path>) -> [Times; 5] {
    let echo = |n: usize| match data {
        Some(dir) => again(&["echo", dir.join(format!("echo{n}")).to_str().unwrap()]),
        None => again(&["echo"]),
    };
    let mut echoes: Vec<Child> = (0..3).map(echo).collect();
    let port = |echo: &mut Child| {
        let mut port = String::new();
        BufReader::new(echo.stdout.take().unwrap()).read_line(&mut port).unwrap();
        port.trim().to_owned()
    };
    let ports = echoes.iter_mut().map(port).collect::<Vec<_>>().join(",");
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    fs::write(&hosts, hosts_text(&free_ports(5))).unwrap();
    let data = data.map_or("-".into(), |dir| dir.display().to_string());
    let peer = |id: usize| {
        again(&["decision-peer", hosts.to_str().unwrap(), &id.to_string(), &data, &ports])
    };
    let mut peers: Vec<Child> = (1..=5).map(peer).collect();
    let mut times: [Vec<Duration>; 5] = Default::default();
    let out = BufReader::new(peers[0].stdout.take().unwrap());
    for line in out.lines().take(DECISIONS) {
        for (column, nanos) in line.unwrap().split(' ').enumerate() {
            times[column].push(Duration::from_nanos(nanos.parse().unwrap()));
        }
    }
    for child in peers.iter_mut().chain(&mut echoes) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    times.map(Times::new)
}

/// Prints the table.
pub fn report() {
    println!("decision latency, five processes, {DECISIONS} fresh decisions, in turns (µs)");
    println!("  {:<46} {:>8}  {:>8}", "", "median", "p99");
    let over = |decision: &Times, least: f64, what| {
        format!("{:.1} times {what}", decision.median() / least)
    };
    let [trips, _, decision, direct, handed] = measure(None);
    row("two raw round trips", &trips, "");
    row("two bare phases, two of three answers each", &direct, "");
    row("the same, with a thread that waits for them", &handed, "");
    let ratios = [(&trips, "two round trips"), (&handed, "the bare phases")];
    let [trips, bare] = ratios.map(|(times, what)| over(&decision, times.median(), what));
    row("a decision, in memory", &decision, &format!("{trips}, {bare}"));
    // Beside the program: a temporary directory is often in memory.
    let disk = tempfile::tempdir_in(env::current_exe().unwrap().parent().unwrap()).unwrap();
    let [trips, flushes, decision, _, handed] = measure(Some(disk.path()));
    row("two raw round trips", &trips, "");
    row("two flushes, one behind the other", &flushes, "");
    row("two bare phases, a flush before each answer", &handed, "");
    let both = over(&decision, trips.median() + flushes.median(), "trips and flushes");
    let bare = over(&decision, handed.median(), "the bare phases");
    row("a decision, durable", &decision, &format!("{both}, {bare}"));
    println!();
}
