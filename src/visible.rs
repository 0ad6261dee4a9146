//! Text from outside, made fit to be shown.
//!
//! Values, notes, names and lines come from other programs, and they may hold anything: escape
//! sequences that steer a terminal, characters that turn the direction of writing or that nobody
//! sees, ends of lines that are none. [`visible`] spells all of them out, and what it returns is
//! one line of characters that each show themselves. Quotation marks and backslashes stay as they
//! are, as JSON has many, so that it makes no difference to do it twice.
//!
//! The escapes are Rust's, as in an error that quotes a name; in JSON they are JSON's
//! ([`visible_json`]).

use std::fmt::Write as _;

/// This text in one line, where each character shows itself: control characters, unassigned and
/// private ones, those that have no width or turn the direction, line and paragraph separators,
/// blanks other than the space and combining marks are written as `\u{202e}`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut out, c));
    out
}

/// The same for JSON without a line break between its parts, whose content it leaves as it is: the
/// escapes are JSON's, as in `\u202e`.
pub fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if shows_itself(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}"); // a String takes everything
            }
        }
    }
    out
}

/// The same of the first `longest` characters; `…` stands for the rest.
pub fn clipped(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    rest.by_ref().take(longest).for_each(|c| push(&mut out, c));
    if rest.next().is_some() {
        out.push('…');
    }
    out
}

fn push(out: &mut String, c: char) {
    if shows_itself(c) {
        out.push(c);
    } else if is_blank(c) {
        out.extend(c.escape_unicode());
    } else {
        out.extend(c.escape_debug());
    }
}

/// True of what is printable by the tables of the standard library, unless it is empty all the
/// same.
fn shows_itself(c: char) -> bool {
    matches!(c, ' '..='~') || (!is_blank(c) && c.escape_debug().len() == 1)
}

/// Letters that fill a place and are not drawn, and a Braille sign without a dot.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// What the standards call control, format or separating characters, by their numbers: not by
/// the tables that the function uses.
#[cfg(test)]
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(
        u32::from(c),
        0..=0x1f | 0x7f..=0x9f | 0xad | 0x61c | 0x115f..=0x1160 | 0x180e
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f
            | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0xe0000..=0xe0fff
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_turns_or_hides_is_spelled_out_and_nothing_else_is() {
        for (raw, shown) in [
            ("\u{1b}[1m", "\\u{1b}[1m"),
            ("a\r\n\tb\u{7f}", "a\\r\\n\\tb\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}\u{2066}\u{200b}\u{feff}", "\\u{202e}\\u{2066}\\u{200b}\\u{feff}"),
            ("\u{200e}\u{61c}\u{2028}\u{2029}", "\\u{200e}\\u{61c}\\u{2028}\\u{2029}"),
            ("\u{3164}\u{e0041}", "\\u{3164}\\u{e0041}"),
            ("{\"a\": 'b\\'}", "{\"a\": 'b\\'}"),
            ("é 値 ☃ 🦀", "é 値 ☃ 🦀"),
        ] {
            assert_eq!(visible(raw), shown);
        }
        assert_eq!(clipped("ab\u{202e}d", 3), "ab\\u{202e}…");
        assert_eq!(clipped("abc", 3), "abc");
    }

    #[test]
    fn no_character_that_is_unseen_gets_through() {
        for c in ('\0'..=char::MAX).filter(|c| is_unseen(*c)) {
            let shown = visible(&c.to_string());
            assert!(shown.is_ascii() && shown.len() > 1, "{:x} is {shown}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_that_can_be_seen(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_unseen), "{shown:?}");
            prop_assert_eq!(visible(&shown), shown.clone());
            prop_assert!(clipped(&text, 5).chars().filter(|c| !c.is_ascii()).count() <= 6);
        }

        #[test]
        fn a_line_of_json_keeps_its_content(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("text serializes");
            let shown = visible_json(&json);
            prop_assert!(!shown.chars().any(is_unseen), "{shown:?}");
            let back: String = serde_json::from_str(&shown).expect("still JSON");
            prop_assert_eq!(back, text);
        }
    }
}
