//! What the judge remembers: for each number who asked, promised and voted, and for each peer the
//! little that the order of its own lines needs.

use std::collections::BTreeMap;

use super::acks::Questions;
use super::dialect::Number;
use crate::paxos::event::MessageType;
use crate::trace::findings::Witness;

/// How many records of exchanges and votes are kept; beyond it the lowest numbers are judged by
/// what is known of them and forgotten. Some 100 bytes each, and as much text.
pub const MOST_RECORDS: usize = 200_000;
/// How many exchanges of one number are kept; a number has two for each acceptor, and two more.
pub const MOST_EXCHANGES: usize = 1024;
/// How many values are kept apart; all further ones are one.
pub const MOST_VALUES: usize = 4096;

/// A value's place in [`Values`].
pub(super) type ValueId = u16;

/// The values met, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    ids: BTreeMap<Box<str>, ValueId>,
    texts: Vec<Box<str>>,
}

/// How much of a value is compared: beyond it two values are taken for one.
const MAX_VALUE_BYTES: usize = 256;

impl Values {
    pub(super) fn id(&mut self, text: &str) -> ValueId {
        let mut end = text.len().min(MAX_VALUE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        // A run has one value or two: look at the first ones before the map.
        if let Some(at) = self.texts.iter().take(4).position(|known| **known == *text) {
            return ValueId::try_from(at).unwrap_or(0);
        }
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = ValueId::try_from(self.texts.len().min(MOST_VALUES)).unwrap_or(0);
        if self.texts.len() <= MOST_VALUES {
            let text = if self.texts.len() == MOST_VALUES { "(one of many values)" } else { text };
            self.texts.push(text.into());
            self.ids.insert(text.into(), id);
        }
        id
    }

    pub(super) fn text(&self, id: ValueId) -> &str {
        self.texts.get(usize::from(id)).map_or("?", |text| text)
    }

    /// True if this may stand for more than one value.
    pub(super) fn is_vague(id: ValueId) -> bool {
        usize::from(id) >= MOST_VALUES
    }
}

/// One message as both ends tell it: its kind, sender and value under one number. The receivers
/// of a broadcast share it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) kind: MessageType,
    pub(super) from: u16,
    pub(super) value: Option<ValueId>,
    pub(super) sent: Option<Witness>,
    pub(super) received: Option<Witness>,
}

/// Under which number an acceptor held the value that its promise shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The line does not say.
    Unknown,
    /// It held none.
    Nothing,
    /// Under this one.
    Under(Number),
}

/// What one acceptor answered under one number.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Answer {
    pub(super) peer: u16,
    pub(super) promise: Option<Promise>,
    pub(super) vote: Option<Vote>,
    /// The proposer had it before it sent its first accept, by its own lines.
    pub(super) promised_in_time: bool,
    /// The proposer had it before it chose, by its own lines.
    pub(super) voted_in_time: bool,
    /// It got the question, by its own lines.
    pub(super) got_prepare: bool,
    pub(super) got_accept: bool,
    /// The line by which it refused this number, and what it had promised then.
    pub(super) refused: Option<(Number, Witness)>,
}

#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) value: Option<ValueId>,
    pub(super) held: Held,
    /// True if the proposer's own line shows it.
    pub(super) received: bool,
    /// False if the line may as well be a refusal of a lower number.
    pub(super) certain: bool,
    pub(super) witness: Witness,
}

#[derive(Clone, Debug)]
pub(super) struct Vote {
    pub(super) value: Option<ValueId>,
    /// False if the line may as well be a refusal of a lower number.
    pub(super) certain: bool,
    pub(super) witness: Witness,
}

/// A line that says that a value is chosen.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) by: Option<u16>,
    pub(super) value: Option<ValueId>,
    pub(super) witness: Witness,
}

