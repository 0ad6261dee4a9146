//! The command line: a table of commands, each in a file of its own.
//!
//! Standard output is data, standard error is prose. Exit codes: 0 done, 1 a claim was violated
//! or not reached, 2 the command line, a file or the machine was at fault.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use crate::error::{Doing, Result};
use crate::hosts::Hosts;
use crate::visible::visible;

mod args;
mod check;
mod draw;
mod goal;
mod identity;
mod inputs;
mod journal;
mod judge;
mod lines;
mod local;
mod member;
mod outputs;
mod paxos;
mod printer;
mod prose;
mod ready;
#[cfg(feature = "simulator")]
pub mod sim;
mod sockets;

/// One command: how it is called, what it is for, what runs it.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(lexopt::Parser) -> Result<ExitCode>,
}

/// All commands. The first is the default: it runs when the first argument is a flag.
const COMMANDS: &[Command] = &[
    Command {
        name: "paxos",
        summary: "be one peer of a hostsfile (the default command)",
        help: paxos::HELP,
        run: paxos::run,
    },
    Command {
        name: "local",
        summary: "run every peer of a hostsfile on this machine and judge the run",
        help: local::HELP,
        run: local::run,
    },
    #[cfg(feature = "simulator")]
    Command {
        name: "sim",
        summary: "run the protocol from seeds, with everything that can go wrong",
        help: sim::HELP,
        run: sim::run,
    },
    Command {
        name: "member",
        summary: "be one member of a group that knows who is in it",
        help: member::HELP,
        run: member::run,
    },
    Command {
        name: "ready",
        summary: "wait until all peers of a hostsfile are up",
        help: ready::HELP,
        run: ready::run,
    },
    Command {
        name: "check",
        summary: "judge the lines of a run, by this or any other program",
        help: check::HELP,
        run: check::run,
    },
    Command {
        name: "draw",
        summary: "draw a run as a space-time diagram",
        help: draw::HELP,
        run: draw::run,
    },
    Command {
        name: "judge",
        summary: "judge the log of peers in containers while it grows",
        help: judge::HELP,
        run: judge::run,
    },
];

/// Runs the program on these arguments (without the program's own name).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let named = args.first().and_then(|arg| COMMANDS.iter().find(|c| arg == c.name));
    if named.is_some() {
        args.remove(0);
    }
    let command = named.unwrap_or(&COMMANDS[0]);
    let asks = |long: &str| args.iter().take_while(|arg| *arg != "--").any(|arg| arg == long);
    if asks("--help") {
        let text = if named.is_some() { command.help.to_owned() } else { overview() };
        return end(command, print(&text).map(|()| ExitCode::SUCCESS));
    }
    if asks("--version") {
        let text = format!("synod {}\n", env!("CARGO_PKG_VERSION"));
        return end(command, print(&text).map(|()| ExitCode::SUCCESS));
    }
    if args.is_empty() && named.is_none() {
        complain(&overview());
        return ExitCode::from(2);
    }
    if let Some(word) = args.first().filter(|_| named.is_none())
        && !word.as_encoded_bytes().starts_with(b"-")
    {
        let word = word.to_string_lossy();
        complain(&format!("synod: {word:?}: there is no such command\ntry: synod --help\n"));
        return ExitCode::from(2);
    }
    end(command, (command.run)(lexopt::Parser::from_args(args)))
}

/// The exit code; an error is said first.
fn end(command: &Command, result: Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            let hint = if error.is_usage() {
                format!("\ntry: synod {} --help", command.name)
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
fn overview() -> String {
    let mut text = String::from(
        "synod: Paxos you can run, read and trust\n\n\
         usage: synod -h HOSTSFILE [-v VALUE] [-t DELAY] [options]\n\
         \x20      synod COMMAND [arguments]\n\ncommands:\n",
    );
    for command in COMMANDS {
        let _ = writeln!(text, "  {:<8} {}", command.name, command.summary); // a String takes all
    }
    text.push_str("\nsynod COMMAND --help says more; -h is the hostsfile, as in the lab\n");
    text
}

/// Prints data. That nobody reads it any more, as in `| head`, is no error; a full disk is.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.doing(|| "writing to standard output".into()),
    }
}

/// Starts a thread. A machine that has no room for it is an error, not a panic.
fn spawn(body: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().spawn(body).doing(|| "starting a thread".into())?;
    Ok(())
}

/// Reads a hostsfile, and tells people what in it is odd.
fn hosts(path: &Path) -> Result<Hosts> {
    let hosts = Hosts::read(path)?;
    for warning in &hosts.warnings {
        complain(&format!("synod: {warning}\n"));
    }
    Ok(hosts)
}

/// Prose; where standard error is closed there is nobody to tell.
fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
