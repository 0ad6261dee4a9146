//! The style as a test: which module may import which, what is never called, how long things are.
//!
//! The arrows are those of `src/lib.rs`. Tests inside `src` are free of them.

mod documents;
mod items;
mod paths;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use items::{Read, modules, program};
use source::{Source, rust_files};

/// The protocols: a folder each.
const PROTOCOLS: &[&str] = &["paxos", "ready", "member", "sync", "ring", "store"];

/// What in a protocol's folder is not its core, and the room that it belongs to. `service` is for
/// the commands of other protocols: it runs this one as a first step of theirs.
const ROOMS: &[(&str, &str)] = &[
    ("command", "command"),
    ("diagram", "diagram"),
    ("event", "event"),
    ("judge", "judge"),
    ("learn", "learn"),
    ("lines", "command"),
    ("live", "command"),
    ("mutants", "mutants"),
    ("service", "service"),
    ("sim", "sim"),
    ("verdict", "judge"),
];

/// What each room may import, besides itself; `X` is a protocol, `*` each of them. `error`, `hosts`
/// and `visible` are leaves, which serve all but the cores.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "protocols"]),
    ("", &[]),
    (
        "cli",
        &["command", "error", "hosts", "node", "process", "protocols", "sim", "trace", "visible"],
    ),
    (
        "protocols",
        &[
            "*/command",
            "*/diagram",
            "*/event",
            "*/judge",
            "*/learn",
            "*/sim",
            "command",
            "error",
            "sim",
            "trace",
        ],
    ),
    ("X", &["process"]),
    ("X/event", &["process", "trace", "visible"]),
    (
        "X/command",
        &[
            "*/service",
            "X",
            "X/event",
            "X/judge",
            "command",
            "error",
            "hosts",
            "node",
            "process",
            "trace",
            "visible",
        ],
    ),
    (
        "X/service",
        &["X", "X/event", "command", "error", "hosts", "node", "process", "trace", "visible"],
    ),
    ("X/judge", &["X/event", "command", "error", "hosts", "process", "trace", "visible"]),
    ("X/diagram", &["X/event", "X/judge", "error", "hosts", "process", "trace", "visible"]),
    ("X/mutants", &["X", "process", "sim"]),
    (
        "X/learn",
        &["X/diagram", "X/event", "X/judge", "X/sim", "command", "error", "hosts", "sim", "trace"],
    ),
    (
        "X/sim",
        &[
            "X",
            "X/command",
            "X/diagram",
            "X/event",
            "X/judge",
            "X/mutants",
            "command",
            "error",
            "hosts",
            "node",
            "process",
            "sim",
            "trace",
            "visible",
        ],
    ),
    ("command", &["error", "hosts", "node", "process", "trace", "visible"]),
    ("node", &["error", "fnv", "process", "visible"]),
    ("sim", &["command", "error", "fnv", "process", "trace", "visible"]),
    ("trace", &["error", "hosts", "process", "visible"]),
    ("hosts", &["error", "fnv", "process", "visible"]),
    ("process", &[]),
    ("error", &[]),
    ("fnv", &[]),
    ("visible", &[]),
];

/// Protocols whose core is built on another one's core, which their other rooms may name too. Their
/// judges may not.
const BUILT_ON: &[(&str, &str)] = &[("store", "paxos")];

/// What does not keep the arrows yet: the importing file's beginning, what it imports, and why.
const NOT_YET: &[(&str, &[&str], &str)] = &[];

/// Names that every protocol has: its own parts of the contract in `process.rs`.
const CONTRACT: &[&str] = &["Fact", "Input", "Message", "Peer", "Record", "Setup", "Timer"];

/// Other names that two public types may share, and why.
const SHARED_NAMES: &[(&str, &str)] = &[];

/// Functions of more than [`MOST_FUNCTION_LINES`], and why.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Files of more than [`MOST_FILE_LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];

const MOST_FUNCTION_LINES: usize = 70;
const MOST_FILE_LINES: usize = 400;
const MOST_COLUMNS: usize = 100;

