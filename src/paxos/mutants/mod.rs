//! The mutants of Paxos: what each does, and where it was seen.
//!
//! They stand in the frame of [`crate::sim::mutant`], in four groups: what is counted, what an
//! acceptor remembers, what a proposer asks, and the environment of the protocol.

mod counting;
mod environment;
mod guards;
mod notes;
mod proposing;
mod voting;

use notes::Mutant;
pub use notes::PaxosNotes;

/// All mutants.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let catalogues = [counting::MUTANTS, voting::MUTANTS, proposing::MUTANTS, environment::MUTANTS];
    catalogues.into_iter().flatten()
}

/// The mutant of this name.
pub fn named(name: &str) -> Option<&'static Mutant> {
    all().find(|mutant| mutant.name == name)
}
