//! The data directory: what is refused rather than taken for a fresh start, what a crash may leave,
//! and a disk that is full.

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Cluster, End, Line, Program, Scratch, until};

const TWO_PROPOSERS: &str = "hostsfile-testcase2.txt";

/// A group that has decided X, all killed; peer4 was never there, so peer2 and peer3 hold X.
fn decided() -> Cluster {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    for id in [1, 2, 3] {
        cluster.run(id, if id == 1 { "-v X --wait 0" } else { "" });
    }
    cluster.choice([1, 2, 3]);
    for id in [1, 2, 3] {
        cluster.peer(id).kill();
    }
    cluster
}

fn log(cluster: &Cluster) -> PathBuf {
    cluster.scratch.path("peer2/log")
}

/// Starts peer2, which must refuse in one line; returns that line.
fn refusal(cluster: &Cluster) -> String {
    refused(&Program::start(cluster.command(2, "")).end())
}

fn refused(end: &End) -> String {
    assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
    let line = end.err[0].strip_prefix("synod: ");
    line.unwrap_or_else(|| panic!("it does not say whose it is: {end:#?}")).to_owned()
}

#[test]
fn a_directory_that_cannot_be_used_is_refused() {
    let cluster = Cluster::of_file(TWO_PROPOSERS);
    let file = cluster.scratch.file("file", "text").display().to_string();
    for (path, want) in [
        (file.as_str(), "File exists"),
        ("/dev/null/peer2", "Not a directory"),
        ("/proc/peer2", "No such file"),
    ] {
        let end = Program::start(cluster.command(2, &format!("--data {path}"))).end();
        let line = refused(&end);
        assert!(line.starts_with(&format!("data directory {path}: {want}")), "{line}");
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    cluster.start(2, "");
    // The lock must say so, not the port: this one is another peer with the same directory.
    let directory = cluster.scratch.path("peer2").display().to_string();
    cluster.durable = false;
    let end = Program::start(cluster.command(3, &format!("--data {directory}"))).end();
    let want = format!("data directory {directory}: is in use by another process; give each");
    assert!(refused(&end).starts_with(&want), "{end:#?}");
    assert!(cluster.peer(2).is_running());
}

#[test]
fn the_state_of_another_peer_or_of_another_hostsfile_is_refused() {
    let cluster = decided();
    let directory = cluster.scratch.path("peer2").display().to_string();
    let mut command = cluster.command(3, "");
    command = common::synod(&format!("--data {directory} --id 3 -h {}", arg(&command, "-h")));
    let end = Program::start(command).end();
    assert!(refused(&end).contains("belongs to peer2, not to peer3"), "{end:#?}");
    // The same peers, one more role.
    let text = fs::read_to_string(cluster.hosts()).expect("is there");
    fs::write(cluster.hosts(), text.trim_end().to_owned() + ",learner1\n").expect("is writable");
    let line = refusal(&cluster);
    assert!(line.contains("was written under another hostsfile (fingerprint "), "{line}");
    assert!(line.contains("Use the old file, or a new directory for every peer"), "{line}");
    // Comments and spaces do not make it another.
    let same = format!("# the same\n\n{}", text.replace(':', " : "));
    fs::write(cluster.hosts(), same).expect("is writable");
    Program::start(cluster.command(2, "")).says("listens on port");
}

/// A sector's size, in bytes.
const SECTOR: usize = 512;

/// The beginning of a line that would follow in this log: its prefix. The chain of the last line is
/// the third number of its own.
fn prefix(log: &[u8], length: usize, checksum: u64) -> String {
    let last = log.split_inclusive(|byte| *byte == b'\n').next_back().expect("has lines");
    let chain = String::from_utf8_lossy(&last[27..43]);
    let head = format!("\t{length:08x} {checksum:016x} ");
    format!("{head}{:016x} ", synod::fnv::fnv1a(format!("{chain}{head}").as_bytes()))
}

/// A line that would follow in this log.
fn next_line(log: &[u8], text: &str) -> Vec<u8> {
    let prefix = prefix(log, text.len(), synod::fnv::fnv1a(text.as_bytes()));
    let size = (prefix.len() + text.len() + 1).next_multiple_of(SECTOR);
    let line = format!("{prefix}{text}");
    format!("{line:0$}\n", size - 1).into_bytes()
}

/// A gibibyte behind the last good line is looked at piece by piece, whatever it announces.
#[test]
fn a_damaged_log_of_any_length_takes_little_memory() {
    // The first sector of a line as long as can be announced.
    let longest = |log: &[u8]| format!("{:x<1$}", prefix(log, u32::MAX as usize, 0), SECTOR);
    for (head, tail, want) in [
        (Some("x"), "\n[]", Some("is damaged")),
        (Some(""), "x\nx", Some("is damaged")),
        (None, "x\nx", Some("is damaged")),
        (None, "", None),
        (Some(""), "", None),
    ] {
        let cluster = decided();
        let whole = fs::read(log(&cluster)).expect("is there");
        let head = head.map_or_else(|| longest(&whole), ToOwned::to_owned);
        let mut file = OpenOptions::new().append(true).open(log(&cluster)).expect("is there");
        file.write_all(head.as_bytes()).expect("is writable");
        file.set_len(file.metadata().expect("is there").len() + (1 << 30)).expect("a hole");
        file.write_all(tail.as_bytes()).expect("is writable");
        let peer = cluster.command(2, "");
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 900000; exec \"$@\"", "sh"]);
        command.arg(peer.get_program()).args(peer.get_args());
        // The allocator reserves much for each thread, and that would count.
        command.env("MALLOC_ARENA_MAX", "1");
        let mut program = Program::start(command);
        match want {
            Some(want) => assert!(refused(&program.end()).contains(want), "{head}"),
            None => assert!(program.says("cut off").contains(" 107374"), "{head}"),
        }
    }
}

