//! The harness: what makes an experiment of a simulated run, the same for every protocol.
//!
//! A protocol says what is its own by implementing [`Simulated`]: its worlds, its properties, its
//! mutants, what a seed draws beside the run itself, and the [`Monitor`] that looks at a run after
//! every step. The rest is here:
//!
//! ```text
//! options ── a line of flags ──► Scenario ── a seed ──► RunOutcome         scenario, options
//!                                   │  violated?
//!                                   ▼
//!                                Failure ── other seeds, smaller worlds ──► Failure    failure
//!                                   │
//!                                   ▼
//!                                Schedule ── events taken out, ddmin ──► Schedule      minimize
//!                                   │
//!                                   ▼
//!                                a file, a line per step, played by --replay           schedule
//! ```
//!
//! * A seed is a bug report: every failure is printed as the one command that plays it again. The
//!   *known failures* of a protocol, one for each mutant, are such commands, a line each.
//! * The *kill matrix* ([`matrix`]) plays every mutant in several worlds and counts which checks
//!   catch it: a check that never fails proves nothing.
//! * The lines of a run have a second judge, the one of `synod check` or `synod local`. It shares
//!   no code with the monitor, so a mistake in one of them does not hide in the other.
//!
//! # Sound minimization
//!
//! A schedule contains no faults and no times, only what happened. Whatever is taken out of it is
//! one more loss or delay, so a property that holds in *every* schedule can be looked at in any. A
//! property about time cannot ([`Property::depends_on_time`]). A property that is promised in some
//! worlds only ([`Simulated::holds_in_schedules`]) is looked at on both sides: a shorter schedule
//! counts as the mutant's failure only if the protocol itself keeps the property in it.

mod command;
mod failure;
pub mod matrix;
mod minimize;
mod options;
mod property;
mod scenario;
pub mod schedule;
mod summary;

use std::fmt::{Debug, Display};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mutant::{Mutable, Mutant, MutantLabel, Mutated};
use super::{Counts, Faults, RunConfig, RunEnd, RunObserver};
use crate::error::Result;
use crate::process::{PeerId, Process};
pub use failure::{Failure, known_failure};
pub use minimize::{MOST_STEPS, Minimized, minimize, minimize_known};
pub use property::{Property, Violation, Violations};
pub use scenario::{Recording, RunFindings, RunOutcome, Scenario, Schedule, is_complete};
pub use summary::{Figure, Progress, Tally, as_f64};

/// A world: its name on the command line, and what goes wrong in it.
pub type WorldFaults = (&'static str, fn() -> Faults);

/// A protocol that can be simulated.
pub trait Simulated: Sized + Sync + 'static {
    /// The process.
    type Peer: Mutable<Message: PartialEq, Timer: Serialize + DeserializeOwned, Input: PartialEq>;
    /// What of a run one may choose beside its peers and its faults.
    type Parameters: Parameters;
    /// What a seed draws beside the run itself, such as who never starts.
    type Plan: Clone + Debug + PartialEq + Serialize + DeserializeOwned;
    /// What is counted in a run.
    type Tally: Tally;
    /// What looks at a run.
    type Monitor: Monitor<Tally = Self::Tally>
        + RunObserver<Self::Peer>
        + RunObserver<Mutated<Self::Peer>>;

    /// Its name on the command line.
    const NAME: &'static str;
    /// Its worlds, the usual one first.
    const WORLDS: &'static [WorldFaults];
    /// What must hold, the worst violation first.
    const PROPERTIES: &'static [Property];
    /// More peers than this cannot be simulated, or not in a sensible time.
    const MOST_PEERS: u16;
    /// The runs of the kill matrix: flags of a scenario, and its seeds from 0 up.
    const MATRIX: &'static [(&'static str, u64)];
    /// The shortest known failure of every mutant, a line of flags each, as `--find-shortest`
    /// prints them.
    const KNOWN_FAILURES: &'static str;
    /// How many runs each attempt of that search may take.
    const SEARCH_BUDGET: u64;
    /// How the name of a journal ends.
    const JOURNAL: &'static str;
    /// Lines of the help: its own flags, then its worlds.
    const HELP: &'static str;

    /// Its mutants.
    fn mutants() -> impl Iterator<Item = &'static Mutant<Self::Peer>>;

    /// What the seed draws beside the run itself, apart from the choices of the run.
    fn plan(run: &Scenario<Self>, seed: u64) -> Self::Plan;

    /// Why this plan, which a file names, fits no run of the scenario.
    ///
    /// # Errors
    /// It does not fit; the text says why.
    fn check_plan(_run: &Scenario<Self>, _plan: &Self::Plan) -> std::result::Result<(), String> {
        Ok(())
    }

    /// The run as the engine wants it.
    fn config<'a>(run: &'a Scenario<Self>, plan: &'a Self::Plan) -> RunConfig<'a>;

    /// What a process is built from; `incarnation` counts those of the peer, from 1.
    fn setup(
        run: &Scenario<Self>,
        plan: &Self::Plan,
        peer: PeerId,
        incarnation: u64,
    ) -> <Self::Peer as Mutable>::Setup;

    /// A monitor of the run; it keeps the lines only if a journal is wanted.
    fn monitor(run: &Scenario<Self>, plan: &Self::Plan, journal: bool) -> Self::Monitor;

    /// True if the protocol keeps this property whatever happens in a run of the scenario. False
    /// if it does only while faults are as the scenario's world promises.
    fn holds_in_schedules(_run: &Scenario<Self>, _property: Property) -> bool {
        true
    }

    /// True if sending this message tells something, whether or not it arrives.
    fn tells(_message: &<Self::Peer as Process>::Message) -> bool {
        false
    }

    /// Runs what of this command line is no matter of a scenario, if it is such a one.
    ///
    /// # Errors
    /// The flags are wrong, or what they ask for failed.
    fn other_command(_parser: &mut lexopt::Parser, _front: &Front<'_>) -> Result<Option<ExitCode>> {
        Ok(None)
    }
}

