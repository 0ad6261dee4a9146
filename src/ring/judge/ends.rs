//! Ends: nobody finds a peer dead that has left, who says that it is alone is so, and no sender
//! gives up a file that has arrived.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rules::{RingRule, Source};
use crate::ring::event::{Said, shown};
use crate::trace::findings::{Certainty, Findings, Spot, Witness};

/// So many pings in a row show who the predecessors of a peer are.
const PINGS: usize = 6;
/// A peer knows so many successors.
const SUCCESSORS: usize = 3;

/// What one peer has said.
#[derive(Default)]
struct Told {
    /// Who has pinged it last.
    pings: VecDeque<u16>,
    /// Whom it has called dead or gone since it named its first successor last.
    lost: BTreeSet<u16>,
    /// All of whom it was told that they are gone.
    gone: BTreeSet<u16>,
    /// It said here that it is its own successor, although these are there.
    alone: Option<(BTreeSet<u16>, Witness)>,
    /// Files that were promised it, and by whom; and how many have come.
    promised: Vec<(u16, u16)>,
    received: usize,
}

/// A file that its sender has given up.
struct GivenUp {
    sender: u16,
    asker: u16,
    name: u16,
    line: Witness,
}

/// The ends of a run.
#[derive(Default)]
pub(super) struct Ends {
    /// By the input and the peer: lines of one input are in order.
    told: BTreeMap<(u16, u16), Told>,
    /// Those that have left, and the two that had pinged each of them last.
    left: BTreeMap<u16, BTreeSet<u16>>,
    /// Those that have left or were killed.
    ended: BTreeSet<u16>,
    given_up: Vec<GivenUp>,
}

impl Ends {
    pub(super) fn take(
        &mut self,
        (input, named): Source,
        said: Said,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        match said {
            Said::Killed(peer) => _ = self.ended.insert(peer),
            Said::Quits(peer) => self.quits(input, peer),
            Said::Begun(peer) => {
                self.ended.remove(&peer);
                self.left.remove(&peer);
                self.told.remove(&(input, peer));
            }
            _ => {}
        }
        let Some(me) = named else { return };
        self.is_heard(input, me, findings);
        match said {
            Said::Dead(peer) => self.calls_dead(me, peer, spot, findings),
            Said::First(peer) if peer == me => self.is_alone(input, me, spot),
            _ => {}
        }
        let told = self.told.entry((input, me)).or_default();
        match said {
            Said::PingFrom(peer) => {
                told.gone.remove(&peer);
                told.pings.push_back(peer);
                if told.pings.len() > PINGS {
                    told.pings.pop_front();
                }
            }
            Said::Dead(peer) | Said::Departs(peer) => {
                told.lost.insert(peer);
                told.gone.insert(peer);
            }
            Said::First(peer) if peer != me => told.lost.clear(),
            Said::ResponseFrom(sender, name) => told.promised.push((sender, name)),
            Said::FileReceived => told.received += 1,
            Said::NotSent(name, asker) => {
                let line = spot.witness();
                self.given_up.push(GivenUp { sender: me, asker, name, line });
            }
            _ => {}
        }
    }

    /// It leaves. Those that have pinged it all the time must hear that.
    fn quits(&mut self, input: u16, peer: u16) {
        self.ended.insert(peer);
        let pings = self.told.get(&(input, peer)).map(|told| &told.pings);
        let pings = pings.filter(|pings| pings.len() == PINGS);
        let before: BTreeSet<u16> = pings.into_iter().flatten().copied().collect();
        // While peers come and go it may not know yet whom to tell.
        if before.len() == 2 {
            self.left.insert(peer, before);
        }
    }

    fn calls_dead(&self, me: u16, peer: u16, spot: Spot<'_>, findings: &mut Findings<RingRule>) {
        if self.left.get(&peer).is_some_and(|before| before.contains(&me)) {
            let text = || format!("peer {me} finds peer {peer} dead, which left without a word");
            findings.broken_by(RingRule::Farewell, spot, text);
        }
    }

    /// It says that there is nobody else. Whoever has pinged it should be known to be gone.
    fn is_alone(&mut self, input: u16, me: u16, spot: Spot<'_>) {
        let ended = self.ended.clone();
        let Some(told) = self.told.get_mut(&(input, me)) else { return };
        // More may not die at once.
        if told.lost.is_empty() || told.lost.len() >= SUCCESSORS {
            return;
        }
        let is_there =
            |peer: &u16| *peer != me && !ended.contains(peer) && !told.gone.contains(peer);
        let there: BTreeSet<u16> = told.pings.iter().copied().filter(is_there).collect();
        told.alone = Some((there, spot.witness()));
    }

    /// A peer has said something, so it is there: nobody was alone.
    fn is_heard(&mut self, input: u16, peer: u16, findings: &mut Findings<RingRule>) {
        if self.ended.contains(&peer) {
            return;
        }
        for ((_, me), told) in self.told.range_mut((input, 0)..=(input, u16::MAX)) {
            let Some((there, line)) = &told.alone else { continue };
            if there.contains(&peer) {
                let text = format!("peer {me} is alone, and peer {peer} is there, which pinged it");
                findings.add(RingRule::Alone, Certainty::Certain, || (vec![line.clone()], text));
                told.alone = None;
            }
        }
    }

    pub(super) fn finish(self, findings: &mut Findings<RingRule>) {
        for GivenUp { sender, asker, name, line } in self.given_up {
            let mut askers = self.told.iter().filter(|((_, peer), _)| *peer == asker);
            let has_it = askers.any(|(_, told)| {
                told.received == told.promised.len() && told.promised.contains(&(sender, name))
            });
            if has_it && !self.ended.contains(&asker) {
                let name = shown(name);
                let text = format!("peer {sender} gives up file {name}, which peer {asker} has");
                findings.add(RingRule::Agreed, Certainty::Certain, || (vec![line], text));
            } else {
                findings.kept(RingRule::Agreed);
            }
        }
    }
}
