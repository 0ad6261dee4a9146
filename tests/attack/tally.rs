//! What happened, in numbers.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::journals::{Journals, is};

/// Counts of one round, or of many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) kills: u64,
    /// Kills before anybody knew the choice: only these can lose what others still count on.
    pub(crate) early_kills: u64,
    /// Kills after which the machine lost its power too; they do not count as kills.
    pub(crate) power_losses: u64,
    pub(crate) early_power_losses: u64,
    /// Power losses that took or changed unflushed bytes or names.
    pub(crate) felt_power_losses: u64,
    /// Peers that ended because a flush failed.
    pub(crate) failed_flushes: u64,
    pub(crate) stops: u64,
    pub(crate) restarts: u64,
    /// Rounds after whose end all were killed at once, or lost their power, and came back.
    pub(crate) revivals: u64,
    pub(crate) decisions: u64,
    /// Rounds in which a proposer was refused because of another one's number.
    pub(crate) duels: u64,
    pub(crate) refusals: u64,
    /// Proposers that had to ask for another value than their own.
    pub(crate) adoptions: u64,
    pub(crate) promises: u64,
    pub(crate) acceptances: u64,
    /// Incarnations that found a promise, an acceptance or a number on their disk.
    pub(crate) remembered: u64,
    pub(crate) lines: u64,
    /// How many rounds chose each value.
    pub(crate) values: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds another one's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.early_kills += other.early_kills;
        self.power_losses += other.power_losses;
        self.early_power_losses += other.early_power_losses;
        self.felt_power_losses += other.felt_power_losses;
        self.failed_flushes += other.failed_flushes;
        self.stops += other.stops;
        self.restarts += other.restarts;
        self.revivals += other.revivals;
        self.decisions += other.decisions;
        self.duels += other.duels;
        self.refusals += other.refusals;
        self.adoptions += other.adoptions;
        self.promises += other.promises;
        self.acceptances += other.acceptances;
        self.remembered += other.remembered;
        self.lines += other.lines;
        for (value, count) in &other.values {
            *self.values.entry(value.clone()).or_default() += count;
        }
    }

    /// Counts what the journals of one round tell. `kills` are the times of its kills, in
    /// microseconds since 1970, and whether the power failed too.
    pub(super) fn count(&mut self, journals: &Journals, kills: &[(u64, bool)]) {
        let lines = || journals.values().flatten();
        let number = |of: bool| u64::from(of);
        let chose = lines().filter(|line| line["action"] == "chose");
        let known = chose.filter_map(|line| line["time_us"].as_u64()).min().unwrap_or(u64::MAX);
        for (_, power) in kills.iter().filter(|(at, _)| *at < known) {
            self.early_kills += number(!power);
            self.early_power_losses += number(*power);
        }
        let mut refusals = 0;
        for line in lines() {
            let granted = line["proposal_num"] == line["answers"];
            let accepted = granted && line["accepted_proposal"] == line["answers"];
            let finds = ["proposal_num", "accepted_proposal", "last_proposal"];
            let finds = finds.iter().any(|key| line[key].is_u64());
            let note = line["note"].as_str().unwrap_or_default();
            self.promises += number(is(line, "sent", "prepare_ack") && granted);
            self.acceptances += number(is(line, "sent", "accept_ack") && accepted);
            self.remembered += number(line["action"] == "started" && finds);
            self.adoptions += number(note.contains("proposes it instead of"));
            refusals += number(note.contains("is refused"));
            self.lines += 1;
        }
        self.refusals += refusals;
        self.duels += number(refusals > 0);
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values.iter().map(|(v, n)| format!("{v} {n}")).collect();
        writeln!(f, "groups       {:>8}  each with new directories", self.rounds)?;
        let early = self.early_kills;
        writeln!(
            f,
            "kills        {:>8}  of them {early} before anybody knew a choice",
            self.kills
        )?;
        let (early, felt) = (self.early_power_losses, self.felt_power_losses);
        writeln!(
            f,
            "power losses {:>8}  {early} before anybody knew a choice; {felt} took something",
            self.power_losses
        )?;
        writeln!(f, "failed disks {:>8}  a flush failed, and the peer ended", self.failed_flushes)?;
        writeln!(f, "stops        {:>8}", self.stops)?;
        let found = self.remembered;
        writeln!(
            f,
            "restarts     {:>8}  incarnations that found something: {found}",
            self.restarts
        )?;
        let revivals = self.revivals;
        writeln!(f, "decisions    {:>8}  after {revivals} all died and came back", self.decisions)?;
        let (refusals, adoptions) = (self.refusals, self.adoptions);
        write!(f, "duels        {:>8}  ", self.duels)?;
        writeln!(f, "refusals {refusals}, another's value adopted {adoptions} times")?;
        let (promises, acceptances) = (self.promises, self.acceptances);
        write!(f, "journals     {:>8}  lines; ", self.lines)?;
        writeln!(f, "promises {promises}, acceptances {acceptances}")?;
        writeln!(f, "values       {:>8}  {}", self.values.len(), values.join(", "))?;
        // A tally is only handed out when all journals were judged and found right.
        writeln!(f, "lost         {:>8}", 0)
    }
}
