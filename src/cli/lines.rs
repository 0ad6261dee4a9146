//! What a node does, as lines: the printed ones, the journal, and prose.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::printer::Printer;
use crate::error::{Doing, Result};
use crate::node::{Observer, Output};
use crate::paxos::{Ack, Fact, Message, Peer, ProposalNumber, Value};
use crate::process::PeerId;
use crate::trace::event::{Action, Event, Journal, MessageType};

/// Turns a peer's outputs into lines.
pub(super) struct Lines {
    me: PeerId,
    out: Printer,
    err: Printer,
    journal: Option<File>,
    /// What the next write to each takes.
    printed: Vec<u8>,
    said: Vec<u8>,
    journalled: Vec<u8>,
}

impl Lines {
    /// Lines of `me`; with `journal`, the full account is appended to that file.
    pub(super) fn new(
        me: PeerId,
        out: Printer,
        err: Printer,
        journal: Option<&Path>,
    ) -> Result<Self> {
        let open =
            |path: &Path| open_journal(path).doing(|| format!("trace file {}", path.display()));
        let journal = journal.map(open).transpose()?;
        let (printed, said, journalled) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { me, out, err, journal, printed, said, journalled })
    }

    /// The journal's first line of a life: what the peer found on its disk.
    pub(super) fn started(&mut self, peer: &Peer) {
        self.record(found(self.me, peer));
        self.write_journal();
    }

    /// Prints what the printed form has of this event, and journals all of it.
    fn record(&mut self, mut event: Event) {
        if let Some(line) = event.printed() {
            self.printed.extend_from_slice(line.as_bytes());
            self.printed.push(b'\n');
        }
        if self.journal.is_some() {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            event.journal.at = Some(self.me.0);
            event.journal.time_us = u64::try_from(since_1970.as_micros()).ok();
            self.journalled.extend_from_slice(event.journalled().as_bytes());
            self.journalled.push(b'\n');
        }
    }

    fn report(&mut self, fact: &Fact) {
        if let Fact::Chose { number, value } = fact {
            self.record(Event {
                message_type: Some(MessageType::Chose),
                message_value: Some(value.0.to_string()),
                proposal_num: Some(number.get()),
                ..Event::plain(self.me.0, Action::Chose)
            });
            return;
        }
        self.said.extend_from_slice(format!("{}: {fact}\n", self.me).as_bytes());
        self.record(Event {
            journal: Journal { note: Some(fact.to_string()), ..Journal::default() },
            ..Event::plain(self.me.0, Action::Noted)
        });
    }

    fn write_journal(&mut self) {
        let Some(file) = &mut self.journal else { return };
        // One write, so that peers that share a file do not tear each other's lines.
        if let Err(error) = file.write_all(&self.journalled) {
            self.journal = None;
            let text = format!("{}: the trace file ends here: {error}\n", self.me);
            self.said.extend_from_slice(text.as_bytes());
        }
        self.journalled.clear();
    }
}

/// Opens a journal to write at its end. A life that was killed in the middle of a write leaves half
/// a line; the next one begins on a line of its own.
fn open_journal(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    // What is no regular file has no end to look at, and needs none.
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// The first line of a life: what the peer found on its disk.
pub(super) fn found(me: PeerId, peer: &Peer) -> Event {
    let held = peer.acceptor();
    Event {
        message_value: held.accepted.map(|accepted| accepted.value.0.to_string()),
        proposal_num: held.min_proposal.map(ProposalNumber::get),
        journal: Journal {
            accepted_proposal: held.accepted.map(|accepted| accepted.number.get()),
            last_proposal: peer.last_number().map(ProposalNumber::get),
            ..Journal::default()
        },
        ..Event::plain(me.0, Action::Started)
    }
}

/// The line of a message, for either end.
pub(super) fn of_message(action: Action, from: PeerId, to: PeerId, message: &Message) -> Event {
    let (message_type, number, value, ack) = fields(message);
    Event {
        message_type: Some(message_type),
        message_value: Some(value.0.to_string()),
        proposal_num: Some(number.get()),
        journal: Journal {
            to: Some(to.0),
            answers: ack.map(|ack| ack.answers.get()),
            accepted_proposal: ack.and_then(|ack| ack.accepted).map(|a| a.number.get()),
            ..Journal::default()
        },
        ..Event::plain(from.0, action)
    }
}

/// What a line shows of a message.
fn fields(message: &Message) -> (MessageType, ProposalNumber, Value, Option<&Ack>) {
    fn of_ack(kind: MessageType, ack: &Ack) -> (MessageType, ProposalNumber, Value, Option<&Ack>) {
        let value = ack.accepted.map_or(ack.asked, |accepted| accepted.value);
        (kind, ack.min_proposal, value, Some(ack))
    }
    match message {
        Message::Prepare { number, value } => (MessageType::Prepare, *number, *value, None),
        Message::Accept { number, value } => (MessageType::Accept, *number, *value, None),
        Message::Chosen { number, value } => (MessageType::Chosen, *number, *value, None),
        Message::PrepareAck(ack) => of_ack(MessageType::PrepareAck, ack),
        Message::AcceptAck(ack) => of_ack(MessageType::AcceptAck, ack),
    }
}

impl Observer<Peer> for Lines {
    fn observe(&mut self, output: &Output<Peer>) {
        match output {
            Output::Connected(peer) => {
                let journal = Journal { to: Some(peer.0), ..Journal::default() };
                self.record(Event { journal, ..Event::plain(self.me.0, Action::Connected) });
            }
            Output::Received(from, message) => {
                self.record(of_message(Action::Received, *from, self.me, message));
            }
            Output::Sent(to, message) => {
                self.record(of_message(Action::Sent, self.me, *to, message));
            }
            Output::Report(fact) => self.report(fact),
        }
    }

    /// The journal goes first: what a killed peer sent must stand in it.
    fn before_frames(&mut self) {
        self.write_journal();
    }

    fn after_frames(&mut self) {
        // On a terminal the words stand above the messages that they explain.
        self.err.print(&self.said);
        self.said.clear();
        self.out.print(&self.printed);
        self.printed.clear();
    }
}
