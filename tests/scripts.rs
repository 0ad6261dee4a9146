//! A failing run as a script: it plays the same run again, and it is cut down to what the failure
//! needs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use proptest::prelude::*;
use synod::cli::sim::claims::Claim;
use synod::cli::sim::play::{Scenario, Scene, Steps};
use synod::cli::sim::{scene, smallest};
use synod::paxos::mutants;
use synod::paxos::{Accepted, Ack, Message, ProposalNumber, Timer, Value};
use synod::process::PeerId;
use synod::sim::script::{Cause, Death, What};
use synod::sim::{Faults, Prng, Span, Step};

fn scenario(peers: u16, proposers: u16, preset: &str) -> Scenario {
    Scenario::new(peers, proposers, Faults::preset(preset).unwrap())
}

/// Half of the flushes take no time.
fn with_some_slow_flushes() -> Scenario {
    Scenario::new(5, 3, Faults { flush: Span::us(0, 1), ..Faults::heavy() })
}

#[test]
fn the_script_of_a_seed_plays_the_same_run() {
    for scenario in [
        scenario(5, 2, "none"),
        scenario(5, 3, "light"),
        scenario(5, 3, "heavy"),
        scenario(2, 2, "heavy"),
        with_some_slow_flushes(),
    ] {
        for seed in 0..80 {
            let (outcome, scene) = scenario.write_down(seed);
            let (again, performed) = scenario.follow(&scene);
            assert_eq!(performed, scene, "seed {seed}: every step is performed as it stands");
            let counts = |o: &synod::cli::sim::play::Outcome| {
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
fn the_scripts_are_not_empty() {
    let scenarios = [scenario(5, 3, "heavy"), with_some_slow_flushes()];
    let scripts = |scenario: &Scenario| -> Vec<Steps> {
        (0..100).map(|seed| scenario.write_down(seed).1.steps).collect()
    };
    let runs: Vec<Steps> = scenarios.iter().flat_map(scripts).collect();
    let sometimes = |what: &str, seen: fn(&Step<Message, Timer, Value>) -> bool| {
        assert!(runs.iter().flatten().any(seen), "no script has {what}");
    };
    sometimes("a crash between effects", |step| step.dies.is_some_and(|death| death.after > 0));
    sometimes("a record that survives", |step| step.dies.is_some_and(|death| death.kept > 0));
    sometimes("a crash between steps", |step| matches!(step.event, What::Crash { .. }));
    let wrote = |step: &Step<Message, Timer, Value>| {
        step.dies.is_some_and(|death| death.kept > 0 && death.cause == Cause::Kill)
    };
    sometimes("a kill that leaves a record in the cache", wrote);
    sometimes("a power loss that leaves a record on the disk", |step| {
        step.dies.is_some_and(|death| death.kept > 0 && death.cause == Cause::PowerLoss)
    });
    sometimes("a life that waits for its first flush", |s| s.waits_from == Some(0));
    sometimes("a crash in a flush", |s| s.dies.is_some() && matches!(s.event, What::Flushed));
    sometimes("a slow flush", |step| step.waits_from == Some(1));
    sometimes("a second record that waits", |step| step.waits_from == Some(2));
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
    assert!(runs.iter().any(unheard), "no life ends before its first flush");
    let most = runs.iter().flatten().filter_map(|step| step.waits_from).max();
    assert!(most <= Some(3), "records are counted from the beginning of their step: {most:?}");
}

#[test]
fn the_script_of_a_failure_breaks_the_same_claim() {
    for mutant in mutants::all() {
        let mut scenario = scenario(3, 2, "heavy").with_bug(Some(mutant));
        for seed in 0..60 {
            scenario.only = None;
            let Some(breach) = scenario.play(seed).breach else { continue };
            if !breach.claim.hangs_on_time() {
                scenario.only = Some(breach.claim);
                let scene = scenario.write_down(seed).1;
                let again = scenario.follow(&scene).0.breach.map(|again| again.claim);
                assert_eq!(again, Some(breach.claim), "{} seed {seed}", mutant.name);
            }
        }
    }
}

/// Everything that is one item less.
fn one_less(steps: &Steps) -> Vec<Steps> {
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut but = |instead: &[Step<Message, Timer, Value>]| {
            all.push([&steps[..index], instead, &steps[index + 1..]].concat());
        };
        but(&[]);
        if step.waits_from.is_some() {
            but(&[Step { waits_from: None, ..step.clone() }]);
        }
        if let Some(death) = step.dies {
            but(&[Step { dies: None, ..step.clone() }]);
            but(&[Step::new(step.peer, What::Crash { kept: death.kept, cause: death.cause })]);
        }
    }
    all
}

#[test]
fn of_the_smallest_failures_nothing_can_be_taken_out() {
    let (mut cut, mut timed) = (0, 0);
    for mutant in mutants::all() {
        let Some((scenario, small)) = smallest::of_mutant(mutant) else {
            timed += 1;
            continue;
        };
        cut += 1;
        let name = mutant.name;
        let Scene { cast, steps } = small.scene.clone();
        let (outcome, performed) = scenario.follow(&small.scene);
        assert_eq!(outcome.breach.map(|breach| breach.claim), scenario.only, "{name}");
        assert_eq!(performed, small.scene, "{name}: every step is performed as it stands");
        for steps in one_less(&steps) {
            let outcome = scenario.follow(&Scene { cast, steps: steps.clone() }).0;
            assert_eq!(outcome.breach, None, "{name} fails with less: {steps:#?}");
        }
        assert!(steps.len() <= 28 && small.outcome.counts.delivered <= 14, "{name} is long");
        let again = smallest::of_mutant(mutant).unwrap().1;
        assert_eq!(again, small, "{name}: the same every time");
    }
    assert_eq!((cut, timed), (36, 7), "claims about time are not cut down");
}

#[test]
fn long_failures_become_short() {
    let bug = mutants::named("accept-below-promise");
    let scenario = scenario(5, 3, "heavy").with_bug(bug).only(Some(Claim::OneChoice));
    let failing = (0..).filter(|seed| scenario.play(*seed).breach.is_some()).take(5);
    for seed in failing {
        let before = scenario.write_down(seed).1.steps.len();
        let small = smallest::smallest(&scenario, seed, smallest::MOST_STEPS).unwrap();
        let after = small.scene.steps.len();
        assert!(after * 2 < before && after <= 45, "seed {seed}: {before} steps, then {after}");
        // With less time it is not the least, and says so; it breaks the claim all the same.
        let hasty = smallest::smallest(&scenario, seed, before * 8).unwrap();
        assert!(!small.gave_up && hasty.gave_up && hasty.scene.steps.len() > after);
        assert!(scenario.follow(&hasty.scene).0.breach.is_some());
    }
}

/// Nothing that the protocol owes hangs on which steps a script has, so a script that breaks a
/// claim is the mutant's fault and not the stage's.
fn assert_harmless(scenario: &Scenario, scene: &Scene) -> u64 {
    let outcome = scenario.clone().to_the_end().follow(scene).0;
    let broken = |claim: &Claim| !claim.hangs_on_time() && outcome.broken.contains(*claim);
    let broken: Vec<Claim> = Claim::ALL.into_iter().filter(broken).collect();
    assert!(broken.is_empty(), "{broken:?}: {:?}\n{scene:#?}", outcome.breach);
    outcome.tally.decisions
}

#[test]
fn no_script_breaks_paxos() {
    let mut prng = Prng::new(7);
    let mut decisions = 0;
    for round in 0..400 {
        let scenario = scenario(3, 2, "heavy");
        let mut scene = scenario.write_down(round).1;
        scene.steps.retain(|_| prng.below(8) > 0);
        decisions += assert_harmless(&scenario, &scene);
        let cast = prng.index(scenario.casts());
        let steps = (0..300).map(|_| any_step(&mut prng)).collect();
        decisions += assert_harmless(&scenario, &Scene { cast, steps });
    }
    assert!(decisions > 150, "only {decisions} decisions in 800 runs");
}

/// A message is of this kind; which one it is, the newest under way decides.
fn any_step(prng: &mut Prng) -> Step<Message, Timer, Value> {
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
        12..15 => What::Flushed,
        15 => What::Crash { kept: u32::try_from(prng.below(3)).unwrap(), cause: any_cause(prng) },
        _ => What::Received { from: other, message: messages[prng.index(5)] },
    };
    let mut sometimes = |one_in| prng.below(one_in) == 0;
    // 0 of a start: the life waits for its first flush.
    let waits_from = sometimes(6).then_some(u32::from(sometimes(2)));
    let dies = sometimes(40);
    let dies = dies.then(|| Death { after: 1, kept: 1, cause: any_cause(prng) });
    Step { waits_from, dies, ..Step::new(at, event) }
}

fn any_cause(prng: &mut Prng) -> Cause {
    [Cause::Kill, Cause::PowerLoss][prng.index(2)]
}

/// The scripts of some failures, as files.
fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        ["accept-below-promise", "fresh-start", "answers-before-it-is-durable"]
            .map(|name| smallest::of_mutant(mutants::named(name).unwrap()).unwrap())
            .map(|(scenario, small)| scene::text(&scenario, &small.scene))
            .to_vec()
    })
}

