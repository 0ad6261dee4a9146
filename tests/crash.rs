//! `kill -9` at random moments: what was promised stays promised, and one value is chosen, ever.

mod common;
mod journals;

use std::thread;
use std::time::Duration;

use common::{Cluster, at_once, random};

const TWO_PROPOSERS: &str = "hostsfile-testcase2.txt";
const ALL: [u16; 5] = [1, 2, 3, 4, 5];

fn words(id: u16) -> &'static str {
    ["-v X --wait 0", "", "", "", "-v Y --wait 0"][usize::from(id) - 1]
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
        assert!(line.contains(&found), "an earlier incarnation said {line}, now {value} is chosen");
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
    let journals = ALL.map(|id| (id, journals::read(&cluster.trace(id)).expect("a journal")));
    assert_eq!(journals::judge(&journals.into(), 2), Ok(value));
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
    for incarnation in 0..3 {
        cluster.start(1, "-v X --wait 0");
        // An incarnation reserves 16 numbers of its own, and the next one skips what is left of
        // them.
        let number = 1 + 16 * 5 * incarnation;
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
