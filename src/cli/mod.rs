//! The command line: a table of commands, each in a file of its own.
//!
//! Standard output is data, standard error is prose. Exit codes: 0 done, 1 a claim was violated
//! or not reached, 2 the command line, a file or the machine was at fault.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::error::{Error, Result};

/// One command: how it is called, what it is for, what runs it.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(&mut lexopt::Parser) -> Result<ExitCode>,
}

/// All commands. The first is the default: it runs when the first argument is a flag.
const COMMANDS: &[Command] = &[];

/// Runs the program on these arguments (without the program's own name).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    unimplemented!()
}
