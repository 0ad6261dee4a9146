//! From raw arguments to values: the checks that several commands share.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value as Positional};
use lexopt::Parser;

use crate::error::{Error, Result};
use crate::process::PeerId;

/// The longest time that a flag may name: beyond it the system's clock may have no such moment.
const MAX_SECONDS: f64 = 1e9;

/// An argument of the command line.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    /// A flag, as `-h` or `--port`.
    Flag(&'a str),
    /// Anything else, such as a file.
    Operand(&'a OsStr),
}

/// Hands all arguments to `take`, which reads the value of a flag, and says whether there is a use
/// for this argument.
///
/// # Errors
/// There is none, or a value is wrong.
pub fn read(
    mut parser: Parser,
    mut take: impl FnMut(Argument<'_>, &mut Parser) -> Result<bool>,
) -> Result<()> {
    while let Some(arg) = parser.next()? {
        let (flag, operand) = match arg {
            Short(letter) => (format!("-{letter}"), None),
            Long(name) => (format!("--{name}"), None),
            Positional(value) => (String::new(), Some(value)),
        };
        let argument = operand.as_deref().map_or(Argument::Flag(&flag), Argument::Operand);
        if !take(argument, &mut parser)? {
            let refused = operand.map(lexopt::Error::UnexpectedArgument);
            return Err(refused.unwrap_or(lexopt::Error::UnexpectedOption(flag)).into());
        }
    }
    Ok(())
}

/// The same where there are flags only.
///
/// # Errors
/// As with [`read`].
pub fn flags(
    parser: Parser,
    mut take: impl FnMut(&str, &mut Parser) -> Result<bool>,
) -> Result<()> {
    read(parser, |argument, parser| match argument {
        Argument::Flag(name) => take(name, parser),
        Argument::Operand(_) => Ok(false),
    })
}

/// A flag's value as text.
///
/// # Errors
/// The value is none of these.
pub fn text(flag: &str, value: OsString) -> Result<String> {
    value
        .into_string()
        .map_err(|raw| Error::Usage(format!("{flag} {}: this is not UTF-8 text", raw.display())))
}

/// A directory. An empty name would be the current one for some calls and none for others.
///
/// # Errors
/// The value is none of these.
pub fn directory(flag: &str, value: OsString) -> Result<PathBuf> {
    if value.is_empty() {
        return Err(Error::Usage(format!("{flag} \"\": name a directory")));
    }
    Ok(value.into())
}

/// The hostsfile, which no command can do without.
///
/// # Errors
/// The value is none of these.
pub fn hostsfile(given: Option<PathBuf>) -> Result<PathBuf> {
    given.ok_or_else(|| Error::Usage("which hostsfile? name it with -h HOSTSFILE".into()))
}

/// A time in seconds, decimals allowed.
///
/// # Errors
/// The value is none of these.
pub fn seconds(flag: &str, value: OsString) -> Result<Duration> {
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

/// A time in seconds that is repeated, so it is not zero.
///
/// # Errors
/// The value is none of these.
pub fn period(flag: &str, value: OsString) -> Result<Duration> {
    let time = seconds(flag, value)?;
    if time < Duration::from_millis(1) {
        return Err(Error::Usage(format!("{flag}: a period is at least 0.001 seconds")));
    }
    Ok(time)
}

/// A positive number that fits, such as an id or a port.
///
/// # Errors
/// The value is none of these.
pub fn number(flag: &str, value: OsString) -> Result<u16> {
    let text = text(flag, value)?;
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Error::Usage(format!("{flag} {text:?}: this is not a number from 1 to 65535"))),
    }
}

/// `5:4,4:12`: seconds for some peers.
///
/// # Errors
/// The value is none of these.
pub fn pairs(flag: &str, value: OsString) -> Result<BTreeMap<u16, Duration>> {
    let list = text(flag, value)?;
    let pair = |part: &str| -> Result<_> {
        let (peer, time) = part.split_once(':').ok_or_else(|| {
            Error::Usage(format!("{flag} {list:?}: name peers and seconds, as in {flag} 5:4,4:12"))
        })?;
        Ok((number(flag, peer.into())?, seconds(flag, time.into())?))
    };
    let mut pairs = BTreeMap::new();
    for part in list.split(',') {
        let (peer, time) = pair(part)?;
        if pairs.insert(peer, time).is_some() {
            return Err(Error::Usage(format!("{flag} {list:?}: peer {peer} is named twice")));
        }
    }
    Ok(pairs)
}

/// `0,2,4`: seconds for the first peers.
///
/// # Errors
/// The value is none of these.
pub fn list(flag: &str, value: OsString) -> Result<Vec<Duration>> {
    let list = text(flag, value)?;
    list.split(',').map(|time| seconds(flag, time.into())).collect()
}

/// `5,4`: some peers.
///
/// # Errors
/// The value is none of these.
pub fn numbers(flag: &str, value: OsString) -> Result<BTreeSet<u16>> {
    text(flag, value)?.split(',').map(|id| number(flag, id.into())).collect()
}

/// A period that is handed on as it is, once it is known to be one.
///
/// # Errors
/// The value is none of these.
pub fn period_text(flag: &str, value: OsString) -> Result<OsString> {
    period(flag, value.clone())?;
    Ok(value)
}

/// The first of these peers have the first of these times.
///
/// # Errors
/// The value is none of these.
pub fn in_order(
    flag: &str,
    peers: &[PeerId],
    times: Vec<Duration>,
) -> Result<BTreeMap<PeerId, Duration>> {
    let (named, count) = (times.len(), peers.len());
    if named > count {
        return Err(Error::Usage(format!("{flag} names {named}, but there are {count} peers")));
    }
    Ok(peers.iter().copied().zip(times).collect())
}

/// A time as a flag takes it.
pub fn of_seconds(time: Duration) -> OsString {
    time.as_secs_f64().to_string().into()
}
