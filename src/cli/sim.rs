//! `synod sim`: a protocol under the simulator.
//!
//! It finds the protocol's row and hands the rest over: what is played, shrunk, minimized and
//! counted is the harness's ([`crate::sim::harness`]), and what must hold is the protocol's own.

use std::process::ExitCode;

use lexopt::Parser;

use super::draw;
use crate::command::{complain, outputs, print};
use crate::error::{Error, Result};
use crate::protocols::{self, Protocol};
use crate::sim::harness::{AnySim, Front};

pub(super) const HELP: &str = "\
usage: synod sim [PROTOCOL] [--seeds A..B] [--peers N] [--faults WORLD] [options]

Run a protocol from seeds, each a run of its own with a virtual clock. In the fault phase everything
goes wrong that the world has, and after every step it is checked what must never happen; in the
recovery phase nothing goes wrong any more, and what must happen in the end is waited for. The same
seed is the same run on every machine. PROTOCOL is paxos (the default), ready or member.

A failure is made smaller: other seeds in smaller worlds are played, then single messages, crashes
and time-outs are taken out of the run while the same property is violated. What is left goes, a
step a line, into a schedule beside the journal (its name and .schedule). Properties about time know
no second part. The journal and the drawing are of what is left, unless --seed names the run.

  --seeds A..B       the seeds from A up to, not including, B (0..10000)
  --seed S           one seed
  --peers N          how many peers (5)
  --proposers K      paxos: how many of them propose (2)
  --majority         member: with majorities
  --faults WORLD     what goes wrong; the first is the usual one
                       paxos: heavy, light, slow (3 s there and back, 5 s a flush), none
                       ready: lossy (three datagrams of ten, for ever), none, heavy
                       member: light (one peer fails at a time), heavy, jitter (everything takes up
                       to a fifth of a heartbeat, for an hour), none
  --only KIND,...    of the world only these kinds of faults: loss, duplication, reordering,
                     partition, one-way, pause, crash, power-loss, flush, hand-over, drift, slow;
                     or nothing
  --property NAME    look at one property only
  --mutant NAME      a mutant instead of the protocol; without --seeds its shortest failure
  --trace FILE       write the journal of the run that failed, or of the only one
  --draw FILE        draw that run; the extension selects the format: .html .svg .mmd .txt; without
                     --trace its journal is in FILE.jsonl (FILE.log of member)
  --replay FILE      play a schedule, to its end
  --without-bug      with --replay: the protocol itself instead of the mutant that FILE names
  --mutants          all mutants, a line each with tabs: name, what it does, protocol, the rule it
                     breaks, the source that prevents it, the step of the algorithm
  --matrix           every mutant against every check, a table for each protocol
  --explored FILE    with --matrix: what the model checker found too (make mutants does it)
  --find-shortest    search the shortest failure of every mutant, or of the one of --mutant
  --help

Of paxos also:

  --report           how long a decision takes for 3 to 101 peers in a wide area
  --plot FILE        with --report: the picture, as SVG
  --sockets          one decision of --peers N real peers, each message delayed by link latency;
                     with --report: small worlds so, beside the simulated ones
  --slow K, --down K with --sockets: the K peers nearest to the proposer are slow, or not there

Exit 0: no property was violated, or with --mutant one was. Exit 1: not so; the last lines say how
to run it again. Exit 2: a flag, a file or the machine was at fault.
";

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
        say: print,
        complain,
        draw: &|journal, picture| draw::journal(protocols, journal, picture, &[]),
        check_picture: draw::check_ending,
        check_outputs: |read, written| outputs::check(read, written.iter().copied()),
    };
    sim.run(parser, &front)
}
