//! How far Paxos scales: `synod sim --report` says how long a decision takes, and how many
//! messages, for 3 to 101 peers in a wide area, while some of the acceptors are slow or down;
//! `synod sim --sockets` lets as many real peers decide, as far apart.
//!
//! Everybody votes and is told; peer 1 proposes. The clock runs from its first question to the
//! moment when somebody knows the choice. In the simulated table an answer waits for a flush of
//! half a millisecond to two. A model is believed as far as it was measured: with `--sockets` the
//! report puts small worlds on real sockets beside the simulated ones ([`real`]), both in memory.

mod delay;
mod plot;
mod real;
mod regions;
mod world;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Parser;

use super::monitor::PaxosTally;
use super::plan::PaxosParameters;
use crate::command::{args, outputs, print};
use crate::error::{Doing, Error, Result};
use crate::sim::Span;
use crate::sim::harness::{Progress, Simulated};
use regions::REGIONS;
use world::{Times, World};

const SIZES: [u16; 10] = [3, 5, 7, 9, 13, 21, 31, 51, 75, 101];

/// The sizes that are measured on sockets too; every pair of peers takes six threads.
const SMALL: [u16; 4] = [3, 5, 7, 9];

/// How many real runs each figure is the middle of.
const REAL_RUNS: usize = 3;

/// How long a flush takes, in microseconds.
const FLUSH: Span = Span::us(500, 2_000);

