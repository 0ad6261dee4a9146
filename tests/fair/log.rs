//! What happened in a run, line by line, with everything that its programs knew: how much of it is
//! printed is a matter of the dialect (`print.rs`).

use std::collections::{BTreeMap, BTreeSet};

use synod::paxos::judge::KnownRoles;

/// A proposal's number. Its order is the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Num {
    pub(crate) round: u64,
    pub(crate) id: u16,
}

/// A value; 0 is the first letter or word of the dialect.
pub(crate) type Value = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Prepare,
    PrepareAck,
    Accept,
    AcceptAck,
    /// The notice that a value is chosen.
    Notice,
    /// A choice, which is no message.
    Chose,
}

impl Kind {
    pub(crate) fn ack(self) -> Self {
        if self == Self::Prepare { Self::PrepareAck } else { Self::AcceptAck }
    }

    pub(crate) fn is_question(self) -> bool {
        matches!(self, Self::Prepare | Self::Accept)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Sent,
    Received,
    Chose,
}

/// What an acceptor knew when it answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// Its promise before it handled the question, and after.
    pub(crate) before: Option<Num>,
    pub(crate) after: Option<Num>,
    /// What it has accepted, after it handled the question.
    pub(crate) accepted: Option<(Num, Value)>,
    pub(crate) granted: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Whose line it is.
    pub(crate) at: u16,
    pub(crate) act: Act,
    pub(crate) kind: Kind,
    pub(crate) from: u16,
    pub(crate) to: u16,
    /// The number of the question; of a choice, that of the proposal.
    pub(crate) number: Num,
    /// The value of the question, or the one chosen.
    pub(crate) value: Value,
    pub(crate) ack: Option<Ack>,
    /// Which message it is about: both ends of one share it.
    pub(crate) message: u32,
}

/// A run: its lines in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) peers: u16,
    pub(crate) acceptors: BTreeMap<u16, BTreeSet<u16>>,
    pub(crate) learners: BTreeMap<u16, BTreeSet<u16>>,
    pub(crate) lines: Vec<Line>,
    /// The rounds of different proposers differ, so that a round alone is a number.
    pub(crate) own_rounds: bool,
}

impl Run {
    /// What `--hosts` tells.
    pub(crate) fn roles(&self) -> KnownRoles {
        KnownRoles {
            peers: self.peers,
            acceptors: self.acceptors.clone(),
            learners: self.learners.clone(),
        }
    }
}
