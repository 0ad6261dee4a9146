//! The style as a test: which module may import which, what is never called, how long things are.
//!
//! The arrows are those of `src/lib.rs`. Tests inside `src` are free of them.

mod paths;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::spanned::Spanned as _;
use syn::visit::Visit;

use paths::{Modules, named};
use source::{Source, rust_files, sources};

/// The protocols: a folder each.
const PROTOCOLS: &[&str] = &["paxos", "ready", "member"];

/// What in a protocol's folder is not its core, and the room that it belongs to. `service` is for
/// the commands of other protocols: it runs this one as a first step of theirs.
const ROOMS: &[(&str, &str)] = &[
    ("command", "command"),
    ("diagram", "diagram"),
    ("event", "event"),
    ("judge", "judge"),
    ("lines", "command"),
    ("live", "command"),
    ("mutants", "mutants"),
    ("service", "service"),
    ("sim", "sim"),
    ("verdict", "judge"),
];

/// What each room may import, beside itself; `X` is a protocol, `*` each of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "protocols"]),
    ("", &[]),
    (
        "cli",
        &["command", "error", "hosts", "node", "process", "protocols", "sim", "trace", "visible"],
    ),
    (
        "protocols",
        &["*/command", "*/diagram", "*/judge", "*/sim", "command", "error", "sim", "trace"],
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
    ("X/service", &["X", "command", "error", "hosts", "node", "process", "visible"]),
    ("X/judge", &["X/event", "command", "error", "hosts", "process", "trace", "visible"]),
    ("X/diagram", &["X/event", "X/judge", "error", "hosts", "process", "trace", "visible"]),
    ("X/mutants", &["X", "process", "sim"]),
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
            "process",
            "sim",
            "trace",
            "visible",
        ],
    ),
    ("command", &["error", "hosts", "node", "process", "trace", "visible"]),
    ("node", &["error", "fnv", "process", "visible"]),
    ("sim", &["command", "error", "fnv", "process", "trace", "visible"]),
    ("trace", &["error", "process", "visible"]),
    ("hosts", &["error", "fnv", "process", "visible"]),
    ("process", &[]),
    ("error", &[]),
    ("fnv", &[]),
    ("visible", &[]),
];

/// What does not keep the arrows yet: the importing file's beginning, and what it imports.
const NOT_YET: &[(&str, &[&str])] = &[
    ("cli/", &["paxos", "ready", "member"]),
    ("sim/", &["paxos", "ready", "member"]),
    ("trace/", &["paxos", "ready", "member", "hosts"]),
    ("command/journal.rs", &["paxos"]),
    ("member/", &["paxos"]),
];

/// Names that every protocol has: its own parts of the contract in `process.rs`.
const CONTRACT: &[&str] = &["Fact", "Input", "Message", "Peer", "Record", "Setup", "Timer"];

/// Other names that two public types may share, and why.
const SHARED_NAMES: &[(&str, &str)] = &[
    ("Breach", "one harness follows"),
    ("Claim", "one harness follows"),
    ("Counts", "to be renamed"),
    ("Collector", "one diagram model follows"),
    ("Disk", "a disk of the runtime, and one of the simulator"),
    ("End", "to be renamed"),
    ("Failure", "one harness follows"),
    ("Fault", "to be renamed"),
    ("Faults", "to be renamed"),
    ("Host", "one diagram model follows"),
    ("Level", "to be renamed"),
    ("Mark", "one diagram model follows"),
    ("Notes", "to be renamed"),
    ("Outcome", "one harness follows"),
    ("Reader", "to be renamed"),
    ("Report", "to be renamed"),
    ("Row", "one harness follows"),
    ("Scenario", "one harness follows"),
    ("Step", "one diagram model follows"),
    ("Subject", "to be renamed"),
    ("Tally", "one harness follows"),
    ("What", "one diagram model follows"),
    ("World", "one harness follows"),
];

/// Functions of more than [`MOST_FUNCTION_LINES`], and why.
const LONG_FUNCTIONS: &[(&str, &str)] = &[("node/link/session.rs::listen", "to be split")];

/// Files of more than [`MOST_FILE_LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Where modules import each other though they are not one type's impl, and why.
const CIRCLES: &[(&str, &str)] = &[
    ("cli", "one harness follows"),
    ("member", "to be parted"),
    ("node", "to be parted"),
    ("paxos", "to be parted"),
    ("ready", "to be parted"),
    ("sim", "to be parted"),
    ("trace", "one diagram model follows"),
];

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
    ("env::args", &["main.rs"], "take the arguments from `cli`"),
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
    from == to
        || allowed.contains(&general(to).as_str())
        || any.is_some_and(|rest| allowed.contains(&format!("*{rest}").as_str()))
}

