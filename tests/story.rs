//! Standard error: trouble always, the story of a run where somebody watches or asks for it; and
//! what is printed about another line stands below it, where both streams are one.

#![expect(clippy::print_stderr, reason = "whoever runs the tests should know")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use common::{Cluster, Line, Program, at_once, synod, until};

/// A run of test case 2 in which peer5 proposes after so many seconds. Its peers are started by
/// `start` from their commands, and all have chosen.
fn test_case_2(delay: u8, start: impl Fn(Command) -> Program) -> Cluster {
    let mut cluster = Cluster::of_file("hostsfile-testcase2.txt");
    let (hosts, second) = (cluster.hosts(), format!("-v Y -t {delay}"));
    for id in 1..=5 {
        let words = ["-v X", "", "", "", &second][usize::from(id) - 1];
        let mut command = synod(&format!("--id {id} {words}"));
        command.arg("-h").arg(&hosts);
        cluster.adopt(id, start(command));
    }
    for id in 1..=5 {
        cluster.peer(id).prints(&format!("{{\"peer_id\":{id},\"action\":\"chose\""));
    }
    cluster
}

#[test]
fn a_healthy_run_says_nothing_where_nobody_watches() {
    // A machine that holds a process up for a second makes the others wait for it, and say so. That
    // is no healthy run.
    let slow = |line: &String| {
        let text = line.split_once(": ").map_or("", |(_, text)| text);
        ["waiting for peer", "cannot propose yet"].iter().any(|wait| text.starts_with(wait))
            || text.contains("too few answers")
    };
    until("a run in which nobody waits", || {
        let mut cluster = test_case_2(1, Program::start);
        let said: Vec<String> = (1..=5)
            .flat_map(|id| {
                let peer = cluster.peer(id);
                peer.kill();
                peer.err()
            })
            .collect();
        if said.iter().any(slow) {
            eprintln!("a slow run: {said:#?}");
            return None;
        }
        assert_eq!(said, [""; 0]);
        Some(())
    });
}

/// The story of test case 2, of which each peer tells its part.
fn assert_told(id: u16, says: impl Fn(&str) -> String) {
    says(&format!("peer{id}: listens on port"));
    says(&format!("peer{id}: keeps its state in memory only"));
    match id {
        1 => {
            says("peer1: proposes X as number 1");
            says("peer1: X is chosen: number 1");
        }
        5 => {
            says("peer5: proposes Y as number");
            says("peer5: finds X accepted under");
            says("peer5: X is chosen: number");
        }
        _ => {}
    }
}

#[test]
fn the_story_is_told_where_it_is_asked_for() {
    let mut cluster = test_case_2(1, |mut command| {
        command.arg("--verbose");
        Program::start(command)
    });
    for id in 1..=5 {
        let peer = cluster.peer(id);
        assert_told(id, |text| peer.says(text));
        assert!(peer.out().iter().all(|line| line.starts_with('{')), "{:#?}", peer.out());
    }
}

/// This command as one line of a shell; none of its words has a quote in it.
fn shell_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_str().expect("UTF-8"))).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_story_is_told_on_a_terminal() {
    if !["/usr/bin/script", "/bin/script"].iter().any(|path| Path::new(path).exists()) {
        eprintln!("skipped: there is no program `script` (util-linux) that makes a terminal");
        return;
    }
    let mut cluster = test_case_2(1, |command| {
        let mut terminal = Command::new("script");
        terminal.args(["-q", "-e", "-c", &format!("exec {}", shell_line(&command)), "/dev/null"]);
        Program::start(terminal)
    });
    for id in 1..=5 {
        let peer = cluster.peer(id);
        assert_told(id, |text| peer.prints(text));
    }
}

