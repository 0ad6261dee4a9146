//! A failing run as a schedule: it plays the same run again, and it is minimized to what the
//! failure needs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use proptest::prelude::*;
use synod::member::sim::MemberSim;
use synod::paxos::mutants;
use synod::paxos::sim::properties::ONE_CHOICE;
use synod::paxos::sim::{PaxosPlan, PaxosSim, PaxosTally};
use synod::paxos::{Accepted, Ack, Message, ProposalNumber, Timer, Value};
use synod::process::PeerId;
use synod::ready::sim::ReadySim;
use synod::sim::harness::{
    self, MOST_STEPS, Simulated, known_failure, minimize, minimize_known, schedule,
};
use synod::sim::script::{Cause, CrashPoint, What};
use synod::sim::{Faults, Prng, ScriptOf, ScriptStep, Span, StepOf};

type Scenario = harness::Scenario<PaxosSim>;
type Schedule = harness::Schedule<PaxosSim>;
type Steps = ScriptOf<synod::paxos::Peer>;

fn scenario(peers: u16, proposers: u16, preset: &str) -> Scenario {
    Scenario::of_flags(&format!("--peers {peers} --proposers {proposers} --faults {preset}"))
        .unwrap()
}

/// Half of the flushes take no time.
fn with_some_slow_flushes() -> Scenario {
    scenario(5, 3, "heavy").with_faults(Faults { flush: Span::us(0, 1), ..Faults::heavy() })
}

#[test]
fn the_schedule_of_a_seed_plays_the_same_run() {
    for scenario in [
        scenario(5, 2, "none"),
        scenario(5, 3, "light"),
        scenario(5, 3, "heavy"),
        scenario(2, 2, "heavy"),
        with_some_slow_flushes(),
    ] {
        for seed in 0..80 {
            let (outcome, schedule) = scenario.write_down(seed);
            let (again, performed) = scenario.follow(&schedule);
            assert_eq!(performed, schedule, "seed {seed}: every step is performed as it stands");
            let counts = |o: &harness::RunOutcome<PaxosTally>| {
                let (counts, tally) = (o.counts, o.tally);
                let events = (counts.steps, counts.delivered, counts.crashes, counts.records_lost);
                (events, tally.rounds, tally.refused, tally.timed_out, tally.chose_after_crash)
            };
            assert_eq!(counts(&again), counts(&outcome), "seed {seed}");
            assert_eq!(outcome, scenario.play(seed), "writing it down changes nothing");
        }
    }
}

/// What is never recorded is not tested.
#[test]
fn the_schedules_are_not_empty() {
    let scenarios = [scenario(5, 3, "heavy"), with_some_slow_flushes()];
    let scripts = |scenario: &Scenario| -> Vec<Steps> {
        (0..100).map(|seed| scenario.write_down(seed).1.steps).collect()
    };
    let runs: Vec<Steps> = scenarios.iter().flat_map(scripts).collect();
    let sometimes = |what: &str, seen: fn(&StepOf<synod::paxos::Peer>) -> bool| {
        assert!(runs.iter().flatten().any(seen), "no schedule has {what}");
    };
    sometimes("a crash between effects", |step| step.dies.is_some_and(|point| point.after > 0));
    sometimes("a record that survives", |step| step.dies.is_some_and(|point| point.kept > 0));
    sometimes("a crash between steps", |step| matches!(step.event, What::Crash { .. }));
    let wrote = |step: &StepOf<synod::paxos::Peer>| {
        step.dies.is_some_and(|point| point.kept > 0 && point.cause == Cause::Kill)
    };
    sometimes("a kill that leaves a record in the cache", wrote);
    sometimes("a power loss that leaves a record on the disk", |step| {
        step.dies.is_some_and(|point| point.kept > 0 && point.cause == Cause::PowerLoss)
    });
    sometimes("an incarnation that waits for its first flush", |s| s.waits_from == Some(0));
    sometimes("a crash in a flush", |s| s.dies.is_some() && matches!(s.event, What::Flushed));
    sometimes("a slow flush", |step| step.waits_from == Some(1));
    let unheard = |steps: &Steps| {
        let mut booting = BTreeSet::new();
        steps.iter().any(|step| match step.event {
            What::Start if step.waits_from == Some(0) => !booting.insert(step.peer),
            What::Crash { .. } => booting.contains(&step.peer),
            _ => {
                booting.remove(&step.peer);
                false
            }
        })
    };
    assert!(runs.iter().any(unheard), "no incarnation ends before its first flush");
    let most = runs.iter().flatten().filter_map(|step| step.waits_from).max();
    assert!(most <= Some(3), "records are counted from the beginning of their step: {most:?}");
}

