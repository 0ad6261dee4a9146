//! What is kept of a run of `ready` while it goes on: the oracle, the lines, their judge.

use std::collections::BTreeSet;
use std::time::Duration;

use super::oracle::{Oracle, ReadyTally};
use super::plan::Mode;
use crate::command::live::{Exit, LiveRun as _, Stream};
use crate::process::{Effect, Output, PeerId};
use crate::ready::live::ReadyRun;
use crate::ready::{Fact, Ready};
use crate::sim::harness::{Monitor, RunFindings, Scenario, Simulated, is_complete};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, RunEnd, RunObserver, index};
use crate::trace::journal::{JournalAction, JournalLine};

/// The protocol, as a journal names it.
const NAME: &str = "ready";

/// Looks at a run of `ready`.
pub struct ReadyMonitor {
    mode: Mode,
    oracle: Oracle,
    /// The journal, and the judge of the lines that the peers print.
    lines: Option<(String, ReadyRun)>,
    /// Whose address each peer knows.
    knows: Vec<BTreeSet<PeerId>>,
    /// Those who have not left.
    here: BTreeSet<PeerId>,
    to_the_end: bool,
}

impl ReadyMonitor {
    pub(super) fn new(run: &Scenario<impl Simulated>, mode: Mode, journal: bool) -> Self {
        Self {
            mode,
            oracle: Oracle::new(run, mode),
            lines: journal.then(|| (String::new(), ReadyRun::new(1..=run.peers))),
            knows: vec![BTreeSet::new(); run.peers.into()],
            here: (1..=run.peers).map(PeerId).collect(),
            to_the_end: run.to_the_end,
        }
    }

    fn line(&mut self, now: u64, line: impl FnOnce() -> JournalLine) {
        if let Some((lines, _)) = &mut self.lines {
            *lines += &JournalLine { time_us: now, ..line() }.json();
        }
    }

    fn note(&mut self, now: u64, peer: PeerId, text: String) {
        let line = || JournalLine::started(NAME, peer);
        self.line(now, || JournalLine { action: JournalAction::Noted, text, ..line() });
    }

    /// The address of this peer is known to nobody any more.
    fn forget_address(&mut self, peer: PeerId) {
        for knows in &mut self.knows {
            knows.remove(&peer);
        }
    }
}

impl Monitor for ReadyMonitor {
    type Tally = ReadyTally;

    fn finish(mut self, end: RunEnd, _now: u64, counts: &Counts) -> RunFindings<ReadyTally> {
        if is_complete(end) {
            self.oracle.ended();
        }
        let (journal, goal) = self.lines.unzip();
        let judged = goal.filter(|_| counts.crashes == 0).map(|goal| {
            let mut reasons = goal.verdict().reasons;
            if !goal.reached() {
                reasons.push("not all are ready".into());
            }
            reasons
        });
        let Oracle { violations, tally, .. } = self.oracle;
        RunFindings { violations, tally, journal: journal.unwrap_or_default(), judged }
    }
}

impl<P: Subject<Ready>> RunObserver<P> for ReadyMonitor {
    fn started(&mut self, now: u64, peer: PeerId, _process: &P) {
        self.knows[index(peer)].clear();
        self.oracle.started(now, peer);
        if let Some((_, goal)) = &mut self.lines {
            goal.started(peer);
        }
        self.line(now, || JournalLine::started(NAME, peer));
    }

    fn durable(&mut self, _now: u64, _peer: PeerId, (): &()) {}

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        self.line(now, || JournalLine::of(NAME, peer, output));
        match output {
            Output::Connected(other) => {
                self.knows[index(peer)].insert(*other);
                self.oracle.connected(peer, *other);
            }
            Output::Received(from, message) => {
                self.oracle.received(peer, *from, *message);
            }
            Output::Sent(to, message) => {
                self.oracle.sent(peer, *to, *message);
            }
            Output::Report(fact) => {
                self.oracle.reported(now, peer, fact);
                if let (Some((_, goal)), Fact::Ready) = (&mut self.lines, fact) {
                    let after = Duration::from_micros(now);
                    goal.line(peer, Stream::Err, after, &fact.to_string());
                }
            }
        }
    }

    fn stepped(&mut self, _now: u64, peer: PeerId, _process: &P) {
        self.oracle.stepped(peer, &self.knows[index(peer)]);
    }

    fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}

    fn healed(&mut self, now: u64) {
        self.oracle.healed(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.oracle.violations.first().is_some()
    }

    fn reached(&self) -> bool {
        self.here.is_empty()
    }

    fn vetoes(&mut self, _now: u64, _peer: PeerId, _effects: &[Effect<P>]) -> bool {
        self.mode != Mode::Stay
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        // Others must learn where the next incarnation is.
        self.forget_address(peer);
        self.oracle.crashed(peer);
        self.note(now, peer, "crashes".into());
        true
    }

    fn halted(&mut self, now: u64, peer: PeerId, code: u8) {
        self.forget_address(peer);
        self.here.remove(&peer);
        self.oracle.halted(now, peer, code);
        if let Some((_, goal)) = &mut self.lines {
            goal.ended(peer, &Exit::of_code(Some(code.into())));
        }
        self.note(now, peer, format!("ends with exit code {code}"));
    }
}
