//! What is kept of a run of a group while it goes on: the ledger, the goal, the lines, their judge.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use super::claims::{HONEST, ONE_GROUP};
use super::goal::{Goal, State};
use super::ledger::Ledger;
use super::{CALM_US, Plan};
use crate::cli::sim::beside::scenario::{Outcome, Scenario};
use crate::member::judge::MemberJudge;
use crate::member::lines::line_of;
use crate::member::{Fact, Life, Peer, Record};
use crate::process::{Effect, Output, PeerId};
use crate::sim::mutant::Subject;
use crate::sim::{Counts, End, Prng, Watch};

/// Of so many steps in which a crash might strike, one is thought about.
const OFFERED: u64 = 10;
/// In one of so many of them an outage begins.
const OUTAGE: u64 = 200;
/// Of so many crashes that would strike where nothing is sent or kept, one does.
const IDLE_CRASHES: u64 = 15;

/// Builds the peers, keeps the ledger and the lines, and says who may crash.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Show<S, B> {
    build: B,
    plan: Plan,
    prng: Prng,
    majority: bool,
    ledger: Ledger,
    goal: Goal,
    /// The printed lines and their judge.
    lines: Option<(String, MemberJudge)>,
    lives: Vec<u64>,
    /// Those who will begin, or begin again.
    away: BTreeSet<PeerId>,
    /// Those whom an outage has hit: each crashes in its next steps, and comes back.
    hit: BTreeSet<PeerId>,
    /// Until then it cannot be known whether the last crash has been got over.
    calm_at: u64,
    /// Those who stand still.
    paused: BTreeSet<PeerId>,
    /// Somebody came back: the lines do not tell its lives apart.
    returned: bool,
    changed: bool,
    to_the_end: bool,
    subject: PhantomData<S>,
}

fn index(peer: PeerId) -> usize {
    usize::from(peer.0) - 1
}

impl<S: Subject<Peer>, B: Fn(PeerId, Life) -> S> Show<S, B> {
    pub(super) fn new(
        scenario: &Scenario,
        plan: Plan,
        seed: u64,
        not_before: u64,
        journal: bool,
        build: B,
    ) -> Self {
        let (peers, majority) = (scenario.peers, scenario.majority);
        let unpromised = scenario.world == "heavy" && !majority;
        let on_request = if plan.ordered { [peers].into() } else { BTreeSet::new() };
        Self {
            build,
            plan,
            prng: Prng::new(seed ^ 0x5eed_dead),
            majority,
            ledger: Ledger::new(scenario, plan.memory),
            // Where all come back with what they had written, no majority is ever gone.
            goal: Goal::new(unpromised, majority, !plan.some_return, not_before),
            lines: journal.then(|| (String::new(), MemberJudge::new(on_request))),
            lives: vec![0; peers.into()],
            away: (1..=peers).map(PeerId).collect(),
            hit: BTreeSet::new(),
            calm_at: 0,
            paused: BTreeSet::new(),
            returned: false,
            changed: true,
            to_the_end: scenario.to_the_end,
            subject: PhantomData,
        }
    }

    pub(super) fn outcome(mut self, end: End, virtual_us: u64, counts: Counts) -> Outcome {
        self.goal.look(&self.ledger, self.away.is_empty());
        if end == End::TooLate && !self.goal.is_excused() && self.goal.state != State::One {
            self.not_one_group();
        }
        let ledger = &self.ledger;
        let one = self.goal.state == State::One;
        let stood_still = u64::from(!one && self.goal.is_excused() && !self.goal.unpromised);
        let beyond_lines = self.goal.unpromised || self.returned || ledger.removed > 0;
        let (journal, rules) = self.lines.unzip();
        let judged = rules.filter(|_| !beyond_lines).map(|rules| {
            let mut reasons = rules.reasons().to_vec();
            let here = (1u16..).zip(&ledger.peers).filter(|(_, p)| p.lives && !p.asked_out);
            if !rules.agree(&here.map(|(id, _)| id).collect()) && stood_still == 0 {
                reasons.push("not one group".into());
            }
            reasons
        });
        Outcome {
            counts,
            virtual_us,
            sums: vec![
                ("views installed", ledger.installed),
                ("called unreachable", ledger.alarms),
                ("removed and back", ledger.removed),
                ("went on from its records", ledger.resumed),
                ("one group in the end", u64::from(one)),
                ("stood still, rightly", stood_still),
                ("apart, as they may be", u64::from(!one && self.goal.unpromised)),
            ],
            longest: ("one group after", if one { self.goal.took(virtual_us) } else { 0 }),
            journal: journal.unwrap_or_default(),
            judged,
            ..Outcome::of(&ledger.account)
        }
    }

    fn not_one_group(&mut self) {
        let holds = |(id, peer): (u16, &super::ledger::Peer)| {
            let view = peer.view.as_ref();
            let view = view
                .map_or("none".into(), |view| format!("{} {}", view.id, super::ledger::text(view)));
            format!("peer{id}: {view}")
        };
        let living = (1u16..).zip(&self.ledger.peers).filter(|(_, peer)| peer.lives);
        let lists: Vec<String> = living.map(holds).collect();
        self.ledger.account.object(ONE_GROUP, || lists.join("; "));
    }

    /// An outage hits some peers, often all of them, within a moment of each other.
    fn begin_outage(&mut self, now: u64) {
        let begins = self.plan.outages > 0 && self.hit.is_empty() && self.prng.below(OUTAGE) == 0;
        if !begins || self.plan.one_at_a_time && !self.is_settled(now) {
            return;
        }
        self.plan.outages -= 1;
        let all = self.prng.below(3) == 0;
        for peer in (1u16..).map(PeerId).take(self.lives.len()) {
            if self.ledger.of(peer).lives && (all || self.prng.below(2) == 0) {
                self.hit.insert(peer);
            }
        }
    }

