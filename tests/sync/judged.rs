//! The tools read the lines of a run: the judge and the drawing.

use std::path::PathBuf;

use crate::common::{End, Program, synod};
use crate::peers::Peers;

fn run(words: &str, files: &[PathBuf]) -> End {
    let mut command = synod(words);
    command.args(files);
    Program::start(command).end()
}

/// Three peers, an edit at each, and a conflict; their lines.
fn lines(words: &str) -> (Peers, Vec<Vec<String>>) {
    let peers = Peers::new(3);
    peers.write(0, "host");
    peers.write(1, "guest");
    let mut programs: Vec<Program> = [&[][..], &[0], &[1]]
        .iter()
        .zip(0..)
        .map(|(dial, at)| peers.start(at, dial, words))
        .collect();
    peers.all_hold(0..3, b"host");
    for at in 0..3 {
        let text = format!("edit {at}");
        peers.write(at, &text);
        peers.all_hold(0..3, text.as_bytes());
    }
    // What is printed follows on what is done.
    let text = if words.is_empty() { "version 3." } else { "received 3." };
    for program in &programs[..2] {
        program.prints(text);
    }
    let lines = programs.iter_mut().map(Program::kill).collect();
    (peers, lines)
}

fn saved(peers: &Peers, lines: &[Vec<String>]) -> Vec<PathBuf> {
    let file = |(at, lines): (usize, &Vec<String>)| {
        peers.scratch.file(&format!("lines{at}"), lines.join("\n") + "\n")
    };
    lines.iter().enumerate().map(file).collect()
}

#[test]
fn the_lines_of_a_good_run_are_clean_and_doctored_ones_are_accused() {
    let (peers, good) = lines("--json");
    let end = run("check", &saved(&peers, &good));
    let text = end.out.join("\n");
    assert!(end.code == Some(0) && text.contains("clean: 3 copies, all equal"), "{text}");
    for rule in ["received-first", "no-echo", "upward", "loser-kept", "equal"] {
        let held = end.out.iter().any(|line| line.contains(rule) && line.contains("held"));
        assert!(held, "{rule}: {text}");
    }
    assert_eq!(run("check --json", &saved(&peers, &good)).code, Some(0));
    let doctored = |change: &dyn Fn(&str) -> String| {
        let lines: Vec<Vec<String>> =
            good.iter().map(|lines| lines.iter().map(|line| change(line)).collect()).collect();
        let end = run("check", &saved(&peers, &lines));
        (end.code, end.out.join("\n"))
    };
    let (code, text) = doctored(&|line| match line.split_once(" keeping ") {
        Some((kept, rest)) => format!("{kept}{}", &rest[rest.find('"').unwrap()..]),
        None => line.to_owned(),
    });
    assert!(code == Some(1) && text.contains("VIOLATED: loser-kept"), "{text}");
    let (code, text) = doctored(&|line| line.replace("received 2.", "changed to 2."));
    assert!(code == Some(0), "a content that is new there may be an edit: {text}");
    let (code, text) = doctored(&|line| line.replace("changed to 3.", "joined 4."));
    assert!(code == Some(1) && text.contains("VIOLATED: received-first"), "{text}");
    let (code, text) = doctored(&|line| line.replace("restored", "changed to"));
    assert!(code == Some(0), "nothing was restored: {text}");
}

#[test]
fn the_lines_for_people_are_read_too() {
    let (peers, good) = lines("");
    let end = run("check", &saved(&peers, &good));
    let text = end.out.join("\n");
    assert!(end.code == Some(0) && text.contains("copies, all equal"), "{text}");
}

#[test]
fn a_run_is_drawn_with_its_edits_and_versions() {
    let (peers, good) = lines("--json");
    let end = run("draw --format text", &saved(&peers, &good));
    let text = end.out.join("\n");
    assert_eq!(end.code, Some(0), "{end:?}");
    for part in ["changed to 3.", "received 3.", "content", "want", "offer"] {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
}
