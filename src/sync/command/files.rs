//! The file and what lies beside it: looked at, kept, replaced.
//!
//! Nothing is ever written outside the directory of the file. The file is only ever replaced by
//! renaming another one over it, whole and flushed. What comes from the wire enters no name but as
//! a counter and an id of hexadecimal digits ([`Stamp`]).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Doing, Error, Result};
use crate::sync::digest::Digester;
use crate::sync::version::{Contents, Stamp};

/// The folder beside the file.
const FOLDER: &str = ".synod-sync";
/// How the names of contents that have come begin there.
const INCOMING: &str = "incoming-";
/// Within so much of a look a second change may leave the time of the first.
const COARSE: Duration = Duration::from_secs(2);
/// How often a file that changes while it is read is read again at once.
const READS: u32 = 3;
/// How much is read at once.
const PIECE: usize = 256 << 10;
/// So much must be left beside a content that has come, for the records of it.
const ROOM: usize = 64 << 10;

/// What tells that a file was changed, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    fn of(found: &Metadata) -> Self {
        Self {
            inode: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// True if the file may have changed after this without a trace in its times.
    fn is_fresh_at(&self, time: Duration) -> bool {
        let since = u64::try_from(self.modified.0).map_or(Duration::ZERO, Duration::from_secs);
        time.abs_diff(since) <= COARSE
    }
}

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(Contents),
    Missing,
    /// It can neither be read nor replaced; this is why.
    Unusable(String),
}

/// The last look.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) found: Found,
    stat: Option<Stat>,
    /// By the clock by which files have their times.
    at: Duration,
}

