//! The sockets of a peer, bound where its line of the hostsfile says; and the time of day.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Doing, Error, Result};
use crate::hosts::{Host, Machine, ThisMachine};

const EVERYWHERE: [IpAddr; 2] =
    [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];

/// Listens on the line's own address if that is one of this machine, else on all.
///
/// # Errors
/// The port is taken, or not to be had.
pub fn streams(host: &Host, port: u16) -> Result<TcpListener> {
    let literal = host.host.parse::<IpAddr>().ok();
    let places = literal.into_iter().chain(EVERYWHERE);
    bind(places, port, TcpListener::bind).doing(|| format!("listening on port {port}"))
}

/// Listens on all addresses of this machine.
///
/// # Errors
/// The port is taken, or not to be had.
pub fn everywhere(port: u16) -> Result<TcpListener> {
    bind(EVERYWHERE.into_iter(), port, TcpListener::bind)
}

/// A socket for datagrams. They leave from the address that it is bound to, and the others know
/// their sender by it: so it is the line's own wherever that is known, an IPv4 one first.
///
/// # Errors
/// The port is taken, or not to be had.
pub fn datagrams(host: &Host, port: u16) -> Result<UdpSocket> {
    let mut own = ThisMachine.resolve(&host.host).unwrap_or_default();
    own.retain(|address| ThisMachine.owns(*address));
    own.sort_by_key(IpAddr::is_ipv6);
    bind(own.into_iter().chain(EVERYWHERE), port, UdpSocket::bind)
        .doing(|| format!("opening UDP port {port}"))
}

fn bind<S>(
    places: impl Iterator<Item = IpAddr>,
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<S> {
    let mut result = Err(Error::Input("no address to bind to".into()));
    for ip in places {
        match bind(SocketAddr::new(ip, port)) {
            Ok(socket) => return Ok(socket),
            Err(error) => {
                // Only an address that is not here, or a machine without IPv6, asks for another.
                if error.kind() == io::ErrorKind::AddrInUse {
                    let text = "another process uses the port; is this peer running already?";
                    return Err(Error::Input(text.into()));
                }
                result = Err(error.into());
            }
        }
    }
    result
}

/// The time of day in UTC, for people who compare the lines of several machines.
pub fn stamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let of_day = now.as_secs() % 86_400;
    let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:06}", now.subsec_micros())
}
