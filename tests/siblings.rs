//! The barrier and the group under the simulator: a share of the seeds that `synod sim ready` and
//! `synod sim member` play by the hundred thousand, and the proof that their claims can fail.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use synod::cli::sim::beside::scenario::Scenario;
use synod::cli::sim::beside::{STAGES, Stage, matrix, shortest};
use synod::fnv::fnv1a;

/// Worlds, and how many seeds of each are played here.
const WORLDS: &[(&str, u16, &str, bool, u64)] = &[
    ("ready", 5, "lossy", false, 200),
    ("ready", 9, "lossy", false, 30),
    ("ready", 5, "none", false, 50),
    ("ready", 4, "heavy", false, 60),
    ("ready", 1, "lossy", false, 3),
    ("member", 5, "light", false, 150),
    ("member", 5, "light", true, 100),
    ("member", 3, "light", false, 50),
    ("member", 5, "heavy", true, 100),
    ("member", 4, "heavy", true, 60),
    ("member", 5, "heavy", false, 30),
    ("member", 9, "none", true, 10),
    ("member", 1, "light", false, 3),
];

fn stage(name: &str) -> &'static dyn Stage {
    STAGES.into_iter().find(|stage| stage.name() == name).unwrap()
}

fn scenario(name: &str, peers: u16, faults: &str, majority: bool) -> Scenario {
    let mut scenario = Scenario::new(stage(name), peers, faults).unwrap();
    scenario.majority = majority;
    scenario
}

#[test]
fn no_claim_is_broken_and_the_lines_are_as_they_should_be() {
    for (name, peers, faults, majority, seeds) in WORLDS {
        let scenario = scenario(name, *peers, faults, *majority);
        for seed in 0..*seeds {
            let outcome = scenario.record(seed);
            let command = shortest::Failure::new(&scenario, seed, outcome.clone()).command();
            assert_eq!(outcome.breach, None, "{command}");
            assert!(!outcome.is_condemned(), "{command}: {:?}", outcome.judged);
        }
    }
}

/// What is never seen is not tested.
#[test]
fn the_runs_are_not_empty() {
    let sums = |name: &str, faults: &str, majority: bool| {
        let scenario = scenario(name, 5, faults, majority);
        let (mut figures, mut judged) = (BTreeSet::new(), 0);
        for seed in 0..40 {
            let outcome = scenario.record(seed);
            figures.extend(outcome.sums.iter().filter(|sum| sum.1 > 0).map(|sum| sum.0));
            judged += usize::from(outcome.judged.is_some());
            let counts = outcome.counts;
            for (what, count) in [
                ("crashes", counts.crashes),
                ("pauses", counts.pauses),
                ("cuts", counts.cuts),
                ("copies", counts.duplicated),
                ("astray", counts.reordered),
                ("records lost", counts.records_lost),
            ] {
                figures.extend((count > 0).then_some(what));
            }
        }
        (figures, judged)
    };
    let (figures, judged) = sums("ready", "lossy", false);
    for what in ["said READY", "left together", "pauses", "copies", "astray"] {
        assert!(figures.contains(what), "{what}: {figures:?}");
    }
    assert_eq!(judged, 40);
    let (figures, judged) = sums("member", "light", false);
    for what in ["called unreachable", "removed and back", "crashes", "pauses", "copies"] {
        assert!(figures.contains(what), "{what}: {figures:?}");
    }
    assert!(judged > 5, "{judged}");
    let (figures, _) = sums("member", "heavy", true);
    for what in [
        "one group in the end",
        "stood still, rightly",
        "went on from its records",
        "cuts",
        "astray",
        "records lost",
    ] {
        assert!(figures.contains(what), "{what}: {figures:?}");
    }
}

