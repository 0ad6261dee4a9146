//! Datagrams: one socket, one thread that listens, and one thread per name that looks it up.
//!
//! The sender of a datagram is known by the address that it comes from, which is compared with all
//! addresses of every peer's name (an IPv4 address written as an IPv6 one is the same address). No
//! reverse look-up is made. Names are looked up again until they resolve, since machines start in
//! any order, and now and then afterwards, since they move. A datagram from anybody else is
//! dropped; so is one that is too long or says nothing. None of that harms anything.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use super::link::Address;
use super::{Node, UNPOISONED, spawn};
use crate::error::Result;
use crate::process::{PeerId, Process};

/// The longest datagram that is looked at, in bytes: what every network carries in one piece.
pub const MAX_DATAGRAM: usize = 1200;
/// The first pause between two look-ups of a name; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two look-ups of a name that does not resolve.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How soon a name that resolves is looked up again.
const REFRESH: Duration = Duration::from_secs(5);
/// The shortest pause between two look-ups that strangers bring about.
const CALM: Duration = Duration::from_millis(20);
/// How long the listener rests when the system refuses to read.
const REST: Duration = Duration::from_millis(20);

/// The socket, and whose addresses are known.
pub(super) struct Post {
    socket: UdpSocket,
    /// True if the socket takes addresses of the IPv6 family.
    wide: bool,
    report_strays: bool,
    book: Mutex<Book>,
    /// A stranger has come, who may be a peer whose name resolves only now.
    stranger: Condvar,
    /// Peers that the hostsfile gives by name.
    names: Vec<(PeerId, Address)>,
}

#[derive(Default)]
struct Book {
    /// Where to send to.
    targets: Arc<BTreeMap<PeerId, SocketAddr>>,
    /// Every address of every peer.
    known: BTreeMap<PeerId, Vec<SocketAddr>>,
    senders: BTreeMap<SocketAddr, PeerId>,
    /// How many strangers have come.
    strangers: u64,
}

impl Post {
    pub(super) fn new(
        socket: UdpSocket,
        peers: &BTreeMap<PeerId, Address>,
        report_strays: bool,
    ) -> Self {
        let wide = socket.local_addr().is_ok_and(|own| own.is_ipv6());
        let mut post = Self {
            socket,
            wide,
            report_strays,
            book: Mutex::default(),
            stranger: Condvar::new(),
            names: Vec::new(),
        };
        for (peer, address) in peers {
            match address.host.parse::<IpAddr>() {
                Ok(ip) => _ = post.learn(*peer, &[SocketAddr::new(ip, address.port)]),
                Err(_) => post.names.push((*peer, address.clone())),
            }
        }
        post
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect(UNPOISONED)
    }

    /// Takes the addresses of a peer. True if they are others than before.
    fn learn(&self, peer: PeerId, addresses: &[SocketAddr]) -> bool {
        let mut list: Vec<SocketAddr> = addresses.iter().map(canonical).collect();
        list.sort();
        list.dedup();
        let mut book = self.book();
        if list.is_empty() || book.known.get(&peer) == Some(&list) {
            return false;
        }
        book.senders.retain(|_, owner| *owner != peer);
        for address in &list {
            book.senders.entry(*address).or_insert(peer);
        }
        // A socket that is bound to an IPv4 address reaches only such.
        let targets = Arc::make_mut(&mut book.targets);
        match list.iter().find(|address| self.wide || address.is_ipv4()) {
            Some(target) => targets.insert(peer, self.fitting(*target)),
            None => targets.remove(&peer),
        };
        book.known.insert(peer, list);
        true
    }

    /// The address in the form that the socket takes.
    fn fitting(&self, address: SocketAddr) -> SocketAddr {
        match address.ip() {
            IpAddr::V4(ip) if self.wide => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), address.port())
            }
            _ => address,
        }
    }

    /// Sends datagrams; what cannot be sent is lost, as datagrams are.
    pub(super) fn send(&self, datagrams: &[(PeerId, Vec<u8>)]) {
        if datagrams.is_empty() {
            return;
        }
        let targets = Arc::clone(&self.book().targets);
        for (to, bytes) in datagrams {
            if let Some(target) = targets.get(to) {
                let _ = self.socket.send_to(bytes, target);
            }
        }
    }

    fn sender(&self, from: SocketAddr) -> Option<PeerId> {
        let mut book = self.book();
        let found = book.senders.get(&canonical(&from)).copied();
        if found.is_none() {
            book.strangers += 1;
            self.stranger.notify_all();
        }
        found
    }

    /// Waits for that long, or until a stranger has come.
    fn pause(&self, length: Duration) {
        thread::park_timeout(CALM);
        let book = self.book();
        let before = book.strangers;
        let same = |book: &mut Book| book.strangers == before;
        drop(self.stranger.wait_timeout_while(book, length, same).expect(UNPOISONED));
    }
}

