//! `synod local ring`: a whole ring on this machine, with one prompt.

use std::fs;

use crate::common::{Program, Scratch, random, synod};
use crate::peers::{PACE, pdf};

fn local(words: &str, script: &str) -> crate::common::End {
    let mut command = synod("local ring");
    command.args(words.split_whitespace()).args(["--timeout", "100"]);
    let mut program = Program::start_typing(command);
    for line in script.lines() {
        program.types(line);
    }
    program.types_no_more();
    program.end()
}

#[test]
fn the_demonstration_at_one_prompt() {
    let script = "8 request 2012\n10 quit\n5 kill\n8 request 2012\ntable\n";
    let end = local(PACE, script);
    assert_eq!(end.code, Some(0), "{end:#?}");
    let last = "passed: 6 peers with the right successors, 2 files received";
    assert_eq!(end.out.last().map(String::as_str), Some(last));
    let printed = |line: &str| end.out.iter().filter(|out| *out == line).count();
    assert_eq!(printed("peer8 | The file is received."), 2);
    assert_eq!(printed("peer8 | My first successor is now peer 12."), 1);
    assert!(printed("peer3 | My second successor is now peer 8.") >= 1);
    let row = "1     3 4         2012.pdf".to_owned();
    assert!(end.err.contains(&row) && end.out.contains(&row), "{end:#?}");
}

#[test]
fn rings_of_four_to_ten_peers_of_any_ids() {
    for count in 4..=10 {
        let mut ids = std::collections::BTreeSet::new();
        while ids.len() < count {
            ids.insert(random() % 256);
        }
        let scratch = Scratch::new();
        let mut script = String::new();
        for (name, number) in [("0000", 0), ("0159", 159), ("9999", 9999), ("0256", 256)] {
            let owner = ids.range(number % 256..).next().or(ids.first()).unwrap();
            let dir = scratch.path(owner.to_string());
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(format!("{name}.pdf")), pdf(2000 + count)).unwrap();
            let asker = ids.iter().nth(usize::try_from(random()).unwrap_or(7) % count).unwrap();
            script.extend([&asker.to_string(), " request ", name, "\n"]);
        }
        let list: Vec<String> = ids.iter().map(u64::to_string).collect();
        let data = scratch.path("");
        let end = local(&format!("{} {PACE} --data {}", list.join(" "), data.display()), &script);
        assert_eq!(end.code, Some(0), "{script}: {end:#?}");
    }
}

#[test]
fn what_is_no_command_and_no_ring_is_said() {
    let script = "2 quit\n1 request 12\n1 jump\n";
    let end = local("1 5 9", script);
    assert_eq!(end.code, Some(0), "{end:#?}");
    for part in ["2 quit: type ID request NNNN", "12: a name is four digits", "1 jump: type"] {
        assert!(end.err.iter().any(|line| line.contains(part)), "{part}: {end:#?}");
    }
    for (words, part) in [
        ("1 1", "peer 1 is named twice"),
        ("1 256", "an id is a number from 0 to 255"),
        ("1 5 9 --mss 0", "MSS \"0\""),
        ("1 5 9 --drop 2", "DROP \"2\""),
        ("-h hostsfiles/hostsfile-local.txt", "-h"),
    ] {
        let end = local(words, "");
        assert!(end.code == Some(2) && end.err[0].contains(part), "{words}: {end:?}");
    }
}

#[test]
fn a_request_that_finds_nothing_is_no_failure_and_a_peer_that_ends_by_itself_is() {
    let end = local("1 5 9", "1 request 0005\n");
    assert_eq!(end.code, Some(0), "{end:#?}");
    assert!(end.err.iter().any(|line| line.contains("should have file 0005, and has not")));
}
