//! `make mutants`: single changes to the source, and whether a test notices each.
//!
//! `cargo mutants` builds the program once for every change. That is half a minute, and there are
//! thousands. Here all of them are built at once, each behind a switch in the environment
//! (mutation schemata). A first run of every test writes down which changes it reaches; then, for
//! each change, the tests that reach it run until one of them fails. It must fail twice: a test on
//! real processes may fail by chance.
//!
//! ```text
//! mutants PART...    all changes in these parts (without a name, in all of them)
//! mutants --again    the survivors of the run before
//! mutants --rest PART...  goes on with a run of these parts that was ended
//! mutants --changed  what differs from the commit before, with the unit tests of the same folder;
//!                    the exit code is 0 whatever survives, as time decides what is tried
//! mutants --list     the changes, one in a line
//! ```
//!
//! `MINUTES=n` ends it early (5 with `--changed`), `JOBS=n` is how many tests run at once,
//! `TESTS="check views"` leaves out the other files of tests, but not the unit tests; `node::`
//! in it leaves out the unit tests of other folders. What the compiler evaluates and what stands
//! behind `impl` cannot be switched; each of those is built alone, at the end.
//!
//! `equivalents.txt` lists what no test can notice, with the reason. Exit 1: a survivor is not on
//! that list, or an entry of the list names nothing.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod choice;
mod equivalents;
mod outcomes;
mod parts;
mod source;
mod tests;
mod tree;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use equivalents::Equivalents;
use outcomes::Outcome;
use parts::{PARTS, PURE, REAL};
use source::Mutant;
use tests::{Built, End, Teeth, Test};
use tree::Tree;

fn main() -> ExitCode {
    match work() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::from(2)
        }
    }
}

/// The file of what cannot be built.
const UNBUILDABLE: &str = "unbuildable.txt";

/// What is asked for, and what has become of it.
pub(crate) struct Trial {
    folder: std::path::PathBuf,
    /// All mutants of the parts, and the part of each.
    mutants: Vec<(&'static str, Mutant)>,
    /// Those to try.
    chosen: BTreeSet<usize>,
    outcomes: Mutex<BTreeMap<usize, Outcome>>,
    /// What had become of some in the run before, by their names.
    before: BTreeMap<String, Outcome>,
    until: Option<Instant>,
    jobs: usize,
}

fn work() -> io::Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let folder = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_string());
    let folder = std::path::absolute(Path::new(&folder).join("mutants"))?;
    fs::create_dir_all(&folder)?;
    let all = choice::rust_files()?;
    let mut mutants = Vec::new();
    for (part, patterns) in PARTS {
        for file in parts::files(patterns, &all).map_err(io::Error::other)? {
            let text = fs::read_to_string(&file)?;
            let found = source::mutants_of(&file, &text).map_err(io::Error::other)?;
            mutants.extend(found.into_iter().map(|mutant| (*part, mutant)));
        }
    }
    let equivalents = Equivalents::read(Path::new("tests/mutants/equivalents.txt"))?;
    let stale = equivalents.without(mutants.iter().map(|(_, mutant)| mutant.name.as_str()));
    for entry in &stale {
        println!("equivalents.txt: this names no change: {entry}");
    }
    let changed = arguments.iter().any(|argument| argument == "--changed");
    let Some(chosen) = choice::chosen(&arguments, &mutants, &folder)? else { return Ok(true) };
    if arguments.iter().any(|argument| argument == "--list") {
        for id in chosen {
            println!("{}", mutants[id].1.name);
        }
        return Ok(true);
    }
    let jobs = number("JOBS").and_then(|jobs| usize::try_from(jobs).ok());
    let jobs = jobs.or_else(|| thread::available_parallelism().ok().map(Into::into)).unwrap_or(2);
    let minutes = number("MINUTES").or(changed.then_some(5));
    let outcomes = Mutex::default();
    let mut trial =
        Trial { folder, mutants, chosen, outcomes, before: BTreeMap::new(), until: None, jobs };
    let mut names: Vec<&str> = if changed { Vec::new() } else { [PURE, REAL].concat() };
    if let Ok(only) = env::var("TESTS") {
        names.retain(|name| only.split(' ').any(|other| other == *name));
    }
    let mut folders = changed.then(|| trial.folders());
    if let Ok(only) = env::var("TESTS") {
        let of_units: BTreeSet<String> =
            only.split(' ').filter_map(|name| name.strip_suffix("::")).map(Into::into).collect();
        folders = folders.or((!of_units.is_empty()).then_some(of_units));
    }
    if arguments.iter().any(|argument| argument == "--rest") {
        trial.before = outcomes::read(&trial.folder)?;
    }
    trial.until = minutes.map(|minutes| Instant::now() + Duration::from_secs(minutes * 60));
    trial.all(&names, |test| {
        let folder = test.name.split("::").next().unwrap_or_default();
        let is_wanted = folders.as_ref().is_none_or(|folders| folders.contains(folder));
        is_wanted || !tests::is_unit(test)
    })?;
    let missed = outcomes::report(&trial, &equivalents)?;
    Ok(changed || (stale.is_empty() && missed == 0))
}

