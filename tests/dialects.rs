//! A run is judged the same in whatever manner a program prints it.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runs::{Form, clean, edit, judge, last, options, render, run, violated, without};
use synod::paxos::judge::PaxosOptions;

/// A run in the manner of another program.
fn dialect(line: &str) -> Vec<(&'static str, String)> {
    let (peer, json) = render(line, Form::Printed);
    let received = line.contains("received");
    let round_id = |n: &str| {
        json.replace(&format!("\"proposal_num\":{n}"), &format!("\"proposal_num\":{n}.1"))
    };
    let number = line.split(' ').nth(5).unwrap();
    let ack = json.contains("prepare_ack");
    let blank = |with: &str| if ack { json.replace("\"X\"", with) } else { json.clone() };
    let printer = if received {
        let sender = json.split([':', ',']).nth(1).unwrap();
        json.replacen(&format!("_id\":{sender}"), &format!("_id\":{peer}"), 1)
    } else {
        json.clone()
    };
    let compose = |json: &str| format!("peer{peer}  | {json}");
    vec![
        ("compose", compose(&json)),
        ("older compose", format!("peer{peer}_1  | {json}")),
        ("colours", format!("\u{1b}[3{peer}mpeer{peer}  |\u{1b}[0m {json}")),
        ("times", format!("peer{peer}  | 2024-05-01T12:00:00.123456789Z {json}")),
        ("blanks", compose(&json.replace(':', ": ").replace(',', ", "))),
        ("printer", compose(&printer)),
        ("round.id", compose(&round_id(number))),
        (
            "text number",
            compose(&round_id(number).replace(&format!("{number}.1"), &format!("\"{number}.1\""))),
        ),
        ("words", compose(&json.replace("_ack", " ack").replace("chose\"", "chosen\""))),
        ("no commas", compose(&json.replace(",\"", " \""))),
        ("no quotes", compose(&json.replace("\"X\"", "X").replace("\"Y\"", "Y"))),
        ("single quotes", compose(&json.replace('"', "'"))),
        ("other text", format!("peer{peer}  | connecting...\n{}", compose(&json))),
        ("empty", compose(&blank("\"\""))),
        ("nil", compose(&blank("\"<nil>\""))),
        ("null", compose(&blank("null"))),
        ("NUL", compose(&blank("\"\0\""))),
        (
            "absent",
            compose(&if ack { json.replace(",\"message_value\":\"X\"", "") } else { json.clone() }),
        ),
    ]
}

fn in_dialects(text: &str) -> BTreeMap<&'static str, String> {
    let mut all = BTreeMap::<&str, String>::new();
    for (name, line) in text.lines().flat_map(dialect) {
        writeln!(all.entry(name).or_default(), "{line}").unwrap();
    }
    all
}

#[test]
fn a_clean_run_is_clean_in_every_dialect() {
    // In the first round no acceptor holds anything, so programs may leave the value away.
    let text = clean().lines().take(28).collect::<Vec<_>>().join("\n");
    for (name, lines) in in_dialects(&text) {
        for options in [options(), PaxosOptions::default()] {
            let report = judge(&[("log".into(), lines.clone())], options);
            assert_eq!(report.events, 28, "{name}\n{lines}");
            assert!(!report.findings.violated(false), "{name}: {}", report.for_people(&[], false));
            assert_eq!(report.summary.chosen, ["X"], "{name}");
            let exact = ["compose", "older compose", "colours", "times", "other text"];
            let differs = report.findings.violated(true);
            assert_eq!(differs, !exact.contains(&name), "{name}");
        }
    }
}

#[test]
fn a_broken_run_is_caught_in_every_dialect() {
    let text = edit(&clean(), &[("4: 4 chose chose X 1", "4: 4 chose chose Y 1")]);
    let early = last(&last(&clean(), "1: 3 received prepare_ack"), "1: 4 received prepare_ack");
    for (name, lines) in in_dialects(&text) {
        let report = judge(&[("log".into(), lines)], options());
        assert!(violated(&report).contains(&"one-value"), "{name}");
    }
    for (name, lines) in in_dialects(&early) {
        let report = judge(&[("log".into(), lines)], options());
        // Whose a promise is cannot be seen where peer_id is the receiver, but that there was
        // one only can.
        assert!(violated(&report).contains(&"majority-of-promises"), "{name}");
    }
}

#[test]
fn one_sent_line_for_a_broadcast_is_a_matter_of_form() {
    let text = without(
        &clean(),
        &[
            "sent prepare X 1 >3",
            "sent prepare X 1 >4",
            "sent accept X 1 >3",
            "sent accept X 1 >4",
            "sent prepare Y 5 >3",
            "sent prepare Y 5 >4",
        ],
    );
    let report = run(&text, Form::Printed, options());
    assert_eq!(violated(&report), ["sent-per-receiver"]);
    assert!(!report.findings.violated(false) && report.findings.violated(true));
}

#[test]
fn text_of_a_log_cannot_write_on_the_terminal() {
    let line = "{\"peer_id\":1,\"action\":\"chose\",\"message_type\":\"chose\",\
                \"message_value\":\"\u{1b}[2J\",\"proposal_num\":1}";
    let report =
        judge(&[("a\u{1b}b".into(), format!("{line}\n{}", line.replace("[2J", "Q")))], options());
    let people = report.for_people(&["a\u{1b}b".into()], true);
    assert!(!people.contains('\u{1b}') && people.contains("VIOLATED"));
    let json: serde_json::Value = serde_json::from_str(&report.json(&[], true)).unwrap();
    assert_eq!(json["verdict"], "violated");
}
