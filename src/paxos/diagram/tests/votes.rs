//! What a picture says of promises, votes and majorities.

use super::{line, message, picture};
use crate::trace::diagram::{ArrowEnd, Diagram, Format, Marker, Window, draw};

/// Peer 1 proposes to peers 2 to 4, of which the last hears nothing.
fn round() -> String {
    let mut log = String::new();
    for (kind, ack, at) in [("prepare", "prepare_ack", 0), ("accept", "accept_ack", 100)] {
        for to in 2..5 {
            log += &line(1, "sent", kind, (1, to), 7, at);
        }
        for from in [2, 3] {
            log += &line(from, "received", kind, (1, from), 7, at + 10);
            log += &message(ack, (from, 1), 7, at + 20, at + 30 + u64::from(from));
        }
    }
    log
}

fn reached(diagram: &Diagram) -> Vec<(u16, &str)> {
    let peer = |line: usize| diagram.lifelines[line].peer;
    let steps = diagram.steps.iter();
    steps.filter_map(|step| Some((peer(step.lifeline), &*step.reached.as_ref()?.label))).collect()
}

fn states(diagram: &Diagram, line: usize) -> Vec<&str> {
    diagram.lifelines[line].states.iter().map(|(_, state)| state.as_str()).collect()
}

#[test]
fn a_majority_is_marked_where_it_is_complete_and_says_of_whom() {
    let diagram = picture(Window::default(), &round());
    // Promises count where they arrive, votes where they are cast.
    assert_eq!(reached(&diagram), [(1, "majority: 2, 3"), (3, "chosen by 2, 3")]);
    let chosen = diagram.steps.iter().filter_map(|step| step.reached.as_ref()).next_back();
    let voters: Vec<(usize, Marker)> = chosen
        .expect("the second")
        .steps
        .iter()
        .map(|step| (diagram.steps[*step].lifeline, diagram.steps[*step].marker))
        .collect();
    assert_eq!(voters, [(1, Marker::Full), (2, Marker::Full)]);
    assert_eq!(states(&diagram, 1), ["promised 7", "promised 7 · holds X@7"]);
    assert_eq!(states(&diagram, 0), [""; 0]);
}

#[test]
fn one_voice_less_or_one_voice_twice_is_no_majority() {
    let without = |gone: &str| {
        round().lines().filter(|line| !line.contains(gone)).map(|l| l.to_owned() + "\n").collect()
    };
    let log: String = without("\"peer_id\":3,");
    let twice = log.clone() + &message("prepare_ack", (2, 1), 7, 60, 70);
    for log in [log, twice] {
        assert_eq!(reached(&picture(Window::default(), &log)), []);
    }
}

#[test]
fn a_journal_tells_what_a_proposer_promises_itself() {
    let own = |kind: &str, ack: &str, at| {
        line(1, "sent", kind, (1, 1), 7, at)
            + &line(1, "received", kind, (1, 1), 7, at + 1)
            + &line(1, "sent", kind, (1, 2), 7, at + 2)
            + &message(ack, (1, 1), 7, at + 3, at + 4)
            + &line(2, "received", kind, (1, 2), 7, at + 5)
            + &message(ack, (2, 1), 7, at + 6, at + 7)
    };
    let log = own("prepare", "prepare_ack", 0) + &own("accept", "accept_ack", 100);
    let diagram = picture(Window::default(), &log);
    // What it says to itself is within the step that asks.
    let own: Vec<Marker> =
        diagram.steps.iter().filter(|s| s.lifeline == 0).map(|step| step.marker).collect();
    assert_eq!(own, [Marker::Hollow, Marker::Full, Marker::Dot]);
    assert_eq!(reached(&diagram), [(1, "majority: 1, 2"), (2, "chosen by 1, 2")]);
    assert_eq!(states(&diagram, 0), ["promised 7", "promised 7 · holds X@7"]);
}

