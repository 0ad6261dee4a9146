//! The runtime: runs any [`Process`] on sockets, a clock and a disk, with threads that block.
//!
//! # Threads
//!
//! | thread | what it does |
//! |---|---|
//! | listener | accepts, and starts a thread for every accepted connection |
//! | one per accepted connection | reads frames and steps the process with each message |
//! | one per outbound link | dials, pings, dials again; one more while a slow dial is under way |
//! | one per address of an [unlisted] peer | the same |
//! | one per link that has some | sends the [bodies](body) of messages |
//! | outputs | while there are many: hands them over |
//! | one for datagrams ([`udp`]) | steps the process with each; one more per name looks it up |
//! | process | waits until a count is complete or a deadline has passed, and takes that step |
//!
//! The process stands behind one `Mutex`. Whoever has an event locks it, steps, queues the
//! effects, unlocks. Nothing is read, written or flushed under that lock.
//!
//! The threads of connections only count: a promise or an acceptance goes into the state behind
//! the `Mutex`. When that completes a count ([`Process::is_due`]), the `Condvar` on which the
//! process's own thread waits is notified, and that thread takes the next step
//! ([`Process::proceed`]): it asks for acceptance, announces the choice, backs off. It keeps the
//! timers too. Whoever else waits for what the process must first come to know (a choice, say)
//! waits on another `Condvar`: [`Node::wait_until`].
//!
//! # From a step to its effects
//!
//! Steps put their outputs into one queue, in step order. Each entry carries the number of records
//! that must be durable first: not only its own, but all that were appended before. Then one
//! thread at a time takes what is ready from the head of the queue, shows it to the [`Observer`]
//! and hands the frames to the links. So lines and frames leave in the order of the steps,
//! whichever threads took them. No thread does that for others for longer than a turn: then one is
//! started that does nothing else until the queue is empty.
//!
//! A thread that has stepped first sees to it that its records are durable ([`disk`]); while it
//! waits for a flush, others step and append, and the next flush serves them all. The thread of a
//! connection steps with every frame that one read has brought and then waits once.
//!
//! # Bounds
//!
//! Whatever comes from outside, the process takes bounded memory, and whoever sends too much waits
//! alone. Bounds are bytes where nothing else is said. The tests in the last column are those of
//! the file itself, or `tests/bounds.rs` or `tests/batches.rs` here, or the
//! programs `tests/bodies.rs`, `tests/unlisted.rs`, `tests/flood.rs`, `tests/strangers.rs` and `tests/barrier.rs`.
//!
//! | what can grow | bound | beyond it | test |
//! |---|---|---|---|
//! | outputs, by the peer that caused them | `outbox::PEER_LIMIT`, one step | (1) | bounds, flood |
//! | outputs that one thread hands over | `outbox::TURN` | another thread goes on | bounds |
//! | frames for a peer | 2 × `link::QUEUE_LIMIT` (2) | dropped, counted | link |
//! | messages with bodies for a peer | `link::MAX_BODIES` messages | dropped, counted | link |
//! | a body | `Process::MAX_BODY`; a piece of it in memory | closed | bodies |
//! | a line, before and after the hello | `frame::MAX_HELLO`, `MAX_LINE` | closed | strangers |
//! | a datagram | `Process::MAX_DATAGRAM` | dropped | barrier |
//! | connections without a hello | `tcp::MAX_UNKNOWN`, `MAX_GRACED` | closed | strangers |
//! | peers that no file lists | `Sockets::unlisted` peers | rejected | unlisted |
//! | connections of one peer | `connections::MAX_CONNECTIONS` | rejected | bounds, flood |
//! | records that wait for a flush | one read of each connection (3) | it waits | batches |
//! | threads of a link | one, and one slow dial | no other is started | link |
//! | deadlines | one for each timer | replaced | clock |
//! | addresses of a peer | `udp::MAX_ADDRESSES` | not known | udp |
//! | look-ups for unknown senders | one a name every `udp::CALM` | put off | udp |
//! | lines about clients | `tcp::LINES_AT_ONCE`, `LINE_EVERY` | counted | log, strangers |
//! | reasons why a link is missing | `session::MAX_REASONS`, `REASON_EVERY` | counted | strangers |
//! | lines remembered, of each of these two | `log::MAX_REMEMBERED` lines | forgotten | log |
//! | printed lines, for each stream | 2 × `LIMIT` of `command/printer.rs` (2) | counted | flood |
//!
//! (1) The peer's connections are not read any more, and its datagrams are dropped. Timers,
//! messages to oneself and all other peers go on. (2) Once waiting, once being written. (3) What
//! the steps with its frames append; a thread waits for that flush before it reads again.
//!
//! # Ends
//!
//! A process ends itself with `Effect::Halt`: what it said before has left, and [`Node::run`]
//! returns its exit code. Beside that the runtime has no shutdown. What was answered is durable, so
//! being killed is a clean end. If the disk fails, nothing leaves any more and [`Node::run`]
//! returns the error.

