//! Figures of the barrier and the group on the loopback interface: `make bench-group`.
//!
//! How long five need to be ready, how long a newcomer needs to be seen by all, when a dead member
//! is named, and what many members cost beside processes that only send and receive the same
//! datagrams, in the same run.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How many times the barrier is passed.
const BARRIERS: usize = 50;
/// How many times a fifth member joins and is killed.
const JOINS: usize = 30;
/// For how long the processor time of many is counted.
const WATCHED: Duration = Duration::from_secs(10);

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == "bare-member") {
        return bare_member(&args[1..]);
    }
    // `cargo bench --bench group -- many` runs that part alone.
    let parts: [(&str, fn()); 3] = [("barrier", barrier), ("five", group_of_five), ("many", many)];
    for (_, run) in parts.iter().filter(|(name, _)| args.is_empty() || args[0] == *name) {
        run();
    }
}

/// The lines of the children, each with its child and its time.
struct Lines {
    receiver: Receiver<(u16, Instant, String)>,
    heard: Vec<(u16, Instant, String)>,
    /// The next question is about the lines from here on.
    mark: usize,
}

impl Lines {
    /// What was said so far is of no interest any more.
    fn forget(&mut self) {
        self.heard.extend(self.receiver.try_iter());
        self.mark = self.heard.len();
    }

    /// Waits until each of these has said a line with this end; when each did.
    fn all_say(&mut self, ids: &[u16], end: &str) -> Vec<Instant> {
        let mut times = BTreeMap::new();
        let mut next = self.mark;
        while times.len() < ids.len() {
            if next == self.heard.len() {
                let link_wait = Duration::from_secs(300);
                self.heard.push(self.receiver.recv_timeout(link_wait).expect("it comes"));
            }
            let (id, at, line) = &self.heard[next];
            if ids.contains(id) && line.ends_with(end) {
                times.entry(*id).or_insert(*at);
            }
            next += 1;
        }
        times.into_values().collect()
    }

    /// When the last of them said it.
    fn last(&mut self, ids: &[u16], end: &str) -> Instant {
        self.all_say(ids, end).into_iter().max().unwrap()
    }
}

struct Family {
    children: Vec<(u16, Child)>,
    sender: Sender<(u16, Instant, String)>,
    dir: tempfile::TempDir,
    ports: Vec<u16>,
}

impl Family {
    fn new(count: usize) -> (Self, Lines) {
        let dir = tempfile::tempdir().unwrap();
        let ports = free_ports(count);
        let lines: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}\n")).collect();
        fs::write(dir.path().join("hosts"), lines.concat()).unwrap();
        let (sender, receiver) = channel();
        let lines = Lines { receiver, heard: Vec::new(), mark: 0 };
        (Self { children: Vec::new(), sender, dir, ports }, lines)
    }

    fn synod(&mut self, id: u16, words: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        command.args(words).arg("-h").arg(self.dir.path().join("hosts"));
        command.args(["--id", &id.to_string()]);
        self.start(id, command);
    }

    fn start(&mut self, id: u16, mut command: Command) {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send((id, Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        self.children.push((id, child));
    }

    fn kill(&mut self, id: u16) {
        for (_, child) in self.children.iter_mut().filter(|(whose, _)| *whose == id) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.children.retain(|(whose, _)| *whose != id);
    }

    /// Processor time of all children so far.
    fn processor_time(&self) -> Duration {
        self.children.iter().map(|(_, child)| processor_time(child.id())).sum()
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for (_, child) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The time for which the threads of a process have run. (User and system time are told in
/// hundredths of a second, which is more than some of these need in ten seconds.)
fn processor_time(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let of_thread = |path: PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    };
    threads.map(|entry| Duration::from_nanos(of_thread(entry.unwrap().path()))).sum()
}

/// Free ports for both kinds of sockets, below those that the system takes for itself.
fn free_ports(count: usize) -> Vec<u16> {
    let first = 10_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    let held: Vec<(u16, TcpListener, UdpSocket)> = (first..32_000)
        .filter_map(|port| {
            let tcp = TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, tcp, UdpSocket::bind(("127.0.0.1", port)).ok()?))
        })
        .take(count)
        .collect();
    held.iter().map(|(port, _, _)| *port).collect()
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
}

fn row(name: &str, mut times: Vec<Duration>) {
    let (least, most) = (percentile(&mut times, 0), percentile(&mut times, 100));
    let (median, high) = (percentile(&mut times, 50), percentile(&mut times, 99));
    println!("  {name:<46} {least:>8.2}  {median:>8.2}  {high:>8.2}  {most:>8.2}");
}

fn barrier() {
    println!("five processes started at once, {BARRIERS} runs (ms)");
    println!("  {:<46} {:>8}  {:>8}  {:>8}  {:>8}", "", "least", "median", "p99", "most");
    let (mut bare, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..BARRIERS {
        let (mut family, mut lines) = Family::new(5);
        let begun = Instant::now();
        (1..=5).for_each(|id| family.synod(id, &["paxos", "--no-such-flag"]));
        bare.push(lines.last(&[1, 2, 3, 4, 5], "--help") - begun);
        drop(family);
        let (mut family, mut lines) = Family::new(5);
        let begun = Instant::now();
        (1..=5).for_each(|id| family.synod(id, &["ready"]));
        ready.push(lines.last(&[1, 2, 3, 4, 5], "READY") - begun);
    }
    row("five that only print a line", bare);
    row("five at the barrier, to five READY lines", ready);
    println!();
}

fn group_of_five() {
    println!("a group of four, T = 0.2 s, a fifth joins and is killed, {JOINS} times (ms)");
    println!("  {:<46} {:>8}  {:>8}  {:>8}  {:>8}", "", "least", "median", "p99", "most");
    let words = ["member", "--heartbeat", "0.2"];
    let (mut family, mut lines) = Family::new(5);
    for id in 1..=4 {
        family.synod(id, &words);
        let ids: Vec<u16> = (1..=id).collect();
        let list: Vec<String> = ids.iter().map(u16::to_string).collect();
        lines.last(&ids, &format!("memb_list: [{}]}}", list.join(",")));
    }
    let (mut joins, mut joins_listening, mut deaths) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..JOINS {
        lines.forget();
        let begun = Instant::now();
        family.synod(5, &words);
        let listens = lines.last(&[5], &format!("listens on port {}", family.ports[4]));
        let seen = lines.last(&[1, 2, 3, 4, 5], "memb_list: [1,2,3,4,5]}");
        joins.push(seen - begun);
        joins_listening.push(seen - listens);
        // At any moment between two heartbeats.
        thread::sleep(Duration::from_millis(300 + 37 * (round as u64 % 7)));
        let killed = Instant::now();
        family.kill(5);
        let told = lines.all_say(&[1, 2, 3, 4], "\"peer 5 unreachable\"}");
        deaths.extend(told.into_iter().map(|at| at - killed));
        lines.last(&[1, 2, 3, 4], "memb_list: [1,2,3,4]}");
    }
    row("the fifth joins: from its start, seen by all", joins);
    row("the same from when it listens", joins_listening);
    row("killed, to the line of each other (T to 2.5 T)", deaths);
    println!();
}

/// `bare-member INDEX PERIOD_MS PORT...`: sends a datagram as long as a heartbeat to all others in
/// every period, and receives theirs.
fn bare_member(args: &[String]) {
    let index: usize = args[0].parse().unwrap();
    let period = Duration::from_millis(args[1].parse().unwrap());
    let ports: Vec<u16> = args[2..].iter().map(|port| port.parse().unwrap()).collect();
    let socket = UdpSocket::bind(("127.0.0.1", ports[index])).unwrap();
    let receiving = socket.try_clone().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while receiving.recv_from(&mut buffer).is_ok() {}
    });
    let datagram = b"HEARTBEAT 199 0123456789abcdef";
    loop {
        for (other, port) in ports.iter().enumerate() {
            if other != index {
                let _ = socket.send_to(datagram, ("127.0.0.1", *port));
            }
        }
        thread::sleep(period);
    }
}

