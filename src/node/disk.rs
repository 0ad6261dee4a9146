//! Durable records: a log in a directory of the peer's own.
//!
//! # Form
//!
//! `DIR/log` is text. Every line begins and ends at a sector of 512 bytes, padded with blanks, so
//! no flush rewrites a sector that holds something acknowledged. A line is a tab, the length of
//! its JSON text (8 hex digits), the text's FNV-1a checksum (16), the chain (16), the text. The
//! chain is a checksum of this length, this checksum and the chain of the line before: a line that
//! was swapped, repeated or taken from elsewhere does not fit, and a damaged length is known to be
//! damaged. The first line names the form, the generation of the file, the protocol, the peer and
//! the hostsfile's fingerprint; the second is a snapshot: the records from which the state up to
//! there is built anew. Each further line is one flush, a list of records.
//!
//! `DIR/about.txt` tells people what this is, and because it exists, a directory whose log was
//! removed is not mistaken for a new one.
//!
//! # Incarnations
//!
//! What an incarnation reads may be in the page cache only: its writer may have been killed before
//! the flush. A flush of the old file would not help, since after one that failed the kernel can
//! take pages for clean that are not on the disk. So an incarnation begins by making durable what
//! it restored ([`Disk::open`]). It writes header and snapshot to `log.new`, flushes it, renames it
//! over `log` and flushes the directory; only then can anybody be answered. The old file is only
//! read. The same happens within an incarnation when the log has grown too long
//! ([`Disk::replace`]).
//!
//! # What a crash can leave, and what it cannot
//!
//! Header and snapshot are flushed before the file has its name, so they are whole. One flush
//! writes one line, and the next line is not begun before the flush is through. So a crash can
//! only tear the *last* line, on which no answer was based: its end is missing, or
//! whole sectors of it were never written and read as NUL. Such a line is not carried over.
//! Everything else is damage: a NUL anywhere else, a complete line with a wrong checksum, a broken
//! line with another one behind it, a record that contradicts those before it. An acceptor that
//! forgot a promise may let two values be chosen, so damage is refused and never repaired.
//!
//! # A peer that is not new
//!
//! An empty directory does not tell whether its peer was never started or its disk is elsewhere: an
//! engine has moved it to another machine, or a mount has failed. Its promises are not lost, but it
//! would vote as if it had made none. Nor can the other peers tell: the one that is asked next may
//! never have met it. So whoever starts it has to say that it is not new
//! ([`Disk::open_existing`]); then nothing but a log with its promises lets it begin. That is safe
//! whatever else fails, since it is decided before the peer listens.
//!
//! # Left out
//!
//! * A log that lacks its last lines, whole, is a log as it was before them, and so is an old copy
//!   of the directory. No checksum in it can tell. The cure is to ask the others.
//! * A disk that turns a whole sector of the last line into NUL, or that says it has flushed and
//!   has not, cannot be told from a crash.
//! * A file system that shows another file's old blocks after a crash makes a log that is refused.
//! * Checksums guard against accidents, not against people who mean it.

mod directory;
mod form;
pub(super) mod media;
mod replay;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Serialize;

use super::sync::{Condvar, Mutex, MutexGuard, UNPOISONED};
use crate::error::{Doing, Error, Result};
use crate::process::Process;

use directory::Directory;
use form::Chain;
use media::{Files, Media};
pub use replay::Owner;

/// Up to this length, in bytes, a log is not shortened.
const SHORT: u64 = 1 << 20;
/// Nor up to this multiple of the length with which it began: otherwise a large state would be
/// written again and again.
const GROWTH: u64 = 4;

/// An open log, on which everything that was restored from it is durable. Log and directory are
/// locked as long as this exists.
pub struct Disk {
    directory: Directory,
    owner: Owner,
    state: Mutex<State>,
    flushed: Condvar,
    log: Mutex<Log>,
    /// Up to this length the log is not shortened.
    short: u64,
}