pub mod body;
mod clock;
mod connections;
pub mod disk;
pub mod frame;
mod link;
mod log;
mod outbox;
mod sync;
mod tcp;
pub mod udp;
mod unlisted;

use std::collections::{BTreeMap, VecDeque};
use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Doing, Error, Result};
use crate::process::{Effect, Effects, Output, PeerId, Process};
use crate::visible::clipped;

pub use body::Bodies;
use clock::Timers;
use connections::Ends;
use disk::Disk;
pub use link::Address;
use link::{Kind, Link};
pub use log::{Level, Say};
pub use outbox::Observer;
use outbox::{Outbox, Pending, length_of};
use sync::{Condvar, Mutex, MutexGuard};
use tcp::Admission;
use udp::Datagrams;
use unlisted::Unlisted;

/// How long a process that ends itself waits until its last messages have left.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// The name of the process's own thread.
const OWN_THREAD: &str = "process";
/// The stack of a connection's thread. Only what is touched takes memory.
const STACK: usize = 256 * 1024;

/// What the runtime needs to know beside the process.
pub struct Config<P: Process> {
    /// Which peer this is.
    pub me: PeerId,
    /// What peers must have in common, compared in the hello.
    pub fingerprint: String,
    /// The peers to link with, and where they listen.
    pub peers: BTreeMap<PeerId, Address>,
    /// Reject a peer that comes from an address which its name does not resolve to.
    pub strict_address: bool,
    /// What moves the bodies of messages, where the protocol has such.
    pub bodies: Option<Arc<dyn Bodies<P>>>,
    /// Where lines for people go.
    pub say: Say,
}

/// Over what a node talks. A `TcpListener` alone is streams on standing links.
#[derive(Default)]
pub struct Sockets {
    /// Where peers connect; without it there are no links.
    pub streams: Option<TcpListener>,
    /// Dial a peer when there is something to send, and close the link when there was nothing for
    /// a while, instead of keeping a link with every peer. `connected` then says little.
    pub on_demand: bool,
    /// How many peers that [`Config::peers`] does not list may be connected at once: they choose
    /// their ids themselves, and the fingerprint is a token that the group has agreed on.
    pub unlisted: usize,
    /// Where such peers listen: a connection with each is always kept up.
    pub dial: Vec<Address>,
    /// Where datagrams come and go.
    pub datagrams: Option<UdpSocket>,
    /// Tell of every datagram that was dropped.
    pub report_strays: bool,
}

impl From<TcpListener> for Sockets {
    fn from(listener: TcpListener) -> Self {
        Self { streams: Some(listener), ..Self::default() }
    }
}

