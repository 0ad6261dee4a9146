//! `synod check --membership` as a command: every rule is seen to fail on a run that was doctored,
//! and to hold on real ones.
//!
//! `tests/views/caseN.log` are the lab's four cases as `synod local member` printed them.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Program, Scratch, synod};
use proptest::prelude::*;
use serde_json::Value;

fn path(case: usize) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/views/case{case}.log"))
}

fn case(number: usize) -> String {
    fs::read_to_string(path(number)).expect("a file of the project")
}

/// Lines as a text.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Runs the command with this on its standard input: its exit code, and its report for tools.
fn check(words: &str, input: &str) -> (Option<i32>, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(["check", "--membership", "--json"])
        .args(words.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("is piped");
    let text = input.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it writes");
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), json)
}

/// The rules with this count above zero.
fn rules(report: &Value, count: &str) -> Vec<String> {
    let rules = report["rules"].as_array().cloned().unwrap_or_default();
    let has = |rule: &&Value| rule[count].as_u64() > Some(0);
    let name = |rule: &Value| rule["name"].as_str().unwrap_or_default().to_owned();
    let safety = |rule: &&Value| rule["level"] == "safety";
    rules.iter().filter(has).filter(safety).map(name).collect()
}

/// A line of a view, with the name of its peer in front.
fn view(peer: u16, id: u64, list: &[u16]) -> String {
    let members: Vec<String> = list.iter().map(u16::to_string).collect();
    let (leader, members) = (list[0], members.join(","));
    let head = format!("peer{peer} | {{peer_id: {peer}, view_id: {id}, leader: {leader}");
    format!("{head}, memb_list: [{members}]}}\n")
}

fn says(peer: u16, id: u64, leader: u16, text: &str) -> String {
    format!(
        "peer{peer} | {{peer_id: {peer}, view_id: {id}, leader: {leader}, message:\"{text}\"}}\n"
    )
}

/// A view that all of these install.
fn all(id: u64, list: &[u16]) -> String {
    list.iter().map(|peer| view(*peer, id, list)).collect()
}

/// Three peers, of whom the third is killed and comes back.
fn comeback() -> String {
    [
        view(1, 0, &[1]),
        all(1, &[1, 2]),
        all(2, &[1, 2, 3]),
        says(1, 2, 1, "peer 3 unreachable"),
        says(2, 2, 1, "peer 3 unreachable"),
        all(3, &[1, 2]),
        all(4, &[1, 2, 3]),
    ]
    .concat()
}

#[test]
fn the_four_cases_are_clean_in_every_arrangement() {
    for (number, expect) in [(1, "1,2,3,4,5"), (2, "1,2,3,4"), (3, "1"), (4, "2,3,4")] {
        let log = case(number);
        for words in ["--strict", &format!("--expect {expect}")] {
            let (code, report) = check(words, &log);
            assert_eq!(code, Some(0), "{number} {words}: {report:#}");
            assert_eq!(rules(&report, "undecided"), [""; 0], "{number}");
        }
        // A file for each peer, without names in front, the last one first.
        let scratch = Scratch::new();
        let mut files = String::new();
        for peer in (1..=5).rev() {
            let name = format!("peer{peer} | ");
            let own = log.lines().filter_map(|line| line.strip_prefix(&name));
            let text = joined(own);
            files = format!("{files} {}", scratch.file(&format!("p{peer}.log"), text).display());
        }
        let (code, report) = check(&format!("--strict --expect {expect}{files}"), "");
        assert_eq!(code, Some(0), "{number}: {report:#}");
        assert_eq!(rules(&report, "undecided"), [""; 0], "{number}");
        // As `docker compose logs -t` shows it.
        let stamped = log.replace("| {", "| 2024-05-01T12:00:00.123456789Z {");
        assert_eq!(check("--strict", &stamped).0, Some(0));
    }
    let (_, report) = check("", &case(4));
    assert!(report["inferred"][0].as_str().is_some_and(|text| text.contains("on request")));
    assert_eq!(check("--on-request 5 --strict", &case(4)).1["inferred"], serde_json::json!([]));
}