#[test]
fn the_schedule_of_a_failure_violates_the_same_property() {
    for mutant in mutants::all() {
        let mut scenario = scenario(3, 2, "heavy").with_mutant(Some(mutant));
        for seed in 0..60 {
            scenario.only = None;
            let Some(found) = scenario.play(seed).violation else { continue };
            if !found.property.depends_on_time {
                scenario.only = Some(found.property);
                let schedule = scenario.write_down(seed).1;
                let again = scenario.follow(&schedule).0.violation.map(|again| again.property);
                assert_eq!(again, Some(found.property), "{} seed {seed}", mutant.name);
            }
        }
    }
}

/// Everything that is one item less.
fn one_less<S: Simulated>(steps: &ScriptOf<S::Peer>) -> Vec<ScriptOf<S::Peer>> {
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut but = |instead: &[StepOf<S::Peer>]| {
            all.push([&steps[..index], instead, &steps[index + 1..]].concat());
        };
        but(&[]);
        if step.waits_from.is_some() {
            but(&[ScriptStep { waits_from: None, ..step.clone() }]);
        }
        if let Some(point) = step.dies {
            but(&[ScriptStep { dies: None, ..step.clone() }]);
            but(&[ScriptStep::new(
                step.peer,
                What::Crash { kept: point.kept, cause: point.cause },
            )]);
        }
    }
    all
}

/// Of each known failure that does not depend on time: the minimized schedule violates the same
/// property, every step of it is performed, and with any single item less nothing is violated.
/// How many were minimized, and how many depend on time.
fn assert_minimized<S: Simulated>(most_steps: usize, most_messages: u64) -> (u32, u32) {
    let (mut minimized, mut timed) = (0, 0);
    for mutant in S::mutants() {
        let name = mutant.name;
        let failure = known_failure::<S>(mutant).unwrap();
        let Some((scenario, least)) = minimize_known::<S>(mutant) else {
            // A member measures how long others are silent, and a schedule has no time: there the
            // failure may need what only the clock of the whole run gives.
            let property = failure.scenario.only.unwrap();
            let measures = S::NAME == "member";
            assert!(property.depends_on_time || measures, "{name}: {}", property.name);
            timed += 1;
            continue;
        };
        minimized += 1;
        let harness::Schedule { plan, steps, .. } = least.schedule.clone();
        let (outcome, performed) = scenario.follow(&least.schedule);
        assert_eq!(outcome.violation.map(|found| found.property), scenario.only, "{name}");
        assert_eq!(performed, least.schedule, "{name}: every step is performed as it stands");
        let sound = scenario.clone().with_mutant(None);
        assert_eq!(sound.follow(&least.schedule).0.violation, None, "{name}: the protocol itself");
        for steps in one_less::<S>(&steps) {
            let less = harness::Schedule { plan: plan.clone(), steps, at_once: false };
            let fails = scenario.follow(&less).0.violation.is_some();
            let sound_fails = sound.follow(&less).0.violation.is_some();
            assert!(!fails || sound_fails, "{name} fails with less: {less:#?}");
        }
        let messages = least.outcome.counts.delivered;
        assert!(
            steps.len() <= most_steps && messages <= most_messages,
            "{name} is long: {} steps, {messages} messages",
            steps.len()
        );
        let again = minimize_known::<S>(mutant).unwrap().1;
        assert_eq!(again.schedule, least.schedule, "{name}: the same every time");
        let text = schedule::text(&scenario, &least.schedule);
        let (of_file, read) = schedule::parse::<S>(text.as_bytes()).unwrap();
        assert_eq!(of_file.follow(&read).0.violation, outcome_of(&scenario, &least.schedule));
    }
    (minimized, timed)
}

