//! What clients ask of a register, what that does to it, and what they are told.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::register::{Expiry, Register};

/// The longest value, in bytes; longer ones are refused.
pub const MAX_VALUE: usize = 1 << 20;
/// How many bytes of values an operation may carry, and how many its reply may tell: a change with
/// a comparison carries two values.
pub const MAX_BYTES: usize = 2 * MAX_VALUE;
/// How many bytes of new values the changes of one round may make: more would keep everybody
/// waiting.
pub const MAX_MADE: usize = 16 * MAX_VALUE;
/// The longest key, in bytes.
pub const MAX_KEY: usize = 1024;

/// Under which condition a change is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Whatever there is.
    #[default]
    Always,
    /// There is no value.
    Absent,
    /// There is a value.
    Present,
    /// The version is this one; 0: there is no value.
    Version(u64),
    /// The value is this one.
    Equal(Bytes),
    /// There is another value, or none.
    Different(Bytes),
}

impl Condition {
    /// True if the register is so.
    pub fn holds(&self, register: &Register) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => register.value.is_none(),
            Self::Present => register.value.is_some(),
            Self::Version(version) => register.told_version() == *version,
            Self::Equal(value) => register.value.as_ref() == Some(value),
            Self::Different(value) => register.value.as_ref() != Some(value),
        }
    }
}

/// What a new value does to the expiry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// There is none any more.
    #[default]
    Unlimited,
    /// It stays as it is.
    Kept,
    /// So many milliseconds from now.
    Milliseconds(u64),
}

/// What is asked of one register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// What is there?
    Read,
    /// Give it this value.
    Set {
        /// The value.
        value: Bytes,
        /// Only if this holds.
        #[serde(default)]
        only: Condition,
        /// What becomes of the expiry.
        #[serde(default)]
        lifetime: Lifetime,
        /// Tell the value that was there before.
        #[serde(default)]
        tells: bool,
    },
    /// Take the value away.
    Delete {
        /// Only if this holds, and there is a value.
        #[serde(default)]
        only: Condition,
        /// Tell the value that was there before.
        #[serde(default)]
        tells: bool,
    },
    /// Put these bytes behind the value.
    Append(Bytes),
    /// Add this to the value, a decimal number; none counts as 0.
    Add(i64),
    /// Set the expiry, or take it away.
    Live(Option<u64>),
    /// The owner's own: delete what has outlived this expiry.
    Lapse(Expiry),
    /// The peers' own: complete a round, so that a deleted register can be dropped.
    Confirm,
    /// Several, one after the other and nothing between; nothing at all if the version is another.
    All(Option<u64>, Vec<Request>),
}

/// Why a change makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mistake {
    /// The value is no decimal number of 64 bits.
    NoNumber,
    /// The sum is none.
    Overflow,
    /// The value would be longer than [`MAX_VALUE`].
    TooLong,
    /// Several together would tell more than [`MAX_BYTES`], or make more than [`MAX_MADE`].
    TooMuch,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This is there.
    Value(Option<Bytes>, Option<Expiry>),
    /// It was done; the value that was there before, if that was wanted.
    Done(Option<Bytes>),
    /// The condition does not hold; the value that is there, if that was wanted.
    NotDone(Option<Bytes>),
    /// It was done, and the value is this number now.
    Number(i64),
    /// It was done, and the value has so many bytes now.
    Length(u64),
    /// It makes no sense, and nothing was done.
    Invalid(Mistake),
    /// Those of several.
    All(Vec<Answer>),
    /// Nobody knows whether it was done; it may still be.
    Unknown,
    /// It was not done and will not be: too few peers answered.
    Unavailable,
    /// It was not done and will not be: too many wait for the same key.
    Busy,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// The version after the operation; 0 if there is no value, but a deletion has its own.
    pub version: u64,
    /// What came of it.
    pub outcome: Answer,
}

impl Reply {
    /// One that tells nothing of the register.
    pub fn of(outcome: Answer) -> Self {
        Self { version: 0, outcome }
    }
}

impl Request {
    /// True if it can change nothing, whatever the register holds.
    pub fn is_read(&self) -> bool {
        match self {
            Self::Read => true,
            Self::All(_, all) => all.iter().all(Self::is_read),
            _ => false,
        }
    }

    /// Does it to the register.
    pub fn apply(&self, register: &mut Register) -> Reply {
        let before = register.version;
        let outcome = self.outcome(register);
        let version =
            if register.version == before { register.told_version() } else { register.version };
        Reply { version, outcome }
    }

