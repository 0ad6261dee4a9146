//! The contract between a protocol and whatever drives it.
//!
//! A protocol is a value. It is fed events (it starts, a link comes up, a message arrives, a timer
//! fires, a client asks for something) and answers each with an ordered list of [`Effect`]s. It
//! never touches a socket, a clock, a file, a thread, a random source or a log. Because of that the
//! very same value runs on sockets (`node`), under a simulator and inside a model checker: those
//! are *drivers*.
//!
//! A process also takes steps of its own. A proposer counts promises; when the count is complete
//! it asks for acceptance. Receiving a message only counts. [`Process::is_due`] says that a count
//! is complete, and [`Process::proceed`] takes the step. On sockets the threads of connections
//! count, and one thread, the process's own, waits until a step is due or a deadline has passed.
//! The simulator and the model checker let that step come at once or after other events.
//!
//! What a driver owes to a protocol:
//!
//! * It feeds one event at a time and performs the effects in the order in which they stand.
//! * Whatever stands behind a [`Effect::Persist`] becomes visible to others (messages, printed
//!   lines) only when that record, *and every record of every earlier step*, is durable. The
//!   second half matters: a question asked twice is answered from memory the second time, and
//!   that answer must not overtake the first one's record.
//! * While a step of its own is due, it takes that step sooner or later, whatever else happens.
//! * After a crash it builds the value anew, feeds every durable record to
//!   [`Process::restore`] in the order written, and then calls [`Process::start`].
//! * Messages may be lost, but between two ends of one link they never change their order.
//!   Datagrams ([`Effect::Cast`]) promise nothing: they are lost, late, repeated, overtaken.
//! * Contents never enter a process: it names them in messages ([`Process::has_body`]), and the
//!   driver moves them. A message is fed only when its body was received.
//! * Before each event it tells the time ([`Process::clock`]); a protocol never looks itself.
//! * A delay is drawn by the driver from the range that the protocol names ([`Delay`]), so that
//!   back-off is random although the protocol is not.

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug, Display};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A peer's name for others. It is a name, never an index: where there is a hostsfile, it is the
/// number of the peer's line, from 1; elsewhere peers choose it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerId(pub u16);

impl Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer{}", self.0)
    }
}

/// A span of time with a random length, both ends included; the driver draws it evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// The shortest.
    pub at_least: Duration,
    /// The longest.
    pub at_most: Duration,
}

impl From<Duration> for Delay {
    fn from(exactly: Duration) -> Self {
        Self { at_least: exactly, at_most: exactly }
    }
}

/// One thing that a protocol wants done. Effects are performed in the order of their list.
pub enum Effect<P: Process + ?Sized> {
    /// Make this record durable before any later effect of this or of a later step is visible.
    Persist(P::Record),
    /// Put this message on the stream to that peer; lost while the peer is away, else in order.
    /// A message to oneself is delivered as an event of its own, right after this step.
    Send(PeerId, P::Message),
    /// Send this message as a datagram, encoded by [`Process::to_datagram`]; it may be lost, late,
    /// or arrive twice, and it is lost while the peer's address is not known.
    Cast(PeerId, P::Message),
    /// Call [`Process::timeout`] after this delay. A timer has one deadline: setting it again
    /// replaces the earlier one. A timer that is no longer wanted fires all the same, so the
    /// protocol looks at its state before it acts.
    SetTimer(P::Timer, Delay),
    /// Something that people, traces and checkers want to know. It changes nothing.
    Report(P::Fact),
    /// End the process with this exit code, after all effects before this one have been seen
    /// through. No later effect of this step is performed, and no later event is fed.
    Halt(u8),
}

impl<P: Process> Effect<P> {
    /// The same effect of a process that embeds this one: its parts go through these functions.
    pub fn map<Q: Process>(
        self,
        message: impl FnOnce(P::Message) -> Q::Message,
        record: impl FnOnce(P::Record) -> Q::Record,
        timer: impl FnOnce(P::Timer) -> Q::Timer,
        fact: impl FnOnce(P::Fact) -> Q::Fact,
    ) -> Effect<Q> {
        match self {
            Self::Persist(kept) => Effect::Persist(record(kept)),
            Self::Send(to, sent) => Effect::Send(to, message(sent)),
            Self::Cast(to, sent) => Effect::Cast(to, message(sent)),
            Self::SetTimer(set, delay) => Effect::SetTimer(timer(set), delay),
            Self::Report(said) => Effect::Report(fact(said)),
            Self::Halt(code) => Effect::Halt(code),
        }
    }
}

// Written out because a derive would ask the bounds of `P` instead of its associated types.
impl<P: Process + ?Sized> Debug for Effect<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persist(record) => f.debug_tuple("Persist").field(record).finish(),
            Self::Send(to, message) => f.debug_tuple("Send").field(to).field(message).finish(),
            Self::Cast(to, message) => f.debug_tuple("Cast").field(to).field(message).finish(),
            Self::SetTimer(timer, delay) => {
                f.debug_tuple("SetTimer").field(timer).field(delay).finish()
            }
            Self::Report(fact) => f.debug_tuple("Report").field(fact).finish(),
            Self::Halt(code) => f.debug_tuple("Halt").field(code).finish(),
        }
    }
}

/// The list that a step fills.
pub type Effects<P> = Vec<Effect<P>>;

/// What can be seen of a process from outside, when others could see it: what an observer of the
/// runtime and one of the simulator are shown, in the order of the steps.
#[derive(Clone, Debug)]
pub enum Output<P: Process> {
    /// The links to and from this peer are up.
    Connected(PeerId),
    /// A message arrived; also one from the process to itself.
    Received(PeerId, P::Message),
    /// A live link has taken a message, which may still be lost; also one to the process itself.
    Sent(PeerId, P::Message),
    /// The process has something to say.
    Report(P::Fact),
}

