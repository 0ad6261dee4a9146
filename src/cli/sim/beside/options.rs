//! The flags of `synod sim ready` and `synod sim member`.

use std::ops::Range;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::Stage;
use super::scenario::Scenario;
use crate::cli::sim::options::{self, no_such_bug, once, only, seed, seeds, word};
use crate::command::{args, outputs};
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
            Long("seeds") => once(&mut named, seeds(parser.value()?)?)?,
            Long("seed") => once(&mut named, seed(parser.value()?)?)?,
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
                let name = args::text("--bug", parser.value()?)?;
                let found = stage.bugs().into_iter().find(|bug| bug.name == name);
                bug = Some(found.ok_or_else(|| no_such_bug(&name))?);
            }
            Long("trace") => trace = Some(parser.value()?.into()),
            // Of the barrier there is nothing to see but one line of each peer.
            Long("draw") if stage.name() == "member" => {
                picture = Some(options::picture(parser.value()?)?);
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
    match job {
        Job::Museum if staged || named.is_some() || bug.is_some() => {
            return Err(Error::Usage("--museum has worlds and seeds of its own".into()));
        }
        Job::Find if staged || named.is_some() => {
            return Err(Error::Usage("--find-shortest has worlds and seeds of its own".into()));
        }
        _ => {}
    }
    outputs::check(None, trace.as_deref().into_iter().chain(picture.as_deref()))?;
    let plain = Scenario::new(stage, peers, world);
    let plain = plain.ok_or_else(|| Error::Usage(format!("--faults {world}: no such world")))?;
    let scenario = Scenario { majority, bug, only: claim, ..plain.without(&without) };
    Ok(Options { job, seeds: named, scenario, trace, picture, staged })
}
