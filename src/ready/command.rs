//! `synod ready`: the readiness barrier.

use std::process::ExitCode;

use lexopt::Parser;

use super::service::{DEFAULT_PORT, INTERVAL, Service, TIMEOUT};
use crate::command::args;
use crate::command::identity::Identity;
use crate::command::printer::Printer;
use crate::error::{Doing, Result};

pub(crate) const HELP: &str = "\
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
  --trace FILE       append the full journal to FILE, for synod draw
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the UDP port of lines that give none (8888)
  --until-eof        end when standard input ends
  --help, --version

Exit 0: all were ready. Exit 1: not in time. Exit 2: a flag, a file or the machine was at fault.
";

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let (mut interval, mut timeout, mut trace) = (INTERVAL, TIMEOUT, None);
    let (mut debug, mut exit) = (false, false);
    let identity = Identity::read(DEFAULT_PORT, parser, |name, parser| {
        match name {
            "-d" => debug = true,
            "--interval" => interval = args::period(name, parser.value()?)?,
            "--timeout" => timeout = args::seconds(name, parser.value()?)?,
            "--exit" => exit = true,
            "--trace" => trace = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let hosts = identity.hosts()?;
    let host = identity.find(&hosts)?;
    let err = Printer::of_words(host.id).doing(|| "starting to print".into())?;
    identity.end_with_input()?;
    let (timeout, stay, port) = (Some(timeout), false, identity.port);
    let service = Service { interval, timeout, stay, exit, debug, port, trace };
    let result = service.start(&hosts, host, &err).and_then(|node| node.run());
    err.finish();
    result.map(ExitCode::from)
}
