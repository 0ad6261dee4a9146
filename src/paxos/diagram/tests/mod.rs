//! What must hold for every picture, whatever the log.

mod votes;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::PaxosDiagram;
use crate::paxos::event::{Action, MessageType};
use crate::paxos::judge::dialect::{Content, Names, Reader};
use crate::trace::diagram::{
    Alarm, ArrowEnd, Bound, Diagram, Format, HostLabel, MOST_EVENTS, Marker, TextPage, Window, draw,
};
use crate::visible::{is_unseen, visible};

const FORMATS: [Format; 4] = [
    Format::Text(TextPage { columns: 80, colours: true }),
    Format::Mermaid,
    Format::Svg,
    Format::Html,
];

/// Text that breaks out of something, if anything does.
const NASTY: [&str; 10] = [
    "<script>alert(1)</script>",
    "]]>",
    "\"'",
    "a;b#c%%{x}",
    "--></style><b>",
    "\u{1b}[31m\u{7}\r\n",
    "\u{202e}evil\u{0}",
    "end",
    "{\"a\":1}",
    "",
];

fn collect(window: Window, text: &str) -> PaxosDiagram {
    let mut collector = PaxosDiagram::new(window, None).expect("a number");
    let mut reader = Reader::new("t", text.as_bytes(), Names::new()).expect("bytes can be read");
    while let Some(line) = reader.next_line().expect("bytes can be read") {
        let number = line.number;
        if let Content::Event(entry) = line.content {
            collector.take(&entry, &line.text, (0, number));
        }
    }
    collector
}

fn picture(window: Window, text: &str) -> Diagram {
    collect(window, text).finish(|_| None, &[])
}

/// A journal's line.
fn line(at: u16, action: &str, kind: &str, ends: (u16, u16), number: u64, us: u64) -> String {
    let (from, to) = ends;
    let event = serde_json::json!({
        "peer_id": from, "action": action, "message_type": kind, "message_value": "X",
        "proposal_num": number, "at": at, "to": to, "time_us": us,
    });
    event.to_string() + "\n"
}

fn message(kind: &str, ends: (u16, u16), number: u64, sent: u64, received: u64) -> String {
    line(ends.0, "sent", kind, ends, number, sent)
        + &line(ends.1, "received", kind, ends, number, received)
}

/// In every picture a receipt stands below its send, and every end is where it says.
fn assert_sound(diagram: &Diagram) {
    for (index, arrow) in diagram.arrows.iter().enumerate() {
        if let (Some(sent), Some(received)) = (arrow.sent, arrow.received) {
            // What a peer tells itself at once is within one step.
            let is_own = arrow.to == Some(arrow.from);
            assert!(sent < received || (is_own && sent == received), "{arrow:?}");
        }
        if let Some(sent) = arrow.sent {
            assert_eq!(diagram.steps[sent].lifeline, arrow.from);
            assert!(diagram.steps[sent].sends.contains(&index));
        }
        if let Some(received) = arrow.received {
            assert_eq!(Some(diagram.steps[received].lifeline), arrow.to);
            let within = arrow.sent == arrow.received;
            assert!(within || diagram.steps[received].received == Some(index));
        }
        assert!(arrow.end != ArrowEnd::Arrived || arrow.received.is_some(), "{arrow:?}");
    }
    let times: Vec<u64> = diagram.steps.iter().filter_map(|step| step.time_us).collect();
    assert!(times.is_sorted());
}

#[test]
fn a_receipt_stands_below_its_send_though_the_log_and_the_clock_say_otherwise() {
    let (sent, received) = ((2, 1), (1, 2));
    let log = line(1, "received", "prepare", sent, 5, 100)
        + &line(2, "sent", "prepare", sent, 5, 900)
        + &message("prepare_ack", received, 5, 200, 1_000);
    let diagram = picture(Window::default(), &log);
    assert_sound(&diagram);
    assert_eq!(diagram.arrows.len(), 2);
    assert!(diagram.arrows.iter().all(|arrow| arrow.end == ArrowEnd::Arrived));
}

#[test]
fn what_no_order_explains_is_cut_and_said() {
    // Each receives before it sends what the other receives.
    let log = line(1, "received", "prepare", (2, 1), 5, 1)
        + &line(1, "sent", "prepare", (1, 2), 5, 2)
        + &line(2, "received", "prepare", (1, 2), 5, 1)
        + &line(2, "sent", "prepare", (2, 1), 5, 2);
    let diagram = picture(Window::default(), &log);
    assert_sound(&diagram);
    assert!(diagram.remarks.iter().any(|remark| remark.contains("cut in two")));
}

