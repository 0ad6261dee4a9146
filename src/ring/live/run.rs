//! The run itself: everybody knows the next two that are there, each request is answered, and each
//! file arrives as it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command::live::{
    Caller, Exit, LiveRun, PeerAction, PeerEvent, Reasons, RunVerdict, Stream,
};
use crate::process::PeerId;
use crate::ring::event::{self, Said, shown};
use crate::ring::judge::objections;

/// The file that is there to be asked for, where nobody has said where files are.
const SAMPLE: &str = "2012";
const SAMPLE_BYTES: usize = 20_011;
/// How much of what is printed is kept for the judge, in bytes.
const MOST_KEPT: usize = 64 << 20;

/// The peer that comes so many steps behind this one.
pub(super) fn behind(ids: &BTreeSet<u16>, id: u16, steps: usize) -> u16 {
    let after = ids.range(id + 1..).chain(ids.range(..=id));
    after.cycle().nth(steps - 1).copied().unwrap_or(id)
}

/// What is known of one peer.
#[derive(Default)]
struct Seen {
    /// Its successors, by what it has printed.
    successors: [Option<u16>; 2],
    /// Who has answered its pings: its successors at the beginning.
    answered: BTreeSet<u16>,
    /// Requests that were typed and have come to no end.
    open: Vec<u16>,
    received: Vec<u16>,
    /// Names that it was told of in order; the last is the one that comes.
    coming: VecDeque<u16>,
}

/// The whole run.
pub(super) struct RingRun {
    caller: Caller,
    there: BTreeSet<u16>,
    /// Those that were told to quit, and those that were killed.
    gone: BTreeSet<u16>,
    peers: BTreeMap<u16, Seen>,
    commands: VecDeque<String>,
    actions: VecDeque<PeerAction>,
    has_ended: bool,
    reasons: Reasons,
    /// What all have printed, for the judge of logs.
    lines: String,
    pub(super) folder: Option<PathBuf>,
    /// Removed at the end.
    temporary: Option<PathBuf>,
}

impl RingRun {
    pub(super) fn new(caller: Caller, ids: BTreeSet<u16>) -> Self {
        Self {
            caller,
            peers: ids.iter().map(|id| (*id, Seen::default())).collect(),
            there: ids,
            gone: BTreeSet::new(),
            commands: VecDeque::new(),
            actions: VecDeque::new(),
            has_ended: false,
            reasons: Reasons::default(),
            lines: String::new(),
            folder: None,
            temporary: None,
        }
    }

    /// A directory that goes with this value, with a file to ask for.
    pub(super) fn make_temporary(&mut self) -> PathBuf {
        let name = format!("synod-ring-{:016x}", RandomState::new().hash_one(0_u8));
        let folder = std::env::temp_dir().join(name);
        let hash = SAMPLE.parse::<u16>().unwrap_or(0) % 256;
        let owner = self.there.range(hash..).next().or_else(|| self.there.first());
        if let Some(owner) = owner {
            let dir = folder.join(owner.to_string());
            let _ = fs::create_dir_all(&dir);
            let body: Vec<u8> =
                (0..SAMPLE_BYTES).map(|at| (at * 31 % 251).to_le_bytes()[0]).collect();
            let bytes = [&b"%PDF-1.4\n"[..], &body, b"\n%%EOF\n"].concat();
            let _ = fs::write(dir.join(format!("{SAMPLE}.pdf")), bytes);
        }
        self.temporary = Some(folder.clone());
        folder
    }

    /// What this peer knows of its successors, once it knows both.
    fn known(&self, id: u16) -> Option<BTreeSet<u16>> {
        let seen = self.peers.get(&id)?;
        let said: BTreeSet<u16> = seen.successors.iter().flatten().copied().collect();
        let known = if said.is_empty() { seen.answered.clone() } else { said };
        (!known.is_empty()).then_some(known)
    }

