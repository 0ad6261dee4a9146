//! What is explored: how many peers, what the network may do, and how far it goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use synod::paxos::{Audience, Roles, Setup, Value};
use synod::process::PeerId;

/// What the links between peers may do. A message that is never delivered is a lost one, so loss
/// needs no step of its own: no property asks that anything arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
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

/// Where a crash can fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoints {
    /// After every single effect.
    BetweenEffects,
    /// Between two steps. On a network that may lose anything this is as strong: a peer that
    /// crashes within a step has sent fewer messages than one that crashes after it, and nothing
    /// else, because every record stands before the first message of its list. The model asserts
    /// that last point on every step.
    BetweenSteps,
}

/// The bounds of one exploration.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many acceptors.
    pub acceptors: u16,
    /// How many proposers.
    pub proposers: u16,
    /// True if the proposers are acceptors too; false if they are peers of their own.
    pub combined: bool,
    /// How many learners, each a peer of its own.
    pub learners: u16,
    /// How many attempts a proposer makes in one life.
    pub rounds: u8,
    /// How many crashes, each of any peer, each followed by a restart from the durable records.
    pub crashes: u8,
    /// Where a crash can fall.
    pub crash_points: CrashPoints,
    /// What the links may do.
    pub network: Network,
    /// True if notices of a choice travel too.
    pub notices: bool,
    /// True if links may come up again at any moment, so that peers repeat what is open.
    pub reconnects: bool,
    /// True if answers to questions of an earlier attempt still arrive. They can only make a
    /// proposer draw a higher number next.
    pub stale_answers: bool,
    /// Treat states alike that differ only in which acceptor is which.
    pub symmetry: bool,
    /// Forget what can no longer matter: messages that change nothing now or later, and the memory
    /// of a proposer that has used its rounds up. See [`super::reduce`].
    pub reduce: bool,
}

impl Bounds {
    /// Acceptors and proposers apart, one round each, the most hostile network, one crash, and
    /// every reduction.
    pub const fn new(acceptors: u16, proposers: u16) -> Self {
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
    pub const fn in_full(self) -> Self {
        let crash_points = CrashPoints::BetweenEffects;
        Self { crash_points, stale_answers: true, symmetry: false, reduce: false, ..self }
    }

    /// True if letters that a peer only counts arrive together with the one that it acts on.
    pub fn counts_at_once(&self) -> bool {
        self.reduce && self.network == Network::Anything
    }

    fn ids(from: u16, count: u16) -> impl Iterator<Item = PeerId> {
        (from + 1..=from + count).map(PeerId)
    }

    /// The acceptors that a permutation may exchange: those that are nothing else.
    pub fn interchangeable(&self) -> Vec<PeerId> {
        if !self.symmetry {
            Vec::new()
        } else if self.combined {
            Self::ids(self.proposers, self.acceptors - self.proposers).collect()
        } else {
            Self::ids(self.proposers, self.acceptors).collect()
        }
    }

    /// The roles: proposers first, so that their numbers are 1, 2, 3.
    pub fn roles(&self) -> Roles {
        let before = if self.combined { 0 } else { self.proposers };
        let audience = Audience {
            acceptors: Self::ids(before, self.acceptors).collect(),
            learners: Self::ids(before + self.acceptors, self.learners).collect(),
        };
        let proposers = Self::ids(0, self.proposers).map(|id| (id, audience.clone())).collect();
        Roles { peers: before + self.acceptors + self.learners, proposers }
    }

    /// What each proposer proposes. The last one has the smallest value, so that a proposer that
    /// takes the largest value instead of the highest number does wrong somewhere.
    pub fn candidates(&self) -> BTreeMap<PeerId, Value> {
        Self::ids(0, self.proposers).zip(['Z', 'Y', 'X', 'W'].map(Value)).collect()
    }

    /// What each peer is told at its birth.
    pub fn setups(&self) -> Vec<Arc<Setup>> {
        let (roles, candidates) = (self.roles(), self.candidates());
        let setup = |me| Setup {
            me,
            roles: roles.clone(),
            candidate: candidates.get(&me).copied(),
            // Not zero: the first attempt, too, comes when its timer fires, at any moment.
            delay: Duration::from_secs(1),
            patience: Duration::from_secs(1),
        };
        Self::ids(0, roles.peers).map(|me| Arc::new(setup(me))).collect()
    }
}