#[test]
fn a_script_is_read_as_it_was_written() {
    let scenario = scenario(5, 3, "heavy").only(Some(Claim::OneChoice));
    for seed in 0..50 {
        let scene = scenario.write_down(seed).1;
        let text = scene::text(&scenario, &scene);
        let (of_file, again) = scene::parse(text.as_bytes()).unwrap();
        assert_eq!(again, scene);
        assert_eq!(scene::text(&of_file, &again), text);
    }
}

/// A file that does not tell a kill from a power loss means what it always did: so many records
/// survive the crash, and a life starts at once.
#[test]
fn a_script_without_causes_and_first_flushes_plays_as_before() {
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
    let head = r#"{"script":"paxos/1","peers":2,"proposers":1,"cast":0,"claim":"one-choice"}"#;
    for (kept, found) in [("0", "\"started\""), ("1", "\"proposal_num\":1")] {
        let text = format!("{head}\n{}\n", steps.join("\n").replace("KEPT", kept));
        let (scenario, scene) = scene::parse(text.as_bytes()).unwrap();
        assert_eq!(scene::text(&scenario, &scene), text);
        assert_eq!(scenario.follow(&scene).1, scene, "every step is performed as it stands");
        let journal = scenario.record_scene(&scene).tape.text();
        let last = journal.lines().last().unwrap();
        assert!(last.contains(found), "{last}");
    }
}

