//! `synod draw` as a program: the forms that a person can read are compared with what is stored.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test draw` writes them anew; read the diff.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn draw(args: &[&str]) -> Output {
    let mut synod = Command::new(env!("CARGO_BIN_EXE_synod"));
    synod.current_dir(root()).arg("draw").args(args).stdin(Stdio::null());
    synod.output().expect("the program runs")
}

/// Compares with `tests/snapshots/NAME.txt`.
fn compare(name: &str, args: &[&str]) {
    let output = draw(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let drawn = String::from_utf8(output.stdout).expect("UTF-8");
    let path = root().join("tests/snapshots").join(name).with_extension("txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &drawn).expect("the snapshot can be written");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawn == stored,
        "{} differs; UPDATE_SNAPSHOTS=1 writes it anew. Now it is:\n{drawn}",
        path.display()
    );
}

const DUEL: &str = "tests/draw/duel.jsonl";

#[test]
fn a_duel_as_text() {
    compare("draw-duel", &[DUEL]);
    compare("draw-duel-wide", &[DUEL, "--width", "120"]);
}

#[test]
fn a_duel_as_mermaid() {
    compare("draw-duel-mermaid", &[DUEL, "--format", "mermaid"]);
}

#[test]
fn a_broken_rule_as_text_and_mermaid() {
    compare("draw-broken", &["tests/draw/broken.jsonl"]);
    compare("draw-broken-mermaid", &["tests/draw/broken.jsonl", "--format", "mermaid"]);
}

#[test]
fn a_crash_with_the_roles_of_a_hostsfile() {
    let hosts = "hostsfiles/hostsfile-local.txt";
    compare("draw-crash", &["tests/draw/crash.jsonl", "--hosts", hosts]);
    compare(
        "draw-crash-mermaid",
        &["tests/draw/crash.jsonl", "--hosts", hosts, "--format", "mermaid"],
    );
}

#[test]
fn printed_lines_of_all_peers_in_one_file() {
    compare("draw-printed", &["tests/draw/printed.jsonl"]);
}

#[test]
fn a_window_and_a_number() {
    compare("draw-window", &["tests/draw/latecomer.jsonl", "--from", "0.4", "--number", "5"]);
}

#[test]
fn nine_peers_are_drawn_in_eighty_columns() {
    compare("draw-nine", &["tests/draw/nine.jsonl"]);
    let output = draw(&["tests/draw/nine.jsonl"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}");
}

#[test]
fn the_ending_of_the_file_chooses_the_form() {
    let dir = std::env::temp_dir().join(format!("synod-draw-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder for this test");
    for (name, begins) in [
        ("a.txt", "Y chosen under 5"),
        ("a.mmd", "---\ntitle:"),
        ("a.svg", "<?xml"),
        ("a.HTML", "<!doctype html>"),
    ] {
        let path = dir.join(name);
        let output = draw(&[DUEL, "-o", path.to_str().expect("UTF-8")]);
        assert!(output.status.success() && output.stdout.is_empty());
        let drawn = fs::read_to_string(&path).expect("the picture is there");
        assert!(drawn.starts_with(begins), "{name}: {drawn:.80}");
    }
    fs::remove_dir_all(&dir).expect("the folder can be removed");
}

/// Exit 2 and one clear line.
fn refused(args: &[&str], says: &str) {
    let output = draw(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?}: {said}");
    assert!(output.stdout.is_empty());
    let lines = said.lines().filter(|line| !line.starts_with("try: ")).count();
    assert_eq!(lines, 1, "{said}");
}

#[test]
fn what_cannot_be_drawn_is_refused_in_one_line() {
    refused(&["tests/draw/none.jsonl"], "tests/draw/none.jsonl: No such file");
    refused(&["tests/draw"], "tests/draw: ");
    refused(&["Cargo.toml"], "no line is an event");
    refused(&[], "no line is an event");
    refused(&[DUEL, "--format", "png"], "text, mermaid, svg and html");
    refused(&[DUEL, "-o", "x.png"], "which form?");
    refused(&[DUEL, "-o", "/nonexistent/x.svg"], "writing /nonexistent/x.svg");
    refused(&[DUEL, "--from", "soon"], "--from \"soon\"");
    refused(&[DUEL, "--from", "-1"], "--from");
    refused(&[DUEL, "--number", "1e9"], "--number");
    refused(&[DUEL, "--hosts", "tests/draw/none"], "No such file");
    refused(&["tests/draw/printed.jsonl", "--from", "1"], "no times");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut synod = Command::new(env!("CARGO_BIN_EXE_synod"));
    let many = fs::read_to_string(root().join(DUEL)).expect("the journal is there").repeat(40);
    synod.args(["draw", "--format", "html"]).stdin(Stdio::piped());
    let mut child = synod.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("its input");
    input.write_all(many.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

/// Random bytes, and journals with bytes changed, are drawn or refused, and nothing else.
#[test]
fn damaged_journals_do_no_harm() {
    let journal = fs::read(root().join(DUEL)).expect("the journal is there");
    let path = std::env::temp_dir().join(format!("synod-damaged-{}", std::process::id()));
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    for _ in 0..20 {
        let mut damaged = journal.clone();
        for _ in 0..=next() % 200 {
            let at = next() % damaged.len();
            damaged[at] = u8::try_from(next() % 256).expect("a byte");
        }
        fs::write(&path, &damaged).expect("it can be written");
        for format in ["text", "mermaid", "svg", "html"] {
            let output = draw(&[path.to_str().expect("UTF-8"), "--format", format]);
            assert!(matches!(output.status.code(), Some(0 | 2)), "{:?}", output.status);
        }
    }
    fs::remove_file(Path::new(&path)).expect("it can be removed");
}
