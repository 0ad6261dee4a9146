//! What a peer says to people, on standard error.
//!
//! Trouble is printed always: who is missing, what was refused or lost, what the disk did. The
//! story of a run in which nothing is wrong is printed where somebody watches, on a terminal, or
//! where it is asked for with `--verbose`; so a log of peers in containers has the lines of the lab
//! and nothing else.
//!
//! Each protocol sorts what it reports. Of the rest, story is: that a
//! peer sleeps first, listens, keeps its state in memory only, or is connected after it was
//! missing, and that a proposer's own round has found the choice. The lines that the lab has on
//! standard error (`READY`, the views of a group) are data and not sorted.

use std::io::{self, IsTerminal as _};

use super::printer::Printer;
use crate::node::Level;
use crate::process::PeerId;

/// The prose of one peer.
#[derive(Clone)]
pub struct Prose {
    me: PeerId,
    printer: Printer,
    tells_story: bool,
}

impl Prose {
    /// Prose of `me` for standard error, which `printer` writes.
    pub fn new(me: PeerId, printer: Printer, verbose: bool) -> Self {
        Self { me, printer, tells_story: verbose || io::stderr().is_terminal() }
    }

    /// Where it is printed.
    pub fn printer(&self) -> &Printer {
        &self.printer
    }

    /// This text as a line, if it is one to print.
    pub fn line(&self, level: Level, text: &str) -> Option<String> {
        let prints = self.tells_story || level == Level::Trouble;
        prints.then(|| format!("{}: {text}\n", self.me))
    }

    /// Prints a line.
    pub fn say(&self, level: Level, text: &str) {
        if let Some(line) = self.line(level, text) {
            self.printer.print(line.as_bytes());
        }
    }
}
