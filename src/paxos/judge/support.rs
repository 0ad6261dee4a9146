//! How many acceptors are a majority, and whose account is complete.

use std::collections::BTreeSet;

use super::dialect::Number;
use super::intake::PaxosJudge;
use super::state::Proposal;
use crate::paxos::event::MessageType;
use crate::trace::findings::Certainty;

/// What is known of the majority that a proposer needs.
#[derive(Clone, Debug)]
pub(super) struct Quorum {
    /// Its acceptors, as the hostsfile names them; else those who answered it.
    pub(super) members: BTreeSet<u16>,
    /// True if a hostsfile names them, so that nobody else counts.
    pub(super) named: bool,
    /// Fewer than these are no majority.
    pub(super) least: usize,
    /// These many are one.
    pub(super) most: usize,
    /// The proposer is its own acceptor and prints no messages to itself.
    pub(super) silent_self: bool,
}

impl Quorum {
    pub(super) fn counts(&self, peer: u16) -> bool {
        !self.named || self.members.contains(&peer)
    }

    /// How sure a finding is that rests on this majority.
    pub(super) fn certainty(&self) -> Certainty {
        if self.named { Certainty::Certain } else { Certainty::IfRoles }
    }
}

fn majority(of: usize) -> usize {
    of / 2 + 1
}

impl PaxosJudge {
    pub(super) fn quorum(&self, owner: u16) -> Quorum {
        let named = self.options.roles.as_ref().and_then(|roles| roles.acceptors.get(&owner));
        let seen = self.answered.get(&owner);
        let members = named.or(seen).cloned().unwrap_or_default();
        let least = majority(members.len());
        let most = if named.is_some() {
            least
        } else {
            let sent = self.fewest_sent.get(&owner).copied().unwrap_or(0);
            majority(members.len().max(sent))
        };
        let silent_self = members.contains(&owner) && !self.is_journal(owner);
        Quorum { members, named: named.is_some(), least, most, silent_self }
    }

    pub(super) fn is_journal(&self, peer: u16) -> bool {
        self.peers.get(&peer).is_some_and(|facts| facts.journal)
    }

    /// True if answers to this proposer are among the lines. Where it is not known who received
    /// an answer, it was the one who asked.
    pub(super) fn hears_answers(&self, owner: u16) -> bool {
        self.nameless_answers || self.peers.get(&owner).is_some_and(|facts| facts.hears_answers)
    }

    /// Remembers who takes part in this number.
    pub(super) fn note_acceptors(&mut self, proposal: &Proposal) {
        let Some(owner) = proposal.owner() else { return };
        let seen = self.answered.entry(owner).or_default();
        seen.extend(proposal.answers.iter().map(|answer| answer.peer));
        if proposal.prepares_sent > 0 {
            let fewest = self.fewest_sent.entry(owner).or_insert(proposal.prepares_sent);
            *fewest = (*fewest).min(proposal.prepares_sent);
        }
    }

    /// True if the lines of `peer` are here beyond the moment of this message, so that a line
    /// which is missing was never printed. A killed peer may have lost the end of its lines, and
    /// where a journal has a gap, everything that is missing may have stood there.
    pub(super) fn tells_all(&self, peer: u16, kind: MessageType, number: Number) -> bool {
        let Some(facts) = self.peers.get(&peer).filter(|_| !self.has_gaps) else { return false };
        if facts.journal && !facts.queued {
            return true;
        }
        let beyond = |highest: Option<Number>| highest > Some(number);
        match kind {
            _ if facts.starts > 1 => false,
            MessageType::Prepare => {
                beyond(facts.highest_prepare) || facts.highest_accept >= Some(number)
            }
            MessageType::Accept => beyond(facts.highest_prepare),
            MessageType::PrepareAck | MessageType::AcceptAck => {
                beyond(facts.highest_ack) || beyond(facts.highest_heard)
            }
            MessageType::Chose | MessageType::Chosen => false,
        }
    }

    /// True if no proposer's lines are missing, as far as that can be known.
    pub(super) fn every_proposer_speaks(&self) -> bool {
        // What a killed one put forward may have stood at the end that is missing.
        if self.has_gaps || self.peers.values().any(|facts| facts.queued) {
            return false;
        }
        let speaks = |peer: &u16| self.peers.get(peer).is_some_and(|facts| facts.speaks);
        match &self.options.roles {
            Some(roles) => roles.acceptors.keys().all(speaks),
            None => !self.number_without_prepare,
        }
    }
}
