//! The flags of `synod sim`, from which a scenario is made; and those of known failures.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use lexopt::{Parser, ValueExt as _};

use super::front::Front;
use super::property::Property;
use super::simulated::{Parameters as _, Scenario, Simulated, WorldFaults, named};
use crate::command::{args, outputs};
use crate::error::{Error, Result};
use crate::sim::Faults;
use crate::sim::mutant::Mutant;

/// How many peers there are if nothing is said.
const PEERS: u16 = 5;

/// The help; what stands between braces is the protocol's own.
const HELP: &str = "\
usage: synod sim {NAME} [--seeds A..B] [--peers N] [--faults WORLD] [options]

Simulate runs of synod {NAME}, one for each seed, with a virtual clock; a seed gives the same run on
every machine. A run has a fault phase, with the faults of its world, and a recovery phase without
faults. Safety properties are checked after every step, liveness properties at the end.

A failure is made smaller: first smaller worlds and other seeds are tried, then messages, crashes
and timeouts are removed from the run as long as it violates the same property. The result is a
schedule, one step a line, in a file next to the journal (its name and .schedule). A property about
time only gets the first part. With --seed the journal and the picture show that seed's own run,
otherwise the smaller one.

flags:
  --seeds A..B       the seeds from A up to, but not including, B (0..10000)
  --seed S           one seed
  --peers N          the number of peers (5)
  --faults WORLD     what goes wrong: one of the worlds below
  --only KIND,...    of the world's faults only these kinds: loss, duplication, reordering,
                     partition, one-way, pause, crash, power-loss, flush, hand-over, drift, slow;
                     or nothing
  --property NAME    check one property only
  --mutant NAME      run this mutant instead of the protocol; without --seeds, its known failure
  --trace FILE       write the journal of the run that failed, or of the only run
  --draw FILE        draw that run; the extension selects the format: .html .svg .mmd .txt. Without
                     --trace the journal goes to FILE.{JOURNAL}
  --replay FILE      run the schedule in FILE, to its end
  --without-bug      with --replay: run the protocol itself instead of the mutant that FILE names
  --mutants          list all mutants, a line each with tabs: name, what it does, protocol, the rule
                     that it breaks, the source that prevents it, the step of the algorithm
  --matrix           run every mutant against every check and print a table for each protocol
  --explored FILE    with --matrix: add what the model checker found, from FILE (make matrix does)
  --find-shortest    search for the shortest failure of every mutant, or of the one of --mutant
{HELP}

exit codes:
  0  no property was violated; with --mutant, one was
  1  a property was violated (with --mutant, none was); the last lines say how to run it again
  2  a flag, a file or the machine was at fault

example:
  synod sim {NAME} --seeds 0..1000
";

/// The help for a protocol.
pub(super) fn help<S: Simulated>() -> String {
    HELP.replace("{NAME}", S::NAME).replace("{JOURNAL}", S::JOURNAL).replace("{HELP}\n", S::HELP)
}

/// What the command is asked for.
pub(super) enum Job {
    /// Play these seeds.
    Play,
    /// Print the catalogue of the mutants.
    List,
    /// Print the kill matrix.
    Matrix,
    /// Search the shortest failure of every mutant.
    Find,
    /// Play the schedule in this file.
    Replay(PathBuf),
}

/// The command line.
pub(super) struct Options<S: Simulated> {
    pub(super) job: Job,
    /// The seeds, if any are named.
    pub(super) seeds: Option<Range<u64>>,
    pub(super) scenario: Scenario<S>,
    /// True if more of the scenario is named than its mutant.
    pub(super) is_described: bool,
    pub(super) trace: Option<PathBuf>,
    pub(super) draw: Option<PathBuf>,
    pub(super) explored: Option<PathBuf>,
    /// A schedule is played by the protocol itself instead of the mutant that it names.
    pub(super) without_bug: bool,
}

/// What is said of a mutant whose name is not known here.
type Elsewhere<'a> = &'a dyn Fn(&str) -> String;

