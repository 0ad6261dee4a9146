//! One session of a link after another: dial, greet, listen for answers, and say why not.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timeouts::ANSWER_TIMEOUT;
use super::{Address, Kind, Link, Next, SlowDial, WRITE_TIMEOUT};
use crate::node::Node;
use crate::node::connections::{Batch, connected_already};
use crate::node::frame::{Frame, Lines, MAX_HELLO, is_timeout};
use crate::node::log::{Level, LogLimiter, plain};
use crate::node::sync::{UNPOISONED, spawn};
use crate::node::tcp::take_frame;
use crate::process::{PeerId, Process};

/// The first pause between two dials; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between two dials.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How soon the link's own thread tries again to write what a full socket has left behind.
const SLOW_EVERY: Duration = Duration::from_millis(5);
/// How often a link is pinged.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A peer that cannot be reached for this long is named once.
const NAMED_AFTER: Duration = Duration::from_secs(1);
/// How many different reasons for the lack of a link are said at once; one more follows every
/// [`REASON_EVERY`].
const MAX_REASONS: u32 = 5;
/// How soon one more reason may be said.
const REASON_EVERY: Duration = Duration::from_secs(60);

/// The thread of a standing link.
pub(in crate::node) fn keep<P: Process + Send + 'static>(node: &Node<P>, link: &Arc<Link>) {
    let mut outage = Outage::default();
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let ended = session(node, link, &mut outage, true);
        if begun.elapsed() >= PING_EVERY && ended.is_ok() {
            pause = FIRST_PAUSE;
        }
        if let Err(why) = ended {
            if link.kind != Kind::Address || !why.is_told(node, link) {
                outage.note(link, Instant::now(), &why, |line| node.say(line));
            }
            // A peer that refuses will do so again until somebody changes something.
            if matches!(why, Failure::Refused(_) | Failure::Needless) {
                pause = LAST_PAUSE;
            }
        }
        // Also after a link that was up: one that never lasts must not keep two machines busy.
        link.pause(pause);
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// Starts the thread of a link on demand.
    pub(in crate::node) fn dial(&self, link: &Arc<Link>) {
        let Some(node) = self.itself.upgrade() else { return };
        let served = Arc::clone(link);
        // Without a thread the frames wait until the next one is sent.
        if spawn(&link.peer.to_string(), move || serve(&node, &served)).is_err() {
            link.unserved();
        }
    }
}

/// The thread of a link on demand: dials, serves, and ends when the link does.
fn serve<P: Process + Send + 'static>(node: &Node<P>, link: &Arc<Link>) {
    let mut may_dial_slowly = true;
    loop {
        let ended = session(node, link, &mut Outage::default(), may_dial_slowly);
        if let Err(Failure::Refused(why)) = &ended {
            let Address { host, port } = &link.address;
            let text = format!("no link with {} at {host}:{port}: {}", link.peer, plain(why));
            node.complain(&text);
        }
        let mut state = link.state();
        if ended.is_err() && !matches!(state.slow_dial, SlowDial::None) {
            drop(state);
            // A distant peer: what was queued waits for one slow dial, and no longer.
            may_dial_slowly = false;
            link.pause(LAST_PAUSE);
            continue;
        }
        // An absent peer gets nothing; what came while a good link ended gets another one.
        if ended.is_err() || state.is_empty() {
            (state.queue, state.bodies) = Default::default();
            state.served = false;
            return;
        }
    }
}

/// For how long a peer has been away, and what was said about it.
struct Outage {
    since: Option<Instant>,
    /// That its name does not resolve: once in an outage, since resolvers say it in many ways.
    no_name_said: bool,
    reasons: LogLimiter,
}

impl Default for Outage {
    fn default() -> Self {
        // The same reason is said once in an outage, however long that is.
        let reasons = LogLimiter::new(MAX_REASONS, REASON_EVERY, Duration::MAX);
        Self { since: None, no_name_said: false, reasons }
    }
}

impl Outage {
    /// A try has failed; what is new about it goes to `say`.
    fn note(&mut self, link: &Link, now: Instant, why: &Failure, say: impl Fn(&str)) {
        let lasts = now - *self.since.get_or_insert(now);
        let (peer, Address { host, port }) = (link.peer, &link.address);
        // Who answers at a mere address is not known yet.
        let who = if link.kind == Kind::Address { "a peer".into() } else { peer.to_string() };
        let text = match why {
            // Peers start in any order, and a container's name resolves once it is started.
            Failure::Away(_) | Failure::NoName(_) if lasts < NAMED_AFTER => return,
            Failure::Needless => return,
            Failure::NoName(_) if std::mem::replace(&mut self.no_name_said, true) => return,
            Failure::Away(error) => format!("waiting for {who} at {host}:{port}: {error}"),
            Failure::NoName(error) => format!(
                "waiting for {who}: the name {host} does not resolve yet ({error}); trying again"
            ),
            Failure::Refused(reason) => {
                format!("no link with {who} at {host}:{port}: {}", plain(reason))
            }
        };
        self.reasons.say(&text, say);
    }

