//! What peers tell each other. All but heartbeats go over streams.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::view::{Incarnation, MAX_ID, Operation, Reach, View};
use crate::process::PeerId;

/// The number of a request, which also says who may use it. Within one view a higher one takes the
/// place of a lower one; requests of different views never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestId {
    /// 0 is for the lowest member of the view alone.
    pub round: u64,
    /// Who asks.
    pub by: PeerId,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// From one who wants in.
    Join {
        /// Which incarnation of it.
        #[serde(rename = "life")]
        incarnation: Incarnation,
        /// The highest view id that it has seen.
        seen: Option<u64>,
    },
    /// The answer of one who is in but does not lead: ask this one.
    Leader {
        /// The lowest member that is alive.
        leader: PeerId,
    },
    /// From the one who leads: agree to this.
    Req {
        /// Its number.
        request: RequestId,
        /// The view that is to be changed.
        view_id: u64,
        /// How: an addition or a removal.
        op: Operation,
    },
    /// The answer: it is pending here, and I agree.
    Ok {
        /// The request's number.
        request: RequestId,
        /// The request's view.
        view_id: u64,
    },
    /// The other answer, to requests and new leaders: a higher number was promised.
    Busy {
        /// The number of the question.
        request: RequestId,
        /// Its view.
        view_id: u64,
        /// The higher number.
        promised: RequestId,
    },
    /// The next view; also for a peer that seems to have missed it.
    NewView {
        /// The view.
        view: View,
    },
    /// From one who acts in the place of a dead leader: what is pending in this view?
    NewLeader {
        /// Above every number that the asker has seen in this view.
        request: RequestId,
        /// The asker's view.
        view_id: u64,
        /// [`Operation::Pending`].
        op: Operation,
    },
    /// The answer. (A peer with a newer view answers with that instead.)
    Pending {
        /// The number of the question.
        request: RequestId,
        /// The view of both.
        view_id: u64,
        /// What is pending, or [`Operation::Nothing`].
        op: Operation,
        /// The number of the request by which it is.
        under: Option<RequestId>,
    },
    /// A sign of life; the only datagram.
    Heartbeat {
        /// The fingerprint of the sender's hostsfile: streams compare it when they say hello.
        group: u64,
        /// The sender's view.
        view_id: u64,
    },
}

impl Message {
    /// The message that carries this view.
    pub fn new_view(view: &View) -> Self {
        Self::NewView { view: view.clone() }
    }

    /// Why no honest peer can have sent this, if so.
    pub(super) fn objection(
        &self,
        from: PeerId,
        hosts: &BTreeSet<PeerId>,
        group: u64,
        reach: Reach,
    ) -> Option<String> {
        let numbers = |request: &RequestId, view_id: u64| {
            reach.round(request.round).or_else(|| reach.view_id(view_id))
        };
        match self {
            Self::Join { seen, .. } => seen.and_then(|seen| reach.view_id(seen)),
            Self::Leader { leader } => {
                (!hosts.contains(leader)).then(|| format!("{leader} is not in the hostsfile"))
            }
            Self::Req { request, view_id, op } | Self::NewLeader { request, view_id, op } => {
                if request.by != from {
                    return Some(format!("a request of {} that comes from {from}", request.by));
                }
                let asks = matches!(op, Operation::Pending);
                if asks != matches!(self, Self::NewLeader { .. }) || *op == Operation::Nothing {
                    return Some("an operation that does not belong here".into());
                }
                numbers(request, *view_id).or_else(|| op.objection(hosts, reach))
            }
            Self::Ok { request, view_id } => numbers(request, *view_id),
            Self::Busy { request, view_id, promised } => {
                numbers(request, *view_id).or_else(|| numbers(promised, *view_id))
            }
            Self::NewView { view } => view.objection(hosts, reach),
            Self::Pending { request, view_id, op, under } => {
                if (*op == Operation::Nothing) != under.is_none() || *op == Operation::Pending {
                    return Some("an operation that does not belong here".into());
                }
                numbers(request, *view_id).or_else(|| op.objection(hosts, reach))
            }
            Self::Heartbeat { group: theirs, .. } => (*theirs != group).then(|| {
                format!(
                    "its hostsfile is another one (fingerprint {theirs:016x}, not {group:016x})"
                )
            }),
        }
    }

    /// A heartbeat as a datagram.
    pub(super) fn to_datagram(&self) -> Vec<u8> {
        match self {
            Self::Heartbeat { group, view_id } => {
                format!("HEARTBEAT {view_id} {group:016x}").into()
            }
            // Nothing else is ever cast; and if it were, nobody would take it.
            _ => Vec::new(),
        }
    }

    /// A heartbeat, if these bytes are one.
    pub(super) fn from_datagram(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix("HEARTBEAT ")?;
        let (view_id, group) = text.split_once(' ')?;
        let view_id: u64 = view_id.parse().ok()?;
        let group = u64::from_str_radix(group, 16).ok()?;
        (view_id < MAX_ID).then_some(Self::Heartbeat { group, view_id })
    }
}
