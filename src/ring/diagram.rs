//! The drawing of a run: where requests go, and for a transfer its segments against time.
//!
//! What is printed has no times and says little of receivers, so messages are concluded from it: a
//! request goes to the successor that the peer has named last. The result is a journal, which is
//! drawn as any other.

use std::collections::BTreeMap;

use super::event::{Logged, RingLog, Said, Segment, read, shown};
use crate::error::{Error, Result};
use crate::trace::diagram::{
    Diagram, Kind, Look, Marker, PlainPicture, Stroke, Window, draw_journal,
};
use crate::trace::inputs::Inputs;
use crate::trace::journal::{JournalAction, JournalDialect, JournalLine, Journalled as _};
use crate::trace::judge::JudgeOptions;
use crate::trace::reader::LogLine;

/// The sender and the receiver where a log does not say who they are.
const SENDER: u16 = 1000;
const RECEIVER: u16 = 1001;
/// How many lines are looked at.
const MOST_LINES: usize = 1 << 18;

impl PlainPicture for RingLog {
    const KINDS: &'static [Kind] = &[
        Kind { stroke: Stroke::Thin, name: "request", short: "req", is_answer: false },
        Kind { stroke: Stroke::ThinBroken, name: "response", short: "resp", is_answer: true },
        Kind { stroke: Stroke::Thick, name: "data", short: "", is_answer: false },
        Kind { stroke: Stroke::ThickBroken, name: "ack", short: "", is_answer: true },
    ];
    const LEGEND: &'static [(Marker, &'static str, &'static str)] = &[
        (Marker::Note, "", "a drop, a retransmission, or what a peer says"),
        (Marker::Lost, "", "the peer is gone"),
    ];
    const OUTCOME: &'static str = "there";
    const OUTCOME_TEXT: &'static str = "is there";
    const LINE_LEGEND: &'static [(Look, &'static str)] = &[(Look::Gone, "gone")];
}

/// Draws a run.
///
/// # Errors
/// An input cannot be read, or nothing of the run is in the window.
pub(crate) fn draw_log(
    inputs: Inputs,
    window: Window,
    options: &JudgeOptions<'_>,
) -> Result<Diagram> {
    let names = inputs.names.clone();
    let mut script = Script::default();
    let key = |_: &LogLine<'_, JournalDialect<RingLog>>| None::<u64>;
    inputs.read::<JournalDialect<RingLog>, u64>(&options.names(), key, |input, line| {
        let Some(line) = line else { return };
        if let Some((named, said)) = read(&line.text).filter(|_| script.lines.len() < MOST_LINES) {
            let name = names.get(usize::from(input)).map_or("", String::as_str);
            script.take(named.or_else(|| id_in(name)), said);
        }
    })?;
    if script.lines.is_empty() {
        return Err(Error::Input(format!("{}: no line is an event of a run", names.join(", "))));
    }
    let is_timed = script.is_timed;
    let files = script.files;
    let text = script.finish();
    let mut diagram = draw_journal::<RingLog>(Inputs::of_text("run", text), window, options)?;
    for line in &mut diagram.lifelines {
        match line.peer {
            SENDER => line.name = "sender".into(),
            RECEIVER => line.name = "receiver".into(),
            _ => {}
        }
    }
    diagram.title = if is_timed {
        "A transfer: its segments against time".into()
    } else {
        format!("A ring: {files} files received")
    };
    if !is_timed {
        // The lines have none; these were their order.
        diagram.timed = false;
        diagram.steps.iter_mut().for_each(|step| step.time_us = None);
    }
    Ok(diagram)
}

/// The id in the name of a file: its last number.
fn id_in(name: &str) -> Option<u16> {
    let file = name.rsplit('/').next()?;
    let mut numbers = file.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    numbers.next_back()?.parse().ok().filter(|id| *id < 256)
}

/// The events of a run, as they are found.
#[derive(Default)]
struct Script {
    lines: Vec<JournalLine>,
    /// The first successor of each peer, as far as it is known.
    successors: BTreeMap<u16, u16>,
    /// By name: who has passed the request on last, and who has asked.
    passed: BTreeMap<u16, (u16, u16)>,
    /// Whom each peer has told last that its file is here, and which.
    here: BTreeMap<u16, u16>,
    /// Whose request each peer found not to be its own last.
    elsewhere: BTreeMap<u16, u16>,
    is_timed: bool,
    /// When the first segment was sent and received, by each clock.
    first: [Option<u64>; 2],
    files: usize,
}

