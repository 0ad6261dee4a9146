//! The harness: what turns a simulated run into an experiment, the same for every protocol.
//!
//! A protocol says what is its own by implementing [`Simulated`]: its worlds, its properties, its
//! mutants, what a seed draws beside the run itself, and the [`Monitor`] that looks at a run after
//! every step. The rest is here:
//!
//! ```text
//! options ── a line of flags ──► Scenario ── a seed ──► RunOutcome             runs, options
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
//! * The *kill matrix* (`matrix`) plays every mutant in several worlds and counts which checks
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
mod front;
mod matrix;
mod minimize;
mod options;
mod property;
mod runs;
pub mod schedule;
mod simulated;
mod summary;

use std::process::ExitCode;

use super::mutant::{Mutant, MutantLabel};
use crate::error::Result;
pub use failure::{Failure, known_failure};
pub use front::{AnySim, Explored, Front, MatrixRow, OnePeer, RealReplay};
pub use minimize::{MOST_STEPS, Minimized, minimize, minimize_known};
pub use property::{Property, Violation, Violations};
pub use runs::{Recording, RunOutcome, Schedule, is_complete};
pub use simulated::{
    Monitor, NoParameters, Parameters, RunFindings, Scenario, Simulated, WorldFaults, all_pairs,
    named,
};
pub use summary::{Figure, Progress, Tally, as_f64};

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

    fn replay_real(&self, replay: &RealReplay) -> Result<ExitCode> {
        S::replay_real(replay)
    }

    fn matrix_row(&self, mutant: &str, share: u64) -> Option<MatrixRow> {
        Some(matrix::row::<S>(named::<S>(mutant)?, share))
    }

    fn print_matrix(&self, explored: Option<&Explored>) -> Result<bool> {
        matrix::print::<S>(explored)
    }

    fn known_violation(&self, mutant: &str) -> Option<Violation> {
        known_failure::<S>(named::<S>(mutant)?)?.outcome.violation
    }
}
