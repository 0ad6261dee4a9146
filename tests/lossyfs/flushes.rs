//! What the mount, the flusher and the test share: the store, how disks misbehave, and flushes that
//! are under way.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{Errno, ReplyEmpty};

use super::store::{About, Result, Store};

/// How a disk misbehaves.
#[derive(Default)]
pub(super) struct Switches {
    pub(super) delay: Duration,
    pub(super) hold_after: Option<u64>,
    pub(super) fail_after: Option<u64>,
    pub(super) room: Option<u64>,
}

impl Switches {
    /// Counts one flush down; true if it is its turn.
    fn turn(counter: &mut Option<u64>) -> bool {
        match counter {
            Some(0) => true,
            Some(count) => {
                *count -= 1;
                false
            }
            None => false,
        }
    }
}

/// A flush that is under way.
struct Waiting {
    disk: u64,
    inode: u64,
    /// `None` if it is held.
    due: Option<Instant>,
    reply: ReplyEmpty,
}

pub(super) struct State {
    pub(super) store: Store,
    switches: BTreeMap<u64, Switches>,
    waiting: Vec<Waiting>,
    ended: bool,
}

impl State {
    pub(super) fn add_disk(&mut self, name: &OsStr) -> u64 {
        self.store.add_disk(name)
    }

    pub(super) fn remove_disk(&mut self, disk: u64) {
        self.store.remove_disk(disk);
        self.switches.remove(&disk);
    }

    pub(super) fn switches(&mut self, disk: u64) -> &mut Switches {
        self.switches.entry(disk).or_default()
    }

    /// How many of these bytes there is room for.
    pub(super) fn take_room(&mut self, inode: u64, offset: u64, length: usize) -> Result<usize> {
        let disk = self.store.disk(inode)?;
        let now = self.store.about(inode)?.length;
        let Some(room) = &mut self.switches(disk).room else { return Ok(length) };
        let growth = (offset + length as u64).saturating_sub(now);
        let missing = growth.saturating_sub(*room);
        *room -= growth - missing;
        let fits = length.saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        if fits == 0 && length > 0 { Err(Errno::ENOSPC) } else { Ok(fits) }
    }

    pub(super) fn make(&mut self, parent: u64, name: &OsStr, is_dir: bool) -> Result<About> {
        let disk = self.store.disk(parent)?;
        if self.switches(disk).room == Some(0) {
            return Err(Errno::ENOSPC);
        }
        let inode = if is_dir {
            self.store.make_directory(parent, name)?
        } else {
            self.store.create(parent, name)?
        };
        self.store.about(inode)
    }
}

/// The [`State`] behind its lock.
pub(super) struct Shared {
    state: Mutex<State>,
    /// A flush came, or the end.
    changed: Condvar,
}

impl Shared {
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let state = State {
            store: Store::new(),
            switches: BTreeMap::new(),
            waiting: Vec::new(),
            ended: false,
        };
        let shared = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() });
        let flusher = Arc::clone(&shared);
        thread::Builder::new().name("flusher".into()).spawn(move || flush_when_due(&flusher))?;
        Ok(shared)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the flusher; nobody waits for a flush any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.waiting.drain(..).for_each(|flush| flush.reply.error(Errno::EIO));
        self.changed.notify_all();
    }

    pub(super) fn abandon(&self, disk: u64) {
        let mut state = self.lock();
        let abandoned = state.waiting.extract_if(.., |flush| flush.disk == disk);
        abandoned.for_each(|flush| flush.reply.error(Errno::EIO));
    }

    pub(super) fn release(&self, disk: u64) {
        let mut state = self.lock();
        state.switches(disk).hold_after = None;
        for flush in state.waiting.iter_mut().filter(|flush| flush.disk == disk) {
            flush.due.get_or_insert_with(Instant::now);
        }
        self.changed.notify_all();
    }

    pub(super) fn await_waiting(&self, disk: u64, deadline: Instant) -> bool {
        let mut state = self.lock();
        loop {
            if state.waiting.iter().any(|flush| flush.disk == disk && flush.due.is_none()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A process asks for a flush of a file or of a directory.
    pub(super) fn flush(&self, inode: u64, reply: ReplyEmpty) {
        let mut state = self.lock();
        let disk = match state.store.disk(inode) {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let switches = state.switches(disk);
        if Switches::turn(&mut switches.fail_after) {
            switches.fail_after = None;
            state.store.fail(inode);
            return reply.error(Errno::EIO);
        }
        let held = Switches::turn(&mut switches.hold_after);
        let due = (!held).then(|| Instant::now() + switches.delay);
        if switches.delay.is_zero() && due.is_some() {
            state.store.flush(inode);
            return reply.ok();
        }
        state.waiting.push(Waiting { disk, inode, due, reply });
        self.changed.notify_all();
    }
}

/// Ends every flush when it has taken its time.
fn flush_when_due(shared: &Shared) {
    let mut state = shared.lock();
    while !state.ended {
        let now = Instant::now();
        let is_due = |flush: &mut Waiting| flush.due.is_some_and(|due| due <= now);
        let due: Vec<Waiting> = state.waiting.extract_if(.., is_due).collect();
        for flush in due {
            state.store.flush(flush.inode);
            flush.reply.ok();
        }
        let next = state.waiting.iter().filter_map(|flush| flush.due).min();
        state = match next {
            Some(next) => {
                let left = next.saturating_duration_since(Instant::now());
                let waited = shared.changed.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}
