//! The system calls of the processes, answered from the [`Store`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::content::SECTOR;
use super::store::{About, ROOT, Result, Store};

/// How long the kernel may remember a name or a length: not at all, a power loss changes them.
const TTL: Duration = Duration::ZERO;
const O_APPEND: i32 = 0o2000;

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
    fn take_room(&mut self, inode: u64, offset: u64, length: usize) -> Result<usize> {
        let disk = self.store.disk(inode)?;
        let now = self.store.about(inode)?.length;
        let Some(room) = &mut self.switches(disk).room else { return Ok(length) };
        let growth = (offset + length as u64).saturating_sub(now);
        let missing = growth.saturating_sub(*room);
        *room -= growth - missing;
        let fits = length.saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        if fits == 0 && length > 0 { Err(Errno::ENOSPC) } else { Ok(fits) }
    }

    fn make(&mut self, parent: u64, name: &OsStr, is_dir: bool) -> Result<About> {
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

/// What the mount, the flusher and the test share.
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
    fn flush(&self, inode: u64, reply: ReplyEmpty) {
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

fn attributes(about: &About) -> FileAttr {
    let kind = if about.is_dir { FileType::Directory } else { FileType::RegularFile };
    let time = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(about.inode),
        size: about.length,
        blocks: about.length.div_ceil(SECTOR as u64),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm: if about.is_dir { 0o755 } else { 0o644 },
        nlink: if about.is_dir { 2 } else { 1 },
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// The kernel's side of it.
pub(super) struct Served(pub(super) Arc<Shared>);

impl Served {
    fn entry(about: Result<About>, reply: ReplyEntry) {
        match about {
            Ok(about) => reply.entry(&TTL, &attributes(&about), Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn done(result: Result<()>, reply: ReplyEmpty) {
        match result {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.0.lock();
        let inode = state.store.lookup(parent.0, name);
        Self::entry(inode.and_then(|inode| state.store.about(inode)), reply);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.lock().store.about(inode.0) {
            Ok(about) => reply.attr(&TTL, &attributes(&about)),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.0.lock();
        let set = size.map_or(Ok(()), |size| state.store.set_len(inode.0, size));
        match set.and_then(|()| state.store.about(inode.0)) {
            Ok(about) => reply.attr(&TTL, &attributes(&about)),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        Self::entry(self.0.lock().make(parent.0, name, true), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.0.lock().make(parent.0, name, false) {
            Ok(about) => reply.created(
                &TTL,
                &attributes(&about),
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        Self::done(self.0.lock().store.unlink(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        Self::done(self.0.lock().store.remove_directory(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let store = &mut self.0.lock().store;
        Self::done(store.rename((parent.0, name), (new_parent.0, new_name)), reply);
    }

    // Without the kernel's own cache: after a power loss it would still know the old bytes.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().store.read(inode.0, offset, size as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.0.lock();
        let mut write = || {
            let end = state.store.about(inode.0)?.length;
            let offset = if flags.0 & O_APPEND != 0 { end } else { offset };
            let fits = state.take_room(inode.0, offset, data.len())?;
            state.store.write(inode.0, offset, &data[..fits])?;
            Ok(fits)
        };
        match write() {
            Ok(fits) => reply.written(u32::try_from(fits).expect("the kernel sends less")),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Of the last close(2); it makes nothing durable.
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.flush(inode.0, reply);
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.flush(inode.0, reply);
    }

    fn readdir(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = self.0.lock();
        let names = match state.store.names(inode.0) {
            Ok(names) => names,
            Err(error) => return reply.error(error),
        };
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, (name, entry)) in names.iter().enumerate().skip(skipped) {
            let is_dir = state.store.about(*entry).is_ok_and(|about| about.is_dir);
            let kind = if is_dir { FileType::Directory } else { FileType::RegularFile };
            if reply.add(INodeNo(*entry), at as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}

const _: () = assert!(ROOT == INodeNo::ROOT.0);
