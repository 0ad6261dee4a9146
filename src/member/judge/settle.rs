//! What the lines of all peers say of one view, and of the end: judged when all are known.
//!
//! Views are settled in the order of their ids. Each member's [`Standing`] says where it is at that
//! point: its view before, whether it was called unreachable or removed since, and whether there is
//! a view of its group that it has not printed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::intake::{MOST_RECORDS, MemberJudge, Removal, Seen};
use super::report::{Ends, PeerEnd, Report};
use super::rules::MemberRule;
use crate::member::event::listed;
use crate::trace::findings::{Certainty, Witness};

/// Where a member is in the order of the views.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its view before.
    prev: Option<u64>,
    /// The view that is without it.
    out: Option<u64>,
    /// The view in which somebody has called it unreachable since.
    called: Option<u64>,
    /// A view that it is in and has not printed, and who has.
    gap: Option<(u64, Witness)>,
}

/// What can be judged only at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenEnds {
    /// Those of whom there is no line, and a view that they are in.
    silent: BTreeMap<u16, (u64, Witness)>,
    returns: Vec<Return>,
}

/// A peer that was removed installs a view that nobody else has printed so far.
#[derive(Clone, Debug)]
struct Return {
    peer: u16,
    removed_by: u64,
    id: u64,
    list: BTreeSet<u16>,
    witness: Witness,
}

/// How many returns are kept.
const MOST_RETURNS: usize = 1000;
/// How many sentences about what was concluded are kept.
const MOST_INFERRED: usize = 10;

impl MemberJudge {
    /// Settles the lowest views until what is left is within its bound.
    pub(super) fn forget(&mut self) {
        while self.records > MOST_RECORDS && self.settle_lowest() {}
    }

    /// False if there is nothing left to settle.
    fn settle_lowest(&mut self) -> bool {
        let lowest = [self.views.keys().next(), self.called.keys().next()];
        let Some(id) = lowest.into_iter().flatten().min().copied() else { return false };
        let seen = self.views.remove(&id).unwrap_or_default();
        let calls = self.called.remove(&id).unwrap_or_default();
        self.records = self.records.saturating_sub(seen.size() + calls.len());
        self.floor = Some(id);
        if let Some((list, _, first)) = seen.lists.first().cloned() {
            self.settle(id, &seen, &list, &first);
        }
        for peer in calls {
            self.call(id, peer);
        }
        true
    }

    /// Somebody has called this peer unreachable in this view.
    pub(super) fn call(&mut self, id: u64, peer: u16) {
        let Some(account) = self.members.get_mut(&peer) else { return };
        let standing = &mut account.standing;
        if standing.prev.is_none_or(|prev| prev <= id) {
            standing.called = Some(id);
            standing.gap = None;
        }
    }

    fn settle(&mut self, id: u64, seen: &Seen, list: &BTreeSet<u16>, first: &Witness) {
        let gone: BTreeSet<u16> = seen.removals.iter().map(|removal| removal.gone).collect();
        for peer in gone {
            self.settle_removal(id, seen, peer);
        }
        self.settle_leaders(id, seen);
        for (peer, witness) in &seen.after_crash {
            self.settle_after_crash(id, *peer, witness);
        }
        for (peer, witness) in &seen.installed {
            self.settle_install(id, *peer, seen, list, witness);
        }
        for peer in list.iter().filter(|peer| !seen.installed.contains_key(peer)) {
            self.settle_gap(id, *peer, first);
        }
        for (peer, account) in &mut self.members {
            let standing = &mut account.standing;
            let is_out = !list.contains(peer) && !seen.installed.contains_key(peer);
            if is_out && standing.prev.is_some() && standing.out.is_none() {
                standing.out = Some(id);
                standing.gap = None;
            }
        }
    }

    fn settle_install(
        &mut self,
        id: u64,
        peer: u16,
        seen: &Seen,
        list: &BTreeSet<u16>,
        witness: &Witness,
    ) {
        let Some(account) = self.members.get_mut(&peer) else { return };
        let before = std::mem::take(&mut account.standing);
        account.standing.prev = Some(id);
        match (before.out, before.gap) {
            (Some(_), _) if seen.installed.len() > 1 => {
                self.findings.kept(MemberRule::RemovedIsOut);
            }
            (Some(removed_by), _) => {
                if self.ends.returns.len() < MOST_RETURNS {
                    let (list, witness) = (list.clone(), witness.clone());
                    self.ends.returns.push(Return { peer, removed_by, id, list, witness });
                }
            }
            (None, Some((gap, other))) => {
                let lines = vec![other, witness.clone()];
                self.add(MemberRule::EveryView, Certainty::NotDecidable, lines, || {
                    let way = match before.prev {
                        Some(prev) => format!("goes from view {prev} to view {id}"),
                        None => format!("begins with view {id}"),
                    };
                    format!(
                        "peer{peer} is a member of view {gap} and {way} without it: a higher view \
                         may have overtaken it, or a line is missing"
                    )
                });
            }
            (None, None) => self.findings.kept(MemberRule::EveryView),
        }
    }

