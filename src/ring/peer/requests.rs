//! Requests: a wish goes from peer to peer until it is where the file belongs.
//!
//! Each peer that a wish comes to confirms it to the one before, which otherwise sends it again, to
//! whoever is its successor then. An asker that hears nothing asks again as well: a peer can die
//! with a wish that it has confirmed.

use std::time::Duration;

use super::transfers::{Incoming, Outgoing, Stage};
use super::{MOST_HOPS, Peer};
use crate::process::Effects;
use crate::ring::key::{Key, Name};
use crate::ring::message::{Fact, FileOrder, Message, Note, TransferFailure, TransferId, Wish};

/// How many own requests are under way at once; more wait.
const MOST_WANTS: usize = 16;
/// How many wait; more are refused.
const MOST_WAITING: usize = 1024;
/// How many wishes of others are remembered, and how many wait for their confirmation.
const MOST_SEEN: usize = 4096;
/// How soon a wish that was not confirmed is sent again.
const HOP: Duration = Duration::from_secs(1);
/// After so long it is given up: its asker asks again.
const HOP_ENDS: Duration = Duration::from_secs(60);
/// How soon an asker asks again.
const RETRY: Duration = Duration::from_secs(10);
/// How soon one does that was told that there is too much to do.
const BUSY: Duration = Duration::from_secs(2);
/// How often it asks.
const ATTEMPTS: u16 = 6;

/// A wish that the next peer has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hop {
    wish: Wish,
    to: Key,
    begun: Duration,
    sent: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// Nothing yet; it is asked again at this time.
    None(Duration),
    /// The file should be here.
    Here,
    /// It comes.
    Comes(Incoming),
}

/// A file that a person wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Want {
    pub(super) name: Name,
    attempt: u16,
    pub(super) answer: Answer,
}

impl Peer {
    /// Somebody has typed a request.
    pub(super) fn typed(&mut self, name: Name, out: &mut Effects<Self>) {
        let is_full = self.wants.len() >= MOST_WANTS;
        if is_full && self.waiting.len() >= MOST_WAITING {
            return Self::note(Note::TooMany(name), out);
        }
        if is_full || self.is_joining {
            return self.waiting.push_back(name);
        }
        self.asked += 1;
        let id = TransferId(self.setup.seed.wrapping_add(self.asked.wrapping_mul(256)));
        let me = self.me();
        let before = if self.table.is_alone() { Some(me) } else { self.predecessors[0] };
        let is_here = before.is_some_and(|before| name.hash().is_in(before, me));
        let answer = if is_here { Answer::Here } else { Answer::None(self.now + RETRY) };
        self.wants.insert(id, Want { name, attempt: 0, answer });
        if is_here {
            return Self::order(FileOrder::Open(id, name), out);
        }
        Self::tell(Fact::Requested(name), out);
        self.pass_on(Wish { id, attempt: 0, asker: me, name, hops: 0 }, out);
    }

    /// Those that have waited, as far as there is room.
    pub(super) fn take_waiting(&mut self, out: &mut Effects<Self>) {
        while self.wants.len() < MOST_WANTS && self.leaving.is_none() {
            let Some(name) = self.waiting.pop_front() else { return };
            self.typed(name, out);
        }
    }

    fn pass_on(&mut self, mut wish: Wish, out: &mut Effects<Self>) {
        wish.hops += 1;
        let to = self.towards(wish.name.hash());
        if self.hops.len() < MOST_SEEN {
            let hop = Hop { wish, to, begun: self.now, sent: self.now };
            self.hops.insert((wish.id, wish.attempt), hop);
        }
        Self::send(to, Message::Request(wish), out);
    }

    /// Wishes that went to such a peer, and were not confirmed, go to the present successor.
    pub(super) fn pass_on_again(
        &mut self,
        is_meant: impl Fn(Key) -> bool,
        out: &mut Effects<Self>,
    ) {
        let first = self.table.first();
        if first == self.me() {
            return;
        }
        for hop in self.hops.values_mut().filter(|hop| is_meant(hop.to)) {
            (hop.to, hop.sent) = (first, self.now);
            Self::send(first, Message::Request(hop.wish), out);
        }
    }

