//! The tests: building them, running one, and knowing which mutants each of them reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::tree::{Place, Tree};

/// One test of one binary.
#[derive(Clone)]
pub(crate) struct Test {
    pub(crate) binary: PathBuf,
    pub(crate) name: String,
    /// How long it takes when nothing is changed.
    pub(crate) took: Duration,
    pub(crate) is_quick: bool,
    pub(crate) reaches: BTreeSet<usize>,
}

/// How a run of a test ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Failed,
    TimedOut,
}

/// What cargo said.
pub(crate) struct Built {
    pub(crate) binaries: Vec<PathBuf>,
    /// Where the errors are, by file: from byte, to byte. Empty: it was built.
    pub(crate) errors: Vec<(String, std::ops::Range<usize>)>,
    /// The errors as text.
    pub(crate) said: String,
}

/// Builds the tests of the copy, or only checks that its source can be built.
///
/// # Errors
/// Cargo cannot be started.
pub(crate) fn build(tree: &Tree, targets: &[String], only_check: bool) -> io::Result<Built> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&tree.root).env("CARGO_TARGET_DIR", target(tree));
    cargo.stdin(Stdio::null()).stderr(Stdio::inherit());
    if only_check {
        cargo.args(["check", "--lib"]);
    } else {
        cargo.args(["test", "--no-run"]).args(targets);
    }
    cargo.args(["--quiet", "--message-format=json"]);
    let output = cargo.output()?;
    let mut built = Built { binaries: Vec::new(), errors: Vec::new(), said: String::new() };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let Some(binary) = message["executable"].as_str() {
            if message["profile"]["test"] == true {
                built.binaries.push(PathBuf::from(binary));
            }
        } else if message["message"]["level"] == "error" {
            built.said.push_str(message["message"]["rendered"].as_str().unwrap_or_default());
            let spans = message["message"]["spans"].as_array();
            for span in spans.into_iter().flatten().filter(|span| span["is_primary"] == true) {
                let byte =
                    |name: &str| usize::try_from(span[name].as_u64().unwrap_or(0)).unwrap_or(0);
                let file = span["file_name"].as_str().unwrap_or_default().to_string();
                built.errors.push((file, byte("byte_start")..byte("byte_end")));
            }
        }
    }
    if !output.status.success() && built.errors.is_empty() {
        return Err(io::Error::other(format!("cargo failed\n{}", built.said)));
    }
    Ok(built)
}

/// Where the copy is built: with links to what the project has built of other packages. Cargo
/// writes its notes in place, so those are copied.
fn target(tree: &Tree) -> PathBuf {
    let target = tree.root.with_file_name("build");
    let built = tree.root.with_file_name("../debug");
    if !target.exists() && built.exists() && fs::create_dir_all(target.join("debug")).is_ok() {
        for (folder, how) in [("build", "-al"), ("deps", "-al"), (".fingerprint", "-a")] {
            let mut copy = Command::new("cp");
            let _ = copy.arg(how).arg(built.join(folder)).arg(target.join("debug")).status();
        }
    }
    target
}

/// Whose text the errors are in; else, near which mutants they are.
pub(crate) fn blamed(built: &Built, places: &[Place]) -> BTreeSet<usize> {
    let mut blamed = BTreeSet::new();
    for (file, error) in &built.errors {
        let here = places.iter().filter(|place| place.file == *file);
        let inside = here
            .clone()
            .filter(|place| place.own.start <= error.start && error.start < place.own.end);
        let before = blamed.len();
        // The smallest text around it is the one at fault.
        blamed.extend(inside.min_by_key(|place| place.own.len()).map(|place| place.id));
        if blamed.len() == before {
            let near = here.filter(|place| {
                place.own.start < error.end + 200 && error.start < place.own.end + 200
            });
            blamed.extend(near.map(|place| place.id));
        }
    }
    blamed
}

