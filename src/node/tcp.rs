//! The listener, and what happens on accepted connections.
//!
//! A client is unknown until it says hello. Unknown clients are bounded in number and in
//! time; what they send is bounded in length. Nothing they do harms anything but their own
//! connection, and each refusal is one line at most.

use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::Node;
use super::admission::{Allow, HELLO_TIMEOUT};
use super::body::transfer::Taken;
use super::connections::{Batch, MAX_CONNECTIONS, refuse};
use super::frame::{Frame, Lines, MAX_HELLO, is_timeout};
use super::link::{Address, Kind, Link, Next, WRITE_TIMEOUT};
use super::log::plain;
use super::sync::spawn;
use crate::error::Result;
use crate::process::Process;

/// How long the listener rests when the system gives no more file descriptors or threads.
const REST: Duration = Duration::from_millis(20);

/// Starts the listener's thread.
pub(super) fn open<P: Process + Send + 'static>(
    node: &Arc<Node<P>>,
    listener: TcpListener,
    allow: Option<Allow>,
) -> Result<()> {
    let node = Arc::clone(node);
    spawn("listener", move || {
        loop {
            // Nothing slow here: the system queues only 128 connections for us, and a client that
            // finds that queue full tries again a second later.
            match listener.accept() {
                Ok((stream, from)) => {
                    let ip = from.ip().to_canonical();
                    if allow.as_ref().is_none_or(|allows| allows(ip)) {
                        admit(&node, stream, from);
                    } else {
                        let why = "connections from there are not allowed";
                        node.complain(&format!("rejected {ip}: {why}"));
                        // One write into an empty socket does not wait.
                        refuse::<P>(&stream, why.into());
                    }
                }
                Err(error) => {
                    node.complain(&format!("cannot accept connections: {error}"));
                    thread::sleep(REST);
                }
            }
        }
    })
}

fn admit<P: Process + Send + 'static>(node: &Arc<Node<P>>, stream: TcpStream, from: SocketAddr) {
    let started = node.admission.enter().is_some_and(|timeout| {
        let node = Arc::clone(node);
        spawn("connection", move || serve(&node, stream, from, timeout)).is_ok()
    });
    if !started {
        node.admission.leave();
        let ip = from.ip().to_canonical();
        node.complain(&format!("rejected {ip}: too many connections without a hello"));
    }
}

/// The thread of one accepted connection.
fn serve<P: Process + Send + 'static>(
    node: &Node<P>,
    stream: TcpStream,
    from: SocketAddr,
    timeout: Duration,
) {
    let ip = from.ip().to_canonical();
    let stream = Arc::new(stream);
    let mut lines = Lines::new(&*stream, MAX_HELLO);
    let greeted = greet(node, &stream, &mut lines, ip, Instant::now() + timeout);
    node.admission.leave();
    match greeted {
        Ok(link) if node.inbound_up(link.peer, &stream) => {
            lines.set_limit(P::MAX_LINE);
            let peer = link.peer;
            let ended = listen(node, &link, &stream, &mut lines);
            node.inbound_down(peer, &stream);
            node.part(&link);
            if let Err(why) = ended {
                node.complain(&format!("closed the connection from {peer} ({ip}): {why}"));
                if link.is_two_way() {
                    refuse::<P>(&stream, why);
                }
            }
        }
        Ok(link) => {
            node.part(&link);
            let why = format!("{MAX_CONNECTIONS} connections from {} are still open", link.peer);
            node.complain(&format!("rejected {ip}: {why}"));
            refuse::<P>(&stream, why);
        }
        Err(Ended::Quietly) => {}
        Err(Ended::Because(why)) => {
            node.complain(&format!("rejected {ip}: {why}"));
            refuse::<P>(&stream, why);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Why a client stayed unknown.
enum Ended {
    /// It left without a frame.
    Quietly,
    Because(String),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Because(error.to_string())
    }
}

/// Waits for a hello, answers it, and waits for the first ping.
///
/// The ping says that the other side has our hello, so that *its* link can carry answers. Without
/// it a question could arrive there before the way back is open, and its answer would be lost.
fn greet<P: Process + Send + 'static>(
    node: &Node<P>,
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
    ip: IpAddr,
    deadline: Instant,
) -> std::result::Result<Arc<Link>, Ended> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let Frame::Hello(hello) = next_frame::<P>(stream, lines, deadline, "hello")? else {
        return Err(Ended::Because("its first frame is not a hello".into()));
    };
    node.check(&hello).map_err(|why| Ended::Because(plain(&why)))?;
    let listed = node.links.get(&hello.peer).cloned();
    // Of a peer that introduces itself, no address is known.
    let link = listed.clone().unwrap_or_else(|| {
        let address = Address { host: ip.to_string(), port: 0 };
        Arc::new(Link::new(hello.peer, address, Kind::TwoWay).with_lines_of(P::MAX_LINE))
    });
    if listed.is_some() && !link.addresses().contains(&ip) {
        let text = format!("{} comes from {ip}, which its name does not resolve to", hello.peer);
        if node.strict_address {
            return Err(Ended::Because(text));
        }
        if node.admission.is_first_report(hello.peer) {
            node.say(&text);
        }
    }
    let mut to = &**stream;
    let asked = Instant::now();
    to.write_all(&node.hello())?;
    // The answer takes a whole round trip, so a distant peer gets as long as it usually takes.
    let deadline = asked + link.silence().max(HELLO_TIMEOUT);
    let second = next_frame::<P>(stream, lines, deadline, "ping");
    if !matches!(second.inspect_err(|_| link.failed())?, Frame::Ping) {
        return Err(Ended::Because("its second frame is not a ping".into()));
    }
    link.answered(asked.elapsed());
    stream.set_read_timeout(Some(link.silence()))?;
    let pong = Frame::<P::Message>::Pong.line();
    if listed.is_none() {
        node.introduce(&link, stream, pong, hello.peer).map_err(Ended::Because)?;
        node.flush(&link);
    } else {
        to.write_all(&pong)?;
    }
    Ok(link)
}

