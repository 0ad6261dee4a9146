//! The command line: a table of commands, each in a file of its own.
//!
//! Standard output is data, standard error is prose. Exit codes: 0 done, 1 a claim was violated
//! or not reached, 2 the command line, a file or the machine was at fault.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

use lexopt::Parser;

use crate::command::{complain, print};
use crate::error::Result;
use crate::protocols::Protocol;
use crate::visible::visible;

mod check;
mod draw;
mod judge;
#[cfg(feature = "simulator")]
mod learn;
mod local;
#[cfg(feature = "simulator")]
pub mod sim;

/// A command that serves every protocol.
struct Tool {
    name: &'static str,
    summary: &'static str,
    help: fn(&[Protocol]) -> String,
    run: fn(&'static [Protocol], Parser) -> Result<ExitCode>,
}

/// All tools. The protocols' own commands come from their table.
const TOOLS: &[Tool] = &[
    Tool {
        name: "local",
        summary: "run every peer of a hostsfile on this machine and judge the run",
        help: local::help,
        run: local::run,
    },
    #[cfg(feature = "simulator")]
    Tool {
        name: "learn",
        summary: "learn Paxos by breaking it, in ten minutes",
        help: |_| learn::HELP.into(),
        run: learn::run,
    },
    #[cfg(feature = "simulator")]
    Tool {
        name: "sim",
        summary: "run the protocol from seeds, with everything that can go wrong",
        help: |_| sim::HELP.into(),
        run: sim::run,
    },
    Tool {
        name: "check",
        summary: "judge the lines of a run, by this or any other program",
        help: |_| check::HELP.into(),
        run: check::run,
    },
    Tool {
        name: "draw",
        summary: "draw a run as a space-time diagram",
        help: |_| draw::HELP.into(),
        run: draw::run,
    },
    Tool {
        name: "judge",
        summary: "judge the log of peers in containers while it grows",
        help: judge::help,
        run: judge::run,
    },
];

/// A command: a protocol's own, or a tool.
#[derive(Clone, Copy)]
enum Command {
    Protocol(&'static Protocol),
    Tool(&'static Tool),
}

impl Command {
    fn all(protocols: &'static [Protocol]) -> impl Iterator<Item = Self> {
        protocols.iter().map(Self::Protocol).chain(TOOLS.iter().map(Self::Tool))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.name,
            Self::Tool(tool) => tool.name,
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.summary,
            Self::Tool(tool) => tool.summary,
        }
    }

    fn help(self, protocols: &[Protocol]) -> String {
        match self {
            Self::Protocol(protocol) => protocol.help.to_owned(),
            Self::Tool(tool) => (tool.help)(protocols),
        }
    }

    fn run(self, protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
        match self {
            Self::Protocol(protocol) => (protocol.run)(parser),
            Self::Tool(tool) => (tool.run)(protocols, parser),
        }
    }
}

/// Runs the program on these arguments (without the program's own name). Where the first one is a
/// flag, the first protocol's command is meant.
pub fn run(protocols: &'static [Protocol], args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let named = args.first().and_then(|arg| Command::all(protocols).find(|c| arg == c.name()));
    if named.is_some() {
        args.remove(0);
    }
    let command = named.unwrap_or(Command::Protocol(&protocols[0]));
    let asks = |long: &str| args.iter().take_while(|arg| *arg != "--").any(|arg| arg == long);
    if asks("--help") {
        let text = if named.is_some() { command.help(protocols) } else { overview(protocols) };
        return end(command, print(&text).map(|()| ExitCode::SUCCESS));
    }
    if asks("--version") {
        let text = format!("synod {}\n", env!("CARGO_PKG_VERSION"));
        return end(command, print(&text).map(|()| ExitCode::SUCCESS));
    }
    if args.is_empty() && named.is_none() {
        complain(&overview(protocols));
        return ExitCode::from(2);
    }
    if let Some(word) = args.first().filter(|_| named.is_none())
        && !word.as_encoded_bytes().starts_with(b"-")
    {
        let word = word.to_string_lossy();
        complain(&format!("synod: {word:?}: there is no such command\ntry: synod --help\n"));
        return ExitCode::from(2);
    }
    end(command, command.run(protocols, Parser::from_args(args)))
}

/// The exit code; an error is said first.
fn end(command: Command, result: Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            let hint = if error.is_usage() {
                format!("\ntry: synod {} --help", command.name())
            } else {
                String::new()
            };
            // It may quote a name or a file, and those may hold anything.
            let lines: Vec<String> = error.to_string().lines().map(visible).collect();
            complain(&format!("synod: {}{hint}\n", lines.join("\n")));
            ExitCode::from(2)
        }
    }
}

/// The help of the whole program.
fn overview(protocols: &'static [Protocol]) -> String {
    let mut text = String::from(
        "synod: Paxos you can run, read and trust\n\n\
         usage: synod -h HOSTSFILE [-v VALUE] [-t DELAY] [options]\n\
         \x20      synod COMMAND [arguments]\n\ncommands:\n",
    );
    for command in Command::all(protocols) {
        let (name, summary) = (command.name(), command.summary());
        let _ = writeln!(text, "  {name:<8} {summary}"); // a String takes all
    }
    text.push_str("\nsynod COMMAND --help says more; -h is the hostsfile, as in the lab\n");
    text
}
