//! Which operations a command of Redis is, and how their replies are told.

use crate::store::bytes::Bytes;
use crate::store::operation::{
    Answer, Condition, Lifetime, MAX_KEY, MAX_VALUE, Mistake, Reply, Request,
};

use super::resp::Replies;

/// How the replies of the operations of a command are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// `OK`, or nothing where the condition does not hold.
    Status,
    /// The value.
    Value,
    /// The values of several keys.
    Values,
    /// How many were done.
    Count,
    /// How many have a value.
    Present,
    /// The length of the value.
    Length,
    /// A number that was computed.
    Number,
    /// The seconds that are left, or the milliseconds.
    Left { seconds: bool },
    /// The type of the value.
    Type,
    /// The version.
    Version,
    /// Value and version.
    Versioned,
    /// The version that a change has made, nothing if it was not made.
    NewVersion,
}

/// What a command asks of registers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) calls: Vec<(Bytes, Request)>,
    pub(super) telling: Telling,
}

/// What is wrong with a command, in Redis' words.
pub(super) type Wrong = String;

const SYNTAX: &str = "ERR syntax error";
const NO_INTEGER: &str = "ERR value is not an integer or out of range";

fn arguments(command: &str) -> Wrong {
    format!("ERR wrong number of arguments for '{}' command", command.to_lowercase())
}

fn key(word: &[u8]) -> Result<Bytes, Wrong> {
    if word.len() > MAX_KEY {
        return Err(format!("ERR a key has at most {MAX_KEY} bytes"));
    }
    Ok(word.into())
}

fn value(word: &[u8]) -> Result<Bytes, Wrong> {
    if word.len() > MAX_VALUE {
        return Err(format!("ERR a value has at most {MAX_VALUE} bytes"));
    }
    Ok(word.into())
}

fn integer<T: std::str::FromStr>(word: &[u8]) -> Result<T, Wrong> {
    let text = std::str::from_utf8(word).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| NO_INTEGER.into())
}

/// Milliseconds from now: a positive time, as Redis has it.
fn time(command: &str, word: &[u8], seconds: bool) -> Result<u64, Wrong> {
    let number: i64 = integer(word)?;
    let ms = if seconds { number.checked_mul(1000) } else { Some(number) };
    let ms = ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| (1..1 << 52).contains(ms));
    ms.ok_or_else(|| format!("ERR invalid expire time in '{}' command", command.to_lowercase()))
}

const fn set(value: Bytes, only: Condition, lifetime: Lifetime, tells: bool) -> Request {
    Request::Set { value, only, lifetime, tells }
}

fn one(key: Bytes, operation: Request, telling: Telling) -> Asked {
    Asked { calls: vec![(key, operation)], telling }
}

/// What this command asks of registers; none if it is no such command.
///
/// # Errors
/// It is, and its arguments are wrong.
pub(super) fn asked(name: &str, words: &[Vec<u8>]) -> Result<Option<Asked>, Wrong> {
    let wrong = || arguments(name);
    let several = |operation: Request, telling| {
        let keys = words.iter().map(|word| Ok((key(word)?, operation.clone())));
        let calls: Vec<_> = keys.collect::<Result<_, Wrong>>()?;
        if calls.is_empty() { Err(wrong()) } else { Ok(Some(Asked { calls, telling })) }
    };
    let delete = |tells| Request::Delete { only: Condition::Always, tells };
    match name {
        "DEL" | "UNLINK" => return several(delete(false), Telling::Count),
        "EXISTS" => return several(Request::Read, Telling::Present),
        "MGET" => return several(Request::Read, Telling::Values),
        "SET" => return set_command(words).map(Some),
        "DELEX" | "DELIFEQ" => return delete_command(name, words).map(Some),
        _ => {}
    }
    let (operation, telling) = match (name, words) {
        ("GET", [_]) => (Request::Read, Telling::Value),
        ("STRLEN", [_]) => (Request::Read, Telling::Length),
        ("TTL", [_]) => (Request::Read, Telling::Left { seconds: true }),
        ("PTTL", [_]) => (Request::Read, Telling::Left { seconds: false }),
        ("TYPE", [_]) => (Request::Read, Telling::Type),
        ("SYNOD.VERSION", [_]) => (Request::Read, Telling::Version),
        ("SYNOD.GET", [_]) => (Request::Read, Telling::Versioned),
        ("GETDEL", [_]) => (delete(true), Telling::Value),
        ("PERSIST", [_]) => (Request::Live(None), Telling::Count),
        ("INCR", [_]) => (Request::Add(1), Telling::Number),
        ("DECR", [_]) => (Request::Add(-1), Telling::Number),
        ("INCRBY", [_, by]) => (Request::Add(integer(by)?), Telling::Number),
        ("DECRBY", [_, by]) => {
            let by = integer::<i64>(by)?.checked_neg();
            (Request::Add(by.ok_or("ERR decrement would overflow")?), Telling::Number)
        }
        ("APPEND", [_, tail]) => (Request::Append(value(tail)?), Telling::Length),
        ("SETNX", [_, new]) => {
            (set(value(new)?, Condition::Absent, Lifetime::Unlimited, false), Telling::Count)
        }
        ("GETSET", [_, new]) => {
            (set(value(new)?, Condition::Always, Lifetime::Unlimited, true), Telling::Value)
        }
        ("SETEX", [_, after, new]) => {
            let lifetime = Lifetime::Milliseconds(time(name, after, true)?);
            (set(value(new)?, Condition::Always, lifetime, false), Telling::Status)
        }
        ("PSETEX", [_, after, new]) => {
            let lifetime = Lifetime::Milliseconds(time(name, after, false)?);
            (set(value(new)?, Condition::Always, lifetime, false), Telling::Status)
        }
        ("EXPIRE", [_, after]) => live(time(name, after, true)?),
        ("PEXPIRE", [_, after]) => live(time(name, after, false)?),
        ("SYNOD.SETV", [_, version, new]) => {
            let only = Condition::Version(integer(version)?);
            (set(value(new)?, only, Lifetime::Unlimited, false), Telling::NewVersion)
        }
        _ if KNOWN.contains(&name) => return Err(wrong()),
        _ => return Ok(None),
    };
    Ok(Some(one(key(&words[0])?, operation, telling)))
}

