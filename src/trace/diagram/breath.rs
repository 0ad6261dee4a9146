//! From events to steps: what a peer does in one breath becomes one point on its line.
//!
//! A step is at most one receipt, and after it, without another receipt between, the choice and
//! the messages of one type, number and value that the peer sends. Joining neighbours on one line
//! can never put a receipt above its send: between them the peer heard nothing.

use super::collect::{Kept, Place};
use super::model::{Act, Arrow, Mark, Step};
use super::pairs::Pair;
use super::words;
use crate::paxos::event::{Action, MessageType};
use crate::paxos::judge::dialect::{Entry, Number};
use crate::visible::clipped;

/// A step on its way into the picture.
#[derive(Clone, Debug)]
pub(super) struct Breath {
    pub(super) step: Step,
    /// The place of its first event among the kept ones: the order of the log.
    pub(super) rank: usize,
    /// By the clock of the peer, since 1970.
    pub(super) time_us: Option<u64>,
    /// The lines it was made from.
    pub(super) places: Vec<Place>,
    /// The type, number and value of what it sends.
    sends: Option<Said>,
    /// To whom; the same message to the same peer is a new breath.
    told: Vec<Option<u16>>,
}

/// What comes later is a breath of its own; before that, an answer may wait for the disk.
const LONGEST_BREATH_US: u64 = 100_000;

type Said = (Option<MessageType>, Option<Number>, Option<String>);

fn owned(entry: &Entry<'_>) -> Option<String> {
    entry.value.as_deref().map(str::to_owned)
}

/// The messages that a kept event sends, and the one that it receives.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub(super) sends: Vec<usize>,
    pub(super) received: Option<usize>,
}

/// Which arrows each kept event has; arrows are numbered like the pairs.
pub(super) fn ends(kept: &[Kept], pairs: &[Pair]) -> Vec<Ends> {
    let mut ends = vec![Ends::default(); kept.len()];
    for (arrow, pair) in pairs.iter().enumerate() {
        if let Some(sent) = pair.sent.and_then(|sent| ends.get_mut(sent)) {
            sent.sends.push(arrow);
        }
        if let Some(received) = pair.received.and_then(|received| ends.get_mut(received)) {
            received.received = Some(arrow);
        }
    }
    ends
}

/// The steps of one peer, in its own order.
pub(super) struct Line {
    pub(super) lifeline: usize,
    pub(super) breaths: Vec<Breath>,
    lives: u32,
}

impl Line {
    pub(super) fn new(lifeline: usize) -> Self {
        Self { lifeline, breaths: Vec::new(), lives: 0 }
    }

    /// Adds the peer's next event.
    pub(super) fn add(&mut self, kept: &Kept, rank: usize, ends: &Ends, all: bool) {
        let entry = &kept.entry;
        match entry.action {
            Action::Sent => self.send(kept, rank, ends),
            Action::Received => {
                let mut breath = self.breath(kept, rank, Act::Message);
                breath.step.received = ends.received;
                self.breaths.push(breath);
            }
            Action::Chose => {
                let value = entry.value.as_deref().unwrap_or_default().to_owned();
                let act = Act::Chose { number: entry.number, value };
                let joins = |last: &Breath| {
                    last.step.act == Act::Message
                        && last.step.received.is_some()
                        && last.step.sends.is_empty()
                };
                match self.breaths.last_mut().filter(|last| joins(last)) {
                    Some(last) => {
                        last.step.act = act;
                        last.step.lines.push(kept.text.clone());
                        last.places.push(kept.place);
                    }
                    None => self.push(kept, rank, act),
                }
            }
            Action::Started => {
                self.lives += 1;
                if self.lives > 1 {
                    self.end(true);
                }
                let text = found(entry, self.lives);
                // The head of the line says as much.
                if self.lives > 1 || all || text != "starts" {
                    let mut breath =
                        self.breath(kept, rank, Act::Started { again: self.lives > 1, text });
                    breath.step.mark = remembers(entry);
                    self.breaths.push(breath);
                }
            }
            Action::Noted => {
                let text = entry.note.as_deref().unwrap_or_default();
                self.push(kept, rank, Act::Noted(clipped(text, LONGEST_NOTE)));
            }
            Action::Lost => {
                let lines = words::plural(entry.lost.unwrap_or(1), "line");
                self.push(kept, rank, Act::Noted(format!("{lines} of this journal lost here")));
            }
            Action::Connected => {
                let other = entry.receiver.map_or("a peer".into(), |to| format!("peer{to}"));
                if all {
                    self.push(kept, rank, Act::Noted(format!("linked with {other}")));
                }
            }
        }
    }

    fn send(&mut self, kept: &Kept, rank: usize, ends: &Ends) {
        let entry = &kept.entry;
        // A notice to one who knew already: both of its lines are left out.
        if ends.sends.is_empty() {
            return;
        }
        let receiver = entry.receiver;
        let said = (entry.message_type, entry.number, owned(entry));
        let open = |last: &Breath| {
            let speaks = matches!(last.step.act, Act::Message | Act::Chose { .. });
            let soon = |(before, now): (u64, u64)| now.saturating_sub(before) <= LONGEST_BREATH_US;
            speaks
                && last.sends.as_ref().is_none_or(|sends| *sends == said)
                && last.time_us.zip(entry.time_us).is_none_or(soon)
                && (entry.receiver.is_none() || !last.told.contains(&entry.receiver))
        };
        if !self.breaths.last().is_some_and(open) {
            self.push(kept, rank, Act::Message);
        } else if let Some(last) = self.breaths.last_mut() {
            last.step.lines.push(kept.text.clone());
            last.places.push(kept.place);
        }
        if let Some(last) = self.breaths.last_mut() {
            last.step.sends.extend(&ends.sends);
            last.sends = Some(said);
            last.told.push(receiver);
        }
    }

