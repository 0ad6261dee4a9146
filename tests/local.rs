//! `synod local`: a whole group by one command, its verdict, and that it leaves nothing behind.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;

use common::{
    End, Line, Program, Scratch, children_of, is_alive, is_ignored, signal, synod, until,
};

fn local(words: &str) -> End {
    Program::start(synod(&format!("local {words}"))).end()
}

/// The lines of the verdict's table, without its head.
fn table(end: &End) -> Vec<&String> {
    let head = end.out.iter().position(|line| line.starts_with("peer    roles"));
    let head = head.unwrap_or_else(|| panic!("no table: {end:#?}"));
    end.out[head + 1..].iter().take_while(|line| line.starts_with("peer")).collect()
}

#[test]
fn test_case_2_ends_with_a_verdict_and_exit_code_0() {
    let end = local("-t 0,2");
    assert_eq!(end.code, Some(0), "{end:#?}");
    let rows = table(&end);
    assert_eq!(rows.len(), 5);
    for (row, id) in rows.iter().zip(1..) {
        assert!(row.starts_with(&format!("peer{id}")) && row.contains(" X "), "{row}");
    }
    let last = end.out.last().map(String::as_str);
    assert_eq!(last, Some("passed: 5 peers take part, and all know the same value"));
    // What stands above the verdict is what the peers printed, each line with its peer's name.
    let before = end.out.iter().take_while(|line| !line.is_empty());
    let mut chose = 0;
    for line in before {
        let (name, line) = line.split_once(" | ").expect("a name and a line");
        let line = Line::of(line);
        chose += usize::from(line.action == "chose");
        let own = line.action != "received";
        assert_eq!(name.trim_end() == format!("peer{}", line.peer_id), own, "{name}: {line:?}");
    }
    assert_eq!(chose, 5);
}

#[test]
fn a_journal_that_is_a_pipe_holds_nobody_up_and_is_not_drawn() {
    let scratch = Scratch::new();
    let pipe = scratch.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("there is mkfifo").success());
    let end = local(&format!("--trace {}", pipe.display()));
    assert_eq!(end.code, Some(0), "{end:#?}");
    let picture = scratch.path("run.svg");
    let end = local(&format!("--trace {} --draw {}", pipe.display(), picture.display()));
    assert_eq!((end.code, end.out.len(), picture.exists()), (Some(2), 0, false), "{end:#?}");
    assert!(end.err[0].contains("is not a regular file; name another for --trace"), "{end:#?}");
}

#[test]
fn values_go_to_the_proposers_in_their_order() {
    let hosts = concat!(env!("CARGO_MANIFEST_DIR"), "/hostsfiles/hostsfile-lecture.txt");
    let end = local(&format!("{hosts} -v P,Q -t 2,0"));
    assert_eq!(end.code, Some(0), "{end:#?}");
    assert!(table(&end).iter().all(|row| row.contains(" Q ")), "{end:#?}");
}

#[test]
fn who_never_chose_is_named_with_exit_code_1() {
    let end = local("--timeout 0.5 -t 5,5");
    assert_eq!(end.code, Some(1), "{end:#?}");
    for id in 1..=5 {
        let want = format!("FAILED: peer{id} never chose");
        assert!(end.out.contains(&want), "{want}: {end:#?}");
    }
    assert!(end.out.iter().any(|line| line.contains("after 0.5 s not all had chosen")));
    assert!(!end.out.iter().any(|line| line.contains("passed")));
}

#[test]
fn a_proposer_that_is_still_waiting_fails_the_run() {
    let end = local("--timeout 2 -t 0,60");
    assert_eq!(end.code, Some(1), "{end:#?}");
    let reasons: Vec<_> = end.out.iter().filter(|line| line.contains("never chose")).collect();
    assert_eq!(reasons, ["FAILED: peer5 never chose"]);
}

