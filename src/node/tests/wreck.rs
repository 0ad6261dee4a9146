//! What a crash can leave of a log's directory.
//!
//! A [`Tape`] stands where the file system stands, does what it is asked except for the flushes,
//! and writes down every change. Any beginning of the tape is a moment at which the power can fail:
//! [`Directory`] plays it and lists the states that may be found afterwards. What was flushed is
//! there. Of the rest any part may be: each new name for itself, and of the changes to a file a
//! beginning of their list, the last one torn or with a hole of NULs where it was not written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use super::super::disk::media::Media;

/// The files of a directory.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// One change, or something that the outside world saw.
#[derive(Clone, Debug)]
pub(super) enum Note<S> {
    Create(String, Vec<u8>),
    Append(Vec<u8>),
    Cut(usize),
    Sync,
    Rename(String, String),
    SyncNames,
    Said(S),
}

/// Writes down what happens, in its order.
pub(super) struct Tape<S>(Arc<Mutex<Vec<Note<S>>>>);

impl<S> Clone for Tape<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> Tape<S> {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn note(&self, note: Note<S>) {
        self.0.lock().unwrap().push(note);
    }

    pub(super) fn notes(&self) -> Vec<Note<S>> {
        self.0.lock().unwrap().clone()
    }
}

/// The real one, for what the tape does besides taking notes.
struct Files;

impl Media for Files {}

fn name(path: &Path) -> String {
    path.file_name().unwrap().display().to_string()
}

impl<S: Clone + Send> Media for Tape<S> {
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        self.note(Note::Create(name(path), bytes.to_vec()));
        Files.create(path, bytes)
    }

    fn append(&self, log: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.note(Note::Append(bytes.to_vec()));
        Files.append(log, bytes)
    }

    fn sync_data(&self, _: &File) -> io::Result<()> {
        // Others may come in between, as on a disk that takes its time.
        thread::yield_now();
        self.note(Note::Sync);
        Ok(())
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync_data(file)
    }

    fn cut(&self, mut log: &File, length: u64) -> io::Result<()> {
        self.note(Note::Cut(usize::try_from(length).unwrap()));
        Files.cut(log, length)?;
        log.seek(SeekFrom::End(0)).map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Note::Rename(name(from), name(to)));
        Files.rename(from, to)
    }

    fn sync_names(&self, _: &Path) -> io::Result<()> {
        self.note(Note::SyncNames);
        Ok(())
    }
}

/// A change of one file.
#[derive(Clone)]
enum Change {
    Append(Vec<u8>),
    Cut(usize),
}

#[derive(Clone, Default)]
struct Content {
    flushed: Vec<u8>,
    pending: Vec<Change>,
}

/// A change of the names; files are numbers here.
#[derive(Clone)]
enum Naming {
    Create(String, usize),
    Rename(String, String, usize),
}

/// A directory in the course of a tape.
pub(super) struct Directory {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    pending: Vec<Naming>,
    /// The number of the log, under whichever name.
    log: usize,
}

impl Directory {
    pub(super) fn new(image: &Image) -> Self {
        let files = image.values().cloned();
        let files = files.map(|flushed| Content { flushed, pending: Vec::new() }).collect();
        let names: BTreeMap<_, _> = image.keys().cloned().zip(0..).collect();
        let log = names.get("log").copied().unwrap_or_default();
        Self { files, names, pending: Vec::new(), log }
    }

    pub(super) fn play<S>(&mut self, note: &Note<S>) {
        match note {
            Note::Create(name, bytes) => {
                let pending = vec![Change::Append(bytes.clone())];
                self.files.push(Content { flushed: Vec::new(), pending });
                let file = self.files.len() - 1;
                self.pending.push(Naming::Create(name.clone(), file));
                if name.starts_with("log") {
                    self.log = file;
                }
            }
            Note::Append(bytes) => self.files[self.log].pending.push(Change::Append(bytes.clone())),
            Note::Cut(length) => self.files[self.log].pending.push(Change::Cut(*length)),
            Note::Sync => {
                let log = &mut self.files[self.log];
                log.flushed = after(&log.flushed, &log.pending);
                log.pending.clear();
            }
            Note::Rename(from, to) => {
                self.pending.push(Naming::Rename(from.clone(), to.clone(), self.log));
            }
            Note::SyncNames => {
                self.names = named(&self.names, &self.pending);
                self.pending.clear();
            }
            Note::Said(_) => {}
        }
    }

    /// Every state in which a crash now can leave it.
    pub(super) fn wrecks(&self) -> Vec<Image> {
        let mut images = Vec::new();
        for chosen in 0..1_usize << self.pending.len() {
            let kept = self.pending.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            let kept: Vec<Naming> = kept.map(|(_, naming)| naming.clone()).collect();
            let names = named(&self.names, &kept);
            // The words for people may be anything; only their file's name matters.
            let content = |file: usize| self.files[file].flushed.clone();
            let image: Image = names.iter().map(|(n, file)| (n.clone(), content(*file))).collect();
            let Some((log, _)) = names.iter().find(|(_, file)| **file == self.log) else {
                images.push(image);
                continue;
            };
            for content in self.files[self.log].wrecks() {
                let mut image = image.clone();
                image.insert(log.clone(), content);
                images.push(image);
            }
        }
        images
    }
}

impl Content {
    fn wrecks(&self) -> Vec<Vec<u8>> {
        let mut found = vec![self.flushed.clone()];
        for (at, change) in self.pending.iter().enumerate() {
            let before = after(&self.flushed, &self.pending[..at]);
            if let Change::Append(bytes) = change {
                let end = bytes.len();
                // Every single byte is tried where the log is tested alone.
                for kept in [1, 25, 26, end / 2, end.saturating_sub(1)] {
                    let torn = [&before[..], &bytes[..kept.min(end)]].concat();
                    let mut hole = torn.clone();
                    hole.resize(before.len() + end, 0);
                    let mut start_lost = [&before[..], bytes].concat();
                    start_lost[before.len()..][..kept.min(end)].fill(0);
                    found.extend([torn, hole, start_lost]);
                }
            }
            found.push(after(&before, std::slice::from_ref(change)));
        }
        found.sort();
        found.dedup();
        found
    }
}

fn after(content: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut content = content.to_vec();
    for change in changes {
        match change {
            Change::Append(bytes) => content.extend_from_slice(bytes),
            Change::Cut(length) => content.truncate(*length),
        }
    }
    content
}

fn named(names: &BTreeMap<String, usize>, changes: &[Naming]) -> BTreeMap<String, usize> {
    let mut names = names.clone();
    for change in changes {
        match change {
            Naming::Create(name, file) => _ = names.insert(name.clone(), *file),
            Naming::Rename(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }
    names
}

/// Makes a directory look like this.
pub(super) fn build(dir: &Path, image: &Image) {
    for entry in fs::read_dir(dir).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for (name, content) in image {
        fs::write(dir.join(name), content).unwrap();
    }
}
