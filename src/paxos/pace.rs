//! How long a proposer waits: for answers, and between two attempts.
//!
//! No fixed time fits every link and every disk. Where a round trip and a flush take longer than
//! the time-out, each attempt is given up just before its answers come, and nothing is ever
//! decided. So the time-out doubles when answers do not come, and when they do it follows what they
//! took. Late answers to an attempt that was given up count too: they tell best how long a round
//! really takes.
//!
//! A *round* is measured from the step that asks until a majority has answered, whatever it
//! answers. That includes the flush of the proposer's own record, without which no question leaves.
//!
//! Rivals that back off for less than a round refuse each other again and again, so after a refusal
//! the back-off grows with the measured rounds once four in a row were slow. It does not grow with
//! a time-out that was only doubled: after a long cut nobody has to wait for long.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::proposal::ProposalNumber;
use super::quorum::{Acceptors, is_quorum};
use crate::process::{Delay, PeerId};

/// How long the first questions wait for the answers of a majority. No question waits for less.
pub const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
/// No question waits for longer: what takes longer than this is not decided.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(64);
/// A question waits this many times as long as a round took.
const MARGIN: u32 = 2;
/// The longest first back-off; each failure doubles it.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(10);
/// The longest back-off on fast links is `FIRST_BACKOFF << MOST_DOUBLINGS`, 1.28 s.
pub const MOST_DOUBLINGS: u32 = 7;
/// After a refusal on slow links it is a round at first and `<< SLOW_DOUBLINGS`, eight rounds, at
/// last. In the simulator four are enough for two rivals, but not for nine.
pub const SLOW_DOUBLINGS: u32 = 3;
/// How many rounds in a row must be slow before a rival backs off for longer.
const ROUNDS: usize = 4;
/// How many questions are remembered for the sake of late answers. While the time-out grows from
/// the first to the longest, seven attempts begin.
const MOST_QUESTIONS: usize = 16;

/// The two questions of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The first.
    Prepare,
    /// The second.
    Accept,
}

/// Why an attempt was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptFailure {
    /// Too few have answered.
    TimedOut,
    /// A rival was quicker.
    Refused,
}

/// A question that was asked, and who has answered it.
#[derive(Clone, Debug)]
struct Asked {
    number: ProposalNumber,
    kind: Question,
    at: Duration,
    answered: Acceptors,
}

/// What a proposer knows of the time that its questions take.
///
/// Two paces always compare as equal: a peer with another pace sends the same messages and sets the
/// same timers, only with other delays. A model in which any timer may fire at any moment need not
/// tell them apart.
#[derive(Clone, Debug)]
pub struct Pace {
    now: Duration,
    /// How long each phase's questions have been found to need. Apart, because an accept can take
    /// longer than a prepare each time: a quick prepare must not shorten the wait for it.
    waits: [Duration; 2],
    /// The last measured rounds, zero while there are fewer.
    rounds: [Duration; ROUNDS],
    /// Those without a majority of answers, oldest first.
    questions: VecDeque<Asked>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            now: Duration::ZERO,
            waits: [FIRST_TIMEOUT; 2],
            rounds: [Duration::ZERO; ROUNDS],
            questions: VecDeque::new(),
        }
    }
}

impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}

impl Hash for Pace {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Pace {
    /// It is that late.
    pub fn clock(&mut self, now: Duration) {
        self.now = now;
    }

    /// A question is asked now. Returns how long it waits for its answers.
    pub fn asks(&mut self, number: ProposalNumber, kind: Question) -> Duration {
        if self.questions.len() == MOST_QUESTIONS {
            self.questions.pop_front();
        }
        self.questions.push_back(Asked { number, kind, at: self.now, answered: Acceptors::new() });
        self.timeout()
    }

