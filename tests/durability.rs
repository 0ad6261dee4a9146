//! What reaches the real disk and the real socket, asserted from outside: peers under `strace`.
//!
//! The other tests of durability stand where the file system stands, and would not notice if the
//! real one were never asked to flush. Here the kernel's side is watched: no answer is written to a
//! socket before the flush of its record has returned, and no name is trusted before its directory
//! was flushed. `strace` also spoils every single flush in turn: the peer is killed as it begins,
//! or it fails, and the next incarnation must not take for durable what it finds.

mod common;
mod strace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Cluster, Program, at_once, until};
use strace::power::Machine;

/// A group in which some peers are traced.
struct Traced {
    cluster: Cluster,
    /// All data directories are in it.
    root: PathBuf,
    machines: BTreeMap<u16, Machine>,
}

impl Traced {
    fn new(cluster: Cluster, ids: &[u16]) -> Self {
        let root = cluster.scratch.path("data");
        fs::create_dir(&root).expect("a new directory");
        // As the kernel names it.
        let root = fs::canonicalize(root).expect("it is there");
        let machines = ids.iter().map(|id| (*id, Machine::new(&root))).collect();
        Self { cluster, root, machines }
    }

    fn file(&self, id: u16) -> PathBuf {
        self.cluster.scratch.path(format!("peer{id}.strace"))
    }

    /// Starts a traced peer with its data in this directory and does not wait.
    fn run(&mut self, id: u16, words: &str, data: &str, inject: Option<&str>) {
        let mut command = self.cluster.command(id, words);
        command.arg("--data").arg(self.root.join(data));
        let traced = strace::traced(&command, &self.file(id), inject);
        self.cluster.adopt(id, Program::start(traced));
    }

    /// `kill -9`, or the end that it has found already; then what this incarnation did is judged.
    fn end(&mut self, id: u16) -> Option<i32> {
        let program = self.cluster.peer(id);
        program.kill();
        let code = program.end().code;
        let events = strace::read(&self.file(id));
        let machine = self.machines.get_mut(&id).expect("it is traced");
        machine.run(&events);
        assert!(machine.violations.is_empty(), "peer{id}: {:#?}", machine.violations);
        code
    }

    /// That this peer has said all of these in its incarnations: nothing is proved by silence.
    fn assert_said(&self, id: u16, kinds: &[&str]) {
        let said = &self.machines[&id].said;
        assert!(kinds.iter().all(|kind| said.contains_key(*kind)), "peer{id} said only {said:?}");
    }
}

/// Two proposers who meet, three acceptors, two incarnations.
#[test]
fn no_answer_leaves_before_its_record_and_its_names_are_durable() {
    if !strace::is_possible() {
        return;
    }
    let all = [1, 2, 3, 4, 5];
    let mut traced = Traced::new(Cluster::of_file("hostsfile-testcase2.txt"), &all);
    for _ in 0..2 {
        for id in all {
            let words = ["-v X", "", "", "", "-v Y"][usize::from(id) - 1];
            traced.run(id, words, &format!("peer{id}"), None);
        }
        traced.cluster.choice(all);
        for id in all {
            traced.end(id);
        }
    }
    for id in [1, 5] {
        traced.assert_said(id, &["prepare", "accept"]);
    }
    for id in [2, 3, 4] {
        traced.assert_said(id, &["prepare_ack", "accept_ack"]);
    }
}

#[test]
fn every_new_directory_above_the_data_is_made_durable_too() {
    if !strace::is_possible() {
        return;
    }
    let mut traced = Traced::new(Cluster::new(&["proposer1", "acceptor1"]), &[1, 2]);
    for id in [1, 2] {
        traced.run(id, if id == 1 { "-v X" } else { "" }, &format!("a{id}/b/c/d"), None);
    }
    traced.cluster.choice([1, 2]);
    for id in [1, 2] {
        traced.end(id);
    }
    traced.assert_said(1, &["prepare", "accept"]);
    traced.assert_said(2, &["prepare_ack", "accept_ack"]);
}

/// One group of two, in which this flush of this peer is spoiled; then the peer is started again.
/// True if it came as far as that flush.
fn spoiled(id: u16, call: &str, how: &str, flush: usize) -> bool {
    let mut traced = Traced::new(Cluster::new(&["proposer1", "acceptor1"]), &[id]);
    let words = |id: u16| if id == 1 { "-v X" } else { "" };
    let other = 3 - id;
    traced.cluster.run(other, words(other));
    let inject = format!("{call}:{how}:when={flush}");
    traced.run(id, words(id), "data", Some(&inject));
    let chose = |peer: &Program| peer.out().iter().any(|line| line.contains("\"chose\""));
    let met = until("a choice or an end", || {
        let peer = traced.cluster.peer(id);
        if peer.is_running() { chose(peer).then_some(false) } else { Some(true) }
    });
    let code = traced.end(id);
    if met {
        // A failed flush is a peer's end, and it says so.
        assert!(!how.starts_with("error") || code == Some(2), "{inject}: {code:?}");
        traced.run(id, words(id), "data", None);
        assert_eq!(traced.cluster.choice([1, 2]), "X", "peer{id}, {inject}");
        traced.end(id);
        let kinds = [["prepare", "accept"], ["prepare_ack", "accept_ack"]];
        traced.assert_said(id, &kinds[usize::from(id) - 1]);
    }
    met
}

