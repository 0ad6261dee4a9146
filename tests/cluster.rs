//! Whole groups as real processes: who decides, and what is printed, when all goes well and when
//! peers are late, absent or gone.

mod common;

use std::collections::BTreeSet;

use common::{Cluster, Line, Program, at_once, until};

/// The lab's test case 1.
const ONE_PROPOSER: &str = "hostsfile-testcase1.txt";
/// The lab's test case 2.
const TWO_PROPOSERS: &str = "hostsfile-testcase2.txt";
/// All peers of every test case.
const ALL: [u16; 5] = [1, 2, 3, 4, 5];

/// How many such lines there are.
fn count(lines: &[Line], action: &str, kind: &str) -> usize {
    lines.iter().filter(|line| line.action == action && line.kind == kind).count()
}

#[test]
fn test_case_1_is_decided_as_x_by_all_five() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    for id in ALL {
        cluster.run(id, if id == 1 { "-v X" } else { "" });
    }
    assert_eq!(cluster.choice(ALL), "X");
    let printed = cluster.finish(&ALL);
    // What an acceptor prints, in its order, whatever the number that got through. On a busy
    // machine another peer's notice of the choice can be there before the question to accept.
    let mut of_acceptor = printed[&2].iter().filter(|line| line.action != "chose").peekable();
    let number = of_acceptor.peek().expect("it was asked").number;
    assert_eq!(number % 5, 1, "peer1's numbers are 1, 6, 11...");
    for (line, (sender, action, kind)) in of_acceptor.zip([
        (1, "received", "prepare"),
        (2, "sent", "prepare_ack"),
        (1, "received", "accept"),
        (2, "sent", "accept_ack"),
    ]) {
        let action = action.to_owned();
        let (kind, value) = (kind.to_owned(), "X".to_owned());
        assert_eq!(*line, Line { peer_id: sender, action, kind, value, number });
    }
    assert!(count(&printed[&1], "sent", "prepare") >= 3);
    assert!(count(&printed[&1], "sent", "accept") >= 2);
    assert_eq!(count(&printed[&5], "sent", "accept_ack"), 0, "a learner only listens");
}

#[test]
fn in_test_case_2_the_second_proposer_finds_the_first_ones_value() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    for id in ALL {
        cluster.run(id, ["-v X", "", "", "", "-v Y -t 3"][usize::from(id) - 1]);
    }
    assert_eq!(cluster.choice(ALL), "X");
    let printed = cluster.finish(&ALL);
    let line = |action: &str, kind: &str| {
        let mut lines = printed[&5].iter().filter(|l| l.action == action && l.kind == kind);
        let line = lines.next_back().expect("was printed");
        (line.value.as_str(), line.number)
    };
    let (candidate, number) = line("sent", "prepare");
    assert_eq!((candidate, number % 5), ("Y", 0), "its own candidate and number");
    assert_eq!(line("received", "prepare_ack"), ("X", number));
    assert_eq!(line("sent", "accept"), ("X", number), "the value found, under its own number");
    assert_eq!(line("chose", "chose"), ("X", number));
    let chose = printed[&1].iter().find(|line| line.action == "chose").expect("its own round");
    assert!(chose.number < number && chose.number % 5 == 1, "{chose:?}");
}

#[test]
fn both_variants_of_the_lab_are_decided() {
    at_once(2, 2, |index| {
        let file = ["hostsfile-assignment.txt", "hostsfile-lecture.txt"][index];
        let mut cluster = Cluster::of_file(file);
        for id in ALL {
            cluster.run(id, ["-v X", "", "", "", "-v Y -t 3"][usize::from(id) - 1]);
        }
        assert_eq!(cluster.choice(ALL), "X", "{file}");
        cluster.finish(&ALL);
    });
}

/// The `index`th order of the five peers.
fn order(mut index: usize) -> Vec<u16> {
    let mut left = ALL.to_vec();
    (1..=left.len()).rev().map(|n| (left.remove(index % n), index /= n).0).collect()
}

#[test]
fn peers_may_start_in_any_order() {
    let orders: BTreeSet<Vec<u16>> = (0..120).map(order).collect();
    assert_eq!(orders.len(), 120, "these are all of them");
    at_once(4, 120, |index| {
        let order = order(index);
        let mut cluster = Cluster::of_file(ONE_PROPOSER);
        for &id in &order {
            // Each listens before the next is started.
            cluster.start(id, if id == 1 { "-v X" } else { "" });
        }
        assert_eq!(cluster.choice(ALL), "X", "order {order:?}");
        cluster.finish(&ALL);
    });
}

