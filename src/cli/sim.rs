//! `synod sim`: a protocol under the simulator.
//!
//! It finds the protocol's row and hands the rest over: what is played, shrunk, minimized and
//! counted is the harness's ([`crate::sim::harness`]), and what must hold is the protocol's own.

use std::process::ExitCode;

use lexopt::Parser;

use super::draw;
use crate::error::Result;
use crate::protocols::{self, Protocol};
use crate::sim::harness::{AnySim, Front};

/// The command.
pub(super) fn run(protocols: &'static [Protocol], mut parser: Parser) -> Result<ExitCode> {
    let all: Vec<&'static dyn AnySim> = protocols.iter().filter_map(|p| p.sim).collect();
    let is_named = protocols::is_named(protocols, &mut parser);
    let protocol = protocols::named(protocols, &mut parser);
    let fallback = if is_named { None } else { all.first().copied() };
    let sim = protocol.sim.or(fallback).ok_or_else(|| protocol.has_no("simulation"))?;
    let named = [sim];
    let front = Front {
        about: if is_named { &named } else { &all },
        all: &all,
        draw: &|journal, picture| draw::journal(protocols, journal, picture, &[]),
        check_picture: draw::check_ending,
    };
    sim.run(parser, &front)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::PROTOCOLS;

    /// One that has no simulation, after those that have.
    static TABLE: &[Protocol] = &[
        Protocol { sim: None, ..PROTOCOLS[0] },
        Protocol { name: "tally", sim: None, ..PROTOCOLS[1] },
        Protocol { ..PROTOCOLS[2] },
    ];

    #[test]
    fn a_protocol_without_a_simulation_is_not_replaced_by_another() {
        let of = |words: &[&str]| run(TABLE, Parser::from_args(words)).map_err(|e| e.to_string());
        assert_eq!(of(&["tally"]).err().as_deref(), Some("tally has no simulation"));
        let of_the_first = of(&["--bogus"]).err();
        assert_eq!(of_the_first.as_deref(), Some("--bogus: there is no such flag"));
    }
}
