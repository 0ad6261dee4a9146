//! What is known of one run, and what in it violates a property.
//!
//! Everything is computed anew from what acceptors have made durable and from what others could
//! see; nothing is taken from the protocol's own idea of a quorum or a choice.

use std::collections::BTreeMap;

use super::casts::Cast;
use super::properties::{
    CHOICE_KEPT, DURABLE_FIRST, NUMBER_ONCE, ONE_CHOICE, ONE_VALUE, PROMISE_KEPT, PROPOSED,
    QUORUM_ASKED, TRUTH_TOLD, VOTE_KEPT,
};
use crate::paxos::acceptor::Acceptor;
use crate::paxos::{Ack, Fact, Message, Peer, ProposalNumber, Record, Value};
use crate::process::PeerId;
use crate::sim::harness::{Property, Violations};
use crate::sim::index;

/// What is known of one number.
#[derive(Clone, Copy, Default)]
struct Ballot {
    /// The incarnation of its owner that began it.
    begun: Option<u32>,
    /// The value that others were seen to be asked to accept, or voted for.
    value: Option<Value>,
    /// Who has durably accepted it, a bit each.
    voters: u128,
}

/// What is known of one peer.
#[derive(Clone, Copy, Default)]
struct PeerState {
    incarnation: u32,
    /// Its acceptor on disk.
    durable: Acceptor,
    /// Its acceptor in memory, in this incarnation.
    present: Acceptor,
    last_number: Option<ProposalNumber>,
    last_begun: Option<ProposalNumber>,
}

/// The acceptors of one proposer.
#[derive(Clone, Copy)]
struct Electorate {
    members: u128,
    needed: u32,
}

/// What is known of one run.
pub(super) struct Oracle {
    peers: u16,
    electorates: Vec<Option<Electorate>>,
    states: Vec<PeerState>,
    ballots: BTreeMap<ProposalNumber, Ballot>,
    candidates: Vec<Value>,
    chosen: Option<(ProposalNumber, Value)>,
    pub(super) violations: Violations,
}

impl Oracle {
    /// Nothing is known yet.
    pub(super) fn new(cast: &Cast, only: Option<Property>) -> Self {
        let roles = &cast.roles;
        let electorate = |id: u16| {
            let acceptors = &roles.proposers.get(&PeerId(id))?.acceptors;
            let members = acceptors.iter().fold(0, |mask, peer| mask | 1 << index(*peer));
            // A strict majority, computed here anew.
            let needed = u32::try_from(acceptors.len()).unwrap_or(u32::MAX) / 2 + 1;
            Some(Electorate { members, needed })
        };
        Self {
            peers: roles.peers,
            electorates: (1..=roles.peers).map(electorate).collect(),
            states: vec![PeerState::default(); usize::from(roles.peers)],
            ballots: BTreeMap::new(),
            candidates: cast.setups.iter().filter_map(|setup| setup.candidate).collect(),
            chosen: None,
            violations: Violations::new(only),
        }
    }

    /// A peer starts with this memory.
    pub(super) fn started(&mut self, peer: PeerId, process: &Peer) {
        let state = &mut self.states[index(peer)];
        state.incarnation += 1;
        state.present = *process.acceptor();
        let (now, durable) = (state.present, state.durable);
        let number = |acceptor: &Acceptor| acceptor.accepted.map(|vote| vote.number);
        // Of more than is durable only its answers are held against it.
        let violated = if now.min_proposal < durable.min_proposal {
            Some(PROMISE_KEPT)
        } else if number(&now) < number(&durable)
            || number(&now) == number(&durable) && now.accepted != durable.accepted
        {
            Some(VOTE_KEPT)
        } else {
            None
        };
        if let Some(property) = violated {
            self.violations
                .add(property, || format!("{peer} begins without the acceptor that it had kept"));
        }
        if process.last_number() < self.states[index(peer)].last_number {
            self.violations.add(NUMBER_ONCE, || format!("{peer} has forgotten its last number"));
        }
    }