/// The argument behind this flag.
fn arg(command: &Command, flag: &str) -> String {
    let mut args = command.get_args().skip_while(|arg| *arg != flag).skip(1);
    args.next().expect("it has one").to_string_lossy().into_owned()
}

#[test]
fn a_log_that_is_damaged_anywhere_is_refused_and_left_as_it_is() {
    let cluster = decided();
    let whole = fs::read(log(&cluster)).expect("is there");
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    assert!(ends.len() >= 4, "an owner, a snapshot, a promise, a vote");
    let flip = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let without_second = [&whole[..=ends[1]], &whole[ends[2] + 2..]].concat();
    let without_promise = [&whole[..=ends[1]], &whole[ends[2] + 1..]].concat();
    let blank_that_is_nul = {
        let mut bytes = whole.clone();
        bytes[whole.len() - 2] = 0;
        bytes
    };
    let longer = [&whole[..], b"more\n"].concat();
    for (what, bytes) in [
        ("header", flip(40)),
        ("header's length", flip(7)),
        ("middle", flip(ends[1] + 50)),
        ("middle's length", flip(ends[1] + 8)),
        ("middle's checksum", flip(ends[1] + 12)),
        ("middle's chain", flip(ends[1] + 30)),
        ("middle's newline", flip(ends[2])),
        ("last, whole line", flip(whole.len() - 4)),
        ("last line's length", flip(ends[ends.len() - 2] + 8)),
        ("last line's NUL", blank_that_is_nul),
        ("a piece cut out", without_second),
        ("a line cut out", without_promise),
        ("a line repeated", [&whole[..], &whole[ends[ends.len() - 2] + 1..]].concat()),
        ("something behind", longer),
        ("half a header", whole[..30].to_vec()),
        ("empty", Vec::new()),
    ] {
        fs::write(log(&cluster), &bytes).expect("is writable");
        let line = refusal(&cluster);
        assert!(line.contains("is damaged: "), "{what}: {line}");
        assert!(line.contains("must not vote; restore the directory from a backup"), "{line}");
        assert_eq!(fs::read(log(&cluster)).expect("is there"), bytes, "{what}: was changed");
    }
}

#[test]
fn a_missing_log_is_no_fresh_start() {
    let cluster = decided();
    fs::remove_file(log(&cluster)).expect("was there");
    let line = refusal(&cluster);
    assert!(line.contains("has about.txt but no log"), "{line}");
    assert!(line.contains("this peer must not vote again"), "{line}");
}

