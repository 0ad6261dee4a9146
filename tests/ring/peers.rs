//! Peers of a ring, a directory each.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Program, Scratch, random, synod, until};

/// A ring of these ids, on ports of its own.
pub(crate) struct Ring {
    pub(crate) scratch: Scratch,
    pub(crate) base: u16,
    pub(crate) ids: Vec<u16>,
    pub(crate) programs: BTreeMap<u16, Program>,
}

/// Pings are quick, and deaths are not: a loaded machine lets a peer wait.
pub(crate) const PACE: &str = "--ping 0.5 --misses 7";

impl Ring {
    pub(crate) fn new(ids: &[u16]) -> Self {
        let scratch = Scratch::new();
        for id in ids {
            fs::create_dir(scratch.path(id.to_string())).expect("a directory");
        }
        Self { scratch, base: free_base(), ids: ids.into(), programs: BTreeMap::new() }
    }

    /// The peer that comes so many steps behind this one.
    pub(crate) fn behind(&self, id: u16, steps: usize) -> u16 {
        let at = self.ids.iter().position(|other| *other == id).expect("it is in the ring");
        self.ids[(at + steps) % self.ids.len()]
    }

    pub(crate) fn dir(&self, id: u16) -> PathBuf {
        self.scratch.path(id.to_string())
    }

    /// Puts a file into the directory of a peer.
    pub(crate) fn store(&self, id: u16, name: &str, bytes: &[u8]) {
        fs::write(self.dir(id).join(name), bytes).expect("a file");
    }

    pub(crate) fn received(&self, id: u16, name: &str) -> PathBuf {
        self.dir(id).join(format!("received_file_{name}_{id}.pdf"))
    }

    /// The command of a peer with these arguments, given as words.
    pub(crate) fn command(&self, id: u16, words: &str) -> Command {
        let mut command = synod("ring");
        command.arg(id.to_string()).args(words.split_whitespace());
        command.args(["--base-port", &self.base.to_string()]);
        command.arg("--dir").arg(self.dir(id)).args(PACE.split_whitespace());
        command
    }

    /// Starts a member with MSS, DROP and further flags.
    pub(crate) fn start(&mut self, id: u16, words: &str) {
        let successors = format!("{} {}", self.behind(id, 1), self.behind(id, 2));
        let command = self.command(id, &format!("{successors} {words}"));
        self.programs.insert(id, Program::start_typing(command));
    }

    /// Starts all, and returns when each has heard its successors.
    pub(crate) fn start_all(&mut self, words: &str) {
        for id in self.ids.clone() {
            self.start(id, words);
        }
        for id in &self.ids {
            for steps in [1, 2] {
                let next = self.behind(*id, steps);
                let text = format!("A ping response message was received from Peer {next}.");
                self.programs[id].prints(&text);
            }
        }
    }

    pub(crate) fn types(&mut self, id: u16, line: &str) {
        self.programs.get_mut(&id).expect("it was started").types(line);
    }

    /// Waits for a line of this peer.
    pub(crate) fn prints(&self, id: u16, text: &str) {
        self.programs[&id].prints(text);
    }

    /// Waits until a peer has printed a line so often.
    pub(crate) fn prints_times(&self, id: u16, text: &str, times: usize) {
        until(text, || {
            let out = self.programs[&id].out();
            (out.iter().filter(|line| *line == text).count() >= times).then_some(())
        });
    }

    /// Waits until the last successors that a peer has named are these.
    pub(crate) fn has_successors(&self, id: u16, first: u16, second: u16) {
        let last = |front: &str| {
            let out = self.programs[&id].out();
            out.iter().rev().find_map(|line| line.strip_prefix(front).map(str::to_owned))
        };
        until(&format!("peer {id} has {first} and {second}"), || {
            let is = last("My first successor is now peer ") == Some(format!("{first}."))
                && last("My second successor is now peer ") == Some(format!("{second}."));
            is.then_some(())
        });
    }

    /// The files that are left half received.
    pub(crate) fn parts(&self, id: u16) -> usize {
        let entries = fs::read_dir(self.dir(id)).expect("a directory").flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".ring-")).count()
    }

    /// What all have printed and logged, a file each, for `synod check`.
    pub(crate) fn check(&self) -> Command {
        let mut command = synod("check --ring");
        for (id, program) in &self.programs {
            let out = program.out();
            let lines: Vec<String> =
                out.iter().map(|line| format!("peer{id} | {line}\n")).collect();
            command.arg(self.scratch.file(&format!("peer{id}.out"), lines.concat()));
            for side in ["responding", "requesting"] {
                let log = self.dir(*id).join(format!("{side}_log.txt"));
                if log.exists() {
                    command.arg(log);
                }
            }
        }
        command
    }
}

/// Bases of rings that were given out in this process lie far apart.
fn free_base() -> u16 {
    loop {
        let base = u16::try_from(10_000 + random() % 12_400).expect("it fits");
        let is_free = |port: u16| {
            TcpListener::bind(("127.0.0.1", port)).is_ok()
                && UdpSocket::bind(("127.0.0.1", port)).is_ok()
                && UdpSocket::bind(("127.0.0.1", port + 10_000)).is_ok()
        };
        if (0..=255).step_by(5).all(|id| is_free(base + id)) {
            return base;
        }
    }
}

/// A PDF of this size, or the beginning of one.
pub(crate) fn pdf(size: usize) -> Vec<u8> {
    let mut state = size as u64 * 2 + 1;
    let mut bytes = b"%PDF-1.4\n".to_vec();
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
