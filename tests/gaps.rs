//! What a journal has lost proves nothing: nobody is accused of what may have stood there.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use runs::options;
use serde_json::Value;
use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{PaxosJudge, PaxosOptions, Report};

/// Journals of runs without a fault, of all their peers.
const RUNS: [&str; 4] = ["duel", "crash", "latecomer", "nine"];

/// The lines of a run, each with the peer whose journal it stands in.
fn run(name: &str) -> Vec<(u64, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(format!("tests/draw/{name}.jsonl"))).expect(name);
    let at = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["at"].as_u64();
    text.lines().map(|line| (at(line).expect("a journal's line"), line.to_owned())).collect()
}

/// Judges a log in one input, or in one for each peer.
fn judge(log: &[(u64, String)], apart: bool, options: &PaxosOptions) -> Report {
    let mut inputs: BTreeMap<u64, String> = BTreeMap::new();
    for (at, line) in log {
        let input = inputs.entry(if apart { *at } else { 0 }).or_default();
        input.push_str(line);
        input.push('\n');
    }
    let mut judge = PaxosJudge::new(options.clone());
    for (index, text) in (0..).zip(inputs.values()) {
        let mut reader = Reader::new("log", text.as_bytes(), Names::new()).expect("in memory");
        while let Some(line) = reader.next_line().expect("in memory") {
            judge.line(index, &line);
        }
    }
    judge.finish()
}

/// Every way to judge: with the value expected that was chosen, with the roles known where they
/// are those of test case 2.
fn ways(name: &str) -> Vec<PaxosOptions> {
    let chosen = judge(&run(name), false, &PaxosOptions::default()).summary.chosen;
    let inferred = PaxosOptions { expect: chosen.first().cloned(), ..PaxosOptions::default() };
    let known = PaxosOptions { roles: options().roles, ..inferred.clone() };
    if name == "nine" { vec![inferred] } else { vec![inferred, known] }
}