#[test]
fn a_log_ends_where_its_last_line_is_and_not_where_the_window_ends() {
    let log = message("prepare", (1, 2), 1, 10, 20)
        + &line(1, "sent", "accept", (1, 2), 1, 30)
        + &line(2, "sent", "prepare_ack", (2, 1), 1, 500);
    let ends = |window| {
        let steps = picture(window, &log).steps;
        steps.iter().filter(|step| step.marker == Marker::End).count()
    };
    let whole = log.lines().take(3).map(|line| line.to_owned() + "\n").collect::<String>();
    // A moment later it might still arrive.
    let steps = picture(Window::default(), &whole).steps;
    assert!(steps.iter().all(|step| step.marker != Marker::End));
    let whole = whole + &line(1, "noted", "", (1, 1), 1, 500);
    let upto = Window { to: Some(Bound::Time(100)), ..Window::default() };
    assert_eq!(ends(upto), 0);
    let steps = picture(Window::default(), &whole).steps;
    assert!(steps.iter().any(|step| step.marker == Marker::End && step.says == "log ends"));
}

#[test]
fn a_message_is_lost_only_if_the_whole_log_has_no_receipt() {
    let log = message("prepare", (1, 2), 1, 10, 20)
        + &line(1, "sent", "prepare", (1, 3), 1, 11)
        + &message("prepare", (1, 4), 1, 12, 5_000);
    let upto = Window { to: Some(Bound::Time(100)), ..Window::default() };
    let diagram = picture(upto, &log);
    assert_sound(&diagram);
    let fates: Vec<ArrowEnd> = diagram.arrows.iter().map(|arrow| arrow.end).collect();
    assert_eq!(fates, [ArrowEnd::Arrived, ArrowEnd::Lost, ArrowEnd::Beyond]);
    assert!(diagram.remarks.iter().any(|remark| remark.starts_with("1 event outside")));
}

#[test]
fn the_nth_receipt_belongs_to_the_nth_send_also_behind_the_window() {
    let mut log = String::new();
    for round in 0..3_u64 {
        log += &message("chosen", (1, 2), 1, 1_000 * round, 1_000 * round + 500);
    }
    let later = Window { from: Some(Bound::Time(400)), all: true, ..Window::default() };
    let diagram = picture(later, &log);
    assert_sound(&diagram);
    let ends: Vec<_> = diagram.arrows.iter().map(|a| (a.sent.is_some(), a.received)).collect();
    assert_eq!(ends, [(false, Some(0)), (true, Some(2)), (true, Some(4))]);
}

#[test]
fn one_line_per_broadcast_becomes_an_arrow_per_receiver() {
    let sent = line(1, "sent", "prepare", (1, 9), 1, 0);
    let mut log = sent.replace("\"at\":1,", "").replace(",\"to\":9", "");
    assert!(!log.contains("\"to\""));
    for to in 2..5 {
        log += &line(to, "received", "prepare", (1, to), 1, 0);
    }
    let diagram = picture(Window::default(), &log);
    assert_sound(&diagram);
    assert_eq!(diagram.arrows.len(), 3);
    assert!(diagram.arrows.iter().all(|arrow| arrow.sent == Some(0) && arrow.received.is_some()));
}

#[test]
fn a_long_run_is_cut_and_the_picture_says_so() {
    let mut log = String::new();
    for number in 1..=MOST_EVENTS as u64 {
        log += &message("prepare", (1, 2), number, number * 10, number * 10 + 5);
    }
    let diagram = picture(Window::default(), &log);
    assert_eq!(diagram.arrows.len(), MOST_EVENTS / 2);
    let said = diagram.remarks.iter().any(|remark| remark.contains("3,000 more are left out"));
    assert!(said, "{:?}", diagram.remarks);
    let one = Window { number: Some("7".into()), ..Window::default() };
    assert_eq!(picture(one, &log).arrows.len(), 1);
}

#[test]
fn a_violation_stands_at_the_step_that_shows_it() {
    let log = message("prepare", (1, 2), 1, 10, 20);
    let violation = |line| Alarm {
        rule: "promise-kept".into(),
        sentence: "peer2 forgets".into(),
        is_suspicion: false,
        places: vec![(0, line)],
    };
    let diagram = collect(Window::default(), &log).finish(|_| None, &[violation(2), violation(9)]);
    assert!(diagram.is_bad);
    let steps: Vec<&[usize]> = diagram.findings.iter().map(|it| it.steps.as_slice()).collect();
    assert_eq!(steps, [&[1][..]]);
    let said = diagram.remarks.iter().any(|r| r.contains("outside this picture (promise-kept)"));
    assert!(said, "{:?}", diagram.remarks);
}

