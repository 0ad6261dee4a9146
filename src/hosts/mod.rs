//! The hostsfile: who the peers are, where they listen, which roles they play.
//!
//! One peer a line, `host:roles` or `host:port:roles`, an IPv6 address in brackets; the number of
//! the peer's line, from 1, is its id. Empty lines and `#` comment lines are no peers and do not
//! count. Roles may be absent (`host` or `host:port`), because not every protocol has any.
//!
//! ```text
//! # two proposers that share their acceptors
//! peer1:proposer1
//! peer2:acceptor1,acceptor2
//! peer3:acceptor
//! [::1]:3004:acceptor1,acceptor2,learner1
//! peer5:proposer2
//! ```
//!
//! The K in `proposerK` is the proposer's own number and has nothing to do with its id;
//! `acceptorK` and `learnerK` serve proposer K, and without a number they serve every proposer.
//!
//! Checks come in three steps, because they need different knowledge: [`Hosts::parse`] knows the
//! text alone, [`Hosts::check_ports`] also the default port, and [`Hosts::require_roles`] is for a
//! protocol that has roles. Whether the quorums of two proposers meet is the protocol's own
//! question. [`identify`] finds the line of the machine that the program runs on.
//!
//! Left out: scope ids of IPv6 addresses (`fe80::1%eth0`; a name from `/etc/hosts` is the cure),
//! and comments behind a peer on its line.

mod identity;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};
use std::net::IpAddr;
use std::num::NonZeroU32;

use crate::error::{Error, Result};
use crate::fnv::fnv1a;
use crate::process::PeerId;

pub use identity::{Machine, ThisMachine, identify};
pub use parse::{MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_PEERS};

/// What a hostsfile says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The peers in the order of their ids: the first is peer 1. Never empty.
    pub peers: Vec<Host>,
    /// What was read although it is not written as it should be, a line each.
    pub warnings: Vec<String>,
    /// The file's name, fit to be printed.
    name: String,
}

/// One peer's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its id: how many peers the file has named up to and with this line.
    pub id: PeerId,
    /// The line of the text, from 1 and with comments counted: what an editor shows.
    pub line: usize,
    /// Name or address as written; an IPv6 address in its shortest form and without brackets.
    pub host: String,
    /// The port, if the line gives one.
    pub port: Option<u16>,
    /// What it does; empty if the line does not say.
    pub roles: BTreeSet<Role>,
}

/// One role, such as `acceptor1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// Which part it plays.
    pub kind: RoleKind,
    /// The K behind the role's name: the number of a proposer, or of the proposer that is served.
    pub number: Option<NonZeroU32>,
}

/// The three parts of Paxos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleKind {
    /// Puts values forward.
    Proposer,
    /// Votes.
    Acceptor,
    /// Is told what was accepted.
    Learner,
}

impl RoleKind {
    /// Every kind, in the order in which roles are written.
    pub const ALL: [Self; 3] = [Self::Proposer, Self::Acceptor, Self::Learner];

    /// The name as the file has it, without a number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposer => "proposer",
            Self::Acceptor => "acceptor",
            Self::Learner => "learner",
        }
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        self.number.map_or(Ok(()), |number| write!(f, "{number}"))
    }
}

impl Host {
    /// The number under which it proposes, if it is a proposer: a bare `proposer` counts as 1.
    pub fn proposer_number(&self) -> Option<NonZeroU32> {
        let proposer = self.roles.iter().find(|role| role.kind == RoleKind::Proposer)?;
        Some(proposer.number.unwrap_or(NonZeroU32::MIN))
    }

    fn serves(&self, kind: RoleKind, proposer: NonZeroU32) -> bool {
        let fits = |number: Option<NonZeroU32>| number.is_none_or(|number| number == proposer);
        self.roles.iter().any(|role| role.kind == kind && fits(role.number))
    }

    fn roles_text(&self) -> String {
        self.roles.iter().map(Role::to_string).collect::<Vec<_>>().join(",")
    }

    /// `host` or `host:port`, with brackets round an IPv6 address.
    fn address_text(&self) -> String {
        let mut text =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if let Some(port) = self.port {
            let _ = write!(text, ":{port}"); // a String takes everything
        }
        text
    }
}

/// The line as a hostsfile has it.
impl Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address_text())?;
        if self.roles.is_empty() { Ok(()) } else { write!(f, ":{}", self.roles_text()) }
    }
}

/// The text of a hostsfile that parses to the same peers; comments are gone.
impl Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peers.iter().try_for_each(|peer| writeln!(f, "{peer}"))
    }
}

impl Hosts {
    /// The line of this peer; none if the file has no such id.
    pub fn get(&self, id: PeerId) -> Option<&Host> {
        self.peers.get(usize::from(id.0).checked_sub(1)?)
    }

    /// The peers that propose.
    pub fn proposers(&self) -> BTreeSet<PeerId> {
        let proposes = |peer: &&Host| peer.proposer_number().is_some();
        self.peers.iter().filter(proposes).map(|peer| peer.id).collect()
    }

    /// The acceptors of the proposer with this id; none if it is no proposer.
    pub fn acceptors_of(&self, proposer: PeerId) -> BTreeSet<PeerId> {
        self.servers_of(proposer, RoleKind::Acceptor)
    }

    /// The learners that are told what the acceptors of this proposer accepted.
    pub fn learners_of(&self, proposer: PeerId) -> BTreeSet<PeerId> {
        self.servers_of(proposer, RoleKind::Learner)
    }