/// Reads and plays whatever that is.
fn play_whatever(bytes: &[u8]) -> Result<(), TestCaseError> {
    match scene::parse(bytes) {
        Ok((scenario, scene)) => {
            scenario.record_scene(&scene);
            assert_harmless(&scenario.with_bug(None), &scene);
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
    fn garbage_is_no_script(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        play_whatever(&bytes)?;
        let head = files()[0].lines().next().unwrap().to_owned() + "\n";
        play_whatever(&[head.as_bytes(), &bytes].concat())?;
    }

    #[test]
    fn damaged_scripts_do_no_harm(
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
                // Digits, so that many stay scripts.
                _ => {
                    let digit = bytes.iter().skip(at).position(u8::is_ascii_digit);
                    bytes[at + digit.unwrap_or(0)] = b'0' + byte % 10;
                }
            }
        }
        play_whatever(&bytes)?;
    }

    #[test]
    fn scripts_with_other_lines_do_no_harm(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let text = files().concat();
        // The last one has three peers.
        let head = files()[2].lines().next().unwrap().to_owned();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("event")).collect();
        let steps = order.iter().map(|index| lines[index.index(lines.len())]);
        let text: Vec<&str> = [head.as_str()].into_iter().chain(steps).collect();
        let all = text.join("\n");
        prop_assert!(scene::parse(all.as_bytes()).is_ok());
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
fn the_command_writes_the_script_and_plays_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text, _) = run(dir.path(), "sim --bug accept-below-promise --draw fall.txt");
    let smallest = "smallest: one-choice: X is chosen under 1, and Y under 2 \
                    (11 steps: 6 messages, 0 crashes)\n\
                    replay: synod sim --replay fall.txt.jsonl.script\n";
    assert!(code == Some(0) && text.ends_with(smallest), "{text}");
    let drawn = fs::read_to_string(dir.path().join("fall.txt")).unwrap();
    assert!(
        drawn.contains("20 messages · 4 never received\n"),
        "only what the failure needs: {drawn}"
    );
    let (code, text, said) =
        run(dir.path(), "sim --replay fall.txt.jsonl.script --trace again.jsonl");
    let broken = "BROKEN: one-choice: X is chosen under 1, and Y under 2 \
                  (11 steps: 6 messages, 0 crashes)\n";
    assert_eq!((code, text.as_str()), (Some(0), broken), "{said}");
    let read = |name| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("again.jsonl"), read("fall.txt.jsonl"));
    // A line less, and nothing breaks; Paxos itself keeps its claims in the same run.
    let script = read("fall.txt.jsonl.script");
    let less: Vec<&str> = script.lines().filter(|line| !line.contains("\"attempt\"")).collect();
    fs::write(dir.path().join("less.jsonl"), less.join("\n")).unwrap();
    let (code, text, said) = run(dir.path(), "sim --replay less.jsonl");
    assert_eq!((code, text.as_str()), (Some(1), "the mutant survives\n"));
    assert!(said.starts_with("7 of 10 steps"), "{said}");
    let right = script.replace(",\"bug\":\"accept-below-promise\"", "");
    fs::write(dir.path().join("right.jsonl"), right).unwrap();
    let (code, text, _) = run(dir.path(), "sim --replay right.jsonl");
    assert_eq!((code, text.as_str()), (Some(0), "no claim broken\n"));
}

