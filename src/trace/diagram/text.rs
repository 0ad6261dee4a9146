//! The picture in characters, for a terminal.
//!
//! A slanted line is poor in characters. So a message is drawn where it arrives, as a level arrow
//! from the sender's line; where it leaves stands a point and, of a broadcast, to whom. Answers
//! leave where the question arrives, and have no point of their own.

use super::canvas::{Paint, Row, wrap};
use super::labels::{stamp_unit, stamps, width};
use super::model::{
    Arrow, ArrowEnd, Band, Diagram, Lifeline, Look, Marker, STATE_JOINT, Shape, Step, Stroke,
};
use crate::visible::clipped;

/// Room for the time at the left.
const GUTTER: usize = 9;
/// The narrowest room for one peer; many peers make the picture wider than asked for.
const NARROWEST: usize = 6;
/// The widest: longer arrows say no more.
const WIDEST: usize = 26;
/// The widest where only bands are.
const WIDEST_BANDS: usize = 10;
/// The least room for what bands say, at the right.
const CAPTION: usize = 27;

/// How the characters are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPage {
    /// How many columns there are.
    pub columns: usize,
    /// True if the reader understands ANSI colours.
    pub colours: bool,
}

struct Painter<'a> {
    diagram: &'a Diagram,
    page: TextPage,
    width: usize,
    /// Where the lifelines stand.
    at: Vec<usize>,
    room: usize,
    /// Where what bands say begins.
    caption: usize,
    /// How each line looks at the present row.
    looks: Vec<Look>,
    /// The time of a row that is still to come.
    time: Option<String>,
    out: String,
}

