//! `ready` on sockets: a command of its own, or the first step of another protocol.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::event::ReadyLog;
use super::{Fact, Ready, Setup};
use crate::command::identity::addresses;
use crate::command::journal::Journal;
use crate::command::printer::Printer;
use crate::command::sockets::{self, stamp};
use crate::error::Result;
use crate::hosts::{Host, Hosts};
use crate::node::{Config, Node, Observer, Sockets};
use crate::process::{Output, PeerId};
use crate::trace::journal::{JournalLine, Journalled as _};

/// The UDP port of a line that gives none.
pub(crate) const DEFAULT_PORT: u16 = 8888;
/// When a peer gives up, or has answered for long enough.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);
/// How long it waits before it asks again.
pub(crate) const INTERVAL: Duration = Duration::from_secs(2);

/// What it needs to know beside the hostsfile.
pub(crate) struct Service {
    pub(crate) interval: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stay: bool,
    pub(crate) exit: bool,
    pub(crate) debug: bool,
    /// Of lines that give none.
    pub(crate) port: u16,
    /// Where the journal goes.
    pub(crate) trace: Option<PathBuf>,
}

impl Service {
    /// `ready` as the first step of another protocol: it answers for as long as that runs.
    pub(crate) fn before(timeout: Option<Duration>) -> Self {
        let (stay, exit, debug) = (true, false, false);
        Self { interval: INTERVAL, timeout, stay, exit, debug, port: DEFAULT_PORT, trace: None }
    }

    /// Starts it; `READY` and everything else goes to `err`.
    pub(crate) fn start(
        &self,
        hosts: &Hosts,
        host: &Host,
        err: &Printer,
    ) -> Result<Arc<Node<Ready>>> {
        let me = host.id;
        let socket = sockets::datagrams(host, host.port.unwrap_or(self.port))?;
        let others = hosts.peers.iter().filter(|peer| peer.id != me);
        let peers = addresses(others, self.port);
        let setup = Setup {
            others: peers.keys().copied().collect(),
            interval: self.interval,
            timeout: self.timeout,
            stay: self.stay,
            exit: self.exit,
        };
        let words = err.clone();
        let config = Config {
            me,
            fingerprint: hosts.fingerprint(self.port),
            peers,
            strict_address: false,
            bodies: None,
            say: Box::new(move |_, text| {
                words.print(format!("{} {me}: {text}\n", stamp()).as_bytes());
            }),
        };
        let sockets =
            Sockets { datagrams: Some(socket), report_strays: self.debug, ..Sockets::default() };
        let open = |path: &PathBuf| Journal::open(me, path, err.clone(), gap);
        let mut journal = self.trace.as_ref().map(open).transpose()?;
        if let Some(journal) = &mut journal {
            journal.write(JournalLine::started(ReadyLog::NAME, me).json().as_bytes());
        }
        let lines = Lines { me, err: err.clone(), debug: self.debug, journal };
        Node::start(config, Ready::new(setup), None, Box::new(lines), sockets)
    }
}

/// The journal's line that stands for `count` others.
fn gap(me: PeerId, count: u64) -> String {
    JournalLine::gap(ReadyLog::NAME, me, count).json()
}

/// Prints what happens.
struct Lines {
    me: PeerId,
    err: Printer,
    debug: bool,
    journal: Option<Journal>,
}

impl Observer<Ready> for Lines {
    fn observe(&mut self, output: &Output<Ready>) {
        let me = self.me;
        if let Some(journal) = &mut self.journal {
            journal.write(JournalLine::of(ReadyLog::NAME, me, output).json().as_bytes());
        }
        let event = match output {
            Output::Connected(peer) => format!("knows the address of {peer}"),
            Output::Received(from, message) => format!("received {message} from {from}"),
            Output::Sent(to, message) => format!("sent {message} to {to}"),
            Output::Report(Fact::Ready) => return self.err.print(b"READY\n"),
            Output::Report(fact) => {
                return self.err.print(format!("{me}: {fact}\n").as_bytes());
            }
        };
        if self.debug {
            self.err.print(format!("{} {me} {event}\n", stamp()).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_has_lost_is_a_line_of_the_journal() {
        let line = gap(PeerId(3), 7);
        let text = line.strip_suffix('\n').expect("a line");
        let read: JournalLine = serde_json::from_str(text).expect("of the journal");
        assert_eq!((read.protocol.as_str(), read.at), (ReadyLog::NAME, 3));
        assert_eq!(read.text, "7 lines were lost");
    }
}
