//! Every change that the log makes on a file system, one method each: a test puts itself between
//! any two of them and asks what a crash there would leave.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The file system, as far as the log changes it.
pub(in crate::node) trait Media: Send + Sync {
    /// Makes a directory and those above it that are missing. No name is durable yet.
    fn make_dirs(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    /// Makes an empty file to append to; its name is not durable yet. Fails if the name is taken,
    /// so a link is never followed.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).open(path)
    }

    /// Adds bytes at the end of a file; not durable yet.
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Makes what was appended durable, and the length that is needed to read it.
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Makes all of a file durable, but not its name.
    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a file another name, at once or not at all; not durable yet.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Takes a name away; not durable yet.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Makes the names in a directory durable.
    fn sync_names(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// The real one.
pub(super) struct Files;

impl Media for Files {}
