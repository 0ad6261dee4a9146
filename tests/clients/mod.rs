//! Clients that speak to a running peer as nobody, or in a peer's name.

#![allow(dead_code, reason = "every test program uses another part of this")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use synod::hosts::Hosts;

use crate::common::{Cluster, PATIENCE, Program};

/// A field of `/proc/PID/status`: a count, or kibibytes.
pub(crate) fn status_of(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("is running");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("has this field");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// The same of a program of ours.
pub(crate) fn status(program: &Program, field: &str) -> u64 {
    status_of(program.pid(), field)
}

pub(crate) fn hello_of(protocol: &str, peer: &str, fingerprint: &str) -> String {
    format!(
        "{{\"hello\":{{\"protocol\":\"{protocol}\",\"peer\":{peer},\
         \"fingerprint\":\"{fingerprint}\"}}}}\n"
    )
}

/// The hello that this peer of the group would say.
pub(crate) fn hello(cluster: &Cluster, peer: u16) -> String {
    let hosts = Hosts::read(&cluster.hosts()).expect("is in use");
    hello_of("paxos/1", &peer.to_string(), &hosts.fingerprint(3000))
}

/// A connection to a peer, from a process that is none.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn to(cluster: &Cluster, peer: u16) -> Self {
        let address = ("127.0.0.1", cluster.ports[usize::from(peer) - 1]);
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("an option");
        Self(BufReader::new(stream))
    }

    /// A connection that has said hello as `me`, and is believed.
    pub(crate) fn posing_as(me: u16, cluster: &Cluster, peer: u16) -> Self {
        let mut client = Self::to(cluster, peer);
        client.say(hello(cluster, me));
        assert!(client.hears().is_some_and(|line| line.starts_with("{\"hello\":")));
        client.say("\"ping\"\n");
        assert_eq!(client.hears().as_deref(), Some("\"pong\""));
        client
    }

    /// Sends; false if the other side has closed.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// The stream below.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// The next line; `None` if the other side has closed.
    pub(crate) fn hears(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(error) => {
                let late = error.kind() == std::io::ErrorKind::WouldBlock;
                assert!(!late, "the connection is neither answered nor closed");
                None
            }
        }
    }

    /// Says this, and must not be listened to any longer.
    pub(crate) fn is_cut_off_by(&mut self, line: &str) {
        // Were the line overlooked, this would be answered.
        self.say(format!("{line}\"ping\"\n"));
        self.is_cut_off();
    }

    pub(crate) fn is_cut_off(&mut self) {
        while let Some(line) = self.hears() {
            assert!(line.starts_with("{\"refused\":"), "it answers {line}");
        }
    }
}
