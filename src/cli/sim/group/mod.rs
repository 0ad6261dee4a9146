//! `synod sim member`: the group under the simulator, with majorities and without.
//!
//! T, from one heartbeat to the next, is a second. All peers begin within ten.
//!
//! * `heavy`: everything. Loss, copies, overtaking (of streams too), partitions, one-way cuts,
//!   pauses up to 8 T, crashes between any two effects, clocks wrong by 5 %; then it heals.
//! * `light`: one failure at a time. A crash between any two effects, or a pause up to 8 T; 1 % of
//!   the heartbeats lost, repeated, overtaken; streams keep the contract.
//! * `jitter`: nothing, but everything takes up to 0.2 T; for an hour.
//! * `none`: nothing at all.
//!
//! # What is promised without `--majority`
//!
//! What the original promises, in `light`, `jitter` and `none`. There are no partitions and no
//! cuts, a stream loses nothing while both its ends live, and a message takes less than T/10. The
//! next crash comes only when all who live have removed the dead from their views and none of them
//! holds another for dead, and only if somebody who is in a view is left. A crashed peer stays
//! away in one half of the runs; in the other it comes back as a newcomer, within 5 T, with what
//! `--data` keeps or without it. That, too, the seed draws. In every eighth run the first line is
//! started with `-t` and nobody else crashes. Then:
//!
//! * a view id has one list, ids grow, whoever installs a view is in it;
//! * every view is the one before it, changed by one operation, to which all agreed whom the one
//!   who asked did not hold for dead;
//! * whoever is removed was called unreachable before by each who installs the view without it,
//!   and nobody is called so who was heard within 2 T;
//! * once the world is healed, all who live are in one view that has them and no others, within
//!   60 T; a peer that was asked to agree to its own removal stays out of it.
//!
//! Nothing is promised in `heavy`: there each part may make views of its own. What holds for every
//! single member (ids grow, it is in its view, it finds silence) is asked there too.
//!
//! # What is promised with `--majority`
//!
//! All of that in every world, `heavy` included, with `--data`: above all, no two different views
//! ever share an id. Up to three times in a run an outage hits some of the peers, in one of three
//! cases all of them: they crash within a moment and start again within 8 T. What they agreed to,
//! they still have: promises are kept and pending operations told as if they had never been away.
//!
//! Two of it with a condition. *One group*: in every fourth `heavy` run some who crash never come
//! back. If those who are left are no majority of the last view, or of the highest that any of them
//! holds, no view can ever be agreed to again, and the group stands still. A run that ends like
//! this counts as `stood still`; where all come back, that is no excuse. *Who was called
//! unreachable*: of those who were in a view without a break; whoever was removed and joins again
//! knows nothing of the time between.
//!
//! The lines of a run have a second judge, [`MemberJudge`](crate::member::judge::MemberJudge), the
//! one of `synod local member`. It does not know of lives, so it is asked where nobody came back.

mod claims;
mod goal;
mod ledger;
mod show;
mod votes;

use std::collections::BTreeSet;
use std::time::Duration;

use super::beside::Stage;
use super::beside::account::Claim;
use super::beside::matrix::World as Corner;
use super::beside::scenario::{Outcome, Scenario};
use super::beside::shortest::{Row, row};
use crate::member::mutants;
use crate::member::{Life, Peer, Setup};
use crate::process::PeerId;
use crate::sim::mutant::{Mutant, MutantLabel, Subject};
use crate::sim::{Course, Disk, Faults, Prng, Span, Spell, World};
use claims::{
    AGREED, CALLED_ONCE, CLAIMS, HONEST, IDS_GROW, IN_ITS_VIEW, ONE_GROUP, ONE_LIST, PENDING_TOLD,
    PROMISE_KEPT, SILENCE_FOUND,
};
use show::Show;

/// T, from one heartbeat to the next, in microseconds.
pub const T: u64 = 1_000_000;
/// In the second phase the group must be one within this much virtual time.
pub const PATIENCE_US: u64 = 60 * T;
/// Where crashes come one at a time: by then all who live know of the last one, also if it was a
/// newcomer and is still to be let in.
const CALM_US: u64 = 4 * T;
/// How long a world without faults goes on.
pub const AN_HOUR_US: u64 = 3_600 * T;

