//! `synod sim ready`: the barrier under the simulator.
//!
//! Peers begin in any order, many intervals apart, and learn each other's addresses some time after
//! that. The usual world loses three datagrams of ten, for ever; so what must be reached is reached
//! under the loss, with probability one, and the bound of [`ledger::ENDS_READY`] says how soon. The
//! seed draws whether peers are started with `--exit`, without, or some with and some without it.
//!
//! | world | what goes wrong |
//! |---|---|
//! | `lossy` | 30 % of all datagrams are lost; copies, overtaking, pauses, clocks; it never heals |
//! | `none` | nothing: readiness is a round trip after the last start |
//! | `heavy` | half of them lost, partitions, one-way cuts, crashes; then it heals |
//!
//! The lines of a run have a second judge, the one of `synod local ready`. It is not asked where a
//! peer crashed: a second life says `READY` a second time, and that judge knows of one life only.
//!
//! # Left out
//!
//! A crash among peers that leave together. Whoever begins again when the others have left waits in
//! vain, and no protocol of this kind can help it.

pub mod ledger;
mod show;

use std::collections::BTreeSet;
use std::time::Duration;

use super::beside::Stage;
use super::beside::account::Claim;
use super::beside::matrix::World as Corner;
use super::beside::scenario::{Outcome, Scenario};
use super::beside::shortest::{Row, row};
use crate::process::PeerId;
use crate::ready::{Ready, Setup, mutants};
use crate::sim::mutant::{Mutant, MutantLabel, Subject};
use crate::sim::{Course, Disk, Faults, Prng, Span, Spell, World};
use ledger::{ASKS_AT_ONCE, CLAIMS, LEAVES_TOGETHER, LINKS_CARRIED, NOBODY_GIVES_UP, SAID_ONCE};
use show::Show;

/// From one question to the next.
pub const INTERVAL: Duration = Duration::from_secs(2);
/// How long a peer stays.
pub const TIMEOUT: Duration = Duration::from_secs(120);
/// After so much virtual time in its last phase a run ends: all have left long before.
const PATIENCE_US: u64 = 250_000_000;

/// Who leaves when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everybody stays until its time is over.
    Stay,
    /// Everybody leaves when all are ready.
    Exit,
    /// The peers with an odd id would, and the others stay, so nobody leaves early.
    Mixed,
}

impl Mode {
    /// True if this peer is started with `--exit`.
    pub(super) fn exits(self, peer: PeerId) -> bool {
        self == Self::Exit || self == Self::Mixed && peer.0 % 2 == 1
    }
}

/// How soon after the last start, and the healing, everybody is ready.
fn bound_us(world: &str) -> u64 {
    match world {
        // A question and its answer are both carried once in two intervals; with nine peers not
        // every one of 72 links has done so after 45 intervals once in a hundred thousand million
        // runs.
        "lossy" => 90_000_000,
        "heavy" => 20_000_000,
        // A question, the answer's question, and the answer to that.
        _ => 3 * Faults::none().delay.most,
    }
}

/// The protocol, ready to be played.
pub struct Barrier;

