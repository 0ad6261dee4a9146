//! `synod member`: be one member of a group.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use lexopt::Parser;

use super::lines::Lines;
use super::{Incarnation, Peer, Setup};
use crate::command::identity::{Identity, addresses};
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::command::{args, data, sockets};
use crate::error::{Doing, Result};
use crate::hosts::{Host, Hosts};
use crate::node::{Config, Level, Node, Sockets};

/// The TCP and UDP port of a line that gives none.
pub(super) const DEFAULT_PORT: u16 = 3000;

pub(crate) const HELP: &str = "\
usage: synod member -h HOSTSFILE [-d SECS] [-c SECS] [-t] [options]

Be one member of a group: join it, watch the others, have those removed who fall silent, and take
over when the leader is gone. Each new view is a line on standard error. It runs until it is killed
or crashes as told. The hostsfile needs no roles.

flags:
  -h FILE            the hostsfile; its first line that is not a comment is peer 1, and so on
  -d SECS            sleep this long before anything else (0)
  -c SECS            crash this long after asking to join
  -t                 for peer 1: once all have joined, ask all but the next leader to remove the
                     highest member, and crash
  --heartbeat SECS   the period of heartbeats; a member that is silent for two of them is taken for
                     dead (1)
  --majority         a new view needs a majority of the one before; every peer needs this flag
  --json             print the same facts as JSON lines on standard output
  --data DIR         remember in DIR that the group exists, so that it is never founded twice; with
                     --majority also the view and what was agreed to in it, so that a majority of
                     its members can go on from it, however many of them were restarted
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the TCP and UDP port of lines that give none (3000)
  --until-eof        end when standard input ends
  --verbose          report progress also where standard error is no terminal

exit codes:
  0  it crashed as told; or standard input has ended, with --until-eof
  2  a flag, a file or the machine was at fault

example:
  synod member -h hostsfiles/hostsfile-local.txt --id 1
";

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Options {
    delay: Duration,
    crash_after: Option<Duration>,
    crash_as_leader: bool,
    heartbeat: Duration,
    majority: bool,
    json: bool,
    data: Option<PathBuf>,
    verbose: bool,
}

fn parse(parser: Parser) -> Result<(Identity, Options)> {
    let mut options = Options {
        delay: Duration::ZERO,
        crash_after: None,
        crash_as_leader: false,
        heartbeat: Duration::from_secs(1),
        majority: false,
        json: false,
        data: None,
        verbose: false,
    };
    let identity = Identity::read(DEFAULT_PORT, parser, |name, parser| {
        match name {
            "-d" => options.delay = args::seconds(name, parser.value()?)?,
            "-c" => options.crash_after = Some(args::seconds(name, parser.value()?)?),
            "-t" => options.crash_as_leader = true,
            "--heartbeat" => options.heartbeat = args::period(name, parser.value()?)?,
            "--majority" => options.majority = true,
            "--json" => options.json = true,
            "--verbose" => options.verbose = true,
            "--data" => options.data = Some(args::directory(name, parser.value()?)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((identity, options))
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (identity, options) = parse(parser)?;
    let hosts = identity.hosts()?;
    let host = identity.find(&hosts)?;
    let (out, err) = Printer::of_both(host.id).doing(|| "starting to print".into())?;
    let prose = Prose::new(host.id, err.clone(), options.verbose);
    identity.end_with_input()?;
    let result = serve(&identity, &options, &hosts, host, out.clone(), prose);
    out.finish();
    err.finish();
    result.map(ExitCode::from)
}

fn serve(
    identity: &Identity,
    options: &Options,
    hosts: &Hosts,
    host: &Host,
    out: Printer,
    err: Prose,
) -> Result<u8> {
    let me = host.id;
    if !options.delay.is_zero() {
        err.say(Level::Story, &format!("sleeps for {} s", options.delay.as_secs_f64()));
        // `-d` is just that: before it, there is nothing that could be waited for.
        thread::sleep(options.delay);
    }
    let (port, default_port) = (identity.port_of(host), identity.port);
    let fingerprint = hosts.fingerprint(default_port);
    let setup = Setup {
        me,
        // Fresh keys come from the system's random source.
        incarnation: Incarnation(RandomState::new().hash_one(0u8)),
        hosts: hosts.peers.iter().map(|peer| peer.id).collect(),
        group: hosts.mark(default_port),
        heartbeat: options.heartbeat,
        crash_after: options.crash_after,
        crash_as_leader: options.crash_as_leader,
        majority: options.majority,
    };
    let mut peer = Peer::new(setup);
    let disk = data::open(options.data.as_deref(), &mut peer, me, &fingerprint, &err)?;
    let others = hosts.peers.iter().filter(|peer| peer.id != me);
    let peers = addresses(others, default_port);
    let sockets = Sockets {
        streams: Some(sockets::streams(host, port)?),
        // In a group at rest nobody but the leader has anything to say over a stream.
        on_demand: true,
        datagrams: Some(sockets::datagrams(host, port)?),
        report_strays: false,
        ..Sockets::default()
    };
    err.say(Level::Story, &format!("listens on port {port}"));
    let first = hosts.peers.first().map_or(me, |peer| peer.id);
    let link_prose = err.clone();
    let lines = Lines { me, first, out: options.json.then_some(out), err };
    let say = Box::new(move |level, text: &str| link_prose.say(level, text));
    let config = Config { me, fingerprint, peers, strict_address: false, bodies: None, say };
    Node::start(config, peer, disk, Box::new(lines), sockets)?.run()
}
