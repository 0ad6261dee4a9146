//! What is explored: how many peers, what the network may do, and how far it goes.

use std::sync::Arc;
use std::time::Duration;

use synod::paxos::{Electorate, Roles, Setup, Value};
use synod::process::PeerId;

/// What the links between peers may do. A message that is never delivered is a lost one, so loss
/// needs no step of its own: no property asks that anything arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// Loses, repeats and reorders at will: whatever was once sent can arrive at any later moment,
    /// any number of times. The network is the *set* of messages ever sent.
    Anything,
    /// Loses and reorders, but delivers nothing twice.
    Once,
    /// What the runtime has: streams, which keep their order and lose what is under way when a
    /// link is cut. This many cuts may happen, besides those of a crash.
    Streams {
        /// How many links are cut, each at any moment.
        cuts: u8,
    },
}

/// The candidates, by proposer.
const VALUES: [char; 4] = ['Z', 'Y', 'X', 'W'];

/// Where a crash can fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrashPoints {
    /// After every single effect.
    BetweenEffects,
    /// Between two steps. On a network that may lose anything this is as strong: a peer that
    /// crashes within a step has sent fewer messages than one that crashes after it, and nothing
    /// else, because every record stands before the first message of its list. That last
    /// point is a property of every state.
    BetweenSteps,
}

/// The bounds of one exploration.
#[derive(Clone, Copy, Debug)]
// Each is a question of its own.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Bounds {
    /// How many acceptors.
    pub(crate) acceptors: u16,
    /// How many proposers.
    pub(crate) proposers: u16,
    /// True if the proposers are acceptors too; false if they are peers of their own.
    pub(crate) combined: bool,
    /// How many learners, each a peer of its own.
    pub(crate) learners: u16,
    /// How many attempts a proposer makes in one incarnation.
    pub(crate) rounds: u8,
    /// How many crashes, each of any peer, each followed by a restart from the durable records.
    pub(crate) crashes: u8,
    /// Where a crash can fall.
    pub(crate) crash_points: CrashPoints,
    /// What the links may do.
    pub(crate) network: Network,
    /// True if notices of a choice travel too.
    pub(crate) notices: bool,
    /// True if links may come up again at any moment, so that peers repeat what is open.
    pub(crate) reconnects: bool,
    /// True if answers to questions of an earlier attempt still arrive. They can only make a
    /// proposer draw a higher number next.
    pub(crate) stale_answers: bool,
    /// Treat states alike that differ only in which acceptor is which.
    pub(crate) symmetry: bool,
    /// Forget what can no longer matter: messages that change nothing now or later, and the memory
    /// of a proposer that has used its rounds up. See [`super::reduce`].
    pub(crate) reduce: bool,
}

impl Bounds {
    /// Acceptors and proposers apart, one round each, the most hostile network, one crash, and
    /// every reduction.
    pub(crate) const fn new(acceptors: u16, proposers: u16) -> Self {
        Self {
            acceptors,
            proposers,
            combined: false,
            learners: 0,
            rounds: 1,
            crashes: 1,
            crash_points: CrashPoints::BetweenSteps,
            network: Network::Anything,
            notices: false,
            reconnects: false,
            stale_answers: false,
            symmetry: true,
            reduce: true,
        }
    }

    /// The same without any reduction, and with a crash after every single effect.
    pub(crate) const fn in_full(self) -> Self {
        let crash_points = CrashPoints::BetweenEffects;
        Self { crash_points, stale_answers: true, symmetry: false, reduce: false, ..self }
    }

    /// True if letters that a peer only counts arrive together with the one that it acts on.
    pub(crate) fn counts_at_once(&self) -> bool {
        self.reduce && self.network == Network::Anything
    }

    fn ids(from: u16, count: u16) -> impl Iterator<Item = PeerId> {
        (from + 1..=from + count).map(PeerId)
    }

    /// The acceptors that a permutation may exchange: those that are nothing else.
    pub(crate) fn interchangeable(&self) -> Vec<PeerId> {
        if !self.symmetry {
            Vec::new()
        } else if self.combined {
            Self::ids(self.proposers, self.acceptors - self.proposers).collect()
        } else {
            Self::ids(self.proposers, self.acceptors).collect()
        }
    }

    /// The roles: proposers first, so that their numbers are 1, 2, 3.
    pub(crate) fn roles(&self) -> Roles {
        let before = if self.combined { 0 } else { self.proposers };
        let electorate = Electorate {
            acceptors: Self::ids(before, self.acceptors).collect(),
            learners: Self::ids(before + self.acceptors, self.learners).collect(),
        };
        let proposers = Self::ids(0, self.proposers).map(|id| (id, electorate.clone())).collect();
        Roles { peers: before + self.acceptors + self.learners, proposers }
    }

    /// What this peer proposes, if it is a proposer. A higher number has a smaller value, so that
    /// a proposer that takes the largest value instead of the highest number does wrong somewhere.
    pub(crate) fn candidate(&self, peer: PeerId) -> Option<Value> {
        let proposer = peer.0 <= self.proposers;
        VALUES.get(usize::from(peer.0 - 1)).copied().map(Value).filter(|_| proposer)
    }