/// Draws for a terminal.
pub(super) fn draw(diagram: &Diagram, page: TextPage) -> String {
    let peers = diagram.lifelines.len().max(1);
    let (caption, widest) = match (diagram.bands.is_empty(), diagram.arrows.is_empty()) {
        (true, _) => (0, WIDEST),
        (false, false) => (CAPTION, WIDEST),
        (false, true) => (CAPTION, WIDEST_BANDS),
    };
    let room = page.columns.saturating_sub(GUTTER + caption) / peers;
    let room = room.clamp(NARROWEST, widest);
    let end = GUTTER + room * peers;
    let width = if caption > 0 { page.columns.max(end + 1 + caption) } else { end };
    let mut painter = Painter {
        diagram,
        page,
        width: width.max(page.columns.min(GUTTER + 60)),
        at: (0..diagram.lifelines.len()).map(|i| GUTTER + room * i + room / 2).collect(),
        room,
        caption: end + 1,
        looks: vec![Look::Alive; diagram.lifelines.len()],
        time: None,
        out: String::new(),
    };
    painter.look(0, true);
    painter.head();
    for ((first, row), stamp) in diagram.rows().zip(stamps(diagram)) {
        painter.time = Some(stamp);
        if let Some(band) = row.first().and_then(|step| diagram.bands.get(step.band?)) {
            painter.band(band, first, row);
        } else {
            painter.look(first, false);
            for step in row {
                painter.step(step);
            }
        }
        painter.findings(first..first + row.len());
    }
    painter.rows(&[painter.blank()]);
    painter.foot();
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
            let mut row = Row::new(width(&line));
            row.write(0, &line.replace('\u{a0}', " "), paint);
            self.rows(&[row]);
        }
    }

    fn head(&mut self) {
        let paint = if self.diagram.is_bad { Paint::Alarm } else { Paint::Bold };
        self.prose(&self.diagram.title, paint);
        self.prose(&self.diagram.summary, Paint::Plain);
        for remark in &self.diagram.remarks {
            self.prose(remark, Paint::Dim);
        }
        self.rows(&[Row::new(0)]);
        let narrow = self.room < 11;
        let short = |text: &str| {
            if !narrow {
                return text.to_owned();
            }
            text.replace("proposer", "prop").replace("acceptor", "acc").replace("learner", "learn")
        };
        let roles = |line: &Lifeline| line.roles.split(", ").map(short).take(4).collect();
        let unit = stamp_unit(self.diagram);
        self.named(&format!("{unit:>width$}", width = GUTTER - 1), roles);
        self.rows(&[self.blank()]);
    }

    /// The names again, and what each peer holds at last.
    fn foot(&mut self) {
        let room = self.room;
        let state = |line: &Lifeline| {
            let words = line.state(usize::MAX).split(STATE_JOINT).map(|word| {
                // Where there is little room, what it is will do.
                let last = word.rsplit(' ').next().filter(|_| width(word) >= room);
                last.unwrap_or(word).to_owned()
            });
            words.collect()
        };
        self.named("", state);
    }

    /// The names, and below each some words.
    fn named(&mut self, unit: &str, words: impl Fn(&Lifeline) -> Vec<String>) {
        let lifelines = &self.diagram.lifelines;
        let mut row = Row::new(self.width);
        row.write(0, unit, Paint::Dim);
        for (line, at) in lifelines.iter().zip(&self.at) {
            row.write_centred(*at, &line.name, Paint::Bold);
        }
        let mut rows = vec![row];
        let words: Vec<Vec<String>> = lifelines.iter().map(words).collect();
        for level in 0..words.iter().map(Vec::len).max().unwrap_or(0) {
            let mut row = Row::new(self.width);
            for (words, at) in words.iter().zip(&self.at) {
                let word = words.get(level).map_or("", String::as_str);
                row.write_centred(*at, &clipped(word, self.room - 1), Paint::Dim);
            }
            rows.extend(
                (!words.iter().all(|words| words.get(level).is_none_or(String::is_empty)))
                    .then_some(row),
            );
        }
        self.rows(&rows);
    }

    /// The broken rules whose last sign is among these steps.
    fn findings(&mut self, steps: std::ops::Range<usize>) {
        for finding in &self.diagram.findings {
            let Some(last) = finding.steps.last().filter(|last| steps.contains(last)) else {
                continue;
            };
            let paint = if finding.is_suspicion { Paint::Bold } else { Paint::Alarm };
            self.words(self.diagram.steps[*last].lifeline, '⚠', &finding.says, paint);
        }
    }

    /// Changes the lines as they look from this step on; with `before`, as before it.
    fn look(&mut self, step: usize, before: bool) {
        for (line, look) in self.diagram.lifelines.iter().zip(&mut self.looks) {
            let fits = |(at, new): &&(usize, Look)| {
                *at < step || (*at == step && (!before || *new == Look::Gone))
            };
            if let Some((_, new)) = line.looks.iter().take_while(fits).last() {
                *look = *new;
            }
        }
    }

    /// A row on which nothing happens.
    fn blank(&self) -> Row {
        let mut row = Row::new(self.width);
        for (at, look) in self.at.iter().zip(&self.looks) {
            let (line, paint) = line(*look);
            row.put(*at, line, paint);
        }
        row
    }

    /// A row of several peers.
    fn band(&mut self, band: &Band, first: usize, steps: &[Step]) {
        let mut row = self.blank();
        let paint = match band.group {
            Some(group) => Paint::Group(group),
            None if band.is_strong => Paint::Bold,
            None => Paint::Plain,
        };
        let reach: Vec<usize> = band.reach.iter().map(|line| self.at[*line]).collect();
        if let (Shape::Area, Some(first), Some(last)) = (band.shape, reach.first(), reach.last()) {
            // Lines of others stay in front of it.
            let is_free = |at: &usize| reach.contains(at) || !self.at.contains(at);
            (*first..*last).filter(is_free).for_each(|at| row.put(at, '━', paint));
        }
        for step in steps {
            let text = step.marker.text(&step.tag);
            let at = self.at[step.lifeline];
            let start = match step.marker.glyph() {
                Some(_) => at,
                None => at + 1 - text.chars().count().min(at).div_ceil(2),
            };
            row.write(start, &text, paint);
        }
        self.look(first + steps.len() - 1, false);
        // A list may break between its members.
        let text = format!("{} {}", band.head, band.text.replace(',', ", "));
        for (place, line) in wrap(text.trim_start(), self.width - self.caption).iter().enumerate() {
            let mut line = line.replace(", ", ",");
            if place > 0 {
                row = self.blank();
                line.insert(0, ' ');
            }
            row.write(self.caption, &line, paint);
            self.rows(&[row.clone()]);
        }
    }

    fn step(&mut self, step: &Step) {
        let diagram = self.diagram;
        if let Some(arrow) = diagram.received(step) {
            self.arrival(step, arrow);
        }
        // An answer leaves where its question arrives.
        let answers = step.received.is_some()
            && diagram.sends(step).all(|arrow| diagram.kind(arrow).is_answer);
        if !step.says.is_empty() || (!step.sends.is_empty() && !answers) {
            self.departure(step);
        }
        if let Some(reached) = &step.reached {
            let paint = step.group.map_or(Paint::Bold, Paint::Group);
            self.words(step.lifeline, '◎', &reached.label, paint);
        }
        let lost = |arrow: &&Arrow| matches!(arrow.end, ArrowEnd::Lost | ArrowEnd::InFlight);
        for arrow in diagram.sends(step).filter(lost) {
            self.loss(step, arrow);
        }
    }

    fn paint(&self, arrow: &Arrow) -> Paint {
        match arrow.group {
            _ if matches!(arrow.end, ArrowEnd::Lost | ArrowEnd::InFlight) => Paint::Dim,
            _ if arrow.refused => Paint::Bold,
            _ if self.diagram.is_quiet(arrow) => Paint::Dim,
            Some(group) => Paint::Group(group),
            None => Paint::Plain,
        }
    }

    /// A level arrow that ends at the receiver's line.
    fn arrival(&mut self, step: &Step, arrow: &Arrow) {
        let paint = self.paint(arrow);
        // What stands in words has a row of its own, and the marker with it.
        let marker = if step.says.is_empty() { step.marker } else { Marker::Dot };
        let sign = marker.glyph().unwrap_or('●');
        let (from, to) = (self.at[arrow.from], self.at[step.lifeline]);
        if from == to {
            return self.words(step.lifeline, sign, &to_itself(arrow), paint);
        }
        let mut row = self.blank();
        self.level(&mut row, from, to, arrow);
        if arrow.sent.is_some() {
            row.put(from, if from < to { '├' } else { '┤' }, Paint::Dim);
        }
        row.put(to, sign, paint);
        self.rows(&[row]);
    }

    /// A level line with a head and a label, both ends left free.
    fn level(&self, row: &mut Row, from: usize, to: usize, arrow: &Arrow) {
        let dash = dash(self.diagram.kind(arrow).stroke);
        let paint = self.paint(arrow);
        let (left, right) = (from.min(to) + 1, from.max(to));
        for at in left..right {
            row.put(at, dash, paint);
        }
        let head = match (arrow.end, from < to) {
            (ArrowEnd::Lost, true) => '⊣',
            (ArrowEnd::Lost, false) => '⊢',
            (ArrowEnd::InFlight, _) => '…',
            (_, true) => '▶',
            (_, false) => '◀',
        };
        row.put(if from < to { right - 1 } else { left }, head, paint);
        let free = (right - left).saturating_sub(1);
        let fits = |text: &&String| width(text) + 2 <= free || (free < 6 && text.len() <= free);
        if let Some(label) = std::iter::once(&arrow.label).chain(&arrow.shorter).find(fits) {
            let spaced =
                if width(label) + 4 <= free { format!(" {label} ") } else { label.clone() };
            let start = if from < to { left } else { left + 1 };
            row.write(start + (free - width(&spaced)) / 2, &spaced, paint);
        }
    }

    /// What a peer does or sends, in words, with the point where its messages leave.
    fn departure(&mut self, step: &Step) {
        let diagram = self.diagram;
        let peer = |to: usize| diagram.lifelines.get(to).map(|line| line.peer.to_string());
        let first = diagram.sends(step).next();
        let alike = |arrow: &&Arrow| first.is_some_and(|first| first.label == arrow.label);
        let sends = diagram.sends(step).filter(|arrow| !arrow.is_within()).filter(alike);
        let mut names: Vec<String> = sends.filter_map(|arrow| peer(arrow.to?)).collect();
        names.dedup();
        let to = if names.is_empty() { String::new() } else { format!(" → {}", names.join(" ")) };
        let what = first.map_or("", |arrow| &arrow.label);
        let text = match first {
            _ if step.says.is_empty() => format!("{what}{to}"),
            Some(arrow) if diagram.is_quiet(arrow) && !to.is_empty() => {
                format!("{}, tells{to}", step.says)
            }
            Some(arrow) if !diagram.is_quiet(arrow) => format!("{}; {what}{to}", step.says),
            _ => step.says.clone(),
        };
        let paint = match step.marker {
            Marker::Note => Paint::Dim,
            _ if step.says.is_empty() => first.map_or(Paint::Bold, |arrow| self.paint(arrow)),
            _ => Paint::Bold,
        };
        self.words(step.lifeline, step.marker.glyph().unwrap_or('●'), &text, paint);
    }

    fn loss(&mut self, step: &Step, arrow: &Arrow) {
        let from = self.at[step.lifeline];
        let to = arrow.to.map_or(from + self.room, |to| self.at[to]);
        if from == to {
            let says = format!("{}, {}", to_itself(arrow), arrow.ending());
            return self.words(step.lifeline, '●', &says, Paint::Dim);
        }
        let mut row = self.blank();
        self.level(&mut row, from, to, arrow);
        row.put(from, if from < to { '├' } else { '┤' }, Paint::Dim);
        self.rows(&[row]);
    }

    /// A point on a line and words beside it, on the side that has more room.
    fn words(&mut self, lifeline: usize, sign: char, text: &str, paint: Paint) {
        let at = self.at[lifeline];
        let right = self.width.saturating_sub(at + 2);
        let left = at.saturating_sub(GUTTER + 1);
        let to_right = right >= left || width(text) <= right;
        let lines = wrap(text, if to_right { right } else { left });
        for (place, line) in lines.iter().enumerate() {
            let mut row = self.blank();
            let start = if to_right { at + 2 } else { at - 1 - width(line).min(at - 1) };
            let end = start + width(line);
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
        let mut items: Vec<String> = Vec::new();
        for kind in self.diagram.used_kinds() {
            let short = if kind.short.is_empty() { "" } else { " " };
            items.push(format!("{} {}{short}{}", dash(kind.stroke), kind.name, kind.short));
        }
        for (marker, tag, words) in self.diagram.used() {
            let text = marker.text(tag);
            items.extend((!text.is_empty()).then(|| format!("{text} {words}")));
        }
        let any = |end| self.diagram.arrows.iter().any(|arrow| arrow.end == end);
        let reached = self.diagram.steps.iter().any(|step| step.reached.is_some());
        let findings =
            |doubt| self.diagram.findings.iter().any(|finding| finding.is_suspicion == doubt);
        for (is_shown, says) in [
            (reached, format!("◎ {}", self.diagram.reached_legend)),
            (any(ArrowEnd::Lost), "⊣ never received".into()),
            (any(ArrowEnd::InFlight), "… under way at the end".into()),
            (findings(false), "⚠ a rule is broken".into()),
            (findings(true), "⚠ suspicious: a rule may be broken".into()),
        ] {
            items.extend(is_shown.then_some(says));
        }
        for (look, words) in self.diagram.used_looks() {
            // A light line differs in its colour alone.
            if self.page.colours || !matches!(look, Look::Light(_)) {
                items.push(format!("{} {words}", line(look).0));
            }
        }
        // An item stays on one line.
        let items: Vec<String> = items.iter().map(|item| item.replace(' ', "\u{a0}")).collect();
        self.prose(&items.join("   "), Paint::Dim);
    }
}

fn to_itself(arrow: &Arrow) -> String {
    format!("to itself: {}", arrow.label)
}

/// How a lifeline is drawn in characters.
const fn line(look: Look) -> (char, Paint) {
    match look {
        Look::Gone => ('┊', Paint::Dim),
        Look::Alive => ('│', Paint::Dim),
        Look::Light(group) => ('│', Paint::Group(group)),
        Look::Full(group) => ('┃', Paint::Group(group)),
    }
}

/// How a stroke is drawn in characters.
const fn dash(stroke: Stroke) -> char {
    match stroke {
        Stroke::Thin => '─',
        Stroke::ThinBroken => '╌',
        Stroke::Thick => '━',
        Stroke::ThickBroken => '╍',
        Stroke::Dotted => '·',
    }
}
