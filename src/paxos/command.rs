//! `synod -h HOSTSFILE`: be one peer.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lexopt::Parser;

use super::lines::{Lines, gap};
use crate::command::data::DataFlags;
use crate::command::identity::{Identity, addresses};
use crate::command::journal::Journal;
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::command::{args, outputs, sockets};
use crate::error::{Doing, Error, Result};
use crate::hosts::{Host, Hosts, RoleKind};
use crate::node::{Config, Level, Node};
use crate::paxos::{Electorate, Peer, Roles, Setup, Value};
use crate::process::PeerId;
use crate::ready::service;

/// The TCP port of a line that gives none.
pub(crate) const DEFAULT_PORT: u16 = 3000;

/// What a peer says without `--data`.
pub(crate) const MEMORY_ONLY: &str = "keeps its state in memory only: after a restart it will have \
     forgotten its promises (--data DIR keeps them)";

pub(crate) const HELP: &str = "\
usage: synod -h HOSTSFILE [-v VALUE] [-t DELAY] [options]

Be one peer of the hostsfile: a proposer, an acceptor or a learner, as its line says. Each message
that it sends or receives is a line of JSON on standard output, and so is the value once it is
chosen. Errors go to standard error; on a terminal, progress does too. It runs until it is killed.

flags:
  -h FILE            the hostsfile; its first line that is not a comment is peer 1, and so on
  -v VALUE           what this peer proposes if it is a proposer: one character
  -t DELAY           how many seconds it waits before it proposes, once it could (0)
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the TCP port of lines that give none (3000)
  --wait SECS        how long a proposer waits for all peers of the file; after that a majority of
                     its acceptors is enough (30)
  --ready            before that, a proposer waits until every peer of the file is up, as in synod
                     ready (UDP, port 8888 where a line gives none); every peer needs this flag
  --data DIR         keep promises, votes and proposal numbers in DIR, so that they survive a crash
  --existing         refuse a DIR without this peer's state, as after a move to another machine
  --new              with --existing, once, at this peer's very first start: DIR may be empty
  --trace FILE       append the full journal to FILE, for synod check and synod draw
  --strict-address   reject a peer that connects from an address to which its host name does not
                     resolve
  --until-eof        end when standard input ends
  --verbose          report progress also where standard error is no terminal

exit codes:
  0  standard input has ended, with --until-eof
  1  the proposer has no proposal number left; or with --ready, a peer was missing for too long
  2  a flag, a file or the machine was at fault

example:
  synod -h hostsfiles/hostsfile-local.txt --id 1 -v X
";

struct Options {
    value: Option<Value>,
    delay: Duration,
    wait: Duration,
    data: DataFlags,
    trace: Option<PathBuf>,
    strict_address: bool,
    ready: bool,
    verbose: bool,
}

fn parse(parser: Parser) -> Result<(Identity, Options)> {
    let mut options = Options {
        value: None,
        delay: Duration::ZERO,
        wait: Duration::from_secs(30),
        data: DataFlags::default(),
        trace: None,
        strict_address: false,
        ready: false,
        verbose: false,
    };
    let identity = Identity::read(DEFAULT_PORT, parser, |name, parser| {
        match name {
            "-v" => options.value = Some(value(name, parser.value()?)?),
            "-t" => options.delay = args::seconds(name, parser.value()?)?,
            "--wait" => options.wait = args::seconds(name, parser.value()?)?,
            "--ready" => options.ready = true,
            "--verbose" => options.verbose = true,
            "--trace" => options.trace = Some(parser.value()?.into()),
            "--strict-address" => options.strict_address = true,
            _ => return options.data.take(name, parser),
        }
        Ok(true)
    })?;
    options.data.check()?;
    Ok((identity, options))
}

/// A value to propose: exactly one character.
pub(crate) fn value(flag: &str, value: OsString) -> Result<Value> {
    let text = args::text(flag, value)?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(Value(one)),
        _ => Err(Error::Usage(format!(
            "{flag} {text:?}: a value is exactly one character, as in {flag} X"
        ))),
    }
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (identity, options) = parse(parser)?;
    outputs::keep_apart(identity.file(), options.trace.as_deref())?;
    let hosts = identity.hosts()?;
    let roles = roles(&hosts, identity.port)?;
    let host = identity.find(&hosts)?;
    let me = host.id;
    if roles.proposers.contains_key(&me) && options.value.is_none() {
        return Err(Error::Usage(format!(
            "{}: {me} is a proposer and needs a value: give it with -v VALUE",
            identity.place(host)
        )));
    }
    let (out, err) = Printer::of_both(me).doing(|| "starting to print".into())?;
    let prose = Prose::new(me, err.clone(), options.verbose);
    let result = serve(&identity, &options, &hosts, roles, host, out.clone(), &prose);
    out.finish();
    err.finish();
    result
}

