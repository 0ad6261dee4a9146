//! What is written while segments come and go: the logs, and the files that are received.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Instant;

use super::options::Options;
use super::store::Store;
use crate::ring::key::Name;
use crate::ring::lines;
use crate::ring::message::{LogEntry, Side, TransferId};

/// One log: lines wait until the segments that they tell of are about to leave.
struct Log {
    path: PathBuf,
    /// Opened with the first line.
    file: Option<File>,
    lines: String,
    /// It could not be written; people know.
    is_closed: bool,
}

impl Log {
    fn write(&mut self) -> Result<(), String> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.lines);
        // One write, so that peers that share a log do not tear each other's lines.
        let written = if let Some(file) = &mut self.file {
            file.write_all(lines.as_bytes())
        } else {
            let file = OpenOptions::new().create(true).append(true).open(&self.path);
            file.and_then(|file| self.file.insert(file).write_all(lines.as_bytes()))
        };
        // The room is used again.
        self.lines = lines;
        self.lines.clear();
        written.map_err(|error| {
            self.is_closed = true;
            format!("{} ends here: {error}", self.path.display())
        })
    }
}

/// Both logs.
pub(super) struct Logs {
    responding: Log,
    requesting: Log,
    /// How old the program is at the zero of the process's clock, in microseconds.
    offset_us: u128,
}

impl Logs {
    /// The logs of a program that has begun at this time; the process begins now.
    pub(super) fn new(options: &Options, begun: Instant) -> Self {
        let end = if options.own_logs { format!("_{}", options.me) } else { String::new() };
        let log = |side: &str| Log {
            path: options.dir.join(format!("{side}_log{end}.txt")),
            file: None,
            lines: String::new(),
            is_closed: false,
        };
        let offset_us = begun.elapsed().as_micros();
        Self { responding: log("responding"), requesting: log("requesting"), offset_us }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, entry: &LogEntry) {
        let log = match entry.side {
            Side::Responding => &mut self.responding,
            Side::Requesting => &mut self.requesting,
        };
        if !log.is_closed {
            log.lines.push_str(&lines::logged(entry, self.offset_us));
        }
    }

    /// Writes the lines that wait.
    pub(super) fn write(&mut self) -> Result<(), String> {
        let (one, other) = (self.responding.write(), self.requesting.write());
        one.and(other)
    }
}

/// A file that comes.
pub(super) struct Part {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) name: Name,
}

/// The files that come, under temporary names.
pub(super) struct Incoming {
    store: Store,
    parts: BTreeMap<TransferId, Part>,
}

/// What could not be written, and why.
type NotWritten = (TransferId, String);

impl Incoming {
    pub(super) fn new(store: Store) -> Self {
        Self { store, parts: BTreeMap::new() }
    }

    pub(super) fn create(&mut self, id: TransferId, name: Name) -> Result<(), NotWritten> {
        let path = self.store.temporary(id);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file =
            file.map_err(|error| (id, format!("cannot make {}: {error}", path.display())))?;
        self.parts.insert(id, Part { file, path, name });
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        id: TransferId,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), NotWritten> {
        // What could not be made or written before: it is known already.
        let Some(part) = self.parts.get(&id) else { return Ok(()) };
        let Err(error) = part.file.write_all_at(bytes, at) else { return Ok(()) };
        let text = format!("cannot write {}: {error}", part.path.display());
        self.discard(id);
        Err((id, text))
    }

    pub(super) fn discard(&mut self, id: TransferId) {
        if let Some(part) = self.parts.remove(&id) {
            let _ = fs::remove_file(part.path);
        }
    }

    pub(super) fn take(&mut self, id: TransferId) -> Option<Part> {
        self.parts.remove(&id)
    }
}
