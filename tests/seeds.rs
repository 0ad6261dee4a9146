//! Paxos under the simulator: a share of the seeds that `synod sim` plays by the million, and the
//! proof that its properties can be violated.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use synod::fnv::fnv1a;
use synod::paxos::sim::properties::{
    CHOICE_KEPT, DECIDES, DURABLE_FIRST, HONEST, NUMBER_ONCE, ONE_CHOICE, ONE_VALUE, PROMISE_KEPT,
    PROPERTIES, PROPOSED, QUORUM_ASKED, SHORT_DUELS, TRUTH_TOLD, VOTE_KEPT,
};
use synod::paxos::sim::{PaxosSim, PaxosTally};
use synod::paxos::{Peer, mutants};
use synod::sim::Counts;
use synod::sim::harness::{self, Property, known_failure, minimize_known};
use synod::sim::mutant::Mutant;

type Scenario = harness::Scenario<PaxosSim>;
type Outcome = harness::RunOutcome<PaxosTally>;

/// Worlds, and how many seeds of each are played here.
const WORLDS: &[(u16, u16, &str, u64)] = &[
    (5, 2, "none", 300),
    (5, 2, "light", 300),
    (5, 2, "heavy", 400),
    (3, 3, "heavy", 200),
    (7, 4, "heavy", 100),
    (1, 1, "heavy", 50),
    (2, 2, "heavy", 50),
];

fn scenario(peers: u16, proposers: u16, preset: &str) -> Scenario {
    Scenario::of_flags(&format!("--peers {peers} --proposers {proposers} --faults {preset}"))
        .unwrap()
}

#[test]
fn no_property_is_violated_and_every_run_decides() {
    for (peers, proposers, preset, seeds) in WORLDS {
        let scenario = scenario(*peers, *proposers, preset);
        for seed in 0..*seeds {
            let outcome = scenario.play(seed);
            assert_eq!(outcome.violation, None, "{}", scenario.command(seed));
            assert_eq!(outcome.tally.decisions, 1);
        }
    }
}

/// What is never seen is not tested.
#[test]
fn the_runs_are_not_empty() {
    let scenario = scenario(5, 3, "heavy");
    let runs: Vec<Outcome> = (0..300).map(|seed| scenario.play(seed)).collect();
    let sometimes = |what: &str, seen: fn(&PaxosTally, &Counts) -> bool| {
        let count = runs.iter().filter(|run| seen(&run.tally, &run.counts)).count();
        assert!(count > 0, "no run had {what}");
    };
    sometimes("a duel", |tally, _| tally.duel >= 3);
    sometimes("an adopted value", |tally, _| tally.adopted > 0);
    sometimes("a refusal", |tally, _| tally.refused > 0);
    sometimes("a round that timed out", |tally, _| tally.timed_out > 0);
    sometimes("a decision after a restart", |tally, _| tally.chose_after_crash > 0);
    sometimes("a lost message", |_, counts| counts.lost > 0);
    sometimes("a message twice", |_, counts| counts.duplicated > 0);
    sometimes("a message out of order", |_, counts| counts.reordered > 0);
    sometimes("a cut wire", |_, counts| counts.cuts > 0);
    sometimes("a pause", |_, counts| counts.pauses > 0);
    sometimes("a record that a crash took", |_, counts| counts.records_lost > 0);
    sometimes("a kill", |_, counts| counts.crashes > counts.power_losses);
    sometimes("a power loss", |_, counts| counts.power_losses > 0);
    sometimes("an incarnation that ended before its first flush", |_, counts| counts.unheard > 0);
}

#[test]
fn power_losses_can_be_left_out() {
    let scenario = scenario(5, 3, "heavy").without(["power-loss"]);
    let mut all = Counts::default();
    for seed in 0..100 {
        all.add(&scenario.play(seed).counts);
    }
    assert!(all.power_losses == 0 && all.crashes > 100, "{all:?}");
    assert!(all.records_lost > 0, "a kill takes what was not written");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let scenario = scenario(5, 2, "heavy");
    let mut journals = BTreeSet::new();
    for seed in 0..20 {
        let (once, again) = (scenario.record(seed), scenario.record(seed));
        assert_eq!(once.journal, again.journal);
        assert_eq!(once.outcome, again.outcome);
        assert_eq!(once.outcome, scenario.play(seed), "keeping a journal changes nothing");
        journals.insert(once.journal);
    }
    assert_eq!(journals.len(), 20, "another seed is another run");
}

/// The same on every machine. A change of the protocol or of the simulator changes this number; if
/// that was meant, write the new one here.
#[test]
fn a_seed_is_the_same_run_everywhere() {
    let journal = scenario(5, 2, "heavy").record(1).journal;
    assert_eq!(format!("{:016x}", fnv1a(journal.as_bytes())), "6dbd68321d4b0ecb");
}