/// Everything about one proposal number.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Proposal {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) answers: Vec<Answer>,
    /// The first choice of each value and the owner's own.
    pub(super) choices: Vec<Choice>,
    /// The proposer and the input in which the order of its lines is looked at.
    pub(super) order: Option<(u16, u16)>,
    /// In that order: its first accept was sent, its choice was printed.
    pub(super) accept_sent: bool,
    pub(super) owner_chose: bool,
    /// Answers to the proposer whose senders are not known, before those two moments.
    pub(super) nameless_promises: usize,
    pub(super) nameless_votes: usize,
    /// Promises and votes that came while it was not known whose this number is.
    pub(super) early_promises: usize,
    pub(super) early_votes: usize,
    /// The proposer's own lines have an acceptance.
    pub(super) owner_got_vote: bool,
    /// How many lines said `sent`.
    pub(super) prepares_sent: usize,
    pub(super) accepts_sent: usize,
    /// There was more than is kept.
    pub(super) overflowed: bool,
}

impl Proposal {
    pub(super) fn records(&self) -> usize {
        self.exchanges.len() + self.answers.len() + self.choices.len()
    }

    pub(super) fn answer(&mut self, peer: u16) -> &mut Answer {
        let at = self.answers.iter().position(|answer| answer.peer == peer);
        let at = at.unwrap_or_else(|| {
            self.answers.push(Answer {
                peer,
                promise: None,
                vote: None,
                promised_in_time: false,
                voted_in_time: false,
                got_prepare: false,
                got_accept: false,
                refused: None,
            });
            self.answers.len() - 1
        });
        &mut self.answers[at]
    }

    /// Those who asked this, whatever the value.
    pub(super) fn asked(&self, kind: MessageType) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(move |exchange| exchange.kind == kind)
    }

    /// The proposer, if somebody asked under this number.
    pub(super) fn owner(&self) -> Option<u16> {
        let of = |kind| self.asked(kind).map(|exchange| exchange.from).next();
        of(MessageType::Prepare).or_else(|| of(MessageType::Accept))
    }
}

/// The order of one peer's lines in one input.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// How often the peer has started again here.
    pub(super) incarnation: u32,
    /// The highest number in its acks.
    pub(super) promised: Option<(Number, Witness)>,
    /// Its last vote, if it is certain what it holds.
    pub(super) voted: Option<(Number, Option<ValueId>, Witness)>,
    /// The lowest numbers it was asked about.
    pub(super) lowest_prepare: Option<Number>,
    pub(super) lowest_accept: Option<Number>,
    /// What it found on its disk when it began.
    pub(super) found: Option<Number>,
    /// The line of its last start, if it is not the first.
    pub(super) restart: Option<Witness>,
    /// Questions received and not answered yet.
    pub(super) open_prepares: Questions,
    pub(super) open_accepts: Questions,
    /// The last number it prepared, and in which incarnation.
    pub(super) prepared: Option<(Number, u32, Witness)>,
    /// The lowest number it asked to accept.
    pub(super) lowest_asked: Option<Number>,
    /// Its choice in this incarnation.
    pub(super) chose: Option<Witness>,
}

/// What is known of a peer from all inputs.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Facts {
    /// Lines of its own: any, received questions, received answers, sent messages.
    pub(super) speaks: bool,
    pub(super) hears_questions: bool,
    pub(super) hears_answers: bool,
    pub(super) tells_sends: bool,
    /// Some of its lines are a journal's, which has messages to itself too.
    pub(super) journal: bool,
    /// Its journal went to a pipe: a kill costs the last lines.
    pub(super) queued: bool,
    /// How many lines its journal says are missing.
    pub(super) lost: u64,
    /// How often it began; more than once is a restart.
    pub(super) starts: u32,
    pub(super) asks: bool,
    pub(super) answers: bool,
    pub(super) chose: bool,
    /// The highest numbers in its own lines: asked, answered, heard a question of.
    pub(super) highest_prepare: Option<Number>,
    pub(super) highest_accept: Option<Number>,
    pub(super) highest_ack: Option<Number>,
    pub(super) highest_heard: Option<Number>,
}
