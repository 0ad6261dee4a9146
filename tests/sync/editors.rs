//! What people and programs do to files.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::Duration;
use std::{iter, thread};

use crate::peers::{NAME, Peers, noise, signal, until};
use crate::{common::Program, start};

/// A user without rights of its own.
const NOBODY: u32 = 65534;

fn pair() -> (Peers, Vec<Program>) {
    let peers = Peers::new(2);
    peers.write(0, "before");
    let programs = start(&peers, &[&[], &[0]]);
    peers.all_hold([1], b"before");
    (peers, programs)
}

#[test]
fn editors_that_rename_append_truncate_or_touch() {
    let (peers, programs) = pair();
    let other = peers.folder(1).join(".notes.txt.swp");
    fs::write(&other, "saved by renaming").unwrap();
    fs::rename(&other, peers.file(1)).unwrap();
    peers.all_hold([0], b"saved by renaming");
    // An append in a loop, by one who opens the file once; small pieces between two looks.
    let mut file = OpenOptions::new().append(true).open(peers.file(0)).unwrap();
    for round in 0..40 {
        writeln!(file, "line {round}").unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    let whole = peers.read(0).unwrap();
    assert!(whole.ends_with(b"line 39\n"));
    peers.all_hold([1], &whole);
    // Truncated and written anew, with as many bytes.
    let anew = vec![b'x'; whole.len()];
    fs::write(peers.file(0), &anew).unwrap();
    peers.all_hold([1], &anew);
    let count = |program: &Program| {
        program.out().iter().filter(|line| line.contains("file changed.")).count()
    };
    let before = count(&programs[1]);
    // Neither a touch nor permissions are an edit, and a mode outlives the next version.
    peers.write(1, &anew);
    fs::set_permissions(peers.file(1), Permissions::from_mode(0o640)).unwrap();
    peers.write(0, "after");
    peers.all_hold([1], b"after");
    assert_eq!(count(&programs[1]), before);
    assert_eq!(fs::metadata(peers.file(1)).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_file_that_is_missing_is_made_by_a_host_and_awaited_by_a_guest() {
    let peers = Peers::new(2);
    let guest = peers.start(1, &[0], "");
    guest.says(&format!("Failed to connect: 127.0.0.1:{}: ", peers.ports[0]));
    assert_eq!(peers.read(1), None);
    let _host = peers.start(0, &[], "");
    peers.all_hold([0, 1], b"");
    let missed = guest.err().iter().filter(|line| line.contains("Failed to connect")).count();
    assert_eq!(missed, 1, "it is said once");
}

#[test]
fn a_deleted_file_is_put_back() {
    let (peers, programs) = pair();
    for at in [0, 1] {
        fs::remove_file(peers.file(at)).unwrap();
        programs[at].says("notes.txt was deleted");
        peers.all_hold([at], b"before");
    }
}

/// Puts something else in the place of a file, which may be put back in between.
fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) {
    loop {
        fs::remove_file(path).unwrap();
        match make(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.unwrap(),
        }
    }
}

#[test]
fn a_directory_or_a_link_in_its_place_is_refused_and_said_until_it_is_gone() {
    let (peers, programs) = pair();
    replace(&peers.file(1), |path| fs::create_dir(path));
    programs[1].says("notes.txt: it is a directory");
    peers.write(0, "while it was a directory");
    fs::remove_dir(peers.file(1)).unwrap();
    peers.all_hold([1], b"while it was a directory");
    let secret = peers.scratch.file("secret", "not for others");
    replace(&peers.file(1), |path| symlink(&secret, path));
    programs[1].says("notes.txt: it is a symbolic link");
    peers.write(0, "while it was a link");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(fs::read(&secret).unwrap(), b"not for others", "nothing is written through it");
    fs::remove_file(peers.file(1)).unwrap();
    peers.all_hold([1], b"while it was a link");
    assert_eq!(peers.read(0).unwrap(), b"while it was a link", "and nothing is read through it");
}

#[test]
fn a_file_that_is_too_large_is_refused_with_a_word_on_both_sides() {
    let peers = Peers::new(2);
    peers.write(0, "short");
    let host = peers.start(0, &[], "");
    let guest = peers.start(1, &[0], "--max-size 1000");
    peers.all_hold([1], b"short");
    peers.write(0, noise(1001, 1));
    guest.says("offers 1001 bytes, and --max-size is less");
    host.says("1001 bytes, and its --max-size is 1000");
    peers.write(1, noise(1002, 1));
    guest.says("it has 1002 bytes, and --max-size is 1000");
    peers.write(0, "short again");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(peers.read(1).unwrap().len(), 1002, "what is not sent is not replaced either");
    peers.write(1, noise(1000, 2));
    let all: Vec<_> = iter::once(noise(1000, 2)).chain([b"short again".to_vec()]).collect();
    until("both are somewhere", || {
        let here: Vec<_> =
            [0, 1].iter().flat_map(|at| peers.copies(*at)).chain(peers.read(0)).collect();
        peers.read(0) == peers.read(1) && all.iter().all(|text| here.contains(text))
    });
}

#[test]
fn one_that_was_stopped_for_a_while_catches_up() {
    let (peers, programs) = pair();
    signal(&programs[1], "STOP");
    for round in 0..5 {
        peers.write(0, format!("round {round}"));
        programs[0].prints("file changed.");
    }
    // Longer than a silent link lives.
    programs[0].prints("Peer disconnected");
    peers.write(0, "last");
    signal(&programs[1], "CONT");
    peers.all_hold([0, 1], b"last");
}

#[test]
fn a_read_only_directory_is_said_and_the_old_copy_stays_until_it_can_be_written() {
    let peers = Peers::new(2);
    peers.write(0, "before");
    let _host = peers.start(0, &[], "");
    let folder = peers.folder(1);
    let mut command = peers.command(1, &[0], "");
    // No directory is read-only for root, so the peer is somebody else.
    if chown(&folder, Some(NOBODY), Some(NOBODY)).is_ok() {
        command.uid(NOBODY).gid(NOBODY);
        fs::set_permissions(peers.scratch.path(""), Permissions::from_mode(0o755)).unwrap();
    }
    let guest = Program::start(command);
    peers.all_hold([1], b"before");
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    peers.write(0, "after");
    guest.says("cannot replace notes.txt");
    assert_eq!(peers.read(1).unwrap(), b"before");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    peers.all_hold([1], b"after");
    assert!(folder.join(NAME).exists());
}