/// Runs the peer; returns only if it cannot start or its disk fails.
fn serve(
    identity: &Identity,
    options: &Options,
    hosts: &Hosts,
    roles: Roles,
    host: &Host,
    out: Printer,
    err: &Prose,
) -> Result<ExitCode> {
    let me = host.id;
    let (port, default_port) = (identity.port_of(host), identity.port);
    let listener = sockets::streams(host, port)?;
    let links = roles.links_of(me);
    let is_proposer = roles.proposers.contains_key(&me);
    let takes_part = roles.participants().contains(&me);
    let setup = Setup {
        me,
        roles,
        candidate: options.value,
        delay: options.delay,
        link_wait: options.wait,
    };
    let mut peer = Peer::new(Arc::new(setup));
    let fingerprint = hosts.fingerprint(default_port);
    let disk = options.data.open(&mut peer, me, &fingerprint, err)?;
    if disk.is_none() {
        err.say(Level::Story, MEMORY_ONLY);
    }
    let open = |path: &Path| Journal::open(me, path, err.printer().clone(), gap);
    let journal = options.trace.as_deref().map(open).transpose()?;
    let queue = journal.as_ref().and_then(Journal::queue);
    let mut observer = Lines::new(me, out, err.clone(), journal);
    observer.started(&peer);
    let link_prose = err.clone();
    let config = Config {
        me,
        fingerprint,
        peers: addresses(links.iter().filter_map(|id| hosts.get(*id)), default_port),
        strict_address: options.strict_address,
        bodies: None,
        say: Box::new(move |level, text| link_prose.say(level, text)),
    };
    identity.end_with_input()?;
    err.say(Level::Story, &listens(host, port, takes_part));
    let ready = options.ready.then(|| {
        // Nobody waits for those who do not propose, but everybody answers.
        service::Service::before(is_proposer.then_some(service::TIMEOUT)).start(
            hosts,
            host,
            err.printer(),
        )
    });
    if let Some(ready) = ready.transpose()?.filter(|_| is_proposer)
        && ready.wait_until(None, |peer| peer.is_ready().then_some(())).is_none()
    {
        return ready.run().map(ExitCode::from);
    }
    let begun = Instant::now();
    let node = Node::start(config, peer, disk, Box::new(observer), listener)?;
    if is_proposer {
        await_own_round(&node, begun, err);
    }
    let ended = node.run();
    if let Some(queue) = queue {
        queue.finish();
    }
    ended.map(ExitCode::from)
}

/// The main thread of a proposer waits on the condition variable until its own round has chosen.
fn await_own_round(node: &Node<Peer>, begun: Instant, err: &Prose) {
    if let Some(chosen) = node.wait_until(None, Peer::own_round) {
        let (value, number) = (chosen.value, chosen.number);
        let after = begun.elapsed().as_secs_f64();
        // The steps that led to it are told first.
        node.settle();
        let found = format!("{value} is chosen: number {number}, {after:.3} s after the start");
        err.say(Level::Story, &found);
    }
}

/// What is told of a peer that has begun to listen.
fn listens(host: &Host, port: u16, takes_part: bool) -> String {
    let names: Vec<String> = host.roles.iter().map(ToString::to_string).collect();
    let rest = if takes_part { "" } else { "; nobody proposes to it, so it takes no part" };
    format!("listens on port {port} as {}{rest}", names.join(", "))
}

/// Which role to add to which line, so that `acceptor` serves `proposer` too.
fn addition(hosts: &Hosts, acceptor: PeerId, proposer: PeerId) -> String {
    let numbers = hosts.get(proposer).into_iter().flat_map(|host| &host.roles);
    let number = numbers.filter(|role| role.kind == RoleKind::Proposer).find_map(|r| r.number);
    let number = number.map_or(1, NonZeroU32::get);
    let line = hosts.get(acceptor).map_or(0, |host| host.line);
    format!("acceptor{number} to line {line} ({acceptor})")
}

/// The roles of a hostsfile that can be run safely.
pub(super) fn roles(hosts: &Hosts, default_port: u16) -> Result<Roles> {
    hosts.check_ports(default_port)?;
    hosts.require_roles()?;
    let electorate = |id: PeerId| Electorate {
        acceptors: hosts.acceptors_of(id),
        learners: hosts.learners_of(id),
    };
    let roles = Roles {
        peers: u16::try_from(hosts.peers.len()).unwrap_or(u16::MAX),
        proposers: hosts.proposers().into_iter().map(|id| (id, electorate(id))).collect(),
    };
    if let Some([(one, of_one), (other, of_other)]) = roles.unsafe_pair() {
        let list = |peers: &BTreeSet<PeerId>| {
            peers.iter().map(PeerId::to_string).collect::<Vec<_>>().join(", ")
        };
        let advice: Vec<String> =
            roles.missing().into_iter().map(|(peer, of)| addition(hosts, peer, of)).collect();
        return Err(Error::Input(format!(
            "{}: two values could be chosen: {one} needs only {}, and {other} only {}, which have \
             no peer in common; add {}",
            hosts.name(),
            list(&of_one),
            list(&of_other),
            advice.join(" and ")
        )));
    }
    Ok(roles)
}
