//! The picture in characters, for a terminal.
//!
//! A slanted line is poor in characters. So a message is drawn where it arrives, as a level arrow
//! from the sender's line; where it leaves stands a point and, of a broadcast, to whom. Answers
//! leave where the question arrives, and have no point of their own.

use super::canvas::{Paint, Row, wrap};
use super::model::{Act, Arrow, Diagram, Fate, Mark, Mood, Step};
use super::words;
use crate::paxos::event::MessageType;
use crate::visible::clipped;

/// Room for the time at the left.
const GUTTER: usize = 9;
/// The narrowest room for one peer; many peers make the picture wider than asked for.
const NARROWEST: usize = 6;
/// The widest: longer arrows say no more.
const WIDEST: usize = 26;

/// How the characters are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many columns there are.
    pub columns: usize,
    /// True if the reader understands ANSI colours.
    pub colours: bool,
}

struct Painter<'a> {
    diagram: &'a Diagram,
    page: Page,
    width: usize,
    /// Where the lifelines stand.
    at: Vec<usize>,
    room: usize,
    /// Which peers are there at the present row.
    alive: Vec<bool>,
    /// The time of a step whose first row is still to come.
    time: Option<String>,
    unit: words::Unit,
    out: String,
}

/// Draws for a terminal.
pub(super) fn draw(diagram: &Diagram, page: Page) -> String {
    let peers = diagram.lifelines.len().max(1);
    let room = (page.columns.saturating_sub(GUTTER) / peers).clamp(NARROWEST, WIDEST);
    let width = (GUTTER + room * peers).max(page.columns.min(GUTTER + 60));
    let mut painter = Painter {
        diagram,
        page,
        width,
        at: (0..diagram.lifelines.len()).map(|i| GUTTER + room * i + room / 2).collect(),
        room,
        alive: vec![true; diagram.lifelines.len()],
        time: None,
        unit: words::Unit::of(diagram),
        out: String::new(),
    };
    painter.head();
    for (index, step) in diagram.steps.iter().enumerate() {
        painter.step(index, step);
    }
    painter.rows(&[painter.blank()]);
    painter.legend();
    painter.out
}

