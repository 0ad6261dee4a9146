//! What may an ack's `proposal_num` be?
//!
//! Programs that solve the lab print the acceptor's promise, before or after it has handled the
//! question, the proposal that it has accepted (so do the answers of the lecture's slide 45), or
//! the number of the question; and not always the same in both kinds of acks. The five keys do not
//! say which. So a log is judged under every [`Reading`] at once, and a run is called wrong only if
//! it is wrong under each of them.

use crate::paxos::event::MessageType;

/// What the number in one kind of ack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The acceptor's promise, after it handled the question.
    Promise,
    /// Its promise before.
    PromiseBefore,
    /// The proposal that it has accepted; 0, a blank or -1 for none.
    Accepted,
    /// The number of the question.
    Asked,
}

use Shows::{Accepted, Asked, Promise, PromiseBefore};

impl Shows {
    /// True if there may be nothing to show.
    pub(super) const fn may_be_none(self) -> bool {
        matches!(self, PromiseBefore | Accepted)
    }
}

/// What the numbers of a program's acks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) prepare: Shows,
    pub(super) accept: Shows,
    /// In words.
    pub(super) words: &'static str,
    /// The same as a condition.
    pub(super) condition: &'static str,
}

/// Readings under which the two kinds of acks show the same, and others.
macro_rules! readings {
    (
        $($both:ident $words:literal;)*
        $(; $prepare:ident $first:literal, $accept:ident $then:literal)*
    ) => {
        [
            $(Reading {
                prepare: $both,
                accept: $both,
                words: $words,
                condition: concat!("if an ack's proposal_num is ", $words),
            },)*
            $(Reading {
                prepare: $prepare,
                accept: $accept,
                words: concat!($first, " (in accept_acks ", $then, ")"),
                condition: concat!(
                    "if a prepare_ack's proposal_num is ", $first, " and an accept_ack's ", $then
                ),
            },)*
        ]
    };
}

/// All readings, the likeliest first.
pub(super) const READINGS: [Reading; 16] = readings! {
    Promise "the acceptor's promise";
    Accepted "the proposal accepted";
    PromiseBefore "the promise before the question";
    Asked "the number of the question";
    ; Accepted "the proposal accepted", Promise "the promise"
    ; Accepted "the proposal accepted", Asked "the number of the question"
    ; Promise "the promise", Asked "the number of the question"
    ; Asked "the number of the question", Promise "the promise"
    ; Asked "the number of the question", Accepted "the proposal accepted"
    ; Promise "the promise", Accepted "the proposal accepted"
    ; Promise "the promise", PromiseBefore "the promise before the question"
    ; PromiseBefore "the promise before the question", Promise "the promise"
    ; PromiseBefore "the promise before the question", Accepted "the proposal accepted"
    ; PromiseBefore "the promise before the question", Asked "the number of the question"
    ; Accepted "the proposal accepted", PromiseBefore "the promise before the question"
    ; Asked "the number of the question", PromiseBefore "the promise before the question"
};

impl Reading {
    pub(super) fn of(self, kind: MessageType) -> Shows {
        if kind == MessageType::AcceptAck { self.accept } else { self.prepare }
    }
}

/// What a person says that an ack's number is (`--acks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckNumber {
    /// The acceptor's promise after the question.
    Promise,
    /// Its promise before the question.
    Before,
    /// The proposal accepted, at least in acks of a prepare: slide 45.
    Accepted,
    /// The number of the question.
    Asked,
}

impl AckNumber {
    pub(super) fn allows(self, reading: Reading) -> bool {
        let both = |means| reading.prepare == means && reading.accept == means;
        match self {
            Self::Promise => both(Promise),
            Self::Before => both(PromiseBefore),
            Self::Accepted => reading.prepare == Accepted,
            Self::Asked => both(Asked),
        }
    }
}
