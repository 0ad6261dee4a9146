//! `synod learn`: a protocol, learnt by breaking it. What is taught is the protocol's own.

use std::process::ExitCode;

use lexopt::Parser;

use crate::error::{Error, Result};
use crate::protocols::Protocol;

pub(super) const HELP: &str = "\
usage: synod learn [--bug NAME] [--dir DIR] [--no-pause]
       synod learn --list

Learn Paxos by breaking it, in ten minutes, with nothing known before: what it is, a run with three
acceptors, a bug that lets two values be chosen, the two lines of the log that prove it, the line of
the source that prevents it, and the same run without the bug. Each step fits a terminal of 24 lines
and waits for Enter; q leaves. In a pipe it runs through.

  --bug NAME   another bug
  --list       the bugs, a line each
  --dir DIR    where the files of the run go: a directory that is new or empty, or has just these
               files (synod-learn in the current one, or synod-learn-2, ...)
  --no-pause   wait for nobody
  --help, --version

Exit 0: done, or left early. Exit 2: a flag, a file or the machine was at fault.
";

/// The command.
pub(super) fn run(protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
    let learn = protocols.iter().find_map(|protocol| protocol.learn);
    learn.ok_or_else(|| Error::Usage("no protocol has lessons".into()))?(parser)
}
