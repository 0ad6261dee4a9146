//! The lines of a run: one JSON object an event, the same for every program that plays Paxos.
//!
//! [`event`] is the form that this program writes; [`read`] takes what any program wrote, and
//! [`check`] judges it; [`diagram`] draws it. The lines of a group are others: [`views`]
//! reads and judges them. What the judges report has one form: [`findings`].

pub mod check;
pub mod diagram;
pub mod event;
pub mod findings;
pub mod read;
pub mod views;
