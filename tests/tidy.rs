//! The style as a test: which module may import which, what is never called, how long things are.
//!
//! The arrows are those of `src/lib.rs`. Tests inside `src` are free of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may name of this crate, beside itself. A new module gets a line here.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "protocols"]),
    ("command", &["error", "hosts", "node", "process", "trace"]),
    ("protocols", &["error", "member", "paxos", "ready", "sim"]),
    ("lib", &[]),
    (
        "cli",
        &[
            "command",
            "error",
            "fnv",
            "hosts",
            "member",
            "node",
            "paxos",
            "process",
            "protocols",
            "ready",
            "sim",
            "trace",
            "visible",
        ],
    ),
    ("paxos", &["process"]),
    ("ready", &["process"]),
    ("member", &["process"]),
    ("node", &["error", "fnv", "process", "visible"]),
    ("sim", &["error", "process", "visible"]),
    ("hosts", &["error", "fnv", "process", "visible"]),
    ("trace", &["error", "hosts", "member", "paxos", "visible"]),
    ("process", &[]),
    ("error", &[]),
    ("fnv", &[]),
    ("visible", &[]),
];

/// Protocols: values without any I/O.
const PROTOCOLS: &[&str] = &["paxos", "ready", "member"];

/// What is never called, where it may be all the same, and what to write instead.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("println!", &[], "hand lines to command/printer.rs: standard output may be closed"),
    ("print!", &[], "hand lines to command/printer.rs: standard output may be closed"),
    ("dbg!", &[], "report a fact, or take it out"),
    (".unwrap()", &[], "return an error with `.doing(..)`, or `.expect(..)` why it cannot fail"),
    ("todo!", &[], "do it, or say in the module's doc that it is left out"),
    ("unimplemented!", &[], "do it, or say in the module's doc that it is left out"),
    ("process::exit", &["command/"], "return an `ExitCode`, or an error up to cli"),
    ("thread::sleep", &["member/command.rs", "node/tcp.rs"], "wait on a `Condvar` with a deadline"),
    ("thread::spawn", &[], "`thread::Builder`: a machine may have no room for a thread"),
    ("TcpStream::connect(", &[], "`TcpStream::connect_timeout`"),
    ("env::args", &["main.rs"], "take the arguments from `cli`"),
];

/// What a protocol never touches, and what it does instead.
const NO_IO: &[(&str, &str)] = &[
    ("std::io", "`Effect::Send` or `Effect::Report`"),
    ("std::fs", "`Effect::Persist`"),
    ("std::net", "`Effect::Send`"),
    ("std::thread", "`Effect::SetTimer`"),
    ("std::process", "`Effect::Report`"),
    ("std::env", "a field of its setup"),
    ("Instant", "`Effect::SetTimer`"),
    ("SystemTime", "`Effect::SetTimer`"),
    ("RandomState", "a `Delay`, which the driver draws"),
    ("HashMap", "`BTreeMap`, so that a run is the same every time"),
    ("HashSet", "`BTreeSet`, so that a run is the same every time"),
    ("Mutex", "nothing: the driver feeds one event at a time"),
];

/// A source file without its tests.
struct Source {
    /// Below `src`, with `/`.
    name: String,
    text: String,
    /// Comments and the insides of strings are blank, tests are gone; lines are kept.
    code: String,
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let sources: Vec<Source> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).expect("is below").display().to_string();
            let text = fs::read_to_string(&path).expect("UTF-8");
            let code = without_tests(&blank(&text));
            Source { name: name.replace('\\', "/"), text, code }
        })
        .filter(|source| !source.name.contains("/tests/") && !source.name.ends_with("/tests.rs"))
        .collect();
    assert!(sources.len() > 20, "only {} files were found", sources.len());
    sources
}

/// Blanks comments, and what stands in strings and character literals.
fn blank(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => string_length(rest),
            '\'' => character_length(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            let keep_ends = |c: char| if c == '\n' { '\n' } else { ' ' };
            code.extend(rest[..length].chars().map(keep_ends));
            rest = &rest[length..];
        }
    }
    code
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// 0 for a lifetime.
fn character_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\''),
        Some(_) => characters.next().filter(|(_, c)| *c == '\'').map(|(at, c)| (at - 2, c)),
        None => None,
    }
    .map_or(0, |(at, _)| at + 3)
}

/// Takes out every item under `#[cfg(test)]`: a `mod tests;`, or a block up to its brace.
fn without_tests(code: &str) -> String {
    let mut lines = code.lines();
    let mut kept = String::new();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        if !lines.next().is_some_and(|item| item.trim_end().ends_with(';')) {
            let _ = lines.find(|line| line.trim_end() == end);
        }
    }
    kept
}

