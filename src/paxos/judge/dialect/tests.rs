use super::PaxosFault as Fault;
use super::*;
use crate::paxos::event::{Action, MessageType};
use crate::trace::reader::MAX_LINE_BYTES;

/// Reads a whole text; the entries with their faults.
fn read(name: &str, text: &str) -> Vec<(Entry<'static>, Attribution, Vec<Fault>)> {
    let mut reader = Reader::new(name, text.as_bytes(), Names::new()).unwrap();
    let mut entries = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        if let Content::Event(entry) = line.content {
            let (attribution, faults) = (entry.attribution, line.faults.iter().collect());
            entries.push((entry.into_owned(), attribution, faults));
        }
    }
    entries
}

const PREPARE: &str = "{\"peer_id\":1,\"action\":\"sent\",\
        \"message_type\":\"prepare\",\"message_value\":\"X\",\"proposal_num\":1}";

/// Whoever passes lines on spells out what nobody would see.
#[test]
fn an_escape_of_what_does_not_show_itself_is_no_fault() {
    for value in ["\u{7f}", "\\u007f", "\u{202e}", "\\u202e", "\\u001b"] {
        let line = PREPARE.replace("\"X\"", &format!("\"{value}\""));
        assert_eq!(read("p", &line).remove(0).2, vec![], "{line}");
    }
}