fn live(after_ms: u64) -> (Request, Telling) {
    (Request::Live(Some(after_ms)), Telling::Count)
}

/// Those of [`asked`] that have a fixed number of arguments.
const KNOWN: &[&str] = &[
    "GET",
    "STRLEN",
    "TTL",
    "PTTL",
    "TYPE",
    "SYNOD.VERSION",
    "SYNOD.GET",
    "GETDEL",
    "PERSIST",
    "INCR",
    "DECR",
    "INCRBY",
    "DECRBY",
    "APPEND",
    "SETNX",
    "GETSET",
    "SETEX",
    "PSETEX",
    "EXPIRE",
    "PEXPIRE",
    "SYNOD.SETV",
];

fn set_command(words: &[Vec<u8>]) -> Result<Asked, Wrong> {
    let [name, new, options @ ..] = words else { return Err(arguments("set")) };
    let (mut only, mut lifetime, mut tells) = (None, None, false);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let option = String::from_utf8_lossy(option).to_uppercase();
        let mut operand = || options.next().ok_or(SYNTAX);
        let condition = match option.as_str() {
            "NX" => Condition::Absent,
            "XX" => Condition::Present,
            "IFEQ" => Condition::Equal(value(operand()?)?),
            "IFNE" => Condition::Different(value(operand()?)?),
            "GET" => {
                tells = true;
                continue;
            }
            _ => {
                let next = match option.as_str() {
                    "KEEPTTL" => Lifetime::Kept,
                    "EX" => Lifetime::Milliseconds(time("set", operand()?, true)?),
                    "PX" => Lifetime::Milliseconds(time("set", operand()?, false)?),
                    _ => return Err(SYNTAX.into()),
                };
                if lifetime.replace(next).is_some() {
                    return Err(SYNTAX.into());
                }
                continue;
            }
        };
        if only.replace(condition).is_some() {
            return Err(SYNTAX.into());
        }
    }
    let operation = set(value(new)?, only.unwrap_or_default(), lifetime.unwrap_or_default(), tells);
    let telling = if tells { Telling::Value } else { Telling::Status };
    Ok(one(key(name)?, operation, telling))
}

/// `DELEX key [IFEQ value | IFNE value]`, and `DELIFEQ key value`.
fn delete_command(command: &str, words: &[Vec<u8>]) -> Result<Asked, Wrong> {
    let option = |word: &[u8]| String::from_utf8_lossy(word).to_uppercase();
    let (name, only) = match (command, words) {
        ("DELIFEQ", [name, is]) => (name, Condition::Equal(value(is)?)),
        ("DELEX", [name]) => (name, Condition::Always),
        ("DELEX", [name, how, is]) if option(how) == "IFEQ" => (name, Condition::Equal(value(is)?)),
        ("DELEX", [name, how, is]) if option(how) == "IFNE" => {
            (name, Condition::Different(value(is)?))
        }
        ("DELEX", [_, _, _]) => return Err(SYNTAX.into()),
        _ => return Err(arguments(command)),
    };
    Ok(one(key(name)?, Request::Delete { only, tells: false }, Telling::Count))
}

