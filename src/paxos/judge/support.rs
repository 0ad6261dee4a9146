//! How many acceptors are a majority, and whose account is complete.

use std::collections::BTreeSet;

use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::reading::Shows;
use super::state::{Answer, Proposal, Stream, Vote};
use crate::paxos::event::MessageType;

/// What is known of the majority that a proposer needs.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Quorum {
    /// Its acceptors, as the hostsfile names them; else those who answered it.
    pub(super) members: BTreeSet<u16>,
    /// True if a hostsfile names them, so that nobody else counts.
    pub(super) named: bool,
    /// Fewer than these are no majority.
    pub(super) least: usize,
    /// These many are one.
    pub(super) most: usize,
    /// There are no others, as far as the proposer's own lines tell.
    pub(super) is_all: bool,
    /// The proposer is its own acceptor and prints no messages to itself: it has a voice more.
    pub(super) silent_self: bool,
    /// It may be one; then there is a member more as well.
    pub(super) perhaps_self: bool,
    /// The proposer, if its voice is counted apart.
    apart: Option<u16>,
}

impl Quorum {
    pub(super) fn counts(&self, peer: u16) -> bool {
        (!self.named || self.members.contains(&peer)) && self.apart != Some(peer)
    }

    /// True if so many voices, beside the proposer's own, may be a majority.
    pub(super) fn may_be(&self, count: usize) -> bool {
        let own = usize::from(self.silent_self);
        count + own >= self.least
            || (self.perhaps_self && count + 1 >= majority(self.members.len() + 1))
    }

    /// What it takes, in words.
    pub(super) fn need(&self) -> String {
        let with = if self.silent_self { ", its own voice among them" } else { "" };
        format!("{} of {}{with}", self.least, self.members.len())
    }
}

fn majority(of: usize) -> usize {
    of / 2 + 1
}

impl Hypothesis {
    pub(super) fn quorum(&self, known: &Known, owner: u16) -> Quorum {
        let named = known.options.roles.as_ref().and_then(|roles| roles.acceptors.get(&owner));
        let seen = self.answered.get(&owner);
        let mut members = named.or(seen).cloned().unwrap_or_default();
        let facts = known.facts(owner);
        let shows_itself = facts.is_some_and(|facts| facts.journal || facts.talks_to_itself);
        let silent_self = named.is_some() && members.contains(&owner) && !shows_itself;
        let perhaps_self = named.is_none() && !shows_itself;
        if perhaps_self {
            members.remove(&owner);
        }
        let least = majority(members.len());
        let most = if named.is_some() {
            least
        } else {
            let sent = self.most_sent.get(&owner).copied().unwrap_or(0);
            majority(members.len().max(sent) + usize::from(!shows_itself))
        };
        let apart = Some(owner).filter(|_| silent_self || perhaps_self);
        let sent = self.most_sent.get(&owner).copied().unwrap_or(0);
        let is_all = named.is_some() || (sent > 1 && sent == members.len());
        Quorum {
            members,
            is_all,
            named: named.is_some(),
            least,
            most,
            silent_self,
            perhaps_self,
            apart,
        }
    }

    /// True if answers to this proposer are among the lines. Where it is not known who received
    /// an answer, it was the one who asked.
    pub(super) fn hears_answers(known: &Known, owner: u16) -> bool {
        known.nameless_answers || known.facts(owner).is_some_and(|facts| facts.hears_answers)
    }

    /// Remembers who takes part in this number.
    pub(super) fn note_acceptors(&mut self, proposal: &Proposal) {
        let Some(owner) = proposal.owner() else { return };
        let seen = self.answered.entry(owner).or_default();
        seen.extend(proposal.answers.iter().map(|answer| answer.peer));
        if proposal.prepares_sent > 0 {
            let most = self.most_sent.entry(owner).or_default();
            *most = proposal.prepares_sent.max(*most);
        }
    }

