//! Walks through every run of a few peers, within bounds, and says what it found.
//!
//! ```text
//! explore [BOUND ...]          explore these bounds, or those of a few minutes
//! explore list                 the bounds, by name
//! explore mutants [NAME ...]   explore the mutants of Paxos
//! explore serve [BOUND] [ADDRESS]   stateright's explorer in the browser
//!     --minutes N              give each bound up after so long
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr)]

// The tests use parts that the example does not.
#[allow(dead_code)]
mod model;

use std::process::ExitCode;
use std::time::Duration;

use model::Exploration;
use model::bounds::{NAMED, Named};
use model::run::{Outcome, exhaust};
use stateright::Model;
use synod::paxos::Peer;

/// Where the explorer listens unless told otherwise.
const ADDRESS: &str = "127.0.0.1:3000";

/// How long a mutant is tried within each bound.
const MUTANT_LIMIT: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let mut words = Vec::new();
    let mut minutes = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        if word == "--minutes" {
            let Some(number) = arguments.next().and_then(|number| number.parse().ok()) else {
                eprintln!("explore: --minutes needs a number");
                return ExitCode::from(2);
            };
            minutes = Some(number);
        } else {
            words.push(word);
        }
    }
    match words.first().map(String::as_str) {
        Some("list") => {
            for named in &NAMED {
                println!("{:16} {}", named.name, named.about);
            }
            ExitCode::SUCCESS
        }
        Some("mutants") => mutants(&words[1..], minutes.map_or(MUTANT_LIMIT, in_minutes)),
        Some("serve") => serve(&words[1..]),
        _ => run(&words, minutes.map(in_minutes)),
    }
}

fn in_minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// A line for each mutant: its name, and how it was caught, if it was.
fn mutants(names: &[String], limit: Duration) -> ExitCode {
    for mutant in synod::paxos::mutants::all() {
        if names.is_empty() || names.iter().any(|name| name == mutant.name) {
            let how = model::mutants::caught(mutant, limit);
            let how = how.map_or_else(String::new, |caught| caught.to_string());
            println!("{}\t{how}", mutant.name);
        }
    }
    ExitCode::SUCCESS
}

fn named(name: &str) -> Option<&'static Named> {
    let found = NAMED.iter().find(|named| named.name == name);
    if found.is_none() {
        eprintln!("explore: no bound is called {name}; see explore list");
    }
    found
}

fn serve(words: &[String]) -> ExitCode {
    let Some(bound) = named(words.first().map_or("first-steps", String::as_str)) else {
        return ExitCode::from(2);
    };
    let address = words.get(1).map_or(ADDRESS, String::as_str);
    println!("{}: http://{address}/", bound.about);
    Exploration::new(bound.bounds, Peer::new).checker().serve(address);
    ExitCode::SUCCESS
}

fn run(names: &[String], limit: Option<Duration>) -> ExitCode {
    let mut chosen: Vec<&Named> = Vec::new();
    for name in names {
        let Some(bound) = named(name) else { return ExitCode::from(2) };
        chosen.push(bound);
    }
    if names.is_empty() {
        chosen = NAMED.iter().filter(|named| named.states.is_some()).collect();
    }
    println!(
        "{:16} {:>11} {:>12} {:>6} {:>9} {:>7}  all tried?",
        "bound", "states", "steps", "depth", "seconds", "MiB"
    );
    let mut good = true;
    for bound in chosen {
        let outcome = exhaust(bound.bounds, Peer::new, limit);
        let Outcome { states, steps, depth, took, exhausted, .. } = &outcome;
        let verdict = if *exhausted { "yes" } else { "no, stopped" };
        println!(
            "{:16} {states:>11} {steps:>12} {depth:>6} {:>9.1} {:>7}  {verdict}",
            bound.name,
            took.as_secs_f64(),
            peak_mib().map_or_else(|| "?".into(), |mib| mib.to_string()),
        );
        good &= outcome.violated.is_empty();
        for (name, steps) in &outcome.violated {
            println!("VIOLATED: {name}");
            for step in steps {
                println!("    {step}");
            }
        }
        if let Some(pinned) = bound.states.filter(|pinned| *exhausted && pinned != states) {
            println!("{}: {pinned} states were expected", bound.name);
            good = false;
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The most memory that this process ever held.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
