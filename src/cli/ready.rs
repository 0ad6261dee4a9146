//! `synod ready`: the readiness barrier.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::args;
use super::identity::{Flag, Identity, addresses};
use super::printer::Printer;
use super::sockets::{self, stamp};
use crate::error::{Doing, Result};
use crate::hosts::{Host, Hosts};
use crate::node::{Config, Node, Observer, Sockets};
use crate::process::{Output, PeerId};
use crate::ready::{Fact, Ready, Setup};

/// The UDP port of a line that gives none.
const DEFAULT_PORT: u16 = 8888;
/// When a peer gives up, or has answered for long enough.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);
/// How long it waits before it asks again.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

pub(super) const HELP: &str = "\
usage: synod ready -h HOSTSFILE [-d] [options]

Wait until every peer of the hostsfile is up and hears every other: then this one prints READY on
standard error, and goes on answering so that late ones become ready too. A hostsfile needs no
roles here.

  -h FILE            the hostsfile; its first line that is no comment is peer 1, and so on
  -d                 tell every datagram, with a time stamp, on standard error

  --interval SECS    how long to wait before asking a silent peer again (2)
  --timeout SECS     end after this long: exit 0 if ready by then, else 1 and say who is missing;
                     120 if not given
  --exit             end as soon as all are ready, with all others that were given this flag
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the UDP port of lines that give none (8888)
  --until-eof        end when standard input ends
  --help, --version

Exit 0: all were ready. Exit 1: not in time. Exit 2: a flag, a file or the machine was at fault.
";

struct Options {
    identity: Identity,
    debug: bool,
    interval: Duration,
    timeout: Duration,
    exit: bool,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        identity: Identity::new(DEFAULT_PORT),
        debug: false,
        interval: INTERVAL,
        timeout: TIMEOUT,
        exit: false,
    };
    while let Some(arg) = parser.next()? {
        if let Some(flag) = Flag::of(&arg) {
            options.identity.take(flag, &mut parser)?;
            continue;
        }
        match arg {
            Short('d') => options.debug = true,
            Long("interval") => options.interval = args::period("--interval", parser.value()?)?,
            Long("timeout") => options.timeout = args::seconds("--timeout", parser.value()?)?,
            Long("exit") => options.exit = true,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// The command.
pub(super) fn run(parser: Parser) -> Result<ExitCode> {
    let options = parse(parser)?;
    let identity = &options.identity;
    let hosts = identity.hosts()?;
    let host = identity.find(&hosts)?;
    let err = Printer::of_words(host.id).doing(|| "starting to print".into())?;
    identity.end_with_input()?;
    let barrier = Barrier {
        interval: options.interval,
        timeout: Some(options.timeout),
        stay: false,
        exit: options.exit,
        debug: options.debug,
        port: identity.port,
    };
    let result = barrier.start(&hosts, host, &err).and_then(|node| node.run());
    err.finish();
    result.map(ExitCode::from)
}

/// What a barrier needs to know beside the hostsfile.
pub(super) struct Barrier {
    pub(super) interval: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) stay: bool,
    pub(super) exit: bool,
    pub(super) debug: bool,
    /// Of lines that give none.
    pub(super) port: u16,
}

impl Barrier {
    /// A barrier as the first step of another protocol: it answers for as long as that runs.
    pub(super) fn before(timeout: Option<Duration>) -> Self {
        let (stay, exit, debug) = (true, false, false);
        Self { interval: INTERVAL, timeout, stay, exit, debug, port: DEFAULT_PORT }
    }

    /// Goes to the barrier; `READY` and everything else goes to `err`.
    pub(super) fn start(
        &self,
        hosts: &Hosts,
        host: &Host,
        err: &Printer,
    ) -> Result<Arc<Node<Ready>>> {
        let me = host.id;
        let socket = sockets::datagrams(host, host.port.unwrap_or(self.port))?;
        let others = hosts.peers.iter().filter(|peer| peer.id != me);
        let peers = addresses(others, self.port);
        let setup = Setup {
            others: peers.keys().copied().collect(),
            interval: self.interval,
            timeout: self.timeout,
            stay: self.stay,
            exit: self.exit,
        };
        let words = err.clone();
        let config = Config {
            me,
            fingerprint: hosts.fingerprint(self.port),
            peers,
            strict_address: false,
            say: Box::new(move |_, text| {
                words.print(format!("{} {me}: {text}\n", stamp()).as_bytes());
            }),
        };
        let sockets =
            Sockets { datagrams: Some(socket), report_strays: self.debug, ..Sockets::default() };
        let lines = Lines { me, err: err.clone(), debug: self.debug };
        Node::start(config, Ready::new(setup), None, Box::new(lines), sockets)
    }
}

/// Prints what happens.
struct Lines {
    me: PeerId,
    err: Printer,
    debug: bool,
}

impl Observer<Ready> for Lines {
    fn observe(&mut self, output: &Output<Ready>) {
        let me = self.me;
        let event = match output {
            Output::Connected(peer) => format!("knows the address of {peer}"),
            Output::Received(from, message) => format!("received {message} from {from}"),
            Output::Sent(to, message) => format!("sent {message} to {to}"),
            Output::Report(Fact::Ready) => return self.err.print(b"READY\n"),
            Output::Report(fact) => {
                return self.err.print(format!("{me}: {fact}\n").as_bytes());
            }
        };
        if self.debug {
            self.err.print(format!("{} {me} {event}\n", stamp()).as_bytes());
        }
    }

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}
}
