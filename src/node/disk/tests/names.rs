//! Whose the log is, who else has it, and what stands around it.

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use super::*;

/// Remembers which names were made durable; those at the root cannot be, and this is why.
#[derive(Clone)]
struct Names(Arc<std::sync::Mutex<Vec<PathBuf>>>, Option<ErrorKind>);

impl Media for Names {
    fn sync_names(&self, dir: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(dir.to_owned());
        match self.1.filter(|_| dir == Path::new("/")) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

#[test]
fn the_names_of_all_directories_above_are_made_durable_or_it_is_an_error() {
    let ignored = [ErrorKind::PermissionDenied, ErrorKind::InvalidInput, ErrorKind::Unsupported];
    let fatal = [ErrorKind::Other, ErrorKind::NotFound, ErrorKind::StorageFull];
    let reasons = ignored.into_iter().chain(fatal).map(Some);
    for why in [None].into_iter().chain(reasons) {
        let base = TempDir::new().unwrap();
        symlink(base.path(), base.path().join("link")).unwrap();
        let dir = base.path().join("link/a/b");
        let media = Names(Arc::default(), why);
        let names = Arc::clone(&media.0);
        let opened = Disk::open_on(Box::new(media), 0, &dir, &owner(3, "f"), &mut Notes::default());
        assert_eq!(opened.is_ok(), why.is_none_or(|why| ignored.contains(&why)), "{why:?}");
        if opened.is_ok() {
            let names = names.lock().unwrap();
            let real = base.path().canonicalize().unwrap().join("a/b");
            for above in dir.ancestors().skip(1).chain(real.ancestors().skip(1)) {
                assert!(names.iter().any(|name| name == above), "{}", above.display());
            }
        }
    }
}

#[test]
fn people_are_told_whose_directory_it_is_and_to_leave_it_alone() {
    let (dir, _) = written(&[]);
    let about = fs::read_to_string(dir.path().join("about.txt")).unwrap();
    assert!(about.starts_with("The durable state of peer3 (test/1).\nDo not edit"), "{about}");
}

#[test]
fn a_lost_log_is_not_a_fresh_start() {
    let (dir, _) = written(&[&["a"]]);
    fs::remove_file(dir.path().join("log")).unwrap();
    assert!(refusal(dir.path()).contains("promises are lost"));
}

#[test]
fn a_crash_while_the_log_is_made_leaves_a_new_directory() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log.new"), "0000").unwrap();
    assert_eq!(open(dir.path()).unwrap().1, Vec::<String>::new());
    assert!(!dir.path().join("log.new").exists());
}

#[test]
fn a_log_of_another_peer_or_another_hostsfile_is_refused() {
    let (dir, bytes) = written(&[&["a"]]);
    for (owner, want) in [
        (owner(4, "f"), "belongs to peer3, not to peer4"),
        (owner(3, "g"), "another hostsfile"),
        (Owner { protocol: "other/1".into(), ..owner(3, "f") }, "belongs to test/1"),
    ] {
        let error = Disk::open(dir.path(), &owner, &mut Notes::default()).err().unwrap();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(log(dir.path()), bytes);
    }
}

#[test]
fn a_log_of_an_older_form_is_refused_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    let text = r#"{"protocol":"test/1","peer":3,"fingerprint":"f"}"#;
    let sum = crate::fnv::fnv1a(text.as_bytes());
    fs::write(dir.path().join("log"), format!("{:08x} {sum:016x} {text}\n", text.len())).unwrap();
    let refusal = refusal(dir.path());
    assert!(refusal.contains("log: has the form of an older version"), "{refusal}");
    assert!(refusal.contains("an empty directory for every peer"), "{refusal}");
}

#[test]
fn a_log_of_a_newer_form_is_refused() {
    let dir = TempDir::new().unwrap();
    let header = r#"{"form":3,"generation":1,"protocol":"test/1","peer":3,"fingerprint":"f"}"#;
    let mut chain = Chain::START;
    fs::write(dir.path().join("log"), chain.line(header.as_bytes()).unwrap()).unwrap();
    assert!(refusal(dir.path()).contains("has form 3"));
}

#[test]
fn a_directory_has_one_user() {
    let (dir, _) = written(&[&["a"]]);
    let first = open(dir.path()).unwrap();
    assert!(refusal(dir.path()).contains("in use by another process"));
    drop(first);
    assert!(open(dir.path()).is_ok());
}

/// The log in use, moved to a directory with a lock of its own: at its start and after it was
/// replaced in the running incarnation.
#[test]
fn a_log_has_one_user_wherever_it_is() {
    for replaced in [false, true] {
        let (dir, _) = written(&[&["a"]]);
        let (disk, _, _) = open(dir.path()).unwrap();
        if replaced {
            disk.replace(&["a"]);
            flush(&disk, &["b"]);
        }
        let other = TempDir::new_in(dir.path().parent().unwrap()).unwrap();
        fs::rename(dir.path().join("log"), other.path().join("log")).unwrap();
        assert!(refusal(other.path()).contains("in use by another process"), "{replaced}");
        drop(disk);
        assert!(open(other.path()).is_ok(), "{replaced}");
    }
}

#[test]
fn a_log_that_is_no_file_of_its_own_is_refused() {
    let (dir, bytes) = written(&[&["a"]]);
    let other = TempDir::new_in(dir.path().parent().unwrap()).unwrap();
    let (real, link) = (dir.path().join("log"), other.path().join("log"));
    for target in [&real, Path::new("/dev/zero"), Path::new("nowhere")] {
        symlink(target, &link).unwrap();
        assert!(refusal(other.path()).contains("log: is a symbolic link"), "{}", target.display());
        fs::remove_file(&link).unwrap();
    }
    fs::hard_link(&real, &link).unwrap();
    for dir in [&dir, &other] {
        assert!(refusal(dir.path()).contains("log: is one file under 2 names (hard links)"));
    }
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    assert!(refusal(other.path()).contains("log: is not a regular file"));
    assert_eq!(log(dir.path()), bytes);
    assert_eq!(open(dir.path()).unwrap().1, ["a"]);
}

#[test]
fn nothing_is_written_through_a_link() {
    let (dir, _) = written(&[&["a"]]);
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(dir.path().join("about.txt")).unwrap();
    symlink(&victim, dir.path().join("about.txt")).unwrap();
    for hard in [false, true] {
        let unfinished = dir.path().join("log.new");
        if hard {
            fs::hard_link(&victim, &unfinished).unwrap();
        } else {
            symlink(&victim, &unfinished).unwrap();
        }
        assert_eq!(open(dir.path()).unwrap().1, ["a"]);
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }
}

/// Directories that cannot be read are passed by, one's own not.
#[test]
fn nested_directories_are_made_below_one_that_cannot_be_read() {
    let base = TempDir::new().unwrap();
    let closed = base.path().join("closed");
    fs::create_dir_all(closed.join("a")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o311)).unwrap();
    let dir = closed.join("a/b/c/d");
    flush(&open(&dir).unwrap().0, &["a"]);
    assert_eq!(open(&dir).unwrap().1, ["a"]);
    assert!(dir.join("about.txt").exists());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}
