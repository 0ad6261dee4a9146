//! Datagrams: one socket, one thread that listens, and one thread per name that looks it up.
//!
//! The sender of a datagram is known by the address that it comes from, which is compared with all
//! addresses of every peer's name (an IPv4 address written as an IPv6 one is the same address). No
//! reverse look-up is made. Names are looked up again until they resolve, since machines start in
//! any order, and now and then afterwards, since they move. A datagram from anybody else is
//! dropped; so is one that is too long or says nothing. It may come from a peer that has moved, so
//! the names are looked up then too, but not more often than every `CALM`, whatever arrives.
//!
//! Where segments of a file come one after the other, to sleep and to be woken for each costs more
//! than all else. So after one the listener stays awake for `AWAKE`, and takes what is there by
//! then in one batch.

pub(super) mod receive;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::link::Address;
use super::sync::UNPOISONED;
use crate::process::PeerId;

/// The first pause between two look-ups of a name; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two look-ups of a name that does not resolve.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How soon a name that resolves is looked up again.
const REFRESH: Duration = Duration::from_secs(5);
/// The shortest time from a look-up of a name to another one that an unknown sender brings about.
const CALM: Duration = Duration::from_secs(1);
/// How many datagrams are taken at most before the process is stepped with them.
const BATCH: usize = 32;
/// How long a listener of bulk waits awake for the next datagram, once there was one: to fall
/// asleep and to be woken takes as long.
const AWAKE: Duration = Duration::from_micros(50);
/// How long, and how often, a full socket is waited for while it must not block.
const FULL: Duration = Duration::from_micros(50);
const FULL_TRIES: u32 = 100;
/// How many addresses of one peer are known at most; the resolver may give more.
const MAX_ADDRESSES: usize = 64;

/// The socket, and whose addresses are known.
pub(super) struct Datagrams {
    socket: UdpSocket,
    /// True if the socket takes addresses of the IPv6 family.
    wide: bool,
    report_strays: bool,
    table: Mutex<AddressTable>,
    /// An unknown sender has come, who may be a peer whose name resolves only now.
    unknown: Condvar,
    /// Peers that the hostsfile gives by name.
    names: Vec<(PeerId, Address)>,
}

#[derive(Default)]
struct AddressTable {
    /// Where to send to.
    targets: Arc<BTreeMap<PeerId, SocketAddr>>,
    /// Every address of every peer.
    known: BTreeMap<PeerId, Vec<SocketAddr>>,
    senders: BTreeMap<SocketAddr, PeerId>,
    /// How often look-ups were asked for by unknown senders.
    asked: u64,
    /// They are asked for, and no look-up has begun since.
    is_asked: bool,
}

impl Datagrams {
    pub(super) fn new(
        socket: UdpSocket,
        peers: &BTreeMap<PeerId, Address>,
        report_strays: bool,
    ) -> Self {
        let wide = socket.local_addr().is_ok_and(|own| own.is_ipv6());
        let mut datagrams = Self {
            socket,
            wide,
            report_strays,
            table: Mutex::default(),
            unknown: Condvar::new(),
            names: Vec::new(),
        };
        for (peer, address) in peers {
            match address.host.parse::<IpAddr>() {
                Ok(ip) => _ = datagrams.learn(*peer, &[SocketAddr::new(ip, address.port)]),
                Err(_) => datagrams.names.push((*peer, address.clone())),
            }
        }
        datagrams
    }

    fn table(&self) -> MutexGuard<'_, AddressTable> {
        self.table.lock().expect(UNPOISONED)
    }

    /// Takes the addresses of a peer. True if they are others than before.
    fn learn(&self, peer: PeerId, addresses: &[SocketAddr]) -> bool {
        let mut list: Vec<SocketAddr> = addresses.iter().map(canonical).collect();
        list.sort();
        list.dedup();
        list.truncate(MAX_ADDRESSES);
        let mut table = self.table();
        if list.is_empty() || table.known.get(&peer) == Some(&list) {
            return false;
        }
        table.senders.retain(|_, owner| *owner != peer);
        for address in &list {
            table.senders.entry(*address).or_insert(peer);
        }
        // A socket that is bound to an IPv4 address reaches only such.
        let targets = Arc::make_mut(&mut table.targets);
        match list.iter().find(|address| self.wide || address.is_ipv4()) {
            Some(target) => targets.insert(peer, self.fitting(*target)),
            None => targets.remove(&peer),
        };
        table.known.insert(peer, list);
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
        let targets = Arc::clone(&self.table().targets);
        for (to, bytes) in datagrams {
            let Some(target) = targets.get(to) else { continue };
            // The listener may be taking what is there just now, and then nothing blocks.
            for _ in 0..FULL_TRIES {
                match self.socket.send_to(bytes, target) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        thread::park_timeout(FULL);
                    }
                    _ => break,
                }
            }
        }
    }

    /// Waits for a datagram, and takes those that stand behind it already. `is_busy` says whether
    /// another one is likely soon, and becomes false where none has come.
    fn receive(
        &self,
        buffer: &mut [u8],
        is_busy: &mut bool,
        mut take: impl FnMut(&[u8], SocketAddr),
    ) -> io::Result<()> {
        if *is_busy && self.stay_awake(buffer, &mut take)? {
            return Ok(());
        }
        *is_busy = false;
        let (length, from) = self.socket.recv_from(buffer)?;
        take(&buffer[..length], from);
        Ok(())
    }

    /// The same for a short time, in which nothing blocks. False if nothing came.
    fn stay_awake(
        &self,
        buffer: &mut [u8],
        take: &mut impl FnMut(&[u8], SocketAddr),
    ) -> io::Result<bool> {
        self.socket.set_nonblocking(true)?;
        let (begun, mut count) = (Instant::now(), 0);
        while count < BATCH {
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    take(&buffer[..length], from);
                    count += 1;
                }
                Err(_) if count > 0 || begun.elapsed() > AWAKE => break,
                // Others may need this processor for what is waited for.
                Err(_) => thread::yield_now(),
            }
        }
        self.socket.set_nonblocking(false)?;
        Ok(count > 0)
    }

    fn sender(&self, from: SocketAddr) -> Option<PeerId> {
        let mut table = self.table();
        let found = table.senders.get(&canonical(&from)).copied();
        if found.is_none() && !table.is_asked {
            table.is_asked = true;
            table.asked += 1;
            self.unknown.notify_all();
        }
        found
    }

    /// Calls `look_up` forever: soon again as long as it fails, and now and then afterwards.
    fn keep_looking_up(&self, mut look_up: impl FnMut() -> io::Result<()>) -> ! {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = self.begin();
            pause = match look_up() {
                Ok(()) => REFRESH,
                Err(_) => (pause * 2).min(LAST_PAUSE),
            };
            self.pause(begun, pause);
        }
    }

    /// A look-up begins. The result is for [`Self::pause`].
    fn begin(&self) -> (Instant, u64) {
        let mut table = self.table();
        table.is_asked = false;
        (Instant::now(), table.asked)
    }

    /// Waits until a name is to be looked up again: after `length`, or [`CALM`] after the last
    /// look-up began if an unknown sender has come since.
    fn pause(&self, (begun, seen): (Instant, u64), length: Duration) {
        let regular = Instant::now() + length;
        let mut table = self.table();
        loop {
            let next = if table.asked == seen { regular } else { regular.min(begun + CALM) };
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            table = self.unknown.wait_timeout(table, left).expect(UNPOISONED).0;
        }
    }
}

