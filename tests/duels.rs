//! Honest runs are not accused: proposers that duel, and the lines that they print.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use common::{Program, Scratch, synod};

const HOSTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hostsfiles/hostsfile-testcase2.txt");
const RUNS: usize = 40;

/// The report of `check` on these files.
fn check(words: &str) -> String {
    Program::start(synod(&format!("check {words}"))).end().out.join("\n")
}

#[test]
fn the_printed_lines_of_a_duel_are_never_called_wrong() {
    let scratch = Scratch::new();
    for run in 0..RUNS {
        let end = Program::start(synod("local")).end();
        let lines: Vec<&String> = end.out.iter().take_while(|line| !line.is_empty()).collect();
        let mut all = String::new();
        let mut files = BTreeMap::<&str, String>::new();
        for line in lines {
            let (name, json) = line.split_once(" | ").expect("a name and a line");
            writeln!(all, "{line}").expect("a String takes all");
            let own = files.entry(name.trim_end()).or_default();
            writeln!(own, "{json}").expect("a String takes all");
        }
        let mixed = scratch.path("mixed.log");
        fs::write(&mixed, &all).expect("can be written");
        let mut each = String::new();
        for (name, lines) in &files {
            let path = scratch.path(format!("{name}.out"));
            fs::write(&path, lines).expect("can be written");
            write!(each, " {}", path.display()).expect("a String takes all");
        }
        let mixed = mixed.display();
        for words in [
            format!("{mixed}"),
            format!("{mixed} --hosts {HOSTS}"),
            format!("--hosts {HOSTS}{each}"),
            format!("--strict{each}"),
        ] {
            let report = check(&words);
            assert!(report.contains("clean: "), "run {run}, check {words}: {report}\n{all}");
            assert!(!report.contains("VIOLATED"), "run {run}, check {words}: {report}\n{all}");
        }
    }
}

#[test]
fn every_value_is_printed_in_the_exact_form() {
    let scratch = Scratch::new();
    for (index, value) in
        [" ", "\t", "\"", "\\", "\u{1b}", "<", "\u{7f}", "é", "{", "}"].iter().enumerate()
    {
        let mut command = synod("local");
        command.args(["-t", "0,0.3", "-v", &format!("{value},Y")]);
        let end = Program::start(command).end();
        let lines: Vec<&str> =
            end.out.iter().take_while(|line| !line.is_empty()).map(String::as_str).collect();
        assert!(lines.len() > 20, "{value:?}: {end:#?}");
        let log = scratch.file(&format!("{index}.log"), lines.join("\n"));
        let report = check(&format!("--strict --hosts {HOSTS} {}", log.display()));
        assert!(report.contains("clean: ") && report.contains("exact"), "{value:?}: {report}");
    }
}

#[test]
fn a_blank_that_is_chosen_is_another_value() {
    let chose = |peer: u16, value: &str| {
        format!(
            "{{\"peer_id\":{peer},\"action\":\"chose\",\"message_type\":\"chose\",\
             \"message_value\":\"{value}\",\"proposal_num\":1}}"
        )
    };
    let scratch = Scratch::new();
    for blank in [" ", "\\t"] {
        let text = format!("{}\n{}\n", chose(1, "X"), chose(2, blank));
        let log = scratch.file("blank.log", text);
        let report = check(&log.display().to_string());
        assert!(report.contains("VIOLATED: one-value: "), "{blank:?}: {report}");
    }
}