/// An engine has moved peer2 to a machine where its volume is empty. With peer4 it would be a
/// majority that knows nothing of X.
#[test]
fn a_peer_that_is_not_new_does_not_vote_from_an_empty_directory() {
    let mut cluster = decided();
    cluster.durable = false;
    cluster.start(4, "");
    cluster.start(5, "-v Y --wait 0");
    let elsewhere = cluster.scratch.path("elsewhere").display().to_string();
    for _ in 0..2 {
        let words = format!("--data {elsewhere} --existing");
        let line = refused(&Program::start(cluster.command(2, &words)).end());
        let want = format!(
            "data directory {elsewhere}: holds no log, but peer2 is not new: without its promises \
             it must not vote. Start it where its data directory is"
        );
        assert_eq!(line, want);
    }
    let here = cluster.scratch.path("peer2").display().to_string();
    cluster.start(2, &format!("--data {here} --existing"));
    assert_eq!(cluster.choice([2, 4, 5]), "X");
}

#[test]
fn a_new_peer_may_begin_from_an_empty_directory_and_goes_on_from_it() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    let dir = cluster.scratch.path("new").display().to_string();
    for words in ["--existing --new", "--existing --new", "--new", "--existing", ""] {
        cluster.start(2, &format!("--data {dir} {words}"));
        cluster.peer(2).kill();
    }
    for flag in ["--existing", "--new"] {
        let end = Program::start(cluster.command(3, flag)).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
        assert_eq!(end.err[0], format!("synod: {flag} needs --data DIR"));
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_what_stands_before_it_is_kept() {
    let mut cluster = decided();
    let whole = fs::read(log(&cluster)).expect("is there");
    let next = next_line(&whole, &format!("[{}]", " ".repeat(600)));
    let unwritten = |sector: usize| {
        let mut line = next.clone();
        line[sector * SECTOR..][..SECTOR].fill(0);
        line
    };
    for tail in [&next[..1], &next[..20], &next[..next.len() - 1], &unwritten(0), &unwritten(1)] {
        fs::write(log(&cluster), [&whole, tail].concat()).expect("is writable");
        let peer = cluster.start(2, "");
        peer.says(&format!("cut off {} bytes that a crash left unfinished", tail.len()));
        peer.kill();
        // A new file, with all that was kept in its second line.
        let text = fs::read_to_string(log(&cluster)).expect("is there");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(VOTE), "{text}");
    }
    // It still knows what it accepted: peer4 has never voted, peer1 and peer3 are away.
    cluster.start(2, "");
    cluster.start(4, "");
    cluster.start(5, "-v Y --wait 0");
    assert_eq!(cluster.choice([2, 4, 5]), "X");
}

/// What an acceptor of [`decided`] has recorded.
const VOTE: &str = r#"{"min_proposal":1,"accepted":{"number":1,"value":"X"}}"#;

