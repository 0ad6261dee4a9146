//! Acks as those who receive them print them: a proposer that counts, or a learner.

use super::asked::exchange;
use super::dialect::Number;
use super::filing::MOST_LOOKED_AT;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::reading::Shows;
use super::state::{Early, Held, Message, Promise, Vote};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Spot};

use super::rules::PaxosRule;

/// How many promises that came before their question are remembered.
const MOST_SINCE: usize = 64;
/// For how many of its numbers a late vote may be.
const MOST_BEFORE: usize = 8;

impl Hypothesis {
    /// An ack that somebody received.
    pub(super) fn ack_received(&mut self, known: &Known, spot: Spot<'_>, m: Message) {
        let number = self.shown(known, &m);
        if let Some(number) = number {
            self.with(number, |proposal| exchange(proposal, spot, &m, false));
        }
        if number.is_none() && !self.means(&m).may_be_none() {
            self.unnumbered.extend((self.unnumbered.len() < 2).then(|| spot.witness()));
        }
        if m.kind == MessageType::PrepareAck {
            self.promise_received(spot, &m, number);
        } else {
            self.vote_received(spot, &m, number);
        }
    }

    fn promise_received(&mut self, spot: Spot<'_>, m: &Message, number: Option<Number>) {
        let means = self.means(m);
        let stream = m.printer.and_then(|printer| self.streams.get(&(spot.input, printer)));
        let current = stream.and_then(|stream| stream.prepared.as_ref()).map(|(n, ..)| *n);
        let held = match (m.held, means) {
            (Held::Unknown, Shows::Accepted) => number.map_or(Held::Nothing, Held::Under),
            (held, _) => held,
        };
        let (value, received, witness) = (m.value, true, spot.witness());
        let is_told = held != Held::Unknown;
        let promise = Promise { value, held, is_told, received, witness };
        match (m.answers, means) {
            (Some(answers), _) => {
                if Some(answers) == number {
                    self.receive_promise(spot, m, answers, promise);
                }
            }
            (None, Shows::Asked) => {
                if let Some(number) = number {
                    self.receive_promise(spot, m, number, promise);
                }
            }
            (None, Shows::Promise) => {
                let Some(number) = number else { return };
                // A refusal promises as much as an answer that is granted: no lower number will be
                // accepted. Proposers that count it are safe.
                if current < Some(number) {
                    self.keep_for_next(spot, m, Some(number), &promise);
                }
                if let Some(current) = current.filter(|current| *current < number) {
                    self.receive_promise(spot, m, current, promise.clone());
                }
                self.receive_promise(spot, m, number, promise);
            }
            (None, Shows::PromiseBefore | Shows::Accepted) => {
                let Some(printer) = m.printer else {
                    self.unplaced_promises = true;
                    return;
                };
                self.keep_for_next(spot, m, None, &promise);
                if let Some(current) = current {
                    self.shows_what_it_may(spot, current, printer, number, means);
                    self.receive_promise(spot, m, current, promise);
                }
            }
        }
    }

    /// The question that it answers may stand on one of the next lines, as far as it promises
    /// enough.
    fn keep_for_next(
        &mut self,
        spot: Spot<'_>,
        m: &Message,
        promised: Option<Number>,
        promise: &Promise,
    ) {
        let Some(printer) = m.printer else { return };
        let stream = self.streams.entry((spot.input, printer)).or_default();
        let Some(from) = m.sender else {
            stream.nameless_since += 1;
            return;
        };
        if stream.since.len() < MOST_SINCE {
            let asked = stream.prepared.as_ref().and_then(|(last, ..)| self.proposals.get(last));
            let answered = |asked: &super::state::Proposal| {
                asked.answer_of(from).is_some_and(|answer| answer.promised_in_time)
            };
            let is_explained = asked.is_some_and(|asked| !answered(asked));
            let promise = promise.clone();
            stream.since.push(Early { from, promised, promise, is_explained });
        }
    }

