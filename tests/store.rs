//! The register store: under the simulator, and as real processes that clients talk to and that
//! are killed.

#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, Program, Scratch, free_ports, random, synod};
use synod::sim::harness::{Scenario, Tally as _};
use synod::store::sim::StoreSim;

#[test]
fn no_property_is_violated_and_the_histories_are_linearizable() {
    for (flags, seeds) in [
        ("--peers 3 --faults none", 60),
        ("--peers 3 --faults light", 120),
        ("--peers 3 --faults heavy", 150),
        ("--peers 5 --faults heavy", 60),
        ("--peers 2 --faults heavy", 60),
        ("--peers 1 --faults heavy", 30),
    ] {
        let scenario: Scenario<StoreSim> = Scenario::of_flags(flags).unwrap();
        for seed in 0..seeds {
            let run = scenario.record(seed);
            let command = scenario.command(seed);
            assert_eq!(run.outcome.violation, None, "{command}");
            assert!(!run.is_condemned(), "{command}: {:?}", run.judged);
        }
    }
}

#[test]
fn the_runs_are_not_empty() {
    let scenario: Scenario<StoreSim> = Scenario::of_flags("--peers 3 --faults heavy").unwrap();
    let mut missing: Vec<&str> =
        scenario.play(0).tally.figures().iter().map(|(name, _)| *name).collect();
    for seed in 0..60 {
        let figures = scenario.play(seed).tally.figures();
        missing.retain(|name| !figures.iter().any(|(n, figure)| n == name && figure.value() > 0));
    }
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

/// Three peers on this machine.
struct Store {
    scratch: Scratch,
    clients: Vec<u16>,
    peers: Vec<Option<Program>>,
    has_history: bool,
}

impl Store {
    fn new() -> Self {
        Self::with("--new", true)
    }

    fn with(words: &str, has_history: bool) -> Self {
        let ports = free_ports(6);
        let scratch = Scratch::new();
        let lines = ports[..3].iter().map(|port| format!("127.0.0.1:{port}\n"));
        scratch.file("hosts", lines.collect::<String>());
        let mut store = Self {
            scratch,
            clients: ports[3..].to_vec(),
            peers: vec![None, None, None],
            has_history,
        };
        for at in 0..3 {
            store.start(at, words);
        }
        for at in 0..3 {
            store.wait_until_connected(at);
        }
        store
    }

    fn history(&self, at: usize) -> PathBuf {
        self.scratch.path(format!("history{at}"))
    }

    fn data(&self, at: usize) -> PathBuf {
        self.scratch.path(format!("data{at}"))
    }

    fn command(&self, at: usize, words: &str) -> std::process::Command {
        let (id, port) = (at + 1, self.clients[at]);
        let mut command = synod(&format!("store --id {id} --client-port {port} {words}"));
        command.arg("-h").arg(self.scratch.path("hosts"));
        if self.has_history {
            command.arg("--history").arg(self.history(at));
        }
        if words != "--memory" {
            command.arg("--data").arg(self.data(at));
        }
        command
    }

    fn start(&mut self, at: usize, words: &str) {
        let peer = Program::start(self.command(at, words));
        peer.says("serves clients");
        self.peers[at] = Some(peer);
    }

    fn kill(&mut self, at: usize) {
        self.peers[at].take().unwrap().kill();
    }

    /// Until this peer is connected with all that run.
    fn wait_until_connected(&self, at: usize) {
        let running = self.peers.iter().flatten().count();
        let wanted = format!("{running} of 3 peers are connected");
        wait(&wanted, || {
            http(self.clients[at], "GET /health").is_some_and(|t| t.contains(&wanted))
        });
    }

    fn client(&self, at: usize) -> Client {
        Client::connect(self.clients[at]).unwrap()
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The whole response; none if nobody answers.
fn http(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}

/// A client that speaks Redis' protocol.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// Sends a command and returns its reply as text; none if the connection ends.
    fn ask(&mut self, line: &str) -> Option<String> {
        self.send(line)?;
        self.reply()
    }

    fn send(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            let _ = write!(request, "${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().write_all(request.as_bytes()).ok()
    }

    fn reply(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_owned();
        let count = line[1..].parse::<usize>();
        match line.as_bytes()[0] {
            b'$' => {
                let Ok(count) = count else { return Some("nil".into()) };
                let mut bytes = vec![0; count + 2];
                self.0.read_exact(&mut bytes).ok()?;
                Some(String::from_utf8_lossy(&bytes[..count]).into_owned())
            }
            b'*' => {
                let Ok(count) = count else { return Some("nil".into()) };
                let parts: Option<Vec<String>> = (0..count).map(|_| self.reply()).collect();
                Some(format!("[{}]", parts?.join(" ")))
            }
            _ => Some(line),
        }
    }
}

#[test]
fn any_peer_speaks_the_protocol_of_redis() {
    let store = Store::new();
    let mut clients: Vec<Client> = (0..3).map(|at| store.client(at)).collect();
    let lines = "\
        ping | +PONG
        get k | nil
        set k 1 | +OK
        incr k | :2
        incrby k 40 | :42
        append k x | :3
        incr k | -ERR value is not an integer or out of range
        get k | 42x
        strlen k | :3
        set k new nx | nil
        set k new ifeq 42x get | 42x
        getset k v | new
        synod.get k | [v :6]
        synod.setv k 5 w | nil
        synod.setv k 6 w | :7
        exists k k none | :2
        mget k none | [w nil]
        type k | +string
        ttl k | :-1
        pexpire k 900000 | :1
        ttl k | :900
        persist k | :1
        setnx k a | :0
        multi | +OK
        append k 1 | +QUEUED
        get k | +QUEUED
        get other | -CROSSSLOT a transaction is about one key
        exec | -EXECABORT Transaction discarded because of previous errors.
        watch k | +OK
        multi | +OK
        append k 1 | +QUEUED
        get k | +QUEUED
        exec | [:2 w1]
        getdel k | w1
        del k | :0
        lpush k 1 | -ERR unknown command 'lpush', with args beginning with: 'k' '1'
        get | -ERR wrong number of arguments for 'get' command
        select 1 | -ERR DB index is out of range
        config get save | [save ]";
    for (at, line) in lines.lines().enumerate() {
        let (command, reply) = line.trim_start().split_once(" | ").unwrap();
        // A transaction is one connection's; everything else goes to any of them.
        let is_bound = (23..33).contains(&at);
        let client = &mut clients[if is_bound { 0 } else { at % 3 }];
        let told = client.ask(command).unwrap();
        assert_eq!(told.trim_end(), reply, "{command}");
    }
    // What is sent at once is answered in order.
    let client = &mut clients[1];
    for number in 0..300 {
        client.send(&format!("append long {}", number % 10)).unwrap();
    }
    for number in 1..=300 {
        assert_eq!(client.reply().unwrap(), format!(":{number}"));
    }
    let response = http(store.clients[2], "GET /kv/long").unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("6789"), "{response}");
    assert!(http(store.clients[0], "GET /kv/none").unwrap().starts_with("HTTP/1.1 404"));
    assert!(http(store.clients[0], "DELETE /kv/long").unwrap().starts_with("HTTP/1.1 204"));
    assert!(http(store.clients[0], "GET /metrics").unwrap().contains("\nsynod_store_keys 0\n"));
}

/// How much memory a process has taken at most, in bytes.
fn most_memory(peer: &Program) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", peer.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_value_of_a_mebibyte_comes_through_and_a_client_takes_bounded_memory() {
    const MIB: usize = 1 << 20;
    // A history of such values would take most of the time.
    let store = Store::with("--new", false);
    let mut client = store.client(0);
    let mut set = |key: &str, value: &[u8]| {
        let head = format!("*3\r\n$3\r\nset\r\n$3\r\n{key}\r\n${}\r\n", value.len());
        client.0.get_mut().write_all(&[head.as_bytes(), value, b"\r\n"].concat()).unwrap();
        client.reply().unwrap()
    };
    let value: String = ('a'..='w').cycle().take(MIB).collect();
    assert_eq!(set("big", value.as_bytes()), "+OK");
    // Bytes that no text has, those that JSON escapes among them.
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    assert_eq!(set("raw", &bytes), "+OK");
    for at in 0..3 {
        let mut other = store.client(at);
        assert_eq!(other.ask("strlen big").unwrap(), format!(":{MIB}"));
        assert_eq!(other.ask("get big").unwrap(), value);
        assert_eq!(other.ask("get raw").unwrap(), String::from_utf8_lossy(&bytes));
    }
    let too_long = client.ask("append big x").unwrap();
    assert_eq!(too_long, "-ERR string exceeds maximum allowed size");
    let many = format!("mget {}", ["big"; 100].join(" "));
    assert!(client.ask(&many).unwrap().starts_with("-ERR the values are too long"));
    assert_eq!(client.ask("exists big big none").unwrap(), ":2");
    // So many replies take twice the memory that the peer may have.
    for _ in 0..400 {
        client.send("get big").unwrap();
    }
    client.send("set last one").unwrap();
    for _ in 0..400 {
        assert_eq!(client.reply().unwrap().len(), MIB);
    }
    assert_eq!(client.reply().unwrap(), "+OK");
    client.send("multi").unwrap();
    for _ in 0..3 {
        client.send("get big").unwrap();
    }
    client.send("exec").unwrap();
    let told: Vec<String> = (0..5).map(|_| client.reply().unwrap()).collect();
    assert_eq!(told[4], "-ERR the transaction is too large; it was not done");
    let most = most_memory(store.peers[0].as_ref().unwrap());
    assert!(most < 200 * MIB, "{} MiB", most / MIB);
}

/// What `synod check` says of the histories of all peers.
fn check(store: &Store) -> (Option<i32>, String) {
    let mut command = synod("check");
    command.args((0..3).map(|at| store.history(at)));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Clients at all peers that ask for this and that until they are told to stop. Returns how many
/// replies there were.
fn load(ports: &[u16], during: impl FnOnce(&AtomicU64)) -> u64 {
    let (is_over, replies) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (is_over, replies, port) = (&is_over, &replies, ports[number % 3]);
            scope.spawn(move || {
                let (mut client, mut count) = (None, 0);
                while !is_over.load(Ordering::Relaxed) {
                    if client.is_none() {
                        client = Client::connect(port);
                    }
                    if client.is_none() {
                        // Its peer is dead; others need the processor.
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    }
                    count += 1;
                    let key = random() % 3;
                    let line = match random() % 6 {
                        0 => format!("set k{key} {number}.{count}"),
                        1 => format!("append k{key} ,{number}.{count}"),
                        2 => format!("set k{key} {number}.{count} nx"),
                        3 => format!("del k{key}"),
                        _ => format!("get k{key}"),
                    };
                    match client.as_mut().and_then(|client| client.ask(&line)) {
                        Some(_) => _ = replies.fetch_add(1, Ordering::Relaxed),
                        None => client = None,
                    }
                }
            });
        }
        during(&replies);
        is_over.store(true, Ordering::Relaxed);
    });
    replies.into_inner()
}