    /// True if nobody stands still or is still to come back, nobody who lives is held for dead, and
    /// all who are or were in are in one view without the dead that can spare one.
    fn is_settled(&self, now: u64) -> bool {
        let ledger = &self.ledger;
        // Whoever has come back is to be let in again before anybody else fails.
        let insiders =
            ledger.peers.iter().zip(&self.lives).filter(|(peer, lives)| {
                peer.lives && (peer.was_in || **lives > 1) && !peer.asked_out
            });
        let mut views = insiders.map(|(peer, _)| peer.view.as_ref());
        let Some(Some(view)) = views.next() else { return false };
        let here = 1 + views.clone().count();
        // Whoever comes back with its memory is missed by nobody. Where one is gone for good, the
        // removal of another that is back may be pending: of three, one of two would be left.
        let can_spare = if self.majority {
            self.plan.returns || here > 3 && (here - 1) * 2 > ledger.peers.len()
        } else {
            here >= 2
        };
        // Of those who come back: whoever has not begun yet is no failure.
        let all_back = self.away.iter().all(|peer| self.lives[index(*peer)] == 0);
        self.paused.is_empty()
            && all_back
            && now >= self.calm_at
            && !ledger.has_false_alarm()
            && can_spare
            && views.all(|other| other == Some(view))
            && view.members.iter().all(|(peer, life)| ledger.is_alive(*peer, *life))
    }
}

impl<S: Subject<Peer>, B: Fn(PeerId, Life) -> S> Watch<S> for Show<S, B> {
    fn build(&mut self, peer: PeerId) -> S {
        let lives = &mut self.lives[index(peer)];
        *lives += 1;
        self.returned |= *lives > 1;
        let life = Life(*lives);
        self.ledger.born(peer, life);
        (self.build)(peer, life)
    }

    fn born(&mut self, _now: u64, peer: PeerId, _process: &S) {
        self.away.remove(&peer);
        self.changed = true;
    }

    fn durable(&mut self, _now: u64, peer: PeerId, record: &Record) {
        self.ledger.durable(peer, record);
    }

    fn seen(&mut self, now: u64, peer: PeerId, seen: &Output<S>) {
        match seen {
            Output::Connected(_) => {}
            Output::Received(from, message) => self.ledger.received(now, peer, *from, message),
            Output::Sent(_, message) => self.ledger.sent(peer, message),
            Output::Report(fact) => {
                self.ledger.reported(now, peer, fact);
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

    fn stepped(&mut self, now: u64, peer: PeerId, _process: &S) {
        self.ledger.stepped(now, peer);
        if std::mem::take(&mut self.changed) {
            self.goal.look(&self.ledger, self.away.is_empty());
        }
        self.goal.tick(now);
    }

    fn refused(&mut self, _now: u64, peer: PeerId, from: PeerId, why: String) {
        self.ledger.account.object(HONEST, || format!("{peer} cannot believe {from}: {why}"));
    }

    fn healed(&mut self, now: u64) {
        self.goal.healed(now);
    }

    fn failed(&self) -> bool {
        !self.to_the_end && self.ledger.account.breach().is_some()
    }

    fn reached(&self) -> bool {
        self.goal.reached
    }

    fn spared(&mut self, now: u64, peer: PeerId, effects: &[Effect<S>]) -> bool {
        self.begin_outage(now);
        if self.hit.contains(&peer) {
            return false;
        }
        if self.prng.below(OFFERED) > 0 {
            return true;
        }
        let alarms = |e: &Effect<S>| match e {
            Effect::Report(Fact::Unreachable { peer, .. }) => self.ledger.of(*peer).lives,
            _ => false,
        };
        let fails = |show: &Self| effects.iter().any(alarms) || !show.is_settled(now);
        let matters = |e: &Effect<S>| matches!(e, Effect::Send(..) | Effect::Persist(_));
        let idle = !effects.iter().any(matters) && self.prng.below(IDLE_CRASHES) > 0;
        let spared = idle || self.plan.crashes == 0 || self.plan.one_at_a_time && fails(self);
        self.plan.crashes -= u32::from(!spared);
        spared
    }

    fn crashed(&mut self, now: u64, peer: PeerId) -> bool {
        self.calm_at = now + CALM_US;
        self.ledger.died(peer);
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

    /// While somebody stands still or is away, a lost heartbeat would be a second failure. Without
    /// majorities two at once may split the group: two false alarms and a leader that is paused.
    fn loses(&mut self, now: u64) -> bool {
        self.majority || !self.plan.one_at_a_time || self.is_settled(now)
    }

    fn halted(&mut self, _now: u64, peer: PeerId, _code: u8) {
        self.ledger.died(peer);
        self.changed = true;
    }

    fn pauses(&mut self, now: u64, peer: PeerId) -> bool {
        // The crash that is ordered of the first leader is the one failure of such a run.
        let ordered = self.plan.ordered && peer == PeerId(1);
        let pauses = !self.plan.one_at_a_time || !ordered && self.is_settled(now);
        if pauses {
            self.paused.insert(peer);
            self.ledger.paused(now, peer);
        }
        pauses
    }

    fn resumed(&mut self, now: u64, peer: PeerId) {
        self.paused.remove(&peer);
        self.ledger.resumed(now, peer);
    }
}
