//! What many runs came to, in a few lines; and the line that moves while they run.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::play::{Outcome, Tally};
use crate::sim::Counts;

/// What the worlds of many runs did, whatever was played in them.
#[derive(Default)]
pub(super) struct Worlds {
    pub(super) runs: u64,
    counts: Counts,
    virtual_us: u64,
}

impl Worlds {
    pub(super) fn add(&mut self, counts: &Counts, virtual_us: u64) {
        self.runs += 1;
        self.counts.add(counts);
        self.virtual_us += virtual_us;
    }

    /// The lines.
    pub(super) fn text(&self, took: Duration) -> String {
        let counts = &self.counts;
        let seconds = took.as_secs_f64().max(1e-9);
        let speed = as_f64(self.runs) / seconds;
        let a_run = as_f64(counts.steps) / as_f64(self.runs.max(1));
        let (twice, astray) = (counts.duplicated, counts.reordered);
        let (losses, unheard) = (counts.power_losses, counts.unheard);
        [
            line("runs", &format!("{} in {seconds:.1} s, {speed:.0} a second", self.runs)),
            line("virtual time", &format!("{:.0} s", as_f64(self.virtual_us) / 1e6)),
            line("steps", &format!("{}, {a_run:.0} a run", counts.steps)),
            line("messages", &format!("{} sent, {} lost", counts.sent, counts.lost)),
            line("", &format!("{twice} delivered twice, {astray} out of order")),
            line("wires cut, pauses", &format!("{}, {}", counts.cuts, counts.pauses)),
            line("crashes and restarts", &counts.crashes.to_string()),
            line("", &format!("{losses} power losses, {unheard} before a life's first flush")),
            line("records lost in them", &counts.records_lost.to_string()),
        ]
        .concat()
    }
}

/// One line of a summary.
pub(super) fn line(what: &str, value: &str) -> String {
    format!("{what:<22} {value}\n")
}

/// Adds up runs.
#[derive(Default)]
pub(super) struct Summary {
    worlds: Worlds,
    pub(super) tally: Tally,
    longest_duel: (u64, u64),
    most_healed: (u64, u64),
    longest_heal_us: u64,
}

impl Summary {
    pub(super) fn runs(&self) -> u64 {
        self.worlds.runs
    }

    pub(super) fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.worlds.add(&outcome.counts, outcome.virtual_us);
        self.tally.add(&outcome.tally);
        self.longest_duel = self.longest_duel.max((outcome.tally.duel, seed));
        self.most_healed = self.most_healed.max((outcome.tally.rounds_healed, seed));
        let heal = outcome.virtual_us - outcome.tally.healed_us.min(outcome.virtual_us);
        self.longest_heal_us = self.longest_heal_us.max(heal);
    }

    /// The lines.
    pub(super) fn text(&self, took: Duration) -> String {
        let tally = &self.tally;
        let mut text = self.worlds.text(took);
        let mut line = |what: &str, value: String| text += &line(what, &value);
        let rate = |n: u64| as_f64(n) / as_f64(self.runs().max(1));
        line("decisions", tally.decisions.to_string());
        line("after a crash", format!("{} found by a peer with a past", tally.chose_after_crash));
        line(
            "rounds",
            format!("{}, {:.2} to a decision", tally.rounds, rate(tally.rounds_to_choice)),
        );
        line("refused, timed out", format!("{}, {}", tally.refused, tally.timed_out));
        line("adopted values", tally.adopted.to_string());
        let (longest, at) = self.longest_duel;
        line("longest duel", format!("{longest} refused rounds in turn (seed {at})"));
        let (most, at) = self.most_healed;
        line("after healing, at most", format!("{most} rounds (seed {at})"));
        line("", format!("{:.3} s until all knew", as_f64(self.longest_heal_us) / 1e6));
        text
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.rounds_to_choice += other.rounds_to_choice;
        self.decisions += other.decisions;
        self.adopted += other.adopted;
        self.refused += other.refused;
        self.timed_out += other.timed_out;
        self.chose_after_crash += other.chose_after_crash;
    }
}

/// Counts are far below 2^52, where this begins to round.
#[allow(clippy::cast_precision_loss)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// How often the moving line moves.
const EVERY: Duration = Duration::from_millis(200);

/// The moving line; nothing unless standard error is a terminal.
pub(super) struct Progress {
    shown: bool,
    begun: Instant,
    next: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let begun = Instant::now();
        Self { shown: io::stderr().is_terminal(), begun, next: begun + EVERY }
    }

    pub(super) fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn show(&mut self, done: u64, of: u64) {
        if !self.shown || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        let speed = as_f64(done) / self.begun.elapsed().as_secs_f64();
        // Where standard error is closed there is nobody to tell.
        let _ = write!(io::stderr(), "\r{done} of {of} runs, {speed:.0} a second \x1b[K");
    }

    pub(super) fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
