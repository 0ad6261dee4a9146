//! The sending side: what is under way, what must be sent again, and when to give up.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Chance, Draws, Payload, TIMEOUT};

/// How much of the file is read at once, in bytes, at least.
const CHUNK: u64 = 128 << 10;

/// How a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Bytes per segment.
    pub mss: u16,
    /// How many segments may be under way.
    pub window: u16,
    /// The probability with which an attempt to send a segment is not made.
    pub drop: Chance,
    /// After so many time-outs in a row of one segment the transfer ends.
    pub give_up: u32,
}

/// Something that the sender does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmission {
    /// Sends these bytes, which begin at this byte of the file; once more if it did so before, or
    /// left it out.
    Send {
        /// Where, from 0.
        at: u64,
        /// What.
        bytes: Payload,
        /// It is a retransmission.
        again: bool,
    },
    /// Does not send them: the number drawn was below the probability.
    Drop {
        /// Where, from 0.
        at: u64,
        /// How many bytes.
        length: u64,
    },
    /// Sends the end mark.
    End,
    /// Needs these bytes of the file.
    Read {
        /// Where, from 0.
        at: u64,
        /// How many bytes.
        length: u64,
    },
}

/// A segment that is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Segment {
    at: u64,
    bytes: Payload,
    tried: Duration,
    timeouts: u32,
    is_acknowledged: bool,
}

/// What is known of the end mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    NotYet,
    Tried { at: Duration, timeouts: u32 },
}

/// The sender of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    terms: Terms,
    size: u64,
    /// The first byte that no segment has yet.
    next: u64,
    /// Under way, the oldest first.
    under_way: VecDeque<Segment>,
    /// Bytes from `next` on that were read ahead, behind those that are used up.
    ahead: Vec<u8>,
    used: usize,
    is_reading: bool,
    end: End,
    draws: Draws,
}

impl Sender {
    /// A sender of a file of so many bytes, that has sent nothing yet.
    pub fn new(terms: Terms, size: u64, draws: Draws) -> Self {
        Self {
            terms,
            size,
            next: 0,
            under_way: VecDeque::new(),
            ahead: Vec::new(),
            used: 0,
            is_reading: false,
            end: End::NotYet,
            draws,
        }
    }

    /// Fills the window, as far as the bytes are there.
    pub fn go_on(&mut self, now: Duration, out: &mut Vec<Transmission>) {
        let (mss, window) = (u64::from(self.terms.mss), usize::from(self.terms.window));
        while self.next < self.size && self.under_way.len() < window {
            let length = mss.min(self.size - self.next);
            let until = self.used + usize::try_from(length).unwrap_or(usize::MAX);
            let Some(bytes) = self.ahead.get(self.used..until) else { break };
            let bytes = Payload(bytes.to_vec());
            (self.used, self.next) = (until, self.next + length);
            let at = self.next - length;
            out.push(self.draw(at, &bytes, false));
            let segment = Segment { at, bytes, tried: now, timeouts: 0, is_acknowledged: false };
            self.under_way.push_back(segment);
        }
        let read = self.next + (self.ahead.len() - self.used) as u64;
        // Early enough that nothing waits for it.
        let wanted = (CHUNK / 2).max(mss * u64::from(self.terms.window));
        if !self.is_reading && read < self.size && read - self.next < wanted {
            self.is_reading = true;
            let length = CHUNK.max(wanted).min(self.size - read);
            out.push(Transmission::Read { at: read, length });
        }
        let is_done = self.next == self.size && self.under_way.is_empty();
        if is_done && self.end == End::NotYet {
            self.end = End::Tried { at: now, timeouts: 0 };
            out.push(Transmission::End);
        }
    }

    fn draw(&mut self, at: u64, bytes: &Payload, again: bool) -> Transmission {
        if self.draws.is_below(self.terms.drop) {
            return Transmission::Drop { at, length: bytes.0.len() as u64 };
        }
        Transmission::Send { at, bytes: bytes.clone(), again }
    }

    /// Bytes of the file have been read. False if they are not those that were asked for.
    pub fn feed(&mut self, at: u64, bytes: &[u8]) -> bool {
        let read = self.next + (self.ahead.len() - self.used) as u64;
        if !self.is_reading || at != read || bytes.is_empty() {
            return false;
        }
        self.is_reading = false;
        self.ahead.drain(..self.used);
        self.used = 0;
        self.ahead.extend_from_slice(bytes);
        true
    }

    /// The segment that ends before this byte, counted from 0, was acknowledged. False if none that
    /// is under way ends there.
    pub fn acknowledged(&mut self, end: u64) -> bool {
        let ends = |segment: &&mut Segment| segment.at + segment.bytes.0.len() as u64 == end;
        let Some(segment) = self.under_way.iter_mut().find(ends) else { return false };
        segment.is_acknowledged = true;
        while self.under_way.front().is_some_and(|segment| segment.is_acknowledged) {
            self.under_way.pop_front();
        }
        true
    }

    /// Tries again what has waited too long. False if that was in vain too often.
    pub fn expire(&mut self, now: Duration, out: &mut Vec<Transmission>) -> bool {
        for at in 0..self.under_way.len() {
            let segment = &mut self.under_way[at];
            if segment.is_acknowledged || now < segment.tried + TIMEOUT {
                continue;
            }
            segment.timeouts += 1;
            if segment.timeouts >= self.terms.give_up {
                return false;
            }
            segment.tried = now;
            let (place, bytes) = (segment.at, segment.bytes.clone());
            out.push(self.draw(place, &bytes, true));
        }
        if let End::Tried { at, timeouts } = self.end
            && now >= at + TIMEOUT
        {
            self.end = End::Tried { at: now, timeouts: timeouts + 1 };
            out.push(Transmission::End);
            return timeouts + 1 < self.terms.give_up;
        }
        true
    }

    /// When something will have waited too long.
    pub fn deadline(&self) -> Option<Duration> {
        let waiting = self.under_way.iter().filter(|segment| !segment.is_acknowledged);
        let end = match self.end {
            End::Tried { at, .. } => Some(at + TIMEOUT),
            End::NotYet => None,
        };
        waiting.map(|segment| segment.tried + TIMEOUT).chain(end).min()
    }

    /// True once the end mark was sent: all segments were acknowledged.
    pub fn has_ended(&self) -> bool {
        self.end != End::NotYet
    }
}