/// What is never called, where it may be all the same, and what to write instead.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("println!", &[], "hand lines to command/printer.rs: standard output may be closed"),
    ("print!", &[], "hand lines to command/printer.rs: standard output may be closed"),
    ("eprintln!", &[], "hand lines to command/printer.rs: standard error may be closed"),
    ("dbg!", &[], "report a fact, or take it out"),
    (".unwrap()", &[], "return an error with `.doing(..)`, or `.expect(..)` why it cannot fail"),
    ("todo!", &[], "do it, or say in the module's doc that it is left out"),
    ("unimplemented!", &[], "do it, or say in the module's doc that it is left out"),
    ("process::exit", &["command/"], "return an `ExitCode`, or an error up to cli"),
    ("thread::sleep", &["member/command.rs", "node/tcp.rs"], "wait on a `Condvar`"),
    ("thread::spawn", &[], "`thread::Builder`: a machine may have no room for a thread"),
    ("TcpStream::connect", &[], "`TcpStream::connect_timeout`"),
    ("env::args", &[], "take the arguments from `cli`"),
    ("env::args_os", &["main.rs"], "take the arguments from `cli`"),
];

/// What a protocol's core never touches, and what it does instead.
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

/// The room of a module: `paxos/judge`, `paxos` for its core, or `node`.
fn room(module: &[String]) -> String {
    let first = module.first().map_or("", String::as_str);
    let room = ROOMS.iter().find(|(name, _)| module.get(1).is_some_and(|second| second == name));
    match room.filter(|_| PROTOCOLS.contains(&first)) {
        Some((_, room)) => format!("{first}/{room}"),
        None => first.to_owned(),
    }
}

/// Whether code in the room `from` may name something in the room `to`.
fn may_import(from: &str, to: &str) -> bool {
    let protocol = PROTOCOLS.iter().find(|protocol| from.split('/').next() == Some(**protocol));
    let general = |room: &str| {
        protocol.map_or(room.to_owned(), |protocol| match room.strip_prefix(protocol) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("X{rest}"),
            _ => room.to_owned(),
        })
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == general(from)) else {
        return false;
    };
    let any = PROTOCOLS.iter().find_map(|protocol| to.strip_prefix(protocol));
    let is_below = protocol.is_some_and(|protocol| BUILT_ON.contains(&(*protocol, to)));
    from == to
        || is_below && (general(from) == "X" || allowed.contains(&"X"))
        || allowed.contains(&general(to).as_str())
        || any.is_some_and(|rest| allowed.contains(&format!("*{rest}").as_str()))
}

/// Fails with all of these lines, if there are any.
fn none(problems: impl IntoIterator<Item = String>) {
    let problems: BTreeSet<String> = problems.into_iter().collect();
    let lines: Vec<String> = problems.into_iter().collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

/// The entries of a list that were not needed.
fn stale(list: &'static str, entries: &[&'static str], used: &BTreeSet<&str>) -> Vec<String> {
    let unused = entries.iter().filter(|entry| !used.contains(*entry));
    unused.map(|entry| format!("{list}: nothing needs {entry} any more")).collect()
}

#[test]
fn imports_follow_the_arrows() {
    let files = program();
    let modules = modules(files);
    let (mut problems, mut used) = (Vec::new(), BTreeSet::new());
    for Read { source, named, .. } in files {
        for named in named.iter().filter(|named| !modules.is_module_use(named)) {
            let Some(path) = modules.absolute(named) else { continue };
            let from = room(&source.module);
            for to in [modules.stated(&path), modules.owner(&path)].map(|module| room(&module)) {
                // The root has nothing of its own.
                if to.is_empty() || may_import(&from, &to) {
                    continue;
                }
                let not_yet = NOT_YET.iter().find(|(place, rooms, _)| {
                    source.name.starts_with(place) && rooms.contains(&to.as_str())
                });
                if let Some((place, ..)) = not_yet {
                    used.insert(*place);
                    continue;
                }
                let name = &source.name;
                problems.push(format!("{name}:{}: {from} must not import {to}", named.line));
            }
        }
    }
    problems.extend(stale("NOT_YET", &NOT_YET.iter().map(|e| e.0).collect::<Vec<_>>(), &used));
    none(problems);
}

