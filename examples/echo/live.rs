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

use super::command::{DEFAULT_PORT, GOAL};
use super::lines::{Action, EchoLine};

pub const LIVE: LiveProtocol = LiveProtocol {
    local_help: "\
usage: echo local [HOSTSFILE] [--goal N] [--timeout SECS]

Exit 0 if every peer counts to the goal.
",
    judge_help: "\
usage: ... | echo judge -h HOSTSFILE [--goal N] [--timeout SECS]
",
    prepare,
};

fn prepare(caller: Caller, parser: Parser) -> Result<Prepared> {
    let mut goal = GOAL;
    let flags = RunFlags::parse(caller, &[], 30, parser, |name, parser| {
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
    let counts = hosts.peers.iter().map(|peer| (peer.id, 0)).collect();
    let run = Box::new(EchoRun { goal: goal.into(), counts, reasons: Reasons::default() });
    let (starts, pipes, alike, draw) = (BTreeMap::new(), Pipes::Two, None, Vec::new());
    Ok(Prepared { hosts, flags, args, starts, pipes, alike, draw, run })
}

/// Everybody counts to the goal.
struct EchoRun {
    goal: u64,
    counts: BTreeMap<PeerId, u64>,
    reasons: Reasons,
}

impl LiveRun for EchoRun {
    fn line(&mut self, peer: PeerId, stream: Stream, _after: Duration, text: &str) {
        if stream == Stream::Err {
            return;
        }
        match serde_json::from_str(text) {
            Ok(EchoLine { action: Action::Counted(number), .. }) => {
                self.counts.insert(peer, number);
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
        self.counts.values().all(|count| *count == self.goal)
    }

    fn failed(&self) -> bool {
        !self.reasons.list().is_empty()
    }

    fn verdict(&self) -> RunVerdict {
        let mut table = String::from("peer    counted\n");
        for (peer, count) in &self.counts {
            let _ = writeln!(table, "{:<7} {count}", peer.to_string()); // a String takes all
        }
        let reasons = self.reasons.list().to_vec();
        let shown = format!("{} peers have counted to {}", self.counts.len(), self.goal);
        RunVerdict { table, reasons, shown }
    }
}
