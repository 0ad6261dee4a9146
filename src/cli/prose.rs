//! What a peer says to people, on standard error.
//!
//! Trouble is printed always: who is missing, what was refused or lost, what the disk did. The
//! story of a run in which nothing is wrong is printed where somebody watches, on a terminal, or
//! where it is asked for with `--verbose`; so a log of peers in containers has the lines of the lab
//! and nothing else.
//!
//! [`of_paxos`] and [`of_member`] sort what the protocols report. Of the rest, story is: that a
//! peer sleeps first, listens, keeps its state in memory only, or is connected after it was
//! missing, and that a proposer's own round has found the choice. The lines that the lab has on
//! standard error (`READY`, the views of a group) are data and not sorted.

use std::io::{self, IsTerminal as _};

use super::printer::Printer;
use crate::node::Level;
use crate::process::PeerId;
use crate::{member, paxos};

/// The prose of one peer.
#[derive(Clone)]
pub(super) struct Prose {
    me: PeerId,
    printer: Printer,
    tells_story: bool,
}

impl Prose {
    /// Prose of `me` for standard error, which `printer` writes.
    pub(super) fn new(me: PeerId, printer: Printer, verbose: bool) -> Self {
        Self { me, printer, tells_story: verbose || io::stderr().is_terminal() }
    }

    /// Where it is printed.
    pub(super) fn printer(&self) -> &Printer {
        &self.printer
    }

    /// This text as a line, if it is one to print.
    pub(super) fn line(&self, level: Level, text: &str) -> Option<String> {
        let prints = self.tells_story || level == Level::Trouble;
        prints.then(|| format!("{}: {text}\n", self.me))
    }

    /// Prints a line.
    pub(super) fn say(&self, level: Level, text: &str) {
        if let Some(line) = self.line(level, text) {
            self.printer.print(line.as_bytes());
        }
    }
}

/// What a peer of Paxos reports.
pub(super) fn of_paxos(fact: &paxos::Fact) -> Level {
    use paxos::Fact;
    match fact {
        Fact::Proposing { .. } | Fact::Adopted { .. } | Fact::Chose { .. } => Level::Story,
        Fact::Waiting { .. }
        | Fact::Refused { .. }
        | Fact::TimedOut { .. }
        | Fact::Disbelieved { .. }
        | Fact::Contradiction { .. }
        | Fact::Exhausted => Level::Trouble,
    }
}

/// What a member reports.
pub(super) fn of_member(fact: &member::Fact) -> Level {
    use member::Fact;
    match fact {
        // Who left was asked to. The other three have lines of the lab.
        Fact::Installed(_) | Fact::Resumed(_) | Fact::Crashing(_) | Fact::Left { .. } => {
            Level::Story
        }
        // The first has a line of the lab.
        Fact::Unreachable { .. }
        | Fact::NoMajority { .. }
        | Fact::Removed { .. }
        | Fact::Waiting
        | Fact::LastId { .. } => Level::Trouble,
    }
}
