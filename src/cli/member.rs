//! `synod member`: be one member of a group.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::identity::{Flag, Identity, addresses};
use super::paxos::{DEFAULT_PORT, open_disk};
use super::printer::Printer;
use super::prose::{self, Prose};
use super::{args, sockets};
use crate::error::{Doing, Result};
use crate::hosts::{Host, Hosts};
use crate::member::{Fact, Life, Peer, Setup};
use crate::node::{Config, Level, Node, Observer, Sockets};
use crate::process::{Output, PeerId};
use crate::trace::views::{CRASHING, Line, Words};

pub(super) const HELP: &str = "\
usage: synod member -h HOSTSFILE [-d SECS] [-c SECS] [-t] [options]

Be one member of a group that knows who is in it: join, watch the others, remove who is silent,
and act for a leader that is gone. Every new view is a line on standard error. Runs until it is
killed or told to crash. A hostsfile needs no roles here.

  -h FILE            the hostsfile; its first line that is no comment is peer 1, and so on
  -d SECS            sleep this long before anything else (0)
  -c SECS            crash this long after asking to be let in
  -t                 on the first line: once all are in, ask all but the next leader to remove the
                     highest, and crash

  --heartbeat SECS   from one heartbeat to the next; twice that in silence is death (1)
  --majority         a new view needs a majority of the one before; all peers need the same
  --json             the same facts as JSON lines on standard output
  --data DIR         remember in DIR that there was a group, so that it is never founded twice;
                     with --majority also the view and what was promised in it, so that a majority
                     of its members goes on from it however many were restarted
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the TCP and UDP port of lines that give none (3000)
  --until-eof        end when standard input ends
  --verbose          tell the story too where standard error is no terminal: who sleeps, listens,
                     goes on from a view or has left as asked
  --help, --version