fn many() {
    let seconds = WATCHED.as_secs();
    println!("processor time of many members at T = 1 s, counted for {seconds} s");
    println!(
        "  {:>7}  {:>12}  {:>14}  {:>14}  {:>7}  {:>12}",
        "members", "joined in s", "theirs, ms/s", "bare, ms/s", "ratio", "views after"
    );
    for count in [50, 100, 200] {
        let (mut family, mut lines) = Family::new(count);
        let begun = Instant::now();
        let ids: Vec<u16> = (1..=u16::try_from(count).unwrap()).collect();
        family.synod(1, &["member"]);
        lines.last(&[1], "memb_list: [1]}");
        ids[1..].iter().for_each(|id| family.synod(*id, &["member"]));
        let list: Vec<String> = ids.iter().map(u16::to_string).collect();
        lines.last(&ids, &format!("memb_list: [{}]}}", list.join(",")));
        let joined = begun.elapsed();
        // Both at once: what else the machine does burdens both.
        let bare_family = bare_members(count);
        // Links that were made for joining are closed by then.
        thread::sleep(Duration::from_secs(15));
        lines.forget();
        let before = (family.processor_time(), bare_family.processor_time());
        thread::sleep(WATCHED);
        let theirs = family.processor_time().saturating_sub(before.0);
        let bare = bare_family.processor_time().saturating_sub(before.1);
        let said = lines.receiver.try_iter();
        let views = said.filter(|(_, _, line)| line.contains("memb_list")).count();
        let each = |time: Duration| time.as_secs_f64() * 1e3 / WATCHED.as_secs_f64();
        println!(
            "  {count:>7}  {:>12.1}  {:>14.0}  {:>14.0}  {:>7.2}  {views:>12}",
            joined.as_secs_f64(),
            each(theirs),
            each(bare),
            each(theirs) / each(bare),
        );
    }
}

fn bare_members(count: usize) -> Family {
    let (mut family, _lines) = Family::new(count);
    let ports: Vec<String> = family.ports.iter().map(u16::to_string).collect();
    for index in 0..count {
        let mut command = Command::new(env::current_exe().unwrap_or_else(|_| Path::new("").into()));
        command.arg("bare-member").arg(index.to_string()).arg("1000").args(&ports);
        family.start(u16::try_from(index).unwrap(), command);
    }
    family
}
