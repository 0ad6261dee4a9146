//! The diagram as plain data: what every format draws.
//!
//! Peers are vertical lines, time runs downwards. What a peer does in one breath is one [`Step`]:
//! a message arrives and the answers to it leave. Steps stand in one order in which all of it can
//! have happened, so a receipt never stands above its send.

use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::Number;

/// A whole picture.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    /// The outcome of the run in one line.
    pub title: String,
    /// How the title is to be read.
    pub mood: Mood,
    /// How much there is to see, in one line.
    pub summary: String,
    /// What is left out or guessed: one line each, never empty lines.
    pub remarks: Vec<String>,
    /// The peers, by id.
    pub lifelines: Vec<Lifeline>,
    /// What happened, from top to bottom.
    pub steps: Vec<Step>,
    /// The messages.
    pub arrows: Vec<Arrow>,
    /// The proposal numbers in the picture, ascending: an index here picks the colour.
    pub numbers: Vec<Number>,
    /// True if every step has a time.
    pub timed: bool,
}

/// Good news or bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// One value was chosen and no rule is known to be broken.
    Good,
    /// Nothing was chosen.
    #[default]
    Open,
    /// A rule was broken.
    Bad,
}

/// One peer's line.
#[derive(Clone, Debug)]
pub struct Lifeline {
    /// Its id.
    pub peer: u16,
    /// `peer1`.
    pub name: String,
    /// Host and port as the hostsfile has them, if that says more than the name.
    pub host: Option<String>,
    /// Its roles in words; empty if nothing is known.
    pub roles: String,
    /// True if an acceptance or a promise stands on this line.
    pub is_acceptor: bool,
}

/// What one peer does in one breath.
#[derive(Clone, Debug)]
pub struct Step {
    /// Index of the peer's line.
    pub lifeline: usize,
    /// Microseconds since the run's first event, never less than that of an earlier step.
    pub time_us: Option<u64>,
    /// The message that arrives here.
    pub received: Option<usize>,
    /// The messages that leave from here: all of one type, number and value.
    pub sends: Vec<usize>,
    /// What this step is about.
    pub act: Act,
    /// What it changes in an acceptor.
    pub mark: Option<Mark>,
    /// The lines of the log that say so.
    pub lines: Vec<String>,
}

/// What a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Messages only.
    Message,
    /// The peer knows the choice.
    Chose {
        /// The number under which it knows.
        number: Option<Number>,
        /// The choice.
        value: String,
    },
    /// The process begins; the text says what it found on its disk.
    Started {
        /// True if an earlier life is in the log.
        again: bool,
        /// In words.
        text: String,
    },
    /// The process is gone.
    Ended {
        /// True if it came back later, so that it must have stopped; else its log just ends here.
        restarted: bool,
    },
    /// The peer says something in words.
    Noted(String),
    /// The step above breaks a rule.
    Alarm {
        /// The rule's name.
        rule: String,
        /// In plain words.
        sentence: String,
    },
}

/// What a step changes in an acceptor's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It will take nothing below this number.
    Promised(Number),
    /// It accepted this value under this number.
    Accepted(Number, String),
    /// It refused a question: its promise is this number.
    Refused(Number),
}

/// One message.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Index of the sender's line.
    pub from: usize,
    /// Index of the receiver's line; unknown if no line says who it is.
    pub to: Option<usize>,
    /// The step that sends it, if that is in the picture.
    pub sent: Option<usize>,
    /// The step that receives it, if that is in the picture.
    pub received: Option<usize>,
    /// How it ends.
    pub fate: Fate,
    /// The type.
    pub kind: MessageType,
    /// The number asked about; of acks the acceptor's `min_proposal`.
    pub number: Option<Number>,
    /// The value.
    pub value: Option<String>,
    /// Of acks: the number of the question, if known.
    pub answers: Option<Number>,
    /// Of acks: the number under which the value was accepted.
    pub accepted: Option<Number>,
    /// True for an ack that says no.
    pub refused: bool,
    /// The lines of the log that tell of it: the sender's, then the receiver's.
    pub lines: Vec<String>,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Arrived,
    /// Sent and never received.
    Lost,
    /// Its other end is outside the picture.
    Beyond,
}

impl Arrow {
    /// The number that the message is about, which gives it its colour.
    pub fn about(&self) -> Option<Number> {
        self.answers.or(self.number)
    }

    /// True for answers.
    pub fn is_ack(&self) -> bool {
        matches!(self.kind, MessageType::PrepareAck | MessageType::AcceptAck)
    }
}

impl Diagram {
    /// The place of a number in [`Diagram::numbers`].
    pub fn rank(&self, number: Option<Number>) -> Option<usize> {
        self.numbers.binary_search(&number?).ok()
    }

    /// The number that a step is about.
    pub fn about(&self, step: &Step) -> Option<Number> {
        if let Act::Chose { number, .. } = step.act {
            return number;
        }
        let arrow = step.sends.first().or(step.received.as_ref())?;
        self.arrows.get(*arrow)?.about()
    }
}
