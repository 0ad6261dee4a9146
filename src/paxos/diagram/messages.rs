//! What messages say and change.

use crate::paxos::event::MessageType;
use crate::paxos::judge::dialect::{Entry, Number};
use crate::trace::diagram::{Arrow, Kind, Look, Marker, Step, Stroke};
use crate::visible::clipped;

/// The strokes of the messages, in the order of their index.
pub(super) const KINDS: [Kind; 5] = [
    kind(Stroke::Thin, "prepare", "(prep, p)", false),
    kind(Stroke::ThinBroken, "prepare_ack", "(p_ack, pa)", true),
    kind(Stroke::Thick, "accept", "(acc, a)", false),
    kind(Stroke::ThickBroken, "accept_ack", "(a_ack, aa)", true),
    kind(Stroke::Dotted, "notice of the choice", "", false),
];

const fn kind(stroke: Stroke, name: &'static str, short: &'static str, is_answer: bool) -> Kind {
    Kind { stroke, name, short, is_answer }
}

/// What the markers mean.
pub(super) const LEGEND: [(Marker, &str, &str); 6] = [
    (Marker::Hollow, "", "promises"),
    (Marker::Full, "", "accepts (X@1: X under number 1)"),
    (Marker::Barred, "", "refuses"),
    (Marker::Star, "", "knows the choice"),
    (Marker::Lost, "", "crash"),
    (Marker::Start, "", "start"),
];

/// What the lines mean.
pub(super) const LINE_LEGEND: [(Look, &str); 2] =
    [(Look::Light(0), "has promised"), (Look::Full(0), "has accepted")];

/// What follows a value in the words of a peer that knows the choice.
pub(super) const IS_CHOSEN: &str = " is chosen";
/// How many characters of a value are shown in a label.
const LONGEST_VALUE: usize = 24;

/// A value in a label; one that is nothing or blank is put in quotes, so that one can see it.
pub(super) fn value(text: &str) -> String {
    let shown = clipped(text, LONGEST_VALUE);
    if shown.trim().is_empty() { format!("\"{shown}\"") } else { shown }
}

/// What makes messages alike: type, number and value.
pub(super) fn content(entry: &Entry<'_>) -> String {
    let kind = entry.message_type.map_or("", MessageType::name);
    let number = entry.number.map_or(String::new(), |number| number.to_string());
    format!("{kind} {number} {:?}", entry.value.as_deref())
}

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: MessageType,
    /// The number asked about; of acks the acceptor's `min_proposal`.
    pub(super) number: Option<Number>,
    pub(super) value: Option<String>,
    /// Of acks: the number of the question, if known.
    answers: Option<Number>,
    /// Of acks: the number under which the value was accepted.
    accepted: Option<Number>,
    /// True if the line would say that something was accepted.
    tells_accepted: bool,
}

impl Message {
    /// What this event tells of; none if it is no message.
    pub(super) fn of(entry: &Entry<'_>) -> Option<Self> {
        Some(Self {
            kind: entry.message_type?,
            number: entry.number,
            value: entry.value.as_deref().map(str::to_owned),
            answers: entry.answers,
            accepted: entry.accepted_proposal,
            tells_accepted: entry.is_journal,
        })
    }

    /// The number that the message is about, which gives it its colour.
    pub(super) fn about(&self) -> Option<Number> {
        self.answers.or(self.number)
    }

    fn question(&self) -> Option<MessageType> {
        match self.kind {
            MessageType::PrepareAck => Some(MessageType::Prepare),
            MessageType::AcceptAck => Some(MessageType::Accept),
            _ => None,
        }
    }

    /// What a promise reports as accepted before, if it does.
    pub(super) fn reported(&self) -> Option<(Number, String)> {
        let accepted = self.accepted.filter(|_| self.kind == MessageType::PrepareAck)?;
        Some((accepted, self.value.clone()?))
    }

