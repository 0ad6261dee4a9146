//! The journal of a simulated run: the same lines that real peers write with `--trace`; and what
//! the judge of `synod check` says of it.
//!
//! The judge knows nothing but the lines and who serves whom. It shares no code with the oracle or
//! the protocol, so a mistake in one of them does not hide in the other.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::paxos::event::Event;
use crate::paxos::judge::dialect::{Names, Reader};
use crate::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions, PaxosRule, Report};
use crate::paxos::lines::{self, found, seen};
use crate::paxos::{Peer, Roles};
use crate::process::{Output, PeerId};
use crate::sim::mutant::Subject;

/// The lines of one run, of all peers together, in the order in which they happened. The time is
/// the virtual clock's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// The lines.
    events: Vec<Event>,
}

impl Trace {
    /// All lines, each with its newline.
    pub(super) fn text(&self) -> String {
        self.events.iter().map(|event| event.journalled() + "\n").collect()
    }

    fn put(&mut self, now: u64, at: PeerId, mut event: Event) {
        event.journal.at = Some(at.0);
        event.journal.time_us = Some(now);
        self.events.push(event);
    }

    /// The first line of an incarnation.
    pub(super) fn started(&mut self, now: u64, at: PeerId, peer: &Peer) {
        self.put(now, at, found(at, peer));
    }

    /// What others can see.
    pub(super) fn observe<P: Subject<Peer>>(&mut self, now: u64, at: PeerId, output: &Output<P>) {
        self.put(now, at, seen(at, output));
    }

    /// What standard error would say.
    pub(super) fn noted(&mut self, now: u64, at: PeerId, note: String) {
        self.put(now, at, lines::noted(at, note));
    }
}

/// What the judge says of these lines.
///
/// # Errors
/// None: the journal is in memory.
pub fn judged(journal: &str, roles: &Roles) -> Result<Report> {
    let roles = Some(in_its_terms(roles));
    let mut judge = PaxosJudge::new(PaxosOptions { roles, ..PaxosOptions::default() });
    let mut reader = Reader::new("the run", journal.as_bytes(), Names::new())?;
    while let Some(line) = reader.next_line()? {
        judge.line(0, &line);
    }
    Ok(judge.finish())
}

/// What the judge has against a run: that a rule is violated, or that somebody who took part never
/// chose. (A run goes on until everybody knows, so the end of its journal is no excuse.)
pub(super) fn reasons(journal: &str, roles: &Roles, has_absent: bool) -> Vec<String> {
    let report = match judged(journal, roles) {
        Ok(report) => report,
        Err(error) => return vec![error.to_string()],
    };
    let never_chose =
        report.findings.tallies.get(&PaxosRule::NeverChose).map_or(0, |tally| tally.broken);
    let is_condemned = report.findings.violated(false) || never_chose > u64::from(has_absent);
    let text = || report.for_people(&["the run".into()], false);
    is_condemned.then(text).into_iter().collect()
}

fn in_its_terms(roles: &Roles) -> KnownRoles {
    let ids = |peers: &BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
    let proposers = &roles.proposers;
    KnownRoles {
        peers: roles.peers,
        acceptors: proposers.iter().map(|(id, a)| (id.0, ids(&a.acceptors))).collect(),
        learners: proposers.iter().map(|(id, a)| (id.0, ids(&a.learners))).collect(),
    }
}
