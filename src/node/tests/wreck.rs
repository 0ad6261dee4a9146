//! A file system that loses whatever was not flushed.
//!
//! A [`Trace`] stands where the file system stands, does what it is asked except for the flushes,
//! and writes down every change. Any beginning of the trace is a moment at which a process can be
//! killed or the power can fail. A [`Volume`] plays it and knows both sides: what a process sees,
//! and what is on the disk. After a kill the next incarnation finds the first, and the second is as
//! far behind as it was. After a power loss it finds what was flushed, and of the rest any part:
//! each new name for itself, any set of a file's sectors, any missing end.
//!
//! A flush that fails may have written any part, and what it has not written is never written any
//! more: the kernel takes it for clean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::disk::media::Media;

/// In bytes.
const SECTOR: usize = 512;
/// Offsets in a line at which a file is made to end, beside all ends of sectors.
const ODD_ENDS: [usize; 4] = [1, 43, 44, 511];
/// So many unwritten sectors are lost in every combination, more of them one or all but one.
const MOST_COMBINED: usize = 4;

/// Below the root of a volume.
type Name = String;

/// What a process finds: directories (`None`) and files.
pub(super) type Image = BTreeMap<Name, Option<Vec<u8>>>;

/// One change, or something that the outside world saw.
#[derive(Clone, Debug)]
pub(super) enum Note<S> {
    /// The file was there when the incarnation began, under this number of the real file system.
    Found(Name, u64),
    MakeDir(Name),
    Create(Name, u64),
    Append(u64, Vec<u8>),
    Sync(u64),
    SyncFailed(u64),
    Rename(Name, Name),
    Remove(Name),
    SyncNames(Name),
    SyncNamesFailed(Name),
    Said(S),
}

/// Writes down what happens below a directory, in its order.
pub(super) struct Trace<S>(Arc<Mutex<Written<S>>>);

struct Written<S> {
    root: PathBuf,
    notes: Vec<Note<S>>,
    /// After so many flushes one fails.
    until_failure: Option<usize>,
}

impl<S> Clone for Trace<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> Trace<S> {
    /// Begins with what is below `root`. After `until_failure` flushes one fails.
    pub(super) fn new(root: &Path, until_failure: Option<usize>) -> Self {
        let root = root.canonicalize().unwrap();
        let written = Written { root: root.clone(), notes: Vec::new(), until_failure };
        let trace = Self(Arc::new(Mutex::new(written)));
        let mut dirs = vec![root];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    dirs.push(path);
                } else {
                    trace.note(Note::Found(trace.name(&path).unwrap(), metadata.ino()));
                }
            }
        }
        trace
    }

    pub(super) fn note(&self, note: Note<S>) {
        self.0.lock().unwrap().notes.push(note);
    }

    pub(super) fn notes(&self) -> Vec<Note<S>> {
        self.0.lock().unwrap().notes.clone()
    }

    /// `None` for what is not below the root, where nothing is ever lost.
    fn name(&self, path: &Path) -> Option<Name> {
        let below = path.strip_prefix(&self.0.lock().unwrap().root).ok()?;
        Some(below.display().to_string())
    }

    fn below(&self, path: &Path) -> Name {
        self.name(path).unwrap_or_else(|| panic!("{} is not below the root", path.display()))
    }

    /// A flush, if it is not the one that fails.
    fn flush(&self, flushed: Note<S>, failed: Note<S>) -> io::Result<()> {
        // Others may come in between, as on a disk that takes its time.
        thread::yield_now();
        let mut written = self.0.lock().unwrap();
        let fails = written.until_failure == Some(0);
        written.until_failure = written.until_failure.and_then(|left| left.checked_sub(1));
        written.notes.push(if fails { failed } else { flushed });
        if fails { Err(io::Error::other("a flush that fails")) } else { Ok(()) }
    }
}

/// The real one, for what the trace does besides taking notes.
struct Files;

impl Media for Files {}

