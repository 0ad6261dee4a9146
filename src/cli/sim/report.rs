//! `synod sim --report`: how long a decision takes, and how many messages, for 3 to 101 peers
//! spread round the world, while some of the acceptors are slow or down.
//!
//! Everybody votes and is told; peer 1 proposes. The clock runs from its first question to the
//! moment when somebody knows the choice. An answer waits for a flush of half a millisecond to two.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::play::{Outcome, Scenario};
use super::regions::{REGIONS, way_us};
use super::summary::as_f64;
use super::{plot, say, stage};
use crate::error::{Doing, Result};
use crate::paxos::{Audience, Roles};
use crate::process::PeerId;
use crate::sim::{Faults, Span};

const SIZES: [u16; 10] = [3, 5, 7, 9, 13, 21, 31, 51, 75, 101];

/// How many runs each figure is the middle of.
const RUNS: u64 = 15;

/// How much farther away a slow peer is.
const SLOWER: u64 = 5;

/// What is wrong with some of the acceptors.
#[derive(Clone, Copy)]
struct Trouble {
    name: &'static str,
    /// How many of so many acceptors.
    share: fn(u16) -> u16,
    down: bool,
}

const TROUBLES: [Trouble; 5] = [
    Trouble { name: "all well", share: |_| 0, down: false },
    Trouble { name: "1/4 slow", share: |n| n / 4, down: false },
    Trouble { name: "1/2 slow", share: |n| n / 2, down: false },
    Trouble { name: "1/4 down", share: |n| n / 4, down: true },
    // One more, and there is no majority.
    Trouble { name: "1/2 down", share: |n| (n - 1) / 2, down: true },
];

/// The middle of the runs of one cell.
struct Cell {
    decided_ms: f64,
    messages: u64,
    known_ms: f64,
}

/// Prints the table; with `picture`, draws it.
pub(super) fn print(picture: Option<&Path>) -> Result<ExitCode> {
    let mut text = format!(
        "one proposer in {}, acceptors in turn in {}\n\nmilliseconds from the first question to \
         the choice (messages sent until then; when all know)\n\n| peers |",
        REGIONS[0],
        REGIONS.join(", ")
    );
    for trouble in TROUBLES {
        let _ = write!(text, " {} |", trouble.name); // a String takes all
    }
    say(&format!("{text}\n|------:|{}\n", "---:|".repeat(TROUBLES.len())))?;
    let mut lines: Vec<plot::Line> =
        TROUBLES.iter().map(|t| plot::Line { name: t.name, points: Vec::new() }).collect();
    for peers in SIZES {
        let mut row = format!("| {peers} |");
        for (trouble, line) in TROUBLES.iter().zip(&mut lines) {
            let cell = cell(peers, *trouble);
            line.points.push((peers, cell.decided_ms));
            let (ms, known) = (cell.decided_ms, cell.known_ms);
            let _ = write!(row, " {ms:.0} ({}; {known:.0} ms) |", cell.messages);
        }
        say(&(row + "\n"))?;
    }
    say(&format!("\n{}", plot::text(&lines)))?;
    if let Some(path) = picture {
        std::fs::write(path, plot::svg(&lines)).doing(|| format!("writing {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cell(peers: u16, trouble: Trouble) -> Cell {
    let all = || (1..=peers).map(PeerId);
    let audience = Audience { acceptors: all().collect(), learners: all().collect() };
    let roles = Roles { peers, proposers: BTreeMap::from([(PeerId(1), audience)]) };
    let mut cast = stage::cast(&roles, 0);
    // With everything linked that will ever be, so that the dials do not count.
    cast.set_patience(Duration::from_secs(2));
    // The nearest ones are in trouble: the worst case.
    let mut others: Vec<PeerId> = all().skip(1).collect();
    others.sort_by_key(|peer| way_us(PeerId(1), *peer));
    let troubled: Vec<PeerId> = others.into_iter().take((trouble.share)(peers).into()).collect();
    let is_slow = |peer: &PeerId| !trouble.down && troubled.contains(peer);
    let way = |from: PeerId, to: PeerId| {
        way_us(from, to) * if is_slow(&from) || is_slow(&to) { SLOWER } else { 1 }
    };
    let ways: Vec<u64> = all()
        .flat_map(|from| all().map(move |to| (from, to)))
        .map(|(from, to)| way(from, to))
        .collect();
    let faults =
        Faults { delay: Span::us(50, 1_000), flush: Span::us(500, 2_000), ..Faults::none() };
    let scenario = Scenario::of_cast(cast, faults);
    let absent: &[PeerId] = if trouble.down { &troubled } else { &[] };
    let runs: Vec<Outcome> = (0..RUNS).map(|seed| scenario.play_at(seed, absent, &ways)).collect();
    let middle = |figure: &dyn Fn(&Outcome) -> u64| {
        let mut figures: Vec<u64> = runs.iter().map(figure).collect();
        figures.sort_unstable();
        figures[figures.len() / 2]
    };
    let since = |us: u64, run: &Outcome| us.saturating_sub(run.tally.begun_us);
    Cell {
        decided_ms: as_f64(middle(&|run| since(run.tally.decided_us, run))) / 1e3,
        messages: middle(&|run| run.tally.sent_to_decide),
        known_ms: as_f64(middle(&|run| since(run.virtual_us, run))) / 1e3,
    }
}
