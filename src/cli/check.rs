//! `synod check`: judge the lines of a run.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::args;
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::process::PeerId;
use crate::trace::check::{Judge, Options, Report, Roles};
use crate::trace::read::{Names, Reader};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

pub(super) const HELP: &str = "\
usage: synod check [FILES] [--hosts FILE] [--expect X] [--strict] [--json]

Judge the lines of a run, by any program that plays this lab's Paxos: which rule was broken, and
which lines show it? Reads standard output of peers, one file a peer or mixed, logs of compose,
and journals (--trace); without FILES (or for -) standard input.

  --hosts FILE   the hostsfile: who is proposer, acceptor, learner (otherwise inferred)
  --expect X     the value that must be chosen
  --strict       what differs from the lab's exact form is a violation too
  --json         one JSON object for tools instead of the report
  --help, --version

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
}

fn parse(mut parser: Parser) -> Result<Flags> {
    let mut flags = Flags::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("hosts") => flags.hosts = Some(parser.value()?.into()),
            Long("expect") => flags.expect = Some(args::text("--expect", parser.value()?)?),
            Long("strict") => flags.strict = true,
            Long("json") => flags.json = true,
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
    let hosts = flags.hosts.as_deref().map(Hosts::read).transpose()?;
    let roles = hosts.as_ref().map(roles).transpose()?;
    let names = hosts.as_ref().map(names).unwrap_or_default();
    let mut judge = Judge::new(Options { roles, expect: flags.expect.clone() });
    let mut inferred = Vec::new();
    let mut inputs = Vec::new();
    for (index, path) in (0_u16..).zip(&flags.files) {
        let is_input = path == Path::new("-");
        let name = if is_input { "(standard input)".into() } else { path.display().to_string() };
        let doing = || format!("reading {name}");
        let input: Box<dyn BufRead> = if is_input {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock()))
        } else {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path).doing(doing)?))
        };
        let mut reader = Reader::new(&name, input, names.clone()).doing(doing)?;
        while let Some(line) = reader.next_line().doing(doing)? {
            judge.line(index, &line);
        }
        inferred.extend_from_slice(reader.inferred());
        inputs.push(name);
    }
    let mut report = judge.finish();
    if report.subject.lines == 0 {
        return Err(Error::Input(format!("{} is empty: nothing to judge", inputs.join(", "))));
    }
    report.inferred.splice(0..0, inferred);
    print(&report, &inputs, &flags)?;
    Ok(match () {
        () if !report.is_readable() => ExitCode::from(2),
        () if report.violated(flags.strict) => ExitCode::from(1),
        () => ExitCode::SUCCESS,
    })
}

fn print(report: &Report, inputs: &[String], flags: &Flags) -> Result<()> {
    let text = if flags.json {
        report.json(inputs, flags.strict) + "\n"
    } else {
        report.for_people(inputs, flags.strict)
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever has read enough has got what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.doing(|| "printing the report".into()),
    }
}

/// The roles of a hostsfile in the judge's terms.
pub(super) fn roles(hosts: &Hosts) -> Result<Roles> {
    hosts.require_roles()?;
    let ids = |peers: std::collections::BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
    let proposers = hosts.proposers();
    Ok(Roles {
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