fn number(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

impl<S: Clone + Send> Media for Trace<S> {
    fn make_dirs(&self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
        for dir in missing.into_iter().rev() {
            self.note(Note::MakeDir(self.below(dir)));
        }
        Files.make_dirs(dir)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let file = Files.create(path)?;
        self.note(Note::Create(self.below(path), number(&file)));
        Ok(file)
    }

    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.note(Note::Append(number(file), bytes.to_vec()));
        Files.append(file, bytes)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.flush(Note::Sync(number(file)), Note::SyncFailed(number(file)))
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync_data(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Note::Rename(self.below(from), self.below(to)));
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)?;
        self.note(Note::Remove(self.below(path)));
        Ok(())
    }

    fn sync_names(&self, dir: &Path) -> io::Result<()> {
        let Some(name) = self.name(dir) else { return Ok(()) };
        self.flush(Note::SyncNames(name.clone()), Note::SyncNamesFailed(name))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Content {
    /// What a process reads.
    seen: Vec<u8>,
    /// What is on the disk for certain.
    flushed: Vec<u8>,
    /// The sectors that the next flush writes.
    dirty: BTreeSet<usize>,
    /// The sectors that a failed flush may have written, and that no other one will.
    doubtful: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Directory,
    File(usize),
}

/// A change of the names in one directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Naming {
    /// The name that goes away.
    from: Option<Name>,
    /// The name that comes.
    to: Option<(Name, Entry)>,
    /// A flush failed: it may be durable or not, and no other flush will change that.
    doubtful: bool,
}

type Names = BTreeMap<Name, Entry>;

/// A file system in the course of a trace. As long as nothing is lost, nothing is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Volume {
    files: Vec<Content>,
    seen: Names,
    flushed: Names,
    pending: Vec<Naming>,
    /// Which file has which number in the incarnation that is on the trace.
    numbers: BTreeMap<u64, usize>,
}

impl Volume {
    /// What is there after a power loss: all of it is on the disk.
    pub(super) fn of(image: &Image) -> Self {
        let mut volume = Self::default();
        for (name, content) in image {
            let entry = match content {
                None => Entry::Directory,
                Some(bytes) => {
                    let (seen, flushed) = (bytes.clone(), bytes.clone());
                    volume.files.push(Content { seen, flushed, ..Content::default() });
                    Entry::File(volume.files.len() - 1)
                }
            };
            volume.seen.insert(name.clone(), entry);
        }
        volume.flushed = volume.seen.clone();
        volume
    }

    /// After a kill: what was seen is seen, what was not flushed is not.
    pub(super) fn killed(&self) -> Self {
        Self { numbers: BTreeMap::new(), ..self.clone() }
    }

    /// What a process sees.
    pub(super) fn image(&self) -> Image {
        image_of(&self.seen, |file| self.files[file].seen.clone())
    }

    pub(super) fn play<S>(&mut self, note: &Note<S>) {
        match note {
            Note::Found(name, number) => {
                let Some(Entry::File(file)) = self.seen.get(name) else { panic!("no {name}") };
                self.numbers.insert(*number, *file);
            }
            Note::MakeDir(name) => self.rename(None, Some((name.clone(), Entry::Directory))),
            Note::Create(name, number) => {
                self.files.push(Content::default());
                let file = self.files.len() - 1;
                self.numbers.insert(*number, file);
                self.rename(None, Some((name.clone(), Entry::File(file))));
            }
            Note::Append(number, bytes) => self.file(*number).append(bytes),
            Note::Sync(number) => self.file(*number).flush(),
            Note::SyncFailed(number) => {
                let file = self.file(*number);
                file.doubtful.append(&mut file.dirty);
            }
            Note::Rename(from, to) => {
                let entry = self.seen[from];
                self.rename(Some(from.clone()), Some((to.clone(), entry)));
            }
            Note::Remove(name) => self.rename(Some(name.clone()), None),
            Note::SyncNames(dir) => self.flush_names(dir),
            Note::SyncNamesFailed(dir) => {
                // A directory is not made again by the next incarnation, so a second flush must
                // help.
                let of_files = self.pending.iter_mut().filter(|naming| {
                    naming.is_in(dir) && !matches!(naming.to, Some((_, Entry::Directory)))
                });
                of_files.for_each(|naming| naming.doubtful = true);
            }
            Note::Said(_) => {}
        }
    }

    fn file(&mut self, number: u64) -> &mut Content {
        &mut self.files[self.numbers[&number]]
    }

    fn rename(&mut self, from: Option<Name>, to: Option<(Name, Entry)>) {
        let naming = Naming { from, to, doubtful: false };
        naming.happen(&mut self.seen);
        self.pending.push(naming);
    }

    fn flush_names(&mut self, dir: &str) {
        let is_flushed = |naming: &Naming| naming.is_in(dir) && !naming.doubtful;
        let (flushed, mut pending): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(is_flushed);
        for naming in flushed {
            naming.happen(&mut self.flushed);
            // What was in doubt about this name is settled.
            pending.retain(|older| !older.doubtful || !older.has_name_of(&naming));
        }
        self.pending = pending;
    }

