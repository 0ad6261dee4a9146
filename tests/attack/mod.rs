//! An attacker on real processes: `kill -9`, power losses, failed flushes, stops, restarts, and
//! proposers that change their mind.
//!
//! A round is one group with new directories. A decision ends what can go wrong, so most strokes
//! fall while the first attempts are under way: a pause of some milliseconds at most, and a killed
//! peer comes back at once, a proposer with another value. Then all are left alone and must choose.
//! Sometimes all die after that and come back, so that only the disks know.
//!
//! For power losses every peer has a disk of its own on a file system that loses what was not
//! flushed; its flushes take longer in one incarnation than in another. The journals are on another
//! one.
//!
//! Every round is judged twice from its journals: by `synod check`, and by what the journals of
//! each peer prove alone. The seed gives every stroke and pause, but not what the processes do in
//! between: a seed found again is a similar run, and the kept directory is the evidence.

#[path = "../journals/mod.rs"]
mod journals;
#[path = "../lossyfs/mod.rs"]
pub(crate) mod lossyfs;

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
use lossyfs::LossyFs;
use random::Random;
pub(crate) use tally::Tally;

/// Kills and power losses in one round, at most, beside those that end all incarnations at once.
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
    /// How many power losses there are beside them, at least. They need a file system that only
    /// root can mount, see [`lossyfs::missing`].
    pub(crate) power_losses: u64,
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
    let fs = match plan.power_losses {
        0 => None,
        _ => Some(LossyFs::mount(&plan.scratch).map_err(|e| format!("mounting: {e}"))?),
    };
    let lane = |lane: usize| loop {
        let index = {
            let mut shared = lock();
            let Tally { kills, power_losses, .. } = shared.tally;
            let enough = kills >= plan.kills && power_losses >= plan.power_losses;
            if shared.failure.is_some() || enough {
                return;
            }
            shared.begun_rounds += 1;
            shared.begun_rounds - 1
        };
        let result = round(plan, fs.as_ref(), index, lane);
        let mut shared = lock();
        match result {
            Ok(tally) => shared.tally.add(&tally),
            Err(why) => {
                shared.failure.get_or_insert(why);
            }
        }
        if shows {
            let Tally { kills, power_losses, rounds, .. } = &shared.tally;
            let (wanted, losses, seconds) =
                (plan.kills, plan.power_losses, begun.elapsed().as_secs());
            let _ = write!(
                io::stderr(),
                "\r{kills} of {wanted} kills, {power_losses} of {losses} power losses, \
                 {rounds} groups, {seconds} s "
            );
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
fn round(plan: &Plan, fs: Option<&LossyFs>, index: u64, lane: usize) -> Result<Tally, String> {
    let dir = tempfile::Builder::new().prefix("torture-").tempdir_in(&plan.scratch);
    let dir = dir.map_err(|e| format!("{}: {e}", plan.scratch.display()))?;
    // Far apart, or the rounds of neighbouring seeds would be the same.
    let mut random = Random(plan.seed.wrapping_mul(0x0001_0000_0001) ^ (index << 40));
    let (roles, majority) = random.one_of(GROUPS);
    let ports = free_ports(roles.len(), lane, plan.lanes, &mut random);
    let mut group = Group::new(&plan.synod, dir.path(), (roles, &ports), fs)?;
    match fight(plan, &mut group, majority, &mut random, dir.path()) {
        Ok(tally) => Ok(tally),
        Err(why) => {
            group.keep_disks();
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

fn fight(
    plan: &Plan,
    group: &mut Group<'_>,
    majority: usize,
    random: &mut Random,
    dir: &Path,
) -> Result<Tally, String> {
    let mut tally = Tally { rounds: 1, ..Tally::default() };
    let kills = strike(plan, group, random, &mut tally)?;
    group.await_choice(random)?;
    tally.decisions += 1;
    if random.percent(25) {
        let power = plan.power_losses > 0 && random.percent(50);
        let mut killed = Vec::new();
        for id in group.ids.clone() {
            killed.push((id, group.kill(id, random)?));
        }
        for (id, lived) in killed {
            end(power, lived, id, group, random, &mut tally);
            group.start(id, random)?;
            tally.restarts += 1;
        }
        group.await_choice(random)?;
        tally.revivals += 1;
    }
    tally.failed_flushes += group.failed_flushes;
    group.alarm()?;
    let traces: Vec<PathBuf> = group.ids.iter().map(|id| group.trace(*id)).collect();
    let ids = group.ids.clone();
    group.kill_all();
    let read = |(id, path): (&u16, &PathBuf)| Ok((*id, journals::read(path)?));
    let journals: Journals = ids.iter().zip(&traces).map(read).collect::<Result<_, String>>()?;
    let value = journals::judge(&journals, majority)?;
    check(&plan.synod, &dir.join("hosts"), &traces, &value)?;
    tally.count(&journals, &kills);
    *tally.values.entry(value).or_default() += 1;
    Ok(tally)
}

/// Counts the end of a peer that `lived` until then; its machine may lose its power too.
fn end(
    power: bool,
    lived: bool,
    id: u16,
    group: &mut Group<'_>,
    random: &mut Random,
    tally: &mut Tally,
) {
    if !power {
        tally.kills += u64::from(lived);
        return;
    }
    let lost = group.lose_power(id, random);
    tally.power_losses += 1;
    tally.felt_power_losses += u64::from(lost != lossyfs::Lost::default());
}

/// Kills, stops and starts until it is enough; in the end all run. Returns the times of the kills,
/// and whether the power failed too.
fn strike(
    plan: &Plan,
    group: &mut Group<'_>,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<Vec<(u64, bool)>, String> {
    let mut signals = Signals::new()?;
    let mut kills = Vec::new();
    let mut most = MOST_KILLS;
    let all = usize::try_from(plan.kills + plan.power_losses).map_err(|e| e.to_string())?;
    let mut id = group.ids[0];
    for id in group.ids.clone() {
        group.start(id, random)?;
    }
    while kills.len() < most {
        thread::sleep(random.pause());
        // What one blow leaves unflushed, the next one at the same machine may take.
        if random.percent(70) {
            id = random.one_of(&group.ids);
        }
        group.still_incarnations(id)?;
        let doing = group.doing(id);
        match doing {
            Doing::Running if random.percent(3) => group.fail_flush(id),
            Doing::Running if random.percent(20) => {
                group.stop(id, true, &mut signals)?;
                tally.stops += 1;
            }
            Doing::Stopped if random.percent(60) => group.stop(id, false, &mut signals)?,
            Doing::Running | Doing::Stopped => {
                if group.has_chosen(id) {
                    most = most.min(kills.len() + KILLS_AFTER_CHOICE);
                }
                let lived = group.kill(id, random)?;
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
                let power = (random.below(all) as u64) < plan.power_losses;
                end(power, lived, id, group, random, tally);
                if power || lived {
                    kills.push((now, power));
                }
            }
            Doing::Dead => {}
        }
        // Mostly at once; a peer that stays dead for a while is missed by others.
        if group.doing(id) == Doing::Dead && (doing == Doing::Dead || random.percent(80)) {
            group.start(id, random)?;
            tally.restarts += 1;
        }
    }
    group.fail_no_flush();
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
