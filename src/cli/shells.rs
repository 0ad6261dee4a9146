//! `synod completions`: what a shell proposes after what is typed, from the pages of help.

use std::process::ExitCode;

use lexopt::Parser;

use super::help::{Page, ShownFlag, operands};
use crate::command::print;
use crate::error::{Error, Result};

pub(super) const HELP: &str = "\
usage: synod completions SHELL

Print what SHELL, which is bash, zsh or fish, needs to complete commands, flags and file names.

exit codes:
  0  printed
  2  there are no completions for this shell

example:
  synod completions bash > /usr/share/bash-completion/completions/synod
";

/// The scripts; in capital letters stands what is filled in.
const BASH: &str = include_str!("shells/synod.bash");
const ZSH: &str = include_str!("shells/synod.zsh");
const FISH: &str = include_str!("shells/synod.fish");

/// The command.
pub(super) fn run(pages: &[Page], parser: Parser) -> Result<ExitCode> {
    let words = operands(parser, 1)?;
    let places: Vec<Place<'_>> = pages.iter().flat_map(|page| places(page, pages)).collect();
    let names = names(&places);
    let lines = |of: fn(&Place<'_>) -> String| places.iter().map(of).collect::<Vec<_>>();
    let script = match words.first().map(String::as_str) {
        Some("bash") => {
            filled(&filled(BASH, "VALUES", &bash_values(&places)), "PLACES", &lines(bash))
        }
        Some("zsh") => filled(ZSH, "PLACES", &lines(zsh)),
        Some("fish") => {
            filled(FISH, "PLACES", &lines(fish)).replace("NAMES", &names.replace('|', " "))
        }
        _ => return Err(Error::Usage("which shell? bash, zsh or fish".into())),
    };
    print(&script.replace("NAMES", &names)).map(|()| ExitCode::SUCCESS)
}

/// The script with these lines, indented as what they replace.
fn filled(script: &str, mark: &str, lines: &[String]) -> String {
    let before = script.split(mark).next().and_then(|text| text.rsplit('\n').next());
    script.replace(mark, &lines.join(&format!("\n{}", before.unwrap_or_default())))
}

/// A point of the command line: behind the name of a command.
struct Place<'a> {
    name: &'a str,
    /// Words that may follow, and what they are for.
    words: Vec<(&'a str, &'a str)>,
    flags: Vec<ShownFlag<'a>>,
    /// True if files may follow.
    has_files: bool,
}

/// The places that this page of all is about.
fn places<'a>(page: &'a Page, pages: &'a [Page]) -> impl Iterator<Item = Place<'a>> {
    let usage = page.text.split("\n\n").next().unwrap_or_default();
    let takes = |word| usage.split_whitespace().any(|token| token == word);
    let (has_files, has_shells) = (takes("[FILES]") || takes("[HOSTSFILE]"), takes("SHELL"));
    let has_commands = takes("[COMMAND");
    let general = |names: &[&'static str], text: &str| {
        let (names, text) = (names.to_vec(), text.to_owned());
        ShownFlag { names, value: None, text }
    };
    page.names.iter().map(move |name| {
        let is_root = name.is_empty() || has_commands;
        let all = pages.iter().flat_map(|page| page.names.iter().map(|name| (name, page.summary)));
        let word = |other: &'a str| {
            if is_root {
                Some(other).filter(|other| !other.is_empty() && !other.contains(' '))
            } else {
                other.strip_prefix(name.as_str())?.strip_prefix(' ')
            }
        };
        let words = all.filter_map(|(other, summary)| Some((word(other)?, summary)));
        let shells = ["bash", "zsh", "fish"].map(|shell| (shell, ""));
        let words = words.chain(shells.into_iter().filter(|_| has_shells)).collect();
        let mut flags = page.flags();
        flags.push(general(&["--help"], "print the help"));
        if name.is_empty() {
            flags.push(general(&["-V", "--version"], "print the version"));
        }
        Place { name, words, flags, has_files }
    })
}

/// The commands of one word or two, as a pattern of `case`.
fn names(places: &[Place<'_>]) -> String {
    let names = places.iter().map(|place| place.name).filter(|name| !name.is_empty());
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join("|")
}

/// The first clause of a text, without what a shell would read otherwise.
fn brief(text: &str) -> String {
    text.split([';', ':', '(', '[']).next().unwrap_or_default().trim().replace('\'', "’")
}

/// What is proposed behind a flag that has a value: a branch for each.
fn bash_values(places: &[Place<'_>]) -> Vec<String> {
    let branch = |place: &Place<'_>, flag: &ShownFlag<'_>| {
        let what = match flag.value? {
            "FILE" => "compopt -o default; ",
            "DIR" => "compopt -o dirnames; ",
            _ => "",
        };
        let names = flag.names.iter().map(|name| format!("'{}:{name}'", place.name));
        Some(format!("{}) {what}return ;;", names.collect::<Vec<_>>().join("|")))
    };
    let all = places.iter().flat_map(|place| place.flags.iter().map(move |flag| (place, flag)));
    all.filter_map(|(place, flag)| branch(place, flag)).collect()
}

fn bash(Place { name, words, flags, has_files }: &Place<'_>) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let flags: Vec<&str> = flags.iter().flat_map(|flag| flag.names.iter().copied()).collect();
    let files = if *has_files { " files=1" } else { "" };
    format!("'{name}') words='{}' flags='{}'{files} ;;", words.join(" "), flags.join(" "))
}

fn zsh(Place { name, words, flags, has_files }: &Place<'_>) -> String {
    let mut specs = Vec::new();
    for ShownFlag { names, value, text } in flags {
        let action = match value {
            None => String::new(),
            Some("FILE") => ":file:_files".into(),
            Some("DIR") => ":directory:_files -/".into(),
            Some(value) => format!(":{}: ", value.replace(':', "\\:")),
        };
        specs.extend(names.iter().map(|name| format!("'{name}[{}]{action}'", brief(text))));
    }
    if !words.is_empty() {
        let words = words.iter().map(|(word, text)| format!("{word}\\:\"{}\"", brief(text)));
        specs.push(format!("'1: :(({}))'", words.collect::<Vec<_>>().join(" ")));
    }
    specs.extend(has_files.then(|| "'*:file:_files'".into()));
    format!("('{name}') _arguments {} ;;", specs.join(" "))
}

fn fish(Place { name, words, flags, has_files }: &Place<'_>) -> String {
    let words = words.iter().map(|(word, text)| format!("-a {word} -d '{}'", brief(text)));
    let flags = flags.iter().map(|ShownFlag { names, value, text }| {
        let names = names.iter().map(|name| match name.strip_prefix("--") {
            Some(long) => format!("-l {long} "),
            None => format!("-s {} ", name.trim_start_matches('-')),
        });
        let value = match value {
            None => "",
            Some("FILE") => "-rF ",
            Some("DIR") => "-xa '(__fish_complete_directories)' ",
            Some(_) => "-x ",
        };
        format!("{}{value}-d '{}'", names.collect::<String>(), brief(text))
    });
    let lines = words.chain(flags).chain(has_files.then(|| "-F".into()));
    let lines = lines.map(|rest| format!("complete -c synod -n \"__synod_is_at '{name}'\" {rest}"));
    lines.collect::<Vec<_>>().join("\n")
}
