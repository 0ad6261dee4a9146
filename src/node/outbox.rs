//! The way out: outputs leave in the order of the steps, and only when they may be seen.
//!
//! What waits here is bounded by what is read: outputs are charged to the peer whose message
//! brought them about, and a peer that has [`PEER_LIMIT`] bytes waiting is not read any more. Its
//! own connection backs up; others have limits of their own. Timers and messages to oneself are
//! charged to nobody and never wait: they come as fast as the process itself asks for them.
//!
//! Whoever steps hands over what is ready, for [`TURN`] bytes at most. If there is more, a thread
//! that is started for it takes over and ends when nothing is left; so a flood holds up neither
//! the clock nor the reader of another peer.

use super::sync::MutexGuard;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug, Write};
use std::mem::size_of;
use std::sync::Arc;

use super::disk::Disk;
use super::frame::Frame;
use super::link::Link;
use super::{Core, Node, UNPOISONED, spawn};
use crate::process::{Output, PeerId, Process};

/// How many bytes of outputs may wait on account of one peer. The last step before may exceed it.
pub(super) const PEER_LIMIT: usize = 128 * 1024;
/// How many bytes one thread hands over in a row, and how many leave in one batch.
pub(super) const TURN: usize = 64 * 1024;

/// Sees every output, for printing and for journals.
pub trait Observer<P: Process>: Send {
    /// One output. What a process sends is seen before it leaves.
    fn observe(&mut self, output: &Output<P>);
    /// The frames of some outputs are about to leave: what must not be lost is written now.
    fn before_frames(&mut self);
    /// They have left: what only people wait for can be written now.
    fn after_frames(&mut self);
    /// False if only reports are of interest: then links and messages are never shown, and a
    /// message that changes nothing costs no more than its step.
    fn sees_traffic(&self) -> bool {
        true
    }
}

/// The outputs that wait.
pub(super) struct Outbox<P: Process> {
    queue: VecDeque<Entry<P>>,
    /// Who brought about the step that is being made, if it was a peer.
    pub(super) cause: Option<PeerId>,
    /// How many bytes wait on account of each peer, those included that are being handed over.
    charged: BTreeMap<PeerId, usize>,
    /// How many outputs ever came, and how many of them have left.
    put: u64,
    left: u64,
    /// How many threads wait for room.
    pub(super) blocked: usize,
    /// A thread is handing outputs over; it will look again before it stops.
    releasing: bool,
}

struct Entry<P: Process> {
    /// How many records must be durable before this may be seen.
    needs: u64,
    cause: Option<PeerId>,
    /// About how much memory it takes.
    bytes: usize,
    output: Pending<P>,
}

pub(super) enum Pending<P: Process> {
    Ready(Output<P>),
    /// A frame for a peer, if a link takes it; and the message, if it is of interest then.
    Send(PeerId, Vec<u8>, Option<P::Message>),
    /// A message with a body, and whether it is of interest then.
    SendBody(PeerId, P::Message, bool),
    /// A frame as a datagram.
    Cast(PeerId, Vec<u8>, Option<P::Message>),
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
    fn put(&mut self, needs: u64, output: Pending<P>, bytes: usize) {
        let (cause, bytes) = (self.cause, bytes + size_of::<Entry<P>>());
        if let Some(peer) = cause {
            *self.charged.entry(peer).or_default() += bytes;
        }
        self.put += 1;
        self.queue.push_back(Entry { needs, cause, bytes, output });
    }

    /// True if a message of this peer may be stepped with; `again` if it had to wait before, since
    /// whoever was stopped waits until there is room for many.
    pub(super) fn has_room(&self, peer: PeerId, again: bool) -> bool {
        let limit = if again { PEER_LIMIT / 2 } else { PEER_LIMIT };
        self.charged.get(&peer).is_none_or(|bytes| *bytes < limit)
    }

