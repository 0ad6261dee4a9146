//! Raw bodies: bytes that travel behind a message and never enter the process.
//!
//! A process names contents in its messages ([`Process::has_body`]); the command that runs it moves
//! them ([`Bodies`]). On the wire the line of such a message announces a length, at most
//! [`Process::MAX_BODY`], and that many raw bytes follow it. Nobody holds them whole: the sender
//! reads and writes a piece at a time, the receiver is handed a reader.
//!
//! A body delays only what comes behind it on its own link. It is sent by a thread of its own,
//! since reading it may take as long as a disk takes. It is received by the thread of its
//! connection, which says every `PROGRESS_EVERY` that more has come: the other side hears that
//! instead of answers to its pings. A link on which nothing moves falls silent and is closed as
//! any other.
//!
//! The process hears of a message only when its body was received. If the connection ends before,
//! or the receiver cannot keep it, the message is lost, as messages are.

pub(super) mod transfer;

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::frame::Lines;
use crate::process::{PeerId, Process};

/// How often the receiver of a body says that more has come.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A body to send: its length in bytes, and the source of them.
pub type Outgoing = (u64, Box<dyn Read + Send>);

/// Moves the bodies that a process names in its messages. Each call may take its time: it is made
/// under no lock, and delays only the link in question.
pub trait Bodies<P: Process>: Send + Sync {
    /// Opens the body of a message that is about to leave.
    ///
    /// # Errors
    /// It cannot be had. Then the message does not leave either. Of `NotFound`, the content is
    /// another one by now, people are told nothing.
    fn open(&self, to: PeerId, message: &P::Message) -> io::Result<Outgoing>;

    /// Takes the body of a message, of which the process hears when this has returned. `body` ends
    /// after the announced length; what is left unread is skipped.
    ///
    /// # Errors
    /// The body was cut off or cannot be kept. Then the process does not hear of the message. Of
    /// `NotFound` people are told nothing.
    fn receive(&self, from: PeerId, message: &P::Message, body: &mut dyn Read) -> io::Result<()>;
}

/// A message that waits for its turn on a link: makes its line and opens its body, if that can be
/// had.
pub(super) type Opener = Box<dyn FnOnce() -> io::Result<(Vec<u8>, Outgoing)> + Send>;

/// The bytes behind the line that was read last.
struct Incoming<'a, 'b, T> {
    lines: &'a mut Lines<&'b TcpStream>,
    left: u64,
    told: Instant,
    /// Tells the other side that more has come.
    tell: T,
    /// Why there will be no more, if that is so.
    broken: Option<ErrorKind>,
}

impl<T: FnMut() -> io::Result<()>> Incoming<'_, '_, T> {
    fn piece(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.lines.read_raw(into)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            (self.tell)()?;
        }
        Ok(count)
    }
}

impl<T: FnMut() -> io::Result<()>> Read for Incoming<'_, '_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        let most = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        if most == 0 {
            return Ok(0);
        }
        let piece = self.piece(&mut into[..most]);
        let failed = piece.as_ref().err().map(io::Error::kind);
        self.broken = failed.filter(|kind| *kind != ErrorKind::Interrupted);
        piece
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    /// What comes after a gap is not taken for what was missing.
    #[test]
    fn a_body_that_has_failed_once_gives_nothing_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut lines = Lines::new(&stream, 10);
        let told = Instant::now();
        let mut body = Incoming { lines: &mut lines, left: 4, told, tell: || Ok(()), broken: None };
        let kind = body.read(&mut [0; 4]).unwrap_err().kind();
        sender.write_all(b"late").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert_eq!(body.read(&mut [0; 4]).unwrap_err().kind(), kind);
        assert_eq!(body.left, 4);
    }
}