#[test]
fn no_imports_run_in_a_circle_but_those_of_one_types_impl() {
    let files = program();
    let modules = modules(files);
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Read { source, named, .. } in files {
        let me = source.module.join("::");
        let targets =
            named.iter().filter(|named| !named.is_exported && !modules.is_module_use(named));
        let owners = targets.filter_map(|named| Some(modules.owner(&modules.absolute(named)?)));
        let owners: BTreeSet<String> = owners.map(|module| module.join("::")).collect();
        edges.entry(me.clone()).or_default().extend(owners.into_iter().filter(|to| *to != me));
    }
    let types: BTreeMap<String, &BTreeSet<String>> =
        files.iter().map(|read| (read.source.module.join("::"), &read.defined.types)).collect();
    let mut problems = Vec::new();
    for circle in circles(&edges) {
        let mut common = types[&circle[0]].clone();
        for module in &circle[1..] {
            common.retain(|name| types[module].contains(name));
        }
        if common.is_empty() {
            problems.push(format!("these import each other: {}", circle.join(" ")));
        }
    }
    none(problems);
}

/// The groups of modules that reach each other.
fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in edges.get(module).into_iter().flatten() {
                if reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|module| (module, reach(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, reaches) in &reached {
        let both = reaches.iter().filter(|other| {
            reached.get(**other).is_some_and(|back| back.contains(module)) && *other != module
        });
        let mut circle: Vec<String> = both.map(|other| (*other).clone()).collect();
        if !circle.is_empty() {
            circle.push((*module).clone());
            circle.sort();
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[test]
fn a_name_of_a_public_type_stands_for_one_thing() {
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Read { source, defined, .. } in program() {
        for name in &defined.public {
            places.entry(name).or_default().insert(&source.name);
        }
    }
    places.retain(|name, files| files.len() > 1 && !CONTRACT.contains(name));
    let (mut problems, mut used) = (Vec::new(), BTreeSet::new());
    for (name, files) in places {
        if SHARED_NAMES.iter().any(|(allowed, _)| *allowed == name) {
            used.insert(name);
        } else {
            let files: Vec<&str> = files.into_iter().collect();
            problems.push(format!("two public types are called {name}: {}", files.join(", ")));
        }
    }
    let shared: Vec<&str> = SHARED_NAMES.iter().map(|entry| entry.0).collect();
    problems.extend(stale("SHARED_NAMES", &shared, &used));
    none(problems);
}

#[test]
fn what_is_banned_is_not_called() {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for Read { source, calls, .. } in program() {
        for (line, call) in calls {
            let at = format!("{}:{line}", source.name);
            for (banned, where_allowed, instead) in BANNED {
                if call != banned && !call.ends_with(&format!("::{banned}")) {
                    continue;
                }
                match where_allowed.iter().find(|place| source.name.starts_with(**place)) {
                    Some(place) => _ = used.insert((*banned, *place)),
                    None => problems.push(format!("{at}: no {banned}; instead: {instead}")),
                }
            }
            let is_core = PROTOCOLS.contains(&room(&source.module).as_str());
            for (thing, instead) in NO_IO.iter().filter(|_| is_core) {
                let within = format!("::{call}::").contains(&format!("::{thing}::"));
                if within {
                    problems.push(format!("{at}: no {thing} in a protocol; instead: {instead}"));
                }
            }
        }
    }
    for (banned, places, _) in BANNED {
        let unused = places.iter().filter(|place| !used.contains(&(*banned, **place)));
        problems.extend(unused.map(|place| format!("BANNED: no {banned} in {place} any more")));
    }
    none(problems);
}

#[test]
fn every_module_says_what_it_is_for() {
    let missing = |Read { source, .. }: &Read| {
        let told = source.text.starts_with("//! ");
        (!told).then(|| format!("{}: it does not begin with a //! doc", source.name))
    };
    none(program().iter().filter_map(missing));
}

#[test]
fn files_have_at_most_400_lines_of_code() {
    let (mut problems, mut used) = (Vec::new(), BTreeSet::new());
    for Read { source, .. } in program() {
        let count = source.count(1, usize::MAX);
        if count <= MOST_FILE_LINES {
            continue;
        }
        match LONG_FILES.iter().find(|(allowed, _)| *allowed == source.name) {
            Some((allowed, _)) => _ = used.insert(*allowed),
            None => problems.push(format!("{}: {count} lines of code; split it", source.name)),
        }
    }
    let long: Vec<&str> = LONG_FILES.iter().map(|entry| entry.0).collect();
    problems.extend(stale("LONG_FILES", &long, &used));
    none(problems);
}

#[test]
fn functions_have_at_most_70_lines_of_code() {
    let (mut problems, mut used) = (Vec::new(), BTreeSet::new());
    for Read { source, functions, .. } in program() {
        for (name, first, last) in functions {
            let (count, place) = (source.count(*first, *last), format!("{}::{name}", source.name));
            if count <= MOST_FUNCTION_LINES {
                continue;
            }
            match LONG_FUNCTIONS.iter().find(|(allowed, _)| *allowed == place) {
                Some((allowed, _)) => _ = used.insert(*allowed),
                None => problems.push(format!("{place}: {count} lines of code; split it")),
            }
        }
    }
    let long: Vec<&str> = LONG_FUNCTIONS.iter().map(|entry| entry.0).collect();
    problems.extend(stale("LONG_FUNCTIONS", &long, &used));
    none(problems);
}

#[test]
fn lines_have_at_most_100_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = Vec::new();
    for folder in ["src", "tests", "benches", "examples"].map(|name| root.join(name)) {
        for path in rust_files(&folder) {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let path = path.strip_prefix(root).expect("is below").display();
            for (number, line) in (1..).zip(text.lines()) {
                // A line that is given literally cannot be broken.
                let literal = line.trim_start().starts_with("r#\"{");
                if line.chars().count() > MOST_COLUMNS && !literal {
                    problems.push(format!("{path}:{number}: over {MOST_COLUMNS} columns"));
                }
                if line.trim_end() != line {
                    problems.push(format!("{path}:{number}: blanks at the end"));
                }
            }
        }
    }
    none(problems);
}

#[test]
fn this_test_reads_code_as_it_should() {
    let read = |name: &str, text: &str| Read::of(Source::parse(name.into(), text.into()));
    let source = read(
        "paxos/peer.rs",
        "//! Doc.\n\n/// Doc.\nfn a() {\n    // why\n    f(\"x // y\n\nz\");\n}\n\
         #[cfg(test)]\nmod tests {\n    use crate::sim::b;\n}\n",
    );
    assert_eq!(source.source.code, [4, 6, 8, 9].into(), "no blanks, comments or tests");
    assert!(source.named.iter().all(|named| named.segments[0] != "crate"));
    let sources = [
        read("paxos/peer.rs", "use super::{judge::{self, X}, Y};\nfn f() { g!(crate::cli::h()) }"),
        read("paxos/mod.rs", "pub use judge::X;\nuse node::Z;"),
        read("paxos/judge/mod.rs", "pub use rules::Rule;"),
        read("paxos/judge/rules.rs", ""),
        read("node/mod.rs", "use crate::paxos::X;"),
        read("cli/mod.rs", "use crate::{node, paxos};\nfn f() { paxos::judge::g() }"),
    ];
    let modules = modules(&sources);
    let rooms = |read: &Read| -> Vec<String> {
        let named = read.named.iter().filter(|named| !modules.is_module_use(named));
        let paths = named.filter_map(|named| modules.absolute(named));
        paths.map(|path| room(&modules.owner(&path))).collect()
    };
    assert_eq!(rooms(&sources[0]), ["paxos/judge", "paxos", "cli"]);
    assert_eq!(rooms(&sources[1]), ["paxos/judge"], "node is no child of paxos");
    assert_eq!(rooms(&sources[4]), ["paxos/judge"], "what is handed on is seen through");
    assert_eq!(rooms(&sources[5]), ["paxos/judge"], "a path begins with what a `use` names");
    for (from, to, may) in [
        ("paxos", "process", true),
        ("paxos", "paxos/judge", false),
        ("paxos/judge", "paxos", false),
        ("paxos/command", "ready/service", true),
        ("paxos/command", "ready/command", false),
        ("paxos/sim", "paxos/mutants", true),
        ("paxos/sim", "ready/mutants", false),
        ("node", "paxos", false),
        ("protocols", "member/command", true),
        ("protocols", "member", false),
    ] {
        assert_eq!(may_import(from, to), may, "{from} {to}");
    }
    let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")];
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from.into()).or_default().insert(to.into());
    }
    assert_eq!(circles(&graph), [["b", "c"]]);
}
