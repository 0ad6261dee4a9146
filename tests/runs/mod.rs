//! Runs in short-hand, shared by the tests of the judge.
//!
//! A run is written once, with all that a journal says, and rendered as a journal or as what each
//! peer prints. `1: 1 sent prepare X 1 >2` is peer1's line about its own message to peer2; `a=` is
//! the number that an ack answers and `h=` the one under which its value was accepted.

#![allow(dead_code)] // each test takes what it needs

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions, Report};

/// An answer: who, the value shown, the number shown, the number under which it was accepted.
pub(crate) type Answer<'a> = (u16, &'a str, u64, Option<u64>);

/// One question to some acceptors and their answers, all of them told by both ends.
pub(crate) fn round(
    out: &mut String,
    p: u16,
    kind: &str,
    value: &str,
    n: u64,
    answers: &[Answer<'_>],
) {
    for (to, ..) in answers {
        writeln!(out, "{p}: {p} sent {kind} {value} {n} >{to}").unwrap();
    }
    for (a, shown, number, held) in answers {
        let held = held.map_or(String::new(), |held| format!(" h={held}"));
        let ack = format!("{kind}_ack {shown} {number} >{p} a={n}{held}");
        writeln!(out, "{a}: {p} received {kind} {value} {n} >{a}").unwrap();
        writeln!(out, "{a}: {a} sent {ack}").unwrap();
        writeln!(out, "{p}: {a} received {ack}").unwrap();
    }
}

pub(crate) fn chose(out: &mut String, peers: &[u16], value: &str, n: u64) {
    for p in peers {
        writeln!(out, "{p}: {p} chose chose {value} {n}").unwrap();
    }
}

/// The lab's second test case: peer1 has X chosen, then peer5 finds it.
pub(crate) fn clean() -> String {
    let mut out = String::new();
    round(&mut out, 1, "prepare", "X", 1, &[2, 3, 4].map(|a| (a, "X", 1, None)));
    round(&mut out, 1, "accept", "X", 1, &[2, 3, 4].map(|a| (a, "X", 1, Some(1))));
    chose(&mut out, &[1, 2, 3, 4], "X", 1);
    round(&mut out, 5, "prepare", "Y", 5, &[2, 3, 4].map(|a| (a, "X", 5, Some(1))));
    round(&mut out, 5, "accept", "X", 5, &[2, 3, 4].map(|a| (a, "X", 5, Some(5))));
    chose(&mut out, &[5], "X", 5);
    out
}

/// X is accepted by peer2 alone, Y by peer3 alone; peer1 must then ask for `value` under 6.
pub(crate) fn third_round(value: &str) -> String {
    let mut out = String::new();
    round(&mut out, 1, "prepare", "X", 1, &[2, 3, 4].map(|a| (a, "X", 1, None)));
    round(&mut out, 1, "accept", "X", 1, &[(2, "X", 1, Some(1))]);
    round(&mut out, 5, "prepare", "Y", 5, &[3, 4].map(|a| (a, "Y", 5, None)));
    round(&mut out, 5, "accept", "Y", 5, &[(3, "Y", 5, Some(5))]);
    round(&mut out, 1, "prepare", "X", 6, &[(2, "X", 6, Some(1)), (3, "Y", 6, Some(5))]);
    round(&mut out, 1, "accept", value, 6, &[2, 3].map(|a| (a, value, 6, Some(6))));
    chose(&mut out, &[1, 2, 3], value, 6);
    out
}

pub(crate) fn roles() -> KnownRoles {
    let acceptors = BTreeSet::from([2, 3, 4]);
    KnownRoles {
        peers: 5,
        acceptors: [1, 5].map(|proposer| (proposer, acceptors.clone())).into(),
        learners: BTreeMap::new(),
    }
}

pub(crate) fn options() -> PaxosOptions {
    PaxosOptions { roles: Some(roles()), ..PaxosOptions::default() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Printed,
    Journal,
}

/// One line of a run: whose it is, and its JSON.
pub(crate) fn render(line: &str, form: Form) -> (u16, String) {
    let (printer, rest) = line.split_once(": ").unwrap();
    let words: Vec<&str> = rest.split(' ').collect();
    let id = words[0];
    let extra = |mark: &str| words.iter().find_map(|word| word.strip_prefix(mark));
    let mut json = format!("{{\"peer_id\":{id},\"action\":\"{}\"", words[1]);
    if words[1] == "started" {
        for (mark, key) in [("n=", "proposal_num"), ("h=", "accepted_proposal")] {
            if let Some(number) = extra(mark) {
                write!(json, ",\"{key}\":{number}").unwrap();
            }
        }
        write!(json, ",\"at\":{printer}}}").unwrap();
        return (printer.parse().unwrap(), json);
    }
    write!(
        json,
        ",\"message_type\":\"{}\",\"message_value\":\"{}\",\"proposal_num\":{}",
        words[2], words[3], words[4]
    )
    .unwrap();
    if form == Form::Journal {
        write!(json, ",\"at\":{printer}").unwrap();
        for (mark, key) in [(">", "to"), ("a=", "answers"), ("h=", "accepted_proposal")] {
            if let Some(number) = extra(mark) {
                write!(json, ",\"{key}\":{number}").unwrap();
            }
        }
    }
    json.push('}');
    (printer.parse().unwrap(), json)
}

pub(crate) fn judge(inputs: &[(String, String)], options: PaxosOptions) -> Report {
    let mut judge = PaxosJudge::new(options);
    for (index, (name, text)) in (0..).zip(inputs) {
        let mut reader = Reader::new(name, text.as_bytes(), Names::new()).unwrap();
        while let Some(line) = reader.next_line().unwrap() {
            judge.line(index, &line);
        }
    }
    judge.finish()
}

/// Judges a run: as journals all in one file, or as printed, a file for each peer.
pub(crate) fn run(text: &str, form: Form, options: PaxosOptions) -> Report {
    if form == Form::Journal {
        // A journal says where it begins.
        let peers: BTreeSet<&str> =
            text.lines().filter_map(|line| line.split(':').next()).collect();
        let begins = |peer: &&&str| !text.contains(&format!("{peer}: {peer} started"));
        let starts = peers.iter().filter(begins).map(|peer| format!("{peer}: {peer} started"));
        let lines: Vec<String> = starts.chain(text.lines().map(str::to_owned)).collect();
        let lines: Vec<String> = lines.iter().map(|line| render(line, form).1).collect();
        return judge(&[("t.jsonl".into(), lines.join("\n"))], options);
    }
    let mut files = BTreeMap::<u16, String>::new();
    for line in text.lines().filter(|line| !line.contains("started")) {
        let (printer, json) = render(line, form);
        writeln!(files.entry(printer).or_default(), "{json}").unwrap();
    }
    let files: Vec<_> = files.into_iter().map(|(p, text)| (format!("{p}.out"), text)).collect();
    judge(&files, options)
}

pub(crate) fn broken(report: &Report) -> Vec<&'static str> {
    report.findings.names(|tally| tally.broken)
}

/// Safety rules that were broken.
pub(crate) fn violated(report: &Report) -> Vec<&'static str> {
    let notes = ["refused", "duel", "missing", "never-chose", "restarted", "other-text", "roles"];
    broken(report).into_iter().filter(|name| !notes.contains(name)).collect()
}

