//! The pages of help: one form for all, which people read and this program too.
//!
//! A page is blocks with an empty line between: the usage, what the command does, lists (flags,
//! exit codes) and an example. A list is a title with a colon, and below it items, indented by two;
//! two blanks stand between an item and its text, which may go on below, indented further. So the
//! completions, the manual page and "did you mean" know the flags from the page itself.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

use lexopt::Parser;

use crate::command::args::{self, Argument};
use crate::command::print;
use crate::error::{Error, Result};

pub(super) const HELP: &str = "\
usage: synod help [COMMAND [PROTOCOL]]

Print the help of a command, as COMMAND --help does, or the list of commands.

exit codes:
  0  printed
  2  there is no such command

example:
  synod help local member
";

/// The help of one command.
pub struct Page {
    /// What is typed for it; the first one is shown.
    pub names: Vec<String>,
    /// What the command is for, in half a line.
    pub summary: &'static str,
    /// The page.
    pub text: String,
}

/// A flag as a page shows it.
pub struct ShownFlag<'a> {
    /// With their dashes.
    pub names: Vec<&'a str>,
    /// What stands for its value, if it has one.
    pub value: Option<&'a str>,
    /// What it does.
    pub text: String,
}

/// A part of a page.
pub enum Block<'a> {
    /// The usage, a line each, or a paragraph.
    Text(&'a str),
    /// A title, and items with their text.
    List(&'a str, Vec<(&'a str, String)>),
}

/// The parts of a page.
pub fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.trim_end().split("\n\n").map(|block| {
        let Some((title, items)) = block.split_once(":\n  ") else { return Block::Text(block) };
        let mut list: Vec<(&str, String)> = Vec::new();
        for line in items.lines() {
            match list.last_mut() {
                Some((_, text)) if line.starts_with("   ") => {
                    text.push(' ');
                    text.push_str(line.trim_start());
                }
                _ => {
                    let line = line.trim_start();
                    let (item, text) = line.split_once("  ").unwrap_or((line, ""));
                    list.push((item, text.trim_start().to_owned()));
                }
            }
        }
        Block::List(title, list)
    })
}

impl Page {
    /// The flags that it shows, each once.
    pub fn flags(&self) -> Vec<ShownFlag<'_>> {
        let mut flags: Vec<ShownFlag<'_>> = Vec::new();
        for block in blocks(&self.text) {
            let Block::List(_, items) = block else { continue };
            for (item, text) in items.into_iter().filter(|(item, _)| item.starts_with('-')) {
                let (names, value) = match item.rsplit_once(' ') {
                    Some((names, value)) if !value.starts_with('-') => (names, Some(value)),
                    _ => (item, None),
                };
                let names: Vec<&str> = names.split(", ").collect();
                if flags.iter().all(|flag| flag.names != names) {
                    flags.push(ShownFlag { names, value, text });
                }
            }
        }
        flags
    }
}

/// Of all pages that of a command, and of the protocol that its first argument names.
pub(super) fn page(mut pages: Vec<Page>, command: &str, argument: Option<&OsString>) -> Page {
    let at = |name: &str| pages.iter().position(|page| page.names.iter().any(|n| n == name));
    let both = argument.and_then(|word| at(&format!("{command} {}", word.to_str()?)));
    let at = both.or_else(|| at(command)).unwrap_or_default();
    pages.swap_remove(at)
}

/// The pages of the commands, where the first protocol is meant.
fn commands(pages: &[Page]) -> impl Iterator<Item = &Page> {
    pages.iter().filter(|page| !page.names[0].contains(' '))
}

/// The help of the whole program.
pub fn overview(pages: &[Page]) -> String {
    let mut text = String::from(
        "usage: synod -h HOSTSFILE [-v VALUE] [-t DELAY] [options]\n\
         \x20      synod COMMAND [arguments]\n\n\
         Paxos you can run, read and trust. Without a command, be one peer of the hostsfile.\n\
         Values in parentheses are defaults.\n\n\
         commands:\n",
    );
    for page in commands(pages) {
        let _ = writeln!(text, "  {:<11}    {}", page.names[0], page.summary); // a String takes all
    }
    text.push_str(
        "\nflags:\n\
         \x20 --help         after a command, print its help (-h names the hostsfile)\n\
         \x20 -V, --version  print the version\n\n\
         exit codes:\n\
         \x20 0  done\n\
         \x20 1  a rule was violated, or the goal was not reached\n\
         \x20 2  a flag, a file or the machine was at fault\n\n\
         example:\n\
         \x20 synod local --draw run.html\n",
    );
    text
}

/// The arguments of a command that has no flags: so many words at most.
pub(super) fn operands(parser: Parser, most: usize) -> Result<Vec<String>> {
    let mut words = Vec::new();
    args::read(parser, |argument, _| {
        let Argument::Operand(word) = argument else { return Ok(false) };
        words.push(word.to_string_lossy().into_owned());
        Ok(words.len() <= most)
    })?;
    Ok(words)
}

/// The command.
pub(super) fn run(pages: &[Page], parser: Parser) -> Result<ExitCode> {
    let words = operands(parser, 2)?;
    let named = |name: &str| pages.iter().find(|page| page.names.iter().any(|n| n == name));
    let text = match words.as_slice() {
        [] => &overview(pages),
        [command, ..] if !commands(pages).any(|page| page.names[0] == *command) => {
            return Err(unknown_command(command, commands(pages).map(|page| &*page.names[0])));
        }
        [command, rest @ ..] => {
            let unknown = || format!("{:?}: synod {command} knows no such protocol", rest.concat());
            &named(&words.join(" ")).ok_or_else(|| Error::Usage(unknown()))?.text
        }
    };
    print(text).map(|()| ExitCode::SUCCESS)
}

/// The refusal of a word that is no command.
pub(super) fn unknown_command<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let meant = nearest(word, known);
    let meant = meant.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Error::Usage(format!("{word:?}: there is no such command{meant}"))
}

/// The word that was meant: the known one that the fewest edits make of it, if they are few.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let few = word.trim_start_matches('-').chars().count() / 3;
    let alike = known.filter(|name| name.len().abs_diff(word.len()) <= few);
    let near = alike.map(|name| (edits(word, name), name)).filter(|(edits, _)| *edits <= few);
    near.min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// How many letters to insert, delete, replace, or exchange with their neighbour make one word of
/// the other.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, j) in (0..=from.len()).flat_map(|i| (0..=to.len()).map(move |j| (i, j))) {
        table[i][j] = if i == 0 || j == 0 {
            i + j
        } else {
            let replaced = table[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            let swaps = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if swaps { least.min(table[i - 2][j - 2] + 1) } else { least }
        };
    }
    table[from.len()][to.len()]
}