    /// Nobody has accepted what the proposer itself has not asked for yet.
    fn shows_what_it_may(
        &mut self,
        spot: Spot<'_>,
        current: Number,
        printer: u16,
        number: Option<Number>,
        means: Shows,
    ) {
        let Some(proposal) = self.proposals.get(&current).filter(|_| number == Some(current))
        else {
            return;
        };
        let own = proposal.order == Some((printer, spot.input));
        if means == Shows::Accepted && own && proposal.prepared && !proposal.accept_sent {
            self.contradictions += 1;
            self.findings.add_of(PaxosRule::AckFollowsQuestion, printer, Certainty::Certain, || {
                let words = format!(
                    "an answer to peer{printer} shows {current} as accepted, which peer{printer} \
                     had not asked anybody to accept"
                );
                (vec![spot.witness()], words)
            });
        }
    }

    /// Files a promise that was received.
    fn receive_promise(&mut self, spot: Spot<'_>, m: &Message, number: Number, promise: Promise) {
        let place = m.printer.map(|printer| (printer, spot.input));
        self.with(number, |proposal| {
            let is_order = proposal.order.is_some_and(|(owner, input)| {
                input == spot.input && m.printer.is_none_or(|printer| printer == owner)
            });
            let in_time = is_order && !proposal.accept_sent;
            let Some(sender) = m.sender else {
                let early = proposal.order.is_none();
                proposal.nameless_heard += 1;
                proposal.nameless_promises += usize::from(in_time || early);
                return;
            };
            if is_order || proposal.order.is_none() {
                proposal.take_promise(sender, promise);
            }
            let is_early = proposal.order.is_none();
            let answer = proposal.answer(sender);
            answer.promised_in_time |= in_time || (is_early && place.is_none());
            if is_early && place.is_some() {
                answer.promised_early = place;
            }
        });
    }

    fn vote_received(&mut self, spot: Spot<'_>, m: &Message, number: Option<Number>) {
        let means = self.means(m);
        let number = match (m.answers, means) {
            (Some(answers), _) => Some(answers).filter(|_| number == m.answers),
            (None, Shows::PromiseBefore) => {
                self.votes_received(spot, m, number);
                None
            }
            (None, _) => number,
        };
        if let Some(number) = number {
            self.take_vote(spot, m, number);
        }
    }

    /// An answer that shows what was promised before its question: it may be a vote for what the
    /// proposer asked last, or before that.
    fn votes_received(&mut self, spot: Spot<'_>, m: &Message, promised: Option<Number>) {
        let Some(printer) = m.printer else { return };
        let stream = self.streams.get(&(spot.input, printer));
        let current = stream.and_then(|stream| stream.prepared.as_ref()).map(|(n, ..)| *n);
        let since = promised.unwrap_or(Number::whole(0));
        let own = self.proposals.range(since..).rev().take(MOST_LOOKED_AT);
        let own = own.filter(|(number, proposal)| {
            let is_asked = Some(**number) == current || proposal.accept_sent;
            proposal.order == Some((printer, spot.input)) && is_asked
        });
        let own = own.map(|(number, _)| *number);
        let own: Vec<Number> = own.take(MOST_BEFORE).collect();
        for number in own {
            self.take_vote(spot, m, number);
        }
    }

    fn take_vote(&mut self, spot: Spot<'_>, m: &Message, number: Number) {
        let means = self.means(m);
        // Who shows a number as accepted has accepted it.
        let certain = means == Shows::Accepted || m.answers.is_some();
        let place = m.printer.map(|printer| (printer, spot.input));
        let witness = spot.witness();
        self.with(number, |proposal| {
            let is_order = proposal.order.is_some_and(|(owner, input)| {
                input == spot.input && m.printer.is_none_or(|printer| printer == owner)
            });
            let is_early = proposal.order.is_none();
            let in_time = (is_order && !proposal.owner_chose) || (is_early && place.is_none());
            let owner = proposal.owner();
            proposal.others_count |= m.printer.is_none() || owner != m.printer;
            let Some(sender) = m.sender else {
                proposal.nameless_votes += usize::from(in_time || is_early);
                return;
            };
            let answer = proposal.answer(sender);
            if answer.heard_vote.as_ref().is_none_or(|known| certain && !known.certain) {
                answer.heard_vote = Some(Vote { value: m.value, certain, witness });
            }
            answer.voted_in_time |= in_time;
            if is_early && place.is_some() && !proposal.owner_chose {
                proposal.answer(sender).voted_early = place;
            }
        });
    }
}
