//! Whatever a log holds, the judge ends, and says the same however the lines were collected.

#![allow(clippy::unwrap_used)] // a test may end with a panic

mod runs;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use runs::{
    Doctored, Form, clean, compose, doctored, judge, options, run, third_round, undecided, violated,
};
use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{PaxosJudge, PaxosOptions};

/// Lines of the pieces that lines are made of, so that they come close to being right.
fn nearly_a_log() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "{\"peer_id\":",
        "1",
        "2",
        "65536",
        ",\"action\":\"sent\"",
        ",\"action\":\"received\"",
        ",\"action\":\"chose\"",
        ",\"action\":\"started\"",
        ",\"message_type\":\"prepare\"",
        ",\"message_type\":\"prepare_ack\"",
        ",\"message_type\":\"accept\"",
        ",\"message_type\":\"accept_ack\"",
        ",\"message_value\":\"X\"",
        ",\"message_value\":",
        ",\"proposal_num\":1}\n",
        ",\"proposal_num\":1.10}\n",
        ",\"proposal_num\":18446744073709551615}\n",
        ",\"at\":2",
        ",\"to\":1",
        ",\"answers\":5",
        ",\"accepted_proposal\":1",
        "{",
        "}",
        "\"",
        "'",
        "\\",
        "\\u00",
        ",",
        ":",
        "[",
        "]",
        "\n",
        "\r\n",
        "peer1  | ",
        "\u{1b}[3",
        "\u{feff}",
        "é",
        "\0",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Any lawful or unlawful little run, each line whole.
fn any_run() -> impl Strategy<Value = String> {
    let line = (1_u16..6, 1_u16..6, 0_usize..9, 0_usize..3, 0_u64..8, 0_u64..8).prop_map(
        |(p, id, what, value, n, other)| {
            let what = [
                "sent prepare",
                "received prepare",
                "sent prepare_ack",
                "received prepare_ack",
                "sent accept",
                "received accept",
                "sent accept_ack",
                "received accept_ack",
                "chose chose",
            ][what];
            let id = if what.starts_with("received") { id } else { p };
            let value = ["X", "Y", "Z"][value];
            format!("{p}: {id} {what} {value} {n} >{id} a={other} h={other}\n")
        },
    );
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.concat())
}

/// The lines of each peer in their order, the peers shuffled by `picks`.
fn shuffled(text: &str, picks: &[usize]) -> String {
    let mut queues = BTreeMap::<&str, std::collections::VecDeque<&str>>::new();
    for line in text.lines() {
        queues.entry(&line[..1]).or_default().push_back(line);
    }
    let mut out = String::new();
    for pick in picks.iter().cycle() {
        let Some(key) = queues.keys().nth(pick % queues.len().max(1)).copied() else { break };
        let queue = queues.get_mut(key).unwrap();
        writeln!(out, "{}", queue.pop_front().unwrap()).unwrap();
        if queue.is_empty() {
            queues.remove(key);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_judge_panic(
        log in nearly_a_log(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for log in [log, bytes] {
            let mut judge = PaxosJudge::new(options());
            // Compressed files and UTF-16 are not read.
            let Ok(mut reader) = Reader::new("log", &log[..], Names::new()) else { continue };
            let mut lines = 0;
            while let Some(line) = reader.next_line().unwrap() {
                judge.line(0, &line);
                lines = line.number;
            }
            prop_assert_eq!(lines, log.split_inclusive(|byte| *byte == b'\n').count() as u64);
            let report = judge.finish();
            report.for_people(&[], true);
            let json: serde_json::Value = serde_json::from_str(&report.json(&[], true)).unwrap();
            prop_assert!(json["rules"].is_array());
        }
    }

    #[test]
    fn no_run_makes_the_judge_panic(text in any_run()) {
        for form in [Form::Printed, Form::Journal] {
            run(&text, form, options()).for_people(&[], true);
            run(&text, form, PaxosOptions::default());
        }
    }

    #[test]
    fn no_finding_rests_on_how_the_peers_lines_were_shuffled(
        picks in prop::collection::vec(0_usize..5, 1..80),
        which in any::<prop::sample::Index>(),
    ) {
        let mut runs = doctored();
        for text in [clean(), third_round("Y")] {
            runs.push(Doctored { rule: "", text, printed_too: true });
        }
        let text = &which.get(&runs).text;
        let judged = |text: &str| {
            let report = judge(&[("log".into(), compose(text))], options());
            (violated(&report), undecided(&report))
        };
        prop_assert_eq!(judged(text), judged(&shuffled(text, &picks)));
    }
}