    /// A peer has taken a step, and this is its memory now.
    pub(super) fn stepped(&mut self, peer: PeerId, process: &Peer) {
        let state = &mut self.states[index(peer)];
        let (before, now) = (state.present, *process.acceptor());
        state.present = now;
        if before == now {
            return;
        }
        if now.min_proposal < before.min_proposal {
            self.violations.add(PROMISE_KEPT, || format!("{peer} takes a promise back"));
        }
        if now.accepted.map(|a| a.number) < before.accepted.map(|a| a.number) {
            self.violations.add(VOTE_KEPT, || format!("{peer} takes a vote back"));
        }
    }

    /// This record of a peer is durable.
    pub(super) fn durable(&mut self, peer: PeerId, record: &Record) {
        match record {
            Record::LastNumber(number) => {
                let last = &mut self.states[index(peer)].last_number;
                let before = last.replace(*number);
                if before >= Some(*number) {
                    self.violations
                        .add(NUMBER_ONCE, || format!("{peer} keeps number {number} twice"));
                }
            }
            Record::Acceptor(now) => self.voted(peer, *now),
        }
    }

    fn voted(&mut self, peer: PeerId, now: Acceptor) {
        let before = std::mem::replace(&mut self.states[index(peer)].durable, now);
        if now.min_proposal < before.min_proposal {
            self.violations
                .add(PROMISE_KEPT, || format!("{peer} keeps a lower promise than before"));
        }
        if now.accepted == before.accepted {
            return;
        }
        let Some(vote) = now.accepted else {
            return self.violations.add(VOTE_KEPT, || format!("{peer} keeps a vote no longer"));
        };
        let (number, value) = (vote.number, vote.value);
        if Some(number) < before.min_proposal {
            self.violations
                .add(PROMISE_KEPT, || format!("{peer} accepts {number} below its promise"));
        }
        if Some(number) > now.min_proposal {
            self.violations
                .add(PROMISE_KEPT, || format!("{peer} accepts {number} without promising it"));
        }
        if Some(number) < before.accepted.map(|a| a.number) {
            self.violations
                .add(VOTE_KEPT, || format!("{peer} accepts {number} after a higher one"));
        }
        let own = number.owner(self.peers) == peer;
        let ballot = self.ballots.entry(number).or_default();
        // Its own question may become visible at the same moment as its own vote.
        if own && ballot.value.is_none() {
            ballot.value = Some(value);
        }
        if ballot.value != Some(value) {
            return self.violations.add(VOTE_KEPT, || {
                format!("{peer} accepts {value} under {number}, which nobody asked for")
            });
        }
        ballot.voters |= 1 << index(peer);
        let voters = ballot.voters;
        let Some(electorate) = self.electorate(number) else { return };
        if (voters & electorate.members).count_ones() >= electorate.needed {
            self.choose(number, value);
        }
    }

    fn electorate(&self, number: ProposalNumber) -> Option<Electorate> {
        *self.electorates.get(index(number.owner(self.peers)))?
    }

    fn choose(&mut self, number: ProposalNumber, value: Value) {
        let Some((first, chosen)) = self.chosen else {
            self.chosen = Some((number, value));
            if !self.candidates.contains(&value) {
                self.violations
                    .add(PROPOSED, || format!("{value} is chosen, which nobody proposed"));
            }
            let above = (std::ops::Bound::Excluded(number), std::ops::Bound::Unbounded);
            let other =
                self.ballots.range(above).find(|(_, b)| b.value.is_some_and(|v| v != value));
            if let Some((later, _)) = other.map(|(number, ballot)| (*number, *ballot)) {
                self.violations.add(CHOICE_KEPT, || {
                    format!("{value} is chosen under {number}, but {later} asked for another value")
                });
            }
            return;
        };
        if chosen != value {
            self.violations.add(ONE_CHOICE, || {
                format!("{chosen} is chosen under {first}, and {value} under {number}")
            });
        }
    }

    /// Others can see this message of `from`.
    pub(super) fn sent(&mut self, from: PeerId, message: &Message) {
        match *message {
            Message::Prepare { number, .. } => self.asked(from, number),
            Message::Accept { number, value } => {
                self.asked(from, number);
                self.asked_to_accept(from, number, value);
            }
            Message::PrepareAck(ack) | Message::AcceptAck(ack) => self.answered(from, &ack),
            Message::Chosen { number, value } => self.said_chosen(from, number, value),
        }
    }

