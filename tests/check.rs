//! `synod check` as a command: exit codes, inputs, and its two reports.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use runs::{Doctored, clean, compose, doctored};

const HOSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hostsfiles/hostsfile-testcase2.txt");

/// Runs the command with this on its standard input.
fn check(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .arg("check")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its flags reads nothing; then the pipe is closed.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn the_exit_code_tells_clean_violated_and_unreadable_apart() {
    let log = compose(&clean());
    assert_eq!(code(&check(&[], &log)), Some(0));
    assert_eq!(code(&check(&["-", "--expect", "X"], &log)), Some(0));
    let unlike = check(&["--expect", "Y"], &log);
    assert_eq!(code(&unlike), Some(1));
    let text = String::from_utf8_lossy(&unlike.stdout).into_owned();
    assert!(text.lines().last().unwrap().contains("X is chosen, not as expected; "), "{text}");
    assert_eq!(code(&check(&[], &log.replace(':', ": "))), Some(0));
    assert_eq!(code(&check(&["--strict"], &log.replace(':', ": "))), Some(1));
    for Doctored { rule, text, printed_too } in doctored() {
        let output = check(&["--strict", "--hosts", HOSTS], &compose(&text));
        assert!(code(&output) == Some(1) || !printed_too, "{rule}");
    }
    for (args, input) in [
        (&[][..], ""),
        (&[], "no line of a run\n"),
        (&["no-such-file"], &log),
        (&["--hosts", "no-such-file"], &log),
        (&["--no-such-flag"], &log),
    ] {
        assert_eq!(code(&check(args, input)), Some(2), "{args:?}");
    }
}

#[test]
fn services_called_by_words_are_no_fault_for_strict() {
    const WORDS: [&str; 5] = ["one", "Two", "three-1", "four_1", "\u{1b}[36mfive"];
    let renamed = |log: &str| -> String {
        let line = |line: &str| {
            let (name, rest) = line.split_once('|').unwrap();
            let peer: usize = name.trim().trim_start_matches("peer").parse().unwrap();
            format!("{:<9} |{rest}\n", WORDS[peer - 1])
        };
        log.lines().map(line).collect()
    };
    let log = renamed(&compose(&clean()));
    let output = check(&["--strict"], &log);
    assert_eq!(code(&output), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let broken = log.replacen(" |", " | said", 1);
    assert_eq!(code(&check(&["--strict"], &broken)), Some(1));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/views/case2.log");
    let log = renamed(&std::fs::read_to_string(file).unwrap());
    let output = check(&["--membership", "--strict"], &log);
    assert_eq!(code(&output), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_violation_is_shown_by_its_lines() {
    let log = compose(&clean()).replacen(
        "\"peer_id\":4,\"action\":\"chose\",\"message_type\":\"chose\",\"message_value\":\"X\"",
        "\"peer_id\":4,\"action\":\"chose\",\"message_type\":\"chose\",\"message_value\":\"Y\"",
        1,
    );
    let output = check(&["--hosts", HOSTS], &log);
    let words = String::from_utf8(output.stdout).unwrap();
    let line = log.lines().position(|line| line.contains("\"Y\"") && line.contains("chose"));
    let shown = format!("(standard input):{}: peer4  | {{", line.unwrap() + 1);
    assert!(words.contains("VIOLATED: one-value: two values are chosen") && words.contains(&shown));

    let output = check(&["--hosts", HOSTS, "--json"], &log);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&output), Some(1));
    assert_eq!(json["verdict"], "violated");
    assert_eq!(json["chosen"], serde_json::json!(["X", "Y"]));
    let finding = &json["findings"][0];
    assert_eq!((&finding["rule"], &finding["certainty"]), (&"one-value".into(), &"certain".into()));
    assert_eq!(finding["lines"][1]["line"], line.unwrap() + 1);
}

/// Two acceptors, one of which is enough for the faulty proposers: with the roles inferred from the
/// lines that may be right, with those of the hostsfile it is not.
#[test]
fn what_some_readings_allow_is_called_suspicious_and_fails_only_if_strict() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("run.jsonl");
    let mut sim = Command::new(env!("CARGO_BIN_EXE_synod"));
    sim.args(["sim", "--mutant", "half-is-a-quorum", "--trace"]).arg(&journal).output().unwrap();
    let log = std::fs::read_to_string(&journal).unwrap();
    for (args, exit, verdict) in [(&[][..], 0, "suspicious: "), (&["--strict"], 1, "VIOLATED: ")] {
        let output = check(args, &log);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.lines().last().unwrap().starts_with(verdict), "{text}");
        assert_eq!(code(&output), Some(exit));
    }
}

#[test]
fn several_objects_on_one_line_are_all_read() {
    let log = compose(&clean());
    // Every second line end is gone: the next object stands behind, with or without its name.
    let mut joined = String::new();
    let mut previous = None;
    for line in log.lines() {
        let (name, json) = line.split_once(" | ").unwrap();
        let (name, json) = (name.trim(), json.trim());
        if previous == Some(name) {
            joined.push_str(json);
        } else {
            joined.extend(["\n", name, " | ", json]);
        }
        previous = Some(name);
    }
    let joined = joined.trim_start();
    assert!(joined.lines().count() < log.lines().count());
    let output = check(&["--hosts", HOSTS], joined);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("clean: X is chosen"), "{words}");
    let (events, lines) = (log.lines().count(), joined.lines().count());
    assert!(words.contains(&format!("{events} events in {lines} lines")), "{words}");
}

#[test]
fn empty_input_is_one_line_and_a_stranger_who_proposes_is_noted() {
    let output = check(&[], "");
    assert_eq!((code(&output), output.stdout.len()), (Some(2), 0));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
    let log = compose(&clean().replace("5: 5 sent prepare", "3: 3 sent prepare"));
    let words = String::from_utf8(check(&["--hosts", HOSTS], &log).stdout).unwrap();
    assert!(words.contains("note: roles: peer3 proposes, but is not a proposer"), "{words}");
}

#[test]
fn what_a_log_brings_in_is_shown_and_steers_nothing() {
    let nasty = "\u{202e}\u{2066}\u{200b}\u{61c}\u{2028}\u{9b}2J\u{7f}";
    let value = format!("\"{nasty}\"");
    let log = compose(&clean()).replace("\"X\"", &value).replacen("\"Y\"", &value, 1);
    let log = format!("{log}peer1 | {nasty}\npeer2 | {{\"{nasty}\":\"{nasty}\"}}\n");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("log{nasty}"));
    std::fs::write(&path, &log).unwrap();
    let path = path.to_str().unwrap();
    for args in [&["--strict", path][..], &["--strict", "--json", path], &["--strict", "-"]] {
        let output = check(args, &log);
        let words = String::from_utf8(output.stdout).unwrap();
        let unseen = |c: char| nasty.contains(c) && !c.is_ascii_graphic() && c != '\n';
        assert!(!words.contains(unseen), "{args:?}: {words:?}");
        assert!(words.contains("\\u202e") || words.contains("\\u{202e}"), "{args:?}: {words}");
        if args.contains(&"--json") {
            let json: serde_json::Value = serde_json::from_str(&words).unwrap();
            assert_eq!(json["chosen"][0], nasty, "escapes change no content");
        }
    }
}