/// A few orders of test case 2, and the last peer comes when a proposer complains of it. The others
/// are enough for a choice, and the later proposer's delay would long be over.
#[test]
fn the_second_proposer_counts_from_when_the_last_peer_has_come() {
    at_once(3, 6, |index| {
        let order = [[5, 4, 3, 2, 1], [1, 5, 2, 3, 4], [4, 1, 5, 3, 2]][index % 3];
        // The other half has its last peer at once.
        let late = index < 3;
        let mut cluster = Cluster::of_file(TWO_PROPOSERS);
        for (place, id) in order.into_iter().enumerate() {
            if late && place == 4 {
                let note = cluster.peer(5).says("cannot propose yet");
                assert!(note.contains(&format!("waits for peer{id}; after 28 s more")), "{note}");
            }
            cluster.start(id, ["-v X", "", "", "", "-v Y -t 1"][usize::from(id) - 1]);
        }
        assert_eq!(cluster.choice(ALL), "X", "order {order:?}");
        cluster.finish(&ALL);
    });
}

#[test]
fn a_proposer_goes_on_without_a_peer_that_does_not_come() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    for id in [2, 3, 4, 5] {
        cluster.run(id, if id == 5 { "-v Y --wait 2.5" } else { "" });
    }
    let note = cluster.peer(5).says("cannot propose yet");
    assert!(note.contains("waits for peer1; after 0.5 s more it begins"), "{note}");
    assert_eq!(cluster.choice([2, 3, 4, 5]), "Y");
    cluster.finish(&[2, 3, 4, 5]);
}

/// What these lines are, in an order of their own: answers of several peers come as they like.
fn acceptances(lines: &[Line]) -> Vec<String> {
    let acks = lines.iter().filter(|line| line.kind == "accept_ack");
    let mut acks: Vec<String> = acks.map(|line| format!("{line:?}")).collect();
    acks.sort_unstable();
    acks
}

#[test]
fn a_late_learner_is_told_what_an_early_one_is_and_all_print_the_same() {
    let mut runs = [false, true].map(|late| {
        let mut cluster = Cluster::of_file(ONE_PROPOSER);
        let early = if late { vec![2, 3, 4] } else { vec![2, 3, 4, 5] };
        for &id in &early {
            cluster.start(id, "");
        }
        cluster.run(1, if late { "-v X --wait 2" } else { "-v X" });
        cluster.choice(early.into_iter().chain([1]));
        if late {
            cluster.start(5, "");
        }
        cluster.choice(ALL);
        until("an acceptance of each acceptor", || {
            let told = cluster.peer(5).out();
            let told = told.iter().filter(|line| line.contains("accept_ack"));
            (told.count() == 3).then_some(())
        });
        cluster.finish(&ALL)
    });
    let [early, late] = &mut runs;
    for id in [2, 3, 4, 5] {
        assert_eq!(acceptances(&early[&id]), acceptances(&late[&id]), "peer{id}");
    }
    assert_eq!(count(&late[&2], "sent", "accept_ack"), 2, "to the proposer and to the learner");
    assert_eq!(count(&late[&5], "received", "accept_ack"), 3, "one of each acceptor");
}

#[test]
fn an_acceptor_that_comes_after_the_choice_learns_it() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    for id in [1, 2, 3, 5] {
        cluster.run(id, if id == 1 { "-v X --wait 0" } else { "" });
    }
    cluster.choice([1, 2, 3, 5]);
    cluster.start(4, "");
    assert_eq!(cluster.choice(ALL), "X");
    cluster.finish(&ALL);
}

#[test]
fn without_one_acceptor_of_three_the_others_decide() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    for id in [1, 2, 4, 5] {
        cluster.run(id, ["-v X --wait 0", "", "", "", "-v Y -t 0.3 --wait 0"][usize::from(id) - 1]);
    }
    cluster.choice([1, 2, 4, 5]);
    let unreachable = cluster.peer(1).says("waiting for peer3 at 127.0.0.1:");
    assert!(unreachable.contains("refused"), "{unreachable}");
    cluster.finish(&[1, 2, 4, 5]);
}

#[test]
fn without_two_acceptors_of_three_nothing_is_decided_and_it_says_why() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    for id in [1, 3, 5] {
        cluster.run(id, if id == 1 { "-v X --wait 0.1" } else { "" });
    }
    let why = cluster.peer(1).says("cannot propose yet");
    let want = "needs links with 2 acceptors, has peer3, waits for peer2, peer4";
    assert!(why.contains(want), "{why}");
    assert!(cluster.peer(1).out().is_empty());
    cluster.start(2, "");
    assert_eq!(cluster.choice([1, 2, 3, 5]), "X");
    cluster.finish(&[1, 2, 3, 5]);
}

