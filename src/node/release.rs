//! Outputs on their way out: queued by the step that made them, handed over when they may be seen.

use std::sync::Arc;

use super::disk::Disk;
use super::frame::Frame;
use super::link::Link;
use super::outbox::{Entry, Gone, Pending, TURN};
use super::sync::{MutexGuard, UNPOISONED, spawn};
use super::{Core, Node};
use crate::process::{Output, PeerId, Process, length_of};

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
        let (datagram, bulk) = (P::to_datagram(&message), P::is_bulk(&message));
        let bytes = datagram.capacity() + self.interest() * datagram.len();
        let shown = self.sees_traffic.then_some(message);
        self.put(Pending::Cast(to, bulk, datagram, shown), bytes);
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
        // The thread that releases looks again before it stops, so ours are not forgotten.
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
    /// set, and the caller makes sure that a thread goes on.
    fn release_ready<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core<P>>,
        turn: usize,
    ) -> MutexGuard<'a, Core<P>> {
        let mut released = 0;
        loop {
            let durable = self.disk.as_ref().map_or(u64::MAX, Disk::durable);
            core.outputs.releasing = core.outputs.is_ready(durable);
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
            if core.settling > 0 {
                self.left.notify_all();
            }
        }
    }

    /// The result is the exit code, if the process has ended itself.
    fn hand_over(&self, batch: Vec<Entry<P>>) -> Option<u8> {
        let mut observer = self.observer.lock().expect(UNPOISONED);
        let mut written: Vec<Arc<Link>> = Vec::new();
        let mut casts = [Vec::new(), Vec::new()];
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
                Pending::Cast(to, bulk, datagram, message) => {
                    casts[usize::from(bulk)].push((to, datagram));
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
        for (datagrams, casts) in self.datagrams.iter().zip(&casts) {
            if let Some(datagrams) = datagrams {
                datagrams.send(casts);
            }
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
