//! The log of one peer of a replay, as it was after each of its steps: so a power loss can take
//! back what, by the disk of the script, had not reached it.

use std::fs;
use std::path::PathBuf;

use crate::error::{Doing, Error, Result};
use crate::sim::DiskModel;
use crate::sim::script::Cause;

/// The log's file in a data directory.
const LOG: &str = "log";

/// A peer's log, and what of it is durable by the model of its disk.
pub(super) struct Shelf {
    data: PathBuf,
    disk: DiskModel,
    /// The file with so many records; newest last.
    copies: Vec<(u64, Vec<u8>)>,
    /// How many records incarnations before this one have left.
    before: u64,
    written: u64,
    durable: u64,
}

impl Shelf {
    pub(super) fn new(data: PathBuf, disk: DiskModel) -> Self {
        Self { data, disk, copies: Vec::new(), before: 0, written: 0, durable: 0 }
    }

    /// A step is over, and this incarnation has written so many records.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn note(&mut self, of_incarnation: u64) -> Result<()> {
        let written = self.before + of_incarnation;
        if written > self.written || self.copies.is_empty() {
            self.written = written;
            self.copy()?;
            if self.disk != DiskModel::NeverFlushed {
                // The flush of a step serves all that stands before it in the file.
                self.durable = written;
            }
        }
        Ok(())
    }

    /// How many of the records that wait for a flush survive a crash in which `kept` of all that
    /// are at stake do.
    pub(super) fn kept_of_waiting(&self, cause: Cause, kept: u32) -> u32 {
        let cached = match cause {
            Cause::Kill => 0,
            Cause::PowerLoss => u32::try_from(self.written - self.durable).unwrap_or(u32::MAX),
        };
        kept.saturating_sub(cached)
    }

    /// The process is dead, and had written so many records. Of those at stake `kept` survive.
    ///
    /// # Errors
    /// The log cannot be read or written, or no copy has just as many records.
    pub(super) fn crash(&mut self, cause: Cause, kept: u32, of_incarnation: u64) -> Result<()> {
        let written = self.before + of_incarnation;
        if written > self.written {
            self.written = written;
            self.copy()?;
        }
        if self.disk == DiskModel::Sound {
            self.durable = self.written;
        }
        if cause == Cause::PowerLoss {
            let left = (self.durable + u64::from(kept)).min(self.written);
            if left < self.written {
                self.take_back(left)?;
            }
            (self.written, self.durable) = (left, left);
        }
        self.before = self.written;
        Ok(())
    }

    /// Leaves the log with so many records, or none where nothing had ever reached the disk.
    fn take_back(&mut self, left: u64) -> Result<()> {
        self.copies.retain(|(count, _)| *count <= left);
        if left == 0 && self.copies.is_empty() {
            return fs::remove_dir_all(&self.data)
                .doing(|| format!("removing {}", self.data.display()));
        }
        let copy = self.copies.last().filter(|(count, _)| *count == left);
        let (_, bytes) = copy.ok_or_else(|| {
            Error::Input(format!("{left} records cannot be taken alone: one flush wrote more"))
        })?;
        let log = self.data.join(LOG);
        fs::write(&log, bytes).doing(|| format!("writing {}", log.display()))
    }

    fn copy(&mut self) -> Result<()> {
        let log = self.data.join(LOG);
        let bytes = fs::read(&log).doing(|| format!("reading {}", log.display()))?;
        self.copies.push((self.written, bytes));
        Ok(())
    }
}
