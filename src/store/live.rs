//! A run of the store on this machine, or elsewhere: its flags, how each peer is started, and what
//! is typed meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use lexopt::Parser;

use crate::command::args;
use crate::command::live::{
    Caller, Exit, LiveProtocol, LiveRun, PeerAction, PeerEvent, Pipes, Prepared, Reasons, RunFlags,
    RunVerdict, Stream,
};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::process::PeerId;

/// The peers where no hostsfile is named.
const THREE: &str = "peer1\npeer2\npeer3\n";
/// Where ports for clients are looked for: from Redis' own on.
const CLIENT_PORT: u16 = 6379;
const TRIES: u16 = 1_000;
/// What each peer says once clients can connect.
const SERVES: &str = ": serves clients on ";

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local store [HOSTSFILE] [options]

Run synod store for every peer of the hostsfile on this machine, or three peers where none is named,
and say how to connect. `2 kill` kills peer 2; it ends with `end`, or with standard input.

Without --data nothing is kept. With it, what was written is there the next time.

flags:
  -h FILE            another way to name the hostsfile
  --client-port P    where clients find peer 1; the others follow (from 6379 on, where it is free)
  --data DIR         keep what the peers hold, and their ports, in DIR
  --timeout SECS     end after this long (86400)

example:
  synod local store --data /tmp/store
",
    judge_help: "\
usage: synod judge store -h HOSTSFILE [--timeout SECS]

Wait until every peer of a synod store elsewhere serves clients, from its log on standard input.
Whether what clients were told is linearizable, synod check says.

flags:
  -h FILE            the hostsfile of those peers
  --timeout SECS     give up after this long (60)

example:
  docker compose logs -f | synod judge store -h hosts.txt
",
    prepare,
};

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let is_local = caller == Caller::Local;
    let mut first = None;
    let timeout = if is_local { 86_400 } else { 60 };
    let flags = RunFlags::parse(caller, &["--data"], timeout, parser, |name, parser| {
        if name != "--client-port" || !is_local {
            return Ok(false);
        }
        first = Some(args::number(name, parser.value()?)?);
        Ok(true)
    })?;
    let hosts = match flags.hosts {
        None if is_local => Hosts::parse(THREE, "three peers")?,
        _ => flags.read_hosts()?,
    };
    let mut run = StoreRun::new(caller, hosts.peers.iter().map(|peer| peer.id).collect());
    let mut args = BTreeMap::new();
    if is_local {
        let memory = match &flags.data {
            None => Some("--memory"),
            Some(dir) => (!has_run(dir, &hosts)).then_some("--new"),
        };
        let ports = free_ports(first, hosts.peers.len())?;
        for (host, port) in hosts.peers.iter().zip(ports) {
            let mut line: Vec<OsString> = vec!["--client-port".into(), port.to_string().into()];
            line.extend(memory.map(Into::into));
            args.insert(host.id, line);
            run.ports.insert(host.id, port);
        }
    }
    Ok(Prepared {
        hosts,
        flags,
        args,
        line: None,
        starts: BTreeMap::new(),
        pipes: Pipes::Two,
        alike: None,
        draw: Vec::new(),
        has_prompt: is_local,
        run: Box::new(run),
    })
}

/// True if one of the peers has kept something here. Then none of them is new: one that finds
/// nothing has lost it, and says so.
fn has_run(dir: &Path, hosts: &Hosts) -> bool {
    hosts.peers.iter().any(|peer| {
        let entries = fs::read_dir(dir.join(peer.id.to_string()));
        entries.is_ok_and(|mut entries| entries.next().is_some())
    })
}

/// So many free ports that follow each other.
fn free_ports(first: Option<u16>, count: usize) -> Result<Vec<u16>> {
    let from = |first: u16| -> Option<Vec<u16>> {
        let ports: Vec<u16> = (first..=u16::MAX).take(count).collect();
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        (ports.len() == count && ports.iter().all(free)).then_some(ports)
    };
    match first {
        Some(first) => from(first).ok_or_else(|| {
            Error::Input(format!("of the {count} ports from {first} on one is not free"))
        }),
        None => (CLIENT_PORT..CLIENT_PORT + TRIES)
            .find_map(from)
            .ok_or_else(|| Error::Input(format!("found no {count} free ports for clients"))),
    }
}

