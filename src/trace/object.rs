//! A forgiving scanner of one flat JSON object.
//!
//! It reads what JSON is and, beyond it, what is clearly meant: a missing or doubled comma, single
//! quotation marks, unquoted words, an object without its last brace. What was mended is said
//! ([`ScanEnd::mended`]), so no repair goes unreported. What was cut is not mended: of a word or a
//! number at the end of the text nobody knows how it went on ([`ScanEnd::cut`]).

use std::borrow::Cow;

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// In quotation marks; escapes are resolved.
    Text(Cow<'a, str>),
    /// Without: a number, `null`, or a word that JSON would not allow.
    Bare(&'a str),
    /// An object or a list, with its brackets.
    Nested(&'a str),
}

/// How the scan ended.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub struct ScanEnd<'a> {
    /// What stands behind the object.
    pub rest: &'a str,
    /// False if the text ended before the closing brace.
    pub closed: bool,
    /// There are blanks between the parts.
    pub blanks: bool,
    /// This is no JSON, but clear enough.
    pub mended: bool,
    /// The text ended inside a key or a value.
    pub cut: bool,
}

/// Reads the object at the start of `text` and hands each key and value to `field`.
pub fn object<'a>(text: &'a str, mut field: impl FnMut(Cow<'a, str>, Raw<'a>)) -> ScanEnd<'a> {
    let at = usize::from(text.starts_with('{'));
    let mut scan = Scan { text, at, blanks: false, mended: false, cut: false };
    let mut comma = true;
    let mut first = true;
    let closed = loop {
        scan.blanks();
        match scan.peek() {
            None => {
                scan.mended = true;
                break false;
            }
            Some(b'}') => {
                scan.mended |= comma && !first;
                scan.at += 1;
                break true;
            }
            Some(b',') => {
                scan.mended |= comma;
                scan.at += 1;
                comma = true;
            }
            Some(_) => {
                scan.mended |= !comma;
                let key = scan.key();
                let value = scan.value();
                field(key, value);
                (comma, first) = (false, false);
            }
        }
    };
    let rest = if closed { &text[scan.at..] } else { "" };
    // Behind the colon of the last key, or behind a comma, there was to be more.
    let cut = scan.cut || (!closed && comma && !first);
    ScanEnd { rest, closed, blanks: scan.blanks, mended: scan.mended, cut }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    blanks: bool,
    mended: bool,
    cut: bool,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.blanks = true;
            self.at += 1;
        }
    }

    /// Text up to one of `ends` (all ASCII), without blanks round it.
    fn until(&mut self, ends: &[u8]) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| ends.contains(&byte)).unwrap_or(rest.len());
        self.cut |= length == rest.len();
        self.at += length;
        let word = &rest[..length];
        let trimmed = word.trim();
        self.blanks |= trimmed.len() < word.len();
        trimmed
    }

    fn key(&mut self) -> Cow<'a, str> {
        // What follows a key that is not there is stepped over below, so the scan always ends.
        let key = if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            self.quoted(quote)
        } else {
            self.mended = true;
            Cow::Borrowed(self.until(b":=,}\""))
        };
        self.blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                self.mended = true;
                self.at += 1;
            }
            _ => self.mended = true,
        }
        key
    }

    fn value(&mut self) -> Raw<'a> {
        self.blanks();
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => Raw::Text(self.quoted(quote)),
            Some(b'{' | b'[') => {
                let start = self.at;
                self.nested();
                Raw::Nested(&self.text[start..self.at])
            }
            // Some programs write a list as <1,2>; <nil> is a word.
            Some(b'<') if self.text.as_bytes().get(self.at + 1).is_some_and(u8::is_ascii_digit) => {
                self.mended = true;
                let start = self.at;
                let length = self.text[start..].find('>').map(|end| end + 1);
                self.cut |= length.is_none();
                self.at = length.map_or(self.text.len(), |length| start + length);
                Raw::Nested(&self.text[start..self.at])
            }
            _ => {
                let word = self.until(b",}\"");
                let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                if !number && !matches!(word, "null" | "true" | "false") {
                    self.mended = true;
                }
                Raw::Bare(word)
            }
        }
    }

    /// A string that starts here; the text's end ends it too.
    fn quoted(&mut self, quote: u8) -> Cow<'a, str> {
        if quote != b'"' {
            self.mended = true;
        }
        self.at += 1;
        let body = &self.text[self.at..];
        let bytes = body.as_bytes();
        let mut end = 0;
        let mut escaped = false;
        while let Some(byte) = bytes.get(end).filter(|byte| **byte != quote) {
            if *byte == b'\\' {
                escaped = true;
                end += 1;
            } else if *byte < b' ' {
                self.mended = true;
            }
            end += 1;
        }
        let end = end.min(bytes.len());
        if end == bytes.len() {
            (self.mended, self.cut) = (true, true);
        }
        self.at = (self.at + end + 1).min(self.text.len());
        // A backslash may have skipped the first byte of a longer character.
        let raw = body.get(..end).unwrap_or_default();
        if escaped { Cow::Owned(self.unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    fn unescape(&mut self, raw: &str) -> String {
        let quoted = format!("\"{raw}\"");
        serde_json::from_str(&quoted).unwrap_or_else(|_| {
            self.mended = true;
            raw.to_owned()
        })
    }

    /// Steps over an object or a list; no key of ours has one.
    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.quoted(b'"');
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
        self.cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> (Vec<(String, String)>, [bool; 3]) {
        let mut found = Vec::new();
        let end = object(text, |key, value| {
            let value = match value {
                Raw::Text(text) => text.into_owned(),
                Raw::Bare(word) => format!("={word}"),
                Raw::Nested(_) => "nested".into(),
            };
            found.push((key.into_owned(), value));
        });
        (found, [end.blanks, end.mended, end.closed])
    }

    #[test]
    fn what_is_clearly_meant_is_read_and_said() {
        let want: Vec<(String, String)> =
            [("a", "=1"), ("b", "x y"), ("c", "=X")].map(|(k, v)| (k.into(), v.into())).into();
        for (text, blanks, closed) in [
            ("{\"a\":1,\"b\":\"x y\",\"c\":X}", false, true),
            ("{\"a\":1 \"b\":\"x y\" \"c\":X}", true, true),
            ("{'a':1,'b':'x y','c':X}", false, true),
            ("{a:1,,b:'x y',c:X,}", false, true),
            ("{a=1,b=\"x y\",c=X", false, false),
        ] {
            assert_eq!(scan(text), (want.clone(), [blanks, true, closed]), "{text}");
        }
    }

    #[test]
    fn what_was_cut_is_said() {
        let whole = "{\"a\":1,\"b\":\"x y\",\"c\":[1]}";
        let cut = |text: &str| object(text, |_, _| {}).cut;
        assert!(!cut(whole));
        for end in 2..whole.len() {
            // Behind a closed quotation mark or bracket only the brace is missing.
            let is_clear = [16, 24].contains(&end);
            assert_eq!(cut(&whole[..end]), !is_clear, "{}", &whole[..end]);
        }
    }

    #[test]
    fn valid_json_has_no_fault() {
        let (found, said) = scan("{\"a\":\"\\u0058\\\"\",\"b\":{\"c\":[1,\"}\"]},\"d\":null}");
        assert_eq!(found[0].1, "X\"");
        assert_eq!(found[2].1, "=null");
        assert_eq!(said, [false, false, true]);
    }
}
