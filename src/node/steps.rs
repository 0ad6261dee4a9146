//! One step after another: an event goes in, its effects are queued, made durable and handed over.

use std::collections::VecDeque;
use std::time::Instant;

use super::disk::Disk;
use super::outbox::Pending;
use super::sync::{MutexGuard, UNPOISONED};
use super::{Core, Node};
use crate::process::{Effect, Effects, Output, Process, length_of};

impl<P: Process + Send + 'static> Node<P> {
    /// Waits until `found` finds what it looks for in the process, and returns it, with everything
    /// that it relies on durable. `None` when the deadline has passed, the process has ended
    /// itself, or the disk has failed.
    pub fn wait_until<T>(
        &self,
        deadline: Option<Instant>,
        mut found: impl FnMut(&P) -> Option<T>,
    ) -> Option<T> {
        let mut core = self.lock();
        loop {
            if let Some(value) = found(&core.process) {
                let needs = core.appended;
                drop(core);
                return self.commit(needs).then_some(value);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let over = core.halting || core.failure.is_some();
            if over || left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            core.waiting += 1;
            core = match left {
                None => self.changed.wait(core).expect(UNPOISONED),
                Some(left) => self.changed.wait_timeout(core, left).expect(UNPOISONED).0,
            };
            core.waiting -= 1;
        }
    }

    /// Waits until what the process has said so far has been seen by the observer.
    pub fn settle(&self) {
        let mut core = self.lock();
        let (last, _) = core.outputs.progress();
        while core.outputs.progress().1 < last && core.failure.is_none() {
            core.settling += 1;
            core = self.left.wait(core).expect(UNPOISONED);
            core.settling -= 1;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Core<P>> {
        self.core.lock().expect(UNPOISONED)
    }

    /// Ends what was done under the lock, and wakes those whom the steps concern. Not under the
    /// lock: they would only wait for it.
    pub(super) fn unlock(&self, mut core: MutexGuard<'_, Core<P>>) {
        let wakes = std::mem::take(&mut core.wakes);
        let is_awaited = core.waiting > 0;
        drop(core);
        if wakes.own {
            self.due.notify_one();
        }
        if wakes.waiting && is_awaited {
            self.changed.notify_all();
        }
    }

    /// A person or a client on this host asks the process for something.
    pub fn input(&self, input: P::Input) {
        self.step(|process, out| process.input(input, out));
    }

    /// The same with several at once: they share a flush, and the messages to a peer a write.
    pub fn inputs(&self, inputs: impl IntoIterator<Item = P::Input>) {
        let mut core = self.lock();
        for input in inputs {
            self.step_locked(&mut core, |process, out| process.input(input, out));
        }
        self.finish(core);
    }

    /// What is found in the process now, which may not be durable yet.
    pub fn look<T>(&self, find: impl FnOnce(&P) -> T) -> T {
        find(&self.lock().process)
    }

    /// Feeds one event and sees its effects through.
    pub(super) fn step(&self, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut core = self.lock();
        self.step_locked(&mut core, event);
        self.finish(core);
    }

    /// Steps the process and queues its effects. [`Self::unlock`] follows, after one step or some.
    pub(super) fn step_locked(
        &self,
        core: &mut Core<P>,
        event: impl FnOnce(&mut P, &mut Effects<P>),
    ) {
        if core.halting {
            return;
        }
        let mut effects = Vec::new();
        let appended = core.appended;
        core.process.clock(self.begun.elapsed());
        event(&mut core.process, &mut effects);
        let mut to_myself = VecDeque::new();
        loop {
            self.queue(core, effects, &mut to_myself);
            // A message to oneself is an event of its own, right after the step that sent it. What
            // follows from it waits for the same records as everything else.
            let Some(message) = to_myself.pop_front() else { break };
            effects = Vec::new();
            core.process.receive(self.me, message, &mut effects);
        }
        if let Some(disk) = &self.disk
            && core.appended > appended
            && disk.is_long()
        {
            // Here the process says just what was appended; within a step it is ahead of that. It
            // is written with the next flush, outside the lock.
            disk.replace(&core.process.snapshot());
        }
        core.outputs.cause = None;
        core.wakes.waiting = true;
        core.wakes.own |= core.process.is_due();
    }

    fn queue(&self, core: &mut Core<P>, effects: Effects<P>, to_me: &mut VecDeque<P::Message>) {
        for effect in effects {
            if core.halting {
                to_me.clear();
                return;
            }
            match effect {
                Effect::Persist(record) => {
                    // Without a disk, memory is all the durability there is.
                    if let Some(disk) = &self.disk {
                        core.appended = disk.append(&record);
                    }
                }
                Effect::Send(to, message) if to == self.me => {
                    let bytes = if core.sees_traffic { length_of(&message) } else { 0 };
                    core.show(bytes, || Output::Sent(to, message.clone()));
                    core.show(bytes, || Output::Received(to, message.clone()));
                    to_me.push_back(message);
                }
                Effect::Send(to, message) => core.send(to, message),
                Effect::Cast(to, message) => core.cast(to, message),
                Effect::SetTimer(timer, delay) => {
                    core.wakes.own |= core.timers.set(timer, delay);
                }
                Effect::Report(fact) => {
                    let bytes = P::weight(&fact);
                    core.put(Pending::Ready(Output::Report(fact)), bytes);
                }
                Effect::Halt(exit) => {
                    core.put(Pending::Halt(exit), 0);
                    core.halting = true;
                }
            }
        }
    }

    /// The process's own thread: takes each step that is due, and fires each timer whose deadline
    /// has passed.
    pub(super) fn keep_going(&self) {
        let mut core = self.lock();
        loop {
            let (now, appended) = (Instant::now(), core.appended);
            // A timer first: a process that is always due must not lose its deadlines.
            if let Some(timer) = core.timers.take_due(now) {
                self.step_locked(&mut core, |process, out| process.timeout(timer, out));
            } else if !core.halting && core.process.is_due() {
                self.step_locked(&mut core, Process::proceed);
            } else {
                core = match core.timers.next() {
                    Some(next) => self.due.wait_timeout(core, next - now).expect(UNPOISONED).0,
                    None => self.due.wait(core).expect(UNPOISONED),
                };
                continue;
            }
            // This thread looks again before it waits.
            core.wakes.own = false;
            if core.appended > appended {
                self.finish(core);
            } else {
                // The thread that appended the records that its outputs wait for releases them; so
                // this thread need not wait for a flush, and the next step is not late.
                self.unlock(core);
                self.release();
            }
            core = self.lock();
        }
    }

    /// Ends a step: makes its records durable and hands over what became ready.
    pub(super) fn finish(&self, core: MutexGuard<'_, Core<P>>) {
        let needs = core.appended;
        // What others have put there, they release themselves.
        let silent = core.outputs.is_empty();
        self.unlock(core);
        self.see_through(needs, silent);
    }

    /// Makes the first `needs` records durable, and hands over what became ready, unless nothing
    /// waits. What waits for no flush leaves before it: a question to others, most of all.
    pub(super) fn see_through(&self, needs: u64, silent: bool) {
        let durable = || self.disk.as_ref().map_or(u64::MAX, Disk::durable);
        if !silent && durable() < needs {
            self.release();
        }
        if self.commit(needs) && !silent {
            self.release();
        }
    }

    /// True once the first `count` records are durable; false if they never will be.
    pub(super) fn commit(&self, count: u64) -> bool {
        let Some(disk) = &self.disk else { return true };
        let Err(error) = disk.commit(count) else { return true };
        let mut core = self.lock();
        // The first failure is the one that says why.
        core.failure.get_or_insert(error);
        self.over.notify_all();
        self.changed.notify_all();
        self.left.notify_all();
        false
    }
}