/// The file, its directory, and the folder for what is known of it.
pub(super) struct Files {
    directory: PathBuf,
    name: String,
    path: PathBuf,
    max_size: u64,
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The digest of what is left of a source, and its length.
///
/// # Errors
/// What the source says.
fn digest_of(source: &mut impl Read) -> io::Result<Contents> {
    let (mut digester, mut piece) = (Digester::default(), vec![0; PIECE]);
    loop {
        match source.read(&mut piece) {
            Ok(0) => {
                let size = digester.length();
                return Ok(Contents { digest: digester.finish(), size });
            }
            Ok(count) => digester.update(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Files {
    /// The file of this name, which need not be there; its directory must be.
    ///
    /// # Errors
    /// There is no such directory, or no file can have this name.
    pub(super) fn open(path: &Path, max_size: u64) -> Result<Self> {
        let shown = path.display();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| *name != FOLDER && !path.as_os_str().is_empty());
        let Some(name) = name.map(str::to_owned) else {
            return Err(Error::Usage(format!("--file {shown}: this names no file, in UTF-8")));
        };
        if path.is_dir() {
            return Err(Error::Input(format!("{shown} is a directory; name a file with --file")));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = fs::canonicalize(parent.unwrap_or(Path::new(".")))
            .doing(|| format!("the directory of {shown}"))?;
        let files = Self { path: directory.join(&name), directory, name, max_size };
        fs::create_dir_all(files.folder()).doing(|| files.folder().display().to_string())?;
        Ok(files)
    }

    /// Its name, without the directory.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The folder beside it.
    pub(super) fn folder(&self) -> PathBuf {
        self.directory.join(FOLDER)
    }

    /// Where the records are.
    pub(super) fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// A file for a content that comes.
    pub(super) fn incoming(&self, number: u64) -> PathBuf {
        self.folder().join(format!("{INCOMING}{number}"))
    }

    /// Makes the file, empty, if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn create(&self) -> Result<()> {
        match OpenOptions::new().write(true).create_new(true).open(&self.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).doing(|| format!("making {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Removes what an earlier incarnation has received and not used.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn clear(&self) -> Result<()> {
        let what = || self.folder().display().to_string();
        for entry in fs::read_dir(self.folder()).doing(what)? {
            let entry = entry.doing(what)?;
            if entry.file_name().to_string_lossy().starts_with(INCOMING) {
                fs::remove_file(entry.path()).doing(what)?;
            }
        }
        Ok(())
    }

    /// What stands under its name; none if it is missing.
    fn stat(&self) -> std::result::Result<Option<Stat>, String> {
        let found = match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|error| error.to_string())?,
        };
        let what = match found.file_type() {
            kind if kind.is_file() => return Ok(Some(Stat::of(&found))),
            kind if kind.is_dir() => "a directory",
            kind if kind.is_symlink() => "a symbolic link",
            _ => "no regular file",
        };
        Err(format!("it is {what}; put a file in its place, or remove it"))
    }

    /// Looks at the file. It is read only if its size or times are not those of the last look, or
    /// so young that they prove nothing.
    pub(super) fn look(&self, last: Option<&Look>) -> Look {
        let mut at = now();
        let unusable = move |why| Look { found: Found::Unusable(why), stat: None, at };
        let mut stat = match self.stat() {
            Ok(Some(stat)) => stat,
            Ok(None) => return Look { found: Found::Missing, stat: None, at },
            Err(why) => return unusable(why),
        };
        if let Some(last) = last.filter(|last| last.stat == Some(stat))
            && !stat.is_fresh_at(last.at)
        {
            return Look { at, ..last.clone() };
        }
        if stat.size > self.max_size {
            let (size, most) = (stat.size, self.max_size);
            let why = format!("it has {size} bytes, and --max-size is {most}: it is not sent");
            return Look { stat: Some(stat), ..unusable(why) };
        }
        for read in 1.. {
            let contents = File::open(&self.path)
                .and_then(|file| digest_of(&mut file.take(self.max_size + 1)));
            let found = match contents {
                Ok(contents) => Found::File(contents),
                Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
                Err(error) => return unusable(error.to_string()),
            };
            match self.stat() {
                // It may be half written. If it never rests, what was read must do.
                Ok(Some(next)) if next != stat && read < READS => (stat, at) = (next, now()),
                _ => return Look { found, stat: Some(stat), at },
            }
        }
        unreachable!("it has returned by then")
    }

    /// Opens a content that a message names.
    ///
    /// # Errors
    /// The file is another one by now, or cannot be read.
    pub(super) fn read(&self, contents: Contents) -> io::Result<File> {
        // Its next version follows.
        let changed = || io::Error::from(ErrorKind::NotFound);
        let named = self.stat().ok().flatten().ok_or_else(changed)?;
        let file = File::open(&self.path)?;
        let opened = Stat::of(&file.metadata()?);
        if opened.inode != named.inode || opened.size != contents.size {
            return Err(changed());
        }
        Ok(file)
    }

    /// Keeps what is there as a conflict copy; returns its name.
    ///
    /// # Errors
    /// No copy can be made.
    pub(super) fn keep(&self, stamp: Stamp, look: &mut Look) -> io::Result<String> {
        let Found::File(contents) = look.found else {
            return Err(io::Error::other("there is nothing to keep"));
        };
        let Stamp { counter, by } = stamp;
        let plain = format!("{}.conflict-{counter}-{by}", self.name);
        for name in [plain.clone()].into_iter().chain((2..100).map(|n| format!("{plain}.{n}"))) {
            let path = self.directory.join(&name);
            match fs::hard_link(&self.path, &path) {
                Ok(()) => {}
                // It was kept before a crash.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let same = File::open(&path).and_then(|mut file| digest_of(&mut file));
                    if !same.is_ok_and(|same| same == contents) {
                        continue;
                    }
                }
                // Some file systems have no links.
                Err(_) => {
                    let mut copy = OpenOptions::new().write(true).create_new(true).open(&path)?;
                    io::copy(&mut File::open(&self.path)?, &mut copy)?;
                    copy.sync_all()?;
                }
            }
            File::open(&self.path)?.sync_all()?;
            File::open(&self.directory)?.sync_all()?;
            // A link changes the time of change, and nothing else.
            if let (Some(old), Ok(Some(new))) = (look.stat, self.stat())
                && old == (Stat { changed: old.changed, ..new })
            {
                look.stat = Some(new);
            }
            return Ok(name);
        }
        Err(io::Error::other("a hundred copies have its name"))
    }

    /// Puts a content that has come in the place of the file, unless that has changed since the
    /// look: then it is left as it is, and false is returned.
    ///
    /// # Errors
    /// It cannot be replaced.
    pub(super) fn replace(
        &self,
        incoming: &Path,
        contents: Contents,
        look: &mut Look,
    ) -> io::Result<bool> {
        if let Ok(found) = fs::symlink_metadata(&self.path) {
            fs::set_permissions(incoming, found.permissions())?;
        }
        // The last thing before the rename.
        if self.stat().map_err(io::Error::other)? != look.stat {
            return Ok(false);
        }
        fs::rename(incoming, &self.path)?;
        File::open(&self.directory)?.sync_all()?;
        let stat = self.stat().ok().flatten();
        *look = Look { found: Found::File(contents), stat, at: now() };
        Ok(true)
    }

    /// The file as text for people, if it is that and no longer than this.
    pub(super) fn text(&self, longest: u64) -> Option<String> {
        self.stat().ok()??;
        let mut bytes = Vec::new();
        File::open(&self.path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= longest)
    }
}

/// Writes a content that comes to a file of its own, and flushes it. `goes_on` is told how
/// much has come, and may end it.
///
/// # Errors
/// It is not the content that was announced, or there is no room for it.
pub(super) fn receive(
    path: &Path,
    contents: Contents,
    body: &mut dyn Read,
    mut goes_on: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let (mut digester, mut piece) = (Digester::default(), vec![0; PIECE]);
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digester.update(&piece[..count]);
        if digester.length() > contents.size {
            break;
        }
        file.write_all(&piece[..count])?;
        goes_on(digester.length())?;
    }
    let (length, size) = (digester.length(), contents.size);
    if length != size {
        return Err(io::Error::other(format!("{length} bytes, where {size} were announced")));
    }
    if digester.finish() != contents.digest {
        // It changed while it was sent; its next version follows.
        return Err(ErrorKind::NotFound.into());
    }
    file.sync_all()?;
    // A disk that is full now would have no room for what must be written down next.
    let room = path.with_extension("room");
    let has_room = fs::write(&room, vec![0; ROOM]);
    fs::remove_file(&room)?;
    has_room
}

#[cfg(test)]
mod tests;
