//! A run without an end, made line by line: two proposers beat each other for ever.

#![allow(dead_code)] // each user takes what it needs

use std::fmt::Write as _;
use std::io::{self, Read};

/// How the lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Exactly the lab's, as compose shows them.
    Compose,
    /// The same with blanks and words of its own.
    Dialect,
    /// This program's journal.
    Journal,
}

/// Gives out the lines of the duel, and never more than one number's at once.
pub(crate) struct Duel {
    look: Look,
    lines_left: u64,
    step: u64,
    ready: Vec<u8>,
    given: usize,
}

const ACCEPTORS: [u16; 3] = [2, 3, 4];

impl Duel {
    /// At most these many lines: it ends between two numbers.
    pub(crate) fn new(look: Look, lines: u64) -> Self {
        Self { look, lines_left: lines, step: 0, ready: Vec::new(), given: 0 }
    }

    /// The number of a step and whose it is, by `n = (round - 1) * 5 + id`.
    fn number(step: u64) -> (u64, u16, &'static str) {
        let (owner, value) = if step.is_multiple_of(2) { (1, "X") } else { (5, "Y") };
        (step / 2 * 5 + u64::from(owner), owner, value)
    }

    #[allow(clippy::too_many_arguments)] // the keys of a line
    fn line(&mut self, at: u16, id: u16, act: &str, value: &str, n: u64, to: u16, answers: u64) {
        let (action, kind) = act.split_once(' ').expect("an action and a type");
        self.lines_left = self.lines_left.saturating_sub(1);
        let mut line = format!(
            "{{\"peer_id\":{id},\"action\":\"{action}\",\"message_type\":\"{kind}\",\
             \"message_value\":\"{value}\",\"proposal_num\":{n}}}"
        );
        match self.look {
            Look::Compose => line.insert_str(0, &format!("peer{at}  | ")),
            Look::Dialect => {
                line = line.replace(':', ": ").replace("_ack", " ack");
                line.insert_str(0, &format!("peer{at}_1  | "));
            }
            Look::Journal => {
                line.pop();
                let _ = write!(line, ",\"at\":{at},\"to\":{to}");
                if answers > 0 {
                    let _ = write!(line, ",\"answers\":{answers}");
                }
                let _ = write!(line, ",\"time_us\":{}}}", self.lines_left);
            }
        }
        line.push('\n');
        self.ready.extend_from_slice(line.as_bytes());
    }

    /// A question to all, and their answers under the number that they have promised.
    fn ask(&mut self, kind: &str, step: u64, promised: u64) {
        let (n, owner, value) = Self::number(step);
        let (sent, received) = (format!("sent {kind}"), format!("received {kind}"));
        for a in ACCEPTORS {
            self.line(owner, owner, &sent, value, n, a, 0);
        }
        for a in ACCEPTORS {
            self.line(a, owner, &received, value, n, a, 0);
            self.line(a, a, &format!("{sent}_ack"), value, promised, owner, n);
            self.line(owner, a, &format!("{received}_ack"), value, promised, owner, n);
        }
    }
}

impl Read for Duel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            if self.lines_left >= 24 {
                let (promised, ..) = Self::number(self.step);
                self.ask("prepare", self.step, promised);
                if let Some(before) = self.step.checked_sub(1) {
                    self.ask("accept", before, promised);
                }
                self.step += 1;
            }
        }
        let ready = &self.ready[self.given..];
        let length = ready.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ready[..length]);
        self.given += length;
        Ok(length)
    }
}