    /// For how many peers something waits.
    #[cfg(test)]
    pub(super) fn charges(&self) -> usize {
        self.charged.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Up to which output all have been put, and have left.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.put, self.left)
    }

    /// Takes what is ready from the head, [`TURN`] bytes or one output more.
    fn take_ready(&mut self, durable: u64) -> Vec<Entry<P>> {
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
    fn discharge(&mut self, gone: &Gone) {
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
struct Gone {
    count: u64,
    bytes: usize,
    charged: BTreeMap<PeerId, usize>,
}

impl Gone {
    fn of<P: Process>(batch: &[Entry<P>]) -> Self {
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

/// How long this is as text, which is about what it takes in memory.
pub(super) fn length_of(value: &impl Debug) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // A counter takes everything.
    let _ = write!(count, "{value:?}");
    count.0
}

impl<P: Process> Core<P> {
    pub(super) fn put(&mut self, output: Pending<P>, bytes: usize) {
        self.outputs.put(self.appended, output, bytes);
    }

    /// Shows traffic, where it is of interest.
    pub(super) fn show(&mut self, bytes: usize, output: impl FnOnce() -> Output<P>) {
        if self.sees_traffic {
            self.put(Pending::Ready(output()), bytes);
        }
    }

    /// Queues a message. It becomes bytes now, so that what waits can be measured.
    pub(super) fn send(&mut self, to: PeerId, message: P::Message) {
        if P::has_body(&message) {
            let bytes = length_of(&message);
            self.put(Pending::SendBody(to, message, self.sees_traffic), bytes);
            return;
        }
        let frame = Frame::Message(&message).line();
        let bytes = frame.capacity() + self.interest() * frame.len();
        let shown = self.sees_traffic.then_some(message);
        self.put(Pending::Send(to, frame, shown), bytes);
    }

    /// The same with a datagram.
    pub(super) fn cast(&mut self, to: PeerId, message: P::Message) {
        let datagram = P::to_datagram(&message);
        let bytes = datagram.capacity() + self.interest() * datagram.len();
        let shown = self.sees_traffic.then_some(message);
        self.put(Pending::Cast(to, datagram, shown), bytes);
    }

    /// How many copies of a message wait beside its bytes.
    fn interest(&self) -> usize {
        usize::from(self.sees_traffic)
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// Hands over the outputs whose records are durable, in their order, for one turn.
    pub(super) fn release(&self) {
        let core = self.lock();
        // Whoever is at it looks again before it stops, so ours are not forgotten.
        if core.outputs.releasing {
            return;
        }
        let mut core = self.release_ready(core, TURN);
        let Some(node) = core.outputs.releasing.then(|| self.itself.upgrade()).flatten() else {
            return;
        };
        drop(core);
        let relief = move || drop(node.release_ready(node.lock(), usize::MAX));
        if spawn("outputs", relief).is_err() {
            // The system has no thread for it, so this one goes on.
            core = self.lock();
            drop(self.release_ready(core, usize::MAX));
        }
    }

    /// Hands over what is ready until `turn` bytes have left. If there is more, `releasing` stays
    /// set, and the caller sees to it that somebody goes on.
    fn release_ready<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core<P>>,
        turn: usize,
    ) -> MutexGuard<'a, Core<P>> {
        let mut released = 0;
        loop {
            let durable = self.disk.as_ref().map_or(u64::MAX, Disk::durable);
            core.outputs.releasing =
                core.outputs.queue.front().is_some_and(|entry| entry.needs <= durable);
            if !core.outputs.releasing || released >= turn {
                return core;
            }
            let batch = core.outputs.take_ready(durable);
            let gone = Gone::of(&batch);
            drop(core);
            let halted = self.hand_over(batch);
            released += gone.bytes;
            core = self.lock();
            core.outputs.discharge(&gone);
            let freed = core.outputs.blocked > 0;
            if freed && gone.charged.keys().any(|peer| core.outputs.has_room(*peer, true)) {
                self.room.notify_all();
            }
            if halted.is_some() {
                core.ended = halted;
                self.over.notify_all();
            }
            if core.waiting > 0 {
                self.changed.notify_all();
            }
        }
    }

    /// The result is the exit code, if the process has ended itself.
    fn hand_over(&self, batch: Vec<Entry<P>>) -> Option<u8> {
        let mut observer = self.observer.lock().expect(UNPOISONED);
        let mut written: Vec<Arc<Link>> = Vec::new();
        let mut casts = Vec::new();
        let mut halted = None;
        for entry in batch {
            let (to, message) = match entry.output {
                Pending::Ready(output) => {
                    observer.observe(&output);
                    continue;
                }
                Pending::Halt(code) => {
                    halted = Some(code);
                    continue;
                }
                Pending::Cast(to, datagram, message) => {
                    casts.push((to, datagram));
                    (to, message)
                }
                Pending::Send(to, frame, message) => {
                    let Some(link) = self.link(to) else { continue };
                    if !link.push(&frame) {
                        continue;
                    }
                    note(&mut written, link);
                    (to, message)
                }
                Pending::SendBody(to, message, is_shown) => {
                    let Some(link) = self.link(to) else { continue };
                    let shown = is_shown.then(|| message.clone());
                    if !self.opener(to, message).is_some_and(|opener| link.push_body(opener)) {
                        continue;
                    }
                    note(&mut written, link);
                    (to, shown)
                }
            };
            if let Some(message) = message {
                observer.observe(&Output::Sent(to, message));
            }
        }
        observer.before_frames();
        for link in written {
            self.flush(&link);
        }
        if let Some(datagrams) = &self.datagrams {
            datagrams.send(&casts);
        }
        observer.after_frames();
        halted
    }
}

/// Adds a link to a list, once.
fn note(links: &mut Vec<Arc<Link>>, link: Arc<Link>) {
    if !links.iter().any(|other| Arc::ptr_eq(other, &link)) {
        links.push(link);
    }
}
