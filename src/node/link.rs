//! The outbound connection to one peer: dialled, kept, and dialled again for ever.
//!
//! A thread of its own dials and listens for answers to its pings. Frames are written by whoever
//! has something to say: waking another thread costs far more than a small write. While one thread
//! writes, what others add goes out in its next write, so a busy link batches by itself. A peer
//! that takes nothing any more never holds a sender up for longer than [`WRITE_PATIENCE`]; then the
//! link's own thread takes over, and beyond [`QUEUE_LIMIT`] frames are dropped, as a network would.

use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::frame::{Frame, Hello, Lines, MAX_HELLO, MAX_LINE, is_timeout};
use super::{Node, plain};
use crate::process::{PeerId, Process};

/// How many bytes may wait for a peer; frames beyond are dropped.
pub(super) const QUEUE_LIMIT: usize = 1 << 20;
/// How long a sender waits for a full socket before the link's own thread takes over.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_millis(5);
/// The first pause between two dials; it doubles up to [`LAST_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between two dials.
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How long one dial may take.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often an idle link is pinged.
pub(super) const PING_EVERY: Duration = Duration::from_secs(1);
/// A link that was silent for this long is closed and dialled again.
pub(super) const SILENCE: Duration = Duration::from_secs(3);
/// A peer that cannot be reached for this long is named once.
pub(super) const NAMED_AFTER: Duration = Duration::from_secs(1);
/// A link on demand is closed when nothing was sent over it for this long.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// Where a peer listens: a name that is looked up for every dial, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host name or an address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