    /// An answer to that question came now, in time or late. If it completes a late round which
    /// shows that the newest question must wait for longer, returns for how long from now on.
    pub fn hears(
        &mut self,
        members: &Acceptors,
        from: PeerId,
        number: ProposalNumber,
        kind: Question,
    ) -> Option<Duration> {
        let asked = |asked: &Asked| asked.number == number && asked.kind == kind;
        let index = self.questions.iter().position(asked)?;
        let question = &mut self.questions[index];
        question.answered.insert(from);
        if !is_quorum(members, &question.answered) {
            return None;
        }
        let (before, late) = (self.timeout(), index + 1 < self.questions.len());
        let took = self.now.saturating_sub(self.questions.remove(index)?.at);
        self.rounds.rotate_left(1);
        self.rounds[ROUNDS - 1] = took.min(LONGEST_TIMEOUT / MARGIN);
        let wait = &mut self.waits[kind as usize];
        *wait = (took.min(LONGEST_TIMEOUT) * MARGIN)
            .max(*wait / 2)
            .clamp(FIRST_TIMEOUT, LONGEST_TIMEOUT);
        let (after, newest) = (self.timeout(), self.questions.back()?);
        let deadline = newest.at + after;
        (late && after > before).then(|| deadline.saturating_sub(self.now))
    }

    /// The newest question has waited in vain. Returns how long the next one waits, if that is
    /// longer.
    pub fn times_out(&mut self, kind: Question) -> Option<Duration> {
        let before = self.timeout();
        self.waits[kind as usize] = (before * 2).min(LONGEST_TIMEOUT);
        let after = self.timeout();
        (after > before).then_some(after)
    }

    /// How long to rest after an attempt that failed, `earlier` others having failed before.
    ///
    /// Random, or two rivals refuse each other forever; growing, so that it ends.
    pub fn back_off(&self, failure: AttemptFailure, earlier: u32) -> Delay {
        let usual = FIRST_BACKOFF * (1 << earlier.min(MOST_DOUBLINGS));
        // The shortest of them: one that a cut or a pause held up says nothing about the next.
        let round = self.rounds.into_iter().min().unwrap_or_default();
        // A round for which the first time-out is long enough is no slow one; one that takes as
        // long as that time-out counts in full.
        let slow = (round * MARGIN).saturating_sub(FIRST_TIMEOUT).min(round);
        let at_most = match failure {
            AttemptFailure::TimedOut => usual,
            AttemptFailure::Refused => usual.max(slow * (1 << earlier.min(SLOW_DOUBLINGS))),
        };
        Delay { at_least: FIRST_BACKOFF / 4, at_most }
    }

