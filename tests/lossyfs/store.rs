//! Files and directories in memory, each with what readers see and what a power loss leaves.
//!
//! Nothing here waits or fails by chance; that is the business of the mount.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use fuser::Errno;

use super::content::Content;
use super::versions::Versions;

pub(super) type Result<T> = std::result::Result<T, Errno>;

/// The inode of the directory of disks.
pub(super) const ROOT: u64 = 1;

/// All disks.
pub(super) struct Store {
    nodes: BTreeMap<u64, Node>,
    last_inode: u64,
    /// Counts changes; it orders them.
    now: u64,
}

struct Node {
    /// The inode of the disk's directory.
    disk: u64,
    kind: Kind,
}

enum Kind {
    File(Content),
    /// Every name's inode; `None` once it is gone.
    Directory(BTreeMap<OsString, Versions<Option<u64>>>),
}

/// What the mount has to tell of a node.
pub(super) struct About {
    pub(super) inode: u64,
    pub(super) is_dir: bool,
    pub(super) length: u64,
}

/// What a power loss took: files that lost bytes or got other ones, and changes of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) files: u64,
    pub(crate) names: u64,
}

impl Store {
    pub(super) fn new() -> Self {
        let root = Node { disk: ROOT, kind: Kind::Directory(BTreeMap::new()) };
        Self { nodes: BTreeMap::from([(ROOT, root)]), last_inode: ROOT, now: 0 }
    }

    /// An empty disk: a durable directory in the root. Whatever had its name is gone.
    pub(super) fn add_disk(&mut self, name: &OsStr) -> u64 {
        let inode = self.add(None, Kind::Directory(BTreeMap::new()));
        let root = self.directory_mut(ROOT).expect("is one");
        root.insert(name.to_owned(), Versions::new(Some(inode)));
        inode
    }

    pub(super) fn remove_disk(&mut self, disk: u64) {
        self.nodes.retain(|_, node| node.disk != disk);
        let root = self.directory_mut(ROOT).expect("is one");
        root.retain(|_, inode| *inode.current() != Some(disk));
    }

    fn add(&mut self, disk: Option<u64>, kind: Kind) -> u64 {
        self.last_inode += 1;
        let disk = disk.unwrap_or(self.last_inode);
        self.nodes.insert(self.last_inode, Node { disk, kind });
        self.last_inode
    }

    fn node(&self, inode: u64) -> Result<&Node> {
        self.nodes.get(&inode).ok_or(Errno::ENOENT)
    }