    /// The peer is gone after its last step.
    pub(super) fn end(&mut self, restarted: bool) {
        let Some(last) = self.breaths.last() else { return };
        let mut end = last.clone();
        end.step = Step {
            lifeline: self.lifeline,
            time_us: None,
            received: None,
            sends: Vec::new(),
            act: Act::Ended { restarted },
            mark: None,
            lines: Vec::new(),
        };
        end.places = Vec::new();
        self.breaths.push(end);
    }

    fn push(&mut self, kept: &Kept, rank: usize, act: Act) {
        let breath = self.breath(kept, rank, act);
        self.breaths.push(breath);
    }

    fn breath(&self, kept: &Kept, rank: usize, act: Act) -> Breath {
        Breath {
            step: Step {
                lifeline: self.lifeline,
                time_us: None,
                received: None,
                sends: Vec::new(),
                act,
                mark: None,
                lines: vec![kept.text.clone()],
            },
            rank,
            time_us: kept.entry.time_us,
            places: vec![kept.place],
            sends: None,
            told: Vec::new(),
        }
    }
}

/// How much of a peer's own words is shown.
const LONGEST_NOTE: usize = 160;

/// What a process found when it began.
fn found(entry: &Entry<'_>, lives: u32) -> String {
    let start = if lives > 1 { "starts again" } else { "starts" };
    let held = match (&entry.value, entry.accepted_proposal) {
        (Some(value), Some(number)) => Some(format!("holds {} ({number})", words::value(value))),
        _ => None,
    };
    let promised = entry.number.map(|number| format!("promised {number}"));
    let used = entry.last_proposal.map(|number| format!("used number {number}"));
    let all: Vec<String> = [promised, held, used].into_iter().flatten().collect();
    match (all.is_empty(), lives > 1) {
        (true, true) => format!("{start}, remembers nothing"),
        (true, false) => start.into(),
        (false, _) => format!("{start}: {}", all.join(", ")),
    }
}

/// The acceptor's state that a process found when it began.
fn remembers(entry: &Entry<'_>) -> Option<Mark> {
    let promised = entry.number?;
    match (entry.value.as_deref(), entry.accepted_proposal) {
        (Some(value), Some(number)) => Some(Mark::Accepted(number, value.to_owned())),
        _ => Some(Mark::Promised(promised)),
    }
}

/// The arrow of a pair.
pub(super) fn arrow(
    kept: &[Kept],
    pair: &Pair,
    lifeline: impl Fn(u16) -> Option<usize>,
) -> Option<Arrow> {
    // The sender knows best what it sent.
    let line = kept.get(pair.sent.or(pair.received)?)?;
    let entry = &line.entry;
    let kind = entry.message_type?;
    let from = if pair.sent.is_some() { line.at } else { entry.sender };
    let answers = entry.answers;
    Some(Arrow {
        from: lifeline(from?)?,
        to: pair.to.and_then(lifeline),
        sent: None,
        received: None,
        fate: pair.fate,
        kind,
        number: entry.number,
        value: owned(entry),
        answers,
        accepted: entry.accepted_proposal,
        lines: [pair.sent, pair.received]
            .into_iter()
            .flatten()
            .filter_map(|line| Some(kept.get(line)?.text.clone()))
            .collect(),
        refused: is_ack(kind) && answers.is_some() && answers < entry.number,
    })
}

fn is_ack(kind: MessageType) -> bool {
    matches!(kind, MessageType::PrepareAck | MessageType::AcceptAck)
}

/// Finds out what a step changes in an acceptor, and which question its answer is to.
pub(super) fn judge(step: &mut Step, arrows: &mut [Arrow]) {
    let question = step.received.and_then(|arrow| arrows.get(arrow)).cloned();
    for &index in &step.sends {
        let Some(arrow) = arrows.get_mut(index) else { continue };
        let asked = match arrow.kind {
            MessageType::PrepareAck => MessageType::Prepare,
            MessageType::AcceptAck => MessageType::Accept,
            _ => return,
        };
        // A line that does not say what it answers: the question that came just before.
        let asks = question.as_ref().filter(|question| question.kind == asked);
        if arrow.answers.is_none() && arrow.to.is_none_or(|to| asks.is_some_and(|q| q.from == to)) {
            arrow.answers = asks.and_then(|question| question.number);
            arrow.refused = arrow.answers.is_some() && arrow.answers < arrow.number;
        }
        // Learners get a copy, which is no second acceptance.
        if asks.is_none() {
            continue;
        }
        let Some(number) = arrow.number else { continue };
        step.mark = Some(match arrow.kind {
            _ if arrow.refused => Mark::Refused(number),
            MessageType::PrepareAck => Mark::Promised(number),
            _ => Mark::Accepted(number, arrow.value.clone().unwrap_or_default()),
        });
    }
}
