//! What a disk may hold of one thing: what was flushed last, or anything that was written since.

/// The flushed version of a sector, a length or a name, and all newer ones.
#[derive(Clone, Debug)]
pub(super) struct Versions<T> {
    durable: T,
    newer: Vec<Newer<T>>,
}

#[derive(Clone, Debug)]
struct Newer<T> {
    /// When it was written, in changes of the file system.
    at: u64,
    value: T,
    /// A flush of it failed. The kernel then takes it for written, so no later flush writes it.
    clean: bool,
}

impl<T: Clone> Versions<T> {
    pub(super) fn new(durable: T) -> Self {
        Self { durable, newer: Vec::new() }
    }

    /// What every reader sees until the power fails.
    pub(super) fn current(&self) -> &T {
        self.newer.last().map_or(&self.durable, |newer| &newer.value)
    }

    pub(super) fn set(&mut self, at: u64, value: T) {
        self.newer.push(Newer { at, value, clean: false });
    }

    /// Makes durable what was written, but for what is taken for written already.
    pub(super) fn flush(&mut self) {
        let written = self.newer.iter().rposition(|newer| !newer.clean);
        if let Some(last) = written {
            self.durable = self.newer.drain(..=last).next_back().expect("is not empty").value;
        }
    }

    /// A flush fails: what was written may be on the disk or not, for ever.
    pub(super) fn fail(&mut self) {
        self.newer.iter_mut().for_each(|newer| newer.clean = true);
    }

    /// The durable version, then the newer ones, oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        std::iter::once(&self.durable).chain(self.newer.iter().map(|newer| &newer.value))
    }

    /// When the versions were written that no flush has made durable.
    pub(super) fn unflushed(&self) -> impl Iterator<Item = u64> {
        self.newer.iter().map(|newer| newer.at)
    }

    /// The newest version of those that `reached` the disk.
    pub(super) fn newest(&self, reached: impl Fn(u64) -> bool) -> &T {
        let newest = self.newer.iter().rev().find(|newer| reached(newer.at));
        newest.map_or(&self.durable, |newer| &newer.value)
    }
}
