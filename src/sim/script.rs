//! A run written down as what happened: no times, no chance, no network.
//!
//! # What a script is
//!
//! A seed says how a run came about; a script says what it came to: which peer started, which
//! message arrived, which timer fired, who crashed in the middle of what. A [`World`](super::World)
//! writes it down while it plays a seed, and follows it later
//! ([`World::follow`](super::World::follow)) with the same code that performed it the first time:
//! persist before send, a crash between any two effects, objections to messages.
//!
//! A message that no step delivers was lost. So loss, delay, reordering, repetition, partitions,
//! pauses and clocks that run wrong are no steps of their own: they are nothing but which
//! deliveries stand in the list, and in which order. That is what makes a run short to read and
//! possible to cut down ([`ddmin`](super::ddmin)): every line can be taken out by itself.
//!
//! # Taking lines out
//!
//! What is left behind a deleted line may no longer fit. A step that cannot be performed (its peer
//! is down, its timer is not set, no such message was sent) is skipped. One thing is substituted:
//! if a message was not sent word for word, the newest one of its kind that is still under way
//! between the same two peers arrives instead. When a round is taken out, the numbers of the later
//! ones change, and they are still the same story. What was really performed is a script again,
//! with nothing in it to skip or to substitute; that one is kept.
//!
//! # Which runs a script may be
//!
//! Every one that [the contract](crate::process) allows a driver of datagrams: messages are lost,
//! late, repeated, overtaken; a link comes up as often as it likes, while both ends live. Over a
//! stream a message is lost only when the connection ends, and order is kept; there scripts are
//! harsher, just as [`faults`](super::faults) are. A timer fires once it is set and never before
//! its shortest delay, by a clock that jumps as far as it must; how *late* it fires is anybody's
//! guess, so back-off does not help against a script. No claim that hangs on time can be judged
//! here: that somebody decides, that duels are short. What must *never* happen can be, and it
//! must not happen in any script.

use serde::{Deserialize, Serialize};

use crate::process::{PeerId, Process};

/// The steps of a run, in order.
pub type Script<M, T, I> = Vec<ScriptStep<M, T, I>>;

/// The script of a run of this protocol. A protocol and its mutants share it.
pub type ScriptOf<P> = Vec<StepOf<P>>;

/// A step of a run of this protocol.
pub type StepOf<P> =
    ScriptStep<<P as Process>::Message, <P as Process>::Timer, <P as Process>::Input>;

/// What happens in a step of a run of this protocol.
pub(super) type WhatOf<P> =
    What<<P as Process>::Message, <P as Process>::Timer, <P as Process>::Input>;

/// One thing that happened to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptStep<M, T, I> {
    /// To whom.
    pub peer: PeerId,
    /// What.
    pub event: What<M, T, I>,
    /// The records of this step wait for a [`What::Flushed`], from the one of this number on; none
    /// if the disk takes no time. 0, of a [`What::Start`]: so do those that the incarnation
    /// restores, and with them the incarnation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_from: Option<u32>,
    /// The peer crashes in the middle of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dies: Option<CrashPoint>,
}

/// What happens to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What<M, T, I> {
    /// It begins an incarnation, with the records that it reads.
    Start,
    /// It hears that the links with this peer are up.
    Connected(PeerId),
    /// A message arrives.
    Received {
        /// Who sent it.
        from: PeerId,
        /// What it says.
        message: M,
    },
    /// A timer fires.
    Timeout(T),
    /// It takes a step of its own that is due.
    Proceed,
    /// A client asks for something.
    Input(I),
    /// All its records are durable now, and what waited for them leaves; or its incarnation starts.
    Flushed,
    /// It crashes between two steps, or before its incarnation could start.
    Crash {
        /// How many of the records at stake survive.
        kept: u32,
        /// What ends it.
        #[serde(default, skip_serializing_if = "Cause::is_power_loss")]
        cause: Cause,
    },
}

/// A crash in the middle of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrashPoint {
    /// How many of the step's effects are performed before.
    pub after: u32,
    /// How many of the records at stake survive.
    pub kept: u32,
    /// What ends it.
    #[serde(default, skip_serializing_if = "Cause::is_power_loss")]
    pub cause: Cause,
}

/// What ends a process. A file that does not say means the power: what survives is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The process alone is gone. At stake are the records that wait for a flush: those that were
    /// written stay in the page cache, where the next incarnation reads them. They are not durable.
    Kill,
    /// The machine has lost its power and with it the page cache. At stake are all records that no
    /// flush has served; those that had reached the disk are durable.
    #[default]
    PowerLoss,
}

impl Cause {
    // Serde passes a reference.
    #[expect(clippy::trivially_copy_pass_by_ref)]
    fn is_power_loss(&self) -> bool {
        *self == Self::PowerLoss
    }
}

impl<M, T, I> ScriptStep<M, T, I> {
    /// A step in which nothing goes wrong.
    pub fn new(peer: PeerId, event: What<M, T, I>) -> Self {
        Self { peer, event, waits_from: None, dies: None }
    }

    /// True if this peer has a part in it: it happens to it, or is its message.
    pub fn involves(&self, peer: PeerId) -> bool {
        let other = match &self.event {
            What::Connected(with) => Some(*with),
            What::Received { from, .. } => Some(*from),
            _ => None,
        };
        self.peer == peer || other == Some(peer)
    }
}
