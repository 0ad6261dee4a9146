//! The last lines of a log, as far as a reading needs them that is tried later.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;

use super::hypothesis::Hypothesis;
use super::known::Known;
use super::state::{MOST_KEPT, Said};
use crate::trace::findings::Spot;

/// A line that was read.
#[derive(Clone, Debug)]
struct Read {
    input: u16,
    line: u64,
    text: Arc<str>,
    said: Said,
}

/// The last lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<Read>,
    /// There were lines before.
    pub(super) is_cut: bool,
}

impl Tail {
    /// Adds a line.
    pub(super) fn add(&mut self, spot: Spot<'_>, said: Said) {
        let (input, line, text) = (spot.input, spot.line, spot.witness().text);
        self.lines.push_back(Read { input, line, text, said });
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= MOST_KEPT
    }

    /// Forgets so many of the first lines.
    pub(super) fn forget(&mut self, count: usize) {
        self.lines.drain(..count.min(self.lines.len()));
        self.is_cut = true;
    }

    /// Tells a reading all lines; stops where it objects, unless it is to hear them all.
    pub(super) fn tell(&self, known: &Known, to: &mut Hypothesis, all: bool) {
        for Read { input, line, text, said } in &self.lines {
            let kept = OnceCell::from(Arc::clone(text));
            let spot = Spot { input: *input, line: *line, text, kept: &kept };
            to.take(known, spot, *said);
            if !all && to.objects() {
                return;
            }
        }
    }
}
