//! Durable records: an append-only log in a directory of the peer's own.
//!
//! # Form
//!
//! `DIR/log` is text. Every line is one flush: the length of its JSON text (8 hex digits), its
//! FNV-1a checksum (16), the text. The first line names the protocol, the peer and the hostsfile's
//! fingerprint; each further line is a list of records. `DIR/about.txt` tells people what this is,
//! and because it exists, a directory whose log was removed is not mistaken for a new one.
//!
//! # What a crash can leave, and what it cannot
//!
//! One flush writes one line, and the next line is not begun before the flush is through. So a
//! crash can only tear the *last* line: it is too short, or sectors of it were never written and
//! read as NUL. Nobody was answered on its account, so it is cut off. Everything else is damage: a
//! complete line with a wrong checksum, or a broken line with another one behind it. An acceptor
//! that forgot a promise may let two values be chosen, so damage is refused and never repaired.
//!
//! # Left out
//!
//! The log is never shortened; an answer costs about 100 bytes. The cure is to write the newest
//! record of each kind to a new file on start and to rename it over the log.

pub(super) mod media;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::plain;
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::error::{Doing, Error, Result};
use crate::fnv::fnv1a;
use crate::process::PeerId;

use media::{Files, Media};

/// Length, blank, checksum, blank.
const PREFIX: usize = 8 + 1 + 16 + 1;

/// Whose records these are. All three must be the same in every life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The protocol's name and version.
    pub protocol: String,
    /// The peer.
    pub peer: PeerId,
    /// The fingerprint of its hostsfile: with other acceptors, other majorities would be asked,
    /// and they need not meet the old ones.
    pub fingerprint: String,
}

/// An open log. The directory is locked as long as this exists.
pub struct Disk {
    media: Box<dyn Media>,
    path: PathBuf,
    state: Mutex<State>,
    flushed: Condvar,
    log: Mutex<File>,
    _lock: File,
}

#[derive(Default)]
struct State {
    /// Records that no flush has taken yet, as JSON, with commas between.
    pending: Vec<u8>,
    /// How many records were ever appended.
    appended: u64,
    /// How many of them are durable.
    durable: u64,
    flushing: bool,
    /// Why a write or a flush failed; then nothing becomes durable any more.
    failed: Option<String>,
}

impl Disk {
    /// Opens the log in `dir`, making both if there are none, and gives every record to `restore`,
    /// oldest first. The second result says what was cut off, if anything was.
    ///
    /// # Errors
    /// A directory that cannot be used, is in use, belongs to another peer or another hostsfile, or
    /// holds a damaged log.
    pub fn open<R: DeserializeOwned>(
        dir: &Path,
        owner: &Owner,
        restore: impl FnMut(R),
    ) -> Result<(Self, Option<String>)> {
        Self::open_on(Box::new(Files), dir, owner, restore)
    }

    /// [`Self::open`] on a file system of the caller's choice.
    pub(super) fn open_on<R: DeserializeOwned>(
        media: Box<dyn Media>,
        dir: &Path,
        owner: &Owner,
        restore: impl FnMut(R),
    ) -> Result<(Self, Option<String>)> {
        let what = || format!("data directory {}", dir.display());
        fs::create_dir_all(dir).doing(what)?;
        let lock = File::open(dir).doing(what)?;
        lock.try_lock()
            .map_err(|error| match error {
                TryLockError::WouldBlock => {
                    Error::Input("is in use by another process; give each peer its own".into())
                }
                TryLockError::Error(error) => Error::Io(error),
            })
            .doing(what)?;
        let path = dir.join("log");
        if !path.try_exists().doing(what)? {
            create(&*media, dir, &path, owner).doing(what)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&path).doing(what)?;
        if !file.metadata().doing(what)?.is_file() {
            return Err(Error::Input("is no regular file".into()))
                .doing(|| path.display().to_string());
        }
        let tail = replay(&*media, &mut file, owner, restore);
        let tail = tail.doing(|| path.display().to_string())?;
        let disk = Self {
            media,
            path,
            state: Mutex::default(),
            flushed: Condvar::new(),
            log: Mutex::new(file),
            _lock: lock,
        };
        Ok((disk, tail))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the lock")
    }