/// A running process.
pub struct Node<P: Process> {
    me: PeerId,
    fingerprint: String,
    strict_address: bool,
    core: Mutex<Core<P>>,
    /// Somebody may find what it waits for.
    changed: Condvar,
    /// A step of the process's own is due, or a deadline came nearer.
    due: Condvar,
    /// There is room for outputs again, or a connection was superseded.
    room: Condvar,
    /// The disk failed, or the process has ended itself.
    over: Condvar,
    /// For the threads that a step may have to start.
    itself: Weak<Self>,
    /// The zero of the process's clock.
    begun: Instant,
    datagrams: Option<Datagrams>,
    disk: Option<Disk>,
    links: BTreeMap<PeerId, Arc<Link>>,
    unlisted: Unlisted,
    bodies: Option<Arc<dyn Bodies<P>>>,
    observer: Mutex<Box<dyn Observer<P>>>,
    admission: Admission,
    say: Say,
}

/// What the lock guards.
struct Core<P: Process> {
    process: P,
    timers: Timers<P::Timer>,
    ends: BTreeMap<PeerId, Ends>,
    outputs: Outbox<P>,
    /// The observer wants to see links and messages too.
    sees_traffic: bool,
    /// How many records the steps so far have appended.
    appended: u64,
    waiting: usize,
    failure: Option<Error>,
    /// The process has asked for its end: it is fed nothing more.
    halting: bool,
    /// Its end has come, with this exit code.
    ended: Option<u8>,
}

