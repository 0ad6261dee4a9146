//! `synod replay`: a schedule of the simulator, in the simulator or on real processes.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Parser;
use serde::Deserialize;

use crate::command::args::{self, Argument};
use crate::error::{Doing, Error, Result};
use crate::protocols::Protocol;
use crate::sim::harness::{AnySim, Front, OnePeer, RealReplay};

use super::draw;

pub(super) const HELP: &str = "\
usage: synod replay FILE [--real] [--trace FILE] [--without-bug]

Play the schedule in FILE, which synod sim has written: who starts, which message arrives, who
crashes. With --real every peer is a process of its own with sockets and a data directory; each
message is held until its turn has come or for ever, and processes are killed in the schedule's
order. Their lines are judged as by synod check. Without --real it is synod sim --replay.

flags:
  --real             on real processes (only for Paxos)
  --without-bug      the protocol itself instead of the mutant that FILE names
  --trace FILE       write the journal to FILE
  --as N             be peer N of such a run; these three flags are for the processes themselves
  --ports LIST       where peer N reaches the others
  --data DIR         the data directory of peer N

exit codes:
  0  a mutant violated what it violates in the simulator; or the protocol violated nothing
  1  it did not
  2  a flag, a file or the machine was at fault

example:
  synod replay failure.jsonl.schedule --real
";

/// The longest first line that is looked at.
const MOST_HEAD: u64 = 64 * 1024;

/// The command.
pub(super) fn run(protocols: &'static [Protocol], parser: Parser) -> Result<ExitCode> {
    let (mut replay, mut file, mut is_real) = (RealReplay::default(), None, false);
    let mut peer: Option<OnePeer> = None;
    args::read(parser, |argument, parser| {
        match argument {
            Argument::Operand(name) if file.is_none() => file = Some(PathBuf::from(name)),
            Argument::Flag("--real") => is_real = true,
            Argument::Flag("--without-bug") => replay.without_bug = true,
            Argument::Flag("--trace") => replay.trace = Some(parser.value()?.into()),
            Argument::Flag(name @ "--as") => {
                peer.get_or_insert_default().id = args::number(name, parser.value()?)?;
            }
            Argument::Flag(name @ "--ports") => {
                let list = args::text(name, parser.value()?)?;
                let ports = list.split(',').map(|port| args::number(name, port.into()));
                peer.get_or_insert_default().ports = ports.collect::<Result<_>>()?;
            }
            Argument::Flag(name @ "--data") => {
                peer.get_or_insert_default().data = args::directory(name, parser.value()?)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    replay.file = file.ok_or_else(|| Error::Usage("which schedule? name its file".into()))?;
    replay.one_peer = peer;
    let sim = simulation(protocols, &replay.file)?;
    if is_real {
        return sim.replay_real(&replay);
    }
    if replay.one_peer.is_some() {
        return Err(Error::Usage("--as, --ports and --data are for --real".into()));
    }
    let mut words = vec!["--replay".into(), replay.file.into_os_string()];
    if let Some(trace) = replay.trace {
        words.extend(["--trace".into(), trace.into_os_string()]);
    }
    words.extend(replay.without_bug.then(|| "--without-bug".into()));
    let all: Vec<&'static dyn AnySim> = protocols.iter().filter_map(|p| p.sim).collect();
    let front = Front {
        about: &[sim],
        all: &all,
        draw: &|journal, picture| draw::journal(protocols, journal, picture, &[]),
        check_picture: draw::check_ending,
    };
    sim.run(Parser::from_args(words), &front)
}

/// What is looked at of the first line.
#[derive(Deserialize)]
struct Head {
    #[serde(alias = "script")]
    schedule: String,
}

/// The simulation that has written this file.
fn simulation(protocols: &'static [Protocol], path: &Path) -> Result<&'static dyn AnySim> {
    let doing = || format!("reading {}", path.display());
    let file = File::open(path).doing(doing)?;
    let mut line = Vec::new();
    BufReader::new(file.take(MOST_HEAD)).read_until(b'\n', &mut line).doing(doing)?;
    let refuse = |what: &str| Error::Input(format!("{}:1: {what}", path.display()));
    let Ok(Head { schedule }) = serde_json::from_slice(&line) else {
        return Err(refuse("this is not the head of a schedule"));
    };
    let name = schedule.split('/').next().unwrap_or_default();
    let found = protocols.iter().find(|protocol| protocol.name == name);
    found
        .and_then(|protocol| protocol.sim)
        .ok_or_else(|| refuse(&format!("a schedule of {schedule:?}, which has no simulation")))
}
