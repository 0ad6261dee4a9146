//! A run of members, judged while it goes on: all that live must end as one group.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;

use lexopt::Parser;

use super::command::DEFAULT_PORT;
use super::judge::MemberJudge;
use crate::command::args;
use crate::command::live::{
    Caller, Exit, LiveProtocol, LiveRun, Pipes, Prepared, RunFlags, RunVerdict, Stream,
};
use crate::error::{Error, Result};
use crate::process::PeerId;

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local member [HOSTSFILE] [-d 0,2,...] [-c 5:4,...] [-t] [options]

Run synod member for every peer of the hostsfile on this machine, until those that are to crash have
crashed and all others are members of one view. No rule of membership may be violated.

flags:
  -h FILE            another way to name the hostsfile
  -d S,S,...         how long each peer sleeps first, in the order of the file (0)
  -c N:S,...         peer N crashes S seconds after it asked to join
  -t                 once all have joined, peer 1 asks for the removal of the highest and crashes
  --heartbeat SECS   the period of heartbeats (1)
  --majority         a new view needs a majority of the one before
  --data DIR         keep what the peers remember, and their ports, in DIR
  --draw FILE        draw the views; the extension selects the format: .txt .mmd .svg .html
  --timeout SECS     give up after this long (60)

example:
  synod local member -d 0,1,2,3,4 -c 5:4
",
    judge_help: "\
usage: synod judge member -h HOSTSFILE [-c 5,4,...] [-t] [--timeout SECS]

Judge a run of synod member elsewhere while it goes on, from its log on standard input, as synod
judge does for Paxos. It ends when all that are to crash have crashed, and all others are members of
one view.

flags:
  -h FILE            the hostsfile of those peers
  -c N,...           the peers that are to crash
  -t                 peer 1 is to crash, after the highest was removed on request
  --timeout SECS     give up after this long (60)

example:
  docker compose logs -f | synod judge member -h hostsfiles/hostsfile-member.txt -c 5
",
    prepare,
};

#[derive(Default)]
struct Options {
    delays: Vec<Duration>,
    /// Each with its time, where this program starts it.
    crashes: BTreeMap<u16, Option<Duration>>,
    leader_crashes: bool,
    /// Handed on to each as they are.
    shared: Vec<OsString>,
}

impl Options {
    fn take(&mut self, caller: Caller, name: &str, parser: &mut Parser) -> Result<bool> {
        match (name, caller) {
            ("-t", _) => self.leader_crashes = true,
            ("-c", Caller::Local) => {
                let pairs = args::pairs(name, parser.value()?)?;
                self.crashes = pairs.into_iter().map(|(peer, time)| (peer, Some(time))).collect();
            }
            ("-c", Caller::Judge) => {
                let ids = args::numbers(name, parser.value()?)?;
                self.crashes = ids.into_iter().map(|peer| (peer, None)).collect();
            }
            ("-d", Caller::Local) => self.delays = args::list(name, parser.value()?)?,
            ("--heartbeat", Caller::Local) => {
                let period = args::period_text(name, parser.value()?)?;
                self.shared.extend([name.into(), period]);
            }
            ("--majority", Caller::Local) => self.shared.push(name.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What each of these is told. It sleeps itself.
    fn arguments(&self, peers: &[PeerId]) -> Result<BTreeMap<PeerId, Vec<OsString>>> {
        let delays = args::in_order("-d", peers, self.delays.clone())?;
        let of_one = |peer: &PeerId| {
            let delay = delays.get(peer).copied().unwrap_or_default();
            let mut own = self.shared.clone();
            own.extend(["--verbose".into(), "-d".into(), args::of_seconds(delay)]);
            if let Some(Some(after)) = self.crashes.get(&peer.0) {
                own.extend(["-c".into(), args::of_seconds(*after)]);
            }
            if self.leader_crashes && peer.0 == 1 {
                own.push("-t".into());
            }
            (*peer, own)
        };
        Ok(peers.iter().map(of_one).collect())
    }
}

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let mut options = Options::default();
    let files = &["--data", "--draw"];
    let flags = RunFlags::parse(caller, files, 60, parser, |name, parser| {
        options.take(caller, name, parser)
    })?;
    let hosts = flags.read_hosts()?;
    hosts.check_ports(DEFAULT_PORT)?;
    let peers: Vec<PeerId> = hosts.peers.iter().map(|peer| peer.id).collect();
    let args = options.arguments(&peers)?;
    let count = u16::try_from(peers.len()).unwrap_or(u16::MAX);
    let crashing = options.crashes.keys().copied().collect();
    let run = Box::new(GroupRun::new(count, crashing, options.leader_crashes)?);
    let asked = if options.leader_crashes { count.to_string() } else { "none".into() };
    let draw = ["--membership", "--on-request", &asked].map(OsString::from).into();
    let (pipes, alike, starts) = (Pipes::Two, None, BTreeMap::new());
    let (line, has_prompt) = (None, false);
    Ok(Prepared { hosts, flags, args, line, starts, pipes, alike, draw, has_prompt, run })
}

/// The survivors are one group.
struct GroupRun {
    expected: BTreeSet<u16>,
    crashing: BTreeSet<u16>,
    rules: MemberJudge,
}

impl GroupRun {
    /// A group of so many peers, of which some will crash. With `leader_crashes` the first one
    /// does, and the highest is removed on request before.
    fn new(count: u16, mut crashing: BTreeSet<u16>, leader_crashes: bool) -> Result<Self> {
        if let Some(other) = crashing.iter().find(|peer| **peer > count) {
            return Err(Error::Usage(format!("-c {other}: there are only {count} peers")));
        }
        let mut on_request = BTreeSet::new();
        if leader_crashes {
            crashing.insert(1);
            on_request.insert(count);
        }
        let gone = &crashing | &on_request;
        let expected: BTreeSet<u16> = (1..=count).filter(|peer| !gone.contains(peer)).collect();
        if expected.is_empty() {
            return Err(Error::Usage("no peer would be left: let at least one live".into()));
        }
        Ok(Self { expected, crashing, rules: MemberJudge::new(on_request) })
    }
}

impl LiveRun for GroupRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        if stream == Stream::Out {
            self.object(format!("{peer} prints on standard output: {text}"));
        } else if !text.starts_with(&format!("{peer}: ")) {
            self.rules.line(peer.0, text);
        }
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        if !(exit.is_success() && self.rules.has_crashed(peer.0)) {
            self.object(format!("{peer} ended too early: {exit}"));
        }
    }

    fn object(&mut self, reason: String) {
        self.rules.object(reason);
    }

    fn reached(&self) -> bool {
        self.crashing.iter().all(|peer| self.rules.has_crashed(*peer))
            && self.rules.agree(&self.expected)
    }

    fn failed(&self) -> bool {
        !self.rules.reasons().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let list: Vec<String> = self.expected.iter().map(u16::to_string).collect();
        let list = list.join(",");
        let mut reasons = self.rules.reasons().to_vec();
        if !self.reached() {
            reasons.push(format!("[{list}] are not one group"));
        }
        RunVerdict { table: self.rules.table(), reasons, shown: format!("[{list}] are one group") }
    }
}