impl<S: Simulated> Options<S> {
    /// Reads flags.
    fn read(parser: Parser, elsewhere: Elsewhere<'_>) -> Result<Self> {
        let (mut job, mut seeds) = (Job::Play, None);
        let (mut is_described, mut without_bug) = (false, false);
        let (mut trace, mut draw, mut explored) = (None, None, None);
        let (mut peers, mut parameters, mut world) =
            (PEERS, S::Parameters::default(), S::WORLDS[0]);
        let (mut without, mut property, mut mutant) = (Vec::new(), None, None);
        args::flags(parser, |name, parser| {
            match name {
                "--seeds" => once(&mut seeds, range(parser.value()?)?)?,
                "--seed" => once(&mut seeds, one_seed(parser.value()?)?)?,
                "--mutant" => mutant = Some(mutant_of::<S>(parser.value()?, elsewhere)?),
                "--trace" => trace = Some(parser.value()?.into()),
                "--draw" => draw = Some(parser.value()?.into()),
                "--mutants" => job = Job::List,
                "--matrix" => job = Job::Matrix,
                "--explored" => explored = Some(parser.value()?.into()),
                "--find-shortest" => job = Job::Find,
                "--replay" => job = Job::Replay(parser.value()?.into()),
                "--without-bug" => without_bug = true,
                _ => {
                    is_described = true;
                    match name {
                        "--peers" => peers = number_of_peers::<S>(parser.value()?)?,
                        "--faults" => world = world_of::<S>(parser.value()?)?,
                        "--only" => without = all_but(&parser.value()?.string()?)?,
                        "--property" => property = Some(property_of::<S>(parser.value()?)?),
                        _ => return parameters.take(name, parser),
                    }
                }
            }
            Ok(true)
        })?;
        parameters.settle(peers).map_err(Error::Usage)?;
        let scenario = Scenario::new(peers, parameters, &world).without(without);
        let scenario = scenario.with_mutant(mutant).only(property);
        Ok(Self { job, seeds, scenario, is_described, trace, draw, explored, without_bug })
    }

    /// Reads and checks the command line.
    pub(super) fn parse(parser: Parser, front: &Front<'_>) -> Result<Self> {
        let options = Self::read(parser, &|name| match front
            .all
            .iter()
            .find(|sim| sim.mutants().iter().any(|label| label.name == name))
        {
            Some(sim) => format!("this one belongs to synod sim {}", sim.name()),
            None => "there is no mutant of this name; synod sim --mutants lists all".into(),
        })?;
        options.check(front)?;
        Ok(options)
    }

    fn check(&self, front: &Front<'_>) -> Result<()> {
        let refuse = |why: &str| Err(Error::Usage(why.into()));
        let (has_mutant, has_seeds) = (self.scenario.mutant.is_some(), self.seeds.is_some());
        let is_described = self.is_described || has_seeds;
        match &self.job {
            Job::Replay(_) if is_described || has_mutant => {
                return refuse("--replay: its file says everything about the run");
            }
            Job::Matrix if is_described || has_mutant => {
                return refuse("--matrix has worlds and seeds of its own");
            }
            Job::Find if is_described => {
                return refuse("--find-shortest has worlds and seeds of its own");
            }
            Job::List | Job::Matrix | Job::Find if self.trace.is_some() || self.draw.is_some() => {
                return refuse("--trace and --draw are for one run");
            }
            _ => {}
        }
        if self.without_bug && !matches!(self.job, Job::Replay(_)) {
            return refuse("--without-bug is for --replay");
        }
        if self.explored.is_some() && !matches!(self.job, Job::Matrix) {
            return refuse("--explored is for --matrix");
        }
        self.draw.as_deref().map_or(Ok(()), front.check_picture)?;
        let read = if let Job::Replay(file) = &self.job { Some(file.as_path()) } else { None };
        let journal = self.journal();
        outputs::check(read, journal.as_deref().into_iter().chain(self.draw.as_deref()))
    }

    /// Where the journal goes. The picture is made of it, so it stands beside the picture if
    /// nowhere else.
    pub(super) fn journal(&self) -> Option<PathBuf> {
        let beside = || self.draw.as_ref().map(|picture| beside(picture, S::JOURNAL));
        self.trace.clone().or_else(beside)
    }
}

