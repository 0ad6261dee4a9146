//! Real `synod` processes: started for a test, listened to, killed on drop.

#![allow(dead_code, reason = "every test program uses another part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for what must come: far beyond what it takes, since machines are noisy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A number that nobody can guess.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

/// A directory of the test's own, gone with the value.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch directory"))
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).expect("a scratch file");
        self.path(name)
    }
}

/// What came from one stream of a process.
#[derive(Clone, Default)]
struct Stream(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    ended: bool,
}

impl Stream {
    /// Collects lines; after the first `most` of them the stream is closed.
    fn listen(source: impl Read + Send + 'static, most: usize) -> Self {
        let stream = Self::default();
        let heard = stream.clone();
        thread::spawn(move || {
            let lines = BufReader::new(source).split(b'\n').take(most);
            for line in lines.map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                heard.change(|heard| heard.lines.push(line));
            }
            heard.change(|heard| heard.ended = true);
        });
        stream
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    /// Waits until `found` finds something, for [`PATIENCE`] at most.
    fn wait<T>(&self, found: impl Fn(&Heard) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let result = found(&heard);
            if result.is_some() || left.is_zero() {
                return result;
            }
            let waited = self.0.1.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }
}

/// A running process.
pub(crate) struct Program {
    child: Child,
    out: Stream,
    err: Stream,
}

/// How a process ended, and all its lines.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

/// A command that runs `synod` with these arguments, given as words.
pub(crate) fn synod(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    command.args(words.split_whitespace());
    command
}

/// A command that is a peer of Paxos or a member, with these arguments, and tells its story.
pub(crate) fn peer(words: &str) -> Command {
    let mut command = synod(words);
    command.arg("--verbose");
    command
}

impl Program {
    /// Starts a process.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_reading(command, usize::MAX)
    }

    /// Starts a process whose standard output is closed after so many lines.
    pub(crate) fn start_reading(mut command: Command, most: usize) -> Self {
        command.stdin(Stdio::null());
        Self::spawn(command, most)
    }

    /// Starts a process that reads what [`Program::types`] writes.
    pub(crate) fn start_typing(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        Self::spawn(command, usize::MAX)
    }

    /// Writes a line to its standard input.
    pub(crate) fn types(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it was started to be typed to");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// Ends its standard input.
    pub(crate) fn types_no_more(&mut self) {
        self.child.stdin = None;
    }

    fn spawn(mut command: Command, most: usize) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let forking = FORKS.read().unwrap_or_else(PoisonError::into_inner);
        let mut child = command.spawn().expect("the program starts");
        drop(forking);
        let out = Stream::listen(child.stdout.take().expect("is piped"), most);
        let err = Stream::listen(child.stderr.take().expect("is piped"), usize::MAX);
        Self { child, out, err }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn out(&self) -> Vec<String> {
        self.out.lines()
    }

    pub(crate) fn err(&self) -> Vec<String> {
        self.err.lines()
    }

    /// Waits for a line on standard output that has this text in it.
    pub(crate) fn prints(&self, text: &str) -> String {
        self.wait_for(&self.out, text)
    }

    /// Waits for a line on standard error that has this text in it.
    pub(crate) fn says(&self, text: &str) -> String {
        self.wait_for(&self.err, text)
    }

    fn wait_for(&self, stream: &Stream, text: &str) -> String {
        let found = |heard: &Heard| heard.lines.iter().find(|line| line.contains(text)).cloned();
        // Nothing more comes from a stream that has ended.
        let found = stream.wait(|heard| found(heard).map(Some).or(heard.ended.then_some(None)));
        found.flatten().unwrap_or_else(|| {
            panic!("{text:?} never came; out: {:#?} err: {:#?}", self.out(), self.err())
        })
    }

    /// Waits until the process ends by itself.
    pub(crate) fn end(&mut self) -> End {
        for stream in [&self.err, &self.out] {
            let ended = stream.wait(|heard| heard.ended.then_some(()));
            let said = (self.out(), self.err());
            assert!(ended.is_some(), "it does not end; {said:#?}");
        }
        let status = self.child.wait().expect("it is our child");
        End { code: status.code(), out: self.out(), err: self.err() }
    }

    /// `kill -9`, and all that it printed.
    pub(crate) fn kill(&mut self) -> Vec<String> {
        let _ = self.child.kill();
        self.end().out
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that is being started holds what its parent has open until it becomes another program.
/// So none is started while ports are tried: it would keep one of them for a moment longer.
static FORKS: RwLock<()> = RwLock::new(());

/// Free ports below those that `synod local` and the system take, no two alike in this process.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let _no_forks = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    let mut held = Vec::new();
    while held.len() < count {
        let port = u16::try_from(10_000 + random() % 10_000).expect("fits");
        // In this order: a port that was given may be about to be used, and must not be tried.
        if given.insert(port)
            && let Ok(listener) = TcpListener::bind(("127.0.0.1", port))
        {
            held.push((port, listener));
        }
    }
    // They are let go before anybody may be started again.
    held.into_iter().map(|(port, _)| port).collect()
}

/// The peers of a hostsfile on free loopback ports.
pub(crate) struct Cluster {
    pub(crate) scratch: Scratch,
    pub(crate) ports: Vec<u16>,
    /// Give every peer `--data` and `--trace`.
    pub(crate) durable: bool,
    peers: BTreeMap<u16, Program>,
}

impl Cluster {
    /// A hostsfile with a peer for each of these lists of roles.
    pub(crate) fn new<S: AsRef<str>>(roles: &[S]) -> Self {
        let (scratch, ports) = (Scratch::new(), free_ports(roles.len()));
        let line = |(port, roles): (&u16, &S)| format!("127.0.0.1:{port}:{}\n", roles.as_ref());
        let text: String = ports.iter().zip(roles).map(line).collect();
        scratch.file("hosts", text);
        Self { scratch, ports, durable: false, peers: BTreeMap::new() }
    }

    /// The roles of `hostsfiles/NAME`, whose lines name the peers `peer1`, `peer2`...
    pub(crate) fn of_file(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostsfiles").join(name);
        let text = fs::read_to_string(path).expect("a hostsfile of the project");
        let roles: Vec<_> = text.lines().filter_map(|line| Some(line.split_once(':')?.1)).collect();
        Self::new(&roles)
    }

    pub(crate) fn hosts(&self) -> PathBuf {
        self.scratch.path("hosts")
    }

    pub(crate) fn trace(&self, id: u16) -> PathBuf {
        self.scratch.path(format!("peer{id}.trace"))
    }

    /// The command that starts this peer.
    pub(crate) fn command(&self, id: u16, words: &str) -> Command {
        let mut command = peer(words);
        command.arg("-h").arg(self.hosts()).args(["--id", &id.to_string()]);
        if self.durable {
            command.arg("--data").arg(self.scratch.path(format!("peer{id}")));
            command.arg("--trace").arg(self.trace(id));
        }
        command
    }

    /// Starts this peer with these further arguments, and returns when it listens.
    pub(crate) fn start(&mut self, id: u16, words: &str) -> &mut Program {
        self.run(id, words);
        self.peer(id).says("listens on port");
        self.peer(id)
    }

    /// Starts this peer and does not wait.
    pub(crate) fn run(&mut self, id: u16, words: &str) {
        self.peers.insert(id, Program::start(self.command(id, words)));
    }

    pub(crate) fn adopt(&mut self, id: u16, program: Program) {
        self.peers.insert(id, program);
    }

    pub(crate) fn peer(&mut self, id: u16) -> &mut Program {
        self.peers.get_mut(&id).expect("was started")
    }

    /// Waits until all of these have printed their choice. There must be one value.
    pub(crate) fn choice(&self, ids: impl IntoIterator<Item = u16>) -> String {
        let choices: BTreeMap<u16, String> = ids
            .into_iter()
            .map(|id| (id, Line::of(&self.peers[&id].prints("\"action\":\"chose\"")).value))
            .collect();
        let values: BTreeSet<&String> = choices.values().collect();
        assert_eq!(values.len(), 1, "two values: {choices:?}");
        choices.into_values().next().expect("somebody was asked")
    }

    /// Kills all, and returns what each has printed, in a checked form. Every peer of `chose` must
    /// have printed its choice exactly once, and nobody else.
    pub(crate) fn finish(mut self, chose: &[u16]) -> BTreeMap<u16, Vec<Line>> {
        let mut printed = BTreeMap::new();
        for (id, program) in &mut self.peers {
            let err = program.err();
            assert!(!err.iter().any(|line| line.contains("SAFETY")), "peer{id}: {err:?}");
            let lines: Vec<Line> = program.kill().iter().map(|line| Line::of(line)).collect();
            for line in &lines {
                let own = line.action != "received";
                assert_eq!(line.peer_id == u64::from(*id), own, "peer{id} printed {line:?}");
            }
            let choices = lines.iter().filter(|line| line.action == "chose").count();
            assert_eq!(choices, usize::from(chose.contains(id)), "choices of peer{id}: {lines:#?}");
            printed.insert(*id, lines);
        }
        printed
    }
}

/// A printed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) peer_id: u64,
    pub(crate) action: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) number: u64,
}

