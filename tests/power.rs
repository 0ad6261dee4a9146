//! A machine loses its power, after a process on it was killed or its disk failed.
//!
//! The disks are those of [`lossyfs`]. peer1 and peer5 propose X and Y to peer2, peer3 and peer4,
//! so two votes choose. peer2 alone suffers; whatever it told peer1 it must tell peer5.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
mod lossyfs;

use std::path::Path;
use std::time::Instant;

use common::{Cluster, PATIENCE, Program};
use lossyfs::{Disk, LossyFs};

/// A group of which peer2 has a lossy disk.
struct Group {
    cluster: Cluster,
    // In this order: the cluster's processes end first.
    disk: Disk,
    _fs: LossyFs,
    data: &'static str,
}

impl Group {
    /// `None` where no file system can be mounted. `data` is peer2's directory on its disk.
    fn new(data: &'static str) -> Option<Self> {
        if let Some(why) = lossyfs::missing() {
            eprintln!("skipped: {why}");
            return None;
        }
        let fs = LossyFs::mount(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("it mounts");
        let cluster = Cluster::of_file("hostsfile-testcase2.txt");
        Some(Self { cluster, disk: fs.disk("peer2"), _fs: fs, data })
    }

    fn run_peer2(&mut self) {
        let mut command = self.cluster.command(2, "");
        command.arg("--data").arg(self.disk.path().join(self.data));
        self.cluster.adopt(2, Program::start(command));
    }

    fn start_peer2(&mut self) {
        self.run_peer2();
        self.cluster.peer(2).says("listens on port");
    }

    /// peer2 is killed while a flush is held, which then never happens.
    fn kill_peer2_in_a_flush(&mut self) {
        assert!(self.disk.await_held_flush(Instant::now() + PATIENCE), "no flush came");
        // The kernel lets it end only when the flush is answered.
        common::signal("KILL", self.cluster.peer(2).pid());
        self.disk.abandon_flushes();
        self.disk.release_flushes();
        self.cluster.peer(2).kill();
    }

    /// Starts peer2 and kills it in the flush that comes after so many others. False if it comes up
    /// before; then it runs.
    fn kill_peer2_starting(&mut self, flushes: u64) -> bool {
        self.disk.hold_flushes_after(flushes);
        self.run_peer2();
        let comes_up = common::until("a flush, or the end of the start", || {
            let listens = |line: &String| line.contains("listens on port");
            let up = self.cluster.peer(2).err().iter().any(listens);
            let held = self.disk.await_held_flush(Instant::now());
            (up || held).then_some(up)
        });
        if comes_up {
            self.disk.release_flushes();
        } else {
            self.kill_peer2_in_a_flush();
        }
        !comes_up
    }

    /// peer1 has X chosen by peer2 and peer3, which then is away; peer2 loses its power.
    fn choose_x_and_lose_power(&mut self) {
        self.cluster.peer(1).prints("\"message_value\":\"X\",\"proposal_num\":1}");
        assert_eq!(self.cluster.choice([1]), "X");
        for id in [1, 2, 3] {
            self.cluster.peer(id).kill();
        }
        println!("the power loss takes {:?}", self.disk.lose_power(|_| 0));
    }

    /// peer5 proposes Y to peer2 and to peer4, which knows nothing.
    fn assert_peer5_learns_x(mut self) {
        self.start_peer2();
        self.cluster.run(4, "");
        self.cluster.run(5, "-v Y --wait 0");
        assert_eq!(self.cluster.choice([5]), "X", "two values are chosen");
    }
}

fn any_below(end: usize) -> usize {
    usize::try_from(common::random() % end as u64).expect("below a usize")
}

#[test]
fn a_vote_that_a_killed_process_did_not_flush_is_not_taken_back_by_a_power_loss() {
    let Some(mut group) = Group::new("data") else { return };
    group.start_peer2();
    group.cluster.start(3, "");
    // The promise goes through, the vote does not.
    group.disk.hold_flushes_after(1);
    group.cluster.run(1, "-v X --wait 0");
    group.kill_peer2_in_a_flush();
    group.start_peer2();
    group.choose_x_and_lose_power();
    group.assert_peer5_learns_x();
}

#[test]
fn a_vote_whose_flush_failed_is_not_taken_back_by_a_power_loss() {
    let Some(mut group) = Group::new("data") else { return };
    group.start_peer2();
    group.cluster.start(3, "");
    group.disk.fail_flush_after(1);
    group.cluster.run(1, "-v X --wait 0");
    let end = group.cluster.peer(2).end();
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.err.last().is_some_and(|line| line.contains("Input/output error")), "{end:?}");
    group.start_peer2();
    group.choose_x_and_lose_power();
    group.assert_peer5_learns_x();
}

/// The next incarnation finds whatever the killed one wrote, and none of it is durable.
#[test]
fn a_start_that_is_killed_in_any_flush_leaves_nothing_that_a_power_loss_takes_back() {
    let mut flushes = 0;
    loop {
        let Some(mut group) = Group::new("data") else { return };
        let killed = group.kill_peer2_starting(flushes);
        if killed {
            group.start_peer2();
        }
        group.cluster.start(3, "");
        group.cluster.run(1, "-v X --wait 0");
        group.choose_x_and_lose_power();
        group.assert_peer5_learns_x();
        if !killed {
            break;
        }
        flushes += 1;
    }
    assert!(flushes >= 3, "a file, its name and its directory's name");
}

/// A vote is durable. Its peer starts again and again, is killed in one flush after the other, and
/// each time the power fails too.
#[test]
fn a_restart_that_is_killed_in_any_flush_keeps_what_was_durable() {
    for _ in 0..4 {
        let Some(mut group) = Group::new("data") else { return };
        group.start_peer2();
        group.cluster.start(3, "");
        group.cluster.run(1, "-v X --wait 0");
        group.choose_x_and_lose_power();
        let mut flushes = 0;
        while group.kill_peer2_starting(flushes) {
            let lost = group.disk.lose_power(any_below);
            println!("killed in flush {flushes} of a start; the power loss takes {lost:?}");
            flushes += 1;
        }
        group.cluster.peer(2).kill();
        group.assert_peer5_learns_x();
    }
}

#[test]
fn new_directories_are_there_after_a_power_loss_however_deep() {
    let Some(mut group) = Group::new("var/lib/synod/data") else { return };
    group.start_peer2();
    group.cluster.start(3, "");
    group.cluster.run(1, "-v X --wait 0");
    group.choose_x_and_lose_power();
    group.assert_peer5_learns_x();
}