/// What the seed draws beside the run itself.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Plan {
    /// The first line is started with `-t`.
    pub ordered: bool,
    /// How many crashes there may be.
    pub crashes: u32,
    /// Who crashes comes back,
    pub returns: bool,
    /// or at least two of three do.
    pub some_return: bool,
    /// How often several crash at once.
    pub outages: u32,
    /// What a peer wrote down survives.
    pub memory: bool,
    /// Crashes come one at a time.
    pub one_at_a_time: bool,
}

impl Plan {
    fn new(scenario: &Scenario, seed: u64) -> Self {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5eed_6709);
        let one_at_a_time = scenario.world != "heavy";
        // With two, the next leader would be the highest one; with three and majorities, it would
        // be left with a view of two of which one is dead.
        let least = if scenario.majority { 4 } else { 3 };
        let light = scenario.world == "light" && scenario.peers >= least;
        let ordered = light && prng.below(8) == 0;
        let most = if one_at_a_time { 4 } else { 16 };
        // Often none, often few.
        let drawn = [0, 1, 2, most][prng.index(4)];
        let crashes = if ordered { 0 } else { drawn.max(u32::from(one_at_a_time)) };
        let returns = prng.below(2) == 0 || !one_at_a_time;
        let memory = prng.below(2) == 0 || scenario.majority;
        // Only those who remember can go on when too many were down at once.
        let outages = if scenario.majority && !ordered { [0, 1, 2, 3][prng.index(4)] } else { 0 };
        let some_return = !one_at_a_time && scenario.majority && prng.below(4) == 0;
        let returns = returns && !some_return;
        Self { ordered, crashes, returns, some_return, outages, memory, one_at_a_time }
    }
}

/// The protocol, ready to be played.
pub struct Group;

impl Stage for Group {
    fn name(&self) -> &'static str {
        "member"
    }

    fn worlds(&self) -> &'static [&'static str] {
        &["light", "heavy", "jitter", "none"]
    }

    fn claims(&self) -> &'static [Claim] {
        CLAIMS
    }

    fn bugs(&self) -> Vec<MutantLabel> {
        mutants::all().map(Mutant::label).collect()
    }

    fn museum(&self) -> &'static [Corner] {
        const fn corner(peers: u16, faults: &'static str, majority: bool, seeds: u64) -> Corner {
            Corner { peers, faults, majority, seeds }
        }
        const {
            &[
                corner(3, "none", false, 20),
                corner(5, "light", false, 300),
                corner(5, "light", true, 100),
                corner(4, "heavy", true, 300),
                corner(5, "heavy", true, 800),
            ]
        }
    }

    fn failures(&self) -> &'static [Row] {
        FAILURES
    }

    fn faults(&self, world: &str) -> Option<Faults> {
        let calm =
            Faults { delay: Span::us(100, 5_000), boot: Span::ms(0, 10_000), ..Faults::none() };
        let ms = Span::ms;
        match world {
            "none" => Some(calm),
            "jitter" => Some(Faults { delay: ms(0, 200), ..calm }),
            "light" => Some(Faults {
                chaos: ms(20_000, 60_000),
                delay: Span::us(100, 90_000),
                loss: 10_000,
                duplication: 10_000,
                reordering: 10_000,
                streams_hold: true,
                late: ms(1, 1_000),
                pause: Spell { every: ms(12_000, 40_000), lasts: ms(100, 8_000) },
                crash: 1_000_000,
                power_loss: 500_000,
                restart: ms(10, 5_000),
                flush: ms(0, 5),
                drift: 10_000,
                ..calm
            }),
            "heavy" => Some(Faults {
                chaos: ms(20_000, 60_000),
                delay: Span::us(100, 300_000),
                loss: 100_000,
                duplication: 50_000,
                reordering: 100_000,
                late: ms(1, 3_000),
                partition: Spell { every: ms(3_000, 20_000), lasts: ms(1_000, 10_000) },
                one_way: Spell { every: ms(2_000, 15_000), lasts: ms(1_000, 8_000) },
                pause: Spell { every: ms(2_000, 20_000), lasts: ms(100, 8_000) },
                crash: 300_000,
                power_loss: 500_000,
                restart: ms(10, 8_000),
                flush: ms(0, 20),
                drift: 50_000,
                ..calm
            }),
            _ => None,
        }
    }

    fn perform(&self, scenario: &Scenario, seed: u64, journal: bool) -> Outcome {
        let plan = Plan::new(scenario, seed);
        let hosts: BTreeSet<PeerId> = (1..=scenario.peers).map(PeerId).collect();
        let majority = scenario.majority;
        let setup = move |me: PeerId, life: Life| Setup {
            me,
            life,
            hosts: hosts.clone(),
            group: 7,
            heartbeat: Duration::from_micros(T),
            crash_after: None,
            crash_as_leader: plan.ordered && me == PeerId(1),
            majority,
        };
        let mutant = mutants::all().find(|m| Some(m.label()) == scenario.bug);
        match mutant {
            None => run(scenario, plan, seed, journal, |me, life| Peer::new(setup(me, life))),
            Some(mutant) => {
                run(scenario, plan, seed, journal, |me, life| mutant.build(setup(me, life)))
            }
        }
    }
}

