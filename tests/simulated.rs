//! `ready`, `member` and `sync` under the simulator: a share of the seeds that `synod sim` plays
//! by the hundred thousand; and of every protocol the proof that its properties can be violated.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use synod::fnv::fnv1a;
use synod::member::sim::MemberSim;
use synod::protocols::simulated;
use synod::ready::sim::ReadySim;
use synod::ring::sim::RingSim;
use synod::sim::harness::{AnySim, Scenario, Simulated, Tally as _};
use synod::sync::sim::SyncSim;

fn scenario<S: Simulated>(flags: &str) -> Scenario<S> {
    Scenario::of_flags(flags).unwrap()
}

fn assert_clean<S: Simulated>(worlds: &[(&str, u64)]) {
    for (flags, seeds) in worlds {
        let scenario = scenario::<S>(flags);
        for seed in 0..*seeds {
            let run = scenario.record(seed);
            let command = scenario.command(seed);
            assert_eq!(run.outcome.violation, None, "{command}");
            assert!(!run.is_condemned(), "{command}: {:?}", run.judged);
        }
    }
}

#[test]
fn no_property_is_violated_and_the_lines_are_as_they_should_be() {
    assert_clean::<ReadySim>(&[
        ("--peers 5 --faults lossy", 200),
        ("--peers 9 --faults lossy", 30),
        ("--peers 5 --faults none", 50),
        ("--peers 4 --faults heavy", 60),
        ("--peers 1 --faults lossy", 3),
    ]);
    assert_clean::<MemberSim>(&[
        ("--peers 5 --faults light", 150),
        ("--peers 5 --faults light --majority", 100),
        ("--peers 3 --faults light", 50),
        ("--peers 5 --faults heavy --majority", 100),
        ("--peers 4 --faults heavy --majority", 60),
        ("--peers 5 --faults heavy", 30),
        ("--peers 9 --faults none --majority", 10),
        ("--peers 1 --faults light", 3),
    ]);
    assert_clean::<SyncSim>(&[
        ("--peers 4 --faults heavy", 200),
        ("--peers 6 --faults heavy", 40),
        ("--peers 2 --faults heavy", 100),
        ("--peers 4 --faults light", 60),
        ("--peers 5 --faults none", 60),
        ("--peers 1 --faults heavy", 3),
    ]);
}

/// The figures of 40 runs that are not zero, and how many of the runs were judged by their lines.
fn figures<S: Simulated>(flags: &str) -> (BTreeSet<&'static str>, usize) {
    let scenario = scenario::<S>(flags);
    let (mut figures, mut judged) = (BTreeSet::new(), 0);
    for seed in 0..40 {
        let run = scenario.record(seed);
        let of_run = run.outcome.tally.figures();
        figures.extend(of_run.iter().filter(|(_, f)| f.value() > 0).map(|(name, _)| *name));
        judged += usize::from(run.judged.is_some());
        let counts = run.outcome.counts;
        for (what, count) in [
            ("crashes", counts.crashes),
            ("pauses", counts.pauses),
            ("cuts", counts.cuts),
            ("copies", counts.duplicated),
            ("out of order", counts.reordered),
            ("records lost", counts.records_lost),
        ] {
            figures.extend((count > 0).then_some(what));
        }
    }
    (figures, judged)
}

/// What is never seen is not tested.
#[test]
fn the_runs_are_not_empty() {
    let (seen, judged) = figures::<ReadySim>("--faults lossy");
    for what in ["said READY", "left together", "pauses", "copies", "out of order"] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    assert_eq!(judged, 40);
    let (seen, judged) = figures::<MemberSim>("--faults light");
    for what in ["called unreachable", "removed and back", "crashes", "pauses", "copies"] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    assert!(judged > 5, "{judged}");
    let (seen, _) = figures::<MemberSim>("--faults heavy --majority");
    for what in [
        "one group in the end",
        "expected stalls",
        "went on from records",
        "cuts",
        "out of order",
        "records lost",
    ] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    let (seen, judged) = figures::<SyncSim>("--faults heavy");
    for what in [
        "edits",
        "contents received",
        "conflict copies",
        "deletions",
        "crashes after a rename",
        "cuts",
        "pauses",
        "records lost",
    ] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    assert_eq!(judged, 40);
    let (seen, judged) = figures::<RingSim>("--peers 8 --faults churn");
    for what in [
        "changes of the ring",
        "files received",
        "files not found",
        "transfers broken off",
        "segments sent again",
        "files moved",
        "copies",
        "out of order",
    ] {
        assert!(seen.contains(what), "{what}: {seen:?}");
    }
    assert_eq!(judged, 40);
}

