//! Transfers, seen from both ends.

use std::time::Duration;

use super::Peer;
use super::requests::{Answer, Want};
use crate::process::{Effect, Effects};
use crate::ring::key::{Key, Name};
use crate::ring::message::{
    Fact, FileOrder, LogEntry, LogEvent, Message, Note, Side, Timer, TransferFailure, TransferId,
};
use crate::ring::transfer::{Arrival, Draws, Payload, Receiver, Sender, Transmission};

/// How many files are sent at once; who asks for more is told to ask later.
const MOST_OUTGOING: usize = 64;
/// How soon a response that was not accepted is sent again.
const OFFER: Duration = Duration::from_secs(1);
/// How often.
const OFFERS: u32 = 30;
/// How many transfers are remembered that have ended.
const MOST_DONE: usize = 256;
/// The longest silence that a sender may ask for, in seconds.
const MOST_PATIENCE: u32 = 86_400;

/// How far a transfer has come at its sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// The shell looks whether the file is there.
    Opening { hops: u16 },
    /// The asker has not accepted it yet.
    Offered { hops: u16, since: Duration, tries: u32 },
    /// It is sent.
    Sending(Box<Sender>),
}

/// A file that is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outgoing {
    pub(super) to: Key,
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) stage: Stage,
}

/// A file that comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Incoming {
    from: Key,
    receiver: Receiver,
    /// When something new came last, and how long that may take.
    heard: Duration,
    patience: Duration,
    /// All has come, and gets its name now.
    is_finishing: bool,
}

impl Incoming {
    pub(super) fn new(from: Key, size: u64, patience: u32, now: Duration) -> Self {
        let patience = Duration::from_secs(patience.clamp(2, MOST_PATIENCE).into());
        let receiver = Receiver::new(size);
        Self { from, receiver, heard: now, patience, is_finishing: false }
    }

    pub(super) fn from(&self) -> Key {
        self.from
    }

    pub(super) fn is_from(&self, peer: Key) -> bool {
        self.from == peer
    }

    pub(super) fn is_silent(&self, now: Duration) -> bool {
        !self.is_finishing && now > self.heard + self.patience
    }
}

impl Peer {
    /// True if one more file can be sent. If there are too many, the one whose asker has been
    /// silent for the longest gives way: askers that never answer must not keep out others.
    pub(super) fn has_room(&mut self, out: &mut Effects<Self>) -> bool {
        if self.outgoing.len() < MOST_OUTGOING {
            return true;
        }
        let silent = self.outgoing.iter().filter_map(|(id, outgoing)| match outgoing.stage {
            Stage::Offered { tries, .. } if tries > 0 => Some((tries, *id)),
            _ => None,
        });
        let Some((_, id)) = silent.max() else { return false };
        self.end_outgoing(id, TransferFailure::GaveUp, out);
        true
    }

    /// A file is here.
    pub(super) fn opened(&mut self, id: TransferId, size: u64, out: &mut Effects<Self>) {
        let now = self.now;
        if let Some(Want { name, .. }) = self.wants.remove(&id) {
            Self::tell(Fact::Here(name), out);
            Self::order(FileOrder::Close(id), out);
            return self.take_waiting(out);
        }
        let Some(outgoing) = self.outgoing.get_mut(&id) else {
            return Self::order(FileOrder::Close(id), out);
        };
        let Stage::Opening { hops } = outgoing.stage else { return };
        outgoing.size = size;
        outgoing.stage = Stage::Offered { hops, since: now, tries: 0 };
        Self::tell(Fact::Here(outgoing.name), out);
        Self::tell(Fact::Responded(outgoing.to), out);
        self.offer(id, out);
    }

    fn offer(&mut self, id: TransferId, out: &mut Effects<Self>) {
        let patience = self.setup.terms.give_up.saturating_add(2);
        if let Some(Outgoing { to, name, size, stage: Stage::Offered { hops, .. } }) =
            self.outgoing.get(&id)
        {
            let (name, size, hops) = (*name, *size, *hops);
            let response = Message::Response { id, name, size, patience, hops };
            Self::send(*to, response, out);
        }
    }