fn canonical(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Starts the threads, if the node has a socket for datagrams.
pub(super) fn open<P: Process + Send + 'static>(node: &Arc<Node<P>>) -> Result<()> {
    let Some(post) = &node.post else { return Ok(()) };
    if node.links.is_empty() {
        let known: Vec<PeerId> = post.book().known.keys().copied().collect();
        for peer in known {
            node.connected(node.lock(), peer);
        }
    }
    for (peer, address) in post.names.clone() {
        let node = Arc::clone(node);
        spawn(&format!("name of {peer}"), move || {
            if let Some(post) = &node.post {
                look_up(&node, post, peer, &address);
            }
        })?;
    }
    let node = Arc::clone(node);
    spawn("datagrams", move || {
        if let Some(post) = &node.post {
            listen(&node, post);
        }
    })
}

/// Looks a name up for ever.
fn look_up<P: Process + Send + 'static>(
    node: &Node<P>,
    post: &Post,
    peer: PeerId,
    address: &Address,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        match address.resolve() {
            Ok(found) => {
                if post.learn(peer, &found) && node.links.is_empty() {
                    node.connected(node.lock(), peer);
                }
                pause = REFRESH;
            }
            Err(_) => pause = (pause * 2).min(LAST_PAUSE),
        }
        post.pause(pause);
    }
}

fn listen<P: Process + Send + 'static>(node: &Node<P>, post: &Post) {
    // One byte more than is good, so that what is too long shows.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    loop {
        let dropped = match post.socket.recv_from(&mut buffer) {
            Ok((length, from)) => take(node, post, &buffer[..length], from),
            Err(error) => {
                thread::park_timeout(REST);
                Some(format!("cannot read datagrams: {error}"))
            }
        };
        if let Some(why) = dropped.filter(|_| post.report_strays) {
            node.doorkeeper.complain(node, &why);
        }
    }
}

/// One datagram. The result says why it was dropped, if it was.
fn take<P: Process + Send + 'static>(
    node: &Node<P>,
    post: &Post,
    bytes: &[u8],
    from: SocketAddr,
) -> Option<String> {
    let from = canonical(&from);
    let Some(peer) = post.sender(from) else {
        return Some(format!("dropped a datagram from {from}, which is no peer's address"));
    };
    if bytes.len() > MAX_DATAGRAM {
        let why = format!("dropped a datagram from {peer}: longer than {MAX_DATAGRAM} bytes");
        return Some(why);
    }
    let Some(message) = P::from_datagram(bytes) else {
        return Some(format!("dropped a datagram from {peer}: it says nothing"));
    };
    let why = node.take(node.lock(), peer, message)?;
    node.doorkeeper.complain(node, &format!("dropped a datagram from {peer}: {why}"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(own: &str) -> Post {
        Post::new(UdpSocket::bind(own).expect("a free port"), &BTreeMap::new(), false)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_sender_is_known_by_every_address_of_its_name_and_by_nothing_else() {
        let post = post("127.0.0.1:0");
        let both = [address("127.0.0.1:9"), address("[2001:db8::1]:9")];
        assert!(post.learn(PeerId(7), &both));
        assert!(!post.learn(PeerId(7), &both), "nothing new");
        for (from, want) in [
            ("127.0.0.1:9", Some(PeerId(7))),
            ("[::ffff:127.0.0.1]:9", Some(PeerId(7))),
            ("[2001:db8::1]:9", Some(PeerId(7))),
            ("127.0.0.1:10", None),
            ("127.0.0.2:9", None),
        ] {
            assert_eq!(post.sender(address(from)), want, "{from}");
        }
        assert_eq!(post.book().targets[&PeerId(7)], address("127.0.0.1:9"));
    }

    #[test]
    fn a_peer_that_moved_is_a_stranger_at_its_old_address() {
        let post = post("127.0.0.1:0");
        assert!(post.learn(PeerId(1), &[address("127.0.0.1:9")]));
        assert!(post.learn(PeerId(1), &[address("127.0.0.2:9")]));
        assert_eq!(post.sender(address("127.0.0.1:9")), None);
        assert_eq!(post.sender(address("127.0.0.2:9")), Some(PeerId(1)));
        assert!(!post.learn(PeerId(1), &[]), "a name that went away leaves its address");
    }

    #[test]
    fn a_socket_for_both_families_is_given_addresses_in_its_own() {
        let Ok(socket) = UdpSocket::bind("[::]:0") else { return };
        let post = Post::new(socket, &BTreeMap::new(), false);
        post.learn(PeerId(1), &[address("127.0.0.1:9")]);
        assert_eq!(post.book().targets[&PeerId(1)], address("[::ffff:127.0.0.1]:9"));
    }
}
