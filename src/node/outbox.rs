//! The queue of outputs: they leave in the order of the steps, and only when they may be seen.
//!
//! What waits here is bounded by what is read: outputs are charged to the peer whose message
//! brought them about, and a peer that has [`PEER_LIMIT`] bytes waiting is not read any more. Its
//! own connection backs up; others have limits of their own. Timers and messages to oneself are
//! charged to nobody and never wait: they come as fast as the process itself asks for them.
//!
//! The thread that has stepped hands over what is ready, for [`TURN`] bytes at most. If there is
//! more, a thread that is started for it takes over and ends when nothing is left; so a flood
//! delays neither the clock nor the reader of another peer.

use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::net::IpAddr;

use super::link::Address;
use crate::process::{Output, PeerId, Process};

/// How many bytes of outputs may wait that one peer caused. The last step before may exceed it.
pub(super) const PEER_LIMIT: usize = 128 * 1024;
/// How many bytes one thread hands over in a row, and how many leave in one batch.
pub(super) const TURN: usize = 64 * 1024;

/// Sees every output, for printing and for journals.
pub trait Observer<P: Process>: Send {
    /// One output. What a process sends is seen before it leaves.
    fn observe(&mut self, output: &Output<P>);
    /// The frames of some outputs are about to leave: what must not be lost is written now.
    fn before_frames(&mut self) {}
    /// They have left: what only people wait for can be written now.
    fn after_frames(&mut self) {}
    /// False if only reports are of interest: then links and messages are never shown, and a
    /// message that changes nothing costs no more than its step.
    fn sees_traffic(&self) -> bool {
        true
    }

    /// A peer that no file lists is connected, from this address; or at the one that we have
    /// dialled. What the process is to know of that is returned, and comes before anything else of
    /// that peer.
    fn linked(&mut self, _: PeerId, _: IpAddr, _dialled: Option<&Address>) -> Option<P::Input> {
        None
    }

    /// It is not any more.
    fn unlinked(&mut self, _: PeerId) -> Option<P::Input> {
        None
    }

    /// Nobody is met at an address that is dialled for ever. False: the runtime tells people.
    fn unreachable(&mut self, _: &Address, _why: &str) -> bool {
        false
    }
}

/// The outputs that wait.
pub(super) struct Outbox<P: Process> {
    queue: VecDeque<Entry<P>>,
    /// Who brought about the step that is being made, if it was a peer.
    pub(super) cause: Option<PeerId>,
    /// How many bytes wait that each peer caused, those included that are being handed over.
    charged: BTreeMap<PeerId, usize>,
    /// How many outputs ever came, and how many of them have left.
    put: u64,
    left: u64,
    /// How many threads wait for room.
    pub(super) blocked: usize,
    /// A thread is handing outputs over; it will look again before it stops.
    pub(super) releasing: bool,
}

pub(super) struct Entry<P: Process> {
    /// How many records must be durable before this may be seen.
    needs: u64,
    cause: Option<PeerId>,
    /// About how much memory it takes.
    bytes: usize,
    pub(super) output: Pending<P>,
}

pub(super) enum Pending<P: Process> {
    Ready(Output<P>),
    /// A frame for a peer, if a link takes it; and the message, if it is of interest then.
    Send(PeerId, Vec<u8>, Option<P::Message>),
    /// A message with a body, and whether it is of interest then.
    SendBody(PeerId, P::Message, bool),
    /// A frame as a datagram.
    Cast(PeerId, bool, Vec<u8>, Option<P::Message>),
    /// The process ends here.
    Halt(u8),
}

impl<P: Process> Default for Outbox<P> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            cause: None,
            charged: BTreeMap::new(),
            put: 0,
            left: 0,
            blocked: 0,
            releasing: false,
        }
    }
}

impl<P: Process> Outbox<P> {
    /// Adds an output whose values are about `bytes` long as text.
    pub(super) fn put(&mut self, needs: u64, output: Pending<P>, bytes: usize) {
        let (cause, bytes) = (self.cause, bytes + size_of::<Entry<P>>());
        if let Some(peer) = cause {
            *self.charged.entry(peer).or_default() += bytes;
        }
        self.put += 1;
        self.queue.push_back(Entry { needs, cause, bytes, output });
    }

    /// True if a message of this peer may be stepped with; `again` if it had to wait before, since
    /// a reader that was stopped waits until there is room for many.
    pub(super) fn has_room(&self, peer: PeerId, again: bool) -> bool {
        let limit = if again { PEER_LIMIT / 2 } else { PEER_LIMIT };
        self.charged.get(&peer).is_none_or(|bytes| *bytes < limit)
    }

    /// For how many peers something waits.
    #[cfg(test)]
    pub(super) fn charges(&self) -> usize {
        self.charged.len()
    }

    /// How many bytes wait on account of this one.
    pub(super) fn charged(&self, peer: PeerId) -> usize {
        self.charged.get(&peer).copied().unwrap_or(0)
    }

    /// How many bytes the queue itself takes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.queue.capacity() * size_of::<Entry<P>>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Up to which output all have been put, and have left.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.put, self.left)
    }

    /// True if what comes first may be seen.
    pub(super) fn is_ready(&self, durable: u64) -> bool {
        self.queue.front().is_some_and(|entry| entry.needs <= durable)
    }

    /// Takes what is ready from the head, [`TURN`] bytes or one output more.
    pub(super) fn take_ready(&mut self, durable: u64) -> Vec<Entry<P>> {
        let mut bytes = 0;
        let ready = self.queue.iter().take_while(|entry| {
            let fits = entry.needs <= durable && bytes < TURN;
            bytes += entry.bytes;
            fits
        });
        let count = ready.count();
        // What a flood has grown is given back when it is over.
        let batch = self.queue.drain(..count).collect();
        if self.queue.is_empty() && self.queue.capacity() * size_of::<Entry<P>>() > TURN {
            self.queue = VecDeque::new();
        }
        batch
    }

    /// These have left.
    pub(super) fn discharge(&mut self, gone: &Gone) {
        self.left += gone.count;
        for (peer, bytes) in &gone.charged {
            if let Some(charged) = self.charged.get_mut(peer) {
                *charged = charged.saturating_sub(*bytes);
                if *charged == 0 {
                    self.charged.remove(peer);
                }
            }
        }
    }
}

/// What a batch was.
#[derive(Default)]
pub(super) struct Gone {
    count: u64,
    pub(super) bytes: usize,
    pub(super) charged: BTreeMap<PeerId, usize>,
}

impl Gone {
    pub(super) fn of<P: Process>(batch: &[Entry<P>]) -> Self {
        let mut gone = Self::default();
        for entry in batch {
            gone.count += 1;
            gone.bytes += entry.bytes;
            if let Some(peer) = entry.cause {
                *gone.charged.entry(peer).or_default() += entry.bytes;
            }
        }
        gone
    }
}
