//! The protocol itself: a value that is fed events and answers with effects.
//!
//! Each peer counts. It calls the next number to all others, and each of them echoes it. When all
//! have, it counts that number and calls the next one, up to a goal. A count survives a crash.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use synod::process::{Effect, Effects, NoInput, PeerId, Process};

/// How long a peer waits before it calls again those who have not echoed.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// What a peer knows from its command line and hostsfile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Setup {
    /// The other peers.
    pub(crate) others: BTreeSet<PeerId>,
    /// Up to which number it counts.
    pub(crate) goal: u64,
}

/// What peers tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// The sender wants to count this number.
    Call(u64),
    /// The sender has heard this call of the receiver's.
    Echo(u64),
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(number) => write!(f, "call {number}"),
            Self::Echo(number) => write!(f, "echo {number}"),
        }
    }
}

/// What must survive a crash: the number that was counted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted(pub(crate) u64);

/// The only timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Timer {
    /// Call those again who have not echoed.
    Retry,
}

/// What people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// All others have echoed this number.
    Counted(u64),
    /// The goal is reached, now or before a crash.
    Done,
}

impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(number) => write!(f, "counted {number}"),
            Self::Done => f.write_str("done"),
        }
    }
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Echo {
    setup: Setup,
    count: u64,
    /// Those who have echoed the number after it.
    heard: BTreeSet<PeerId>,
}

impl Echo {
    /// A peer that has counted nothing yet.
    pub(crate) fn new(setup: Setup) -> Self {
        Self { setup, count: 0, heard: BTreeSet::new() }
    }

    fn is_done(&self) -> bool {
        self.count >= self.setup.goal
    }

    fn call(&self, peer: PeerId, out: &mut Effects<Self>) {
        if !self.is_done() && !self.heard.contains(&peer) {
            out.push(Effect::Send(peer, Message::Call(self.count + 1)));
        }
    }

    fn call_all(&self, out: &mut Effects<Self>) {
        self.setup.others.iter().for_each(|peer| self.call(*peer, out));
    }
}

impl Process for Echo {
    const PROTOCOL: &'static str = "echo/1";
    type Message = Message;
    type Record = Counted;
    type Timer = Timer;
    type Fact = Fact;
    type Input = NoInput;

    fn restore(&mut self, Counted(number): Counted) {
        self.count = number;
    }

    fn snapshot(&self) -> Vec<Counted> {
        if self.count == 0 { Vec::new() } else { vec![Counted(self.count)] }
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if self.is_done() {
            return out.push(Effect::Report(Fact::Done));
        }
        self.call_all(out);
        out.push(Effect::SetTimer(Timer::Retry, RETRY.into()));
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        self.call(peer, out);
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        match message {
            Message::Call(number) => out.push(Effect::Send(from, Message::Echo(number))),
            // An echo of an earlier call was repeated or is late.
            Message::Echo(number) if number == self.count + 1 => _ = self.heard.insert(from),
            Message::Echo(_) => {}
        }
    }

    fn is_due(&self) -> bool {
        !self.is_done() && self.heard == self.setup.others
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        self.count += 1;
        self.heard.clear();
        // Before the report: a count that a crash takes back would be reported twice.
        out.push(Effect::Persist(Counted(self.count)));
        out.push(Effect::Report(Fact::Counted(self.count)));
        if self.is_done() {
            out.push(Effect::Report(Fact::Done));
        }
        self.call_all(out);
    }

    fn timeout(&mut self, Timer::Retry: Timer, out: &mut Effects<Self>) {
        if !self.is_done() {
            self.call_all(out);
            out.push(Effect::SetTimer(Timer::Retry, RETRY.into()));
        }
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        match message {
            _ if !self.setup.others.contains(&from) => Some(format!("{from} is not in the file")),
            Message::Call(0) => Some("numbers begin with 1".into()),
            Message::Echo(number) if *number > self.count + 1 => {
                Some(format!("{number} was never called"))
            }
            _ => None,
        }
    }
}
