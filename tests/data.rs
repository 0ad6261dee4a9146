//! The data directory: what is refused rather than taken for a fresh start, what a crash may leave,
//! and a disk that is full.

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Cluster, End, Line, Program, Scratch};

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

/// A gibibyte behind the last good line are looked at piece by piece, whatever they announce.
#[test]
fn a_damaged_log_of_any_length_takes_little_memory() {
    for (head, tail, want) in
        [("x", "\n[]", Some("is damaged")), ("ffffffff 0000000000000000 ", "", None)]
    {
        let cluster = decided();
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
            None => assert!(program.says("cut off").contains(" 10737418"), "{head}"),
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
    assert!(ends.len() >= 3, "an owner, a promise, a vote");
    let flip = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let without_second = [&whole[..=ends[0]], &whole[ends[1] + 2..]].concat();
    let longer = [&whole[..], b"more\n"].concat();
    for (what, bytes) in [
        ("header", flip(40)),
        ("header's length", flip(7)),
        ("middle", flip(ends[1] - 3)),
        ("middle's length", flip(ends[0] + 8)),
        ("middle's checksum", flip(ends[0] + 12)),
        ("middle's newline", flip(ends[1])),
        ("last, whole line", flip(whole.len() - 4)),
        ("a piece cut out", without_second),
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

#[test]
fn a_torn_tail_is_cut_off_and_what_stands_before_it_is_kept() {
    let mut cluster = decided();
    let whole = fs::read(log(&cluster)).expect("is there");
    let last =
        whole.split_inclusive(|byte| *byte == b'\n').next_back().expect("has lines").to_vec();
    let mut unwritten = last.clone();
    unwritten[30..].fill(0);
    for tail in [&last[..1], &last[..20], &last[..last.len() - 1], &unwritten, &[0; 512]] {
        fs::write(log(&cluster), [&whole, tail].concat()).expect("is writable");
        let peer = cluster.start(2, "");
        peer.says(&format!("cut off {} bytes that a crash left unfinished", tail.len()));
        peer.kill();
        assert_eq!(fs::read(log(&cluster)).expect("is there"), whole);
    }
    // It still knows what it accepted: peer4 has never voted, peer1 and peer3 are away.
    cluster.start(2, "");
    cluster.start(4, "");
    cluster.start(5, "-v Y --wait 0");
    assert_eq!(cluster.choice([2, 4, 5]), "X");
}

#[test]
fn a_vote_that_was_answered_is_on_the_disk() {
    let cluster = decided();
    for id in [2, 3] {
        let text = fs::read_to_string(cluster.scratch.path(format!("peer{id}/log"))).expect("log");
        let vote = r#"{"min_proposal":1,"accepted":{"number":1,"value":"X"}}"#;
        assert!(text.contains(vote), "{text}");
    }
    let text = fs::read_to_string(cluster.scratch.path("peer1/log")).expect("log");
    assert!(text.contains(r#"{"last_number":1}"#), "{text}");
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

    /// Uses up all room: the log's last page is filled with a batch of no records, the rest with
    /// another file. Only `left` bytes of the log's last page stay free.
    fn fill(&self, left: u64) {
        let log = self.path().join("data/log");
        let length = fs::metadata(&log).expect("a log").size();
        let text =
            format!("[{}]", " ".repeat(usize::try_from(4096 - length - 29 - left).expect("fits")));
        let sum = synod::fnv::fnv1a(text.as_bytes());
        let line = format!("{:08x} {sum:016x} {text}\n", text.len());
        let whole = [fs::read(&log).expect("a log"), line.into_bytes()].concat();
        assert_eq!(whole.len() as u64, 4096 - left);
        fs::write(&log, whole).expect("fits in its page");
        assert!(fs::write(self.path().join("filler"), vec![1; 65_536]).is_err(), "must not fit");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// A log that knows its owner, on a disk without room.
fn on_full_disk(cluster: &Cluster, disk: &Path, id: u16, words: &str) -> Command {
    cluster.command(id, &format!("{words} --data {}", disk.join("data").display()))
}

#[test]
fn a_peer_whose_disk_is_full_ends_with_one_line_and_the_others_decide() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    let first = Program::start(on_full_disk(&cluster, &disk.path(), 2, ""));
    first.says("listens on port");
    drop(first);
    disk.fill(20);
    cluster.adopt(2, Program::start(on_full_disk(&cluster, &disk.path(), 2, "")));
    for id in [1, 3, 4, 5] {
        cluster.run(id, ["-v X", "", "", "", "-v Y -t 0.3"][usize::from(id) - 1]);
    }
    assert_eq!(cluster.choice([1, 3, 4, 5]), "X");
    let end = cluster.peer(2).end();
    assert_eq!(end.code, Some(2), "{end:#?}");
    let last = end.err.last().expect("it says why");
    let want = format!("synod: writing {}: No space left", disk.path().join("data/log").display());
    assert!(last.starts_with(&want), "{end:#?}");
    let sent = end.out.iter().filter(|line| Line::of(line).action == "sent").count();
    assert_eq!(sent, 0, "nothing may leave that is not durable: {end:#?}");
    // With room again, what was written of the line is a torn tail.
    fs::remove_file(disk.path().join("filler")).expect("was there");
    cluster.adopt(2, Program::start(on_full_disk(&cluster, &disk.path(), 2, "")));
    cluster.peer(2).says("cut off 20 bytes");
    assert_eq!(cluster.choice([2]), "X");
}

#[test]
fn a_proposer_whose_disk_is_full_ends_with_one_line() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    let first = Program::start(on_full_disk(&cluster, &disk.path(), 5, "-v Y"));
    first.says("listens on port");
    drop(first);
    disk.fill(20);
    for id in [1, 2, 3, 4] {
        cluster.run(id, if id == 1 { "-v X" } else { "" });
    }
    cluster.choice([1, 2, 3, 4]);
    let mut program = Program::start(on_full_disk(&cluster, &disk.path(), 5, "-v Y"));
    let end = program.end();
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
    let last = end.err.last().expect("it says why");
    assert!(last.starts_with("synod: writing ") && last.contains("No space left"), "{end:#?}");
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