struct State {
    pending: Batch,
    /// How many records were ever appended.
    appended: u64,
    /// How many of them are durable.
    durable: u64,
    flushing: bool,
    /// Why a write or a flush failed; then nothing becomes durable any more.
    failed: Option<String>,
    length: Length,
}

/// What no flush has taken yet.
#[derive(Default)]
struct Batch {
    /// JSON, with commas between.
    records: Vec<u8>,
    /// They stand for the whole log, which a new one replaces.
    whole: bool,
}

/// In bytes.
#[derive(Clone, Copy)]
struct Length {
    now: u64,
    /// Of header and snapshot.
    first: u64,
}

/// The file, and what its next line must follow. Only the thread that flushes uses it.
struct Log {
    file: File,
    generation: u64,
    chain: Chain,
    length: Length,
}

impl Disk {
    /// Opens the log in `dir`, making both if there are none, gives every record to `process`,
    /// oldest first, and makes all of that durable in a new file. The second result says what was
    /// left out, if anything was.
    ///
    /// # Errors
    /// A directory that cannot be used, is in use, belongs to another peer or another hostsfile, or
    /// holds a damaged log. The write or the flush of the new file failed.
    pub fn open<P: Process>(
        dir: &Path,
        owner: &Owner,
        process: &mut P,
    ) -> Result<(Self, Option<String>)> {
        let directory = Directory::open(Box::new(Files), dir).doing(|| data_directory(dir))?;
        Self::open_in(directory, SHORT, owner, process)
    }

    /// The same for a peer that has been started before: a directory without a log is refused. It
    /// is not the one in which this peer made its promises, and without them it must not vote.
    ///
    /// # Errors
    /// As of [`Self::open`]; or there is no log.
    pub fn open_existing<P: Process>(
        dir: &Path,
        owner: &Owner,
        process: &mut P,
    ) -> Result<(Self, Option<String>)> {
        let directory = Directory::open(Box::new(Files), dir).doing(|| data_directory(dir))?;
        directory.require_log(owner.peer).doing(|| data_directory(dir))?;
        Self::open_in(directory, SHORT, owner, process)
    }

    /// [`Self::open`] on a file system of the caller's choice, with another bound than [`SHORT`].
    #[cfg(test)]
    pub(super) fn open_on<P: Process>(
        media: Box<dyn Media>,
        short: u64,
        dir: &Path,
        owner: &Owner,
        process: &mut P,
    ) -> Result<(Self, Option<String>)> {
        let directory = Directory::open(media, dir).doing(|| data_directory(dir))?;
        Self::open_in(directory, short, owner, process)
    }

