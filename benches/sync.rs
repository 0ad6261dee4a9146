//! Figures of the replicated file on the loopback interface: `make bench-sync`.
//!
//! How long an edit takes to be seen at all of five peers; how fast a long file gets to four peers,
//! beside a plain copy to four sockets in the same run; and what a peer costs that has nothing to
//! do.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::env;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PEERS: usize = 5;
const EDITS: usize = 60;
const LONG: usize = 64 << 20;
const ROUNDS: usize = 5;
/// What goes to all but the first.
const MEBIBYTES: f64 = 4.0 * 64.0;

struct Group {
    folder: PathBuf,
    peers: Vec<Child>,
}

impl Group {
    /// A star: all but the first dial the first.
    fn start(first: &[u8]) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sync-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let base = 11_000 + u16::try_from(std::process::id() % 9_000).unwrap();
        let port = |at: usize| base + u16::try_from(at).unwrap();
        let mut group = Self { folder, peers: Vec::new() };
        for at in 0..PEERS {
            let own = group.folder.join(at.to_string());
            fs::create_dir_all(&own).unwrap();
            if at == 0 {
                fs::write(own.join("file"), first).unwrap();
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
            command.args(["sync", "--file", "file", "--port", &port(at).to_string()]);
            if at > 0 {
                command.arg(format!("127.0.0.1:{}", port(0)));
            }
            command.current_dir(own).stdout(Stdio::null()).stderr(Stdio::null());
            group.peers.push(command.spawn().unwrap());
        }
        group.all_hold(first);
        group
    }

    fn file(&self, at: usize) -> PathBuf {
        self.folder.join(at.to_string()).join("file")
    }

    /// A copy is replaced at once, and no two of the long ones are of one length.
    fn all_are_as_long(&self, bytes: &[u8]) {
        for at in 0..PEERS {
            let is_long =
                || fs::metadata(self.file(at)).is_ok_and(|f| f.len() == bytes.len() as u64);
            while !is_long() {
                thread::sleep(Duration::from_micros(500));
            }
        }
    }

    fn all_hold(&self, bytes: &[u8]) {
        for at in 0..PEERS {
            let is_long =
                |path: &Path| fs::metadata(path).is_ok_and(|f| f.len() == bytes.len() as u64);
            while !is_long(&self.file(at)) || fs::read(self.file(at)).unwrap_or_default() != bytes {
                thread::sleep(Duration::from_micros(500));
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for peer in &mut self.peers {
            let _ = (peer.kill(), peer.wait());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Bytes without a pattern.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// 1 KiB at any moment of the interval, by another peer each time.
fn edits() {
    let group = Group::start(b"before");
    let mut times = Vec::new();
    for round in 0..EDITS {
        thread::sleep(Duration::from_millis((round as u64 * 137) % 500));
        let bytes = noise(1024, round as u64 + 1);
        fs::write(group.file(round % PEERS), &bytes).unwrap();
        let begun = Instant::now();
        group.all_hold(&bytes);
        times.push(begun.elapsed());
    }
    let longest = times.iter().max().unwrap().as_millis();
    println!("an edit of 1 KiB, seen at all of {PEERS} peers, {EDITS} edits");
    println!(
        "  median {} ms, longest {longest} ms (the interval is 500 ms)",
        median(times).as_millis()
    );
}

/// The same bytes to four sockets at once, each read to its end and written to a flushed file.
fn plain_copy(folder: &Path, bytes: &[u8]) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let source = folder.join("plain-source");
    fs::write(&source, bytes).unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        for peer in 1..PEERS {
            let to = folder.join(format!("plain-{peer}"));
            scope.spawn(move || {
                let mut from = TcpStream::connect_timeout(&at, Duration::from_secs(9)).unwrap();
                let mut file = fs::File::create(to).unwrap();
                io::copy(&mut from, &mut file).unwrap();
                file.sync_all().unwrap();
            });
            let (mut stream, _) = listener.accept().unwrap();
            let source = source.clone();
            scope.spawn(move || {
                let (mut file, mut piece) = (fs::File::open(source).unwrap(), vec![0; 64 << 10]);
                while let Ok(count @ 1..) = file.read(&mut piece) {
                    stream.write_all(&piece[..count]).unwrap();
                }
            });
        }
    });
    begun.elapsed()
}

/// From the moment at which the whole file has its name at the first peer.
fn long_file() {
    let group = Group::start(b"before");
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let bytes = noise(LONG - round, round as u64 + 1);
        plain.push(plain_copy(&group.folder, &bytes));
        let aside = group.folder.join("aside");
        fs::write(&aside, &bytes).unwrap();
        fs::rename(&aside, group.file(0)).unwrap();
        let begun = Instant::now();
        group.all_are_as_long(&bytes);
        ours.push(begun.elapsed());
        group.all_hold(&bytes);
    }
    let speed = |time: Duration| MEBIBYTES / time.as_secs_f64();
    let (ours, plain) = (median(ours), median(plain));
    println!("64 MiB to {} peers, {ROUNDS} rounds, medians", PEERS - 1);
    println!(
        "  synod sync  {:>6} ms  {:>5.0} MiB/s, until the interval ends included",
        ours.as_millis(),
        speed(ours)
    );
    println!("  plain copy  {:>6} ms  {:>5.0} MiB/s", plain.as_millis(), speed(plain));
}

/// The processor time that a process has used, in seconds.
fn used(process: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

fn idle() {
    let group = Group::start(&noise(LONG, 9));
    // As long as the file is young it is read at every look.
    thread::sleep(Duration::from_secs(4));
    let before: Vec<f64> = group.peers.iter().map(used).collect();
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(20));
    let took = begun.elapsed().as_secs_f64();
    let shares = group.peers.iter().zip(before).map(|(peer, before)| (used(peer) - before) / took);
    let most = shares.fold(0.0, f64::max);
    println!("a peer with nothing to do, 64 MiB, over {took:.0} s");
    println!("  at most {:.2} % of a core", most * 100.0);
}

fn main() {
    // Cargo's own flag; anything else names a part.
    let part = env::args().skip(1).find(|arg| arg != "--bench");
    for (name, run) in [("edits", edits as fn()), ("long", long_file), ("idle", idle)] {
        if part.as_deref().is_none_or(|part| part == name) {
            run();
        }
    }
}