fn canonical(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    fn datagrams(own: &str) -> Datagrams {
        Datagrams::new(UdpSocket::bind(own).expect("a free port"), &BTreeMap::new(), false)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_sender_is_known_by_every_address_of_its_name_and_by_nothing_else() {
        let datagrams = datagrams("127.0.0.1:0");
        let both = [address("127.0.0.1:9"), address("[2001:db8::1]:9")];
        assert!(datagrams.learn(PeerId(7), &both));
        assert!(!datagrams.learn(PeerId(7), &both), "nothing new");
        for (from, want) in [
            ("127.0.0.1:9", Some(PeerId(7))),
            ("[::ffff:127.0.0.1]:9", Some(PeerId(7))),
            ("[2001:db8::1]:9", Some(PeerId(7))),
            ("127.0.0.1:10", None),
            ("127.0.0.2:9", None),
        ] {
            assert_eq!(datagrams.sender(address(from)), want, "{from}");
        }
        assert_eq!(datagrams.table().targets[&PeerId(7)], address("127.0.0.1:9"));
    }

    #[test]
    fn a_peer_that_moved_is_unknown_at_its_old_address() {
        let datagrams = datagrams("127.0.0.1:0");
        assert!(datagrams.learn(PeerId(1), &[address("127.0.0.1:9")]));
        assert!(datagrams.learn(PeerId(1), &[address("127.0.0.2:9")]));
        assert_eq!(datagrams.sender(address("127.0.0.1:9")), None);
        assert_eq!(datagrams.sender(address("127.0.0.2:9")), Some(PeerId(1)));
        assert!(!datagrams.learn(PeerId(1), &[]), "a name that went away leaves its address");
    }

    #[test]
    fn a_socket_for_both_families_is_given_addresses_in_its_own() {
        let Ok(socket) = UdpSocket::bind("[::]:0") else { return };
        let datagrams = Datagrams::new(socket, &BTreeMap::new(), false);
        datagrams.learn(PeerId(1), &[address("127.0.0.1:9")]);
        assert_eq!(datagrams.table().targets[&PeerId(1)], address("[::ffff:127.0.0.1]:9"));
    }

    /// Unknown senders come all the time, and a name that resolves is looked up once a second.
    #[test]
    fn whatever_arrives_a_name_is_looked_up_once_in_a_while() {
        let datagrams = Arc::new(datagrams("127.0.0.1:0"));
        let (begun, looked_up) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let (of_name, counted) = (Arc::clone(&datagrams), Arc::clone(&looked_up));
        thread::spawn(move || {
            of_name.keep_looking_up(|| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        });
        let mut came = 0_u64;
        while looked_up.load(Ordering::Relaxed) < 4 {
            assert_eq!(datagrams.sender(address("192.0.2.1:9")), None);
            came += 1;
            // By themselves they would take that long.
            assert!(begun.elapsed() < REFRESH * 3, "unknown senders bring no look-ups about");
            // The thread that looks up must come by the lock, also on a busy machine.
            thread::sleep(Duration::from_micros(100));
        }
        assert!(
            begun.elapsed() >= Duration::from_secs(3),
            "4 look-ups in {:?}, {came} came",
            begun.elapsed()
        );
        assert!(came > 1000, "{came}");
    }

    #[test]
    fn of_a_name_with_countless_addresses_some_are_known() {
        let datagrams = datagrams("127.0.0.1:0");
        let many: Vec<_> = (1..=255).map(|n| address(&format!("127.0.0.{n}:9"))).collect();
        assert!(datagrams.learn(PeerId(1), &many));
        assert_eq!(datagrams.table().senders.len(), MAX_ADDRESSES);
    }
}
