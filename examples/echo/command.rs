//! The command: one peer on sockets.

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Parser;
use synod::command::identity::{Identity, addresses};
use synod::command::journal::Journal;
use synod::command::printer::Printer;
use synod::command::prose::Prose;
use synod::command::{args, data, sockets};
use synod::error::{Doing, Result};
use synod::node::{Config, Level, Node, Observer};
use synod::process::{Output, PeerId};
use synod::trace::journal::{JournalLine, Journalled as _};

use super::lines::EchoLog;
use super::protocol::{Echo, Setup};

/// The port of a line that gives none.
pub(crate) const DEFAULT_PORT: u16 = 8889;
/// Up to which number a peer counts.
pub(crate) const GOAL: u16 = 3;

pub(crate) const HELP: &str = "\
usage: echo echo -h HOSTSFILE [--goal N] [--data DIR] [--trace FILE]

Count up to a goal, each number when all other peers of the hostsfile have echoed it. What happens
is printed on standard output, a JSON object a line.

flags:
  -h FILE            the hostsfile
  --goal N           up to which number (3)
  --data DIR         where the count is kept
  --trace FILE       append what is printed to FILE too
  --id N             which line this peer is
  --port P           the port of lines that give none (8889)
  --until-eof        end when standard input ends

exit codes:
  0  standard input has ended
  2  a flag, a file or the machine was at fault

example:
  echo echo -h hostsfiles/hostsfile-local.txt --id 1
";

/// Runs the command.
///
/// # Errors
/// A flag, a file or the machine is at fault.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (mut goal, mut dir, mut trace) = (GOAL, None::<PathBuf>, None::<PathBuf>);
    let identity = Identity::read(DEFAULT_PORT, parser, |name, parser| {
        match name {
            "--goal" => goal = args::number(name, parser.value()?)?,
            "--data" => dir = Some(args::directory(name, parser.value()?)?),
            "--trace" => trace = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let hosts = identity.hosts()?;
    let host = identity.find(&hosts)?;
    let me = host.id;
    let (out, err) = Printer::of_both(me).doing(|| "starting to print".into())?;
    identity.end_with_input()?;
    let peers = addresses(hosts.peers.iter().filter(|peer| peer.id != me), identity.port);
    let setup = Setup { others: peers.keys().copied().collect(), goal: goal.into() };
    let gap = |me, count| JournalLine::gap(EchoLog::NAME, me, count).json();
    let journal = trace.map(|path| Journal::open(me, &path, err.clone(), gap)).transpose()?;
    let (mut process, prose) = (Echo::new(setup), Prose::new(me, err, false));
    let fingerprint = hosts.fingerprint(identity.port);
    let disk = data::open(dir.as_deref(), &mut process, me, &fingerprint, &prose)?;
    let say = Box::new(move |level: Level, text: &str| prose.say(level, text));
    let config = Config { me, fingerprint, peers, strict_address: false, bodies: None, say };
    let streams = sockets::streams(host, identity.port_of(host))?;
    let mut lines = Lines { me, out, journal };
    lines.print(&JournalLine::started(EchoLog::NAME, me));
    Node::start(config, process, disk, Box::new(lines), streams)?.run().map(ExitCode::from)
}

/// Prints what happens.
struct Lines {
    me: PeerId,
    out: Printer,
    journal: Option<Journal>,
}

impl Lines {
    fn print(&mut self, line: &JournalLine) {
        let line = line.json();
        self.out.print(line.as_bytes());
        if let Some(journal) = &mut self.journal {
            journal.write(line.as_bytes());
        }
    }
}

impl Observer<Echo> for Lines {
    fn observe(&mut self, output: &Output<Echo>) {
        self.print(&JournalLine::of(EchoLog::NAME, self.me, output));
    }
}
