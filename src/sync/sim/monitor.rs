//! What is known of a run of `sync`, and what in it violates a property.
//!
//! It keeps a model of every disk, from the records that have become durable, and of who wrote
//! which content where. Nothing is taken from what a peer believes but its versions, and those only
//! to see that they never go back.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::SyncPlan;
use crate::process::{Output, PeerId};
use crate::sim::harness::{
    Figure, Monitor, Property, RunFindings, Scenario, Simulated, Tally, Violations, is_complete,
};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, RunEnd, RunObserver};
use crate::sync::event::SyncLog;
use crate::sync::judge::objections;
use crate::sync::machine::{INTERVAL, ModelPeer, Record, Text};
use crate::sync::version::Version;
use crate::sync::{Fact, message};
use crate::trace::journal::{JournalAction, JournalLine, Journalled as _};

/// No edit vanishes.
pub(super) const NOTHING_LOST: Property = Property::new(
    "nothing-lost",
    "a content that somebody wrote, and nobody wrote over or deleted, is in a file or in a \
     conflict copy",
);
/// Bytes exactly as they are.
pub(super) const EXACT: Property =
    Property::new("exact", "no file holds what nobody wrote: nothing is added on the way");
/// Never half of it.
pub(super) const WHOLE: Property = Property::new("whole", "no file ever holds a part of a content");
/// What was received is no edit.
pub(super) const NO_ECHO: Property = Property::new(
    "no-echo",
    "a peer says that its file was changed only if somebody changed it there, and once",
);
/// Versions never go back.
pub(super) const NO_WAY_BACK: Property = Property::new(
    "no-way-back",
    "each version of a file has seen all that the one before had, unless the file was deleted",
);
/// The claim.
pub(super) const CONVERGED: Property =
    Property::in_time("converged", "once nothing goes wrong and edits stop, all files are equal");

/// All of them.
pub(super) const PROPERTIES: &[Property] =
    &[NOTHING_LOST, EXACT, WHOLE, NO_ECHO, NO_WAY_BACK, CONVERGED];

/// What the machines of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncTally {
    /// How many edits became versions.
    pub edited: u64,
    /// How often a file was replaced.
    pub received: u64,
    /// How many conflict copies were made.
    pub kept: u64,
    /// How often a deleted file was missed.
    pub deleted: u64,
    /// How often a crash came between a rename and its record.
    pub restored: u64,
    /// How long it took after the last edit and the last fault, in microseconds.
    pub longest_us: u64,
}

impl Tally for SyncTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("edits", Figure::Sum(self.edited)),
            ("contents received", Figure::Sum(self.received)),
            ("conflict copies", Figure::Sum(self.kept)),
            ("deletions", Figure::Sum(self.deleted)),
            ("crashes after a rename", Figure::Sum(self.restored)),
            ("equal after", Figure::Longest(self.longest_us)),
        ]
    }
}

/// What is known of one machine.
#[derive(Default)]
struct Disk {
    file: Option<Text>,
    /// What somebody wrote here, and has not been called an edit yet.
    written: BTreeSet<Text>,
    version: Option<Version>,
    /// The file was deleted since that version.
    is_deleted: bool,
    /// What the file is as the peer itself sees it, unless it is down or has more to do.
    present: Option<Text>,
    is_present: bool,
}

/// Looks at a run of `sync`.
pub struct SyncMonitor {
    disks: BTreeMap<PeerId, Disk>,
    kept: BTreeSet<Text>,
    /// What somebody wrote over, or deleted.
    superseded: BTreeSet<Text>,
    violations: Violations,
    tally: SyncTally,
    /// When the last edit comes, and when nothing goes wrong any more.
    last_us: u64,
    now: u64,
    journal: Option<String>,
    to_the_end: bool,
}

impl SyncMonitor {
    pub(super) fn new(run: &Scenario<impl Simulated>, plan: &SyncPlan, journal: bool) -> Self {
        Self {
            disks: (1..=run.peers).map(|peer| (PeerId(peer), Disk::default())).collect(),
            kept: BTreeSet::new(),
            superseded: BTreeSet::new(),
            violations: Violations::new(run.only),
            tally: SyncTally::default(),
            last_us: plan.edits.iter().map(|edit| edit.0).max().unwrap_or(0),
            now: 0,
            journal: journal.then(String::new),
            to_the_end: run.to_the_end,
        }
    }

    fn line(&mut self, now: u64, line: impl FnOnce() -> JournalLine) {
        if let Some(journal) = &mut self.journal {
            *journal += &JournalLine { time_us: now, ..line() }.json();
        }
    }

    /// The file of this machine is this now, by the hand of somebody or of the program.
    fn replaced(&mut self, peer: PeerId, next: Option<Text>, by_hand: bool) {
        let Some(disk) = self.disks.get_mut(&peer) else { return };
        let before = std::mem::replace(&mut disk.file, next);
        if by_hand {
            disk.written.extend(next);
            self.superseded.extend(before.filter(|_| before != next));
            // What somebody writes again is there again.
            if let Some(text) = next {
                self.superseded.remove(&text);
            }
            return;
        }
        let Some(before) = before.filter(|before| !self.superseded.contains(before)) else {
            return;
        };
        let is_somewhere = self.kept.contains(&before)
            || self.disks.values().any(|disk| disk.file == Some(before));
        if !is_somewhere && before != Text::of(0) {
            let how = || format!("{peer} replaces what edit {} wrote, and it is gone", before.edit);
            self.violations.add(NOTHING_LOST, how);
        }
    }

