//! One peer of `ready`, as a [`Process`].

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::Message;
use crate::process::{Effect, Effects, NoInput, PeerId, Process};

/// The first pause between two rounds of `READY` is this part of the interval; it doubles up to the
/// interval.
const FAREWELL_PART: u32 = 100;
/// How many rounds of `READY` go to all once all are known to be ready. With one datagram of three
/// lost, all of them are lost once in 14 million times.
const LAST_ROUNDS: u32 = 15;

/// What a peer knows from its command line and hostsfile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// All but this peer.
    pub others: BTreeSet<PeerId>,
    /// How long to wait before the next `ALIVE?` to the same peer.
    pub interval: Duration,
    /// When to end: with 0 if ready by then, else with 1. Without it, never.
    pub timeout: Option<Duration>,
    /// Once ready, answer forever, whatever the timeout says.
    pub stay: bool,
    /// End as soon as all are known to be ready.
    pub exit: bool,
}

/// The timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Ask again.
    Interval,
    /// Say `READY` again.
    Farewell,
    /// The time is over.
    Timeout,
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// All are there.
    Ready,
    /// The time is over, and this is missing.
    Missing {
        /// Never heard of.
        unheard: BTreeSet<PeerId>,
        /// Heard, but they have not acknowledged us.
        unacknowledged: BTreeSet<PeerId>,
    },
}

impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |peers: &BTreeSet<PeerId>| {
            peers.iter().map(PeerId::to_string).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Ready => f.write_str("READY"),
            Self::Missing { unheard, unacknowledged } => {
                f.write_str("not ready: ")?;
                if !unheard.is_empty() {
                    write!(f, "not heard from {}", list(unheard))?;
                }
                if !unheard.is_empty() && !unacknowledged.is_empty() {
                    f.write_str("; ")?;
                }
                if !unacknowledged.is_empty() {
                    write!(f, "heard from, but not acknowledged by {}", list(unacknowledged))?;
                }
                Ok(())
            }
        }
    }
}

/// One peer of `ready`.
#[derive(Clone, Debug)]
pub struct Ready {
    setup: Setup,
    heard: BTreeSet<PeerId>,
    acknowledged: BTreeSet<PeerId>,
    passed: bool,
    /// Those who have said `READY`.
    announced: BTreeSet<PeerId>,
    /// Those who say it again, so ours has not reached them.
    owed: BTreeSet<PeerId>,
    /// The pause before the next round of `READY`.
    pause: Duration,
    /// How many of the last rounds were said.
    last_rounds: u32,
}

impl Ready {
    /// A peer that has heard nothing yet.
    pub fn new(setup: Setup) -> Self {
        let pause = setup.interval / FAREWELL_PART;
        Self {
            setup,
            heard: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            passed: false,
            announced: BTreeSet::new(),
            owed: BTreeSet::new(),
            pause,
            last_rounds: 0,
        }
    }

    /// True from the moment on when all were there.
    pub fn is_ready(&self) -> bool {
        self.passed
    }

    fn ask(&self, peer: PeerId, out: &mut Effects<Self>) {
        if !self.acknowledged.contains(&peer) {
            out.push(Effect::Cast(peer, Message::Alive));
        }
    }

    fn check(&mut self, out: &mut Effects<Self>) {
        if self.passed || self.acknowledged != self.setup.others {
            return;
        }
        assert!(
            self.acknowledged.is_subset(&self.heard),
            "a peer that acknowledged was heard by that"
        );
        self.passed = true;
        out.push(Effect::Report(Fact::Ready));
        if self.setup.exit {
            self.farewell(out);
        }
    }

    /// One round of `READY`: to those who have not said it and to those who miss ours, or, when all
    /// have said it, to all, a few times.
    fn farewell(&mut self, out: &mut Effects<Self>) {
        assert!(self.passed && self.setup.exit, "only one that is ready and leaves says READY");
        assert!(self.announced.is_subset(&self.setup.others), "only peers of the file count");
        if self.announced == self.setup.others {
            if self.last_rounds == LAST_ROUNDS || self.setup.others.is_empty() {
                out.push(Effect::Halt(0));
                return;
            }
            self.last_rounds += 1;
            self.pause = self.setup.interval / FAREWELL_PART;
        }
        for peer in &self.setup.others {
            let wanted = !self.announced.contains(peer) || self.owed.contains(peer);
            if self.last_rounds > 0 || wanted {
                out.push(Effect::Cast(*peer, Message::Ready));
            }
        }
        self.owed.clear();
        out.push(Effect::SetTimer(Timer::Farewell, self.pause.into()));
        self.pause = (self.pause * 2).min(self.setup.interval);
    }

    fn other_is_ready(&mut self, from: PeerId, out: &mut Effects<Self>) {
        let again = !self.announced.insert(from);
        if !self.passed || !self.setup.exit || self.last_rounds > 0 {
            return;
        }
        if self.announced == self.setup.others {
            self.farewell(out);
        } else if again && self.owed.insert(from) && self.owed.len() == 1 {
            // With the next round, and not at once: else two could answer each other forever.
            self.pause = self.setup.interval / FAREWELL_PART;
            out.push(Effect::SetTimer(Timer::Farewell, self.pause.into()));
        }
    }

    fn over(&self, out: &mut Effects<Self>) {
        if self.passed && self.setup.stay {
            return;
        }
        if !self.passed {
            let unheard = &self.setup.others - &self.heard;
            let unacknowledged = &self.heard - &self.acknowledged;
            out.push(Effect::Report(Fact::Missing { unheard, unacknowledged }));
        }
        out.push(Effect::Halt(u8::from(!self.passed)));
    }
}

impl Process for Ready {
    const PROTOCOL: &'static str = "ready/1";
    type Message = Message;
    type Record = ();
    type Timer = Timer;
    type Fact = Fact;
    type Input = NoInput;

    fn restore(&mut self, (): ()) {}

    fn snapshot(&self) -> Vec<()> {
        Vec::new()
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if let Some(timeout) = self.setup.timeout {
            out.push(Effect::SetTimer(Timer::Timeout, timeout.into()));
        }
        out.push(Effect::SetTimer(Timer::Interval, self.setup.interval.into()));
        // A file of one line.
        self.check(out);
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        if self.setup.others.contains(&peer) {
            self.ask(peer, out);
        }
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let first = self.heard.insert(from);
        match message {
            Message::Alive => out.push(Effect::Cast(from, Message::Ack)),
            Message::Ack => {
                self.acknowledged.insert(from);
            }
            Message::Ready => self.other_is_ready(from, out),
        }
        if first {
            self.ask(from, out);
        }
        self.check(out);
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        match timer {
            Timer::Interval if self.passed => {}
            Timer::Interval => {
                self.setup.others.iter().for_each(|peer| self.ask(*peer, out));
                out.push(Effect::SetTimer(Timer::Interval, self.setup.interval.into()));
            }
            Timer::Farewell => self.farewell(out),
            Timer::Timeout => self.over(out),
        }
    }

    fn objection(&self, from: PeerId, _message: &Message) -> Option<String> {
        let known = self.setup.others.contains(&from);
        (!known).then(|| format!("{from} is not in the hostsfile"))
    }

    fn to_datagram(message: &Message) -> Vec<u8> {
        message.text().into()
    }

    fn from_datagram(bytes: &[u8]) -> Option<Message> {
        Message::ALL.into_iter().find(|message| message.text().as_bytes() == bytes)
    }
}

#[cfg(test)]
mod tests;
