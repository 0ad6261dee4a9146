//! A view: who is in, and under which number; and what can be done to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::process::PeerId;

/// Ids stay below this, so that every JSON reader can hold them. At a change a second that lasts
/// for ages. What is installed, recorded, sent and read is held to the same bound: the view that
/// would pass it is never made ([`View::after`]).
pub const MAX_ID: u64 = 1 << 53;
/// How much higher than the highest that a peer has seen an id may be. No group makes that many
/// views while it is away; and a group cannot be brought to the end of the ids by one false
/// message.
const FAR: u64 = 1 << 32;

/// What ids a peer believes: those that can have been reached since it last saw one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    view_id: u64,
    round: u64,
}

impl Reach {
    /// For a peer that has seen this view, and in it this round.
    pub(super) fn from(view_id: u64, round: u64) -> Self {
        let beyond = |seen: u64| seen.saturating_add(FAR).min(MAX_ID);
        Self { view_id: beyond(view_id), round: beyond(round) }
    }

    /// For a record: however long the log is, nothing in it is beyond this.
    pub(super) fn ever() -> Self {
        Self { view_id: MAX_ID, round: MAX_ID }
    }

    /// What is wrong with a view id, if something is.
    pub(super) fn view_id(self, id: u64) -> Option<String> {
        (id >= self.view_id).then(|| format!("a view with the id {id}, which nobody reaches"))
    }

    /// What is wrong with the number of a request.
    pub(super) fn round(self, round: u64) -> Option<String> {
        (round >= self.round).then(|| format!("a request in round {round}, which nobody reaches"))
    }
}

/// One incarnation of a peer: a number that no other incarnation of it has. A member is a peer in
/// one incarnation, which lasts as long as the memory of what it agreed to. That is the process;
/// with `--majority` and `--data` it is the data directory, so a process that starts again with its
/// directory is the same member, and one that starts without is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// What is to be done to a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// This peer joins.
    Add {
        /// Who.
        peer: PeerId,
        /// Which incarnation of it.
        #[serde(rename = "life")]
        incarnation: Incarnation,
        /// The highest view id that it has seen.
        seen: Option<u64>,
    },
    /// This peer is removed.
    Del {
        /// Who.
        peer: PeerId,
        /// On request, and not because it is silent.
        asked: bool,
    },
    /// Of `NEWLEADER`: what is pending?
    Pending,
    /// Of its answer: nothing is.
    Nothing,
}

impl Operation {
    pub(super) fn objection(&self, hosts: &BTreeSet<PeerId>, reach: Reach) -> Option<String> {
        let (peer, seen) = match self {
            Self::Add { peer, seen, .. } => (peer, *seen),
            Self::Del { peer, .. } => (peer, None),
            Self::Pending | Self::Nothing => return None,
        };
        let strange = || format!("{peer} is not in the hostsfile");
        let strange = (!hosts.contains(peer)).then(strange);
        // The view that follows has a higher id than this, and that one must be in reach, too.
        strange.or_else(|| seen.and_then(|seen| reach.view_id(seen.saturating_add(1))))
    }
}

/// A list of members with its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Grows with every view.
    pub id: u64,
    /// The members, each with its incarnation. Never empty.
    pub members: BTreeMap<PeerId, Incarnation>,
    /// Those who were removed on request and have not joined again: nobody misses them.
    pub left: BTreeSet<PeerId>,
    /// Who leads it: its lowest member, unless that one was dead when the view was made.
    pub leader: PeerId,
}

/// The same view is the same list under the same id. The leader is not agreed on: if the one who
/// finishes an operation dies over it, the next one finishes it in its own name. So it is only what
/// is printed, and nothing that must be unique relies on it ([`View::lowest`]).
impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        let Self { id, members, left, leader: _ } = self;
        (*id, members, left) == (other.id, &other.members, &other.left)
    }
}

impl Eq for View {}

impl View {
    /// The founder alone.
    pub fn founded(id: u64, founder: PeerId, incarnation: Incarnation) -> Self {
        Self {
            id,
            members: [(founder, incarnation)].into(),
            left: BTreeSet::new(),
            leader: founder,
        }
    }

    /// The lowest member. It follows from the list alone.
    pub fn lowest(&self) -> PeerId {
        *self.members.keys().next().expect("a view has members")
    }

    /// The ids of the members.
    pub fn ids(&self) -> BTreeSet<PeerId> {
        self.members.keys().copied().collect()
    }

    /// True if this incarnation of this peer is a member.
    pub fn holds(&self, peer: PeerId, incarnation: Incarnation) -> bool {
        self.members.get(&peer) == Some(&incarnation)
    }