    fn asked(&mut self, from: PeerId, number: ProposalNumber) {
        let incarnation = self.states[index(from)].incarnation;
        let begun = self.ballots.entry(number).or_default().begun;
        if number.owner(self.peers) != from {
            self.violations.add(NUMBER_ONCE, || format!("{from} uses {number} of another peer"));
        } else if begun != Some(incarnation) {
            self.violations
                .add(NUMBER_ONCE, || format!("{from} asks under {number} of another incarnation"));
        }
    }

    fn asked_to_accept(&mut self, from: PeerId, number: ProposalNumber, value: Value) {
        let ballot = self.ballots.entry(number).or_default();
        let first = *ballot.value.get_or_insert(value);
        if first != value {
            self.violations.add(ONE_VALUE, || {
                format!("{from} asks for {value} under {number}, after {first}")
            });
        }
        if let Some((lower, chosen)) = self.chosen.filter(|(n, v)| *n < number && *v != value) {
            self.violations.add(CHOICE_KEPT, || {
                format!("{from} asks for {value} under {number}; {chosen} is chosen under {lower}")
            });
        }
        let Some(electorate) = self.electorate(number) else { return };
        let has_promised = |(at, state): (usize, &PeerState)| {
            electorate.members & (1 << at) != 0 && state.durable.min_proposal >= Some(number)
        };
        let promises = self.states.iter().enumerate().filter(|one| has_promised(*one)).count();
        if promises < electorate.needed as usize {
            self.violations.add(QUORUM_ASKED, || {
                format!("{from} asks for acceptance of {number}, which only {promises} promised")
            });
        }
    }

    fn answered(&mut self, from: PeerId, ack: &Ack) {
        let durable = self.states[index(from)].durable;
        let told = ack.accepted.map(|accepted| accepted.number);
        if Some(ack.min_proposal) > durable.min_proposal
            || told > durable.accepted.map(|accepted| accepted.number)
        {
            self.violations.add(DURABLE_FIRST, || {
                format!("{from} answers {} before its record is durable", ack.answers)
            });
        }
        let Some(told) = ack.accepted else { return };
        let ballot = self.ballots.get(&told.number);
        let voted = |b: &Ballot| b.value == Some(told.value) && b.voters >> index(from) & 1 == 1;
        if !ballot.is_some_and(voted) {
            self.violations.add(VOTE_KEPT, || {
                format!("{from} says that it holds {} under {}", told.value, told.number)
            });
        }
    }

    fn said_chosen(&mut self, from: PeerId, number: ProposalNumber, value: Value) {
        let votes = self.ballots.get(&number).filter(|ballot| ballot.value == Some(value));
        let votes = votes.map_or(0, |ballot| ballot.voters);
        let true_choice =
            self.electorate(number).is_some_and(|e| (votes & e.members).count_ones() >= e.needed);
        if !true_choice {
            self.violations.add(TRUTH_TOLD, || {
                format!("{from} says that {value} is chosen under {number}, and it is not")
            });
        }
    }

    /// A peer has something to say.
    pub(super) fn reported(&mut self, peer: PeerId, fact: &Fact) {
        match *fact {
            Fact::Proposing { number, .. } => {
                let state = &mut self.states[index(peer)];
                let (incarnation, before) = (state.incarnation, state.last_begun.replace(number));
                let ballot = self.ballots.entry(number).or_default();
                let earlier = ballot.begun.replace(incarnation);
                if earlier.is_some() || before >= Some(number) {
                    self.violations
                        .add(NUMBER_ONCE, || format!("{peer} uses number {number} again"));
                }
            }
            Fact::Chose { number, value } => self.said_chosen(peer, number, value),
            Fact::Contradiction { known, heard } => self.violations.add(ONE_CHOICE, || {
                format!("{peer} knows {} and hears {}", known.value, heard.value)
            }),
            _ => {}
        }
    }
}
