//! How a peer of a replicated file prints: lines for people, or JSON lines.

use crate::command::printer::Printer;
use crate::process::PeerId;
use crate::sync::event::SyncLog;
use crate::trace::journal::{JournalAction, JournalLine, Journalled as _};
use crate::visible::visible;

/// Prints on both streams.
#[derive(Clone)]
pub(in crate::sync) struct Voice {
    me: PeerId,
    /// The name of the file.
    name: String,
    json: bool,
    out: Printer,
    err: Printer,
}

impl Voice {
    pub(in crate::sync) fn new(
        me: PeerId,
        name: &str,
        json: bool,
        out: Printer,
        err: Printer,
    ) -> Self {
        Self { me, name: name.into(), json, out, err }
    }

    pub(in crate::sync) fn me(&self) -> PeerId {
        self.me
    }

    /// True if every message is a line.
    pub(in crate::sync) fn is_json(&self) -> bool {
        self.json
    }

    /// The name of the file.
    pub(in crate::sync) fn name(&self) -> &str {
        &self.name
    }

    /// A line of standard error.
    pub(in crate::sync) fn say(&self, text: &str) {
        self.err.print(format!("{}\n", visible(text)).as_bytes());
    }

    /// A line of the original, on standard output.
    pub(in crate::sync) fn print(&self, text: &str) {
        if !self.json {
            self.out.print(format!("{}\n", visible(text)).as_bytes());
        }
    }

    /// The line of `--json`.
    pub(in crate::sync) fn record(&self, line: impl FnOnce() -> JournalLine) {
        if self.json {
            self.out.print(line().json().as_bytes());
        }
    }

    pub(in crate::sync) fn note(&self, text: String) {
        let line = || JournalLine::started(SyncLog::NAME, self.me);
        self.record(|| JournalLine { action: JournalAction::Noted, text, ..line() });
    }

    pub(in crate::sync) fn listening(&self) {
        self.print("Listening for peers...");
        self.record(|| JournalLine::started(SyncLog::NAME, self.me));
    }

    /// What was here is a conflict copy of this name now.
    pub(in crate::sync) fn kept(&self, copy: &str) {
        let name = &self.name;
        self.say(&format!(
            "{name} was changed here and elsewhere at once: what was here is kept as {copy}"
        ));
        self.note(format!("kept as {copy}"));
    }
}
