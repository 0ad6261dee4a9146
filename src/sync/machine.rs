//! A machine for the simulator: a peer together with a model of its shell and of its file.
//!
//! The model does what `command/` does, in the same order, with a step for each thing between which
//! a crash can come: look, keep the loser, rename, tell. Contents are numbers, and what changes on
//! the disk is a record, so that crashes take it back or leave it as they do with any record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::{self, Fact};
use super::peer::{self, Peer, Plan};
use super::version::{Contents, Digest, FileId, Stamp};
use crate::process::{Delay, Effect, Effects, PeerId, Process};

/// From one look at the file to the next.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// A content: the number of the edit that wrote it, 0 for an empty file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Text {
    /// Who wrote it, so to say.
    pub edit: u32,
    /// How many newlines were added on its way.
    pub newlines: u8,
    /// Its second half is missing.
    pub is_part: bool,
}

impl Text {
    /// What this edit writes.
    pub const fn of(edit: u32) -> Self {
        Self { edit, newlines: 0, is_part: false }
    }

    /// What is known of it without having it.
    pub fn contents(self) -> Contents {
        let size = u64::from(self.edit) + u64::from(self.newlines);
        let digest =
            u128::from(size) << 32 | u128::from(self.is_part) << 16 | u128::from(self.newlines);
        Contents { digest: Digest(digest), size }
    }
}

/// What a machine is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Of its peer.
    pub peer: peer::Setup,
    /// Whom it dials.
    pub hosts: BTreeSet<PeerId>,
    /// The file that is there before the first start.
    pub file: Option<u32>,
}

/// What machines send each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Nothing but the message.
    Plain(message::Message),
    /// With the content behind it.
    Body(message::Message, Text),
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Plain(message) | Self::Body(message, _)) = self;
        message.fmt(f)
    }
}

/// What a crash leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Of the peer.
    Peer(message::Record),
    /// Somebody wrote the file.
    Wrote(Text),
    /// Somebody removed it.
    Removed,
    /// The content is kept as a conflict copy of this name.
    Kept(Stamp, Text),
    /// A content that had come took the place of the file.
    Renamed(Text),
}

/// The timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Look at the file.
    Look,
    /// The peer's.
    Peer(message::Timer),
}

/// What people do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Write this content.
    Write(u32),
    /// Remove the file.
    Remove,
}

/// How far the shell has come with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Look,
    Keep,
    Rename(PlanKey),
    Tell,
}

/// A plan, so that it is seen when it has changed.
type PlanKey = (Contents, Option<Stamp>);

fn key(plan: Plan) -> PlanKey {
    (plan.contents, plan.kept)
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPeer {
    hosts: BTreeSet<PeerId>,
    peer: Peer,
    file: Option<Text>,
    /// What the last look has seen, if there was one.
    seen: Option<Text>,
    has_looked: bool,
    /// What has come and waits.
    aside: BTreeMap<Digest, Text>,
    stage: Stage,
}

impl ModelPeer {
    /// A machine that was never started.
    pub fn new(setup: Setup) -> Self {
        Self {
            hosts: setup.hosts,
            peer: Peer::new(setup.peer),
            file: setup.file.map(Text::of),
            seen: None,
            has_looked: false,
            aside: BTreeMap::new(),
            stage: Stage::Look,
        }
    }

    /// What the file holds.
    pub fn file(&self) -> Option<Text> {
        self.file
    }

    /// True if all that was done to the file has been told.
    pub fn is_settled(&self) -> bool {
        let version = self.peer.version().map(|version| version.contents);
        let file = self.file.map(Text::contents);
        self.stage == Stage::Look && (file.is_none() || version == file)
    }

    /// Its peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The id of its copy.
    pub fn id(&self) -> FileId {
        self.peer.id()
    }

    /// A step of the peer, whose effects become those of the machine.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        event(&mut self.peer, &mut effects);
        for effect in effects {
            let effect = match effect {
                Effect::Send(to, message) if Peer::has_body(&message) => {
                    // The file may be another one by now; then it is not sent.
                    let (message::Message::Content(version), Some(file)) = (&message, self.file)
                    else {
                        continue;
                    };
                    if file.contents() != version.contents {
                        continue;
                    }
                    Effect::Send(to, Message::Body(message, file))
                }
                effect => effect.map(Message::Plain, Record::Peer, Timer::Peer, |fact| fact),
            };
            out.push(effect);
        }
        let peer = &self.peer;
        self.aside.retain(|digest, _| peer.needs(*digest));
    }

    /// Looks at the file, and tells the peer if it is not as it was.
    fn look(&mut self, out: &mut Effects<Self>) {
        if self.has_looked && self.seen == self.file {
            return;
        }
        (self.has_looked, self.seen) = (true, self.file);
        let input = self
            .file
            .map_or(message::Input::Missing, |text| message::Input::Found(text.contents()));
        self.step(out, |peer, out| peer.input(input, out));
    }
}

