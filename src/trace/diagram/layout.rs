//! Where everything stands on a drawn page: pixels, no colours.
//!
//! Every row has a height of its own, so labels of different steps never meet. The room between two
//! rows grows with the time between them, but with its logarithm: a pause is seen as a pause and
//! does not push everything else off the page.

use super::canvas::wrap;
use super::labels;
use super::markers::Marker;
use super::model::{ArrowEnd, Band, Diagram, Step};

/// Room for the times at the left.
pub(super) const GUTTER: f64 = 76.0;
/// Room at the right edge.
const MARGIN: f64 = 40.0;
/// Room at the left of the first line, beside its half column.
const LEAD: f64 = 30.0;
/// The least and the most room for one peer whose messages are drawn.
const COLUMN: (f64, f64) = (132.0, 190.0);
/// The same where only bands are.
const NARROW: (f64, f64) = (62.0, 104.0);
/// How wide all narrow columns together would like to be.
const WISHED: f64 = 900.0;
/// The least and the most room for what bands say.
const CAPTION: (f64, f64) = (110.0, 300.0);
/// The least and the most room between two rows.
const ROW: (f64, f64) = (25.0, 52.0);
/// Rows of boxes need more room than rows of points.
const STRETCH: f64 = 1.25;
/// From one line of a long label to the next.
pub(super) const LINE: f64 = 15.0;
/// A time this many times the usual one is marked as a pause.
const PAUSE: f64 = 40.0;
/// How far a message falls that does not arrive.
const FALL: f64 = 11.0;

/// A place on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A piece of text beside a point of a lifeline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    /// Its lines, from top to bottom.
    pub(super) lines: Vec<String>,
    pub(super) at: Point,
    /// True if the text ends at the place instead of beginning there.
    pub(super) to_left: bool,
    pub(super) tone: Tone,
}

/// What a label is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Messages that leave.
    Message,
    /// An answer that says no.
    Refusal,
    /// An outcome.
    Outcome,
    /// Words.
    Note,
    /// Something wrong.
    Alarm,
}

impl Tone {
    /// How wide a text is in this tone: some of them are bold.
    pub(super) fn width(self, text: &str) -> f64 {
        let bold = matches!(self, Self::Outcome | Self::Alarm | Self::Refusal);
        text_width(text) * if bold { BOLD } else { 1.0 }
    }

    /// True of what may take more than a column, and more than a line.
    const fn is_long(self) -> bool {
        matches!(self, Self::Note | Self::Alarm)
    }
}

/// How much wider bold letters are.
pub(super) const BOLD: f64 = 1.16;

/// Everything's place.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The lifelines.
    pub(super) x: Vec<f64>,
    /// The steps.
    pub(super) y: Vec<f64>,
    pub(super) column: f64,
    /// How much room there is for what bands say, from the gutter on.
    pub(super) caption: f64,
    /// Pauses: where, and how long.
    pub(super) pauses: Vec<(f64, String)>,
    /// By step.
    pub(super) labels: Vec<Vec<Label>>,
}

impl Layout {
    pub(super) fn of(diagram: &Diagram) -> Self {
        let wide = |band: &Band| text_width(&band.head) * BOLD + text_width(&band.text) + 22.0;
        let widest = diagram.bands.iter().map(wide).fold(0.0, f64::max);
        let has_bands = !diagram.bands.is_empty();
        let caption = if has_bands { widest.clamp(CAPTION.0, CAPTION.1) } else { LEAD };
        let column = column(diagram);
        let mut x = Vec::new();
        let mut right = GUTTER + caption;
        for _ in &diagram.lifelines {
            x.push(right + column / 2.0);
            right += column;
        }
        let width = (right + MARGIN).max(520.0);
        let (y, labels, pauses) = (Vec::new(), Vec::new(), Vec::new());
        let mut layout = Self { width, height: 0.0, x, y, column, caption, pauses, labels };
        layout.place_rows(diagram);
        layout
    }

