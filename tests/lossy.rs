//! The file system of the power losses is tested itself: what was flushed stays, all else may go.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
mod lossyfs;

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use common::{PATIENCE, Program, Scratch, is_ignored, until};
use lossyfs::{Disk, LossyFs, Lost};

/// The variable that makes a test of this program the victim of another one: where to mount.
const VICTIM: &str = "LOSSYFS_VICTIM";

fn mount() -> Option<LossyFs> {
    mount_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn mount_in(scratch: &Path) -> Option<LossyFs> {
    if let Some(why) = lossyfs::missing() {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(LossyFs::mount(scratch).expect("it mounts"))
}

/// Runs `attempt` once for every sequence of picks that it can make.
fn every_pick(mut attempt: impl FnMut(&mut dyn FnMut(usize) -> usize)) {
    let mut path: Vec<(usize, usize)> = Vec::new();
    loop {
        let mut depth = 0;
        attempt(&mut |below| {
            if depth == path.len() {
                path.push((0, below));
            }
            depth += 1;
            assert_eq!(path[depth - 1].1, below, "the same picks lead to the same question");
            path[depth - 1].0
        });
        assert_eq!(depth, path.len());
        while path.last().is_some_and(|(pick, below)| pick + 1 == *below) {
            path.pop();
        }
        let Some((pick, _)) = path.last_mut() else { return };
        *pick += 1;
    }
}

/// What `write` leaves in the file `log` and the names beside it, over all power losses. The log
/// holds 510 bytes `a` before, and all is flushed.
fn outcomes(fs: &LossyFs, write: impl Fn(&mut File, &Path)) -> BTreeSet<(Vec<u8>, Vec<String>)> {
    let mut outcomes = BTreeSet::new();
    every_pick(|pick| {
        let disk = fs.disk("disk");
        let mut log = File::create(disk.path().join("log")).expect("is writable");
        log.write_all(&[b'a'; 510]).expect("is writable");
        log.sync_all().expect("is flushed");
        flush_names(&disk);
        write(&mut log, disk.path());
        drop(log);
        disk.lose_power(pick);
        let names = names(disk.path());
        let log = fs::read(disk.path().join("log")).unwrap_or_default();
        // What is there now stays: it is on the disk.
        assert_eq!(disk.lose_power(|_| 0), Lost::default());
        outcomes.insert((log, names));
    });
    outcomes
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("is there");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("is there").file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn flush_names(disk: &Disk) {
    File::open(disk.path()).and_then(|dir| dir.sync_all()).expect("is flushed");
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).expect("is there")
}

#[test]
fn of_unflushed_bytes_any_sectors_stay_and_any_length() {
    let Some(fs) = mount() else { return };
    let found = outcomes(&fs, |log, _| log.write_all(b"bbbb").expect("is writable"));
    let mut want = BTreeSet::new();
    // Two bytes belong to the first sector, two to the second.
    for (first, second) in [(b'b', b'b'), (b'b', 0), (0, b'b'), (0, 0)] {
        for length in 510..=514 {
            let mut log = [vec![b'a'; 510], vec![first; 2], vec![second; 2]].concat();
            log.truncate(length);
            want.insert((log, vec!["log".to_owned()]));
        }
    }
    assert_eq!(found, want);
}

#[test]
fn flushed_bytes_stay_and_nothing_else_comes() {
    let Some(fs) = mount() else { return };
    for sync in [File::sync_all, File::sync_data] {
        let found = outcomes(&fs, |log, _| {
            log.write_all(b"bbbb").expect("is writable");
            sync(log).expect("is flushed");
        });
        let want = ([vec![b'a'; 510], vec![b'b'; 4]].concat(), vec!["log".to_owned()]);
        assert_eq!(found, BTreeSet::from([want]));
    }
}

#[test]
fn a_sector_that_was_written_twice_is_any_of_its_versions() {
    let Some(fs) = mount() else { return };
    let found = outcomes(&fs, |log, _| {
        for byte in [b"b", b"c"] {
            log.seek(SeekFrom::Start(7)).expect("is a file");
            log.write_all(byte).expect("is writable");
        }
    });
    let found: BTreeSet<u8> = found.iter().map(|(log, _)| log[7]).collect();
    assert_eq!(found, BTreeSet::from(*b"abc"));
}

#[test]
fn a_file_that_was_cut_and_grew_again_has_old_bytes_new_ones_or_nul() {
    let Some(fs) = mount() else { return };
    let found = outcomes(&fs, |log, _| {
        log.set_len(5).expect("is cut");
        log.seek(SeekFrom::End(0)).expect("is a file");
        log.write_all(b"b").expect("is writable");
    });
    let found: BTreeSet<Vec<u8>> = found.into_iter().map(|(log, _)| log).collect();
    for want in [vec![b'a'; 510], b"aaaaa".to_vec(), b"aaaaab".to_vec(), b"aaaaa\0".to_vec()] {
        assert!(found.contains(&want), "{want:?}");
    }
    assert!(found.iter().all(|log| log.starts_with(b"aaaaa")));
}

#[test]
fn of_unflushed_names_any_changes_stay_each_for_itself() {
    let Some(fs) = mount() else { return };
    let found = outcomes(&fs, |_, dir| {
        // Flushing a file says nothing about its name.
        File::create(dir.join("new")).and_then(|file| file.sync_all()).expect("is flushed");
        fs::create_dir(dir.join("dir")).expect("is made");
        fs::rename(dir.join("log"), dir.join("log.old")).expect("is renamed");
    });
    let found: BTreeSet<Vec<String>> = found.into_iter().map(|(_, names)| names).collect();
    let mut want = BTreeSet::new();
    for changes in 0..8 {
        let has = |change: u8, name: &'static str| (changes & change != 0).then_some(name);
        let log = if changes & 4 != 0 { "log.old" } else { "log" };
        let names = [has(1, "dir"), Some(log), has(2, "new")];
        want.insert(names.into_iter().flatten().map(str::to_owned).collect());
    }
    assert_eq!(found, want);
}

#[test]
fn flushed_names_stay_and_those_that_were_removed_stay_away() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    let (log, new) = (disk.path().join("log"), disk.path().join("log.new"));
    fs::write(&log, "old").expect("is writable");
    flush_names(&disk);
    let mut file = File::create(&new).expect("is made");
    file.write_all(b"new").expect("is writable");
    file.sync_all().expect("is flushed");
    fs::rename(&new, &log).expect("is renamed");
    flush_names(&disk);
    assert_eq!(disk.lose_power(|_| 0), Lost::default());
    assert_eq!((text(log.clone()), names(disk.path())), ("new".into(), vec!["log".into()]));
    fs::remove_file(&log).expect("is there");
    assert_eq!(disk.lose_power(|_| 0), Lost { files: 0, names: 1 });
    assert_eq!(text(log.clone()), "new");
    fs::remove_file(&log).expect("is there");
    flush_names(&disk);
    disk.lose_power(|_| 0);
    assert!(names(disk.path()).is_empty());
}

#[test]
fn a_directory_whose_name_is_lost_takes_all_with_it() {
    let Some(fs) = mount() else { return };
    let (disk, other) = (fs.disk("disk"), fs.disk("other"));
    fs::write(other.path().join("file"), "text").expect("is writable");
    let deep = disk.path().join("a/b");
    fs::create_dir_all(&deep).expect("is made");
    let mut file = File::create(deep.join("file")).expect("is made");
    file.write_all(b"text").and_then(|()| file.sync_all()).expect("is flushed");
    for flushed in [&*deep, &disk.path().join("a")] {
        File::open(flushed).and_then(|dir| dir.sync_all()).expect("is flushed");
    }
    assert_eq!(disk.lose_power(|_| 0), Lost { files: 0, names: 1 });
    assert!(names(disk.path()).is_empty());
    assert_eq!(text(other.path().join("file")), "text", "another machine has its power");
}

#[test]
fn after_a_failed_flush_a_later_one_does_not_make_up_for_it() {
    let Some(fs) = mount() else { return };
    for rewritten in [false, true] {
        let disk = fs.disk("disk");
        let mut file = File::create(disk.path().join("log")).expect("is made");
        flush_names(&disk);
        disk.fail_flush_after(0);
        file.write_all(b"text").expect("is writable");
        let error = file.sync_data().expect_err("fails once");
        assert_eq!(error.raw_os_error(), Some(5));
        if rewritten {
            file.rewind().and_then(|()| file.write_all(b"text")).expect("is writable");
        }
        file.sync_all().expect("fails once");
        assert_eq!(text(disk.path().join("log")), "text", "the cache has it");
        drop(file);
        disk.lose_power(|_| 0);
        let left = text(disk.path().join("log"));
        // The length was not set again.
        assert_eq!(left, "", "rewritten: {rewritten}");
    }
    let disk = fs.disk("disk");
    let dir = File::open(disk.path()).expect("is there");
    for flushed in [false, true] {
        fs::write(disk.path().join("log"), "text").expect("is writable");
        disk.fail_flush_after(0);
        dir.sync_all().expect_err("fails once");
        if flushed {
            dir.sync_all().expect("fails once");
        }
        disk.lose_power(|_| 0);
        assert_eq!(names(disk.path()).len(), usize::from(flushed), "a name can be flushed again");
    }
    disk.fail_flush_after(0);
    assert!(disk.fail_no_flush() && !disk.fail_no_flush());
    dir.sync_all().expect("the switch is off");
}

#[test]
fn a_held_flush_returns_when_it_is_released_or_abandoned() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    let path = disk.path().join("log");
    File::create(&path).expect("is made");
    flush_names(&disk);
    let write = |text: &str| {
        let mut file = File::options().write(true).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    for (released, written, left) in [(true, "one", "one"), (false, "two", "one")] {
        disk.hold_flushes_after(0);
        let end = || if released { disk.release_flushes() } else { disk.abandon_flushes() };
        thread::scope(|scope| {
            let flush = scope.spawn(|| write(written));
            let held = disk.await_held_flush(Instant::now() + PATIENCE);
            end();
            assert!(held);
            assert_eq!(flush.join().expect("does not panic").is_ok(), released);
        });
        assert_eq!(text(path.clone()), written);
        disk.lose_power(|_| 0);
        assert_eq!(text(path.clone()), left);
    }
}

#[test]
fn a_full_disk_takes_what_fits_and_no_new_name() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    let mut file = File::create(disk.path().join("log")).expect("is made");
    disk.limit_room(Some(3));
    assert_eq!(file.write(b"text").expect("some of it fits"), 3);
    assert_eq!(file.write(b"t").expect_err("is full").kind(), ErrorKind::StorageFull);
    let error = fs::create_dir(disk.path().join("dir")).expect_err("is full");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    file.rewind().expect("is a file");
    file.write_all(b"new").expect("needs no room");
    disk.limit_room(None);
    file.write_all(b"er").expect("has room");
    assert_eq!(text(disk.path().join("log")), "newer");
}