    fn servers_of(&self, proposer: PeerId, kind: RoleKind) -> BTreeSet<PeerId> {
        let Some(number) = self.get(proposer).and_then(Host::proposer_number) else {
            return BTreeSet::new();
        };
        self.peers.iter().filter(|peer| peer.serves(kind, number)).map(|peer| peer.id).collect()
    }

    /// Checks what a protocol with roles needs: each peer has some, each proposer has a number of
    /// its own and at least one acceptor.
    ///
    /// # Errors
    /// The first line that breaks this, as `FILE:LINE: reason; what to do`.
    pub fn require_roles(&self) -> Result<()> {
        for peer in &self.peers {
            if peer.roles.is_empty() {
                let address = peer.address_text();
                let why = format!("{address} has no roles; add them, as in {address}:acceptor1");
                return Err(self.refusal(peer.line, &why));
            }
        }
        let mut line_of_number = BTreeMap::new();
        for peer in &self.peers {
            self.check_proposer(peer, &mut line_of_number)?;
        }
        Ok(())
    }

    /// The rules for one proposer, given the lines of those before it.
    fn check_proposer(
        &self,
        peer: &Host,
        line_of_number: &mut BTreeMap<NonZeroU32, usize>,
    ) -> Result<()> {
        let Some(number) = peer.proposer_number() else { return Ok(()) };
        let own: Vec<&Role> = peer.roles.iter().filter(|r| r.kind == RoleKind::Proposer).collect();
        if let [one, other, ..] = own[..] {
            let why = format!(
                "{one} and {other} on one line; a peer is one proposer only, so keep one of them"
            );
            return Err(self.refusal(peer.line, &why));
        }
        let is_bare = own.iter().any(|role| role.number.is_none());
        let rival = self.peers.iter().find(|p| p.id != peer.id && p.proposer_number().is_some());
        if let Some(rival) = rival.filter(|_| is_bare) {
            let why = format!(
                "proposer without a number beside another proposer on line {}; \
                 number them, as in proposer1 and proposer2",
                rival.line
            );
            return Err(self.refusal(peer.line, &why));
        }
        if let Some(line) = line_of_number.insert(number, peer.line) {
            let why = format!("proposer{number} is on line {line} already; give it its own number");
            return Err(self.refusal(peer.line, &why));
        }
        if self.acceptors_of(peer.id).is_empty() {
            let why = format!(
                "proposer{number} has no acceptors; give some line the role acceptor{number}"
            );
            return Err(self.refusal(peer.line, &why));
        }
        Ok(())
    }

    /// Checks that no two peers have one address once the default port stands where a line gives
    /// none: `a` and `a:3000` are the same peer twice if 3000 is the default.
    ///
    /// # Errors
    /// The second of the two lines, which names the first.
    pub fn check_ports(&self, default_port: u16) -> Result<()> {
        self.check_addresses(Some(default_port))
    }

    /// Without a default port, a port that is not given equals only another that is not given.
    fn check_addresses(&self, default_port: Option<u16>) -> Result<()> {
        let mut line_of_address = BTreeMap::new();
        for peer in &self.peers {
            // An IPv4 address can also be written as an IPv6 one.
            let host = match peer.host.parse::<IpAddr>() {
                Ok(ip) => ip.to_canonical().to_string(),
                Err(_) => peer.host.to_lowercase(),
            };
            let address = (host, peer.port.or(default_port));
            if let Some(line) = line_of_address.insert(address, peer.line) {
                let why = format!(
                    "{} has the host and port of line {line}; give one of them another port, \
                     or all the roles to one line",
                    peer.address_text()
                );
                return Err(self.refusal(peer.line, &why));
            }
        }
        Ok(())
    }

    /// What peers compare before they talk: 16 hex digits over ids, hosts in lower case, ports
    /// (with the default where none is given) and sorted roles. Comments, empty lines, spaces and
    /// the order of roles do not change it; everything else does. It is made of what is written,
    /// not of what names resolve to, since that differs from network to network.
    pub fn fingerprint(&self, default_port: u16) -> String {
        format!("{:016x}", self.mark(default_port))
    }

    /// The fingerprint as the number that it is, for datagrams.
    pub fn mark(&self, default_port: u16) -> u64 {
        let mut text = String::new();
        for peer in &self.peers {
            // No part holds a space or a line's end, so two files never make one text.
            let (id, host) = (peer.id.0, peer.host.to_lowercase());
            let (port, roles) = (peer.port.unwrap_or(default_port), peer.roles_text());
            let _ = writeln!(text, "{id} {host} {port} {roles}"); // a String takes everything
        }
        fnv1a(text.as_bytes())
    }

    /// The same peers and roles at other addresses, the first for peer 1: how a file that names
    /// five machines becomes one for five processes of one machine. The result is written with
    /// `to_string`, and its lines are numbered as in that text.
    ///
    /// # Panics
    /// If there is not exactly one address for each peer.
    #[must_use]
    pub fn with_addresses(&self, addresses: &[(String, u16)]) -> Self {
        assert_eq!(addresses.len(), self.peers.len(), "one address for each peer");
        let moved = |(peer, (host, port)): (&Host, &(String, u16))| Host {
            line: usize::from(peer.id.0),
            host: host.clone(),
            port: Some(*port),
            ..peer.clone()
        };
        let peers = self.peers.iter().zip(addresses).map(moved).collect();
        Self { peers, warnings: Vec::new(), name: self.name.clone() }
    }

    /// The file's name, fit to be printed.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn refusal(&self, line: usize, why: &str) -> Error {
        Error::Input(format!("{}:{line}: {why}", self.name))
    }
}
