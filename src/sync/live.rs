//! A run of `sync`, judged while it goes on: all copies are equal in the end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::Parser;

use crate::command::live::{
    Caller, Exit, LiveProtocol, LiveRun, PeerEvent, Pipes, Prepared, Reasons, RunFlags, RunVerdict,
    Stream,
};
use crate::command::{args, complain};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::process::PeerId;

/// How many peers are started if nothing is said.
const PEERS: u16 = 3;
const MOST_PEERS: u16 = 32;
const FILE: &str = "blockchain.txt";

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local sync [N] [--topology T] [--data DIR] [options]

Run N peers of synod sync (3) on this machine, each with a directory and a blockchain.txt of its
own, and say where the files are. Edit any of them. Until the time is up or Ctrl-C is pressed the
lines of all peers are shown; when the time is up, all copies must be equal.

flags:
  -h FILE            start as many peers as this hostsfile names
  --topology T       chain (the default), star, ring or mesh: which peers connect to each other
  --interval SECS    from one look at a file to the next (0.5)
  --data DIR         keep the directories of the peers in DIR; without it they are removed
  --timeout SECS     end after this long (3600)

example:
  synod local sync 4 --topology ring --timeout 5
",
    judge_help: "\
usage: synod judge sync -h HOSTSFILE [--timeout SECS]

Judge a run of synod sync elsewhere while it goes on, from its log on standard input. It ends when
all peers but the one that changed the file have received the same version.

flags:
  -h FILE            the hostsfile of those peers
  --timeout SECS     give up after this long (60)

example:
  docker compose logs -f | synod judge sync -h hostsfiles/hostsfile.txt
",
    prepare,
};

/// Which peers connect to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topology {
    Chain,
    Star,
    Ring,
    Mesh,
}

impl Topology {
    fn of(text: &str) -> Result<Self> {
        match text {
            "chain" => Ok(Self::Chain),
            "star" => Ok(Self::Star),
            "ring" => Ok(Self::Ring),
            "mesh" => Ok(Self::Mesh),
            _ => Err(Error::Usage(format!("--topology {text:?}: chain, star, ring or mesh"))),
        }
    }

