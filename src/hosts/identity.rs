//! Which line of the hostsfile is the machine that this program runs on?
//!
//! `--id` decides if it is given. Else the host's name does, because inside a container that is
//! what the file is made of, and reverse look-ups say something else there. Else a line is ours if
//! its host resolves to an address of this machine. A guess is never made: two lines that fit are
//! refused with a plea for `--id`.
//!
//! Names are looked up one after the other, so where a name server does not answer, this takes
//! its time-out once a line; `--id` is the cure.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::{env, fs};

use super::{Host, Hosts};
use crate::error::{Error, Result};
use crate::process::PeerId;

/// What must be asked about the machine; tests bring their own answers.
pub trait Machine {
    /// Its host name, if it has one.
    fn name(&self) -> Option<String>;

    /// The addresses of a host.
    ///
    /// # Errors
    /// The host does not resolve.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;

    /// True if the address is one of the machine's own.
    fn owns(&self, address: IpAddr) -> bool;
}

/// The machine that the program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn name(&self) -> Option<String> {
        let from_kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        [from_kernel, env::var("HOSTNAME").ok()]
            .into_iter()
            .flatten()
            .map(|name| name.trim().to_owned())
            .find(|name| !name.is_empty())
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses: Vec<_> = (host, 0).to_socket_addrs()?.map(|a| a.ip()).collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }

    /// A socket can be bound to our own addresses only, and to three sorts that are nobody's.
    fn owns(&self, address: IpAddr) -> bool {
        let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        let is_nobodys = address.is_unspecified() || address.is_multicast() || is_broadcast;
        !is_nobodys && UdpSocket::bind((address, 0)).is_ok()
    }
}

/// Finds this machine's line: by `id`, else by the host's name, else by its addresses.
///
/// # Errors
/// `id` is not in the file; or several lines fit, which are named; or none does, and then the
/// message lists what was tried.
pub fn identify(hosts: &Hosts, id: Option<u16>, machine: &impl Machine) -> Result<PeerId> {
    let (file, count) = (&hosts.name, hosts.peers.len());
    if let Some(id) = id {
        let found = hosts.get(PeerId(id)).map(|peer| peer.id);
        return found.ok_or_else(|| {
            Error::Usage(format!(
                "--id {id}: {file} has no such peer; give an id from 1 to {count}"
            ))
        });
    }

    let name = machine.name();
    if let Some(name) = &name {
        let fits = |peer: &&Host| is_named(&peer.host, name);
        let found: Vec<&Host> = hosts.peers.iter().filter(fits).collect();
        if let Some(id) = only(hosts, &found, &format!("by its host name {name:?}"))? {
            return Ok(id);
        }
    }

    let mut tried = match name {
        Some(name) => format!("\n  no line has the host name {name:?}"),
        None => "\n  this machine's host name is not known".to_owned(),
    };
    let mut found = Vec::new();
    for peer in &hosts.peers {
        let (id, line, host) = (peer.id, peer.line, &peer.host);
        let outcome = match machine.resolve(host) {
            Ok(addresses) if addresses.iter().any(|a| machine.owns(*a)) => {
                found.push(peer);
                continue;
            }
            Ok(addresses) if addresses.is_empty() => "resolves to nothing".to_owned(),
            Ok(addresses) => {
                let list: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
                format!("is {}, which is not this machine", list.join(", "))
            }
            Err(error) => format!("does not resolve ({error})"),
        };
        let _ = write!(tried, "\n  {id} (line {line}): {host} {outcome}"); // a String takes all
    }
    only(hosts, &found, "by its addresses")?.ok_or_else(|| {
        Error::Input(format!(
            "{file}: no line names this machine; give its id with --id, from 1 to {count}{tried}"
        ))
    })
}

/// The one peer found, if there is one; several are an error that names them.
fn only(hosts: &Hosts, found: &[&Host], how: &str) -> Result<Option<PeerId>> {
    if let [] | [_] = found {
        return Ok(found.first().map(|peer| peer.id));
    }
    let describe =
        |peer: &&Host| format!("{} (line {}, {})", peer.id, peer.line, peer.address_text());
    let list: Vec<_> = found.iter().map(describe).collect();
    Err(Error::Input(format!(
        "{}: {how} this machine could be any of {}; say which with --id",
        hosts.name,
        list.join(", ")
    )))
}

