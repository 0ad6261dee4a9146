//! What must always hold, and what must happen at least somewhere.
//!
//! The onlooker recomputes everything from votes: an acceptor's vote is what it made durable or
//! said that it accepted. What a peer *says* about the choice is only compared with that.

use stateright::Property;
use synod::paxos::{Accepted, Message};

use super::bounds::Bounds;
use super::local::Seen;
use super::state::State;
use super::table::{LetterId, LocalId, Table};
use super::{Exploration, Subject};

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
/// Every record of a step stands before its first message, so that no answer can be taken back.
pub(crate) const DURABLE_FIRST: &str = "nothing is told before it is durable";
/// Somewhere somebody comes to know a choice.
pub(crate) const DECISION: &str = "a decision";
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
    told_early: bool,
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
        let (mut votes, mut uses): (Vec<Accepted>, Vec<Accepted>) = (Vec::new(), Vec::new());
        for local in peers() {
            let Seen { votes: cast, asked, broke_promise, objected, contradicted, .. } =
                &local.seen;
            found.told_early |= local.seen.told_early;
            votes.extend(cast);
            uses.extend(cast.iter().chain(asked));
            found.promise_broken |= broke_promise;
            found.objection |= *objected || *contradicted;
        }
        uses.sort_unstable();
        found.two_values_a_number =
            uses.windows(2).any(|two| two[0].number == two[1].number && two[0] != two[1]);
        let chosen = chosen(&mut votes, usize::from(bounds.acceptors));
        found.two_chosen = chosen.iter().any(|one| one.value != chosen[0].value);
        found.unheard_of = chosen.iter().any(|one| !bounds.is_candidate(one.value));
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
        let peers = u16::try_from(locals.len()).expect("few peers");
        found.adopted = letters.iter().any(|&letter| match table.letter(letter).message {
            Message::Accept { number, value } => {
                bounds.candidate(number.owner(peers)) != Some(value)
            }
            _ => false,
        });
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
            || self.told_early
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
        Property::always(DURABLE_FIRST, |_, state: &State<P>| !state.findings.told_early),
        Property::always(NO_OBJECTION, |_, state: &State<P>| !state.findings.objection),
        Property::sometimes("a duel", |_, state: &State<P>| state.findings.duel),
        Property::sometimes("an adopted value", |_, state: &State<P>| state.findings.adopted),
        Property::sometimes(DECISION, |_, state: &State<P>| state.findings.decided),
        Property::sometimes("a decision after a restart", |_, state: &State<P>| {
            state.findings.decided_after_restart
        }),
    ]
}
