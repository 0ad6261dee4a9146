//! What stands in front of an object: names of peers, times, colours.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// `u64::from_str` would take a leading plus sign.
pub fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Host names of the hostsfile, in lower case, and whose they are.
pub type Names = BTreeMap<String, u16>;

/// The text without ANSI escape sequences (colours of compose) and without a byte order mark.
pub fn without_colours(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if characters.as_str().starts_with('[') {
            characters.next();
            // A sequence ends with its first byte in this range; what is between are digits.
            let _ = characters.find(|c| ('@'..='~').contains(c));
        }
    }
    Cow::Owned(plain)
}

/// What a prefix says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// The peer it names.
    pub peer: Option<u16>,
    /// True if there is more than a name and a time.
    pub other: bool,
}

/// Reads the text in front of an object.
pub fn prefix(text: &str, names: &Names) -> Prefix {
    let (name, rest) = match text.split_once('|') {
        Some((name, rest)) => (name, rest),
        None => ("", text),
    };
    let mut found = Prefix::default();
    if !name.trim().is_empty() {
        found.peer = name.split_whitespace().find_map(|word| peer_named(word, names));
        let is_prefix = is_service(name) || name.split_whitespace().all(is_time);
        found.other = found.peer.is_none() && !is_prefix;
    }
    for word in rest.split_whitespace() {
        if is_time(word) {
            continue;
        }
        let bare = word.trim_matches(|c: char| "[](): ".contains(c));
        match peer_named(bare, names).filter(|_| found.peer.is_none()) {
            Some(peer) => found.peer = Some(peer),
            None => found.other = true,
        }
    }
    found
}

/// True of what compose prints before its bar: the name of one service, filled up with blanks. It
/// need not name a peer: services may be called `one` or `gateway`.
fn is_service(name: &str) -> bool {
    let word = name.trim();
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.ends_with(' ')
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(of_a_name)
}

/// The id in a name: of the hostsfile, or as in `peer1`, `peer1_1`, `project-peer1-1`.
pub fn peer_named(word: &str, names: &Names) -> Option<u16> {
    let word = word.to_lowercase();
    if let Some(peer) = names.get(&word) {
        return Some(*peer);
    }
    // Compose adds the number of the replica behind the name, and the project before it.
    let without_replica = word.rsplit_once(['_', '-']).map(|(name, _)| name);
    let without_project = without_replica.and_then(|name| name.rsplit_once(['_', '-']));
    for name in [without_replica, without_project.map(|(_, name)| name)].into_iter().flatten() {
        if let Some(peer) = names.get(name) {
            return Some(*peer);
        }
    }
    for name in ["peer", "node", "host"] {
        if let Some((_, rest)) = word.split_once(name) {
            let rest = rest.strip_prefix(['_', '-']).unwrap_or(rest);
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            return u16::try_from(digits(&rest[..length])?).ok();
        }
    }
    None
}

/// True of a date, a clock time or seconds since some start.
fn is_time(word: &str) -> bool {
    let has = |wanted: &[char]| word.contains(wanted);
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let rest = word.chars().all(|c| c.is_ascii_digit() || "TZtz:.,+-/[]()µs".contains(c));
    digits > 0 && rest && has(&[':', '-', '.', '/'])
}

/// The time that a prefix names, in microseconds since some moment: a clock time, with or without
/// a date in front, or seconds with decimals.
pub fn time_us(text: &str) -> Option<u64> {
    let mut day = 0;
    for word in text.split(|c: char| c.is_whitespace() || "|[]()".contains(c)) {
        if !is_time(word) {
            continue;
        }
        let (date, clock) = match word.split_once(['T', 't']) {
            Some((date, clock)) => (Some(date), clock),
            None if word.contains(':') || !word.contains('-') => (None, word),
            None => (Some(word), ""),
        };
        day = date.and_then(days).unwrap_or(day);
        if !clock.is_empty() {
            return Some(day * 86_400_000_000 + clock_us(clock)?);
        }
    }
    None
}

/// Days since some moment, of `2024-05-01`.
fn days(date: &str) -> Option<u64> {
    let mut parts = date.split(['-', '/', '.']).map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if year > 9999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The year begins with March, so that the leap day is its last.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    Some(year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day)
}

/// `12:00:01.5`, `12:00:01,123Z` or `2.5`: microseconds since midnight or since the start.
fn clock_us(clock: &str) -> Option<u64> {
    let clock = clock.trim_end_matches(['Z', 'z', 's', ':']);
    // A zone behind the time is the same for all lines.
    let clock = clock.split('+').next()?;
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut seconds = 0_u64;
    for part in whole.split(':') {
        let part = digits(part)?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    let micros = format!("{fraction:0<6}");
    let micros = digits(micros.get(..6)?)?;
    seconds.checked_mul(1_000_000)?.checked_add(micros).filter(|us| *us < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_compose_gives_are_known() {
        let names = Names::from([("alpha".into(), 3)]);
        for (text, peer, other) in [
            ("peer1  | ", Some(1), false),
            ("peer1_1  | ", Some(1), false),
            ("prj4-peer12-1  | 2024-05-01T12:00:00.123456789Z ", Some(12), false),
            ("prj4_alpha_1 | ", Some(3), false),
            ("2024-05-01 12:00:00,123 peer2: ", Some(2), false),
            ("[peer2] ", Some(2), false),
            ("12:00:01 ", None, false),
            ("gateway | ", None, false),
            ("one    | ", None, false),
            ("Two | 2024-05-01T12:00:00.1Z ", None, false),
            ("one-1  | ", None, false),
            ("one_1  | ", None, false),
            ("prj4-THREE-1 | ", None, false),
            ("Alpha-1 | ", Some(3), false),
            ("at last | ", None, true),
            ("one| ", None, true),
            ("-- | ", None, true),
            ("one | got ", None, true),
            ("one ", None, true),
            ("peer2: got ", Some(2), true),
            ("", None, false),
        ] {
            assert_eq!(prefix(text, &names), Prefix { peer, other }, "{text}");
        }
    }

    #[test]
    fn the_time_in_a_prefix_is_read() {
        let noon = 12 * 3_600_000_000;
        for (text, us) in [
            ("peer1  | 12:00:00.5 ", Some(noon + 500_000)),
            ("12:00:01,123456789Z ", Some(noon + 1_123_456)),
            ("peer1 | 2.5 ", Some(2_500_000)),
            ("peer1 | [0.000001] ", Some(1)),
            ("peer1 | ", None),
            ("peer1 | 99999999999999999999:00 ", None),
        ] {
            assert_eq!(time_us(text), us, "{text}");
        }
        let of = |text| time_us(text).expect("is a time");
        let (feb, mar) = (of("a | 2024-02-28T23:59:59.0Z "), of("a | 2024-03-01 00:00:00.0 "));
        assert_eq!(mar - feb, 86_401_000_000, "2024 had a leap day");
        assert_eq!(of("2025-01-01T00:00:00Z") - of("2024-12-31T23:59:59Z"), 1_000_000);
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(without_colours("\u{1b}[36mpeer1  |\u{1b}[0m {}"), "peer1  | {}");
        assert_eq!(without_colours("\u{1b}[3"), "");
    }
}
