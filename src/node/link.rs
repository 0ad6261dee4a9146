//! The outbound connection to one peer: dialled, kept, and dialled again forever.
//!
//! A thread of its own dials and listens for answers to its pings. Frames are written by the thread
//! that has something to send: waking another thread costs far more than a small write. While one
//! thread writes, what others add goes out in its next write, so a busy link batches by itself. A
//! peer that takes nothing any more never holds a sender up for longer than [`WRITE_TIMEOUT`]; then
//! the link's own thread takes over, and beyond [`QUEUE_LIMIT`] frames are dropped, as a network
//! would.

pub(super) mod session;
mod timeouts;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::body::Opener;
use super::frame::{Frame, is_timeout};
use super::sync::UNPOISONED;
use crate::process::PeerId;

use timeouts::Timeouts;

/// How many bytes may wait for a peer; frames beyond are dropped. Bodies do not count: they are
/// opened when their turn has come. Where lines are long, [`MOST_LINES`] of them may wait.
pub(super) const QUEUE_LIMIT: usize = 1 << 20;
/// How many of the longest lines may wait, where that is more than [`QUEUE_LIMIT`].
const MOST_LINES: usize = 4;
/// How many messages with bodies may wait for a peer; more are dropped.
pub(super) const MAX_BODIES: usize = 64;
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

/// What a link is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Always kept up with a peer that is known.
    Standing,
    /// Dialled when there is something to send, closed when there was nothing for [`IDLE`].
    OnDemand,
    /// Only dials: who answers there says so itself, and has a link of its own.
    Address,
    /// One connection with a peer that has introduced itself, for both directions.
    TwoWay,
}

/// One link, outbound unless it is a two-way one.
pub(super) struct Link {
    pub(super) peer: PeerId,
    address: Address,
    kind: Kind,
    /// How many bytes may wait.
    limit: usize,
    state: Mutex<State>,
    /// Wakes the link's thread out of its pause.
    woken: Condvar,
    /// How long its answers may take, over this link and over the connection from it.
    timeouts: Arc<Mutex<Timeouts>>,
    /// What the name last resolved to.
    resolved: Mutex<Vec<IpAddr>>,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct State {
    /// Set while the peer has answered our hello.
    stream: Option<Arc<TcpStream>>,
    queue: Vec<u8>,
    /// Messages with bodies, which come behind `queue`, each with the frames behind it.
    bodies: VecDeque<(Opener, Vec<u8>)>,
    /// A thread is writing; others only add to the queue.
    writing: bool,
    /// It writes bodies.
    sends_bodies: bool,
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

/// What a link needs from the thread that has added frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more.
    Nothing,
    /// A thread that dials.
    Dial,
    /// A thread that sends bodies.
    Body,
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
    pub(super) fn new(peer: PeerId, address: Address, kind: Kind) -> Self {
        Self {
            peer,
            address,
            kind,
            limit: QUEUE_LIMIT,
            state: Mutex::default(),
            woken: Condvar::new(),
            timeouts: Arc::default(),
            resolved: Mutex::default(),
        }
    }

    /// The same for lines of up to this many bytes.
    pub(super) fn with_lines_of(self, bytes: usize) -> Self {
        Self { limit: QUEUE_LIMIT.max(MOST_LINES * bytes), ..self }
    }

    fn is_on_demand(&self) -> bool {
        self.kind == Kind::OnDemand
    }

    /// A link with the peer that answered at the address of this one; what is known of its answers
    /// outlives it.
    fn two_way(&self, peer: PeerId) -> Self {
        let timeouts = Arc::clone(&self.timeouts);
        let limit = self.limit;
        Self { limit, timeouts, ..Self::new(peer, self.address.clone(), Kind::TwoWay) }
    }

    /// Ends the connection without a reason given.
    pub(super) fn close(&self) {
        if let Some(stream) = &self.state().stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Where it dials.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn is_two_way(&self) -> bool {
        self.kind == Kind::TwoWay
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// Adds a frame for the next [`Self::flush`]. False if there is no link to take it.
    pub(super) fn push(&self, frame: &[u8]) -> bool {
        let mut state = self.state();
        if state.stream.is_none() && !self.is_on_demand() {
            return false;
        }
        state.used = Some(Instant::now());
        self.add(&mut state, frame)
    }

    /// The same for a message with a body.
    pub(super) fn push_body(&self, opener: Opener) -> bool {
        let mut state = self.state();
        if state.stream.is_none() && !self.is_on_demand() {
            return false;
        }
        if state.bodies.len() >= MAX_BODIES {
            state.dropped += 1;
            return false;
        }
        state.used = Some(Instant::now());
        state.bodies.push_back((opener, Vec::new()));
        true
    }

    fn add(&self, state: &mut State, frame: &[u8]) -> bool {
        let behind = state.bodies.iter().map(|(_, behind)| behind.len()).sum::<usize>();
        if state.queue.len() + behind + frame.len() > self.limit {
            state.dropped += 1;
            return false;
        }
        let last = state.bodies.back_mut().map_or(&mut state.queue, |(_, behind)| behind);
        last.extend_from_slice(frame);
        true
    }

    /// Writes what is queued, unless somebody else does or the socket is full. The caller does
    /// what is next.
    pub(super) fn flush(&self) -> Next {
        let mut state = self.state();
        if state.stream.is_none() {
            if !self.is_on_demand() || state.served || state.is_empty() {
                return Next::Nothing;
            }
            state.served = true;
            return Next::Dial;
        }
        if state.writing || state.slow { Next::Nothing } else { self.write(state) }
    }

    /// There is no thread for it after all.
    pub(super) fn unserved(&self) {
        self.state().served = false;
    }

    /// Asks the other side whether it is there. False if there is no room for that.
    fn ping<M: Serialize>(&self) -> bool {
        self.add(&mut self.state(), &Frame::<M>::Ping.line())
    }

    /// True if all that was queued has been handed to the system, or cannot be.
    pub(super) fn is_drained(&self) -> bool {
        let state = self.state();
        state.is_empty() && !state.writing
    }

    fn is_idle(&self) -> bool {
        let state = self.state();
        let is_used = state.used.is_some_and(|used| used.elapsed() < IDLE);
        self.is_on_demand() && !is_used && !state.sends_bodies
    }

    fn is_slow(&self) -> bool {
        self.state().slow
    }

    fn sends_bodies(&self) -> bool {
        self.state().sends_bodies
    }

    /// The link's own thread: tries again what a full socket left behind. Also returns how many
    /// frames were dropped, once it is empty.
    pub(super) fn flush_slow(&self) -> (u64, Next) {
        let mut state = self.state();
        let mut next = Next::Nothing;
        if !state.writing {
            state.slow = false;
            next = self.write(state);
            state = self.state();
        }
        (if state.slow { 0 } else { std::mem::take(&mut state.dropped) }, next)
    }

    /// Writes the queue. When the next is [`Next::Body`], only the thread that sends bodies writes
    /// until it finds none.
    fn write<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Next {
        while !state.queue.is_empty() {
            let Some(stream) = state.stream.clone() else { return Next::Nothing };
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
                        break;
                    }
                }
                Ok(count) => {
                    batch.drain(..count);
                    batch.append(&mut state.queue);
                    state.queue = batch;
                    state.slow = true;
                    return Next::Nothing;
                }
                Err(_) => {
                    // The link's own thread notices, says so and dials again.
                    let _ = stream.shutdown(Shutdown::Both);
                    return Next::Nothing;
                }
            }
        }
        if state.bodies.is_empty() || state.stream.is_none() {
            return Next::Nothing;
        }
        (state.writing, state.sends_bodies) = (true, true);
        Next::Body
    }

