//! What no honest peer can have sent.
//!
//! These checks need only the roles, never the state, so a message is refused today and tomorrow
//! alike. (A number that is merely too high is another matter: [`reach`](super::reach).) They guard
//! against mistakes and strays, not against a peer that lies within its rights: Paxos tolerates
//! crashes, not malice.

use super::message::{Ack, Message};
use super::peer::Setup;
use super::proposal::ProposalNumber;
use crate::process::PeerId;

impl Setup {
    /// Why `from` cannot have sent `message`, if so.
    pub(super) fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        match message {
            Message::Prepare { number, .. } | Message::Accept { number, .. } => {
                let owner = number.owner(self.roles.peers);
                if owner != from {
                    return Some(format!("proposal {number} belongs to {owner}, not to {from}"));
                }
                let served = self.roles.serves(self.me, *number);
                (!served).then(|| format!("{} is no acceptor of {from}", self.me))
            }
            Message::PrepareAck(ack) => {
                self.ack_objection(from, ack).or_else(|| self.asked_by_me(ack.answers))
            }
            Message::AcceptAck(ack) => self.ack_objection(from, ack).or_else(|| {
                if ack.granted() && !ack.accepts() {
                    return Some(format!("it grants {} without holding it", ack.answers));
                }
                let learner = self
                    .roles
                    .proposer_of(ack.answers)
                    .is_some_and(|(_, electorate)| electorate.learners.contains(&self.me));
                if learner && ack.accepts() { None } else { self.asked_by_me(ack.answers) }
            }),
            Message::Chosen { number, .. } => self
                .roles
                .proposer_of(*number)
                .is_none()
                .then(|| format!("proposal {number} belongs to no proposer")),
        }
    }

    fn asked_by_me(&self, number: ProposalNumber) -> Option<String> {
        let owner = number.owner(self.roles.peers);
        (owner != self.me).then(|| format!("it answers {number}, which {} never asked", self.me))
    }

    /// An ack must hang together: no acceptor's promise is below the question or below what it
    /// holds, and all its numbers belong to proposers that it serves.
    fn ack_objection(&self, from: PeerId, ack: &Ack) -> Option<String> {
        let held = ack.accepted.map(|accepted| accepted.number);
        let numbers = [Some(ack.answers), Some(ack.min_proposal), held];
        if let Some(stray) = numbers.into_iter().flatten().find(|n| !self.roles.serves(from, *n)) {
            return Some(format!("{from} is no acceptor of the proposer of {stray}"));
        }
        if ack.min_proposal < ack.answers || held > Some(ack.min_proposal) {
            return Some(format!("its promise {} is below its own numbers", ack.min_proposal));
        }
        None
    }
}