/// The next frame of an unknown client, of the kind that is due. The deadline is for the whole of
/// it: a byte now and then does not extend it.
fn next_frame<P: Process>(
    stream: &TcpStream,
    lines: &mut Lines<&TcpStream>,
    deadline: Instant,
    due: &str,
) -> std::result::Result<Frame<P::Message>, Ended> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Because(format!("it sent no {due} in time")));
        }
        stream.set_read_timeout(Some(left))?;
        match lines.next_line() {
            Ok(Some(line)) => {
                return serde_json::from_slice(line).map_err(|error| {
                    Ended::Because(plain(&format!(
                        "no {due}: {error}; a connection begins with a peer's hello and a ping"
                    )))
                });
            }
            Ok(None) => return Err(Ended::Quietly),
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(Ended::Quietly);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes messages until the connection ends. The error says what was wrong with it.
fn listen<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
) -> std::result::Result<(), String> {
    let mut batch = Batch::default();
    loop {
        let goes_on = take_batch(node, link, stream, lines, &mut batch);
        node.conclude(&mut batch);
        if !goes_on? {
            return Ok(());
        }
    }
}

/// Takes every frame that one read has brought. False once there will be no more.
fn take_batch<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
    batch: &mut Batch,
) -> std::result::Result<bool, String> {
    let mut next = match lines.next_line() {
        Ok(None) => return Ok(false),
        // It is silent, or gone; its dialler will come again.
        Err(error) if error.kind() != io::ErrorKind::InvalidData => {
            if is_timeout(&error) {
                link.failed();
            }
            return Ok(false);
        }
        next => next,
    };
    while let Some(line) = next.map_err(|error| error.to_string())? {
        let length = line.len();
        let frame = serde_json::from_slice::<Frame<P::Message>>(line)
            .map_err(|error| plain(&format!("not a message: {error}")))?;
        if !take_frame(node, link, stream, lines, (frame, length), batch)? {
            return Ok(false);
        }
        next = lines.buffered_line();
    }
    Ok(true)
}

/// Takes one frame, whose line has this many bytes. False once there will be no more.
///
/// # Errors
/// What no honest peer would have sent.
pub(super) fn take_frame<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
    (frame, bytes): (Frame<P::Message>, usize),
    batch: &mut Batch,
) -> std::result::Result<bool, String> {
    let message = match frame {
        Frame::Ping => {
            let limit = stream.set_read_timeout(Some(link.silence()));
            let answered = limit.and_then(|()| answer(node, link, stream, &Frame::Pong));
            return Ok(answered.is_ok());
        }
        // From the other end of a two-way link.
        Frame::Progress if link.is_two_way() => return Ok(true),
        Frame::Message(message) if !P::has_body(&message) => message,
        Frame::Message(_) => return Err("a message without its body".into()),
        Frame::WithBody { length, message } => {
            // What came before is not answered late because of the body.
            node.conclude(batch);
            if stream.set_read_timeout(Some(link.silence())).is_err() {
                return Ok(false);
            }
            let tell = || answer(node, link, stream, &Frame::Progress);
            match node.take_body(link.peer, &message, length, lines, tell)? {
                Taken::Kept => message,
                Taken::Dropped => return Ok(true),
                Taken::Cut => return Ok(false),
            }
        }
        _ => return Err("a frame that does not belong here".into()),
    };
    node.receive(link.peer, stream, message, bytes, batch)
}

/// Sends a frame back on the connection that another one came on.
fn answer<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    mut stream: &TcpStream,
    frame: &Frame<P::Message>,
) -> io::Result<()> {
    if !link.is_two_way() {
        // Nobody else writes on it.
        return stream.write_all(&frame.line());
    }
    link.push(&frame.line());
    if link.flush_slow().1 == Next::Body {
        node.send_bodies(link);
    }
    Ok(())
}
