//! The command line of `synod sim`.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::claims::Claim;
use super::play::Scenario;
use super::stage::MOST_PEERS;
use crate::cli::args;
use crate::error::{Error, Result};
use crate::museum::{self, Mutant};
use crate::sim::Faults;

pub(crate) const HELP: &str = "\
usage: synod sim [--seeds A..B] [--peers N] [--proposers K] [--faults none|light|heavy] [options]

Run Paxos from seeds, each a run of its own with a virtual clock: first everything goes wrong and
what may never happen is looked for after every step, then nothing goes wrong any more and a
decision must come. The same seed is the same run on every machine.

  --seeds A..B       the seeds from A up to, not including, B (0..10000)
  --seed S           one seed
  --peers N          how many peers (5)
  --proposers K      how many of them propose (2)
  --faults PRESET    none, light or heavy (heavy)
  --only KIND,...    of the preset only these kinds of faults: loss, duplication, reordering,
                     partition, one-way, pause, crash, flush, drift, slow; or nothing
  --claim NAME       look at one claim only
  --bug NAME         a mutant from the museum instead of Paxos; without --seeds its shortest failure
  --trace FILE       write the journal of the run that failed, or of the only one
  --draw FILE        draw that run; the form follows the name: .html, .svg, .mmd, else text
  --bugs             the names of all mutants, with what they do
  --museum           every mutant against every claim, as a table
  --find-shortest    search the shortest failure of every mutant, or of the one of --bug
  --report           how long a decision takes for 3 to 101 peers round the world
  --plot FILE        with --report: the picture, as SVG
  --help

Exit 0: no claim was broken, or with --bug one was. Exit 1: not so; the last lines say how to run it
again. Exit 2: a flag, a file or the machine was at fault.
";

/// What the command is asked for.
pub(super) enum Job {
    /// Play these seeds.
    Play,
    /// Print the catalogue.
    List,
    /// Print the kill matrix.
    Museum,
    /// Search the shortest failure of every mutant.
    Find,
    /// Print the latencies.
    Report,
}

/// The command line, checked.
pub(super) struct Options {
    pub(super) job: Job,
    /// The seeds, if any are named.
    pub(super) seeds: Option<Range<u64>>,
    pub(super) peers: u16,
    pub(super) proposers: u16,
    /// The name of the preset, and what is left out of it.
    pub(super) preset: String,
    pub(super) without: Vec<String>,
    pub(super) claim: Option<Claim>,
    pub(super) bug: Option<&'static Mutant>,
    pub(super) trace: Option<PathBuf>,
    pub(super) draw: Option<PathBuf>,
    pub(super) plot: Option<PathBuf>,
    /// True if peers, proposers, faults or claim were named.
    pub(super) staged: bool,
}

impl Options {
    /// The scenario that the flags describe.
    pub(super) fn scenario(&self) -> Scenario {
        let faults = faults(&self.preset, &self.without);
        Scenario::new(self.peers, self.proposers, faults).with_bug(self.bug).only(self.claim)
    }
}

/// A preset without some kinds. The names have been checked.
pub(super) fn faults(preset: &str, without: &[String]) -> Faults {
    let mut faults = Faults::preset(preset).unwrap_or_else(Faults::heavy);
    for kind in without {
        faults.without(kind);
    }
    faults
}

/// The kinds that are not in this list, which has commas between.
pub(super) fn all_but(only: &str) -> Vec<String> {
    let kept: Vec<&str> = only.split(',').collect();
    Faults::kinds().filter(|kind| !kept.contains(kind)).map(str::to_owned).collect()
}

pub(super) fn parse(mut parser: Parser) -> Result<Options> {
    let mut options = Options {
        job: Job::Play,
        seeds: None,
        peers: 5,
        proposers: 2,
        preset: "heavy".into(),
        without: Vec::new(),
        claim: None,
        bug: None,
        trace: None,
        draw: None,
        plot: None,
        staged: false,
    };
    while let Some(arg) = parser.next()? {
        if let Long("peers" | "proposers" | "faults" | "only" | "claim") = arg {
            options.staged = true;
        }
        match arg {
            Long("seeds") => options.seeds = Some(seeds(parser.value()?)?),
            Long("seed") => {
                let seed = whole("--seed", parser.value()?)?;
                options.seeds = Some(seed..seed.saturating_add(1));
            }
            Long("peers") => options.peers = args::number("--peers", parser.value()?)?,
            Long("proposers") => options.proposers = args::number("--proposers", parser.value()?)?,
            Long("faults") => options.preset = preset(parser.value()?)?,
            Long("only") => options.without = only(parser.value()?)?,
            Long("claim") => options.claim = Some(claim(parser.value()?)?),
            Long("bug") => options.bug = Some(bug(parser.value()?)?),
            Long("trace") => options.trace = Some(parser.value()?.into()),
            Long("draw") => options.draw = Some(parser.value()?.into()),
            Long("plot") => options.plot = Some(parser.value()?.into()),
            Long("bugs") => options.job = Job::List,
            Long("museum") => options.job = Job::Museum,
            Long("find-shortest") => options.job = Job::Find,
            Long("report") => options.job = Job::Report,
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    check(&options)?;
    Ok(options)
}

fn check(options: &Options) -> Result<()> {
    if options.peers > MOST_PEERS {
        return Err(Error::Usage(format!("--peers: at most {MOST_PEERS} can be simulated")));
    }
    if options.proposers > options.peers {
        return Err(Error::Usage("--proposers: more proposers than peers".into()));
    }
    let wants_a_run = options.trace.is_some() || options.draw.is_some();
    if wants_a_run && !matches!(options.job, Job::Play) {
        return Err(Error::Usage("--trace and --draw are for one run".into()));
    }
    Ok(())
}

fn whole(flag: &str, value: OsString) -> Result<u64> {
    let text = args::text(flag, value)?;
    let number = text.replace('_', "").parse();
    number.map_err(|_| Error::Usage(format!("{flag} {text:?}: this is no whole number")))
}

fn seeds(value: OsString) -> Result<Range<u64>> {
    let text = args::text("--seeds", value)?;
    let refuse = || Error::Usage(format!("--seeds {text:?}: write a range as in --seeds 0..10000"));
    let (from, to) = text.split_once("..").ok_or_else(refuse)?;
    let range = whole("--seeds", from.into())?..whole("--seeds", to.into())?;
    if range.is_empty() { Err(refuse()) } else { Ok(range) }
}

/// One of several words.
fn word<T>(
    flag: &str,
    value: OsString,
    known: &[&str],
    find: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let text = args::text(flag, value)?;
    find(&text).ok_or_else(|| {
        Error::Usage(format!("{flag} {text:?}: this is none of {}", known.join(", ")))
    })
}

fn preset(value: OsString) -> Result<String> {
    let known = ["none", "light", "heavy"];
    word("--faults", value, &known, |name| Faults::preset(name).map(|_| name.to_owned()))
}

fn only(value: OsString) -> Result<Vec<String>> {
    let text = args::text("--only", value)?;
    let known: Vec<&str> = Faults::kinds().chain(["nothing"]).collect();
    for name in text.split(',') {
        word("--only", name.into(), &known, |name| known.contains(&name).then_some(()))?;
    }
    Ok(all_but(&text))
}

fn claim(value: OsString) -> Result<Claim> {
    word("--claim", value, &Claim::ALL.map(Claim::name), Claim::named)
}

fn bug(value: OsString) -> Result<&'static Mutant> {
    let known: Vec<&str> = museum::exhibits().map(|mutant| mutant.name).collect();
    word("--bug", value, &known, museum::exhibit)
}
