//! From raw arguments to values: the checks that several commands share.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// The longest time that a flag may name: beyond it the system's clock may have no such moment.
const MAX_SECONDS: f64 = 1e9;

/// A flag's value as text.
pub fn text(flag: &str, value: OsString) -> Result<String> {
    value
        .into_string()
        .map_err(|raw| Error::Usage(format!("{flag} {}: this is not UTF-8 text", raw.display())))
}

/// A directory. An empty name would be the current one for some calls and none for others.
pub fn directory(flag: &str, value: OsString) -> Result<PathBuf> {
    if value.is_empty() {
        return Err(Error::Usage(format!("{flag} \"\": name a directory")));
    }
    Ok(value.into())
}

/// The hostsfile, which no command can do without.
pub fn hostsfile(given: Option<PathBuf>) -> Result<PathBuf> {
    given.ok_or_else(|| Error::Usage("which hostsfile? name it with -h HOSTSFILE".into()))
}

/// A time in seconds, decimals allowed.
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
pub fn period(flag: &str, value: OsString) -> Result<Duration> {
    let time = seconds(flag, value)?;
    if time < Duration::from_millis(1) {
        return Err(Error::Usage(format!("{flag}: a period is at least 0.001 seconds")));
    }
    Ok(time)
}

/// A positive number that fits, such as an id or a port.
pub fn number(flag: &str, value: OsString) -> Result<u16> {
    let text = text(flag, value)?;
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Error::Usage(format!("{flag} {text:?}: this is no number from 1 to 65535"))),
    }
}

/// `5:4,4:12`: seconds for some peers.
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
pub fn list(flag: &str, value: OsString) -> Result<Vec<Duration>> {
    let list = text(flag, value)?;
    list.split(',').map(|time| seconds(flag, time.into())).collect()
}