#[test]
fn no_peer_outlives_it_however_it_is_ended() {
    let ways = [("HUP", 1), ("INT", 2), ("KILL", 9), ("TERM", 15)];
    for (how, _) in ways.into_iter().filter(|(_, signal)| !is_ignored(*signal)) {
        let mut run = Program::start(synod("local -t 60,60"));
        for id in 1..=5 {
            run.says(&format!("peer{id} | listens on port"));
        }
        let children = children_of(run.pid());
        assert_eq!(children.len(), 5, "{children:?}");
        signal(how, run.pid());
        run.end();
        for child in children {
            until("the end of a child", || (!is_alive(child)).then_some(()));
        }
    }
}

#[test]
fn a_run_leaves_no_hostsfile_behind() {
    let scratch = Scratch::new();
    let mut command = synod("local -t 60,60");
    command.env("TMPDIR", scratch.path(""));
    let run = Program::start(command);
    for id in 1..=5 {
        run.says(&format!("peer{id} | listens on port"));
    }
    let files = || fs::read_dir(scratch.path("")).expect("is there").count();
    until("the removal of the hostsfile", || (files() == 0).then_some(()));
}

#[test]
fn a_second_run_on_the_same_data_finds_the_same_value() {
    let scratch = Scratch::new();
    let data = scratch.path("data");
    let first = local(&format!("-v P,Q --data {}", data.display()));
    assert_eq!(first.code, Some(0), "{first:#?}");
    let value = table(&first)[0].split_whitespace().nth(2).expect("a choice").to_owned();
    let hosts = fs::read_to_string(data.join("hostsfile.txt")).expect("is kept");
    let second = local(&format!("-v R,S --data {}", data.display()));
    assert_eq!(second.code, Some(0), "{second:#?}");
    for row in table(&second) {
        assert_eq!(row.split_whitespace().nth(2), Some(value.as_str()), "{row}");
    }
    let again = fs::read_to_string(data.join("hostsfile.txt")).expect("is kept");
    assert_eq!(again, hosts, "the ports are part of what promises hold for");
}

#[test]
fn data_of_other_roles_are_refused() {
    let scratch = Scratch::new();
    let data = scratch.path("data");
    assert_eq!(local(&format!("--data {}", data.display())).code, Some(0));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let other = root.join("hostsfiles/hostsfile-testcase1.txt");
    let end = local(&format!("{} --data {}", other.display(), data.display()));
    assert_eq!((end.code, end.out.len()), (Some(2), 0), "{end:#?}");
    assert!(end.err[0].contains("was made for other roles"), "{end:#?}");
    assert_eq!(end.err.len(), 1);
}

#[test]
fn a_closed_standard_output_ends_it_well() {
    let mut run = Program::start_reading(synod("local"), 1);
    let end = run.end();
    assert_eq!((end.code, end.out.len()), (Some(0), 1), "{end:#?}");
}

#[test]
fn more_values_or_delays_than_proposers_are_refused() {
    for words in [
        "-v A,B,C",
        "-t 1,2,3",
        "-v A,BC",
        "-v A,,B",
        "-t 1,x",
        "-t 1,-1",
        "-x",
        "a b",
        "--expect X",
    ] {
        let end = local(words);
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}: {end:#?}");
        assert!(end.err[0].starts_with("synod: "), "{end:#?}");
        assert_eq!(end.err[1..], ["try: synod local --help"], "{words}");
    }
}

/// Runs `synod` with these arguments under a limit of the shell.
fn limited(limit: &str, words: &str) -> End {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_synod");
    command.args(["-c", &format!("{limit}; exec {program} {words}")]);
    Program::start(command).end()
}

