//! Which question does an ack answer?
//!
//! The journal says it. Of the printed forms only one does ([`Shows::Asked`]); else the lines of
//! the acceptor are asked, which has received the question before. An acceptor answers one question
//! after the other, but not every one: a refused one perhaps never. What may be the answer to more
//! than one question is [`Standing::Open`], and nothing is proved by it.

use super::dialect::Number;
use super::reading::Shows;

/// How many open questions are told apart; a peer with more open ones has lost count.
pub(super) const MOST_OPEN: usize = 16;

/// What an ack is to its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It grants it.
    Grant,
    /// It refuses it.
    Refusal,
    /// The one or the other.
    Open,
}

/// What an ack is found to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// The question, if it can only be one.
    pub(super) question: Option<Number>,
    /// With this answer, so many questions are answered that one was this high.
    pub(super) at_least: Option<Number>,
    pub(super) standing: Standing,
    /// The question, if it is above the promise that answers it.
    pub(super) above: Option<Number>,
    /// False if no such question is open.
    pub(super) was_asked: bool,
}

/// Questions of one kind that an acceptor received and has not answered yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    numbers: Vec<Number>,
    /// Nothing was answered since the last question of this kind came.
    is_last: bool,
    pub(super) lost_count: bool,
    /// The first answer of the log has no question before it: either is missing, or every one is
    /// logged behind its answer.
    pub(super) is_doubtful: bool,
}

impl Questions {
    pub(super) fn ask(&mut self, number: Number) {
        self.is_last = true;
        if self.numbers.len() < MOST_OPEN {
            self.numbers.push(number);
        } else {
            self.lost_count = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.numbers.clear();
    }

    pub(super) fn has(&self, number: Option<Number>) -> bool {
        number.is_some_and(|number| self.numbers.contains(&number))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && !self.lost_count
    }

    /// The one, if there is no other.
    pub(super) fn only(&self) -> Option<Number> {
        self.numbers.first().copied().filter(|_| self.numbers.len() == 1)
    }

    /// The highest one.
    pub(super) fn highest(&self) -> Option<Number> {
        self.numbers.iter().max().copied()
    }

    pub(super) fn close(&mut self, number: Number) {
        if let Some(at) = self.numbers.iter().position(|open| *open == number) {
            self.numbers.swap_remove(at);
        }
    }

    /// What an ack with this number answers; `is_vote` says that the questions are accepts.
    pub(super) fn answer(
        &mut self,
        means: Shows,
        number: Option<Number>,
        is_vote: bool,
    ) -> Answered {
        let was_asked = !self.is_empty();
        let lowest = self.numbers.iter().min().copied();
        let is_one = self.numbers.len() == 1 && !self.lost_count && !self.is_doubtful;
        let asked = self.has(number);
        let standing = Standing::Open;
        let open = Answered { question: None, at_least: None, standing, above: None, was_asked };
        let answered = match (means, number) {
            (Shows::Asked, _) if asked => Answered { question: number, ..open },
            (Shows::Asked, _) => Answered { was_asked: self.lost_count, ..open },
            // The promise is the question's number, or a higher one refuses it.
            (Shows::Promise, Some(shown)) => {
                let lower = self.numbers.iter().filter(|open| **open < shown).count();
                match lower {
                    _ if self.lost_count || self.is_doubtful => open,
                    0 if is_one && !asked && self.is_last => {
                        Answered { question: lowest, above: lowest, ..open }
                    }
                    0 if asked => Answered { question: number, standing: Standing::Grant, ..open },
                    1 if !asked => {
                        Answered { question: lowest, standing: Standing::Refusal, ..open }
                    }
                    _ if asked || lower == 0 => open,
                    _ => Answered { standing: Standing::Refusal, ..open },
                }
            }
            (Shows::Promise, None) => open,
            // A promise of more, before the question, refuses it.
            (Shows::PromiseBefore, _) if is_one => {
                let refused = number > lowest;
                let standing = if refused { Standing::Refusal } else { Standing::Grant };
                Answered { question: lowest, standing, at_least: lowest, ..open }
            }
            // What it has accepted is the question's number, or it has refused.
            (Shows::Accepted, _) if is_vote && asked => {
                Answered { question: number, at_least: lowest, standing: Standing::Grant, ..open }
            }
            (Shows::Accepted, _) if is_one => {
                let standing = if is_vote { Standing::Refusal } else { Standing::Open };
                Answered { question: lowest, at_least: lowest, standing, ..open }
            }
            (Shows::PromiseBefore | Shows::Accepted, _) => Answered { at_least: lowest, ..open },
        };
        let closed = match (means, answered.standing) {
            (Shows::Promise, Standing::Refusal) => lowest,
            (Shows::Promise | Shows::Asked, _) => number,
            (Shows::Accepted, _) if is_vote && asked => number,
            _ => lowest,
        };
        let closed = if answered.above.is_some() { answered.above } else { closed };
        if let Some(number) = closed {
            self.close(number);
        }
        self.is_last = false;
        answered
    }
}
