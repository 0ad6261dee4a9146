//! How many lines of code `src` has, in each folder and in all: no blanks, comments or tests.
//!
//! `make lines` prints it, and fails where there are more than the bound.

#[path = "../tests/tidy/source.rs"]
#[allow(dead_code, reason = "the test of the style reads more of it")]
mod source;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// How large the program may be.
const MOST_LINES: usize = 22_500;

fn main() -> io::Result<ExitCode> {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for (source, _) in source::sources() {
        // Two levels: `paxos/judge`, but `paxos` for what is at the top.
        let parts: Vec<&str> = source.name.split('/').collect();
        let folder = parts[..(parts.len() - 1).min(2)].join("/");
        *folders.entry(folder).or_default() += source.count(1, usize::MAX);
    }
    let total: usize = folders.values().sum();
    let mut out = io::stdout().lock();
    for (folder, lines) in &folders {
        writeln!(out, "{lines:>6}  src/{folder}")?;
    }
    writeln!(out, "{total:>6}  in all; at most {MOST_LINES}")?;
    Ok(if total > MOST_LINES { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