/// The accusations, with everything in one file and with a file for each peer.
fn accusations(ways: &[PaxosOptions], log: &[(u64, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for way in ways {
        for apart in [false, true] {
            let report = judge(log, apart, way);
            if report.findings.violated(true) {
                let broken = report.findings.names(|tally| tally.broken);
                found.push(format!("roles {}, apart {apart}: {broken:?}", way.roles.is_some()));
            }
        }
    }
    found
}

/// The log without these of a peer's lines, and with what stands for them.
fn cut(
    log: &[(u64, String)],
    peer: u64,
    from: usize,
    count: usize,
    told: bool,
) -> Vec<(u64, String)> {
    let (mut nth, mut left) = (0, Vec::new());
    for (at, line) in log {
        let inside = *at == peer && (from..from + count).contains(&nth);
        if inside && nth == from && told {
            let gap = format!(
                "{{\"peer_id\":{peer},\"action\":\"lost\",\"at\":{peer},\"lost\":{count},\
                 \"time_us\":1}}"
            );
            left.push((peer, gap));
        }
        if !inside {
            left.push((*at, line.clone()));
        }
        nth += usize::from(*at == peer);
    }
    left
}

fn peers(log: &[(u64, String)]) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for (at, _) in log {
        *counts.entry(*at).or_default() += 1;
    }
    counts
}

#[test]
fn whatever_a_journal_says_that_it_has_lost_nobody_is_accused() {
    let mut in_silence = 0;
    for name in RUNS {
        let (log, ways) = (run(name), ways(name));
        assert_eq!(accusations(&ways, &log), Vec::<String>::new(), "{name}");
        for (peer, lines) in peers(&log) {
            for count in [1, 3, 13, lines] {
                // The longer runs are like the first, with more of the same.
                let step = [("duel", 1), ("nine", 11)].iter().find(|(of, _)| *of == name);
                let step = step.map_or(3, |(_, step)| *step);
                for from in (0..=lines - count.min(lines)).step_by(step) {
                    let place = format!("{name}: peer{peer} without {count} from {from}");
                    let gap = cut(&log, peer, from, count, true);
                    assert_eq!(accusations(&ways, &gap), Vec::<String>::new(), "{place}");
                    in_silence += accusations(&ways, &cut(&log, peer, from, count, false)).len();
                }
            }
        }
        // Half of everybody's.
        let mut halved = log.clone();
        for (peer, lines) in peers(&log) {
            halved = cut(&halved, peer, lines / 4, lines / 2, true);
        }
        assert_eq!(accusations(&ways, &halved), Vec::<String>::new(), "{name}, halved");
    }
    assert!(in_silence > 100, "without the word about it, it is held against somebody");
}

#[test]
fn the_end_of_a_journal_on_a_pipe_proves_nothing_either() {
    let mut unmarked = 0;
    for name in RUNS {
        let (log, ways) = (run(name), ways(name));
        let marked: Vec<(u64, String)> = log
            .iter()
            .map(|(at, line)| {
                let queued = "\"action\":\"started\",\"queued\":true,";
                (*at, line.replace("\"action\":\"started\",", queued))
            })
            .collect();
        assert_eq!(accusations(&ways, &marked), Vec::<String>::new(), "{name}");
        for (peer, lines) in peers(&log) {
            let own: Vec<&String> =
                log.iter().filter(|(at, _)| *at == peer).map(|(_, line)| line).collect();
            // An incarnation ends where the next one starts.
            let ends = (1..=lines)
                .filter(|end| own.get(*end).is_none_or(|line| line.contains("\"started\"")));
            for end in ends {
                for count in 1..end.min(16) {
                    let from = end - count;
                    if own[from].contains("\"started\"") {
                        break;
                    }
                    let place = format!("{name}: peer{peer} without {count} before {end}");
                    let left = cut(&marked, peer, from, count, false);
                    let found = accusations(&ways, &left);
                    let found: Vec<_> = found.iter().filter(|f| !only_expects(f)).collect();
                    assert_eq!(found, Vec::<&String>::new(), "{place}");
                    unmarked += accusations(&ways, &cut(&log, peer, from, count, false)).len();
                }
            }
        }
    }
    assert!(unmarked > 20, "a regular file is written before anything is sent");
}

/// Without its end, a log may have no choice that could be the expected one.
fn only_expects(found: &str) -> bool {
    found.ends_with("[\"expected-value\"]")
}

#[test]
fn what_is_lost_is_counted_and_what_contradicts_itself_is_still_found() {
    let log = run("duel");
    let (peer, lines) = peers(&log).pop_last().expect("a run has peers");
    let gap = cut(&log, peer, lines / 2, 3, true);
    let report = judge(&gap, false, &PaxosOptions::default());
    let want = format!("lost from peer{peer}'s journal: 3 lines");
    assert!(report.inferred.iter().any(|line| line.starts_with(&want)), "{:?}", report.inferred);

    // Two values chosen are two values chosen.
    let mut broken = gap;
    let chose = broken.iter().rposition(|(_, line)| line.contains("\"chose\"")).expect("a choice");
    broken[chose].1 = broken[chose].1.replace("\"message_value\":\"Y\"", "\"message_value\":\"Z\"");
    let report = judge(&broken, false, &PaxosOptions::default());
    assert!(report.findings.names(|tally| tally.broken).contains(&"one-value"));
}

/// The journals of two proposers for five acceptors. Peer1 has asked all for X under 1, and two
/// have accepted; peer7 had the other three choose Y. Of what peer1 sent, the lines to the other
/// three are missing.
fn a_minority_that_looks_like_all_there_are(told: bool) -> Vec<(u64, String)> {
    let mut log = Vec::new();
    for (me, acceptors, value, number) in [(1, 2..=3, "X", 1), (7, 4..=6, "Y", 7)] {
        for kind in ["prepare", "accept"] {
            for to in acceptors.clone() {
                log.push(line(me, &message(me, "sent", kind, to, value, number)));
            }
            for from in acceptors.clone() {
                let mut ack = message(me, "received", &format!("{kind}_ack"), from, value, number);
                ack["answers"] = number.into();
                if kind == "accept" {
                    ack["accepted_proposal"] = number.into();
                }
                log.push(line(me, &ack));
            }
        }
    }
    if told {
        log.insert(2, (1, r#"{"peer_id":1,"action":"lost","at":1,"lost":6}"#.into()));
    }
    log
}

#[test]
fn a_part_of_the_acceptors_is_not_taken_for_all_where_lines_are_missing() {
    for apart in [false, true] {
        let broken = |told| {
            let log = a_minority_that_looks_like_all_there_are(told);
            let report = judge(&log, apart, &PaxosOptions::default());
            report.findings.names(|tally| tally.broken + tally.suspected).contains(&"one-value")
        };
        assert!(broken(false), "as far as the lines tell, there are two acceptors for X");
        assert!(!broken(true));
    }
}

/// A line of peer `at`, of a message of it or to it.
fn line(at: u64, rest: &Value) -> (u64, String) {
    let mut line = serde_json::json!({"peer_id": at, "at": at});
    for (key, value) in rest.as_object().expect("keys") {
        line[key.as_str()] = value.clone();
    }
    (at, line.to_string())
}

fn started(at: u64, queued: bool) -> (u64, String) {
    line(at, &serde_json::json!({"action": "started", "queued": queued}))
}

fn message(at: u64, action: &str, kind: &str, other: u64, value: &str, number: u64) -> Value {
    let (from, to) = if action == "sent" { (at, other) } else { (other, at) };
    serde_json::json!({
        "peer_id": from, "action": action, "message_type": kind, "message_value": value,
        "proposal_num": number, "to": to,
    })
}

fn chose(at: u64, value: &str, number: u64) -> (u64, String) {
    line(
        at,
        &serde_json::json!({
            "action": "chose", "message_type": "chose", "message_value": value,
            "proposal_num": number,
        }),
    )
}

/// Peer1 was killed with all that it said; peer5 finds X, which peer1 had proposed.
fn found_by_another(queued: bool) -> Vec<(u64, String)> {
    let mut log = vec![started(1, queued), started(5, false)];
    for (kind, value) in [("prepare", "Y"), ("accept", "X")] {
        for to in 2..=3 {
            log.push(line(5, &message(5, "sent", kind, to, value, 5)));
        }
        for from in 2..=3 {
            let mut ack = message(5, "received", &format!("{kind}_ack"), from, "X", 5);
            ack["answers"] = 5.into();
            ack["accepted_proposal"] = (if kind == "prepare" { 1 } else { 5 }).into();
            log.push(line(5, &ack));
        }
    }
    log.push(chose(5, "X", 5));
    log
}

/// Peer1 was killed with the votes that it had received, and is told of its choice in its next
/// incarnation.
fn told_after_a_restart(queued: bool) -> Vec<(u64, String)> {
    let mut log = vec![started(1, queued)];
    for kind in ["prepare", "accept"] {
        for to in 2..=3 {
            log.push(line(1, &message(1, "sent", kind, to, "X", 1)));
        }
        for from in (2..=3).filter(|_| kind == "prepare") {
            let mut ack = message(1, "received", "prepare_ack", from, "X", 1);
            ack["answers"] = 1.into();
            log.push(line(1, &ack));
        }
    }
    log.push(started(1, queued));
    log.push(line(1, &message(1, "received", "chosen", 2, "X", 1)));
    log.push(chose(1, "X", 1));
    log
}

#[test]
fn what_stood_at_the_lost_end_of_a_killed_incarnation_is_held_against_nobody() {
    let broken = |log: Vec<(u64, String)>| {
        judge(&log, false, &options()).findings.names(|tally| tally.broken)
    };
    let rule = "value-was-proposed";
    assert!(broken(found_by_another(false)).contains(&rule));
    assert!(!broken(found_by_another(true)).contains(&rule));
    // Whether its journal is whole or not, it has been told.
    let notes = ["never-chose", "restarted"];
    assert_eq!(broken(told_after_a_restart(false)), notes);
    assert_eq!(broken(told_after_a_restart(true)), notes);
}
