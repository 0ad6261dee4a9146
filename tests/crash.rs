//! `kill -9` at random moments: what was promised stays promised, and one value is chosen, ever.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::Duration;

use common::{Cluster, at_once, random};
use serde_json::Value;

const TWO_PROPOSERS: &str = "hostsfile-testcase2.txt";
const ALL: [u16; 5] = [1, 2, 3, 4, 5];

fn words(id: u16) -> &'static str {
    ["-v X --wait 0", "", "", "", "-v Y --wait 0"][usize::from(id) - 1]
}

/// The lines of one peer's journal, over all its lives.
fn journal(cluster: &Cluster, id: u16) -> Vec<Value> {
    let text = fs::read_to_string(cluster.trace(id)).expect("a journal");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// True if this line is of that message, sent or received.
fn is(line: &Value, action: &str, kind: &str) -> bool {
    line["action"] == action && line["message_type"] == kind
}

/// An acceptor's promise, as its own journal shows it, never goes down; not by a restart either.
fn assert_promises_kept(id: u16, lines: &[Value]) {
    let mut promised = 0;
    for line in lines {
        let shows = line["action"] == "started"
            || is(line, "sent", "prepare_ack")
            || is(line, "sent", "accept_ack") && line["answers"] == line["accepted_proposal"];
        if shows {
            let now = line["proposal_num"].as_u64().unwrap_or(0);
            assert!(now >= promised, "peer{id} promised {promised}, now {line}");
            promised = now;
        }
    }
}

/// A proposer never uses a number of an earlier attempt again.
fn assert_numbers_rise(id: u16, lines: &[Value]) {
    let (mut last, mut lives_last) = (0, 0);
    for line in lines {
        if line["action"] == "started" {
            lives_last = last;
            // A number that was durable but not sent yet may be higher than the last one sent.
            let found = line["last_proposal"].as_u64().unwrap_or(0);
            assert!(found >= last, "peer{id} used {last}, and finds {found} on its disk");
        } else if is(line, "sent", "prepare") {
            let number = line["proposal_num"].as_u64().expect("a number");
            assert!(number >= last && number > lives_last, "peer{id} uses {number} after {last}");
            last = number;
        }
    }
}

/// The values that all journals show under each number, and the values that a majority of the
/// three acceptors accepted under one number.
fn assert_one_value(journals: &BTreeMap<u16, Vec<Value>>) {
    let mut values: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    let mut votes: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for line in journals.values().flatten() {
        let number = |key: &str| line[key].as_u64();
        let value = line["message_value"].as_str();
        let about = match line["message_type"].as_str() {
            Some("accept" | "chose" | "chosen") => number("proposal_num"),
            Some("prepare_ack" | "accept_ack") => number("accepted_proposal"),
            _ => None,
        };
        if let (Some(about), Some(value)) = (about, value) {
            values.entry(about).or_default().insert(value);
        }
        if line["message_type"] == "accept_ack"
            && number("accepted_proposal").is_some()
            && number("accepted_proposal") == number("answers")
        {
            let sender = number("peer_id").expect("a sender");
            votes.entry(about.expect("accepted")).or_default().insert(sender);
        }
    }
    for (number, values) in &values {
        assert_eq!(values.len(), 1, "number {number} has two values");
    }
    let chosen = votes.iter().filter(|(_, voters)| voters.len() >= 2);
    let chosen: BTreeSet<_> = chosen.map(|(number, _)| &values[number]).collect();
    assert_eq!(chosen.len(), 1, "majorities stand behind {chosen:?}; votes {votes:?}");
}

/// All five start at once and duel; each is killed and started again at a random moment.
fn round(index: usize) {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    for id in ALL {
        cluster.run(id, words(id));
    }
    let mut left = ALL.to_vec();
    let mut earlier = Vec::new();
    while !left.is_empty() {
        thread::sleep(Duration::from_millis(random() % 25));
        let at = usize::try_from(random() % left.len() as u64).expect("fits");
        let id = left.remove(at);
        earlier.extend(cluster.peer(id).kill().into_iter().filter(|l| l.contains("\"chose\"")));
        cluster.run(id, words(id));
    }
    let value = cluster.choice(ALL);
    let found = format!("\"message_value\":\"{value}\"");
    for line in &earlier {
        assert!(line.contains(&found), "an earlier life said {line}, now {value} is chosen");
    }
    if index.is_multiple_of(5) {
        // All die, all come back: the disks alone know it.
        for id in ALL {
            cluster.peer(id).kill();
        }
        for id in ALL {
            cluster.run(id, words(id));
        }
        assert_eq!(cluster.choice(ALL), value, "after a restart of all");
    }
    let journals: BTreeMap<_, _> = ALL.map(|id| (id, journal(&cluster, id))).into();
    for (id, lines) in &journals {
        assert_promises_kept(*id, lines);
        assert_numbers_rise(*id, lines);
    }
    assert_one_value(&journals);
    cluster.finish(&ALL);
}

#[test]
fn fifty_rounds_of_kill_9_choose_one_value_each_and_keep_every_promise() {
    at_once(3, 50, round);
}

#[test]
fn a_killed_proposer_never_uses_its_number_again() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    for id in [2, 3, 4] {
        cluster.run(id, "");
    }
    for life in 0..3 {
        cluster.start(1, "-v X");
        let number = 1 + 5 * life;
        cluster.peer(1).says(&format!("proposes X as number {number}"));
        cluster.choice([1]);
        cluster.peer(1).kill();
    }
}

#[test]
fn a_restarted_acceptor_says_what_it_accepted_before() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    cluster.durable = true;
    for id in [1, 2, 3] {
        cluster.run(id, words(id));
    }
    cluster.choice([1, 2, 3]);
    for id in [1, 2, 3] {
        cluster.peer(id).kill();
    }
    // peer4 has never voted, peer1 is dead: only peer2's disk knows X.
    for id in [2, 4, 5] {
        cluster.run(id, words(id));
    }
    assert_eq!(cluster.choice([2, 4, 5]), "X");
}