#[test]
fn files_and_directories_can_be_locked() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    File::create(disk.path().join("log")).expect("is made");
    for path in [disk.path().to_owned(), disk.path().join("log")] {
        let held = File::open(&path).expect("is there");
        held.try_lock().expect("is free");
        let second = File::open(&path).expect("is there");
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)), "{}", path.display());
        drop(held);
        until("the lock", || second.try_lock().ok());
    }
}

#[test]
fn readers_see_what_others_write_at_once() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    let path = disk.path().join("log");
    let open = || OpenOptions::new().create(true).append(true).open(&path).expect("is writable");
    let (mut one, mut two) = (open(), open());
    let mut reader = File::open(&path).expect("is there");
    for (count, text) in ["a", "bc", "d"].into_iter().enumerate() {
        let writer = if count % 2 == 0 { &mut one } else { &mut two };
        writer.write_all(text.as_bytes()).expect("is writable");
        let mut found = String::new();
        reader.read_to_string(&mut found).expect("is text");
        assert_eq!(found, text);
    }
    assert_eq!(fs::metadata(&path).expect("is there").len(), 4);
}

fn mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("is readable");
    mounts.lines().any(|line| line.split(' ').nth(1) == path.to_str())
}

/// Not a test by itself: mounts, says where, and waits for its end.
#[test]
fn victim() {
    let Some(fs) = env::var_os(VICTIM).and_then(|at| mount_in(Path::new(&at))) else { return };
    let disk = fs.disk("disk");
    println!("\nmounted {}", disk.path().display());
    loop {
        thread::park();
    }
}

