//! `synod learn`: a protocol, learnt by breaking it. What is taught is the protocol's own.

use std::process::ExitCode;

use lexopt::Parser;

use crate::error::{Error, Result};
use crate::protocols::Protocol;

pub(super) const HELP: &str = "\
usage: synod learn [--bug NAME] [--dir DIR] [--no-pause]
       synod learn --list

Learn Paxos by breaking it, in ten minutes and without knowing anything about it: what it is, a run
with three acceptors, a bug that lets two values be chosen, the two lines of the log that prove it,
the line of the source that prevents it, and the same run without the bug. Each step fits a terminal
of 80 columns and 24 lines, and waits for Enter; q quits. If standard output is a pipe, it does not
wait.

flags:
  --bug NAME         take another bug
  --list             list the bugs
  --dir DIR          put the files of the run into DIR, which must be new, empty, or hold only these
                     files (synod-learn in the current directory, or synod-learn-2, ...)
  --no-pause         do not wait for Enter

exit codes:
  0  done, or quit
  2  a flag, a file or the machine was at fault

example:
  synod learn
";

/// The command.
pub(super) fn run(protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
    let learn = protocols.iter().find_map(|protocol| protocol.learn);
    learn.ok_or_else(|| Error::Usage("no protocol has lessons".into()))?(parser)
}
