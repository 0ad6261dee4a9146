//! The bytes of one file, by sectors: a disk writes a sector whole or not at all, in any order.

use std::collections::BTreeMap;

use super::versions::Versions;

pub(crate) const SECTOR: usize = 512;

type Sector = [u8; SECTOR];

/// A file's length and sectors; a sector that is not there has only NULs. So have all bytes behind
/// the current length.
pub(super) struct Content {
    length: Versions<u64>,
    sectors: BTreeMap<u64, Versions<Sector>>,
}

/// The pieces of sectors that make up so many bytes from `offset`: sector, start in it, length.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = usize::try_from(at % SECTOR as u64).expect("below a sector");
        let piece = (length - done).min(SECTOR - start);
        done += piece;
        (piece > 0).then_some((at / SECTOR as u64, start, piece))
    })
}

impl Content {
    pub(super) fn new() -> Self {
        Self { length: Versions::new(0), sectors: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> u64 {
        *self.length.current()
    }

    pub(super) fn read(&self, offset: u64, most: usize) -> Vec<u8> {
        let left = usize::try_from(self.len().saturating_sub(offset)).expect("fits into memory");
        let mut bytes = Vec::new();
        for (sector, start, length) in pieces(offset, left.min(most)) {
            match self.sectors.get(&sector) {
                Some(versions) => bytes.extend(&versions.current()[start..start + length]),
                None => bytes.resize(bytes.len() + length, 0),
            }
        }
        bytes
    }

    fn change(&mut self, at: u64, sector: u64, change: impl FnOnce(&mut Sector)) {
        let versions = self.sectors.entry(sector).or_insert(Versions::new([0; SECTOR]));
        let mut image = *versions.current();
        change(&mut image);
        versions.set(at, image);
    }

    pub(super) fn write(&mut self, at: u64, offset: u64, bytes: &[u8]) {
        let mut left = bytes;
        for (sector, start, length) in pieces(offset, bytes.len()) {
            let (piece, rest) = left.split_at(length);
            self.change(at, sector, |image| image[start..start + length].copy_from_slice(piece));
            left = rest;
        }
        let end = offset + bytes.len() as u64;
        if end > self.len() {
            self.length.set(at, end);
        }
    }

    pub(super) fn set_len(&mut self, at: u64, length: u64) {
        let cut = usize::try_from(self.len().saturating_sub(length)).expect("fits into memory");
        for (sector, start, piece) in pieces(length, cut) {
            self.change(at, sector, |image| image[start..start + piece].fill(0));
        }
        if length != self.len() {
            self.length.set(at, length);
        }
    }

    pub(super) fn flush(&mut self) {
        self.length.flush();
        self.sectors.values_mut().for_each(Versions::flush);
    }

    pub(super) fn fail(&mut self) {
        self.length.fail();
        self.sectors.values_mut().for_each(Versions::fail);
    }

    /// The power fails: of every sector any version stays, and any length between the shortest and
    /// the longest. `pick(n)` gives a number below `n`; 0 is what was flushed. True if a reader
    /// could tell.
    pub(super) fn lose(&mut self, pick: &mut impl FnMut(usize) -> usize) -> bool {
        let before = self.read(0, usize::MAX);
        let lengths: Vec<u64> = self.length.all().copied().collect();
        let length = match lengths[..] {
            [length] => length,
            _ => match pick(lengths.len() + 1) {
                version if version < lengths.len() => lengths[version],
                _ => {
                    let shortest = lengths.iter().min().expect("is not empty");
                    let longest = lengths.iter().max().expect("is not empty");
                    let room = usize::try_from(longest - shortest).expect("fits into memory");
                    shortest + pick(room + 1) as u64
                }
            },
        };
        for versions in self.sectors.values_mut() {
            let count = versions.all().count();
            let stays = if count == 1 { 0 } else { pick(count) };
            let image = *versions.all().nth(stays).expect("was counted");
            *versions = Versions::new(image);
        }
        self.length = Versions::new(length);
        let end = length.div_ceil(SECTOR as u64);
        self.sectors.retain(|sector, _| *sector < end);
        let in_last = usize::try_from(length % SECTOR as u64).expect("below a sector");
        if in_last > 0
            && let Some(last) = self.sectors.get_mut(&(end - 1))
        {
            let mut image = *last.current();
            image[in_last..].fill(0);
            *last = Versions::new(image);
        }
        self.read(0, usize::MAX) != before
    }
}
