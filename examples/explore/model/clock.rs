//! A limit for explorations that would never end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Ends an exploration that takes too long: from then on nothing happens any more.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The end, if there is one.
    pub(crate) until: Option<Instant>,
    rang: AtomicBool,
    stopped: AtomicBool,
}

impl Clock {
    /// True from the end on.
    pub(crate) fn is_over(&self) -> bool {
        let over = self.until.is_some_and(|until| Instant::now() >= until);
        if self.stopped.load(Ordering::Relaxed) {
            return false;
        }
        if over {
            self.rang.store(true, Ordering::Relaxed);
        }
        over
    }

    /// The exploration is over; what was found can be looked at without haste.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// True if it ended an exploration.
    pub(crate) fn rang(&self) -> bool {
        self.rang.load(Ordering::Relaxed)
    }
}
