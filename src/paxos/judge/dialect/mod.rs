//! Reading the lines of a run of Paxos, by whatever program and in whatever company.
//!
//! The lab asks for one JSON object a line with five keys. Programs that solve it differ in more
//! ways than one would think: blanks, the order of keys, `prepare ack` for `prepare_ack`, a number
//! as text or as `round.id`, acks without a value, a value without quotation marks.
//! [`PaxosDialect`] takes all of that and says of each line
//!
//! * what it says: an [`Entry`];
//! * whose line it is and how that is known ([`Attribution`]);
//! * in what it differs from the lab's form ([`PaxosFault`]).
//!
//! **Whose line.** A judge needs the order of one peer's own lines, so it must know whose they
//! are. The journal says it (`at`); so does the name that compose puts in front; a `sent` line is
//! its sender's. A `received` line of the lab's form names only the sender of the message: who
//! printed it is known only if its file is one peer's. That, and whom a program means by
//! `peer_id` ([`PeerIdMeans`]), is found by a look at the head of each input
//! ([`Reader::inferred`] says what was concluded); where readings are left that differ, neither
//! the sender nor the printer of a line is known.

mod entry;
mod fault;
mod number;
mod sniff;
mod strict;
#[cfg(test)]
mod tests;

use crate::paxos::event::Action;
use crate::trace::fault::FaultSet;
use crate::trace::object::{ScanEnd, object};

pub use crate::trace::prefix::Names;
pub use crate::trace::reader::Content;
use crate::trace::reader::{Dialect, LogLine, LogReader, Object};
use crate::visible::visible_json;
pub use entry::{Attribution, Entry};
pub use fault::PaxosFault;
pub use number::Number;
pub use sniff::PeerIdMeans;
use sniff::{Conclusion, Ids, Sniff};

/// The lab's form, and what is near it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaxosDialect {
    /// What a person says that `peer_id` means.
    ids: Option<PeerIdMeans>,
    conclusion: Conclusion,
}

impl PaxosDialect {
    /// The dialect of a program that means this by `peer_id`, if that is known.
    pub fn with(ids: Option<PeerIdMeans>) -> Self {
        Self { ids, ..Self::default() }
    }
}

/// Reads lines of Paxos from one input.
pub type Reader<R> = LogReader<R, PaxosDialect>;

impl Dialect for PaxosDialect {
    type Entry<'a> = Entry<'a>;
    type Fault = PaxosFault;
    type Sniff = Sniff;
    const MOST_LINES: usize = 16;

    fn strict<'a>(bytes: &'a [u8], _faults: &mut FaultSet<PaxosFault>) -> Option<Entry<'a>> {
        strict::strict(bytes)
    }

    fn lenient<'a>(text: &'a str, faults: &mut FaultSet<PaxosFault>) -> Object<'a, Entry<'a>> {
        let mut fields = entry::Fields::default();
        let ScanEnd { rest, closed, blanks, mended, cut } =
            object(text, |key, raw| fields.take(&key, raw, faults));
        faults.add_if(blanks, PaxosFault::Blanks);
        faults.add_if(mended, PaxosFault::Mended);
        let written = &text[..text.len() - rest.len()];
        // What would not show itself may be spelled out, as it is where lines are passed on.
        let is_plain = faults.is_empty()
            && rest.trim().is_empty()
            && fields
                .plainly()
                .is_some_and(|plain| plain == written || visible_json(&plain) == written);
        let is_cut = cut || (!closed && !fields.has_all());
        let content = match fields.entry(faults).filter(|_| !is_cut) {
            Some(entry) => {
                let is_odd = faults.is_empty() && rest.trim().is_empty() && !is_plain;
                faults.add_if(is_odd && !entry.is_journal, PaxosFault::Spelling);
                Content::Event(entry)
            }
            None => Content::Unreadable,
        };
        Object { content, rest, is_whole: closed }
    }

    fn sniff(sniff: &mut Sniff, line: &LogLine<'_, Self>) {
        if let Content::Event(entry) = &line.content {
            sniff.add(entry, line.named);
        }
    }

    fn conclude(&mut self, sniff: &Sniff, input: &str, names: &Names) -> Vec<String> {
        self.conclusion = sniff.conclude(input, names, self.ids);
        self.conclusion.in_words(input)
    }

    /// Fills in who printed, sent and received, as far as that is known.
    fn attribute(
        &self,
        entry: &mut Entry<'_>,
        named: Option<u16>,
        faults: &mut FaultSet<PaxosFault>,
    ) {
        let Conclusion { owner, ids } = self.conclusion;
        let ids = if entry.is_journal { Ids::default() } else { ids };
        let (id, received) = (entry.peer_id, entry.action == Action::Received);
        let sent = entry.action == Action::Sent;
        let (printer, attribution) = if entry.printer.is_some() {
            (entry.printer, Attribution::Journal)
        } else if named.is_some() {
            (named, Attribution::Prefix)
        } else if owner.is_some() && (received || ids.other) {
            (owner, Attribution::Input)
        } else if !(received || sent && ids.other) || ids == Ids::only(PeerIdMeans::Printer) {
            (Some(id), Attribution::PeerId)
        } else {
            (None, Attribution::Unknown)
        };
        (entry.printer, entry.attribution) = (printer, attribution);
        if received {
            entry.receiver = entry.receiver.or(printer);
            // A peer that is not the printer can only be the sender.
            let is_sender = !ids.printer || printer.is_some_and(|printer| printer != id);
            entry.sender = Some(id).filter(|_| is_sender);
            faults.add_if(!ids.sender && ids.printer, PaxosFault::PeerIdIsPrinter);
        } else if sent {
            let is_other = ids == Ids::only(PeerIdMeans::Other);
            // Whoever prints that it sent has sent.
            entry.sender = if ids.other || named.is_some() { printer } else { Some(id) };
            if is_other {
                entry.receiver = entry.receiver.or(Some(id));
            }
            faults.add_if(is_other, PaxosFault::PeerIdIsPrinter);
        }
    }
}
