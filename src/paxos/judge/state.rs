//! What the judge remembers under one reading: for each number who asked, promised and voted, and
//! for each peer the little that the order of its own lines needs.

use std::collections::BTreeMap;

use super::dialect::Number;
use super::questions::Questions;
use crate::paxos::event::{Action, MessageType};
use crate::trace::findings::Witness;

/// How many lines are kept for readings that are tried later. A log that is not longer is judged
/// under every reading from its beginning, which takes sixteen times as long.
pub(super) const MOST_KEPT: usize = 16_384;
/// How many records of exchanges and votes are kept; beyond it the lowest numbers are judged by
/// what is known of them and forgotten. Some 100 bytes each, and as much text.
pub const MOST_RECORDS: usize = 80_000;
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

/// A message line, cut down to what the rules need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) kind: MessageType,
    pub(super) printer: Option<u16>,
    pub(super) sender: Option<u16>,
    pub(super) value: Option<ValueId>,
    pub(super) number: Option<Number>,
    pub(super) answers: Option<Number>,
    pub(super) held: Held,
    pub(super) is_journal: bool,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    /// Something about a message, or a choice.
    Message(Action, Message),
    /// A peer began, once more perhaps, with this promise.
    Started { peer: u16, again: bool, promised: Option<Number>, accepted: Option<Number> },
    /// Lines of this peer are missing.
    Lost(u16),
}

impl Message {
    pub(super) fn is_ack(&self) -> bool {
        matches!(self.kind, MessageType::PrepareAck | MessageType::AcceptAck)
    }

    pub(super) fn is_question(&self) -> bool {
        matches!(self.kind, MessageType::Prepare | MessageType::Accept)
    }
}

/// A peer's lines in one input: the peer, and the input.
pub(super) type Place = (u16, u16);

/// What one acceptor answered under one number.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Answer {
    pub(super) peer: u16,
    pub(super) promise: Option<Promise>,
    /// Its own line shows it.
    pub(super) promise_sent: bool,
    /// Its answers say different things: which one counted is not known.
    pub(super) promises_differ: bool,
    /// The proposer had it before it sent its first accept, by its own lines.
    pub(super) promised_in_time: bool,
    /// The same of a peer that had not told of the number yet.
    pub(super) promised_early: Option<Place>,
    /// It has accepted this number, by its own lines, and by those of who received it.
    pub(super) vote: Option<Vote>,
    pub(super) heard_vote: Option<Vote>,
    /// The proposer had it before it chose, by its own lines.
    pub(super) voted_in_time: bool,
    pub(super) voted_early: Option<Place>,
    /// The value that it was asked to accept, by its own lines.
    pub(super) asked: Option<ValueId>,
    /// How often it got the questions, by its own lines, and which of its questions that was.
    pub(super) prepares: u8,
    pub(super) accepts: u8,
    pub(super) heard_at: [u64; 2],
    /// The line by which it refused this number for certain, and what it had promised then.
    pub(super) refused: Option<(Option<Number>, Witness)>,
}

impl Answer {
    fn of(peer: u16) -> Self {
        Self {
            peer,
            promise: None,
            promise_sent: false,
            promises_differ: false,
            promised_in_time: false,
            promised_early: None,
            vote: None,
            heard_vote: None,
            voted_in_time: false,
            voted_early: None,
            asked: None,
            prepares: 0,
            accepts: 0,
            heard_at: [0; 2],
            refused: None,
        }
    }

    /// Some line says that it may have accepted the number.
    pub(super) fn has_voted(&self) -> bool {
        self.vote.is_some() || self.heard_vote.is_some()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) value: Option<ValueId>,
    pub(super) held: Held,
    /// The line itself says so; else its sender's votes before it do.
    pub(super) is_told: bool,
    /// True if the proposer's own line shows it.
    pub(super) received: bool,
    pub(super) witness: Witness,
}

