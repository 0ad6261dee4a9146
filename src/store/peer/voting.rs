//! A peer as an acceptor: how it votes, and which terms of others it believes.

use super::super::bytes::Bytes;
use super::super::message::{Fact, Message};
use super::super::registers::Vote;
use super::Peer;
use super::forwarding::Other;
use crate::paxos::ProposalNumber;
use crate::paxos::reach::within_reach;
use crate::process::{Effect, Effects, PeerId};

impl Peer {
    /// A question to this peer's acceptor. A peer that has lost its disk does not vote.
    pub(super) fn vote(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let answer = match message {
            Message::Prepare { key, term } => {
                let (record, promise) = self.registers.prepare(&key, term);
                out.extend(record.map(Effect::Persist));
                match promise {
                    Ok(held) => {
                        self.supersede(&key, term);
                        let floor = self.registers.floor().version;
                        Message::Promise { key, term, held, floor }
                    }
                    Err(promised) => Message::Refused { key, term, promised },
                }
            }
            Message::Accept { key, ballot, register } => {
                match self.registers.accept(&key, ballot, &register) {
                    Vote::Accepted(record) => {
                        self.supersede(&key, ballot.term);
                        if let Some(record) = record {
                            out.push(Effect::Persist(record));
                            self.expiries.note(&key, &register, self.now);
                        }
                        Message::Accepted { key, ballot }
                    }
                    Vote::Refused(promised) => {
                        Message::Refused { key, term: ballot.term, promised }
                    }
                    Vote::Late => return,
                }
            }
            Message::Query { key, id, known } => {
                let held = self.registers.held(&key);
                let ballot = held.as_ref().map(|held| held.ballot);
                let register = held.filter(|_| ballot > known).map(|held| held.register);
                Message::State { key, id, ballot, register }
            }
            Message::Drop { key, ballot } => {
                if let Some(record) = self.registers.drop(&key, ballot) {
                    self.expiries.forget(&key);
                    out.push(Effect::Persist(record));
                    self.with_owner(&key, out, |owner, _| owner.dropped(ballot));
                }
                return;
            }
            _ => return,
        };
        out.push(Effect::Send(from, answer));
    }

    fn supersede(&mut self, key: &Bytes, term: ProposalNumber) {
        if let Some(owner) = self.owners.get_mut(key) {
            owner.superseded(term);
        }
    }

    /// No term above this one was promised or used here.
    pub(super) fn highest_term(&self) -> Option<ProposalNumber> {
        let seen = self.seen();
        // Incarnations are called by their first term, and known by hearsay.
        let incarnations = self.others.values().filter_map(Other::first_term).max();
        seen.max(incarnations.map(|first| within_reach(seen, first)))
    }

    /// The highest term that this peer itself has promised, used or been refused for.
    fn seen(&self) -> Option<ProposalNumber> {
        let promised = self.registers.watermark().max(self.registers.floor().term);
        self.terms.reserved().max(self.terms.last()).max(promised)
    }

    /// True if the term of a question is within reach of what was seen. A single frame could use
    /// up all terms otherwise.
    pub(super) fn believes(
        &mut self,
        from: PeerId,
        term: ProposalNumber,
        out: &mut Effects<Self>,
    ) -> bool {
        let believes = self.reach.believes(self.seen(), term);
        if !believes && let Some(count) = self.reach.disbelieve() {
            out.push(Effect::Report(Fact::Disbelieved { from, term, count }));
        }
        believes
    }
}