impl<S: Simulated> Scenario<S> {
    /// The scenario of these flags.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn of_flags(flags: &str) -> Result<Self> {
        Ok(with_seed(flags)?.0)
    }

    /// The scenario of a head: a world and what it is about, by name.
    pub(super) fn of_names(
        peers: u16,
        mut parameters: S::Parameters,
        world: Option<&str>,
    ) -> std::result::Result<Self, String> {
        if !(1..=S::MOST_PEERS).contains(&peers) {
            return Err(format!("{peers} peers: 1 to {} can be simulated", S::MOST_PEERS));
        }
        parameters.settle(peers)?;
        let named = |name: &str| S::WORLDS.iter().find(|world| world.0 == name);
        let world = world.map_or(Some(&S::WORLDS[0]), named);
        let world =
            world.ok_or_else(|| format!("there is no such world; known: {}", worlds::<S>()))?;
        Ok(Self::new(peers, parameters, world))
    }
}

/// The scenario of these flags, and the seed among them.
pub(super) fn with_seed<S: Simulated>(flags: &str) -> Result<(Scenario<S>, u64)> {
    let parser = Parser::from_args(flags.split_whitespace());
    let options = Options::read(parser, &|_| "there is no such mutant".into())?;
    Ok((options.scenario, options.seeds.map_or(0, |seeds| seeds.start)))
}

/// A file that belongs to another: its name is the other's and something more, so that it never is
/// that of a third.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Takes the seeds, which are named once.
fn once(seeds: &mut Option<Range<u64>>, named: Range<u64>) -> Result<()> {
    if seeds.replace(named).is_some() {
        return Err(Error::Usage("the seeds are named twice".into()));
    }
    Ok(())
}

/// One seed, as a range.
fn one_seed(value: OsString) -> Result<Range<u64>> {
    let seed = whole("--seed", value)?;
    let end = seed.checked_add(1);
    Ok(seed..end.ok_or_else(|| Error::Usage(format!("--seed: a seed is below {}", u64::MAX)))?)
}

fn range(value: OsString) -> Result<Range<u64>> {
    let text = value.string()?;
    let refuse = || Error::Usage(format!("--seeds {text:?}: write a range as in --seeds 0..10000"));
    let (from, to) = text.split_once("..").ok_or_else(refuse)?;
    let range = whole("--seeds", from.into())?..whole("--seeds", to.into())?;
    if range.is_empty() { Err(refuse()) } else { Ok(range) }
}

/// A whole number; `_` may divide its digits.
fn whole(flag: &str, value: OsString) -> Result<u64> {
    let text = value.string()?;
    let number = text.replace('_', "").parse();
    number.map_err(|_| Error::Usage(format!("{flag} {text:?}: this is not a whole number")))
}

fn number_of_peers<S: Simulated>(value: OsString) -> Result<u16> {
    let (peers, most) = (whole("--peers", value)?, S::MOST_PEERS);
    let within = u16::try_from(peers).ok().filter(|peers| (1..=most).contains(peers));
    within.ok_or_else(|| Error::Usage(format!("--peers {peers}: 1 to {most} can be simulated")))
}

/// One of several words.
fn word<T>(flag: &str, text: &str, known: &str, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Error::Usage(format!("{flag} {text:?}: this is none of {known}")))
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn worlds<S: Simulated>() -> String {
    list(S::WORLDS.iter().map(|world| world.0))
}

fn world_of<S: Simulated>(value: OsString) -> Result<WorldFaults> {
    let text = value.string()?;
    let found = S::WORLDS.iter().find(|world| world.0 == text).copied();
    word("--faults", &text, &worlds::<S>(), found)
}

fn property_of<S: Simulated>(value: OsString) -> Result<Property> {
    let text = value.string()?;
    let found = S::PROPERTIES.iter().find(|property| property.name == text).copied();
    word("--property", &text, &list(S::PROPERTIES.iter().map(|property| property.name)), found)
}

fn mutant_of<S: Simulated>(
    value: OsString,
    elsewhere: Elsewhere<'_>,
) -> Result<&'static Mutant<S::Peer>> {
    let name = value.string()?;
    let mutant = named::<S>(&name);
    mutant.ok_or_else(|| Error::Usage(format!("--mutant {name:?}: {}", elsewhere(&name))))
}

/// The kinds of faults that are not in this list, which has commas between.
fn all_but(only: &str) -> Result<Vec<&'static str>> {
    let known = || Faults::kinds().chain(["nothing"]);
    for name in only.split(',') {
        word("--only", name, &list(known()), known().find(|kind| *kind == name))?;
    }
    Ok(Faults::kinds().filter(|kind| !only.split(',').any(|kept| kept == *kind)).collect())
}