fn outcome_of<S: Simulated>(
    scenario: &harness::Scenario<S>,
    schedule: &harness::Schedule<S>,
) -> Option<harness::Violation> {
    scenario.follow(schedule).0.violation
}

#[test]
fn of_a_minimized_failure_nothing_can_be_taken_out() {
    assert_eq!(assert_minimized::<PaxosSim>(40, 16), (36, 7));
}

#[test]
fn of_a_minimized_failure_of_ready_nothing_can_be_taken_out() {
    assert_eq!(assert_minimized::<ReadySim>(12, 6), (6, 2));
}

#[test]
fn of_a_minimized_failure_of_member_nothing_can_be_taken_out() {
    assert_eq!(assert_minimized::<MemberSim>(150, 60), (16, 7));
}

/// Every seed plays the same events from its schedule.
fn assert_same_events<S: Simulated>(flags: &str) {
    // To the end: what a property says of time may be violated where there is none.
    let scenario = harness::Scenario::<S>::of_flags(flags).unwrap().to_the_end();
    for seed in 0..20 {
        let (outcome, schedule) = scenario.write_down(seed);
        let (again, performed) = scenario.follow(&schedule);
        assert_eq!(performed, schedule, "{flags}, seed {seed}: performed as it stands");
        let counts = |o: &harness::RunOutcome<S::Tally>| {
            (o.counts.steps, o.counts.delivered, o.counts.crashes, o.counts.records_lost)
        };
        assert_eq!(counts(&again), counts(&outcome), "{flags}, seed {seed}");
    }
}

/// (Those of `member` need not: a schedule has no time, and a member measures silence.)
#[test]
fn the_schedules_of_ready_play_the_same_runs() {
    for flags in ["--faults none", "--faults lossy", "--peers 3 --faults heavy"] {
        assert_same_events::<ReadySim>(flags);
    }
}

#[test]
fn long_failures_become_short() {
    let bug = mutants::named("accept-below-promise");
    let scenario = scenario(5, 3, "heavy").with_mutant(bug).only(Some(ONE_CHOICE));
    let failing = (0..).filter(|seed| scenario.play(*seed).violation.is_some()).take(5);
    for seed in failing {
        let before = scenario.write_down(seed).1.steps.len();
        let small = minimize(&scenario, seed, MOST_STEPS).unwrap();
        let after = small.schedule.steps.len();
        assert!(after * 2 < before && after <= 45, "seed {seed}: {before} steps, then {after}");
        // With less time it is not the least, and says so; it violates the property all the same.
        let hasty = minimize(&scenario, seed, before * 8).unwrap();
        assert!(!small.gave_up && hasty.gave_up && hasty.schedule.steps.len() > after);
        assert!(scenario.follow(&hasty.schedule).0.violation.is_some());
    }
}

/// Nothing that the protocol owes depends on which steps a schedule has, so a schedule that
/// violates a property is the mutant's fault and not the simulator's.
fn assert_harmless(scenario: &Scenario, schedule: &Schedule) -> u64 {
    let outcome = scenario.clone().to_the_end().follow(schedule).0;
    let violated = outcome.violated.iter().find(|property| !property.depends_on_time);
    assert_eq!(violated, None, "{:?}\n{schedule:#?}", outcome.violation);
    outcome.tally.decisions
}