    fn streams_of(&self, peer: u16) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(move |((_, of), _)| *of == peer).map(|(_, stream)| stream)
    }

    /// True if the lines of this peer begin with its first one.
    pub(super) fn is_whole(&self, peer: u16) -> bool {
        self.streams_of(peer).any(|stream| stream.is_whole)
    }

    /// True if the lines of `peer` are here from before the moment of this message to after it, so
    /// that a line which is missing was never printed. A killed peer may have lost the end of its
    /// lines, a log its beginning, and where a journal has a gap, everything that is missing may
    /// have stood there.
    pub(super) fn tells_all(
        &self,
        known: &Known,
        peer: u16,
        kind: MessageType,
        number: Number,
        answer: Option<&Answer>,
    ) -> bool {
        let Some(facts) = known.facts(peer).filter(|_| !known.has_gaps) else { return false };
        let whole = self.is_whole(peer);
        if facts.journal && whole && !facts.queued {
            return true;
        }
        if facts.starts > 1 || facts.choices > 1 {
            return false;
        }
        self.streams_of(peer).any(|stream| match kind {
            MessageType::Prepare => {
                let is_before = stream.first_prepared.is_some_and(|first| first < number);
                let last = stream.prepared.as_ref().map(|(last, ..)| *last);
                (is_before || stream.is_whole) && last > Some(number)
            }
            MessageType::Accept => {
                let is_before = stream.first_prepared.is_some_and(|first| first <= number);
                let last = stream.prepared.as_ref().map(|(last, ..)| *last);
                (is_before || stream.is_whole) && last > Some(number)
            }
            MessageType::PrepareAck | MessageType::AcceptAck => {
                let means = self.reading.of(kind);
                let means = if facts.journal { Shows::Promise } else { means };
                let shown = stream.shown[usize::from(kind == MessageType::AcceptAck)];
                let Some([first, last]) = shown else { return false };
                let is_before = first < Some(number) || stream.is_whole;
                match means {
                    Shows::Asked => answer.is_some_and(|answer| {
                        let is_vote = kind == MessageType::AcceptAck;
                        let times = if is_vote { answer.accepts } else { answer.prepares };
                        let at = answer.heard_at[usize::from(is_vote)];
                        times == 1 && at > 1 && stream.answered > at
                    }),
                    Shows::Promise => {
                        let promised = stream.promised.as_ref().map(|(promised, _)| *promised);
                        is_before && promised > Some(number)
                    }
                    _ => is_before && last > Some(number),
                }
            }
            MessageType::Chose | MessageType::Chosen => false,
        })
    }

    /// The vote of an acceptor, unless its own lines tell that there was none.
    pub(super) fn possible_vote<'a>(
        &self,
        known: &Known,
        number: Number,
        answer: &'a Answer,
    ) -> Option<&'a Vote> {
        if answer.vote.is_some() {
            return answer.vote.as_ref();
        }
        let heard = answer.heard_vote.as_ref()?;
        let refused = answer.refused.is_some() && answer.accepts == 1;
        let none =
            || !heard.certain && self.has_not_voted(known, answer.peer, number, Some(answer));
        Some(heard).filter(|_| !(refused || none()))
    }

    /// True if the lines of an acceptor show that it did not accept this number: it printed no vote
    /// from before it could to after it could no longer.
    pub(super) fn has_not_voted(
        &self,
        known: &Known,
        peer: u16,
        number: Number,
        answer: Option<&Answer>,
    ) -> bool {
        let Some(facts) = known.facts(peer).filter(|_| !known.has_gaps) else { return false };
        let is_restarted = facts.choices > 1 || (facts.starts > 1 && facts.queued);
        if !facts.hears_questions || is_restarted || answer.is_some_and(|a| a.vote.is_some()) {
            return false;
        }
        let promised = answer.is_some_and(|a| {
            let in_time = a.promised_in_time || a.promised_early.is_some();
            // Its promise came before the question that it did not answer.
            a.promise_sent && in_time
        });
        let first = answer.is_some_and(|a| a.prepares > 0 && a.heard_at[0] > 1);
        self.streams_of(peer).any(|stream| {
            // What an ack shows grows, unless it is the question's number.
            let readings = [self.reading.prepare, self.reading.accept];
            let shown = stream.shown.iter().zip(readings).any(|(shown, means)| {
                means != Shows::Asked && shown.is_some_and(|[first, _]| first < Some(number))
            });
            let is_before = stream.is_whole || promised || first || shown;
            let asked = answer.is_some_and(|a| a.accepts > 0);
            let silent = || answer.is_some_and(|a| stream.answered > a.heard_at[1]);
            let promised = stream.promised.as_ref().is_some_and(|(promised, _)| *promised > number);
            // Under one reading a vote may look like a copy of the one before.
            let tells = self.reading.accept != Shows::PromiseBefore;
            // An answer is taken for that to another question where questions are logged late.
            let tells = tells && stream.late.is_none();
            is_before && promised && (!asked || tells && silent())
        })
    }

    /// True if no proposer's lines are missing, as far as that can be known.
    pub(super) fn every_proposer_speaks(&self, known: &Known) -> bool {
        // What a killed one put forward may have stood at the end that is missing.
        if known.has_gaps || known.peers.values().any(|facts| facts.queued) {
            return false;
        }
        let speaks = |peer: &u16| known.facts(*peer).is_some_and(|facts| facts.speaks);
        match &known.options.roles {
            Some(roles) => roles.acceptors.keys().all(speaks),
            None => !self.number_without_prepare,
        }
    }

    /// True if the lines of every proposer are here, from the first one on.
    pub(super) fn every_proposer_is_whole(&self, known: &Known) -> bool {
        let whole = |peer: &u16| self.is_whole(*peer);
        let all = known.options.roles.as_ref();
        self.every_proposer_speaks(known) && all.is_some_and(|r| r.acceptors.keys().all(whole))
    }
}