/// Runs these tests of one binary, with these variables, until one fails; says which.
pub(crate) fn run(
    tree: &Tree,
    tests: &[&Test],
    limit: Duration,
    variables: &[(&str, String)],
) -> (End, Option<String>) {
    let scratch = tree.root.with_file_name(format!("scratch-{}", thread_number()));
    let _ = fs::remove_dir_all(&scratch);
    let _ = fs::create_dir_all(&scratch);
    let mut shell = Command::new("sh");
    // A mutant that loops may also fill the memory or the disk.
    shell.args(["-c", "ulimit -v 6000000; ulimit -f 4000000; exec \"$@\"", "sh"]);
    shell.arg(&tests[0].binary).arg("--exact").args(tests.iter().map(|test| &test.name));
    shell.current_dir(&tree.root).env("TMPDIR", &scratch).env("CARGO_MANIFEST_DIR", &tree.root);
    shell.envs(variables.iter().map(|(name, value)| (name, value)));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let Ok(mut child) = shell.spawn() else { return (End::Failed, None) };
    let group = format!("-{}", child.id());
    let failed = failures(child.stdout.take());
    let (end, name) = match failed.recv_timeout(limit) {
        Ok(name) => (End::Failed, Some(name)),
        Err(RecvTimeoutError::Timeout) => (End::TimedOut, None),
        Err(RecvTimeoutError::Disconnected) => match child.wait() {
            Ok(status) if status.success() => (End::Passed, None),
            _ => (End::Failed, None),
        },
    };
    if end != End::Passed {
        // With everything that it started.
        let mut kill = Command::new("kill");
        let _ = kill.args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = child.wait();
    }
    let _ = fs::remove_dir_all(&scratch);
    (end, name)
}

/// The names of the tests that fail, as they do; ends with the summary of the run.
fn failures(output: Option<ChildStdout>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in output.map(BufReader::new).into_iter().flat_map(BufReader::lines) {
            let Ok(line) = line else { break };
            if line.starts_with("test result:") {
                break;
            }
            let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
            if name.is_some_and(|name| sender.send(name.to_string()).is_err()) {
                break;
            }
        }
    });
    receiver
}

/// A number for each worker, so that they do not share a folder.
fn thread_number() -> String {
    thread::current().name().unwrap_or("main").to_string()
}

/// The tests of these binaries, without those that are run only when they are asked for.
///
/// # Errors
/// A binary cannot be run.
fn named(tree: &Tree, binaries: &[PathBuf]) -> io::Result<Vec<Test>> {
    let mut tests = Vec::new();
    for binary in binaries {
        let list = |more: &[&str]| -> io::Result<BTreeSet<String>> {
            let mut list = Command::new(binary);
            list.args(["--list", "--format", "terse"]).args(more).current_dir(&tree.root);
            let text = String::from_utf8_lossy(&list.output()?.stdout).to_string();
            Ok(text
                .lines()
                .filter_map(|line| line.strip_suffix(": test"))
                .map(str::to_string)
                .collect())
        };
        for name in list(&[])?.difference(&list(&["--ignored"])?) {
            let (binary, name) = (binary.clone(), name.clone());
            let (took, reaches) = (Duration::ZERO, BTreeSet::new());
            tests.push(Test { binary, name, took, is_quick: false, reaches });
        }
    }
    Ok(tests)
}

/// The wanted tests of these binaries that pass, each with the mutants that it reaches.
///
/// # Errors
/// A binary cannot be run, or a trace not be read.
pub(crate) fn listed(
    tree: &Tree,
    binaries: &[PathBuf],
    wanted: impl Fn(&Test) -> bool,
    jobs: usize,
) -> io::Result<Vec<Test>> {
    let mut named = named(tree, binaries)?;
    named.retain(wanted);
    let waiting = Mutex::new(named);
    let traced = Mutex::new(Vec::new());
    workers(jobs, || {
        while let Some(mut test) = waiting.lock().ok().and_then(|mut left| left.pop()) {
            let trace = tree.root.with_file_name(format!("trace-{}", thread_number()));
            let once = || {
                let _ = fs::remove_file(&trace);
                let began = Instant::now();
                let variable = ("SCHEMATA_TRACE", trace.display().to_string());
                let (end, _) = run(tree, &[&test], Duration::from_secs(300), &[variable]);
                (end, began.elapsed())
            };
            let (mut end, mut took) = once();
            if end != End::Passed {
                (end, took) = once();
            }
            if end != End::Passed {
                println!("not used, it fails as it is: {}", test.name);
                continue;
            }
            test.took = took;
            let reached = fs::read_to_string(&trace).unwrap_or_default();
            test.reaches = reached.lines().filter_map(|id| id.parse().ok()).collect();
            if let Ok(mut traced) = traced.lock() {
                traced.push(test);
            }
        }
    });
    let mut tests = traced.into_inner().unwrap_or_default();
    find_quick(&mut tests);
    Ok(tests)
}