/// What of a run a protocol lets one choose beside its peers and its faults. It is displayed as the
/// flags that say it, each with a space before it.
pub trait Parameters: Clone + Debug + Default + Display + Serialize + DeserializeOwned {
    /// Takes a flag of this name, if it is one of these.
    ///
    /// # Errors
    /// It is, and its value cannot be used.
    fn take(&mut self, _flag: &str, _parser: &mut lexopt::Parser) -> Result<bool> {
        Ok(false)
    }

    /// Completes them, now that the number of peers is known.
    ///
    /// # Errors
    /// They do not go together; the text says why.
    fn settle(&mut self, _peers: u16) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Smaller worlds than that of so many peers, the smallest first.
    fn smaller(&self, peers: u16) -> Vec<(u16, Self)> {
        (2..peers).map(|fewer| (fewer, self.clone())).collect()
    }
}

/// For a protocol that lets one choose nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct NoParameters {}

impl Display for NoParameters {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl Parameters for NoParameters {}

/// The end of an observer that checks properties.
pub trait Monitor {
    /// What it counts.
    type Tally;

    /// What it has found when the run is over.
    fn finish(self, end: RunEnd, now: u64, counts: &Counts) -> RunFindings<Self::Tally>;
}

/// What the harness needs of the command line around it.
pub struct Front<'a> {
    /// Every protocol that can be simulated.
    pub all: &'a [&'static dyn AnySim],
    /// Those that a list or a table is about.
    pub about: &'a [&'static dyn AnySim],
    /// Prints data.
    pub say: fn(&str) -> Result<()>,
    /// Prints prose.
    pub complain: fn(&str),
    /// Draws the journal in a file into another file.
    pub draw: &'a dyn Fn(&Path, &Path) -> Result<()>,
    /// Refuses the name of a picture whose extension selects no format.
    pub check_picture: fn(&Path) -> Result<()>,
    /// Refuses to write these files, or to write what is read.
    pub check_outputs: fn(Option<&Path>, &[&Path]) -> Result<()>,
}

/// A protocol that can be simulated, as a row of a table.
pub trait AnySim: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What must hold.
    fn properties(&self) -> &'static [Property];
    /// Its mutants.
    fn mutants(&self) -> Vec<MutantLabel>;
    /// The help of `synod sim` for it.
    fn help(&self) -> String;
    /// Runs `synod sim` with these arguments.
    ///
    /// # Errors
    /// The flags are wrong, or a file cannot be read or written.
    fn run(&self, parser: lexopt::Parser, front: &Front<'_>) -> Result<ExitCode>;
    /// The row of this mutant in the kill matrix, with one run in every `share`; none if there is
    /// no such mutant.
    fn matrix_row(&self, mutant: &str, share: u64) -> Option<matrix::MatrixRow>;
    /// Prints the kill matrix; false if a mutant is caught by fewer than two checks.
    ///
    /// # Errors
    /// It cannot be printed.
    fn print_matrix(
        &self,
        explored: Option<&matrix::Explored>,
        say: fn(&str) -> Result<()>,
    ) -> Result<bool>;
    /// How the known failure of this mutant violates its property; none if it does not, or there is
    /// none.
    fn known_violation(&self, mutant: &str) -> Option<Violation>;
}

impl<S: Simulated> AnySim for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn properties(&self) -> &'static [Property] {
        S::PROPERTIES
    }

    fn mutants(&self) -> Vec<MutantLabel> {
        S::mutants().map(Mutant::label).collect()
    }

    fn help(&self) -> String {
        options::help::<S>()
    }

    fn run(&self, parser: lexopt::Parser, front: &Front<'_>) -> Result<ExitCode> {
        command::run::<S>(parser, front)
    }

    fn matrix_row(&self, mutant: &str, share: u64) -> Option<matrix::MatrixRow> {
        Some(matrix::row::<S>(named::<S>(mutant)?, share))
    }

    fn print_matrix(
        &self,
        explored: Option<&matrix::Explored>,
        say: fn(&str) -> Result<()>,
    ) -> Result<bool> {
        matrix::print::<S>(explored, say)
    }

    fn known_violation(&self, mutant: &str) -> Option<Violation> {
        known_failure::<S>(named::<S>(mutant)?)?.outcome.violation
    }
}

/// The mutant of this name.
pub fn named<S: Simulated>(name: &str) -> Option<&'static Mutant<S::Peer>> {
    S::mutants().find(|mutant| mutant.name == name)
}

/// Everybody has a link with everybody.
pub fn all_pairs(peers: u16) -> Vec<(PeerId, PeerId)> {
    let pairs = (1..=peers).flat_map(|one| (one + 1..=peers).map(move |other| (one, other)));
    pairs.map(|(one, other)| (PeerId(one), PeerId(other))).collect()
}