#[test]
fn peers_that_are_killed_under_load_come_back_and_every_history_is_linearizable() {
    let mut store = Store::new();
    let ports = store.clients.clone();
    let replies = load(&ports, |replies| {
        for round in 0..4 {
            let goes_on = |more: u64| {
                let from = replies.load(Ordering::Relaxed);
                wait("more replies", || replies.load(Ordering::Relaxed) >= from + more);
            };
            goes_on(200);
            let at = round % 3;
            store.kill(at);
            goes_on(200);
            store.start(at, "");
        }
        (0..3).for_each(|at| store.wait_until_connected(at));
    });
    let (code, report) = check(&store);
    assert_eq!(code, Some(0), "{report}");
    assert!(replies > 1_000, "{replies}");
    // What was written is still there after all of them were killed.
    assert_eq!(store.client(0).ask("set last word"), Some("+OK".into()));
    (0..3).for_each(|at| store.kill(at));
    (0..3).for_each(|at| store.start(at, ""));
    store.wait_until_connected(1);
    assert_eq!(store.client(1).ask("get last"), Some("word".into()));
    // A history in which a value comes from nowhere is found.
    let history = fs::read_to_string(store.history(1)).unwrap();
    fs::write(store.history(1), history.replace("word", "sword")).unwrap();
    let (code, report) = check(&store);
    assert!(code == Some(1) && report.contains("value-of-version"), "{report}");
}