#[test]
fn who_comes_back_by_joining_is_fine() {
    let (code, report) = check("--strict --expect 1,2,3 --on-request none", &comeback());
    assert_eq!(code, Some(0), "{report:#}");
    let again = comeback().replace(
        &says(1, 2, 1, "peer 3 unreachable"),
        &[says(3, 2, 1, "crashing"), says(1, 2, 1, "peer 3 unreachable")].concat(),
    );
    let (code, report) = check("--strict --expect 1,2,3", &again);
    assert_eq!(code, Some(0), "started again after its crash: {report:#}");
    // The third one was away when the second one went.
    let away = [
        all(2, &[1, 2, 3]),
        says(1, 2, 1, "peer 3 unreachable"),
        says(2, 2, 1, "peer 3 unreachable"),
        all(3, &[1, 2]),
        says(1, 3, 1, "peer 2 unreachable"),
        view(1, 4, &[1]),
        all(5, &[1, 3]),
    ];
    let (code, report) = check("--strict --expect 1,3", &away.concat());
    assert_eq!(code, Some(0), "{report:#}");
}

/// A doctored run, the flags, and the one rule that it breaks.
fn doctored() -> Vec<(String, &'static str, &'static str)> {
    let (two, four) = (case(2), case(4));
    let without = |log: &str, text: &str| joined(log.lines().filter(|line| !line.contains(text)));
    let more = |log: &str, line: &str| format!("{log}{line}");
    vec![
        (more(&two, &view(2, 4, &[1, 2, 3, 4, 5])), "", "ids-grow"),
        (more(&two, &view(2, 0, &[2])), "", "ids-grow"),
        (
            two.replace("view_id: 5, leader: 1, memb_list: [1,2,3,4]}", "X")
                .replace(
                    "{peer_id: 2, X",
                    "{peer_id: 2, view_id: 5, leader: 1, memb_list: [1,2,4]}",
                )
                .replace('X', "view_id: 5, leader: 1, memb_list: [1,2,3,4]}"),
            "",
            "one-list",
        ),
        (two.replace("view_id: 5, leader: 1", "view_id: 5, leader: 2"), "", "lowest-leads"),
        // After the take-over the dead leader is still in the list, and leads no more.
        (
            case(4).replace("view_id: 5, leader: 2", "view_id: 5, leader: 1"),
            "--on-request 5",
            "lowest-leads",
        ),
        (
            case(4).replace("view_id: 5, leader: 2", "view_id: 5, leader: 3"),
            "--on-request 5",
            "lowest-leads",
        ),
        (two.replace("\"peer 5 unreachable", "\"peer 5 (leader) unreachable"), "", "lowest-leads"),
        (two.replace("{peer_id: 4, view_id: 3,", "{peer_id: 5, view_id: 3,"), "", "self-in-view"),
        // One of four says nothing.
        (without(&two, "{peer_id: 3, view_id: 4, leader: 1, mess"), "", "unreachable-first"),
        // Nobody does, of one who has crashed, or of whom it is known that it was not asked out.
        (without(&two, "unreachable"), "", "unreachable-first"),
        (without(&four, "unreachable"), "", "unreachable-first"),
        (four.clone(), "--on-request none", "unreachable-first"),
        (four.clone(), "--on-request 4", "unreachable-first"),
        (
            more(&without(&two, "crashing"), &view(5, 9, &[5])),
            "--on-request none",
            "removed-is-out",
        ),
        (more(&two, &view(5, 9, &[1, 2, 5])) + &all(10, &[1, 2, 3, 4]), "", { "removed-is-out" }),
        (more(&two, &says(5, 4, 1, "peer 1 (leader) unreachable")), "", "crash-ends"),
        (
            without(&without(&two, "peer 5 unreachable"), "view_id: 5") + &all(6, &[1, 2, 3, 4, 5]),
            "",
            "crash-ends",
        ),
        (two.clone(), "--expect 1,2,3", "expected-members"),
        (two.clone(), "--expect 1,2,3,4,5", "expected-members"),
        (two.clone(), "--expect 1,2,3,4,6", "expected-members"),
        (case(3), "--expect 1,2", "expected-members"),
        (without(&two, "{peer_id: 4, view_id: 5"), "--expect 1,2,3,4", "expected-members"),
        (without(&two, "{peer_id: 3, view_id: 2"), "--strict", "every-view"),
    ]
}

