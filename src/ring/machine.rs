//! A machine for the simulator: a peer together with a model of its shell and its directory.
//!
//! What the peer orders is done at once, and what comes of it is told in a later step, as on a real
//! machine. Ids are spread over the circle, while the simulator counts its peers from 1; the
//! machine translates.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::{Key, Name};
use super::message::{self, Fact, FileOrder, Record, Stored, Timer, TransferId};
use super::peer::{self, Peer};
use super::transfer::Payload;
use crate::process::{Effect, Effects, PeerId, Process};

/// What a machine is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Of its peer.
    pub peer: peer::Setup,
    /// The ids of all machines, in the simulator's order.
    pub ids: Vec<Key>,
    /// The files that are in its directory.
    pub files: BTreeMap<Name, Payload>,
    /// It does nothing before it is told to begin.
    pub sleeps: bool,
}

/// What machines send each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Nothing but the message.
    Plain(message::Message),
    /// With the content behind it.
    Body(message::Message, Payload),
}

/// What happens to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Its peer is started.
    Begin,
    /// A person types a line.
    Typed(message::Input),
    /// It is killed, for good.
    Die,
}

/// The exit code of a machine that is killed.
pub const KILLED: u8 = 137;

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RingMachine {
    ids: Vec<Key>,
    peer: Peer,
    is_awake: bool,
    files: BTreeMap<Name, Payload>,
    /// Files that are sent.
    open: BTreeMap<TransferId, Payload>,
    /// Temporary files.
    coming: BTreeMap<TransferId, (Name, Payload)>,
    received: BTreeMap<Name, Payload>,
    /// The temporary file that was removed last.
    parts: BTreeMap<TransferId, (Name, Payload)>,
    /// What the shell tells next.
    answers: VecDeque<Answer>,
}

/// An input that waits; inputs have no hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Opened(TransferId, u64),
    NotThere(TransferId),
    Chunk(TransferId, u64, Payload),
    Stored(TransferId),
    NotStored(TransferId),
    Files(Vec<Stored>),
    Has(Key, Name, bool),
}

impl From<Answer> for message::Input {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Opened(id, size) => Self::Opened { id, size },
            Answer::NotThere(id) => Self::NotThere { id },
            Answer::Chunk(id, at, bytes) => Self::Chunk { id, at, bytes },
            Answer::Stored(id) => Self::Stored { id },
            Answer::NotStored(id) => Self::NotStored { id },
            Answer::Files(files) => Self::Files(files),
            Answer::Has(from, name, is_here) => Self::Has { from, name, is_here },
        }
    }
}

impl RingMachine {
    /// A machine that was never started.
    pub fn new(setup: Setup) -> Self {
        Self {
            ids: setup.ids,
            peer: Peer::new(setup.peer),
            is_awake: !setup.sleeps,
            files: setup.files,
            open: BTreeMap::new(),
            coming: BTreeMap::new(),
            received: BTreeMap::new(),
            parts: BTreeMap::new(),
            answers: VecDeque::new(),
        }
    }

    /// Its peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// True once its peer was started.
    pub fn is_awake(&self) -> bool {
        self.is_awake
    }

    /// The files of the ring that it holds.
    pub fn files(&self) -> &BTreeMap<Name, Payload> {
        &self.files
    }

    /// The files that it has received.
    pub fn received(&self) -> &BTreeMap<Name, Payload> {
        &self.received
    }

    /// True if nothing is under way here.
    pub fn is_idle(&self) -> bool {
        self.answers.is_empty() && self.peer.is_idle()
    }

    /// The machine of a peer.
    fn machine(&self, peer: PeerId) -> Option<PeerId> {
        let at = self.ids.iter().position(|id| id.peer() == peer)?;
        Some(PeerId(u16::try_from(at + 1).unwrap_or(u16::MAX)))
    }

    /// The peer of a machine.
    fn peer_of(&self, machine: PeerId) -> PeerId {
        let id = self.ids.get(usize::from(machine.0).wrapping_sub(1));
        id.map_or(PeerId(u16::MAX), |id| id.peer())
    }

    /// A step of the peer, whose effects become those of the machine.
    fn step(&mut self, out: &mut Effects<Self>, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) {
        let mut effects = Vec::new();
        event(&mut self.peer, &mut effects);
        for effect in effects {
            let effect = match effect {
                Effect::Send(to, message) => {
                    let Some(to) = self.machine(to) else { continue };
                    let message::Message::Move(file) = &message else {
                        out.push(Effect::Send(to, Message::Plain(message)));
                        continue;
                    };
                    let Some(content) = self.files.get(&file.name).cloned() else { continue };
                    Effect::Send(to, Message::Body(message, content))
                }
                Effect::Cast(to, message) => {
                    let Some(to) = self.machine(to) else { continue };
                    Effect::Cast(to, Message::Plain(message))
                }
                Effect::Report(fact) => {
                    if let Fact::Order(order) = &fact {
                        self.obey(order);
                    }
                    Effect::Report(fact)
                }
                effect => effect.map(Message::Plain, |record| record, |timer| timer, |fact| fact),
            };
            out.push(effect);
        }
    }

