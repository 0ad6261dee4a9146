//! Raw bodies: bytes that travel behind a message and never enter the process.
//!
//! A process names contents in its messages ([`Process::has_body`]); the command that runs it moves
//! them ([`Bodies`]). On the wire the line of such a message announces a length, at most
//! [`Process::MAX_BODY`], and so many raw bytes follow it. Nobody holds them whole: the sender
//! reads and writes a piece at a time, the receiver is handed a reader.
//!
//! A body holds up only what comes behind it on its own link. It is sent by a thread of its own,
//! since reading it may take as long as a disk takes. It is received by the thread of its
//! connection, which says every `PROGRESS_EVERY` that more has come: the other side hears that
//! instead of answers to its pings. A link on which nothing moves falls silent and is closed as
//! any other.
//!
//! The process hears of a message only when its body was received. If the connection ends before,
//! or the receiver cannot keep it, the message is lost, as messages are.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::{Frame, Lines};
use super::link::{Link, Next, write_some};
use super::{Node, plain, spawn};
use crate::process::{PeerId, Process};

/// How many bytes are read at once from what is sent.
const PIECE: usize = 64 * 1024;
/// How often the receiver of a body says that more has come.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A body to send: its length in bytes, and the source of them.
pub type Outgoing = (u64, Box<dyn Read + Send>);

/// Moves the bodies that a process names in its messages. Each call may take its time: it is made
/// under no lock, and holds up only the link in question.
pub trait Bodies<P: Process>: Send + Sync {
    /// Opens the body of a message that is about to leave.
    ///
    /// # Errors
    /// It cannot be had. Then the message does not leave either.
    fn open(&self, to: PeerId, message: &P::Message) -> io::Result<Outgoing>;

    /// Takes the body of a message, of which the process hears when this has returned. `body` ends
    /// after the announced length; what is left unread is skipped.
    ///
    /// # Errors
    /// The body was cut off or cannot be kept. Then the process does not hear of the message.
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

/// What became of a body.
pub(super) enum Taken {
    Kept,
    /// It could not be kept, but the connection is as good as before.
    Dropped,
    /// The connection has ended.
    Cut,
}

impl<P: Process + Send + 'static> Node<P> {
    /// Takes the body of a message, `length` bytes behind the line that was read last.
    ///
    /// # Errors
    /// What no honest peer would have sent.
    pub(super) fn take_body(
        &self,
        from: PeerId,
        message: &P::Message,
        length: u64,
        lines: &mut Lines<&TcpStream>,
        tell: impl FnMut() -> io::Result<()>,
    ) -> Result<Taken, String> {
        let Some(bodies) = self.bodies.as_ref().filter(|_| P::has_body(message)) else {
            return Err("a body behind a message that has none".into());
        };
        if length > P::MAX_BODY {
            return Err(format!("a body of {length} bytes, of at most {}", P::MAX_BODY));
        }
        if let Some(objection) = self.lock().process.objection(from, message) {
            return Err(objection);
        }
        let told = Instant::now();
        let mut body = Incoming { lines, left: length, told, tell, broken: None };
        let kept = bodies.receive(from, message, &mut body);
        // Behind it comes the next frame.
        let _ = io::copy(&mut body, &mut io::sink());
        if body.left > 0 {
            return Ok(Taken::Cut);
        }
        let Err(error) = kept else { return Ok(Taken::Kept) };
        let why = plain(&error.to_string());
        self.admission.complain(self, &format!("dropped what {from} sent: {why}"));
        Ok(Taken::Dropped)
    }

    /// What makes the line of a message with a body, when its turn has come.
    pub(super) fn opener(&self, to: PeerId, message: P::Message) -> Option<Opener> {
        let bodies = Arc::clone(self.bodies.as_ref()?);
        Some(Box::new(move || {
            let (length, source) = bodies.open(to, &message)?;
            Ok((Frame::WithBody { length, message }.line(), (length, source)))
        }))
    }

    /// Writes what is queued for a peer, or starts the thread that can.
    pub(super) fn flush(&self, link: &Arc<Link>) {
        match link.flush() {
            Next::Nothing => {}
            Next::Dial => self.dial(link),
            Next::Body => self.send_bodies(link),
        }
    }

    /// Starts the thread that sends the bodies queued for a peer, and what is queued behind them.
    pub(super) fn send_bodies(&self, link: &Arc<Link>) {
        let Some(node) = self.itself.upgrade() else { return };
        let (peer, sender) = (link.peer, Arc::clone(link));
        let send = move || {
            while let Some((stream, opener)) = sender.next_body() {
                if let Err(error) = send(&sender, &stream, opener) {
                    let why = plain(&error.to_string());
                    node.admission.complain(&node, &format!("cannot send to {peer}: {why}"));
                }
            }
        };
        if spawn(&format!("bodies for {peer}"), send).is_err() {
            link.drop_bodies();
        }
    }
}

/// Sends one message with its body, unless the link is lost on the way. What was begun and cannot
/// be ended costs the connection.
///
/// # Errors
/// The body cannot be had.
fn send(link: &Link, stream: &TcpStream, opener: Opener) -> io::Result<()> {
    let (head, (length, source)) = opener()?;
    let mut body = source.take(length);
    let mut piece = vec![0; PIECE];
    let write = |mut bytes: &[u8]| {
        while !bytes.is_empty() && link.is_over(stream) {
            match write_some(stream, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(_) => break,
            }
        }
        bytes.is_empty()
    };
    let mut sent = write(&head);
    while sent && body.limit() > 0 {
        let read = match body.read(&mut piece) {
            Ok(0) => Err(io::Error::other(format!("{} bytes are missing", body.limit()))),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read,
        };
        match read {
            Ok(count) => sent = write(&piece[..count]),
            Err(error) => {
                let _ = stream.shutdown(Shutdown::Both);
                return Err(error);
            }
        }
    }
    if !sent {
        // The link's own thread notices, says so and dials again.
        let _ = stream.shutdown(Shutdown::Both);
    }
    Ok(())
}