    /// The link is up. True if anything was said of its lack.
    fn over(&mut self) -> bool {
        self.since = None;
        self.no_name_said = false;
        self.reasons.forget()
    }
}

/// Why there is no link.
enum Failure {
    Away(io::Error),
    NoName(io::Error),
    Refused(String),
    /// Who answered there is connected already.
    Needless,
}

impl Failure {
    /// True if the observer tells people why nobody is met at an address.
    fn is_told<P: Process>(&self, node: &Node<P>, link: &Link) -> bool {
        let why = match self {
            Self::Away(error) => error.to_string(),
            Self::NoName(error) => format!("the name does not resolve: {error}"),
            Self::Refused(why) => plain(why),
            Self::Needless => return true,
        };
        node.observer.lock().expect(UNPOISONED).unreachable(&link.address, &why)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Away(error)
    }
}

/// Makes a connection, says hello, and keeps the link until it ends. `Ok` if it was up.
fn session<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    outage: &mut Outage,
    may_dial_slowly: bool,
) -> Result<(), Failure> {
    if let Some(stream) = link.take_slow_dial() {
        return converse(node, link, stream, outage).and_then(|ended| ended);
    }
    let mut result = Err(Failure::Away(io::ErrorKind::AddrNotAvailable.into()));
    let addresses = link.resolve().map_err(Failure::NoName)?;
    let mut late = false;
    for address in &addresses {
        match dial(*address, ANSWER_TIMEOUT) {
            Ok(stream) => match converse(node, link, stream, outage) {
                Ok(ended) => return ended,
                Err(failure) => result = Err(failure),
            },
            Err(error) => {
                late |= is_timeout(&error);
                result = Err(error.into());
            }
        }
    }
    if late && may_dial_slowly {
        dial_slowly(link, addresses);
    }
    result
}

/// Greets over a new connection, and keeps the link until it ends. The outer error says why there
/// was none, the inner one why it ended.
fn converse<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    stream: TcpStream,
    outage: &mut Outage,
) -> Result<Result<(), Failure>, Failure> {
    let stream = Arc::new(stream);
    let mut lines = Lines::new(&*stream, MAX_HELLO);
    let peer = greet(node, link, &stream, &mut lines)?;
    lines.set_limit(P::MAX_LINE);
    // The third step of the greeting: from here on answers can reach this peer.
    let ping = Frame::<P::Message>::Ping.line();
    let both_ways = link.kind == Kind::Address;
    let link = if both_ways {
        let link = Arc::new(link.two_way(peer));
        node.introduce(&link, &stream, ping, node.me).map_err(|_| Failure::Needless)?;
        &link.clone()
    } else {
        link.set_up(Arc::clone(&stream), ping);
        link
    };
    node.flush(link);
    if outage.over() {
        (node.say)(Level::Story, &format!("{peer} is connected"));
    }
    let mut ended = Ok(());
    if !both_ways {
        node.outbound(peer, true);
        ended = listen(node, link, &stream, &mut lines);
        link.set_down();
        node.outbound(peer, false);
    } else if node.inbound_up(peer, &stream) {
        ended = match listen(node, link, &stream, &mut lines) {
            Err(Failure::Refused(why)) if why == connected_already(node.me, peer) => {
                Err(Failure::Needless)
            }
            ended => ended,
        };
        node.inbound_down(peer, &stream);
    }
    node.part(link);
    let _ = stream.shutdown(Shutdown::Both);
    Ok(ended)
}

pub(super) fn dial(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    Ok(stream)
}

/// Dials once more, on another thread and for longer, while the quick dials go on: a distant peer
/// is reached by this one, and one whose way was cut by the next quick one, as soon as the way is
/// there again.
fn dial_slowly(link: &Arc<Link>, addresses: Vec<SocketAddr>) {
    let Some(timeout) = link.begin_slow_dial() else { return };
    let of_dial = Arc::clone(link);
    let dialler = move || {
        let found = addresses.iter().find_map(|address| dial(*address, timeout).ok());
        of_dial.end_slow_dial(found);
    };
    if spawn(&format!("slow {}", link.peer), dialler).is_err() {
        link.end_slow_dial(None);
    }
}

/// Exchanges hellos over a new connection; returns who answered.
fn greet<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Link,
    mut stream: &TcpStream,
    lines: &mut Lines<&TcpStream>,
) -> Result<PeerId, Failure> {
    let asked = Instant::now();
    stream.set_read_timeout(Some(link.silence()))?;
    stream.write_all(&node.hello())?;
    let silent = || io::Error::new(io::ErrorKind::UnexpectedEof, "it closed without a hello");
    let first = lines.next_line();
    if first.as_ref().is_err_and(is_timeout) {
        link.failed();
    }
    let hello = match serde_json::from_slice::<Frame<P::Message>>(first?.ok_or_else(silent)?) {
        Ok(Frame::Hello(hello)) => hello,
        Ok(Frame::Refused(reason)) => return Err(Failure::Refused(reason)),
        _ => return Err(Failure::Refused("its first frame is not a hello".into())),
    };
    link.answered(asked.elapsed());
    node.check(&hello).map_err(Failure::Refused)?;
    let is_right = match link.kind {
        Kind::Address => !node.links.contains_key(&hello.peer),
        _ => hello.peer == link.peer,
    };
    if !is_right {
        return Err(Failure::Refused(format!("{} answers there", hello.peer)));
    }
    Ok(hello.peer)
}