#[test]
fn no_schedule_violates_what_paxos_promises() {
    let mut prng = Prng::new(7);
    let mut decisions = 0;
    for round in 0..400 {
        let scenario = scenario(3, 2, "heavy");
        let mut schedule = scenario.write_down(round).1;
        schedule.steps.retain(|_| prng.below(8) > 0);
        decisions += assert_harmless(&scenario, &schedule);
        let plan = PaxosPlan { cast: prng.index(scenario.parameters.casts()), absent: None };
        let steps = (0..300).map(|_| any_step(&mut prng)).collect();
        decisions += assert_harmless(&scenario, &Schedule { plan, steps, at_once: false });
    }
    assert!(decisions > 100, "only {decisions} decisions in 800 runs");
}

/// A message is of this kind; which one it is, the newest under way decides.
fn any_step(prng: &mut Prng) -> StepOf<synod::paxos::Peer> {
    let number = ProposalNumber::new(ProposalNumber::MAX).unwrap();
    let value = Value('?');
    let ack = Ack { answers: number, min_proposal: number, accepted: None, asked: value };
    let messages = [
        Message::Prepare { number, value },
        Message::PrepareAck(ack),
        Message::Accept { number, value },
        Message::AcceptAck(Ack { accepted: Some(Accepted { number, value }), ..ack }),
        Message::Chosen { number, value },
    ];
    let timers = [Timer::Waiting, Timer::Attempt, Timer::Answer];
    let mut peer = || PeerId(u16::try_from(1 + prng.below(3)).unwrap());
    let (at, other) = (peer(), peer());
    let event = match prng.below(40) {
        0..4 => What::Start,
        4..8 => What::Connected(other),
        8..12 => What::Timeout(timers[prng.index(3)]),
        12..14 => What::Flushed,
        14 => What::Proceed,
        15 => What::Crash { kept: u32::try_from(prng.below(3)).unwrap(), cause: any_cause(prng) },
        _ => What::Received { from: other, message: messages[prng.index(5)] },
    };
    let mut sometimes = |one_in| prng.below(one_in) == 0;
    // 0 of a start: the incarnation waits for its first flush.
    let waits_from = sometimes(6).then_some(u32::from(sometimes(2)));
    let dies = sometimes(40);
    let dies = dies.then(|| CrashPoint { after: 1, kept: 1, cause: any_cause(prng) });
    ScriptStep { waits_from, dies, ..ScriptStep::new(at, event) }
}

fn any_cause(prng: &mut Prng) -> Cause {
    [Cause::Kill, Cause::PowerLoss][prng.index(2)]
}

/// The schedules of some failures, as files.
fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        ["accept-below-promise", "fresh-start", "answers-before-it-is-durable"]
            .map(|name| minimize_known::<PaxosSim>(mutants::named(name).unwrap()).unwrap())
            .map(|(scenario, least)| schedule::text(&scenario, &least.schedule))
            .to_vec()
    })
}

#[test]
fn a_schedule_is_read_as_it_was_written() {
    let scenario = scenario(5, 3, "heavy").only(Some(ONE_CHOICE));
    for seed in 0..50 {
        let schedule = scenario.write_down(seed).1;
        let text = schedule::text(&scenario, &schedule);
        let (of_file, again) = schedule::parse::<PaxosSim>(text.as_bytes()).unwrap();
        assert_eq!((again.plan.cast, &again.steps), (schedule.plan.cast, &schedule.steps));
        assert_eq!(schedule::text(&of_file, &again), text);
    }
}

