//! What is kept of a run of `member` while it goes on: the oracle, whether it has converged, the
//! lines and their judge; and who may crash when.

use std::collections::BTreeSet;

use super::convergence::{Convergence, State};
use super::oracle::Oracle;
use super::plan::{MemberParameters, MemberPlan, T, hour_us};
use super::properties::{HONEST, ONE_GROUP};
use super::tally::MemberTally;
use crate::member::judge::MemberJudge;
use crate::member::lines::line_of;
use crate::member::{Fact, Incarnation, Peer, Record};
use crate::process::{Effect, Output, PeerId};
use crate::sim::harness::{Monitor, RunFindings, Scenario, Simulated};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, Prng, RunEnd, RunObserver, index};

/// Where crashes come one at a time: by then all who live know of the last one, also if it was a
/// newcomer and is still to be let in.
const CALM_US: u64 = 4 * T;
/// One in this many of the steps in which a crash is possible is considered.
const OFFERED: u64 = 10;
/// In one in this many of them an outage begins.
const OUTAGE: u64 = 200;
/// One in this many of the crashes that would happen where nothing is sent or kept does.
const IDLE_CRASHES: u64 = 15;

/// Looks at a run of `member`, and says who may crash.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct MemberMonitor {
    plan: MemberPlan,
    prng: Prng,
    majority: bool,
    oracle: Oracle,
    convergence: Convergence,
    /// The printed lines and their judge.
    lines: Option<(String, MemberJudge)>,
    incarnations: Vec<u64>,
    /// Those who will begin, or begin again.
    away: BTreeSet<PeerId>,
    /// Those whom an outage has hit: each crashes in its next steps, and comes back.
    hit: BTreeSet<PeerId>,
    /// Until then it cannot be known whether the group has recovered from the last crash.
    calm_at: u64,
    /// Those who are paused.
    paused: BTreeSet<PeerId>,
    /// Somebody came back: the lines do not tell its incarnations apart.
    returned: bool,
    changed: bool,
    to_the_end: bool,
}

impl MemberMonitor {
    pub(super) fn new(
        run: &Scenario<impl Simulated<Parameters = MemberParameters>>,
        plan: MemberPlan,
        journal: bool,
    ) -> Self {
        let (peers, majority) = (run.peers, run.parameters.majority);
        let unpromised = run.world == "heavy" && !majority;
        let on_request = if plan.ordered { [peers].into() } else { BTreeSet::new() };
        Self {
            plan,
            prng: Prng::new(plan.seed ^ 0x5eed_dead),
            majority,
            oracle: Oracle::new(run, plan.memory),
            // Where all come back with what they had written, no majority is ever gone.
            convergence: Convergence::new(
                unpromised,
                majority,
                !plan.some_return,
                hour_us(run.world),
            ),
            lines: journal.then(|| (String::new(), MemberJudge::new(on_request))),
            incarnations: vec![0; peers.into()],
            away: (1..=peers).map(PeerId).collect(),
            hit: BTreeSet::new(),
            calm_at: 0,
            paused: BTreeSet::new(),
            returned: false,
            changed: true,
            to_the_end: run.to_the_end,
        }
    }

    fn not_one_group(&mut self) {
        let holds = |(id, peer): (u16, &super::oracle::Peer)| {
            let view = peer.view.as_ref();
            let view = view
                .map_or("none".into(), |view| format!("{} {}", view.id, super::oracle::text(view)));
            format!("peer{id}: {view}")
        };
        let living = (1u16..).zip(&self.oracle.peers).filter(|(_, peer)| peer.alive);
        let lists: Vec<String> = living.map(holds).collect();
        self.oracle.violations.add(ONE_GROUP, || lists.join("; "));
    }

    /// An outage hits some peers, often all of them, within a moment of each other.
    fn begin_outage(&mut self, now: u64) {
        let begins = self.plan.outages > 0 && self.hit.is_empty() && self.prng.below(OUTAGE) == 0;
        if !begins || self.plan.one_at_a_time && !self.is_settled(now) {
            return;
        }
        self.plan.outages -= 1;
        let all = self.prng.below(3) == 0;
        for peer in (1u16..).map(PeerId).take(self.incarnations.len()) {
            if self.oracle.of(peer).alive && (all || self.prng.below(2) == 0) {
                self.hit.insert(peer);
            }
        }
    }

    /// True if nobody is paused or is still to come back, nobody who lives is considered dead, and
    /// all who are or were in are in one view without the dead that can spare one.
    fn is_settled(&self, now: u64) -> bool {
        let oracle = &self.oracle;
        // A peer that has come back is to be let in again before another one fails.
        let insiders =
            oracle.peers.iter().zip(&self.incarnations).filter(|(peer, incarnations)| {
                peer.alive && (peer.was_in || **incarnations > 1) && !peer.asked_out
            });
        let mut views = insiders.map(|(peer, _)| peer.view.as_ref());
        let Some(Some(view)) = views.next() else { return false };
        let here = 1 + views.clone().count();
        // A peer that comes back with its memory is missed by nobody. Where one is gone for good,
        // the removal of another that is back may be pending: of three, one of two would be left.
        let can_spare = if self.majority {
            self.plan.returns || here > 3 && (here - 1) * 2 > oracle.peers.len()
        } else {
            here >= 2
        };
        // Of those who come back: one that has not begun yet is no failure.
        let all_back = self.away.iter().all(|peer| self.incarnations[index(*peer)] == 0);
        self.paused.is_empty()
            && all_back
            && now >= self.calm_at
            && !oracle.has_false_alarm()
            && can_spare
            && views.all(|other| other == Some(view))
            && view.members.iter().all(|(peer, incarnation)| oracle.is_alive(*peer, *incarnation))
    }
}