/// Every format with this text wherever a log or a hostsfile can bring text in.
fn hostile(text: &str) -> Vec<String> {
    let events = [
        serde_json::json!({"peer_id": 1, "action": "started", "at": 1, "message_value": text,
            "proposal_num": 3, "accepted_proposal": 2}),
        serde_json::json!({"peer_id": 1, "action": "sent", "message_type": "prepare",
            "message_value": text, "proposal_num": 5, "at": 1, "to": 2}),
        serde_json::json!({"peer_id": 1, "action": "received", "message_type": "prepare",
            "message_value": text, "proposal_num": 5, "at": 2, "to": 2}),
        serde_json::json!({"peer_id": 2, "action": "noted", "at": 2, "note": text}),
        serde_json::json!({"peer_id": 2, "action": "chose", "message_type": "chose",
            "message_value": text, "proposal_num": 5, "at": 2}),
    ];
    let log: String = events.iter().map(|event| event.to_string() + "\n").collect();
    let host = |_| Some(HostLabel { address: text.to_owned(), roles: text.to_owned() });
    let violation = Alarm {
        rule: text.to_owned(),
        sentence: text.to_owned(),
        is_suspicion: false,
        places: vec![(0, 2)],
    };
    let diagram = collect(Window::default(), &log).finish(host, &[violation]);
    FORMATS.iter().map(|format| draw(&diagram, *format)).collect()
}

#[test]
fn text_from_a_log_stays_text() {
    for nasty in NASTY {
        let drawn = hostile(nasty);
        // A text that is as long and at least as wide, so that it has as many lines.
        let plain = |c: char| if c == ' ' { ' ' } else { 'X' };
        let plain: String = visible(nasty).chars().map(plain).collect();
        let harmless: Vec<usize> = hostile(&plain).iter().map(|o| o.matches('<').count()).collect();
        let [text, mermaid, svg, html] = drawn.as_slice() else { unreachable!() };
        // Colours are the only escapes, and nothing else steers the terminal.
        let plain = text.replace("\u{1b}[0", "");
        assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{nasty:?}: {text}");
        assert!(!text.contains('\u{202e}') && !svg.contains('\u{202e}'));
        // What follows the first colon of a message, and every note, has no sign of Mermaid's.
        for line in mermaid.lines().skip_while(|line| *line != "sequenceDiagram").skip(1) {
            let line = line.trim();
            let body = line.strip_prefix("%%").unwrap_or(line).split_once(": ").map_or("", |b| b.1);
            let left: String = body
                .split('#')
                .map(|part| {
                    let number = part.trim_start_matches(|c: char| c.is_ascii_digit());
                    number.strip_prefix(';').filter(|_| number.len() < part.len()).unwrap_or(part)
                })
                .collect();
            assert!(!left.contains([';', '#', '<', '>', '{', '}', '"']), "{nasty:?}: {line}");
        }
        assert_eq!(mermaid.matches("---\n").count(), 2, "{mermaid}");
        // Not one more tag than with a harmless value; only an empty text has fewer.
        for (drawn, harmless) in [(svg, harmless[2]), (html, harmless[3])] {
            assert!(drawn.matches('<').count() <= harmless, "{nasty:?}");
            assert!(!drawn.contains("alert(1)</") && !drawn.contains("]]>"));
        }
        assert!(!svg.chars().any(|c| c.is_control() && c != '\n'));
    }
}

/// The names of all tags. Whatever follows a `<` is one.
fn tags(drawn: &str) -> BTreeSet<&str> {
    let parts = drawn.split('<').skip(1);
    parts.map(|part| part.split([' ', '>', '\n', '\t']).next().unwrap_or_default()).collect()
}

/// Text of the signs that formats are made of, and any other.
fn any_text() -> impl Strategy<Value = String> {
    let signs = prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..12);
    prop_oneof![signs.prop_map(|signs| signs.concat()), any::<String>()]
}

const SIGNS: [&str; 24] = [
    "<", ">", "\"", "'", "&", "#", ";", "%%", "{", "}", ":", "\n", "---", "<script>", "</text>",
    "<a b=", "-->", "]]>", "\\", "`", "end", "=", "\u{202e}", "x",
];

