//! `synod local sync`: a group on this machine.

use std::fs;

use crate::common::{Program, synod};
use crate::peers::{Peers, save, until};

/// All at once, since each ends when its time is up.
#[test]
fn a_group_of_every_topology_is_started_edited_and_judged() {
    let start = |topology| {
        let scratch = Peers::new(0).scratch;
        let mut command = synod("local sync 4 --interval 0.1 --timeout 8 --data data --topology");
        command.arg(topology).current_dir(scratch.path(""));
        (topology, scratch, Program::start(command))
    };
    let mut groups = ["chain", "star", "ring", "mesh"].map(start);
    for (_, scratch, program) in &groups {
        let said = program.says("the files are ");
        assert_eq!(said, "the files are data/*/blockchain.txt");
        for peer in [2, 3, 4] {
            program.prints(&format!("peer{peer} | Received: 0 bytes"));
        }
        let file = |peer: u16| scratch.path(format!("data/{peer}/blockchain.txt"));
        save(&file(3), "an edit");
        program.prints("peer3 | Blockchain file changed.");
        for peer in [1, 2, 4] {
            program.prints(&format!("peer{peer} | Received: 7 bytes, version 1."));
            until("it is there", || fs::read(file(peer)).is_ok_and(|text| text == b"an edit"));
        }
    }
    for (topology, _, program) in &mut groups {
        let end = program.end();
        assert_eq!(end.code, Some(0), "{topology}: {end:#?}");
        assert!(end.out.contains(&"passed: 4 copies, and all are equal".to_owned()), "{end:#?}");
    }
}

#[test]
fn what_makes_no_group_is_refused() {
    for (words, part) in [
        ("local sync 0", "0 peers"),
        ("local sync 99", "99 peers"),
        ("local sync --topology cube", "chain, star, ring or mesh"),
        ("judge sync", "which hostsfile"),
    ] {
        let end = Program::start(synod(words)).end();
        assert!(end.code == Some(2) && end.err[0].contains(part), "{words}: {end:?}");
    }
}