/// A member that is started again with its records says once more which view it is in.
#[test]
fn a_view_that_is_said_again_is_no_proof_of_anything() {
    let log = case(2) + &view(2, 5, &[1, 2, 3, 4]);
    let (code, report) = check("--strict", &log);
    assert_eq!((code, rules(&report, "broken")), (Some(0), vec![]), "{report:#}");
    assert_eq!(rules(&report, "undecided"), ["ids-grow"], "{report:#}");
}

#[test]
fn every_rule_is_seen_to_fail() {
    for (log, words, rule) in doctored() {
        let (code, report) = check(words, &log);
        assert_eq!(code, Some(1), "{rule} {words}: {report:#}\n{log}");
        let (broken, undecided) = (rules(&report, "broken"), rules(&report, "undecided"));
        if words == "--strict" {
            assert_eq!((broken, undecided), (vec![], vec![rule.to_owned()]), "{report:#}");
        } else {
            assert!(broken.contains(&rule.to_owned()), "{rule} {words}: {report:#}\n{log}");
        }
    }
    let all = ["ids-grow", "one-list", "lowest-leads", "self-in-view", "unreachable-first"];
    let more = ["removed-is-out", "crash-ends", "every-view", "expected-members"];
    for rule in all.iter().chain(&more) {
        assert!(doctored().iter().any(|(_, _, broken)| broken == rule), "{rule}");
    }
}

#[test]
fn what_a_log_cannot_decide_is_neither_broken_nor_kept() {
    let without = |log: String, text: &str| joined(log.lines().filter(|line| !line.contains(text)));
    let silent = without(without(case(2), "unreachable"), "crashing");
    for (log, rule) in [
        // A higher view may have overtaken it; its log may have ended; it may be in another file.
        (without(case(1), "{peer_id: 3, view_id: 2"), "every-view"),
        (without(case(1), "{peer_id: 3, view_id: 3"), "every-view"),
        (without(case(1), "{peer_id: 3, view_id: 4"), "last-view"),
        (without(case(1), "{peer_id: 5"), "last-view"),
        (silent, "unreachable-first"),
        // Nobody else is left, so the first one may found anew.
        (comeback() + &view(3, 9, &[3]), "unreachable-first"),
        (view(1, 0, &[1]) + &says(1, 0, 1, "crashing") + &view(1, 1, &[1]), "crash-ends"),
    ] {
        let (code, report) = check("", &log);
        assert_eq!((code, rules(&report, "broken")), (Some(0), vec![]), "{rule}: {report:#}");
        assert!(rules(&report, "undecided").contains(&rule.to_owned()), "{rule}: {report:#}");
    }
    // Whoever was called unreachable in a view need not have installed it.
    let killed = all(2, &[1, 2, 3])
        + &[1, 2, 4].map(|peer| view(peer, 3, &[1, 2, 3, 4])).concat()
        + &says(1, 3, 1, "peer 3 unreachable");
    assert_eq!(rules(&check("--strict", &killed).1, "undecided"), [""; 0]);
    // The order in which the lines of two peers were collected proves nothing.
    let mut lines: Vec<String> = case(4).lines().map(|line| format!("{line}\n")).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line[..5].to_owned()));
    let (code, report) = check("--strict --expect 2,3,4", &lines.concat());
    assert_eq!((code, rules(&report, "undecided")), (Some(0), vec![]), "{report:#}");
}

