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

Wait until every peer of the hostsfile is up and hears every other, then print READY on standard
error. It goes on answering, so that late peers become ready too. The hostsfile needs no roles.

flags:
  -h FILE            the hostsfile; its first line that is not a comment is peer 1, and so on
  -d                 print every datagram on standard error, with a time stamp
  --interval SECS    how long to wait before asking a silent peer again (2)
  --timeout SECS     end after this long (120): with exit code 0 if all were ready by then, else
                     with 1 and the names of those who are missing
  --exit             end as soon as all are ready, together with the others that have this flag
  --trace FILE       append the full journal to FILE, for synod draw
  --id N             which line this peer is (otherwise found by host name, then by address)
  --port P           the UDP port of lines that give none (8888)
  --until-eof        end when standard input ends

exit codes:
  0  all were ready
  1  not all were ready in time
  2  a flag, a file or the machine was at fault

example:
  synod ready -h hostsfiles/hostsfile-local.txt --id 1
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