    fn outcome(&self, register: &mut Register) -> Answer {
        match self {
            Self::Read => Answer::Value(register.value.clone(), register.expiry),
            Self::Confirm => Answer::Done(None),
            Self::Set { value, only, lifetime, tells } => {
                let before = register.value.clone().filter(|_| *tells);
                if !only.holds(register) {
                    return Answer::NotDone(before);
                }
                set(register, Some(value.clone()), *lifetime);
                Answer::Done(before)
            }
            Self::Delete { only, tells } => {
                let before = register.value.clone().filter(|_| *tells);
                if register.value.is_none() || !only.holds(register) {
                    return Answer::NotDone(before);
                }
                set(register, None, Lifetime::Unlimited);
                Answer::Done(before)
            }
            Self::Append(tail) => append(register, tail),
            Self::Add(amount) => add(register, *amount),
            Self::Live(after_ms) => {
                let is_none = after_ms.is_none() && register.expiry.is_none();
                let Some(value) = register.value.clone().filter(|_| !is_none) else {
                    return Answer::NotDone(None);
                };
                let lifetime = after_ms.map_or(Lifetime::Unlimited, Lifetime::Milliseconds);
                set(register, Some(value), lifetime);
                Answer::Done(None)
            }
            Self::Lapse(expiry) => {
                if register.value.is_none() || register.expiry != Some(*expiry) {
                    return Answer::NotDone(None);
                }
                set(register, None, Lifetime::Unlimited);
                Answer::Done(None)
            }
            Self::All(version, _) if version.is_some_and(|v| v != register.told_version()) => {
                Answer::NotDone(None)
            }
            Self::All(_, all) => together(register, all),
        }
    }

    /// How many bytes of values it carries.
    pub fn carried(&self) -> usize {
        let compared = |only: &Condition| match only {
            Condition::Equal(value) | Condition::Different(value) => value.len(),
            _ => 0,
        };
        match self {
            Self::Set { value, only, .. } => value.len() + compared(only),
            Self::Delete { only, .. } => compared(only),
            Self::Append(tail) => tail.len(),
            Self::All(_, all) => all.iter().map(Self::carried).sum(),
            _ => 0,
        }
    }
}

impl Answer {
    /// How many bytes of values it tells.
    pub fn told(&self) -> usize {
        match self {
            Self::Value(value, _) | Self::Done(value) | Self::NotDone(value) => {
                value.as_ref().map_or(0, |value| value.len())
            }
            Self::All(all) => all.iter().map(Self::told).sum(),
            _ => 0,
        }
    }
}

impl Register {
    /// How long its value is.
    pub fn length(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.len())
    }
}

/// All of them, or none if that is too much.
fn together(register: &mut Register, all: &[Request]) -> Answer {
    let (before, mut told, mut made) = (register.clone(), 0, 0);
    let mut outcomes = Vec::new();
    for one in all {
        let version = register.version;
        let outcome = one.outcome(register);
        told += outcome.told();
        made += if register.version > version { register.length() } else { 0 };
        if told > MAX_BYTES || made > MAX_MADE {
            *register = before;
            return Answer::Invalid(Mistake::TooMuch);
        }
        outcomes.push(outcome);
    }
    Answer::All(outcomes)
}

/// One change: the version counts it.
fn set(register: &mut Register, value: Option<Bytes>, lifetime: Lifetime) {
    register.value = value;
    register.version += 1;
    register.expiry = match lifetime {
        Lifetime::Unlimited => None,
        Lifetime::Kept => register.expiry,
        Lifetime::Milliseconds(after_ms) => Some(Expiry { after_ms, since: register.version }),
    };
}

fn append(register: &mut Register, tail: &[u8]) -> Answer {
    let old = register.value.as_deref().unwrap_or_default();
    if old.len() + tail.len() > MAX_VALUE {
        return Answer::Invalid(Mistake::TooLong);
    }
    let value = [old, tail].concat();
    let length = value.len() as u64;
    set(register, Some(value.into()), Lifetime::Kept);
    Answer::Length(length)
}