    /// It is not here.
    pub(super) fn not_there(&mut self, id: TransferId, out: &mut Effects<Self>) {
        if let Some(Want { name, .. }) = self.wants.remove(&id) {
            Self::note(Note::NotHereEither(name), out);
            self.take_waiting(out);
        } else if let Some(outgoing) = self.outgoing.remove(&id) {
            Self::note(Note::ShouldBeHere(outgoing.name, outgoing.to), out);
            Self::send(outgoing.to, Message::Absent { id }, out);
        }
    }

    /// The asker waits for the data.
    pub(super) fn accepted(&mut self, from: Key, id: TransferId, out: &mut Effects<Self>) {
        // Each transfer draws numbers of its own.
        let (terms, draws) = (self.setup.terms, Draws::new(self.setup.seed ^ id.0.rotate_left(17)));
        let Some(outgoing) = self.outgoing.get_mut(&id).filter(|to| to.to == from) else {
            let why = TransferFailure::Unwanted;
            return Self::send(from, Message::Failed { id, why }, out);
        };
        if let Stage::Offered { .. } = outgoing.stage {
            outgoing.stage = Stage::Sending(Box::new(Sender::new(terms, outgoing.size, draws)));
            Self::tell(Fact::Sending(outgoing.name), out);
            self.go_on(id, out);
        }
    }

    /// Sends what the window allows.
    fn go_on(&mut self, id: TransferId, out: &mut Effects<Self>) {
        let now = self.now;
        let Some(Outgoing { to, stage: Stage::Sending(sender), .. }) = self.outgoing.get_mut(&id)
        else {
            return;
        };
        let mut attempts = Vec::new();
        sender.go_on(now, &mut attempts);
        let to = *to;
        self.attempt(id, to, attempts, out);
    }

    fn attempt(
        &mut self,
        id: TransferId,
        to: Key,
        attempts: Vec<Transmission>,
        out: &mut Effects<Self>,
    ) {
        let (time, mss) = (self.now, self.setup.terms.mss);
        let log = |event, at: u64, bytes| {
            Fact::Log(LogEntry { side: Side::Responding, event, time, seq: at + 1, bytes, ack: 0 })
        };
        for attempt in attempts {
            match attempt {
                Transmission::Send { at, bytes, again } => {
                    let event = if again { LogEvent::Resent } else { LogEvent::Sent };
                    Self::tell(log(event, at, bytes.0.len() as u64), out);
                    Self::cast(to, Message::Data { id, seq: at + 1, mss, bytes }, out);
                }
                Transmission::Drop { at, length } => {
                    Self::tell(log(LogEvent::Dropped, at, length), out);
                }
                Transmission::End => Self::cast(to, Message::End { id }, out),
                Transmission::Read { at, length } => {
                    Self::order(FileOrder::Read(id, at, length), out);
                }
            }
        }
        self.keep_resending(out);
    }

    /// Sets the timer of segments, unless it is set: it is never later than the first deadline.
    fn keep_resending(&mut self, out: &mut Effects<Self>) {
        if self.resend.is_some() {
            return;
        }
        let deadlines = self.outgoing.values().filter_map(|outgoing| match &outgoing.stage {
            Stage::Sending(sender) => sender.deadline(),
            _ => None,
        });
        if let Some(deadline) = deadlines.min() {
            self.resend = Some(deadline);
            let delay = deadline.saturating_sub(self.now).max(Duration::from_millis(1));
            out.push(Effect::SetTimer(Timer::Resend, delay.into()));
        }
    }