impl Process for ModelPeer {
    const PROTOCOL: &'static str = Peer::PROTOCOL;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Input;

    fn restore(&mut self, record: Record) {
        match record {
            Record::Peer(record) => self.peer.restore(record),
            Record::Wrote(text) | Record::Renamed(text) => self.file = Some(text),
            Record::Removed => self.file = None,
            Record::Kept(..) => {}
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        let file = self.file.map_or(Record::Removed, Record::Wrote);
        self.peer.snapshot().into_iter().map(Record::Peer).chain([file]).collect()
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        self.step(out, Peer::start);
        if self.hosts.is_empty() && self.file.is_none() && self.peer.version().is_none() {
            self.file = Some(Text::of(0));
            out.push(Effect::Persist(Record::Wrote(Text::of(0))));
        }
        self.look(out);
        out.push(Effect::SetTimer(Timer::Look, INTERVAL.into()));
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        let by_us = self.hosts.contains(&peer);
        self.step(out, |of, out| of.input(message::Input::Linked { peer, by_us }, out));
        self.step(out, |of, out| of.connected(peer, out));
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        let message = match message {
            Message::Plain(message) => message,
            Message::Body(message, text) => {
                let message::Message::Content(version) = &message else { return };
                if !self.peer.expects(from, version) {
                    return;
                }
                if text.contents() != version.contents {
                    return self
                        .step(out, |peer, out| peer.input(message::Input::Dropped(from), out));
                }
                self.aside.insert(version.contents.digest, text);
                message
            }
        };
        self.step(out, |peer, out| peer.receive(from, message, out));
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        match timer {
            Timer::Peer(timer) => self.step(out, |peer, out| peer.timeout(timer, out)),
            Timer::Look => {
                if self.stage == Stage::Look {
                    self.look(out);
                }
                let jitter = Delay { at_least: INTERVAL, at_most: INTERVAL + INTERVAL / 10 };
                out.push(Effect::SetTimer(Timer::Look, jitter));
            }
        }
    }

    fn input(&mut self, input: Input, out: &mut Effects<Self>) {
        match input {
            Input::Write(edit) => {
                self.file = Some(Text::of(edit));
                out.push(Effect::Persist(Record::Wrote(Text::of(edit))));
            }
            Input::Remove => {
                self.file = None;
                out.push(Effect::Persist(Record::Removed));
            }
        }
    }

    fn is_due(&self) -> bool {
        self.stage != Stage::Look || self.peer.plan().is_some()
    }

    /// The next thing that the shell does with a content that has come.
    fn proceed(&mut self, out: &mut Effects<Self>) {
        let plan = self.peer.plan();
        let is_as_seen = self.has_looked && self.seen == self.file;
        self.stage = match (self.stage, plan) {
            (Stage::Tell, _) => {
                self.step(out, |peer, out| peer.input(message::Input::Installed, out));
                Stage::Look
            }
            (Stage::Look, Some(_)) => {
                self.look(out);
                self.peer.plan().map_or(Stage::Look, |_| Stage::Keep)
            }
            (Stage::Keep, Some(plan)) if is_as_seen => {
                if let (Some(kept), Some(file)) = (plan.kept, self.file) {
                    out.push(Effect::Persist(Record::Kept(kept, file)));
                }
                Stage::Rename(key(plan))
            }
            (Stage::Rename(of), Some(plan)) if is_as_seen && of == key(plan) => {
                if let Some(text) = self.aside.get(&plan.contents.digest).copied() {
                    (self.file, self.seen) = (Some(text), Some(text));
                    out.push(Effect::Persist(Record::Renamed(text)));
                    Stage::Tell
                } else {
                    self.step(out, |peer, out| peer.input(message::Input::NotInstalled, out));
                    Stage::Look
                }
            }
            // There is no plan any more, or the file has changed under the hands.
            _ => Stage::Look,
        };
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        let (Message::Plain(message) | Message::Body(message, _)) = message;
        self.peer.objection(from, message)
    }
}
