//! What an ack says is filed under the number of its question: a promise, a vote, or a refusal.

use super::dialect::Number;
use super::hypothesis::{Hypothesis, Refusal};
use super::questions::{Answered, MOST_OPEN, Standing};
use super::reading::Shows;
use super::state::{Accepted, Held, Message, Promise, Stream, ValueId, Vote};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Spot, Witness};

/// Among how many of the highest numbers the one is looked for that an ack may answer.
pub(super) const MOST_LOOKED_AT: usize = 256;

impl Hypothesis {
    /// Files what an ack says under the number of its question.
    pub(super) fn file(
        &mut self,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
    ) {
        let means = self.means(m);
        let is_vote = m.kind == MessageType::AcceptAck;
        let witness = || spot.witness();
        let promised = self.stream(spot, acceptor).promised.as_ref().map(|(promised, _)| *promised);
        // Who has promised more cannot grant it.
        let refuses = means == Shows::Asked && number < promised;
        let standing = if refuses { Standing::Refusal } else { answered.standing };
        if standing == Standing::Refusal {
            self.note_refusal(spot, acceptor, means, answered.question, number.max(promised));
        }
        if !is_vote {
            let held = match (m.held, means) {
                (Held::Unknown, Shows::Accepted) => number.map_or(Held::Nothing, Held::Under),
                (held, _) => held,
            };
            let is_told = held != Held::Unknown;
            let held = if is_told { held } else { self.held_by_its_votes(spot, m, acceptor) };
            let (value, received) = (m.value, false);
            let promise = Promise { value, held, is_told, received, witness: witness() };
            let is_granted = standing != Standing::Refusal || m.answers.is_none();
            if let Some(question) = answered.question.filter(|_| is_granted) {
                self.with(question, |proposal| proposal.take_promise(acceptor, promise));
            }
            if let (Shows::Accepted, Some(number)) = (means, number) {
                self.vote(number, acceptor, None, true, witness());
            }
            return;
        }
        self.file_vote(spot, m, acceptor, number, Answered { standing, ..answered });
    }

    /// Files what an `accept_ack` says.
    fn file_vote(
        &mut self,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
    ) {
        let (means, standing) = (self.means(m), answered.standing);
        let witness = || spot.witness();
        // What a vote is for, the accept says.
        let shown = m.value.filter(|_| m.is_journal);
        match (means, standing) {
            (_, Standing::Refusal) => {}
            (Shows::Accepted, _) => {
                if let Some(number) = number {
                    self.vote(number, acceptor, shown, true, witness());
                }
            }
            (Shows::Promise | Shows::Asked, _) => {
                let certain = standing == Standing::Grant;
                if let Some(number) = number {
                    self.vote(number, acceptor, shown, certain, witness());
                }
            }
            (Shows::PromiseBefore, _) => {
                if let Some(question) = answered.question {
                    self.vote(question, acceptor, shown, true, witness());
                } else {
                    let since = number.unwrap_or(Number::whole(0));
                    let asked = self.proposals.range(since..).rev().take(MOST_LOOKED_AT);
                    let asked = asked.filter(|(_, proposal)| {
                        proposal.answer_of(acceptor).is_some_and(|answer| answer.accepts > 0)
                    });
                    let asked: Vec<Number> = asked.map(|(n, _)| *n).take(MOST_OPEN).collect();
                    for question in asked {
                        self.vote(question, acceptor, shown, false, witness());
                    }
                }
            }
        }
        let granted = match means {
            Shows::Accepted => return,
            Shows::PromiseBefore => answered.question,
            _ => number,
        };
        let value = self.asked_value(granted, acceptor).or(m.value);
        let stream = self.stream(spot, acceptor);
        match standing {
            Standing::Grant => {
                let promise = stream.promised.as_ref().map(|(promised, _)| *promised);
                let promise = promise.max(granted);
                stream.accepted =
                    Some(Accepted { number: granted, value, promise, witness: witness() });
            }
            Standing::Open => stream.accepted = None,
            // A refusal changes nothing.
            Standing::Refusal => {}
        }
    }

    /// Under which number the acceptor holds the value that it shows, by its own votes before.
    fn held_by_its_votes(&mut self, spot: Spot<'_>, m: &Message, acceptor: u16) -> Held {
        let stream: &mut Stream = self.stream(spot, acceptor);
        match &stream.accepted {
            Some(Accepted { number: Some(number), value, .. })
                if (m.value.is_none() || *value == m.value)
                    && stream.open[1].highest() < Some(*number) =>
            {
                Held::Under(*number)
            }
            _ if stream.holds_nothing => Held::Nothing,
            _ => Held::Unknown,
        }
    }

    /// The value that an accept of this number asks this acceptor for.
    pub(super) fn asked_value(&self, number: Option<Number>, of: u16) -> Option<ValueId> {
        let proposal = self.proposals.get(&number?)?;
        let own = proposal.answer_of(of).and_then(|answer| answer.asked);
        own.or_else(|| proposal.value_of(MessageType::Accept))
    }

    pub(super) fn vote(
        &mut self,
        number: Number,
        acceptor: u16,
        value: Option<ValueId>,
        certain: bool,
        witness: Witness,
    ) {
        self.with(number, |proposal| {
            let vote = &mut proposal.answer(acceptor).vote;
            // What may be a refusal shows perhaps another value.
            if vote.as_ref().is_none_or(|known| certain && !known.certain) {
                *vote = Some(Vote { value, certain, witness });
            }
        });
    }

    pub(super) fn note_refusal(
        &mut self,
        spot: Spot<'_>,
        by: u16,
        means: Shows,
        number: Option<Number>,
        promised: Option<Number>,
    ) {
        self.refusals += 1;
        let is_journal = self.streams.get(&(spot.input, by)).is_some_and(|stream| stream.is_whole);
        self.shows_refusals |= is_journal || self.names_questions(spot, by, means);
        self.first_refusal.get_or_insert_with(|| Refusal {
            number,
            promised,
            by,
            witness: spot.witness(),
        });
        if let Some(number) = number {
            self.with(number, |proposal| {
                let refused = || (promised, spot.witness());
                proposal.answer(by).refused.get_or_insert_with(refused);
            });
        }
    }
}
