//! The reports of the judges on logs that were changed in one place, against stored ones: which
//! line a rule is found broken by, and how often each rule was kept, suspected or not decidable.
//!
//! `UPDATE=1 cargo test --test reports` writes the files anew; read the diff.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use runs::{Form, clean, compose, doctored, render, third_round};
use serde_json::Value;
use synod::hosts::Hosts;
use synod::member::judge::MemberLog;
use synod::paxos::judge::PaxosLog;
use synod::trace::inputs::Inputs;
use synod::trace::judge::{JudgeOptions, LogJudge};

const CASE_2: &str = include_str!("../hostsfiles/hostsfile-testcase2.txt");

/// Compares a text with the stored one, or writes it.
fn is_stored(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let differs = stored.lines().zip(text.lines()).find(|(stored, now)| stored != now);
    assert!(
        stored == text,
        "{name} differs; UPDATE=1 writes it anew. The first difference: {differs:#?}"
    );
}

/// The report for tools on this log, with the hostsfile or without.
fn report(judge: &dyn LogJudge, log: &[String], is_known: bool) -> Value {
    let hosts = Hosts::parse(CASE_2, "f").unwrap();
    let hosts = is_known.then_some(&hosts);
    let options = JudgeOptions { json: true, hosts, ..JudgeOptions::default() };
    let inputs = Inputs::of_text("log", log.join("\n") + "\n");
    match judge.judge(inputs, &options) {
        Ok(judgement) => serde_json::from_str(&judgement.printed).unwrap(),
        Err(error) => Value::String(error.to_string()),
    }
}

/// What has come of the run, and how often each rule was kept.
fn outcome(report: &Value) -> String {
    let Some(rules) = report["rules"].as_array() else { return report.to_string() };
    let mut text = report["verdict"].as_str().unwrap().to_owned();
    for key in ["chosen", "group"] {
        let found = &report[key];
        if !found.is_null() {
            write!(text, " {}", found.to_string().replace('"', "")).unwrap();
        }
    }
    for count in ["kept", "broken", "suspicious", "undecided"] {
        let counted = rules.iter().filter(|rule| rule[count] != 0);
        let counted: Vec<String> =
            counted.map(|rule| format!("{} {}", words(rule, "name"), rule[count])).collect();
        if !counted.is_empty() {
            write!(text, "; {count}: {}", counted.join(", ")).unwrap();
        }
    }
    text
}

fn words<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}

/// The lines that show a finding.
fn shown(finding: &Value) -> String {
    let lines = finding["lines"].as_array().unwrap().iter();
    lines.map(|line| line["line"].to_string()).collect::<Vec<_>>().join(",")
}

/// The report with every sentence.
fn whole(report: &Value) -> String {
    let mut text = outcome(report) + "\n";
    let list = |key: &str| report[key].as_array().into_iter().flatten();
    for sentence in list("inferred") {
        writeln!(text, "  {}", sentence.as_str().unwrap()).unwrap();
    }
    for finding in list("findings") {
        let word = |key: &str| finding[key].as_str().unwrap();
        let suspicious = if finding["suspicious"] == true { "suspicious, " } else { "" };
        let certainty = word("certainty");
        let (rule, sentence) = (word("rule"), word("sentence"));
        let more = &finding["more"];
        writeln!(
            text,
            "  {rule} ({suspicious}{certainty}) line {}, {more} more: {sentence}",
            shown(finding)
        )
        .unwrap();
    }
    for peer in list("peers") {
        writeln!(text, "  {}", of_peer(peer)).unwrap();
    }
    text
}

/// The report in one line: what differs from the report on the whole log, and by which lines.
fn short(report: &Value, before: &Value) -> String {
    let list = |report: &Value, key: &str| report[key].as_array().cloned().unwrap_or_default();
    let mut text = report["verdict"].as_str().unwrap_or_default().to_owned();
    for key in ["chosen", "group", "inferred"] {
        if report[key] != before[key] {
            write!(text, "; {key} {}", report[key].to_string().replace('"', "")).unwrap();
        }
    }
    let peers = list(before, "peers");
    for peer in list(report, "peers").iter().filter(|peer| !peers.contains(peer)) {
        write!(text, "; {}", of_peer(peer)).unwrap();
    }
    let findings = list(report, "findings");
    for (rule, earlier) in list(report, "rules").iter().zip(list(before, "rules")) {
        let counts = ["kept", "broken", "suspicious", "undecided"].into_iter();
        let differ = counts.filter(|count| rule[count] != earlier[count]);
        let mut now: Vec<_> = differ.map(|count| format!("{count} {}", rule[count])).collect();
        let by = findings.iter().filter(|finding| finding["rule"] == rule["name"]);
        now.extend(by.map(|finding| format!("by {}", shown(finding))));
        if !now.is_empty() {
            write!(text, "; {}: {}", words(rule, "name"), now.join(", ")).unwrap();
        }
    }
    text
}

/// How a member has ended.
fn of_peer(peer: &Value) -> String {
    let (id, views, last) = (&peer["peer_id"], &peer["views"], &peer["view_id"]);
    format!("peer{id}: {views} views, {last} {}, {}", peer["memb_list"], words(peer, "end"))
}

