//! Help in its one form: it shows the flags that the parsers take, all of them and no other; and
//! what is made of it: completions, the manual page, `docs/commands.md` and "did you mean".

#![expect(clippy::print_stderr, reason = "whoever runs the tests should know")]

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Program, Scratch, synod};
use synod::cli::help::{self, Block, Page, blocks};
use synod::cli::{dispatch, pages};
use synod::error::Error;
use synod::protocols::PROTOCOLS;

/// How these arguments are refused. The last one is no flag, so nothing is ever run.
fn refused<'a>(page: &'a Page, args: impl IntoIterator<Item = &'a str>) -> Error {
    let name = page.names[0].split_whitespace();
    let args: Vec<OsString> = name.chain(args).map(OsString::from).collect();
    dispatch(PROTOCOLS, &args).expect_err("the last argument is no flag")
}

fn overview() -> String {
    help::overview(&pages(PROTOCOLS))
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

#[test]
fn every_page_has_the_one_form() {
    for page in pages(PROTOCOLS) {
        let (name, text) = (&page.names[0], &page.text);
        let blocks: Vec<Block<'_>> = blocks(text).collect();
        let title = |block: &Block<'_>| match block {
            Block::List(title, items) if !items.is_empty() => (*title).to_owned(),
            Block::List(title, _) => panic!("{name}: {title} is empty"),
            Block::Text(text) if text.starts_with("usage: ") => "usage".to_owned(),
            Block::Text(text) => {
                assert!(text.ends_with('.'), "{name}: no sentence: {text}");
                "text".to_owned()
            }
        };
        let titles: Vec<String> = blocks.iter().map(title).collect();
        let rank = |title: &String| {
            ["usage", "text", "flags"].iter().position(|known| known == title).unwrap_or(3)
        };
        assert!(titles.is_sorted_by_key(rank), "{name}: {titles:?}");
        let end = titles.iter().position(|title| title == "exit codes").expect("exit codes");
        assert_eq!(titles[end + 1], "example", "{name}: {titles:?}");
        assert_eq!(titles[..2], ["usage", "text"], "{name}");
        assert!(
            text.starts_with(&format!("usage: synod {}", name.replace("paxos", "-h"))),
            "{name}"
        );
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{name}: over 100 columns: {line}");
        }
    }
    let names: BTreeSet<String> =
        pages(PROTOCOLS).into_iter().flat_map(|page| page.names).collect();
    for name in
        ["", "paxos", "ready", "member", "local", "local paxos", "sim member", "judge ready"]
    {
        assert!(names.contains(name), "{name:?} has no page: {names:?}");
    }
    for name in names.iter().filter(|name| !name.is_empty() && !name.contains(' ')) {
        assert!(overview().contains(&format!("\n  {name} ")), "{name}");
    }
}

#[test]
fn every_flag_that_help_shows_is_taken_with_a_value_or_without_as_shown() {
    let (first, second) = ("--no-flag-1", "--no-flag-2");
    let mut count = 0;
    for page in pages(PROTOCOLS) {
        for flag in page.flags() {
            for name in &flag.names {
                let error = refused(&page, [*name, first, second]);
                let unknown = error.unknown_flag();
                assert_ne!(unknown, Some(*name), "{} does not take {name}", page.names[0]);
                let other = if flag.value.is_some() { first } else { second };
                assert_ne!(unknown, Some(other), "{} {name}: a value or none?", page.names[0]);
                count += 1;
            }
        }
    }
    assert!(count > 80, "{count}");
}

/// Everything in the sources that could be the name of a flag.
fn candidates(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("is there") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            candidates(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let words = text.split('"').map(|word| word.trim_start_matches("--"));
            let is_name = |word: &&str| {
                word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            };
            found.extend(words.filter(is_name).map(|word| format!("--{word}")));
        }
    }
}

