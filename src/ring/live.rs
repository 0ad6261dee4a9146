//! A run of the ring, judged while it goes on: its flags, and how each peer is started.

mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use lexopt::Parser;

use super::command::{FREE_FLAGS, Options, PORTS_APART, id};
use crate::command::live::{Caller, LiveProtocol, NO_HOSTS, PeerLine, Pipes, Prepared, RunFlags};
use crate::command::{args, complain};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::process::PeerId;
use run::{RingRun, behind};

/// The classic ring.
const CLASSIC: [u16; 8] = [1, 3, 4, 5, 8, 10, 12, 15];
/// Where free ports are looked for: below those that systems take outgoing ones from.
const FIRST_BASE: u16 = 10_000;
const LAST_BASE: u16 = 22_500;
const TRIES: u16 = 200;
pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local ring [IDS ...] [options]

Run a peer of synod ring for each of these ids (1 3 4 5 8 10 12 15) on this machine, each with a
directory of its own, and judge the run. One prompt commands them all: `8 request 2012`, `10 quit`,
`5 kill`, `table` for who holds what, `end`. A command waits until the ones before it are through,
so a script may type all at once. The run ends with `end`, or with standard input.

Without --data the directories are temporary, and one of them has the file 2012.

flags:
  --mss BYTES        bytes per segment (1400)
  --drop P           the probability with which a segment is not sent (0)
  --ping SECS        from one ping to the next (1)
  --misses N         so many pings in a row without an answer are a death (3)
  --window N         so many segments may be under way (1)
  --give-up N        end a transfer after so many time-outs in a row (60)
  --fingers          keep shortcuts across the ring
  --data DIR         the files and logs of peer ID are in DIR/ID, and stay there
  --timeout SECS     end after this long (3600)

example:
  printf '8 request 2012\\n10 quit\\n5 kill\\n8 request 2012\\n' | synod local ring
",
    judge_help: "\
usage: synod judge ring [IDS ...] [--timeout SECS]

Judge a run of synod ring elsewhere while it goes on, from its log on standard input, in which the
peers are called peerID. It ends when each file that was asked for has come and all peers that are
there have the right successors.

flags:
  --timeout SECS     give up after this long (60)

example:
  docker compose logs -f | synod judge ring 1 3 4 5 8 10 12 15
",
    prepare,
};

/// The ids at the beginning of the arguments.
fn leading_ids(parser: &mut Parser) -> Result<BTreeSet<u16>> {
    let mut ids = BTreeSet::new();
    let Ok(mut words) = parser.raw_args() else { return Ok(ids) };
    while let Some(word) = words.next_if(|word| !word.to_string_lossy().starts_with('-')) {
        let id = id("ID", word)?;
        if !ids.insert(id.peer().0) {
            return Err(Error::Usage(format!("peer {id} is named twice")));
        }
    }
    Ok(ids)
}

fn prepare(caller: Caller, mut parser: Parser) -> Result<Prepared> {
    let mut ids = leading_ids(&mut parser)?;
    if ids.is_empty() {
        ids.extend(CLASSIC);
    }
    let (mut mss, mut drop) = (OsString::from("1400"), OsString::from("0"));
    let (mut shared, mut ping) = (Vec::<OsString>::new(), OsString::from("1"));
    let timeout = if caller == Caller::Local { 3600 } else { 60 };
    let flags = RunFlags::parse(caller, &["--data", NO_HOSTS], timeout, parser, |name, parser| {
        match name {
            _ if caller == Caller::Judge => return Ok(false),
            "--mss" => mss = parser.value()?,
            "--drop" => drop = parser.value()?,
            "--ping" => ping = args::period_text(name, parser.value()?)?,
            "--fingers" => shared.push(name.into()),
            _ if FREE_FLAGS.contains(&name) => shared.extend([name.into(), parser.value()?]),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let line = |id: &u16| format!("peer{id}:{}\n", 10_000 + id);
    let mut hosts = Hosts::parse(&ids.iter().map(line).collect::<String>(), "ids")?;
    for (host, id) in hosts.peers.iter_mut().zip(&ids) {
        host.id = PeerId(*id);
    }
    let mut run = RingRun::new(caller, ids.clone());
    let mut start = None;
    if caller == Caller::Local {
        shared.extend(["--ping".into(), ping, "--base-port".into()]);
        shared.push(free_base(&ids)?.to_string().into());
        // What a peer would refuse is refused here, once.
        let first = ids.first().copied().unwrap_or_default();
        let checked = words(&ids, first, Path::new("."), &mss, &drop, &shared);
        Options::parse(Parser::from_args(checked))?;
        let folder = flags.data.clone();
        let folder = folder.unwrap_or_else(|| run.make_temporary());
        run.folder = Some(folder.clone());
        complain(&format!("the files are in {}/ID\n", folder.display()));
        let line: PeerLine = Box::new(move |_: &Hosts, peer: PeerId| {
            let dir = folder.join(peer.0.to_string());
            // What cannot be made the peer itself complains of.
            let _ = fs::create_dir_all(&dir);
            words(&ids, peer.0, &dir, &mss, &drop, &shared)
        });
        start = Some(line);
    }
    Ok(Prepared {
        hosts,
        flags,
        args: BTreeMap::new(),
        line: start,
        starts: BTreeMap::new(),
        pipes: Pipes::Two,
        alike: None,
        draw: Vec::new(),
        has_prompt: caller == Caller::Local,
        run: Box::new(run),
    })
}

/// The arguments of a peer.
fn words(
    ids: &BTreeSet<u16>,
    peer: u16,
    dir: &Path,
    mss: &OsString,
    drop: &OsString,
    shared: &[OsString],
) -> Vec<OsString> {
    let ids = [peer, behind(ids, peer, 1), behind(ids, peer, 2)];
    let mut words: Vec<OsString> = ids.map(|id| OsString::from(id.to_string())).into();
    words.extend([mss.clone(), drop.clone(), "--dir".into(), dir.into()]);
    words.extend(shared.iter().cloned());
    words
}

/// A base at which the ports of all these peers are free.
fn free_base(ids: &BTreeSet<u16>) -> Result<u16> {
    let span = LAST_BASE - FIRST_BASE;
    let random = RandomState::new().hash_one(0_u8);
    let first = u16::try_from(random % u64::from(span)).unwrap_or(0);
    let is_free = |base: &u16| {
        ids.iter().all(|id| {
            let port = base + id;
            let udp = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
            TcpListener::bind(("127.0.0.1", port)).is_ok() && udp(port) && udp(port + PORTS_APART)
        })
    };
    let bases = (0..TRIES).map(|n| FIRST_BASE + (first + n * 61) % span);
    let none = || Error::Input("found no free ports".into());
    bases.into_iter().find(is_free).ok_or_else(none)
}
