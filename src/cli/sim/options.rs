//! The command line of `synod sim`.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use super::beside::STAGES;
use super::claims::Claim;
use super::play::Scenario;
use super::replay::Paths;
use super::stage::MOST_PEERS;
use crate::cli::draw;
use crate::command::{args, outputs};
use crate::error::{Error, Result};
use crate::paxos::{Peer, mutants};
use crate::sim::Faults;
use crate::sim::mutant::Mutant;

pub(crate) const HELP: &str = "\
usage: synod sim [--seeds A..B] [--peers N] [--proposers K] [--faults PRESET] [options]

Run Paxos from seeds, each a run of its own with a virtual clock: first everything goes wrong and
what may never happen is looked for after every step, then nothing goes wrong any more and a
decision must come. The same seed is the same run on every machine.

A failure is made smaller: other seeds in smaller worlds are played, then single messages, crashes
and time-outs are taken out of the run while the same claim breaks. What is left goes, a step a
line, into a script beside the journal (its name and .script). Claims about time (decides,
short-duels) know no second part. The journal and the drawing are of what is left, unless --seed
names the run.

  --seeds A..B       the seeds from A up to, not including, B (0..10000)
  --seed S           one seed
  --peers N          how many peers (5)
  --proposers K      how many of them propose (2)
  --faults PRESET    none, slow, light or heavy (heavy); slow is 3 s there and back, 5 s a flush
  --only KIND,...    of the preset only these kinds of faults: loss, duplication, reordering,
                     partition, one-way, pause, crash, power-loss, flush, drift, slow; or nothing
  --claim NAME       look at one claim only
  --bug NAME         a mutant from the museum instead of Paxos; without --seeds its shortest failure
  --trace FILE       write the journal of the run that failed, or of the only one
  --draw FILE        draw that run; the ending chooses the form: .html .svg .mmd .txt; without
                     --trace its journal is in FILE.jsonl (of a group the lines in FILE.log)
  --replay FILE      play a failure that was cut down, from its script
  --bugs             the names of all mutants, with what they do, and of which protocol
  --museum           every mutant against every claim, a table for each protocol
  --explored FILE    with --museum: what the model checker found too (make museum does it)
  --find-shortest    search the shortest failure of every mutant, or of the one of --bug
  --report           how long a decision takes for 3 to 101 peers round the world
  --plot FILE        with --report: the picture, as SVG
  --sockets          one decision of --peers N real peers, each message held up by its way round
                     the world; with --report: small worlds so, beside the simulated ones
  --slow K, --down K with --sockets: the K peers nearest to the proposer are slow, or not there
  --help

usage: synod sim ready [--seeds A..B] [--peers N] [--faults lossy|none|heavy] [options]
       synod sim member [--majority] [--seeds A..B] [--peers N]
                        [--faults light|heavy|jitter|none] [options]

The barrier and the group in the same way; the first of their worlds is the usual one. --seed,
--only, --claim, --bug, --bugs, --museum and --find-shortest mean the same; --trace writes the lines
that the peers print, and --draw draws those of a group. In lossy three datagrams of ten are lost,
for ever. In light one peer fails at a time, and a group without --majority promises no more than
that; in jitter everything takes up to a fifth of a heartbeat, for an hour.

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
    /// Measure one decision on real sockets.
    Sockets,
    /// Play the script in this file.
    Replay(PathBuf),
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
    pub(super) bug: Option<&'static Mutant<Peer>>,
    pub(super) trace: Option<PathBuf>,
    pub(super) draw: Option<PathBuf>,
    pub(super) plot: Option<PathBuf>,
    pub(super) explored: Option<PathBuf>,
    /// Real sockets too.
    pub(super) sockets: bool,
    /// How many of the real peers are slow, and how many are not there.
    pub(super) slow: u16,
    pub(super) down: u16,
    /// True if peers, proposers, faults or claim were named.
    pub(super) staged: bool,
}

impl Options {
    /// Where the run is to be written and drawn.
    pub(super) fn paths(&self) -> Paths<'_> {
        Paths { trace: self.trace.as_deref(), draw: self.draw.as_deref() }
    }

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
        proposers: 0,
        preset: "heavy".into(),
        without: Vec::new(),
        claim: None,
        bug: None,
        trace: None,
        draw: None,
        plot: None,
        explored: None,
        sockets: false,
        slow: 0,
        down: 0,
        staged: false,
    };
    let mut proposers = None;
    while let Some(arg) = parser.next()? {
        if let Long("peers" | "proposers" | "faults" | "only" | "claim") = arg {
            options.staged = true;
        }
        match arg {
            Long("seeds") => once(&mut options.seeds, seeds(parser.value()?)?)?,
            Long("seed") => once(&mut options.seeds, seed(parser.value()?)?)?,
            Long("peers") => options.peers = args::number("--peers", parser.value()?)?,
            Long("proposers") => proposers = Some(args::number("--proposers", parser.value()?)?),
            Long("faults") => options.preset = preset(parser.value()?)?,
            Long("only") => options.without = only(parser.value()?)?,
            Long("claim") => options.claim = Some(claim(parser.value()?)?),
            Long("bug") => options.bug = Some(bug(parser.value()?)?),
            Long("trace") => options.trace = Some(parser.value()?.into()),
            Long("draw") => options.draw = Some(picture(parser.value()?)?),
            Long("plot") => options.plot = Some(parser.value()?.into()),
            Long("sockets") => options.sockets = true,
            Long("slow") => options.slow = args::number("--slow", parser.value()?)?,
            Long("down") => options.down = args::number("--down", parser.value()?)?,
            Long("bugs") => options.job = Job::List,
            Long("museum") => options.job = Job::Museum,
            Long("explored") => options.explored = Some(parser.value()?.into()),
            Long("find-shortest") => options.job = Job::Find,
            Long("report") => options.job = Job::Report,
            Long("replay") => options.job = Job::Replay(parser.value()?.into()),
            Short(_) | Long(_) | Positional(_) => return Err(arg.unexpected().into()),
        }
    }
    options.proposers = proposers.unwrap_or(options.peers.min(2));
    check(&options)?;
    if options.sockets && matches!(options.job, Job::Play) {
        options.job = Job::Sockets;
    }
    Ok(options)
}

