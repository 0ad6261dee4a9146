//! What many runs came to, in a few lines.

use std::fmt::Write as _;
use std::time::Duration;

use super::scenario::Outcome;
use crate::cli::sim::summary::{Worlds, as_f64, line};

/// Adds up runs.
#[derive(Default)]
pub(super) struct Sums {
    worlds: Worlds,
    figures: Vec<(&'static str, u64)>,
    longest: (&'static str, u64, u64),
}

impl Sums {
    pub(super) fn runs(&self) -> u64 {
        self.worlds.runs
    }

    pub(super) fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.worlds.add(&outcome.counts, outcome.virtual_us);
        if self.figures.is_empty() {
            self.figures.clone_from(&outcome.sums);
        } else {
            for (sum, more) in self.figures.iter_mut().zip(&outcome.sums) {
                sum.1 += more.1;
            }
        }
        let (name, time) = outcome.longest;
        if time >= self.longest.1 {
            self.longest = (name, time, seed);
        }
    }

    pub(super) fn text(&self, took: Duration) -> String {
        let mut text = self.worlds.text(took);
        for (name, sum) in &self.figures {
            text += &line(name, &sum.to_string());
        }
        let (name, time, seed) = self.longest;
        let time = as_f64(time) / 1e6;
        let _ = write!(text, "{}", line(name, &format!("{time:.3} s at most (seed {seed})")));
        text
    }
}
