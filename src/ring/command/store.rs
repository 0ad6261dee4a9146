//! The directory of a peer: which files are in it, and under which names.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error, Result};
use crate::ring::key::{Key, Name};
use crate::ring::message::{Stored, TransferId};

/// How many files of the ring a directory can have: names without and with their ending.
const MOST_FILES: usize = 20_000;

/// The directory. A name of the ring is four digits, so no path leaves it.
#[derive(Clone, Debug)]
pub(super) struct Store {
    dir: PathBuf,
    me: Key,
}

impl Store {
    /// Opens it, and removes what an earlier process of this peer has left half written.
    ///
    /// # Errors
    /// It is no directory.
    pub(super) fn open(dir: &Path, me: Key) -> Result<Self> {
        let what = || format!("--dir {}", dir.display());
        if !fs::metadata(dir).doing(what)?.is_dir() {
            return Err(Error::Input(format!("{}: this is no directory", what())));
        }
        let store = Self { dir: dir.into(), me };
        let front = store.front();
        for entry in fs::read_dir(dir).doing(what)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&front) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(store)
    }

    fn front(&self) -> String {
        format!(".ring-{}-", self.me)
    }

    /// A temporary file of this transfer.
    pub(super) fn temporary(&self, id: TransferId) -> PathBuf {
        self.dir.join(format!("{}{:016x}.part", self.front(), id.0))
    }

    /// One of this file that moves here.
    pub(super) fn moving(&self, name: Name) -> PathBuf {
        self.dir.join(format!("{}{name}.move", self.front()))
    }

    /// The name of a received file.
    pub(super) fn received(&self, name: Name) -> PathBuf {
        self.dir.join(format!("received_file_{name}_{}.pdf", self.me))
    }

    /// A stored file.
    pub(super) fn path(&self, name: Name, is_pdf: bool) -> PathBuf {
        self.dir.join(if is_pdf { format!("{name}.pdf") } else { name.to_string() })
    }

    /// Opens a stored file, whichever its name, and says how long it is.
    ///
    /// # Errors
    /// `NotFound`, or it cannot be opened.
    pub(super) fn file(&self, name: Name) -> io::Result<(File, u64)> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for is_pdf in [true, false] {
            let path = self.path(name, is_pdf);
            // Opening a pipe would wait for its writer.
            match fs::metadata(&path) {
                Ok(found) if found.is_file() => {
                    let file = File::open(&path)?;
                    let size = file.metadata()?.len();
                    return Ok((file, size));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// True if a file of this name is here, in either form.
    pub(super) fn has(&self, name: Name) -> bool {
        [true, false].iter().any(|is_pdf| self.path(name, *is_pdf).symlink_metadata().is_ok())
    }

    /// All stored files.
    pub(super) fn list(&self) -> io::Result<Vec<Stored>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)?.flatten().take(MOST_FILES * 8) {
            let file_name = entry.file_name();
            let Some(text) = file_name.to_str() else { continue };
            let stem = text.strip_suffix(".pdf");
            let Ok(name) = stem.unwrap_or(text).parse() else { continue };
            // What is a link may be of use to others, and moves nowhere.
            let Some(found) = entry.metadata().ok().filter(fs::Metadata::is_file) else { continue };
            files.push(Stored { name, size: found.len(), is_pdf: stem.is_some() });
        }
        files.sort_by_key(|file| (file.name, file.is_pdf));
        files.truncate(MOST_FILES);
        Ok(files)
    }

    /// Flushes the directory: names last.
    pub(super) fn flush(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}