    /// Sends again what has waited too long.
    pub(super) fn expire(&mut self, out: &mut Effects<Self>) {
        let (now, mut tried, mut vain) = (self.now, Vec::new(), Vec::new());
        for (id, outgoing) in &mut self.outgoing {
            if let Stage::Sending(sender) = &mut outgoing.stage {
                let mut attempts = Vec::new();
                if sender.expire(now, &mut attempts) {
                    tried.push((*id, outgoing.to, attempts));
                } else {
                    vain.push(*id);
                }
            }
        }
        for id in vain {
            self.end_outgoing(id, TransferFailure::GaveUp, out);
        }
        for (id, to, attempts) in tried {
            self.attempt(id, to, attempts, out);
        }
        self.keep_resending(out);
    }

    /// This side ends a transfer; the other one is told.
    fn end_outgoing(&mut self, id: TransferId, why: TransferFailure, out: &mut Effects<Self>) {
        let Some(Outgoing { to, name, .. }) = self.outgoing.remove(&id) else { return };
        Self::note(Note::NotSent(name, to, why), out);
        Self::order(FileOrder::Close(id), out);
        Self::send(to, Message::Failed { id, why }, out);
    }

    /// Bytes of a file were read.
    pub(super) fn chunk(
        &mut self,
        id: TransferId,
        at: u64,
        bytes: &Payload,
        out: &mut Effects<Self>,
    ) {
        let Some(Outgoing { stage: Stage::Sending(sender), .. }) = self.outgoing.get_mut(&id)
        else {
            return;
        };
        if sender.feed(at, &bytes.0) {
            self.go_on(id, out);
        } else {
            self.end_outgoing(id, TransferFailure::Unreadable, out);
        }
    }

    /// A segment was acknowledged.
    pub(super) fn acknowledged(
        &mut self,
        from: Key,
        id: TransferId,
        ack: u64,
        out: &mut Effects<Self>,
    ) {
        let time = self.now;
        let Some(Outgoing { to, stage: Stage::Sending(sender), .. }) = self.outgoing.get_mut(&id)
        else {
            return;
        };
        if *to != from || ack < 2 {
            return;
        }
        let (side, event) = (Side::Responding, LogEvent::Received);
        Self::tell(Fact::Log(LogEntry { side, event, time, seq: 0, bytes: 0, ack }), out);
        if sender.acknowledged(ack - 1) {
            self.go_on(id, out);
        }
    }

    /// The asker has the file.
    pub(super) fn confirmed(&mut self, from: Key, id: TransferId, out: &mut Effects<Self>) {
        let has_ended = |outgoing: &&mut Outgoing| {
            let Stage::Sending(sender) = &outgoing.stage else { return false };
            outgoing.to == from && sender.has_ended()
        };
        if let Some(name) = self.outgoing.get_mut(&id).filter(has_ended).map(|to| to.name) {
            self.outgoing.remove(&id);
            Self::tell(Fact::FileSent(name), out);
            Self::order(FileOrder::Close(id), out);
        }
    }

    /// A segment has come.
    pub(super) fn data(
        &mut self,
        from: Key,
        id: TransferId,
        seq: u64,
        mss: u16,
        bytes: Payload,
        out: &mut Effects<Self>,
    ) {
        let time = self.now;
        let Some(incoming) = self.incoming(from, id) else {
            if !self.done.contains(&id) {
                Self::cast(from, Message::Unknown { id }, out);
            }
            return;
        };
        let length = bytes.0.len() as u64;
        match incoming.receiver.take(seq - 1, length) {
            Arrival::Refused => return,
            Arrival::Again => {}
            Arrival::New => {
                incoming.heard = time;
                Self::order(FileOrder::Write(id, seq - 1, bytes), out);
            }
        }
        let (side, ack) = (Side::Requesting, seq + length);
        let came = LogEntry { side, event: LogEvent::Received, time, seq, bytes: length, ack: 0 };
        let sent = LogEntry { side, event: LogEvent::Sent, time, seq: 0, bytes: 0, ack };
        Self::tell(Fact::Log(came), out);
        Self::tell(Fact::Log(sent), out);
        Self::cast(from, Message::Ack { id, ack, mss }, out);
    }