    /// A wish has come.
    pub(super) fn requested(&mut self, from: Key, wish: Wish, out: &mut Effects<Self>) {
        if self.is_joining {
            return;
        }
        let Wish { id, attempt, asker, name, hops } = wish;
        Self::send(from, Message::Passed { id, attempt }, out);
        if !self.seen.insert((id, attempt)) {
            return;
        }
        self.seen_order.push_back((id, attempt));
        if self.seen_order.len() > MOST_SEEN
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        let me = self.me();
        if !name.hash().is_in(from, me) {
            if asker != me && hops < MOST_HOPS {
                Self::tell(Fact::PassedOn(name), out);
                self.pass_on(wish, out);
            }
            return;
        }
        if asker == me {
            // It went all the way round: nobody had said yet who stands before this peer.
            if let Some(want) = self.wants.get_mut(&id)
                && matches!(want.answer, Answer::None(_))
            {
                want.answer = Answer::Here;
                Self::order(FileOrder::Open(id, name), out);
            }
            return;
        }
        if self.leaving.is_some() || self.outgoing.contains_key(&id) {
            return;
        }
        if !self.has_room(out) {
            return Self::send(asker, Message::Busy { id }, out);
        }
        let stage = Stage::Opening { hops };
        self.outgoing.insert(id, Outgoing { to: asker, name, size: 0, stage });
        Self::order(FileOrder::Open(id, name), out);
    }

    /// The peer that should have the file has not.
    pub(super) fn absent(&mut self, from: Key, id: TransferId, out: &mut Effects<Self>) {
        let is_open = |want: &&Want| matches!(want.answer, Answer::None(_));
        if let Some(name) = self.wants.get(&id).filter(is_open).map(|want| want.name) {
            self.wants.remove(&id);
            Self::note(Note::NotThere(name, from), out);
            self.take_waiting(out);
        }
    }

    /// It has too much to do.
    pub(super) fn busy(&mut self, id: TransferId) {
        let now = self.now;
        if let Some(Want { answer: Answer::None(retry), .. }) = self.wants.get_mut(&id) {
            *retry = now + BUSY;
        }
    }

    /// A peer has the file.
    pub(super) fn responded(
        &mut self,
        from: Key,
        (id, name, size): (TransferId, Name, u64),
        patience: u32,
        hops: u16,
        out: &mut Effects<Self>,
    ) {
        let now = self.now;
        let want = self.wants.get_mut(&id).filter(|want| want.name == name);
        match want.map(|want| &mut want.answer) {
            Some(answer @ Answer::None(_)) => {
                *answer = Answer::Comes(Incoming::new(from, size, patience, now));
                Self::tell(Fact::ResponseFrom(from, name, hops), out);
                Self::tell(Fact::Receiving(name), out);
                Self::order(FileOrder::Create(id, name), out);
                Self::send(from, Message::Accept { id }, out);
            }
            // The acceptance was lost.
            Some(Answer::Comes(incoming)) if incoming.is_from(from) => {
                Self::send(from, Message::Accept { id }, out);
            }
            _ if self.done.contains(&id) => {}
            _ => {
                let why = TransferFailure::Unwanted;
                Self::send(from, Message::Failed { id, why }, out);
            }
        }
    }

    /// Sends again what was not confirmed.
    pub(super) fn tend_hops(&mut self, out: &mut Effects<Self>) {
        let (now, first) = (self.now, self.table.first());
        self.hops.retain(|_, hop| now < hop.begun + HOP_ENDS);
        let late = self.hops.values_mut().filter(|hop| now >= hop.sent + HOP);
        for hop in late {
            let to = hop.to;
            if to != first {
                self.fingers.retain(|_, (finger, _)| *finger != to);
            }
            (hop.to, hop.sent) = (first, now);
            Self::send(first, Message::Request(hop.wish), out);
        }
    }

    /// Asks again where nobody has answered, and gives up what does not come.
    pub(super) fn tend_wants(&mut self, out: &mut Effects<Self>) {
        let (now, asker) = (self.now, self.me());
        let (mut again, mut ended) = (Vec::new(), Vec::new());
        for (id, want) in &mut self.wants {
            match &mut want.answer {
                Answer::None(retry) if now >= *retry => {
                    want.attempt += 1;
                    *retry = now + RETRY;
                    let (attempt, name) = (want.attempt, want.name);
                    if attempt < ATTEMPTS {
                        again.push(Wish { id: *id, attempt, asker, name, hops: 0 });
                    } else {
                        ended.push((*id, Note::NoAnswer(name)));
                    }
                }
                Answer::Comes(incoming) if incoming.is_silent(now) => {
                    let (from, why) = (incoming.from(), TransferFailure::Silent);
                    Self::send(from, Message::Failed { id: *id, why }, out);
                    Self::order(FileOrder::Discard(*id), out);
                    ended.push((*id, Note::NotReceived(want.name, from, why)));
                }
                _ => {}
            }
        }
        for wish in again {
            Self::tell(Fact::Requested(wish.name), out);
            self.pass_on(wish, out);
        }
        for (id, note) in ended {
            self.wants.remove(&id);
            Self::note(note, out);
        }
        self.take_waiting(out);
    }
}
