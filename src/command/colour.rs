//! Colour where a person reads: on a terminal, and not where `NO_COLOR` asks for none. Red is kept
//! for what is wrong.

use std::io::{self, IsTerminal};

use super::print;
use crate::error::Result;

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// What judges call a run, a rule or a finding, and its colour.
const OUTCOMES: [(&str, u8); 10] = [
    ("VIOLATED", RED),
    ("FAILED", RED),
    ("unreadable", RED),
    ("clean", GREEN),
    ("passed", GREEN),
    ("held", GREEN),
    ("warning", YELLOW),
    ("differs", YELLOW),
    ("suspicious", YELLOW),
    ("not decidable", YELLOW),
];

/// True if this stream is to have colours.
pub fn wanted(stream: &impl IsTerminal) -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !plain
}

/// This text in the colour of that ANSI code.
pub fn painted(text: &str, code: u8) -> String {
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Prints a report for people; on a terminal with its outcomes in colour.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_report(report: &str) -> Result<()> {
    if !wanted(&io::stdout()) {
        return print(report);
    }
    print(&report.split_inclusive('\n').map(line).collect::<String>())
}

/// A line with its outcome in colour: before the first colon, or in the second column of a table.
fn line(line: &str) -> String {
    let outcome = OUTCOMES.iter().find_map(|(word, code)| {
        let head = line.strip_prefix(word).is_some_and(|rest| rest.starts_with(':'));
        let cell = || line.find(&format!("  {word}  ")).map(|at| at + 2);
        Some((if head { 0 } else { cell()? }, *word, *code))
    });
    outcome.map_or_else(
        || line.to_owned(),
        |(at, word, code)| {
            format!("{}{}{}", &line[..at], painted(word, code), &line[at + word.len()..])
        },
    )
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_outcome_of_a_line_is_in_colour_and_nothing_else() {
        for (plain, coloured) in [
            ("VIOLATED: one-value: x\n", "\x1b[31mVIOLATED\x1b[0m: one-value: x\n"),
            ("clean: X is chosen; held\n", "\x1b[32mclean\x1b[0m: X is chosen; held\n"),
            (
                "one-value   held      3  a claim\n",
                "one-value   \x1b[32mheld\x1b[0m      3  a claim\n",
            ),
            ("    log:3: passed: no\n", "    log:3: passed: no\n"),
        ] {
            assert_eq!(line(plain), coloured);
        }
    }
}