impl Address {
    /// Asks the system's resolver.
    ///
    /// # Errors
    /// The name does not resolve, now.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

/// One outbound link.
pub(super) struct Link {
    pub(super) peer: PeerId,
    address: Address,
    /// Dialled when there is something to send, closed when there was nothing for [`IDLE`].
    on_demand: bool,
    state: Mutex<State>,
    /// Wakes the link's thread out of its pause.
    nudged: Condvar,
    /// What the name last resolved to.
    resolved: Mutex<Vec<IpAddr>>,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct State {
    /// Set while the peer has answered our hello.
    stream: Option<Arc<TcpStream>>,
    queue: Vec<u8>,
    /// A thread is writing; others only add to the queue.
    writing: bool,
    /// The socket was full; only the link's own thread writes until it is empty again.
    slow: bool,
    /// Frames dropped since the link was last quick.
    dropped: u64,
    /// The peer was seen alive: dial now.
    nudge: bool,
    /// Of a link on demand: it has a thread.
    served: bool,
    /// When the last frame was added that was no ping.
    used: Option<Instant>,
}

impl Link {
    pub(super) fn new(peer: PeerId, address: Address, on_demand: bool) -> Self {
        Self {
            peer,
            address,
            on_demand,
            state: Mutex::default(),
            nudged: Condvar::new(),
            resolved: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the lock")
    }

    /// Adds a frame for the next [`Self::flush`]. False if there is no link to take it.
    pub(super) fn push(&self, frame: &[u8]) -> bool {
        let mut state = self.state();
        if state.stream.is_none() && !self.on_demand {
            return false;
        }
        state.used = Some(Instant::now());
        Self::add(&mut state, frame)
    }

    fn add(state: &mut State, frame: &[u8]) -> bool {
        if state.queue.len() + frame.len() > QUEUE_LIMIT {
            state.dropped += 1;
            return false;
        }
        state.queue.extend_from_slice(frame);
        true
    }

    /// Writes what is queued, unless somebody else does or the socket is full. True if the link
    /// is one on demand and needs a thread that dials.
    pub(super) fn flush(&self) -> bool {
        let mut state = self.state();
        if state.stream.is_none() {
            let needs_thread = self.on_demand && !state.served && !state.queue.is_empty();
            state.served |= needs_thread;
            return needs_thread;
        }
        if !state.writing && !state.slow {
            self.write(state);
        }
        false
    }

    /// There is no thread for it after all.
    pub(super) fn unserved(&self) {
        self.state().served = false;
    }

    /// Asks the other side whether it is there.
    fn ping<M: Serialize>(&self) {
        Self::add(&mut self.state(), &Frame::<M>::Ping.line());
    }

    /// True if all that was queued has been handed to the system, or cannot be.
    pub(super) fn is_drained(&self) -> bool {
        let state = self.state();
        state.queue.is_empty() && !state.writing
    }

    fn is_idle(&self) -> bool {
        self.on_demand && self.state().used.is_none_or(|used| used.elapsed() >= IDLE)
    }

    /// The link's own thread: tries again what a full socket left behind.
    fn flush_slow(&self) -> u64 {
        let mut state = self.state();
        if !state.writing {
            state.slow = false;
            self.write(state);
            state = self.state();
        }
        if state.slow { 0 } else { std::mem::take(&mut state.dropped) }
    }

    fn write<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        while !state.queue.is_empty() {
            let Some(stream) = state.stream.clone() else { return };
            let mut batch = std::mem::take(&mut state.queue);
            state.writing = true;
            drop(state);
            let written = write_some(&stream, &batch);
            state = self.state();
            state.writing = false;
            // What an old connection did not take must never continue on a new one.
            if !state.stream.as_ref().is_some_and(|now| Arc::ptr_eq(now, &stream)) {
                continue;
            }
            match written {
                Ok(count) if count == batch.len() => {
                    if state.queue.is_empty() {
                        batch.clear();
                        state.queue = batch;
                        return;
                    }
                }
                Ok(count) => {
                    batch.drain(..count);
                    batch.append(&mut state.queue);
                    state.queue = batch;
                    state.slow = true;
                    return;
                }
                Err(_) => {
                    // The link's own thread notices, says so and dials again.
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }

    /// A new connection, over which `first` goes before all else.
    fn set_up(&self, stream: Arc<TcpStream>, first: Vec<u8>) {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.queue);
        Self::reset(&mut state);
        state.stream = Some(stream);
        state.queue = first;
        if self.on_demand {
            state.queue.extend_from_slice(&waiting);
        }
    }

    fn set_down(&self) {
        Self::reset(&mut self.state());
    }

    /// What was queued for an old connection is lost with it.
    fn reset(state: &mut State) {
        state.stream = None;
        state.queue = Vec::new();
        state.slow = false;
        state.dropped = 0;
    }

    /// The peer is alive: dial now instead of at the end of the pause.
    pub(super) fn nudge(&self) {
        self.state().nudge = true;
        self.nudged.notify_one();
    }

    fn pause(&self, length: Duration) {
        let state = self.state();
        let (mut state, _) = self
            .nudged
            .wait_timeout_while(state, length, |state| !state.nudge)
            .expect("no thread panics while it holds the lock");
        state.nudge = false;
    }

    /// The addresses that the hostsfile gives for this peer.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let known = self.resolved.lock().expect("no thread panics while it holds the lock").clone();
        if !known.is_empty() {
            return known;
        }
        self.resolve().unwrap_or_default().iter().map(SocketAddr::ip).collect()
    }

    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let addresses = self.address.resolve()?;
        let ips = addresses.iter().map(|address| address.ip().to_canonical()).collect();
        *self.resolved.lock().expect("no thread panics while it holds the lock") = ips;
        Ok(addresses)
    }
}

/// Writes as much as the socket takes within [`WRITE_PATIENCE`]; returns how much that was.
fn write_some(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// The link's own thread.
pub(super) fn keep<P: Process + Send + 'static>(node: &Node<P>, link: &Link) {
    let mut outage = Outage::default();
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let ended = session(node, link, &mut outage);
        if begun.elapsed() >= PING_EVERY && ended.is_ok() {
            pause = FIRST_PAUSE;
        }
        if let Err(why) = ended {
            outage.note(node, link, &why);
            // Whoever refuses will do so again until somebody changes something.
            if matches!(why, Failure::Refused(_)) {
                pause = LAST_PAUSE;
            }
        }
        // Also after a link that was up: one that never lasts must not keep two machines busy.
        link.pause(pause);
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// The thread of a link on demand: dials, serves, and ends when the link does.
pub(super) fn serve<P: Process + Send + 'static>(node: &Node<P>, link: &Link) {
    loop {
        let ended = session(node, link, &mut Outage::default());
        if let Err(Failure::Refused(why)) = &ended {
            let Address { host, port } = &link.address;
            let text = format!("no link with {} at {host}:{port}: {}", link.peer, plain(why));
            node.doorkeeper.complain(node, &text);
        }
        let mut state = link.state();
        // Whoever is not there gets nothing; what came while a good link ended gets another one.
        if ended.is_err() || state.queue.is_empty() {
            state.queue.clear();
            state.served = false;
            return;
        }
    }
}

/// For how long a peer has been away, and what was said about it.
#[derive(Default)]
struct Outage {
    since: Option<Instant>,
    said: Vec<String>,
}

impl Outage {
    fn note<P: Process + Send + 'static>(&mut self, node: &Node<P>, link: &Link, why: &Failure) {
        let since = *self.since.get_or_insert_with(Instant::now);
        let Address { host, port } = &link.address;
        let text = match why {
            Failure::Away(error) if since.elapsed() < NAMED_AFTER => {
                let _ = error;
                return;
            }
            Failure::Away(error) => {
                format!("waiting for {} at {host}:{port}: {error}", link.peer)
            }
            Failure::NoName(error) => format!(
                "waiting for {}: the name {host} does not resolve yet ({error}); trying again",
                link.peer
            ),
            Failure::Refused(reason) => {
                format!("no link with {} at {host}:{port}: {}", link.peer, plain(reason))
            }
        };
        if !self.said.contains(&text) {
            node.say(&text);
            self.said.push(text);
        }
    }

