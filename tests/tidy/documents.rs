//! The documents: their links lead somewhere, and what they name is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::none;
use super::source::rust_files;

/// Documents with a bound, in lines, and in columns where that matters.
const SIZES: &[(&str, usize, usize)] = &[("README.md", 200, 100), ("REPORT.md", 600, usize::MAX)];

/// Folders whose files are named in documents.
const FOLDERS: [&str; 9] = [
    "src/",
    "tests/",
    "docs/",
    "docker/",
    "compose/",
    "deploy/",
    "hostsfiles/",
    "examples/",
    "benches/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All documents, each with its path and text.
fn documents() -> Vec<(PathBuf, String)> {
    let folders = ["", "docs", "tests/browser"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let paths = files.map(|file| file.expect("can be read").path());
    let found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("UTF-8")))
        .collect();
    assert!(found.len() >= 7, "only {} documents were found", found.len());
    found
}

/// The lines of a document, each with its place and whether it stands in a block of code.
fn lines<'a>(path: &Path, text: &'a str) -> impl Iterator<Item = (String, &'a str, bool)> + 'a {
    let name = path.strip_prefix(root()).expect("is below").display().to_string();
    let mut in_code = false;
    (1..).zip(text.lines()).map(move |(number, line)| {
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        (format!("{name}:{number}"), line, in_code && !is_fence)
    })
}

/// What stands in backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The anchor of a heading, as it is made of its text.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    let mut lines = lines(root(), text);
    lines.any(|(_, line, in_code)| !in_code && line.starts_with('#') && anchor(line) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut problems = Vec::new();
    for (path, text) in documents() {
        for (at, line, in_code) in lines(&path, &text) {
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for link in links.filter(|link| !in_code && !link.contains("://")) {
                let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
                let target = match file {
                    "" => path.clone(),
                    file => path.with_file_name(file),
                };
                let is_there = target.exists()
                    && (wanted.is_empty()
                        || fs::read_to_string(&target).is_ok_and(|text| has_anchor(&text, wanted)));
                problems.extend((!is_there).then(|| format!("{at}: {link} leads nowhere")));
            }
        }
    }
    none(problems);
}

#[test]
fn what_is_named_is_there() {
    let sources: Vec<(String, String)> = rust_files(&root().join("src"))
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).expect("is below").display().to_string();
            (name, fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect();
    let mut problems = Vec::new();
    for (path, text) in documents() {
        for (at, line, in_code) in lines(&path, &text) {
            let is_path = |span: &&str| FOLDERS.iter().any(|folder| span.starts_with(folder));
            let is_exact =
                |span: &&str| !span.contains([' ', '*', '…', '<']) && !span.contains("NAME");
            let named: Vec<&str> = spans(line).filter(is_path).filter(is_exact).collect();
            for name in named.iter().filter(|name| !in_code && !root().join(name).exists()) {
                problems.push(format!("{at}: there is no {name}"));
            }
            // Where the line names files too, the item is in one of them.
            let files: Vec<&&str> = named.iter().filter(|name| name.starts_with("src/")).collect();
            let is_here = |(name, _): &&(String, String)| {
                files.is_empty()
                    || files.iter().any(|file| name == **file || name.starts_with(**file))
            };
            for span in spans(line).filter(|span| span.starts_with(|c: char| c.is_uppercase())) {
                let Some((_, item)) = span.split_once("::").filter(|_| !in_code) else { continue };
                let defines = |text: &str| {
                    let kinds =
                        [format!("fn {item}"), format!("    {item}"), format!("const {item}")];
                    kinds.iter().any(|kind| text.contains(kind))
                };
                if !sources.iter().filter(is_here).any(|(_, text)| defines(text)) {
                    problems.push(format!("{at}: {span} is not in {files:?}"));
                }
            }
        }
    }
    none(problems);
}

#[test]
fn the_targets_of_make_exist() {
    let makefiles = ["Makefile", "docker/targets.mk"].map(|name| root().join(name));
    let rules = makefiles.map(|path| fs::read_to_string(path).expect("UTF-8")).concat();
    let rules = rules.replace("\\\n", " ");
    let heads = rules.lines().filter(|line| !line.starts_with(['\t', ' ', '#', '.']));
    let targets: Vec<&str> = heads
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(targets, _)| targets.split_whitespace())
        .collect();
    let mut problems = Vec::new();
    for (path, text) in documents() {
        for (at, line, in_code) in lines(&path, &text) {
            let commands: Vec<&str> = if in_code { vec![line] } else { spans(line).collect() };
            let calls = commands.iter().filter_map(|command| {
                let words = command.trim_start_matches("time ").strip_prefix("make ")?;
                words.split(['#', '(']).next()
            });
            for target in calls.flat_map(str::split_whitespace).filter(|word| !word.contains('=')) {
                if !targets.contains(&target) {
                    problems.push(format!("{at}: there is no make {target}"));
                }
            }
        }
    }
    none(problems);
}

#[test]
fn documents_are_no_longer_than_they_may_be() {
    let mut problems = Vec::new();
    for (name, most, columns) in SIZES {
        let text = fs::read_to_string(root().join(name)).expect("UTF-8");
        let count = text.lines().count();
        problems.extend((count > *most).then(|| format!("{name}: {count} lines, over {most}")));
        for (at, line, _) in lines(&root().join(name), &text) {
            let is_wide = line.chars().count() > *columns;
            problems.extend(is_wide.then(|| format!("{at}: over {columns} columns")));
        }
    }
    none(problems);
}