impl Line {
    /// Reads a line, which must have exactly the five keys, in their order.
    pub(crate) fn of(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| json[key].as_u64().unwrap_or_default();
        let (peer_id, action, kind) = (number("peer_id"), text("action"), text("message_type"));
        let (value, number) = (text("message_value"), number("proposal_num"));
        let same = format!(
            "{{\"peer_id\":{peer_id},\"action\":\"{action}\",\"message_type\":\"{kind}\",\
             \"message_value\":\"{value}\",\"proposal_num\":{number}}}"
        );
        assert_eq!(line, same, "not the form of a printed line");
        let messages = ["prepare", "prepare_ack", "accept", "accept_ack"].contains(&&*kind);
        let fits = match &*action {
            "sent" | "received" => messages,
            "chose" => kind == "chose",
            _ => false,
        };
        assert!(fits && value.chars().count() == 1 && number > 0, "odd: {line}");
        Self { peer_id, action, kind, value, number }
    }
}

/// Does `job` for every number below `count`, at most `workers` at once. The first panic ends all.
pub(crate) fn at_once(workers: usize, count: usize, job: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let number @ 0.. = next.fetch_add(1, Ordering::Relaxed)
                    && number < count
                {
                    job(number);
                }
            });
        }
    });
}

/// Sends a signal, as `kill` in a shell does.
pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.expect("there is a shell").success(), "kill -{name} {pid}");
}

/// True if a process with this id exists and is not a corpse.
pub(crate) fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Ids of the processes whose parent this is.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("Linux");
    let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}"))
    };
    ids.filter(is_child).collect()
}

/// Looks again and again until `found` finds something, for [`PATIENCE`] at most.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = found() {
            return result;
        }
        assert!(Instant::now() < deadline, "{what} never came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// True if processes that are started here ignore this signal, as those of a script do that runs in
/// the background.
pub(crate) fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("is there");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a mask of bits");
    mask >> (signal - 1) & 1 == 1
}