    fn over<P: Process + Send + 'static>(&mut self, node: &Node<P>, link: &Link) {
        self.since = None;
        if !std::mem::take(&mut self.said).is_empty() {
            node.say(&format!("{} is here", link.peer));
        }
    }
}

/// Why there is no link.
enum Failure {
    Away(io::Error),
    NoName(io::Error),
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Away(error)
    }
}

/// Dials, says hello, and keeps the link until it ends. `Ok` if it was up.
fn session<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Link,
    outage: &mut Outage,
) -> Result<(), Failure> {
    let mut result = Err(Failure::Away(io::ErrorKind::AddrNotAvailable.into()));
    for address in link.resolve().map_err(Failure::NoName)? {
        match dial(address) {
            Ok(stream) => {
                let mut lines = Lines::new(&*stream, MAX_HELLO);
                if let Err(failure) = greet(node, link, &stream, &mut lines) {
                    result = Err(failure);
                    continue;
                }
                lines.set_limit(MAX_LINE);
                // The third step of the greeting: from here on answers can reach this peer.
                link.set_up(Arc::clone(&stream), Frame::<P::Message>::Ping.line());
                link.flush();
                outage.over(node, link);
                node.outbound(link.peer, true);
                let ended = listen(node, link, &mut lines);
                link.set_down();
                node.outbound(link.peer, false);
                return ended;
            }
            Err(error) => result = Err(error.into()),
        }
    }
    result
}

fn dial(address: SocketAddr) -> io::Result<Arc<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, DIAL_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(Arc::new(stream))
}

/// Exchanges hellos over a new connection.
fn greet<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Link,
    mut stream: &TcpStream,
    lines: &mut Lines<&TcpStream>,
) -> Result<(), Failure> {
    stream.write_all(&node.hello())?;
    let silent = || io::Error::new(io::ErrorKind::UnexpectedEof, "it closed without a hello");
    let first = lines.next_line()?.ok_or_else(silent)?;
    let hello = match serde_json::from_slice::<Frame<P::Message>>(first) {
        Ok(Frame::Hello(hello)) => hello,
        Ok(Frame::Refused(reason)) => return Err(Failure::Refused(reason)),
        _ => return Err(Failure::Refused("its first frame is no hello".into())),
    };
    node.check(&hello).map_err(Failure::Refused)?;
    if hello.peer != link.peer {
        return Err(Failure::Refused(format!("{} answers there", hello.peer)));
    }
    stream.set_read_timeout(Some(PING_EVERY))?;
    Ok(())
}

/// Listens for answers to pings until the link is silent or broken. The error says why, if the
/// other side did.
fn listen<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Link,
    lines: &mut Lines<&TcpStream>,
) -> Result<(), Failure> {
    let mut heard = Instant::now();
    loop {
        match lines.next_line() {
            Ok(Some(frame)) => {
                heard = Instant::now();
                if let Ok(Frame::Refused(why)) = serde_json::from_slice::<Frame<P::Message>>(frame)
                {
                    return Err(Failure::Refused(why));
                }
            }
            Err(error) if is_timeout(&error) => {
                if heard.elapsed() >= SILENCE {
                    return Ok(());
                }
                if link.is_idle() {
                    return Ok(());
                }
                link.ping::<P::Message>();
            }
            Ok(None) | Err(_) => return Ok(()),
        }
        let dropped = link.flush_slow();
        if dropped > 0 {
            node.say(&format!("{} was slow: {dropped} frames were dropped", link.peer));
        }
    }
}

/// The hello of this node, as a line.
pub(super) fn hello<P: Process>(me: PeerId, fingerprint: &str) -> Vec<u8> {
    Frame::<P::Message>::Hello(Hello {
        protocol: P::PROTOCOL.into(),
        peer: me,
        fingerprint: fingerprint.into(),
    })
    .line()
}

#[cfg(test)]
mod tests;
