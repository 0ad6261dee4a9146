//! The data directory of a peer.

use std::path::{Path, PathBuf};

use lexopt::Parser;

use super::args;
use super::prose::Prose;
use crate::error::{Error, Result};
use crate::node::Level;
use crate::node::disk::{Disk, Owner};
use crate::process::{PeerId, Process};

/// The flags of a peer that must not begin anew: `--data DIR`, `--existing` and `--new`.
///
/// `--existing` refuses a directory without a log. It can stand in a file that an engine or a
/// service manager reads at every start; at the first one `--new` is added, once.
#[derive(Default)]
pub struct DataFlags {
    dir: Option<PathBuf>,
    existing: bool,
    new: bool,
}

impl DataFlags {
    /// Takes a flag of this name, if it is one of these.
    ///
    /// # Errors
    /// Its value cannot be used.
    pub fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool> {
        match name {
            "--data" => self.dir = Some(args::directory(name, parser.value()?)?),
            "--existing" => self.existing = true,
            "--new" => self.new = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses flags that say nothing without `--data`.
    ///
    /// # Errors
    /// There is such a flag.
    pub fn check(&self) -> Result<()> {
        let idle = [("--existing", self.existing), ("--new", self.new)];
        match idle.into_iter().find(|(_, is_given)| *is_given && self.dir.is_none()) {
            Some((flag, _)) => Err(Error::Usage(format!("{flag} needs --data DIR"))),
            None => Ok(()),
        }
    }

    /// As [`open`], for a peer that may be no new one.
    ///
    /// # Errors
    /// As of [`open`]; or there must be a log, and there is none.
    pub fn open<P: Process>(
        &self,
        process: &mut P,
        me: PeerId,
        fingerprint: &str,
        err: &Prose,
    ) -> Result<Option<Disk>> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let begin = if self.existing && !self.new { Disk::open_existing } else { Disk::open };
        open_as(begin, dir, process, me, fingerprint, err).map(Some)
    }
}

/// Opens the log of this peer in its data directory, if it has one, and gives its records to
/// `process`.
///
/// # Errors
/// The directory is damaged, is another peer's, or cannot be read or written.
pub fn open<P: Process>(
    dir: Option<&Path>,
    process: &mut P,
    me: PeerId,
    fingerprint: &str,
    err: &Prose,
) -> Result<Option<Disk>> {
    let Some(dir) = dir else { return Ok(None) };
    open_as(Disk::open, dir, process, me, fingerprint, err).map(Some)
}

/// How a log is opened.
type Open<P> = fn(&Path, &Owner, &mut P) -> Result<(Disk, Option<String>)>;

fn open_as<P: Process>(
    begin: Open<P>,
    dir: &Path,
    process: &mut P,
    me: PeerId,
    fingerprint: &str,
    err: &Prose,
) -> Result<Disk> {
    let fingerprint = fingerprint.to_owned();
    let owner = Owner { protocol: P::PROTOCOL.into(), peer: me, fingerprint };
    let (disk, cut) = begin(dir, &owner, process)?;
    if let Some(cut) = cut {
        err.say(Level::Trouble, &format!("{}: {cut}", dir.display()));
    }
    Ok(disk)
}