impl Monitor for MemberMonitor {
    type Tally = MemberTally;

    fn finish(mut self, end: RunEnd, now: u64, _counts: &Counts) -> RunFindings<MemberTally> {
        self.convergence.update(&self.oracle, self.away.is_empty());
        let Convergence { state, unpromised, .. } = self.convergence;
        let is_expected = self.convergence.is_expected();
        if end == RunEnd::TooLate && !is_expected && state != State::One {
            self.not_one_group();
        }
        let Self { oracle, convergence, lines, returned, .. } = self;
        let one = state == State::One;
        let stalled = !one && is_expected && !unpromised;
        let beyond_lines = unpromised || returned || oracle.tally.removed > 0;
        let (journal, rules) = lines.unzip();
        let judged = rules.filter(|_| !beyond_lines).map(|rules| {
            let mut reasons = rules.reasons().to_vec();
            let here = (1u16..).zip(&oracle.peers).filter(|(_, p)| p.alive && !p.asked_out);
            if !rules.agree(&here.map(|(id, _)| id).collect()) && !stalled {
                reasons.push("not one group".into());
            }
            reasons
        });
        let tally = MemberTally {
            one_group: one.into(),
            stalled: stalled.into(),
            split: (!one && unpromised).into(),
            one_group_us: if one { convergence.took(now) } else { 0 },
            ..oracle.tally
        };
        let (violations, journal) = (oracle.violations, journal.unwrap_or_default());
        RunFindings { violations, tally, journal, judged }
    }
}

impl<P: Subject<Peer>> RunObserver<P> for MemberMonitor {
    fn started(&mut self, _now: u64, peer: PeerId, _process: &P) {
        let incarnations = &mut self.incarnations[index(peer)];
        *incarnations += 1;
        self.returned |= *incarnations > 1;
        self.oracle.started(peer, Incarnation(*incarnations));
        self.away.remove(&peer);
        self.changed = true;
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &Record) {
        self.oracle.durable(peer, record);
    }

    fn observe(&mut self, now: u64, peer: PeerId, output: &Output<P>) {
        match output {
            Output::Connected(_) => {}
            Output::Received(from, message) => self.oracle.received(now, peer, *from, message),
            Output::Sent(_, message) => self.oracle.sent(peer, message),
            Output::Report(fact) => {
                self.oracle.reported(now, peer, fact);
                self.changed = true;
                if let (Some((lines, rules)), Some(line)) =
                    (&mut self.lines, line_of(peer, PeerId(1), fact))
                {
                    let line = line.to_string();
                    rules.line(peer.0, &line);
                    *lines += &(line + "\n");
                }
            }
        }
    }

    fn stepped(&mut self, now: u64, peer: PeerId, _process: &P) {
        self.oracle.stepped(now, peer);
        if std::mem::take(&mut self.changed) {
            self.convergence.update(&self.oracle, self.away.is_empty());
        }
        self.convergence.tick(now);
    }

    fn refused(&mut self, _now: u64, peer: PeerId, from: PeerId, why: String) {
        self.oracle.violations.add(HONEST, || format!("{peer} cannot believe {from}: {why}"));
    }

    fn healed(&mut self, now: u64) {
        self.convergence.healed(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.oracle.violations.first().is_some()
    }

    fn reached(&self) -> bool {
        self.convergence.reached
    }

    fn vetoes(&mut self, now: u64, peer: PeerId, effects: &[Effect<P>]) -> bool {
        self.begin_outage(now);
        if self.hit.contains(&peer) {
            return false;
        }
        if self.prng.below(OFFERED) > 0 {
            return true;
        }
        let alarms = |e: &Effect<P>| match e {
            Effect::Report(Fact::Unreachable { peer, .. }) => self.oracle.of(*peer).alive,
            _ => false,
        };
        let fails = |monitor: &Self| effects.iter().any(alarms) || !monitor.is_settled(now);
        let matters = |e: &Effect<P>| matches!(e, Effect::Send(..) | Effect::Persist(_));
        let idle = !effects.iter().any(matters) && self.prng.below(IDLE_CRASHES) > 0;
        let vetoed = idle || self.plan.crashes == 0 || self.plan.one_at_a_time && fails(self);
        self.plan.crashes -= u32::from(!vetoed);
        vetoed
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        self.calm_at = now + CALM_US;
        self.oracle.died(peer);
        self.changed = true;
        // Where crashes come one at a time, an outage takes nobody away for good.
        let survives = self.hit.remove(&peer) && self.plan.one_at_a_time;
        let drawn = self.plan.some_return && self.prng.below(3) > 0;
        let returns = survives || self.plan.returns || drawn;
        if returns {
            self.away.insert(peer);
        }
        returns
    }

    /// While somebody is paused or is away, a lost heartbeat would be a second failure. Without
    /// majorities two at once may split the group: two false alarms and a leader that is paused.
    fn loses(&mut self, now: u64) -> bool {
        self.majority || !self.plan.one_at_a_time || self.is_settled(now)
    }

    fn halted(&mut self, _now: u64, peer: PeerId, _code: u8) {
        self.oracle.died(peer);
        self.changed = true;
    }

    fn pauses(&mut self, now: u64, peer: PeerId) -> bool {
        // The crash that is ordered of the first leader is the one failure of such a run.
        let ordered = self.plan.ordered && peer == PeerId(1);
        let pauses = !self.plan.one_at_a_time || !ordered && self.is_settled(now);
        if pauses {
            self.paused.insert(peer);
            self.oracle.paused(now, peer);
        }
        pauses
    }

    fn resumed(&mut self, now: u64, peer: PeerId) {
        self.paused.remove(&peer);
        self.oracle.resumed(now, peer);
    }
}