impl Stage for Barrier {
    fn name(&self) -> &'static str {
        "ready"
    }

    fn worlds(&self) -> &'static [&'static str] {
        &["lossy", "none", "heavy"]
    }

    fn claims(&self) -> &'static [Claim] {
        CLAIMS
    }

    fn bugs(&self) -> Vec<MutantLabel> {
        mutants::all().map(Mutant::label).collect()
    }

    fn museum(&self) -> &'static [Corner] {
        const fn corner(peers: u16, faults: &'static str, seeds: u64) -> Corner {
            Corner { peers, faults, majority: false, seeds }
        }
        const { &[corner(5, "none", 100), corner(5, "lossy", 600), corner(3, "heavy", 300)] }
    }

    fn failures(&self) -> &'static [Row] {
        FAILURES
    }

    fn faults(&self, world: &str) -> Option<Faults> {
        let any_time = Faults { boot: Span::ms(0, 20_000), ..Faults::none() };
        match world {
            "none" => Some(any_time),
            "lossy" => Some(Faults {
                delay: Span::us(100, 50_000),
                loss: 300_000,
                duplication: 50_000,
                reordering: 100_000,
                late: Span::ms(1, 3_000),
                pause: Spell { every: Span::ms(5_000, 20_000), lasts: Span::ms(100, 5_000) },
                drift: 50_000,
                ..any_time
            }),
            "heavy" => Some(Faults {
                chaos: Span::ms(10_000, 40_000),
                delay: Span::us(100, 200_000),
                loss: 500_000,
                duplication: 100_000,
                reordering: 200_000,
                late: Span::ms(1, 10_000),
                partition: Spell { every: Span::ms(2_000, 20_000), lasts: Span::ms(500, 10_000) },
                one_way: Spell { every: Span::ms(1_000, 10_000), lasts: Span::ms(500, 10_000) },
                pause: Spell { every: Span::ms(2_000, 15_000), lasts: Span::ms(100, 8_000) },
                crash: 10_000,
                restart: Span::ms(10, 5_000),
                drift: 50_000,
                ..any_time
            }),
            _ => None,
        }
    }

    fn perform(&self, scenario: &Scenario, seed: u64, journal: bool) -> Outcome {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_ba44);
        let mode = [Mode::Stay, Mode::Exit, Mode::Mixed][prng.index(3)];
        let peers: BTreeSet<PeerId> = (1..=scenario.peers).map(PeerId).collect();
        let setup = move |me: PeerId| {
            let others = peers.iter().copied().filter(|peer| *peer != me).collect();
            let (interval, timeout) = (INTERVAL, Some(TIMEOUT));
            Setup { others, interval, timeout, stay: false, exit: mode.exits(me) }
        };
        let mutant = mutants::all().find(|m| Some(m.label()) == scenario.bug);
        match mutant {
            None => run(scenario, mode, seed, journal, |me| Ready::new(setup(me))),
            Some(mutant) => run(scenario, mode, seed, journal, |me| mutant.build(setup(me))),
        }
    }
}

fn run<S: Subject<Ready>>(
    scenario: &Scenario,
    mode: Mode,
    seed: u64,
    journal: bool,
    build: impl Fn(PeerId) -> S,
) -> Outcome {
    let peers = scenario.peers;
    let links = super::beside::all_pairs(peers);
    let calm = scenario.world == "none";
    let course = Course {
        peers,
        links: &links,
        faults: scenario.faults(),
        patience: PATIENCE_US,
        distances: &[],
        absent: &[],
        addresses: Some(if calm { Span::ZERO } else { Span::ms(0, 6_000) }),
        disk: Disk::None,
    };
    let show = Show::new(scenario, mode, journal, build);
    let mut world = World::new(&course, seed, show);
    let end = world.run();
    let (now, counts) = (world.now(), world.counts);
    world.watch.outcome(end, now, counts)
}

/// One for every mutant, as `synod sim ready --find-shortest` prints them.
const FAILURES: &[Row] = &[
    row("acknowledges-only-the-first", NOBODY_GIVES_UP, 2, "lossy", "", 851),
    row("ready-once-it-has-heard", LINKS_CARRIED, 2, "none", "all", 8),
    row("counts-itself", LINKS_CARRIED, 3, "none", "all", 14),
    row("leaves-when-it-is-ready", LEAVES_TOGETHER, 2, "none", "all", 8),
    row("asks-only-once", NOBODY_GIVES_UP, 2, "lossy", "loss", 4),
    row("sleeps-before-it-asks", ASKS_AT_ONCE, 2, "none", "all", 0),
    row("says-ready-again", SAID_ONCE, 2, "none", "all", 30),
    row("gives-up-early", LEAVES_TOGETHER, 2, "none", "all", 8),
];
