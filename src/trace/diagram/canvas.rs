//! One row of a picture made of characters.

use super::labels;

/// How a character is painted, where the terminal has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    /// As text is.
    #[default]
    Plain,
    /// Less than text.
    Dim,
    /// More than text.
    Bold,
    /// Something is wrong.
    Alarm,
    /// In the colour of the n-th group.
    Group(usize),
}

/// The colours of groups, as ANSI codes: red is kept for what is wrong.
const GROUPS: [&str; 5] = ["36", "33", "35", "32", "34"];

/// A row of cells; a wide character fills its second cell with `None`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    cells: Vec<(Option<char>, Paint)>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self { cells: vec![(Some(' '), Paint::Plain); width] }
    }

    /// What stands there; a blank beyond the edges.
    pub(super) fn get(&self, at: usize) -> char {
        self.cells.get(at).and_then(|cell| cell.0).unwrap_or(' ')
    }

    /// Puts one narrow character; nothing beyond the right edge.
    pub(super) fn put(&mut self, at: usize, c: char, paint: Paint) {
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = (Some(c), paint);
        }
    }

    /// Writes text from `at`; what does not fit is cut.
    pub(super) fn write(&mut self, mut at: usize, text: &str, paint: Paint) {
        for c in text.chars() {
            let columns = labels::columns(c);
            if columns == 0 || at + columns > self.cells.len() {
                continue;
            }
            self.put(at, c, paint);
            if columns == 2 {
                self.cells[at + 1] = (None, paint);
            }
            at += columns;
        }
    }

    /// Writes text round a middle, within the row.
    pub(super) fn write_centred(&mut self, middle: usize, text: &str, paint: Paint) {
        let width = labels::width(text);
        let last = self.cells.len().saturating_sub(width);
        self.write(middle.saturating_sub(width / 2).min(last), text, paint);
    }

    /// The row as text, without blanks at its end.
    pub(super) fn finish(&self, colours: bool) -> String {
        let blank = |cell: &&(Option<char>, Paint)| cell.0 == Some(' ');
        let len = self.cells.len() - self.cells.iter().rev().take_while(blank).count();
        let mut out = String::new();
        let mut current = Paint::Plain;
        for (c, paint) in &self.cells[..len] {
            let Some(c) = c else { continue };
            if colours && *paint != current && *c != ' ' {
                out.push_str(&code(*paint));
                current = *paint;
            }
            out.push(*c);
        }
        if current != Paint::Plain {
            out.push_str("\u{1b}[0m");
        }
        out
    }
}

fn code(paint: Paint) -> String {
    match paint {
        Paint::Plain => "\u{1b}[0m".into(),
        Paint::Dim => "\u{1b}[0;2m".into(),
        Paint::Bold => "\u{1b}[0;1m".into(),
        Paint::Alarm => "\u{1b}[0;1;31m".into(),
        Paint::Group(group) => format!("\u{1b}[0;{}m", GROUPS[group % GROUPS.len()]),
    }
}

/// Breaks text between words into lines of at most `width` columns; at least one line, and a word
/// that is too long is broken too.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        if used > 0 && used + 1 + labels::width(word) > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        let space = if used > 0 { " " } else { "" };
        for c in space.chars().chain(word.chars()) {
            if used > 0 && used + labels::columns(c) > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += labels::columns(c);
        }
    }
    lines.push(line);
    lines
}
