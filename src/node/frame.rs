//! Frames: one line of JSON each, so that `nc` can talk to a peer. Raw bytes may follow a line that
//! announces them.
//!
//! A reader takes a line in any fragmentation, byte by byte or many at once, and never holds more
//! than a line's limit. What does not fit or does not parse costs the sender its connection.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::process::PeerId;

/// The longest line of a text that is read, in bytes, without its newline. Those of connections
/// have a limit of their protocol's: [`Process::MAX_LINE`](crate::process::Process::MAX_LINE).
pub const MAX_LINE: usize = 64 * 1024;
/// The longest line of a connection that has not said hello.
pub const MAX_HELLO: usize = 1024;
/// How much a reader asks for at once.
const CHUNK: usize = 4096;

/// The first frame in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The protocol's name and version.
    pub protocol: String,
    /// Who speaks.
    pub peer: PeerId,
    /// What the speaker's hostsfile says, as a hash: peers with different files never talk.
    pub fingerprint: String,
}

/// A line on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame<M> {
    /// The first in both directions.
    Hello(Hello),
    /// Instead of a hello: why the connection is about to be closed.
    Refused(String),
    /// From the side that dialled: are you there?
    Ping,
    /// From the other side: yes.
    Pong,
    /// The protocol's own.
    Message(M),
    /// The same; this many raw bytes follow the line.
    WithBody {
        /// In bytes.
        length: u64,
        /// The message.
        message: M,
    },
    /// From the side that receives a body: more of it has come.
    Progress,
}

impl<M: Serialize> Frame<M> {
    /// The line with its newline.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(160);
        serde_json::to_writer(&mut line, self).expect("messages serialize into memory");
        line.push(b'\n');
        line
    }
}

/// Cuts a stream of bytes into lines.
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the next line begins in `buffer`.
    start: usize,
    /// Up to here `buffer` is known to hold no newline.
    searched: usize,
    /// Up to here `buffer` is filled.
    filled: usize,
    limit: usize,
}

impl<R: Read> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub fn new(source: R, limit: usize) -> Self {
        Self { source, buffer: Vec::new(), start: 0, searched: 0, filled: 0, limit }
    }

    /// Sets another limit, for the lines to come.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The next line without its newline; `None` at the end of the stream.
    ///
    /// # Errors
    /// What the source says; after a time-out the call can be repeated, nothing is lost.
    /// `InvalidData` for a line over the limit or one that the end of the stream cuts off.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(line) = self.cut()? {
                return Ok(Some(&self.buffer[line]));
            }
            if self.fill()? == 0 {
                if self.start == self.filled {
                    return Ok(None);
                }
                let cut = "the connection ended in the middle of a line";
                return Err(io::Error::new(ErrorKind::InvalidData, cut));
            }
        }
    }

    /// The next line if all of it has been read already; never reads.
    ///
    /// # Errors
    /// `InvalidData` for a line over the limit.
    pub fn buffered_line(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(self.cut()?.map(|line| &self.buffer[line]))
    }

    /// Takes a line out of the buffer; its place, if all of it is there.
    fn cut(&mut self) -> io::Result<Option<Range<usize>>> {
        let fresh = &self.buffer[self.searched..self.filled];
        let Some(at) = fresh.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.filled;
            if self.filled - self.start > self.limit {
                return Err(self.too_long());
            }
            return Ok(None);
        };
        let line = self.start..self.searched + at;
        self.start = line.end + 1;
        self.searched = self.start;
        if line.len() > self.limit {
            return Err(self.too_long());
        }
        Ok(Some(line))
    }

    /// Reads raw bytes behind the last line, past the buffer once that is empty. Returns how many
    /// came; 0 is the end.
    ///
    /// # Errors
    /// What the source says.
    pub fn read_raw(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let buffered = &self.buffer[self.start..self.filled];
        if buffered.is_empty() {
            return self.source.read(into);
        }
        let count = buffered.len().min(into.len());
        into[..count].copy_from_slice(&buffered[..count]);
        self.start += count;
        self.searched = self.searched.max(self.start);
        Ok(count)
    }

    /// Reads once. Returns how many bytes came; 0 is the end.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.filled < CHUNK {
            self.buffer.resize(self.filled + CHUNK, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn too_long(&self) -> io::Error {
        let what = format!("a line of more than {} bytes", self.limit);
        io::Error::new(ErrorKind::InvalidData, what)
    }
}

/// True for the errors by which a read or a write with a time limit says that it is over.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes in pieces of these sizes.
    struct Pieces<'a>(&'a [u8], Vec<usize>);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let want = self.1.pop().unwrap_or(7).max(1);
            let count = want.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn any_fragmentation_gives_the_same_lines(
            lines in prop::collection::vec("[ -~]{0,90}", 0..40),
            pieces in prop::collection::vec(1usize..200, 0..60),
        ) {
            let stream = lines.iter().fold(String::new(), |all, line| all + line + "\n");
            let mut reader = Lines::new(Pieces(stream.as_bytes(), pieces), 90);
            for line in &lines {
                prop_assert_eq!(reader.next_line().unwrap(), Some(line.as_bytes()));
            }
            prop_assert_eq!(reader.next_line().unwrap(), None);
        }

        #[test]
        fn random_bytes_are_an_error_or_a_line_but_never_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..9000),
            limit in 1usize..5000,
        ) {
            let mut reader = Lines::new(bytes.as_slice(), limit);
            while let Ok(Some(line)) = reader.next_line() {
                prop_assert!(line.len() <= limit);
                let _ = serde_json::from_slice::<Frame<u64>>(line);
            }
        }
    }

    #[test]
    fn an_endless_line_is_refused_at_the_limit_and_not_held() {
        let mut reader = Lines::new(io::repeat(b'['), MAX_LINE);
        assert!(reader.next_line().unwrap_err().to_string().contains("65536"));
        assert!(reader.buffer.len() <= MAX_LINE + 2 * CHUNK);
    }

    /// Fails with each of these in its turn, then gives lines without end.
    struct Failing(Vec<ErrorKind>);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.pop() {
                Some(kind) => Err(kind.into()),
                None => (&b"0123456789\n"[..]).read(into),
            }
        }
    }

    #[test]
    fn an_interrupted_read_is_repeated_and_any_other_error_is_told() {
        let mut reader =
            Lines::new(Failing(vec![ErrorKind::WouldBlock, ErrorKind::Interrupted]), 10);
        assert_eq!(reader.next_line().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(reader.next_line().unwrap(), Some(&b"0123456789"[..]));
    }

    #[test]
    fn what_was_read_is_not_held() {
        let mut reader = Lines::new(Failing(Vec::new()), 10);
        for _ in 0..10_000 {
            assert_eq!(reader.next_line().unwrap(), Some(&b"0123456789"[..]));
        }
        assert!(reader.buffer.len() <= 2 * CHUNK, "{} bytes", reader.buffer.len());
    }

    #[test]
    fn a_line_cut_off_by_the_end_is_an_error() {
        let mut reader = Lines::new(&b"\"ping\"\n\"pi"[..], 100);
        assert_eq!(reader.next_line().unwrap(), Some(&b"\"ping\""[..]));
        assert!(reader.next_line().is_err());
    }
}
