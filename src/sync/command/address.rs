//! Addresses and networks, as people write them.

use std::net::{IpAddr, Ipv6Addr};

use crate::error::{Error, Result};
use crate::node::Address;

/// Where a peer listens if nothing else is said: the port of the original.
pub(super) const DEFAULT_PORT: u16 = 43069;

/// `192.0.2.7`, `host:43070`, `::1`, `[::1]:43070`.
///
/// # Errors
/// The text is none of these.
pub(super) fn address(text: &str) -> Result<Address> {
    let wrong = |why: &str| Error::Usage(format!("{text:?} is no address of a peer: {why}"));
    let is_v6 = |host: &str| host.parse::<Ipv6Addr>().is_ok();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| wrong("it has no ]"))?;
            if !is_v6(host) {
                return Err(wrong("between [ and ] stands an IPv6 address"));
            }
            let port = match port.strip_prefix(':') {
                None if port.is_empty() => None,
                None => return Err(wrong("behind ] stands :PORT or nothing")),
                port => port,
            };
            (host, port)
        }
        None if is_v6(text) => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse) {
        None => DEFAULT_PORT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Err(wrong("a port is a number from 1 to 65535")),
    };
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    if host.is_empty() || host.starts_with('-') || host.contains(is_odd) {
        return Err(wrong("it names no host"));
    }
    Ok(Address { host: host.into(), port })
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    first: IpAddr,
    bits: u32,
}

/// The address as a number, and how many bits it has.
fn number(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(ip) => (u32::from(ip).into(), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    }
}

impl Network {
    /// `192.0.2.0/24,::1`.
    ///
    /// # Errors
    /// One of them is no network.
    pub(super) fn list(text: &str) -> Result<Vec<Self>> {
        text.split(',').map(Self::of).collect()
    }

    fn of(text: &str) -> Result<Self> {
        let wrong = || Error::Usage(format!("--allow {text:?}: a network is as in 192.0.2.0/24"));
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let first: IpAddr = ip.parse().map_err(|_| wrong())?;
        let (_, most) = number(first);
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { first, bits })
    }

    /// True if this address is in it.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        let ((first, length), (ip, other)) = (number(self.first), number(ip));
        length == other && (first ^ ip).checked_shr(length - self.bits).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_name_or_an_ip_with_a_port_or_without() {
        for (text, host, port) in [
            ("192.0.2.7", "192.0.2.7", 43069),
            ("192.0.2.7:8", "192.0.2.7", 8),
            ("host", "host", 43069),
            ("host.example:65535", "host.example", 65535),
            ("::1", "::1", 43069),
            ("[::1]", "::1", 43069),
            ("[::1]:43070", "::1", 43070),
            ("fe80::1:2", "fe80::1:2", 43069),
        ] {
            assert_eq!(address(text).unwrap(), Address { host: host.into(), port }, "{text}");
        }
        for text in [
            "",
            ":1",
            "host:",
            "host:0",
            "host:65536",
            "host:+",
            "[::1",
            "[::1]8",
            "[host]:1",
            "a b",
            "1:2:3",
            "[::1]:",
            "-h",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_alike() {
        for (network, has, has_not) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("::1", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "ff::1", "1.2.3.4"),
        ] {
            let network = &Network::list(network).unwrap()[0];
            assert!(network.has(has.parse().unwrap()), "{network:?} {has}");
            assert!(!network.has(has_not.parse().unwrap()), "{network:?} {has_not}");
        }
        assert_eq!(Network::list("::1,10.0.0.0/8").unwrap().len(), 2);
        for text in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/", "10.0.0.0/-1", "::1,"] {
            assert!(Network::list(text).is_err(), "{text}");
        }
    }
}
