//! The lines of a run: one JSON object an event, the same for every program that plays Paxos.
//!
//! [`event`] is the only code that knows the fields of a line; [`verdict`] judges a whole run.

pub mod event;
pub mod verdict;
pub mod views;