/// Does the same in so many threads, each with a name of its own, and waits for them.
pub(crate) fn workers(jobs: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for job in 0..jobs {
            let thread = thread::Builder::new().name(job.to_string());
            if let Err(error) = thread.spawn_scoped(scope, &work) {
                println!("no thread: {error}");
            }
        }
    });
}

/// Which tests have caught something in which file: they are tried first.
#[derive(Default)]
pub(crate) struct Teeth(Mutex<BTreeMap<(String, String), usize>>);

impl Teeth {
    pub(crate) fn bit(&self, file: &str, test: &str) {
        if let Ok(mut teeth) = self.0.lock() {
            *teeth.entry((file.to_string(), test.to_string())).or_default() += 1;
        }
    }

    /// The tests that reach a mutant: the quick one that caught most of its neighbours, then the
    /// quick ones of each binary together, then the slow ones, one by one.
    pub(crate) fn ordered<'a>(
        &self,
        tests: &'a [Test],
        id: usize,
        file: &str,
    ) -> Vec<Vec<&'a Test>> {
        let reaching: Vec<&Test> = tests.iter().filter(|test| test.reaches.contains(&id)).collect();
        let teeth = self.0.lock();
        let caught = |test: &&&Test| {
            let key = (file.to_string(), test.name.clone());
            teeth.as_ref().ok().and_then(|teeth| teeth.get(&key).copied()).unwrap_or(0)
        };
        let first = reaching.iter().filter(|test| test.is_quick && caught(test) > 0);
        let first = first.max_by_key(caught).map(|test| vec![*test]);
        let mut batches: Vec<Vec<&Test>> = first.into_iter().collect();
        batches.extend(self::batches(reaching));
        // Among the slow ones, those that have caught something.
        let bit = |batch: &Vec<&Test>| batch.iter().any(|test| test.is_quick || caught(&test) > 0);
        batches.sort_by_key(|batch| !bit(batch));
        batches
    }
}

/// The quick tests of each binary together, then the slow ones, one by one.
pub(crate) fn batches(tests: Vec<&Test>) -> Vec<Vec<&Test>> {
    let (quick, mut slow): (Vec<&Test>, Vec<&Test>) =
        tests.into_iter().partition(|test| test.is_quick);
    slow.sort_by_key(|test| test.took);
    let mut by_binary: BTreeMap<&Path, Vec<&Test>> = BTreeMap::new();
    for test in quick {
        by_binary.entry(&test.binary).or_default().push(test);
    }
    let mut batches: Vec<Vec<&Test>> = by_binary.into_values().collect();
    batches.sort_by_key(|batch| batch.iter().map(|test| test.took).sum::<Duration>());
    batches.extend(slow.into_iter().map(|test| vec![test]));
    batches
}

/// Marks the quick ones: those that together take a tenth of the time of all. How long that is
/// depends on what else the machine has to do.
fn find_quick(tests: &mut [Test]) {
    tests.sort_by_key(|test| test.took);
    let all: Duration = tests.iter().map(|test| test.took).sum();
    let mut sum = Duration::ZERO;
    for test in tests {
        sum += test.took;
        test.is_quick = sum < all / 10;
    }
}

/// Whether it is one of the library's own.
pub(crate) fn is_unit(test: &Test) -> bool {
    let name = test.binary.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("synod-")
}

/// How long tests may take with a mutant in them.
pub(crate) fn limit(tests: &[&Test]) -> Duration {
    Duration::from_secs(5) + tests.iter().map(|test| test.took).sum::<Duration>() * 10
}
