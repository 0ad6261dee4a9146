//! Which question does an ack answer?
//!
//! The journal says it. The five printed keys show the acceptor's promise instead, so an ack that
//! shows 5 is a grant of 5 or the refusal of a lower number; and a refusal shows the value that was
//! asked about, as long as the acceptor holds none. Filed under 5, it would be a vote that nobody
//! gave. So the lines of the one who prints it are asked:
//!
//! * sent, it answers a question that this acceptor received and has not answered yet;
//! * received, it answers a question of the one who received it.
//!
//! What they do not tell is [`Standing::Open`]: it may be a grant, and nothing is proved by it.

use super::dialect::Number;
use super::intake::Message;
use super::state::{Proposal, Stream};
use crate::paxos::event::{Action, MessageType};
use crate::trace::findings::Spot;

/// How many open questions are told apart; a peer with more open ones has lost count.
const MOST_OPEN: usize = 16;

/// What an ack is to the number that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It grants what was asked under it.
    Grant,
    /// It refuses a lower number.
    Refusal,
    /// The one or the other.
    Open,
}

/// Questions of one kind that an acceptor received and has not answered yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    numbers: Vec<Number>,
    pub(super) lost_count: bool,
}

impl Questions {
    pub(super) fn ask(&mut self, number: Number) {
        if self.numbers.len() < MOST_OPEN {
            self.numbers.push(number);
        } else {
            self.lost_count = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.numbers.clear();
    }

    fn close(&mut self, number: Number) {
        if let Some(at) = self.numbers.iter().position(|open| *open == number) {
            self.numbers.swap_remove(at);
        }
    }

    /// What an ack of this number is, and the question that it refuses.
    fn answer(&mut self, number: Number) -> (Standing, Option<Number>) {
        let asked = self.numbers.contains(&number);
        let others = self.numbers.iter().any(|open| *open != number);
        let lowest = self.numbers.iter().min().copied().filter(|open| *open < number);
        let (standing, refused) = match lowest {
            _ if self.lost_count || (asked && others) => (Standing::Open, None),
            _ if asked => (Standing::Grant, None),
            Some(lowest) => (Standing::Refusal, Some(lowest)),
            None => (Standing::Open, None),
        };
        self.close(refused.unwrap_or(number));
        (standing, refused)
    }
}

impl Stream {
    /// Notes an answer: what it is, and the number that it refuses, if it refuses one.
    pub(super) fn answer(
        &mut self,
        spot: Spot<'_>,
        message: Message,
    ) -> (Standing, Option<Number>) {
        let number = message.number;
        let is_vote = message.kind == MessageType::AcceptAck;
        // A copy for a learner answers no question.
        let is_copy = is_vote && self.voted_now(&message);
        let open = if is_vote { &mut self.open_accepts } else { &mut self.open_prepares };
        let (standing, refused) = match message.answers {
            Some(answers) => {
                open.close(answers);
                (message.told(), Some(answers).filter(|answers| *answers < number))
            }
            None if is_copy && !open.numbers.contains(&number) => (Standing::Grant, None),
            None => open.answer(number),
        };
        if is_vote && !is_copy {
            match standing {
                Standing::Grant => self.voted = Some((number, message.value, spot.witness())),
                Standing::Open if message.answers.is_none() => self.voted = None,
                _ => {}
            }
        }
        (standing, refused)
    }

    /// What an ack is to its number, by what this peer asked who received it.
    pub(super) fn heard(&self, message: Message, proposal: &Proposal, me: u16) -> Standing {
        let number = message.number;
        let mine = |kind| proposal.asked(kind).any(|told| told.from == me && told.sent.is_some());
        if message.kind == MessageType::PrepareAck {
            return match &self.prepared {
                // Nobody else gets promises, so it answers a question of this peer.
                _ if mine(MessageType::Prepare) => Standing::Grant,
                Some((last, ..)) if *last < number => Standing::Refusal,
                _ => Standing::Open,
            };
        }
        // Who never asked under a lower number cannot have been refused one. Else it may be a
        // refusal, a vote for this number, or as a learner's copy a vote for another proposer's.
        match self.lowest_asked {
            Some(asked) if asked < number => Standing::Open,
            _ => Standing::Grant,
        }
    }
}

impl Message {
    /// What the ack itself says that it is.
    pub(super) fn told(&self) -> Standing {
        match self.answers {
            Some(answers) if answers == self.number => Standing::Grant,
            Some(_) => Standing::Refusal,
            None => Standing::Open,
        }
    }

    /// What an ack is, by all that the lines of its printer tell; `sent` is what it was found to
    /// be when it was sent.
    pub(super) fn standing(
        &self,
        action: Action,
        sent: Standing,
        stream: Option<&Stream>,
        proposal: &Proposal,
    ) -> Standing {
        match (action, self.answers, self.printer.zip(stream)) {
            (_, Some(_), _) => self.told(),
            (Action::Received, None, Some((me, stream))) => stream.heard(*self, proposal, me),
            (Action::Received, None, None) => Standing::Open,
            _ => sent,
        }
    }
}