/// The error that stands for a reply which tells of none.
pub(super) fn trouble(outcome: &Answer) -> Option<&'static str> {
    Some(match outcome {
        Answer::Unknown => "UNKNOWN nobody knows whether it was done; it may still be",
        Answer::Unavailable => "CLUSTERDOWN too few peers answer; it was not done",
        Answer::Busy => "BUSY too many operations wait for this key; it was not done",
        Answer::Invalid(Mistake::NoNumber) => NO_INTEGER,
        Answer::Invalid(Mistake::Overflow) => "ERR increment or decrement would overflow",
        Answer::Invalid(Mistake::TooLong) => "ERR string exceeds maximum allowed size",
        Answer::Invalid(Mistake::TooMuch) => "ERR the transaction is too large; it was not done",
        _ => return None,
    })
}

/// Tells the replies of a command's operations.
pub(super) fn tell(telling: Telling, replies: &[Reply], out: &mut Replies) {
    if let Some(error) = replies.iter().find_map(|reply| trouble(&reply.outcome)) {
        return out.error(error);
    }
    let count = |which: fn(&Reply) -> bool| {
        i64::try_from(replies.iter().filter(|reply| which(reply)).count()).unwrap_or(i64::MAX)
    };
    match telling {
        Telling::Count => return out.number(count(|r| matches!(r.outcome, Answer::Done(_)))),
        Telling::Present => return out.number(count(|r| r.version > 0)),
        Telling::Values => {
            out.array(replies.len());
            for reply in replies {
                out.value(value_of(&reply.outcome));
            }
            return;
        }
        _ => {}
    }
    let Some(Reply { version, outcome }) = replies.first() else { return out.null() };
    let version = i64::try_from(*version).unwrap_or(i64::MAX);
    match (telling, outcome) {
        (Telling::Status, Answer::Done(_)) => out.status("OK"),
        (Telling::Value, outcome) => out.value(value_of(outcome)),
        (Telling::Length, Answer::Length(length)) => {
            out.number(i64::try_from(*length).unwrap_or(i64::MAX));
        }
        (Telling::Length, outcome) => {
            let length = value_of(outcome).map_or(0, <[u8]>::len);
            out.number(i64::try_from(length).unwrap_or(i64::MAX));
        }
        (Telling::Number, Answer::Number(number)) => out.number(*number),
        (Telling::Left { .. }, Answer::Value(None, _)) => out.number(-2),
        (Telling::Left { .. }, Answer::Value(_, None)) => out.number(-1),
        (Telling::Left { seconds }, Answer::Value(_, Some(expiry))) => {
            let ms = expiry.after_ms;
            let left = if seconds { ms.saturating_add(500) / 1000 } else { ms };
            out.number(i64::try_from(left).unwrap_or(i64::MAX));
        }
        (Telling::Type, Answer::Value(value, _)) => {
            out.status(if value.is_some() { "string" } else { "none" });
        }
        (Telling::Version, _) | (Telling::NewVersion, Answer::Done(_)) => out.number(version),
        (Telling::Versioned, Answer::Value(Some(value), _)) => {
            out.array(2);
            out.bulk(value);
            out.number(version);
        }
        _ => out.null(),
    }
}

fn value_of(outcome: &Answer) -> Option<&[u8]> {
    match outcome {
        Answer::Value(value, _) | Answer::Done(value) | Answer::NotDone(value) => value.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect()
    }

    fn ask(line: &str) -> Result<Option<Asked>, Wrong> {
        let words = words(line);
        asked(&String::from_utf8_lossy(&words[0]).to_uppercase(), &words[1..])
    }

    #[test]
    fn wrong_commands_are_refused_in_the_words_of_redis() {
        for (line, error) in [
            ("get", "ERR wrong number of arguments for 'get' command"),
            ("get a b", "ERR wrong number of arguments for 'get' command"),
            ("set a", "ERR wrong number of arguments for 'set' command"),
            ("set a b NX XX", SYNTAX),
            ("set a b EX", SYNTAX),
            ("set a b EX 1 PX 1", SYNTAX),
            ("set a b EX 0", "ERR invalid expire time in 'set' command"),
            ("set a b PX x", NO_INTEGER),
            ("incrby a 1.5", NO_INTEGER),
            ("decrby a -9223372036854775808", "ERR decrement would overflow"),
            ("mget", "ERR wrong number of arguments for 'mget' command"),
        ] {
            assert_eq!(ask(line), Err(error.into()), "{line}");
        }
        assert_eq!(ask("lpush a b"), Ok(None));
    }

    #[test]
    fn options_of_set_become_one_operation() {
        let asked = ask("set k v ifeq old px 90 get").unwrap().unwrap();
        let operation = Request::Set {
            value: "v".into(),
            only: Condition::Equal("old".into()),
            lifetime: Lifetime::Milliseconds(90),
            tells: true,
        };
        assert_eq!(asked, one("k".into(), operation, Telling::Value));
    }
}