fn check(options: &Options) -> Result<()> {
    if options.peers > MOST_PEERS {
        return Err(Error::Usage(format!("--peers: at most {MOST_PEERS} can be simulated")));
    }
    if options.proposers > options.peers {
        return Err(Error::Usage("--proposers: more proposers than peers".into()));
    }
    let replays = matches!(options.job, Job::Replay(_));
    if replays && (options.staged || options.seeds.is_some() || options.bug.is_some()) {
        return Err(Error::Usage("--replay: all about the run stands in its file".into()));
    }
    if options.sockets && (options.seeds.is_some() || options.bug.is_some()) {
        return Err(Error::Usage("--sockets: a real run has neither a seed nor a mutant".into()));
    }
    if options.slow.max(options.down) > 0 && !options.sockets {
        return Err(Error::Usage("--slow and --down are for --sockets".into()));
    }
    let wants_a_run = options.trace.is_some() || options.draw.is_some();
    if wants_a_run && !replays && !matches!(options.job, Job::Play) {
        return Err(Error::Usage("--trace and --draw are for one run".into()));
    }
    let described = options.staged || options.seeds.is_some();
    let own = |job: &str| Err(Error::Usage(format!("{job} has worlds and seeds of its own")));
    match options.job {
        Job::Museum if described || options.bug.is_some() => return own("--museum"),
        Job::Report if described || options.bug.is_some() => return own("--report"),
        Job::Find if described => return own("--find-shortest"),
        _ => {}
    }
    if options.plot.is_some() && !matches!(options.job, Job::Report) {
        return Err(Error::Usage("--plot is for --report".into()));
    }
    if options.explored.is_some() && !matches!(options.job, Job::Museum) {
        return Err(Error::Usage("--explored is for --museum".into()));
    }
    let script = match &options.job {
        Job::Replay(script) => Some(script.as_path()),
        _ => None,
    };
    let (paths, plot) = (options.paths(), options.plot.as_deref());
    outputs::check(script, paths.journal().as_deref().into_iter().chain(paths.draw).chain(plot))
}

/// A picture whose ending says its form.
pub(super) fn picture(value: OsString) -> Result<PathBuf> {
    let path = PathBuf::from(value);
    draw::check_ending(&path)?;
    Ok(path)
}

/// Takes the seeds, which are named once.
pub(super) fn once(seeds: &mut Option<Range<u64>>, named: Range<u64>) -> Result<()> {
    if seeds.replace(named).is_some() {
        return Err(Error::Usage("the seeds are named twice".into()));
    }
    Ok(())
}

/// One seed, as a range.
pub(super) fn seed(value: OsString) -> Result<Range<u64>> {
    let seed = whole("--seed", value)?;
    let end = seed.checked_add(1);
    Ok(seed..end.ok_or_else(|| Error::Usage(format!("--seed: a seed is below {}", u64::MAX)))?)
}

pub(super) fn whole(flag: &str, value: OsString) -> Result<u64> {
    let text = args::text(flag, value)?;
    let number = text.replace('_', "").parse();
    number.map_err(|_| Error::Usage(format!("{flag} {text:?}: this is no whole number")))
}

pub(super) fn seeds(value: OsString) -> Result<Range<u64>> {
    let text = args::text("--seeds", value)?;
    let refuse = || Error::Usage(format!("--seeds {text:?}: write a range as in --seeds 0..10000"));
    let (from, to) = text.split_once("..").ok_or_else(refuse)?;
    let range = whole("--seeds", from.into())?..whole("--seeds", to.into())?;
    if range.is_empty() { Err(refuse()) } else { Ok(range) }
}

/// One of several words.
pub(super) fn word<T>(
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
    let known = ["none", "slow", "light", "heavy"];
    word("--faults", value, &known, |name| Faults::preset(name).map(|_| name.to_owned()))
}

pub(super) fn only(value: OsString) -> Result<Vec<String>> {
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

fn bug(value: OsString) -> Result<&'static Mutant<Peer>> {
    let text = args::text("--bug", value)?;
    mutants::named(&text).ok_or_else(|| no_such_bug(&text))
}

/// There is no such mutant here: perhaps elsewhere.
pub(super) fn no_such_bug(name: &str) -> Error {
    let paxos = mutants::named(name).map(|_| "synod sim".to_owned());
    let mut siblings = STAGES.iter();
    let sibling = || {
        let stage = siblings.find(|stage| stage.bugs().iter().any(|bug| bug.name == name))?;
        Some(format!("synod sim {}", stage.name()))
    };
    Error::Usage(match paxos.or_else(sibling) {
        Some(place) => format!("--bug {name:?}: this one belongs to {place}"),
        None => format!("--bug {name:?}: there is none of this name; synod sim --bugs lists all"),
    })
}