    fn incoming(&mut self, from: Key, id: TransferId) -> Option<&mut Incoming> {
        match &mut self.wants.get_mut(&id)?.answer {
            Answer::Comes(incoming) if incoming.from == from => Some(incoming),
            _ => None,
        }
    }

    /// All has been sent and acknowledged.
    pub(super) fn ended(&mut self, from: Key, id: TransferId, out: &mut Effects<Self>) {
        let is_done = self.done.contains(&id);
        match self.incoming(from, id) {
            Some(incoming) if incoming.receiver.is_complete() && !incoming.is_finishing => {
                incoming.is_finishing = true;
                Self::order(FileOrder::Finish(id), out);
            }
            Some(_) => {}
            // The confirmation was lost.
            None if is_done => Self::cast(from, Message::EndAck { id }, out),
            None => Self::cast(from, Message::Unknown { id }, out),
        }
    }

    /// The file has its name.
    pub(super) fn stored(&mut self, id: TransferId, out: &mut Effects<Self>) {
        let Some(Want { name, answer: Answer::Comes(incoming), .. }) = self.wants.remove(&id)
        else {
            return;
        };
        self.done.push_back(id);
        if self.done.len() > MOST_DONE {
            self.done.pop_front();
        }
        Self::tell(Fact::FileReceived(name), out);
        Self::cast(incoming.from, Message::EndAck { id }, out);
        self.take_waiting(out);
    }

    /// It cannot be written.
    pub(super) fn not_stored(&mut self, id: TransferId, out: &mut Effects<Self>) {
        self.end_incoming(id, TransferFailure::CannotStore, out);
        self.take_waiting(out);
    }

    fn end_incoming(&mut self, id: TransferId, why: TransferFailure, out: &mut Effects<Self>) {
        let Some(Want { name, answer, .. }) = self.wants.remove(&id) else { return };
        if let Answer::Comes(Incoming { from, .. }) = answer {
            Self::order(FileOrder::Discard(id), out);
            Self::note(Note::NotReceived(name, from, why), out);
            Self::send(from, Message::Failed { id, why }, out);
        }
    }

    /// The other side has ended a transfer.
    pub(super) fn failed(
        &mut self,
        from: Key,
        id: TransferId,
        why: TransferFailure,
        out: &mut Effects<Self>,
    ) {
        if let Some(name) = self.outgoing.get(&id).filter(|to| to.to == from).map(|to| to.name) {
            self.outgoing.remove(&id);
            Self::note(Note::NotTaken(name, from, why), out);
            Self::order(FileOrder::Close(id), out);
        } else if self.incoming(from, id).is_some_and(|incoming| !incoming.is_finishing)
            && let Some(want) = self.wants.remove(&id)
        {
            Self::note(Note::Abandoned(want.name, from, why), out);
            Self::order(FileOrder::Discard(id), out);
            self.take_waiting(out);
        }
    }

    /// This peer leaves: nothing that is under way comes to its end.
    pub(super) fn break_off(&mut self, out: &mut Effects<Self>) {
        let why = TransferFailure::Leaving;
        for id in self.outgoing.keys().copied().collect::<Vec<_>>() {
            self.end_outgoing(id, why, out);
        }
        for id in self.wants.keys().copied().collect::<Vec<_>>() {
            self.end_incoming(id, why, out);
        }
        self.waiting.clear();
    }

    /// Tells askers again that their file is here.
    pub(super) fn tend_outgoing(&mut self, out: &mut Effects<Self>) {
        let (now, mut again, mut vain) = (self.now, Vec::new(), Vec::new());
        for (id, outgoing) in &mut self.outgoing {
            if let Stage::Offered { since, tries, .. } = &mut outgoing.stage
                && now >= *since + OFFER
            {
                (*since, *tries) = (now, *tries + 1);
                let list = if *tries < OFFERS { &mut again } else { &mut vain };
                list.push(*id);
            }
        }
        for id in again {
            self.offer(id, out);
        }
        for id in vain {
            self.end_outgoing(id, TransferFailure::GaveUp, out);
        }
    }
}
