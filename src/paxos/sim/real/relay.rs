//! What stands between the processes of a replay: every connection goes through it, and no message
//! arrives before it is told so.
//!
//! Greetings and pings pass at once, so links are up as ever. A message is kept, in the order of
//! sending, for as long as the replay lasts: the script may let it arrive late, twice, or when its
//! sender is dead, and then the relay speaks for the sender.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::mem::discriminant;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::command::spawn;
use crate::error::{Doing, Result};
use crate::node::frame::{Frame, Hello, Lines, MAX_LINE};
use crate::paxos::{Message, Peer};
use crate::process::{PeerId, Process as _};

/// How long a message or a connection may take that must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the very message of the script is waited for while there is another one of its kind.
const EXACT: Duration = Duration::from_secs(2);

const UNPOISONED: &str = "no thread panics while it holds this lock";

/// From whom to whom.
type Way = (PeerId, PeerId);

struct Queued {
    message: Message,
    delivered: bool,
    /// Its receiver was dead when it was read here. It may have been sent before that, which the
    /// script knows; of itself it does not arrive.
    too_late: bool,
}

impl Queued {
    fn is_under_way(&self) -> bool {
        !self.delivered && !self.too_late
    }
}

#[derive(Default)]
struct State {
    /// Where the living listen.
    living: BTreeMap<PeerId, u16>,
    /// The present connection of each way, towards its end.
    ends: BTreeMap<Way, TcpStream>,
    queued: BTreeMap<Way, Vec<Queued>>,
    /// What to say on behalf of the dead.
    fingerprint: Option<String>,
}

/// All ways between the peers.
pub(super) struct Relay {
    state: Mutex<State>,
    changed: Condvar,
    /// Where each way begins.
    ports: BTreeMap<Way, u16>,
}

/// How a message was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Exact,
    /// Another one of its kind arrived instead.
    Alike,
    Nothing,
}

impl Relay {
    /// Opens the ways between these peers.
    ///
    /// # Errors
    /// The machine gives no more sockets or threads.
    pub(super) fn open(ways: &[Way]) -> Result<Arc<Self>> {
        let what = || "opening the relay".into();
        let (mut ports, mut listeners) = (BTreeMap::new(), Vec::new());
        for way in ways {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(what)?;
            ports.insert(*way, listener.local_addr().doing(what)?.port());
            listeners.push((*way, listener));
        }
        let (state, changed) = (Mutex::default(), Condvar::new());
        let relay = Arc::new(Self { state, changed, ports });
        for (way, listener) in listeners {
            let relay = Arc::clone(&relay);
            spawn(move || {
                for stream in listener.incoming().flatten() {
                    let of_connection = Arc::clone(&relay);
                    // Without a thread the connection closes, and is dialled again.
                    let _ = spawn(move || _ = of_connection.carry(way, stream));
                }
            })?;
        }
        Ok(relay)
    }

