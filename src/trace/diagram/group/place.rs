//! Where everything stands on a drawn page.

use super::super::canvas::wrap;
use super::super::layout::{GUTTER, MARGIN, rows, text_width};
use super::model::{Picture, What};

/// Rows of boxes need more room than rows of points.
const STRETCH: f64 = 1.25;
/// The least and the most room for the words of a row.
const WORDS: (f64, f64) = (110.0, 300.0);
/// The least and the most room for a peer.
const COLUMN: (f64, f64) = (62.0, 104.0);
/// How wide all columns together would like to be.
const WISHED: f64 = 900.0;
/// From one line of a broken rule to the next.
pub(super) const LINE: f64 = 15.0;

/// Everything's place.
pub(super) struct Places {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The columns' middles.
    pub(super) x: Vec<f64>,
    pub(super) column: f64,
    /// Where the words of rows begin.
    pub(super) words: f64,
    pub(super) words_room: f64,
    pub(super) y: Vec<f64>,
    pub(super) pauses: Vec<(f64, String)>,
    /// The lines of each broken rule, by row.
    pub(super) alarms: Vec<Vec<String>>,
}

impl Places {
    pub(super) fn of(picture: &Picture) -> Self {
        let wide = |row: &super::model::Row| {
            if matches!(row.what, What::Alarm(_)) {
                return 0.0;
            }
            let (head, rest) = row.what.words(&row.marks, &picture.columns);
            text_width(&head) * 1.16 + text_width(&rest) + 22.0
        };
        let words_room = picture.rows.iter().map(wide).fold(0.0, f64::max).clamp(WORDS.0, WORDS.1);
        // There are at most as many columns as a picture shows.
        #[allow(clippy::cast_precision_loss)]
        let count = picture.columns.len().max(1) as f64;
        let column = (WISHED / count).clamp(COLUMN.0, COLUMN.1);
        let words = GUTTER;
        let mut x = Vec::new();
        let mut right = GUTTER + words_room;
        for _ in &picture.columns {
            x.push(right + column / 2.0);
            right += column;
        }
        let width = (right + MARGIN / 2.0).max(520.0);
        let times: Vec<u64> = picture.rows.iter().map(|row| row.time_us).collect();
        let (all, mut pauses) = rows(&times, picture.timed);
        // Positive and small.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let columns = ((width - GUTTER - 40.0) / 6.4) as usize;
        let (mut y, mut alarms, mut extra) = (Vec::new(), Vec::new(), 0.0);
        let mut pauses_moved = 0;
        for (row, at) in picture.rows.iter().zip(all) {
            while let Some(pause) = pauses.get_mut(pauses_moved)
                && pause.0 < at
            {
                pause.0 = pause.0 * STRETCH + extra;
                pauses_moved += 1;
            }
            y.push(at * STRETCH + extra);
            let lines = match &row.what {
                What::Alarm(sentence) => wrap(sentence, columns),
                _ => Vec::new(),
            };
            for _ in lines.iter().skip(1) {
                extra += LINE;
            }
            alarms.push(lines);
        }
        let height = y.last().copied().unwrap_or(0.0) + extra.min(60.0) + 40.0;
        Self { width, height, x, column, words, words_room, y, pauses, alarms }
    }
}
