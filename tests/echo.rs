//! The echo counter of `examples/echo`, a protocol of one's own: on sockets, simulated, judged and
//! drawn, all of it through what its row in the table has.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use synod::cli::pages;
use synod::node::{Address, Config, Node, Observer, Sockets};
use synod::process::{Output, PeerId, Process as _};
use synod::protocols::Protocol;
use synod::sim::harness::{AnySim as _, NoParameters, Scenario, Simulated as _};
use synod::trace::diagram::{Format, TextPage, Window, draw};
use synod::trace::inputs::Inputs;
use synod::trace::judge::{JudgeOptions, Judgement};

#[path = "../examples/echo/main.rs"]
#[expect(dead_code, reason = "its `main` is the program's, not this one's")]
mod echo;

use echo::PROTOCOLS;
use echo::protocol::{Counted, Echo, Setup};
use echo::sim::EchoSim;

struct Nobody;

impl Observer<Echo> for Nobody {
    fn observe(&mut self, _output: &Output<Echo>) {}
}

#[test]
fn peers_on_sockets_count_to_the_goal() {
    let listeners: BTreeMap<PeerId, TcpListener> = (1..=3)
        .map(|id| (PeerId(id), TcpListener::bind("127.0.0.1:0").expect("a free port")))
        .collect();
    let address = |listener: &TcpListener| Address {
        host: "127.0.0.1".into(),
        port: listener.local_addr().expect("it is bound").port(),
    };
    let addresses: BTreeMap<PeerId, Address> =
        listeners.iter().map(|(id, listener)| (*id, address(listener))).collect();
    let nodes: Vec<_> = listeners
        .into_iter()
        .map(|(me, listener)| {
            let mut peers = addresses.clone();
            peers.remove(&me);
            let setup = Setup { others: peers.keys().copied().collect(), goal: 3 };
            let config = Config {
                me,
                fingerprint: "f".into(),
                peers,
                strict_address: false,
                bodies: None,
                say: Box::new(|_, _| {}),
            };
            let sockets = Sockets::from(listener);
            Node::start(config, Echo::new(setup), None, Box::new(Nobody), sockets)
                .expect("it starts")
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    for node in nodes {
        let done =
            node.wait_until(Some(deadline), |echo| (echo.snapshot() == [Counted(3)]).then_some(()));
        assert!(done.is_some(), "it has not counted to 3");
    }
}

#[test]
fn its_pages_of_help_have_the_one_form() {
    for page in pages(PROTOCOLS) {
        for part in ["usage: ", "\n\nexit codes:\n  ", "\n\nexample:\n  "] {
            assert!(page.text.contains(part), "{:?}: no {part:?}: {}", page.names, page.text);
        }
    }
}

/// The row of the table.
fn row() -> &'static Protocol {
    &PROTOCOLS[0]
}

/// The protocol itself where everything goes wrong.
fn heavy() -> Scenario<EchoSim> {
    Scenario::new(3, NoParameters {}, &EchoSim::WORLDS[0])
}

/// The lines of a run.
fn journal() -> String {
    heavy().record(1).journal
}

fn judge(journal: String) -> Judgement {
    let judge = row().log.expect("it has a judge");
    judge.judge(Inputs::of_text("run", journal), &JudgeOptions::default()).expect("lines of echo")
}

#[test]
fn simulated_runs_violate_nothing_in_any_world() {
    for world in EchoSim::WORLDS {
        for peers in [2, 3, 5] {
            let scenario = Scenario::<EchoSim>::new(peers, NoParameters {}, world);
            for seed in 0..200 {
                let outcome = scenario.play(seed);
                assert_eq!(outcome.violation, None, "{}", scenario.command(seed));
                // A crash between the record and the report leaves a number out.
                let all = outcome.tally.counted == 3 * u64::from(peers);
                assert!(all || outcome.counts.crashes > 0, "{}", scenario.command(seed));
            }
        }
    }
    let crashes: u64 = (0..200).map(|seed| heavy().play(seed).counts.crashes).sum();
    assert!(crashes > 100, "only {crashes} crashes");
}

#[test]
fn the_judge_of_the_lines_agrees_with_the_simulator() {
    for seed in 0..100 {
        assert_eq!(heavy().record(seed).judged, Some(Vec::new()), "{}", heavy().command(seed));
    }
}

#[test]
fn each_mutant_is_caught_by_two_checks_and_has_a_known_failure() {
    let sim = row().sim.expect("it is simulated");
    let mutants = sim.mutants();
    assert_eq!(mutants.len(), 3);
    for mutant in mutants {
        let row = sim.matrix_row(mutant.name, 1).expect("it is in the matrix");
        assert!(row.kills() >= 2, "{}: {row:?}", mutant.name);
        assert!(sim.known_violation(mutant.name).is_some(), "{}", mutant.name);
    }
}

#[test]
fn every_property_is_violated_by_a_mutant() {
    let rows: Vec<_> =
        EchoSim.mutants().iter().filter_map(|mutant| EchoSim.matrix_row(mutant.name, 1)).collect();
    for property in EchoSim::PROPERTIES {
        let is_violated = rows.iter().any(|row| row.violated.contains_key(property.name));
        assert!(is_violated, "{}", property.name);
    }
}

#[test]
fn a_good_log_passes_and_a_doctored_one_is_accused() {
    let good = journal();
    let judgement = judge(good.clone());
    assert!(judgement.is_readable && !judgement.is_violated, "{}", judgement.printed);

    let is_echo = |line: &&str| {
        line.contains("\"at\":1,\"event\":\"received\",\"peer\":2,\"text\":\"echo 2\"")
    };
    assert!(good.lines().any(|line| is_echo(&line)));
    let unheard = good.lines().filter(|line| !is_echo(line)).collect::<Vec<_>>().join("\n");
    let printed = judge(unheard).printed;
    assert!(printed.contains("VIOLATED: echoed: peer1 counts 2, not echoed by peer2"), "{printed}");

    // A lower number, and the same again.
    for text in ["counted 1", "counted 3"] {
        let again = good.lines().find(|line| line.contains(text)).expect("it is counted");
        let printed = judge(format!("{good}{again}\n")).printed;
        assert!(printed.contains("VIOLATED: in-order"), "{printed}");
    }
}

#[test]
fn a_log_that_is_none_of_echo_is_not_recognised() {
    let judge = row().log.expect("it has a judge");
    assert!(judge.recognises(journal().as_bytes()));
    assert!(!judge.recognises(journal().replace("\"echo\"", "\"ready\"").as_bytes()));
    assert!(judge.judge(Inputs::of_text("run", "x\n".into()), &JudgeOptions::default()).is_err());
}

#[test]
fn a_run_is_drawn_with_a_lifeline_for_each_peer_and_arrows() {
    let make = row().diagram.expect("it is drawn");
    let inputs = Inputs::of_text("run", journal());
    let diagram = make(inputs, Window::default(), &JudgeOptions::default()).expect("a picture");
    assert_eq!(diagram.lifelines.len(), 3);
    let kinds: Vec<usize> = diagram.arrows.iter().map(|arrow| arrow.kind).collect();
    assert!(kinds.contains(&0) && kinds.contains(&1), "{kinds:?}");
    let text = draw(&diagram, Format::Text(TextPage { columns: 80, colours: false }));
    for part in
        ["All 3 are done", "peer1", "peer2", "peer3", "call 1", "echo 3", "counted 3", "─▶●"]
    {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
}
