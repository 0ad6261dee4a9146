//! The picture in characters, for a terminal.

use super::super::canvas::{Paint, Row as Cells, wrap};
use super::super::model::Mood;
use super::super::text::Page;
use super::super::words;
use super::model::{Picture, Row, State, What};

/// Room for the time at the left.
const GUTTER: usize = 9;
/// The least room for a peer.
const NARROWEST: usize = 6;
/// The most.
const WIDEST: usize = 10;
/// The least room for words at the right.
const WORDS: usize = 27;

struct Painter<'a> {
    picture: &'a Picture,
    page: Page,
    at: Vec<usize>,
    /// Where the words begin.
    words: usize,
    width: usize,
    out: String,
}

/// Draws for a terminal.
pub(super) fn draw(picture: &Picture, page: Page) -> String {
    let count = picture.columns.len().max(1);
    let room = page.columns.saturating_sub(GUTTER + WORDS) / count;
    let room = room.clamp(NARROWEST, WIDEST);
    let words = GUTTER + room * count + 1;
    let width = page.columns.max(words + WORDS);
    let at = (0..picture.columns.len()).map(|i| GUTTER + room * i + room / 2).collect();
    let mut painter = Painter { picture, page, at, words, width, out: String::new() };
    painter.head();
    let mut before = vec![State::Out; picture.columns.len()];
    let (mut stamp, mut step) = (String::new(), 0);
    for row in &picture.rows {
        step += usize::from(!matches!(row.what, What::Alarm(_)));
        let own = if picture.timed {
            words::stamp(painter.unit(), row.time_us)
        } else {
            step.to_string()
        };
        // The same time is not said twice.
        let shown = if own == stamp { "" } else { &own };
        painter.row(row, &before, shown);
        stamp.clone_from(&own);
        before.clone_from(&row.after);
    }
    painter.legend();
    painter.out
}