/// Sends what waits behind a slow link, and says what was dropped.
fn flush<P: Process + Send + 'static>(node: &Node<P>, link: &Arc<Link>) {
    let (dropped, next) = link.flush_slow();
    if next == Next::Body {
        node.send_bodies(link);
    }
    if dropped > 0 {
        let text = format!("{} was slow: {dropped} frames were dropped", link.peer);
        node.complain(&text);
    }
}

/// Listens for answers to sent until the link is silent or broken. The error says why, if the
/// other side did.
fn listen<P: Process + Send + 'static>(
    node: &Node<P>,
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    lines: &mut Lines<&TcpStream>,
) -> Result<(), Failure> {
    let mut batch = Batch::default();
    let mut heard = Instant::now();
    // Pings are answered in their order. One at a time is timed, the greeting's first.
    let (mut sent, mut answered) = (1_u64, 0_u64);
    let mut timed = Some((sent, heard));
    let mut next_ping = heard + PING_EVERY;
    loop {
        let now = Instant::now();
        if now >= next_ping {
            if heard.elapsed() >= link.silence() {
                link.failed();
                return Ok(());
            }
            if link.is_idle() {
                return Ok(());
            }
            // A ping would wait for a body to end. Its receiver says that more of it comes.
            if !link.sends_bodies() && link.ping::<P::Message>() {
                sent += 1;
                timed.get_or_insert((sent, now));
            }
            // Also while answers to earlier ones come: a distant peer would hear too few.
            next_ping = now + PING_EVERY;
        }
        flush(node, link);
        let left = next_ping.saturating_duration_since(Instant::now());
        // What a full socket left behind may be longer than the socket's buffer.
        let left = if link.is_slow() { left.min(SLOW_EVERY) } else { left };
        if stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).is_err() {
            return Ok(());
        }
        let mut next = lines.next_line();
        if next.as_ref().is_ok_and(Option::is_none) {
            return Ok(());
        }
        let mut ended = None;
        while let (Ok(Some(frame)), None) = (&next, &ended) {
            heard = Instant::now();
            let length = frame.len();
            match serde_json::from_slice::<Frame<P::Message>>(frame) {
                Ok(Frame::Refused(why)) => ended = Some(Err(Failure::Refused(why))),
                Ok(Frame::Pong) => {
                    answered += 1;
                    if let Some((_, asked)) = timed.take_if(|(ping, _)| *ping <= answered) {
                        link.answered(heard - asked);
                    }
                }
                Ok(frame) if link.is_two_way() => {
                    match take_frame(node, link, stream, lines, (frame, length), &mut batch) {
                        Ok(true) => {}
                        Ok(false) => ended = Some(Ok(())),
                        Err(why) => ended = Some(Err(Failure::Refused(why))),
                    }
                    // A body may have taken its time.
                    heard = Instant::now();
                }
                _ => {}
            }
            next = lines.buffered_line();
        }
        let is_broken = next.is_err_and(|error| !is_timeout(&error));
        node.conclude(&mut batch);
        if is_broken || ended.is_some() {
            return ended.unwrap_or(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_name_that_does_not_resolve_is_told_after_a_second_and_once() {
        let link =
            Link::new(PeerId(3), Address { host: "peer3".into(), port: 3000 }, Kind::Standing);
        let (begun, lines) = (Instant::now(), RefCell::new(Vec::new()));
        let mut outage = Outage::default();
        let fail = |outage: &mut Outage, ms, why| {
            let at = begun + Duration::from_millis(ms);
            outage.note(&link, at, &why, |line| lines.borrow_mut().push(line.to_owned()));
            std::mem::take(&mut *lines.borrow_mut())
        };
        let no_name = |text: &str| Failure::NoName(io::Error::other(text));
        let refused = || Failure::Away(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(fail(&mut outage, 0, no_name("unknown")), [""; 0]);
        assert_eq!(fail(&mut outage, 999, refused()), [""; 0]);
        assert!(!outage.over(), "it was there before anybody had to know");
        assert_eq!(fail(&mut outage, 2_000, no_name("unknown")), [""; 0]);
        let told = fail(&mut outage, 3_000, no_name("unknown"));
        assert!(told.len() == 1 && told[0].contains("peer3 does not resolve yet (unknown)"));
        for (ms, text) in
            (4_000..600_000).step_by(1_000).zip(["try again", "no server"].iter().cycle())
        {
            assert_eq!(fail(&mut outage, ms, no_name(text)), [""; 0]);
        }
        assert_eq!(fail(&mut outage, 600_000, refused()).len(), 1, "that is another reason");
        assert!(outage.over());
    }
}
