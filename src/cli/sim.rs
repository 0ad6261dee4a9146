//! `synod sim`: a protocol under the simulator.
//!
//! It finds the protocol's row and hands the rest over: what is played, shrunk, minimized and
//! counted is the harness's ([`crate::sim::harness`]), and what must hold is the protocol's own.

use std::process::ExitCode;

use lexopt::Parser;

use super::draw;
use crate::error::{Error, Result};
use crate::protocols::{self, Protocol};
use crate::sim::harness::{AnySim, Front};

/// The command.
pub(super) fn run(protocols: &'static [Protocol], mut parser: Parser) -> Result<ExitCode> {
    let all: Vec<&'static dyn AnySim> = protocols.iter().filter_map(|p| p.sim).collect();
    let is_named = protocols::is_named(protocols, &mut parser);
    let sim = protocols::named(protocols, &mut parser).sim;
    let sim = sim.or(all.first().copied());
    let sim = sim.ok_or_else(|| Error::Usage("no protocol is simulated".into()))?;
    let named = [sim];
    let front = Front {
        about: if is_named { &named } else { &all },
        all: &all,
        draw: &|journal, picture| draw::journal(protocols, journal, picture, &[]),
        check_picture: draw::check_ending,
    };
    sim.run(parser, &front)
}