/// A file that does not tell a kill from a power loss means what it always did: so many records
/// survive the crash, and an incarnation starts at once.
#[test]
fn a_schedule_without_causes_and_first_flushes_plays_as_before() {
    let steps = [
        r#"{"peer":1,"event":"start"}"#,
        r#"{"peer":2,"event":"start"}"#,
        r#"{"peer":1,"event":{"connected":2}}"#,
        r#"{"peer":2,"event":{"connected":1}}"#,
        r#"{"peer":2,"event":{"received":{"from":1,"message":{"prepare":{"number":1,"value":"X"}}}},"waits_from":1,"dies":{"after":1,"kept":KEPT}}"#,
        r#"{"peer":2,"event":"start"}"#,
        r#"{"peer":2,"event":{"crash":{"kept":0}}}"#,
        r#"{"peer":2,"event":"start"}"#,
    ];
    let head = concat!(
        r#"{"schedule":"paxos/1","peers":2,"proposers":1,"cast":0,"#,
        r#""faults":"heavy","property":"one-choice"}"#
    );
    // The head of an earlier version.
    let old = r#"{"script":"paxos/1","peers":2,"proposers":1,"cast":0,"claim":"one-choice"}"#;
    for (kept, found) in [("0", "\"started\""), ("1", "\"proposal_num\":1")] {
        let text = format!("{head}\n{}\n", steps.join("\n").replace("KEPT", kept));
        let (scenario, schedule) = schedule::parse::<PaxosSim>(text.as_bytes()).unwrap();
        assert_eq!(schedule::text(&scenario, &schedule), text);
        let of_old = schedule::parse::<PaxosSim>(text.replace(head, old).as_bytes()).unwrap();
        assert_eq!((of_old.1.clone(), of_old.0.only), (schedule.clone(), scenario.only));
        let mut performed = scenario.follow(&schedule).1;
        let own = performed.steps.iter().filter(|step| step.event == What::Proceed).count();
        assert_eq!(own, 1, "the proposer begins by itself");
        performed.steps.retain(|step| step.event != What::Proceed);
        assert_eq!(performed, schedule, "every step is performed as it stands");
        let journal = scenario.record_schedule(&schedule).journal;
        let last = journal.lines().last().unwrap();
        assert!(last.contains(found), "{last}");
    }
}

/// Reads and plays whatever that is.
fn play_whatever(bytes: &[u8]) -> Result<(), TestCaseError> {
    match schedule::parse::<PaxosSim>(bytes) {
        Ok((scenario, schedule)) => {
            scenario.record_schedule(&schedule);
            assert_harmless(&scenario.with_mutant(None), &schedule);
        }
        Err((line, what)) => {
            prop_assert!((1..=bytes.split(|byte| *byte == b'\n').count()).contains(&line));
            prop_assert!(!what.contains('\n') && what.len() < 1000, "{what}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_no_schedule(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        play_whatever(&bytes)?;
        let head = files()[0].lines().next().unwrap().to_owned() + "\n";
        play_whatever(&[head.as_bytes(), &bytes].concat())?;
    }

    #[test]
    fn damaged_schedules_do_no_harm(
        file in 0..3_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5), 1..6),
    ) {
        let mut bytes = files()[file].clone().into_bytes();
        for (place, byte, kind) in damage {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"0123456789\"{}[]:,ab"[usize::from(byte) % 19]),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                // Digits, so that many stay schedules.
                _ => {
                    let digit = bytes.iter().skip(at).position(u8::is_ascii_digit);
                    bytes[at + digit.unwrap_or(0)] = b'0' + byte % 10;
                }
            }
        }
        play_whatever(&bytes)?;
    }

    #[test]
    fn schedules_with_other_lines_do_no_harm(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let text = files().concat();
        // The last one has three peers.
        let head = files()[2].lines().next().unwrap().to_owned();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("event")).collect();
        let steps = order.iter().map(|index| lines[index.index(lines.len())]);
        let text: Vec<&str> = [head.as_str()].into_iter().chain(steps).collect();
        let all = text.join("\n");
        prop_assert!(schedule::parse::<PaxosSim>(all.as_bytes()).is_ok());
        play_whatever(all.as_bytes())?;
    }
}

