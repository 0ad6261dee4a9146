//! Lines for people about what others do, few enough to be read: a refused client can come back
//! with another text a thousand times a second.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::sync::UNPOISONED;
use crate::visible::clipped;

/// What a line for people tells, and so whether everybody wants to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What a run does in which nothing is wrong.
    Story,
    /// Something is wrong or missing, or was lost.
    Trouble,
}

/// How many lines are remembered for that; each is at most a few hundred bytes long.
const MAX_REMEMBERED: usize = 100;

/// Takes one line for people; must not block.
pub type Say = Box<dyn Fn(Level, &str) + Send + Sync>;

/// Text from outside, fit to be printed: one line that can be seen, and not too long.
pub(super) fn plain(text: &str) -> String {
    clipped(text, 200)
}

/// Lets through `burst` lines at once and one more every `every`; the rest is counted. What was
/// said is not said again for `again`.
pub(super) struct LogLimiter {
    burst: u32,
    every: Duration,
    again: Duration,
    state: Mutex<State>,
}

struct State {
    /// How many lines may be said now.
    credit: u32,
    /// Since when the next one is being earned.
    since: Instant,
    suppressed: u64,
    said: VecDeque<(Instant, String)>,
}

impl LogLimiter {
    pub(super) fn new(burst: u32, every: Duration, again: Duration) -> Self {
        let (since, said) = (Instant::now(), VecDeque::new());
        let state = State { credit: burst, since, suppressed: 0, said };
        Self { burst, every, again, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// Hands `text` to `say`, unless it was said lately or too much was. Before it comes how many
    /// lines were left out since the last one.
    pub(super) fn say(&self, text: &str, say: impl Fn(&str)) {
        self.say_at(Instant::now(), text, say);
    }

    fn say_at(&self, now: Instant, text: &str, say: impl Fn(&str)) {
        let mut state = self.state();
        while state.said.front().is_some_and(|(at, _)| now - *at >= self.again) {
            state.said.pop_front();
        }
        if state.said.iter().any(|(_, said)| said == text) {
            return;
        }
        while state.credit < self.burst && now - state.since >= self.every {
            state.credit += 1;
            state.since += self.every;
        }
        if state.credit == 0 {
            state.suppressed += 1;
            return;
        }
        if state.credit == self.burst {
            state.since = now;
        }
        state.credit -= 1;
        if state.suppressed > 0 {
            say(&format!("({} lines like the next one were left out)", state.suppressed));
            state.suppressed = 0;
        }
        say(text);
        state.said.push_back((now, text.to_owned()));
        if state.said.len() > MAX_REMEMBERED {
            state.said.pop_front();
        }
    }

    /// Forgets what was said; true if anything was. The credit stays as it is, so that a peer that
    /// brings this about again and again gains nothing.
    pub(super) fn forget(&self) -> bool {
        let mut state = self.state();
        let any = !state.said.is_empty();
        state.said.clear();
        any
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn however_many_texts_come_few_are_said_and_few_remembered() {
        let limiter = LogLimiter::new(5, Duration::from_secs(2), Duration::from_secs(60));
        let begun = Instant::now();
        let lines = RefCell::new(Vec::new());
        // A thousand different texts a second, for ten minutes.
        for ms in 0..600_000 {
            let at = begun + Duration::from_millis(ms);
            limiter.say_at(at, &format!("text {ms}"), |line| {
                lines.borrow_mut().push(line.to_owned());
            });
        }
        let lines = lines.into_inner();
        let texts = lines.iter().filter(|line| line.starts_with("text")).count();
        assert!((300..=305).contains(&texts), "{texts}");
        assert!(lines.len() <= 2 * texts, "{}", lines.len());
        assert!(limiter.state().said.len() <= MAX_REMEMBERED);
        assert!(lines.contains(&"(1999 lines like the next one were left out)".to_owned()));
    }

    #[test]
    fn the_same_text_is_said_once_a_minute_and_leaves_room_for_others() {
        let limiter = LogLimiter::new(2, Duration::from_secs(3600), Duration::from_secs(60));
        let begun = Instant::now();
        let count = RefCell::new(0);
        let say = |seconds, text: &str| {
            limiter.say_at(begun + Duration::from_secs(seconds), text, |_| {
                *count.borrow_mut() += 1;
            });
            *count.borrow()
        };
        assert_eq!((say(0, "a"), say(1, "a"), say(59, "a")), (1, 1, 1));
        assert_eq!((say(60, "a"), say(61, "b")), (2, 2), "the third line is too much");
        assert!(limiter.forget() && !limiter.forget());
    }
}
