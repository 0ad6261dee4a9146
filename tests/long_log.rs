//! A log may be of any length: what is kept in memory does not grow with it.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may panic, and says its figures

mod duel;

use std::fs;
use std::io::BufReader;
use std::time::Instant;

use duel::{Duel, Look};
use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{PaxosJudge, PaxosOptions, Report};

fn judge(look: Look, lines: u64) -> Report {
    let input = BufReader::with_capacity(1 << 18, Duel::new(look, lines));
    let mut reader = Reader::new("duel", input, Names::new()).unwrap();
    let mut judge = PaxosJudge::new(PaxosOptions::default());
    while let Some(line) = reader.next_line().unwrap() {
        judge.line(0, &line);
    }
    judge.finish()
}

/// The most memory that this process has had, in MiB; none where the system does not say.
fn most_memory_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn is_clean_and_small(look: Look, lines: u64, most_mib: u64) {
    let start = Instant::now();
    let report = judge(look, lines);
    let seconds = start.elapsed().as_secs_f64();
    let memory = most_memory_mib();
    println!("{look:?}: {lines} lines in {seconds:.2} s, at most {memory:?} MiB");
    assert!(!report.findings.violated(false), "{}", report.for_people(&[], false));
    assert!(report.events > lines - 48, "{}", report.events);
    // With forgotten numbers, rules are still held rather than undecided.
    let undecided = report.findings.names(|tally| tally.undecided);
    assert!(undecided.iter().all(|rule| *rule == "vote-kept"), "{undecided:?}");
    assert!(memory.is_none_or(|memory| memory <= most_mib), "{memory:?} MiB");
}

#[test]
fn a_log_longer_than_the_memory_of_the_judge_is_judged_in_bounded_memory() {
    is_clean_and_small(Look::Compose, 600_000, 80);
}

/// `cargo test --release --test long_log -- --ignored --nocapture`
#[test]
#[ignore = "a minute in release; the smaller one above always runs"]
fn ten_million_lines_are_judged_in_bounded_memory() {
    is_clean_and_small(Look::Compose, 10_000_000, 80);
    is_clean_and_small(Look::Journal, 10_000_000, 80);
}

#[test]
fn one_endless_line_is_skipped_in_bounded_memory() {
    use std::io::{Read, repeat};
    let input = BufReader::new(repeat(b'{').take(200 << 20));
    let mut reader = Reader::new("long", input, Names::new()).unwrap();
    let mut lines = 0;
    while reader.next_line().unwrap().is_some() {
        lines += 1;
    }
    assert_eq!(lines, 1);
    let memory = most_memory_mib();
    assert!(memory.is_none_or(|memory| memory <= 400), "{memory:?} MiB");
}