    /// True if somebody proposes this value.
    pub(crate) fn is_candidate(&self, value: Value) -> bool {
        VALUES[..usize::from(self.proposers)].contains(&value.0)
    }

    /// What each peer is told at its birth.
    pub(crate) fn setups(&self) -> Vec<Arc<Setup>> {
        let roles = self.roles();
        let setup = |me| Setup {
            me,
            roles: roles.clone(),
            candidate: self.candidate(me),
            // Not zero: the first attempt, too, comes when its timer fires, at any moment.
            delay: Duration::from_secs(1),
            link_wait: Duration::from_secs(1),
        };
        Self::ids(0, roles.peers).map(|me| Arc::new(setup(me))).collect()
    }
}

/// Bounds with a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// The name.
    pub(crate) name: &'static str,
    /// In words.
    pub(crate) about: &'static str,
    /// The bounds.
    pub(crate) bounds: Bounds,
    /// How many states there are, where that is known: all of them were tried.
    pub(crate) states: Option<usize>,
    /// What must happen somewhere and cannot happen within these bounds.
    pub(crate) never: &'static [&'static str],
    /// True for those that every test run explores.
    pub(crate) quick: bool,
}

const fn named(
    name: &'static str,
    about: &'static str,
    bounds: Bounds,
    states: Option<usize>,
) -> Named {
    Named { name, about, bounds, states, never: &[], quick: false }
}

impl Named {
    const fn without(self, never: &'static [&'static str]) -> Self {
        Self { never, ..self }
    }

    const fn quick(self) -> Self {
        Self { quick: true, ..self }
    }
}

const PLAIN: Bounds = Bounds { crashes: 0, ..Bounds::new(3, 2) };
const STREAMS: Network = Network::Streams { cuts: 1 };

/// The bounds that are worth a name, small ones first.
pub(crate) const NAMED: [Named; 15] = [
    named(
        "first-steps",
        "two proposers, three acceptors, one crash: for the explorer",
        Bounds { symmetry: false, ..Bounds::new(3, 2) },
        None,
    ),
    named(
        "whole",
        "one proposer, three acceptors, nothing left out",
        Bounds { proposers: 1, ..PLAIN.in_full() },
        Some(608),
    )
    .without(&["a decision after a restart", "a duel", "an adopted value"])
    .quick(),
    named("3x2", "3 acceptors, 2 proposers, one crash", Bounds::new(3, 2), Some(4_885)).quick(),
    named(
        "2x2-effects",
        "2 acceptors, 2 proposers, one crash after every effect",
        Bounds { crash_points: CrashPoints::BetweenEffects, symmetry: false, ..Bounds::new(2, 2) },
        Some(1_216),
    )
    .quick(),
    named(
        "2x2-combined",
        "2 peers, both acceptors and proposers, one crash after any effect",
        Bounds { combined: true, crash_points: CrashPoints::BetweenEffects, ..Bounds::new(2, 2) },
        Some(10_372),
    ),
    named(
        "combined",
        "3 peers, all acceptors, 2 of them proposers, one crash after any effect",
        Bounds { combined: true, crash_points: CrashPoints::BetweenEffects, ..Bounds::new(3, 2) },
        Some(4_721_221),
    ),
    named(
        "learner",
        "3 acceptors, 2 proposers, a learner, notices of the choice",
        Bounds { learners: 1, notices: true, ..PLAIN },
        Some(1_606),
    )
    .without(&["a decision after a restart"])
    .quick(),
    named(
        "once",
        "3 acceptors, 2 proposers; messages are lost and reordered, but come once",
        Bounds { network: Network::Once, ..PLAIN },
        Some(162_739),
    ),
    named(
        "streams",
        "3 acceptors, 2 proposers on streams; one cut, one crash",
        Bounds { network: STREAMS, ..Bounds::new(3, 2) },
        Some(624_914),
    ),
    named(
        "stale",
        "3 acceptors, 2 proposers, one crash, answers to earlier questions",
        Bounds { stale_answers: true, ..Bounds::new(3, 2) },
        None,
    ),
    named(
        "3x2-rounds",
        "3 acceptors, 2 proposers, two rounds each",
        Bounds { rounds: 2, ..PLAIN },
        Some(148_494),
    ),
    named("5x2", "5 acceptors, 2 proposers, one crash", Bounds::new(5, 2), Some(61_251)),
    named("3x3", "3 acceptors, 3 proposers, one crash", Bounds::new(3, 3), Some(138_100)),
    named("5x3", "5 acceptors, 3 proposers, one crash", Bounds::new(5, 3), None),
    named(
        "3x3-rounds",
        "3 acceptors, 3 proposers, two rounds each, one crash",
        Bounds { rounds: 2, ..Bounds::new(3, 3) },
        None,
    ),
];
