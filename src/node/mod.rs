//! The runtime: runs any [`Process`] on sockets, a clock and a disk, with threads that block.
//!
//! # Threads
//!
//! | thread | what it does |
//! |---|---|
//! | listener | accepts, and starts a thread for every accepted connection |
//! | one per accepted connection | reads frames and steps the process with each message |
//! | one per outbound link | dials, pings, dials again; one more while a slow dial is under way |
//! | one per address of an `unlisted` peer | the same |
//! | one per link that has some | sends the [bodies](body) of messages |
//! | input | steps the process with each line of a text: [`Node::read_inputs`] |
//! | outputs | while there are many: hands them over |
//! | one per socket for datagrams ([`udp`]) | steps the process with each; one per name looks up |
//! | process | waits until a count is complete or a deadline has passed, and takes that step |
//!
//! The process stands behind one `Mutex`. A thread that has an event locks it, steps, queues the
//! effects, unlocks. Nothing is read, written or flushed under that lock.
//!
//! The threads of connections only count: a promise or an acceptance goes into the state behind
//! the `Mutex`. When that completes a count ([`Process::is_due`]), the `Condvar` on which the
//! process's own thread waits is notified, and that thread takes the next step
//! ([`Process::proceed`]): it asks for acceptance, announces the choice, backs off. It keeps the
//! timers too. Any other thread that waits for what the process must first learn (a choice, say)
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
//! A thread that has stepped first makes its records durable ([`disk`]); while it waits for a
//! flush, others step and append, and the next flush serves them all. The thread of a
//! connection steps with every frame that one read has brought and then waits once.
//!
//! # Bounds
//!
//! Whatever comes from outside, the process takes bounded memory, and a peer that sends too much
//! delays only itself. Bounds are bytes where nothing else is said. The tests in the last column
//! are those of the file itself, or `tests/{bounds,batches,inputs}.rs` here, or the programs
//! `tests/bodies.rs`, `tests/unlisted.rs`, `tests/flood.rs`, `tests/strangers.rs` and
//! `tests/barrier.rs`.
//!
//! | what can grow | bound | beyond it | test |
//! |---|---|---|---|
//! | outputs, by the peer that caused them | `outbox::PEER_LIMIT`, one step | (1) | bounds, flood |
//! | outputs that one thread hands over | `outbox::TURN` | another thread goes on | bounds |
//! | frames for a peer | 2 × `link::QUEUE_LIMIT`, or 4 lines (2) | dropped, counted | link |
//! | messages with bodies for a peer | `link::MAX_BODIES` messages | dropped, counted | link |
//! | a line of a text with inputs | `frame::MAX_LINE` | skipped, said | inputs |
//! | a body | `Process::MAX_BODY`; a piece of it in memory | closed | bodies |
//! | a line, before and after hello | `MAX_HELLO`, `Process::MAX_LINE` | closed | strangers |
//! | a datagram | `Process::MAX_DATAGRAM` | dropped | barrier |
//! | connections without a hello | `admission::MAX_UNKNOWN`, `MAX_GRACED` | closed | strangers |
//! | peers that no file lists | `Sockets::unlisted` peers | rejected | unlisted |
//! | connections of one peer | `connections::MAX_CONNECTIONS` | rejected | bounds, flood |
//! | records that wait for a flush | one read of each connection (3) | it waits | batches |
//! | threads of a link | one, and one slow dial | no other is started | link |
//! | deadlines | one for each timer | replaced | clock |
//! | addresses of a peer | `udp::MAX_ADDRESSES` | not known | udp |
//! | look-ups for unknown senders | one a name every `udp::CALM` | put off | udp |
//! | lines about clients | `admission::LINES_AT_ONCE`, `LINE_EVERY` | counted | log, strangers |
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

mod admission;
pub mod body;
mod clock;
mod connections;
pub mod disk;
mod ends;
pub mod frame;
mod input;
mod link;
mod log;
mod outbox;
mod release;
mod start;
mod steps;
mod sync;
mod tcp;
pub mod udp;
mod unlisted;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::{PeerId, Process};

use admission::Admission;
pub use admission::Allow;
pub use body::Bodies;
use clock::Timers;
use disk::Disk;
use ends::Ends;
pub use link::Address;
use link::Link;
pub use log::{Level, Say};
pub use outbox::Observer;
use outbox::Outbox;
pub use start::{Config, Sockets};
use sync::{Condvar, Mutex, UNPOISONED};
use udp::Datagrams;
use unlisted::Unlisted;

/// How long a process that ends itself waits until its last messages have left.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// The name of the process's own thread.
const OWN_THREAD: &str = "process";

/// A running process.
pub struct Node<P: Process> {
    me: PeerId,
    fingerprint: String,
    strict_address: bool,
    core: Mutex<Core<P>>,
    /// Somebody may find what it waits for.
    changed: Condvar,
    /// Outputs have left.
    left: Condvar,
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
    /// The usual ones, and those of [`Process::is_bulk`].
    datagrams: [Option<Datagrams>; 2],
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
    /// How many threads wait for what the process is to learn, and for outputs to leave.
    waiting: usize,
    settling: usize,
    wakes: Wakes,
    failure: Option<Error>,
    /// The process has asked for its end: it is fed nothing more.
    halting: bool,
    /// Its end has come, with this exit code.
    ended: Option<u8>,
}

/// Whom the steps concern that were made since the lock was taken.
#[derive(Default)]
struct Wakes {
    /// The process's own thread.
    own: bool,
    /// All who wait for what the process is to learn.
    waiting: bool,
}

impl<P: Process + Send + 'static> Node<P> {
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

    /// One line for people about something that is wrong.
    fn say(&self, text: &str) {
        (self.say)(Level::Trouble, text);
    }

    /// The same about something odd from outside. Of a flood of such lines most are counted, not
    /// printed.
    fn complain(&self, text: &str) {
        self.admission.lines.say(text, |line| self.say(line));
    }
}

#[cfg(test)]
mod tests;