#[derive(Clone, Debug)]
pub(super) struct Vote {
    pub(super) value: Option<ValueId>,
    /// False if the line may as well be a refusal.
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
    /// Questions received from it is not known whom, each value once.
    pub(super) nameless: Vec<(MessageType, ValueId, Witness)>,
    pub(super) answers: Vec<Answer>,
    /// The first choice of each value and the owner's own.
    pub(super) choices: Vec<Choice>,
    /// The proposer and the input in which the order of its lines is looked at.
    pub(super) order: Option<Place>,
    /// In that order: it prepared, its first accept was sent, its choice was printed, and before
    /// that it was told of the choice.
    pub(super) prepared: bool,
    pub(super) accept_sent: bool,
    pub(super) owner_chose: bool,
    pub(super) owner_was_told: bool,
    /// Its first accept is behind its prepare.
    pub(super) accept_behind: bool,
    /// There are lines of the proposer that come before its prepare.
    pub(super) begins_here: bool,
    /// Two of its prepares stand one behind the other, so that they are not logged late.
    pub(super) in_a_row: bool,
    /// Answers to the proposer whose senders are not known, before those two moments.
    pub(super) nameless_promises: usize,
    pub(super) nameless_votes: usize,
    /// Answers before two of its prepares in a row: to the first of them, if that is logged late.
    pub(super) early_answers: usize,
    /// All promises whose senders are not known.
    pub(super) nameless_heard: usize,
    /// How many lines said `sent`.
    pub(super) prepares_sent: usize,
    pub(super) accepts_sent: usize,
    /// Somebody else than the proposer received acceptances, so it may know of the choice.
    pub(super) others_count: bool,
    /// An acceptor sent its acceptance more than once: to learners, perhaps.
    pub(super) copies: bool,
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
            self.answers.push(Answer::of(peer));
            self.answers.len() - 1
        });
        &mut self.answers[at]
    }

    pub(super) fn answer_of(&self, peer: u16) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.peer == peer)
    }

    /// Those who asked this, whatever the value.
    pub(super) fn asked(&self, kind: MessageType) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(move |exchange| exchange.kind == kind)
    }

    /// The value of its questions of this kind.
    pub(super) fn value_of(&self, kind: MessageType) -> Option<ValueId> {
        let nameless =
            self.nameless.iter().filter(|(of, ..)| *of == kind).map(|(_, value, _)| *value);
        let mut values = self.asked(kind).filter_map(|asked| asked.value).chain(nameless);
        let first = values.next();
        // A number with two values has none.
        first.filter(|first| values.all(|value| value == *first))
    }

    /// The proposer, if somebody asked under this number.
    pub(super) fn owner(&self) -> Option<u16> {
        let of = |kind| self.asked(kind).map(|exchange| exchange.from).next();
        of(MessageType::Prepare).or_else(|| of(MessageType::Accept))
    }

    /// Whether the proposer had this promise before it asked to accept.
    pub(super) fn promised(&self, answer: &Answer) -> bool {
        answer.promised_in_time
            || (answer.promised_early.is_some() && answer.promised_early == self.order)
    }

    /// Whether the proposer had this vote before it chose.
    pub(super) fn voted(&self, answer: &Answer) -> bool {
        answer.voted_in_time || (answer.voted_early.is_some() && answer.voted_early == self.order)
    }
}

/// What an acceptor is known to have accepted at some moment.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// Under which number; none if it had accepted nothing.
    pub(super) number: Option<Number>,
    pub(super) value: Option<ValueId>,
    /// Its promise was at least this.
    pub(super) promise: Option<Number>,
    pub(super) witness: Witness,
}

