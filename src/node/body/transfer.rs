//! The bodies of messages on their way: from a connection to the receiver, and onto a link.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use super::{Incoming, Opener};
use crate::node::Node;
use crate::node::frame::{Frame, Lines};
use crate::node::link::{Link, Next, write_some};
use crate::node::log::plain;
use crate::node::sync::spawn;
use crate::process::{PeerId, Process};

/// How many bytes are read at once from what is sent.
const PIECE: usize = 64 * 1024;

/// What became of a body.
pub(in crate::node) enum Taken {
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
    pub(in crate::node) fn take_body(
        &self,
        from: PeerId,
        message: &P::Message,
        length: u64,
        lines: &mut Lines<&TcpStream>,
        tell: impl FnMut() -> io::Result<()>,
    ) -> Result<Taken, String> {
        let Some(bodies) = self.bodies.as_ref().filter(|_| P::has_body(message)) else {
            return Err("a body after a message that has none".into());
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
        self.complain_of(&error, &format!("dropped what {from} sent"));
        Ok(Taken::Dropped)
    }

    /// What was to be done with a body, and why it was not; unless it is no news.
    fn complain_of(&self, error: &io::Error, what: &str) {
        if error.kind() != ErrorKind::NotFound {
            self.complain(&format!("{what}: {}", plain(&error.to_string())));
        }
    }

    /// What makes the line of a message with a body, when its turn has come.
    pub(in crate::node) fn opener(&self, to: PeerId, message: P::Message) -> Option<Opener> {
        let bodies = Arc::clone(self.bodies.as_ref()?);
        Some(Box::new(move || {
            let (length, source) = bodies.open(to, &message)?;
            Ok((Frame::WithBody { length, message }.line(), (length, source)))
        }))
    }

    /// Writes what is queued for a peer, or starts the thread that can.
    pub(in crate::node) fn flush(&self, link: &Arc<Link>) {
        match link.flush() {
            Next::Nothing => {}
            Next::Dial => self.dial(link),
            Next::Body => self.send_bodies(link),
        }
    }

    /// Starts the thread that sends the bodies queued for a peer, and what is queued behind them.
    pub(in crate::node) fn send_bodies(&self, link: &Arc<Link>) {
        let Some(node) = self.itself.upgrade() else { return };
        let (peer, sender) = (link.peer, Arc::clone(link));
        let send = move || {
            while let Some((stream, opener)) = sender.next_body() {
                if let Err(error) = send(&sender, &stream, opener) {
                    node.complain_of(&error, &format!("cannot send to {peer}"));
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::node::link::{Address, Kind};

    /// Fails with each of these in its turn, then gives `body`.
    struct Failing(Vec<ErrorKind>);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.pop() {
                Some(kind) => Err(kind.into()),
                None => (&b"body"[..]).read(into),
            }
        }
    }

    /// Sends a body from a source that fails, over a link that may be lost; the result, and what
    /// has arrived when the connection is closed.
    fn send_failing(errors: &[ErrorKind], is_lost: bool) -> (io::Result<()>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Arc::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        let (mut other_end, _) = listener.accept().unwrap();
        let address = Address { host: "127.0.0.1".into(), port };
        let link = Link::new(PeerId(2), address, Kind::Standing);
        if !is_lost {
            link.set_up(Arc::clone(&stream), Vec::new());
        }
        let source = Box::new(Failing(errors.to_vec()));
        let sent = send(&link, &stream, Box::new(|| Ok((b"head ".to_vec(), (4, source)))));
        if sent.is_ok() && !is_lost {
            stream.shutdown(Shutdown::Write).unwrap();
        }
        let mut arrived = String::new();
        other_end.read_to_string(&mut arrived).unwrap();
        (sent, arrived)
    }

    #[test]
    fn an_interrupted_read_of_a_body_is_repeated_and_any_other_error_ends_the_connection() {
        let (sent, arrived) = send_failing(&[ErrorKind::Interrupted], false);
        assert_eq!((sent.is_ok(), arrived.as_str()), (true, "head body"));
        let (sent, arrived) = send_failing(&[ErrorKind::NotFound], false);
        assert_eq!((sent.unwrap_err().kind(), arrived.as_str()), (ErrorKind::NotFound, "head "));
    }

    #[test]
    fn nothing_of_a_body_goes_over_a_connection_that_the_link_has_lost() {
        let (sent, arrived) = send_failing(&[], true);
        assert_eq!((sent.is_ok(), arrived.as_str()), (true, ""));
    }
}
