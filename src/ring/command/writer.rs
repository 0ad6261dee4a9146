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

/// One log: lines wait until the segments that they tell of have left.
struct Log {
    path: PathBuf,
    /// Opened with the first line.
    file: Option<File>,
    entries: Vec<LogEntry>,
    /// Room for their lines.
    text: String,
    /// It could not be written; people know.
    is_closed: bool,
}

impl Log {
    fn write(&mut self, offset_us: u128) -> Result<(), String> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut lines = std::mem::take(&mut self.text);
        for entry in self.entries.drain(..) {
            lines::log(&entry, offset_us, &mut lines);
        }
        // One write, so that peers that share a log do not tear each other's lines.
        let written = if let Some(file) = &mut self.file {
            file.write_all(lines.as_bytes())
        } else {
            let file = OpenOptions::new().create(true).append(true).open(&self.path);
            file.and_then(|file| self.file.insert(file).write_all(lines.as_bytes()))
        };
        // The room is used again.
        self.text = lines;
        self.text.clear();
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
            entries: Vec::new(),
            text: String::new(),
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
            log.entries.push(*entry);
        }
    }

    /// Writes the lines that wait.
    pub(super) fn write(&mut self) -> Result<(), String> {
        let offset_us = self.offset_us;
        let (one, other) = (self.responding.write(offset_us), self.requesting.write(offset_us));
        one.and(other)
    }
}

/// A file that comes.
pub(super) struct Part {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) name: Name,
}

/// How many bytes of files are gathered at most before they are written.
const GATHERED: usize = 256 << 10;

/// The files that come, under temporary names.
pub(super) struct Incoming {
    store: Store,
    parts: BTreeMap<TransferId, Part>,
    /// Segments that follow each other, and wait to be written in one go: of which file, and where.
    gathered: Vec<u8>,
    place: Option<(TransferId, u64)>,
}

/// What could not be written, and why.
pub(super) type NotWritten = (TransferId, String);

impl Incoming {
    pub(super) fn new(store: Store) -> Self {
        Self { store, parts: BTreeMap::new(), gathered: Vec::new(), place: None }
    }

    pub(super) fn create(&mut self, id: TransferId, name: Name) -> Result<(), NotWritten> {
        let path = self.store.temporary(id);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file =
            file.map_err(|error| (id, format!("cannot make {}: {error}", path.display())))?;
        self.parts.insert(id, Part { file, path, name });
        Ok(())
    }

    /// Takes a segment. It is written with the next [`Self::flush`], or before.
    pub(super) fn write(
        &mut self,
        id: TransferId,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), NotWritten> {
        let end = |(id, at)| (id, at + self.gathered.len() as u64);
        let follows = self.place.map(end) == Some((id, at));
        if !follows || self.gathered.len() >= GATHERED {
            self.flush()?;
            self.place = Some((id, at));
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Result<(), NotWritten> {
        let Some((id, at)) = self.place.take() else { return Ok(()) };
        let bytes = std::mem::take(&mut self.gathered);
        let done = self.write_now(id, at, &bytes);
        // The room is used again.
        self.gathered = bytes;
        self.gathered.clear();
        done
    }

    fn write_now(&mut self, id: TransferId, at: u64, bytes: &[u8]) -> Result<(), NotWritten> {
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