#[test]
fn a_member_is_silent_beside_its_views_unless_it_is_asked() {
    let cluster = Cluster::new(&["acceptor1"]);
    for flag in ["", "--verbose"] {
        let mut command = synod(&format!("member --id 1 --heartbeat 0.02 -d 0.01 -c 0.2 {flag}"));
        command.arg("-h").arg(cluster.hosts());
        let end = Program::start(command).end();
        assert_eq!(end.code, Some(0), "{end:#?}");
        let (lines, story): (Vec<String>, Vec<String>) =
            end.err.into_iter().partition(|line| line.starts_with("{peer_id: "));
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let told: Vec<bool> = ["sleeps for 0.01 s", "listens on port"]
            .map(|text| story.iter().any(|line| line.contains(text)))
            .into();
        assert_eq!(
            (story.len(), told),
            if flag.is_empty() { (0, vec![false; 2]) } else { (2, vec![true; 2]) }
        );
    }
}

/// How many runs are looked at: of two threads that print, one is late only now and then.
const RUNS: usize = 50;

#[test]
fn on_one_stream_every_line_stands_below_those_it_rests_on() {
    at_once(2, RUNS, |_| {
        let mut cluster = test_case_2(0, |mut command| {
            command.arg("--verbose");
            let mut one = Command::new("sh");
            one.args(["-c", &format!("exec {} 2>&1", shell_line(&command))]);
            Program::start(one)
        });
        for id in [1, 5] {
            cluster.peer(id).prints("is chosen: number");
        }
        let chose: u32 = (1..=5).map(|id| in_order(id, &cluster.peer(id).kill())).sum();
        assert_eq!(chose, 2, "both proposers say what is chosen");
    });
}

#[test]
fn the_peers_of_a_local_run_are_shown_in_order() {
    at_once(2, 20, |_| {
        let mut both = Command::new("sh");
        both.args(["-c", &format!("exec {} 2>&1", shell_line(&synod("local")))]);
        let end = Program::start(both).end();
        assert_eq!(end.code, Some(0), "{end:#?}");
        for id in 1..=5 {
            let name = format!("peer{id} | ");
            let lines = end.out.iter().filter_map(|line| line.strip_prefix(&name));
            let lines: Vec<String> = lines.map(str::to_owned).collect();
            assert!(lines.iter().any(|line| line.starts_with("listens on port")), "{lines:#?}");
            in_order(id, &lines);
        }
    });
}

/// Checks a peer's lines; how often it says that a value is chosen.
fn in_order(id: u16, lines: &[String]) -> u32 {
    let mut proposed = BTreeSet::new();
    let (mut promised, mut accepted) = (BTreeSet::new(), BTreeSet::new());
    let mut chosen = 0;
    let number = |text: &str| -> u64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no number: {text:?}"))
    };
    for line in lines {
        let shown = || format!("peer{id}: {line}\nin {lines:#?}");
        if line.starts_with('{') {
            let line = Line::of(line);
            match (&*line.action, &*line.kind) {
                ("sent", "prepare") => {
                    assert!(proposed.contains(&line.number), "not proposed yet: {}", shown());
                }
                ("sent", "accept") => {
                    let votes = promised.iter().filter(|(_, of)| *of == line.number).count();
                    assert!(votes >= 2, "too few promises yet: {}", shown());
                }
                ("received", "prepare_ack") => _ = promised.insert((line.peer_id, line.number)),
                ("received", "accept_ack") => _ = accepted.insert((line.peer_id, line.number)),
                _ => {}
            }
            continue;
        }
        if let Some((_, rest)) = line.split_once(" as number ") {
            proposed.insert(number(rest));
        } else if let Some((_, rest)) = line.split_once(" is chosen: number ") {
            let votes = accepted.iter().filter(|(_, of)| *of == number(rest)).count();
            assert!(votes >= 2, "too few acceptances yet: {}", shown());
            chosen += 1;
        } else if let Some((_, rest)) = line.split_once(" has promised ") {
            let heard = promised.iter().chain(&accepted).any(|(_, of)| *of == number(rest));
            assert!(heard, "nobody has said so yet: {}", shown());
        } else if line.contains(", so number ") {
            let votes = promised.iter().map(|(of, _)| of).collect::<BTreeSet<_>>();
            assert!(votes.len() >= 2, "too few promises yet: {}", shown());
        }
    }
    chosen
}
