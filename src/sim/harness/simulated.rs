//! What a protocol gives the harness, and what a run of it is, beside its seed.

use std::fmt::{Debug, Display};
use std::process::ExitCode;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::front::RealReplay;
use super::property::{Property, Violations};
use super::summary::Tally;
use crate::error::{Error, Result};
use crate::process::{PeerId, Process};
use crate::sim::mutant::{Mutable, Mutant, Mutated};
use crate::sim::{Counts, Faults, RunConfig, RunEnd, RunObserver};

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

    /// What people and clients ask for in the run: when, in microseconds, and of which peer.
    fn inputs(_plan: &Self::Plan) -> Vec<(u64, PeerId, <Self::Peer as Process>::Input)> {
        Vec::new()
    }

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
    fn other_command(_parser: &mut lexopt::Parser) -> Result<Option<ExitCode>> {
        Ok(None)
    }

    /// Plays a schedule on real processes.
    ///
    /// # Errors
    /// The protocol's peers cannot be led so, or a file or the machine is at fault.
    fn replay_real(_replay: &RealReplay) -> Result<ExitCode> {
        Err(Error::Usage(format!("{} has no replay on real processes", Self::NAME)))
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

    /// Worlds smaller than one of this many peers, the smallest first.
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

/// What a monitor has found when its run is over.
pub struct RunFindings<T> {
    /// What was violated.
    pub violations: Violations,
    /// What was counted.
    pub tally: T,
    /// The lines of the run; empty if they were not wanted.
    pub journal: String,
    /// What the judge of those lines has against them, if it was given them.
    pub judged: Option<Vec<String>>,
}

/// What a run is, beside its seed.
pub struct Scenario<S: Simulated> {
    /// How many peers.
    pub peers: u16,
    /// What else the protocol lets one choose.
    pub parameters: S::Parameters,
    /// The name of the world.
    pub world: &'static str,
    /// What goes wrong: the faults of the world without what is left out.
    pub faults: Faults,
    /// The mutant, if not the protocol itself.
    pub mutant: Option<&'static Mutant<S::Peer>>,
    /// Only a violation of this property ends a run and is reported.
    pub only: Option<Property>,
    /// How much virtual time the recovery phase has, in microseconds; none: as the protocol says.
    pub time_limit_us: Option<u64>,
    /// A violation does not end a run: all that are violated are counted.
    pub to_the_end: bool,
    pub(super) without: Vec<&'static str>,
}

// Written out because a derive would ask the bounds of `S`.
impl<S: Simulated> Clone for Scenario<S> {
    fn clone(&self) -> Self {
        Self {
            parameters: self.parameters.clone(),
            faults: self.faults.clone(),
            without: self.without.clone(),
            ..*self
        }
    }
}

impl<S: Simulated> Scenario<S> {
    /// The protocol itself in one of its worlds, with all that goes wrong there.
    pub fn new(peers: u16, parameters: S::Parameters, world: &WorldFaults) -> Self {
        Self {
            peers,
            parameters,
            world: world.0,
            faults: (world.1)(),
            mutant: None,
            only: None,
            time_limit_us: None,
            to_the_end: false,
            without: Vec::new(),
        }
    }

    /// The same without these kinds of faults.
    #[must_use]
    pub fn without(mut self, kinds: impl IntoIterator<Item = &'static str>) -> Self {
        for kind in kinds {
            self.faults.without(kind);
            self.without.push(kind);
        }
        self
    }

    /// The same with these faults instead of those of its world.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// The same with a mutant instead.
    #[must_use]
    pub fn with_mutant(self, mutant: Option<&'static Mutant<S::Peer>>) -> Self {
        Self { mutant, ..self }
    }

    /// The same, with an eye to one property only.
    #[must_use]
    pub fn only(self, property: Option<Property>) -> Self {
        Self { only: property, ..self }
    }

    /// The same, but a violation does not end a run.
    #[must_use]
    pub fn to_the_end(self) -> Self {
        Self { to_the_end: true, ..self }
    }

    /// The kinds of faults that are in it.
    pub fn kinds(&self) -> Vec<&'static str> {
        let matters = |kind: &&str| {
            let mut less = self.faults.clone();
            less.without(kind);
            less != self.faults
        };
        Faults::kinds().filter(matters).collect()
    }

    /// The flags that describe it.
    pub fn flags(&self) -> String {
        let kinds = match self.kinds() {
            _ if self.without.is_empty() => String::new(),
            left if left.is_empty() => " --only nothing".into(),
            left => format!(" --only {}", left.join(",")),
        };
        let property = self.only.map_or(String::new(), |p| format!(" --property {}", p.name));
        let mutant = self.mutant.map_or(String::new(), |m| format!(" --mutant {}", m.name));
        format!(
            "--peers {}{} --faults {}{kinds}{property}{mutant}",
            self.peers, self.parameters, self.world
        )
    }

    /// The command that plays this seed.
    pub fn command(&self, seed: u64) -> String {
        format!("synod sim {} --seed {seed} {}", S::NAME, self.flags())
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
