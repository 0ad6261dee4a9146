//! `synod check`: judge the lines of a run.

use std::process::ExitCode;

use lexopt::Parser;

use super::logs::{self, Logs};
use crate::command::args::{self, Argument};
use crate::command::colour::print_report;
use crate::command::print;
use crate::error::Result;
use crate::protocols::Protocol;
use crate::trace::judge::JudgeOptions;

const HELP: &str = "\
usage: synod check [FILES] [--hosts FILE] [--expect X] [--strict] [--json]

Judge a run by the lines that its peers printed: is a rule of the protocol violated, and which lines
prove it? Any program for the same exercise may have printed them. FILES hold the lines of one peer
each, or of all peers mixed: standard output, the log of docker compose, or journals (--trace).
Without FILES, and for the file -, standard input is read. The lines themselves tell the protocol.

flags:
  --hosts FILE       the hostsfile: names and roles of the peers (otherwise inferred)
  --expect X         what the run must end with: a chosen value, or a list of members, as in 1,2,3
  --strict           report deviations from the exact form of the exercise as violations too
  --json             print one JSON object instead of the report
FLAGS
exit codes:
  0  no rule is violated; what the lines cannot decide does not count
  1  a rule is violated, or the run did not end with what --expect names
  2  the input has no line of a run; or a flag, a file or the machine was at fault

example:
  synod check --hosts hostsfiles/hostsfile-testcase2.txt run.jsonl
";

/// The help.
pub(super) fn help(protocols: &[Protocol]) -> String {
    logs::complete(HELP, protocols)
}

/// The command.
pub(super) fn run(protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
    let (mut logs, mut options) = (Logs::default(), JudgeOptions::default());
    args::read(parser, |argument, parser| {
        match argument {
            Argument::Flag(name @ "--expect") => {
                options.expect = Some(args::text(name, parser.value()?)?);
            }
            Argument::Flag("--strict") => options.strict = true,
            Argument::Flag("--json") => options.json = true,
            _ => return logs.take(protocols, argument, parser),
        }
        Ok(true)
    })?;
    options.flags = std::mem::take(&mut logs.flags);
    let (hosts, inputs, protocol) = logs.open(protocols)?;
    options.hosts = hosts.as_ref();
    let judge = protocol.log.ok_or_else(|| protocol.has_no("judge of logs"))?;
    let judgement = judge.judge(inputs, &options)?;
    if options.json { print(&judgement.printed) } else { print_report(&judgement.printed) }?;
    Ok(match (judgement.is_readable, judgement.is_violated) {
        (false, _) => ExitCode::from(2),
        (true, true) => ExitCode::from(1),
        (true, false) => ExitCode::SUCCESS,
    })
}
