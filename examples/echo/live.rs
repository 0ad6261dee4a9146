//! A run that is judged while it goes on: for `local` and `judge`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use lexopt::Parser;
use synod::command::args;
use synod::command::live::{
    Caller, Exit, LiveProtocol, LiveRun, Pipes, Prepared, Reasons, RunFlags, RunVerdict, Stream,
};
use synod::error::Result;
use synod::process::PeerId;
use synod::trace::journal::{JournalAction, JournalLine};

use super::command::{DEFAULT_PORT, GOAL};
use super::lines::{DONE, counted};

pub(crate) const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: echo local [HOSTSFILE] [--goal N] [options]

Run every peer of the hostsfile on this machine, until all have counted to the goal.

flags:
  --goal N           up to which number (3)
  --data DIR         keep the counts and ports in DIR
  --trace FILE       write the journals of all peers to FILE
  --draw FILE        draw the run; the extension selects the format: .txt .mmd .svg .html
  --timeout SECS     give up after this long (30)

example:
  echo local examples/echo/hosts.txt --goal 5
",
    judge_help: "\
usage: echo judge -h HOSTSFILE [--goal N] [--timeout SECS]

Judge a run elsewhere while it goes on, from its log on standard input.

flags:
  -h FILE            the hostsfile of those peers
  --goal N           up to which number (3)
  --timeout SECS     give up after this long (30)

example:
  docker compose logs -f | echo judge -h examples/echo/hosts.txt
",
    prepare,
};

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let mut goal = GOAL;
    let files = &["--data", "--trace", "--draw"];
    let flags = RunFlags::parse(caller, files, 30, parser, |name, parser| {
        let is_mine = name == "--goal";
        if is_mine {
            goal = args::number(name, parser.value()?)?;
        }
        Ok(is_mine)
    })?;
    let hosts = flags.read_hosts()?;
    hosts.check_ports(DEFAULT_PORT)?;
    let own = vec!["--goal".into(), goal.to_string().into()];
    let args = hosts.peers.iter().map(|peer| (peer.id, own.clone())).collect();
    let counts = hosts.peers.iter().map(|peer| (peer.id, Progress::default())).collect();
    let run = Box::new(EchoRun { goal: goal.into(), counts, reasons: Reasons::default() });
    let (starts, pipes, alike, draw) = (BTreeMap::new(), Pipes::Two, None, Vec::new());
    let (line, has_prompt) = (None, false);
    Ok(Prepared { hosts, flags, args, line, starts, pipes, alike, draw, has_prompt, run })
}

/// How far a peer has come.
#[derive(Default)]
struct Progress {
    /// The last number that it counted in this run.
    count: Option<u64>,
    is_done: bool,
}

/// Everybody counts to the goal.
struct EchoRun {
    goal: u64,
    counts: BTreeMap<PeerId, Progress>,
    reasons: Reasons,
}

impl LiveRun for EchoRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        if stream == Stream::Err {
            return;
        }
        match serde_json::from_str::<JournalLine>(text) {
            Ok(line) if line.action == JournalAction::Noted => {
                let Some(progress) = self.counts.get_mut(&peer) else { return };
                progress.is_done |= line.text == DONE;
                progress.count = counted(&line.text).or(progress.count);
            }
            Ok(_) => {}
            Err(_) if stream == Stream::Mixed => {}
            Err(_) => self.object(format!("{peer} printed a line of another form: {text}")),
        }
    }

    fn ended(&mut self, peer: PeerId, exit: &Exit) {
        self.object(format!("{peer} ended: {exit}"));
    }

    fn object(&mut self, reason: String) {
        self.reasons.add(reason);
    }

    fn reached(&self) -> bool {
        self.counts.values().all(|progress| progress.is_done)
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let mut table = String::from("peer    counted\n");
        for (peer, progress) in &self.counts {
            // Whoever was done before has nothing to count.
            let count = progress.count.map_or("-".into(), |count| count.to_string());
            let _ = writeln!(table, "{:<7} {count}", peer.to_string()); // a String takes all
        }
        let reasons = self.reasons.list().to_vec();
        let shown = format!("{} peers have counted to {}", self.counts.len(), self.goal);
        RunVerdict { table, reasons, shown }
    }
}
