//! An operation that has no reply yet, and what is known of attempts to do it.

use std::time::Duration;

use super::message::QuestionId;
use super::operation::{Answer, Reply, Request};
use super::register::{Ballot, Register};
use crate::process::PeerId;

/// After so many attempts an operation's reply is unknown.
const MOST_ATTEMPTS: usize = 8;

/// Who wants to know what came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// A client of this peer, by its number.
    Client(u64),
    /// Another peer, by its question.
    Peer(PeerId, QuestionId),
    /// Nobody.
    Itself,
}

/// A change that was asked for, and may or may not have been made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) ballot: Ballot,
    /// The rounds of the register that it was made upon.
    pub(super) rounds: u64,
    /// What to tell, if it was made.
    pub(super) reply: Reply,
}

/// An operation that has no reply yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    pub(super) origin: Origin,
    pub(super) operation: Request,
    /// When its client has waited long enough.
    pub(super) until: Duration,
    /// A round must be completed: asking what is there was not enough.
    pub(super) insists: bool,
    pub(super) attempts: Vec<Attempt>,
}

impl Pending {
    pub(super) fn new(origin: Origin, operation: Request, until: Duration) -> Self {
        let insists = !operation.is_read();
        Self { origin, operation, until, insists, attempts: Vec::new() }
    }

    /// What is known of its earlier attempts, now that nothing but `base` can have been chosen
    /// before: the reply, if one of them is in it. An error if nobody can tell.
    ///
    /// Safety: an attempt that is not in `base` is never chosen, and no register with it in is
    /// ever combined with one that descends from `base`. So the operation can be made again.
    pub(super) fn earlier(&self, base: &Register) -> Result<Option<Reply>, ()> {
        let mut made = None;
        for Attempt { ballot, rounds, reply } in &self.attempts {
            if base.descends_from(*ballot, *rounds).ok_or(())? {
                assert!(made.is_none(), "an operation is made once");
                made = Some(reply.clone());
            }
        }
        if made.is_none() && self.attempts.len() >= MOST_ATTEMPTS {
            return Err(());
        }
        Ok(made)
    }

    /// What to tell if it is given up.
    pub(super) fn given_up(&self) -> Reply {
        let is_open = !self.attempts.is_empty();
        Reply::of(if is_open { Answer::Unknown } else { Answer::Unavailable })
    }
}
