//! The listener, and what happens on accepted connections.
//!
//! Whoever connects is a stranger until it says hello. Strangers are bounded in number and in
//! time; what they send is bounded in length. Nothing they do harms anything but their own
//! connection, and each refusal is one line.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{Frame, Lines, MAX_HELLO, MAX_LINE, is_timeout};
use super::link::{SILENCE, WRITE_PATIENCE};
use super::{Node, Received, UNPOISONED, plain, spawn};
use crate::error::Result;
use crate::process::{PeerId, Process};

/// How long a connection may take to say hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections may be without a hello, if the system gives that many file descriptors.
/// Peers that have said it do not count.
pub(super) const MAX_STRANGERS: usize = 1024;
/// How many file descriptors are kept for everything else.
const RESERVED_FILES: usize = 128;
/// How long a connection beyond [`MAX_STRANGERS`] has for its hello, so that a known peer still
/// gets in: its hello is on the way when it is accepted.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// How many connections may have that grace at once; more are closed at once.
pub(super) const MAX_GRACED: usize = 64;
/// How long the listener rests when the system gives no more file descriptors or threads.
const REST: Duration = Duration::from_millis(20);

/// How many lines about odd connections are said in a second; the rest is counted.
const WORDS_A_SECOND: u32 = 10;
/// How soon the same line may be said again.
const SAME_AGAIN: Duration = Duration::from_secs(60);
/// How many lines are remembered for that.
const MOST_RECENT: usize = 100;

/// Counts the strangers, and what is said about them.
pub(super) struct Doorkeeper {
    strangers: AtomicUsize,
    /// [`MAX_STRANGERS`], or fewer where file descriptors are few.
    most: usize,
    words: Mutex<Words>,
    /// Peers whose unexpected address was reported.
    reported: Mutex<BTreeSet<PeerId>>,
}

#[derive(Default)]
struct Words {
    second: Option<Instant>,
    said: u32,
    /// What was said lately: whoever comes again and again is named once a minute.
    recent: VecDeque<(Instant, String)>,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        let files = open_files().unwrap_or(usize::MAX);
        Self {
            strangers: AtomicUsize::new(0),
            most: MAX_STRANGERS.min(files.saturating_sub(RESERVED_FILES)),
            words: Mutex::default(),
            reported: Mutex::default(),
        }
    }
}

/// How many files this process may have open, where the system says so.
fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Doorkeeper {
    /// One line about somebody odd. Of a flood of them most are counted, not printed.
    pub(super) fn complain<P: Process + Send + 'static>(&self, node: &Node<P>, text: &str) {
        let mut words = self.words.lock().expect(UNPOISONED);
        while words.recent.front().is_some_and(|(at, _)| at.elapsed() >= SAME_AGAIN) {
            words.recent.pop_front();
        }
        if words.recent.iter().any(|(_, said)| said == text) {
            return;
        }
        if words.second.is_none_or(|second| second.elapsed() >= Duration::from_secs(1)) {
            if words.said > WORDS_A_SECOND {
                let more = words.said - WORDS_A_SECOND;
                node.say(&format!("({more} more odd connections within a second)"));
            }
            words.second = Some(Instant::now());
            words.said = 0;
        }
        words.said += 1;
        if words.said <= WORDS_A_SECOND {
            node.say(text);
            words.recent.push_back((Instant::now(), text.to_owned()));
            if words.recent.len() > MOST_RECENT {
                words.recent.pop_front();
            }
        }
    }

    /// An honest peer may come from an address that its name does not give: loopback aliases,
    /// several networks and published ports do that. So it is said once.
    fn report_address<P: Process + Send + 'static>(
        &self,
        node: &Node<P>,
        peer: PeerId,
        text: &str,
    ) {
        if self.reported.lock().expect(UNPOISONED).insert(peer) {
            node.say(text);
        }
    }
}

/// Starts the listener's thread.
pub(super) fn open<P: Process + Send + 'static>(
    node: &Arc<Node<P>>,
    listener: TcpListener,
) -> Result<()> {
    let node = Arc::clone(node);
    spawn("listener", move || {
        loop {
            // Nothing slow here: the system queues only 128 connections for us, and whoever finds
            // that queue full tries again a second later.
            match listener.accept() {
                Ok((stream, from)) => welcome(&node, stream, from),
                Err(error) => {
                    node.doorkeeper.complain(&node, &format!("cannot accept connections: {error}"));
                    thread::sleep(REST);
                }
            }
        }
    })
}