    /// Takes a record; it is durable after the next [`Self::commit`] of the returned count.
    pub fn append<R: Serialize>(&self, record: &R) -> u64 {
        let mut state = self.state();
        if !state.pending.is_empty() {
            state.pending.push(b',');
        }
        serde_json::to_writer(&mut state.pending, record).expect("records serialize into memory");
        state.appended += 1;
        state.appended
    }

    /// How many records are durable.
    pub fn durable(&self) -> u64 {
        self.state().durable
    }

    /// Returns once the first `count` records are durable. One flush serves everybody who waits:
    /// whoever comes first writes and flushes all that is pending, the others wait for it.
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
                state = self.flushed.wait(state).expect("no thread panics while it holds the lock");
                continue;
            }
            state.flushing = true;
            let batch = std::mem::take(&mut state.pending);
            let target = state.appended;
            drop(state);
            let written = self.write(&batch).doing(|| format!("writing {}", self.path.display()));
            state = self.state();
            state.flushing = false;
            match written {
                Ok(()) => state.durable = target,
                Err(error) => state.failed = Some(error.to_string()),
            }
            self.flushed.notify_all();
        }
        Ok(())
    }

    fn write(&self, records: &[u8]) -> io::Result<()> {
        let mut text = Vec::with_capacity(records.len() + 2);
        text.push(b'[');
        text.extend_from_slice(records);
        text.push(b']');
        let mut log = self.log.lock().expect("no thread panics while it holds the lock");
        self.media.append(&mut log, &line(&text))?;
        self.media.sync_data(&log)
    }
}

/// One line of the log.
fn line(text: &[u8]) -> Vec<u8> {
    let mut line = prefix_of(text.len() as u64, fnv1a(text)).into_bytes();
    line.extend_from_slice(text);
    line.push(b'\n');
    line
}

fn prefix_of(length: u64, checksum: u64) -> String {
    format!("{length:08x} {checksum:016x} ")
}

/// A new log in an empty directory. It appears under its name only when it is whole.
fn create(media: &dyn Media, dir: &Path, path: &Path, owner: &Owner) -> Result<()> {
    let unfinished = dir.join("log.new");
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        // `log.new` is what a crash right here leaves; a new file system brings `lost+found`.
        if name != "log.new" && name != "lost+found" {
            return Err(Error::Input(format!(
                "has {} but no log. If it was a peer's, its promises are lost: this peer must not \
                 vote again. For a new peer name an empty directory",
                name.display()
            )));
        }
    }
    let text = serde_json::to_vec(owner).expect("an owner serializes into memory");
    let file = media.create(&unfinished, &line(&text))?;
    media.sync_all(&file)?;
    media.rename(&unfinished, path)?;
    // Before the next name: that one without the log looks like a log that was lost.
    media.sync_names(dir)?;
    media.create(
        &dir.join("about.txt"),
        format!(
            "The durable state of {} ({}).\nDo not edit, copy or delete any part of it while the \
             group lives:\na peer that forgets its promises can make the others disagree.\n",
            owner.peer, owner.protocol
        )
        .as_bytes(),
    )?;
    // A name is durable only when its directory is, and the directory's own name likewise.
    media.sync_names(dir)?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    media.sync_names(parent.unwrap_or(Path::new(".")))?;
    Ok(())
}

/// What stands at a place of the log.
enum Piece {
    /// A good line's text.
    Text(Vec<u8>),
    /// The end of the log.
    End,
    /// Not a good line; the text says why.
    Broken(&'static str),
}

/// The length and the checksum that a line announces.
fn announced(line: &[u8]) -> Option<(u64, u64)> {
    let prefix = line.get(..PREFIX)?;
    let hex = |range: Range<usize>| {
        u64::from_str_radix(std::str::from_utf8(prefix.get(range)?).ok()?, 16).ok()
    };
    let (length, checksum) = (hex(0..8)?, hex(9..25)?);
    // Only what this program writes: a flipped bit can also hit a blank, or the case of a digit.
    (prefix == prefix_of(length, checksum).as_bytes()).then_some((length, checksum))
}

/// The next piece of a log of which `left` bytes are left: no more memory is taken than those.
fn read_piece(source: &mut impl Read, left: u64) -> io::Result<Piece> {
    let mut prefix = Vec::with_capacity(PREFIX);
    source.take(PREFIX as u64).read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(Piece::End);
    }
    let Some((length, checksum)) = announced(&prefix) else {
        return Ok(Piece::Broken("its length or checksum cannot be read"));
    };
    let wrong_length = Ok(Piece::Broken("it does not have the length that it announces"));
    if length + 1 > left.saturating_sub(PREFIX as u64) {
        return wrong_length;
    }
    let mut text = Vec::new();
    source.take(length + 1).read_to_end(&mut text)?;
    if text.len() as u64 != length + 1 || text.pop() != Some(b'\n') {
        return wrong_length;
    }
    if fnv1a(&text) != checksum {
        return Ok(Piece::Broken("its checksum is wrong"));
    }
    Ok(Piece::Text(text))
}

