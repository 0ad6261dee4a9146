//! Peers of a replicated file, a directory each.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Program, Scratch, free_ports, synod};

/// From one look to the next.
const INTERVAL: &str = "0.1";
/// The file's name.
pub(crate) const NAME: &str = "notes.txt";

/// A group, the first of which listens at the first port.
pub(crate) struct Peers {
    pub(crate) scratch: Scratch,
    pub(crate) ports: Vec<u16>,
}

impl Peers {
    pub(crate) fn new(count: usize) -> Self {
        let (scratch, ports) = (Scratch::new(), free_ports(count));
        let peers = Self { scratch, ports };
        (0..count).for_each(|at| fs::create_dir(peers.folder(at)).expect("a directory"));
        peers
    }

    pub(crate) fn folder(&self, at: usize) -> PathBuf {
        self.scratch.path(format!("peer{at}"))
    }

    pub(crate) fn file(&self, at: usize) -> PathBuf {
        self.folder(at).join(NAME)
    }

    /// Saves by renaming, so that no look sees half of it.
    pub(crate) fn write(&self, at: usize, bytes: impl AsRef<[u8]>) {
        save(&self.file(at), bytes);
    }

    pub(crate) fn read(&self, at: usize) -> Option<Vec<u8>> {
        fs::read(self.file(at)).ok()
    }

    pub(crate) fn command(&self, at: usize, dial: &[usize], words: &str) -> Command {
        let mut command = synod("sync --interval");
        command.arg(INTERVAL).args(["--file", NAME, "--port", &self.ports[at].to_string()]);
        command.args(words.split_whitespace());
        command.args(dial.iter().map(|to| format!("127.0.0.1:{}", self.ports[*to])));
        command.current_dir(self.folder(at));
        command
    }

    pub(crate) fn start(&self, at: usize, dial: &[usize], words: &str) -> Program {
        let program = Program::start(self.command(at, dial, words));
        program.prints(if words.contains("--json") {
            "\"started\""
        } else {
            "Listening for peers..."
        });
        program
    }

    /// Waits until all of these hold these bytes.
    pub(crate) fn all_hold(&self, of: impl IntoIterator<Item = usize>, bytes: &[u8]) {
        for at in of {
            let holds = || self.read(at).is_some_and(|found| found == bytes);
            until(&format!("peer{at} holds {} bytes", bytes.len()), holds);
        }
    }

    /// The conflict copies of this one: what they hold.
    pub(crate) fn copies(&self, at: usize) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.folder(at)).expect("a directory").filter_map(Result::ok);
        let copies = files.filter(|file| {
            file.file_name().to_string_lossy().starts_with(&format!("{NAME}.conflict-"))
        });
        let mut copies: Vec<_> = copies.filter_map(|file| fs::read(file.path()).ok()).collect();
        copies.sort();
        copies
    }
}

/// Writes a file beside this one and renames it.
pub(crate) fn save(path: &Path, bytes: impl AsRef<[u8]>) {
    let aside = path.with_extension("saved");
    fs::write(&aside, bytes).expect("a file can be written");
    fs::rename(&aside, path).expect("it can be renamed");
}

/// Waits until this holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        // A file tells nobody that it was changed.
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(program: &Program, name: &str) {
    let mut kill = Command::new("kill");
    kill.args([format!("-{name}"), program.pid().to_string()]).stdin(Stdio::null());
    assert!(kill.status().expect("kill is there").success());
}

/// Bytes without a pattern, a newline at the end neither wanted nor avoided.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend(next());
    }
    bytes.truncate(length);
    bytes
}

/// A connection by hand.
pub(crate) fn connect(port: u16) -> TcpStream {
    let at = ([127, 0, 0, 1], port).into();
    let stream = TcpStream::connect_timeout(&at, PATIENCE).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}
