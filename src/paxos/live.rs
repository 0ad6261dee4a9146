//! A run of Paxos as `synod local` and `synod judge` have it: their flags, and each peer's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lexopt::Parser;

use super::Value;
use super::command::{DEFAULT_PORT, MEMORY_ONLY, roles, value};
use super::judge::live::ChoiceRun;
use crate::command::args;
use crate::command::live::{Caller, LiveProtocol, Pipes, Prepared, RunFlags};
use crate::error::{Error, Result};
use crate::hosts::{Host, Hosts};
use crate::process::PeerId;

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local [HOSTSFILE] [-v X,Y,...] [-t 0,2,...] [options]

Run every peer of the hostsfile as a process on this machine, on free loopback ports, until all who
take part have chosen; then say who chose what. Without a hostsfile it takes that of test case 2:
two proposers share three acceptors.

flags:
  -h FILE            another way to name the hostsfile
  -v X,Y,...         the proposers' values, in the order of their numbers (X, Y, Z, ...)
  -t S,S,...         their delays in seconds, in the same order (0)
  --data DIR         keep the peers' states and ports in DIR; a later run goes on from there
  --trace FILE       write the journals of all peers to FILE; with --data, append them
  --draw FILE        draw the run; the extension selects the format: .txt .mmd .svg .html
  --timeout SECS     give up after this long (30)

example:
  synod local -t 0,0.2 --draw run.html
",
    judge_help: "\
usage: synod judge -h HOSTSFILE [options]

Judge a run of peers elsewhere while it goes on: read their log on standard input, as docker compose
prints it (peer1  | ...), pass it on, and stop as soon as all who take part have chosen; then say
who chose what. Lines that begin with ==> tell what a scenario does to a peer.

flags:
  -h FILE            the hostsfile of those peers
  --expect C         the value that they must choose (otherwise any one value)
  --timeout SECS     give up after this long (60)

lines of a scenario:
  ==> peer2 killed         comes before it is killed; any other peer that ends is a failure
  ==> peer2 started        comes before it is started; if it had chosen, it must choose again
  ==> peer4 cut off        comes after it was cut off from every majority; it must not choose
  ==> peer3 frozen         comes after it was frozen; if it had not chosen, it must not choose
  ==> peer3 disconnected   the same for a peer that was taken off the network
  ==> peer3 back           comes before any of these three ends; also ==> peer3 goes on, and
                           ==> peer3 reconnected
  ==> broken off: WHY      the scenario cannot go on

example:
  docker compose logs -f | synod judge -h hostsfiles/hostsfile-testcase2.txt --expect X
",
    prepare,
};

/// How long a proposer waits for all peers, in seconds. They are started together, so a peer that
/// is not there by then has failed, and the others should choose before the usual `--timeout`.
const WAIT_SECS: &str = "10";

/// What is said once for all peers that are run without `--data`.
const ALL_IN_MEMORY: &str =
    "every peer keeps its state in memory only (--data DIR keeps it on disk)";

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let (mut values, mut delays, mut expect) = (Vec::new(), Vec::new(), None);
    let local = caller == Caller::Local;
    let files = &["--data", "--trace", "--draw"];
    let timeout_secs = if local { 30 } else { 60 };
    let flags = RunFlags::parse(caller, files, timeout_secs, parser, |name, parser| {
        match name {
            "-v" if local => {
                let list = args::text(name, parser.value()?)?;
                values = list.split(',').map(|v| value(name, v.into())).collect::<Result<_>>()?;
            }
            "-t" if local => delays = args::list(name, parser.value()?)?,
            "--expect" if !local => expect = Some(value(name, parser.value()?)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let hosts = flags.read_hosts()?;
    let roles = roles(&hosts, DEFAULT_PORT)?;
    if roles.proposers.is_empty() {
        let file = flags.hosts.as_deref().unwrap_or(Path::new("the hostsfile")).display();
        return Err(Error::Input(format!(
            "{file}: no line is a proposer, so nothing would be chosen; give one the role proposer1"
        )));
    }
    let mut run = ChoiceRun::new(expect.map(|value| value.0.to_string()));
    for peer in &hosts.peers {
        let names: Vec<String> = peer.roles.iter().map(ToString::to_string).collect();
        run.add_peer(peer.id.0, names.join(","), roles.participants().contains(&peer.id));
    }
    Ok(Prepared {
        args: arguments(&hosts, &values, &delays)?,
        line: None,
        starts: BTreeMap::new(),
        pipes: Pipes::One,
        alike: flags.data.is_none().then_some((MEMORY_ONLY, ALL_IN_MEMORY)),
        draw: flags.hosts.iter().flat_map(|path| ["--hosts".into(), path.into()]).collect(),
        has_prompt: false,
        run: Box::new(run),
        hosts,
        flags,
    })
}

/// What each peer is told: that it says all, and of a proposer value and delay.
fn arguments(
    hosts: &Hosts,
    values: &[Value],
    delays: &[Duration],
) -> Result<BTreeMap<PeerId, Vec<OsString>>> {
    let mut proposers: Vec<&Host> =
        hosts.peers.iter().filter(|peer| peer.proposer_number().is_some()).collect();
    proposers.sort_by_key(|peer| peer.proposer_number());
    for (flag, given) in [("-v", values.len()), ("-t", delays.len())] {
        if given > proposers.len() {
            return Err(Error::Usage(format!(
                "{flag} names {given}, but the hostsfile has {} proposers",
                proposers.len()
            )));
        }
    }
    let mut all: BTreeMap<PeerId, Vec<OsString>> =
        hosts.peers.iter().map(|peer| (peer.id, vec!["--verbose".into()])).collect();
    let letters = ('X'..='Z').chain('A'..='W').map(Value).cycle();
    let values = values.iter().copied().chain(letters.skip(values.len()));
    let delays = delays.iter().copied().chain(std::iter::repeat(Duration::ZERO));
    for (peer, (value, delay)) in proposers.iter().zip(values.zip(delays)) {
        let own = all.entry(peer.id).or_default();
        own.extend(["-v".into(), value.0.to_string().into()]);
        own.extend(["-t".into(), args::of_seconds(delay), "--wait".into(), WAIT_SECS.into()]);
    }
    Ok(all)
}
