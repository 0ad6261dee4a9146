//! `synod check`: judge the lines of a run.

pub(super) mod group;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::inputs;
use crate::command::{args, print};
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::member;
use crate::paxos::judge::dialect::{Names, Reader};
use crate::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions};
use crate::process::PeerId;

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

#[derive(Default)]
struct Flags {
    files: Vec<PathBuf>,
    hosts: Option<PathBuf>,
    expect: Option<String>,
    strict: bool,
    json: bool,
    membership: bool,
    on_request: Option<String>,
}

fn parse(mut parser: Parser) -> Result<Flags> {
    let mut flags = Flags::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("hosts") => flags.hosts = Some(parser.value()?.into()),
            Long("expect") => flags.expect = Some(args::text("--expect", parser.value()?)?),
            Long("strict") => flags.strict = true,
            Long("json") => flags.json = true,
            Long("membership") => flags.membership = true,
            Long("on-request") => {
                flags.on_request = Some(args::text("--on-request", parser.value()?)?);
                flags.membership = true;
            }
            Positional(file) => flags.files.push(file.into()),
            Short(_) | Long(_) => return Err(arg.unexpected().into()),
        }
    }
    if flags.files.is_empty() {
        flags.files.push("-".into());
    }
    if flags.files.len() > usize::from(u16::MAX) {
        return Err(Error::Usage(format!("more than {} files", u16::MAX)));
    }
    Ok(flags)
}

/// The command.
pub(super) fn run(parser: Parser) -> Result<ExitCode> {
    let flags = parse(parser)?;
    let hosts = flags.hosts.as_deref().map(crate::command::hosts).transpose()?;
    let looked = inputs::look(&flags.files, |path| format!("reading {}", name_of(path)))?;
    if flags.membership || looked.is_group {
        return run_group(&flags, hosts.as_ref(), looked.sources);
    }
    let roles = hosts.as_ref().map(roles).transpose()?;
    let names = hosts.as_ref().map(names).unwrap_or_default();
    let mut judge = PaxosJudge::new(PaxosOptions { roles, expect: flags.expect.clone() });
    let mut inferred = Vec::new();
    let mut names_of_inputs = Vec::new();
    let mut opened = looked.sources.into_iter();
    for (index, path) in (0_u16..).zip(&flags.files) {
        let name = name_of(path);
        let doing = || format!("reading {name}");
        let input = opened.next().map_or_else(|| inputs::open(path, doing), Ok)?;
        let mut reader = Reader::new(&name, input, names.clone()).doing(doing)?;
        while let Some(line) = reader.next_line().doing(doing)? {
            judge.line(index, &line);
        }
        inferred.extend_from_slice(reader.inferred());
        names_of_inputs.push(name);
    }
    let mut report = judge.finish();
    if report.subject.lines == 0 {
        let names = names_of_inputs.join(", ");
        return Err(Error::Input(format!("{names} is empty: nothing to judge")));
    }
    report.inferred.splice(0..0, inferred);
    print(&if flags.json {
        report.json(&names_of_inputs, flags.strict) + "\n"
    } else {
        report.for_people(&names_of_inputs, flags.strict)
    })?;
    Ok(exit_code(report.is_readable(), report.findings.violated(flags.strict)))
}

fn run_group(
    flags: &Flags,
    hosts: Option<&Hosts>,
    opened: Vec<inputs::Source>,
) -> Result<ExitCode> {
    let options = member::judge::MemberOptions {
        on_request: flags.on_request.as_deref().map(group::on_request).transpose()?,
        expect: flags.expect.as_deref().map(|list| group::list("--expect", list)).transpose()?,
        named: hosts.is_some(),
    };
    let names = hosts.map(names).unwrap_or_default();
    let (report, inputs) = group::judge(&flags.files, opened, &names, options)?;
    print(&if flags.json {
        report.json(&inputs, flags.strict) + "\n"
    } else {
        report.for_people(&inputs, flags.strict)
    })?;
    Ok(exit_code(report.is_readable(), report.findings.violated(flags.strict)))
}

fn exit_code(readable: bool, violated: bool) -> ExitCode {
    match (readable, violated) {
        (false, _) => ExitCode::from(2),
        (true, true) => ExitCode::from(1),
        (true, false) => ExitCode::SUCCESS,
    }
}

/// What people call an input.
fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "(standard input)".into() } else { path.display().to_string() }
}

/// The roles of a hostsfile in the judge's terms.
pub(super) fn roles(hosts: &Hosts) -> Result<KnownRoles> {
    hosts.require_roles()?;
    let ids = |peers: std::collections::BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
    let proposers = hosts.proposers();
    Ok(KnownRoles {
        peers: u16::try_from(hosts.peers.len()).unwrap_or(u16::MAX),
        acceptors: proposers.iter().map(|&id| (id.0, ids(hosts.acceptors_of(id)))).collect(),
        learners: proposers.iter().map(|&id| (id.0, ids(hosts.learners_of(id)))).collect(),
    })
}

/// The names by which a log may call the peers; one that several lines share is nobody's.
pub(super) fn names(hosts: &Hosts) -> Names {
    let mut names = Names::new();
    for peer in &hosts.peers {
        let name = peer.host.to_lowercase();
        let shared = hosts.peers.iter().filter(|other| other.host.to_lowercase() == name).count();
        if shared == 1 {
            names.insert(name, peer.id.0);
        }
    }
    names
}
