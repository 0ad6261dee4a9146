//! The judge bites: doctored runs are caught by the rule that they break, and clean ones are not,
//! in whatever spelling and order their lines come.
//!
//! A run is written once, with all that a journal says, and rendered as a journal or as what each
//! peer prints. `1: 1 sent prepare X 1 >2` is peer1's line about its own message to peer2; `a=` is
//! the number that an ack answers and `h=` the one under which its value was accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use synod::trace::check::{Certainty, Judge, Options, Report, Roles};
use synod::trace::read::{Names, Reader};

/// An answer: who, the value shown, the number shown, the number under which it was accepted.
type Answer<'a> = (u16, &'a str, u64, Option<u64>);

/// One question to some acceptors and their answers, all of them told by both ends.
fn round(out: &mut String, p: u16, kind: &str, value: &str, n: u64, answers: &[Answer<'_>]) {
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

fn chose(out: &mut String, peers: &[u16], value: &str, n: u64) {
    for p in peers {
        writeln!(out, "{p}: {p} chose chose {value} {n}").unwrap();
    }
}

/// The lab's second test case: peer1 has X chosen, then peer5 finds it.
fn clean() -> String {
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
fn third_round(value: &str) -> String {
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

fn roles() -> Roles {
    let acceptors = BTreeSet::from([2, 3, 4]);
    Roles {
        peers: 5,
        acceptors: [1, 5].map(|proposer| (proposer, acceptors.clone())).into(),
        learners: BTreeMap::new(),
    }
}

fn options() -> Options {
    Options { roles: Some(roles()), expect: None }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Printed,
    Journal,
}

/// One line of a run: whose it is, and its JSON.
fn render(line: &str, form: Form) -> (u16, String) {
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

fn judge(inputs: &[(String, String)], options: Options) -> Report {
    let mut judge = Judge::new(options);
    for (index, (name, text)) in (0..).zip(inputs) {
        let mut reader = Reader::new(name, text.as_bytes(), Names::new()).unwrap();
        while let Some(line) = reader.next_line().unwrap() {
            judge.line(index, &line);
        }
    }
    judge.finish()
}

/// Judges a run: as journals all in one file, or as printed, a file for each peer.
fn run(text: &str, form: Form, options: Options) -> Report {
    if form == Form::Journal {
        let lines: Vec<String> = text.lines().map(|line| render(line, form).1).collect();
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

fn broken(report: &Report) -> Vec<&'static str> {
    report.names(|tally| tally.broken)
}

/// Safety rules that were broken.
fn violated(report: &Report) -> Vec<&'static str> {
    let notes = ["refused", "duel", "missing", "never-chose", "restarted", "other-text"];
    broken(report).into_iter().filter(|name| !notes.contains(name)).collect()
}

fn undecided(report: &Report) -> Vec<&'static str> {
    report.names(|tally| tally.undecided)
}

/// One line (or more, with newlines) put in place of another, which must be there.
fn edit(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Moves the lines that contain `what` to the end.
fn last(text: &str, what: &str) -> String {
    let (moved, kept): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.contains(what));
    assert!(!moved.is_empty(), "{what}");
    [kept, moved].concat().join("\n")
}

fn without(text: &str, what: &[&str]) -> String {
    what.iter().fold(text.to_owned(), |text, what| {
        assert!(text.contains(what), "{what}");
        text.lines().filter(|line| !line.contains(what)).collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn clean_runs_are_clean_and_every_rule_has_looked() {
    for (text, form) in [
        (clean(), Form::Printed),
        (clean(), Form::Journal),
        (third_round("Y"), Form::Printed),
        (third_round("Y"), Form::Journal),
    ] {
        for options in [options(), Options::default()] {
            let report = run(&text, form, options);
            assert_eq!(violated(&report), Vec::<&str>::new(), "{form:?}");
            assert!(report.is_readable() && !report.violated(true));
            let people = report.for_people(&["f".into()], false);
            assert!(!people.contains("nothing to judge"), "{people}");
        }
    }
    let report = run(&clean(), Form::Journal, options());
    assert_eq!(undecided(&report), Vec::<&str>::new());
    assert_eq!(report.subject.chosen, ["X"]);
}

/// Doctored runs: the rule, the run, and whether the printed form alone can show it.
fn doctored() -> Vec<(&'static str, String, bool)> {
    let base = clean();
    let amnesia = base
        .lines()
        .map(|line| match line {
            l if l.contains(" 5 ") && l.contains(" X 5") => {
                l.replace(" X 5", " Y 5").replace(" h=1", "")
            }
            l => l.replace("chose X 5", "chose Y 5"),
        })
        .collect::<Vec<_>>()
        .join("\n");
    let two_acceptors = without(
        &base,
        &["3: 1 received accept X 1", "3: 3 sent accept_ack X 1", "1: 3 received accept_ack X 1"],
    );
    let one_vote = without(
        &two_acceptors,
        &["4: 1 received accept X 1", "4: 4 sent accept_ack X 1", "1: 4 received accept_ack X 1"],
    );
    let nowhere = one_vote.replace(" h=1", "").replace("prepare_ack X 5", "prepare_ack Y 5");
    vec![
        ("one-value", edit(&base, &[("4: 4 chose chose X 1", "4: 4 chose chose Y 1")]), true),
        ("one-value", amnesia.clone(), true),
        ("value-was-proposed", base.replace("prepare X 1", "prepare Z 1"), true),
        (
            "value-was-proposed",
            base.replace(" X ", " W ").replace("prepare W 1", "prepare X 1"),
            true,
        ),
        (
            "one-value-per-number",
            edit(&base, &[("sent accept X 1 >4", "sent accept Z 1 >4")]),
            true,
        ),
        (
            "one-value-per-number",
            edit(&base, &[("3: 3 chose chose X 1", "3: 3 chose chose Z 1")]),
            true,
        ),
        // Mistake 8: an old value under a new label.
        (
            "one-value-per-number",
            edit(
                &base,
                &[
                    ("2 sent prepare_ack X 5", "2 sent prepare_ack Q 5"),
                    ("5: 2 received prepare_ack X 5", "5: 2 received prepare_ack Q 5"),
                ],
            ),
            false,
        ),
        (
            "own-growing-numbers",
            edit(
                &base,
                &[(
                    "5: 5 sent prepare Y 5 >2",
                    "5: 5 sent prepare Y 1 >2\n5: 5 sent prepare Y 5 >2",
                )],
            ),
            true,
        ),
        (
            "own-growing-numbers",
            format!("{base}1: 1 sent prepare X 6 >2\n1: 1 sent prepare X 1 >2\n"),
            true,
        ),
        ("own-growing-numbers", format!("{base}1: 1 sent prepare X 9 >2\n"), false),
        ("own-growing-numbers", format!("{base}1: 1 sent prepare V 1 >2\n"), true),
        (
            "majority-of-promises",
            last(&last(&base, "1: 3 received prepare_ack"), "1: 4 received prepare_ack"),
            true,
        ),
        (
            "majority-of-promises",
            edit(
                &base,
                &[
                    ("1: 3 received prepare_ack", "1: 2 received prepare_ack"),
                    ("1: 4 received prepare_ack", "1: 2 received prepare_ack"),
                ],
            ),
            true,
        ),
        // Mistake 1: promises of another number counted for this one.
        (
            "majority-of-promises",
            edit(
                &base,
                &[
                    (
                        "5: 3 received prepare_ack X 5 >5 a=5 h=1",
                        "5: 3 received prepare_ack X 5 >5 a=0 h=1",
                    ),
                    (
                        "5: 4 received prepare_ack X 5 >5 a=5 h=1",
                        "5: 4 received prepare_ack X 5 >5 a=0 h=1",
                    ),
                ],
            ),
            false,
        ),
        (
            "highest-accepted-value",
            base.replace("accept X 5", "accept Y 5")
                .replace("accept_ack X 5", "accept_ack Y 5")
                .replace("chose X 5", "chose Y 5"),
            true,
        ),
        (
            "highest-accepted-value",
            base.replace("accept X 5", "accept Z 5")
                .replace("accept_ack X 5", "accept_ack Z 5")
                .replace("chose X 5", "chose Z 5"),
            true,
        ),
        ("highest-accepted-value", third_round("X"), true),
        ("promise-kept", format!("{base}2: 2 sent accept_ack X 1 >1 a=1 h=1\n"), true),
        ("promise-kept", format!("{base}3: 3 sent prepare_ack X 1 >1 a=1\n"), true),
        (
            "promise-kept",
            edit(
                &base,
                &[("4: 4 sent prepare_ack X 5 >5 a=5 h=1", "4: 4 sent prepare_ack X 1 >5 a=5 h=1")],
            ),
            false,
        ),
        (
            "vote-kept",
            edit(
                &base,
                &[("2: 2 sent prepare_ack X 5 >5 a=5 h=1", "2: 2 sent prepare_ack Y 5 >5 a=5")],
            ),
            true,
        ),
        ("vote-kept", amnesia, true),
        ("ack-follows-question", without(&base, &["2: 1 received prepare X 1"]), true),
        ("ack-follows-question", without(&base, &["3: 1 received accept X 1"]), true),
        (
            "ack-follows-question",
            edit(
                &base,
                &[(
                    "4: 5 received prepare Y 5 >4\n4: 4 sent prepare_ack X 5 >5 a=5 h=1",
                    "4: 4 sent prepare_ack X 5 >5 a=5 h=1\n4: 5 received prepare Y 5 >4",
                )],
            ),
            true,
        ),
        ("majority-of-votes", one_vote, true),
        ("majority-of-votes", nowhere, true),
        (
            "majority-of-votes",
            last(&last(&base, "1: 3 received accept_ack"), "1: 4 received accept_ack"),
            true,
        ),
        // Mistake 3: one acceptor counted twice.
        (
            "majority-of-votes",
            edit(
                &base,
                &[
                    ("5: 3 received accept_ack", "5: 2 received accept_ack"),
                    ("5: 4 received accept_ack", "5: 2 received accept_ack"),
                ],
            ),
            true,
        ),
        ("received-was-sent", without(&base, &["4: 4 sent prepare_ack X 1"]), true),
        ("received-was-sent", without(&base, &["3: 3 sent accept_ack X 1"]), true),
        ("received-was-sent", without(&base, &["1: 1 sent prepare X 1"]), true),
        (
            "received-was-sent",
            edit(&base, &[("3: 1 received prepare X 1", "3: 1 received prepare V 1")]),
            true,
        ),
        ("own-peer-id", edit(&base, &[("3: 3 chose chose X 1", "3: 4 chose chose X 1")]), false),
        (
            "chose-once",
            edit(&base, &[("3: 3 chose chose X 1", "3: 3 chose chose X 1\n3: 3 chose chose X 1")]),
            true,
        ),
        ("chose-once", format!("{base}5: 5 chose chose X 5\n"), true),
        (
            "sent-per-receiver",
            without(&base, &["1: 1 sent prepare X 1 >2", "1: 1 sent prepare X 1 >3"]),
            true,
        ),
        ("sent-per-receiver", without(&base, &["5: 5 sent prepare Y 5 >4"]), true),
    ]
}

#[test]
fn each_doctored_run_is_caught_by_its_rule() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for (rule, text, printed_too) in doctored() {
        *seen.entry(rule).or_default() += 1;
        for form in [Form::Journal, Form::Printed] {
            let report = run(&text, form, options());
            let caught = violated(&report);
            if form == Form::Journal || printed_too {
                let people = report.for_people(&[], false);
                assert!(caught.contains(&rule), "{rule} {form:?}: {caught:?}\n{text}\n{people}");
                let finding = report.findings.iter().find(|f| f.rule.row().name == rule).unwrap();
                assert!((1..=2).contains(&finding.lines.len()), "{finding:?}");
            }
        }
    }
    for row in synod::trace::check::TABLE {
        let elsewhere = ["expected-value", "own-peer-id"].contains(&row.name);
        let safety = row.level == synod::trace::check::Level::Safety;
        assert!(!safety || elsewhere || seen.get(row.name) >= Some(&2), "{}", row.name);
    }
}

#[test]
fn the_same_run_without_a_hostsfile_is_caught_too() {
    for (rule, text, _) in doctored() {
        if text.contains("prepare X 9") {
            continue; // Who owns 9 is known from the number of peers alone.
        }
        let report = run(&text, Form::Journal, Options::default());
        // Where the roles are not known, other proposers and acceptors may have said more.
        let open = ["majority-of-promises", "majority-of-votes", "value-was-proposed"];
        let roles = open.contains(&rule);
        assert!(violated(&report).contains(&rule) || roles, "{rule}\n{text}");
        for finding in report.findings.iter().filter(|f| f.rule.row().name == rule && roles) {
            assert_ne!(finding.certainty, Certainty::Certain);
        }
    }
}

#[test]
fn the_value_expected_must_be_chosen() {
    let expect = |value: &str| Options { expect: Some(value.into()), ..options() };
    assert_eq!(violated(&run(&clean(), Form::Printed, expect("X"))), Vec::<&str>::new());
    assert_eq!(violated(&run(&clean(), Form::Printed, expect("Y"))), ["expected-value"]);
    let mut begun = String::new();
    round(&mut begun, 1, "prepare", "X", 1, &[(2, "X", 1, None)]);
    assert_eq!(violated(&run(&begun, Form::Printed, expect("X"))), ["expected-value"]);
}

#[test]
fn what_the_five_keys_leave_open_is_neither_broken_nor_kept() {
    // Peer4's promise shows peer1's own candidate: is it held, and under which number?
    let mut text = String::new();
    round(&mut text, 1, "prepare", "X", 1, &[2, 3, 4].map(|a| (a, "X", 1, None)));
    round(&mut text, 1, "accept", "X", 1, &[(4, "X", 1, Some(1))]);
    round(&mut text, 5, "prepare", "Y", 5, &[2, 3].map(|a| (a, "Y", 5, None)));
    round(&mut text, 5, "accept", "Y", 5, &[(3, "Y", 5, Some(5))]);
    round(&mut text, 7, "prepare", "X", 7, &[2, 3].map(|a| (a, "Y", 7, Some(5))));
    round(&mut text, 7, "accept", "X", 7, &[(2, "X", 7, Some(7))]);
    let report = run(&text, Form::Printed, Options::default());
    assert!(violated(&report).contains(&"highest-accepted-value"), "{:?}", broken(&report));
    // With X among the promises it may have been accepted last, as far as the lines tell.
    let open = text.replace("2: 2 sent prepare_ack Y 7", "2: 2 sent prepare_ack X 7");
    let open = open.replace("7: 2 received prepare_ack Y 7", "7: 2 received prepare_ack X 7");
    let open = edit(
        &open,
        &[("5: 5 sent prepare Y 5 >2", "1: 1 sent accept X 6 >4\n5: 5 sent prepare Y 5 >2")],
    );
    let report = run(&open, Form::Printed, Options::default());
    assert!(undecided(&report).contains(&"highest-accepted-value"), "{:?}", report.findings);
    assert!(!broken(&report).contains(&"highest-accepted-value"));
}

#[test]
fn a_refusal_that_names_a_number_is_no_vote_for_it() {
    // Peer2 refuses 1 because it promised 6 to the same proposer: the printed ack says 6, and so
    // would an acceptance of 6. Only the journal can tell.
    let mut text = String::new();
    round(&mut text, 1, "prepare", "X", 1, &[2, 3, 4].map(|a| (a, "X", 1, None)));
    writeln!(text, "1: 1 sent accept X 1 >2").unwrap();
    round(&mut text, 1, "prepare", "X", 6, &[2, 3, 4].map(|a| (a, "X", 6, None)));
    writeln!(text, "2: 1 received accept X 1 >2\n2: 2 sent accept_ack X 6 >1 a=1").unwrap();
    writeln!(text, "1: 1 sent accept X 6 >3\n1: 2 received accept_ack X 6 >1 a=1").unwrap();
    writeln!(text, "3: 1 received accept X 6 >3\n3: 3 sent accept_ack X 6 >1 a=6 h=6").unwrap();
    writeln!(text, "1: 3 received accept_ack X 6 >1 a=6 h=6\n1: 1 chose chose X 6").unwrap();
    assert_eq!(violated(&run(&text, Form::Journal, options())), ["majority-of-votes"]);
    assert_eq!(violated(&run(&text, Form::Printed, options())), Vec::<&str>::new());
}

#[test]
fn a_restart_that_forgets_is_named_and_one_that_remembers_is_clean() {
    let start = "2: 2 started\n".to_owned() + &clean();
    let durable =
        start.replace("2: 5 received prepare", "2: 2 started n=1 h=1\n2: 5 received prepare");
    assert_eq!(violated(&run(&durable, Form::Journal, options())), Vec::<&str>::new());
    let mut forgets = format!("{start}2: 2 started\n");
    round(&mut forgets, 1, "prepare", "X", 1, &[(2, "X", 1, None)]);
    let report = run(&forgets, Form::Journal, options());
    assert!(violated(&report).contains(&"promise-kept"));
    let finding = report.findings.iter().find(|f| f.rule.row().name == "promise-kept").unwrap();
    assert!(finding.sentence.contains("restarted"), "{}", finding.sentence);
}

#[test]
fn the_lost_end_of_a_killed_peers_lines_is_not_held_against_it() {
    // The last thing that peer4 printed is its promise of 5; its vote was received all the same.
    let text = without(&clean(), &["4: 4 sent accept_ack X 5"]);
    let report = run(&text, Form::Printed, options());
    assert_eq!(violated(&report), Vec::<&str>::new());
    assert!(undecided(&report).contains(&"received-was-sent"));
    // A journal is written before anything is sent.
    assert_eq!(violated(&run(&text, Form::Journal, options())), ["received-was-sent"]);
}

#[test]
fn one_peers_lines_alone_are_never_called_wrong() {
    for only in ["1", "2", "5"] {
        let own = |line: &&str| line.starts_with(only);
        let text = clean().lines().filter(own).collect::<Vec<_>>().join("\n");
        for form in [Form::Printed, Form::Journal] {
            for options in [options(), Options::default()] {
                let report = run(&text, form, options);
                assert_eq!(violated(&report), Vec::<&str>::new(), "peer{only} {form:?}");
            }
        }
    }
}

#[test]
fn a_journal_and_the_printed_lines_of_the_same_run_agree() {
    let mut inputs = vec![];
    let journal: Vec<String> = clean().lines().map(|l| render(l, Form::Journal).1).collect();
    inputs.push(("t.jsonl".to_owned(), journal.join("\n")));
    for peer in 1..=5 {
        let lines = clean();
        let own = lines.lines().map(|l| render(l, Form::Printed)).filter(|(p, _)| *p == peer);
        let own: Vec<String> = own.map(|(_, json)| json).collect();
        inputs.push((format!("p{peer}.out"), own.join("\n")));
    }
    assert_eq!(violated(&judge(&inputs, options())), Vec::<&str>::new());
    inputs.reverse();
    assert_eq!(violated(&judge(&inputs, options())), Vec::<&str>::new());
}

#[test]
fn what_the_last_proposal_lacked_is_said() {
    let mut text = String::new();
    round(&mut text, 1, "prepare", "X", 6, &[(3, "X", 6, None), (4, "X", 6, None)]);
    round(&mut text, 5, "prepare", "Y", 5, &[(2, "Y", 5, None), (3, "Y", 6, None)]);
    for form in [Form::Journal, Form::Printed] {
        let report = run(&text, form, options());
        let mut missing = report.findings.iter().filter(|f| f.rule.row().name == "missing");
        let sentence = &missing.find(|f| f.sentence.contains("proposal 5")).unwrap().sentence;
        assert!(sentence.contains("has promises from peer2 only and needs 2 of 3"), "{sentence}");
        assert!(sentence.contains("peer3 promised 6 to peer1 at line"), "{sentence}");
        assert!(broken(&report).contains(&"refused") && broken(&report).contains(&"never-chose"));
    }
}

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
    let text: String = clean().lines().take(22).map(|line| format!("{line}\n")).collect();
    for (name, lines) in in_dialects(&text) {
        for options in [options(), Options::default()] {
            let report = judge(&[("log".into(), lines.clone())], options);
            assert_eq!(report.subject.events, 22, "{name}\n{lines}");
            assert!(!report.violated(false), "{name}: {}", report.for_people(&[], false));
            assert_eq!(report.subject.chosen, ["X"], "{name}");
            let exact = ["compose", "older compose", "colours", "times", "other text"];
            let differs = report.violated(true);
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
    assert!(!report.violated(false) && report.violated(true));
}

#[test]
fn text_of_a_log_cannot_write_on_the_terminal() {
    let line = "{\"peer_id\":1,\"action\":\"chose\",\"message_type\":\"chose\",\"message_value\":\"\u{1b}[2J\",\"proposal_num\":1}";
    let report =
        judge(&[("a\u{1b}b".into(), format!("{line}\n{}", line.replace("[2J", "Q")))], options());
    let people = report.for_people(&["a\u{1b}b".into()], true);
    assert!(!people.contains('\u{1b}') && people.contains("VIOLATED"));
    let json: serde_json::Value = serde_json::from_str(&report.json(&[], true)).unwrap();
    assert_eq!(json["verdict"], "violated");
}

/// Lines of the pieces that lines are made of, so that they come close to being right.
fn nearly_a_log() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "{\"peer_id\":",
        "1",
        "2",
        "65536",
        ",\"action\":\"sent\"",
        ",\"action\":\"received\"",
        ",\"action\":\"chose\"",
        ",\"action\":\"started\"",
        ",\"message_type\":\"prepare\"",
        ",\"message_type\":\"prepare_ack\"",
        ",\"message_type\":\"accept\"",
        ",\"message_type\":\"accept_ack\"",
        ",\"message_value\":\"X\"",
        ",\"message_value\":",
        ",\"proposal_num\":1}\n",
        ",\"proposal_num\":1.10}\n",
        ",\"proposal_num\":18446744073709551615}\n",
        ",\"at\":2",
        ",\"to\":1",
        ",\"answers\":5",
        ",\"accepted_proposal\":1",
        "{",
        "}",
        "\"",
        "'",
        "\\",
        "\\u00",
        ",",
        ":",
        "[",
        "]",
        "\n",
        "\r\n",
        "peer1  | ",
        "\u{1b}[3",
        "\u{feff}",
        "é",
        "\0",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Any lawful or unlawful little run, each line whole.
fn any_run() -> impl Strategy<Value = String> {
    let line = (1_u16..6, 1_u16..6, 0_usize..9, 0_usize..3, 0_u64..8, 0_u64..8).prop_map(
        |(p, id, what, value, n, other)| {
            let what = [
                "sent prepare",
                "received prepare",
                "sent prepare_ack",
                "received prepare_ack",
                "sent accept",
                "received accept",
                "sent accept_ack",
                "received accept_ack",
                "chose chose",
            ][what];
            let id = if what.starts_with("received") { id } else { p };
            let value = ["X", "Y", "Z"][value];
            format!("{p}: {id} {what} {value} {n} >{id} a={other} h={other}\n")
        },
    );
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.concat())
}

/// The lines of each peer in their order, the peers shuffled by `picks`.
fn shuffled(text: &str, picks: &[usize]) -> String {
    let mut queues = BTreeMap::<&str, std::collections::VecDeque<&str>>::new();
    for line in text.lines() {
        queues.entry(&line[..1]).or_default().push_back(line);
    }
    let mut out = String::new();
    for pick in picks.iter().cycle() {
        let Some(key) = queues.keys().nth(pick % queues.len().max(1)).copied() else { break };
        let queue = queues.get_mut(key).unwrap();
        writeln!(out, "{}", queue.pop_front().unwrap()).unwrap();
        if queue.is_empty() {
            queues.remove(key);
        }
    }
    out
}

fn compose(text: &str) -> String {
    let lines = text.lines().map(|line| render(line, Form::Printed));
    lines.map(|(peer, json)| format!("peer{peer}  | {json}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_judge_panic(log in nearly_a_log(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for log in [log, bytes] {
            let mut judge = Judge::new(options());
            let mut reader = Reader::new("log", &log[..], Names::new()).unwrap();
            let mut lines = 0;
            while let Some(line) = reader.next_line().unwrap() {
                judge.line(0, &line);
                lines += 1;
            }
            prop_assert_eq!(lines, log.split_inclusive(|byte| *byte == b'\n').count());
            let report = judge.finish();
            report.for_people(&[], true);
            let json: serde_json::Value = serde_json::from_str(&report.json(&[], true)).unwrap();
            prop_assert!(json["rules"].is_array());
        }
    }

    #[test]
    fn no_run_makes_the_judge_panic(text in any_run()) {
        for form in [Form::Printed, Form::Journal] {
            run(&text, form, options()).for_people(&[], true);
            run(&text, form, Options::default());
        }
    }

    #[test]
    fn no_finding_rests_on_how_the_peers_lines_were_shuffled(
        picks in prop::collection::vec(0_usize..5, 1..80),
        which in any::<prop::sample::Index>(),
    ) {
        let mut runs = doctored();
        runs.push(("", clean(), true));
        runs.push(("", third_round("Y"), true));
        let (_, text, _) = which.get(&runs);
        let judged = |text: &str| {
            let report = judge(&[("log".into(), compose(text))], options());
            (violated(&report), undecided(&report))
        };
        prop_assert_eq!(judged(text), judged(&shuffled(text, &picks)));
    }
}
