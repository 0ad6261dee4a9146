//! A number that is judged, and which answers to it the log may have lost.

use super::dialect::Number;
use super::filing::MOST_LOOKED_AT;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::reading::Shows;
use super::state::{Answer, Proposal, Stream};
use super::support::Quorum;

/// A number that is judged.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) number: Number,
    pub(super) proposal: &'a Proposal,
    pub(super) owner: u16,
    pub(super) quorum: &'a Quorum,
    /// Lines about it may be missing anywhere.
    pub(super) partial: bool,
}

impl Case<'_> {
    pub(super) fn answers(&self) -> impl Iterator<Item = &Answer> + Clone {
        self.proposal.answers.iter().filter(|answer| self.quorum.counts(answer.peer))
    }

    /// True if nothing is missing of what the proposer printed about it, from the first promise
    /// on. Where its prepare is the first line that is here, answers may stand before it, unless
    /// all acceptors were asked once and tell so.
    pub(super) fn is_seen_from_its_prepare_on(&self) -> bool {
        let Proposal { begins_here, in_a_row, prepared, prepares_sent, .. } = self.proposal;
        let mut others = self.quorum.members.iter().filter(|peer| self.quorum.counts(**peer));
        let is_asked_once = |peer: &u16| {
            let answer = self.proposal.answer_of(*peer);
            answer.is_some_and(|a| self.proposal.promised(a) || a.prepares == 1)
        };
        let is_first = *prepares_sent == others.clone().count() && others.all(is_asked_once);
        *begins_here || (*prepared && *in_a_row && is_first)
    }

    /// Answers that were sent, and that the proposer may have received before its first line.
    pub(super) fn lost_answers(&self) -> usize {
        let Proposal { begins_here, nameless_heard, answers, .. } = self.proposal;
        let is_lost = |answer: &&Answer| {
            answer.promise_sent && !answer.promise.as_ref().is_some_and(|promise| promise.received)
        };
        let lost = answers.iter().filter(is_lost).count();
        // It asked again, so the first lines of its asking may be the missing ones.
        let others = self.quorum.members.iter().filter(|peer| self.quorum.counts(**peer)).count();
        let is_again = answers.iter().any(|answer| answer.prepares > 1)
            || self.proposal.prepares_sent > others;
        let lost = if *begins_here || !is_again { 0 } else { lost.saturating_sub(*nameless_heard) };
        self.proposal.early_answers + lost
    }

    /// The promises that the proposer had before it asked to accept.
    pub(super) fn promises(&self) -> impl Iterator<Item = &Answer> {
        let all_came = self.all_came();
        self.answers().filter(move |answer| {
            self.proposal.promised(answer) || (all_came && answer.promise_sent)
        })
    }

    /// How many more it had of which it is not known whose they were.
    pub(super) fn nameless_promises(&self) -> usize {
        if self.all_came() { 0 } else { self.proposal.nameless_promises }
    }

    /// True if so many promises came in time, whosever they were, as were sent at all: by those
    /// that were asked, each once.
    fn all_came(&self) -> bool {
        let Proposal { begins_here, nameless_heard, nameless_promises, .. } = self.proposal;
        let asked = self.proposal.answers.iter().filter(|answer| answer.prepares > 0);
        let sent = asked.clone().filter(|answer| answer.promise_sent).count();
        *begins_here
            && sent > 0
            && [*nameless_heard, *nameless_promises] == [sent; 2]
            && asked.clone().all(|answer| answer.prepares == 1 && self.quorum.counts(answer.peer))
            && asked.count() == self.proposal.prepares_sent
    }
}

impl Hypothesis {
    /// How many acceptors may have answered without a line about it: where no refusal is printed,
    /// one that has promised more, or whose lines are not here.
    pub(super) fn unseen_answers(&self, known: &Known, case: Case<'_>) -> usize {
        // Whether an answer that shows what is accepted is a refusal cannot be seen.
        let shows_all = self.shows_refusals && self.reading.prepare != Shows::Accepted;
        if shows_all || known.is_journal(case.owner) {
            return 0;
        }
        let names = matches!(self.reading.prepare, Shows::Promise | Shows::Asked);
        let may_refuse = |peer: &&u16| {
            let answer = case.proposal.answer_of(**peer);
            let has_voted = answer.and_then(|a| a.vote.as_ref()).is_some_and(|vote| vote.certain);
            let mut streams = self.streams.iter().filter(|((_, of), _)| of == *peer);
            let hears = known.facts(**peer).is_some_and(|facts| facts.hears_questions);
            let own = self.answered.contains_key(*peer);
            // What it had promised before its first line is not known.
            let may = |stream: &Stream| {
                let first = self.shows_promise(stream, case.number);
                let higher = stream.highest_heard > Some(case.number);
                let is_covered = first || stream.is_whole || self.tells_since(case, **peer);
                (self.leaves_open && higher) || !is_covered
            };
            let own = self.leaves_open && own;
            // It was asked once, and its answer is here.
            let is_here = answer.is_some_and(|a| {
                let is_heard = a.promise.as_ref().is_some_and(|promise| promise.received);
                names && a.prepares == 1 && (a.promise_sent || is_heard)
            });
            !has_voted && !is_here && (!hears || own || streams.any(|(_, stream)| may(stream)))
        };
        let answered: Vec<u16> = case.promises().map(|answer| answer.peer).collect();
        let silent = case.quorum.members.iter().filter(|peer| !answered.contains(peer));
        silent.filter(may_refuse).count()
    }

    /// True if the lines of an acceptor are here from before this was asked: the proposer had heard
    /// of it, about a lower number that it was asked once.
    fn tells_since(&self, case: Case<'_>, acceptor: u16) -> bool {
        let lower = self.proposals.range(..case.number).rev().take(MOST_LOOKED_AT);
        let mut own = lower.filter(|(_, of)| of.order.is_some() && of.order == case.proposal.order);
        own.any(|(_, of)| {
            of.answer_of(acceptor).is_some_and(|a| a.prepares == 1 && a.promised_in_time)
        })
    }

    /// True if an ack shows that its acceptor had promised less than this.
    fn shows_promise(&self, stream: &Stream, number: Number) -> bool {
        let readings = [self.reading.prepare, self.reading.accept];
        let shown = stream.shown.iter().zip(readings);
        shown.into_iter().any(|(shown, means)| {
            let is_promise = matches!(means, Shows::Promise | Shows::PromiseBefore);
            is_promise && shown.is_some_and(|[first, _]| first < Some(number))
        })
    }
}