/// The run: every peer serves clients, and ends when it is told to.
struct StoreRun {
    caller: Caller,
    peers: BTreeSet<PeerId>,
    ports: BTreeMap<PeerId, u16>,
    serving: BTreeSet<PeerId>,
    killed: BTreeSet<PeerId>,
    commands: VecDeque<String>,
    actions: VecDeque<PeerAction>,
    has_ended: bool,
    reasons: Reasons,
}

impl StoreRun {
    fn new(caller: Caller, peers: BTreeSet<PeerId>) -> Self {
        Self {
            caller,
            peers,
            ports: BTreeMap::new(),
            serving: BTreeSet::new(),
            killed: BTreeSet::new(),
            commands: VecDeque::new(),
            actions: VecDeque::new(),
            has_ended: false,
            reasons: Reasons::default(),
        }
    }

    fn all_serve(&self) -> bool {
        self.serving.union(&self.killed).count() == self.peers.len()
    }

    fn say(&mut self, text: String) {
        self.actions.push_back(PeerAction::Say(text));
    }

    fn perform(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let is_there = |peer: &PeerId| self.peers.contains(peer) && !self.killed.contains(peer);
        let peer = |word: &str| word.parse().ok().map(PeerId).filter(is_there);
        match words[..] {
            [] => {}
            ["end"] => self.has_ended = true,
            [id, "kill"] if peer(id).is_some() => {
                let killed = peer(id).unwrap_or(PeerId(0));
                self.killed.insert(killed);
                self.actions.push_back(PeerAction::Kill(killed));
            }
            _ => self.say(format!("{command}: type `ID kill`, or `end`")),
        }
    }
}

impl LiveRun for StoreRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        if stream == Stream::Out || !text.starts_with(&format!("{peer}{SERVES}")) {
            return;
        }
        let is_news = self.serving.insert(peer);
        if is_news && self.all_serve() && self.caller == Caller::Local {
            let ports: Vec<String> = self.ports.values().map(|port| format!("-p {port}")).collect();
            let port = self.ports.values().next().copied().unwrap_or(CLIENT_PORT);
            self.say(format!(
                "connect: redis-cli {}\n         curl http://127.0.0.1:{port}/kv/KEY",
                ports.join(", or ")
            ));
        }
    }

    fn fault(&mut self, fault: PeerEvent) {
        match fault {
            PeerEvent::Killed(peer) => _ = self.killed.insert(peer),
            PeerEvent::Started(peer) => _ = self.killed.remove(&peer),
            _ => {}
        }
    }

    fn typed(&mut self, line: Option<&str>) {
        self.commands.push_back(line.unwrap_or("end").to_owned());
    }

    fn action(&mut self) -> Option<PeerAction> {
        // A script types all at once, and means what runs.
        while self.actions.is_empty() && self.all_serve() && !self.has_ended {
            let command = self.commands.pop_front()?;
            self.perform(&command);
        }
        self.actions.pop_front()
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        if !self.killed.contains(&peer) {
            self.object(format!("{peer} ended: {exit}"));
        }
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn unfinished(&mut self, timeout: Option<Duration>) {
        if self.caller == Caller::Local && self.all_serve() {
            return;
        }
        let time = timeout.map_or_else(String::new, |t| format!(" within {} s", t.as_secs_f64()));
        let missing = self.peers.difference(&self.serving).map(ToString::to_string);
        let missing = missing.collect::<Vec<_>>().join(", ");
        self.object(format!("{missing} did not serve clients{time}"));
    }

    fn reached(&self) -> bool {
        self.has_ended || self.caller == Caller::Judge && self.all_serve()
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let state = |peer: &PeerId| match (self.killed.contains(peer), self.serving.contains(peer))
        {
            (true, _) => "killed",
            (false, true) => "served clients",
            (false, false) => "did not serve clients",
        };
        let row = |peer: &PeerId| format!("{peer}  {}\n", state(peer));
        RunVerdict {
            table: self.peers.iter().map(row).collect(),
            reasons: self.reasons.list().to_vec(),
            shown: "all peers served clients".into(),
        }
    }
}