#[test]
fn every_spelling_of_a_line_is_the_same_event() {
    let want = read("peer1", PREPARE).remove(0).0;
    for (line, faults) in [
        (PREPARE, vec![]),
        (&format!("peer1  | {PREPARE}"), vec![]),
        (&format!("\u{1b}[36mpeer1_1  |\u{1b}[0m 2024-05-01T12:00:00.1Z {PREPARE}"), vec![]),
        (&format!("peer1 {PREPARE} bye"), vec![Fault::TextAround]),
        (&PREPARE.replace(':', ": "), vec![Fault::Blanks]),
        (&PREPARE.replace("\"X\"", "X"), vec![Fault::ValueKind, Fault::Mended]),
        (&PREPARE.replace("\"X\"", r#""\u0058""#), vec![Fault::Spelling]),
        (&PREPARE.replace("\"X\",", "\"X\""), vec![Fault::Mended]),
        (&PREPARE.replace("1}", "\"1\"}"), vec![Fault::NumberKind]),
        (
            r#"{"action":"sent","peer_id":1,"message_type":"prepare","message_value":"X","proposal_num":1}"#,
            vec![Fault::KeyOrder],
        ),
    ] {
        let (mut entry, attribution, got) = read("peer1", line).remove(0);
        assert_eq!(got, faults, "{line}");
        let known = [Attribution::PeerId, Attribution::Prefix];
        assert!(known.contains(&attribution) && entry.printer == Some(1), "{line}");
        (entry.printer, entry.attribution) = (want.printer, want.attribution);
        assert_eq!(entry, want, "{line}");
    }
}

#[test]
fn a_service_that_names_no_peer_is_a_prefix() {
    for front in ["one | ", "Two    | ", "one-1  | ", "one_1 | ", "\u{1b}[36mone-1  | \u{1b}[0m"] {
        let (entry, attribution, faults) = read("peer1", &format!("{front}{PREPARE}")).remove(0);
        assert_eq!((faults, attribution), (vec![], Attribution::PeerId), "{front:?}");
        assert_eq!(entry.printer, Some(1), "{front:?}");
    }
}

#[test]
fn an_ack_without_a_value_has_none_however_that_is_written() {
    let ack = "{\"peer_id\":2,\"action\":\"sent\",\
        \"message_type\":\"prepare ack\",\"message_value\":?,\"proposal_num\":1.10}";
    for blank in ["\"\"", "\" \"", "\"<nil>\"", "null", "\"\0\"", "\"\\u0000\"", "<nil>", ""] {
        let line = ack.replace('?', blank);
        let entry = read("p", &line).remove(0).0;
        assert_eq!(entry.value, None, "{line}");
        assert_eq!(entry.number, Some(Number { round: 1, id: Some(10) }));
        assert_eq!(entry.message_type, Some(MessageType::PrepareAck));
    }
    let absent = ack.replace("\"message_value\":?,", "").replace(",\"proposal_num\":1.10", "");
    let (entry, _, faults) = read("p", &absent).remove(0);
    assert_eq!((entry.value, entry.number), (None, None));
    assert_eq!(faults, [Fault::MissingKeys, Fault::Words]);
}

#[test]
fn chosen_and_chose_are_one_act_and_a_notice_is_another() {
    for (action, kind) in [("chose", "chose"), ("chosen", "chosen"), ("chose", "chosen")] {
        let line = format!(
            r#"{{"peer_id":3,"action":"{action}","message_type":"{kind}","message_value":"X","proposal_num":1}}"#
        );
        let entry = read("p", &line).remove(0).0;
        assert_eq!((entry.action, entry.message_type), (Action::Chose, Some(MessageType::Chose)));
    }
    let notice = "{\"peer_id\":3,\"action\":\"sent\",\
        \"message_type\":\"chosen\",\"message_value\":\"X\",\"proposal_num\":1,\"at\":3,\"to\":2}";
    let (entry, _, faults) = read("p", notice).remove(0);
    assert_eq!((entry.message_type, entry.receiver), (Some(MessageType::Chosen), Some(2)));
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_received_line_is_its_files_owners() {
    let received = PREPARE.replace("sent", "received");
    let ack = PREPARE.replace("prepare", "prepare_ack").replace("_id\":1", "_id\":2");
    let entries = read("x.log", &format!("{received}\n{ack}\n"));
    assert_eq!(entries[0].0.printer, Some(2));
    assert_eq!(entries[0].0.sender, Some(1));
    assert_eq!(entries[0].1, Attribution::Input);
    // With two who speak, it is anybody's.
    let entries = read("x.log", &format!("{PREPARE}\n{received}\n{ack}\n"));
    assert_eq!((entries[1].0.printer, entries[1].1), (None, Attribution::Unknown));
    // With nobody who speaks, the file's name decides.
    assert_eq!(read("logs/peer3.log", &received)[0].0.printer, Some(3));
}

#[test]
fn peer_id_may_mean_the_one_who_prints() {
    let ack = PREPARE.replace("prepare", "prepare_ack").replace("_id\":1", "_id\":2");
    let received = PREPARE.replace("sent", "received").replace("_id\":1", "_id\":2");
    let other = received.replace("_id\":2", "_id\":3");
    for text in [
        format!("{PREPARE}\n{received}\n{other}\n{ack}\n"),
        format!("peer1 | {PREPARE}\npeer2 | {received}\npeer2 | {ack}\n"),
    ] {
        let entries = read("x.log", &text);
        let entry = entries.iter().find(|(entry, ..)| entry.action == Action::Received).unwrap();
        assert_eq!(entry.0.printer, Some(2), "{text}");
        assert_eq!((entry.0.receiver, entry.0.sender), (Some(2), None), "{text}");
        assert!(entry.2.contains(&Fault::PeerIdIsPrinter), "{text}");
    }
}

#[test]
fn an_object_on_several_lines_is_one_event() {
    let text = "peer1 | {\npeer1 |   \"peer_id\": 1,\npeer1 |   \"action\": \"sent\",\n\
                peer1 |   \"message_type\": \"prepare\",\npeer1 |   \"message_value\": \"X\",\n\
                peer1 |   \"proposal_num\": 1\npeer1 | }\nlistening\n";
    let entries = read("x.log", text);
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].0.printer, entries[0].0.number), (Some(1), Some(Number::whole(1))));
    assert_eq!(entries[0].2, [Fault::Blanks, Fault::SeveralLines]);
}

#[test]
fn a_line_without_an_end_is_skipped_and_the_next_one_read() {
    let text = format!("{}\n{PREPARE}\n", "{".repeat(3 * MAX_LINE_BYTES));
    let mut reader = Reader::new("p", text.as_bytes(), Names::new()).unwrap();
    let line = reader.next_line().unwrap().unwrap();
    assert_eq!((line.content, line.number), (Content::TooLong, 1));
    assert_eq!(line.text.len(), MAX_LINE_BYTES);
    let line = reader.next_line().unwrap().unwrap();
    assert!(matches!(line.content, Content::Event(_)) && line.number == 2);
    assert!(reader.next_line().unwrap().is_none());
}
