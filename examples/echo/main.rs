//! A protocol of one's own, an echo counter, as a command of the program's command line.
//!
//! ```text
//! echo echo -h HOSTSFILE     be one peer
//! ```

mod command;
mod lines;
mod protocol;

use std::process::ExitCode;

use synod::protocols::Protocol;

/// The table: what the tools know of the protocol.
const PROTOCOLS: &[Protocol] = &[Protocol {
    name: "echo",
    summary: "count up, each number when all others have echoed it",
    help: command::HELP,
    run: command::run,
    log: None,
    diagram: None,
    live: None,
    #[cfg(feature = "simulator")]
    sim: None,
}];

fn main() -> ExitCode {
    synod::cli::run(PROTOCOLS, std::env::args_os().skip(1))
}
