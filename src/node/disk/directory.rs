//! The directory of a log: one user, no links, and every name in it and above it durable.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::media::Media;
use crate::error::{Doing, Error, Result};
use crate::process::PeerId;

/// The log's name.
const LOG: &str = "log";
/// The name of a log that is not complete yet; a crash can leave it.
const UNFINISHED: &str = "log.new";
/// Text for people. Because it exists, a directory whose log was removed is not taken for new.
const ABOUT: &str = "about.txt";

/// A data directory, locked as long as this exists.
pub(super) struct Directory {
    media: Box<dyn Media>,
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Locks the directory. It is made if it is missing, and is durable under its name afterwards.
    pub(super) fn open(media: Box<dyn Media>, path: &Path) -> Result<Self> {
        media.make_dirs(path)?;
        let directory = File::open(path)?;
        lock(&directory)?;
        sync_ancestors(&*media, path)?;
        Ok(Self { media, path: path.to_owned(), _lock: directory })
    }

    pub(super) fn media(&self) -> &dyn Media {
        &*self.media
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// The present log, locked; `None` in a new directory.
    pub(super) fn log(&self) -> Result<Option<File>> {
        let path = self.log_path();
        match fs::symlink_metadata(&path) {
            Ok(named) => open_log(&path, &named).doing(|| path.display().to_string()).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.require_new().doing(|| format!("data directory {}", self.path.display()))?;
                Ok(None)
            }
            Err(error) => Err(error).doing(|| path.display().to_string()),
        }
    }

    /// The directory itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// There is a log, of whatever kind. The directory is locked, so it does not go again.
    pub(super) fn require_log(&self, peer: PeerId) -> Result<()> {
        match fs::symlink_metadata(self.log_path()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::Input(format!(
                "holds no log, but {peer} is not new: without its promises it must not vote. Start \
                 it where its data directory is"
            ))),
            Err(error) => Err(error)?,
        }
    }

    /// Nothing here says that there was a log once.
    fn require_new(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            // A new file system brings `lost+found`.
            if name != UNFINISHED && name != "lost+found" {
                return Err(Error::Input(format!(
                    "has {} but no log. If it was a peer's, its promises are lost: this peer must \
                     not vote again. For a new peer name an empty directory",
                    name.display()
                )));
            }
        }
        Ok(())
    }

    /// Puts a new log with these bytes in the place of the present one; returns it durable and
    /// locked. A crash leaves either the old one or the new one, whole.
    pub(super) fn replace_log(&self, bytes: &[u8]) -> Result<File> {
        let unfinished = self.path.join(UNFINISHED);
        let writing = || format!("writing {}", unfinished.display());
        // Never written through: it can be a link to somewhere else.
        match self.media.remove(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).doing(writing)?,
            _ => {}
        }
        let mut file = self.media.create(&unfinished).doing(writing)?;
        lock(&file).doing(writing)?;
        self.media.append(&mut file, bytes).doing(writing)?;
        // Before it has the log's name: under that name the old one is still whole.
        self.media.sync_all(&file).doing(writing)?;
        let renaming = || format!("renaming {}", unfinished.display());
        self.media.rename(&unfinished, &self.log_path()).doing(renaming)?;
        // Until this returns, a crash can bring the old log back, without what the new one adds.
        self.media.sync_names(&self.path).doing(renaming)?;
        Ok(file)
    }

    /// Tells people what the directory is. Only after its log is durable: without one, it would
    /// look as if the log was lost.
    pub(super) fn describe(&self, text: &str) -> io::Result<()> {
        match self.media.create(&self.path.join(ABOUT)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(mut file) => {
                self.media.append(&mut file, text.as_bytes())?;
                self.media.sync_names(&self.path)
            }
        }
    }
}

/// Opens a log that is a file of its own. Through a link, two directories and so two locks could
/// lead to one log.
fn open_log(path: &Path, named: &fs::Metadata) -> Result<File> {
    let refuse = |why: String| Err(Error::Input(why));
    if named.is_symlink() {
        return refuse("is a symbolic link; put the file itself there".into());
    }
    if !named.is_file() {
        return refuse("is not a regular file".into());
    }
    if named.nlink() != 1 {
        return refuse(format!(
            "is one file under {} names (hard links); remove the other names",
            named.nlink()
        ));
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return refuse("was replaced by another process while it was opened".into());
    }
    lock(&file)?;
    Ok(file)
}

fn lock(file: &File) -> Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::Io(io::Error::new(
            ErrorKind::ResourceBusy,
            "is in use by another process; give each peer its own",
        )),
        TryLockError::Error(error) => Error::Io(error),
    })
}

/// Makes the directory's own name durable, and those of all above it.
///
/// Who made them is not known: an earlier incarnation may have, and have died before it flushed
/// them. A log whose directory is lost is lost, and its peer would come back as a new one.
fn sync_ancestors(media: &dyn Media, dir: &Path) -> io::Result<()> {
    // The path as it is given and the path that it leads to: a symbolic link is a name as well.
    let (given, real) = (std::path::absolute(dir)?, fs::canonicalize(dir)?);
    let mut above: Vec<&Path> = given.ancestors().skip(1).chain(real.ancestors().skip(1)).collect();
    above.sort_unstable();
    above.dedup();
    for dir in above {
        match media.sync_names(dir) {
            // Whoever may not read a directory can rarely make a name in it, so somebody else made
            // the one that counts here, and it is theirs to flush.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            // A file system of the kernel's own, such as an automounter's root: nothing to flush.
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
            flushed => flushed?,
        }
    }
    Ok(())
}
