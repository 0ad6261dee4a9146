//! Figures of the ring on the loopback interface: `make bench-ring`.
//!
//! How fast a file is sent, beside the floor of a plain datagram round trip per segment in the same
//! run; how long the ring takes to heal after a death; and over how many peers requests go, in the
//! simulator, without shortcuts and with them.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const MSS: usize = 1400;
/// The header of a segment, which is all of an acknowledgement.
const HEADER: usize = 27;
const SEGMENTS: u32 = 8_000;
const ROUNDS: usize = 5;
const PING: f64 = 1.0;
const MISSES: u32 = 3;

struct Peer {
    child: Child,
    lines: Receiver<(Instant, String)>,
}

impl Peer {
    /// Waits for a line, and says when it came.
    fn prints(&self, text: &str) -> Instant {
        loop {
            let (at, line) = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
            if line.contains(text) {
                return at;
            }
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

/// A ring of these ids; all logs and files in a directory that goes with it.
struct Ring {
    folder: PathBuf,
    peers: Vec<Peer>,
}

impl Ring {
    fn start(ids: &[u16], flags: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ring-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let base = 10_000 + u16::try_from(std::process::id() % 12_000).unwrap();
        let mut peers = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let dir = folder.join(id.to_string());
            fs::create_dir_all(&dir).unwrap();
            let next = |steps: usize| ids[(at + steps) % ids.len()].to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
            command.args(["ring", &id.to_string(), &next(1), &next(2)]);
            command.args([&MSS.to_string(), "0", "--base-port", &base.to_string(), "--until-eof"]);
            command.args(flags.split_whitespace()).arg("--dir").arg(dir);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            let out = BufReader::new(child.stdout.take().unwrap());
            let (sender, lines) = channel();
            thread::spawn(move || {
                for line in out.lines().map_while(Result::ok) {
                    let _ = sender.send((Instant::now(), line));
                }
            });
            peers.push(Peer { child, lines });
        }
        for peer in &peers {
            peer.prints("A ping response");
            peer.prints("A ping request");
        }
        Self { folder, peers }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for peer in &mut self.peers {
            let _ = (peer.child.kill(), peer.child.wait());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The other side of the floor: a process of its own with one thread, which blocks for a datagram
/// and answers it with one of an acknowledgement's length.
fn echo() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    println!("{}", socket.local_addr().unwrap().port());
    let mut buffer = [0; 2 * MSS];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        if length == 1 {
            return;
        }
        socket.send_to(&buffer[..HEADER], from).unwrap();
    }
}

/// What the machine itself needs: two processes with a thread each, which send datagrams of the
/// same lengths and do nothing else. With a window of one it is a round trip per segment.
fn floor(window: u32) -> Duration {
    let mut echo = Command::new(env::current_exe().unwrap());
    let mut echo = echo.arg("echo").stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(echo.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let to = ("127.0.0.1", port.trim().parse::<u16>().unwrap());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (segment, mut answer) = ([7; MSS + HEADER], [0; 64]);
    let (mut sent, begun) = (0, Instant::now());
    for answered in 0..SEGMENTS {
        while sent < SEGMENTS && sent - answered < window {
            socket.send_to(&segment, to).unwrap();
            sent += 1;
        }
        socket.recv_from(&mut answer).unwrap();
    }
    let took = begun.elapsed();
    socket.send_to(&[0], to).unwrap();
    echo.wait().unwrap();
    took
}

/// How long a file takes: from its first segment to its last acknowledgement, by the sender's log;
/// and until it is flushed and has its name.
fn fetch(flags: &str) -> [Duration; 2] {
    let mut ring = Ring::start(&[1, 5, 9], flags);
    fs::write(ring.folder.join("5/0005.pdf"), vec![7; MSS * SEGMENTS as usize]).unwrap();
    ring.peers[0].types("request 0005");
    let begun = ring.peers[0].prints("We now start receiving");
    let whole = ring.peers[0].prints("The file is received.") - begun;
    ring.peers[1].prints("The file is sent.");
    let log = fs::read_to_string(ring.folder.join("5/responding_log.txt")).unwrap();
    assert!(!log.contains("RTX"), "a segment was lost");
    let time = |line: Option<&str>| -> f64 {
        line.and_then(|line| line.split_whitespace().nth(1)).unwrap().parse().unwrap()
    };
    let segments = time(log.lines().last()) - time(log.lines().next());
    [Duration::from_secs_f64(segments), whole]
}

fn transfer() {
    let mut times: [Vec<Duration>; 6] = Default::default();
    for _ in 0..ROUNDS {
        let [waits, waits_whole] = fetch("--ping 5");
        let [windows, windows_whole] = fetch("--ping 5 --window 64");
        let round = [floor(1), waits, waits_whole, floor(64), windows, windows_whole];
        times.iter_mut().zip(round).for_each(|(all, time)| all.push(time));
    }
    let each = times.map(|times| median(times).as_secs_f64() * 1e6 / f64::from(SEGMENTS));
    let [floor, waits, waits_whole, least, windows, windows_whole] = each;
    println!("a file of {SEGMENTS} segments of {MSS} bytes, {ROUNDS} rounds in turn, medians");
    println!("(us a segment; in brackets until the file is flushed too)");
    println!("  two bare processes, a round trip each  {floor:>6.1}");
    let share = floor / waits * 100.0;
    println!(
        "  stop and wait     {waits:>6.1} ({waits_whole:.1}): {share:.0} % of the floor's speed"
    );
    println!("  two bare processes, a window of 64     {least:>6.1}");
    let (times, share) = (waits / windows, least / windows * 100.0);
    println!(
        "  --window 64       {windows:>6.1} ({windows_whole:.1}): {times:.1} times stop and wait, \
         {share:.0} % of the bare window's speed"
    );
}

fn repair() {
    let mut times = Vec::new();
    for round in 0..ROUNDS as u64 {
        let mut ring = Ring::start(&[1, 5, 9, 20], &format!("--ping {PING} --misses {MISSES}"));
        thread::sleep(Duration::from_millis(2000 + 217 * round));
        ring.peers[2].child.kill().unwrap();
        let begun = Instant::now();
        let one = ring.peers[1].prints("My second successor is now peer 1.") - begun;
        let other = ring.peers[0].prints("My second successor is now peer 20.") - begun;
        times.push(one.max(other));
    }
    let longest = times.iter().max().unwrap().as_secs_f64();
    println!("a death, until both predecessors have the right successors, {ROUNDS} deaths");
    println!("  median {:.2} s, longest {longest:.2} s", median(times).as_secs_f64());
    println!("  misses x ping + 0.5 s is {:.2} s", f64::from(MISSES) * PING + 0.5);
}

/// What the simulator counts, of requests of random peers for random names.
fn hops() {
    println!("hops of a request, 64 requests in each of 3 simulated rings, mean");
    for peers in [8, 64, 256] {
        let mean = |world: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
            command.args(["sim", "ring", "--seeds", "0..3", "--faults", world, "--peers"]);
            let out = command.arg(peers.to_string()).output().unwrap().stdout;
            let text = String::from_utf8(out).unwrap();
            let figure = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.trim().replace(',', "").parse::<f64>().unwrap()
            };
            figure("their hops") / figure("requests answered")
        };
        println!(
            "  {peers:>3} peers: {:>6.1}   with --fingers {:>4.1}",
            mean("hops"),
            mean("fingers")
        );
    }
}

fn main() {
    // Cargo's own flag; anything else names a part.
    let part = env::args().skip(1).find(|arg| arg != "--bench");
    if part.as_deref() == Some("echo") {
        return echo();
    }
    for (name, run) in [("transfer", transfer as fn()), ("repair", repair), ("hops", hops)] {
        if part.as_deref().is_none_or(|part| part == name) {
            run();
        }
    }
}
