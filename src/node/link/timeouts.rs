//! How long a peer may take to answer: longer after every failure, and as long as it was seen to
//! need. On a fast link that is always the shortest limit.

use std::time::Duration;

/// How long an answer may take at the least. The limit doubles with every failure.
pub(in crate::node) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an answer may take at the most.
pub(in crate::node) const MAX_ANSWER_TIMEOUT: Duration = Duration::from_secs(32);
/// A link is closed when it was silent for this many answer time-outs: three pings in a row.
const SILENT_ANSWERS: u32 = 3;
/// A link that was silent for this long is closed, whatever the answer time-out is.
pub(in crate::node) const MAX_SILENCE: Duration = Duration::from_secs(60);

/// What is known of a peer's answers.
#[derive(Default)]
pub(super) struct Timeouts {
    /// The slowest answer lately: each further one counts an eighth less.
    slowest: Duration,
    /// How many answers in a row did not come in time.
    failures: u32,
}

impl Timeouts {
    /// How long one answer may take.
    pub(super) fn answer(&self) -> Duration {
        let doublings = 1 << self.failures.min(MAX_ANSWER_TIMEOUT.as_secs().ilog2());
        let usual = ANSWER_TIMEOUT.max(self.slowest.saturating_mul(2));
        usual.saturating_mul(doublings).min(MAX_ANSWER_TIMEOUT)
    }

    /// How long a link may be silent.
    pub(super) fn silence(&self) -> Duration {
        (self.answer() * SILENT_ANSWERS).min(MAX_SILENCE)
    }

    /// An answer took this long.
    pub(super) fn answered(&mut self, took: Duration) {
        self.slowest = took.max(self.slowest.saturating_sub(self.slowest / 8));
        self.failures = 0;
    }

    /// An answer did not come in time.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(timeouts: &Timeouts) -> (f64, f64) {
        (timeouts.answer().as_secs_f64(), timeouts.silence().as_secs_f64())
    }

    #[test]
    fn limits_grow_with_failures_up_to_a_maximum_and_an_answer_ends_that() {
        let mut timeouts = Timeouts::default();
        let mut limits = vec![seconds(&timeouts)];
        for _ in 0..7 {
            timeouts.failed();
            limits.push(seconds(&timeouts));
        }
        let want = [1, 2, 4, 8, 16, 32, 32, 32].map(f64::from);
        assert_eq!(limits.iter().map(|limit| limit.0).collect::<Vec<_>>(), want);
        let want = [3, 6, 12, 24, 48, 60, 60, 60].map(f64::from);
        assert_eq!(limits.iter().map(|limit| limit.1).collect::<Vec<_>>(), want);
        timeouts.answered(Duration::from_millis(400));
        assert_eq!(seconds(&timeouts), (1.0, 3.0), "a fast link has the shortest limits");
        (0..u32::MAX.ilog2()).for_each(|_| timeouts.failed());
        timeouts.failures = u32::MAX;
        timeouts.failed();
        assert_eq!(seconds(&timeouts), (32.0, 60.0));
    }

    #[test]
    fn limits_follow_the_slowest_answer_of_late() {
        let mut timeouts = Timeouts::default();
        timeouts.answered(Duration::from_secs(3));
        assert_eq!(seconds(&timeouts), (6.0, 18.0));
        timeouts.answered(Duration::from_millis(1));
        assert_eq!(seconds(&timeouts), (5.25, 15.75), "one fast answer says little");
        timeouts.failed();
        assert_eq!(seconds(&timeouts), (10.5, 31.5));
        for _ in 0..20 {
            timeouts.answered(Duration::from_millis(1));
        }
        assert_eq!(seconds(&timeouts), (1.0, 3.0));
        timeouts.answered(Duration::MAX);
        assert_eq!(seconds(&timeouts), (32.0, 60.0));
    }
}