    fn content(&self, inode: u64) -> Result<&Content> {
        match &self.node(inode)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Directory(_) => Err(Errno::EISDIR),
        }
    }

    fn content_mut(&mut self, inode: u64) -> Result<&mut Content> {
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(Kind::File(content)) => Ok(content),
            Some(Kind::Directory(_)) => Err(Errno::EISDIR),
            None => Err(Errno::ENOENT),
        }
    }

    fn directory(&self, inode: u64) -> Result<&BTreeMap<OsString, Versions<Option<u64>>>> {
        match &self.node(inode)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Errno::ENOTDIR),
        }
    }

    fn directory_mut(
        &mut self,
        inode: u64,
    ) -> Result<&mut BTreeMap<OsString, Versions<Option<u64>>>> {
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(Kind::Directory(names)) => Ok(names),
            Some(Kind::File(_)) => Err(Errno::ENOTDIR),
            None => Err(Errno::ENOENT),
        }
    }

    pub(super) fn disk(&self, inode: u64) -> Result<u64> {
        Ok(self.node(inode)?.disk)
    }

    pub(super) fn about(&self, inode: u64) -> Result<About> {
        let (is_dir, length) = match &self.node(inode)?.kind {
            Kind::File(content) => (false, content.len()),
            Kind::Directory(_) => (true, 0),
        };
        Ok(About { inode, is_dir, length })
    }

    pub(super) fn lookup(&self, directory: u64, name: &OsStr) -> Result<u64> {
        let inode = self.directory(directory)?.get(name).and_then(|inode| *inode.current());
        inode.ok_or(Errno::ENOENT)
    }

    pub(super) fn names(&self, directory: u64) -> Result<Vec<(OsString, u64)>> {
        let names = self.directory(directory)?.iter();
        let names = names.filter_map(|(name, inode)| Some((name.clone(), (*inode.current())?)));
        Ok(names.collect())
    }

    /// Changes some names of a directory at once: a power loss keeps all of it or nothing.
    fn change(&mut self, directory: u64, changes: &[(&OsStr, Option<u64>)]) -> Result<()> {
        self.now += 1;
        let now = self.now;
        let names = self.directory_mut(directory)?;
        for (name, inode) in changes {
            let versions = names.entry((*name).to_owned()).or_insert(Versions::new(None));
            versions.set(now, *inode);
        }
        Ok(())
    }

    fn make(&mut self, directory: u64, name: &OsStr, kind: Kind) -> Result<u64> {
        let disk = self.disk(directory)?;
        if disk == ROOT {
            return Err(Errno::EACCES);
        }
        if self.lookup(directory, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let inode = self.add(Some(disk), kind);
        self.change(directory, &[(name, Some(inode))])?;
        Ok(inode)
    }

    pub(super) fn create(&mut self, directory: u64, name: &OsStr) -> Result<u64> {
        self.make(directory, name, Kind::File(Content::new()))
    }

    pub(super) fn make_directory(&mut self, directory: u64, name: &OsStr) -> Result<u64> {
        self.make(directory, name, Kind::Directory(BTreeMap::new()))
    }

    pub(super) fn unlink(&mut self, directory: u64, name: &OsStr) -> Result<()> {
        let inode = self.lookup(directory, name)?;
        if self.about(inode)?.is_dir {
            return Err(Errno::EISDIR);
        }
        self.change(directory, &[(name, None)])
    }

    pub(super) fn remove_directory(&mut self, directory: u64, name: &OsStr) -> Result<()> {
        let inode = self.lookup(directory, name)?;
        if self.disk(directory)? == ROOT {
            return Err(Errno::EACCES);
        }
        if !self.names(inode)?.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.change(directory, &[(name, None)])
    }

    /// Within one directory: two of them would have to be flushed together, or a crash would show
    /// both names or none, and nobody here wants that.
    pub(super) fn rename(
        &mut self,
        (directory, name): (u64, &OsStr),
        (new_directory, new_name): (u64, &OsStr),
    ) -> Result<()> {
        let inode = self.lookup(directory, name)?;
        if directory != new_directory {
            return Err(Errno::EXDEV);
        }
        if let Ok(replaced) = self.lookup(directory, new_name)
            && (self.about(replaced)?.is_dir || self.about(inode)?.is_dir)
        {
            return Err(Errno::EISDIR);
        }
        if name == new_name {
            return Ok(());
        }
        self.change(directory, &[(name, None), (new_name, Some(inode))])
    }

    pub(super) fn read(&self, inode: u64, offset: u64, most: usize) -> Result<Vec<u8>> {
        Ok(self.content(inode)?.read(offset, most))
    }

    pub(super) fn write(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> Result<()> {
        self.now += 1;
        let now = self.now;
        self.content_mut(inode)?.write(now, offset, bytes);
        Ok(())
    }

    pub(super) fn set_len(&mut self, inode: u64, length: u64) -> Result<()> {
        self.now += 1;
        let now = self.now;
        self.content_mut(inode)?.set_len(now, length);
        Ok(())
    }

    /// Makes durable what this file or directory is now.
    pub(super) fn flush(&mut self, inode: u64) {
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(Kind::File(content)) => content.flush(),
            Some(Kind::Directory(names)) => names.values_mut().for_each(Versions::flush),
            None => {}
        }
    }

    /// A flush fails. No later one makes up for a file's bytes. Names go through the journal of a
    /// file system, which takes them again or stops for good.
    pub(super) fn fail(&mut self, inode: u64) {
        if let Ok(content) = self.content_mut(inode) {
            content.fail();
        }
    }

    /// The power of a disk fails. What was flushed stays; of the rest, what `pick` chooses: it
    /// gives a number below its argument, and 0 loses most.
    pub(super) fn lose(&mut self, disk: u64, pick: &mut impl FnMut(usize) -> usize) -> Lost {
        let (mut lost, mut kept) = (Lost::default(), BTreeSet::new());
        let mut left = vec![disk];
        while let Some(inode) = left.pop() {
            kept.insert(inode);
            match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
                Some(Kind::File(content)) => lost.files += u64::from(content.lose(pick)),
                Some(Kind::Directory(names)) => {
                    lost.names += lose_names(names, pick);
                    left.extend(names.values().filter_map(|inode| *inode.current()));
                }
                None => {}
            }
        }
        self.nodes.retain(|inode, node| node.disk != disk || kept.contains(inode));
        lost
    }
}

/// Each unflushed change stays or goes for itself. Returns how many went.
fn lose_names(
    names: &mut BTreeMap<OsString, Versions<Option<u64>>>,
    pick: &mut impl FnMut(usize) -> usize,
) -> u64 {
    let unflushed: BTreeSet<u64> = names.values().flat_map(Versions::unflushed).collect();
    let reached: BTreeSet<u64> = unflushed.iter().copied().filter(|_| pick(2) == 1).collect();
    for inode in names.values_mut() {
        *inode = Versions::new(*inode.newest(|at| reached.contains(&at)));
    }
    names.retain(|_, inode| inode.current().is_some());
    (unflushed.len() - reached.len()) as u64
}
