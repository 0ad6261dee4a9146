//! The parts of the program on which a promise or a verdict depends, and the tests that are run.

use std::collections::BTreeSet;
use std::path::Path;

/// A part and its files; a name that ends with `/` stands for all below it, `*` for the files of a
/// folder.
pub(crate) const PARTS: &[(&str, &[&str])] = &[
    ("process", &["src/process.rs"]),
    ("node", &["src/node/"]),
    ("cli", &["src/cli/check.rs", "src/cli/judge/", "src/cli/local/"]),
    ("live", &["src/command/live.rs", "src/sync/live.rs"]),
    ("member-judge", &["src/member/judge/"]),
    ("hosts", &["src/hosts/"]),
    ("ready", &["src/ready/*"]),
    ("paxos", &["src/paxos/*", "src/paxos/peer/"]),
    ("member", &["src/member/*"]),
    ("paxos-judge", &["src/paxos/judge/"]),
];

/// What makes no promise: tests, drawings, the simulator's side, and what reads arguments.
const LEFT_OUT: &[&str] = &["tests", "diagram", "sim", "mutants", "command"];

/// Test binaries besides the unit tests: first those without processes and sockets.
pub(crate) const PURE: &[&str] = &[
    "transcripts",
    "roles",
    "schedules",
    "seeds",
    "teeth",
    "check",
    "views",
    "any_log",
    "dialects",
    "gaps",
    "reports",
    "echo",
];

/// Tests on real processes.
pub(crate) const REAL: &[&str] = &[
    "cli",
    "runtime",
    "durability",
    "data",
    "strangers",
    "bodies",
    "unlisted",
    "local",
    "barrier",
    "group",
    "judge",
    "verdicts",
    "cluster",
    "restarts",
    "stalled",
    "slow_links",
    "addresses",
];

/// The files of a part.
///
/// # Errors
/// A name of the table stands for nothing: whatever has moved would not be tried any more.
pub(crate) fn files(patterns: &[&str], all: &BTreeSet<String>) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for pattern in patterns {
        let here = |file: &&String| {
            let path = Path::new(file.as_str());
            let folder = pattern.trim_end_matches(['*', '/']);
            let inside = match pattern.as_bytes().last() {
                Some(b'*') => path.parent() == Some(Path::new(folder)),
                Some(b'/') => path.starts_with(folder),
                _ => path == Path::new(folder),
            };
            let mut names = path.iter().map(|name| name.to_string_lossy());
            let left_out = names.any(|name| LEFT_OUT.contains(&name.trim_end_matches(".rs")));
            let is_named = file == pattern;
            inside
                && (is_named || !left_out)
                && path.extension().is_some_and(|extension| extension == "rs")
        };
        let before = found.len();
        found.extend(all.iter().filter(here).cloned());
        if found.len() == before {
            return Err(format!("there is no {pattern}"));
        }
    }
    Ok(found)
}
