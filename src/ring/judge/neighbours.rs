//! Successors: none is one that has gone, and in the end all are right.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{RingRule, Source};
use crate::ring::event::Said;
use crate::trace::findings::{Certainty, Findings, Spot, Witness};

/// What one peer has said of its neighbours.
#[derive(Default)]
struct View {
    successors: [Option<(u16, Witness)>; 2],
    /// Who has answered its pings since the last change: they are its successors.
    answered: BTreeMap<u16, Witness>,
    /// Whom it has called dead or gone, and where.
    gone: BTreeMap<u16, Witness>,
}

/// The neighbours of all peers.
#[derive(Default)]
pub(super) struct Neighbours {
    views: BTreeMap<Source, View>,
    /// Those of whom whoever runs the peers has said that they ended.
    ended: BTreeSet<u16>,
    /// Those whom another has called dead or gone.
    gone: BTreeSet<u16>,
}

impl Neighbours {
    pub(super) fn take(
        &mut self,
        source: Source,
        said: Said,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        match said {
            Said::Killed(peer) | Said::Quits(peer) => {
                self.ended.insert(peer);
                return;
            }
            Said::Begun(peer) => {
                self.ended.remove(&peer);
                self.gone.remove(&peer);
                for view in self.views.values_mut() {
                    view.gone.remove(&peer);
                }
                return;
            }
            Said::Log(_) => return,
            _ => {}
        }
        let view = self.views.entry(source).or_default();
        match said {
            Said::PingFrom(peer) => {
                // It is there again.
                view.gone.remove(&peer);
            }
            Said::PongFrom(peer) => _ = view.answered.insert(peer, spot.witness()),
            Said::Departs(peer) | Said::Dead(peer) => {
                view.gone.insert(peer, spot.witness());
                self.gone.insert(peer);
            }
            Said::First(peer) | Said::Second(peer) => {
                let place = usize::from(matches!(said, Said::Second(_)));
                view.successors[place] = Some((peer, spot.witness()));
                view.answered.clear();
                let Some(line) = view.gone.get(&peer).cloned() else {
                    return findings.kept(RingRule::Gone);
                };
                // Whoever runs the peers would have said that it was started again.
                let is_sure = self.ended.contains(&peer);
                let certainty = if is_sure {
                    Certainty::Certain
                } else {
                    Certainty::IfRead("if it has not come back")
                };
                let text = format!("peer {peer} is a successor again, and was gone");
                findings.add(RingRule::Gone, certainty, || (vec![line, spot.witness()], text));
            }
            _ => {}
        }
    }

    /// How many peers are known by their names, and how many of them have the right successors.
    pub(super) fn finish(self, findings: &mut Findings<RingRule>) -> (usize, usize) {
        let Self { views, ended, gone } = self;
        let named = views.iter().filter_map(|((_, named), view)| Some(((*named)?, view)));
        let is_there = |peer: &u16| !ended.contains(peer) && !gone.contains(peer);
        let there: BTreeMap<u16, &View> = named.filter(|(peer, _)| is_there(peer)).collect();
        let ring: Vec<u16> = there.keys().copied().collect();
        let (mut known, mut right) = (0, 0);
        for (at, (peer, view)) in there.iter().enumerate() {
            let want = [1, 2].map(|far| ring[(at + far) % ring.len()]);
            let mut has: Vec<(u16, Witness)> = view.successors.iter().flatten().cloned().collect();
            if has.is_empty() {
                has = view.answered.iter().map(|(peer, line)| (*peer, line.clone())).collect();
            }
            if has.is_empty() {
                continue;
            }
            known += 1;
            let mut wrong = has.iter().filter(|(successor, _)| !want.contains(successor));
            if let Some((successor, line)) = wrong.next() {
                let [first, second] = want;
                let text = format!(
                    "peer {peer} ends with successor {successor}; {first} and {second} come next"
                );
                let lines = vec![line.clone()];
                findings.add(RingRule::Circle, Certainty::Certain, || (lines, text));
            } else {
                right += 1;
                findings.kept(RingRule::Circle);
            }
        }
        (known, right)
    }
}
