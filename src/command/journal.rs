//! Where a peer's journal goes.
//!
//! What a killed peer sent must stand in its journal, so the journal is written before the frames
//! leave. Into a regular file that is a copy into the page cache: it is written on the spot, and a
//! `kill -9` takes nothing back.
//!
//! Everything else (a pipe, a terminal) can stall for as long as nobody reads, and a peer votes
//! whether or not anybody reads. So there the lines go through a [`Printer`]: the run goes on, what
//! waits has a bound, and a gap is a line of its own that counts what is missing. A kill then costs
//! whatever waits. The first line of each incarnation says `queued`, so that nobody takes the end
//! of such a journal, or its gaps, for proof that something was not sent.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::printer::{Printer, Trouble, lost};
use crate::error::{Doing, Result};
use crate::process::PeerId;

/// An open journal.
pub struct Journal {
    me: PeerId,
    sink: Sink,
    /// Standard error, for what happens to the journal.
    words: Printer,
}

/// Makes the line that stands for this many lost ones.
type Gap = fn(PeerId, u64) -> String;

enum Sink {
    /// A regular file.
    File(File),
    /// Anything else.
    Queue(Printer),
    /// Writing failed.
    Closed,
}

impl Journal {
    /// Opens the journal of `me` at this path, to write at its end. `gap` makes the line, with its
    /// newline, that stands for this many lost ones.
    ///
    /// # Errors
    /// The file cannot be opened, or the system gives no more threads.
    pub fn open(me: PeerId, path: &Path, words: Printer, gap: Gap) -> Result<Self> {
        let sink = open_sink(me, path, &words, gap);
        let sink = sink.doing(|| format!("trace file {}", path.display()))?;
        Ok(Self { me, sink, words })
    }

    /// True if a kill costs what waits.
    pub fn is_queued(&self) -> bool {
        matches!(self.sink, Sink::Queue(_))
    }

    /// Writes these lines, each with its newline.
    pub fn write(&mut self, lines: &[u8]) {
        let error = match &mut self.sink {
            // One write, so that peers that share a file do not tear each other's lines.
            Sink::File(file) => file.write_all(lines).err(),
            Sink::Queue(queue) => {
                queue.print(lines);
                None
            }
            Sink::Closed => None,
        };
        if let Some(error) = error {
            self.sink = Sink::Closed;
            self.words.print(ends_here(self.me, &error).as_bytes());
        }
    }

    /// What a peer that ends in order waits for.
    pub fn queue(&self) -> Option<Printer> {
        match &self.sink {
            Sink::Queue(queue) => Some(queue.clone()),
            Sink::File(_) | Sink::Closed => None,
        }
    }
}

/// An incarnation that was killed in the middle of a write leaves half a line; the next one begins
/// on a line of its own.
fn open_sink(me: PeerId, path: &Path, words: &Printer, gap: Gap) -> io::Result<Sink> {
    // Opened to read as well, a pipe needs no reader yet.
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if !file.metadata()?.is_file() {
        let words = words.clone();
        let tell = move |trouble| match trouble {
            Trouble::Lost(count) => {
                words.print(lost(me, count, "the trace file").as_bytes());
                gap(me, count)
            }
            Trouble::Failed(error) => {
                words.print(ends_here(me, &error).as_bytes());
                String::new()
            }
        };
        return Printer::new(file, tell).map(Sink::Queue);
    }
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(Sink::File(file))
}

fn ends_here(me: PeerId, error: &io::Error) -> String {
    format!("{me}: the trace file ends here: {error}\n")
}
