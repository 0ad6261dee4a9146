//! Standard output and standard error, each written by a thread of its own.
//!
//! A peer votes whether or not anybody reads what it prints. So whoever has a line to print leaves
//! it here and goes on; a full pipe holds up only this thread, and a closed one ends it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes wait for a reader that does not read; lines beyond are dropped and counted.
const LIMIT: usize = 8 << 20;

/// Takes lines and never blocks.
#[derive(Clone)]
pub(super) struct Printer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: Vec<u8>,
    writing: bool,
    closed: bool,
    dropped: u64,
}

const UNPOISONED: &str = "no thread panics while it holds the lock";

impl Printer {
    /// Starts the thread that writes to `sink`.
    pub(super) fn new(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let printer = Self(Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() }));
        let writer = printer.clone();
        let body = move || writer.write_to(sink);
        thread::Builder::new().name("printer".into()).stack_size(64 * 1024).spawn(body)?;
        Ok(printer)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect(UNPOISONED)
    }

    /// Queues these lines, each with its newline.
    pub(super) fn print(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if state.queue.len() + lines.len() > LIMIT {
            state.dropped += lines.split(|byte| *byte == b'\n').count() as u64 - 1;
            return;
        }
        if state.dropped > 0 {
            let lost = format!("({} lines were lost here: nobody read them)\n", state.dropped);
            state.queue.extend_from_slice(lost.as_bytes());
            state.dropped = 0;
        }
        state.queue.extend_from_slice(lines);
        self.0.changed.notify_all();
    }

    /// Waits until all is written, for a moment at most.
    pub(super) fn finish(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut state = self.lock();
        while (!state.queue.is_empty() || state.writing) && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        }
    }

    fn write_to(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        let mut state = self.lock();
        loop {
            while state.queue.is_empty() {
                state = self.0.changed.wait(state).expect(UNPOISONED);
            }
            std::mem::swap(&mut batch, &mut state.queue);
            state.writing = true;
            drop(state);
            let written = sink.write_all(&batch).and_then(|()| sink.flush());
            batch.clear();
            state = self.lock();
            state.writing = false;
            // Whoever read has gone, or the disk is full: stop printing, go on voting.
            if let Err(error) = written {
                state.closed = true;
                state.queue = Vec::new();
                if error.kind() != io::ErrorKind::BrokenPipe {
                    // If this is the stream that failed, nobody can be told.
                    let text = format!("what is printed ends here: {error}\n");
                    let _ = io::stderr().write_all(text.as_bytes());
                }
            }
            self.0.changed.notify_all();
            if state.closed {
                return;
            }
        }
    }
}