/// The program in a folder of its own.
fn run(folder: &std::path::Path, args: &str) -> (Option<i32>, String, String) {
    let mut synod = Command::new(env!("CARGO_BIN_EXE_synod"));
    let out = synod.args(args.split(' ')).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn the_command_writes_the_schedule_and_plays_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text, _) = run(dir.path(), "sim --mutant accept-below-promise --draw fall.txt");
    let minimized = "minimized: one-choice: X is chosen under 1, and Y under 2 \
                    (15 steps: 6 messages, 0 crashes)\n\
                    replay: synod sim paxos --replay fall.txt.jsonl.schedule\n";
    assert!(code == Some(0) && text.ends_with(minimized), "{text}");
    let drawn = fs::read_to_string(dir.path().join("fall.txt")).unwrap();
    assert!(
        drawn.contains("20 messages · 4 under way at the end\n"),
        "only what the failure needs: {drawn}"
    );
    let (code, text, said) =
        run(dir.path(), "sim --replay fall.txt.jsonl.schedule --trace again.jsonl");
    let violated = "VIOLATED: one-choice: X is chosen under 1, and Y under 2 \
                  (15 steps: 6 messages, 0 crashes)\n";
    assert_eq!((code, text.as_str()), (Some(0), violated), "{said}");
    let read = |name| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("again.jsonl"), read("fall.txt.jsonl"));
    // A line less, and nothing is violated; Paxos itself keeps its properties in the same run.
    let schedule = read("fall.txt.jsonl.schedule");
    let less: Vec<&str> = schedule.lines().filter(|line| !line.contains("\"attempt\"")).collect();
    fs::write(dir.path().join("less.jsonl"), less.join("\n")).unwrap();
    let (code, text, said) = run(dir.path(), "sim --replay less.jsonl");
    assert_eq!((code, text.as_str()), (Some(1), "the mutant survives\n"));
    assert!(said.starts_with("10 of 14 steps"), "{said}");
    let right = schedule.replace(",\"mutant\":\"accept-below-promise\"", "");
    fs::write(dir.path().join("right.jsonl"), right).unwrap();
    let kept = (Some(0), "no property violated\n");
    let (code, text, _) = run(dir.path(), "sim --replay right.jsonl --trace right.trace");
    assert_eq!((code, text.as_str()), kept);
    let (code, text, said) =
        run(dir.path(), "sim --replay fall.txt.jsonl.schedule --without-bug --trace without.trace");
    assert_eq!((code, text.as_str()), kept, "{said}");
    assert_eq!(read("without.trace"), read("right.trace"));
    let (code, _, said) = run(dir.path(), "sim --replay right.jsonl --without-bug");
    assert!(code == Some(2) && said.contains("right.jsonl names no mutant"), "{said}");
}

#[test]
fn every_protocol_keeps_its_properties_in_what_its_mutants_do_wrong() {
    let dir = tempfile::tempdir().unwrap();
    for mutant in [
        "paxos --mutant takes-the-lowest-number",
        "ready --mutant counts-itself",
        "member --mutant installs-a-view-twice",
    ] {
        let (code, text, _) = run(dir.path(), &format!("sim {mutant} --trace run"));
        let label = ["\n  breaks: ", "\n  prevented by: src/", "\n  step: "];
        assert!(code == Some(0) && label.iter().all(|part| text.contains(part)), "{text}");
        let replay = text.lines().last().and_then(|line| line.strip_prefix("replay: synod "));
        let replay = replay.expect("the last line replays").to_owned();
        assert_eq!(run(dir.path(), &replay).0, Some(0), "the mutant breaks it again");
        let (code, text, said) = run(dir.path(), &(replay + " --without-bug"));
        assert_eq!((code, text.as_str()), (Some(0), "no property violated\n"), "{said}");
    }
}

#[test]
fn a_replay_goes_on_after_a_violation() {
    let dir = tempfile::tempdir().unwrap();
    let seed = "sim --seed 1 --peers 2 --proposers 2 --faults none --property one-choice --mutant \
                ignores-accepted-values --trace fall.jsonl";
    run(dir.path(), seed);
    let schedule = fs::read_to_string(dir.path().join("fall.jsonl.schedule")).unwrap();
    let more = "{\"peer\":1,\"event\":{\"connected\":2}}\n";
    fs::write(dir.path().join("longer"), schedule + more).unwrap();
    let (code, text, said) = run(dir.path(), "sim --replay longer --trace longer.jsonl");
    assert!(code == Some(0) && text.contains("(16 steps: "), "{text}{said}");
}