/// An hour of virtual time with a jitter of a fifth of the period.
#[test]
fn jitter_alone_is_no_false_alarm() {
    let outcome = scenario::<MemberSim>("--peers 4 --faults jitter").play(1);
    assert_eq!(outcome.violation, None);
    assert!(outcome.virtual_us >= 3_600_000_000);
    assert_eq!(outcome.tally.alarms, 0);
}

fn assert_same_everywhere<S: Simulated>(flags: &str, fingerprint: &str) {
    let scenario = scenario::<S>(flags);
    let (once, again) = (scenario.record(3), scenario.record(3));
    assert_eq!((&once.outcome, &once.journal), (&again.outcome, &again.journal));
    assert_eq!(once.outcome, scenario.play(3), "keeping the lines changes nothing");
    let journals: BTreeSet<String> = (0..5).map(|seed| scenario.record(seed).journal).collect();
    assert_eq!(journals.len(), 5, "another seed is another run");
    assert_eq!(format!("{:016x}", fnv1a(once.journal.as_bytes())), fingerprint, "{}", S::NAME);
}

/// The same on every machine. A change of a protocol or of the simulator changes these numbers; if
/// that was meant, write the new ones here.
#[test]
fn the_same_seed_is_the_same_run_everywhere() {
    assert_same_everywhere::<ReadySim>("--faults heavy", "86d112ca742f6b3e");
    assert_same_everywhere::<MemberSim>("--faults heavy --majority", "cf8eaa3de83cdda7");
    assert_same_everywhere::<SyncSim>("--faults heavy", "c03f774d5ce41495");
    assert_same_everywhere::<RingSim>("--peers 8 --faults churn", "29c77c4645feacc7");
}

/// Of the matrix's runs one in sixty-four, of the ring's few long ones one in sixteen; and the
/// known failure of each mutant, which must violate its property still. (Those of Paxos have
/// `tests/seeds.rs`.)
#[test]
fn every_mutant_is_caught_and_every_property_is_violated_by_one() {
    let sims = simulated();
    let others = sims.iter().filter(|sim| sim.name() != "paxos");
    std::thread::scope(|scope| {
        for sim in others {
            scope.spawn(move || every_mutant_of(*sim));
        }
    });
}

fn every_mutant_of(sim: &dyn AnySim) {
    let share = if sim.name() == "ring" { 16 } else { 64 };
    let mut violated = BTreeSet::new();
    for mutant in sim.mutants() {
        let row = sim.matrix_row(mutant.name, share).unwrap();
        let known = sim.known_violation(mutant.name);
        let known = known.unwrap_or_else(|| panic!("sim {} --mutant {}", sim.name(), mutant.name));
        violated.insert(known.property.name);
        violated.extend(row.violated.into_keys());
    }
    let all: BTreeSet<&str> = sim.properties().iter().map(|property| property.name).collect();
    assert_eq!(violated, all, "a property that nothing violates is not to be trusted");
}

#[test]
fn the_command_says_what_it_found_with_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &str| {
        let binary = env!("CARGO_BIN_EXE_synod");
        let out = Command::new(binary).args(args.split(' ')).current_dir(&dir).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    for (name, mutant) in
        [("ready", "acknowledges-only-the-first"), ("member", "installs-a-view-twice")]
    {
        let (code, text) = run(&format!("sim {name} --seeds 0..20"));
        assert!(code == Some(0) && text.contains("no property violated"), "{text}");
        let (code, text) = run(&format!("sim {name} --mutant {mutant} --trace fall.log"));
        assert!(code == Some(0) && text.contains("VIOLATED: "), "{text}");
        assert!(std::fs::read_to_string(dir.path().join("fall.log")).unwrap().lines().count() > 1);
        // The one command that plays it again does.
        let replay = text.lines().find_map(|line| line.strip_prefix("replay: synod ")).unwrap();
        let (code, again) = run(replay);
        assert!(code == Some(0) && again.contains("VIOLATED: "), "{again}");
        for wrong in ["--seeds 5..5", "--faults storm", "--mutant me", "--peers 200", "--only rain"]
        {
            assert_eq!(run(&format!("sim {name} {wrong}")).0, Some(2), "{wrong}");
        }
    }
    assert_eq!(run("sim ready --majority").0, Some(2));
    let (code, _) =
        run("sim member --mutant comes-back-when-asked-to-go --faults none --seeds 0..5");
    assert_eq!(code, Some(1), "this mutant survives where nobody is asked to go");
    let (_, list) = run("sim --mutants");
    for protocol in ["paxos", "ready", "member", "sync", "ring"] {
        let mut cells = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        assert!(cells.any(|cells| cells.len() == 6 && cells[2] == protocol), "{protocol}");
    }
}