fn welcome<P: Process + Send + 'static>(node: &Arc<Node<P>>, stream: TcpStream, from: SocketAddr) {
    let strangers = node.doorkeeper.strangers.fetch_add(1, Ordering::Relaxed);
    let most = node.doorkeeper.most;
    let patience = match strangers {
        s if s < most => Some(HELLO_TIMEOUT),
        s if s < most + MAX_GRACED => Some(GRACE),
        _ => None,
    };
    let started = patience.is_some_and(|patience| {
        let node = Arc::clone(node);
        spawn("connection", move || serve(&node, stream, from, patience)).is_ok()
    });
    if !started {
        node.doorkeeper.strangers.fetch_sub(1, Ordering::Relaxed);
        let ip = from.ip().to_canonical();
        node.doorkeeper
            .complain(node, &format!("turned away {ip}: too many connections without a hello"));
    }
}

/// The thread of one accepted connection.
fn serve<P: Process + Send + 'static>(
    node: &Node<P>,
    stream: TcpStream,
    from: SocketAddr,
    patience: Duration,
) {
    let ip = from.ip().to_canonical();
    let stream = Arc::new(stream);
    let mut lines = Lines::new(&*stream, MAX_HELLO);
    let greeted = greet(node, &stream, &mut lines, ip, Instant::now() + patience);
    node.doorkeeper.strangers.fetch_sub(1, Ordering::Relaxed);
    match greeted {
        Ok(peer) => {
            lines.set_limit(MAX_LINE);
            node.inbound_up(peer, &stream);
            let ended = listen(node, &stream, &mut lines, peer);
            node.inbound_down(peer, &stream);
            if let Err(why) = ended {
                node.doorkeeper
                    .complain(node, &format!("closed the connection from {peer} ({ip}): {why}"));
            }
        }
        Err(Ended::Quietly) => {}
        Err(Ended::Because(why)) => {
            node.doorkeeper.complain(node, &format!("turned away {ip}: {why}"));
            refuse::<P>(&stream, why);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Closes a connection, and says why, so that the other side can say it too.
pub(super) fn refuse<P: Process>(mut stream: &TcpStream, why: String) {
    // It may be gone; then nobody asks.
    let _ = stream.write_all(&Frame::<P::Message>::Refused(why).line());
    let _ = stream.shutdown(Shutdown::Both);
}

/// Why a stranger stayed one.
enum Ended {
    /// It left without a word.
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
    stream: &TcpStream,
    lines: &mut Lines<&TcpStream>,
    ip: IpAddr,
    deadline: Instant,
) -> std::result::Result<PeerId, Ended> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    let Frame::Hello(hello) = next_frame::<P>(stream, lines, deadline)? else {
        return Err(Ended::Because("its first frame is no hello".into()));
    };
    node.check(&hello).map_err(|why| Ended::Because(plain(&why)))?;
    let known = node.links.get(&hello.peer).map(super::Link::addresses).unwrap_or_default();
    if !known.contains(&ip) {
        let text = format!("{} comes from {ip}, which its name does not resolve to", hello.peer);
        if node.strict_address {
            return Err(Ended::Because(text));
        }
        node.doorkeeper.report_address(node, hello.peer, &text);
    }
    let mut to = stream;
    to.write_all(&node.hello())?;
    if !matches!(next_frame::<P>(stream, lines, deadline)?, Frame::Ping) {
        return Err(Ended::Because("its second frame is no ping".into()));
    }
    to.write_all(&Frame::<P::Message>::Pong.line())?;
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(hello.peer)
}

/// What a stranger hears who says something else first.
fn no_hello(error: &serde_json::Error) -> String {
    format!("no hello: {error}; a connection begins with one, as a peer of this protocol says it")
}

/// The next frame of a stranger. The deadline is for the whole of it: a byte now and then does not
/// extend it.
fn next_frame<P: Process>(
    stream: &TcpStream,
    lines: &mut Lines<&TcpStream>,
    deadline: Instant,
) -> std::result::Result<Frame<P::Message>, Ended> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Because("it said no hello in time".into()));
        }
        stream.set_read_timeout(Some(left))?;
        match lines.next_line() {
            Ok(Some(line)) => {
                return serde_json::from_slice(line)
                    .map_err(|error| Ended::Because(plain(&no_hello(&error))));
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
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
    peer: PeerId,
) -> std::result::Result<(), String> {
    let pong = Frame::<P::Message>::Pong.line();
    loop {
        let line = match lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            // It is silent, or gone; its dialler will come again.
            Err(error) if error.kind() != io::ErrorKind::InvalidData => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        match serde_json::from_slice::<Frame<P::Message>>(line) {
            Ok(Frame::Message(message)) => match node.receive(peer, stream, message) {
                Received::Taken => {}
                Received::Superseded => return Ok(()),
                Received::Refused(why) => return Err(why),
            },
            Ok(Frame::Ping) => {
                if (&**stream).write_all(&pong).is_err() {
                    return Ok(());
                }
            }
            Ok(_) => return Err("a frame that does not belong here".into()),
            Err(error) => return Err(plain(&format!("not a message: {error}"))),
        }
    }
}