#[test]
fn a_log_does_not_grow_with_the_number_of_incarnations() {
    let mut cluster = decided();
    for _ in 0..20 {
        cluster.start(2, "").kill();
        let text = fs::read_to_string(log(&cluster)).expect("is there");
        assert!(text.len() == 2 * SECTOR && text.contains(VOTE), "{text}");
    }
    let text = fs::read_to_string(log(&cluster)).expect("is there");
    assert!(text.contains(r#""generation":21,"#), "{text}");
}

#[test]
fn nested_directories_that_are_new_are_made() {
    let cluster = Cluster::of_file(TWO_PROPOSERS);
    let directory = cluster.scratch.path("a/b/c/d");
    for _ in 0..2 {
        let words = format!("--data {}", directory.display());
        Program::start(cluster.command(2, &words)).says("listens on port");
        assert!(directory.join("log").is_file());
    }
}

#[test]
fn a_log_that_is_a_link_is_refused() {
    let cluster = decided();
    let other = cluster.scratch.path("other");
    for hard in [false, true] {
        fs::rename(log(&cluster), &other).expect("was there");
        if hard {
            fs::hard_link(&other, log(&cluster)).expect("a link");
        } else {
            symlink(&other, log(&cluster)).expect("a link");
        }
        let line = refusal(&cluster);
        let what = if hard { "is one file under 2 names" } else { "is a symbolic link" };
        assert!(line.starts_with(&format!("{}: {what}", log(&cluster).display())), "{line}");
        fs::remove_file(log(&cluster)).expect("was there");
        fs::rename(&other, log(&cluster)).expect("was there");
    }
    Program::start(cluster.command(2, "")).says("listens on port");
}

#[test]
fn a_log_of_the_older_form_is_refused_with_what_to_do() {
    let cluster = decided();
    let text = r#"{"protocol":"paxos/1","peer":2,"fingerprint":"c9a5e0a90ed7a589"}"#;
    let sum = synod::fnv::fnv1a(text.as_bytes());
    let old = format!("{:08x} {sum:016x} {text}\n", text.len());
    fs::write(log(&cluster), &old).expect("is writable");
    let line = refusal(&cluster);
    assert!(line.contains("log: has the form of an older version"), "{line}");
    assert!(line.contains("begin a new one with an empty directory for every peer"), "{line}");
    assert_eq!(fs::read_to_string(log(&cluster)).expect("is there"), old);
}

#[test]
fn a_vote_that_was_answered_is_on_the_disk() {
    let cluster = decided();
    for id in [2, 3] {
        let text = fs::read_to_string(cluster.scratch.path(format!("peer{id}/log"))).expect("log");
        assert!(text.contains(VOTE), "{text}");
    }
    let text = fs::read_to_string(cluster.scratch.path("peer1/log")).expect("log");
    assert!(text.contains(r#"{"last_number":76}"#), "{text}");
}

#[test]
fn a_crash_while_the_directory_was_made_is_no_damage() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    fs::create_dir(cluster.scratch.path("peer2")).expect("a new directory");
    cluster.scratch.file("peer2/log.new", "0000");
    cluster.start(2, "");
}

#[test]
fn without_a_directory_it_is_said_once_that_a_restart_forgets() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.start(2, "");
    let said = |cluster: &mut Cluster| {
        let err = cluster.peer(2).err();
        err.iter().filter(|line| line.contains("keeps its state in memory only")).count()
    };
    assert_eq!(said(&mut cluster), 1);
    cluster.durable = true;
    cluster.start(3, "");
    assert!(!cluster.peer(3).err().iter().any(|line| line.contains("in memory only")));
}

/// A file system of 64 KiB, gone with the value.
struct SmallDisk(Scratch);

impl SmallDisk {
    /// `None` where nothing can be mounted.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    fn mount() -> Option<Self> {
        let disk = Self(Scratch::new());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(disk.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: cannot mount a tmpfs here");
        }
        mounted.then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.0.path("")
    }

    /// Uses up all room.
    fn fill(&self) {
        assert!(fs::write(self.path().join("filler"), vec![1; 65_536]).is_err(), "must not fit");
    }

    /// Uses up all room under a running peer: the log's last page is filled with blanks, of which
    /// the peer knows nothing. `left` bytes of that page stay free.
    fn fill_all_but(&self, left: usize) {
        let log = self.path().join("data/log");
        let length = fs::read(&log).expect("a log").len();
        let mut file = OpenOptions::new().append(true).open(&log).expect("a log");
        file.write_all(&vec![b' '; 4096 - left - length]).expect("fits in its page");
        self.fill();
    }

    /// Takes the blanks out again, and gives the room back.
    fn empty(&self, left: usize) {
        fs::remove_file(self.path().join("filler")).expect("was there");
        let log = self.path().join("data/log");
        let bytes = fs::read(&log).expect("a log");
        let (lines, rest) = bytes.split_at(2 * SECTOR);
        fs::write(&log, [lines, &rest[rest.len() - left..]].concat()).expect("fits");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// A peer with its data on that disk.
fn on_small_disk(cluster: &Cluster, disk: &Path, id: u16, words: &str) -> Program {
    let words = format!("{words} --data {}", disk.join("data").display());
    Program::start(cluster.command(id, &words))
}

#[test]
fn a_peer_whose_disk_is_full_ends_with_one_line_and_the_others_decide() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.adopt(2, on_small_disk(&cluster, &disk.path(), 2, ""));
    cluster.peer(2).says("listens on port");
    disk.fill_all_but(20);
    for id in [1, 3, 4, 5] {
        cluster.run(id, ["-v X", "", "", "", "-v Y -t 0.3 --wait 2"][usize::from(id) - 1]);
    }
    assert_eq!(cluster.choice([1, 3, 4, 5]), "X");
    let end = cluster.peer(2).end();
    assert_eq!(end.code, Some(2), "{end:#?}");
    let want = format!("synod: writing {}: No space left", disk.path().join("data/log").display());
    assert_eq!(end.err.iter().filter(|line| line.starts_with(&want)).count(), 1, "{end:#?}");
    let sent = end.out.iter().filter(|line| Line::of(line).action == "sent").count();
    assert_eq!(sent, 0, "nothing may leave that is not durable: {end:#?}");
    // With room again, what was written of the line is a torn tail.
    disk.empty(20);
    cluster.adopt(2, on_small_disk(&cluster, &disk.path(), 2, ""));
    cluster.peer(2).says("cut off 20 bytes");
    assert_eq!(cluster.choice([2]), "X");
}

/// The proposer is an acceptor too. Its number was recorded when it started, so it may still ask;
/// its own promise cannot be recorded, and without that nothing else leaves, although the others
/// are a majority.
#[test]
fn a_proposer_whose_disk_is_full_ends_with_one_line() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut cluster = Cluster::new(&["proposer1,acceptor1", "acceptor1", "acceptor1"]);
    let mut program = on_small_disk(&cluster, &disk.path(), 1, "-v Y");
    // What it writes while the room is used up would find some.
    until("its number is recorded", || {
        let log = fs::read(disk.path().join("data/log")).unwrap_or_default();
        String::from_utf8_lossy(&log).contains("last_number").then_some(())
    });
    disk.fill_all_but(20);
    cluster.run(2, "");
    cluster.run(3, "");
    let end = program.end();
    assert_eq!(end.code, Some(2), "{end:#?}");
    for line in end.out.iter().filter(|line| Line::of(line).action == "sent") {
        assert!(line.contains("\"prepare\""), "nothing may leave that is not durable: {end:#?}");
    }
    // What another thread says of its links may come behind it.
    let why =
        |line: &&String| line.starts_with("synod: writing ") && line.contains("No space left");
    assert_eq!(end.err.iter().filter(why).count(), 1, "{end:#?}");
}

#[test]
fn a_peer_without_room_for_its_new_log_keeps_the_old_one() {
    let Some(disk) = SmallDisk::mount() else { return };
    let cluster = Cluster::of_file(TWO_PROPOSERS);
    let first = on_small_disk(&cluster, &disk.path(), 2, "");
    first.says("listens on port");
    drop(first);
    let log = disk.path().join("data/log");
    let before = fs::read(&log).expect("a log");
    disk.fill();
    let line = refused(&on_small_disk(&cluster, &disk.path(), 2, "").end());
    let unfinished = disk.path().join("data/log.new");
    let want = format!("writing {}: No space left", unfinished.display());
    assert!(line.starts_with(&want), "{line}");
    assert_eq!(fs::read(&log).expect("a log"), before);
    fs::remove_file(disk.path().join("filler")).expect("was there");
    on_small_disk(&cluster, &disk.path(), 2, "").says("listens on port");
}

#[test]
fn a_journal_torn_by_a_kill_goes_on_with_a_line_of_its_own() {
    let mut cluster = Cluster::new(&["proposer1", "acceptor1"]);
    cluster.durable = true;
    std::fs::write(cluster.trace(2), "{\"peer_id\":2,\"acti").expect("a scratch file");
    cluster.start(2, "");
    let text = std::fs::read_to_string(cluster.trace(2)).expect("a journal");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "{\"peer_id\":2,\"acti");
    assert!(lines[1].contains("\"action\":\"started\""), "{text}");
}
