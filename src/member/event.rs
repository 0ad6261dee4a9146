//! The printed form of a line, and its form as JSON. Nothing else knows them.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use serde::Serialize;

use crate::trace::MOST_PEERS;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewLine {
    /// Whose line it is.
    pub peer_id: u16,
    /// Its view.
    pub view_id: u64,
    /// Who leads that view.
    pub leader: u16,
    /// What it says.
    #[serde(flatten)]
    pub words: Statement,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Statement {
    /// This view holds from now on.
    #[serde(rename = "memb_list")]
    Members(BTreeSet<u16>),
    /// Anything else.
    #[serde(rename = "message")]
    Message(String),
}

/// The message of one who crashes on order.
pub const CRASHING: &str = "crashing";

/// What stands in front of the values, as printed and as JSON.
struct Keys {
    peer_id: &'static str,
    view_id: &'static str,
    leader: &'static str,
    members: &'static str,
    message: &'static str,
}

const PRINTED: Keys = Keys {
    peer_id: "{peer_id: ",
    view_id: ", view_id: ",
    leader: ", leader: ",
    members: ", memb_list: [",
    message: ", message:\"",
};

const JSON: Keys = Keys {
    peer_id: "{\"peer_id\":",
    view_id: ",\"view_id\":",
    leader: ",\"leader\":",
    members: ",\"memb_list\":[",
    message: ",\"message\":\"",
};

impl ViewLine {
    /// The message about a peer that is silent.
    pub fn unreachable(peer: u16, leader: u16) -> Statement {
        let role = if peer == leader { " (leader)" } else { "" };
        Statement::Message(format!("peer {peer}{role} unreachable"))
    }

    /// The line as JSON, for tools.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always serialize")
    }

    /// Reads a line, which must have exactly its form.
    pub fn read(text: &str) -> Option<Self> {
        Self::read_with(&PRINTED, text)
    }

    /// Reads a line of [`Self::json`], which must have exactly its form.
    pub fn read_json(text: &str) -> Option<Self> {
        Self::read_with(&JSON, text)
    }

    fn read_with(keys: &Keys, text: &str) -> Option<Self> {
        let (peer_id, rest) = number(text.strip_prefix(keys.peer_id)?)?;
        let (view_id, rest) = number(rest.strip_prefix(keys.view_id)?)?;
        let (leader, rest) = number(rest.strip_prefix(keys.leader)?)?;
        let words = if let Some(list) = rest.strip_prefix(keys.members) {
            Statement::Members(members(list.strip_suffix("]}")?)?)
        } else {
            let message = rest.strip_prefix(keys.message)?.strip_suffix("\"}")?;
            // What would need an escape is no message of ours.
            if message.contains(|c: char| matches!(c, '"' | '\\') || c.is_control()) {
                return None;
            }
            Statement::Message(message.to_owned())
        };
        let (peer_id, leader) = (u16::try_from(peer_id).ok()?, u16::try_from(leader).ok()?);
        Some(Self { peer_id, view_id, leader, words })
    }

    /// The peer that this line calls unreachable.
    pub fn names_dead(&self) -> Option<u16> {
        let Statement::Message(text) = &self.words else { return None };
        let rest = text.strip_prefix("peer ")?.strip_suffix(" unreachable")?;
        rest.strip_suffix(" (leader)").unwrap_or(rest).parse().ok()
    }

    /// True if this line says that its peer crashes on order.
    pub fn is_crash(&self) -> bool {
        matches!(&self.words, Statement::Message(text) if text == CRASHING)
    }
}

/// A number as it is printed, without a zero in front, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

/// At least one member, ascending, with commas between.
fn members(list: &str) -> Option<BTreeSet<u16>> {
    let mut members = Vec::with_capacity(8);
    for member in list.split(',') {
        let (member, rest) = number(member)?;
        let member = u16::try_from(member).ok()?;
        let many = members.len() >= MOST_PEERS;
        if many || !rest.is_empty() || members.last().is_some_and(|last| *last >= member) {
            return None;
        }
        members.push(member);
    }
    Some(members.into_iter().collect())
}

/// A list as it is printed: `[1,2,5]`.
pub(crate) fn listed<'a>(members: impl IntoIterator<Item = &'a u16>) -> String {
    let members: Vec<String> = members.into_iter().map(u16::to_string).collect();
    format!("[{}]", members.join(","))
}

impl Display for ViewLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer_id, view_id, leader, words } = self;
        let keys = PRINTED;
        write!(f, "{}{peer_id}{}{view_id}", keys.peer_id, keys.view_id)?;
        write!(f, "{}{leader}", keys.leader)?;
        match words {
            Statement::Members(list) => {
                let list: Vec<String> = list.iter().map(u16::to_string).collect();
                write!(f, "{}{}]}}", keys.members, list.join(","))
            }
            Statement::Message(text) => write!(f, "{}{text}\"}}", keys.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_lines_are_printed_to_the_letter_and_read_again() {
        for text in [
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2,3,5]}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"crashing\"}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"peer 5 unreachable\"}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"peer 1 (leader) unreachable\"}",
        ] {
            let line = ViewLine::read(text).expect("is one");
            assert_eq!(line.to_string(), text);
            serde_json::from_str::<serde_json::Value>(&line.json()).expect("JSON for tools");
            assert_eq!(ViewLine::read_json(&line.json()), Some(line));
        }
        assert_eq!(
            ViewLine::read("{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,2]}")
                .map(|l| l.json()),
            Some("{\"peer_id\":2,\"view_id\":3,\"leader\":1,\"memb_list\":[1,2]}".into())
        );
        for text in [
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1, 2]}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [2,1]}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1,1]}",
            "{peer_id: 2, view_id: 03, leader: 1, memb_list: [1,2]}",
            "{peer_id: 2, view_id: +3, leader: 1, memb_list: [1,2]}",
            "{peer_id: 2, view_id: 3, leader: 70000, memb_list: [1,2]}",
            "{peer_id:2, view_id: 3, leader: 1, memb_list: [1,2]}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: []}",
            "{peer_id: 2, view_id: 3, leader: 1, message:\"a\"b\"}",
            "{peer_id: 2, view_id: 3, leader: 1}",
            "{peer_id: 2, view_id: 3, leader: 1, memb_list: [1x,2]}",
            "",
        ] {
            assert_eq!(ViewLine::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_has_as_many_members_as_a_group_may_have() {
        let read = |count: usize| {
            let ids: Vec<u16> = (1..).take(count).collect();
            ViewLine::read(&format!(
                "{{peer_id: 1, view_id: 3, leader: 1, memb_list: {}}}",
                listed(&ids)
            ))
        };
        assert!(read(MOST_PEERS).is_some());
        assert_eq!(read(MOST_PEERS + 1), None);
    }
}