#[test]
fn every_flag_that_is_taken_stands_in_the_help() {
    let mut known = BTreeSet::new();
    candidates(&root().join("src"), &mut known);
    known.extend(('a'..='z').chain('A'..='Z').map(|letter| format!("-{letter}")));
    // These are of every command.
    for general in ["--help", "--version", "-V"] {
        assert!(known.remove(general), "{general}");
    }
    assert!(known.len() > 500 && known.contains("--until-eof"), "{}", known.len());
    for page in pages(PROTOCOLS) {
        let flags = page.flags();
        let shown: BTreeSet<&str> = flags.iter().flat_map(|flag| flag.names.clone()).collect();
        for name in known.iter().filter(|name| !shown.contains(name.as_str())) {
            let error = refused(&page, [name, "--no-flag", "--no-flag"]);
            assert_eq!(error.unknown_flag(), Some(name.as_str()), "{}: {error}", page.names[0]);
        }
    }
}

#[test]
fn help_prints_exactly_what_is_asked_for() {
    for page in pages(PROTOCOLS) {
        for name in page.names.iter().filter(|name| !name.is_empty()) {
            for words in [format!("help {name}"), format!("{name} --help")] {
                let end = Program::start(synod(&words)).end();
                assert_eq!((end.code, end.err.len()), (Some(0), 0), "{words}: {end:#?}");
                assert_eq!(end.out, page.text.lines().collect::<Vec<_>>(), "{words}");
            }
        }
    }
    for words in ["help", "--help", "-h none --help"] {
        let end = Program::start(synod(words)).end();
        assert_eq!(end.out, overview().lines().collect::<Vec<_>>(), "{words}");
    }
    let end = Program::start(synod("help local bogus")).end();
    assert_eq!(end.err[0], "synod: \"bogus\": synod local knows no such protocol");
}

#[test]
fn who_mistypes_is_told_what_was_meant_in_the_same_line() {
    for (words, line, hint) in [
        ("lokal", "\"lokal\": there is no such command; did you mean local?", ""),
        ("darw", "\"darw\": there is no such command; did you mean draw?", ""),
        ("help memebr", "\"memebr\": there is no such command; did you mean member?", ""),
        ("bogus", "\"bogus\": there is no such command", ""),
        (
            "check --json --strikt",
            "--strikt: there is no such flag; did you mean --strict?",
            "check ",
        ),
        ("--vrebose", "--vrebose: there is no such flag; did you mean --verbose?", "paxos "),
        (
            "local member --mayority",
            "--mayority: there is no such flag; did you mean --majority?",
            "local member ",
        ),
        ("sim --mayority", "--mayority: there is no such flag", "sim "),
        ("local -x", "-x: there is no such flag", "local "),
        ("ready --zzz", "--zzz: there is no such flag", "ready "),
    ] {
        let end = Program::start(synod(words)).end();
        let hint = format!("try: synod {hint}--help");
        assert_eq!(end.err, [format!("synod: {line}"), hint], "{words}");
        assert_eq!((end.code, end.out.len()), (Some(2), 0), "{words}");
    }
}

/// Whether this program is installed here.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// What the program prints for these words, as a file.
fn printed(scratch: &Scratch, words: &str) -> PathBuf {
    let output = synod(words).output().expect("the program starts");
    assert!(output.status.success(), "{words}: {output:?}");
    scratch.file("printed", output.stdout)
}

