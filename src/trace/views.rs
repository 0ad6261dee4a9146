//! The lines of a group, and the rules that a whole run of them must keep.
//!
//! The lines look like JSON and are not: their keys have no quotes, as the lab wants it. [`Line`]
//! is the only code that knows their form. [`Rules`] reads the lines of all members as they come:
//!
//! 1. The ids of the views that a member installs grow.
//! 2. A view id has one list of members, whoever prints it.
//! 3. The leader of a view is its lowest member.
//! 4. Whoever installs a view is in it.
//! 5. Whoever is removed was called unreachable by the one who prints the view without it; a
//!    removal on request aside.
//! 6. In the end each one who should be there has the same view, and it has those and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};

use serde::Serialize;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whose line it is.
    pub peer_id: u16,
    /// Its view.
    pub view_id: u64,
    /// Who leads that view.
    pub leader: u16,
    /// What it says.
    #[serde(flatten)]
    pub words: Words,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Words {
    /// This view holds from now on.
    #[serde(rename = "memb_list")]
    Members(BTreeSet<u16>),
    /// Anything else.
    #[serde(rename = "message")]
    Message(String),
}

/// The message of one who crashes on order.
pub const CRASHING: &str = "crashing";

impl Line {
    /// The message about a peer that is silent.
    pub fn unreachable(peer: u16, leader: u16) -> Words {
        let role = if peer == leader { " (leader)" } else { "" };
        Words::Message(format!("peer {peer}{role} unreachable"))
    }

    /// The line as JSON, for tools.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always serialize")
    }

    /// Reads a line, which must have exactly its form.
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("{peer_id: ")?.strip_suffix('}')?;
        let (peer_id, rest) = rest.split_once(", view_id: ")?;
        let (view_id, rest) = rest.split_once(", leader: ")?;
        let (leader, rest) = rest.split_once(", ")?;
        let words = if let Some(list) = rest.strip_prefix("memb_list: [") {
            let list = list.strip_suffix(']')?.split(',').map(|id| id.parse().ok());
            Words::Members(list.collect::<Option<_>>()?)
        } else {
            Words::Message(rest.strip_prefix("message:\"")?.strip_suffix('"')?.to_owned())
        };
        let (peer_id, view_id) = (peer_id.parse().ok()?, view_id.parse().ok()?);
        let line = Self { peer_id, view_id, leader: leader.parse().ok()?, words };
        // Another order, another blank, a zero in front: another form.
        (line.to_string() == text).then_some(line)
    }

    /// The peer that this line calls unreachable.
    fn names_dead(&self) -> Option<u16> {
        let Words::Message(text) = &self.words else { return None };
        let rest = text.strip_prefix("peer ")?.strip_suffix(" unreachable")?;
        rest.strip_suffix(" (leader)").unwrap_or(rest).parse().ok()
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer_id, view_id, leader, words } = self;
        write!(f, "{{peer_id: {peer_id}, view_id: {view_id}, leader: {leader}, ")?;
        match words {
            Words::Members(list) => {
                let list: Vec<String> = list.iter().map(u16::to_string).collect();
                write!(f, "memb_list: [{}]}}", list.join(","))
            }
            Words::Message(text) => write!(f, "message:\"{text}\"}}"),
        }
    }
}

/// What is known of one member.
#[derive(Clone, Debug, Default)]
struct Account {
    view: Option<(u64, BTreeSet<u16>)>,
    /// Called unreachable since they were last in a new view.
    dead: BTreeSet<u16>,
    crashed: bool,
    views: usize,
}

/// Collects lines and judges them.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The list of every view id, and by whose line it is known.
    lists: BTreeMap<u64, (BTreeSet<u16>, u16)>,
    members: BTreeMap<u16, Account>,
    /// Those who are removed on request, if anybody is.
    on_request: BTreeSet<u16>,
    reasons: Vec<String>,
}

/// How many reasons are kept.
const MOST_REASONS: usize = 20;

