//! What a power loss would leave, and whether every answer would still be true.
//!
//! The model knows nothing of the program's code: it reads what one incarnation after the other
//! called. A file holds for sure what had been written to it when a flush began that returned well.
//! A flush that failed takes away what it was to flush: the pages may be marked clean. A name that
//! was given since the last flush of its directory may be there, or the one before it, or none. An
//! answer may leave only when *every* state that could be found holds what it claims. Beside that,
//! the first answer of an incarnation waits until all names are durable, and no file is renamed
//! before its flush.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Event;

/// What Paxos must not forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Memory {
    promise: u64,
    /// The number under which a value was accepted.
    vote: u64,
    last_number: u64,
}

impl Memory {
    /// All records in these bytes, wherever they stand.
    fn of(bytes: &[u8]) -> Self {
        let mut memory = Self::default();
        for record in records(bytes, b"{\"acceptor\":") {
            let acceptor = &record["acceptor"];
            memory.promise = memory.promise.max(number(&acceptor["min_proposal"]));
            memory.vote = memory.vote.max(number(&acceptor["accepted"]["number"]));
        }
        for record in records(bytes, b"{\"last_number\":") {
            memory.last_number = memory.last_number.max(number(&record["last_number"]));
        }
        memory
    }

    fn covers(&self, claim: &Self) -> bool {
        self.promise >= claim.promise
            && self.vote >= claim.vote
            && self.last_number >= claim.last_number
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// The JSON values that begin like this.
fn records(bytes: &[u8], head: &[u8]) -> Vec<Value> {
    let starts = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(head));
    let values = starts.map(|at| serde_json::Deserializer::from_slice(&bytes[at..]).into_iter());
    values.filter_map(|mut values| values.next()?.ok()).collect()
}

#[derive(Default)]
struct File {
    /// As the next reader would see them.
    bytes: Vec<u8>,
    /// So many of them a power loss leaves.
    flushed: usize,
}

/// What a name may lead to: the last one now, any of them after a power loss.
type Leads = Vec<Option<usize>>;

/// The directory of one peer, and what it has answered.
pub(crate) struct Machine {
    /// What stands above is durable.
    root: PathBuf,
    files: Vec<File>,
    names: BTreeMap<PathBuf, Leads>,
    /// Answers by kind: a trace without them proves nothing.
    pub(crate) said: BTreeMap<String, usize>,
    /// Every answer that a power loss could have made untrue.
    pub(crate) violations: Vec<String>,
}

/// One incarnation: what is under way in it.
#[derive(Default)]
struct Incarnation {
    /// Of every flush that has begun: the file, and how many bytes it covers.
    flushes: BTreeMap<u32, (usize, usize)>,
    /// Of every flush of a directory that has begun: the names it covers, and to what they led.
    listings: BTreeMap<u32, Vec<(PathBuf, Option<usize>)>>,
    /// What was sent of a line that is not at its end, by socket.
    begun: BTreeMap<String, Vec<u8>>,
    answered: bool,
}

impl Machine {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            names: BTreeMap::new(),
            said: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Follows one incarnation, from the start of the process to its end. The next one finds what
    /// this one wrote; what was not flushed is still not durable then.
    pub(crate) fn run(&mut self, events: &[Event]) {
        let mut current = Incarnation::default();
        for event in events {
            match (event.call.as_str(), event.result) {
                ("openat" | "open" | "creat", Some(0..)) => self.opened(event),
                ("mkdir" | "mkdirat", Some(0)) => self.made(event),
                (call, None) if call.starts_with("rename") => self.renames(event),
                (call, Some(0)) if call.starts_with("rename") => self.renamed(event),
                (call, Some(0)) if call.starts_with("link") || call.starts_with("symlink") => {
                    let path = event.paths().pop();
                    self.lead(&path.expect("the new name"), None);
                }
                ("unlink" | "unlinkat", Some(0)) => {
                    self.lead(&event.paths().pop().expect("a path"), None);
                }
                ("fsync" | "fdatasync", None) => self.flush_begins(event, &mut current),
                ("fsync" | "fdatasync", Some(result)) => self.flushed(event, result, &mut current),
                (call, result) if call.contains("write") || call.starts_with("send") => {
                    let socket = event.target().filter(|target| target.starts_with("socket:"));
                    match (socket, result) {
                        (Some(socket), None) => self.sends(socket, event, &mut current),
                        (Some(socket), Some(count)) => taken(socket, event, count, &mut current),
                        (None, Some(count @ 0..)) => self.written(event, count),
                        (None, _) => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(&self.root) && path != self.root
    }

    /// This name leads somewhere else now.
    fn lead(&mut self, path: &Path, to: Option<usize>) {
        if self.is_inside(path) {
            self.names.entry(path.to_owned()).or_insert_with(|| vec![None]).push(to);
        }
    }

    fn new_file(&mut self) -> usize {
        self.files.push(File::default());
        self.files.len() - 1
    }

    fn found(&self, path: &Path) -> Option<usize> {
        self.names.get(path).and_then(|leads| *leads.last()?)
    }

    fn opened(&mut self, event: &Event) {
        let path = event.paths().pop().expect("a path");
        let has = |flag: &str| event.args.iter().any(|arg| arg.contains(flag));
        match self.found(&path) {
            Some(file) if has("O_TRUNC") => self.files[file] = File::default(),
            None if has("O_CREAT") => {
                let file = self.new_file();
                self.lead(&path, Some(file));
            }
            _ => {}
        }
    }

    fn made(&mut self, event: &Event) {
        let path = event.paths().pop().expect("a path");
        // It stands for itself: what counts is that it is there.
        let directory = self.new_file();
        self.lead(&path, Some(directory));
    }

    /// The name may become durable at once; then a file that is not would be found empty under it.
    fn renames(&mut self, event: &Event) {
        let file = event.paths().first().and_then(|from| self.found(from));
        if let Some(File { bytes, flushed }) = file.map(|file| &self.files[file])
            && bytes.len() > *flushed
        {
            let paths = event.paths();
            self.violations.push(format!("{paths:?}: it is renamed before it is flushed"));
        }
    }

    fn renamed(&mut self, event: &Event) {
        let paths = event.paths();
        let [from, to] = &paths[..] else { panic!("two names: {event:?}") };
        let file = self.found(from);
        self.lead(from, None);
        self.lead(to, file);
    }

    fn written(&mut self, event: &Event, count: i64) {
        let Some(file) = event.target().and_then(|path| self.found(Path::new(path))) else {
            return;
        };
        let text = event.texts().concat();
        let count = usize::try_from(count).expect("is not negative").min(text.len());
        self.files[file].bytes.extend_from_slice(&text[..count]);
    }

    fn flush_begins(&self, event: &Event, current: &mut Incarnation) {
        let Some(path) = event.target().map(Path::new) else { return };
        if let Some(file) = self.found(path) {
            current.flushes.insert(event.thread, (file, self.files[file].bytes.len()));
        }
        let inside = self.names.iter().filter(|(name, _)| name.parent() == Some(path));
        let inside = inside.map(|(name, leads)| (name.clone(), leads.last().copied().flatten()));
        current.listings.insert(event.thread, inside.collect());
    }

    fn flushed(&mut self, event: &Event, result: i64, current: &mut Incarnation) {
        if let Some((file, covered)) = current.flushes.remove(&event.thread) {
            let file = &mut self.files[file];
            if result == 0 {
                file.flushed = file.flushed.max(covered);
            } else {
                // Whoever reads them later finds them, but no later flush need write them.
                file.bytes.drain(file.flushed..covered.max(file.flushed));
            }
        }
        for (name, led) in current.listings.remove(&event.thread).unwrap_or_default() {
            let leads = self.names.get_mut(&name).expect("it was given before");
            if result == 0
                && let Some(at) = leads.iter().rposition(|to| *to == led)
            {
                leads.drain(..at);
            }
        }
    }

    /// Everything that a power loss now could leave.
    fn possible(&self) -> Vec<Memory> {
        let mut found = vec![Memory::default()];
        for (name, leads) in &self.names {
            let Some(text) = name.file_name().and_then(|name| name.to_str()) else { continue };
            if text != "log" {
                continue;
            }
            let memory = |file: &Option<usize>| {
                let file = file.map(|file| &self.files[file]);
                file.map_or(Memory::default(), |file| Memory::of(&file.bytes[..file.flushed]))
            };
            found = leads.iter().map(memory).collect();
            // A file is lost with any directory above it.
            let mut above = name.ancestors().skip(1).filter_map(|path| self.names.get(path));
            if above.any(|leads| leads.contains(&None)) {
                found.push(Memory::default());
            }
        }
        found
    }

    /// A write to a socket begins: from here on, any part of it may arrive.
    fn sends(&mut self, socket: &str, event: &Event, current: &mut Incarnation) {
        let bytes =
            [current.begun.get(socket).cloned().unwrap_or_default(), event.texts().concat()];
        for line in bytes.concat().split(|byte| *byte == b'\n') {
            let Some((kind, claim)) = claim(line) else { continue };
            *self.said.entry(kind.clone()).or_default() += 1;
            let shown = String::from_utf8_lossy(line);
            if let Some(left) = self.possible().iter().find(|left| !left.covers(&claim)) {
                self.violations.push(format!("{shown} leaves while {left:?} may be all"));
            }
            let unsettled = self.names.iter().find(|(_, leads)| leads.len() > 1);
            if let Some((name, _)) = unsettled.filter(|_| !current.answered) {
                let name = name.display();
                self.violations.push(format!("{shown} leaves before the name {name} is durable"));
            }
            current.answered = true;
        }
    }
}

/// A write to a socket has returned: what it did not take, the next one says again.
fn taken(socket: &str, event: &Event, count: i64, current: &mut Incarnation) {
    let text = event.texts().concat();
    let count = usize::try_from(count).unwrap_or_default().min(text.len());
    let begun = current.begun.entry(socket.to_owned()).or_default();
    begun.extend_from_slice(&text[..count]);
    let line = begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    begun.drain(..line);
}

/// What a frame says that a crash must not make untrue, and its kind. Of frames that say nothing
/// of that sort there is none.
fn claim(line: &[u8]) -> Option<(String, Memory)> {
    let frame: Value = serde_json::from_slice(line).ok()?;
    let (kind, said) = frame.get("message")?.as_object()?.iter().next()?;
    let mut claim = Memory::default();
    match kind.as_str() {
        "prepare" | "accept" => claim.last_number = number(&said["number"]),
        "prepare_ack" | "accept_ack" => {
            claim.promise = number(&said["min_proposal"]);
            claim.vote = number(&said["accepted"]["number"]);
            assert!(claim.promise > 0, "an answer names a promise: {frame}");
        }
        _ => return None,
    }
    Some((kind.clone(), claim))
}
