//! One machine's log.
//!
//! A record is in one of three places, always in this order:
//!
//! | place | a kill | a power loss |
//! |---|---|---|
//! | `durable`: a flush has served it | survives | survives |
//! | `cached`: written before a restart, no flush has served it | survives | some last are lost |
//! | `waiting`: appended since, its flush is under way | some last are lost | the same |
//!
//! Waiting records that a kill takes were not written yet; the others are cached from then on: the
//! next incarnation reads them, and a power loss can still take them back. So an incarnation begins
//! by making durable what it restored: a snapshot in a new file, a flush, a rename, a flush of the
//! directory. It starts, and others can hear it, when that is through (`World::boot`). Until then
//! it can be killed or lose its power like any other, and the cache is then as volatile as before.

use std::collections::VecDeque;

use super::script::Cause;

/// The records of one machine, oldest first.
pub(super) struct Log<R> {
    pub(super) durable: Vec<R>,
    pub(super) cached: VecDeque<R>,
    pub(super) waiting: VecDeque<R>,
}

impl<R> Log<R> {
    pub(super) fn new() -> Self {
        Self { durable: Vec::new(), cached: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// True if a record of this incarnation waits for its flush: what stands behind it may not
    /// leave.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many records this end puts at stake.
    pub(super) fn at_stake(&self, cause: Cause) -> usize {
        match cause {
            Cause::Kill => self.waiting.len(),
            Cause::PowerLoss => self.cached.len() + self.waiting.len(),
        }
    }

    /// What the next incarnation reads.
    pub(super) fn readable(&self) -> impl Iterator<Item = &R> {
        self.durable.iter().chain(&self.cached)
    }

    /// The oldest record that is not durable becomes so.
    pub(super) fn flush_next(&mut self) -> Option<&R> {
        let record = self.cached.pop_front().or_else(|| self.waiting.pop_front())?;
        self.durable.push(record);
        self.durable.last()
    }

    /// The process is gone: of the waiting records the first `written` are in the cache.
    pub(super) fn kill(&mut self, written: usize) {
        self.cached.extend(self.waiting.drain(..written));
        self.waiting.clear();
    }

    /// The cache is gone, and what was never written.
    pub(super) fn lose_cache(&mut self) {
        self.cached.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with one record in each place.
    fn log() -> Log<u32> {
        Log { durable: vec![1], cached: [2].into(), waiting: [3].into() }
    }

    fn read(log: &Log<u32>) -> Vec<u32> {
        log.readable().copied().collect()
    }

    #[test]
    fn a_kill_keeps_the_cache_and_what_was_written_and_makes_nothing_durable() {
        for (written, left) in [(0, vec![1, 2]), (1, vec![1, 2, 3])] {
            let mut log = log();
            assert_eq!(log.at_stake(Cause::Kill), 1);
            log.kill(written);
            assert_eq!((read(&log), &log.durable), (left, &vec![1]));
            log.lose_cache();
            assert_eq!(read(&log), [1], "the power takes what a kill had left");
        }
    }

    #[test]
    fn a_flush_serves_earlier_incarnations_first() {
        let mut log = log();
        assert_eq!(log.at_stake(Cause::PowerLoss), 2);
        let mut next = || (log.flush_next().copied(), log.is_waiting());
        assert_eq!([next(), next(), next()], [(Some(2), true), (Some(3), false), (None, false)]);
        assert_eq!(log.durable, [1, 2, 3]);
    }
}