impl Script {
    fn put(&mut self, at: u16, action: JournalAction, peer: Option<u16>, text: String) {
        let time_us = self.lines.len() as u64 * 1000 + 1;
        let protocol = RingLog::NAME.into();
        self.lines.push(JournalLine { protocol, at, action, peer, text, time_us });
    }

    fn take(&mut self, named: Option<u16>, said: Said) {
        if let Said::Log(entry) = said {
            return self.log(entry);
        }
        let note = |text: String| (JournalAction::Noted, None, text);
        let Some(at) = named else { return };
        let (action, peer, text) = match said {
            Said::PongFrom(peer) => {
                let far = |to: u16| (256 + to - at) % 256;
                let first = self.successors.entry(at).or_insert(peer);
                if far(peer) < far(*first) {
                    *first = peer;
                }
                return;
            }
            Said::First(peer) => {
                self.successors.insert(at, peer);
                note(format!("first successor {peer}"))
            }
            Said::Second(peer) => note(format!("second successor {peer}")),
            Said::Requested(name) => {
                self.passed.insert(name, (at, at));
                let to = self.successors.get(&at).copied();
                (JournalAction::Sent, to, format!("request {}", shown(name)))
            }
            Said::NotHere(name) | Said::Here(name) => {
                let Some((from, asker)) = self.passed.get(&name).copied() else { return };
                let keeps = matches!(said, Said::Here(_));
                if keeps { &mut self.here } else { &mut self.elsewhere }.insert(at, name);
                if !keeps {
                    self.passed.insert(name, (at, asker));
                }
                (JournalAction::Received, Some(from), format!("request {}", shown(name)))
            }
            Said::PassedOn => {
                let Some(name) = self.elsewhere.get(&at).copied() else { return };
                let to = self.successors.get(&at).copied();
                (JournalAction::Sent, to, format!("request {}", shown(name)))
            }
            Said::Responded(asker) => {
                let Some(name) = self.here.get(&at).copied() else { return };
                (JournalAction::Sent, Some(asker), format!("response {}", shown(name)))
            }
            Said::ResponseFrom(holder, name) => {
                (JournalAction::Received, Some(holder), format!("response {}", shown(name)))
            }
            Said::FileReceived => {
                self.files += 1;
                note("the file is received".into())
            }
            Said::FileSent => note("the file is sent".into()),
            Said::Departs(peer) => note(format!("peer {peer} departs")),
            Said::Dead(peer) => note(format!("peer {peer} is dead")),
            _ => return,
        };
        self.put(at, action, peer, text);
    }

    /// A line of a log. Each program has a clock of its own, which is set by the first segment.
    fn log(&mut self, entry: Logged) {
        self.is_timed = true;
        let Logged { event, ms, seq, bytes, ack } = entry;
        let side = usize::from(!entry.is_responding());
        let ends = [SENDER, RECEIVER];
        let at = ends[side];
        let other = Some(ends[1 - side]);
        let first = *self.first[side].get_or_insert(ms);
        let (action, peer, text) = match event {
            Segment::Dropped => (JournalAction::Noted, None, format!("drop {seq}")),
            Segment::Sent | Segment::Resent if seq > 0 => {
                if event == Segment::Resent {
                    self.put(at, JournalAction::Noted, None, format!("RTX {seq}"));
                    self.set_time(ms - first.min(ms));
                }
                (JournalAction::Sent, other, format!("data {seq} +{bytes}"))
            }
            Segment::Received if seq > 0 => {
                (JournalAction::Received, other, format!("data {seq} +{bytes}"))
            }
            Segment::Received => (JournalAction::Received, other, format!("ack {ack}")),
            Segment::Sent | Segment::Resent => (JournalAction::Sent, other, format!("ack {ack}")),
        };
        self.put(at, action, peer, text);
        self.set_time(ms - first.min(ms));
    }

    fn set_time(&mut self, ms: u64) {
        if let Some(line) = self.lines.last_mut() {
            line.time_us = 1 + ms * 1000;
        }
    }

    /// The journal. Of a transfer only the log is drawn: what is printed has no times.
    fn finish(mut self) -> String {
        if self.is_timed {
            self.lines.retain(|line| line.at >= SENDER);
            self.lines.sort_by_key(|line| line.time_us);
        }
        self.lines.iter().map(JournalLine::json).collect()
    }
}
