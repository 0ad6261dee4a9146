//! Points, the grid of lifelines and rows, and how much room text takes.

use super::labels;

/// Room for the times at the left.
pub(super) const GUTTER: f64 = 76.0;

/// A place on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The lifelines and the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    /// The lifelines.
    pub(super) x: Vec<f64>,
    /// The steps.
    pub(super) y: Vec<f64>,
    pub(super) height: f64,
    /// The room for a lifeline.
    pub(super) column: f64,
    /// Where the column at the side begins.
    pub(super) side: f64,
}

impl Grid {
    /// Where a step stands.
    pub(super) fn point(&self, step: usize, lifeline: usize) -> Point {
        let of = |all: &[f64], index: usize| all.get(index).copied().unwrap_or(0.0);
        Point { x: of(&self.x, lifeline), y: of(&self.y, step) }
    }

    /// How much room there is beside a lifeline, up to the next or the edge.
    pub(super) fn room(&self, lifeline: usize, left: bool) -> f64 {
        let x = self.x.get(lifeline).copied().unwrap_or(0.0);
        let edge = if left { x - GUTTER } else { self.side - x };
        edge.min(self.column) - 8.0
    }
}

/// How much wider bold letters are.
pub(super) const BOLD: f64 = 1.16;

/// How many characters of 11 pixels a line of that width takes.
pub(super) fn columns_of(width: f64) -> usize {
    // Positive and small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let columns = (width / 6.6) as usize;
    columns.max(16)
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
