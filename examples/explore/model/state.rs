//! Where everything stands, and what can happen next.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use synod::paxos::Timer;
use synod::process::PeerId;

use super::local::Letter;
use super::properties::Findings;
use super::table::{LetterId, LocalId, Table};
use super::{Subject, locked, report};

/// Where everything stands.
pub(crate) struct State<P> {
    pub(super) table: Arc<Mutex<Table<P>>>,
    pub(super) locals: Vec<LocalId>,
    /// Under way; streams one after another, each in order, all else by number.
    pub(super) letters: Vec<LetterId>,
    pub(super) crashes_left: u8,
    pub(super) cuts_left: u8,
    /// What an onlooker finds in it.
    pub(crate) findings: Findings,
    /// Equal for states that are treated alike; the only thing that is hashed.
    pub(super) key: u64,
}

impl<P> Clone for State<P> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            locals: self.locals.clone(),
            letters: self.letters.clone(),
            ..*self
        }
    }
}

impl<P> PartialEq for State<P> {
    fn eq(&self, other: &Self) -> bool {
        self.locals == other.locals
            && self.letters == other.letters
            && (self.crashes_left, self.cuts_left) == (other.crashes_left, other.cuts_left)
    }
}

impl<P> Hash for State<P> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key.hash(hasher);
    }
}

impl<P: Subject> Debug for State<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = locked(&self.table);
        report::describe(&table, &self.locals, &self.letters, f)
    }
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// What.
    pub(crate) what: Happening,
    /// The peer to which it happens crashes after this many of its effects.
    pub(crate) crash_after: Option<u8>,
}

/// See [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Letters to one peer arrive, one after another. The last one makes the peer do something, or
    /// completes a count, and the step that is then due follows; the others are only counted. See
    /// [`reduce`].
    Deliver(Vec<(LetterId, Letter)>),
    /// A timer of a peer fires.
    Fire(PeerId, Timer),
    /// A peer takes a step of its own that is due.
    Proceed(PeerId),
    /// A peer crashes and starts again; all its links come up anew.
    Crash(PeerId),
    /// The links of two peers are cut and come up again.
    Relink(PeerId, PeerId),
}

impl<P> State<P> {
    /// Where that peer stands.
    pub(super) fn at(&self, peer: PeerId) -> LocalId {
        self.locals[usize::from(peer.0 - 1)]
    }
}
