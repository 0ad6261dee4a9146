//! How many lines a second `synod check` judges on one core: `cargo bench --bench check`.
//!
//! Counted in the processor's time where the system tells it (Linux), so that a busy machine does
//! not count; else in the clock's.

#![allow(clippy::print_stdout)] // its figures

#[path = "../tests/duel/mod.rs"]
mod duel;

use std::io::Read;
use std::time::Instant;

use duel::{Duel, Look};
use synod::paxos::judge::dialect::{Names, Reader};
use synod::paxos::judge::{PaxosJudge, PaxosOptions};

const LINES: u64 = 1_000_000;

/// Measures the time of this thread.
struct Clock {
    start: Instant,
    on_cpu_ns: Option<f64>,
}

fn on_cpu_ns() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), on_cpu_ns: on_cpu_ns() }
    }

    fn seconds(&self) -> f64 {
        match (self.on_cpu_ns, on_cpu_ns()) {
            (Some(start), Some(end)) if end > start => (end - start) / 1e9,
            _ => self.start.elapsed().as_secs_f64(),
        }
    }
}

fn main() {
    for look in [Look::Compose, Look::Journal, Look::Dialect] {
        let mut log = Vec::new();
        Duel::new(look, LINES).read_to_end(&mut log).expect("a duel can always be read");
        let text = format!("{look:?}").to_lowercase();
        for with_judge in [false, true] {
            let start = Clock::start();
            let mut reader = Reader::new("log", &log[..], Names::new()).expect("bytes");
            let mut judge = PaxosJudge::new(PaxosOptions::default());
            let mut lines = 0_u32;
            while let Some(line) = reader.next_line().expect("bytes") {
                lines += 1;
                if with_judge {
                    judge.line(0, &line);
                }
            }
            let report = judge.finish();
            let rate = f64::from(lines) / start.seconds() / 1e6;
            let what = if with_judge { "read and judged" } else { "read" };
            assert!(!report.findings.violated(false), "the duel is lawful");
            println!("{text:<8} {what:<16} {rate:>6.2} million lines a second");
        }
    }
}