impl Painter<'_> {
    fn rows(&mut self, rows: &[Row]) {
        for row in rows {
            let mut row = row.clone();
            // The first row of a step carries its time.
            if let Some(time) = self.time.take() {
                row.write(0, &format!("{time:>width$}", width = GUTTER - 1), Paint::Dim);
            }
            self.out.push_str(&row.finish(self.page.colours));
            self.out.push('\n');
        }
    }

    fn prose(&mut self, text: &str, paint: Paint) {
        for line in wrap(text, self.page.columns.max(GUTTER + 60)) {
            let mut row = Row::new(words::width(&line));
            row.write(0, &line.replace('\u{a0}', " "), paint);
            self.rows(&[row]);
        }
    }

    fn head(&mut self) {
        let paint = if self.diagram.mood == Mood::Bad { Paint::Alarm } else { Paint::Bold };
        self.prose(&self.diagram.title, paint);
        self.prose(&self.diagram.summary, Paint::Plain);
        for remark in &self.diagram.remarks {
            self.prose(remark, Paint::Dim);
        }
        self.rows(&[Row::new(0)]);
        let lifelines = &self.diagram.lifelines;
        let narrow = self.room < 11;
        let short = |text: &str| {
            if !narrow {
                return text.to_owned();
            }
            text.replace("proposer", "prop").replace("acceptor", "acc").replace("learner", "learn")
        };
        let roles: Vec<Vec<String>> =
            lifelines.iter().map(|line| line.roles.split(", ").map(short).collect()).collect();
        let mut names = Row::new(self.width);
        let unit = if self.diagram.timed { self.unit.name() } else { "step" };
        names.write(0, &format!("{unit:>width$}", width = GUTTER - 1), Paint::Dim);
        for (line, at) in lifelines.iter().zip(&self.at) {
            names.write_centred(*at, &line.name, Paint::Bold);
        }
        let mut rows = vec![names];
        for level in 0..roles.iter().map(Vec::len).max().unwrap_or(0).min(4) {
            let mut row = Row::new(self.width);
            for (roles, at) in roles.iter().zip(&self.at) {
                if let Some(role) = roles.get(level) {
                    row.write_centred(*at, &clipped(role, self.room - 1), Paint::Dim);
                }
            }
            rows.push(row);
        }
        rows.push(self.blank());
        self.rows(&rows);
    }

    fn stamp(&self, index: usize, step: &Step) -> String {
        step.time_us.map_or_else(|| (index + 1).to_string(), |us| words::stamp(self.unit, us))
    }

    /// A row on which nothing happens.
    fn blank(&self) -> Row {
        let mut row = Row::new(self.width);
        for (at, alive) in self.at.iter().zip(&self.alive) {
            row.put(*at, if *alive { '│' } else { '┊' }, Paint::Dim);
        }
        row
    }

    fn step(&mut self, index: usize, step: &Step) {
        self.time = Some(self.stamp(index, step));
        match &step.act {
            Act::Ended { .. } => {
                self.note(step, '✖', Paint::Alarm);
                self.alive[step.lifeline] = false;
            }
            Act::Started { .. } => {
                self.alive[step.lifeline] = true;
                self.note(step, '▲', Paint::Bold);
            }
            Act::Noted(_) => self.note(step, '·', Paint::Dim),
            Act::Alarm { .. } => self.note(step, '✖', Paint::Alarm),
            Act::Message | Act::Chose { .. } => self.messages(step),
        }
    }

    fn messages(&mut self, step: &Step) {
        let arrows = &self.diagram.arrows;
        if let Some(arrow) = step.received.and_then(|arrow| arrows.get(arrow)) {
            let row = self.arrival(step, arrow);
            self.rows(&[row]);
        }
        let chose = matches!(step.act, Act::Chose { .. });
        // An answer leaves where its question arrives.
        let answers = step.mark.is_some() && step.received.is_some();
        if chose || (!step.sends.is_empty() && !answers) {
            self.departure(step);
        }
        for arrow in step.sends.iter().filter_map(|arrow| arrows.get(*arrow)) {
            if arrow.fate == Fate::Lost {
                let row = self.loss(step, arrow);
                self.rows(&[row]);
            }
        }
    }

    fn paint(&self, arrow: &Arrow) -> Paint {
        match self.diagram.rank(arrow.about()) {
            _ if arrow.refused => Paint::Alarm,
            _ if arrow.kind == MessageType::Chosen => Paint::Dim,
            Some(rank) => Paint::Number(rank),
            None => Paint::Plain,
        }
    }

    /// A level arrow that ends at the receiver's line.
    fn arrival(&self, step: &Step, arrow: &Arrow) -> Row {
        let mut row = self.blank();
        let paint = self.paint(arrow);
        let (from, to) = (self.at[arrow.from], self.at[step.lifeline]);
        self.level(&mut row, from, to, arrow);
        if arrow.sent.is_some() && from != to {
            row.put(from, if from < to { '├' } else { '┤' }, Paint::Dim);
        }
        let sign = match &step.mark {
            None => '●',
            Some(Mark::Promised(_)) => '◇',
            Some(Mark::Accepted(..)) => '◆',
            Some(Mark::Refused(_)) => '⊘',
        };
        let refuses = matches!(step.mark, Some(Mark::Refused(_)));
        row.put(to, sign, if refuses { Paint::Alarm } else { paint });
        row
    }

    /// A level line with a head and a label, both ends left free.
    fn level(&self, row: &mut Row, from: usize, to: usize, arrow: &Arrow) {
        let dash = match arrow.kind {
            MessageType::Prepare => '─',
            MessageType::PrepareAck => '╌',
            MessageType::Accept => '━',
            MessageType::AcceptAck => '╍',
            MessageType::Chose | MessageType::Chosen => '·',
        };
        let paint = self.paint(arrow);
        let (left, right) = (from.min(to) + 1, from.max(to));
        if left >= right {
            return row.write(to + 2, &format!("to itself: {}", words::label(arrow)), paint);
        }
        for at in left..right {
            row.put(at, dash, paint);
        }
        let lost = arrow.fate == Fate::Lost;
        let head = if lost {
            '✕'
        } else if from < to {
            '▶'
        } else {
            '◀'
        };
        let head_at = if from < to { right - 1 } else { left };
        row.put(head_at, head, if lost { Paint::Alarm } else { paint });
        let free = (right - left).saturating_sub(1);
        let fits =
            |text: &&String| words::width(text) + 2 <= free || (free < 6 && text.len() <= free);
        let labels = words::shorter(arrow);
        if let Some(label) = labels.iter().find(fits) {
            let spaced =
                if words::width(label) + 4 <= free { format!(" {label} ") } else { label.clone() };
            let start = if from < to { left } else { left + 1 };
            row.write(start + (free - words::width(&spaced)) / 2, &spaced, paint);
        }
    }

    /// The point where messages leave, with what and to whom.
    fn departure(&mut self, step: &Step) {
        let arrows: Vec<&Arrow> =
            step.sends.iter().filter_map(|arrow| self.diagram.arrows.get(*arrow)).collect();
        let mut names: Vec<String> = arrows
            .iter()
            .filter_map(|arrow| arrow.to)
            .map(|to| self.diagram.lifelines[to].peer.to_string())
            .collect();
        names.dedup();
        let to = if names.is_empty() { String::new() } else { format!(" → {}", names.join(" ")) };
        let paint = arrows.first().map_or(Paint::Bold, |arrow| self.paint(arrow));
        match (&step.act, arrows.first()) {
            (Act::Chose { value, .. }, _) => {
                let tells = if to.is_empty() { "" } else { ", tells" };
                let text = format!("{} is chosen{tells}{to}", words::value(value));
                self.words(step.lifeline, '★', &text, Paint::Bold);
            }
            (_, Some(arrow)) => {
                self.words(step.lifeline, '●', &format!("{}{to}", words::label(arrow)), paint);
            }
            (_, None) => {}
        }
    }

    fn loss(&self, step: &Step, arrow: &Arrow) -> Row {
        let mut row = self.blank();
        let from = self.at[step.lifeline];
        let to = arrow.to.map_or(from + self.room, |to| self.at[to]);
        self.level(&mut row, from, to, arrow);
        row.put(from, if from < to { '├' } else { '┤' }, Paint::Dim);
        row
    }

    fn note(&mut self, step: &Step, sign: char, paint: Paint) {
        if let Some(text) = words::act(&step.act) {
            self.words(step.lifeline, sign, &text, paint);
        }
    }

    /// A point on a line and words beside it, on the side that has more room.
    fn words(&mut self, lifeline: usize, sign: char, text: &str, paint: Paint) {
        let at = self.at[lifeline];
        let right = self.width.saturating_sub(at + 2);
        let left = at.saturating_sub(GUTTER + 1);
        let to_right = right >= left || words::width(text) <= right;
        let lines = wrap(text, if to_right { right } else { left });
        for (place, line) in lines.iter().enumerate() {
            let mut row = self.blank();
            let start = if to_right { at + 2 } else { at - 1 - words::width(line).min(at - 1) };
            let end = start + words::width(line);
            // The words stand free of the lines that they cross.
            for near in [start.saturating_sub(1), end] {
                if near != at && row.get(near) != ' ' {
                    row.put(near, ' ', Paint::Plain);
                }
            }
            row.write(start, line, paint);
            if place == 0 {
                row.put(at, sign, paint);
            }
            self.rows(&[row]);
        }
    }

    fn legend(&mut self) {
        self.rows(&[Row::new(0)]);
        let has = |fits: fn(&Arrow) -> bool| self.diagram.arrows.iter().any(fits);
        let marked = |fits: fn(&Mark) -> bool| {
            self.diagram.steps.iter().any(|step| step.mark.as_ref().is_some_and(fits))
        };
        let acts = |fits: fn(&Act) -> bool| self.diagram.steps.iter().any(|step| fits(&step.act));
        let items = [
            (true, "─ prepare (prep, p)"),
            (true, "╌ prepare_ack (p_ack, pa)"),
            (true, "━ accept (acc, a)"),
            (true, "╍ accept_ack (a_ack, aa)"),
            (has(|arrow| arrow.kind == MessageType::Chosen), "· notice of the choice"),
            (marked(|mark| matches!(mark, Mark::Promised(_))), "◇ promises"),
            (marked(|mark| matches!(mark, Mark::Accepted(..))), "◆ accepts"),
            (marked(|mark| matches!(mark, Mark::Refused(_))), "⊘ refuses"),
            (acts(|act| matches!(act, Act::Chose { .. })), "★ knows the choice"),
            (has(|arrow| arrow.fate == Fate::Lost), "✕ never received"),
            (acts(|act| matches!(act, Act::Ended { .. })), "✖ crash"),
            (acts(|act| matches!(act, Act::Started { .. })), "▲ start"),
            (acts(|act| matches!(act, Act::Alarm { .. })), "✖ a rule is broken"),
        ];
        // An item stays on one line.
        let used = items.iter().filter(|item| item.0).map(|item| item.1.replace(' ', "\u{a0}"));
        self.prose(&used.collect::<Vec<_>>().join("   "), Paint::Dim);
    }
}
