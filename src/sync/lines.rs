//! What a peer prints: the lines of the original for people, or JSON lines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::command::{Shell, Voice};
use super::event::SyncLog;
use super::{Fact, Input, Peer};
use crate::node::{Address, Observer};
use crate::process::{Output, PeerId};
use crate::trace::journal::{JournalLine, Journalled as _};

/// The longest text that `--print` shows, in bytes.
const LONGEST_TEXT: u64 = 4096;
/// The file of the original has a name of its own in its lines.
const BLOCKCHAIN: &str = "blockchain.txt";

/// Prints what happens.
pub(super) struct Lines {
    voice: Voice,
    shell: Arc<Shell>,
    /// Show what was received.
    shows: bool,
    /// The addresses that are dialled, as they were typed.
    typed: Vec<(Address, String)>,
    /// Where each peer is that is connected.
    peers: BTreeMap<PeerId, String>,
    /// What was said not to be reached.
    missed: BTreeSet<String>,
}

impl Lines {
    pub(super) fn new(
        voice: Voice,
        shell: Arc<Shell>,
        shows: bool,
        typed: Vec<(Address, String)>,
    ) -> Self {
        Self { voice, shell, shows, typed, peers: BTreeMap::new(), missed: BTreeSet::new() }
    }

    fn typed(&self, at: &Address) -> String {
        let found = self.typed.iter().find(|(address, _)| address == at);
        found.map_or_else(|| at.host.clone(), |(_, typed)| typed.clone())
    }

    fn place(&self, peer: PeerId) -> &str {
        self.peers.get(&peer).map_or("a peer", String::as_str)
    }

    fn report(&self, fact: &Fact) {
        let voice = &self.voice;
        let name = voice.name();
        match fact {
            // A file that was found is no change.
            Fact::Edited(version) if version.stamp.counter == 0 => {}
            Fact::Edited(_) if name == BLOCKCHAIN => voice.print("Blockchain file changed."),
            Fact::Edited(_) => voice.print(&format!("{name} file changed.")),
            Fact::Received { version, from, .. } => {
                let (size, stamp) = (version.contents.size, version.stamp);
                let from = self.place(*from);
                voice.print(&format!("Received: {size} bytes, version {stamp} from {from}"));
                let text = self.shell.text(LONGEST_TEXT).filter(|_| self.shows);
                for line in text.iter().flat_map(|text| text.lines()) {
                    voice.print(line);
                }
            }
            Fact::Arrived => self.shell.wake(),
            Fact::Deleted => {
                voice.say(&format!("{name} was deleted; it is put back from the peers"));
            }
            Fact::TooLarge { peer, size } => voice.say(&format!(
                "{} offers {size} bytes, and --max-size is less: {name} stays as it is",
                self.place(*peer)
            )),
            Fact::Refused { peer, most, size } => voice.say(&format!(
                "{} does not take {name}: {size} bytes, and its --max-size is {most}",
                self.place(*peer)
            )),
            Fact::Restored(_) | Fact::Joined(_) => {}
        }
    }
}

impl Observer<Peer> for Lines {
    fn observe(&mut self, output: &Output<Peer>) {
        if let Output::Report(fact) = output {
            self.report(fact);
            if *fact == Fact::Arrived {
                return;
            }
        }
        self.voice.record(|| JournalLine::of(SyncLog::NAME, self.voice.me(), output));
    }

    fn before_frames(&mut self) {}

    fn after_frames(&mut self) {}

    fn sees_traffic(&self) -> bool {
        self.voice.is_json()
    }

    fn linked(&mut self, peer: PeerId, from: IpAddr, dialled: Option<&Address>) -> Option<Input> {
        self.peers.insert(peer, from.to_string());
        match dialled.map(|at| self.typed(at)) {
            Some(typed) => {
                self.missed.remove(&typed);
                self.voice.print(&format!("Connected to peer {typed}"));
            }
            None => self.voice.print(&format!("New peer connection from {from}")),
        }
        Some(Input::Linked { peer, by_us: dialled.is_some() })
    }

    fn unlinked(&mut self, peer: PeerId) -> Option<Input> {
        self.peers.remove(&peer);
        self.voice.print("Peer disconnected");
        self.voice.note(format!("disconnected from {peer}"));
        Some(Input::Unlinked(peer))
    }

    fn unreachable(&mut self, at: &Address, why: &str) -> bool {
        let typed = self.typed(at);
        if self.missed.insert(typed.clone()) {
            self.voice.say(&format!("Failed to connect: {typed}: {why}"));
        }
        true
    }
}