    fn becomes(&mut self, peer: PeerId, version: &Version) {
        let Some(disk) = self.disks.get_mut(&peer) else { return };
        let is_deleted = disk.is_deleted;
        // Until the file is back.
        disk.is_deleted &= disk.file.is_none();
        let before = disk.version.replace(version.clone());
        if let Some(before) = before.filter(|before| !is_deleted && !version.has_seen(before)) {
            let how = || format!("{peer} goes from {} back to {}", before.stamp, version.stamp);
            self.violations.add(NO_WAY_BACK, how);
        }
    }

    fn reported(&mut self, peer: PeerId, fact: &Fact) {
        let Some(disk) = self.disks.get_mut(&peer) else { return };
        match fact {
            Fact::Edited(version) => {
                self.tally.edited += 1;
                let found = disk.written.iter().find(|text| text.contents() == version.contents);
                if let Some(text) = found.copied() {
                    disk.written.remove(&text);
                } else {
                    let how = || format!("{peer} says {fact}, and nobody wrote that there");
                    self.violations.add(NO_ECHO, how);
                }
            }
            Fact::Received { .. } => self.tally.received += 1,
            Fact::Restored(_) => self.tally.restored += 1,
            Fact::Deleted => self.tally.deleted += 1,
            _ => {}
        }
    }
}

impl Monitor for SyncMonitor {
    type Tally = SyncTally;

    fn finish(mut self, end: RunEnd, now: u64, _: &Counts) -> RunFindings<SyncTally> {
        self.tally.longest_us = now.saturating_sub(self.last_us);
        if end == RunEnd::TooLate {
            let files = self.disks.values().map(|disk| format!("{:?}", disk.present));
            let files: Vec<String> = files.collect();
            self.violations.add(CONVERGED, || format!("the files are {}", files.join(", ")));
        }
        // Of a run that was broken off its lines cannot say whether all would be equal.
        let judged = self.journal.clone().filter(|_| is_complete(end)).map(objections);
        let journal = self.journal.unwrap_or_default();
        RunFindings { violations: self.violations, tally: self.tally, journal, judged }
    }
}

impl<P: Subject<ModelPeer>> RunObserver<P> for SyncMonitor {
    fn started(&mut self, now: u64, peer: PeerId, process: &P) {
        let file = process.process().file();
        if let Some(disk) = self.disks.get_mut(&peer) {
            // What was there before the first start; later ones find what is known.
            disk.written.extend(file.filter(|_| disk.file.is_none() && !disk.is_deleted));
            disk.file = file;
        }
        self.line(now, || JournalLine::started(SyncLog::NAME, peer));
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &Record) {
        match record {
            Record::Wrote(text) => self.replaced(peer, Some(*text), true),
            Record::Removed => {
                self.replaced(peer, None, true);
                self.disks.entry(peer).or_default().is_deleted = true;
            }
            Record::Kept(_, text) => {
                self.tally.kept += 1;
                self.kept.insert(*text);
            }
            Record::Renamed(text) => {
                if text.newlines > 0 {
                    let how =
                        || format!("{peer} writes {} newlines that nobody wrote", text.newlines);
                    self.violations.add(EXACT, how);
                }
                if text.is_part {
                    self.violations.add(WHOLE, || format!("{peer} shows half of a content"));
                }
                self.replaced(peer, Some(*text), false);
            }
            Record::Peer(message::Record::Has(version)) => self.becomes(peer, version),
            Record::Peer(_) => {}
        }
    }

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        self.line(now, || JournalLine::of(SyncLog::NAME, peer, output));
        if let Output::Report(fact) = output {
            self.reported(peer, fact);
        }
    }

    fn stepped(&mut self, now: u64, peer: PeerId, process: &P) {
        self.now = now;
        if let Some(disk) = self.disks.get_mut(&peer) {
            let machine = process.process();
            (disk.is_present, disk.present) = (machine.is_settled(), machine.file());
        }
    }

    fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}

    fn healed(&mut self, now: u64) {
        self.last_us = self.last_us.max(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.violations.first().is_some()
    }

    /// All are there, and have looked since the last edit.
    fn reached(&self) -> bool {
        let looked = self.last_us + 3 * u64::try_from(INTERVAL.as_micros()).unwrap_or(0);
        let is_durable = |disk: &Disk| {
            let version = disk.version.as_ref().map(|version| version.contents);
            let file = disk.file.map(Text::contents);
            disk.is_present && disk.present == disk.file && (file.is_none() || version == file)
        };
        let mut files = self.disks.values().map(|disk| disk.file);
        let first = files.next().flatten();
        let are_equal = files.all(|file| file == first);
        self.now > looked && are_equal && self.disks.values().all(is_durable)
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        if let Some(disk) = self.disks.get_mut(&peer) {
            disk.is_present = false;
        }
        let text = "crashes".into();
        let line = || JournalLine::started(SyncLog::NAME, peer);
        self.line(now, || JournalLine { action: JournalAction::Noted, text, ..line() });
        true
    }
}
