//! A protocol of one's own: an echo counter, with all that the tools can do with it.
//!
//! ```text
//! echo echo -h HOSTSFILE     be one peer
//! echo local HOSTSFILE       run all peers on this machine, and judge the run while it goes on
//! echo sim                   run it from seeds, with everything that can go wrong
//! echo check FILE            judge the lines of a finished run
//! echo draw FILE             draw them
//! ```
//!
//! `docs/adding-a-protocol.md` walks through the files.

mod command;
mod diagram;
mod judge;
mod lines;
mod live;
mod protocol;
mod sim;

use std::process::ExitCode;

use synod::protocols::Protocol;

/// The table: what the tools know of the protocol.
const PROTOCOLS: &[Protocol] = &[Protocol {
    name: "echo",
    summary: "count up, each number when all others have echoed it",
    help: command::HELP,
    run: command::run,
    live: Some(&live::LIVE),
    log: Some(&judge::EchoLog),
    sim: Some(&sim::EchoSim),
}];

fn main() -> ExitCode {
    synod::cli::run(PROTOCOLS, std::env::args_os().skip(1))
}