#[test]
fn other_forms_are_read_and_said() {
    let spaced = case(2).replace("1,2,3,4", "1, 2, 3, 4");
    let quoted = case(2).replace("peer_id:", "\"peer_id\":").replace("view_id:", "\"view_id\":");
    let tight = case(2).replace(": ", ":").replace(", ", ",");
    let worded = case(2).replace("\"crashing\"", "\"Crashing!\"");
    for (log, rule) in [
        (spaced, "blanks"),
        (quoted, "bare-keys"),
        (tight, "blanks"),
        (worded, "words"),
        (case(2).replace("| {", "| now {"), "nothing-around"),
        (case(2) + "{peer_id: x, view_id: 5, memb_list: [1]}\n", "readable"),
        (case(2).replace("peer4 |", "peer3 |"), "own-lines"),
        (case(2).replace("view_id: 4, leader: 1, message", "view_id: 3, leader: 1, message"), {
            "own-view"
        }),
    ] {
        let (code, report) = check("--expect 1,2,3,4", &log);
        assert_eq!(code, Some(0), "{rule}: {report:#}");
        let of_form = report["rules"].as_array().expect("a list").iter();
        let differs: Vec<&str> = of_form
            .filter(|rule| rule["outcome"] == "differs")
            .map(|rule| rule["name"].as_str().expect("text"))
            .collect();
        assert_eq!(differs, [rule], "{report:#}");
        assert_eq!(check("--strict", &log).0, Some(1), "{rule}");
    }
}

#[test]
fn json_lines_are_read_and_the_same_fact_counts_once() {
    let json = |line: &str| {
        let line = line.split_once(" | ").map_or(line, |(_, line)| line);
        let line =
            line.replace("peer_id: ", "\"peer_id\":").replace(", view_id: ", ",\"view_id\":");
        let line =
            line.replace(", leader: ", ",\"leader\":").replace(", memb_list: ", ",\"memb_list\":");
        format!("{}\n", line.replace(", message:", ",\"message\":"))
    };
    let log: Vec<String> =
        case(4).lines().filter(|line| line.contains('{')).map(|line| format!("{line}\n")).collect();
    let alone: String = log.iter().map(|line| json(line.trim())).collect();
    let (code, report) = check("--strict --expect 2,3,4", &alone);
    assert_eq!((code, report["events"].as_u64()), (Some(0), Some(25)), "{report:#}");
    // Both streams of `synod member --json` in one file, the one behind or before the other.
    for late in [0, 3] {
        let mut mixed = String::new();
        for (at, line) in log.iter().enumerate() {
            mixed += line;
            if at >= late {
                mixed += &json(log[at - late].trim());
            }
        }
        log[log.len() - late..].iter().for_each(|line| mixed += &json(line.trim()));
        let (code, report) = check("--strict --expect 2,3,4", &mixed);
        assert_eq!((code, report["events"].as_u64()), (Some(0), Some(25)), "{report:#}");
    }
}

#[test]
fn the_report_for_people_and_the_exit_codes() {
    let broken = case(2).replace("view_id: 5, leader: 1", "view_id: 5, leader: 2");
    let scratch = Scratch::new();
    let file = scratch.file("bad.log", &broken);
    let end = Program::start(synod(&format!("check {}", file.display()))).end();
    assert_eq!(end.code, Some(1), "known without the flag: {end:#?}");
    let number = broken.lines().position(|line| line.contains("leader: 2")).expect("is there") + 1;
    let text = end.out.join("\n");
    assert!(text.contains("VIOLATED: lowest-leads: view 5 is led by peer2"), "{text}");
    assert!(text.contains(&format!("bad.log:{number}: peer")), "{text}");
    assert!(text.contains("peer5   1      4: [1,2,3,4,5]  crashed"), "{text}");
    assert!(end.out.last().is_some_and(|line| line.starts_with("VIOLATED: ")), "{text}");
    let empty = scratch.file("empty", "");
    let prose = scratch.file("prose", "nothing\n");
    let (empty, prose) = (empty.display(), prose.display());
    for (words, code) in [
        (format!("check --membership {empty}"), 2),
        (format!("check --membership {prose}"), 2),
        ("check --membership no-such-file".into(), 2),
        (format!("check --expect x {}", path(1).display()), 2),
        (format!("check --on-request 0 {}", path(1).display()), 2),
        (format!("check {}", path(4).display()), 0),
        (format!("check --expect [2,3,4] {}", path(4).display()), 0),
    ] {
        assert_eq!(Program::start(synod(&words)).end().code, Some(code), "{words}");
    }
}