#[test]
fn nothing_stays_mounted_however_the_process_ends() {
    let Some(fs) = mount() else { return };
    let disk = fs.disk("disk");
    let path = disk.path().parent().expect("has one").to_owned();
    assert!(mounted(&path));
    drop((disk, fs));
    assert!(!mounted(&path) && !path.exists());
    // Apart from other tests, which would clear there.
    let scratch = Scratch::new();
    // A process alone; a whole group, as Ctrl-C does; and all, with the watchdog.
    // A job in a shell's background is started to ignore Ctrl-C.
    let interrupt = if is_ignored(2) { "TERM" } else { "INT" };
    for (signal, group) in [("KILL", false), (interrupt, true), ("KILL", true)] {
        let mut command = Command::new(env::current_exe().expect("is running"));
        command
            .args(["victim", "--exact", "--nocapture"])
            .process_group(0)
            .env(VICTIM, scratch.path(""));
        let mut victim = Program::start(command);
        let line = victim.prints("mounted /");
        let disk = PathBuf::from(line.trim_start_matches("mounted "));
        // Somebody still works there.
        let _open = File::open(&disk).expect("is mounted");
        let target = if group { format!("-{}", victim.pid()) } else { victim.pid().to_string() };
        let mut shell = Command::new("sh");
        let kill = shell.args(["-c", &format!("kill -s {signal} -- {target}")]);
        assert!(kill.status().expect("there is a shell").success());
        victim.end();
        let path = disk.parent().expect("has one");
        if (signal, group) == ("KILL", true) {
            assert!(mounted(path), "nobody is left to unmount it");
            // The next one does.
            mount_in(&scratch.path("")).expect("it mounts");
        }
        until("the end of the mount", || (!mounted(path) && !path.exists()).then_some(()));
    }
}