/// The order of one peer's lines in one input.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// How often the peer has started again here.
    pub(super) incarnation: u32,
    /// The lines begin with the first incarnation's, as its journal says.
    pub(super) is_whole: bool,
    /// Its promise is at least this, by its own acks.
    pub(super) promised: Option<(Number, Witness)>,
    /// What its promise was exactly when it printed its last ack, if that shows it; 0 for none.
    pub(super) promise: Option<Number>,
    /// What it had accepted when it printed its last ack, if that is known.
    pub(super) accepted: Option<Accepted>,
    /// An ack whose question has not been read: it may stand on the next line.
    pub(super) waiting: Option<(Message, Witness)>,
    /// The value in its last ack of a prepare, what it had promised then, and which accepts it was
    /// asked since.
    pub(super) last_value: Option<(Option<ValueId>, Option<Number>, Witness)>,
    /// So it holds nothing, and its last ack shows what it was asked about.
    pub(super) holds_nothing: bool,
    pub(super) asked_since: Vec<(Number, Option<ValueId>)>,
    /// What its last `accept_acks` showed: a further one may be a copy.
    shown_votes: Vec<(Option<Number>, Option<ValueId>)>,
    /// The numbers in the first and the last ack of each kind.
    pub(super) shown: [Option<[Option<Number>; 2]>; 2],
    /// The number that its last line prepared, if it did.
    pub(super) preparing: Option<Number>,
    /// What its promise is to be raised to, unless its last ack answers the next line.
    pub(super) raise: Option<(MessageType, Number, Witness)>,
    /// What it found on its disk when it began.
    pub(super) found: Option<Number>,
    /// The line of its last start, if it is not the first.
    pub(super) restart: Option<Witness>,
    /// Questions of both kinds received and not answered yet.
    pub(super) open: [Questions; 2],
    /// How many questions it has received, and had when it printed its last ack of one of them.
    pub(super) questions: u64,
    pub(super) answered: u64,
    /// The last one that was logged behind its answer.
    pub(super) late: Option<Number>,
    /// How many acks were no answer to any of them.
    pub(super) unasked: u8,
    pub(super) highest_heard: Option<Number>,
    /// The first and the last number it prepared; the last in which incarnation.
    pub(super) first_prepared: Option<Number>,
    pub(super) prepared: Option<(Number, u32, Witness)>,
    /// Promises received since it last asked anything, and of how much, if they say so.
    pub(super) since: Vec<Early>,
    pub(super) nameless_since: usize,
    /// Those that may be promises of this number, if its prepare is logged late.
    pub(super) credit: Option<Credit>,
    /// Its choice in this incarnation.
    pub(super) chose: Option<Witness>,
}

/// How many `accept_acks` are remembered for their copies.
const MOST_COPIED: usize = 8;

impl Stream {
    /// Its promise is this, or more.
    pub(super) fn promise_at_least(&mut self, number: Number, witness: Witness) {
        if self.promised.as_ref().is_none_or(|(promised, _)| *promised < number) {
            self.promised = Some((number, witness));
        }
    }

    /// True if one of its last `accept_acks` showed the same.
    pub(super) fn has_shown(&self, vote: (Option<Number>, Option<ValueId>)) -> bool {
        self.shown_votes.contains(&vote)
    }

    /// True if it showed the same number with another value: then it is no copy of that.
    pub(super) fn has_shown_other(&self, vote: (Option<Number>, Option<ValueId>)) -> bool {
        self.shown_votes.iter().any(|known| known.0 == vote.0 && known.1 != vote.1)
    }

    pub(super) fn show(&mut self, vote: (Option<Number>, Option<ValueId>)) {
        if self.shown_votes.last() == Some(&vote) {
            return;
        }
        if self.shown_votes.len() == MOST_COPIED {
            self.shown_votes.remove(0);
        }
        self.shown_votes.push(vote);
    }
}

/// Promises that stand before their question: its number, those of unknown senders, and the others
/// with how much they promise, if they say so.
pub(super) type Credit = (Number, usize, Vec<Early>);

/// A promise that may be one for the next question.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) from: u16,
    /// How much it promises, if it says so.
    pub(super) promised: Option<Number>,
    pub(super) promise: Promise,
    /// It may as well answer the question before.
    pub(super) is_explained: bool,
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
    /// It printed messages to itself.
    pub(super) talks_to_itself: bool,
    /// How often it printed a choice; more than once is a restart, or a fault of form.
    pub(super) choices: u32,
}