#[test]
fn a_machine_without_room_for_threads_is_an_error_of_one_line() {
    let mut met = 0;
    // Kibibytes of address space: from too few for the program to enough for some threads.
    for room in (4_000..200_000).step_by(1_000) {
        let end = limited(&format!("ulimit -v {room}"), "local --timeout 1");
        // A thread that starts without room for its signal stack ends in the standard library.
        let is_ours = |line: &&String| !line.contains("library/std/src/sys/");
        let mut panics = end.err.iter().filter(|line| line.contains("panicked")).filter(is_ours);
        assert_eq!(panics.next(), None, "{room}: {end:#?}");
        let ours: Vec<_> = end.err.iter().filter(|line| line.starts_with("synod: ")).collect();
        if ours.iter().any(|line| line.starts_with("synod: starting a thread: ")) {
            met += 1;
            assert_eq!((end.code, ours.len()), (Some(2), 1), "{room}: {end:#?}");
        }
        if met == 8 {
            break;
        }
    }
    assert!(met > 0, "no room was too small");
}

#[test]
fn a_machine_without_free_ports_is_an_error_of_one_line() {
    // One listener is held for each peer until all have a port.
    let end = limited("ulimit -n 7", "local");
    assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
    assert!(end.err[0].starts_with("synod: found only "), "{end:#?}");
}

#[test]
fn a_standard_output_that_cannot_be_written_is_an_error() {
    for words in ["local", "local --timeout 0", "local ready", "local member"] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux");
        let output = synod(words).stdout(full).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        let ours: Vec<_> = said.lines().filter(|line| line.starts_with("synod: ")).collect();
        assert_eq!(ours.len(), 1, "{words}: {said}");
        assert!(ours[0].contains("standard output: "), "{words}: {said}");
    }
}

#[test]
fn a_reader_that_has_gone_does_not_change_the_verdict() {
    let scratch = Scratch::new();
    let picture = scratch.path("run.svg");
    let words = format!("local --draw {}", picture.display());
    let end = Program::start_reading(synod(&words), 1).end();
    assert_eq!((end.code, end.out.len()), (Some(0), 1), "{end:#?}");
    assert!(picture.exists(), "{end:#?}");
    let end = Program::start_reading(synod("local --timeout 2 -t 0,60"), 1).end();
    assert_eq!((end.code, end.out.len()), (Some(1), 1), "{end:#?}");
}

#[test]
fn a_full_disk_spoils_no_data_directory() {
    let scratch = Scratch::new();
    // As an error, and as a sudden end in the middle of writing.
    for limit in ["trap '' XFSZ; ulimit -f 0", "ulimit -f 0"] {
        let data = scratch.path("data");
        let words = format!("local --data {}", data.display());
        let end = limited(limit, &words);
        assert_ne!(end.code, Some(0), "{limit}: {end:#?}");
        assert!(!data.join("hostsfile.txt").exists(), "{limit}: {end:#?}");
        let end = local(&words["local".len()..]);
        assert_eq!(end.code, Some(0), "{limit}: {end:#?}");
        fs::remove_dir_all(data).expect("was made");
    }
}

#[test]
fn a_data_directory_belongs_to_one_run_at_a_time() {
    let scratch = Scratch::new();
    let data = scratch.path("data").display().to_string();
    let run = Program::start(synod(&format!("local -t 60,60 --data {data}")));
    for id in 1..=5 {
        run.says(&format!("peer{id} | listens on port"));
    }
    for words in [format!("--data {data}"), format!("member --data {data}")] {
        let end = local(&words);
        let want = format!("synod: data directory {data} is in use by another run");
        assert_eq!((end.code, &end.err), (Some(2), &vec![want]), "{words}: {end:#?}");
    }
}

#[test]
fn a_data_directory_without_a_name_is_refused() {
    for words in ["local --data=", "local member --data=", "-h x --data=", "member -h x --data="] {
        let end = Program::start(synod(words)).end();
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}: {end:#?}");
        assert_eq!(end.err[0], "synod: --data \"\": name a directory", "{words}");
    }
}

