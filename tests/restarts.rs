//! A group with majorities whose processes are killed and started again: with what `--data` keeps
//! it goes on, and without it nobody pretends to.

mod common;
mod members;

use std::collections::BTreeMap;
use std::fs;

use common::{Program, Scratch, at_once, free_ports, peer, synod};
use members::agree;

/// Far above what a busy machine needs from one thread to the next.
const BEAT: &str = "--heartbeat 0.2 --majority";

struct Group {
    scratch: Scratch,
    memory: bool,
    peers: BTreeMap<u16, Program>,
    /// What earlier processes of each peer said.
    before: BTreeMap<u16, Vec<String>>,
}

impl Group {
    /// Starts so many, one after the other: the last view has the id `count - 1`.
    fn gather(count: u16, memory: bool) -> Self {
        let (scratch, ports) = (Scratch::new(), free_ports(usize::from(count)));
        let lines = ports.iter().map(|port| format!("127.0.0.1:{port}\n"));
        scratch.file("hosts", lines.collect::<String>());
        let (peers, before) = (BTreeMap::new(), BTreeMap::new());
        let mut group = Self { scratch, memory, peers, before };
        for id in 1..=count {
            group.start(id, "");
            let ids: Vec<u16> = (1..=id).collect();
            assert_eq!(group.agree(&ids), u64::from(id) - 1);
        }
        group
    }

    fn start(&mut self, id: u16, words: &str) {
        let mut command = peer(&format!("member --id {id} {BEAT} {words}"));
        command.arg("-h").arg(self.scratch.path("hosts"));
        if self.memory {
            command.arg("--data").arg(self.scratch.path(format!("data{id}")));
        }
        self.peers.insert(id, Program::start(command));
    }

    fn kill(&mut self, ids: &[u16]) {
        for id in ids {
            let mut peer = self.peers.remove(id).expect("it runs");
            peer.kill();
            self.before.entry(*id).or_default().extend(peer.err());
        }
    }

    fn agree(&self, ids: &[u16]) -> u64 {
        agree(&self.peers, ids)
    }

    /// What all processes of all peers said is judged by the rules of the printed lines.
    fn judge(&mut self) {
        let ids: Vec<u16> = self.peers.keys().copied().collect();
        self.kill(&ids);
        let mut words = String::from("check --membership");
        for (id, lines) in &self.before {
            let path = self.scratch.file(&format!("{id}.log"), lines.join("\n"));
            words = format!("{words} {}", path.display());
        }
        let judged = Program::start(synod(&words)).end();
        assert_eq!(judged.code, Some(0), "{judged:#?}");
    }
}

fn view_id(line: &str) -> u64 {
    let id = line.split("view_id: ").nth(1).and_then(|rest| rest.split(',').next());
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no view id: {line}"))
}

/// The ids of the views that a process printed.
fn views(lines: &[String]) -> Vec<u64> {
    lines.iter().filter(|line| line.contains("memb_list")).map(|line| view_id(line)).collect()
}

#[test]
fn a_group_goes_on_after_most_or_all_of_it_was_killed() {
    // Who is killed, in which order they start again, and how long each is delayed.
    let cases: [&[(u16, &str)]; 6] = [
        &[(1, ""), (2, ""), (3, ""), (4, ""), (5, "")],
        &[(4, "-d 0.1"), (2, "-d 0.3"), (5, ""), (1, "-d 0.2"), (3, "")],
        // The first line is held for dead by the others before it is back.
        &[(5, ""), (3, "-d 0.3"), (2, ""), (4, "-d 0.6"), (1, "-d 2")],
        &[(5, "-d 1"), (3, ""), (4, "-d 0.4")],
        &[(4, ""), (1, "-d 0.7"), (2, "-d 0.1")],
        &[(3, "-d 0.5"), (5, ""), (1, "-d 1.5")],
    ];
    at_once(2, cases.len(), |case| {
        let mut group = Group::gather(5, true);
        let down: Vec<u16> = cases[case].iter().map(|(id, _)| *id).collect();
        group.kill(&down);
        if let Some(lowest) = (1..=5).find(|id| !down.contains(id)) {
            let line = group.peers[&lowest].says("keeps view 4");
            assert!(
                line.ends_with("2 of its 5 members are alive, and a new one needs 3"),
                "{line}"
            );
        }
        for (id, delay) in cases[case] {
            group.start(*id, delay);
        }
        let back = group.agree(&[1, 2, 3, 4, 5]);
        assert!(back >= 4, "{back}");
        for id in &down {
            let said = group.peers[id].err();
            let first = said.iter().position(|line| line.starts_with('{')).expect("a view");
            assert_eq!(
                said[first - 1..=first],
                [
                    format!("peer{id}: goes on from view 4, which it remembers"),
                    format!("{{peer_id: {id}, view_id: 4, leader: 1, memb_list: [1,2,3,4,5]}}"),
                ]
            );
            assert!(views(&said).is_sorted_by(|one, next| one < next), "{said:#?}");
        }
        // It is a group again: it lets go and takes back.
        group.kill(&[3]);
        let without = group.agree(&[1, 2, 4, 5]);
        assert!(without > back, "{without} after {back}");
        group.start(3, "");
        assert!(group.agree(&[1, 2, 3, 4, 5]) > without);
        group.judge();
    });
}

#[test]
fn who_does_not_come_back_is_removed_and_who_lost_everything_is_let_in() {
    let mut group = Group::gather(5, true);
    group.kill(&[1, 2, 3, 4, 5]);
    fs::remove_dir_all(group.scratch.path("data4")).expect("it was there");
    for id in [4, 5, 2, 3] {
        group.start(id, "");
    }
    let back = group.agree(&[2, 3, 4, 5]);
    assert!(back >= 7, "1 is out, and so was 4 before it was let in: {back}");
    let said = group.peers[&4].err();
    assert!(!said.iter().any(|line| line.contains("goes on from")), "{said:#?}");
    group.judge();
}

#[test]
fn a_founder_alone_goes_on_and_never_founds_twice() {
    let mut group = Group::gather(1, true);
    group.kill(&[1]);
    group.start(1, "");
    group.peers[&1].says("goes on from view 0, which it remembers");
    assert_eq!(group.agree(&[1]), 0);
    assert_eq!(views(&group.peers[&1].err()), [0]);
}

/// What README says of `--majority` without `--data`.
#[test]
fn without_data_no_view_forms_after_a_majority_was_killed_until_all_are_started_again() {
    let mut group = Group::gather(3, false);
    group.kill(&[2, 3]);
    group.start(2, "");
    group.start(3, "");
    for id in [2, 3] {
        let said = group.peers[&id].says("waits to join; no member has let it in yet");
        assert!(said.starts_with("peer"), "{said}");
        assert!(views(&group.peers[&id].err()).is_empty(), "{said}");
    }
    let said = group.peers[&1].says("keeps view 2: 1 of its 3 members are alive");
    assert!(said.ends_with("and a new one needs 2"), "{said}");
    assert_eq!(views(&group.peers[&1].err()), [0, 1, 2]);
    group.kill(&[1, 2, 3]);
    for id in 1..=3 {
        group.start(id, "");
    }
    assert_eq!(group.agree(&[1, 2, 3]), 2, "founded anew, from view 0 on");
}
