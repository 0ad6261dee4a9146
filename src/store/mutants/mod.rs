//! The mutants of `store`: what each does, and where it was seen.

mod asking;
mod guards;
mod keeping;
mod notes;

use notes::Mutant;
pub use notes::StoreNotes;

/// All mutants of `store`.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    asking::MUTANTS.iter().chain(keeping::MUTANTS)
}