Exit 0: it crashed as told. Exit 2: a flag, a file or the machine was at fault.
";

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Options {
    identity: Identity,
    delay: Duration,
    crash_after: Option<Duration>,
    crash_as_leader: bool,
    heartbeat: Duration,
    majority: bool,
    json: bool,
    data: Option<PathBuf>,
    verbose: bool,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        identity: Identity::new(DEFAULT_PORT),
        delay: Duration::ZERO,
        crash_after: None,
        crash_as_leader: false,
        heartbeat: Duration::from_secs(1),
        majority: false,
        json: false,
        data: None,
        verbose: false,
    };
    while let Some(arg) = parser.next()? {
        if let Some(flag) = Flag::of(&arg) {
            options.identity.take(flag, &mut parser)?;
            continue;
        }
        match arg {
            Short('d') => options.delay = args::seconds("-d", parser.value()?)?,
            Short('c') => options.crash_after = Some(args::seconds("-c", parser.value()?)?),
            Short('t') => options.crash_as_leader = true,
            Long("heartbeat") => options.heartbeat = args::period("--heartbeat", parser.value()?)?,
            Long("majority") => options.majority = true,
            Long("json") => options.json = true,
            Long("verbose") => options.verbose = true,
            Long("data") => options.data = Some(args::directory("--data", parser.value()?)?),
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// The command.
pub(super) fn run(parser: Parser) -> Result<ExitCode> {
    let options = parse(parser)?;
    let hosts = options.identity.hosts()?;
    let host = options.identity.find(&hosts)?;
    let (out, err) = Printer::of_both(host.id).doing(|| "starting to print".into())?;
    let prose = Prose::new(host.id, err.clone(), options.verbose);
    options.identity.end_with_input()?;
    let result = serve(&options, &hosts, host, out.clone(), prose);
    out.finish();
    err.finish();
    result.map(ExitCode::from)
}

fn serve(options: &Options, hosts: &Hosts, host: &Host, out: Printer, err: Prose) -> Result<u8> {
    let me = host.id;
    if !options.delay.is_zero() {
        err.say(Level::Story, &format!("sleeps for {} s", options.delay.as_secs_f64()));
        // `-d` is just that: before it, there is nothing that could be waited for.
        thread::sleep(options.delay);
    }
    let (port, default_port) = (options.identity.port_of(host), options.identity.port);
    let fingerprint = hosts.fingerprint(default_port);
    let setup = Setup {
        me,
        // Fresh keys come from the system's random source.
        life: Life(RandomState::new().hash_one(0u8)),
        hosts: hosts.peers.iter().map(|peer| peer.id).collect(),
        group: hosts.mark(default_port),
        heartbeat: options.heartbeat,
        crash_after: options.crash_after,
        crash_as_leader: options.crash_as_leader,
        majority: options.majority,
    };
    let mut peer = Peer::new(setup);
    let disk = match &options.data {
        None => None,
        Some(dir) => Some(open_disk(dir, &mut peer, me, &fingerprint, &err)?),
    };
    let others = hosts.peers.iter().filter(|peer| peer.id != me);
    let peers = addresses(others, default_port);
    let sockets = Sockets {
        streams: Some(sockets::streams(host, port)?),
        // In a group at rest nobody but the leader has anything to say over a stream.
        on_demand: true,
        datagrams: Some(sockets::datagrams(host, port)?),
        report_strays: false,
    };
    err.say(Level::Story, &format!("listens on port {port}"));
    let first = hosts.peers.first().map_or(me, |peer| peer.id);
    let link_prose = err.clone();
    let lines = Lines { me, first, out: options.json.then_some(out), err };
    let say = Box::new(move |level, text: &str| link_prose.say(level, text));
    let config = Config { me, fingerprint, peers, strict_address: false, say };
    Node::start(config, peer, disk, Box::new(lines), sockets)?.run()
}

/// Prints what happens.
struct Lines {
    me: PeerId,
    first: PeerId,
    /// For `--json`.
    out: Option<Printer>,
    err: Prose,
}

/// The line that a member prints for this fact, if it is one of the four; `first` is the first line
/// of the hostsfile.
pub(super) fn line_of(me: PeerId, first: PeerId, fact: &Fact) -> Option<Line> {
    let (view, words) = match fact {
        Fact::Installed(view) | Fact::Resumed(view) => {
            (Some(view), Words::Members(view.members.keys().map(|peer| peer.0).collect()))
        }
        Fact::Unreachable { peer, view } => (Some(view), Line::unreachable(peer.0, view.leader.0)),
        Fact::Crashing(view) => (view.as_ref(), Words::Message(CRASHING.into())),
        _ => return None,
    };
    let view_id = view.map_or(0, |view| view.id);
    let leader = view.map_or(first, |view| view.leader).0;
    Some(Line { peer_id: me.0, view_id, leader, words })
}

impl Lines {
    fn line(&self, line: &Line) {
        self.err.printer().print(format!("{line}\n").as_bytes());
        if let Some(out) = &self.out {
            out.print(format!("{}\n", line.json()).as_bytes());
        }
    }
}

impl Observer<Peer> for Lines {
    fn observe(&mut self, output: &Output<Peer>) {
        let Output::Report(fact) = output else { return };
        let level = prose::of_member(fact);
        let say = |text: &str| self.err.say(level, text);
        if let Fact::Resumed(view) = fact {
            say(&format!("goes on from view {}, which it remembers", view.id));
        }
        if let Some(line) = line_of(self.me, self.first, fact) {
            return self.line(&line);
        }
        match fact {
            Fact::NoMajority { view, alive } => say(&format!(
                "keeps view {}: {} of its {} members are alive, and a new one needs {}",
                view.id,
                alive.len(),
                view.members.len(),
                view.majority()
            )),
            Fact::Removed { view_id } => {
                say(&format!("was removed by view {view_id}, and joins again"));
            }
            Fact::Left { view_id } => {
                say(&format!("was removed by view {view_id} on request, and stays out"));
            }
            Fact::Waiting => say("waits to be let in; nobody who could has done it yet"),
            Fact::LastId { view_id } => say(&format!(
                "view {view_id} has the last id, so nobody can join or be removed any more; stop \
                 all members, remove their data directories, and start them again"
            )),
            // They have lines.
            Fact::Installed(_)
            | Fact::Resumed(_)
            | Fact::Unreachable { .. }
            | Fact::Crashing(_) => {}
        }
    }

    fn sees_traffic(&self) -> bool {
        false
    }

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}
