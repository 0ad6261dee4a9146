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

const REMOVAL: &str = "tests/views/case4.log";

#[test]
fn the_views_of_a_group_as_text_and_mermaid() {
    compare("draw-views", &[REMOVAL]);
    compare("draw-views-mermaid", &[REMOVAL, "--format", "mermaid", "--on-request", "5"]);
    compare("draw-views-crashes", &["tests/views/case3.log", "--width", "100"]);
    compare("draw-views-part", &[REMOVAL, "--from", "@15", "--to", "@20"]);
    compare("draw-views-broken", &["tests/draw/views-broken.log"]);
    compare("draw-views-broken-mermaid", &["tests/draw/views-broken.log", "--format", "mermaid"]);
    compare("draw-views-timed", &["tests/draw/views-timed.log", "--hosts", "tests/alone.hosts"]);
}

/// A file for each peer, whose lines have no times: the picture is that of the mixed log.
#[test]
fn a_file_for_each_peer_makes_the_same_picture() {
    let folder = tempfile::tempdir().expect("a folder for this test");
    for case in 1..=4 {
        let mixed = root().join(format!("tests/views/case{case}.log"));
        let log = fs::read_to_string(&mixed).expect("a file of the project");
        let mut files = Vec::new();
        for peer in (1..=5).rev() {
            let name = format!("peer{peer} | ");
            let own = log.lines().filter_map(|line| line.strip_prefix(&name));
            let path = folder.path().join(format!("{case}-{peer}"));
            fs::write(&path, own.collect::<Vec<_>>().join("\n") + "\n").expect("a file");
            files.push(path.display().to_string());
        }
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let apart = draw(&files);
        let mixed = draw(&[mixed.to_str().expect("UTF-8")]);
        assert_eq!(String::from_utf8_lossy(&apart.stdout), String::from_utf8_lossy(&mixed.stdout));
    }
}

/// In the page, each part of the drawing has its data, in the same order.
#[test]
fn the_page_of_a_group_has_a_step_for_each_mark() {
    for log in [REMOVAL, "tests/draw/views-broken.log"] {
        let output = draw(&[log, "--format", "html"]);
        let page = String::from_utf8(output.stdout).expect("UTF-8");
        let (_, data) = page.split_once("id=\"data\">").expect("there is data");
        let (data, _) = data.split_once("</script>").expect("it ends");
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        let steps = data["steps"].as_array().expect("a list");
        assert_eq!(page.matches("<g class=\"s").count(), steps.len());
        for (index, step) in steps.iter().enumerate() {
            let mark = format!(" data-s=\"{index}\" data-p=\"{}\"", step["peer"]);
            assert!(page.contains(&mark), "{mark}");
        }
    }
}

#[test]
fn hostile_and_damaged_views_do_no_harm() {
    let log = fs::read_to_string(root().join(REMOVAL)).expect("a file of the project");
    let nasty = "</text><script>alert(1)</script>\u{202e}\u{1b}[31m";
    let hostile = log.replace("crashing", nasty);
    let folder = tempfile::tempdir().expect("a folder for this test");
    let path = folder.path().join("log");
    for form in ["text", "mermaid", "svg", "html"] {
        fs::write(&path, &hostile).expect("a file");
        let output = draw(&[path.to_str().expect("UTF-8"), "--format", form]);
        let drawn = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(0), "{form}");
        assert!(!drawn.contains("<script>alert") || form == "text", "{form}");
        assert!(!drawn.contains('\u{202e}') && !drawn.contains('\u{1b}'), "{form}");
        let mut state = 7_u64;
        for _ in 0..40 {
            let mut bytes = log.clone().into_bytes();
            for _ in 0..6 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let length = bytes.len() as u64;
                let at = usize::try_from((state >> 20) % length).expect("fits");
                bytes[at] = b"0123456789,]}x"[usize::try_from(state >> 60).expect("fits") % 14];
            }
            fs::write(&path, &bytes).expect("a file");
            let output = draw(&["--membership", path.to_str().expect("UTF-8"), "--format", form]);
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&bytes));
        }
    }
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
    refused(&[DUEL, "-o", "x.png"], "which format?");
    refused(&[DUEL, "--open", "--format", "text"], "--open shows a page");
    refused(&[DUEL, "-o", "/nonexistent/x.svg"], "writing /nonexistent/x.svg");
    refused(&[DUEL, "--from", "soon"], "--from \"soon\"");
    refused(&[DUEL, "--from", "-1"], "--from");
    refused(&[DUEL, "--number", "1e9"], "--number");
    refused(&[DUEL, "--hosts", "tests/draw/none"], "No such file");
    refused(&["tests/draw/printed.jsonl", "--from", "1"], "no times");
    refused(&[REMOVAL, "--from", "1"], "no times");
    refused(&[REMOVAL, "--number", "1"], "these are views");
    refused(&[REMOVAL, "--on-request", "x"], "--on-request");
    refused(&["--membership", DUEL], "no line is of a member");
    refused(&["--membership", "tests/draw/none.log"], "No such file");
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

/// A program of this name shows pictures on this machine.
fn opener(folder: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["xdg-open", "open"] {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }
}

#[test]
fn the_page_is_shown_where_the_machine_can_and_else_its_place_is_said() {
    let folder = tempfile::tempdir().expect("a folder for this test");
    let open = |args: &[&str]| {
        let mut synod = Command::new(env!("CARGO_BIN_EXE_synod"));
        synod.current_dir(root()).args(["draw", DUEL, "--open"]).args(args);
        synod.env("PATH", folder.path()).env("TMPDIR", folder.path()).stdin(Stdio::null());
        let output = synod.output().expect("the program runs");
        assert!(output.stdout.is_empty());
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, said) = open(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no ") && said.contains(".html in a browser"), "{said}");
    let shown = folder.path().join("shown");
    opener(folder.path(), &format!("echo \"$1\" > {}", shown.display()));
    let picture = folder.path().join("duel.svg");
    let picture = picture.to_str().expect("UTF-8");
    for (args, ending) in [(&["-o", picture][..], "duel.svg"), (&[], ".html")] {
        assert_eq!(open(args).0, Some(0));
        let path = fs::read_to_string(&shown).expect("something was shown");
        assert!(path.trim().ends_with(ending) && Path::new(path.trim()).exists(), "{path}");
    }
    opener(folder.path(), "exit 3");
    assert!(open(&[]).1.contains("fails"));
}