/// What a shell proposes after this line, by running this script of it.
fn proposed(shell: &str, script: &str) -> BTreeSet<String> {
    let output = Command::new(shell).arg("-c").arg(script).output().expect("the shell starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{script}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let scratch = Scratch::new();
    let script = printed(&scratch, "completions bash");
    let ask = |words: &[&str]| {
        let words = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        // Outside of a completion `compopt` has nothing to set; so it tells instead.
        proposed(
            "bash",
            &format!(
                "compopt() {{ echo \"$2\"; }}; source '{}'; COMP_WORDS=(synod {words}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _synod; echo \"${{COMPREPLY[@]}}\"",
                script.display()
            ),
        )
    };
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(ask(&["lo"]), set(&["local"]));
    assert_eq!(ask(&["help", "dr"]), set(&["draw"]));
    assert_eq!(ask(&["completions", ""]), set(&["bash", "fish", "zsh"]));
    assert_eq!(ask(&["local", "member", "--m"]), set(&["--majority"]));
    assert_eq!(ask(&["local", "--d"]), set(&["--data", "--draw"]));
    assert_eq!(ask(&["local", "--draw", ""]), set(&["default"]));
    assert_eq!(ask(&["--id", "1", "--data", ""]), set(&["dirnames"]));
    assert_eq!(ask(&["local", "-t", ""]), set(&[]));
    assert_eq!(ask(&["check", "run", "--j"]), set(&["--json"]));
    for page in pages(PROTOCOLS) {
        let mut flags: BTreeSet<String> =
            page.flags().iter().flat_map(|flag| &flag.names).map(|name| (*name).into()).collect();
        flags.insert("--help".into());
        let words: Vec<&str> = page.names[0].split(' ').chain(["-"]).collect();
        assert_eq!(ask(&words), flags, "{}", page.names[0]);
    }
    let end = Program::start(synod("completions tcsh")).end();
    assert_eq!((end.code, end.err[0].as_str()), (Some(2), "synod: which shell? bash, zsh or fish"));
}

#[test]
fn zsh_and_fish_read_their_completions() {
    let scratch = Scratch::new();
    for shell in ["zsh", "fish"] {
        if !has(shell) {
            eprintln!("skipped: there is no {shell} here");
            continue;
        }
        let script = printed(&scratch, &format!("completions {shell}"));
        assert_eq!(proposed(shell, &format!("{shell} -n '{}'", script.display())).len(), 0);
    }
    if has("fish") {
        let script = printed(&scratch, "completions fish");
        let ask = |line: &str| {
            proposed("fish", &format!("source '{}'; complete -C '{line}'", script.display()))
        };
        assert!(ask("synod lo").contains("local"));
        assert!(ask("synod local mem").contains("member"));
        assert!(ask("synod local member --maj").contains("--majority"));
        assert!(!ask("synod local --maj").contains("--majority"));
    }
}

#[test]
fn the_manual_page_has_every_flag_and_no_mistake() {
    let scratch = Scratch::new();
    let page = printed(&scratch, "man");
    let text = fs::read_to_string(&page).expect("UTF-8");
    for help in pages(PROTOCOLS) {
        assert!(text.contains(&format!("\n.SS synod {}\n", help.names[0])), "{}", help.names[0]);
        for flag in help.flags().iter().flat_map(|flag| flag.names.clone()) {
            assert!(text.contains(&flag.replace('-', "\\-")), "{flag}");
        }
    }
    if !has("groff") {
        eprintln!("skipped: there is no groff here");
        return;
    }
    let output = Command::new("groff").args(["-man", "-ww", "-z"]).arg(&page).output();
    let said = output.expect("it starts").stderr;
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_document_of_all_commands_is_what_help_prints() {
    let mut text = String::from(
        "# Commands\n\nWhat `synod help COMMAND` prints, for each command. \
         `UPDATE=1 cargo test --test help` writes this\nfile.\n\n```\n",
    );
    text.push_str(&overview());
    text.push_str("```\n");
    for page in pages(PROTOCOLS) {
        let _ = write!(text, "\n## synod {}\n\n```\n{}```\n", page.names[0], page.text);
    }
    let path = root().join("docs/commands.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).expect("can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/commands.md: write it anew with UPDATE=1 cargo test --test help");
}

#[test]
fn a_terminal_that_is_read_is_told_so() {
    if !has("script") {
        eprintln!("skipped: there is no program `script` (util-linux) that makes a terminal");
        return;
    }
    let binary = env!("CARGO_BIN_EXE_synod");
    for (command, instead) in [
        ("check", "name files"),
        ("draw", "name files"),
        ("judge -h hostsfiles/hostsfile-testcase1.txt", "pipe a log into it"),
    ] {
        let mut terminal = Command::new("script");
        terminal.args(["-q", "-e", "-c", &format!("exec {binary} {command}"), "/dev/null"]);
        let want = format!("synod: waiting for standard input; end it with Ctrl-D, or {instead}");
        Program::start(terminal).prints(&want);
    }
    let end = Program::start(synod("check")).end();
    assert!(end.err.iter().all(|line| !line.contains("waiting")), "{end:#?}");
}