/// Spoils the first flush of an incarnation, then the second, until there is none left to spoil.
/// `strace` counts the calls of each thread and of each name for itself.
fn spoil_each(how: &str) {
    if !strace::is_possible() {
        return;
    }
    at_once(2, 4, |at| {
        let (id, call) = ([1, 2][at % 2], ["fsync", "fdatasync"][at / 2]);
        let met = (1..100).take_while(|flush| spoiled(id, call, how, *flush)).count();
        assert!((1..99).contains(&met), "{met} calls of {call} by peer{id} were met");
    });
}

#[test]
fn an_incarnation_that_is_killed_at_any_flush_leaves_nothing_that_the_next_takes_for_durable() {
    spoil_each("signal=KILL");
}

#[test]
fn what_a_failed_flush_was_to_write_is_written_again_elsewhere() {
    spoil_each("error=EIO");
}

/// The model can fail: each of these incarnations breaks one rule of it.
#[test]
fn an_incarnation_that_breaks_a_rule_is_seen() {
    const NEW: &str = "1 openat(AT_FDCWD</>, \"/r/d/log.new\", O_WRONLY|O_CREAT, 0666) = 3</r/x>\n\
        1 write(3</r/d/log.new>, \"an owner\", 8) = 8\n\
        1 fsync(3</r/d/log.new>) = 0\n\
        1 rename(\"/r/d/log.new\", \"/r/d/log\") = 0\n\
        1 fsync(4</r/d>) = 0\n";
    const WRITE: &str = "1 write(3</r/d/log>, \"[{\\\"acceptor\\\":{\\\"min_proposal\\\":7,\
        \\\"accepted\\\":null}}]\", 50) = 50\n";
    const FLUSH: &str = "1 fdatasync(3</r/d/log>) = 0\n";
    const SAY: &str = "1 sendto(5<socket:[9]>, \"{\\\"message\\\":{\\\"prepare_ack\\\":{\
        \\\"answers\\\":7,\\\"min_proposal\\\":7,\\\"accepted\\\":null}}}\\n\", 70) = 70\n";
    let judged = |incarnations: &[&[&str]]| {
        let mut machine = Machine::new(Path::new("/r/d"));
        for incarnation in incarnations {
            machine.run(&strace::parse(&incarnation.concat()));
        }
        assert!(machine.said.contains_key("prepare_ack"), "it was heard");
        machine.violations
    };
    assert_eq!(judged(&[&[NEW, WRITE, FLUSH, SAY]]), [""; 0]);
    assert_eq!(judged(&[&[NEW, WRITE, FLUSH], &[SAY]]), [""; 0]);
    let no_names = NEW.replace("1 fsync(4</r/d>) = 0\n", "");
    let no_content = NEW.replace("1 fsync(3</r/d/log.new>) = 0\n", "");
    let begun = "2 fdatasync(3</r/d/log> <unfinished ...>\n";
    let failed = FLUSH.replace("= 0", "= -1 EIO (Input/output error)");
    let other = SAY.replace("7,", "8,");
    let elsewhere = FLUSH.replace("log", "other");
    let incarnations: &[&[&[&str]]] = &[
        &[&[NEW, WRITE, SAY]],
        &[&[NEW, WRITE, SAY, FLUSH]],
        &[&[NEW, FLUSH, WRITE, SAY]],
        &[&[NEW, WRITE, begun, SAY, "2 <... fdatasync resumed>) = 0\n"]],
        &[&[NEW, begun, WRITE, "2 <... fdatasync resumed>) = 0\n", SAY]],
        &[&[NEW, WRITE, FLUSH, &other]],
        &[&[NEW, WRITE, &elsewhere, SAY]],
        &[&[&no_names, WRITE, FLUSH, SAY]],
        &[&[&no_content, WRITE, FLUSH, SAY]],
        &[&[NEW, WRITE], &[SAY]],
        &[&[NEW, WRITE, &failed], &[FLUSH, SAY]],
        &[&["1 mkdir(\"/r/d/e/f\", 0777) = 0\n", NEW, WRITE, FLUSH, SAY]],
    ];
    for incarnation in incarnations {
        assert_eq!(judged(incarnation).len().min(1), 1, "{incarnation:#?}");
    }
}