    /// Gives each row its place, below the labels of the one before.
    fn place_rows(&mut self, diagram: &Diagram) {
        let stretch = if diagram.bands.is_empty() { 1.0 } else { STRETCH };
        let time = |(_, row): (usize, &[Step])| row.first().and_then(|step| step.time_us);
        let times: Vec<u64> = diagram.rows().map(|row| time(row).unwrap_or(0)).collect();
        let (all, pauses) = rows(&times, diagram.timed);
        let mut pauses = pauses.into_iter().peekable();
        let mut extra = 0.0;
        for ((_, row), at) in diagram.rows().zip(all) {
            while let Some((y, long)) = pauses.next_if(|pause| pause.0 < at) {
                self.pauses.push((y * stretch + extra, long));
            }
            let mut more = 0;
            for step in row {
                self.y.push(at * stretch + extra);
                let labels = self.labels_of(diagram, step, at * stretch + extra);
                more = labels.iter().map(|l| l.lines.len() - 1).max().unwrap_or(0).max(more);
                self.labels.push(labels);
            }
            for _ in 0..more {
                extra += LINE;
            }
        }
        self.height = self.y.last().copied().unwrap_or(0.0) + ROW.1 + extra.min(4.0 * LINE);
    }

    /// Where a step stands.
    pub(super) fn point(&self, step: usize, lifeline: usize) -> Point {
        let of = |all: &[f64], index: usize| all.get(index).copied().unwrap_or(0.0);
        Point { x: of(&self.x, lifeline), y: of(&self.y, step) }
    }

    /// Both ends of an arrow; an end outside the picture is in the air.
    pub(super) fn ends(&self, diagram: &Diagram, arrow: usize) -> Option<(Point, Point)> {
        let arrow = diagram.arrows.get(arrow)?;
        let start = arrow.sent.map(|step| self.point(step, arrow.from));
        let end = arrow.received.zip(arrow.to).map(|(step, to)| self.point(step, to));
        let from = self.point(0, arrow.from).x;
        let to = arrow.to.map_or(from + self.column, |to| self.point(0, to).x);
        // A way that is not gone to its end is drawn for a part of it.
        let part = |from: f64, to: f64| {
            let way = to - from;
            let lost = arrow.end == ArrowEnd::Lost && arrow.to.is_some();
            // A lost message ends before the line of its receiver, so that one sees whose.
            let gone =
                if lost { way.abs() - 15.0 } else { (way.abs() * 0.5).min(self.column * 0.62) };
            from + way.signum() * gone.max(0.0)
        };
        match (start, end) {
            (Some(start), Some(end)) => Some((start, end)),
            (Some(start), None) => Some((start, Point { x: part(from, to), y: start.y + FALL })),
            (None, Some(end)) => Some((Point { x: part(to, from), y: end.y - FALL }, end)),
            (None, None) => None,
        }
    }

    /// The labels of a step: the first on the side where none of its own arrows are, if there
    /// is one, the second on the other.
    fn labels_of(&self, diagram: &Diagram, step: &Step, y: f64) -> Vec<Label> {
        let x = self.point(0, step.lifeline).x;
        let others = diagram.sends(step).filter_map(|arrow| arrow.to);
        let sender = diagram.received(step).map(|arrow| arrow.from);
        let mut others = others.chain(sender).filter(|other| *other != step.lifeline).peekable();
        let free_left = others.peek().is_some() && others.all(|other| other > step.lifeline);
        let mut taken: Option<bool> = None;
        let mut labels = Vec::new();
        for (text, tone) in texts(diagram, step) {
            let long = tone.is_long();
            let wanted = match taken {
                Some(left) => !left,
                None if long => x > self.width / 2.0,
                None => free_left,
            };
            let room = |left: bool| self.room(step.lifeline, left, long);
            // The other side, if it is free and has more room for what does not fit here.
            let cramped = tone.width(&text) > room(wanted) && room(!wanted) > room(wanted);
            let left = if taken.is_none() && cramped { !wanted } else { wanted };
            taken = Some(left);
            let share = room(left) / tone.width(&text).max(1.0);
            let lines = match () {
                () if share >= 1.0 => vec![text],
                () if long => wrap(&text, columns_of(room(left))),
                () => vec![clip(&text, share * text_width(&text))],
            };
            let x = if left { x - 12.0 } else { x + 12.0 };
            labels.push(Label { lines, at: Point { x, y: y + 4.0 }, to_left: left, tone });
        }
        labels
    }

