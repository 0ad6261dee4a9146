//! How long five processes take from their start to five `chose` lines, beside five bare ones.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::{Times, free_ports, hosts_text, row};

const RUNS: usize = 100;

/// Starts five processes at once and returns when each has printed a line with `mark`.
fn time(commands: Vec<Command>, mark: &'static str) -> Duration {
    let begun = Instant::now();
    let (sender, receiver) = channel();
    let mut children: Vec<Child> = Vec::new();
    for mut command in commands {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let sender = sender.clone();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if line.contains(mark) {
                    let _ = sender.send(());
                }
            }
        });
        children.push(child);
    }
    for _ in 0..children.len() {
        receiver.recv_timeout(Duration::from_secs(30)).expect("all five end their part");
    }
    let took = begun.elapsed();
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    took
}

fn synod() -> Duration {
    let ports = free_ports(5);
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    // Test case 1: the fifth peer is a learner, so that nobody waits on purpose.
    let text = hosts_text(&ports).replace("proposer2", "learner1");
    fs::write(&hosts, text).unwrap();
    let command = |id: usize| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        command.arg("-h").arg(&hosts).args(["--id", &id.to_string(), "-v", "X"]);
        command
    };
    time((1..=5).map(command).collect(), "\"chose\"")
}

/// `bare-peer ID PORT…`: the same messages without the program round them. Process 1 connects to
/// 2, 3 and 4, asks twice, and tells all.
pub fn bare_peer(args: &[String]) {
    let id: usize = args[0].parse().unwrap();
    let ports: Vec<u16> = args[1..].iter().map(|port| port.parse().unwrap()).collect();
    let line = [&[b'x'; 120][..], b"\n"].concat();
    if id == 1 {
        let dial = |port: &u16| loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", *port)) {
                stream.set_nodelay(true).unwrap();
                return stream;
            }
            thread::sleep(Duration::from_micros(200));
        };
        let streams: Vec<TcpStream> = ports[1..].iter().map(dial).collect();
        for _phase in 0..2 {
            for stream in &streams[..3] {
                (&mut &*stream).write_all(&line).unwrap();
            }
            for stream in &streams[..3] {
                BufReader::new(stream).read_line(&mut String::new()).unwrap();
            }
        }
        for stream in &streams {
            (&mut &*stream).write_all(b"end\n").unwrap();
        }
        println!("done");
    } else {
        let listener = TcpListener::bind(("127.0.0.1", ports[id - 1])).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut lines = BufReader::new(&stream);
        let mut text = String::new();
        while lines.read_line(&mut text).unwrap() > 0 && text != "end\n" {
            (&stream).write_all(text.as_bytes()).unwrap();
            text.clear();
        }
        println!("done");
    }
    thread::sleep(Duration::from_secs(60));
}

fn bare() -> Duration {
    let ports: Vec<String> = free_ports(5).iter().map(u16::to_string).collect();
    let command = |id: usize| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("bare-peer").arg(id.to_string()).args(&ports);
        command
    };
    time((1..=5).map(command).collect(), "done")
}

/// Prints the table.
pub fn report() {
    println!("five processes started at once, to five choices, {RUNS} runs (µs)");
    println!("  {:<46} {:>8}  {:>8}", "", "median", "p99");
    // In turn, so that both meet the same noise.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        theirs.push(bare());
        ours.push(synod());
    }
    let (ours, theirs) = (Times::new(ours), Times::new(theirs));
    row("five bare processes, two phases", &theirs, "");
    let ratio = ours.median() / theirs.median();
    row("five peers, to five chose lines", &ours, &format!("{ratio:.1} times the bare ones"));
    println!();
}