impl<P: Process + Send + 'static> Node<P> {
    /// Starts the threads and feeds [`Process::start`]. `process` must have been given the
    /// records of `disk` already.
    ///
    /// # Errors
    /// The system gives no more threads, or the disk failed.
    pub fn start(
        config: Config<P>,
        process: P,
        disk: Option<Disk>,
        observer: Box<dyn Observer<P>>,
        sockets: impl Into<Sockets>,
    ) -> Result<Arc<Self>> {
        assert!(P::MAX_BODY == 0 || config.bodies.is_some(), "somebody moves the bodies");
        let Sockets { streams, on_demand, unlisted, dial, datagrams, report_strays } =
            sockets.into();
        let datagrams =
            datagrams.map(|socket| Datagrams::new(socket, &config.peers, report_strays));
        let kind = if on_demand { Kind::OnDemand } else { Kind::Standing };
        let links = match streams {
            Some(_) => config.peers.clone(),
            None => BTreeMap::new(),
        };
        let links = links.into_iter().map(|(peer, at)| (peer, Arc::new(Link::new(peer, at, kind))));
        let links = links.collect();
        let node = Self::new(config, process, disk, observer, datagrams, links, unlisted);
        // The first event comes before any other can.
        node.step(Process::start);
        let own = Arc::clone(&node);
        spawn(OWN_THREAD, move || own.keep_going())?;
        if let Some(listener) = streams {
            tcp::open(&node, listener)?;
        }
        udp::open(&node)?;
        let standing = node.links.values().filter(|_| !on_demand).cloned();
        let dialled = dial.into_iter().map(|at| Arc::new(Link::new(node.me, at, Kind::Address)));
        for link in standing.chain(dialled) {
            let dialler = Arc::clone(&node);
            spawn(&link.peer.to_string(), move || link::keep(&dialler, &link))?;
        }
        Ok(node)
    }

    /// A node that does nothing by itself yet.
    fn new(
        config: Config<P>,
        process: P,
        disk: Option<Disk>,
        observer: Box<dyn Observer<P>>,
        datagrams: Option<Datagrams>,
        links: BTreeMap<PeerId, Arc<Link>>,
        unlisted: usize,
    ) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            me: config.me,
            fingerprint: config.fingerprint,
            strict_address: config.strict_address,
            core: Mutex::new(Core {
                process,
                timers: Timers::default(),
                ends: BTreeMap::new(),
                outputs: Outbox::default(),
                sees_traffic: observer.sees_traffic(),
                appended: 0,
                waiting: 0,
                failure: None,
                halting: false,
                ended: None,
            }),
            changed: Condvar::new(),
            due: Condvar::new(),
            room: Condvar::new(),
            over: Condvar::new(),
            itself: itself.clone(),
            begun: Instant::now(),
            datagrams,
            disk,
            links,
            unlisted: Unlisted::new(unlisted),
            bodies: config.bodies,
            observer: Mutex::new(observer),
            admission: Admission::default(),
            say: config.say,
        })
    }

    /// Runs until the process ends itself, and returns its exit code.
    ///
    /// # Errors
    /// The disk failed, and this is what it said.
    pub fn run(&self) -> Result<u8> {
        let mut core = self.lock();
        loop {
            if let Some(error) = core.failure.take() {
                return Err(error);
            }
            if let Some(code) = core.ended {
                let deadline = Instant::now() + DRAIN_TIMEOUT;
                while !self.is_drained() && Instant::now() < deadline {
                    let pause = Duration::from_millis(1);
                    core = self.over.wait_timeout(core, pause).expect(UNPOISONED).0;
                }
                return Ok(code);
            }
            core = self.over.wait(core).expect(UNPOISONED);
        }
    }

    /// Starts the thread of a link on demand.
    fn dial(&self, link: &Arc<Link>) {
        let Some(node) = self.itself.upgrade() else { return };
        let served = Arc::clone(link);
        // Without a thread the frames wait until the next one is sent.
        if spawn(&link.peer.to_string(), move || link::serve(&node, &served)).is_err() {
            link.unserved();
        }
    }

    /// Waits until `found` finds what it looks for in the process, and returns it, with everything
    /// that it can rest on durable. `None` when the deadline has passed, the process has ended
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
            core.waiting += 1;
            core = self.changed.wait(core).expect(UNPOISONED);
            core.waiting -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core<P>> {
        self.core.lock().expect(UNPOISONED)
    }

    /// A person or a client on this host asks the process for something.
    pub fn input(&self, input: P::Input) {
        self.step(|process, out| process.input(input, out));
    }

    /// Feeds one event and sees its effects through.
    fn step(&self, event: impl FnOnce(&mut P, &mut Effects<P>)) {
        let mut core = self.lock();
        self.step_locked(&mut core, event);
        self.finish(core);
    }

    /// Steps the process and queues its effects.
    fn step_locked(&self, core: &mut Core<P>, event: impl FnOnce(&mut P, &mut Effects<P>)) {
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
        if core.process.is_due() {
            self.due.notify_one();
        }
        if core.waiting > 0 {
            self.changed.notify_all();
        }
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
                    if core.timers.set(timer, delay) {
                        self.due.notify_one();
                    }
                }
                Effect::Report(fact) => {
                    let bytes = length_of(&fact);
                    core.put(Pending::Ready(Output::Report(fact)), bytes);
                }
                Effect::Halt(exit) => {
                    core.put(Pending::Halt(exit), 0);
                    core.halting = true;
                }
            }
        }
    }

    /// Ends a step: makes its records durable and hands over what became ready.
    fn finish(&self, core: MutexGuard<'_, Core<P>>) {
        let needs = core.appended;
        // What others have put there, they release themselves.
        let silent = core.outputs.is_empty();
        drop(core);
        if self.commit(needs) && !silent {
            self.release();
        }
    }

    /// True once the first `count` records are durable; false if they never will be.
    fn commit(&self, count: u64) -> bool {
        let Some(disk) = &self.disk else { return true };
        let Err(error) = disk.commit(count) else { return true };
        let mut core = self.lock();
        // The first failure is the one that says why.
        core.failure.get_or_insert(error);
        self.over.notify_all();
        self.changed.notify_all();
        false
    }

    /// One line for people about something that is wrong.
    fn say(&self, text: &str) {
        (self.say)(Level::Trouble, text);
    }
}

/// Every critical section is free of code that can panic on what comes from outside.
const UNPOISONED: &str = "no thread panics while it holds the lock";

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(body)
        .doing(|| "starting a thread".into())?;
    Ok(())
}

/// Text from outside, fit to be printed: one line that can be seen, and not too long.
fn plain(text: &str) -> String {
    clipped(text, 200)
}

#[cfg(test)]
mod tests;
