//! The command line: a table of commands, each in a file of its own.
//!
//! Standard output is data, standard error is prose. Exit codes: 0 done, 1 a claim was violated
//! or not reached, 2 the command line, a file or the machine was at fault.

use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::Parser;

use crate::command::{Beside, complain, print};
use crate::error::{Error, Result};
use crate::protocols::Protocol;
use crate::visible::visible;
use help::Page;

mod check;
mod draw;
pub mod help;
mod judge;
#[cfg(feature = "simulator")]
mod learn;
mod local;
mod logs;
mod man;
#[cfg(feature = "simulator")]
mod replay;
mod shells;
#[cfg(feature = "simulator")]
pub mod sim;

/// A command that serves every protocol.
struct Tool {
    name: &'static str,
    summary: &'static str,
    help: Help,
    run: fn(&'static [Protocol], Parser) -> Result<ExitCode>,
}

/// The help of a tool: one page, or one for each protocol that it serves.
enum Help {
    One(fn(&[Protocol]) -> String),
    Each(fn(&Protocol) -> Option<String>),
}

/// All tools. The protocols' own commands come from their table.
const TOOLS: &[Tool] = &[
    Tool {
        name: "local",
        summary: "run every peer of a hostsfile on this machine and judge the run",
        help: Help::Each(local::help),
        run: local::run,
    },
    #[cfg(feature = "simulator")]
    Tool {
        name: "learn",
        summary: "learn Paxos by breaking it, in ten minutes",
        help: Help::One(|_| learn::HELP.into()),
        run: learn::run,
    },
    #[cfg(feature = "simulator")]
    Tool {
        name: "sim",
        summary: "simulate a protocol from seeds, with every kind of fault",
        help: Help::Each(|protocol| Some(protocol.sim?.help())),
        run: sim::run,
    },
    #[cfg(feature = "simulator")]
    Tool {
        name: "replay",
        summary: "play a schedule of the simulator, also on real processes",
        help: Help::One(|_| replay::HELP.into()),
        run: replay::run,
    },
    Tool {
        name: "check",
        summary: "judge the lines of a run, by this or any other program",
        help: Help::One(check::help),
        run: check::run,
    },
    Tool {
        name: "draw",
        summary: "draw a run as a space-time diagram",
        help: Help::One(draw::help),
        run: draw::run,
    },
    Tool {
        name: "judge",
        summary: "judge the log of peers in containers while it grows",
        help: Help::Each(judge::help),
        run: judge::run,
    },
    Tool {
        name: "help",
        summary: "print the help of a command",
        help: Help::One(|_| help::HELP.into()),
        run: |protocols, parser| help::run(&pages(protocols), parser),
    },
    Tool {
        name: "completions",
        summary: "print the completions of a shell",
        help: Help::One(|_| shells::HELP.into()),
        run: |protocols, parser| shells::run(&pages(protocols), parser),
    },
    Tool {
        name: "man",
        summary: "print the manual page",
        help: Help::One(|_| man::HELP.into()),
        run: |protocols, parser| man::run(&pages(protocols), parser),
    },
];

/// A command: a protocol's own, another of a protocol, or a tool.
#[derive(Clone, Copy)]
enum Command {
    Protocol(&'static Protocol),
    Beside(&'static Beside),
    Tool(&'static Tool),
}

impl Command {
    fn all(protocols: &'static [Protocol]) -> impl Iterator<Item = Self> {
        let beside = protocols.iter().flat_map(|protocol| protocol.beside).map(Self::Beside);
        protocols.iter().map(Self::Protocol).chain(beside).chain(TOOLS.iter().map(Self::Tool))
    }

    /// The command of these arguments, and what follows its name.
    fn of<'a>(
        protocols: &'static [Protocol],
        args: &'a [OsString],
    ) -> Result<(Self, &'a [OsString])> {
        let Some((first, rest)) = args.split_first() else {
            return Ok((Self::Protocol(&protocols[0]), args));
        };
        match Self::all(protocols).find(|command| first == command.name()) {
            Some(command) => Ok((command, rest)),
            None if first.as_encoded_bytes().starts_with(b"-") => {
                Ok((Self::Protocol(&protocols[0]), args))
            }
            None => Err(help::unknown_command(
                &first.to_string_lossy(),
                Self::all(protocols).map(Self::name),
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.name,
            Self::Beside(command) => command.name,
            Self::Tool(tool) => tool.name,
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.summary,
            Self::Beside(command) => command.summary,
            Self::Tool(tool) => tool.summary,
        }
    }

    /// Its pages of help; where the protocol is not named, the first is meant.
    fn pages(self, protocols: &[Protocol]) -> Vec<Page> {
        let (name, summary) = (self.name(), self.summary());
        let page = |name: String, text| Page { names: vec![name], summary, text };
        let each = match self {
            Self::Protocol(protocol) => return vec![page(name.into(), protocol.help.into())],
            Self::Beside(command) => return vec![page(name.into(), command.help.into())],
            Self::Tool(tool) => match tool.help {
                Help::One(text) => return vec![page(name.into(), text(protocols))],
                Help::Each(text) => text,
            },
        };
        let of = |row: &Protocol| Some(page(format!("{name} {}", row.name), each(row)?));
        let mut pages: Vec<Page> = protocols.iter().filter_map(of).collect();
        let others = pages.iter().skip(1).map(|page| format!("  synod {} --help\n", page.names[0]));
        let others: String = others.collect();
        if let Some(first) = pages.first_mut() {
            first.names.insert(0, name.into());
            if !others.is_empty() {
                first.text = format!("{}\nfor another protocol:\n{others}", first.text);
            }
        }
        pages
    }

    fn run(self, protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
        match self {
            Self::Protocol(protocol) => (protocol.run)(parser),
            Self::Beside(command) => (command.run)(parser),
            Self::Tool(tool) => (tool.run)(protocols, parser),
        }
    }
}

/// Every page of help but the overview. The first is also that of the program without a command.
pub fn pages(protocols: &'static [Protocol]) -> Vec<Page> {
    let mut pages: Vec<Page> =
        Command::all(protocols).flat_map(|command| command.pages(protocols)).collect();
    pages[0].names.push(String::new());
    pages
}

/// Runs the program on these arguments (without the program's own name).
pub fn run(protocols: &'static [Protocol], args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.is_empty() {
        complain(&help::overview(&pages(protocols)));
        return ExitCode::from(2);
    }
    dispatch(protocols, &args).unwrap_or_else(|error| {
        // It may quote a name or a file, and those may hold anything.
        let lines: Vec<String> = error.to_string().lines().map(visible).collect();
        let advice = advice(protocols, &args, &error);
        complain(&format!("synod: {}{advice}\n", lines.join("\n")));
        ExitCode::from(2)
    })
}

/// The same, and an error is returned. Where the first argument is a flag, the first protocol's
/// command is meant.
///
/// # Errors
/// An argument cannot be used, or the command fails.
pub fn dispatch(protocols: &'static [Protocol], args: &[OsString]) -> Result<ExitCode> {
    let (command, rest) = Command::of(protocols, args)?;
    let asks = |long: &str| rest.iter().take_while(|arg| *arg != "--").any(|arg| arg == long);
    if asks("--help") {
        let is_named = rest.len() < args.len();
        let page =
            is_named.then(|| help::page(pages(protocols), command.name(), rest.first()).text);
        print(&page.unwrap_or_else(|| help::overview(&pages(protocols))))?;
    } else if asks("--version") || rest.first().is_some_and(|arg| arg == "-V") {
        print(&format!("{}\n", version()))?;
    } else {
        return command.run(protocols, Parser::from_args(rest));
    }
    Ok(ExitCode::SUCCESS)
}

/// Name, version and, where the build knew it, the commit.
fn version() -> String {
    let commit = option_env!("SYNOD_BUILT_FROM").map(|commit| format!(" ({commit})"));
    format!("synod {}{}", env!("CARGO_PKG_VERSION"), commit.unwrap_or_default())
}

/// What stands behind a usage error: the flag that may be meant, and where to read on.
fn advice(protocols: &'static [Protocol], args: &[OsString], error: &Error) -> String {
    if !error.is_usage() {
        return String::new();
    }
    // What help does not know is a command, and all of them are in the overview.
    let known = Command::of(protocols, args).ok().filter(|(command, _)| command.name() != "help");
    let Some((command, rest)) = known else { return "\ntry: synod --help".into() };
    let page = help::page(pages(protocols), command.name(), rest.first());
    let flags = page.flags();
    let known = flags.iter().flat_map(|flag| flag.names.iter().copied());
    let meant = error.unknown_flag().and_then(|flag| help::nearest(flag, known));
    let meant = meant.map_or_else(String::new, |flag| format!("; did you mean {flag}?"));
    format!("{meant}\ntry: synod {} --help", page.names[0])
}
