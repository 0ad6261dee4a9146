//! An attacker on real processes: `kill -9`, stops, restarts, and proposers that change their mind.
//!
//! A round is one group with new directories. A decision ends what can go wrong, so most strokes
//! fall while the first attempts are under way: a pause of some milliseconds at most, and a killed
//! peer comes back at once, a proposer with another value. Then all are left alone and must choose.
//! Sometimes all die after that and come back, so that only the disks know.
//!
//! Every round is judged twice from its journals: by `synod check`, and by what the journals of
//! each peer prove alone. The seed gives every stroke and pause, but not what the processes do in
//! between: a seed found again is a similar run, and the kept directory is the evidence.

#[path = "../journals/mod.rs"]
mod journals;

mod group;
mod random;
mod tally;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use group::{Doing, Group, Signals, free_ports};
use journals::Journals;
use random::Random;
pub(crate) use tally::Tally;

/// Kills in one round, at most, beside those that end all lives at once.
const MOST_KILLS: usize = 60;
/// Kills that follow in a round when a victim is seen to have known the choice.
const KILLS_AFTER_CHOICE: usize = 4;

/// Groups, and how many acceptors are a majority in each.
const GROUPS: &[(&[&str], usize)] = &[
    (&["proposer1", "acceptor", "acceptor", "acceptor", "proposer2"], 2),
    (&["proposer1,acceptor", "acceptor,learner", "proposer2,acceptor"], 2),
    (&["proposer1,acceptor", "acceptor", "acceptor", "acceptor", "proposer2,acceptor"], 3),
    (&["proposer1", "acceptor", "acceptor", "acceptor", "proposer2", "learner"], 2),
];

/// What to do.
pub(crate) struct Plan {
    /// The program.
    pub(crate) synod: PathBuf,
    /// Where the rounds' directories are made.
    pub(crate) scratch: PathBuf,
    pub(crate) seed: u64,
    /// How many kills there are, at least.
    pub(crate) kills: u64,
    /// How many groups live at the same time.
    pub(crate) lanes: usize,
}

/// A seed that nobody can guess.
pub(crate) fn any_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8) % 1_000_000_000
}

/// What all lanes share.
#[derive(Default)]
struct Shared {
    tally: Tally,
    begun_rounds: u64,
    failure: Option<String>,
}

/// Attacks until there were enough kills. The error is for people: what went wrong, in which round
/// of which seed, and how to look at it.
pub(crate) fn attack(plan: &Plan) -> Result<Tally, String> {
    let shared = Mutex::new(Shared::default());
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let (begun, shows) = (Instant::now(), io::stderr().is_terminal());
    let lane = |lane: usize| loop {
        let index = {
            let mut shared = lock();
            if shared.failure.is_some() || shared.tally.kills >= plan.kills {
                return;
            }
            shared.begun_rounds += 1;
            shared.begun_rounds - 1
        };
        let result = round(plan, index, lane);
        let mut shared = lock();
        match result {
            Ok(tally) => shared.tally.add(&tally),
            Err(why) => {
                shared.failure.get_or_insert(why);
            }
        }
        if shows {
            let (Tally { kills, rounds, .. }, wanted) = (&shared.tally, plan.kills);
            let seconds = begun.elapsed().as_secs();
            let _ =
                write!(io::stderr(), "\r{kills} of {wanted} kills, {rounds} rounds, {seconds} s ");
        }
    };
    thread::scope(|scope| {
        for number in 0..plan.lanes {
            scope.spawn(move || lane(number));
        }
    });
    if shows {
        let _ = writeln!(io::stderr());
    }
    let Shared { tally, failure, .. } = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(tally), Err)
}

