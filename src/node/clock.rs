//! The deadlines of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::process::Delay;

/// The deadline of every timer that is set, by timer and by time.
pub(super) struct Timers<T> {
    deadlines: BTreeMap<T, Instant>,
    order: BTreeSet<(Instant, T)>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { deadlines: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Sets a timer, instead of its earlier deadline. True if it is now the first of all.
    pub(super) fn set(&mut self, timer: T, delay: Delay) -> bool {
        if let Some(old) = self.deadlines.remove(&timer) {
            self.order.remove(&(old, timer));
        }
        // A deadline beyond the clock's end never comes.
        let Some(deadline) = Instant::now().checked_add(draw(delay)) else { return false };
        self.deadlines.insert(timer, deadline);
        self.order.insert((deadline, timer));
        self.order.first() == Some(&(deadline, timer))
    }

    /// The first deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// Takes a timer whose deadline has passed.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<T> {
        let (deadline, timer) = *self.order.first()?;
        if deadline > now {
            return None;
        }
        self.order.pop_first();
        self.deadlines.remove(&timer);
        Some(timer)
    }
}

/// A time within the range, drawn evenly.
fn draw(delay: Delay) -> Duration {
    let spread = delay.at_most.saturating_sub(delay.at_least);
    // Fresh keys come from the system's random source.
    let random = RandomState::new().hash_one(0u8);
    let thousandths = u32::try_from(random % 1001).unwrap_or(0);
    delay.at_least + spread / 1000 * thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_again_has_only_its_new_deadline() {
        let mut timers = Timers::default();
        let at = |seconds| Delay::from(Duration::from_secs(seconds));
        assert!(timers.set('a', at(10)));
        assert!(timers.set('b', at(5)));
        assert!(!timers.set('b', at(20)));
        assert!(!timers.set('c', Delay::from(Duration::MAX)), "never comes");
        let soon = Instant::now() + Duration::from_secs(11);
        assert_eq!(timers.take_due(Instant::now()), None);
        assert_eq!(timers.take_due(soon), Some('a'));
        assert_eq!(timers.take_due(soon), None, "b was moved away");
        let deadline = timers.next().unwrap();
        assert_eq!(timers.take_due(deadline.checked_sub(Duration::from_nanos(1)).unwrap()), None);
        assert_eq!(timers.take_due(deadline), Some('b'));
        assert!(timers.deadlines.is_empty() && timers.order.is_empty());
    }

    #[test]
    fn a_delay_is_drawn_from_its_range_and_not_always_the_same() {
        let (at_least, at_most) = (Duration::from_millis(10), Duration::from_millis(20));
        let drawn: BTreeSet<_> = (0..100).map(|_| draw(Delay { at_least, at_most })).collect();
        assert!(drawn.iter().all(|time| (at_least..=at_most).contains(time)));
        assert!(drawn.len() > 10, "{drawn:?}");
    }
}
