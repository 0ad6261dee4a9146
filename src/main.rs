//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    synod::cli::run(synod::protocols::PROTOCOLS, std::env::args_os().skip(1))
}