    /// The thread that sends bodies: takes the next one, with the connection for it, when what was
    /// queued before is written. `None` when there is none, and others may write again.
    pub(super) fn next_body(&self) -> Option<(Arc<TcpStream>, Opener)> {
        loop {
            let mut state = self.state();
            (state.writing, state.sends_bodies) = (false, false);
            state.used = Some(Instant::now());
            if self.write(state) != Next::Body {
                return None;
            }
            let mut state = self.state();
            // Otherwise the link was lost and made anew meanwhile.
            if state.queue.is_empty()
                && let Some(stream) = state.stream.clone()
                && let Some((opener, behind)) = state.bodies.pop_front()
            {
                state.queue = behind;
                return Some((stream, opener));
            }
        }
    }

    /// There is no thread that sends them.
    pub(super) fn drop_bodies(&self) {
        let mut state = self.state();
        (state.writing, state.sends_bodies) = (false, false);
        state.dropped += state.bodies.len() as u64;
        for (_, behind) in std::mem::take(&mut state.bodies) {
            state.queue.extend(behind);
        }
    }

    /// True as long as this is the connection of the link.
    pub(super) fn is_over(&self, stream: &TcpStream) -> bool {
        self.state().stream.as_deref().is_some_and(|now| std::ptr::eq(now, stream))
    }

    /// A new connection, over which `first` goes before all else.
    pub(super) fn set_up(&self, stream: Arc<TcpStream>, first: Vec<u8>) {
        let mut state = self.state();
        let (waiting, bodies) =
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.bodies));
        Self::reset(&mut state);
        state.stream = Some(stream);
        if matches!(state.slow_dial, SlowDial::Done(_)) {
            state.slow_dial = SlowDial::None;
        }
        state.queue = first;
        if self.is_on_demand() {
            state.queue.extend_from_slice(&waiting);
            state.bodies = bodies;
        }
    }

    pub(super) fn set_down(&self) {
        Self::reset(&mut self.state());
    }

    /// What was queued for an old connection is lost with it.
    fn reset(state: &mut State) {
        state.stream = None;
        state.queue = Vec::new();
        state.bodies = VecDeque::new();
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

impl State {
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.bodies.is_empty()
    }
}

/// Writes as much as the socket takes within [`WRITE_TIMEOUT`]; returns how much that was.
pub(super) fn write_some(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
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