    /// A member of a view that has not printed it.
    fn settle_gap(&mut self, id: u64, peer: u16, first: &Witness) {
        let Some(account) = self.members.get_mut(&peer) else {
            self.ends.silent.entry(peer).or_insert((id, first.clone()));
            return;
        };
        let ended =
            account.crashed.is_some() && account.last.as_ref().is_none_or(|(last, ..)| *last < id);
        let standing = &mut account.standing;
        if standing.called.is_none() && !ended {
            standing.out = None;
            standing.gap.get_or_insert_with(|| (id, first.clone()));
        }
    }

    /// Was whoever is not in this view called unreachable by all who go on to it?
    fn settle_removal(&mut self, id: u64, seen: &Seen, gone: u16) {
        let is_about = |removal: &&Removal| removal.gone == gone;
        // Whoever was removed itself and joins again has missed what happened.
        let stayed =
            |by: u16| self.members.get(&by).is_some_and(|account| account.standing.out.is_none());
        let removals: Vec<&Removal> =
            seen.removals.iter().filter(is_about).filter(|removal| stayed(removal.by)).collect();
        let Some(sample) = removals.first() else { return };
        let target = self.members.get(&gone);
        let was_called = target.is_some_and(|account| account.standing.called.is_some());
        let has_crashed = target.is_some_and(|account| account.has_crashed);
        let asked = self.options.on_request.as_ref().map(|asked| asked.contains(&gone));
        let someone = was_called || seen.removals.iter().filter(is_about).any(|r| r.called);
        let witness = seen.installed.get(&sample.by).cloned();
        if asked == Some(true) {
            self.findings.kept(MemberRule::UnreachableFirst);
        } else if someone || asked == Some(false) || has_crashed {
            for removal in removals {
                if removal.called {
                    self.findings.kept(MemberRule::UnreachableFirst);
                    continue;
                }
                let by = removal.by;
                let lines = seen.installed.get(&by).cloned().into_iter().collect();
                self.add(MemberRule::UnreachableFirst, Certainty::Certain, lines, || {
                    format!(
                        "peer{by} installs view {id} without peer{gone}, which it never called \
                         unreachable"
                    )
                });
            }
        } else if let Some(leader) = self.asked_by(sample) {
            self.findings.kept(MemberRule::UnreachableFirst);
            if self.inferred.len() < MOST_INFERRED {
                self.inferred.push(format!(
                    "view {id} is without peer{gone}, the highest, which nobody called \
                     unreachable; peer{leader} led it and is gone: taken for a removal on request \
                     (--on-request says who was)"
                ));
            }
        } else {
            let lines = witness.into_iter().collect();
            self.add(MemberRule::UnreachableFirst, Certainty::NotDecidable, lines, || {
                format!(
                    "view {id} is without peer{gone}, which nobody called unreachable: it left on \
                     request, or lines are missing (--on-request {gone} or --on-request none says \
                     which)"
                )
            });
        }
    }

    /// The leader that has asked for this removal, if it looks like the lab's fourth case: the
    /// highest is gone, and so is the leader.
    fn asked_by(&self, removal: &Removal) -> Option<u16> {
        let (leader, highest) = (removal.leader, removal.highest);
        let account = self.members.get(&leader)?;
        let is_gone = account.crashed.is_some() || account.standing.called.is_some();
        (highest == removal.gone && leader != highest && is_gone).then_some(leader)
    }

    fn settle_after_crash(&mut self, id: u64, peer: u16, witness: &Witness) {
        let Some(account) = self.members.get(&peer) else { return };
        if account.standing.out.is_some() || account.standing.called.is_some() {
            return self.findings.kept(MemberRule::CrashEnds);
        }
        let alone = self.members.len() == 1;
        let certainty = if alone { Certainty::NotDecidable } else { Certainty::IfEveryPeer };
        self.add(MemberRule::CrashEnds, certainty, vec![witness.clone()], || {
            format!("peer{peer} has crashed and goes on with view {id}; nobody has removed it")
        });
    }

    /// The judgement, when all lines have been taken.
    pub fn finish(mut self) -> Report {
        while self.settle_lowest() {}
        for back in std::mem::take(&mut self.ends.returns) {
            self.judge_return(back);
        }
        self.judge_ends();
        if let Some(expected) = self.options.expect.clone() {
            self.judge_expected(&expected);
        }
        if self.counts.forgotten > 0 {
            let forgotten = self.counts.forgotten;
            self.add(MemberRule::OneList, Certainty::NotDecidable, vec![], || {
                format!("{forgotten} view lines came after their views had been forgotten")
            });
        }
        self.report()
    }

    /// Nobody else prints the view with which a removed peer goes on.
    fn judge_return(&mut self, back: Return) {
        let Return { peer, removed_by, id, list, witness } = back;
        let mut others = self.members.iter().filter(|(other, _)| **other != peer);
        let refutes = others.any(|(other, account)| {
            let Some((last, members, _)) = &account.last else { return false };
            let skipped = list.contains(other) && *last > id;
            let elsewhere = list.len() == 1 && *last >= id && !members.contains(&peer);
            skipped || elsewhere
        });
        // Only the first line founds a view of its own.
        let refutes = refutes || (list.len() == 1 && peer != 1);
        let certainty = if refutes { Certainty::IfEveryPeer } else { Certainty::NotDecidable };
        self.add(MemberRule::RemovedIsOut, certainty, vec![witness], || {
            format!(
                "peer{peer} was removed by view {removed_by} and installs view {id}, which no \
                 other peer installs"
            )
        });
    }

