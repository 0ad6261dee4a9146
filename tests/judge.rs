//! `synod judge` as a script meets it: a log on standard input, an exit code.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

const HOSTS: &str = "peer1:proposer1\npeer2:acceptor1\n";

fn chose(name: &str, peer: u16, value: &str) -> String {
    format!(
        "{name} | {{\"peer_id\":{peer},\"action\":\"chose\",\"message_type\":\"chose\",\
         \"message_value\":\"{value}\",\"proposal_num\":1}}\n"
    )
}

/// The exit code and standard output of a judge who expects X and hears this.
fn judge(log: &str, flags: &[&str]) -> (Option<i32>, String) {
    judge_of(HOSTS, log, flags)
}

fn judge_of(hostsfile: &str, log: &str, flags: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.txt");
    File::create(&hosts).unwrap().write_all(hostsfile.as_bytes()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .arg("judge")
        .arg("-h")
        .arg(&hosts)
        .args(["--expect", "X"])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // One that refuses does not read it.
    let _ = child.stdin.take().unwrap().write_all(log.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_good_log_passes_and_is_passed_on() {
    let log = chose("peer1_1 ", 1, "X") + &chose("\x1b[36mpeer2-1 ", 2, "X");
    let (code, out) = judge(&log, &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with(&log), "{out}");
    assert!(out.ends_with("passed: 2 peers take part, and all know the same value\n"), "{out}");
}

#[test]
fn a_wrong_value_or_too_few_choices_fail() {
    for second in [chose("peer2", 2, "W"), String::new()] {
        let (code, out) = judge(&(chose("peer1", 1, "X") + &second), &[]);
        assert_eq!(code, Some(1), "{out}");
        assert!(out.contains("\nFAILED: "), "{out}");
    }
}

#[test]
fn a_run_in_which_nobody_proposes_is_not_passed() {
    let (code, out) = judge_of("peer1:acceptor1\npeer2:acceptor1\n", "", &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
}

#[test]
fn flags_and_words_that_are_not_understood_are_an_error() {
    for flags in [
        ["--expect", "XY"],
        ["-v", "X"],
        ["-t", "1"],
        ["--data", "x"],
        ["--trace", "x"],
        ["--draw", "x.svg"],
    ] {
        assert_eq!(judge("", &flags), (Some(2), String::new()), "{flags:?}");
    }
    assert_eq!(judge("==> peer2 vanished\n", &[]).0, Some(2));
}

#[test]
fn a_line_that_is_quoted_cannot_steer_the_terminal() {
    let (code, out) = judge("peer1 | \x1b[2Ja \u{202e}b\n", &[]);
    assert_eq!(code, Some(1), "{out:?}");
    let want = "FAILED: peer1 printed a line of another form: \\u{1b}[2Ja \\u{202e}b\n";
    assert!(out.contains(want), "{out:?}");
}
