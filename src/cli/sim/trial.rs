//! A second opinion: the journal of a simulated run before the judge of `synod check`.
//!
//! The judge knows nothing but the lines and who serves whom. It shares no code with the claims or
//! the protocol, so a mistake in one of them does not hide in the other.

use super::play::Recording;
use crate::error::Result;
use crate::paxos;
use crate::paxos::judge::dialect::{Names, Reader};
use crate::paxos::judge::{KnownRoles, PaxosJudge, PaxosOptions, PaxosRule, Report};
use crate::process::PeerId;

/// What the judge says of this run.
///
/// # Errors
/// None: the journal is in memory.
pub fn judged(run: &Recording) -> Result<Report> {
    let text = run.tape.text();
    let mut judge =
        PaxosJudge::new(PaxosOptions { roles: Some(in_its_terms(&run.roles)), expect: None });
    let mut reader = Reader::new("the run", text.as_bytes(), Names::new())?;
    while let Some(line) = reader.next_line()? {
        judge.line(0, &line);
    }
    Ok(judge.finish())
}

/// True if the judge finds that a rule is broken, or that somebody who took part never chose. (A
/// run goes on until everybody knows, so the end of its journal is no excuse.)
///
/// # Errors
/// None: the journal is in memory.
pub fn condemned(run: &Recording) -> Result<bool> {
    let report = judged(run)?;
    let never_chose =
        report.findings.tallies.get(&PaxosRule::NeverChose).map_or(0, |tally| tally.broken);
    Ok(report.findings.violated(false) || never_chose > u64::from(run.absent.is_some()))
}

fn in_its_terms(roles: &paxos::Roles) -> KnownRoles {
    let ids = |peers: &std::collections::BTreeSet<PeerId>| peers.iter().map(|id| id.0).collect();
    let proposers = &roles.proposers;
    KnownRoles {
        peers: roles.peers,
        acceptors: proposers.iter().map(|(id, a)| (id.0, ids(&a.acceptors))).collect(),
        learners: proposers.iter().map(|(id, a)| (id.0, ids(&a.learners))).collect(),
    }
}
