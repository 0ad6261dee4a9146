//! What many runs came to, in a few lines; and the line that moves while they run.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::sim::Counts;

/// One figure of a run, and what becomes of it over many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// It is added up.
    Sum(u64),
    /// Its mean is shown.
    Mean(u64),
    /// The greatest is shown, with its seed.
    Most(u64),
    /// A time in microseconds, of which the longest is shown with its seed.
    Longest(u64),
}

impl Figure {
    /// The figure of this run.
    pub fn value(self) -> u64 {
        match self {
            Self::Sum(value) | Self::Mean(value) | Self::Most(value) | Self::Longest(value) => {
                value
            }
        }
    }
}

/// What a protocol counts in a run.
pub trait Tally: Clone + std::fmt::Debug + Default + PartialEq {
    /// The figures that a summary shows, always the same ones in the same order.
    fn figures(&self) -> Vec<(&'static str, Figure)>;
}

/// Adds up runs.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) runs: u64,
    counts: Counts,
    virtual_us: u64,
    /// Each figure, what it has come to, and the seed of the greatest.
    figures: Vec<(&'static str, Figure, u64, u64)>,
}

impl Summary {
    pub(super) fn add(
        &mut self,
        seed: u64,
        counts: &Counts,
        virtual_us: u64,
        figures: Vec<(&'static str, Figure)>,
    ) {
        self.runs += 1;
        self.counts.add(counts);
        self.virtual_us += virtual_us;
        if self.figures.is_empty() {
            self.figures =
                figures.into_iter().map(|(name, f)| (name, f, f.value(), seed)).collect();
            return;
        }
        for ((_, kind, total, at), (_, more)) in self.figures.iter_mut().zip(figures) {
            match kind {
                Figure::Sum(_) | Figure::Mean(_) => *total += more.value(),
                Figure::Most(_) | Figure::Longest(_) if more.value() >= *total => {
                    (*total, *at) = (more.value(), seed);
                }
                _ => {}
            }
        }
    }

    /// The lines.
    pub(super) fn text(&self, took: Duration) -> String {
        let counts = &self.counts;
        let seconds = took.as_secs_f64().max(1e-9);
        let speed = as_f64(self.runs) / seconds;
        let mean = |total: u64| as_f64(total) / as_f64(self.runs.max(1));
        let (twice, reordered) = (counts.duplicated, counts.reordered);
        let (losses, unheard) = (counts.power_losses, counts.unheard);
        let mut lines = vec![
            ("runs", format!("{} in {seconds:.1} s, {speed:.0} a second", self.runs)),
            ("virtual time", format!("{:.0} s", as_f64(self.virtual_us) / 1e6)),
            ("steps", format!("{}, {:.0} a run", counts.steps, mean(counts.steps))),
            ("messages", format!("{} sent, {} lost", counts.sent, counts.lost)),
            ("", format!("{twice} delivered twice, {reordered} out of order")),
            ("links cut, pauses", format!("{}, {}", counts.cuts, counts.pauses)),
            ("crashes and restarts", counts.crashes.to_string()),
            ("", format!("{losses} power losses, {unheard} before the first flush of a start")),
            ("records lost in them", counts.records_lost.to_string()),
        ];
        lines.extend(self.figures.iter().map(|(name, kind, total, seed)| {
            let value = match kind {
                Figure::Sum(_) => total.to_string(),
                Figure::Mean(_) => format!("{:.2} a run", mean(*total)),
                Figure::Most(_) => format!("{total} at most (seed {seed})"),
                Figure::Longest(_) => {
                    format!("{:.3} s at most (seed {seed})", as_f64(*total) / 1e6)
                }
            };
            (*name, value)
        }));
        lines
            .into_iter()
            .map(|(what, value)| format!("{what:<22} {value}\n"))
            .collect::<Vec<_>>()
            .concat()
    }
}

/// Counts are far below 2^52, where this begins to round.
#[allow(clippy::cast_precision_loss)]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}

/// How often the moving line moves.
const EVERY: Duration = Duration::from_millis(200);

/// The moving line; nothing unless standard error is a terminal.
pub struct Progress {
    shown: bool,
    begun: Instant,
    next: Instant,
}

impl Progress {
    /// It begins now.
    #[expect(clippy::new_without_default, reason = "it looks at the clock")]
    pub fn new() -> Self {
        let begun = Instant::now();
        Self { shown: io::stderr().is_terminal(), begun, next: begun + EVERY }
    }

    /// How long it has taken so far.
    pub fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Shows how much is done, unless that was shown a moment ago.
    pub fn show(&mut self, done: u64, of: u64) {
        if !self.shown || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        let speed = as_f64(done) / self.begun.elapsed().as_secs_f64();
        // Where standard error is closed there is nobody to tell.
        let _ = write!(io::stderr(), "\r{done} of {of} runs, {speed:.0} a second \x1b[K");
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
