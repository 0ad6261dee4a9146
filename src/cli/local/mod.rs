//! `synod local`: every peer of a hostsfile as a process of its own on this machine, and a verdict.
//!
//! The peers are real: the same binary, real sockets on free loopback ports, real files. What they
//! print is passed on with the peer's name in front, and judged as it comes.

mod children;
mod goal;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::{Parser, ValueExt};

use super::draw;
use crate::command::{args, complain, outputs, print};
use crate::error::{Error, Result};
use crate::hosts::{Host, Hosts};
use crate::paxos::Value;
use crate::paxos::command::{MEMORY_ONLY, judged_roles, value};
use crate::paxos::verdict::Judge;
use crate::process::PeerId;
use crate::visible::{visible, visible_json};
use children::{Children, News, Pipes};

pub(super) const HELP: &str = "\
usage: synod local [HOSTSFILE] [-v X,Y,...] [-t 0,2,...] [options]

Run every peer of the hostsfile as a process on this machine, on free loopback ports, until all
who take part have chosen; then say who chose what. Without a hostsfile: test case 2, two proposers
that share three acceptors.

  -v X,Y,...         the proposers' values, in the order of their numbers (X, Y, Z, ...)
  -t S,S,...         their delays in seconds, in the same order (0)
  --data DIR         keep the peers' states and ports in DIR; a later run goes on from there
  --trace FILE       write all peers' journals to FILE; with --data, append them
  --draw FILE        draw the run; the ending chooses the form: .txt .mmd .svg .html
  --timeout SECS     give up after this long (30)
  --help

usage: synod local ready [HOSTSFILE] [-d 0,2,...] [--interval SECS] [--timeout SECS]

The barrier: exit 0 if all are ready, and none before all were started.

  -d S,S,...         when each peer is started, in seconds, in the order of the file (0)

usage: synod local member [HOSTSFILE] [-d 0,2,...] [-c 5:4,...] [-t] [--heartbeat SECS]
                          [--majority] [--data DIR] [--draw FILE] [--timeout SECS]

A group: exit 0 if it keeps every rule, whoever is to crash has crashed, and all others are members
of one view.

  -d S,S,...         how long each peer sleeps first, in the order of the file (0)
  -c N:S,...         peer N crashes S seconds after it asked to be let in
  -t                 once all are in, the first asks for the removal of the highest and crashes
  --draw FILE        draw the views; the ending chooses the form

Exit 0: one value, chosen by all who take part. Exit 1: not so, and why. Exit 2: a flag, a file or
the machine was at fault.
";

/// How long a proposer waits for all peers, in seconds. They are started together, so whoever is
/// not there by then has failed, and the others should choose before the usual `--timeout`.
const WAIT_SECS: &str = "10";

/// The hostsfile that is run when none is named.
const DEFAULT_HOSTS: &str = include_str!("../../../hostsfiles/hostsfile-testcase2.txt");

