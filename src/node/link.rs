//! The outbound connection to one peer: dialled, kept, and dialled again for ever.
//!
//! A thread of its own dials and listens for answers to its pings. Frames are written by whoever
//! has something to say: waking another thread costs far more than a small write. While one thread
//! writes, what others add goes out in its next write, so a busy link batches by itself. A peer
//! that takes nothing any more never holds a sender up for longer than [`WRITE_TIMEOUT`]; then the
//! link's own thread takes over, and beyond [`QUEUE_LIMIT`] frames are dropped, as a network would.

mod session;
mod timeouts;

use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::UNPOISONED;
use super::frame::{Frame, is_timeout};
use crate::process::PeerId;

pub(super) use session::{hello, keep, serve};
use timeouts::Timeouts;

/// How many bytes may wait for a peer; frames beyond are dropped.
pub(super) const QUEUE_LIMIT: usize = 1 << 20;
/// How long a sender waits for a full socket before the link's own thread takes over.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_millis(5);
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
    woken: Condvar,
    /// How long its answers may take, over this link and over the connection from it.
    timeouts: Mutex<Timeouts>,
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
    wake: bool,
    slow_dial: SlowDial,
    /// Of a link on demand: it has a thread.
    served: bool,
    /// When the last frame was added that was no ping.
    used: Option<Instant>,
}

/// A dial that may take longer than the others, on a thread of its own.
#[derive(Default)]
enum SlowDial {
    #[default]
    None,
    UnderWay,
    /// It has a connection, which the link's thread takes.
    Done(TcpStream),
}

impl Link {
    pub(super) fn new(peer: PeerId, address: Address, on_demand: bool) -> Self {
        Self {
            peer,
            address,
            on_demand,
            state: Mutex::default(),
            woken: Condvar::new(),
            timeouts: Mutex::default(),
            resolved: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
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

    /// Asks the other side whether it is there. False if there is no room for that.
    fn ping<M: Serialize>(&self) -> bool {
        Self::add(&mut self.state(), &Frame::<M>::Ping.line())
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
        if matches!(state.slow_dial, SlowDial::Done(_)) {
            state.slow_dial = SlowDial::None;
        }
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
    pub(super) fn wake(&self) {
        self.state().wake = true;
        self.woken.notify_one();
    }

    fn pause(&self, length: Duration) {
        let state = self.state();
        let (mut state, _) =
            self.woken.wait_timeout_while(state, length, |state| !state.wake).expect(UNPOISONED);
        state.wake = false;
    }

    /// Begins a slow dial, which may take as long as the result says; `None` if one is under way.
    fn begin_slow_dial(&self) -> Option<Duration> {
        let mut state = self.state();
        if !matches!(state.slow_dial, SlowDial::None) {
            return None;
        }
        state.slow_dial = SlowDial::UnderWay;
        self.failed();
        Some(self.timeouts().answer())
    }

    fn end_slow_dial(&self, found: Option<TcpStream>) {
        let mut state = self.state();
        // One connection is enough.
        let found = found.filter(|_| state.stream.is_none());
        state.slow_dial = found.map_or(SlowDial::None, SlowDial::Done);
        drop(state);
        self.wake();
    }

    /// Takes the connection that a slow dial has made.
    fn take_slow_dial(&self) -> Option<TcpStream> {
        match &mut self.state().slow_dial {
            SlowDial::UnderWay => None,
            slow_dial => match std::mem::take(slow_dial) {
                SlowDial::Done(stream) => Some(stream),
                _ => None,
            },
        }
    }

    fn timeouts(&self) -> MutexGuard<'_, Timeouts> {
        self.timeouts.lock().expect(UNPOISONED)
    }

    /// How long a connection with this peer may be silent.
    pub(super) fn silence(&self) -> Duration {
        self.timeouts().silence()
    }

    /// The peer answered after this long.
    pub(super) fn answered(&self, after: Duration) {
        self.timeouts().answered(after);
    }

    /// The peer did not answer in time.
    pub(super) fn failed(&self) {
        self.timeouts().failed();
    }

    /// The addresses that the hostsfile gives for this peer.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let known = self.resolved.lock().expect(UNPOISONED).clone();
        if !known.is_empty() {
            return known;
        }
        self.resolve().unwrap_or_default().iter().map(SocketAddr::ip).collect()
    }

    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let addresses = self.address.resolve()?;
        let ips = addresses.iter().map(|address| address.ip().to_canonical()).collect();
        *self.resolved.lock().expect(UNPOISONED) = ips;
        Ok(addresses)
    }
}

/// Writes as much as the socket takes within [`WRITE_TIMEOUT`]; returns how much that was.
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

#[cfg(test)]
mod tests;