/// `name` is the machine's, in full (`peer1.example.org`); the file may have its first part only.
fn is_named(host: &str, name: &str) -> bool {
    let short = name.split('.').next().unwrap_or(name);
    [name, short].iter().any(|name| name.to_lowercase() == host.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with this name, these own addresses, and a name server that knows these hosts.
    #[derive(Default)]
    struct Imagined {
        name: Option<&'static str>,
        own: &'static [&'static str],
        known: &'static [(&'static str, &'static [&'static str])],
    }

    impl Machine for Imagined {
        fn name(&self) -> Option<String> {
            self.name.map(str::to_owned)
        }

        fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
            let address = |text: &&str| text.parse().expect("tests write addresses");
            match self.known.iter().find(|(name, _)| *name == host) {
                Some((_, addresses)) => Ok(addresses.iter().map(address).collect()),
                None => host.parse().map(|ip| vec![ip]).map_err(|_| io::Error::other("unheard of")),
            }
        }

        fn owns(&self, address: IpAddr) -> bool {
            self.own.contains(&address.to_string().as_str())
        }
    }

    /// A machine that must not be asked.
    struct Silent;

    impl Machine for Silent {
        fn name(&self) -> Option<String> {
            panic!("asked for the name")
        }

        fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
            panic!("asked for {host}")
        }

        fn owns(&self, address: IpAddr) -> bool {
            panic!("asked for {address}")
        }
    }

    fn hosts(text: &str) -> Hosts {
        Hosts::parse(text, "f").expect("tests write good files")
    }

    fn find(text: &str, machine: &impl Machine) -> std::result::Result<u16, String> {
        identify(&hosts(text), None, machine).map(|id| id.0).map_err(|error| error.to_string())
    }

    #[test]
    fn a_given_id_decides_without_a_question() {
        let hosts = hosts("#\na\nb\nc");
        for id in 1..=3 {
            assert_eq!(identify(&hosts, Some(id), &Silent).expect("in range"), PeerId(id));
        }
        for id in [0, 4, u16::MAX] {
            let error = identify(&hosts, Some(id), &Silent).expect_err("out of range");
            let text = format!("--id {id}: f has no such peer; give an id from 1 to 3");
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn the_host_name_finds_its_line_in_full_or_up_to_the_dot() {
        let text = "peer1\n#\nPeer2.lab\nPEER3:3003:acceptor1";
        let table = [
            ("peer1", Some(1)),
            ("peer1.project_network", Some(1)),
            ("PEER2.LAB", Some(2)),
            ("peer3.lab", Some(3)),
            ("peer2", None),
            ("peer", None),
            ("peer11", None),
            ("", None),
        ];
        for (name, id) in table {
            let machine = Imagined { name: Some(name), ..Imagined::default() };
            assert_eq!(find(text, &machine).ok(), id, "{name:?}");
        }
    }

    #[test]
    fn the_host_name_comes_before_the_addresses() {
        let machine = Imagined { name: Some("b"), own: &["10.0.0.1"], known: &[] };
        assert_eq!(find("10.0.0.1\nb", &machine), Ok(2));
    }

    #[test]
    fn else_the_address_finds_the_line() {
        let known: &[(&str, &[&str])] = &[("a", &["10.0.0.1"]), ("b", &["10.0.0.2", "fd00::2"])];
        let machine = |own| Imagined { name: Some("other"), own, known };
        assert_eq!(find("a\nb\nc", &machine(&["10.0.0.1"])), Ok(1));
        assert_eq!(find("a\nb\nc", &machine(&["127.0.0.1", "fd00::2"])), Ok(2));
        assert_eq!(find("a\nb\n[fd00::3]:7", &machine(&["fd00::3"])), Ok(3));
        let nameless = Imagined { name: None, own: &["10.0.0.2"], known };
        assert_eq!(find("a\nb", &nameless), Ok(2));
    }

    #[test]
    fn two_lines_that_fit_are_named_and_the_id_asked_for() {
        let local = Imagined { name: Some("x"), own: &["127.0.0.1"], known: &[] };
        let text = "# local\n127.0.0.1:3001\n127.0.0.1:3002\n10.0.0.9\n127.0.0.1:3004:acceptor1";
        let expected = "f: by its addresses this machine could be any of \
            peer1 (line 2, 127.0.0.1:3001), peer2 (line 3, 127.0.0.1:3002), \
            peer4 (line 5, 127.0.0.1:3004); say which with --id";
        assert_eq!(find(text, &local), Err(expected.into()));

        let named = Imagined { name: Some("a.lab"), ..Imagined::default() };
        let expected = "f: by its host name \"a.lab\" this machine could be any of \
            peer1 (line 1, a), peer3 (line 3, A.lab:7); say which with --id";
        assert_eq!(find("a\nb\nA.lab:7", &named), Err(expected.into()));
    }

    #[test]
    fn no_line_that_fits_is_told_with_everything_that_was_tried() {
        let known: &[(&str, &[&str])] = &[("a", &["10.0.0.1", "fd00::1"]), ("b", &[])];
        let machine = Imagined { name: Some("x\u{1b}"), own: &["127.0.0.1"], known };
        let expected = "f: no line names this machine; give its id with --id, from 1 to 3
  no line has the host name \"x\\u{1b}\"
  peer1 (line 1): a is 10.0.0.1, fd00::1, which is not this machine
  peer2 (line 3): b resolves to nothing
  peer3 (line 4): c does not resolve (unheard of)";
        assert_eq!(find("a\n\nb\nc:7:acceptor1", &machine), Err(expected.into()));
        let nameless = Imagined { name: None, ..machine };
        let message = find("a", &nameless).expect_err("none fits");
        assert!(message.contains("\n  this machine's host name is not known\n"), "{message}");
    }

    #[test]
    fn this_machine_tells_its_name_without_the_end_of_the_line() {
        let name = ThisMachine.name().expect("a kernel that has a host name");
        assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{name:?}");
    }

    #[test]
    fn this_machine_owns_its_loopback_and_nothing_of_nobodys() {
        let owns = |text: &str| ThisMachine.owns(text.parse().expect("an address"));
        assert!(owns("127.0.0.1"));
        // Two that no machine has, and four that a socket can be bound to although nobody has them.
        for other in ["192.0.2.1", "2001:db8::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255"] {
            assert!(!owns(other), "{other}");
        }
    }

    #[test]
    fn this_machine_resolves_addresses_without_a_name_server() {
        for text in ["127.0.0.1", "::1"] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(ThisMachine.resolve(text).expect("no look-up"), [address]);
        }
    }
}