struct Options {
    hosts: Option<PathBuf>,
    values: Vec<Value>,
    delays: Vec<Duration>,
    data: Option<PathBuf>,
    trace: Option<PathBuf>,
    draw: Option<PathBuf>,
    timeout: Duration,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        hosts: None,
        values: Vec::new(),
        delays: Vec::new(),
        data: None,
        trace: None,
        draw: None,
        timeout: Duration::from_secs(30),
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') if options.hosts.is_none() => options.hosts = Some(parser.value()?.into()),
            Positional(path) if options.hosts.is_none() => options.hosts = Some(path.into()),
            Short('v') => {
                let list = parser.value()?.string()?;
                options.values =
                    list.split(',').map(|v| value("-v", v.into())).collect::<Result<_>>()?;
            }
            Short('t') => {
                let list = parser.value()?.string()?;
                options.delays = list
                    .split(',')
                    .map(|t| args::seconds("-t", t.into()))
                    .collect::<Result<_>>()?;
            }
            Long("data") => options.data = Some(args::directory("--data", parser.value()?)?),
            Long("trace") => options.trace = Some(parser.value()?.into()),
            Long("draw") => {
                let picture = PathBuf::from(parser.value()?);
                draw::check_ending(&picture)?;
                options.draw = Some(picture);
            }
            Long("timeout") => options.timeout = args::seconds("--timeout", parser.value()?)?,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// The command.
pub(super) fn run(mut parser: Parser) -> Result<ExitCode> {
    if let Some(member) = super::group_protocol(&mut parser) {
        return goal::run(member, parser);
    }
    let mut options = parse(parser)?;
    let given = match &options.hosts {
        Some(path) => crate::command::hosts(path)?,
        None => Hosts::parse(DEFAULT_HOSTS, "hostsfile-testcase2.txt")?,
    };
    let roles = judged_roles(&given, options.hosts.as_deref())?;
    let proposals = proposals(&options, &given)?;
    let (trace, picture) = (options.trace.as_deref(), options.draw.as_deref());
    outputs::check(options.hosts.as_deref(), trace.into_iter().chain(picture))?;
    if let Some(trace) = trace.filter(|_| picture.is_some()) {
        stage::check_readable(trace)?;
    }
    let _lock = options.data.as_deref().map(stage::lock).transpose()?;
    let stage = stage::set(&given, options.data.as_deref())?;
    let journal = stage::journal(options.trace.as_deref(), options.data.is_some())?;
    if options.draw.is_some() {
        options.trace = Some(journal.path().to_owned());
    }
    let mut judge = Judge::new(None);
    for peer in &stage.hosts.peers {
        let names: Vec<String> = peer.roles.iter().map(ToString::to_string).collect();
        let takes_part = roles.participants().contains(&peer.id);
        judge.add_peer(peer.id.0, names.join(","), takes_part);
    }
    if options.data.is_none() {
        complain("every peer keeps its state in memory only (--data DIR keeps it on disk)\n");
    }
    let started = Instant::now();
    let mut children = Children::new()?;
    for peer in &stage.hosts.peers {
        let args = command_line(&options, &stage, peer.id, &proposals);
        children.start(peer.id, args, Pipes::One)?;
    }
    let show = Show::new(&stage.hosts);
    let outcome = watch(&mut children, &mut judge, &show, started, options.timeout, stage);
    drop(children);
    let machine_failed = outcome?;
    let verdict = judge.verdict();
    print(&verdict.for_people())?;
    if let Some(picture) = &options.draw {
        draw::journal(journal.path(), picture, options.hosts.as_deref())?;
    }
    Ok(exit_code(verdict.passed(), machine_failed))
}

/// Value and delay of every proposer.
fn proposals(options: &Options, hosts: &Hosts) -> Result<BTreeMap<PeerId, (Value, Duration)>> {
    let mut proposers: Vec<&Host> =
        hosts.peers.iter().filter(|peer| peer.proposer_number().is_some()).collect();
    proposers.sort_by_key(|peer| peer.proposer_number());
    for (flag, given) in [("-v", options.values.len()), ("-t", options.delays.len())] {
        if given > proposers.len() {
            return Err(Error::Usage(format!(
                "{flag} names {given}, but the hostsfile has {} proposers",
                proposers.len()
            )));
        }
    }
    let letters = ('X'..='Z').chain('A'..='W').map(Value).cycle();
    let values = options.values.iter().copied().chain(letters.skip(options.values.len()));
    let delays = options.delays.iter().copied().chain(std::iter::repeat(Duration::ZERO));
    Ok(proposers.iter().map(|peer| peer.id).zip(values.zip(delays)).collect())
}

/// The arguments of one peer.
fn command_line(
    options: &Options,
    stage: &stage::Stage,
    peer: PeerId,
    proposals: &BTreeMap<PeerId, (Value, Duration)>,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["-h".into(), stage.file.path().into(), "--until-eof".into()];
    args.extend(["--verbose".into(), "--id".into(), peer.0.to_string().into()]);
    if let Some((value, delay)) = proposals.get(&peer) {
        args.extend(["-v".into(), value.0.to_string().into()]);
        args.extend(["-t".into(), delay.as_secs_f64().to_string().into()]);
        args.extend(["--wait".into(), WAIT_SECS.into()]);
    }
    if let Some(data) = &options.data {
        args.extend(["--data".into(), data.join(peer.to_string()).into()]);
    }
    if let Some(trace) = &options.trace {
        args.extend(["--trace".into(), trace.into()]);
    }
    args
}

/// Passes the peers' lines on until all have chosen, nobody is left who could, or time is up. True
/// if a flag, a file or the machine was at fault in one of them.
///
/// # Errors
/// Standard output cannot be written.
fn watch(
    children: &mut Children,
    judge: &mut Judge,
    show: &Show,
    started: Instant,
    timeout: Duration,
    stage: stage::Stage,
) -> Result<bool> {
    let mut machine_failed = false;
    let deadline = started + timeout;
    let mut stage = Some(stage);
    let mut heard = BTreeSet::new();
    while judge.missing().iter().any(|peer| !children.ended(PeerId(*peer))) {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(news) = children.news(left) else {
            judge.object(format!("after {} s not all had chosen", timeout.as_secs_f64()));
            break;
        };
        match news {
            News::Printed(peer, line) => {
                judge.line(peer.0, started.elapsed(), &line);
                show.printed(peer, &line)?;
            }
            News::Said(peer, line) => {
                show.said(peer, &line);
                // Whoever speaks has read the hostsfile. Once all have, it need not stay: a kill
                // before that leaves it behind, one from then on does not.
                heard.insert(peer);
                if heard.len() == show.count() {
                    stage = None;
                }
            }
            News::Ended(peer, how) => {
                machine_failed |= how.is_machines_fault();
                judge.object(format!("{peer} ended too early: {how}"));
            }
        }
    }
    drop(stage);
    Ok(machine_failed)
}

/// How the run ends. Where the machine failed a peer, the verdict says nothing about the protocol.
fn exit_code(passed: bool, machine_failed: bool) -> ExitCode {
    match (machine_failed, passed) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
    }
}

