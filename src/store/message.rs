//! What peers tell each other, what survives a crash, and what clients ask.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::operation::{Reply, Request};
use super::register::{Ballot, Floor, Held, Shared};
use crate::paxos::ProposalNumber;
use crate::process::PeerId;

/// Which of the questions of a peer this is: an incarnation counts its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuestionId {
    /// Of the peer that asks.
    pub incarnation: u64,
    /// From 1.
    pub count: u64,
}

/// The messages. `key` is the register that a message is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// To every peer that a link is up with: the incarnation that can be asked to take operations.
    Here {
        /// Later ones have higher numbers.
        incarnation: u64,
    },
    /// A proposer to all acceptors: promise to accept nothing below `term`.
    Prepare {
        /// The register.
        key: Bytes,
        /// A number of the proposer's own.
        term: ProposalNumber,
    },
    /// The promise. It tells what is held.
    Promise {
        /// The register.
        key: Bytes,
        /// The term that is promised.
        term: ProposalNumber,
        /// What was accepted last, if anything is held.
        held: Option<Held>,
        /// No register that was dropped had a higher version.
        floor: u64,
    },
    /// The owner of a term to all acceptors: accept `register`.
    Accept {
        /// The register.
        key: Bytes,
        /// One after the other; the next is asked for once this one is chosen.
        ballot: Ballot,
        /// What it is to hold.
        register: Shared,
    },
    /// It is accepted under exactly this ballot.
    Accepted {
        /// The register.
        key: Bytes,
        /// The ballot.
        ballot: Ballot,
    },
    /// Neither promised nor accepted: `promised` is in the way.
    Refused {
        /// The register.
        key: Bytes,
        /// The term that was asked about.
        term: ProposalNumber,
        /// A higher one is needed.
        promised: ProposalNumber,
    },
    /// A reader to all acceptors: what do you hold? It promises nothing and costs no flush.
    Query {
        /// The register.
        key: Bytes,
        /// Which question.
        id: QuestionId,
        /// What is held under this ballot the reader knows already.
        known: Option<Ballot>,
    },
    /// What is held.
    State {
        /// The register.
        key: Bytes,
        /// Which question.
        id: QuestionId,
        /// Under what it was accepted, if anything is held.
        ballot: Option<Ballot>,
        /// The register, unless the reader knows it or something newer.
        register: Option<Shared>,
    },
    /// All acceptors hold this deleted register under this ballot: it can be dropped.
    Drop {
        /// The register.
        key: Bytes,
        /// Exactly this one.
        ballot: Ballot,
    },
    /// To the home of the key: do this, once. Another incarnation than `to` must not do it: it
    /// does not know whether the one before has.
    Forward {
        /// Which question.
        id: QuestionId,
        /// The incarnation that is asked.
        to: u64,
        /// The register.
        key: Bytes,
        /// What a client asks of it.
        operation: Request,
    },
    /// What came of it; none if it was not done and will not be.
    Forwarded {
        /// Which question.
        id: QuestionId,
        /// What the client is told.
        reply: Option<Reply>,
    },
    /// A peer that has lost its disk asks which terms are in use.
    Census {
        /// Which question, by a number that this start has drawn.
        nonce: u64,
    },
    /// No term above this one was promised or used by the sender.
    Limits {
        /// Which question.
        nonce: u64,
        /// The highest term, if there is any.
        highest: Option<ProposalNumber>,
    },
    /// Instead of limits, or before them: the sender keeps nothing on a disk, and had not begun yet
    /// when the one that asks had not either.
    Fresh {
        /// Which question.
        nonce: u64,
        /// The number of the sender's own start.
        own: u64,
    },
    /// A peer that has lost its disk: promise to accept nothing up to `floor` for any key, and
    /// tell what you hold of the keys behind `after`.
    Pull {
        /// Above all terms in use.
        floor: ProposalNumber,
        /// Where the last page ended.
        after: Option<Bytes>,
    },
    /// A page of what is held, in the order of keys.
    Pulled {
        /// What is promised.
        floor: ProposalNumber,
        /// Where the page before ended.
        after: Option<Bytes>,
        /// The page.
        page: Vec<(Bytes, Held)>,
        /// Nothing comes behind it.
        is_last: bool,
        /// No register that was dropped had a higher version.
        version: u64,
    },
}

