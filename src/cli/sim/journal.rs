//! The journal of a simulated run: the same lines that real peers write with `--trace`.

use crate::paxos::event::{Action, Event, JournalFields, MessageType};
use crate::paxos::lines::{found, of_message};
use crate::paxos::{Fact, Peer};
use crate::process::{Output, PeerId};
use crate::sim::mutant::Subject;

/// The lines of one run, of all peers together, in the order in which they happened. The time is
/// the virtual clock's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// The lines.
    pub events: Vec<Event>,
}

impl Tape {
    /// All lines, each with its newline.
    pub fn text(&self) -> String {
        self.events.iter().map(|event| event.journalled() + "\n").collect()
    }

    fn put(&mut self, now: u64, at: PeerId, mut event: Event) {
        event.journal.at = Some(at.0);
        event.journal.time_us = Some(now);
        self.events.push(event);
    }

    /// The first line of a life.
    pub fn started(&mut self, now: u64, at: PeerId, peer: &Peer) {
        self.put(now, at, found(at, peer));
    }

    /// What others can see.
    pub fn seen<S: Subject<Peer>>(&mut self, now: u64, at: PeerId, seen: &Output<S>) {
        let event = match seen {
            Output::Connected(other) => {
                let journal = JournalFields { to: Some(other.0), ..JournalFields::default() };
                Event { journal, ..Event::plain(at.0, Action::Connected) }
            }
            Output::Received(from, message) => of_message(Action::Received, *from, at, message),
            Output::Sent(to, message) => of_message(Action::Sent, at, *to, message),
            Output::Report(Fact::Chose { number, value }) => Event {
                message_type: Some(MessageType::Chose),
                message_value: Some(value.0.to_string()),
                proposal_num: Some(number.get()),
                ..Event::plain(at.0, Action::Chose)
            },
            Output::Report(fact) => return self.noted(now, at, fact.to_string()),
        };
        self.put(now, at, event);
    }

    /// What standard error would say.
    pub fn noted(&mut self, now: u64, at: PeerId, note: String) {
        let journal = JournalFields { note: Some(note), ..JournalFields::default() };
        self.put(now, at, Event { journal, ..Event::plain(at.0, Action::Noted) });
    }
}
