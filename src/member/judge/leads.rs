//! Who leads a view: its lowest member, unless that one is dead and another has taken over.
//!
//! Whoever takes over has called all below it unreachable before. From then on views name it, also
//! while the dead one is still in their list. So a line can be wrong in two ways: it names one who
//! has not taken over, or one who is dead.

use std::collections::BTreeSet;

use super::intake::{MemberJudge, Seen};
use super::rules::MemberRule;
use crate::member::event::ViewLine;
use crate::trace::findings::{Certainty, Spot, Witness};

/// A line of a view that names this leader, which other lines bear out or refute.
#[derive(Clone, Debug)]
pub(super) struct Led {
    pub(super) by: u16,
    pub(super) leader: u16,
    pub(super) witness: Witness,
    pub(super) doubt: Doubt,
}

/// What there is to ask.
#[derive(Clone, Debug)]
pub(super) enum Doubt {
    /// Are these members below it dead? Whoever printed the line comes from the view `from`, where
    /// they were members too, and had not called all of them unreachable.
    Below { below: BTreeSet<u16>, from: Option<u64> },
    /// Did it crash in this view, the one before? Whoever says so called it unreachable there.
    Dead { from: u64 },
}

impl MemberJudge {
    /// Judges who leads this view, as far as this line and those before it can tell.
    pub(super) fn leads(
        &mut self,
        spot: Spot<'_>,
        line: &ViewLine,
        list: &BTreeSet<u16>,
        old: Option<&(u64, BTreeSet<u16>)>,
        dead: &BTreeSet<u16>,
    ) -> Option<Led> {
        let ViewLine { peer_id: by, view_id: id, leader, .. } = *line;
        if leader == 0 {
            return None;
        }
        if !list.contains(&leader) {
            self.claim(false, MemberRule::LowestLeads, spot, || {
                format!("view {id} is led by peer{leader}, not by its lowest")
            });
            return None;
        }
        let led = |doubt| Some(Led { by, leader, witness: spot.witness(), doubt });
        let below: BTreeSet<u16> = list.range(..leader).copied().collect();
        if !below.is_empty() {
            if below.is_subset(dead) {
                self.findings.kept(MemberRule::LowestLeads);
                return None;
            }
            // Nobody calls itself dead; it may have been passed over by mistake all the same.
            let unsaid = |peer: &u16| *peer != by && !dead.contains(peer);
            let old = old.filter(|(_, old)| below.intersection(old).any(unsaid));
            return led(Doubt::Below { below, from: old.map(|(from, _)| *from) });
        }
        // Another incarnation of the leader can have been let in over the dead one: then the list
        // stays.
        match old {
            Some((from, old)) if dead.contains(&leader) && old != list => {
                led(Doubt::Dead { from: *from })
            }
            _ => {
                self.findings.kept(MemberRule::LowestLeads);
                None
            }
        }
    }

    /// What the lines of all peers say of the leaders of a view.
    pub(super) fn settle_leaders(&mut self, id: u64, seen: &Seen) {
        for led in &seen.led {
            match self.refutes(id, led) {
                None => self.findings.kept(MemberRule::LowestLeads),
                Some((certainty, how)) => {
                    self.add(MemberRule::LowestLeads, certainty, vec![led.witness.clone()], || how);
                }
            }
        }
    }

    /// Why this leader cannot be right, if so.
    pub(super) fn refutes(&self, id: u64, led: &Led) -> Option<(Certainty, String)> {
        let Led { by, leader, doubt, .. } = led;
        match doubt {
            Doubt::Below { below, .. } => {
                let account = self.members.get(leader).filter(|account| account.lines > 0);
                let calls = account.map(|account| &account.calls);
                let alive =
                    below.iter().find(|peer| !calls.is_some_and(|c| c.contains_key(peer)))?;
                let sure =
                    if calls.is_some() { Certainty::Certain } else { Certainty::NotDecidable };
                let how = format!(
                    "view {id} is led by peer{leader}, not by its lowest: peer{leader} never \
                     called peer{alive} unreachable"
                );
                Some((sure, how))
            }
            Doubt::Dead { from } => {
                let account = self.members.get(leader)?;
                let is_dead = account.crashed.is_some() && account.crashed_in == Some(*from);
                let how = format!(
                    "view {id} is led by peer{leader}, which crashed in view {from}; peer{by} had \
                     called it unreachable, so whoever took over leads"
                );
                is_dead.then_some((Certainty::Certain, how))
            }
        }
    }
}