#[test]
fn synod_check_finds_nothing_in_the_journals() {
    for (peers, proposers, preset, _) in WORLDS {
        let scenario = scenario(*peers, *proposers, preset);
        for seed in 0..20 {
            let run = scenario.record(seed);
            assert_eq!(run.judged, Some(Vec::new()), "{}", scenario.command(seed));
        }
    }
}

/// The properties that the mutant's runs violate, in their order.
fn violated_by(mutant: &'static Mutant<Peer>, scenario: &Scenario, seeds: u64) -> Vec<Property> {
    let scenario = scenario.clone().with_mutant(Some(mutant)).to_the_end();
    let runs: Vec<Outcome> = (0..seeds).map(|seed| scenario.play(seed)).collect();
    let violated = |property: &Property| runs.iter().any(|run| run.violated.contains(property));
    PROPERTIES.iter().copied().filter(violated).collect()
}

#[test]
fn every_property_is_violated_by_a_mutant() {
    for (property, mutant) in [
        (ONE_CHOICE, "ignores-accepted-values"),
        (TRUTH_TOLD, "accepted-is-chosen"),
        (PROPOSED, "asks-for-a-blank"),
        (CHOICE_KEPT, "skips-the-first-phase"),
        (QUORUM_ASKED, "promise-quorum-of-one"),
        (ONE_VALUE, "proposers-share-numbers"),
        (NUMBER_ONCE, "number-not-kept"),
        (PROMISE_KEPT, "accept-below-promise"),
        (VOTE_KEPT, "fresh-start"),
        (DURABLE_FIRST, "answers-before-it-is-durable"),
        (HONEST, "accept-without-raising-the-promise"),
        (DECIDES, "never-accepts-its-own-promise"),
        (SHORT_DUELS, "duels-without-backing-off"),
    ] {
        // The fewer crashes, the longer a duel.
        let duels = property == SHORT_DUELS;
        let (preset, seeds) = if duels { ("light", 300) } else { ("heavy", 100) };
        let bug = mutants::named(mutant).unwrap();
        let violated = violated_by(bug, &scenario(5, 3, preset), seeds);
        assert!(violated.contains(&property), "{mutant} violates only {violated:?}");
    }
}

#[test]
fn the_shortest_failure_of_every_mutant_still_fails() {
    for mutant in mutants::all() {
        let failure = known_failure::<PaxosSim>(mutant);
        assert!(failure.is_some(), "synod sim --mutant {} shows nothing", mutant.name);
    }
}

/// A kill between write and flush, a question asked again, and a power loss. The unbroken driver
/// comes to no harm in the same run.
#[test]
fn a_restart_that_trusts_the_cache_lets_two_values_be_chosen() {
    let bug = mutants::named("restart-trusts-cache").unwrap();
    let (scenario, small) = minimize_known::<PaxosSim>(bug).unwrap();
    assert_eq!(small.outcome.violation.map(|found| found.property), Some(ONE_CHOICE));
    assert!(small.outcome.counts.power_losses > 0);
    assert!(small.outcome.counts.crashes > small.outcome.counts.power_losses, "and a kill");
    let sound = scenario.with_mutant(None).only(None).to_the_end().follow(&small.schedule).0;
    let violated = sound.violated.iter().find(|property| !property.depends_on_time);
    assert_eq!(violated, None);
    assert!(sound.counts.power_losses > 0 && sound.counts.crashes > sound.counts.power_losses);
}

#[test]
fn the_command_says_what_it_found_with_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &str| {
        let binary = env!("CARGO_BIN_EXE_synod");
        let out = Command::new(binary).args(args.split(' ')).current_dir(&dir).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let (code, text) = run("sim --seeds 0..50 --faults light");
    assert!(code == Some(0) && text.contains("no property violated"), "{text}");
    let (code, text) = run("sim --mutant ignores-accepted-values --draw fall.svg");
    assert!(code == Some(0) && text.contains("VIOLATED: one-choice"), "{text}");
    assert!(dir.path().join("fall.svg").exists() && dir.path().join("fall.svg.jsonl").exists());
    // The one command that plays it again does.
    let replay = text.lines().find_map(|line| line.strip_prefix("replay: synod ")).unwrap();
    let (code, again) = run(replay);
    assert!(code == Some(0) && again.contains("VIOLATED: one-choice"), "{again}");
    let (code, _) = run("check fall.svg.jsonl");
    assert_eq!(code, Some(1), "the journal shows it too");
    let (code, _) = run("sim --mutant waits-for-all --faults none --seeds 0..5");
    assert_eq!(code, Some(1), "this mutant survives where nobody is absent");
    for wrong in ["--seeds 5..5", "--faults storm", "--mutant me", "--peers 200", "--only rain"] {
        assert_eq!(run(&format!("sim {wrong}")).0, Some(2), "{wrong}");
    }
}