    fn judge_ends(&mut self) {
        let mut late = Vec::new();
        let crashed = self.members.values().filter(|account| account.crashed.is_some()).count();
        let out = self.members.values().filter(|account| account.standing.out.is_some()).count();
        (0..crashed).for_each(|_| self.findings.kept(MemberRule::CrashEnds));
        (0..out).for_each(|_| self.findings.kept(MemberRule::RemovedIsOut));
        for (peer, account) in &self.members {
            match (&account.standing.gap, account.views) {
                (Some((gap, witness)), _) => {
                    late.push((*peer, *gap, account.standing.prev, witness.clone()));
                }
                (None, 1..) if account.crashed.is_none() => {
                    self.findings.kept(MemberRule::LastView);
                }
                _ => {}
            }
        }
        for (peer, gap, prev, witness) in late {
            self.add(MemberRule::LastView, Certainty::NotDecidable, vec![witness], || {
                let last = prev.map_or("none".into(), |prev| format!("view {prev}"));
                format!(
                    "peer{peer} is a member of view {gap} and its last is {last}: its log may have \
                     ended before, or a line is missing (--expect LIST decides it)"
                )
            });
        }
        for (peer, (id, witness)) in std::mem::take(&mut self.ends.silent) {
            self.add(MemberRule::LastView, Certainty::NotDecidable, vec![witness], || {
                format!("peer{peer} is a member of view {id}, and no line of it is here")
            });
        }
    }

    fn judge_expected(&mut self, expected: &BTreeSet<u16>) {
        let mut wrong = Vec::new();
        // The group that most of what was expected has.
        let ids = expected.iter().filter_map(|peer| {
            let (id, list, _) = self.members.get(peer)?.last.as_ref()?;
            (list == expected).then_some(*id)
        });
        let group = ids.max();
        for peer in expected {
            let Some(account) = self.members.get(peer) else {
                let single = self.members.len() <= 1;
                let sure = if single { Certainty::NotDecidable } else { Certainty::IfEveryPeer };
                wrong.push((
                    sure,
                    None,
                    format!("no line of peer{peer} is here, which should live"),
                ));
                continue;
            };
            match &account.last {
                _ if account.crashed.is_some() => {
                    let crash = account.crashed.clone();
                    wrong.push((Certainty::Certain, crash, format!("peer{peer} has crashed")));
                }
                Some((id, list, _)) if list == expected && Some(*id) == group => {
                    self.findings.kept(MemberRule::Expected);
                }
                Some((id, list, witness)) => {
                    let (list, wanted) = (listed(list), listed(expected));
                    let words = match group {
                        Some(group) if list == wanted => {
                            format!("peer{peer} ends with view {id}, others with view {group}")
                        }
                        _ => format!("peer{peer} ends with view {id} of {list}, not of {wanted}"),
                    };
                    wrong.push((Certainty::Certain, Some(witness.clone()), words));
                }
                None => {
                    wrong.push((Certainty::Certain, None, format!("peer{peer} installs no view")));
                }
            }
        }
        for (peer, account) in self.members.iter().filter(|(peer, _)| !expected.contains(peer)) {
            let standing = &account.standing;
            let is_gone =
                account.crashed.is_some() || standing.called.is_some() || standing.out.is_some();
            if let (false, Some((id, _, witness))) = (is_gone, &account.last) {
                let words = format!("peer{peer} ends with view {id}, and nobody knows it gone");
                wrong.push((Certainty::Certain, Some(witness.clone()), words));
            }
        }
        for (certainty, witness, words) in wrong {
            self.add(MemberRule::Expected, certainty, witness.into_iter().collect(), || words);
        }
    }

    fn report(self) -> Report {
        let end = |(peer, account): (u16, super::intake::MemberAccount)| {
            let standing = &account.standing;
            let how = match () {
                () if account.crashed.is_some() => "crashed".to_owned(),
                () if standing.out.is_some() => {
                    standing.out.map_or_else(String::new, |id| format!("removed by view {id}"))
                }
                () if standing.called.is_some() => "called unreachable".to_owned(),
                () if standing.gap.is_some() => "its lines end before the last view".to_owned(),
                () => "a member".to_owned(),
            };
            let is_member = how == "a member";
            let last = account.last.map(|(id, list, _)| (id, list));
            PeerEnd { peer, views: account.views, last, is_member, how }
        };
        Report {
            findings: self.findings.sorted(),
            inferred: self.inferred,
            lines: self.counts.lines,
            events: self.counts.facts,
            expects: self.options.expect.is_some(),
            summary: Ends {
                peers: self.members.into_iter().map(end).collect(),
                duplicates: self.counts.duplicates,
                unknown_peers: self.counts.unknown_peers,
            },
        }
    }
}