/// What is wrong with some of the acceptors.
#[derive(Clone, Copy)]
struct Trouble {
    name: &'static str,
    /// Of this many acceptors, how many.
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

/// What is asked for.
#[derive(Default)]
struct Options {
    report: bool,
    sockets: bool,
    peers: Option<u16>,
    slow: u16,
    down: u16,
    plot: Option<PathBuf>,
}

/// Runs the command line if one of its flags belongs here.
pub(super) fn command<S>(parser: &mut Parser) -> Result<Option<ExitCode>>
where
    S: Simulated<Parameters = PaxosParameters, Tally = PaxosTally>,
{
    const OWN: [&str; 5] = ["--report", "--sockets", "--plot", "--slow", "--down"];
    let words = parser.raw_args()?.as_slice().to_vec();
    let is_own = |word: &OsString| word.to_str().is_some_and(|word| OWN.contains(&word));
    if !words.iter().any(is_own) {
        return Ok(None);
    }
    let options = parse(Parser::from_args(words))?;
    if options.report {
        report(World::simulate::<S>, options.plot.as_deref(), options.sockets).map(Some)
    } else {
        on_sockets(options.peers.unwrap_or(5), options.slow, options.down).map(Some)
    }
}

fn parse(parser: Parser) -> Result<Options> {
    let mut options = Options::default();
    args::flags(parser, |name, parser| {
        match name {
            "--report" => options.report = true,
            "--sockets" => options.sockets = true,
            "--peers" => options.peers = Some(args::number(name, parser.value()?)?),
            "--slow" => options.slow = args::number(name, parser.value()?)?,
            "--down" => options.down = args::number(name, parser.value()?)?,
            "--plot" => options.plot = Some(parser.value()?.into()),
            "--seeds" | "--seed" | "--proposers" | "--faults" | "--only" if options.report => {
                return Err(Error::Usage("--report has worlds and seeds of its own".into()));
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let refuse = |why: &str| Err(Error::Usage(why.into()));
    if options.report && options.peers.is_some() {
        return refuse("--report has worlds and seeds of its own");
    }
    if options.slow.max(options.down) > 0 && !options.sockets {
        return refuse("--slow and --down are for --sockets");
    }
    if options.plot.is_some() && !options.report {
        return refuse("--plot is for --report");
    }
    outputs::check(None, options.plot.as_deref())?;
    Ok(options)
}

/// [`World::simulate`].
type Simulate = fn(&World, Span) -> (Times, u64);

/// Prints the table; with `picture`, draws it; with `sockets`, measures small worlds.
fn report(simulate: Simulate, picture: Option<&Path>, sockets: bool) -> Result<ExitCode> {
    let mut text = format!(
        "one proposer in {}, acceptors in turn in {}\n\nmilliseconds from the first question to \
         the choice (messages sent until then; when all know)\n\n| peers |",
        REGIONS[0],
        REGIONS.join(", ")
    );
    for trouble in TROUBLES {
        let _ = write!(text, " {} |", trouble.name); // a String takes all
    }
    print(&format!("{text}\n|------:|{}\n", "---:|".repeat(TROUBLES.len())))?;
    let mut lines: Vec<plot::Series> =
        TROUBLES.iter().map(|t| plot::Series { name: t.name, points: Vec::new() }).collect();
    for peers in SIZES {
        let mut row = format!("| {peers} |");
        for (trouble, line) in TROUBLES.iter().zip(&mut lines) {
            let world = World::new(peers, (trouble.share)(peers), trouble.down);
            let (Times { decided_ms: ms, known_ms: known }, messages) = simulate(&world, FLUSH);
            line.points.push((peers, ms));
            let _ = write!(row, " {ms:.0} ({messages}; {known:.0} ms) |");
        }
        print(&(row + "\n"))?;
    }
    print(&format!("\n{}", plot::text(&lines)))?;
    if let Some(path) = picture {
        std::fs::write(path, plot::svg(&lines)).doing(|| format!("writing {}", path.display()))?;
    }
    if sockets { compare(simulate) } else { Ok(ExitCode::SUCCESS) }
}

/// The simulated figures of small worlds beside those of real sockets.
fn compare(simulate: Simulate) -> Result<ExitCode> {
    print(
        "\nthe model beside real sockets on this machine, each message delayed by link latency; \
         all in memory\n\n\
         | peers | acceptors | one knows: simulated | real | all know: simulated | real |\n\
         |------:|:----------|---:|---:|---:|---:|\n",
    )?;
    let cells = || SMALL.into_iter().flat_map(|peers| TROUBLES.map(|trouble| (peers, trouble)));
    let count = cells().count() as u64;
    let mut progress = Progress::new();
    let mut farthest: f64 = 0.0;
    for ((peers, Trouble { name, share, down }), done) in cells().zip(0..) {
        progress.show(done, count);
        let troubled = share(peers);
        let (model, _) = simulate(&World::new(peers, troubled, down), Span::ZERO);
        let kind = if down { "--down" } else { "--slow" };
        let mut args = vec!["--peers".to_owned(), peers.to_string()];
        if troubled > 0 {
            args.extend([kind.to_owned(), troubled.to_string()]);
        }
        let real = real::again(&args, REAL_RUNS)?;
        progress.clear();
        print(&format!(
            "| {peers} | {name} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms |\n",
            model.decided_ms, real.decided_ms, model.known_ms, real.known_ms
        ))?;
        for (model, real) in [(model.decided_ms, real.decided_ms), (model.known_ms, real.known_ms)]
        {
            farthest = farthest.max((real / model - 1.0).abs());
        }
    }
    print(&format!("\nthe farthest apart: {:.1} %\n", farthest * 100.0))?;
    Ok(ExitCode::SUCCESS)
}

/// One decision of real peers, of which some are slow or down.
fn on_sockets(peers: u16, slow: u16, down: u16) -> Result<ExitCode> {
    let most = SMALL[SMALL.len() - 1];
    if peers > most {
        return Err(Error::Usage(format!("--sockets: --peers {peers} is more than {most}")));
    }
    if slow > 0 && down > 0 {
        return Err(Error::Usage("--sockets: some slow or some down, not both".into()));
    }
    if slow >= peers || down > (peers - 1) / 2 {
        return Err(Error::Usage(format!("--sockets: too many of {peers} are slow or down")));
    }
    print(&real::decide(&World::new(peers, slow.max(down), down > 0))?.text())?;
    Ok(ExitCode::SUCCESS)
}