/// Fails with all of these lines, if there are any.
fn none(problems: impl IntoIterator<Item = String>) {
    let problems: BTreeSet<String> = problems.into_iter().collect();
    let lines: Vec<String> = problems.into_iter().collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn imports_follow_the_arrows() {
    let sources = sources();
    let modules = Modules::of(&sources);
    let mut problems = Vec::new();
    for source in &sources {
        for named in named(source) {
            let Some(path) = modules.absolute(&named) else { continue };
            let from = room(&source.module);
            for to in [modules.stated(&path), modules.owner(&path)].map(|module| room(&module)) {
                let not_yet = NOT_YET.iter().any(|(place, rooms)| {
                    source.name.starts_with(place)
                        && rooms.contains(&to.split('/').next().unwrap_or_default())
                });
                // The root has nothing of its own.
                if !to.is_empty() && !may_import(&from, &to) && !not_yet {
                    let name = &source.name;
                    problems.push(format!("{name}:{}: {from} must not import {to}", named.line));
                }
            }
        }
    }
    none(problems);
}

/// What a file defines: for circles, and for names.
#[derive(Default)]
struct Defined {
    /// Its public types.
    public: Vec<String>,
    /// The types that it defines or implements something for.
    types: BTreeSet<String>,
}

impl<'a> Visit<'a> for Defined {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let (visibility, name) = match item {
            syn::Item::Struct(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Enum(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Trait(item) => (&item.vis, item.ident.to_string()),
            syn::Item::Impl(block) => {
                if let syn::Type::Path(path) = block.self_ty.as_ref() {
                    let name = path.path.segments.last().map(|segment| segment.ident.to_string());
                    self.types.extend(name);
                }
                return;
            }
            _ => return syn::visit::visit_item(self, item),
        };
        self.types.insert(name.clone());
        if matches!(visibility, syn::Visibility::Public(_)) {
            self.public.push(name);
        }
    }
}

impl Defined {
    fn of(source: &Source) -> Self {
        let mut defined = Self::default();
        defined.visit_file(&source.file);
        defined
    }
}

#[test]
fn no_imports_run_in_a_circle_but_those_of_one_types_impl() {
    let sources = sources();
    let modules = Modules::of(&sources);
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in &sources {
        let me = source.module.join("::");
        let targets = named(source).into_iter().filter(|named| named.exported.is_none());
        let owners = targets.filter_map(|named| Some(modules.owner(&modules.absolute(&named)?)));
        let owners: BTreeSet<String> = owners.map(|module| module.join("::")).collect();
        edges.entry(me.clone()).or_default().extend(owners.into_iter().filter(|to| *to != me));
    }
    let types: BTreeMap<String, BTreeSet<String>> = sources
        .iter()
        .map(|source| (source.module.join("::"), Defined::of(source).types))
        .collect();
    let mut found = BTreeSet::new();
    for circle in circles(&edges) {
        let mut common = types[&circle[0]].clone();
        for module in &circle[1..] {
            common.retain(|name| types[module].contains(name));
        }
        if common.is_empty() {
            found.insert(circle.join(" "));
        }
    }
    let is_within = |circle: &str, place: &str| {
        circle.split(' ').all(|module| module == place || module.starts_with(&format!("{place}::")))
    };
    found.retain(|circle| !CIRCLES.iter().any(|(place, _)| is_within(circle, place)));
    none(found.into_iter().map(|circle| format!("these import each other: {circle}")));
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
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in &sources() {
        for name in Defined::of(source).public {
            places.entry(name).or_default().insert(source.name.clone());
        }
    }
    places.retain(|name, files| files.len() > 1 && !CONTRACT.contains(&name.as_str()));
    let shared = places
        .into_iter()
        .filter(|(name, _)| !SHARED_NAMES.iter().any(|(allowed, _)| allowed == name));
    none(shared.map(|(name, files)| {
        let files: Vec<String> = files.into_iter().collect();
        format!("two public types are called {name}: {}", files.join(", "))
    }));
}

#[test]
fn what_is_banned_is_not_called() {
    let mut problems = Vec::new();
    for source in &sources() {
        for (line, call) in Calls::of(source) {
            let at = format!("{}:{line}", source.name);
            for (banned, where_allowed, instead) in BANNED {
                let allowed = where_allowed.iter().any(|place| source.name.starts_with(place));
                if !allowed && (call == *banned || call.ends_with(&format!("::{banned}"))) {
                    problems.push(format!("{at}: no {banned}; instead: {instead}"));
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
    none(problems);
}

/// What is called or named, as it is written: `process::exit`, `println!`, `.unwrap()`.
struct Calls(Vec<(usize, String)>);

impl Calls {
    fn of(source: &Source) -> Vec<(usize, String)> {
        let paths = named(source).into_iter().map(|named| (named.line, named.segments.join("::")));
        let mut calls = Self(paths.collect());
        calls.visit_file(&source.file);
        calls.0
    }
}

impl<'a> Visit<'a> for Calls {
    fn visit_macro(&mut self, item: &'a syn::Macro) {
        let name = item.path.segments.last().map_or_else(String::new, |s| s.ident.to_string());
        let line = item.span().start().line;
        self.0.push((line, format!("{name}!")));
        if item.tokens.to_string().contains(". unwrap ()") {
            self.0.push((line, ".unwrap()".into()));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if call.args.is_empty() {
            self.0.push((call.method.span().start().line, format!(".{}()", call.method)));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    let missing = |source: &Source| {
        let told = source.text.starts_with("//! ");
        (!told).then(|| format!("{}: it does not begin with a //! doc", source.name))
    };
    none(sources().iter().filter_map(missing));
}

#[test]
fn files_have_at_most_400_lines_of_code() {
    let mut found = BTreeSet::new();
    let mut problems = Vec::new();
    for source in sources() {
        let count = source.count(1, usize::MAX);
        if count > MOST_FILE_LINES {
            problems.push(format!("{}: {count} lines of code; split it", source.name));
            found.insert(source.name);
        }
    }
    problems.retain(|problem| !LONG_FILES.iter().any(|(name, _)| problem.starts_with(name)));
    none(problems);
}

/// The functions of a file: where each begins and ends.
struct Functions(Vec<(String, usize, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.0.push((signature.ident.to_string(), first, last));
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[test]
fn functions_have_at_most_70_lines_of_code() {
    let (mut found, mut problems) = (BTreeSet::new(), Vec::new());
    for source in &sources() {
        let mut functions = Functions(Vec::new());
        functions.visit_file(&source.file);
        for (name, first, last) in functions.0 {
            let (count, place) = (source.count(first, last), format!("{}::{name}", source.name));
            if count > MOST_FUNCTION_LINES {
                if !LONG_FUNCTIONS.iter().any(|(allowed, _)| *allowed == place) {
                    problems.push(format!("{place}: {count} lines of code; split it"));
                }
                found.insert(place);
            }
        }
    }
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
    let read = |name: &str, text: &str| Source::parse(name.into(), text.into());
    let source = read(
        "paxos/peer.rs",
        "//! Doc.\n\n/// Doc.\nfn a() {\n    // why\n    f(\"x // y\n\nz\");\n}\n\
         #[cfg(test)]\nmod tests {\n    use crate::sim::b;\n}\n",
    );
    assert_eq!(source.code, [4, 6, 8, 9].into(), "no blanks, comments or tests");
    assert!(named(&source).iter().all(|named| named.segments[0] != "crate"));
    let sources = [
        read("paxos/peer.rs", "use super::{judge::{self, X}, Y};\nfn f() { g!(crate::cli::h()) }"),
        read("paxos/mod.rs", "pub use judge::X;\nuse node::Z;"),
        read("paxos/judge/mod.rs", "pub use rules::Rule;"),
        read("paxos/judge/rules.rs", ""),
        read("node/mod.rs", "use crate::paxos::X;"),
        read("cli/mod.rs", ""),
    ];
    let modules = Modules::of(&sources);
    let rooms = |source: &Source| -> Vec<String> {
        let paths = named(source).into_iter().filter_map(|named| modules.absolute(&named));
        paths.map(|path| room(&modules.owner(&path))).collect()
    };
    assert_eq!(rooms(&sources[0]), ["paxos/judge", "paxos/judge", "paxos", "cli"]);
    assert_eq!(rooms(&sources[1]), ["paxos/judge"], "node is no child of paxos");
    assert_eq!(rooms(&sources[4]), ["paxos/judge"], "what is handed on is seen through");
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
