//! `synod man`: the pages of help as a manual page.

use std::fmt::Write as _;
use std::process::ExitCode;

use lexopt::Parser;

use super::help::{Block, Page, blocks, operands, overview};
use crate::command::print;
use crate::error::Result;

pub(super) const HELP: &str = "\
usage: synod man

Print the manual page, in the form that man(1) reads.

exit codes:
  0  printed
  2  the command line was at fault

example:
  synod man > synod.1
";

/// The day of the page; tools that check pages want one.
const DATE: &str = "2026-11-28";

/// The command.
pub(super) fn run(pages: &[Page], parser: Parser) -> Result<ExitCode> {
    operands(parser, 0)?;
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH SYNOD 1 \"{DATE}\" \"synod {version}\" \"User Commands\"\n.SH NAME\n\
         synod \\- Paxos you can run, read and trust\n.SH SYNOPSIS\n"
    );
    write(&mut page, &overview(pages), |title| format!(".SH {}", title.to_uppercase()));
    page.push_str(".SH COMMANDS\n");
    for help in pages {
        let _ = writeln!(page, ".SS synod {}", help.names[0]); // a String takes all
        write(&mut page, &help.text, |title| format!(".PP\n.I {title}:"));
    }
    print(&page).map(|()| ExitCode::SUCCESS)
}

/// Writes a page of help, with headings of this form.
fn write(page: &mut String, text: &str, heading: impl Fn(&str) -> String) {
    let mut line = |text: &str| _ = writeln!(page, "{text}"); // a String takes all
    for block in blocks(text) {
        match block {
            // The commands have a section of their own.
            Block::List("commands", _) => {}
            Block::Text(text) if text.starts_with("usage: ") => {
                line(&format!(".EX\n{}\n.EE", escaped(text.trim_start_matches("usage: "))));
            }
            Block::Text(text) => line(&format!(".PP\n{}", escaped(text))),
            Block::List(title, items) => {
                line(&heading(title));
                for (item, text) in items {
                    let (item, text) = (escaped(item), escaped(&text));
                    line(&match text.as_str() {
                        "" => format!(".EX\n{item}\n.EE"),
                        text => format!(".TP\n.B {item}\n{text}"),
                    });
                }
            }
        }
    }
}

/// Text in which nothing is a command of troff.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.lines().map(str::trim_start);
    let lines = lines.map(|line| match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
