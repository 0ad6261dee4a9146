//! `synod check`: judge the lines of a run.

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use crate::command::colour::print_report;
use crate::command::{self, args, print, tell_of_terminal};
use crate::error::{Error, Result};
use crate::protocols::Protocol;
use crate::trace::inputs::Inputs;
use crate::trace::judge::{JudgeFlag, JudgeOptions, LogJudge, judge_of};

const HELP: &str = "\
usage: synod check [FILES] [--hosts FILE] [--expect X] [--strict] [--json]

Judge a run by the lines that its peers printed: was a rule of the protocol violated, and which
lines prove it? Any program for the same exercise may have printed them. FILES hold one peer each,
or all peers mixed: standard output, the log of docker compose, or journals (--trace). Without
FILES, and for the file -, standard input is read. The lines themselves tell the protocol, which is
one of PROTOCOLS.

flags:
  --hosts FILE       the hostsfile: names and roles of the peers (otherwise inferred)
  --expect X         what the run must end with: a chosen value, or a list of members, as in 1,2,3
  --strict           report deviations from the exact form of the exercise as violations too
  --json             print one JSON object instead of the report
FLAGS
exit codes:
  0  no rule is violated; also if nothing was decided, without --expect
  1  a rule is violated, or the run did not end with what --expect names
  2  the input has no line of a run; or a flag, a file or the machine was at fault

example:
  synod check --hosts hostsfiles/hostsfile-testcase2.txt run.jsonl
";

/// The help of a command that reads logs, with the protocols' names and what their judges' own
/// flags mean.
pub(super) fn complete(help: &str, protocols: &[Protocol]) -> String {
    let logs = || protocols.iter().filter(|protocol| protocol.log.is_some());
    let names = logs().map(|protocol| protocol.name).collect::<Vec<_>>().join(", ");
    let flags: String = logs().filter_map(|protocol| Some(protocol.log?.help())).collect();
    help.replace("PROTOCOLS", &names).replace("FLAGS\n", &(flags + "\n"))
}

/// The help.
pub(super) fn help(protocols: &[Protocol]) -> String {
    complete(HELP, protocols)
}

/// The command.
pub(super) fn run(protocols: &'static [Protocol], mut parser: Parser) -> Result<ExitCode> {
    let (mut files, mut hosts, mut options) = (Vec::new(), None, JudgeOptions::default());
    let mut chosen = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("hosts") => hosts = Some(PathBuf::from(parser.value()?)),
            Long("expect") => options.expect = Some(args::text("--expect", parser.value()?)?),
            Long("strict") => options.strict = true,
            Long("json") => options.json = true,
            Long(name) => {
                let Some((judge, flag)) = judge_with(protocols, name) else {
                    return Err(arg.unexpected().into());
                };
                chosen = Some(judge);
                if flag.has_value {
                    let value = args::text(&format!("--{}", flag.name), parser.value()?)?;
                    options.flags.insert(flag.name, value);
                }
            }
            Positional(file) => files.push(file.into()),
            Short(_) => return Err(arg.unexpected().into()),
        }
    }
    let hosts = hosts.as_deref().map(command::hosts).transpose()?;
    options.hosts = hosts.as_ref();
    or_standard_input(&mut files);
    let mut inputs = inputs(files)?;
    let judge = match chosen {
        Some(judge) => judge,
        None => judge_of(judges(protocols), &mut inputs)?,
    };
    let judgement = judge.judge(inputs, &options)?;
    if options.json { print(&judgement.printed) } else { print_report(&judgement.printed) }?;
    Ok(match (judgement.is_readable, judgement.is_violated) {
        (false, _) => ExitCode::from(2),
        (true, true) => ExitCode::from(1),
        (true, false) => ExitCode::SUCCESS,
    })
}

/// Where no file is named, standard input is meant.
pub(super) fn or_standard_input(files: &mut Vec<PathBuf>) {
    if files.is_empty() {
        files.push("-".into());
        tell_of_terminal("name files");
    }
}

/// The files as inputs.
pub(super) fn inputs(files: Vec<PathBuf>) -> Result<Inputs> {
    if files.len() > usize::from(u16::MAX) {
        return Err(Error::Usage(format!("more than {} files", u16::MAX)));
    }
    Ok(Inputs::of(files))
}

/// The judges of logs, in the order of the protocols.
pub(super) fn judges(
    protocols: &'static [Protocol],
) -> impl Iterator<Item = &'static dyn LogJudge> + Clone {
    protocols.iter().filter_map(|protocol| protocol.log)
}

/// The judge that this flag chooses.
pub(super) fn judge_with(
    protocols: &'static [Protocol],
    name: &str,
) -> Option<(&'static dyn LogJudge, JudgeFlag)> {
    judges(protocols)
        .find_map(|judge| Some((judge, *judge.flags().iter().find(|flag| flag.name == name)?)))
}
