//! Redis' protocol: requests cut out of a stream, and replies put into one.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use crate::store::operation::MAX_BYTES;

/// How many words a request may have; more close the connection.
const MOST_WORDS: i64 = 1024;
/// The longest request, in bytes; a longer one closes the connection.
pub(super) const MAX_REQUEST: usize = MAX_BYTES + 64 * 1024;

/// A request: a command and its arguments.
pub(super) type Words = Vec<Vec<u8>>;

/// Takes the next request from the front of `buffer`; none if more bytes are needed. An empty one
/// is no request, and is skipped by Redis too.
///
/// # Errors
/// The bytes are none, in Redis' words.
pub(super) fn take(buffer: &[u8]) -> Result<Option<(Words, usize)>, String> {
    if buffer.first() != Some(&b'*') {
        return take_inline(buffer);
    }
    let Some((count, mut at)) = number(buffer, 1, "invalid multibulk length")? else {
        return Ok(None);
    };
    if count > MOST_WORDS {
        return Err("invalid multibulk length".into());
    }
    let mut words = Vec::new();
    for _ in 0..count {
        match buffer.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(other) => return Err(format!("expected '$', got '{}'", other.escape_ascii())),
        }
        let Some((length, start)) = number(buffer, at + 1, "invalid bulk length")? else {
            return Ok(None);
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_REQUEST);
        let length = length.ok_or("invalid bulk length")?;
        let Some(word) = buffer.get(start..start + length + 2) else { return Ok(None) };
        words.push(word[..length].to_vec());
        at = start + length + 2;
    }
    Ok(Some((words, at)))
}

/// A line of words, as a person types it.
fn take_inline(buffer: &[u8]) -> Result<Option<(Words, usize)>, String> {
    let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
        let is_long = buffer.len() > MAX_REQUEST;
        return if is_long { Err("too big inline request".into()) } else { Ok(None) };
    };
    let words = buffer[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Ok(Some((words.map(<[u8]>::to_vec).collect(), end + 1)))
}

/// The number of a line that begins at `from`, and where the next one begins.
fn number(buffer: &[u8], from: usize, or: &str) -> Result<Option<(i64, usize)>, String> {
    let rest = &buffer[from..];
    let Some(end) = rest.windows(2).take(32).position(|pair| pair == b"\r\n") else {
        return if rest.len() > 32 { Err(or.into()) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&rest[..end]).ok();
    let number = text.and_then(|text| text.parse().ok()).ok_or(or)?;
    Ok(Some((number, from + end + 2)))
}

/// Replies, in one of the two versions.
pub(super) struct Replies {
    pub(super) bytes: Vec<u8>,
    pub(super) is_three: bool,
}

impl Replies {
    fn line(&mut self, kind: char, text: &str) {
        self.bytes.extend(format!("{kind}{text}\r\n").into_bytes());
    }

    pub(super) fn status(&mut self, text: &str) {
        self.line('+', text);
    }

    /// An error: its code and what is wrong, on one line.
    pub(super) fn error(&mut self, text: &str) {
        self.line('-', &text.replace(['\r', '\n'], " "));
    }

    pub(super) fn number(&mut self, number: i64) {
        self.line(':', &number.to_string());
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', &bytes.len().to_string());
        self.bytes.extend(bytes);
        self.bytes.extend(b"\r\n");
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend(if self.is_three { &b"_\r\n"[..] } else { b"$-1\r\n" });
    }

    /// What EXEC tells of a transaction that was not made.
    pub(super) fn null_array(&mut self) {
        self.bytes.extend(if self.is_three { &b"_\r\n"[..] } else { b"*-1\r\n" });
    }

    pub(super) fn value(&mut self, value: Option<&[u8]>) {
        match value {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// So many values follow.
    pub(super) fn array(&mut self, count: usize) {
        self.line('*', &count.to_string());
    }

    /// So many pairs follow.
    pub(super) fn map(&mut self, pairs: usize) {
        if self.is_three {
            self.line('%', &pairs.to_string());
        } else {
            self.array(2 * pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_cut_out_wherever_the_stream_is() {
        let stream = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\nPING now\r\n\r\n*0\r\n";
        let first = vec![b"GET".to_vec(), b"a\r\nb".to_vec()];
        for cut in 0..stream.len() {
            let taken = take(&stream[..cut]).unwrap();
            assert_eq!(taken.is_some(), cut >= 23, "{cut}");
        }
        assert_eq!(take(stream).unwrap(), Some((first, 23)));
        let inline = vec![b"PING".to_vec(), b"now".to_vec()];
        assert_eq!(take(&stream[23..]).unwrap(), Some((inline, 10)));
        assert_eq!(take(b"\r\n").unwrap(), Some((Vec::new(), 2)));
        for bad in ["*x\r\n", "*1\r\nGET", "*1\r\n$-1\r\n", "*1\r\n$x\r\n", "*99999999\r\n"] {
            assert!(take(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for head in [&b""[..], b"*1\r\n$", b"*3\r\n"] {
                let _ = take(&[head, &bytes].concat());
            }
        }
    }
}