#[test]
fn a_picture_that_cannot_be_written_is_refused_before_the_run() {
    let scratch = Scratch::new();
    let folder = scratch.path("folder.svg");
    fs::create_dir(&folder).expect("a folder");
    for picture in [folder, "/nonexistent/x.svg".into()] {
        let end = local(&format!("--draw {}", picture.display()));
        assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
        let want = format!("synod: writing {}: ", picture.display());
        assert!(end.err[0].starts_with(&want), "{end:#?}");
    }
    // The test leaves no file, and no other content, where the run then comes to nothing.
    let (old, new) = (scratch.file("old.svg", "old"), scratch.path("new.svg"));
    for picture in [&old, &new] {
        let end = local(&format!("--draw {} /nonexistent", picture.display()));
        assert_eq!(end.code, Some(2), "{end:#?}");
    }
    assert_eq!((fs::read_to_string(old).ok().as_deref(), new.exists()), (Some("old"), false));
}

#[test]
fn the_verdict_comes_also_where_the_picture_fails() {
    let scratch = Scratch::new();
    let picture = scratch.path("run.svg");
    let mut run = Program::start(synod(&format!("local -t 2,2 --draw {}", picture.display())));
    run.says("peer1 | listens on port");
    fs::create_dir(&picture).expect("in its way");
    let end = run.end();
    assert_eq!(end.code, Some(2), "{end:#?}");
    assert!(end.out.iter().any(|line| line.starts_with("passed: 5 peers")), "{end:#?}");
}

#[test]
fn a_peer_that_the_machine_failed_makes_it_exit_code_2() {
    for words in ["--timeout 2", "member --timeout 5"] {
        let scratch = Scratch::new();
        scratch.file("peer2", "where its directory should be");
        let end = local(&format!("{words} --data {}", scratch.path("").display()));
        assert_eq!(end.code, Some(2), "{words}: {end:#?}");
        let why = "FAILED: peer2 ended too early: exit status: 2";
        assert!(end.out.iter().any(|line| line == why), "{words}: {end:#?}");
    }
}

/// Without a journal the picture is made of what the peers print. Prose is no event.
#[test]
fn peers_that_print_only_prose_are_not_drawn() {
    let scratch = Scratch::new();
    (1..=5).for_each(|id| drop(scratch.file(&format!("peer{id}"), "in the directory's place")));
    let (data, picture) = (scratch.path(""), scratch.path("run.svg"));
    let words = format!("member --timeout 5 --data {} --draw", data.display());
    let end = local(&format!("{words} {}", picture.display()));
    assert_eq!((end.code, picture.exists()), (Some(2), false), "{end:#?}");
    assert_eq!(end.err.len(), 5, "each peer's own line, and no complaint about them: {end:#?}");
}

#[test]
fn a_hostsfile_without_a_proposer_is_refused() {
    let scratch = Scratch::new();
    let hosts = scratch.file("hosts", "127.0.0.1:acceptor1\n127.0.0.2:learner1\n");
    let end = local(&hosts.display().to_string());
    assert_eq!((end.code, end.out.len(), end.err.len()), (Some(2), 0, 1), "{end:#?}");
    assert!(end.err[0].contains("no line is a proposer"), "{end:#?}");
}

#[test]
fn a_value_that_is_no_letter_spoils_no_verdict() {
    for (value, shown) in [("\u{1b}", "\\u{1b}"), ("\n", "\\n"), ("\u{202e}", "\\u{202e}")] {
        let mut command = synod("local -v");
        command.arg(format!("{value},Y")).args(["-t", "0,2"]);
        let end = Program::start(command).end();
        assert_eq!(end.code, Some(0), "{end:#?}");
        let rows = table(&end);
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row.contains(&format!(" {shown} "))), "{rows:#?}");
        // Nor does it steer the terminal, and what is data is still JSON.
        for line in end.out.iter().chain(&end.err) {
            assert!(!line.contains(value), "{line:?}");
        }
        let json = end.out.iter().filter_map(|line| line.split_once(" | ")).map(|line| line.1);
        let values: BTreeSet<String> = json
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .filter_map(|line| line["message_value"].as_str().map(str::to_owned))
            .collect();
        assert!(values.contains(value), "{values:?}");
    }
}