/// Safety rules that were broken, or are if the lines are read in one of several ways.
pub(crate) fn suspected(report: &Report) -> Vec<&'static str> {
    let names = report.findings.names(|tally| tally.broken + tally.suspected);
    let notes = ["refused", "duel", "missing", "never-chose", "restarted", "other-text", "roles"];
    names.into_iter().filter(|name| !notes.contains(name)).collect()
}

pub(crate) fn undecided(report: &Report) -> Vec<&'static str> {
    report.findings.names(|tally| tally.undecided)
}

/// One line (or more, with newlines) put in place of another, which must be there.
pub(crate) fn edit(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Moves the lines that contain `what` to the end.
pub(crate) fn last(text: &str, what: &str) -> String {
    let (moved, kept): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.contains(what));
    assert!(!moved.is_empty(), "{what}");
    [kept, moved].concat().join("\n") + "\n"
}

pub(crate) fn without(text: &str, what: &[&str]) -> String {
    what.iter().fold(text.to_owned(), |text, what| {
        assert!(text.contains(what), "{what}");
        text.lines().filter(|line| !line.contains(what)).collect::<Vec<_>>().join("\n") + "\n"
    })
}
/// A doctored run.
pub(crate) struct Doctored {
    /// The rule that it breaks.
    pub(crate) rule: &'static str,
    pub(crate) text: String,
    /// The printed form alone can show it.
    pub(crate) printed_too: bool,
}

/// The runs of `doctored.txt`, which says how to read it.
pub(crate) fn doctored() -> Vec<Doctored> {
    let mut runs: Vec<Doctored> = Vec::new();
    for line in include_str!("doctored.txt").lines() {
        let Some(change) = line.strip_prefix("  ").filter(|_| !line.starts_with('#')) else {
            if let Some(header) =
                Some(line).filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                let (rule, printed_too) = match header.strip_suffix(" journal") {
                    Some(rule) => (rule, false),
                    None => (header, true),
                };
                runs.push(Doctored { rule, text: clean(), printed_too });
            }
            continue;
        };
        let text = &mut runs.last_mut().unwrap().text;
        *text = match change.split_at(2) {
            ("= ", base) => third_round(base.strip_prefix("third ").unwrap()),
            ("+ ", added) => format!("{text}{added}\n"),
            ("- ", gone) => without(text, &[gone]),
            ("~ ", moved) => last(text, moved),
            _ => {
                let (from, to) = change.split_once(" => ").unwrap();
                edit(text, &[(from, &to.replace(" / ", "\n"))])
            }
        };
    }
    runs
}

pub(crate) fn compose(text: &str) -> String {
    let lines = text.lines().map(|line| render(line, Form::Printed));
    let lines: Vec<String> = lines.map(|(peer, json)| format!("peer{peer}  | {json}")).collect();
    lines.join("\n") + "\n"
}
