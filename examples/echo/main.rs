//! A protocol of one's own, an echo counter, with the whole command line of the program: a folder,
//! and a row of a table.
//!
//! ```text
//! echo echo -h HOSTSFILE      be one peer
//! echo local HOSTSFILE        run all of them and judge the run
//! echo check, draw, sim       judge its lines, draw them, play it from seeds
//! ```

mod command;
mod diagram;
mod judge;
mod lines;
mod live;
pub(crate) mod protocol;
#[cfg(feature = "simulator")]
pub(crate) mod sim;

use std::process::ExitCode;

use synod::protocols::Protocol;
use synod::trace::diagram::draw_journal;

/// The table: what the tools know of the protocol.
pub(crate) const PROTOCOLS: &[Protocol] = &[Protocol {
    name: "echo",
    summary: "count up, each number when all others have echoed it",
    help: command::HELP,
    run: command::run,
    beside: &[],
    log: Some(&lines::EchoLog),
    diagram: Some(draw_journal::<lines::EchoLog>),
    live: Some(&live::LIVE),
    #[cfg(feature = "simulator")]
    sim: Some(&sim::EchoSim),
    #[cfg(feature = "simulator")]
    learn: None,
}];

fn main() -> ExitCode {
    synod::cli::run(PROTOCOLS, std::env::args_os().skip(1))
}
