//! Child processes that never outlive their parent.
//!
//! A child holds the reading end of a pipe as its standard input and ends when that ends. So
//! whichever way the parent goes (done, Ctrl-C, `kill -9`), the system closes the pipe and the
//! children follow. On the ordinary way out they are killed: the program is crash-only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::command::live::{Exit, Pipes, Stream};
use crate::command::spawn;
use crate::error::{Doing, Result};
use crate::process::PeerId;

/// Something that a child did.
pub(super) enum News {
    /// It printed a line.
    Line(PeerId, Stream, String),
    /// It ended.
    Ended(PeerId, Exit),
    /// A person has typed a line; none: there will be no more.
    Typed(Option<String>),
}

/// The stream on which a peer has printed a line that came over the pipe of both: what people read
/// begins with a name, and all else is data.
fn stream_of(peer: PeerId, line: &str) -> Stream {
    let name = format!("{peer}: ");
    let is_prose = [name.as_str(), "synod: ", "try: "].iter().any(|name| line.starts_with(name));
    if is_prose { Stream::Err } else { Stream::Out }
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
        // The writing end of its standard input stays open in `child`. It is kept
        // before anything else can fail, so that it is killed in any case.
        self.running.insert(peer, child);
        if let Some(both) = both {
            self.read(peer, both, Stream::Mixed)?;
        }
        if let Some(out) = out {
            self.read(peer, out, Stream::Out)?;
        }
        if let Some(err) = err {
            self.read(peer, err, Stream::Err)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        peer: PeerId,
        pipe: impl Read + Send + 'static,
        stream: Stream,
    ) -> Result<()> {
        let sender = self.sender.clone();
        *self.open.entry(peer).or_default() += 1;
        spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
                line.clear();
                let stream = match stream {
                    Stream::Mixed => stream_of(peer, &text),
                    Stream::Out | Stream::Err => stream,
                };
                if sender.send(News::Line(peer, stream, text)).is_err() {
                    return;
                }
            }
            let _ = sender.send(News::Ended(peer, Exit::of_code(None)));
        })
    }

    /// Hears what is typed on standard input, too.
    pub(super) fn hear_prompt(&self) -> Result<()> {
        let sender = self.sender.clone();
        spawn(move || {
            let mut lines = BufReader::new(io::stdin());
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
                line.clear();
                if sender.send(News::Typed(Some(text))).is_err() {
                    return;
                }
            }
            let _ = sender.send(News::Typed(None));
        })
    }

    /// Types a line on the standard input of a child. One that has ended hears nothing.
    pub(super) fn type_to(&mut self, peer: PeerId, line: &str) {
        let input = self.running.get_mut(&peer).and_then(|child| child.stdin.as_mut());
        if let Some(input) = input {
            let _ = input.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Kills a child.
    pub(super) fn kill(&mut self, peer: PeerId) {
        if let Some(child) = self.running.get_mut(&peer) {
            let _ = child.kill();
        }
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
            let exit = status.map_or_else(
                || Exit::of_code(None),
                |status| Exit { code: status.code(), text: status.to_string() },
            );
            return Some(News::Ended(peer, exit));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The program is this test itself, which lists its tests, or has no such flag.
    #[test]
    fn a_child_ends_once_when_all_its_lines_have_come() {
        for (pipes, flag, code) in [
            (Pipes::One, "--list", Some(0)),
            (Pipes::Two, "--list", Some(0)),
            (Pipes::Two, "--no-such-flag", Some(101)),
        ] {
            let mut children = Children::new().expect("this program");
            children.start(PeerId(1), vec![flag.into()], pipes).expect("it starts");
            let (mut lines, mut ends) = (0, Vec::new());
            // Once all have ended nobody sends any more, but the channel stays open.
            while let Some(news) =
                children.news(Duration::from_millis(if ends.is_empty() { 60_000 } else { 200 }))
            {
                match news {
                    News::Line(..) => {
                        assert!(ends.is_empty(), "no line comes behind the end");
                        lines += 1;
                    }
                    News::Ended(peer, exit) => ends.push((peer, exit.code)),
                    News::Typed(_) => unreachable!("nobody listens"),
                }
            }
            assert_eq!(ends, [(PeerId(1), code)], "{flag}");
            assert!(lines > 0, "{flag}");
        }
    }
}