/// One group, from its birth to its verdict.
fn round(plan: &Plan, index: u64, lane: usize) -> Result<Tally, String> {
    let dir = tempfile::Builder::new().prefix("torture-").tempdir_in(&plan.scratch);
    let dir = dir.map_err(|e| format!("{}: {e}", plan.scratch.display()))?;
    match fight(plan, index, lane, dir.path()) {
        Ok(tally) => Ok(tally),
        Err(why) => {
            let (at, seed) = (dir.keep(), plan.seed);
            let (at, synod) = (at.display(), plan.synod.display());
            Err(format!(
                "{why}\nseed {seed}, round {index}; look at it with\n  \
                 {synod} check --hosts {at}/hosts {at}/*.trace\n  \
                 {synod} draw --hosts {at}/hosts {at}/*.trace -o {at}/run.html\n"
            ))
        }
    }
}

fn fight(plan: &Plan, index: u64, lane: usize, dir: &Path) -> Result<Tally, String> {
    // Far apart, or the rounds of neighbouring seeds would be the same.
    let mut random = Random(plan.seed.wrapping_mul(0x0001_0000_0001) ^ (index << 40));
    let (roles, majority) = random.one_of(GROUPS);
    let ports = free_ports(roles.len(), lane, plan.lanes, &mut random);
    let mut group = Group::new(&plan.synod, dir, roles, &ports)?;
    let mut tally = Tally { rounds: 1, ..Tally::default() };
    let kills = strike(&mut group, &mut random, &mut tally)?;
    group.await_choice()?;
    tally.decisions += 1;
    if random.percent(25) {
        for id in group.ids.clone() {
            group.kill(id)?;
            tally.kills += 1;
        }
        for id in group.ids.clone() {
            group.start(id, &mut random)?;
            tally.restarts += 1;
        }
        group.await_choice()?;
        tally.revivals += 1;
    }
    group.alarm()?;
    let traces: Vec<PathBuf> = group.ids.iter().map(|id| group.trace(*id)).collect();
    let ids = group.ids.clone();
    drop(group);
    let read = |(id, path): (&u16, &PathBuf)| Ok((*id, journals::read(path)?));
    let journals: Journals = ids.iter().zip(&traces).map(read).collect::<Result<_, String>>()?;
    let value = journals::judge(&journals, majority)?;
    check(&plan.synod, &dir.join("hosts"), &traces, &value)?;
    tally.count(&journals, &kills);
    *tally.values.entry(value).or_default() += 1;
    Ok(tally)
}

/// Kills, stops and starts until it is enough; in the end all run. Returns the times of the kills.
fn strike(
    group: &mut Group<'_>,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<Vec<u64>, String> {
    let mut signals = Signals::new()?;
    let mut kills = Vec::new();
    let mut most = MOST_KILLS;
    for id in group.ids.clone() {
        group.start(id, random)?;
    }
    while kills.len() < most {
        thread::sleep(random.pause());
        let id = random.one_of(&group.ids);
        let doing = group.doing(id);
        match doing {
            Doing::Running if random.percent(20) => {
                group.stop(id, true, &mut signals)?;
                tally.stops += 1;
            }
            Doing::Stopped if random.percent(60) => group.stop(id, false, &mut signals)?,
            Doing::Running | Doing::Stopped => {
                if group.has_chosen(id) {
                    most = most.min(kills.len() + KILLS_AFTER_CHOICE);
                }
                group.kill(id)?;
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                kills.push(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX));
                tally.kills += 1;
            }
            Doing::Dead => {}
        }
        // Mostly at once; a peer that stays dead for a while is missed by others.
        if group.doing(id) == Doing::Dead && (doing == Doing::Dead || random.percent(80)) {
            group.start(id, random)?;
            tally.restarts += 1;
        }
    }
    for id in group.ids.clone() {
        match group.doing(id) {
            Doing::Running => {}
            Doing::Stopped => group.stop(id, false, &mut signals)?,
            Doing::Dead => {
                group.start(id, random)?;
                tally.restarts += 1;
            }
        }
    }
    Ok(kills)
}

/// The verdict of `synod check`.
fn check(synod: &Path, hosts: &Path, traces: &[PathBuf], value: &str) -> Result<(), String> {
    let mut command = Command::new(synod);
    command.arg("check").args(traces).arg("--hosts").arg(hosts).args(["--expect", value]);
    let output = command.output().map_err(|e| format!("{}: {e}", synod.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    Err(format!("synod check ends with {}:\n{report}", output.status))
}