/// What survives a crash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// No term up to this one is used by a later incarnation.
    Reserved(ProposalNumber),
    /// No promise above this term was given.
    Watermark(ProposalNumber),
    /// What counts for keys of which nothing is held.
    Floor(Floor),
    /// This was accepted.
    Accepted(Bytes, Held),
    /// What was held under this ballot is dropped, and the floor is this one now.
    Dropped(Bytes, Ballot, Floor),
    /// The disk was lost, and nobody may be answered before [`Record::Rejoined`].
    Rejoining,
    /// All is there again.
    Rejoined,
}

/// The timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// One for all deadlines: while anything waits, it fires at short intervals.
    Tick,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// To the client that has asked under this number.
    Replied(u64, Reply),
    /// The registers are there again after a lost disk: how many.
    Rejoined(u64),
    /// A term of this peer is too far above all that was seen: it is not answered. How often that
    /// has happened; not each time is told.
    Disbelieved {
        /// Who has sent it.
        from: PeerId,
        /// The term.
        term: ProposalNumber,
        /// The first, the second, the fourth time, and so on.
        count: u64,
    },
    /// There are no terms left: this peer can own no register any more.
    Exhausted,
}

/// What is asked of a peer from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A client asks this of a register. The number is the driver's, and comes back with the reply.
    Call {
        /// No other open call has this number.
        id: u64,
        /// The register.
        key: Bytes,
        /// What is asked.
        operation: Request,
    },
    /// This peer is taken to be away, rightly or not, until it is heard again.
    Suspect(PeerId),
}

/// For people: the name of the message, the ballot and the key.
impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { incarnation } => write!(f, "here {incarnation}"),
            Self::Prepare { key, term } => write!(f, "prepare {term} {key}"),
            Self::Promise { key, term, .. } => write!(f, "promise {term} {key}"),
            Self::Accept { key, ballot, register } => {
                write!(f, "accept {ballot} {key} version {}", register.version)
            }
            Self::Accepted { key, ballot } => write!(f, "accepted {ballot} {key}"),
            Self::Refused { key, term, promised } => {
                write!(f, "refused {term} {key} for {promised}")
            }
            Self::Query { key, .. } => write!(f, "query {key}"),
            Self::State { key, ballot: Some(ballot), .. } => write!(f, "state {ballot} {key}"),
            Self::State { key, .. } => write!(f, "state none {key}"),
            Self::Drop { key, ballot } => write!(f, "drop {ballot} {key}"),
            Self::Forward { id, key, .. } => write!(f, "forward {} {key}", id.count),
            Self::Forwarded { id, .. } => write!(f, "forwarded {}", id.count),
            Self::Census { .. } => f.write_str("census"),
            Self::Limits { .. } => f.write_str("limits"),
            Self::Fresh { .. } => f.write_str("fresh"),
            Self::Pull { floor, .. } => write!(f, "pull {floor}"),
            Self::Pulled { floor, page, .. } => write!(f, "pulled {floor}: {}", page.len()),
        }
    }
}

/// For people; a reply as the lines of histories have it.
impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replied(id, reply) => {
                let reply = serde_json::to_string(reply).map_err(|_| fmt::Error)?;
                write!(f, "return {{\"id\":{id},\"reply\":{reply}}}")
            }
            Self::Rejoined(count) => write!(f, "rejoined with {count} registers"),
            Self::Disbelieved { from, term, count } => {
                write!(f, "term {term} of {from} is too high to be believed ({count} so far)")
            }
            Self::Exhausted => f.write_str("no terms left"),
        }
    }
}

impl Message {
    /// The key that it is about, if it is about one.
    pub fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Prepare { key, .. }
            | Self::Promise { key, .. }
            | Self::Accept { key, .. }
            | Self::Accepted { key, .. }
            | Self::Refused { key, .. }
            | Self::Query { key, .. }
            | Self::State { key, .. }
            | Self::Drop { key, .. }
            | Self::Forward { key, .. } => Some(key),
            _ => None,
        }
    }
}
