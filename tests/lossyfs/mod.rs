//! A file system that loses what was not flushed: for real processes, with their real system calls.
//!
//! It is mounted through FUSE and lives in this process's memory. Under its root stand disks, one
//! for each machine of a test. `kill -9` of a process takes nothing from its disk: what was written
//! is in the page cache, and the next process reads it. A power loss ([`Disk::lose_power`]) leaves
//! what was flushed, and of the rest any part:
//!
//! - of each file, any of the versions of every sector of 512 bytes that were written since, in any
//!   order, and any length between the shortest and the longest; what was never written reads NUL;
//! - of each directory, any of the changes of its names, each for itself. A rename is one change.
//!   A file's own flush does not make its name durable.
//!
//! A flush can take long, be held or fail ([`Disk::slow_flushes`], [`Disk::hold_flushes_after`],
//! [`Disk::fail_flush_after`]). After a failed flush its bytes are taken for written, as Linux does
//! it: readers see them, a later flush succeeds and does not write them. Names stay unflushed, for
//! they go through a journal. A disk can be full ([`Disk::limit_room`]).
//!
//! Left out: links, and renames between directories. Locks are the kernel's own. It also lets
//! nobody write to a file that is being flushed.

#![allow(dead_code)] // each user takes what it needs

mod content;
mod flushes;
mod mount;
mod store;
mod versions;
mod watchdog;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption};

use flushes::Shared;
use mount::Served;
pub(crate) use store::Lost;
use watchdog::Watchdog;

/// The name under which the mount stands in the system's table.
const NAME: &str = "lossyfs";

/// Why no file system can be mounted here, if it cannot.
///
/// # Panics
/// In CI, where everything is there that these tests need, unless it does not run as root.
pub(crate) fn missing() -> Option<String> {
    // Only root mounts without a helper; the owner of this process's entry is who we are.
    let is_root = fs::metadata("/proc/self").is_ok_and(|entry| {
        use std::os::unix::fs::MetadataExt as _;
        entry.uid() == 0
    });
    if !is_root {
        return Some("only root can mount a file system".into());
    }
    let opened = fs::File::options().read(true).write(true).open("/dev/fuse");
    let why = opened.err().map(|error| format!("/dev/fuse: {error}"))?;
    assert!(std::env::var_os("CI").is_none(), "{why}");
    Some(why)
}

/// A mounted file system; gone with the value, and with this process however it ends.
pub(crate) struct LossyFs {
    shared: Arc<Shared>,
    path: PathBuf,
    // In this order: the watchdog unmounts, then the session has ended.
    watchdog: Watchdog,
    _session: BackgroundSession,
}

impl LossyFs {
    /// Mounts it in a new directory below `scratch`. What an earlier process left there is cleared.
    pub(crate) fn mount(scratch: &Path) -> io::Result<Self> {
        watchdog::clear(scratch)?;
        // The name says whose it is.
        let prefix = format!("{NAME}-{}-", process::id());
        let path = tempfile::Builder::new().prefix(&prefix).tempdir_in(scratch)?.keep();
        let watchdog = Watchdog::start(&path)?;
        let shared = Shared::start()?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(NAME.into()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Served(Arc::clone(&shared)), &path, &config)?;
        Ok(Self { shared, path, watchdog, _session: session })
    }

    /// An empty disk.
    pub(crate) fn disk(&self, name: &str) -> Disk {
        let root = self.shared.lock().add_disk(OsStr::new(name));
        Disk { shared: Arc::clone(&self.shared), root, path: self.path.join(name) }
    }
}

impl Drop for LossyFs {
    fn drop(&mut self) {
        self.shared.end();
        self.watchdog.unmount();
    }
}

/// What belongs to one machine; its directory is durable. All of it is gone with the value.
pub(crate) struct Disk {
    shared: Arc<Shared>,
    root: u64,
    path: PathBuf,
}

impl Disk {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Every flush takes so long from now on.
    pub(crate) fn slow_flushes(&self, each: Duration) {
        self.shared.lock().switches(self.root).delay = each;
    }

    /// The next `count` flushes go through, then each waits until it is released or abandoned.
    pub(crate) fn hold_flushes_after(&self, count: u64) {
        self.shared.lock().switches(self.root).hold_after = Some(count);
    }

    /// The next `count` flushes go through, then one fails.
    pub(crate) fn fail_flush_after(&self, count: u64) {
        self.shared.lock().switches(self.root).fail_after = Some(count);
    }

    /// No flush fails that has not failed yet. True if one would have.
    pub(crate) fn fail_no_flush(&self) -> bool {
        self.shared.lock().switches(self.root).fail_after.take().is_some()
    }

    /// Files may grow by so many bytes before the disk is full.
    pub(crate) fn limit_room(&self, bytes: Option<u64>) {
        self.shared.lock().switches(self.root).room = bytes;
    }

    /// Waits for a flush that is held. False if none came until the deadline.
    pub(crate) fn await_held_flush(&self, deadline: Instant) -> bool {
        self.shared.await_waiting(self.root, deadline)
    }

    /// Flushes are not held any more; those that are go through.
    pub(crate) fn release_flushes(&self) {
        self.shared.release(self.root);
    }

    /// The flushes that are under way never happen. Only for a process that was sent SIGKILL: it
    /// does not come to see an answer, but cannot end before it has one.
    pub(crate) fn abandon_flushes(&self) {
        self.shared.abandon(self.root);
    }

    /// The machine loses its power; its processes must have ended. `pick(n)` decides what stays,
    /// with a number below `n`; if it is always 0, all is lost that was not flushed.
    pub(crate) fn lose_power(&self, mut pick: impl FnMut(usize) -> usize) -> Lost {
        self.shared.abandon(self.root);
        self.shared.lock().store.lose(self.root, &mut pick)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.abandon(self.root);
        self.shared.lock().remove_disk(self.root);
    }
}
