//! Standard output, standard error and journals on pipes, each written by a thread of its own.
//!
//! A peer votes whether or not anybody reads what it writes. So whoever has lines leaves them here
//! and goes on; a full pipe holds up only this thread, and a closed one ends it.
//!
//! At most `LIMIT` bytes wait. Lines beyond are dropped and counted, and so are all that follow
//! until the thread takes what waits: a gap is in one place, and it is told once ([`Trouble`]).
//!
//! A piece that is written is whole lines of `ATOMIC` bytes at most, so that programs which share
//! a pipe do not tear each other's lines.
//!
//! Standard output and standard error have a thread each, so that a full one does not stall the
//! other; the order between their lines is lost. Where both are one file, such as a terminal, they
//! are full together and their reader sees the order: there one thread writes both.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::PeerId;

/// How many bytes wait for a reader that does not read; lines beyond are dropped and counted.
const LIMIT: usize = 4 << 20;
/// Up to this size a pipe takes a write in one piece (`PIPE_BUF` on Linux).
const ATOMIC: usize = 4096;

/// Takes lines and never blocks.
#[derive(Clone)]
pub struct Printer(Arc<Shared>);

/// What the writing thread has to tell.
pub enum Trouble {
    /// This many lines were dropped behind those that are written by now.
    Lost(u64),
    /// Nothing more is written: the disk is full, or the like.
    Failed(io::Error),
}

struct Shared {
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: Vec<u8>,
    /// How many bytes the thread has taken from the queue and not written yet.
    writing: usize,
    closed: bool,
    dropped: u64,
}

impl State {
    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.writing == 0 && self.dropped == 0
    }
}

const UNPOISONED: &str = "no thread panics while it holds the lock";

impl Printer {
    /// Standard error of this peer. What got lost of it is told there.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn of_words(me: PeerId) -> io::Result<Self> {
        Self::new(io::stderr(), move |trouble| match trouble {
            Trouble::Lost(count) => lost(me, count, "standard error"),
            // If this is the stream that failed, nobody can be told.
            Trouble::Failed(_) => String::new(),
        })
    }

    /// Standard output and standard error of this peer. They are one printer if they are one file.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn of_both(me: PeerId) -> io::Result<(Self, Self)> {
        if is_one_file(&io::stdout(), &io::stderr()) {
            let both = Self::new(io::stdout(), move |trouble| match trouble {
                Trouble::Lost(count) => lost(me, count, "standard output and standard error"),
                Trouble::Failed(_) => String::new(),
            })?;
            return Ok((both.clone(), both));
        }
        let err = Self::of_words(me)?;
        let words = err.clone();
        // Every line of standard output is data: what happens to it is told beside it.
        let out = Self::new(io::stdout(), move |trouble| {
            let text = match trouble {
                Trouble::Lost(count) => lost(me, count, "standard output"),
                Trouble::Failed(error) => format!("{me}: nothing more is printed: {error}\n"),
            };
            words.print(text.as_bytes());
            String::new()
        })?;
        Ok((out, err))
    }

    /// True if what is printed with either comes in the order of the calls.
    pub fn is_one_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Starts the thread that writes to `sink`. What `tell` makes of a loss is written in its
    /// place; `tell` must not block.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(
        sink: impl Write + Send + 'static,
        tell: impl FnMut(Trouble) -> String + Send + 'static,
    ) -> io::Result<Self> {
        Self::with_limit(LIMIT, sink, tell)
    }

    fn with_limit(
        limit: usize,
        sink: impl Write + Send + 'static,
        tell: impl FnMut(Trouble) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let printer = Self(Arc::new(Shared { limit, state, changed }));
        let writer = printer.clone();
        let body = move || writer.write_to(sink, tell);
        thread::Builder::new().name("printer".into()).stack_size(64 * 1024).spawn(body)?;
        Ok(printer)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect(UNPOISONED)
    }

    /// Queues these lines, each with its newline.
    pub fn print(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.lock();
        if state.closed {
            return;
        }
        // Behind a gap nothing is taken until the gap itself is, so that it has one place.
        let waiting = state.queue.len() + state.writing;
        if state.dropped > 0 || waiting + lines.len() > self.0.limit {
            state.dropped += lines.split(|byte| *byte == b'\n').count() as u64 - 1;
        } else {
            state.queue.extend_from_slice(lines);
        }
        self.0.changed.notify_all();
    }

    /// Waits until all is written, for a moment at most.
    pub fn finish(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut state = self.lock();
        while !state.is_idle() && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        }
    }

    fn write_to(&self, mut sink: impl Write, mut tell: impl FnMut(Trouble) -> String) {
        let mut state = self.lock();
        loop {
            while state.is_idle() {
                state = self.0.changed.wait(state).expect(UNPOISONED);
            }
            // The capacity goes with it: what one burst took is not kept for ever.
            let batch = std::mem::take(&mut state.queue);
            let lost = std::mem::take(&mut state.dropped);
            state.writing = batch.len();
            drop(state);
            let mut written = write_lines(&mut sink, &batch);
            if lost > 0 && written.is_ok() {
                let notice = tell(Trouble::Lost(lost));
                written = write_lines(&mut sink, notice.as_bytes());
            }
            if let Err(error) = written {
                // Whoever read has gone, or the disk is full: stop printing, go on voting.
                let mut state = self.lock();
                state.closed = true;
                state.queue = Vec::new();
                self.0.changed.notify_all();
                drop(state);
                if error.kind() != io::ErrorKind::BrokenPipe {
                    tell(Trouble::Failed(error));
                }
                return;
            }
            state = self.lock();
            state.writing = 0;
            self.0.changed.notify_all();
        }
    }
}