/// What is asked of a process that can be asked nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoInput {}

/// Takes steps of the process's own as long as one is due: for drivers that let them come at once.
pub fn proceed_while_due<P: Process>(process: &mut P, out: &mut Effects<P>) {
    /// More steps without an event between them have no end.
    const MOST_STEPS: usize = 1 << 16;
    for _ in 0..MOST_STEPS {
        if !process.is_due() {
            return;
        }
        process.proceed(out);
    }
    panic!("a step of {} is due forever", P::PROTOCOL);
}

/// How long this is as text, which is about what it takes in memory.
pub(crate) fn length_of(value: &impl Debug) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // A counter takes everything.
    let _ = fmt::Write::write_fmt(&mut count, format_args!("{value:?}"));
    count.0
}

/// A protocol, seen from one peer.
///
/// No event returns a `Result`: a peer's message can be odd, but never an error of the process.
/// What no honest peer could have sent is named by [`Process::objection`], and the driver drops
/// it before it becomes an event.
pub trait Process {
    /// Name and version, compared in the first frame of every connection.
    const PROTOCOL: &'static str;

    /// What peers tell each other.
    type Message: Clone + Debug + Serialize + DeserializeOwned + Send + 'static;
    /// What must survive a crash.
    type Record: Clone + Debug + Serialize + DeserializeOwned + Send + 'static;
    /// The names of its timers.
    type Timer: Copy + Debug + Ord + Send + 'static;
    /// What it tells people.
    type Fact: Clone + Debug + Send + 'static;
    /// What a person or a client on its host asks of it; [`NoInput`] if there is nothing to ask.
    type Input: Clone + Debug + Serialize + DeserializeOwned + Send + 'static;

    /// The longest raw body that may follow a message on a stream, in bytes. Where it is 0, no
    /// message has one.
    const MAX_BODY: u64 = 0;
    /// The longest line of a stream, in bytes: a message as JSON, and what frames it. A longer one
    /// closes the connection.
    const MAX_LINE: usize = 64 * 1024;
    /// The longest datagram that is looked at, in bytes. What every network carries in one piece,
    /// unless the protocol knows its network better.
    const MAX_DATAGRAM: usize = 1200;

    /// Takes back what an earlier incarnation made durable. Called before [`Process::start`], once
    /// for every record, oldest first.
    fn restore(&mut self, record: Self::Record);

    /// Why `record` cannot follow those restored so far, if that is so: then the log is damaged.
    /// The driver asks this before each [`Process::restore`].
    fn disbelieves(&self, _record: &Self::Record) -> Option<String> {
        None
    }

    /// The records from which [`Process::restore`] builds the durable part of this state anew, and
    /// no more of them than that takes. They replace all earlier ones, so a log stays short.
    fn snapshot(&self) -> Vec<Self::Record>;

    /// The time by the driver's clock, which never goes back and whose zero means nothing. Told
    /// before every event, to those who measure: how long a peer was silent, how late a timer is.
    fn clock(&mut self, _now: Duration) {}

    /// The first event.
    fn start(&mut self, out: &mut Effects<Self>);

    /// The links to *and* from `peer` are up. Messages sent before this may have been lost.
    /// Happens again after every loss of either link. Where a protocol has datagrams only, it
    /// means that the peer's address is known now, or is another one now.
    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>);

    /// One of the links to and from `peer` is gone, after both were up. Not all drivers tell, and
    /// none tells at once; it comes before the next [`Process::connected`], if it comes.
    fn disconnected(&mut self, _peer: PeerId, _out: &mut Effects<Self>) {}

    /// `from` sent this message, over a stream or as a datagram.
    fn receive(&mut self, from: PeerId, message: Self::Message, out: &mut Effects<Self>);

    /// This timer's deadline has passed.
    fn timeout(&mut self, timer: Self::Timer, out: &mut Effects<Self>);

    /// A person or a client on this host asks for something.
    fn input(&mut self, _input: Self::Input, _out: &mut Effects<Self>) {}

    /// True if the process can take its next step: a count is complete.
    fn is_due(&self) -> bool {
        false
    }

    /// Takes the next step of its own; called only while one [is due](Self::is_due). Each call
    /// gets ahead: after finitely many, with no other event between them, none is due.
    fn proceed(&mut self, _out: &mut Effects<Self>) {}

    /// Why no honest `from` can have sent this message, if that is so. Such a message is never
    /// received: the driver drops it, and on sockets closes the connection that brought it.
    fn objection(&self, from: PeerId, message: &Self::Message) -> Option<String>;

    /// True if a raw body follows this message on a stream: contents that the message names, and
    /// that never enter the process. The driver moves them. A message that is received has its
    /// body with it; a message to oneself has none, since its sender has the contents.
    fn has_body(_message: &Self::Message) -> bool {
        false
    }

    /// About how many bytes this takes while it waits to be seen.
    fn weight(fact: &Self::Fact) -> usize {
        length_of(fact)
    }

    /// True if this message, as a datagram, goes from and to the second port that peers have for
    /// datagrams. One that comes by the other port is dropped.
    fn is_bulk(_message: &Self::Message) -> bool {
        false
    }

    /// The bytes of a datagram with this message: JSON, unless the protocol has a form of its own.
    fn to_datagram(message: &Self::Message) -> Vec<u8> {
        serde_json::to_vec(message).expect("messages serialize into memory")
    }

    /// The message in a datagram; `None` if these bytes are none that may come as one.
    fn from_datagram(bytes: &[u8]) -> Option<Self::Message> {
        serde_json::from_slice(bytes).ok()
    }
}
