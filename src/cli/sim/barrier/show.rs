//! What is kept of a run of the barrier while it goes on: the ledger, the lines, their judge.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::time::Duration;

use super::Mode;
use super::ledger::Ledger;
use crate::cli::sim::beside::scenario::{Outcome, Scenario};
use crate::command::live::{Exit, LiveRun as _, Stream};
use crate::process::{Effect, Output, PeerId};
use crate::ready::live::ReadyRun;
use crate::ready::{Fact, Ready};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, End, Watch};

/// Builds the peers, keeps the ledger and the lines.
pub(super) struct Show<S, B> {
    build: B,
    mode: Mode,
    ledger: Ledger,
    /// The lines of `synod ready -d`, and the judge of those without `-d`.
    lines: Option<(String, ReadyRun)>,
    /// Whose address each peer knows.
    knows: Vec<BTreeSet<PeerId>>,
    /// Those who have not left.
    here: BTreeSet<PeerId>,
    to_the_end: bool,
    subject: PhantomData<S>,
}

fn index(peer: PeerId) -> usize {
    usize::from(peer.0) - 1
}

impl<S: Subject<Ready>, B: Fn(PeerId) -> S> Show<S, B> {
    pub(super) fn new(scenario: &Scenario, mode: Mode, journal: bool, build: B) -> Self {
        let peers = scenario.peers;
        Self {
            build,
            mode,
            ledger: Ledger::new(scenario, mode),
            lines: journal.then(|| (String::new(), ReadyRun::new(1..=peers))),
            knows: vec![BTreeSet::new(); peers.into()],
            here: (1..=peers).map(PeerId).collect(),
            to_the_end: scenario.to_the_end,
            subject: PhantomData,
        }
    }

    pub(super) fn outcome(mut self, end: End, virtual_us: u64, counts: Counts) -> Outcome {
        if end != End::Failed {
            self.ledger.ended();
        }
        let (journal, goal) = self.lines.unzip();
        let judged = goal.filter(|_| counts.crashes == 0).map(|goal| {
            let mut reasons = goal.verdict().reasons;
            if !goal.reached() {
                reasons.push("not all are ready".into());
            }
            reasons
        });
        Outcome {
            counts,
            virtual_us,
            sums: vec![
                ("said READY", self.ledger.ready),
                ("left together", self.ledger.left_together),
            ],
            longest: ("ready after the last", self.ledger.longest),
            journal: journal.unwrap_or_default(),
            judged,
            ..Outcome::of(&self.ledger.account)
        }
    }

    fn line(&mut self, now: u64, text: &str) {
        if let Some((lines, _)) = &mut self.lines {
            let _ = writeln!(lines, "{:>10}.{:06} {text}", now / 1_000_000, now % 1_000_000);
        }
    }
}

impl<S: Subject<Ready>, B: Fn(PeerId) -> S> Watch<S> for Show<S, B> {
    fn build(&mut self, peer: PeerId) -> S {
        (self.build)(peer)
    }

    fn born(&mut self, now: u64, peer: PeerId, _process: &S) {
        self.knows[index(peer)].clear();
        self.ledger.born(now, peer);
        if let Some((_, goal)) = &mut self.lines {
            goal.started(peer);
        }
        self.line(now, &format!("{peer} begins"));
    }

    fn durable(&mut self, _now: u64, _peer: PeerId, (): &()) {}

    fn seen(&mut self, now: u64, peer: PeerId, seen: &Output<S>) {
        match seen {
            Output::Connected(other) => {
                self.knows[index(peer)].insert(*other);
                self.ledger.connected(peer, *other);
                self.line(now, &format!("{peer} knows the address of {other}"));
            }
            Output::Received(from, message) => {
                self.ledger.received(peer, *from, *message);
                self.line(now, &format!("{peer} received {message} from {from}"));
            }
            Output::Sent(to, message) => {
                self.ledger.sent(peer, *to, *message);
                self.line(now, &format!("{peer} sent {message} to {to}"));
            }
            Output::Report(fact) => {
                self.ledger.reported(now, peer, fact);
                self.line(now, &format!("{peer}: {fact}"));
                if let (Some((_, goal)), Fact::Ready) = (&mut self.lines, fact) {
                    let after = Duration::from_micros(now);
                    goal.line(peer, Stream::Err, after, &fact.to_string());
                }
            }
        }
    }

    fn stepped(&mut self, _now: u64, peer: PeerId, _process: &S) {
        self.ledger.stepped(peer, &self.knows[index(peer)]);
    }

    fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}

    fn healed(&mut self, now: u64) {
        self.ledger.healed(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.ledger.account.breach().is_some()
    }

    fn reached(&self) -> bool {
        self.here.is_empty()
    }

    fn spared(&mut self, _now: u64, _peer: PeerId, _effects: &[Effect<S>]) -> bool {
        self.mode != Mode::Stay
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        // Others must learn where the next life is.
        for knows in &mut self.knows {
            knows.remove(&peer);
        }
        self.ledger.crashed(peer);
        self.line(now, &format!("{peer} crashes"));
        true
    }

    fn halted(&mut self, now: u64, peer: PeerId, code: u8) {
        for knows in &mut self.knows {
            knows.remove(&peer);
        }
        self.here.remove(&peer);
        self.ledger.halted(now, peer, code);
        if let Some((_, goal)) = &mut self.lines {
            goal.ended(peer, &Exit::of_code(Some(code.into())));
        }
        self.line(now, &format!("{peer} ends with exit code {code}"));
    }
}