proptest! {
    #[test]
    fn any_text_stays_text_in_every_format(text in any_text()) {
        let drawn = hostile(&text);
        let [_, mermaid, svg, html] = drawn.as_slice() else { unreachable!() };
        let harmless = hostile("X");
        prop_assert!(tags(svg).is_subset(&tags(&harmless[2])), "{svg}");
        prop_assert!(tags(html).is_subset(&tags(&harmless[3])), "{html}");
        prop_assert_eq!(mermaid.lines().filter(|line| *line == "---").count(), 2);
        for line in mermaid.lines().skip(4) {
            let begins = ["%% ", "participant p", "Note over p", "p1->>p2: ", "p1-x"];
            let line = line.trim_start();
            prop_assert!(begins.iter().any(|begin| line.starts_with(begin)), "{line}");
        }
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = &hostile("X")[3];
    for source in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(source), "{source}");
    }
    let svg = hostile("X")[2].replace("http://www.w3.org/2000/svg", "");
    assert!(!svg.contains("http"));
}

fn any_line() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        4 => Just("sent"), 4 => Just("received"), 1 => Just("chose"), 1 => Just("started"),
        1 => Just("connected"), 1 => Just("noted"),
    ];
    let kind = prop::sample::select(vec![
        "prepare",
        "prepare_ack",
        "accept",
        "accept_ack",
        "chose",
        "chosen",
    ]);
    let value = prop_oneof![
        20 => Just("X".to_owned()),
        1 => prop::sample::select(NASTY.map(str::to_owned).to_vec()),
        1 => any::<String>(),
    ];
    // Few of each, so that sends and receipts often fit.
    let id = prop_oneof![60 => 1_u16..4, 1 => any::<u16>()];
    let number = prop_oneof![40 => 1_u64..3, 1 => any::<u64>()];
    let time = prop_oneof![
        5 => (0_u64..9_999).prop_map(Some), 1 => any::<u64>().prop_map(Some), 1 => Just(None),
    ];
    let extras = (
        prop::option::of(id.clone()),
        prop::option::of(id.clone()),
        prop::option::of(number.clone()),
        time,
    );
    (id, action, kind, value, number, extras).prop_map(
        |(id, action, kind, value, number, (at, to, answers, time))| {
            let mut event = serde_json::json!({
                "peer_id": id, "action": action, "message_type": kind, "message_value": value,
                "proposal_num": number,
            });
            for (key, value) in [
                ("at", at.map(u64::from)),
                ("to", to.map(u64::from)),
                ("answers", answers),
                ("accepted_proposal", answers),
                ("time_us", time),
            ] {
                if let Some(value) = value {
                    event[key] = value.into();
                }
            }
            event.to_string() + "\n"
        },
    )
}

fn any_window() -> impl Strategy<Value = Window> {
    let bound = prop::option::of(prop_oneof![
        (0_u64..9_999).prop_map(Bound::Time),
        (0_u64..60).prop_map(Bound::Event),
    ]);
    let number = prop::option::of((0_u64..8).prop_map(|number| number.to_string()));
    (bound.clone(), bound, number, any::<bool>()).prop_map(|(from, to, number, all)| Window {
        from,
        to,
        number,
        all,
    })
}

proptest! {
    #[test]
    fn any_log_can_be_drawn(
        lines in prop::collection::vec(any_line(), 0..60),
        window in any_window(),
        columns in 0_usize..300,
        places in prop::collection::vec(0_u64..60, 0..3),
    ) {
        let violations: Vec<Alarm> = places
            .into_iter()
            .map(|line| {
                let (places, is_suspicion) = (vec![(0, line)], line % 2 == 0);
                Alarm { rule: "r".into(), sentence: String::new(), is_suspicion, places }
            })
            .collect();
        let diagram = collect(window, &lines.concat()).finish(|_| None, &violations);
        assert_sound(&diagram);
        let text = Format::Text(TextPage { columns, colours: false });
        for format in FORMATS.into_iter().chain([text]) {
            let drawn = draw(&diagram, format).replace("\u{1b}[0", "");
            let unseen = drawn.chars().find(|c| is_unseen(*c) && *c != '\n');
            prop_assert!(unseen.is_none(), "{format:?}: {unseen:?}");
        }
    }
}

#[test]
fn the_reader_is_not_fooled_by_this_file() {
    // The events above are read as what they are meant to be.
    let collector = collect(Window::default(), &message("accept_ack", (2, 1), 3, 1, 2));
    let kinds: Vec<_> =
        collector.kept.iter().map(|k| (k.entry.action, k.entry.message_type)).collect();
    let ack = Some(MessageType::AcceptAck);
    assert_eq!(kinds, [(Action::Sent, ack), (Action::Received, ack)]);
}