fn run<S: Subject<Peer>>(
    scenario: &Scenario,
    plan: Plan,
    seed: u64,
    journal: bool,
    build: impl Fn(PeerId, Life) -> S,
) -> Outcome {
    let links = super::beside::all_pairs(scenario.peers);
    let hour = if scenario.world == "jitter" { AN_HOUR_US } else { 0 };
    let course = Course {
        peers: scenario.peers,
        links: &links,
        faults: scenario.faults(),
        patience: PATIENCE_US + hour,
        distances: &[],
        absent: &[],
        addresses: None,
        disk: if plan.memory { Disk::Sound } else { Disk::None },
    };
    let show = Show::new(scenario, plan, seed, hour, journal, build);
    let mut world = World::new(&course, seed, show);
    let end = world.run();
    let (now, counts) = (world.now(), world.counts);
    world.watch.outcome(end, now, counts)
}

/// One for every mutant, as `synod sim member --find-shortest` prints them.
const FAILURES: &[Row] = &[
    row("installs-a-view-twice", IDS_GROW, 2, "light", "", 156),
    row("takes-a-lower-view", ONE_LIST, 3, "heavy+", "one-way,crash,drift", 780),
    row("forgets-the-pending-operation", ONE_LIST, 3, "heavy+", "one-way,crash,drift", 681),
    row("takes-over-without-asking", ONE_LIST, 3, "heavy+", "one-way,crash,power-loss", 322),
    row(
        "counts-stale-heartbeats",
        CALLED_ONCE,
        3,
        "light+",
        "reordering,crash,power-loss,drift",
        178,
    ),
    row("waits-for-the-dead", SILENCE_FOUND, 3, "light", "crash", 636),
    row("asks-and-goes-ahead", ONE_LIST, 4, "light+", "reordering,crash,flush", 682),
    row("half-is-a-majority", ONE_LIST, 4, "heavy+", "partition", 803),
    row("counts-old-agreements", ONE_LIST, 4, "heavy+", "loss,duplication,reordering,pause", 9),
    row("agrees-below-its-promise", ONE_LIST, 3, "heavy+", "partition", 907),
    row("two-leaders", AGREED, 3, "light", "crash", 695),
    row("goes-on-when-removed", ONE_GROUP, 3, "light+", "crash", 195),
    row("comes-back-when-asked-to-go", PENDING_TOLD, 4, "light", "", 694),
    row("removes-without-a-word", AGREED, 2, "light", "loss,duplication,reordering,crash", 607),
    row("one-silent-period-is-death", ONE_LIST, 2, "light", "", 900),
    row("says-it-at-every-check", CALLED_ONCE, 3, "light", "", 732),
    row("asks-in-the-name-of-another", HONEST, 2, "light", "crash", 945),
    row("one-life-for-ever", IN_ITS_VIEW, 2, "none", "all", 1),
    row("founds-again", ONE_LIST, 2, "light+", "crash", 65),
    row("forgets-its-promises", PROMISE_KEPT, 3, "heavy+", "crash", 540),
    row("forgets-its-view", ONE_LIST, 3, "light+", "crash", 213),
    row("answers-before-it-records", AGREED, 2, "light+", "crash", 102),
    row("another-life-at-every-start", IN_ITS_VIEW, 2, "light+", "crash", 934),
];
