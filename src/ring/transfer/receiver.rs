//! The receiving side: which bytes are there.

use std::collections::BTreeMap;

use super::{MOST_WINDOW, REACH};

/// What a segment is to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes that were missing: they are written, and acknowledged.
    New,
    /// They are there already: acknowledged again, since the acknowledgement may have been lost.
    Again,
    /// No segment of this file: dropped.
    Refused,
}

/// What has arrived of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receiver {
    size: u64,
    /// So many bytes are there without a gap.
    front: u64,
    /// Segments behind the gap: where each begins, and where it ends.
    ahead: BTreeMap<u64, u64>,
}

impl Receiver {
    /// Nothing yet of a file of so many bytes.
    pub fn new(size: u64) -> Self {
        Self { size, front: 0, ahead: BTreeMap::new() }
    }

    /// A segment has come: it begins at this byte, counted from 0, and is so long.
    pub fn take(&mut self, at: u64, length: u64) -> Arrival {
        let Some(end) = at.checked_add(length).filter(|end| length > 0 && *end <= self.size) else {
            return Arrival::Refused;
        };
        if end <= self.front || self.ahead.get(&at) == Some(&end) {
            return Arrival::Again;
        }
        let before = self.ahead.range(..end).next_back();
        let overlaps = before.is_some_and(|(_, other)| *other > at);
        let is_far = at > self.front + REACH || self.ahead.len() >= usize::from(MOST_WINDOW);
        if at < self.front || overlaps || is_far {
            return Arrival::Refused;
        }
        self.ahead.insert(at, end);
        while let Some(end) = self.ahead.remove(&self.front) {
            self.front = end;
        }
        Arrival::New
    }

    /// True if all of it is there.
    pub fn is_complete(&self) -> bool {
        self.front == self.size
    }

    /// How many bytes are there without a gap.
    pub fn front(&self) -> u64 {
        self.front
    }
}
