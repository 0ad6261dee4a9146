//! The three sockets of a peer, and where the others have theirs.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::options::{Options, PORTS_APART, PeerHosts};
use crate::command::sockets;
use crate::error::{Doing, Error, Result};
use crate::hosts::Hosts;
use crate::node::Address;
use crate::process::PeerId;

/// These ports lie where systems take outgoing ones from: one that is in use may be free soon.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// The sockets.
pub(super) struct Ports {
    pub(super) streams: TcpListener,
    pub(super) pings: UdpSocket,
    pub(super) data: UdpSocket,
}

/// Binds them, for as long as it may take.
///
/// # Errors
/// A port is not to be had.
pub(super) fn open(own: &str, options: &Options, say: impl Fn(&str)) -> Result<Ports> {
    let port = options.base_port + u16::from(options.me.0);
    let deadline = Instant::now() + PATIENCE;
    let hosts = Hosts::parse(&format!("{own}:{port}\n"), "--hosts")?;
    let host = hosts.peers.first().ok_or_else(|| Error::Input("no host".into()))?;
    let patiently = |what: &str, port: u16| format!("{what} port {port} cannot be used");
    let streams = patient(deadline, &say, || sockets::streams(host, port))
        .doing(|| patiently("TCP", port))?;
    let pings = patient(deadline, &say, || sockets::datagrams(host, port))
        .doing(|| patiently("UDP", port))?;
    let data = patient(deadline, &say, || sockets::datagrams(host, port + PORTS_APART))
        .doing(|| patiently("UDP", port + PORTS_APART))?;
    Ok(Ports { streams, pings, data })
}

fn patient<T>(
    deadline: Instant,
    say: &impl Fn(&str),
    mut bind: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut is_told = false;
    loop {
        let error = match bind() {
            Ok(socket) => return Ok(socket),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            return Err(error);
        }
        if !std::mem::replace(&mut is_told, true) {
            say(&format!("{error}; it is tried again for up to {} s", PATIENCE.as_secs()));
        }
        thread::park_timeout(PAUSE);
    }
}

/// Where all others listen, with this base.
pub(super) fn addresses(hosts: &PeerHosts, me: PeerId, base: u16) -> BTreeMap<PeerId, Address> {
    let others = hosts.iter().filter(|(peer, _)| **peer != me);
    let address = |host: &String, peer: PeerId| Address { host: host.clone(), port: base + peer.0 };
    others.map(|(peer, host)| (*peer, address(host, *peer))).collect()
}
