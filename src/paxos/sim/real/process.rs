//! A process of a replay, from outside.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::peer::PeerOrder;
use crate::command::spawn;
use crate::error::{Doing, Error, Result};
use crate::process::PeerId;
use crate::sim::gated::StepProperties;
use crate::sim::harness::RealReplay;

/// How long a process may take for one event: far longer than it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process; killed with the value.
pub(super) struct Running {
    peer: PeerId,
    child: Child,
    orders: ChildStdin,
    said: Receiver<String>,
    /// Where it listens.
    pub(super) port: u16,
    linked: BTreeSet<PeerId>,
}

impl Running {
    /// Starts a process of this program as this peer, which reaches the others at these ports.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(
        replay: &RealReplay,
        peer: PeerId,
        ports: &[u16],
        data: &Path,
        journal: &Path,
        first: StepProperties,
    ) -> Result<Self> {
        let what = || format!("starting {peer}");
        let program = std::env::current_exe().doing(|| "finding this program".into())?;
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let mut words: Vec<OsString> = vec!["replay".into(), replay.file.clone().into()];
        words.extend(["--real".into(), "--as".into(), peer.0.to_string().into()]);
        words.extend(["--ports".into(), ports.join(",").into()]);
        words.extend(["--data".into(), data.into(), "--trace".into(), journal.into()]);
        words.extend(replay.without_bug.then(|| "--without-bug".into()));
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().doing(what)?;
        let (orders, out) = (child.stdin.take(), child.stdout.take());
        let (orders, out) = orders.zip(out).expect("both are pipes");
        let (sender, said) = channel();
        let reading = spawn(move || {
            let lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
            let _ = lines.into_iter().try_for_each(|line| sender.send(line));
        });
        let linked = BTreeSet::new();
        let mut running = Self { peer, child, orders, said, port: 0, linked };
        reading?;
        running.write(&first)?;
        running.port = running.until("listening")?.parse().unwrap_or(0);
        Ok(running)
    }

    fn write(&mut self, what: &impl serde::Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(what).expect("it serializes into memory");
        line.push(b'\n');
        self.orders.write_all(&line).doing(|| format!("telling {} what to do", self.peer))
    }

    /// Tells it what happens to it.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn order(&mut self, order: &PeerOrder) -> Result<()> {
        self.write(order)
    }

    /// Waits until an event is over; how many records it has written so far.
    ///
    /// # Errors
    /// It has ended, or takes too long.
    pub(super) fn done(&mut self) -> Result<u64> {
        Ok(self.until("done")?.parse().unwrap_or(0))
    }

    /// Waits until its links with this peer are up.
    ///
    /// # Errors
    /// It has ended, or takes too long.
    pub(super) fn linked_with(&mut self, other: PeerId) -> Result<()> {
        while !self.linked.contains(&other) {
            self.until("linked")?;
        }
        Ok(())
    }

    /// That peer is gone.
    pub(super) fn unlinked(&mut self, other: PeerId) {
        self.linked.remove(&other);
    }

    /// The rest of the next line that begins so.
    fn until(&mut self, word: &str) -> Result<String> {
        loop {
            let line = self.said.recv_timeout(PATIENCE).map_err(|_| {
                Error::Input(format!("{} ended, or does nothing any more", self.peer))
            })?;
            let (first, rest) = line.split_once(' ').unwrap_or((&line, ""));
            if first == "linked" {
                self.linked.extend(rest.parse().ok().map(PeerId));
            }
            if first == word {
                return Ok(rest.to_owned());
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