    /// How much room there is beside a lifeline.
    fn room(&self, lifeline: usize, left: bool, long: bool) -> f64 {
        let x = self.x.get(lifeline).copied().unwrap_or(0.0);
        let edge = if left { x - GUTTER } else { self.width - x } - 14.0;
        if long { edge } else { edge.min(self.column - 24.0) }
    }
}

/// The room for one peer.
fn column(diagram: &Diagram) -> f64 {
    if diagram.arrows.is_empty() && !diagram.bands.is_empty() {
        // There are at most as many lifelines as a picture shows.
        #[allow(clippy::cast_precision_loss)]
        let count = diagram.lifelines.len().max(1) as f64;
        return (WISHED / count).clamp(NARROW.0, NARROW.1);
    }
    let labels = diagram.steps.iter().flat_map(|step| texts(diagram, step));
    let short = labels.filter(|(_, tone)| !tone.is_long());
    let widest = short.map(|(text, tone)| tone.width(&text)).fold(0.0, f64::max);
    (widest + 30.0).clamp(COLUMN.0, COLUMN.1)
}

/// How many characters of 11 pixels a line of that width takes.
pub(super) fn columns_of(width: f64) -> usize {
    // Positive and small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let columns = (width / 6.6) as usize;
    columns.max(16)
}

/// What is written beside a step.
fn texts(diagram: &Diagram, step: &Step) -> Vec<(String, Tone)> {
    let mut texts = Vec::new();
    // That something is passed on, the dots say.
    if let Some(arrow) = diagram.sends(step).next().filter(|arrow| !diagram.is_quiet(arrow)) {
        let tone = if arrow.refused { Tone::Refusal } else { Tone::Message };
        texts.push((arrow.label.clone(), tone));
    }
    if !step.says.is_empty() {
        let tone = match step.marker {
            Marker::Star => Tone::Outcome,
            marker if marker.is_alarm() => Tone::Alarm,
            _ => Tone::Note,
        };
        texts.push((step.says.clone(), tone));
    }
    texts
}

/// The rows' places, and the pauses between them.
fn rows(times: &[u64], to_scale: bool) -> (Vec<f64>, Vec<(f64, String)>) {
    let mut waits: Vec<u64> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let mut sorted = waits.clone();
    sorted.retain(|wait| *wait > 0);
    sorted.sort_unstable();
    let usual = to_float(sorted.get(sorted.len() / 2).copied().unwrap_or(1).max(1));
    waits.insert(0, 0);
    let mut at = 0.0;
    let (mut y, mut pauses) = (Vec::new(), Vec::new());
    for wait in waits.iter().take(times.len()) {
        let ratio = to_float(*wait) / usual;
        let gap = if to_scale { ROW.0 + 5.0 * (1.0 + ratio).log2() } else { ROW.0 };
        if to_scale && ratio > PAUSE {
            pauses.push((at + ROW.1 / 2.0 + 2.0, labels::span(*wait)));
            at += ROW.1 + 4.0;
        } else {
            at += gap.clamp(ROW.0, ROW.1);
        }
        y.push(at);
    }
    (y, pauses)
}

// Exact up to 2^53 microseconds, which is 285 years.
#[allow(clippy::cast_precision_loss)]
fn to_float(us: u64) -> f64 {
    us as f64
}

/// How wide a text of 11 pixels is, rather more than less: fonts differ.
pub(super) fn text_width(text: &str) -> f64 {
    let of = |c: char| match (labels::columns(c), c) {
        (0, _) => 0.0,
        (2, _) => 11.5,
        (_, 'i' | 'l' | 'j' | 't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | '(' | ')' | '\'') => 4.2,
        (_, 'm' | 'w' | 'M' | 'W' | 'A'..='L' | 'N'..='V' | 'X'..='Z') => 8.6,
        _ => 6.5,
    };
    text.chars().map(of).sum()
}

/// As much of a text as there is room for.
pub(super) fn clip(text: &str, room: f64) -> String {
    if text_width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if text_width(&out) > room - 9.0 {
            out.pop();
            break;
        }
    }
    out.push('…');
    out
}
