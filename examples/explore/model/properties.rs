//! What must always hold, and what must happen at least somewhere.
//!
//! The onlooker recomputes everything from votes: an acceptor's vote is what it made durable or
//! said that it accepted. What a peer *says* about the choice is only compared with that.

use std::collections::{BTreeMap, BTreeSet};

use stateright::Property;
use synod::paxos::{Accepted, Message, Value};

use super::bounds::Bounds;
use super::local::Seen;
use super::table::{LetterId, LocalId, Table};
use super::{Exploration, State, Subject};

/// Two values are never chosen.
pub(crate) const ONE_VALUE: &str = "one value is chosen";
/// A number stands for one value.
pub(crate) const ONE_VALUE_A_NUMBER: &str = "a number has one value";
/// Nothing is promised or accepted below an earlier promise.
pub(crate) const PROMISES_HOLD: &str = "promises never go down";
/// A majority stands behind every report.
pub(crate) const REPORTS_ARE_TRUE: &str = "a reported choice is chosen";
/// No value comes from nowhere.
pub(crate) const WAS_PROPOSED: &str = "a chosen value was proposed";
/// The guard against strangers lets all honest messages pass, and nobody sees a contradiction.
pub(crate) const NO_OBJECTION: &str = "no peer objects to another";

/// What an onlooker finds in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Findings {
    two_chosen: bool,
    two_values_a_number: bool,
    promise_broken: bool,
    false_report: bool,
    unheard_of: bool,
    objection: bool,
    duel: bool,
    adopted: bool,
    decided: bool,
    decided_after_restart: bool,
}

impl Findings {
    /// Looks at a state.
    pub(crate) fn of<P: Subject>(
        table: &Table<P>,
        bounds: &Bounds,
        locals: &[LocalId],
        letters: &[LetterId],
    ) -> Self {
        let mut found = Self::default();
        let peers = || locals.iter().map(|&id| table.local(id));
        let mut votes: Vec<Accepted> = Vec::new();
        let mut values: BTreeMap<_, Value> = BTreeMap::new();
        for local in peers() {
            let Seen { votes: cast, asked, broke_promise, objected, contradicted, .. } =
                &local.seen;
            votes.extend(cast);
            for one in cast.iter().chain(asked) {
                let first = *values.entry(one.number).or_insert(one.value);
                found.two_values_a_number |= first != one.value;
            }
            found.promise_broken |= broke_promise;
            found.objection |= *objected || *contradicted;
        }
        let chosen = chosen(&mut votes, usize::from(bounds.acceptors));
        let chosen_values: BTreeSet<Value> = chosen.iter().map(|chosen| chosen.value).collect();
        found.two_chosen = chosen_values.len() > 1;
        if !chosen_values.is_empty() {
            let candidates = bounds.candidates();
            found.unheard_of = chosen_values.iter().any(|v| candidates.values().all(|c| c != v));
        }
        for local in peers() {
            if let Some(reported) = local.seen.reported {
                found.false_report |= !chosen.contains(&reported);
            }
            // Whoever is finished has either reported or given up, and giving up is left out.
            if local.off || local.seen.reported.is_some() {
                found.decided = true;
                found.decided_after_restart |= local.restarted;
            }
        }
        let promised = peers().map(|local| local.seen.promised).max().flatten();
        found.duel = peers().any(|local| local.number.is_some() && local.number < promised);
        for &letter in letters {
            match table.letter(letter).message {
                Message::Accept { number, value } => {
                    let owner = number.owner(u16::try_from(locals.len()).unwrap_or(u16::MAX));
                    found.adopted |= bounds.candidates().get(&owner) != Some(&value);
                }
                _ => {}
            }
        }
        found
    }
}

impl Findings {
    /// True if something is there that must never be.
    pub(crate) fn violated(&self) -> bool {
        self.two_chosen
            || self.two_values_a_number
            || self.promise_broken
            || self.false_report
            || self.unheard_of
            || self.objection
    }
}

/// The proposals with votes of a majority. (Each acceptor's votes are a set, so nobody votes
/// twice.)
fn chosen(votes: &mut [Accepted], acceptors: usize) -> Vec<Accepted> {
    votes.sort_unstable();
    let alike = votes.chunk_by(|a, b| a == b);
    alike.filter(|alike| alike.len() * 2 > acceptors).map(|alike| alike[0]).collect()
}

/// All properties.
pub(crate) fn all<P: Subject>() -> Vec<Property<Exploration<P>>> {
    vec![
        Property::always(ONE_VALUE, |_, state: &State<P>| !state.findings.two_chosen),
        Property::always(ONE_VALUE_A_NUMBER, |_, state: &State<P>| {
            !state.findings.two_values_a_number
        }),
        Property::always(PROMISES_HOLD, |_, state: &State<P>| !state.findings.promise_broken),
        Property::always(REPORTS_ARE_TRUE, |_, state: &State<P>| !state.findings.false_report),
        Property::always(WAS_PROPOSED, |_, state: &State<P>| !state.findings.unheard_of),
        Property::always(NO_OBJECTION, |_, state: &State<P>| !state.findings.objection),
        Property::sometimes("a duel", |_, state: &State<P>| state.findings.duel),
        Property::sometimes("an adopted value", |_, state: &State<P>| state.findings.adopted),
        Property::sometimes("a decision", |_, state: &State<P>| state.findings.decided),
        Property::sometimes("a decision after a restart", |_, state: &State<P>| {
            state.findings.decided_after_restart
        }),
    ]
}
