//! Every change that the log makes on a file system, one method each: a test puts itself between
//! any two of them and asks what a crash there would leave.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file system, as far as the log changes it.
pub(in crate::node) trait Media: Send + Sync {
    /// Makes a file with these bytes. Neither they nor the name are durable yet.
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Adds bytes at the end of the log; not durable yet.
    fn append(&self, log: &mut File, bytes: &[u8]) -> io::Result<()> {
        log.write_all(bytes)
    }

    /// Makes what was appended durable, and the length that is needed to read it.
    fn sync_data(&self, log: &File) -> io::Result<()> {
        log.sync_data()
    }

    /// Makes all of a file durable, but not its name.
    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Shortens the log; not durable yet.
    fn cut(&self, log: &File, length: u64) -> io::Result<()> {
        log.set_len(length)
    }

    /// Gives a file another name, at once or not at all; not durable yet.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Makes the names in a directory durable.
    fn sync_names(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// The real one.
pub(super) struct Files;

impl Media for Files {}
