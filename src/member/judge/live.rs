//! The judge of a run that is going on: what breaks a rule is a reason to fail, at once.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::dialect::is_strange;
use super::intake::MemberJudge;
use super::leads::Doubt;
use crate::member::event::{Statement, ViewLine, listed};
use crate::trace::findings::Spot;

/// How many reasons are kept.
const MOST_REASONS: usize = 20;

impl MemberJudge {
    /// Notes that the run failed for a reason that no line shows.
    pub fn object(&mut self, reason: String) {
        if self.reasons.len() < MOST_REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Why the run failed so far.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// This peer has said that it crashes, as it was told to.
    pub fn has_crashed(&self, peer: u16) -> bool {
        self.members.get(&peer).is_some_and(|account| account.crashed.is_some())
    }

    /// A line that `peer` printed, in a run that is going on: it must be exactly of the form, and
    /// what breaks a rule is a reason at once.
    pub fn line(&mut self, peer: u16, text: &str) {
        let Some(line) = ViewLine::read(text) else {
            return self.object(format!("peer{peer} printed a line of another form: {text}"));
        };
        if line.peer_id != peer {
            return self.object(format!("peer{peer} printed a line of another: {text}"));
        }
        if self.has_crashed(peer) {
            return self.object(format!("peer{peer} has crashed and goes on: {text}"));
        }
        if matches!(&line.words, Statement::Message(words) if is_strange(words)) {
            return self.object(format!("peer{peer} says what no member says: {text}"));
        }
        self.counts.lines += 1;
        let kept = OnceCell::new();
        let spot = Spot { input: 0, line: self.counts.lines, text, kept: &kept };
        self.fact(spot, &line);
        // Who is removed on request is known here, so this need not wait for others' lines.
        let removals = self.views.get(&line.view_id).map_or(&[][..], |seen| &seen.removals);
        let asked = self.options.on_request.clone().unwrap_or_default();
        let uncalled =
            removals.iter().filter(|r| r.by == peer && !r.called && !asked.contains(&r.gone));
        // Whoever was removed itself and joins again has missed what happened.
        let uncalled = uncalled.filter(|r| !self.was_away(peer, r.from, line.view_id));
        let reasons: Vec<String> = uncalled
            .map(|removal| {
                let (id, gone) = (line.view_id, removal.gone);
                format!(
                    "peer{peer} installs view {id} without peer{gone}, which it never called \
                     unreachable"
                )
            })
            .collect();
        for reason in reasons.into_iter().chain(self.misled(peer, line.view_id)) {
            self.object(reason);
        }
    }

    /// What is wrong with the leader that this peer names in its line of this view. Here all lines
    /// are known as they are printed, and a crash is printed before it is missed.
    fn misled(&self, peer: u16, id: u64) -> Option<String> {
        let led = self.views.get(&id)?.led.iter().find(|led| led.by == peer)?;
        match &led.doubt {
            // Whoever was removed itself and joins again has missed what happened.
            Doubt::Below { from: Some(from), below } if !self.was_away(peer, *from, id) => {
                let below = listed(below);
                Some(format!(
                    "peer{peer} installs view {id}, led by peer{} and not by its lowest, and has \
                     not called all of {below} unreachable",
                    led.leader
                ))
            }
            Doubt::Below { .. } => None,
            Doubt::Dead { .. } => self.refutes(id, led).map(|(_, how)| how),
        }
    }

    /// True if others had a view without this peer between these two.
    fn was_away(&self, peer: u16, from: u64, to: u64) -> bool {
        let mut between = self.views.range(from.saturating_add(1)..to.max(from.saturating_add(1)));
        between.any(|(_, seen)| seen.lists.iter().any(|(list, ..)| !list.contains(&peer)))
    }

    /// True if each of these has the same view, of these and no others.
    pub fn agree(&self, expected: &BTreeSet<u16>) -> bool {
        let mut ids = expected.iter().map(|peer| {
            let (id, list, _) = self.members.get(peer)?.last.as_ref()?;
            (list == expected).then_some(*id)
        });
        let first = ids.next().flatten();
        first.is_some() && ids.all(|id| id == first)
    }

    /// True if this peer was to be removed on request, and the highest view is without it.
    fn is_removed(&self, peer: u16) -> bool {
        let asked = self.options.on_request.as_ref().is_some_and(|asked| asked.contains(&peer));
        let highest = self.members.values().filter_map(|account| account.last.as_ref());
        let highest = highest.max_by_key(|(id, ..)| *id);
        asked && highest.is_some_and(|(_, list, _)| !list.contains(&peer))
    }

    /// Who ended how, a line each.
    pub fn table(&self) -> String {
        let mut text = String::from("peer    views  last view\n");
        for (peer, account) in &self.members {
            let last = account
                .last
                .as_ref()
                .map_or_else(|| "-".to_owned(), |(id, list, _)| format!("{id}: {}", listed(list)));
            let end = match account.crashed {
                Some(_) => ", then crashed",
                None if self.is_removed(*peer) => ", then removed",
                None => "",
            };
            let name = format!("peer{peer}");
            let views = account.views;
            let _ = writeln!(text, "{name:<7} {views:<5}  {last}{end}"); // a String takes all
        }
        text
    }
}