#[test]
fn names_of_a_hostsfile_say_whose_a_line_is() {
    let scratch = Scratch::new();
    let hosts = scratch.file("hosts", "alpha\nbeta\ngamma\ndelta\nepsilon\n");
    let names = ["alpha", "beta", "gamma", "delta", "epsilon"];
    let mut log = case(2);
    for (index, name) in names.iter().enumerate() {
        log = log.replace(&format!("peer{} |", index + 1), &format!("prj-{name}-1 |"));
    }
    let words = format!("--strict --hosts {}", hosts.display());
    let (code, report) = check(&words, &log);
    assert_eq!(code, Some(0), "{report:#}");
    let (code, _) = check(&words, &log.replace("beta", "gam").replace("gamma", "beta"));
    assert_eq!(code, Some(1));
}

#[test]
fn a_log_of_paxos_is_never_taken_for_that_of_a_group() {
    let event = "{\"peer_id\":1,\"action\":\"sent\",\"message_type\":\"prepare\",\
                 \"message_value\":\"X\",\"proposal_num\":1}\n";
    let scratch = Scratch::new();
    let both = scratch.file("both", case(1) + event);
    let end = Program::start(synod(&format!("check {}", both.display()))).end();
    assert!(end.out.iter().any(|line| line.starts_with("majority-of-promises")), "{end:#?}");
    let paxos = scratch.file("paxos", event);
    let files = format!("{} {}", path(1).display(), paxos.display());
    let end = Program::start(synod(&format!("check {files}"))).end();
    assert!(end.out.iter().any(|line| line.starts_with("majority-of-promises")), "{end:#?}");
    let end = Program::start(synod(&format!("check --membership {files}"))).end();
    assert!(end.out.iter().any(|line| line.starts_with("lowest-leads")), "{end:#?}");
}

/// A hundred thousand views of three peers, a file each: what is forgotten was judged before.
#[test]
fn a_long_run_is_judged_to_its_end() {
    let scratch = Scratch::new();
    let mut files = String::new();
    let list = [1, 2, 3];
    for peer in list {
        let mut text = String::new();
        for id in 0..100_000 {
            let wrong = peer == 3 && id == 99_990;
            text += &view(peer, id, if wrong { &[1, 3] } else { &list });
        }
        files = format!("{files} {}", scratch.file(&format!("p{peer}"), text).display());
    }
    let (code, report) = check(&files, "");
    assert_eq!(code, Some(1));
    assert!(rules(&report, "broken").contains(&"one-list".into()), "{report:#}");
    assert_eq!(report["events"].as_u64(), Some(300_000));
    let undecided = report["rules"].as_array().expect("a list").iter();
    let late = undecided.filter(|rule| rule["name"] == "one-list" && rule["undecided"] != 0);
    assert_eq!(late.count(), 0, "nothing came too late: {report:#}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the bytes are, there is a report, and one of the three exit codes.
    #[test]
    fn any_bytes_are_judged(
        cuts in prop::collection::vec((0usize..4000, prop::num::u8::ANY), 0..60),
        tail in "[{}\\[\\]:,\"'a-z_0-9 |\\n]{0,200}",
    ) {
        let mut bytes = (case(4) + &tail).into_bytes();
        for (at, byte) in cuts {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        let (code, report) = check("", &String::from_utf8_lossy(&bytes));
        prop_assert!(matches!(code, Some(0..=2)));
        prop_assert!(report != Value::Null);
    }
}