/// An hour of virtual time with a jitter of a fifth of the period.
#[test]
fn jitter_alone_is_no_false_alarm() {
    let outcome = scenario("member", 4, "jitter", false).play(1);
    assert_eq!(outcome.breach, None);
    assert!(outcome.virtual_us >= 3_600_000_000);
    assert!(outcome.sums.contains(&("called unreachable", 0)), "{:?}", outcome.sums);
}

#[test]
fn the_same_seed_is_the_same_run_everywhere() {
    for (name, faults, print) in
        [("ready", "heavy", READY_PRINT), ("member", "heavy", MEMBER_PRINT)]
    {
        let scenario = scenario(name, 5, faults, name == "member");
        let (once, again) = (scenario.record(3), scenario.record(3));
        assert_eq!(once, again);
        assert_eq!(once.counts, scenario.play(3).counts, "keeping the lines changes nothing");
        let journals: BTreeSet<String> = (0..5).map(|seed| scenario.record(seed).journal).collect();
        assert_eq!(journals.len(), 5, "another seed is another run");
        assert_eq!(format!("{:016x}", fnv1a(once.journal.as_bytes())), print, "{name}");
    }
}

/// The same on every machine. A change of a protocol or of the simulator changes these numbers; if
/// that was meant, write the new ones here.
const READY_PRINT: &str = "9d684dc25c4d75a2";
const MEMBER_PRINT: &str = "ffd23a5241fabccb";

/// One in eight of the museum's runs is enough for most mutants to be caught twice, and the
/// shortest failure of each is kept.
#[test]
fn every_mutant_is_caught_and_every_claim_fails_on_one() {
    for stage in STAGES {
        let mut failed = BTreeSet::new();
        for bug in stage.bugs() {
            let row = matrix::row(stage, Some(bug), 8);
            assert!(row.kills() >= 1, "synod sim {} --bug {}", stage.name(), bug.name);
            failed.extend(row.broken.into_keys());
            let shown = shortest::shown(stage, bug);
            assert!(shown.is_some(), "synod sim {} --bug {} shows nothing", stage.name(), bug.name);
        }
        let claims: BTreeSet<&str> = stage.claims().iter().map(|claim| claim.name).collect();
        assert_eq!(failed, claims, "a claim that nothing breaks is not to be trusted");
    }
}

#[test]
fn the_command_says_what_it_found_with_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &str| {
        let binary = env!("CARGO_BIN_EXE_synod");
        let out = Command::new(binary).args(args.split(' ')).current_dir(&dir).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    for (name, bug) in
        [("ready", "acknowledges-only-the-first"), ("member", "installs-a-view-twice")]
    {
        let (code, text) = run(&format!("sim {name} --seeds 0..20"));
        assert!(code == Some(0) && text.contains("no claim broken"), "{text}");
        let (code, text) = run(&format!("sim {name} --bug {bug} --trace fall.log"));
        assert!(code == Some(0) && text.contains("BROKEN: "), "{text}");
        assert!(std::fs::read_to_string(dir.path().join("fall.log")).unwrap().lines().count() > 1);
        // The one command that plays it again does.
        let replay = text.lines().find_map(|line| line.strip_prefix("replay: synod ")).unwrap();
        let (code, again) = run(replay);
        assert!(code == Some(0) && again.contains("BROKEN: "), "{again}");
        for wrong in ["--seeds 5..5", "--faults storm", "--bug me", "--peers 200", "--only rain"] {
            assert_eq!(run(&format!("sim {name} {wrong}")).0, Some(2), "{wrong}");
        }
    }
    assert_eq!(run("sim ready --majority").0, Some(2));
    let (code, _) = run("sim member --bug comes-back-when-asked-to-go --faults none --seeds 0..5");
    assert_eq!(code, Some(1), "this mutant survives where nobody is asked to go");
    let (_, list) = run("sim --bugs");
    for protocol in ["paxos", "ready", "member"] {
        assert!(list.lines().any(|line| line.ends_with(&format!("\t{protocol}"))), "{protocol}");
    }
}
