//! Right logs are not accused, and each rule can be broken.

use super::*;

fn broken(text: &str) -> Vec<&'static str> {
    let inputs = Inputs::of_text("log", text.into());
    let report = read(inputs, &JudgeOptions::default()).expect("it can be read");
    let list = report.findings.list.iter();
    list.filter(|found| found.certainty == Certainty::Certain)
        .map(|found| found.rule.row().name)
        .collect()
}

const RIGHT: &str = "\
peer8 | File request message for 2012 has been sent to my successor.
peer10 | File 2012 is not stored here.
peer10 | File request message has been forwarded to my successor.
peer1 | File 2012 is here.
peer1 | A response message, destined for peer 8, has been sent.
peer8 | Received a response message from peer 1, which has the file 2012.
peer8 | We now start receiving the file ………
peer1 | We now start sending the file ………
peer1 |  snd 0.010 1 400 0
peer8 |  rcv 0.011 1 400 0
peer8 |  snd 0.011 0 0 401
peer1 |  rcv 0.012 0 0 401
peer1 | drop 0.012 401 100 0
peer1 |  RTX 1.012 401 100 0
peer8 |  rcv 1.013 401 100 0
peer8 |  snd 1.013 0 0 501
peer1 |  rcv 1.013 0 0 501
peer8 | The file is received.
peer1 | The file is sent.
==> peer10 killed
peer8 | Peer 10 is no longer alive.
peer8 | My first successor is now peer 1.
peer8 | My second successor is now peer 8.
peer1 | Peer 10 is no longer alive.
peer1 | My first successor is now peer 8.
peer1 | My second successor is now peer 1.
";

#[test]
fn a_right_run_is_not_accused_and_each_change_of_it_is_found() {
    assert_eq!(broken(RIGHT), [""; 0]);
    for (from, to, rule) in [
        ("from peer 1, which", "from peer 10, which", "holder"),
        ("RTX 1.012", "RTX 1.011", "time-out"),
        ("rcv 0.012 0 0 401", "rcv 0.012 0 0 400", "acknowledged"),
        ("snd 1.013 0 0 501", "snd 1.013 0 0 502", "acknowledged"),
        ("peer8 |  rcv 0.011 1 400 0", "peer8 |  rcv 0.011 1 399 0", "bytes"),
        (
            "peer1 | My first successor is now peer 8",
            "peer1 | My first successor is now peer 10",
            "gone",
        ),
        (
            "peer8 | My second successor is now peer 8",
            "peer8 | My second successor is now peer 3",
            "circle",
        ),
    ] {
        assert!(RIGHT.contains(from));
        let found = broken(&RIGHT.replace(from, to));
        assert!(found.contains(&rule), "{rule}: {found:?}");
    }
}

#[test]
fn a_peer_that_passes_on_what_is_its_own_is_suspected() {
    let text = RIGHT.replace("peer10 | File 2012 is not stored", "peer1 | File 2012 is not stored");
    let inputs = Inputs::of_text("log", text);
    let report = read(inputs, &JudgeOptions::default()).expect("it can be read");
    let rules: Vec<RingRule> = report.findings.list.iter().map(|found| found.rule).collect();
    assert!(rules.contains(&RingRule::Forward), "{rules:?}");
}

#[test]
fn two_transfers_in_one_log_explain_what_one_could_not() {
    // Two programs with clocks of their own append to the same file.
    let shared = "\
snd 5.000 1 400 0
drop 90.000 1 400 0
RTX 6.000 1 400 0
RTX 91.000 1 400 0
";
    assert_eq!(broken(shared), [""; 0]);
    assert_eq!(broken(&shared.replace("RTX 91.000", "RTX 90.999")).len(), 0, "6.000 explains it");
    assert_eq!(broken(&shared.replace("RTX 6.000", "RTX 5.999")), ["time-out"]);
    let late = "RTX 6.000 401 400 0\nrcv 6.001 0 0 401\n";
    assert_eq!(broken(late), [""; 0], "its beginning is missing");
}

/// Peer 9 is pinged by its two predecessors, and quits.
fn departure() -> String {
    let ping =
        |from: u16| format!("peer9 | A ping request message was received from Peer {from}.\n");
    let pings = [ping(1), ping(5)].concat().repeat(3);
    let told = "\
peer1 | Peer 9 will depart from the network.
peer1 | My first successor is now peer 5.
peer1 | My second successor is now peer 1.
peer5 | Peer 9 will depart from the network.
peer5 | My first successor is now peer 1.
peer5 | My second successor is now peer 5.
==> peer9 quits
";
    pings + told
}

#[test]
fn a_peer_that_leaves_is_found_dead_by_none_of_its_predecessors() {
    let right = departure();
    assert_eq!(broken(&right), [""; 0]);
    let dead = "peer5 | Peer 9 is no longer alive.\n";
    assert_eq!(broken(&(right.clone() + dead)), ["farewell"]);
    // It did not know them, or was started again.
    assert_eq!(broken(&(right.replace("from Peer 1", "from Peer 3") + dead)), ["farewell"]);
    assert_eq!(broken(&(right.replace("from Peer 5", "from Peer 3") + dead)), [""; 0]);
    let again = "==> peer9 started\n==> peer9 killed\n";
    assert_eq!(broken(&(right + again + dead)), [""; 0]);
}

#[test]
fn a_peer_that_says_it_is_alone_is_held_to_it() {
    let front = "\
peer5 | A ping request message was received from Peer 1.
==> peer9 killed
peer5 | Peer 9 is no longer alive.
";
    let alone = "\
peer5 | My first successor is now peer 5.
peer5 | My second successor is now peer 5.
";
    let heard = "peer1 | A ping response message was received from Peer 5.\n";
    let found = |text: String| broken(&text).contains(&"alone");
    assert!(found([front, alone, heard].concat()));
    assert!(!found([front, alone].concat()), "nobody else was heard of");
    assert!(!found([front, "==> peer1 killed\n", alone, heard].concat()));
    assert!(!found([front, "peer5 | Peer 1 is no longer alive.\n", alone, heard].concat()));
    let more: String =
        [20, 30].map(|peer| format!("peer5 | Peer {peer} is no longer alive.\n")).concat();
    assert!(!found([front, &more, alone, heard].concat()), "three died together");
}

#[test]
fn a_sender_that_gives_up_what_its_asker_has_is_found() {
    let sender = "peer1: file 2012 is not sent to peer 8: a segment was tried too often in vain";
    let text = RIGHT.replace("peer1 | The file is sent.", &format!("peer1 | {sender}"));
    assert_eq!(broken(&text), ["agreed"]);
    // Of another file nothing is known, and of one that came at the second attempt.
    assert_eq!(broken(&text.replace("file 2012 is not sent", "file 2013 is not sent")), [""; 0]);
    let twice = "peer8 | Received a response message from peer 1, which has the file 2012.\n";
    assert_eq!(broken(&(twice.to_owned() + &text)), [""; 0]);
}