/// A printed line of a run of peers 1 and 2.
fn printed(peer: u16, action: &str, kind: &str, value: &str, number: u64) -> String {
    format!(
        "peer{peer} | {{\"peer_id\":{},\"action\":\"{action}\",\"message_type\":\"{kind}\",\
         \"message_value\":\"{value}\",\"proposal_num\":{number}}}\n",
        if action == "sent" { peer } else { 3 - peer }
    )
}

/// A question of peer 1 that reaches peer 2, and the answer as it leaves.
fn asked(kind: &str, value: &str, answer: &str, number: u64) -> String {
    printed(1, "sent", kind, value, number)
        + &printed(2, "received", kind, value, number)
        + &printed(2, "sent", &format!("{kind}_ack"), answer, number)
}

#[test]
fn a_promise_that_reports_a_vote_looks_different_also_where_it_is_printed_alike() {
    let log = asked("prepare", "X", "X", 1) + &asked("accept", "X", "X", 1);
    let diagram = picture(Window::default(), &(log + &asked("prepare", "Y", "X", 7)));
    let promises = diagram.arrows.iter().filter(|arrow| arrow.label.starts_with("prepare_ack"));
    let promises: Vec<(&str, bool)> = promises.map(|it| (it.label.as_str(), it.reports)).collect();
    assert_eq!(promises, [("prepare_ack 1", false), ("prepare_ack 7 X@1", true)]);
}

#[test]
fn what_a_proposer_does_not_print_of_itself_is_drawn_and_said() {
    // Peer 1 answers peer 2, so it is an acceptor; then it proposes.
    let mut log = printed(2, "sent", "prepare", "X", 2);
    log += &printed(1, "received", "prepare", "X", 2);
    log += &printed(1, "sent", "prepare_ack", "X", 2);
    log += &printed(1, "sent", "prepare", "X", 7);
    log += &printed(2, "received", "prepare", "X", 7);
    log += &printed(2, "sent", "prepare_ack", "X", 7);
    log += &printed(1, "received", "prepare_ack", "X", 7);
    log += &printed(1, "sent", "accept", "X", 7);
    let diagram = picture(Window::default(), &log);
    assert_eq!(states(&diagram, 0), ["promised 2", "promised 7", "promised 7 · holds X@7"]);
    assert_eq!(reached(&diagram), [(1, "majority: 1, 2")]);
    assert!(diagram.remarks.iter().any(|remark| remark.contains("not printed")));
}

#[test]
fn what_is_under_way_at_the_end_is_not_called_lost() {
    let log = message("prepare", (1, 2), 1, 0, 50)
        + &line(1, "sent", "prepare", (1, 3), 1, 0)
        + &message("chosen", (1, 3), 1, 10, 20)
        + &line(1, "sent", "accept", (1, 2), 1, 100)
        + &line(3, "noted", "", (3, 3), 1, 120);
    let diagram = picture(Window { all: true, ..Window::default() }, &log);
    let ends: Vec<ArrowEnd> = diagram.arrows.iter().map(|arrow| arrow.end).collect();
    let (arrived, lost, in_flight) = (ArrowEnd::Arrived, ArrowEnd::Lost, ArrowEnd::InFlight);
    assert_eq!(ends, [arrived, lost, arrived, in_flight]);
    // A later end, and it is lost.
    let later = log + &line(3, "noted", "", (3, 3), 1, 400);
    let diagram = picture(Window { all: true, ..Window::default() }, &later);
    assert_eq!(diagram.arrows[3].end, lost);
}

#[test]
fn nothing_is_red_where_no_rule_is_broken_and_no_flag_is_named_in_a_picture() {
    let refused =
        line(3, "sent", "prepare_ack", (3, 1), 9, 500).replace("\"at\"", "\"answers\":7,\"at\"");
    let diagram = picture(Window::default(), &(round() + &refused));
    let svg = draw(&diagram, Format::Svg);
    let (_, drawn) = svg.split_once("</style>").expect("a style");
    assert!(!drawn.contains("alarm") && drawn.contains("refus"), "{drawn}");
    assert!(!drawn.contains("--"), "{drawn}");
    assert!(diagram.advice.iter().any(|advice| advice.contains("--hosts")));
}
