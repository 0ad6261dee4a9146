//! The flags of `synod sim ready` and `synod sim member`.

use std::ops::Range;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::Stage;
use super::scenario::Scenario;
use crate::cli::sim::options::{only, seeds, whole, word};
use crate::cli::{args, draw};
use crate::error::{Error, Result};

/// More peers than this are slow to simulate: all of them talk to all.
const MOST_PEERS: u16 = 32;

/// What the command is asked for.
pub(super) enum Job {
    /// Play these seeds.
    Play,
    /// Print the catalogue of the mutants.
    List,
    /// Print the kill matrix.
    Museum,
    /// Search the shortest failure of every mutant.
    Find,
}

/// The command line, checked.
pub(super) struct Options {
    pub(super) job: Job,
    /// The seeds, if any are named.
    pub(super) seeds: Option<Range<u64>>,
    pub(super) scenario: Scenario,
    pub(super) trace: Option<PathBuf>,
    pub(super) picture: Option<PathBuf>,
    /// True if the scenario was described.
    pub(super) staged: bool,
}

pub(super) fn parse(stage: &'static dyn Stage, mut parser: Parser) -> Result<Options> {
    let (mut job, mut named, mut trace, mut staged) = (Job::Play, None, None, false);
    let (mut peers, mut world, mut without) = (stage.peers(), stage.worlds()[0], Vec::new());
    let (mut majority, mut claim, mut bug, mut picture) = (false, None, None, None);
    while let Some(arg) = parser.next()? {
        if let Long("peers" | "faults" | "only" | "claim" | "majority") = arg {
            staged = true;
        }
        match arg {
            Long("seeds") => named = Some(seeds(parser.value()?)?),
            Long("seed") => {
                let seed = whole("--seed", parser.value()?)?;
                named = Some(seed..seed.saturating_add(1));
            }
            Long("peers") => peers = args::number("--peers", parser.value()?)?,
            Long("faults") => {
                let known = stage.worlds();
                let find = |name: &str| known.iter().find(|known| **known == name).copied();
                world = word("--faults", parser.value()?, known, find)?;
            }
            Long("only") => without = only(parser.value()?)?,
            Long("majority") if stage.name() == "member" => majority = true,
            Long("claim") => {
                let known: Vec<&str> = stage.claims().iter().map(|claim| claim.name).collect();
                let find = |name: &str| stage.claims().iter().find(|c| c.name == name).copied();
                claim = Some(word("--claim", parser.value()?, &known, find)?);
            }
            Long("bug") => {
                let bugs = stage.bugs();
                let known: Vec<&str> = bugs.iter().map(|bug| bug.name).collect();
                let find = |name: &str| bugs.iter().find(|bug| bug.name == name).copied();
                bug = Some(word("--bug", parser.value()?, &known, find)?);
            }
            Long("trace") => trace = Some(parser.value()?.into()),
            // Of the barrier there is nothing to see but one line of each peer.
            Long("draw") if stage.name() == "member" => {
                let path: PathBuf = parser.value()?.into();
                draw::check_ending(&path)?;
                picture = Some(path);
            }
            Long("bugs") => job = Job::List,
            Long("museum") => job = Job::Museum,
            Long("find-shortest") => job = Job::Find,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    if peers > MOST_PEERS {
        return Err(Error::Usage(format!("--peers: at most {MOST_PEERS} can be simulated here")));
    }
    if (trace.is_some() || picture.is_some()) && !matches!(job, Job::Play) {
        return Err(Error::Usage("--trace and --draw are for one run".into()));
    }
    let plain = Scenario::new(stage, peers, world);
    let plain = plain.ok_or_else(|| Error::Usage(format!("--faults {world}: no such world")))?;
    let scenario = Scenario { majority, bug, only: claim, ..plain.without(&without) };
    Ok(Options { job, seeds: named, scenario, trace, picture, staged })
}
