//! The journal of a simulated run: the same lines that real peers write with `--trace`.

use crate::cli::lines::fields;
use crate::museum::Subject;
use crate::paxos::{Fact, Message, Peer, ProposalNumber};
use crate::process::PeerId;
use crate::sim::Seen;
use crate::trace::event::{Action, Event, Journal, MessageType};

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
        let held = peer.acceptor();
        let event = Event {
            message_value: held.accepted.map(|accepted| accepted.value.0.to_string()),
            proposal_num: held.min_proposal.map(ProposalNumber::get),
            journal: Journal {
                accepted_proposal: held.accepted.map(|accepted| accepted.number.get()),
                last_proposal: peer.last_number().map(ProposalNumber::get),
                ..Journal::default()
            },
            ..plain(at, Action::Started)
        };
        self.put(now, at, event);
    }

    /// What others can see.
    pub fn seen<S: Subject>(&mut self, now: u64, at: PeerId, seen: &Seen<'_, S>) {
        let event = match seen {
            Seen::Connected(other) => {
                let journal = Journal { to: Some(other.0), ..Journal::default() };
                Event { journal, ..plain(at, Action::Connected) }
            }
            Seen::Received(from, message) => message_line(Action::Received, *from, at, message),
            Seen::Sent(to, message) => message_line(Action::Sent, at, *to, message),
            Seen::Report(Fact::Chose { number, value }) => Event {
                message_type: Some(MessageType::Chose),
                message_value: Some(value.0.to_string()),
                proposal_num: Some(number.get()),
                ..plain(at, Action::Chose)
            },
            Seen::Report(fact) => return self.noted(now, at, fact.to_string()),
        };
        self.put(now, at, event);
    }

    /// What standard error would say.
    pub fn noted(&mut self, now: u64, at: PeerId, note: String) {
        let journal = Journal { note: Some(note), ..Journal::default() };
        self.put(now, at, Event { journal, ..plain(at, Action::Noted) });
    }
}

fn plain(peer: PeerId, action: Action) -> Event {
    Event {
        peer_id: peer.0,
        action,
        message_type: None,
        message_value: None,
        proposal_num: None,
        journal: Journal::default(),
    }
}

fn message_line(action: Action, from: PeerId, to: PeerId, message: &Message) -> Event {
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
        ..plain(from, action)
    }
}
