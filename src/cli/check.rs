//! `synod check`: judge the lines of a run.

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use crate::command::colour::print_report;
use crate::command::{self, args, print};
use crate::error::{Error, Result};
use crate::protocols::Protocol;
use crate::trace::inputs::Inputs;
use crate::trace::judge::{JudgeFlag, JudgeOptions, LogJudge, judge_of};

pub(super) const HELP: &str = "\
usage: synod check [FILES] [--hosts FILE] [--expect X] [--strict] [--json]
       synod check --membership [FILES] [--expect LIST] [--on-request LIST] [--strict] [--json]

Judge the lines of a run, by any program that plays this lab's Paxos: which rule was broken, and
which lines show it? Reads standard output of peers, one file a peer or mixed, logs of compose,
and journals (--trace); without FILES (or for -) standard input.

  --hosts FILE   the hostsfile: who is proposer, acceptor, learner (otherwise inferred)
  --expect X     the value that must be chosen
  --strict       what differs from the lab's exact form is a violation too
  --json         one JSON object for tools instead of the report
  --help, --version

Of a group (synod member): do its view ids grow, is a view the same for all, is its lowest member
the leader, was whoever is removed called unreachable, is it silent afterwards? Lines of a group
are known as such; --membership says so where events of Paxos stand beside them.

  --membership       judge the lines of a group, and nothing else
  --expect LIST      who must be left as one group, as in --expect 1,2,3
  --on-request LIST  who was removed on request, so that nobody calls it unreachable; none: nobody.
                     Without it, the highest that goes silently after the leader has gone (the
                     lab's fourth case) is taken for that; others are not decidable
  --hosts FILE       whose lines stand behind which name
  --strict           also a view that a member left out (a higher one may have overtaken it)

Exit 0: no rule is violated, also where nothing is chosen. 1: a rule is violated; with --expect also
if nothing is chosen, or any other value. 2: no line of a run is among the lines, or a flag, a file
or the machine was at fault. What the log cannot decide is reported as not decidable and does not
count as a violation.
";

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

/// The files that were named; else standard input.
pub(super) fn inputs(mut files: Vec<PathBuf>) -> Result<Inputs> {
    if files.is_empty() {
        files.push("-".into());
    }
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