    fn open_in<P: Process>(
        directory: Directory,
        short: u64,
        owner: &Owner,
        process: &mut P,
    ) -> Result<(Self, Option<String>)> {
        // Its lock is held until the new log has its name.
        let old = directory.log()?;
        let mut found = replay::Found::default();
        if let Some(file) = &old {
            let read = replay::replay(BufReader::new(file), owner, process);
            found = read.doing(|| directory.log_path().display().to_string())?;
        }
        let snapshot = records(&process.snapshot());
        let log = Log::begin(&directory, owner, found.generation.saturating_add(1), &snapshot)?;
        drop(old);
        directory.describe(&about(owner)).doing(|| data_directory(directory.path()))?;
        let torn = (found.torn > 0).then(|| {
            format!(
                "cut off {} bytes that a crash left unfinished; no answer depended on them",
                found.torn
            )
        });
        let state = State {
            pending: Batch::default(),
            appended: 0,
            durable: 0,
            flushing: false,
            failed: None,
            length: log.length,
        };
        // Not before all of it is durable: who holds this may answer.
        let disk = Self {
            directory,
            owner: owner.clone(),
            state: Mutex::new(state),
            flushed: Condvar::new(),
            log: Mutex::new(log),
            short,
        };
        Ok((disk, torn))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// Takes a record; it is durable after the next [`Self::commit`] of the returned count.
    pub fn append<R: Serialize>(&self, record: &R) -> u64 {
        let mut state = self.state();
        push(&mut state.pending.records, record);
        state.appended += 1;
        state.appended
    }

    /// True once the log has grown so long that a snapshot should replace it.
    pub fn is_long(&self) -> bool {
        let state = self.state();
        let most = state.length.first.saturating_mul(GROWTH).max(self.short);
        !state.pending.whole && state.length.now > most
    }

    /// Takes the records that stand for all that were appended so far. The next flush writes them
    /// to a new file, which takes the log's place.
    pub fn replace<R: Serialize>(&self, snapshot: &[R]) {
        let mut state = self.state();
        // Pending records are in the snapshot, and so are those that a flush is writing right now:
        // the next flush begins after that one.
        state.pending = Batch { records: records(snapshot), whole: true };
    }

    /// How many records are durable.
    pub fn durable(&self) -> u64 {
        self.state().durable
    }

    /// Returns once the first `count` records are durable. One flush serves everybody who waits:
    /// the first one writes and flushes all that is pending, the others wait for it.
    ///
    /// # Errors
    /// The write or the flush failed, now or earlier. Then nobody knows what is on the disk, and
    /// the process must end.
    pub fn commit(&self, count: u64) -> Result<()> {
        let mut state = self.state();
        while state.durable < count {
            if let Some(why) = &state.failed {
                return Err(Error::Input(why.clone()));
            }
            if state.flushing {
                state = self.flushed.wait(state).expect(UNPOISONED);
                continue;
            }
            state.flushing = true;
            let batch = std::mem::take(&mut state.pending);
            let target = state.appended;
            if batch.whole {
                // Not to be replaced again while the new one is written.
                state.length.now = 0;
            }
            drop(state);
            let written = self.write(&batch);
            state = self.state();
            state.flushing = false;
            match written {
                Ok(length) => (state.durable, state.length) = (target, length),
                Err(error) => state.failed = Some(error.to_string()),
            }
            self.flushed.notify_all();
        }
        Ok(())
    }

    /// Writes and flushes; returns how long the log is then.
    fn write(&self, batch: &Batch) -> Result<Length> {
        let mut log = self.log.lock().expect(UNPOISONED);
        if batch.whole {
            let generation = log.generation.saturating_add(1);
            *log = Log::begin(&self.directory, &self.owner, generation, &batch.records)?;
        } else {
            let path = self.directory.log_path();
            log.append(self.directory.media(), &batch.records)
                .doing(|| format!("writing {}", path.display()))?;
        }
        Ok(log.length)
    }
}

impl Log {
    /// A new log, durable under its name.
    fn begin(
        directory: &Directory,
        owner: &Owner,
        generation: u64,
        snapshot: &[u8],
    ) -> Result<Self> {
        let (bytes, chain) = replay::beginning(owner, generation, snapshot)?;
        let file = directory.replace_log(&bytes)?;
        let first = bytes.len() as u64;
        let length = Length { now: first, first };
        Ok(Self { file, generation, chain, length })
    }

    /// One more line, durable.
    fn append(&mut self, media: &dyn Media, records: &[u8]) -> Result<()> {
        let line = self.chain.line(&replay::list(records))?;
        media.append(&mut self.file, &line)?;
        media.sync_data(&self.file)?;
        self.length.now += line.len() as u64;
        Ok(())
    }
}

/// What an error is about.
fn data_directory(dir: &Path) -> String {
    format!("data directory {}", dir.display())
}

/// Adds a record to a list.
fn push<R: Serialize>(list: &mut Vec<u8>, record: &R) {
    if !list.is_empty() {
        list.push(b',');
    }
    serde_json::to_writer(list, record).expect("records serialize into memory");
}

/// A list of these records.
fn records<R: Serialize>(records: &[R]) -> Vec<u8> {
    let mut list = Vec::new();
    for record in records {
        push(&mut list, record);
    }
    list
}

/// What people are told in the directory.
fn about(owner: &Owner) -> String {
    format!(
        "The durable state of {} ({}).\nDo not edit, copy or delete any part of it while the \
         group runs:\na peer that forgets its promises can make the others disagree.\n",
        owner.peer, owner.protocol
    )
}

#[cfg(test)]
mod tests;