#[test]
fn a_seed_that_is_named_is_shown_as_it_was_and_cut_down_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let seed = "sim --seed 347 --peers 2 --proposers 1 --faults heavy --only crash --property \
                truth-told --mutant acceptance-for-an-older-number --trace fall.jsonl";
    let (code, text, _) = run(dir.path(), seed);
    assert!(code == Some(0) && text.contains("\nminimized: truth-told: "), "{text}");
    let lines = |name| fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
    let (whole, _) = (lines("fall.jsonl"), lines("fall.jsonl.schedule"));
    run(dir.path(), "sim --replay fall.jsonl.schedule --trace small.jsonl");
    assert!(lines("small.jsonl") < whole);
    let (_, text, _) = run(dir.path(), "sim --mutant refuses-in-silence --trace time.jsonl");
    assert!(
        text.ends_with("decides depends on time, so no single events are taken out of this run\n")
    );
    assert!(!dir.path().join("time.jsonl.schedule").exists());
}

#[test]
fn a_wrong_schedule_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let head = r#"{"schedule":"paxos/1","peers":2,"proposers":2,"cast":0,"property":"one-choice"}"#;
    let with = |step: &str| format!("{head}\n{{\"peer\":1,\"event\":\"start\"}}\n\n{step}\n");
    for (text, says) in [
        (String::new(), ":1: this is not the head of a schedule"),
        (head.replace("paxos", "raft"), ":1: a schedule of \"raft/1\""),
        (head.replace("\"peers\":2", "\"peers\":129"), ":1: 129 peers"),
        (
            head.replace("\"proposers\":2", "\"proposers\":3"),
            ":1: --proposers: 2 peers and 3 proposers",
        ),
        (head.replace("\"cast\":0", "\"cast\":99"), ":1: cast 99"),
        (head.replace("one-choice", "decides"), ":1: the property \"decides\" is none of"),
        (head.replace("one-choice\"", "one-choice\",\"mutant\":\"me\""), ":1: the mutant \"me\""),
        (with("so it went"), ":4: this is not a step: column 1"),
        (with(r#"{"peer":1,"event":{"timeout":"tea"}}"#), ":4: this is not a step: column"),
        (with(r#"{"peer":3,"event":"start"}"#), ":4: there is no peer3: the head says 2 peers"),
        (with(r#"{"peer":1,"event":{"connected":0}}"#), ":4: there is no peer0"),
        (with(r#"{"peer":1,"event":"start","late":true}"#), ":4: this is not a step"),
        (with(r#"{"peer":1,"event":"a\nb\u001b[31m"}"#), ":4: this is not a step"),
        (with(&"x".repeat(9000)), ":4: this is not a step"),
        (with(&format!(r#"{{"peer":1,"event":"{}"}}"#, "x".repeat(9000))), ":4: this is not"),
        (head.replace("one-choice", &"x\\n".repeat(9000)), ":1: the property"),
        ("[".repeat(100_000), ":1: this is not the head of a schedule"),
    ] {
        fs::write(dir.path().join("wrong.jsonl"), text).unwrap();
        let (code, text, said) = run(dir.path(), "sim --replay wrong.jsonl");
        assert_eq!((code, text.as_str()), (Some(2), ""), "{says}: {said}");
        assert!(
            said.contains(&format!("wrong.jsonl{says}")) && said.lines().count() == 1,
            "{said}"
        );
    }
    fs::write(dir.path().join("a.jsonl"), with(r#"{"peer":1,"event":"flushed"}"#)).unwrap();
    for (args, says) in [
        ("sim --replay nowhere", "reading nowhere: "),
        ("sim --replay .", "reading .: "),
        ("sim --replay a.jsonl --seed 1", "--replay: its file says everything about the run"),
        ("sim --replay a.jsonl --mutant fresh-start", "--replay: its file says"),
        ("sim --seed 1 --without-bug", "--without-bug is for --replay"),
        ("sim --replay a.jsonl --trace ./a.jsonl", "the same file would be written"),
    ] {
        let (code, _, said) = run(dir.path(), args);
        assert!(code == Some(2) && said.contains(says), "{args}: {said}");
    }
}