    /// Why this peer is not as it must be.
    fn wrong(&self, id: u16) -> Option<String> {
        let mut want: BTreeSet<u16> =
            [1, 2].map(|steps| behind(&self.there, id, steps)).into_iter().collect();
        let known = self.known(id).unwrap_or_default();
        // Nobody answers its own pings.
        if known.is_empty() || !known.contains(&id) {
            want.remove(&id);
        }
        let is_pinged = |other: &u16| known.contains(other);
        if want.iter().all(is_pinged) && known.len() <= 2 {
            return None;
        }
        Some(format!("peer {id} has the successors {known:?}, and {want:?} come next"))
    }

    /// True if nothing is under way, and all is right.
    fn is_settled(&self) -> bool {
        let is_busy = |id: &u16| self.peers.get(id).is_some_and(|seen| !seen.open.is_empty());
        !self.there.iter().any(|id| is_busy(id) || self.wrong(*id).is_some())
            && self.gone.is_empty()
    }

    fn say(&mut self, text: impl Into<String>) {
        self.actions.push_back(PeerAction::Say(text.into()));
    }

    fn perform(&mut self, command: &str) {
        let words: Vec<String> = command.split_whitespace().map(str::to_ascii_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let peer = |word: &str| word.parse().ok().filter(|id| self.there.contains(id));
        match words[..] {
            [] => {}
            ["table"] => {
                let table = self.table();
                self.say(table.trim_end());
            }
            ["end"] => self.has_ended = true,
            [id, "request", name] if peer(id).is_some() => {
                let (Some(id), Some(name)) = (peer(id), four_digits(name)) else {
                    return self.say(format!("{name}: a name is four digits, as in 2012"));
                };
                self.peers.entry(id).or_default().open.push(name);
                let line = format!("request {}", shown(name));
                self.actions.push_back(PeerAction::Type(PeerId(id), line));
            }
            [id, what @ ("quit" | "kill")] if peer(id).is_some() => {
                let id = peer(id).unwrap_or_default();
                self.there.remove(&id);
                self.gone.insert(id);
                self.keep(&format!(
                    "==> peer{id} {}\n",
                    if what == "kill" { "killed" } else { "quits" }
                ));
                let action = match what {
                    "kill" => PeerAction::Kill(PeerId(id)),
                    _ => PeerAction::Type(PeerId(id), "quit".into()),
                };
                self.actions.push_back(action);
            }
            _ => {
                let ids: Vec<String> = self.there.iter().map(u16::to_string).collect();
                self.say(format!(
                    "{command}: type ID request NNNN, ID quit, ID kill, table or end; ids are {}",
                    ids.join(" ")
                ));
            }
        }
    }

    fn keep(&mut self, line: &str) {
        if self.lines.len() < MOST_KEPT {
            self.lines.push_str(line);
        }
    }

    fn hear(&mut self, id: u16, said: Said) {
        let Some(seen) = self.peers.get_mut(&id) else { return };
        match said {
            Said::PongFrom(peer) if seen.successors == [None; 2] => {
                seen.answered.insert(peer);
            }
            Said::First(peer) => seen.successors[0] = Some(peer),
            Said::Second(peer) => seen.successors[1] = Some(peer),
            Said::Requested(name) if self.caller == Caller::Judge && !seen.open.contains(&name) => {
                seen.open.push(name);
            }
            Said::ResponseFrom(_, name) => seen.coming.push_back(name),
            Said::FileReceived => {
                // Of several that come at once each is looked at.
                let names: Vec<u16> = seen.coming.drain(..).collect();
                for name in names {
                    if self.arrived(id, name) {
                        self.close(id, name);
                        self.peers.entry(id).or_default().received.push(name);
                    } else {
                        self.peers.entry(id).or_default().coming.push_back(name);
                    }
                }
            }
            Said::Here(name) => self.close(id, name),
            _ => {}
        }
    }

    /// A request has come to its end.
    fn close(&mut self, id: u16, name: u16) {
        let Some(seen) = self.peers.get_mut(&id) else { return };
        if let Some(at) = seen.open.iter().position(|open| *open == name) {
            seen.open.remove(at);
        }
    }

    /// True if the file is there; of one that differs from every stored one this is said.
    fn arrived(&mut self, id: u16, name: u16) -> bool {
        let Some(folder) = self.folder.clone() else { return true };
        let name = shown(name);
        let received = folder.join(id.to_string()).join(format!("received_file_{name}_{id}.pdf"));
        let Ok(bytes) = fs::read(received) else { return false };
        let stored = |peer: &u16| {
            let dir = folder.join(peer.to_string());
            [format!("{name}.pdf"), name.clone()].map(|file| fs::read(dir.join(file)))
        };
        let mut all = self.peers.keys().flat_map(stored).flatten();
        if !all.any(|stored| stored == bytes) {
            self.object(format!("what peer {id} has received as {name} is not that file"));
        }
        true
    }

    /// Who is there, with which successors, and who holds what.
    fn table(&self) -> String {
        let mut table = String::from("peer  successors  holds\n");
        for (id, seen) in &self.peers {
            let next = |place: usize| match seen.successors[place] {
                _ if !self.there.contains(id) => "-".into(),
                Some(peer) => peer.to_string(),
                None => behind(&self.there, *id, place + 1).to_string(),
            };
            let successors = format!("{} {}", next(0), next(1));
            let dir = self.folder.as_ref().map(|folder| folder.join(id.to_string()));
            let mut holds = dir.as_deref().map(stored).unwrap_or_default();
            let received: BTreeSet<u16> = seen.received.iter().copied().collect();
            holds.extend(received.into_iter().map(|name| format!("{} (received)", shown(name))));
            let line = format!("{id:<4}  {successors:<10}  {}", holds.join(", "));
            let _ = writeln!(table, "{}", line.trim_end()); // a String takes all
        }
        table
    }
}

fn four_digits(text: &str) -> Option<u16> {
    let is_name = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_name)
}

