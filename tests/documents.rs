//! The commands that the documents show are ones that the program's own parsers take.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use synod::cli::dispatch;
use synod::protocols::PROTOCOLS;

/// A line between fences, or a span between backticks, and where it stands.
struct Shown {
    place: String,
    line: String,
}

/// What README, REPORT and `docs/` show as code.
fn shown() -> Vec<Shown> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("REPORT.md")];
    let docs = fs::read_dir(root.join("docs")).expect("is there");
    paths.extend(docs.map(|entry| entry.expect("can be read").path()));
    let mut shown = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(path).expect("UTF-8");
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