/// The names that follow `prefix` in the code: of `crate::{a::b, c}` they are a and c.
fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        names.insert(word(list));
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => _ = names.insert(word(&list[at + 1..])),
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

/// `paxos` of `paxos/peer.rs`, `error` of `error.rs`.
fn module(source: &Source) -> &str {
    let first = source.name.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// True if it belongs to a protocol and not to its core.
fn is_outer(source: &Source) -> bool {
    let mut parts = source.name.split('/');
    let outer = [
        "command", "lines", "service", "verdict", "live", "event", "judge", "sim", "mutants",
        "diagram",
    ];
    PROTOCOLS.contains(&parts.next().unwrap_or_default())
        && parts.next().is_some_and(|part| outer.contains(&part.trim_end_matches(".rs")))
}

/// Fails with all of these lines, if there are any.
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn imports_follow_the_arrows() {
    let mut problems = Vec::new();
    for source in &sources() {
        let (name, me) = (&source.name, module(source));
        if is_outer(source) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == me) else {
            problems.push(format!("{name}: say in tests/tidy.rs what {me} may import"));
            continue;
        };
        let mut named = named_after(&source.code, "crate::");
        named.extend(named_after(&source.code, "synod::"));
        for other in named {
            if other != me && !allowed.contains(&other.as_str()) {
                problems.push(format!("{name}: {me} must not import {other}"));
            }
        }
        // `super` up to the root would hide an arrow.
        let depth = source.name.matches('/').count() + usize::from(!name.ends_with("mod.rs"));
        if source.code.contains(&"super::".repeat(depth.max(1))) {
            problems.push(format!("{name}: write crate:: for what stands outside of {me}"));
        }
    }
    none(&problems);
}

#[test]
fn drivers_and_the_trace_name_no_protocol() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|s| ["node", "process"].contains(&module(s))) {
        for protocol in PROTOCOLS {
            // `ready` and `member` are words as well; as a path they are the protocols.
            if source.code.contains(&format!("{protocol}::")) {
                problems.push(format!("{}: it names {protocol}", source.name));
            }
        }
    }
    none(&problems);
}

#[test]
fn what_is_banned_is_not_called() {
    let mut problems = Vec::new();
    for source in &sources() {
        for (number, line) in source.code.lines().enumerate() {
            let at = format!("{}, line {} of the code", source.name, number + 1);
            for (call, where_allowed, instead) in BANNED {
                let allowed = where_allowed.iter().any(|place| source.name.starts_with(place));
                if !allowed && line.contains(call) {
                    problems.push(format!("{at}: no {call}; instead: {instead}"));
                }
            }
            for (thing, instead) in NO_IO {
                if PROTOCOLS.contains(&module(source)) && !is_outer(source) && line.contains(thing)
                {
                    problems.push(format!("{at}: no {thing} in a protocol; instead: {instead}"));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn every_module_says_what_it_is_for() {
    let missing = |source: &Source| {
        let told = source.text.starts_with("//! ");
        (!told).then(|| format!("{}: it does not begin with a //! doc", source.name))
    };
    none(&sources().iter().filter_map(missing).collect::<Vec<_>>());
}

#[test]
fn files_have_at_most_400_lines_of_code() {
    let long = |source: &Source| {
        let count = source.code.lines().filter(|line| !line.trim().is_empty()).count();
        (count > 400).then(|| format!("{}: {count} lines of code; split it", source.name))
    };
    none(&sources().iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn lines_have_at_most_100_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples"].map(|name| root.join(name)) {
        if folder.is_dir() {
            rust_files(&folder, &mut files);
        }
    }
    let mut problems = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for (number, line) in text.lines().enumerate() {
            // A line that is given literally cannot be broken.
            let literal = line.trim_start().starts_with("r#\"{");
            if line.chars().count() > 100 && !literal {
                let path = path.strip_prefix(root).expect("is below").display();
                problems.push(format!("{path}:{}: over 100 columns", number + 1));
            }
            if line.trim_end() != line {
                problems.push(format!("{}:{}: blanks at the end", path.display(), number + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn this_test_reads_code_as_it_should() {
    let code =
        blank("let a = \"x // \\\" y\"; // crate::b\nlet c: &'a str = f('\\'', '\"', 'é');\n");
    assert!(!code.contains("crate") && !code.contains('x') && !code.contains('é'), "{code}");
    assert!(code.contains("&'a str = f("), "{code}");
    let code = "use crate::{a::{b, c}, d};\nlet _ = crate::e::f;\n";
    assert_eq!(named_after(code, "crate::"), ["a", "d", "e"].map(str::to_owned).into());
    let code = "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\nmod b {\n    c\n}\nd\n";
    assert_eq!(without_tests(code), "fn a() {}\nd\n");
}