    /// The temporary file that was just removed gets its name: what a mutant does.
    pub(super) fn keep_part(&mut self, id: TransferId) {
        self.received.extend(self.parts.remove(&id));
    }

    /// Does what the peer orders.
    pub(super) fn obey(&mut self, order: &FileOrder) {
        let answer = match order {
            FileOrder::Open(id, name) => match self.files.get(name).cloned() {
                Some(content) => {
                    let size = content.0.len() as u64;
                    self.open.insert(*id, content);
                    Answer::Opened(*id, size)
                }
                None => Answer::NotThere(*id),
            },
            FileOrder::Read(id, at, length) => {
                let content = self.open.get(id).map_or(&[][..], |content| &content.0);
                let place = |at: u64| usize::try_from(at).unwrap_or(0).min(content.len());
                let bytes = content[place(*at)..place(at + length)].to_vec();
                Answer::Chunk(*id, *at, Payload(bytes))
            }
            FileOrder::Close(id) => {
                self.open.remove(id);
                return;
            }
            FileOrder::Create(id, name) => {
                self.coming.insert(*id, (*name, Payload::default()));
                return;
            }
            FileOrder::Write(id, at, bytes) => {
                let Some((_, content)) = self.coming.get_mut(id) else { return };
                let at = usize::try_from(*at).unwrap_or(0);
                let end = at + bytes.0.len();
                content.0.resize(content.0.len().max(end), 0);
                return content.0[at..end].copy_from_slice(&bytes.0);
            }
            FileOrder::Finish(id) => match self.coming.remove(id) {
                Some((name, content)) => {
                    self.received.insert(name, content);
                    Answer::Stored(*id)
                }
                None => Answer::NotStored(*id),
            },
            FileOrder::Discard(id) => {
                self.parts.clear();
                return self.parts.extend(self.coming.remove(id).map(|part| (*id, part)));
            }
            FileOrder::List => {
                let stored = |(name, content): (&Name, &Payload)| Stored {
                    name: *name,
                    size: content.0.len() as u64,
                    is_pdf: true,
                };
                Answer::Files(self.files.iter().map(stored).collect())
            }
            FileOrder::Look(from, name) => Answer::Has(*from, *name, self.files.contains_key(name)),
            FileOrder::Remove(name) => {
                self.files.remove(name);
                return;
            }
        };
        self.answers.push_back(answer);
    }
}

impl Process for RingMachine {
    const PROTOCOL: &'static str = Peer::PROTOCOL;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Input;

    fn restore(&mut self, record: Record) {
        match record {}
    }

    fn snapshot(&self) -> Vec<Record> {
        Vec::new()
    }

    fn clock(&mut self, now: Duration) {
        self.peer.clock(now);
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if self.is_awake {
            self.step(out, Peer::start);
        }
    }

    fn connected(&mut self, _: PeerId, _: &mut Effects<Self>) {}

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        if !self.is_awake {
            return;
        }
        let from = self.peer_of(from);
        let message = match message {
            Message::Plain(message) => message,
            Message::Body(message, content) => {
                let message::Message::Move(file) = &message else { return };
                if !self.peer.expects(from, file) {
                    return;
                }
                self.files.entry(file.name).or_insert(content);
                message
            }
        };
        self.step(out, |peer, out| peer.receive(from, message, out));
    }

    fn timeout(&mut self, timer: Timer, out: &mut Effects<Self>) {
        self.step(out, |peer, out| peer.timeout(timer, out));
    }

    fn input(&mut self, input: Input, out: &mut Effects<Self>) {
        match input {
            Input::Begin if !self.is_awake => {
                self.is_awake = true;
                self.step(out, Peer::start);
            }
            Input::Typed(input) if self.is_awake => {
                self.step(out, |peer, out| peer.input(input, out));
            }
            Input::Begin | Input::Typed(_) => {}
            Input::Die => out.push(Effect::Halt(KILLED)),
        }
    }

    fn is_due(&self) -> bool {
        !self.answers.is_empty()
    }

    fn proceed(&mut self, out: &mut Effects<Self>) {
        if let Some(answer) = self.answers.pop_front() {
            self.step(out, |peer, out| peer.input(answer.into(), out));
        }
    }

    fn objection(&self, from: PeerId, message: &Message) -> Option<String> {
        let (Message::Plain(message) | Message::Body(message, _)) = message;
        self.peer.objection(from, message)
    }
}
