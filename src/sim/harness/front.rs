//! What the harness and the command line around it know of each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::property::{Property, Violation};
use crate::error::Result;
use crate::sim::mutant::MutantLabel;

/// What the harness needs of the command line around it.
pub struct Front<'a> {
    /// Every protocol that can be simulated.
    pub all: &'a [&'static dyn AnySim],
    /// Those that a list or a table is about.
    pub about: &'a [&'static dyn AnySim],
    /// Draws the journal in a file into another file.
    pub draw: &'a dyn Fn(&Path, &Path) -> Result<()>,
    /// Refuses the name of a picture whose extension selects no format.
    pub check_picture: fn(&Path) -> Result<()>,
}

/// What is asked of a replay on real processes.
#[derive(Debug, Default)]
pub struct RealReplay {
    /// The schedule.
    pub file: PathBuf,
    /// The protocol itself instead of the mutant that the file names.
    pub without_bug: bool,
    /// Where the journal goes.
    pub trace: Option<PathBuf>,
    /// Be this peer of such a replay, which starts its peers so.
    pub one_peer: Option<OnePeer>,
}

/// What a peer of a replay is told.
#[derive(Debug, Default)]
pub struct OnePeer {
    /// Which it is.
    pub id: u16,
    /// The ports on this machine where it reaches the others, peer 1 first; 1 where no link is.
    pub ports: Vec<u16>,
    /// Its data directory.
    pub data: PathBuf,
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
    /// Plays a schedule on real processes.
    ///
    /// # Errors
    /// The protocol's peers cannot be led so, or a file or the machine is at fault.
    fn replay_real(&self, replay: &RealReplay) -> Result<ExitCode>;
    /// The row of this mutant in the kill matrix, with one run in every `share`; none if there is
    /// no such mutant.
    fn matrix_row(&self, mutant: &str, share: u64) -> Option<MatrixRow>;
    /// Prints the kill matrix; false if a mutant is caught by fewer than two checks.
    ///
    /// # Errors
    /// It cannot be printed.
    fn print_matrix(&self, explored: Option<&Explored>) -> Result<bool>;
    /// How the known failure of this mutant violates its property; none if it does not, or there is
    /// none.
    fn known_violation(&self, mutant: &str) -> Option<Violation>;
}

/// Which checks catch a mutant, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixRow {
    /// How many runs were played.
    pub runs: u64,
    /// In how many of them each property was violated, of those that ever were.
    pub violated: BTreeMap<&'static str, u64>,
    /// How many runs the judge of the lines was given, and in how many it found a violation.
    pub judged: (u64, u64),
}

impl MatrixRow {
    /// How many checks caught the mutant: properties, and the judge of the lines.
    pub fn kills(&self) -> usize {
        self.violated.len() + usize::from(self.judged.1 > 0)
    }
}

/// How the model checker caught the mutants that it caught, by name.
pub type Explored = BTreeMap<String, String>;