/// Runs tests; what fails must fail again.
fn twice(
    tree: &Tree,
    batch: &[&Test],
    limit: Duration,
    variables: &[(&str, String)],
) -> (End, Option<String>) {
    let (end, failed) = tests::run(tree, batch, limit, variables);
    if end != End::Failed {
        return (end, failed);
    }
    let named = |test: &&&Test| failed.as_ref().is_none_or(|name| test.name == *name);
    let again: Vec<&Test> = batch.iter().filter(named).copied().collect();
    if again.is_empty() {
        return (end, failed);
    }
    match tests::run(tree, &again, limit, variables) {
        (End::Passed, _) if batch.len() > 1 => {
            let rest: Vec<&Test> =
                batch.iter().copied().filter(|test| Some(&test.name) != failed.as_ref()).collect();
            twice(tree, &rest, limit, variables)
        }
        (end, name) => (end, name.or(failed)),
    }
}

/// Runs tests with a mutant. Too long is far longer than they take without it at this time: the
/// machine may have other things to do.
fn tried(tree: &Tree, batch: &[&Test], variables: &[(&str, String)]) -> (End, Option<String>) {
    let mut limit = tests::limit(batch);
    loop {
        let (end, failed) = twice(tree, batch, limit, variables);
        if end != End::TimedOut {
            return (end, failed);
        }
        let began = Instant::now();
        tests::run(tree, batch, Duration::from_secs(300), &[]);
        let without = began.elapsed();
        if without * 4 < limit {
            return (end, failed);
        }
        limit = without * 10;
    }
}

impl Trial {
    /// The folders of `src/` in which something is changed.
    fn folders(&self) -> BTreeSet<String> {
        let files = self.chosen.iter().map(|id| &self.mutants[*id].1.file);
        let folder = |file: &String| file.split('/').nth(1).map(|name| name.replace(".rs", ""));
        files.filter_map(folder).collect()
    }

    fn all(&mut self, names: &[&str], wanted: impl Fn(&Test) -> bool) -> io::Result<()> {
        let tree = Tree::copy(&self.folder.join("tree"))?;
        self.remember()?;
        let mut targets = vec!["--lib".to_string()];
        targets.extend(names.iter().flat_map(|name| ["--test".to_string(), (*name).to_string()]));
        let built = self.build(&tree, &targets)?;
        println!("mutants: {} binaries are built, now the tests as they are", built.binaries.len());
        let began = Instant::now();
        let tests = tests::listed(&tree, &built.binaries, wanted, self.jobs)?;
        println!("mutants: {} tests, {:.0?}", tests.len(), began.elapsed());
        fs::write(self.folder.join(outcomes::FILE), "")?;
        for id in &self.chosen {
            if let Some(outcome) = self.before.get(&self.mutants[*id].1.name) {
                self.settle(*id, *outcome);
            }
        }
        self.switched(&tree, &tests);
        self.alone(&tree, &targets, &tests)
    }

    /// Builds the tests, without the mutants that cannot be built.
    fn build(&mut self, tree: &Tree, targets: &[String]) -> io::Result<Built> {
        // Of many mutants some cannot be built. That is found sooner without building.
        let mut check = self.chosen.len() > 100;
        loop {
            let settled = self.outcomes.get_mut().map_err(|_| io::Error::other("poisoned"))?;
            let here = self.chosen.iter().filter(|id| !settled.contains_key(id));
            let here: Vec<_> = here
                .map(|id| (*id, &self.mutants[*id].1))
                .filter(|(_, mutant)| mutant.switched.is_some())
                .collect();
            let places = tree.write(&here)?;
            let built = tests::build(tree, targets, check)?;
            let blamed = tests::blamed(&built, &places);
            match (built.errors.is_empty(), blamed.is_empty()) {
                (true, _) if !check => {
                    self.note()?;
                    return Ok(built);
                }
                (true, _) => check = false,
                (false, true) => return Err(io::Error::other(built.said)),
                (false, false) => println!("mutants: {} cannot be built", blamed.len()),
            }
            settled.extend(blamed.into_iter().map(|id| (id, Outcome::Unbuildable)));
        }
    }

    /// Leaves out what could not be built before. A changed line is another name.
    fn remember(&mut self) -> io::Result<()> {
        let before = fs::read_to_string(self.folder.join(UNBUILDABLE)).unwrap_or_default();
        let before: BTreeSet<&str> = before.lines().collect();
        let outcomes = self.outcomes.get_mut().map_err(|_| io::Error::other("poisoned"))?;
        for id in &self.chosen {
            if before.contains(self.mutants[*id].1.name.as_str()) {
                outcomes.insert(*id, Outcome::Unbuildable);
            }
        }
        Ok(())
    }

