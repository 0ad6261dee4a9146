//! The system calls of the processes, answered from the store.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::content::SECTOR;
use super::flushes::Shared;
use super::store::{About, ROOT, Result};

/// How long the kernel may remember a name or a length: not at all, a power loss changes them.
const TTL: Duration = Duration::ZERO;
const O_APPEND: i32 = 0o2000;

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
