//! `synod ready`: the readiness barrier.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::service::{DEFAULT_PORT, INTERVAL, Service, TIMEOUT};
use crate::command::args;
use crate::command::identity::{Flag, Identity};
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

struct Options {
    identity: Identity,
    debug: bool,
    interval: Duration,
    timeout: Duration,
    exit: bool,
    trace: Option<PathBuf>,
}

fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        identity: Identity::new(DEFAULT_PORT),
        debug: false,
        interval: INTERVAL,
        timeout: TIMEOUT,
        exit: false,
        trace: None,
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
            Long("trace") => options.trace = Some(parser.value()?.into()),
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// The command.
pub(crate) fn run(parser: Parser) -> Result<ExitCode> {
    let options = parse(parser)?;
    let identity = &options.identity;
    let hosts = identity.hosts()?;
    let host = identity.find(&hosts)?;
    let err = Printer::of_words(host.id).doing(|| "starting to print".into())?;
    identity.end_with_input()?;
    let service = Service {
        interval: options.interval,
        timeout: Some(options.timeout),
        stay: false,
        exit: options.exit,
        debug: options.debug,
        port: identity.port,
        trace: options.trace.clone(),
    };
    let result = service.start(&hosts, host, &err).and_then(|node| node.run());
    err.finish();
    result.map(ExitCode::from)
}