    fn timeout(&self) -> Duration {
        self.waits[0].max(self.waits[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(number: u64) -> ProposalNumber {
        ProposalNumber::new(number).unwrap()
    }

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn members() -> Acceptors {
        [2, 3, 4].map(PeerId).into()
    }

    /// Peers 2 and 3 answer now.
    fn majority_answers(pace: &mut Pace, number: u64, kind: Question) -> Option<Duration> {
        assert_eq!(pace.hears(&members(), PeerId(2), n(number), kind), None, "one is too few");
        assert_eq!(pace.hears(&members(), PeerId(2), n(number), kind), None, "and counts once");
        pace.hears(&members(), PeerId(3), n(number), kind)
    }

    #[test]
    fn without_answers_the_wait_doubles_up_to_the_longest() {
        let mut pace = Pace::default();
        let mut waits = Vec::new();
        for number in 1..10 {
            waits.push(pace.asks(n(number), Question::Prepare).as_secs());
            let longer = pace.times_out(Question::Prepare);
            assert_eq!(longer.is_some(), waits.last() < Some(&64), "it says so while it grows");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_late_answer_tells_how_long_a_round_takes() {
        let mut pace = Pace::default();
        pace.asks(n(1), Question::Prepare);
        pace.clock(s(1.0));
        pace.times_out(Question::Prepare);
        assert_eq!(pace.asks(n(6), Question::Prepare), s(2.0));
        pace.clock(s(2.5));
        // Number 6 has asked at 1 s: its answers are expected by 1 + 2 × 2.5.
        assert_eq!(majority_answers(&mut pace, 1, Question::Prepare), Some(s(3.5)));
        assert_eq!(pace.asks(n(11), Question::Prepare), s(5.0));
    }

    #[test]
    fn quick_answers_shorten_the_wait_again() {
        let mut pace = Pace::default();
        for _ in 0..6 {
            pace.times_out(Question::Prepare);
        }
        let mut waits = Vec::new();
        for number in 1..9 {
            waits.push(pace.asks(n(number), Question::Prepare).as_secs());
            assert_eq!(majority_answers(&mut pace, number, Question::Prepare), None);
        }
        assert_eq!(waits, [64, 32, 16, 8, 4, 2, 1, 1]);
    }

    #[test]
    fn quick_prepares_do_not_shorten_the_wait_for_slow_accepts() {
        let mut pace = Pace::default();
        for number in 1..20 {
            pace.asks(n(number), Question::Prepare);
            pace.clock(pace.now + s(0.1));
            majority_answers(&mut pace, number, Question::Prepare);
            let wait = pace.asks(n(number), Question::Accept);
            let enough = wait > s(20.0);
            assert!(enough || number < 6, "attempt {number} waits only {wait:?}");
            if !enough {
                // Its late answers are lost.
                pace.clock(pace.now + wait);
                pace.times_out(Question::Accept);
            }
        }
    }

    #[test]
    fn rivals_on_slow_links_back_off_for_rounds_and_on_fast_ones_as_ever() {
        let mut pace = Pace::default();
        let at_most = |pace: &Pace, failure, earlier| pace.back_off(failure, earlier).at_most;
        for took in [0.0, 0.010, 0.5] {
            pace.asks(n(1), Question::Prepare);
            pace.clock(pace.now + s(took));
            majority_answers(&mut pace, 1, Question::Prepare);
            for (earlier, ms) in [(0, 10), (1, 20), (5, 320), (7, 1280), (u32::MAX, 1280)] {
                let found = at_most(&pace, AttemptFailure::Refused, earlier);
                assert_eq!(found, Duration::from_millis(ms), "a round of {took} s");
            }
        }
        for number in 6..10 {
            let found = at_most(&pace, AttemptFailure::Refused, 0);
            assert_eq!(found, FIRST_BACKOFF, "up to three slow rounds may be chance");
            pace.asks(n(number), Question::Prepare);
            pace.clock(pace.now + s(10.0));
            majority_answers(&mut pace, number, Question::Prepare);
        }
        for (earlier, seconds) in [(0, 10.0), (1, 20.0), (3, 80.0), (u32::MAX, 80.0)] {
            assert_eq!(at_most(&pace, AttemptFailure::Refused, earlier), s(seconds));
        }
        assert_eq!(
            at_most(&pace, AttemptFailure::TimedOut, 0),
            FIRST_BACKOFF,
            "nobody was quicker"
        );
    }

    #[test]
    fn only_a_late_round_that_was_slower_moves_the_deadline() {
        let mut pace = Pace::default();
        for number in [1, 6] {
            pace.asks(n(number), Question::Prepare);
        }
        pace.clock(s(3.0));
        let newest = majority_answers(&mut pace, 6, Question::Prepare);
        assert_eq!(newest, None, "its proposer goes on and sets a timer of its own");
        assert_eq!(pace.asks(n(11), Question::Prepare), s(6.0));
        let late = majority_answers(&mut pace, 1, Question::Prepare);
        assert_eq!(late, None, "it took as long, so the newest question waits as long");
    }

    #[test]
    fn delays_tell_no_two_peers_apart() {
        let (mut pace, fresh) = (Pace::default(), Pace::default());
        pace.times_out(Question::Prepare);
        assert_eq!(pace, fresh);
    }

    #[test]
    fn a_rest_is_a_quarter_of_the_first_back_off_at_least() {
        let rest = Pace::default().back_off(AttemptFailure::Refused, 5);
        assert_eq!(rest.at_least, Duration::from_micros(2_500));
        assert_eq!(rest.at_most, Duration::from_millis(320));
    }

    #[test]
    fn no_answer_however_late_makes_it_wait_for_ever() {
        let mut pace = Pace::default();
        for number in 1..5 {
            pace.asks(n(number), Question::Accept);
        }
        pace.clock(Duration::MAX);
        for number in 1..5 {
            majority_answers(&mut pace, number, Question::Accept);
        }
        assert_eq!(pace.asks(n(6), Question::Accept), LONGEST_TIMEOUT);
        assert_eq!(pace.back_off(AttemptFailure::Refused, 9).at_most, LONGEST_TIMEOUT * 4);
    }

    #[test]
    fn only_the_newest_questions_are_remembered() {
        let mut pace = Pace::default();
        for number in 1..1_000 {
            pace.asks(n(number), Question::Prepare);
            pace.hears(&members(), PeerId(2), n(number), Question::Prepare);
            assert!(pace.questions.len() <= MOST_QUESTIONS);
        }
    }
}