/// A change to one line; none if it changes nothing there.
type Edit = (&'static str, fn(&mut Vec<String>, usize) -> Option<()>);

const EDITS: [Edit; 5] = [
    ("without", |log, at| {
        log.remove(at);
        Some(())
    }),
    ("twice", |log, at| {
        log.insert(at, log[at].clone());
        Some(())
    }),
    ("behind the next", |log, at| (at + 1 < log.len()).then(|| log.swap(at, at + 1))),
    ("from here on", |log, at| {
        log.drain(..at);
        Some(())
    }),
    ("up to here", |log, at| {
        log.truncate(at + 1);
        Some(())
    }),
];

/// Puts one text in place of another in this line.
fn replace(log: &mut [String], at: usize, from: &str, to: &str) -> Option<()> {
    let new = log[at].replacen(from, to, 1);
    let differs = new != log[at];
    log[at] = new;
    differs.then_some(())
}

/// Raises the number behind this key.
fn raise(log: &mut [String], at: usize, key: &str) -> Option<()> {
    let rest = log[at].split_once(key)?.1;
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    let (number, digits) = (digits.parse::<u64>().ok()?, digits.to_owned());
    replace(log, at, &format!("{key}{digits}"), &format!("{key}{}", number + 1))
}

const OF_PAXOS: [Edit; 3] = [
    ("another number", |log, at| raise(log, at, "\"proposal_num\":")),
    ("another value", |log, at| {
        replace(log, at, "\"message_value\":\"X\"", "\"message_value\":\"Q\"")
    }),
    ("another peer", |log, at| raise(log, at, "\"peer_id\":")),
];

const OF_MEMBERS: [Edit; 3] = [
    ("another view", |log, at| raise(log, at, "view_id: ")),
    ("another leader", |log, at| raise(log, at, "leader: ")),
    ("one more member", |log, at| replace(log, at, "]}", ",9]}")),
];

/// The report on a log, and one line for each change to each line of it; changes that come to the
/// same stand together.
fn changed(log: &[String], more: &[Edit], judged: impl Fn(&[String]) -> Value) -> String {
    let before = judged(log);
    let mut text = whole(&before);
    for (name, edit) in EDITS.iter().chain(more) {
        let mut reports = BTreeMap::<String, Vec<String>>::new();
        for at in 0..log.len() {
            let mut edited = log.to_vec();
            if edit(&mut edited, at).is_some() && !edited.is_empty() {
                let lines = reports.entry(short(&judged(&edited), &before)).or_default();
                lines.push((at + 1).to_string());
            }
        }
        let mut reports: Vec<_> = reports.into_iter().collect();
        reports.sort_by_key(|(_, lines)| lines[0].parse::<usize>().unwrap());
        for (report, lines) in reports {
            writeln!(text, "{name} {}: {report}", lines.join(" ")).unwrap();
        }
    }
    text
}

/// The lines of a run as one journal.
fn journal(text: &str) -> Vec<String> {
    let starts = (1..=5).map(|peer| format!("{peer}: {peer} started"));
    let lines = starts.chain(text.lines().map(str::to_owned));
    lines.map(|line| render(&line, Form::Journal).1).collect()
}

fn printed(text: &str) -> Vec<String> {
    compose(text).lines().map(str::to_owned).collect()
}

#[test]
fn each_doctored_run_is_reported_as_it_was() {
    let mut text = String::new();
    for run in doctored() {
        let started = |line: &&str| line.contains("started");
        let lines: Vec<&str> = run.text.lines().filter(|line| !started(line)).collect();
        let (journal, printed) = (journal(&run.text), printed(&lines.join("\n")));
        for (name, log, known) in [
            ("a journal", &journal, false),
            ("a journal, and the hostsfile", &journal, true),
            ("printed lines, and the hostsfile", &printed, true),
        ] {
            let report = whole(&report(&PaxosLog, log, known));
            writeln!(text, "# {}: {name}\n{report}", run.rule).unwrap();
        }
    }
    is_stored("doctored.txt", &text);
}

#[test]
fn a_run_of_paxos_with_one_line_changed_is_reported_as_it_was() {
    let mut text = String::new();
    for (name, log, known) in [
        ("a journal", journal(&clean()), false),
        ("printed lines, and the hostsfile", printed(&clean()), true),
        ("a journal of three rounds, and the hostsfile", journal(&third_round("Y")), true),
        ("printed lines of three rounds", printed(&third_round("Y")), false),
    ] {
        writeln!(text, "# {name}").unwrap();
        text += &changed(&log, &OF_PAXOS, |log| report(&PaxosLog, log, known));
    }
    is_stored("paxos.txt", &text);
}

#[test]
fn a_run_of_a_group_with_one_line_changed_is_reported_as_it_was() {
    let mut text = String::new();
    for case in 1..=4 {
        let path = format!("{}/tests/views/case{case}.log", env!("CARGO_MANIFEST_DIR"));
        let log = fs::read_to_string(path).unwrap();
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        writeln!(text, "# case {case}").unwrap();
        text += &changed(&log, &OF_MEMBERS, |log| report(&MemberLog, log, false));
    }
    is_stored("members.txt", &text);
}
