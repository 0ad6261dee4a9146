//! What a run of Paxos must never do. The [`ledger`](super::ledger) looks at it after every step.

use std::fmt::{self, Display};

/// A claim that a run can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// At most one value is ever accepted by a quorum under one number.
    OneChoice,
    /// What a peer says is chosen has been accepted by a quorum.
    TruthTold,
    /// What is chosen was somebody's candidate.
    Proposed,
    /// A higher number never asks for another value than the chosen one.
    ChoiceKept,
    /// Nobody asks to accept before a quorum has promised.
    QuorumAsked,
    /// A number is asked for one value only.
    OneValue,
    /// A number belongs to one peer and to one life of it, and numbers rise.
    NumberOnce,
    /// A promise never goes down, not even in a crash, and nothing below it is accepted.
    PromiseKept,
    /// A vote is for what was asked, and is never taken back.
    VoteKept,
    /// No answer leaves before what it says is durable.
    DurableFirst,
    /// No peer sends what no honest peer could have sent.
    Honest,
    /// Once nothing goes wrong any more, everybody comes to know the choice.
    Decides,
    /// Rivals do not refuse each other for ever: back-off ends a duel.
    ShortDuels,
}

impl Claim {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::OneChoice,
        Self::TruthTold,
        Self::Proposed,
        Self::ChoiceKept,
        Self::QuorumAsked,
        Self::OneValue,
        Self::NumberOnce,
        Self::PromiseKept,
        Self::VoteKept,
        Self::DurableFirst,
        Self::Honest,
        Self::Decides,
        Self::ShortDuels,
    ];

    /// Its name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneChoice => "one-choice",
            Self::TruthTold => "truth-told",
            Self::Proposed => "proposed",
            Self::ChoiceKept => "choice-kept",
            Self::QuorumAsked => "quorum-asked",
            Self::OneValue => "one-value",
            Self::NumberOnce => "number-once",
            Self::PromiseKept => "promise-kept",
            Self::VoteKept => "vote-kept",
            Self::DurableFirst => "durable-first",
            Self::Honest => "honest",
            Self::Decides => "decides",
            Self::ShortDuels => "short-duels",
        }
    }

    /// True if it is a claim about what happens in time. A script knows no time: in one from which
    /// all deliveries are gone nobody decides, and no back-off is long enough.
    pub fn hangs_on_time(self) -> bool {
        matches!(self, Self::Decides | Self::ShortDuels)
    }

    /// The claim of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.name() == name)
    }
}

impl Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims(u16);

impl Claims {
    /// True if the claim is one of them.
    pub fn contains(self, claim: Claim) -> bool {
        self.0 >> claim as u16 & 1 == 1
    }

    pub(super) fn insert(&mut self, claim: Claim) {
        self.0 |= 1 << claim as u16;
    }
}

/// A broken claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub claim: Claim,
    /// How, in words.
    pub how: String,
}
