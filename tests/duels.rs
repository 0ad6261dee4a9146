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
            let path = scratch.path(&format!("{name}.out"));
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