/// Puts the peer's name in front of its lines, in a colour of its own on a terminal.
struct Show {
    prefixes: BTreeMap<PeerId, (String, String)>,
}

impl Show {
    fn new(hosts: &Hosts) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = |terminal: bool, id: PeerId| {
            // Cyan, yellow, green, magenta, blue, as compose does; no red, which means trouble.
            let code = [36, 33, 32, 35, 34][usize::from(id.0 - 1) % 5];
            let name = format!("{:<5} | ", id.to_string());
            if terminal && !plain { format!("\x1b[{code}m{name}\x1b[0m") } else { name }
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let prefix = |host: &Host| (host.id, (colour(out, host.id), colour(err, host.id)));
        Self { prefixes: hosts.peers.iter().map(prefix).collect() }
    }

    fn count(&self) -> usize {
        self.prefixes.len()
    }

    fn printed(&self, peer: PeerId, line: &str) -> Result<()> {
        let prefix = self.prefixes.get(&peer).map_or("", |(out, _)| out);
        // A child may be of another build, and its values come from anywhere.
        print(&format!("{prefix}{}\n", visible_json(line)))
    }

    fn said(&self, peer: PeerId, line: &str) {
        let prefix = self.prefixes.get(&peer).map_or("", |(_, err)| err);
        // The prefix names the peer already.
        let line = line.strip_prefix(&format!("{peer}: ")).unwrap_or(line);
        // All say this alike; `run` has said it for them.
        if line == MEMORY_ONLY {
            return;
        }
        complain(&format!("{prefix}{}\n", visible(line)));
    }
}
