use std::os::unix::fs::symlink;

use super::*;
use crate::sync::version::FileId;

const STAMP: Stamp = Stamp { counter: 3, by: FileId(0xabc) };

fn files(text: &str) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, text).unwrap();
    let files = Files::open(&path, 1000).unwrap();
    (folder, files)
}

fn contents(bytes: &[u8]) -> Contents {
    digest_of(&mut &bytes[..]).unwrap()
}

/// A content that has come.
fn incoming(files: &Files, bytes: &[u8]) -> PathBuf {
    let path = files.incoming(1);
    receive(&path, contents(bytes), &mut &bytes[..], |_| Ok(())).unwrap();
    path
}

#[test]
fn a_file_that_has_changed_since_the_look_is_not_replaced() {
    let (_folder, files) = files("before");
    let (mut look, new) = (files.look(None), incoming(&files, b"new"));
    for change in ["an edit", "before"] {
        fs::write(&files.path, change).unwrap();
        assert!(!files.replace(&new, contents(b"new"), &mut look).unwrap());
        assert_eq!(fs::read(&files.path).unwrap(), change.as_bytes());
    }
    fs::remove_file(&files.path).unwrap();
    assert!(!files.replace(&new, contents(b"new"), &mut look).unwrap(), "nor a deleted one");
    let mut look = files.look(None);
    assert!(look.found == Found::Missing && !new.with_extension("room").exists());
    assert!(files.replace(&new, contents(b"new"), &mut look).unwrap());
    assert_eq!(fs::read(&files.path).unwrap(), b"new");
    assert!(
        look.found == Found::File(contents(b"new")) && files.look(Some(&look)).found == look.found
    );
}

#[test]
fn a_loser_is_kept_under_a_name_of_its_own_and_outlives_what_follows() {
    let (folder, files) = files("loser");
    let mut look = files.look(None);
    let name = files.keep(STAMP, &mut look).unwrap();
    assert_eq!(name, "notes.txt.conflict-3-0000000000000abc");
    assert_eq!(files.keep(STAMP, &mut look).unwrap(), name, "after a crash it is there already");
    let new = incoming(&files, b"winner");
    assert!(files.replace(&new, contents(b"winner"), &mut look).unwrap(), "a link is no change");
    // Another content of the same name takes nobody's place.
    let second = files.keep(STAMP, &mut look).unwrap();
    assert_eq!(second, format!("{name}.2"));
    assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"loser");
    assert_eq!(fs::read(folder.path().join(second)).unwrap(), b"winner");
}

#[test]
fn only_what_was_announced_is_received() {
    let (_folder, files) = files("before");
    let receive_as = |announced: &[u8], mut sent: &[u8]| {
        let path = files.incoming(7);
        let received = receive(&path, contents(announced), &mut sent, |_| Ok(()));
        fs::remove_file(path).unwrap();
        received.map_err(|error| error.kind())
    };
    assert_eq!(receive_as(b"", b""), Ok(()));
    assert_eq!(receive_as(b"a content", b"a content"), Ok(()));
    assert!(receive_as(b"a content", b"a conten").is_err());
    assert!(receive_as(b"a content", b"a content\n").is_err());
    assert_eq!(receive_as(b"a content", b"A content"), Err(ErrorKind::NotFound));
}

#[test]
fn links_directories_and_long_files_are_neither_read_nor_replaced() {
    let (folder, files) = files("before");
    let (other, new) = (folder.path().join("other"), incoming(&files, b"new"));
    fs::write(&other, "before").unwrap();
    let mut look = files.look(None);
    let is_unusable = |files: &Files| matches!(files.look(None).found, Found::Unusable(_));
    fs::remove_file(&files.path).unwrap();
    symlink(&other, &files.path).unwrap();
    assert!(is_unusable(&files) && files.read(contents(b"before")).is_err());
    assert!(files.replace(&new, contents(b"new"), &mut look).is_err());
    assert_eq!(fs::read(&other).unwrap(), b"before");
    fs::remove_file(&files.path).unwrap();
    fs::create_dir(&files.path).unwrap();
    assert!(is_unusable(&files));
    assert!(files.replace(&new, contents(b"new"), &mut look).is_err());
    fs::remove_dir(&files.path).unwrap();
    fs::write(&files.path, [0; 1001]).unwrap();
    assert!(is_unusable(&files));
}

/// What is read again, and when: a look that finds the same size and times reads nothing.
#[test]
fn a_file_whose_times_are_old_is_not_read_again() {
    let (_folder, files) = files("before");
    let mut look = files.look(None);
    look.found = Found::File(contents(b"what it was taken for"));
    look.at += Duration::from_secs(10);
    assert_eq!(files.look(Some(&look)).found, look.found, "it is old, and not read");
    look.at = now();
    assert_eq!(files.look(Some(&look)).found, Found::File(contents(b"before")), "it is young");
}
