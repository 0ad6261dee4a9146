//! Verdicts on `ready` and `member`: what failed is exit code 1, and says why. And no run
//! leaves a peer behind, whichever way it is ended.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{Program, Scratch, children_of, is_alive, signal, synod, until};

/// The exit code and the last line of a judge who hears this about two peers.
fn judge(words: &str, log: &str) -> (Option<i32>, String) {
    let scratch = Scratch::new();
    let hosts = scratch.file("hosts", "peer1\npeer2\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .arg("judge")
        .args(words.split_whitespace())
        .arg("-h")
        .arg(hosts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // One that has heard enough does not read the rest.
    let _ = child.stdin.take().expect("is piped").write_all(log.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code(), out.lines().last().unwrap_or_default().to_owned())
}

const ONE_READY: &str = "peer1 | READY\n";
const BOTH_READY: &str = "peer1 | READY\npeer2 | READY\n";
const ALONE: &str = "peer1 | {peer_id: 1, view_id: 0, leader: 1, memb_list: [1]}\n";
const TOGETHER: &str = "peer1 | {peer_id: 1, view_id: 0, leader: 1, memb_list: [1]}\n\
    peer1 | {peer_id: 1, view_id: 1, leader: 1, memb_list: [1,2]}\n\
    peer2 | {peer_id: 2, view_id: 1, leader: 1, memb_list: [1,2]}\n";

#[test]
fn a_judge_of_ready_or_member_says_by_its_exit_code_what_it_found() {
    let panics = |log: &str| format!("peer2 | thread 'main' panicked\n{log}");
    let exits = |log: &str| format!("{log}peer2 exited with code 2\n");
    let unknown = |log: &str| format!("peer3 | READY\n{log}");
    let said = |line: &str| format!("peer1 | {line}\n{BOTH_READY}");
    let twice = TOGETHER.to_owned() + "peer2 | {peer_id: 2, view_id: 1, leader: 1, memb_list: [2]}";
    for (words, log, passed) in [
        ("ready", BOTH_READY.to_owned(), true),
        ("ready", ONE_READY.into(), false),
        ("ready", String::new(), false),
        ("ready", panics(BOTH_READY), false),
        ("ready", exits(BOTH_READY), false),
        ("ready", unknown(BOTH_READY), false),
        ("ready", ONE_READY.to_owned() + BOTH_READY, false),
        ("ready", format!("==> peer1 started\n{BOTH_READY}"), false),
        ("ready", format!("==> peer1 started\n==> peer2 started\n{BOTH_READY}"), true),
        ("ready", format!("==> broken off: no time\n{BOTH_READY}"), false),
        ("ready", said("peer1: dropped a datagram"), true),
        ("ready", said("12:00:00.000001 peer1 sent ALIVE? to peer2"), true),
        ("ready", said("12:00:00.000001 peer2 sent ALIVE? to peer1"), false),
        ("member", TOGETHER.to_owned(), true),
        ("member", ALONE.into(), false),
        ("member", String::new(), false),
        ("member", panics(TOGETHER), false),
        ("member", exits(TOGETHER), false),
        ("member", twice, false),
        ("member -c 2", TOGETHER.into(), false),
    ] {
        let (code, last) = judge(words, &log);
        assert_eq!(code, Some(i32::from(!passed)), "{words}: {last}, of\n{log}");
        let head = if passed { "passed: " } else { "FAILED: " };
        assert!(last.starts_with(head), "{words}: {last}, of\n{log}");
    }
}

/// The log goes on: only a judge that gives up ends.
#[test]
fn a_judge_that_has_found_a_violation_does_not_wait_for_the_rest() {
    for (words, line) in [
        ("ready", "==> peer1 started\npeer1 | READY\n"),
        ("member", "peer1 | {peer_id: 1, view_id: 0, leader: 2, memb_list: [1]}\n"),
        ("", "==> broken off: no time\n"),
    ] {
        let mut command = synod(&format!("judge {words} -h hostsfiles/hostsfile-testcase2.txt"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let mut log = child.stdin.take().expect("is piped");
        log.write_all(line.as_bytes()).expect("it reads");
        let ended = until("its end", || child.try_wait().expect("our child"));
        assert_eq!(ended.code(), Some(1), "{words}");
        drop(log);
    }
}

#[test]
fn a_local_run_that_does_not_reach_its_goal_is_exit_code_1() {
    for words in ["ready -d 0,0,0,0,60 --timeout 1", "member -d 0,0,0,0,60 --timeout 1"] {
        let end = Program::start(synod(&format!("local {words}"))).end();
        assert_eq!(end.code, Some(1), "{words}: {end:#?}");
        assert!(end.out.iter().any(|line| line.contains("not reached within 1 s")), "{end:#?}");
        assert!(end.out.last().is_some_and(|line| line.starts_with("FAILED: ")), "{end:#?}");
        let row = end.out.iter().find(|line| line.starts_with("peer5 "));
        assert_eq!(row.is_some_and(|row| row.ends_with(" -")), words.starts_with("ready"));
    }
}

/// The last peer is never started or never comes up, so the others wait for longer than this test.
#[test]
fn no_peer_of_ready_or_member_outlives_a_run_that_is_killed() {
    for (words, count) in [("ready -d 0,0,0,0,600", 4), ("member -d 0,0,0,0,600", 5)] {
        let mut run = Program::start(synod(&format!("local {words} --timeout 600")));
        let children = until("the peers", || {
            let children = children_of(run.pid());
            (children.len() == count).then_some(children)
        });
        signal("KILL", run.pid());
        run.end();
        for child in children {
            until("the end of a child", || (!is_alive(child)).then_some(()));
        }
    }
}