/// Reads the log from its start and leaves the file at its end, ready to append.
fn replay<R: DeserializeOwned>(
    media: &dyn Media,
    file: &mut File,
    owner: &Owner,
    mut restore: impl FnMut(R),
) -> Result<Option<String>> {
    let mut source = BufReader::new(&*file);
    let damaged = |number: u64, why: &str| {
        Error::Input(format!(
            "line {number} is damaged: {why}. This peer may have forgotten promises and must not \
             vote; restore the directory from a backup taken after its last answer, or leave this \
             peer out"
        ))
    };
    let size = file.metadata()?.len();
    let (mut number, mut good) = (1, 0);
    loop {
        match read_piece(&mut source, size.saturating_sub(good))? {
            Piece::End if number == 1 => return Err(damaged(1, "the file is empty")),
            Piece::End => return Ok(None),
            Piece::Text(text) => {
                good += (PREFIX + text.len() + 1) as u64;
                if number == 1 {
                    check_owner(owner, &text).map_err(|error| match error {
                        None => damaged(1, "it does not say whose it is"),
                        Some(error) => error,
                    })?;
                } else {
                    let records: Vec<R> = serde_json::from_slice(&text)
                        .map_err(|_| damaged(number, "its records are of another kind"))?;
                    records.into_iter().for_each(&mut restore);
                }
            }
            Piece::Broken(why) => {
                drop(source);
                file.seek(SeekFrom::Start(good))?;
                let torn = if number == 1 { None } else { torn_bytes(&mut &*file)? };
                let Some(count) = torn else { return Err(damaged(number, why)) };
                media.cut(file, good)?;
                media.sync_all(file)?;
                file.seek(SeekFrom::End(0))?;
                return Ok(Some(format!(
                    "cut off {count} bytes that a crash left unfinished; nobody was answered on \
                     their account"
                )));
            }
        }
        number += 1;
    }
}

/// How many bytes stand here at the end of the log, if a crash can have left them: one line, and
/// unfinished. However many there are, few are in memory at once.
fn torn_bytes(tail: &mut impl Read) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; 1 << 16];
    let (mut head, mut count, mut last, mut has_nul) = (Vec::new(), 0, 0, false);
    loop {
        let read = match tail.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = &buffer[..read];
        // The newline is the last byte of a line, and no line holds a NUL.
        if last == b'\n' || bytes[..read - 1].contains(&b'\n') {
            return Ok(None);
        }
        head.extend_from_slice(&bytes[..read.min(PREFIX - head.len())]);
        (count, last) = (count + read as u64, bytes[read - 1]);
        has_nul |= bytes.contains(&0);
    }
    let too_short = match announced(&head) {
        Some((length, _)) => count < PREFIX as u64 + length + 1,
        None => count < PREFIX as u64,
    };
    let torn = count > 0 && (too_short && last != b'\n' || has_nul);
    Ok(torn.then_some(count))
}

/// `None` if the text is no owner at all.
fn check_owner(owner: &Owner, text: &[u8]) -> std::result::Result<(), Option<Error>> {
    let found: Owner = serde_json::from_slice(text).map_err(|_| None)?;
    let refuse = |why: String| Err(Some(Error::Input(why)));
    if found.protocol != owner.protocol {
        return refuse(format!("belongs to {}, not to {}", plain(&found.protocol), owner.protocol));
    }
    if found.peer != owner.peer {
        return refuse(format!("belongs to {}, not to {}", found.peer, owner.peer));
    }
    if found.fingerprint != owner.fingerprint {
        return refuse(format!(
            "was written under another hostsfile (fingerprint {}, now {}): with other peers, \
             ports or roles its promises do not hold. Use the old file, or a new directory for \
             every peer",
            plain(&found.fingerprint),
            owner.fingerprint
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