impl Rules {
    /// Rules for a run in which these may be removed on request.
    pub fn new(on_request: BTreeSet<u16>) -> Self {
        Self { on_request, ..Self::default() }
    }

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
        self.members.get(&peer).is_some_and(|account| account.crashed)
    }

    /// A line that `peer` printed.
    pub fn line(&mut self, peer: u16, text: &str) {
        let Some(line) = Line::read(text) else {
            return self.object(format!("peer{peer} printed a line of another form: {text}"));
        };
        if line.peer_id != peer {
            return self.object(format!("peer{peer} printed a line of another: {text}"));
        }
        let account = self.members.entry(peer).or_default();
        if account.crashed {
            return self.object(format!("peer{peer} has crashed and goes on: {text}"));
        }
        if let Words::Members(list) = &line.words {
            return self.view(&line, list);
        }
        if line.words == Words::Message(CRASHING.into()) {
            account.crashed = true;
        } else if let Some(dead) = line.names_dead() {
            account.dead.insert(dead);
            let role = if dead == line.leader { " (leader)" } else { "" };
            if line.words != Words::Message(format!("peer {dead}{role} unreachable")) {
                self.object(format!("peer{peer} names the wrong leader: {text}"));
            }
        } else {
            self.object(format!("peer{peer} says what no member says: {text}"));
        }
    }

    fn view(&mut self, line: &Line, list: &BTreeSet<u16>) {
        let Line { peer_id: peer, view_id: id, leader, .. } = *line;
        let (known, by) = self.lists.entry(id).or_insert_with(|| (list.clone(), peer)).clone();
        if known != *list {
            self.object(format!(
                "view {id} has two lists: {known:?} says peer{by}, {list:?} says peer{peer}"
            ));
        }
        if list.first() != Some(&leader) {
            self.object(format!("view {id} is led by peer{leader}, not by its lowest: {line}"));
        }
        if !list.contains(&peer) {
            self.object(format!("peer{peer} installs view {id} without itself: {line}"));
        }
        let account = self.members.entry(peer).or_default();
        account.views += 1;
        let old = account.view.replace((id, list.clone()));
        let dead = std::mem::take(&mut account.dead);
        let Some((old_id, old_list)) = old else { return };
        if id <= old_id {
            self.object(format!("peer{peer} installs view {id} after view {old_id}"));
        }
        for gone in old_list.difference(list).filter(|p| !self.on_request.contains(p)) {
            if !dead.contains(gone) {
                let text = format!(
                    "peer{peer} installs view {id} without peer{gone}, which it never called \
                     unreachable"
                );
                if self.reasons.len() < MOST_REASONS {
                    self.reasons.push(text);
                }
            }
        }
        // Whoever was called dead and is still a member will be removed by a later view.
        let account = self.members.entry(peer).or_default();
        account.dead = dead.intersection(list).copied().collect();
    }

    /// True if each of these has the same view, of these and no others.
    pub fn agree(&self, expected: &BTreeSet<u16>) -> bool {
        let mut ids = expected.iter().map(|peer| {
            let (id, list) = self.members.get(peer)?.view.as_ref()?;
            (list == expected).then_some(*id)
        });
        let first = ids.next().flatten();
        first.is_some() && ids.all(|id| id == first)
    }

    /// Who ended how, a line each.
    pub fn table(&self) -> String {
        let mut text = String::from("peer    views  last view\n");
        for (peer, account) in &self.members {
            let last = account.view.as_ref().map_or_else(
                || "-".to_owned(),
                |(id, list)| {
                    let list: Vec<String> = list.iter().map(u16::to_string).collect();
                    format!("{id}: [{}]", list.join(","))
                },
            );
            let end = if account.crashed { ", then crashed" } else { "" };
            let name = format!("peer{peer}");
            let views = account.views;
            let _ = writeln!(text, "{name:<7} {views:<5}  {last}{end}"); // a String takes all
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(peer_id: u16, view_id: u64, list: &[u16]) -> String {
        let words = Words::Members(list.iter().copied().collect());
        Line { peer_id, view_id, leader: list[0], words }.to_string()
    }

    #[test]
    fn the_four_lines_are_printed_to_the_letter_and_read_again() {
        for text in [
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2,3,5]}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"crashing\"}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"peer 5 unreachable\"}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"peer 1 (leader) unreachable\"}",
        ] {
            let line = Line::read(text).expect("is one");
            assert_eq!(line.to_string(), text);
            serde_json::from_str::<serde_json::Value>(&line.json()).expect("JSON for tools");
        }
        assert_eq!(
            Line::read("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]}").map(|l| l.json()),
            Some("{\"peer_id\":2,\"view_id\":3,\"leader\":1,\"memb_list\":[1,2]}".into())
        );
        for text in [
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1, 2]}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [2,1]}",
            "{peer_id:2, view_id: 3, leader: 1, memb_list: [1,2]}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: []}",
            "{peer_id: 2, view_id: 3, leader: 1}",
            "",
        ] {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }

    fn judge(lines: &[(u16, String)]) -> Vec<String> {
        let mut rules = Rules::new([9].into());
        for (peer, line) in lines {
            rules.line(*peer, line);
        }
        rules.reasons().to_vec()
    }

    #[test]
    fn a_good_run_passes_and_every_way_to_fail_is_named() {
        let dead = "{peer_id: 1, view_id: 1, leader: 1, message:\"peer 2 unreachable\"}";
        let crash = "{peer_id: 1, view_id: 1, leader: 1, message:\"crashing\"}";
        let wrong = "{peer_id: 1, view_id: 1, leader: 1, message:\"peer 2 (leader) unreachable\"}";
        let (zero, one) = ((1, view(1, 0, &[1])), (1, view(1, 1, &[1, 2])));
        let good = [zero.clone(), one.clone(), (1, dead.into()), (1, view(1, 2, &[1]))];
        assert_eq!(judge(&good), Vec::<String>::new());
        assert_eq!(judge(&[(1, view(1, 3, &[1, 9])), (1, view(1, 4, &[1]))]), Vec::<String>::new());
        for (lines, want) in [
            (vec![one.clone(), zero.clone()], "installs view 0 after view 1"),
            (vec![one.clone(), one.clone()], "installs view 1 after view 1"),
            (vec![one.clone(), (2, view(2, 1, &[2, 3]))], "view 1 has two lists"),
            (vec![(1, one.1.replace("leader: 1", "leader: 2"))], "not by its lowest"),
            (vec![(3, view(3, 1, &[1, 2]))], "without itself"),
            (vec![one.clone(), (1, view(1, 2, &[1]))], "never called unreachable"),
            (vec![(2, one.1.clone())], "a line of another:"),
            (vec![(1, "panic".into())], "of another form"),
            (vec![(1, crash.into()), one.clone()], "has crashed and goes on"),
            (vec![(1, wrong.into())], "names the wrong leader"),
        ] {
            let reasons = judge(&lines);
            assert!(reasons.iter().any(|reason| reason.contains(want)), "{want}: {reasons:?}");
        }
    }
}