#[test]
fn a_seed_that_is_named_is_shown_as_it_was_and_cut_down_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let seed = "sim --seed 5523 --peers 2 --proposers 1 --faults heavy --only crash --claim \
                truth-told --bug acceptance-for-an-older-number --trace fall.jsonl";
    let (code, text, _) = run(dir.path(), seed);
    assert!(code == Some(0) && text.contains("\nsmallest: truth-told: "), "{text}");
    let lines = |name| fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
    let (whole, _) = (lines("fall.jsonl"), lines("fall.jsonl.script"));
    run(dir.path(), "sim --replay fall.jsonl.script --trace small.jsonl");
    assert!(lines("small.jsonl") < whole);
    let (_, text, _) = run(dir.path(), "sim --bug refuses-in-silence --trace time.jsonl");
    assert!(
        text.ends_with("decides hangs on time, so no single events are taken out of this run\n")
    );
    assert!(!dir.path().join("time.jsonl.script").exists());
}

#[test]
fn a_wrong_script_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let head = r#"{"script":"paxos/1","peers":2,"proposers":2,"cast":0,"claim":"one-choice"}"#;
    let with = |step: &str| format!("{head}\n{{\"peer\":1,\"event\":\"start\"}}\n\n{step}\n");
    for (text, says) in [
        (String::new(), ":1: this is not the head of a script"),
        (head.replace("paxos", "raft"), ":1: a script of \"raft/1\""),
        (head.replace("\"peers\":2", "\"peers\":129"), ":1: 129 peers"),
        (head.replace("\"proposers\":2", "\"proposers\":3"), ":1: 2 peers and 3 proposers"),
        (head.replace("\"cast\":0", "\"cast\":99"), ":1: cast 99"),
        (head.replace("one-choice", "decides"), ":1: the claim \"decides\" is none of"),
        (head.replace("one-choice\"", "one-choice\",\"bug\":\"me\""), ":1: the bug \"me\""),
        (with("so it went"), ":4: this is not a step: column 1"),
        (with(r#"{"peer":1,"event":{"timeout":"tea"}}"#), ":4: this is not a step: column"),
        (with(r#"{"peer":3,"event":"start"}"#), ":4: there is no peer3: the head says 2 peers"),
        (with(r#"{"peer":1,"event":{"connected":0}}"#), ":4: there is no peer0"),
        (with(r#"{"peer":1,"event":"start","late":true}"#), ":4: this is not a step"),
        (with(r#"{"peer":1,"event":"a\nb\u001b[31m"}"#), ":4: this is not a step"),
        (with(&"x".repeat(9000)), ":4: this is not a step"),
        (with(&format!(r#"{{"peer":1,"event":"{}"}}"#, "x".repeat(9000))), ":4: this is not"),
        (head.replace("one-choice", &"x\\n".repeat(9000)), ":1: the claim"),
        ("[".repeat(100_000), ":1: this is not the head of a script"),
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
        ("sim --replay a.jsonl --seed 1", "--replay: all about the run stands in its file"),
        ("sim --replay a.jsonl --bug fresh-start", "--replay: all about the run"),
        ("sim --replay a.jsonl --trace ./a.jsonl", "the same file would be written"),
    ] {
        let (code, _, said) = run(dir.path(), args);
        assert!(code == Some(2) && said.contains(says), "{args}: {said}");
    }
}