    /// Whom the peer of this number dials, among so many.
    fn dials(self, peer: u16, peers: u16) -> Vec<u16> {
        match self {
            Self::Ring if peer == 1 && peers > 2 => vec![peers],
            Self::Chain | Self::Ring => (1..peer).next_back().into_iter().collect(),
            Self::Star => (1..peer).next().into_iter().collect(),
            Self::Mesh => (1..peer).collect(),
        }
    }
}

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let (mut topology, mut shared) = (Topology::Chain, Vec::<OsString>::new());
    let timeout = if caller == Caller::Local { 3600 } else { 60 };
    let mut flags = RunFlags::parse(caller, &["--data"], timeout, parser, |name, parser| {
        match name {
            "--topology" if caller == Caller::Local => {
                topology = Topology::of(&args::text(name, parser.value()?)?)?;
            }
            "--interval" if caller == Caller::Local => {
                shared.extend([name.into(), args::period_text(name, parser.value()?)?]);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let number = |path: &PathBuf| path.to_str().and_then(|text| text.parse::<u16>().ok());
    let count = match &flags.hosts {
        None if caller == Caller::Local => Some(PEERS),
        named => named.as_ref().and_then(number).filter(|_| caller == Caller::Local),
    };
    let hosts = match count {
        Some(count) if (1..=MOST_PEERS).contains(&count) => {
            flags.hosts = None;
            // Each is moved to a free port.
            let line = |peer: u16| format!("127.0.0.1:{}\n", 10_000 + peer);
            Hosts::parse(&(1..=count).map(line).collect::<String>(), "peers")?
        }
        Some(count) => {
            return Err(Error::Usage(format!("{count} peers: it is 1 to {MOST_PEERS}")));
        }
        None => flags.read_hosts()?,
    };
    let mut run = SyncRun::new(caller, hosts.peers.iter().map(|peer| peer.id));
    let folder = flags.data.clone().unwrap_or_else(|| {
        let name = format!("synod-sync-{:016x}", RandomState::new().hash_one(0_u8));
        std::env::temp_dir().join(name)
    });
    if caller == Caller::Local {
        run.temporary = flags.data.is_none().then(|| folder.clone());
        complain(&format!("the files are {}/*/{FILE}\n", folder.display()));
    }
    let line = Box::new(move |hosts: &Hosts, peer: PeerId| {
        let mut line = peer_line(topology, &folder, hosts, peer);
        line.extend(shared.iter().cloned());
        line
    });
    Ok(Prepared {
        hosts,
        flags,
        args: BTreeMap::new(),
        line: Some(line),
        starts: BTreeMap::new(),
        pipes: Pipes::Two,
        alike: None,
        draw: Vec::new(),
        has_prompt: false,
        run: Box::new(run),
    })
}

/// How a peer is started; its directory is made. What cannot be made the peer itself complains of.
fn peer_line(topology: Topology, folder: &Path, hosts: &Hosts, peer: PeerId) -> Vec<OsString> {
    let file = folder.join(peer.0.to_string()).join(FILE);
    let _ = file.parent().map(fs::create_dir_all);
    let peers = u16::try_from(hosts.peers.len()).unwrap_or(MOST_PEERS);
    let dials = topology.dials(peer.0, peers);
    if peer.0 == 1 && !dials.is_empty() && !file.exists() {
        // In a ring nobody hosts, so somebody has to begin.
        let _ = fs::write(&file, "");
    }
    let port = |peer: u16| hosts.get(PeerId(peer)).and_then(|host| host.port).unwrap_or(0);
    let mut line: Vec<OsString> = vec!["--file".into(), file.into(), "--port".into()];
    line.push(port(peer.0).to_string().into());
    line.extend(["--bind".into(), "127.0.0.1".into()]);
    line.extend(dials.into_iter().map(|to| format!("127.0.0.1:{}", port(to)).into()));
    line
}

/// What each peer has said last of its copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Copy {
    #[default]
    Unknown,
    Changed,
    Received(String),
}

/// All copies are equal: all but one have received the same version, and it has changed since.
struct SyncRun {
    caller: Caller,
    copies: BTreeMap<PeerId, Copy>,
    reasons: Reasons,
    /// Removed at the end.
    temporary: Option<PathBuf>,
}

impl SyncRun {
    fn new(caller: Caller, peers: impl Iterator<Item = PeerId>) -> Self {
        let copies = peers.map(|peer| (peer, Copy::Unknown)).collect();
        Self { caller, copies, reasons: Reasons::default(), temporary: None }
    }

    fn are_equal(&self) -> bool {
        let received = |copy: &Copy| matches!(copy, Copy::Received(_));
        let mut versions: Vec<&Copy> = self.copies.values().filter(|copy| received(copy)).collect();
        let others = self.copies.len() - versions.len();
        versions.dedup();
        others <= 1 && versions.len() <= 1
    }
}

impl Drop for SyncRun {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl LiveRun for SyncRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        let received = text.strip_prefix("Received: ").and_then(|rest| {
            let (_, rest) = rest.split_once(" bytes, version ")?;
            Some(rest.split(' ').next().unwrap_or_default().to_owned())
        });
        let copy = match received {
            _ if stream == Stream::Err => return,
            Some(version) => Copy::Received(version),
            None if text.ends_with(" file changed.") => Copy::Changed,
            None => return,
        };
        self.copies.insert(peer, copy);
    }

    fn fault(&mut self, _: PeerEvent) {}

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        self.object(format!("{peer} ended: {exit}"));
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn unfinished(&mut self, _: Option<Duration>) {
        if !self.are_equal() {
            self.object("the copies are not equal".into());
        }
    }

    /// One who tries it on this machine says when it is enough.
    fn reached(&self) -> bool {
        self.caller == Caller::Judge && self.are_equal()
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let mut table = String::from("peer    last\n");
        for (peer, copy) in &self.copies {
            let copy = match copy {
                Copy::Unknown => "as it began",
                Copy::Changed => "changed here",
                Copy::Received(version) => version,
            };
            let _ = writeln!(table, "{:<7} {copy}", peer.to_string()); // a String takes all
        }
        let shown = format!("{} copies, and all are equal", self.copies.len());
        RunVerdict { table, reasons: self.reasons.list().to_vec(), shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_connects_all() {
        for (topology, of_four) in [
            (Topology::Chain, "[] [1] [2] [3]"),
            (Topology::Star, "[] [1] [1] [1]"),
            (Topology::Ring, "[4] [1] [2] [3]"),
            (Topology::Mesh, "[] [1] [1, 2] [1, 2, 3]"),
        ] {
            let dials: Vec<String> =
                (1..=4).map(|peer| format!("{:?}", topology.dials(peer, 4))).collect();
            assert_eq!(dials.join(" "), of_four);
            assert_eq!(topology.dials(1, 2), [0; 0], "two are no ring");
        }
        assert!(Topology::of("cube").is_err());
    }

    #[test]
    fn copies_are_equal_when_all_but_one_have_received_the_same() {
        let mut run = SyncRun::new(Caller::Judge, (1..=3).map(PeerId));
        let mut says = |peer, text: &str| {
            run.line(PeerId(peer), Stream::Out, Duration::ZERO, text);
            run.reached()
        };
        assert!(!says(1, "Listening for peers..."));
        assert!(!says(2, "Received: 3 bytes, version 1.a from 127.0.0.1"));
        assert!(says(3, "Received: 3 bytes, version 1.a from 127.0.0.1"));
        assert!(!says(3, "notes.txt file changed."));
        assert!(!says(1, "Received: 4 bytes, version 2.b from 127.0.0.1"));
        assert!(says(2, "Received: 4 bytes, version 2.b from 127.0.0.1"));
        assert!(!says(2, "Received: 4 bytes, version 3.c from 127.0.0.1"));
    }
}
