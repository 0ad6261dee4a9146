//! The commands that the documents show are ones that the program's own parsers take; and what they
//! show below a line that begins with `$` is what that line prints.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use synod::cli::dispatch;
use synod::protocols::PROTOCOLS;

/// A line between fences, or a span between backticks, and where it stands.
struct Shown {
    place: String,
    line: String,
}

/// README, REPORT and `docs/`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("REPORT.md")];
    let docs = fs::read_dir(root.join("docs")).expect("is there");
    paths.extend(docs.map(|entry| entry.expect("can be read").path()));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths
}

/// What they show as code.
fn shown() -> Vec<Shown> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let name = path.strip_prefix(root).expect("is below").display();
        let mut is_within = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                is_within = !is_within;
            } else {
                let code: Vec<&str> = if is_within {
                    vec![line]
                } else {
                    line.split('`').skip(1).step_by(2).collect()
                };
                let of = |line: &str| Shown {
                    place: format!("{name}:{number}"),
                    line: line.trim().into(),
                };
                shown.extend(code.into_iter().map(of));
            }
        }
        assert!(!is_within, "{name}: a fence is open at the end");
    }
    shown
}

/// The commands of a line, as words; no redirections and no comments.
fn commands(line: &str) -> Vec<Vec<&str>> {
    let line = line.trim_start_matches("$ ").trim_start_matches("replay: ");
    let words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
    let words: Vec<&str> = words.map(|word| word.trim_matches(['"', '\''])).collect();
    let commands = words.split(|word| ["|", "&&", "&", ";"].contains(word));
    let redirection = |word: &&&str| word.starts_with(['>', '<']) || word.starts_with("2>");
    commands
        .map(|one| one.iter().take_while(|word| !redirection(word)).copied().collect())
        .collect()
}

#[test]
fn every_synod_command_that_is_shown_is_one() {
    let (mut count, mut wrong) = (0, Vec::new());
    for Shown { place, line } in shown() {
        for words in commands(&line) {
            let Some((program, args)) = words.split_first() else { continue };
            let is_part = |arg: &&str| arg.starts_with(['[', '…']) || *arg == "--help";
            let is_usage = args.iter().any(is_part);
            if !["synod", "target/release/synod"].contains(program) || is_usage {
                continue;
            }
            count += 1;
            // The last one is no flag: the line is read up to there, and never run.
            let end = ["-?"];
            let args: Vec<OsString> = args.iter().chain(&end).map(OsString::from).collect();
            let result = dispatch(PROTOCOLS, &args);
            let error = result.err().map_or("it runs".into(), |error| error.to_string());
            if error != "-?: there is no such flag" {
                wrong.push(format!("{place}: {line}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(count > 60, "only {count} commands are shown");
}

#[test]
fn what_is_shown_below_a_command_is_what_it_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bin = Path::new(env!("CARGO_BIN_EXE_synod")).parent().expect("a folder");
    let search = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
    let (mut count, mut wrong) = (0, Vec::new());
    for path in documents() {
        // Later commands of a document find the files of earlier ones.
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let tests = scratch.path().join("tests");
        std::os::unix::fs::symlink(root.join("tests"), tests).expect("a link");
        let text = fs::read_to_string(&path).expect("UTF-8");
        for block in text.split("\n```\n$ ").skip(1) {
            let (command, rest) = block.split_once('\n').expect("it ends");
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).env("PATH", &search).current_dir(scratch.path());
            let output = shell.output().expect("a shell");
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8(printed).expect("UTF-8");
            let mut lines = printed.lines();
            let shown = rest.lines().take_while(|line| !line.starts_with("```"));
            for line in shown.filter(|line| !line.is_empty() && *line != "…") {
                count += 1;
                if !lines.any(|printed| printed.trim_end() == line.trim_end()) {
                    wrong.push(format!("{}: {command}: does not print {line}", path.display()));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(count > 30, "only {count} lines are shown");
}