impl Painter<'_> {
    fn unit(&self) -> words::Unit {
        words::Unit::lasting(self.picture.rows.last().map(|row| row.time_us))
    }

    fn push(&mut self, cells: &Cells) {
        self.out.push_str(&cells.finish(self.page.colours));
        self.out.push('\n');
    }

    fn prose(&mut self, text: &str, paint: Paint) {
        for line in wrap(text, self.width.min(self.page.columns.max(60))) {
            let mut cells = Cells::new(words::width(&line));
            cells.write(0, &line.replace('\u{a0}', " "), paint);
            self.push(&cells);
        }
    }

    fn head(&mut self) {
        let bad = self.picture.mood == Mood::Bad;
        self.prose(&self.picture.title, if bad { Paint::Alarm } else { Paint::Bold });
        self.prose(&self.picture.summary, Paint::Plain);
        for remark in &self.picture.remarks {
            self.prose(remark, Paint::Dim);
        }
        self.out.push('\n');
        let mut names = Cells::new(self.width);
        let unit = if self.picture.timed { self.unit().name() } else { "step" };
        names.write(0, &format!("{unit:>width$}", width = GUTTER - 1), Paint::Dim);
        for (column, at) in self.picture.columns.iter().zip(&self.at) {
            names.write_centred(*at, &format!("peer{}", column.peer), Paint::Bold);
        }
        self.push(&names);
        let states = vec![State::Out; self.at.len()];
        let cells = self.lines(&states);
        self.push(&cells);
    }

    /// The peers' lines.
    fn lines(&self, states: &[State]) -> Cells {
        let mut cells = Cells::new(self.width);
        for (at, state) in self.at.iter().zip(states) {
            match state {
                State::Out => cells.put(*at, '┊', Paint::Dim),
                State::In(hue) => cells.put(*at, '┃', Paint::Number(*hue)),
            }
        }
        cells
    }

    fn row(&mut self, row: &Row, before: &[State], stamp: &str) {
        let mut cells = self.lines(before);
        cells.write(0, &format!("{stamp:>width$}", width = GUTTER - 1), Paint::Dim);
        let paint = match &row.what {
            What::View { hue, .. } => Paint::Number(*hue),
            What::Alarm(_) | What::Crash | What::Unreachable { .. } => Paint::Alarm,
            What::Says(_) => Paint::Plain,
        };
        match &row.what {
            What::View { id, leader, .. } => self.view(&mut cells, row, *id, *leader, paint),
            What::Unreachable { who, .. } => {
                for mark in &row.marks {
                    cells.write(self.at[mark.column], &format!("⊘{who}"), paint);
                }
            }
            What::Crash | What::Says(_) => {
                let sign = if row.what == What::Crash { '✖' } else { '●' };
                for mark in &row.marks {
                    cells.put(self.at[mark.column], sign, paint);
                }
            }
            What::Alarm(sentence) => return self.alarm(sentence),
        }
        let (head, rest) = row.what.words(&row.marks, &self.picture.columns);
        // A list may break between its members.
        let text = format!("{head} {}", rest.replace(',', ", "));
        let room = self.width - self.words;
        for (place, line) in wrap(text.trim_start(), room).iter().enumerate() {
            let mut line = line.replace(", ", ",");
            if place > 0 {
                cells = self.lines(&row.after);
                line.insert(0, ' ');
            }
            cells.write(self.words, &line, paint);
            self.push(&cells);
        }
    }

    fn view(&self, cells: &mut Cells, row: &Row, id: u64, leader: u16, paint: Paint) {
        let reach = self.picture.reach(row);
        if let (Some(first), Some(last)) = (reach.first(), reach.last()) {
            for at in self.at[*first]..self.at[*last] {
                // Lines of others stay in front of it.
                let is_line = self.at.contains(&at) && !reach.iter().any(|c| self.at[*c] == at);
                if !is_line {
                    cells.put(at, '━', paint);
                }
            }
        }
        for column in reach {
            let at = self.at[column];
            if !row.has(column) {
                cells.put(at, '○', paint);
                continue;
            }
            let leads = self.picture.columns[column].peer == leader;
            let text = format!("{id}{}", if leads { "★" } else { "" });
            cells.write(at + 1 - text.chars().count().min(at).div_ceil(2), &text, paint);
        }
    }

    /// A broken rule, at full width.
    fn alarm(&mut self, sentence: &str) {
        for (place, line) in wrap(sentence, self.width - GUTTER - 4).iter().enumerate() {
            let mut cells = Cells::new(self.width);
            let start = if place == 0 { "▲ " } else { "  " };
            cells.write(GUTTER, &format!("{start}{line}"), Paint::Alarm);
            self.push(&cells);
        }
    }

    fn legend(&mut self) {
        let states = self.picture.rows.last().map(|row| row.after.clone()).unwrap_or_default();
        let cells = self.lines(&states);
        self.push(&cells);
        self.out.push('\n');
        let missing = |row: &Row| self.picture.reach(row).iter().any(|column| !row.has(*column));
        let any = |fits: &dyn Fn(&Row) -> bool| self.picture.rows.iter().any(fits);
        let is_view = |row: &Row| matches!(row.what, What::View { .. });
        let items = [
            (any(&is_view), "3 installs view 3"),
            (any(&is_view), "★ its leader"),
            (any(&|row| is_view(row) && missing(row)), "○ a member, without a line"),
            (
                any(&|row| matches!(row.what, What::Unreachable { .. })),
                "⊘5 calls peer5 unreachable",
            ),
            (any(&|row| row.what == What::Crash), "✖ crashes"),
            (any(&|row| matches!(row.what, What::Says(_))), "● says"),
            (any(&|row| matches!(row.what, What::Alarm(_))), "▲ a rule is broken"),
            (true, "┊ in no view"),
        ];
        // An item stays on one line.
        let used = items.iter().filter(|item| item.0).map(|item| item.1.replace(' ', "\u{a0}"));
        self.prose(&used.collect::<Vec<_>>().join("   "), Paint::Dim);
    }
}
