//! What peers say to each other, one documented variant per message.

use serde::{Deserialize, Serialize};

use super::proposal::{ProposalNumber, Value};

/// A value that an acceptor accepted, and the number under which it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted<V = Value> {
    /// The papers' `accepted_proposal`.
    pub number: ProposalNumber,
    /// The papers' `accepted_value`.
    pub value: V,
}

/// An acceptor's answer to either question: the whole of what it holds *after* handling it.
///
/// It names the question it answers, and that is a matter of safety. With `min_proposal` alone, a
/// delayed refusal of 1 that says 6 reads as an acceptance of 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack<V = Value> {
    /// The number in the question.
    pub answers: ProposalNumber,
    /// The acceptor's promise. Equal to `answers`: granted. Above it: refused, and this is the
    /// higher number that was promised.
    pub min_proposal: ProposalNumber,
    /// What the acceptor last accepted.
    pub accepted: Option<Accepted<V>>,
    /// The value in the question; only printed, while nothing is accepted.
    pub asked: V,
}

impl<V> Ack<V> {
    /// True if the acceptor did as asked.
    pub fn granted(&self) -> bool {
        self.min_proposal == self.answers
    }

    /// True if this says that the acceptor accepted under the number in the question.
    pub fn accepts(&self) -> bool {
        self.granted()
            && self.accepted.as_ref().is_some_and(|accepted| accepted.number == self.answers)
    }
}

/// The messages of Paxos, under the names that the lab prints, about values of type `V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message<V = Value> {
    /// Proposer to its acceptors (the papers' 1a): promise to ignore everything below `number`.
    #[serde(rename_all = "snake_case")]
    Prepare {
        /// The attempt's number.
        number: ProposalNumber,
        /// The proposer's own candidate; only printed.
        value: V,
    },
    /// Acceptor to proposer (1b): granted, it is a promise for the number that it answers.
    PrepareAck(Ack<V>),
    /// Proposer to its acceptors (2a), after a majority of promises: accept `value`.
    Accept {
        /// The attempt's number.
        number: ProposalNumber,
        /// The value that the promises allow.
        value: V,
    },
    /// Acceptor to proposer (2b): granted, it is an acceptance. Its proposer's learners get a copy
    /// of acceptances.
    AcceptAck(Ack<V>),
    /// From a peer that knows the choice to acceptors and learners: `value` was accepted by a
    /// majority under `number`.
    Chosen {
        /// The number under which the sender knows it.
        number: ProposalNumber,
        /// The choice.
        value: V,
    },
}