    /// Of a promise whose line does not say what was accepted: that is what the acceptor holds, or
    /// nothing if it only repeats the value that it was `asked` about.
    fn infer_report(&mut self, accepted: Option<&(Number, String)>, asked: Option<&str>) {
        match accepted {
            _ if self.tells_accepted || self.kind != MessageType::PrepareAck => {}
            Some((number, value)) if self.value.as_ref() == Some(value) => {
                self.accepted = Some(*number);
            }
            None if self.value.as_deref() == asked => self.tells_accepted = true,
            _ => {}
        }
    }

    /// What a proposer that asks this does as its own acceptor, whose promise is `promised`.
    pub(super) fn of_itself(&self, promised: Option<Number>) -> Option<Held> {
        let number = self.number.filter(|number| promised.is_none_or(|other| *number >= other))?;
        match self.kind {
            MessageType::Prepare => Some(Held::Promised(number)),
            MessageType::Accept => {
                Some(Held::Accepted(number, self.value.clone().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// True for an ack that says no.
    pub(super) fn is_refusal(&self) -> bool {
        self.question().is_some() && self.answers.is_some() && self.answers < self.number
    }

    /// Fills in what the arrow says, with the place of its number among all.
    pub(super) fn tell(&self, arrow: &mut Arrow, group: Option<usize>) {
        arrow.kind = match self.kind {
            MessageType::Prepare => 0,
            MessageType::PrepareAck => 1,
            MessageType::Accept => 2,
            MessageType::AcceptAck => 3,
            MessageType::Chose | MessageType::Chosen => 4,
        };
        arrow.group = group;
        arrow.refused = self.is_refusal();
        arrow.reports = !arrow.refused && self.reported().is_some();
        arrow.shorter = self.names();
        arrow.label = arrow.shorter.remove(0);
    }

    /// The value; of a promise what it reports, which is nothing though a value is printed where
    /// nothing was accepted.
    fn carried(&self) -> Option<String> {
        match (self.reported(), self.kind) {
            (Some((number, text)), _) => Some(format!("{}@{number}", value(&text))),
            (None, MessageType::PrepareAck) if self.tells_accepted => None,
            _ => self.value.as_deref().map(value),
        }
    }

    /// `prepare 5 Y`, of acks also what they carry; then the same in ever fewer characters, for
    /// narrow places.
    fn names(&self) -> Vec<String> {
        let (short, shortest) = match self.kind {
            MessageType::Prepare => ("prep", "p"),
            MessageType::PrepareAck => ("p_ack", "pa"),
            MessageType::Accept => ("acc", "a"),
            MessageType::AcceptAck => ("a_ack", "aa"),
            MessageType::Chose | MessageType::Chosen => ("chosen", "c"),
        };
        let (full, text) = (self.kind.name(), |number: Number| number.to_string());
        let number = self.number.map_or(String::new(), text);
        let joined = |parts: &[&str]| {
            parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
        };
        if self.is_refusal() {
            let asked = self.answers.map_or(String::new(), text);
            let mut names: Vec<String> =
                [full, short, ""].map(|name| joined(&[name, &number, "refuses", &asked])).into();
            names.extend([format!("{number} > {asked}"), format!("{number}>{asked}"), "no".into()]);
            return names;
        }
        let value = self.carried().unwrap_or_default();
        let mut names: Vec<String> =
            [full, short, shortest].map(|name| joined(&[name, &number, &value])).into();
        names.extend([format!("{shortest}{number}{value}"), format!("{shortest}{number}")]);
        names.push(shortest.into());
        names
    }
}

/// What a step changes in an acceptor's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It will take nothing below this number.
    Promised(Number),
    /// It accepted this value under this number.
    Accepted(Number, String),
    /// It refused a question: its promise is this number.
    Refused(Number),
    /// It found this when it began: its promise, and what it had accepted.
    Found(Option<Number>, Option<(Number, String)>),
}

impl Held {
    pub(super) fn effect(&self) -> String {
        match self {
            Self::Promised(number) => format!("promised {number}"),
            Self::Accepted(number, text) => format!("accepted {}@{number}", value(text)),
            Self::Refused(number) => format!("refuses, has promised {number}"),
            // The words of the step say as much.
            Self::Found(..) => String::new(),
        }
    }

    pub(super) fn marker(&self) -> Marker {
        match self {
            Self::Promised(_) => Marker::Hollow,
            Self::Accepted(..) => Marker::Full,
            Self::Refused(_) => Marker::Barred,
            Self::Found(..) => Marker::Start,
        }
    }

    /// How the acceptor's line looks from here on.
    pub(super) fn look(&self, rank: &impl Fn(Option<Number>) -> Option<usize>) -> Option<Look> {
        // What is held may be of no number in the picture.
        match self {
            Self::Promised(number) | Self::Found(Some(number), None) => {
                Some(rank(Some(*number)).map_or(Look::Alive, Look::Light))
            }
            Self::Accepted(number, _) | Self::Found(_, Some((number, _))) => {
                Some(rank(Some(*number)).map_or(Look::Alive, Look::Full))
            }
            Self::Found(None, None) => Some(Look::Alive),
            Self::Refused(_) => None,
        }
    }
}

/// Finds out what a step changes in an acceptor, and which question its answer is to; `found` is
/// what a process finds when it begins, `accepted` what the acceptor holds.
pub(super) fn judge(
    step: &mut Step,
    arrows: &[Arrow],
    said: &mut [Option<Message>],
    found: Option<&Entry<'_>>,
    accepted: Option<&(Number, String)>,
) -> Option<Held> {
    if let Some(entry) = found {
        let value = entry.value.as_deref().map(str::to_owned);
        return Some(Held::Found(entry.number, entry.accepted_proposal.zip(value)));
    }
    // What it was asked by others, and by itself.
    let heard = step.received.into_iter().chain(step.sends.iter().copied());
    let questions: Vec<(usize, Message)> = heard
        .filter_map(|arrow| Some((arrows.get(arrow)?.from, said.get(arrow)?.clone()?)))
        .collect();
    let mut held = None;
    for &index in &step.sends {
        let Some(answer) = said.get_mut(index).and_then(Option::as_mut) else { continue };
        let Some(kind) = answer.question() else { continue };
        let asked = questions.iter().find(|(_, question)| question.kind == kind);
        let (from, question) = asked.map(|(from, question)| (*from, question)).unzip();
        let to = arrows.get(index).and_then(|arrow| arrow.to);
        // A line that does not say what it answers: the question that came just before.
        if answer.answers.is_none() && (to.is_none() || (from.is_some() && to == from)) {
            answer.answers = question.and_then(|question| question.number);
        }
        answer.infer_report(accepted, question.and_then(|question| question.value.as_deref()));
        // Learners get a copy, which is no second acceptance.
        let (Some(_), Some(number)) = (question, answer.number) else { continue };
        let changed = match answer.kind {
            _ if answer.is_refusal() => Held::Refused(number),
            MessageType::PrepareAck => Held::Promised(number),
            _ => Held::Accepted(number, answer.value.clone().unwrap_or_default()),
        };
        // Who knows the choice by its own acceptance shows that.
        if step.marker != Marker::Star {
            step.marker = changed.marker();
        }
        held = Some(changed);
    }
    held
}

/// What a process found when it began, in words.
pub(super) fn found(entry: &Entry<'_>, again: bool) -> String {
    let start = if again { "starts again" } else { "starts" };
    let held = match (&entry.value, entry.accepted_proposal) {
        (Some(text), Some(number)) => Some(format!("holds {}@{number}", value(text))),
        _ => None,
    };
    let promised = entry.number.map(|number| format!("promised {number}"));
    let used = entry.last_proposal.map(|number| format!("used number {number}"));
    let all: Vec<String> = [promised, held, used].into_iter().flatten().collect();
    match (all.is_empty(), again) {
        (true, true) => format!("{start}, remembers nothing"),
        (true, false) => start.into(),
        (false, _) => format!("{start}: {}", all.join(", ")),
    }
}