    /// Where this way begins; 1 where there is none.
    pub(super) fn port(&self, from: PeerId, to: PeerId) -> u16 {
        self.ports.get(&(from, to)).copied().unwrap_or(1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// This peer listens here now.
    pub(super) fn lives(&self, peer: PeerId, port: u16) {
        self.state().living.insert(peer, port);
    }

    /// It was killed.
    pub(super) fn died(&self, peer: PeerId) {
        let mut state = self.state();
        state.living.remove(&peer);
        state.ends.retain(|(from, to), _| *from != peer && *to != peer);
    }

    /// Carries one connection until either side ends it.
    fn carry(&self, way: Way, near: TcpStream) -> io::Result<()> {
        let port = self.state().living.get(&way.1).copied();
        let Some(port) = port else { return Ok(()) };
        let far = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
        }
        let (mut back, mut to_near) = (far.try_clone()?, near.try_clone()?);
        let returned = spawn(move || {
            let _ = io::copy(&mut back, &mut to_near);
            let _ = to_near.shutdown(Shutdown::Both);
        });
        if returned.is_err() {
            return Ok(());
        }
        self.state().ends.insert(way, far.try_clone()?);
        let mut lines = Lines::new(near, MAX_LINE);
        while let Some(line) = lines.next_line()? {
            match serde_json::from_slice(line) {
                Ok(Frame::Message(message)) => self.keep(way, message),
                Ok(frame) => {
                    if let Frame::Hello(hello) = &frame {
                        self.state().fingerprint = Some(hello.fingerprint.clone());
                        self.changed.notify_all();
                    }
                    // Under the lock: a message must not tear it.
                    let _state = self.state();
                    (&far).write_all(&Frame::<Message>::line(&frame))?;
                }
                Err(_) => break,
            }
        }
        far.shutdown(Shutdown::Both)
    }

    /// Keeps a message until the script lets it arrive.
    fn keep(&self, way: Way, message: Message) {
        let mut state = self.state();
        let too_late = !state.living.contains_key(&way.1);
        state.queued.entry(way).or_default().push(Queued { message, delivered: false, too_late });
        self.changed.notify_all();
    }

    /// Lets this message arrive: it itself, if it was ever sent; else the newest of its kind that
    /// has not arrived.
    ///
    /// # Errors
    /// The receiver cannot be reached.
    pub(super) fn deliver(&self, way: Way, wanted: &Message) -> Result<Found> {
        let begun = Instant::now();
        let mut state = self.state();
        let (at, found) = loop {
            let queued = state.queued.entry(way).or_default();
            if let Some(at) = queued.iter().position(|queued| queued.message == *wanted) {
                break (at, Found::Exact);
            }
            let kind = discriminant(wanted);
            let is_alike =
                |queued: &Queued| queued.is_under_way() && discriminant(&queued.message) == kind;
            let alike = queued.iter().rposition(is_alike);
            let wait = if alike.is_some() { EXACT } else { PATIENCE };
            let left = wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                match alike {
                    Some(at) => break (at, Found::Alike),
                    None => return Ok(Found::Nothing),
                }
            }
            state = self.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        };
        self.arrive(state, way, at)?;
        Ok(found)
    }

    /// Lets the oldest message that is under way to somebody alive arrive; to whom.
    ///
    /// # Errors
    /// The receiver cannot be reached.
    pub(super) fn deliver_oldest(&self, wait: Duration) -> Result<Option<PeerId>> {
        let until = Instant::now() + wait;
        let mut state = self.state();
        loop {
            let under_way = state.queued.iter().find_map(|(way, queued)| {
                let at = queued.iter().position(Queued::is_under_way)?;
                state.living.contains_key(&way.1).then_some((*way, at))
            });
            if let Some((way, at)) = under_way {
                self.arrive(state, way, at)?;
                return Ok(Some(way.1));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            state = self.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        }
    }

    fn arrive(&self, mut state: MutexGuard<'_, State>, way: Way, at: usize) -> Result<()> {
        let queued = &mut state.queued.entry(way).or_default()[at];
        queued.delivered = true;
        let line = Frame::Message(queued.message).line();
        let what = || format!("carrying a message from {} to {}", way.0, way.1);
        if !state.living.contains_key(&way.0) && !state.ends.contains_key(&way) {
            let hello = Hello {
                protocol: Peer::PROTOCOL.into(),
                peer: way.0,
                fingerprint: state.fingerprint.clone().unwrap_or_default(),
            };
            let port = state.living.get(&way.1).copied().unwrap_or(0);
            let stream = speak_for(&hello, port).doing(what)?;
            state.ends.insert(way, stream);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let end = state.ends.get(&way).map(TcpStream::try_clone).transpose().doing(what)?;
            if end.is_some_and(|mut end| end.write_all(&line).is_ok()) {
                return Ok(());
            }
            state.ends.remove(&way);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut)).doing(what);
            }
            state = self.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        }
    }
}

/// A connection on which a dead peer seems to speak.
fn speak_for(hello: &Hello, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    // A connection begins with a hello and a ping.
    for frame in [Frame::<Message>::Hello(hello.clone()), Frame::Ping] {
        (&stream).write_all(&frame.line())?;
        answers.read_line(&mut String::new())?;
    }
    Ok(stream)
}