#[test]
fn an_empty_disk_is_no_new_peer_and_a_lost_one_is_filled_again() {
    let mut store = Store::new();
    for number in 0..50 {
        let told = store.client(number % 3).ask(&format!("set key{number} {number}"));
        assert_eq!(told, Some("+OK".into()));
    }
    store.kill(2);
    let refused = |words: &str, why: &str| {
        let output = store.command(2, words).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && error.contains(why), "{words}: {error}");
    };
    refused("--new", "is not empty: a peer that has run is not --new");
    refused("--rejoin", "is not empty: move what is there away");
    refused("--new --rejoin", "choose one");
    refused("--memory --rejoin", "choose one");
    fs::remove_dir_all(store.data(2)).unwrap();
    refused("", "is empty: say --new");
    store.start(2, "--rejoin");
    wait("all keys", || store.client(2).ask("dbsize") == Some(":50".into()));
    // Now it votes, and the store goes on with it and one other.
    store.wait_until_connected(2);
    store.kill(0);
    wait("a majority", || store.client(2).ask("set after rejoin") == Some("+OK".into()));
    assert_eq!(store.client(1).ask("get key49"), Some("49".into()));
    let (code, report) = check(&store);
    assert_eq!(code, Some(0), "{report}");
}

#[test]
fn a_peer_that_keeps_nothing_is_filled_again_before_it_votes() {
    let mut store = Store::with("--memory", true);
    assert_eq!(store.client(0).ask("set k v"), Some("+OK".into()));
    for killed in [0, 1, 2] {
        store.kill(killed);
        store.start(killed, "--memory");
        wait("the key", || store.client(killed).ask("dbsize") == Some(":1".into()));
        store.wait_until_connected(killed);
        wait("a reply", || store.client(killed).ask("get k") == Some("v".into()));
    }
    let (code, report) = check(&store);
    assert_eq!(code, Some(0), "{report}");
    let refused = store.command(0, "--memory").arg("--new").output().unwrap();
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && error.contains("--memory says"), "{error}");
}

