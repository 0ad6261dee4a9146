//! Nobody reads what a peer writes, and it votes all the same; what got lost is told, where it does
//! not spoil what is data.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use common::{Cluster, Line, PATIENCE, Program, Scratch, synod, until};
use serde_json::Value;
use synod::hosts::Hosts;

/// `O_NONBLOCK` of Linux.
const NONBLOCK: i32 = 0o4000;

fn fifo(scratch: &Scratch, name: &str) -> PathBuf {
    let path = scratch.path(name);
    let made = Command::new("mkfifo").arg(&path).status().expect("there is mkfifo");
    assert!(made.success());
    path
}

/// A handle of a pipe that takes nothing more and that nobody reads.
fn full(path: &Path) -> File {
    let mut options = OpenOptions::new();
    let mut pipe =
        options.read(true).write(true).custom_flags(NONBLOCK).open(path).expect("a pipe");
    while pipe.write(&[b'\n'; 4096]).is_ok() {}
    let error = pipe.write(b"\n").expect_err("it is full");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    pipe
}

#[test]
fn five_peers_decide_while_nobody_reads_their_journals() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::of_file("hostsfile-testcase2.txt");
    let mut held = Vec::new();
    for id in 1..=5 {
        let path = fifo(&scratch, &format!("trace{id}"));
        held.push(full(&path));
        let value = ["-v X", "", "", "", "-v Y"][usize::from(id) - 1];
        cluster.run(id, &format!("{value} --trace {}", path.display()));
    }
    cluster.choice(1..=5);
    cluster.finish(&[1, 2, 3, 4, 5]);
}

#[test]
fn a_peer_whose_streams_are_full_and_broken_goes_on_voting() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::of_file("hostsfile-testcase2.txt");
    // Without peer4 its vote is needed.
    cluster.start(3, "");
    let path = fifo(&scratch, "said");
    let _held = full(&path);
    let said = OpenOptions::new().read(true).write(true).open(&path).expect("a pipe");
    let mut command = cluster.command(2, "");
    // Standard output fails, and there is no room to say so.
    let broken = OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    command.stdin(Stdio::null()).stdout(broken).stderr(said);
    let mut two = command.spawn().expect("it starts");
    cluster.start(1, "-v X --wait 0");
    assert_eq!(cluster.choice([1, 3]), "X");
    // By now it has met that it cannot print.
    cluster.start(5, "-v Y --wait 0");
    assert_eq!(cluster.choice([1, 3, 5]), "X");
    two.kill().and_then(|()| two.wait()).expect("our child");
}

/// How often peer1 asks below: more lines than can wait.
const QUESTIONS: usize = 60_000;

