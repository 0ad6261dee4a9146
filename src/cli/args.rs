//! From raw arguments to values: the checks that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;

use crate::error::{Error, Result};
use crate::paxos::Value;

/// The longest time that a flag may name: beyond it the system's clock may have no such moment.
const MAX_SECONDS: f64 = 1e9;

/// A flag's value as text.
pub(super) fn text(flag: &str, value: OsString) -> Result<String> {
    value
        .into_string()
        .map_err(|raw| Error::Usage(format!("{flag} {}: this is not UTF-8 text", raw.display())))
}

/// A directory. An empty name would be the current one for some calls and none for others.
pub(super) fn directory(flag: &str, value: OsString) -> Result<PathBuf> {
    if value.is_empty() {
        return Err(Error::Usage(format!("{flag} \"\": name a directory")));
    }
    Ok(value.into())
}

/// The hostsfile, which no command can do without.
pub(super) fn hostsfile(given: Option<PathBuf>) -> Result<PathBuf> {
    given.ok_or_else(|| Error::Usage("which hostsfile? name it with -h HOSTSFILE".into()))
}

/// A time in seconds, decimals allowed.
pub(super) fn seconds(flag: &str, value: OsString) -> Result<Duration> {
    let text = text(flag, value)?;
    let number: Option<f64> = text.trim().parse().ok();
    match number.filter(|n| (0.0..=MAX_SECONDS).contains(n)) {
        Some(number) => Ok(Duration::from_secs_f64(number)),
        None if number.is_some_and(|n| n > MAX_SECONDS) => {
            Err(Error::Usage(format!("{flag} {text:?}: a time is at most {MAX_SECONDS} seconds")))
        }
        None => Err(Error::Usage(format!(
            "{flag} {text:?}: a time is a number of seconds from 0 up, as in {flag} 2.5"
        ))),
    }
}

/// Takes the name of a protocol, if the first word is one. `Some(true)` is `member`, `Some(false)`
/// is `ready`; none, or `paxos`, is the default protocol.
pub(super) fn group_protocol(parser: &mut Parser) -> Option<bool> {
    let mut words = parser.raw_args().ok()?;
    let member = match words.peek()?.to_str()? {
        "member" => Some(true),
        "ready" => Some(false),
        "paxos" => None,
        _ => return None,
    };
    words.next();
    member
}

/// A time in seconds that is repeated, so it is not zero.
pub(super) fn period(flag: &str, value: OsString) -> Result<Duration> {
    let time = seconds(flag, value)?;
    if time < Duration::from_millis(1) {
        return Err(Error::Usage(format!("{flag}: a period is at least 0.001 seconds")));
    }
    Ok(time)
}

/// A value to propose: exactly one character.
pub(super) fn value(flag: &str, value: OsString) -> Result<Value> {
    let text = text(flag, value)?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(Value(one)),
        _ => Err(Error::Usage(format!(
            "{flag} {text:?}: a value is exactly one character, as in {flag} X"
        ))),
    }
}

/// A positive number that fits, such as an id or a port.
pub(super) fn number(flag: &str, value: OsString) -> Result<u16> {
    let text = text(flag, value)?;
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Error::Usage(format!("{flag} {text:?}: this is no number from 1 to 65535"))),
    }
}