/// The names of the files of the ring in a directory.
fn stored(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_name = |name: &String| four_digits(name.strip_suffix(".pdf").unwrap_or(name)).is_some();
    let mut names: Vec<String> = names.filter(is_name).collect();
    names.sort();
    names
}

impl Drop for RingRun {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl LiveRun for RingRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        let prose = text.strip_prefix(&format!("{peer}: "));
        if let Some(prose) = prose.filter(|_| stream != Stream::Out) {
            // A request that came to nothing.
            let is_about = |name: &u16| prose.contains(&shown(*name));
            if let Some(seen) = self.peers.get_mut(&peer.0)
                && !prose.contains("sent to peer")
            {
                seen.open.retain(|name| !is_about(name));
            }
            return;
        }
        if let Some((_, said)) = event::read(text) {
            self.keep(&format!("peer{} | {text}\n", peer.0));
            self.hear(peer.0, said);
        }
    }

    fn fault(&mut self, fault: PeerEvent) {
        match fault {
            PeerEvent::Killed(peer) => {
                self.there.remove(&peer.0);
                self.keep(&format!("==> peer{} killed\n", peer.0));
            }
            PeerEvent::Quits(peer) => {
                self.there.remove(&peer.0);
                self.keep(&format!("==> peer{} quits\n", peer.0));
            }
            PeerEvent::Started(peer) => _ = self.there.insert(peer.0),
            _ => {}
        }
    }

    fn typed(&mut self, line: Option<&str>) {
        self.commands.push_back(line.unwrap_or("end").to_owned());
    }

    fn action(&mut self) -> Option<PeerAction> {
        while self.actions.is_empty() && self.is_settled() && !self.has_ended {
            let command = self.commands.pop_front()?;
            self.perform(&command);
        }
        self.actions.pop_front()
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        let was_told = self.gone.remove(&peer.0);
        if self.caller == Caller::Judge && exit.is_success() {
            self.there.remove(&peer.0);
        } else if !was_told && self.there.contains(&peer.0) {
            self.object(format!("peer {} ended: {exit}", peer.0));
        }
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn unfinished(&mut self, timeout: Option<Duration>) {
        let wrong: Vec<String> = self.there.iter().filter_map(|id| self.wrong(*id)).collect();
        for reason in wrong {
            self.object(reason);
        }
        let open: Vec<(u16, u16)> = self
            .peers
            .iter()
            .flat_map(|(id, seen)| seen.open.iter().map(|name| (*id, *name)))
            .collect();
        for (id, name) in open {
            self.object(format!(
                "nothing has come of the request of peer {id} for {}",
                shown(name)
            ));
        }
        if !self.is_settled() && self.reasons.list().is_empty() {
            let timeout = timeout.unwrap_or_default().as_secs();
            self.object(format!("not at rest within {timeout} s"));
        }
    }

    fn reached(&self) -> bool {
        let has_come = self.peers.values().any(|seen| !seen.received.is_empty());
        self.is_settled() && if self.caller == Caller::Judge { has_come } else { self.has_ended }
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let mut lines = self.lines.clone();
        for id in self.folder.iter().flat_map(|_| self.peers.keys()) {
            for side in ["responding", "requesting"] {
                let folder = self.folder.clone().unwrap_or_default();
                let log = folder.join(id.to_string()).join(format!("{side}_log.txt"));
                for line in fs::read_to_string(log).unwrap_or_default().lines() {
                    let _ = writeln!(lines, "peer{id} | {line}"); // a String takes all
                }
            }
        }
        let mut reasons = self.reasons.list().to_vec();
        // Logs of earlier runs in the same directories are of other programs.
        if self.temporary.is_some() || self.folder.is_none() {
            reasons.extend(objections(lines));
        }
        let files = self.peers.values().map(|seen| seen.received.len()).sum::<usize>();
        let peers = self.there.len();
        let shown = format!("{peers} peers with the right successors, {files} files received");
        RunVerdict { table: self.table(), reasons, shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_waits_until_the_ring_is_at_rest() {
        let mut run = RingRun::new(Caller::Local, [1, 5, 9].into());
        let mut says = |peer: u16, text: &str| {
            run.line(PeerId(peer), Stream::Out, Duration::ZERO, text);
        };
        for (peer, other) in [(1, 5), (1, 9), (5, 9), (5, 1), (9, 1)] {
            says(peer, &format!("A ping response message was received from Peer {other}."));
        }
        run.typed(Some("1 quit"));
        assert_eq!(run.action(), None, "peer 9 does not know its second successor");
        run.line(
            PeerId(9),
            Stream::Out,
            Duration::ZERO,
            "A ping response message was received from Peer 5.",
        );
        assert_eq!(run.action(), Some(PeerAction::Type(PeerId(1), "quit".into())));
        run.typed(Some("5 request 0012"));
        assert_eq!(run.action(), None);
        run.ended(PeerId(1), &Exit::of_code(Some(0)));
        for (peer, other) in [(5, 9), (9, 5)] {
            for (place, who) in [("first", other), ("second", peer)] {
                let text = format!("My {place} successor is now peer {who}.");
                run.line(PeerId(peer), Stream::Out, Duration::ZERO, &text);
            }
        }
        assert_eq!(run.action(), Some(PeerAction::Type(PeerId(5), "request 0012".into())));
        assert!(!run.failed() && !run.reached());
    }

    #[test]
    fn the_next_peer_is_found_going_round() {
        let ids = [1, 3, 250].into();
        let behind: Vec<u16> = [(1, 1), (1, 2), (250, 1), (3, 2), (1, 3)]
            .map(|(id, steps)| behind(&ids, id, steps))
            .into();
        assert_eq!(behind, [3, 250, 1, 1, 1]);
    }
}
