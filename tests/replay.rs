//! Counterexamples of the simulator on real processes: `synod replay FILE --real`.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{Program, Scratch, at_once, synod};
use synod::paxos::mutants;
use synod::paxos::sim::PaxosSim;
use synod::ready::sim::ReadySim;
use synod::sim::harness::{Property, Simulated, known_failure, minimize_known, schedule};

/// How many replays run at once: each has a few processes that mostly wait.
const AT_ONCE: usize = 3;

/// What no line shows, neither of the simulated run nor of the real one: a `chosen` message that no
/// majority of votes is behind. The judge takes only what a peer prints of itself for its word.
const UNSEEN: [&str; 2] = ["acceptance-for-an-older-number", "believes-what-is-asked"];

/// The known failures that can be written down as what happened, each in a file.
fn schedules(scratch: &Scratch) -> Vec<(&'static str, PathBuf)> {
    let of = |mutant: &'static synod::sim::mutant::Mutant<synod::paxos::Peer>| {
        let (scenario, least) = minimize_known::<PaxosSim>(mutant)?;
        let file = scratch.file(mutant.name, schedule::text(&scenario, &least.schedule));
        Some((mutant.name, file))
    };
    mutants::all().filter_map(of).collect()
}

fn replay(file: &Path, words: &str) -> Output {
    let mut command = synod(&format!("replay {words} --real"));
    command.arg(file).output().expect("the program starts")
}

/// What the last line says that begins so.
fn told<'a>(text: &'a str, beginning: &str) -> &'a str {
    let line = text.lines().rev().find_map(|line| line.strip_prefix(beginning));
    line.unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{text}")).trim()
}

const SIMULATED: &str = "violated by the lines of the simulated run:";
const REAL: &str = "violated by the lines of the real run:";

#[test]
fn every_known_failure_violates_on_real_processes_what_it_violates_in_the_simulator() {
    let scratch = Scratch::new();
    let known = schedules(&scratch);
    let is_timeless = |property: &Property| !property.depends_on_time;
    let property = |mutant| known_failure::<PaxosSim>(mutant)?.scenario.only;
    assert_eq!(known.len(), mutants::all().filter_map(property).filter(is_timeless).count());
    assert!(known.len() > 30, "{}", known.len());
    at_once(AT_ONCE, known.len(), |at| {
        let (name, file) = &known[at];
        let Output { status, stdout, stderr } = replay(file, "");
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let (simulated, real) = (told(&out, SIMULATED), told(&out, REAL));
        assert!(!err.contains("steps could not be performed"), "{name}: {err}");
        if UNSEEN.contains(name) {
            assert_eq!((simulated, real, status.code()), ("nothing", "nothing", Some(1)), "{name}");
            return;
        }
        let of_real: Vec<&str> = real.split(", ").collect();
        let is_seen = |rule: &str| rule == "nothing" || of_real.contains(&rule);
        assert!(simulated.split(", ").all(is_seen), "{name}: {simulated}; {real}\n{err}");
        assert!(real != "nothing" && status.code() == Some(0), "{name}: {real}\n{err}");
    });
}

#[test]
fn the_protocol_itself_violates_nothing_in_the_same_schedule() {
    let scratch = Scratch::new();
    let known = schedules(&scratch);
    let names = ["accept-below-promise", "checks-then-acts", "vote-not-kept", "flush-skipped"];
    let files: Vec<_> = known.iter().filter(|(name, _)| names.contains(name)).collect();
    assert_eq!(files.len(), names.len());
    at_once(AT_ONCE, files.len(), |at| {
        let (name, file) = files[at];
        let Output { status, stdout, stderr } = replay(file, "--without-bug");
        let out = String::from_utf8_lossy(&stdout);
        let err = String::from_utf8_lossy(&stderr);
        assert_eq!((told(&out, REAL), status.code()), ("nothing", Some(0)), "{name}: {out}{err}");
    });
}

#[test]
fn the_journal_is_that_of_the_processes_and_is_judged_alike() {
    let scratch = Scratch::new();
    let known = schedules(&scratch);
    let (_, file) = known.iter().find(|(name, _)| *name == "fresh-start").expect("it is known");
    let trace = scratch.path("trace");
    let replayed = replay(file, &format!("--trace {}", trace.display()));
    assert_eq!(replayed.status.code(), Some(0));
    let starts = fs::read_to_string(&trace).expect("is there");
    assert_eq!(starts.matches("\"action\":\"started\"").count(), 4, "two peers, each twice");
    let end = Program::start(synod(&format!("check {}", trace.display()))).end();
    assert_eq!(end.code, Some(1));
    assert!(end.out.iter().any(|line| line.starts_with("VIOLATED: one-value: ")), "{end:#?}");
}

#[test]
fn without_real_it_is_the_simulator_and_what_is_no_schedule_is_refused_in_a_line() {
    let scratch = Scratch::new();
    let known = schedules(&scratch);
    let (_, file) = known.iter().find(|(name, _)| *name == "fresh-start").expect("it is known");
    let end = Program::start(synod(&format!("replay {}", file.display()))).end();
    assert_eq!(end.code, Some(0));
    assert!(end.out[0].starts_with("VIOLATED: one-choice: "), "{end:#?}");
    let mutant = ReadySim::mutants().next().expect("there are some");
    let ready = minimize_known::<ReadySim>(mutant).map(|(scenario, least)| {
        scratch.file("ready", schedule::text(&scenario, &least.schedule)).display().to_string()
    });
    let text = scratch.file("text", "no schedule\n").display().to_string();
    let other = scratch.file("other", "{\"schedule\":\"chess/1\"}\n").display().to_string();
    let mut cases = vec![
        (text.clone(), format!("{text}:1: this is not the head of a schedule")),
        (other.clone(), format!("{other}:1: a schedule of \"chess/1\", which has no simulation")),
        ("/none".into(), "reading /none: No such file or directory (os error 2)".into()),
    ];
    cases.extend(ready.map(|file| (file, "ready has no replay on real processes".into())));
    for (file, want) in cases {
        let end = Program::start(synod(&format!("replay --real {file}"))).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
        assert_eq!(end.err[0], format!("synod: {want}"));
    }
}