    /// Every state that can be found after a power loss now.
    pub(super) fn wrecks(&self) -> Vec<Image> {
        let mut images = BTreeSet::new();
        for chosen in 0..1_usize << self.pending.len() {
            let mut names = self.flushed.clone();
            for (at, naming) in self.pending.iter().enumerate() {
                if chosen >> at & 1 == 1 {
                    naming.happen(&mut names);
                }
            }
            // Only the log's content is ever read.
            let image = image_of(&names, |file| self.files[file].flushed.clone());
            let mut logs = names.iter().filter(|(name, _)| name.ends_with("/log"));
            let log = logs.next().filter(|(name, _)| image.contains_key(*name));
            let Some((name, Entry::File(file))) = log else {
                images.insert(image);
                continue;
            };
            for content in self.files[*file].wrecks() {
                let mut image = image.clone();
                image.insert(name.clone(), Some(content));
                images.insert(image);
            }
        }
        images.into_iter().collect()
    }
}

/// The names that can be reached, each with its content.
fn image_of(names: &Names, content: impl Fn(usize) -> Vec<u8>) -> Image {
    let is_there = |name: &str| {
        let mut above = Path::new(name).ancestors().skip(1);
        above.all(|dir| dir.as_os_str().is_empty() || names.contains_key(&*dir.to_string_lossy()))
    };
    let there = names.iter().filter(|(name, _)| is_there(name));
    let found = there.map(|(name, entry)| match entry {
        Entry::Directory => (name.clone(), None),
        Entry::File(file) => (name.clone(), Some(content(*file))),
    });
    found.collect()
}

impl Naming {
    fn happen(&self, names: &mut Names) {
        if let Some(from) = &self.from {
            names.remove(from);
        }
        if let Some((name, entry)) = &self.to {
            names.insert(name.clone(), *entry);
        }
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.from.iter().chain(self.to.iter().map(|(name, _)| name))
    }

    fn is_in(&self, dir: &str) -> bool {
        self.names().all(|name| Path::new(name).parent() == Some(Path::new(dir)))
    }

    fn has_name_of(&self, other: &Self) -> bool {
        self.names().any(|name| other.names().any(|of_other| of_other == name))
    }
}

impl Content {
    fn append(&mut self, bytes: &[u8]) {
        let before = self.seen.len();
        self.seen.extend_from_slice(bytes);
        self.dirty.extend(before / SECTOR..self.seen.len().div_ceil(SECTOR));
    }

    fn flush(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.flushed = self.with(&dirty);
    }

    /// What is on the disk when these sectors are written too.
    fn with(&self, sectors: &BTreeSet<usize>) -> Vec<u8> {
        let mut bytes = self.flushed.clone();
        bytes.resize(self.seen.len(), 0);
        for sector in sectors {
            let range = sector * SECTOR..self.seen.len().min((sector + 1) * SECTOR);
            bytes[range.clone()].copy_from_slice(&self.seen[range]);
        }
        bytes
    }

    fn wrecks(&self) -> BTreeSet<Vec<u8>> {
        let unsure: Vec<usize> = self.dirty.union(&self.doubtful).copied().collect();
        let is_chosen = |chosen: usize, at: usize| chosen >> at & 1 == 1;
        let set = |chosen: &dyn Fn(usize) -> bool| -> BTreeSet<usize> {
            let kept = unsure.iter().enumerate().filter(|(at, _)| chosen(*at));
            kept.map(|(_, sector)| *sector).collect()
        };
        let mut kept = BTreeSet::from([set(&|_| false), set(&|_| true)]);
        if unsure.len() <= MOST_COMBINED {
            kept.extend((0..1 << unsure.len()).map(|chosen| set(&|at| is_chosen(chosen, at))));
        } else {
            kept.extend(
                (0..unsure.len()).flat_map(|one| [set(&|at| at == one), set(&|at| at != one)]),
            );
        }
        let (from, to) = (self.flushed.len(), self.seen.len());
        let mut ends: BTreeSet<usize> = (from..=to).step_by(SECTOR).chain([to]).collect();
        ends.extend(ODD_ENDS.map(|odd| (from + odd).min(to)));
        let found = kept.iter().map(|sectors| self.with(sectors));
        found.flat_map(|bytes| ends.iter().map(move |end| bytes[..*end].to_vec())).collect()
    }
}

/// Makes what is below `root` look like this.
pub(super) fn build(root: &Path, image: &Image) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    for (name, content) in image {
        match content {
            None => fs::create_dir(root.join(name)),
            Some(bytes) => fs::write(root.join(name), bytes),
        }
        .unwrap();
    }
}