    /// How many members are a majority.
    pub fn majority(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// The view after this operation: the same whoever performs it. A removal of the last
    /// member leaves the list as it is. Its lowest member leads it. None if no id is left for it.
    pub fn after(&self, operation: &Operation) -> Option<Self> {
        let mut next = self.clone();
        next.id += 1;
        match *operation {
            Operation::Add { peer, incarnation, seen } => {
                next.id = self.id.max(seen.unwrap_or(0)) + 1;
                next.left.remove(&peer);
                next.members.insert(peer, incarnation);
            }
            Operation::Del { peer, asked } if self.members.len() > 1 => {
                next.members.remove(&peer);
                if asked {
                    next.left.insert(peer);
                }
            }
            Operation::Del { .. } | Operation::Pending | Operation::Nothing => {}
        }
        assert!(
            next.id > self.id && !next.members.is_empty(),
            "a view is followed by a higher one"
        );
        next.leader = next.lowest();
        (next.id < MAX_ID).then_some(next)
    }

    /// The same view, led by the lowest of those who are not dead.
    #[must_use]
    pub(super) fn led_without(mut self, dead: &BTreeSet<PeerId>) -> Self {
        let alive = self.members.keys().find(|peer| !dead.contains(peer));
        self.leader = alive.copied().unwrap_or_else(|| self.lowest());
        assert!(self.members.contains_key(&self.leader), "a view is led by a member");
        self
    }

    /// True if no view can follow this one.
    pub(super) fn is_last(&self) -> bool {
        self.id + 1 >= MAX_ID
    }

    /// What no honest peer's view looks like, if this is such a one.
    pub(super) fn objection(&self, hosts: &BTreeSet<PeerId>, reach: Reach) -> Option<String> {
        let strange = |peer: &&PeerId| !hosts.contains(peer);
        if self.members.is_empty() {
            return Some("a view without members".into());
        }
        if let Some(far) = reach.view_id(self.id) {
            return Some(far);
        }
        if !self.members.contains_key(&self.leader) {
            return Some(format!("view {} is led by {}, who is not in it", self.id, self.leader));
        }
        let peer = self.members.keys().chain(&self.left).find(strange)?;
        Some(format!("a view with {peer}, which is not in the hostsfile"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_makes_a_higher_id_and_the_lowest_member_leads() {
        let view = View::founded(0, PeerId(2), Incarnation(7));
        let add =
            |peer, seen| Operation::Add { peer: PeerId(peer), incarnation: Incarnation(1), seen };
        let after = |view: &View, operation| view.after(&operation).expect("an id is left");
        let two = after(&view, add(3, None));
        assert_eq!((two.id, two.leader, two.members.len()), (1, PeerId(2), 2));
        let three = after(&two, add(1, Some(9)));
        assert_eq!((three.id, three.leader, three.majority()), (10, PeerId(1), 2));
        let asked = after(&three, Operation::Del { peer: PeerId(3), asked: true });
        assert_eq!((asked.id, &asked.left), (11, &[PeerId(3)].into()));
        let back = after(&asked, add(3, Some(4)));
        assert_eq!((back.id, back.left.len(), back.ids().len()), (12, 0, 3));
        let gone = after(&back, Operation::Del { peer: PeerId(1), asked: false });
        assert_eq!((gone.leader, gone.left.len()), (PeerId(2), 0));
        let alone = after(&view, Operation::Del { peer: PeerId(2), asked: false });
        assert_eq!((alone.id, alone.ids()), (1, [PeerId(2)].into()), "a view has members");
        let dead = |ids: &[u16]| ids.iter().copied().map(PeerId).collect();
        let of = |ids| back.clone().led_without(&dead(ids)).leader;
        assert_eq!((of(&[]), of(&[1]), of(&[1, 2])), (PeerId(1), PeerId(2), PeerId(3)));
        assert_eq!(back.clone().led_without(&dead(&[1])), back, "the same list under the same id");
        assert!(gone.holds(PeerId(2), Incarnation(7)) && !gone.holds(PeerId(2), Incarnation(8)));
    }

    #[test]
    fn no_view_is_made_beyond_the_last_id() {
        let add = |seen| Operation::Add { peer: PeerId(3), incarnation: Incarnation(1), seen };
        let del = Operation::Del { peer: PeerId(3), asked: false };
        let of =
            |id| View::founded(id, PeerId(2), Incarnation(7)).after(&add(None)).map(|view| view.id);
        assert_eq!(of(MAX_ID - 2), Some(MAX_ID - 1), "the last one");
        assert_eq!(of(MAX_ID - 1), None);
        let low = View::founded(4, PeerId(2), Incarnation(7));
        assert_eq!(low.after(&add(Some(MAX_ID - 2))).map(|view| view.id), Some(MAX_ID - 1));
        assert_eq!(low.after(&add(Some(MAX_ID - 1))), None, "the newcomer has seen the last one");
        assert_eq!(View { id: MAX_ID - 1, ..low.clone() }.after(&del), None);
        assert!(View { id: MAX_ID - 1, ..low.clone() }.is_last());
        assert!(!View { id: MAX_ID - 2, ..low }.is_last());
    }
}
