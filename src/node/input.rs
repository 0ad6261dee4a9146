//! Standard input, or any other text, as a source of events: each line is one input.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

use super::Node;
use super::frame::MAX_LINE;
use super::log::plain;
use super::sync::spawn;
use crate::error::Result;
use crate::process::Process;

impl<P: Process + Send + 'static> Node<P> {
    /// Starts a thread that feeds each line of `source` to the process, as `parse` understands it.
    /// Of a line that it does not understand people are told why; it changes nothing. When the
    /// source ends or cannot be read, `end` chooses what is fed last, if anything.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn read_inputs(
        self: &Arc<Self>,
        source: impl Read + Send + 'static,
        mut parse: impl FnMut(&str) -> std::result::Result<P::Input, String> + Send + 'static,
        end: impl FnOnce() -> Option<P::Input> + Send + 'static,
    ) -> Result<()> {
        let node = Arc::clone(self);
        spawn("input", move || {
            let (mut source, mut line) = (BufReader::new(source), Vec::new());
            loop {
                line.clear();
                let read = source.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
                if read.unwrap_or(0) == 0 {
                    break;
                }
                if line.pop_if(|last| *last == b'\n').is_none() && line.len() > MAX_LINE {
                    // What is left of it is not held.
                    let _ = source.skip_until(b'\n');
                    node.say(&format!("a line of more than {MAX_LINE} bytes is no input"));
                    continue;
                }
                line.pop_if(|last| *last == b'\r');
                match parse(&String::from_utf8_lossy(&line)) {
                    Ok(input) => node.input(input),
                    Err(why) => node.say(&plain(&why)),
                }
            }
            if let Some(input) = end() {
                node.input(input);
            }
        })
    }
}
