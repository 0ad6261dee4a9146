//! A run of `ready`, judged while it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

use lexopt::Parser;

use super::service::DEFAULT_PORT;
use crate::command::args;
use crate::command::live::{
    Caller, Exit, LiveProtocol, LiveRun, PeerEvent, Pipes, Prepared, Reasons, RunFlags, RunVerdict,
    Stream,
};
use crate::error::Result;
use crate::process::PeerId;

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: synod local ready [HOSTSFILE] [-d 0,2,...] [options]

Run synod ready for every peer of the hostsfile on this machine, until all are ready. No peer may
become ready before all have been started.

flags:
  -h FILE            another way to name the hostsfile
  -d S,S,...         when each peer is started, in seconds, in the order of the file (0)
  --interval SECS    how long a peer waits before it asks a silent one again (2)
  --trace FILE       write the journals of all peers to FILE
  --draw FILE        draw the run; the extension selects the format: .txt .mmd .svg .html
  --timeout SECS     give up after this long (60)

example:
  synod local ready -d 0,1,2
",
    judge_help: "\
usage: synod judge ready -h HOSTSFILE [--timeout SECS]

Judge a run of synod ready elsewhere while it goes on, from its log on standard input, as synod
judge does for Paxos. It ends when all are ready.

flags:
  -h FILE            the hostsfile of those peers
  --timeout SECS     give up after this long (60)

example:
  docker compose logs -f | synod judge ready -h hostsfiles/hostsfile.txt
",
    prepare,
};

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let (mut delays, mut shared) = (Vec::new(), Vec::<OsString>::new());
    let flags = RunFlags::parse(caller, &["--trace", "--draw"], 60, parser, |name, parser| {
        match name {
            "-d" if caller == Caller::Local => delays = args::list(name, parser.value()?)?,
            "--interval" if caller == Caller::Local => {
                shared.extend([name.into(), args::period_text(name, parser.value()?)?]);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let hosts = flags.read_hosts()?;
    hosts.check_ports(DEFAULT_PORT)?;
    let peers: Vec<PeerId> = hosts.peers.iter().map(|peer| peer.id).collect();
    let starts = args::in_order("-d", &peers, delays)?;
    let args = peers.iter().map(|peer| (*peer, shared.clone())).collect();
    let run = Box::new(ReadyRun::new(peers.iter().map(|peer| peer.0)));
    let (pipes, alike, draw) = (Pipes::Two, None, Vec::new());
    let (line, has_prompt) = (None, false);
    Ok(Prepared { hosts, flags, args, line, starts, pipes, alike, draw, has_prompt, run })
}

/// Everybody is ready, and nobody was before everybody was there.
#[derive(Default)]
pub(crate) struct ReadyRun {
    all: BTreeSet<u16>,
    started: BTreeSet<u16>,
    ready: BTreeMap<u16, Duration>,
    reasons: Reasons,
}

impl ReadyRun {
    /// Of these peers.
    pub(crate) fn new(all: impl Iterator<Item = u16>) -> Self {
        Self { all: all.collect(), ..Self::default() }
    }

    /// Who is ready when, a line each.
    fn table(&self) -> String {
        let mut table = String::from("peer    ready after\n");
        for peer in &self.all {
            let name = format!("peer{peer}");
            let after = self.ready.get(peer);
            let after = after.map_or("-".into(), |time| format!("{:.3} s", time.as_secs_f64()));
            let _ = writeln!(table, "{name:<7} {after}"); // a String takes all
        }
        table
    }
}

impl LiveRun for ReadyRun {
    fn started(&mut self, peer: PeerId) {
        self.started.insert(peer.0);
    }

    fn line(&mut self, peer: PeerId, stream: Stream, after: Duration, text: &str) {
        // Where nobody says who was started, whoever speaks was, and so were all when the first is
        // ready: then only the lines themselves are judged.
        if self.started.is_empty() {
            self.started.clone_from(&self.all);
        }
        if stream == Stream::Out {
            return self.object(format!("{peer} prints on standard output: {text}"));
        }
        // Prose; with -d behind a time stamp.
        let name = peer.to_string();
        let is_debug = text.get(16..).is_some_and(|rest| rest.starts_with(&name));
        if text.starts_with(&format!("{name}: ")) || is_debug {
            return;
        }
        if text != "READY" {
            self.object(format!("{peer} printed a line of another form: {text}"));
        } else if self.started != self.all {
            self.object(format!("{peer} is ready before all have been started"));
        } else if self.ready.insert(peer.0, after).is_some() {
            self.object(format!("{peer} says READY twice"));
        }
    }

    fn fault(&mut self, fault: PeerEvent) {
        if let PeerEvent::Started(peer) = fault {
            self.started(peer);
        }
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        if !(exit.is_success() && self.ready.contains_key(&peer.0)) {
            self.object(format!("{peer} ended too early: {exit}"));
        }
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn reached(&self) -> bool {
        self.all.len() == self.ready.len()
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        RunVerdict {
            table: self.table(),
            reasons: self.reasons.list().to_vec(),
            shown: format!("{} peers, and all are ready", self.all.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PeerId = PeerId(1);
    const TWO: PeerId = PeerId(2);

    fn says(run: &mut ReadyRun, peer: PeerId, text: &str) {
        run.line(peer, Stream::Err, Duration::ZERO, text);
    }

    fn start_all(run: &mut ReadyRun) {
        run.started(ONE);
        run.fault(PeerEvent::Started(TWO));
    }

    fn end(run: &mut ReadyRun, code: i32) {
        run.ended(ONE, &Exit { code: Some(code), text: format!("exit code {code}") });
    }

    #[test]
    fn a_run_fails_for_what_a_peer_must_not_do_and_for_nothing_else() {
        type Case = (fn(&mut ReadyRun), &'static [&'static str]);
        let cases: [Case; 9] = [
            (
                |run| {
                    start_all(run);
                    says(run, ONE, "peer1: listens on port 3000");
                    says(run, ONE, "        1.234567peer1 asks peer2");
                    says(run, ONE, "READY");
                    end(run, 0);
                },
                &[],
            ),
            (|run| says(run, ONE, "READY"), &[]), // nobody says who has been started
            (
                |run| {
                    run.started(ONE);
                    says(run, ONE, "READY");
                },
                &["peer1 is ready before all have been started"],
            ),
            (
                |run| {
                    start_all(run);
                    says(run, ONE, "READY");
                    says(run, ONE, "READY");
                },
                &["peer1 says READY twice"],
            ),
            (|run| says(run, ONE, "ready"), &["peer1 printed a line of another form: ready"]),
            (
                |run| run.line(ONE, Stream::Out, Duration::ZERO, "READY"),
                &["peer1 prints on standard output: READY"],
            ),
            (|run| end(run, 0), &["peer1 ended too early: exit code 0"]),
            (
                |run| {
                    says(run, ONE, "READY");
                    end(run, 2);
                },
                &["peer1 ended too early: exit code 2"],
            ),
            (|run| run.object("a reason".into()), &["a reason"]),
        ];
        for (happens, reasons) in cases {
            let mut run = ReadyRun::new(1..=2);
            happens(&mut run);
            assert_eq!(run.verdict().reasons, reasons);
            assert_eq!(run.failed(), !reasons.is_empty(), "{reasons:?}");
            assert!(!run.reached(), "peer2 is not ready");
        }
    }
}