/// As Redis does: a number is written without blanks, signs or zeros that it does not need.
fn add(register: &mut Register, amount: i64) -> Answer {
    let old = match &register.value {
        None => Some(0),
        Some(value) => std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse::<i64>().ok().filter(|number| number.to_string() == text)),
    };
    let Some(old) = old else { return Answer::Invalid(Mistake::NoNumber) };
    let Some(sum) = old.checked_add(amount) else { return Answer::Invalid(Mistake::Overflow) };
    set(register, Some(sum.to_string().as_str().into()), Lifetime::Kept);
    Answer::Number(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_to(value: &str, only: Condition) -> Request {
        let lifetime = Lifetime::Unlimited;
        Request::Set { value: value.into(), only, lifetime, tells: true }
    }

    /// Every operation in turn: what is told, and what is there then.
    #[test]
    fn operations_do_what_they_say_and_the_version_counts_changes() {
        let done = |before: &str| Answer::Done(Some(before.into()));
        let absent = Condition::Absent;
        let mut register = Register::above(40);
        for (operation, outcome, value, version) in [
            (Request::Read, Answer::Value(None, None), None, 0),
            (set_to("a", Condition::Present), Answer::NotDone(None), None, 0),
            (set_to("a", absent.clone()), Answer::Done(None), Some("a"), 41),
            (set_to("b", absent), Answer::NotDone(Some("a".into())), Some("a"), 41),
            (set_to("b", Condition::Version(41)), done("a"), Some("b"), 42),
            (set_to("7", Condition::Equal("b".into())), done("b"), Some("7"), 43),
            (Request::Add(-9), Answer::Number(-2), Some("-2"), 44),
            (Request::Add(i64::MIN), Answer::Invalid(Mistake::Overflow), Some("-2"), 44),
            (Request::Append("x".into()), Answer::Length(3), Some("-2x"), 45),
            (Request::Add(1), Answer::Invalid(Mistake::NoNumber), Some("-2x"), 45),
            (Request::Live(Some(5)), Answer::Done(None), Some("-2x"), 46),
            (Request::Live(None), Answer::Done(None), Some("-2x"), 47),
            (Request::Live(None), Answer::NotDone(None), Some("-2x"), 47),
            (
                Request::All(Some(47), vec![Request::Append("y".into()), Request::Read]),
                Answer::All(vec![Answer::Length(4), Answer::Value(Some("-2xy".into()), None)]),
                Some("-2xy"),
                48,
            ),
            (Request::All(Some(47), vec![Request::Read]), Answer::NotDone(None), Some("-2xy"), 48),
            (Request::Delete { only: Condition::Always, tells: true }, done("-2xy"), None, 49),
            (
                Request::Delete { only: Condition::Always, tells: true },
                Answer::NotDone(None),
                None,
                0,
            ),
            (set_to("c", Condition::Version(0)), Answer::Done(None), Some("c"), 50),
        ] {
            let reply = operation.apply(&mut register);
            assert_eq!(reply, Reply { version, outcome }, "{operation:?}");
            assert_eq!(register.value, value.map(Bytes::from), "{operation:?}");
        }
    }

    #[test]
    fn several_together_are_done_or_are_too_much() {
        let value: Bytes = vec![b'x'; MAX_VALUE / 2].into();
        let mut register = Register { value: Some(value), ..Register::above(5) };
        let before = register.clone();
        let append = Request::Append("y".into());
        for (operation, most) in [(Request::Read, 4), (append, 31)] {
            let all = |count| Request::All(None, vec![operation.clone(); count]);
            let told = all(most + 1).apply(&mut register).outcome;
            assert_eq!((told, &register), (Answer::Invalid(Mistake::TooMuch), &before));
            let told = all(most).apply(&mut register.clone()).outcome;
            assert!(matches!(told, Answer::All(all) if all.len() == most), "{operation:?}");
        }
    }

    #[test]
    fn an_expiry_is_known_by_the_version_that_has_set_it() {
        let mut register = Register::default();
        let with = |lifetime| Request::Set {
            value: "a".into(),
            only: Condition::Always,
            lifetime,
            tells: false,
        };
        with(Lifetime::Milliseconds(9)).apply(&mut register);
        let expiry = Expiry { after_ms: 9, since: 1 };
        Request::Append("b".into()).apply(&mut register);
        with(Lifetime::Kept).apply(&mut register);
        assert_eq!((register.expiry, register.version), (Some(expiry), 3));
        let other = Request::Lapse(Expiry { since: 2, ..expiry });
        assert_eq!(other.apply(&mut register).outcome, Answer::NotDone(None));
        Request::Lapse(expiry).apply(&mut register);
        assert_eq!((register.value, register.version), (None, 4));
    }

    #[test]
    fn only_numbers_as_redis_writes_them_are_added_to() {
        for text in ["", " 1", "1 ", "+1", "01", "-0", "1.0", "9223372036854775808", "\u{661}"] {
            let mut register = Register { value: Some(text.into()), ..Register::above(1) };
            let outcome = Request::Add(1).apply(&mut register).outcome;
            assert_eq!(outcome, Answer::Invalid(Mistake::NoNumber), "{text:?}");
        }
    }
}
