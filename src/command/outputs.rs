//! The files that a command writes: looked at before it begins, so that nothing is lost by them.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error, Result};

/// Refuses to write what is also read, to write one file twice, and what cannot be written. `-` is
/// standard input.
///
/// # Errors
/// The first such file.
pub fn check<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    written: impl IntoIterator<Item = &'a Path> + Clone,
) -> Result<()> {
    keep_apart(read, written.clone())?;
    written.into_iter().try_for_each(check_place)
}

/// The first half of that, for a file that others may be writing at the same moment: the peers of a
/// run share a journal.
///
/// # Errors
/// The first such file.
pub fn keep_apart<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    written: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let mut taken: Vec<&Path> = read.into_iter().collect();
    for path in written {
        if taken.iter().any(|other| is_same(path, other)) {
            return Err(Error::Usage(format!(
                "{}: the same file would be written and used for something else; name another",
                path.display()
            )));
        }
        taken.push(path);
    }
    Ok(())
}

/// True if both names are of one file, which may have many: hard links, symbolic links, its place
/// seen from elsewhere. Devices and pipes may serve two purposes.
fn is_same(one: &Path, other: &Path) -> bool {
    let found = |path: &Path| {
        let input = path.as_os_str() == "-";
        fs::metadata(if input { Path::new("/dev/stdin") } else { path }).ok()
    };
    match (found(one), found(other)) {
        (Some(a), Some(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (None, None) => place(one) == place(other),
        _ => false,
    }
}

/// Where a file of this name would be.
fn place(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok();
    folder.zip(path.file_name()).map_or(path.into(), |(folder, name)| folder.join(name))
}

/// Refuses a file that cannot be written, and leaves it as it is.
fn check_place(path: &Path) -> Result<()> {
    let what = || format!("writing {}", path.display());
    match fs::metadata(path) {
        // A link to where nothing is yet: writing follows it, and a test would leave something.
        Err(_) if path.is_symlink() => Ok(()),
        Err(_) => {
            let new = OpenOptions::new().write(true).create_new(true).open(path);
            new.and_then(|_| fs::remove_file(path)).doing(what)
        }
        Ok(found) if found.is_file() || found.is_dir() => {
            OpenOptions::new().append(true).open(path).map(|_| ()).doing(what)
        }
        // Opening a pipe would wait for its reader.
        Ok(_) => Ok(()),
    }
}