#[test]
fn without_a_majority_nothing_is_done_and_that_is_said() {
    let mut store = Store::new();
    assert_eq!(store.client(0).ask("set k v"), Some("+OK".into()));
    (1..3).for_each(|at| store.kill(at));
    let begun = Instant::now();
    let told = store.client(0).ask("get k").unwrap();
    assert!(told.starts_with("-CLUSTERDOWN"), "{told}");
    let told = store.client(0).ask("set k w").unwrap();
    // Whether it reaches a majority later, nobody knows.
    assert!(told.starts_with("-UNKNOWN") || told.starts_with("-CLUSTERDOWN"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it says so in time");
    assert!(http(store.clients[0], "GET /health").unwrap().starts_with("HTTP/1.1 503"));
}

#[test]
fn a_local_store_says_how_to_connect_and_keeps_what_was_written() {
    let scratch = Scratch::new();
    let start = || {
        let mut command = synod("local store --data");
        command.arg(scratch.path("data"));
        Program::start_typing(command)
    };
    let ports = |local: &Program| -> Vec<u16> {
        let line = local.says("connect: redis-cli");
        line.split("-p ")
            .skip(1)
            .map(|rest| rest.trim_end_matches(", or ").parse().unwrap())
            .collect()
    };
    let mut local = start();
    let first = ports(&local);
    assert_eq!(first.len(), 3);
    let ask = |port: u16, line: &str| Client::connect(port)?.ask(line);
    wait("a majority", || ask(first[0], "set k v") == Some("+OK".into()));
    local.types("1 kill");
    wait("the end of peer 1", || Client::connect(first[0]).is_none());
    wait("the value", || ask(first[1], "get k") == Some("v".into()));
    local.types("nonsense");
    local.says("nonsense: type `ID kill`, or `end`");
    local.types_no_more();
    let end = local.end();
    assert_eq!(end.code, Some(0), "{:?}", end.out);
    let mut local = start();
    let second = ports(&local);
    wait("the value", || ask(second[0], "get k") == Some("v".into()));
    local.types("end");
    assert_eq!(local.end().code, Some(0));
}

#[test]
fn scripts_ask_by_commands_that_tell_by_their_exit_code() {
    let mut store = Store::new();
    let run = |at: usize, words: &[&str]| {
        let mut command = synod("");
        let port = store.clients[at];
        let output = command.args(words).args(["--at", &format!("127.0.0.1:{port}")]).output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    for (at, words, code, out) in [
        (0, &["get", "k"][..], 1, ""),
        (1, &["set", "k", "one two"], 0, ""),
        (2, &["get", "k"], 0, "one two\n"),
        (0, &["cas", "k", "one", "two"], 1, ""),
        (1, &["cas", "k", "one two", "two"], 0, ""),
        (2, &["cas", "none", "", "two"], 1, ""),
        (0, &["get", "k"], 0, "two\n"),
        (1, &["del", "k"], 0, ""),
        (2, &["del", "k"], 1, ""),
    ] {
        let (told, printed, error) = run(at, words);
        assert_eq!((told, printed.as_str()), (code, out), "{words:?}: {error}");
    }
    let (code, _, error) = run(0, &["set", "k"]);
    assert!(code == 2 && error.contains("1 more of the words"), "{error}");
    for at in [1, 2] {
        store.peers[at].take().unwrap().kill();
    }
    let (code, printed, error) = run(0, &["get", "k"]);
    assert!(code == 2 && printed.is_empty() && error.contains("CLUSTERDOWN"), "{error}");
    let (code, _, error) = run(1, &["get", "k"]);
    assert!(code == 2 && error.contains("refused"), "{error}");
}