#[test]
fn an_open_question_without_a_majority_is_named_until_it_is_answered() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    cluster.durable = true;
    for id in [1, 2, 3, 4] {
        cluster.run(id, if id == 1 { "-v X -t 3 --wait 0" } else { "" });
    }
    // When a majority is connected it counts to three, whoever goes away meanwhile.
    let journal = cluster.trace(1);
    until("a link with every acceptor", || {
        let text = std::fs::read_to_string(&journal).unwrap_or_default();
        (2..=4)
            .all(|id| text.contains(&format!("\"connected\",\"at\":1,\"to\":{id}")))
            .then_some(())
    });
    cluster.peer(4).kill();
    cluster.peer(3).kill();
    let why = cluster.peer(1).says("too few answers to prepare in time");
    assert!(why.contains("needs 2, has peer2, misses peer3, peer4"), "{why}");
    assert!(cluster.peer(1).out().iter().all(|line| !line.contains("chose")));
    cluster.start(3, "");
    assert_eq!(cluster.choice([1, 2, 3]), "X");
    cluster.finish(&[1, 2, 3]);
}

#[test]
fn a_duel_always_ends_with_one_value() {
    at_once(3, 100, |_| {
        let mut cluster = Cluster::of_file(TWO_PROPOSERS);
        for id in ALL {
            cluster.run(id, ["-v X -t 0", "", "", "", "-v Y -t 0"][usize::from(id) - 1]);
        }
        cluster.choice(ALL);
        cluster.finish(&ALL);
    });
}

#[test]
fn a_learner_that_comes_after_the_decision_learns_it() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    for id in [1, 2, 3, 4] {
        cluster.run(id, if id == 1 { "-v X --wait 0" } else { "" });
    }
    cluster.choice([1, 2, 3, 4]);
    cluster.start(5, "");
    assert_eq!(cluster.choice(ALL), "X");
    cluster.finish(&ALL);
}

#[test]
fn who_comes_after_the_proposer_died_still_learns() {
    let mut cluster = Cluster::of_file(ONE_PROPOSER);
    for id in [1, 2, 3] {
        cluster.run(id, if id == 1 { "-v X --wait 0" } else { "" });
    }
    cluster.choice([1, 2, 3]);
    cluster.peer(1).kill();
    cluster.start(4, "");
    cluster.start(5, "");
    assert_eq!(cluster.choice(ALL), "X");
    cluster.finish(&ALL);
}

#[test]
fn a_peer_without_a_part_prints_nothing() {
    let roles = ["proposer1", "acceptor1", "learner7", "acceptor2,learner2", "learner1"];
    let mut cluster = Cluster::new(&roles);
    for id in ALL {
        cluster.run(id, if id == 1 { "-v X" } else { "" });
    }
    assert_eq!(cluster.choice([1, 2, 5]), "X");
    for id in [3, 4] {
        cluster.peer(id).says("takes no part");
    }
    let printed = cluster.finish(&[1, 2, 5]);
    assert_eq!((printed[&3].len(), printed[&4].len()), (0, 0));
}

#[test]
fn messages_to_oneself_are_not_printed() {
    let mut cluster = Cluster::new(&["proposer1,acceptor1,learner1"]);
    cluster.start(1, "-v é");
    assert_eq!(cluster.choice([1]), "é");
    assert_eq!(cluster.finish(&[1])[&1].len(), 1, "only its choice");
}

#[test]
fn a_peer_goes_on_voting_when_nobody_reads_its_lines() {
    let mut cluster = Cluster::of_file(TWO_PROPOSERS);
    for id in [2, 3] {
        // As in `synod ... | head -1`; without peer4 both votes are needed.
        let closed = Program::start_reading(cluster.command(id, ""), 1);
        cluster.adopt(id, closed);
    }
    cluster.start(1, "-v X --wait 0");
    cluster.choice([1]);
    // Now the pipes are closed; each further round would print into them.
    for _ in 0..3 {
        cluster.start(5, "-v Y --wait 0");
        assert_eq!(cluster.choice([5]), "X");
        cluster.peer(5).kill();
    }
    for id in [2, 3] {
        assert!(cluster.peer(id).is_running());
        assert_eq!(cluster.peer(id).out().len(), 1);
    }
}
