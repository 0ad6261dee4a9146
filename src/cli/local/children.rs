//! Child processes that never outlive their parent.
//!
//! A child holds the reading end of a pipe as its standard input and ends when that ends. So
//! whichever way the parent goes (done, Ctrl-C, `kill -9`), the system closes the pipe and the
//! children follow. On the ordinary way out they are killed: the program is crash-only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::command::spawn;
use crate::error::{Doing, Result};
use crate::process::PeerId;

/// Something that a child did.
pub(super) enum News {
    /// A line on standard output.
    Printed(PeerId, String),
    /// A line on standard error.
    Said(PeerId, String),
    /// It ended, which no peer does by itself.
    Ended(PeerId, How),
}

impl News {
    /// What a peer of Paxos has printed on one of its two streams: what people read begins with a
    /// name, and all else is judged.
    fn of_either(peer: PeerId, line: String) -> Self {
        let name = format!("{peer}: ");
        let is_prose =
            [name.as_str(), "synod: ", "try: "].iter().any(|name| line.starts_with(name));
        if is_prose { Self::Said(peer, line) } else { Self::Printed(peer, line) }
    }
}

/// Over what a child's two streams come.
#[derive(Clone, Copy)]
pub(super) enum Pipes {
    /// One pipe, so that the lines come in their order. For a peer of Paxos.
    One,
    /// A pipe each.
    Two,
}

/// How a child ended.
pub(super) struct How(Option<ExitStatus>);

impl How {
    /// With exit code 0.
    pub(super) fn is_well(&self) -> bool {
        self.0.is_some_and(|status| status.success())
    }

    /// With exit code 2: a flag, a file or the machine was at fault.
    pub(super) fn is_machines_fault(&self) -> bool {
        self.0.and_then(|status| status.code()) == Some(2)
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => status.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// The children, and what comes from them.
pub(super) struct Children {
    program: PathBuf,
    running: BTreeMap<PeerId, Child>,
    sender: Sender<News>,
    receiver: Receiver<News>,
    /// How many pipes come from a child.
    open: BTreeMap<PeerId, u8>,
}

impl Children {
    pub(super) fn new() -> Result<Self> {
        let program = std::env::current_exe().doing(|| "finding this program".into())?;
        let (sender, receiver) = channel();
        let (running, open) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { program, running, sender, receiver, open })
    }

    /// Starts a peer with these arguments.
    pub(super) fn start(&mut self, peer: PeerId, args: Vec<OsString>, pipes: Pipes) -> Result<()> {
        let what = || format!("starting {peer}");
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut both = None;
        if let Pipes::One = pipes {
            let (reader, writer) = io::pipe().doing(what)?;
            command.stdout(writer.try_clone().doing(what)?).stderr(writer);
            both = Some(reader);
        }
        let mut child = command.spawn().doing(what)?;
        // It holds the pipe's writing end, too.
        drop(command);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // The writing end of its standard input stays in `child`, open and unused. It is kept
        // before anything else can fail, so that it is killed in any case.
        self.running.insert(peer, child);
        if let Some(both) = both {
            self.read(peer, both, News::of_either)?;
        }
        if let Some(out) = out {
            self.read(peer, out, News::Printed)?;
        }
        if let Some(err) = err {
            self.read(peer, err, News::Said)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        peer: PeerId,
        stream: impl Read + Send + 'static,
        wrap: fn(PeerId, String) -> News,
    ) -> Result<()> {
        let sender = self.sender.clone();
        *self.open.entry(peer).or_default() += 1;
        spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
                line.clear();
                if sender.send(wrap(peer, text)).is_err() {
                    return;
                }
            }
            let _ = sender.send(News::Ended(peer, How(None)));
        })
    }

    /// The next news; `None` if there is none within `timeout`.
    pub(super) fn news(&mut self, timeout: Duration) -> Option<News> {
        loop {
            let news = self.receiver.recv_timeout(timeout).ok()?;
            let News::Ended(peer, _) = news else { return Some(news) };
            // All its lines have come when its pipes have ended.
            let open = self.open.entry(peer).or_default();
            *open = open.saturating_sub(1);
            if *open > 0 {
                continue;
            }
            let status = self.running.get_mut(&peer).and_then(|child| child.wait().ok());
            return Some(News::Ended(peer, How(status)));
        }
    }

    /// True if all that this peer will ever print has come.
    pub(super) fn ended(&self, peer: PeerId) -> bool {
        self.open.get(&peer) == Some(&0)
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
        }
        for child in self.running.values_mut() {
            let _ = child.wait();
        }
    }
}