/// Has `victim` hear so many questions of peer1, and returns when it has taken all.
fn flood(cluster: &Cluster, victim: u16) {
    let hosts = Hosts::read(&cluster.hosts()).expect("is in use");
    let port = cluster.ports[usize::from(victim) - 1];
    let mut stream = until("the listener", || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut answers = BufReader::new(stream.try_clone().expect("a handle"));
    let hello = serde_json::json!({"hello": {
        "protocol": "paxos/1", "peer": 1, "fingerprint": hosts.fingerprint(3000),
    }});
    let mut ask = |stream: &mut TcpStream, question: &str| {
        let mut line = String::new();
        writeln!(stream, "{question}").expect("it listens");
        answers.read_line(&mut line).expect("an answer");
        line
    };
    let answer = ask(&mut stream, &hello.to_string());
    assert!(answer.starts_with("{\"hello\":"), "{answer}");
    assert_eq!(ask(&mut stream, "\"ping\""), "\"pong\"\n");
    let prepare = serde_json::json!({"message": {"prepare": {"number": 1, "value": "X"}}});
    let some = format!("{prepare}\n").repeat(100);
    for _ in 0..QUESTIONS / 100 {
        stream.write_all(some.as_bytes()).expect("it reads");
    }
    // The first may be answered before all that the same read has brought is through.
    for _ in 0..2 {
        assert_eq!(ask(&mut stream, "\"ping\""), "\"pong\"\n");
    }
}

/// The number in `peer2: N lines of ... were lost`, which must be there once.
fn lost(said: &str, of: &str) -> usize {
    let notices: Vec<&str> = said.lines().filter(|line| line.contains("were lost")).collect();
    let [notice] = notices[..] else { panic!("once for the gap: {notices:#?}") };
    let count = notice.strip_prefix("peer2: ").expect("a name").split_whitespace().next();
    assert!(notice.contains(&format!(" lines of {of} were lost")), "{notice}");
    count.and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn what_standard_output_loses_is_told_on_standard_error_and_every_line_is_json() {
    let scratch = Scratch::new();
    let cluster = Cluster::of_file("hostsfile-testcase1.txt");
    let told = scratch.path("said");
    let mut command = cluster.command(2, "");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(File::create(&told).expect("a file"));
    let mut two = command.spawn().expect("it starts");
    flood(&cluster, 2);
    assert!(!fs::read_to_string(&told).expect("is there").contains("were lost"));
    // Now somebody reads.
    let lines = BufReader::new(two.stdout.take().expect("is piped")).lines();
    let reader = thread::spawn(|| lines.map(|line| line.expect("UTF-8")).collect::<Vec<String>>());
    let said = || fs::read_to_string(&told).expect("is there");
    until("the word about the gap", || said().contains("were lost").then_some(()));
    two.kill().and_then(|()| two.wait()).expect("our child");
    let printed = reader.join().expect("it reads to the end");
    for line in &printed {
        assert_eq!(Line::of(line).kind, "prepare");
    }
    let lost = lost(&said(), "standard output");
    assert!(lost > 0 && printed.len() > 1_000, "{lost} of {QUESTIONS} were lost");
    assert_eq!(printed.len() + lost, QUESTIONS);
}

#[test]
fn a_journal_says_how_many_lines_it_has_lost_and_nobody_is_accused() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::of_file("hostsfile-testcase1.txt");
    let path = fifo(&scratch, "trace");
    cluster.start(2, &format!("--trace {}", path.display()));
    flood(&cluster, 2);
    // Now somebody reads. The peer itself holds the pipe open, until it is killed.
    let pipe = BufReader::new(File::open(&path).expect("a pipe"));
    let (line, lines) = channel();
    let reader = thread::spawn(move || {
        for text in pipe.lines() {
            line.send(text.expect("UTF-8")).expect("the test waits");
        }
    });
    let mut drained: Vec<String> = Vec::new();
    while drained.last().is_none_or(|line| !line.contains("\"action\":\"lost\"")) {
        drained.push(lines.recv_timeout(PATIENCE).expect("a line of the gap"));
    }
    cluster.peer(2).kill();
    drained.extend(lines);
    reader.join().expect("it reads to the end");
    let text = drained.join("\n");
    let journal: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let gaps: Vec<u64> = journal.iter().filter_map(|line| line["lost"].as_u64()).collect();
    let lost = usize::try_from(gaps[0]).expect("fits");
    assert_eq!(
        (gaps.len(), lost),
        (1, self::lost(&cluster.peer(2).err().join("\n"), "the trace file"))
    );
    assert_eq!((&journal[0]["action"], &journal[0]["queued"]), (&"started".into(), &true.into()));
    let asked = journal.iter().filter(|line| line["message_type"] == "prepare").count();
    assert_eq!(asked + lost, QUESTIONS, "all are told or counted");

    let log = scratch.file("drained", &text);
    let end = Program::start(synod(&format!("check {}", log.display()))).end();
    assert_eq!(end.code, Some(0), "{end:#?}");
    let want = format!("lost from peer2's journal: {lost} lines");
    assert!(end.out.iter().any(|line| line.replace(',', "").contains(&want)), "{end:#?}");
}