    /// Keeps the names of what cannot be built, so that the next run need not find out.
    fn note(&self) -> io::Result<()> {
        let path = self.folder.join(UNBUILDABLE);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut names: BTreeSet<&str> = before.lines().collect();
        let outcomes = self.outcomes.lock().map_err(|_| io::Error::other("poisoned"))?;
        names.extend(outcomes.keys().map(|id| self.mutants[*id].1.name.as_str()));
        fs::write(path, names.into_iter().collect::<Vec<_>>().join("\n") + "\n")
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Notes what has become of a mutant, also in the file, so that a run that is ended has told.
    fn settle(&self, id: usize, outcome: Outcome) {
        if let Ok(mut outcomes) = self.outcomes.lock() {
            outcomes.insert(id, outcome);
            if let Err(error) = outcomes::append(self, id, outcome) {
                println!("mutants: {error}");
            }
        }
    }

    /// Tries what is compiled in.
    fn switched(&self, tree: &Tree, tests: &[Test]) {
        let settled = self.outcomes.lock().map(|outcomes| outcomes.clone()).unwrap_or_default();
        let waiting = self
            .chosen
            .iter()
            .filter(|id| !settled.contains_key(id) && self.mutants[**id].1.switched.is_some());
        let mut waiting: Vec<usize> = waiting.copied().collect();
        // A part of them is then a sample, and the same one every time.
        if self.until.is_some() {
            waiting.sort_by_key(|id| (id % 7, *id));
        }
        waiting.reverse();
        let waiting = Mutex::new(waiting);
        let teeth = Teeth::default();
        tests::workers(self.jobs, || {
            while !self.is_over() {
                let Some(id) = waiting.lock().ok().and_then(|mut ids| ids.pop()) else { break };
                let outcome = self.one(tree, tests, &teeth, id);
                if outcome == Outcome::Survived {
                    println!("survived: {}", self.mutants[id].1.name);
                }
                self.settle(id, outcome);
            }
        });
    }

    fn one(&self, tree: &Tree, tests: &[Test], teeth: &Teeth, id: usize) -> Outcome {
        let variables = [("SCHEMATA", id.to_string())];
        let file = &self.mutants[id].1.file;
        for batch in teeth.ordered(tests, id, file) {
            if self.is_over() {
                return Outcome::Untried;
            }
            match tried(tree, &batch, &variables) {
                (End::Passed, _) => {}
                (End::TimedOut, _) => return Outcome::TimedOut,
                (End::Failed, name) => {
                    teeth.bit(file, name.as_deref().unwrap_or(&batch[0].name));
                    return Outcome::Caught;
                }
            }
        }
        Outcome::Survived
    }

    /// Builds and tries the others, one after the other. The unit tests are built in a fraction of
    /// the time that all of them take.
    fn alone(&self, tree: &Tree, targets: &[String], tests: &[Test]) -> io::Result<()> {
        let others = self.chosen.iter().filter(|id| self.mutants[**id].1.switched.is_none());
        let (units, others_tests): (Vec<&Test>, Vec<&Test>) =
            tests.iter().partition(|test| tests::is_unit(test));
        for id in others.copied().collect::<Vec<_>>() {
            if self.is_over() {
                return Ok(());
            }
            tree.write(&[])?;
            let mutant = &self.mutants[id].1;
            tree.write_alone(mutant)?;
            let mut outcome = Outcome::Survived;
            for (targets, tests) in [(&targets[..1], &units), (targets, &others_tests)] {
                if outcome != Outcome::Survived {
                    break;
                }
                let built = tests::build(tree, targets, false)?;
                let is_built = built.errors.is_empty();
                outcome =
                    if is_built { self.unswitched(tree, tests) } else { Outcome::Unbuildable };
            }
            if outcome == Outcome::Survived {
                println!("survived: {}", mutant.name);
            }
            self.settle(id, outcome);
        }
        Ok(())
    }

    fn unswitched(&self, tree: &Tree, tests: &[&Test]) -> Outcome {
        let waiting = Mutex::new(tests::batches(tests.to_vec()));
        if let Ok(mut waiting) = waiting.lock() {
            waiting.reverse();
        }
        let outcome = Mutex::new(Outcome::Survived);
        tests::workers(self.jobs, || {
            while outcome.lock().is_ok_and(|outcome| *outcome == Outcome::Survived) {
                let Some(batch) = waiting.lock().ok().and_then(|mut left| left.pop()) else {
                    break;
                };
                let (end, _) = twice(tree, &batch, tests::limit(&batch) * 4, &[]);
                if end != End::Passed
                    && let Ok(mut outcome) = outcome.lock()
                {
                    let timed_out = end == End::TimedOut;
                    *outcome = if timed_out { Outcome::TimedOut } else { Outcome::Caught };
                }
            }
        });
        outcome.into_inner().unwrap_or(Outcome::Untried)
    }
}
