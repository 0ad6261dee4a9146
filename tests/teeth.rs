//! The judge bites: doctored runs are caught by the rule that they break, and clean ones are not.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runs::{
    Form, broken, clean, doctored, edit, judge, options, render, round, run, suspected,
    third_round, undecided, violated, without,
};
use synod::paxos::judge::{AckNumber, PaxosOptions, PaxosRule};
use synod::trace::findings::{Rule as _, Severity};

#[test]
fn clean_runs_are_clean_and_every_rule_has_looked() {
    for (text, form) in [
        (clean(), Form::Printed),
        (clean(), Form::Journal),
        (third_round("Y"), Form::Printed),
        (third_round("Y"), Form::Journal),
    ] {
        for options in [options(), PaxosOptions::default()] {
            let report = run(&text, form, options);
            assert_eq!(violated(&report), Vec::<&str>::new(), "{form:?}");
            assert!(report.is_readable() && !report.findings.violated(true));
            let people = report.for_people(&["f".into()], false);
            assert!(!people.contains("nothing to judge"), "{people}");
        }
    }
    let report = run(&clean(), Form::Journal, options());
    assert_eq!(undecided(&report), Vec::<&str>::new());
    assert_eq!(report.summary.chosen, ["X"]);
}

/// The acks are known to show the promise.
fn by_promise() -> PaxosOptions {
    PaxosOptions { acks: Some(AckNumber::Promise), ..options() }
}

#[test]
fn each_doctored_run_is_caught_by_its_rule() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for runs::Doctored { rule, text, printed_too } in doctored() {
        *seen.entry(rule).or_default() += 1;
        for form in [Form::Journal, Form::Printed] {
            let report = run(&text, form, by_promise());
            // Printed lines may have lost their beginning, or a proposer.
            let is_journal = form == Form::Journal;
            let caught = if is_journal { violated(&report) } else { suspected(&report) };
            if is_journal || printed_too {
                let people = report.for_people(&[], false);
                assert!(caught.contains(&rule), "{rule} {form:?}: {caught:?}\n{text}\n{people}");
                let finding =
                    report.findings.list.iter().find(|f| f.rule.row().name == rule).unwrap();
                assert!((1..=2).contains(&finding.lines.len()), "{finding:?}");
            }
        }
    }
    for row in PaxosRule::TABLE {
        let elsewhere = ["expected-value", "own-peer-id"].contains(&row.name);
        let safety = row.level == Severity::Safety;
        assert!(!safety || elsewhere || seen.get(row.name) >= Some(&2), "{}", row.name);
    }
}

#[test]
fn the_same_run_without_a_hostsfile_is_caught_too() {
    for runs::Doctored { rule, text, .. } in doctored() {
        if text.contains("prepare X 9") {
            continue; // Who owns 9 is known from the number of peers alone.
        }
        let report = run(&text, Form::Journal, PaxosOptions::default());
        // Where the roles are not known, other proposers and acceptors may have said more.
        let open = ["majority-of-promises", "majority-of-votes", "value-was-proposed"];
        let roles = open.contains(&rule);
        assert!(violated(&report).contains(&rule) || roles, "{rule}\n{text}");
    }
}

#[test]
fn the_value_expected_must_be_chosen() {
    let expect = |value: &str| PaxosOptions { expect: Some(value.into()), ..options() };
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
    let report = run(&text, Form::Printed, PaxosOptions::default());
    assert!(violated(&report).contains(&"highest-accepted-value"), "{:?}", broken(&report));
    // With X among the promises it may have been accepted last, as far as the lines tell.
    let open = text.replace("2: 2 sent prepare_ack Y 7", "2: 2 sent prepare_ack X 7");
    let open = open.replace("7: 2 received prepare_ack Y 7", "7: 2 received prepare_ack X 7");
    let open = edit(
        &open,
        &[("5: 5 sent prepare Y 5 >2", "1: 1 sent accept X 6 >4\n5: 5 sent prepare Y 5 >2")],
    );
    // What peer2 showed before would tell that it holds nothing.
    let is_gone = |line: &&str| line.starts_with("2: ") && !line.contains(" 7 ");
    let open: Vec<&str> = open.lines().filter(|line| !is_gone(line)).collect();
    let report = run(&open.join("\n"), Form::Printed, PaxosOptions::default());
    assert!(undecided(&report).contains(&"highest-accepted-value"), "{:?}", report.findings.list);
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
    let finding =
        report.findings.list.iter().find(|f| f.rule.row().name == "promise-kept").unwrap();
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
            for options in [options(), PaxosOptions::default()] {
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
        let mut missing = report.findings.list.iter().filter(|f| f.rule.row().name == "missing");
        let sentence = &missing.find(|f| f.sentence.contains("proposal 5")).unwrap().sentence;
        assert!(sentence.contains("has promises from peer2 only and needs 2 of 3"), "{sentence}");
        assert!(sentence.contains("peer3 promised 6 to peer1 at line"), "{sentence}");
        assert!(broken(&report).contains(&"refused") && broken(&report).contains(&"never-chose"));
    }
}