/// True if both streams are one terminal, one pipe or one file. Where the system does not say, each
/// is written by itself.
fn is_one_file(one: &impl AsFd, other: &impl AsFd) -> bool {
    let file = |stream: &dyn AsFd| -> io::Result<(u64, u64)> {
        let found = File::from(stream.as_fd().try_clone_to_owned()?).metadata()?;
        Ok((found.dev(), found.ino()))
    };
    matches!((file(one), file(other)), (Ok(one), Ok(other)) if one == other)
}

/// The line of a gap for people.
pub fn lost(me: PeerId, count: u64, stream: &str) -> String {
    format!("{me}: {count} lines of {stream} were lost: nobody read them in time\n")
}

/// Writes whole lines, in pieces that a pipe takes as one. A line that is longer is torn.
fn write_lines(sink: &mut impl Write, mut lines: &[u8]) -> io::Result<()> {
    while !lines.is_empty() {
        let most = lines.len().min(ATOMIC);
        let end = |lines: &[u8]| lines.iter().rposition(|byte| *byte == b'\n');
        let length = end(&lines[..most]).map_or(most, |newline| newline + 1);
        let (piece, rest) = lines.split_at(length);
        sink.write_all(piece)?;
        sink.flush()?;
        lines = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes nothing until it is told to, as a full pipe.
    struct Stalled {
        go_on: Receiver<()>,
        open: bool,
        pieces: Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Whoever holds the other end lets go of it to open the pipe.
            self.open = self.open || self.go_on.recv().is_err();
            self.pieces.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stalled(limit: usize) -> (Printer, Sender<()>, Receiver<Vec<u8>>) {
        let (release, go_on) = channel();
        let (pieces, written) = channel();
        let sink = Stalled { go_on, open: false, pieces };
        let printer = Printer::with_limit(limit, sink, |trouble| match trouble {
            Trouble::Lost(count) => format!("lost {count}\n"),
            Trouble::Failed(_) => String::new(),
        });
        (printer.expect("a thread"), release, written)
    }

    /// Waits until the thread stands in a write of what was printed so far.
    fn until_it_writes(printer: &Printer) {
        let mut state = printer.lock();
        while state.writing == 0 {
            state = printer.0.changed.wait_timeout(state, Duration::from_millis(1)).unwrap().0;
        }
    }

    #[test]
    fn beyond_the_bound_lines_are_dropped_and_the_gap_is_told_once_in_its_place() {
        let (printer, release, written) = stalled(90);
        printer.print(b"first\n");
        until_it_writes(&printer);
        for _ in 0..1_000 {
            printer.print(b"0123456789\n0123456789\n");
            let state = printer.lock();
            assert!(state.queue.len() + state.writing <= 90, "what waits has a bound");
        }
        // Short enough to fit, and yet behind the gap.
        printer.print(b"x\n");
        drop(release);
        printer.finish();
        printer.print(b"last\n");
        printer.finish();
        let all: Vec<u8> = written.try_iter().flatten().collect();
        let text = String::from_utf8(all).expect("UTF-8");
        // Beside the first line there is room for three times two lines, and none for a fourth.
        let want = format!("first\n{}lost 1995\nlast\n", "0123456789\n".repeat(6));
        assert_eq!(text, want);
    }

    #[test]
    fn what_shares_a_pipe_is_written_in_whole_lines_that_a_pipe_does_not_cut() {
        let (printer, release, written) = stalled(1 << 20);
        let line = |n: usize| format!("{n}: {}\n", "x".repeat(n % 90));
        let lines = (0..5_000).map(line).collect::<Vec<_>>().concat();
        printer.print(b"first\n");
        until_it_writes(&printer);
        printer.print(lines.as_bytes());
        drop(release);
        printer.finish();
        let pieces: Vec<Vec<u8>> = written.try_iter().collect();
        assert!(pieces.iter().all(|piece| piece.len() <= ATOMIC && piece.ends_with(b"\n")));
        assert_eq!(String::from_utf8(pieces.concat()).expect("UTF-8"), format!("first\n{lines}"));
    }

    #[test]
    fn a_sink_that_fails_takes_nothing_more() {
        let (printer, _, written) = stalled(100);
        drop(written);
        printer.print(b"first\n");
        printer.finish();
        let state = printer.lock();
        assert!(state.closed && state.queue.is_empty());
    }
}
