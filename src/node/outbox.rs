//! The way out: outputs leave in the order of the steps, and only when they may be seen.

use super::disk::Disk;
use super::frame::Frame;
use super::link::Link;
use super::{Core, Node, UNPOISONED};
use crate::process::{PeerId, Process};

/// What can be seen of a node, in step order.
#[derive(Debug)]
pub enum Output<P: Process> {
    /// The links to and from this peer are up.
    Connected(PeerId),
    /// A message arrived; also one from this peer to itself.
    Received(PeerId, P::Message),
    /// A live link has taken a message; also one from this peer to itself.
    Sent(PeerId, P::Message),
    /// The process has something to say.
    Report(P::Fact),
}

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

pub(super) struct Entry<P: Process> {
    /// How many records must be durable before this may be seen.
    needs: u64,
    output: Pending<P>,
}

pub(super) enum Pending<P: Process> {
    Ready(Output<P>),
    /// To be sent, if a link takes it.
    Send(PeerId, P::Message),
    /// To be sent as a datagram.
    Cast(PeerId, P::Message),
    /// The process ends here.
    Halt(u8),
}

impl<P: Process> Core<P> {
    pub(super) fn put(&mut self, output: Pending<P>) {
        self.outputs.push_back(Entry { needs: self.appended, output });
    }

    /// Shows traffic, where it is of interest.
    pub(super) fn show(&mut self, output: impl FnOnce() -> Output<P>) {
        if self.sees_traffic {
            self.put(Pending::Ready(output()));
        }
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// Hands over all outputs whose records are durable, in their order.
    pub(super) fn release(&self) {
        let mut core = self.lock();
        loop {
            // Whoever is at it looks again before it stops, so ours are not forgotten.
            if core.releasing {
                return;
            }
            let durable = self.disk.as_ref().map_or(u64::MAX, Disk::durable);
            let ready = core.outputs.iter().take_while(|entry| entry.needs <= durable).count();
            if ready == 0 {
                return;
            }
            let batch: Vec<Entry<P>> = core.outputs.drain(..ready).collect();
            core.releasing = true;
            drop(core);
            let halted = self.hand_over(batch);
            core = self.lock();
            core.releasing = false;
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
        let mut written: Vec<&Link> = Vec::new();
        let mut casts = Vec::new();
        let mut halted = None;
        for entry in batch {
            match entry.output {
                Pending::Ready(output) => observer.observe(&output),
                Pending::Cast(to, message) => {
                    casts.push((to, P::to_datagram(&message)));
                    observer.observe(&Output::Sent(to, message));
                }
                Pending::Halt(code) => halted = Some(code),
                Pending::Send(to, message) => {
                    let Some(link) = self.links.get(&to) else { continue };
                    let frame = Frame::Message(&message).line();
                    if link.push(&frame) {
                        observer.observe(&Output::Sent(to, message));
                        if !written.iter().any(|other| std::ptr::eq(*other, link)) {
                            written.push(link);
                        }
                    }
                }
            }
        }
        observer.before_frames();
        for link in written {
            if link.flush() {
                self.dial(link);
            }
        }
        if let Some(post) = &self.post {
            post.send(&casts);
        }
        observer.after_frames();
        halted
    }
}
