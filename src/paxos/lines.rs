//! What a node does, as lines: the printed ones, the journal, and prose.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::journal::Journal;
use crate::command::printer::Printer;
use crate::command::prose::Prose;
use crate::node::{Level, Observer};
use crate::paxos::event::{Action, Event, JournalFields as Keys, MessageType};
use crate::paxos::{Ack, Fact, Message, Peer, ProposalNumber, Value};
use crate::process::{Output, PeerId, Process};

/// Turns a peer's outputs into lines.
pub(crate) struct Lines {
    me: PeerId,
    out: Printer,
    err: Prose,
    journal: Option<Journal>,
    /// What the next write to each takes. Where standard error is standard output, all of it is
    /// `printed`, so that it keeps its order.
    printed: Vec<u8>,
    said: Vec<u8>,
    journalled: Vec<u8>,
}

impl Lines {
    /// Lines of `me`; the full account goes to `journal`.
    pub(crate) fn new(me: PeerId, out: Printer, err: Prose, journal: Option<Journal>) -> Self {
        let (printed, said, journalled) = (Vec::new(), Vec::new(), Vec::new());
        Self { me, out, err, journal, printed, said, journalled }
    }

    /// The journal's first line of an incarnation: what the peer found on its disk.
    pub(crate) fn started(&mut self, peer: &Peer) {
        let mut event = found(self.me, peer);
        event.journal.queued = self.journal.as_ref().is_some_and(Journal::is_queued);
        self.record(event);
        self.write_journal();
    }

    /// Prints what the printed form has of this event, and journals all of it.
    fn record(&mut self, event: Event) {
        if let Some(line) = event.printed() {
            self.printed.extend_from_slice(line.as_bytes());
            self.printed.push(b'\n');
        }
        if self.journal.is_some() {
            self.journalled.extend_from_slice(journalled(self.me, event).as_bytes());
            self.journalled.push(b'\n');
        }
    }

    /// Says it, where the printed form has no line for it.
    fn say(&mut self, fact: &Fact) {
        let line = self.err.line(level(fact), &fact.to_string()).unwrap_or_default();
        let one = self.err.printer().is_one_with(&self.out);
        let lines = if one { &mut self.printed } else { &mut self.said };
        lines.extend_from_slice(line.as_bytes());
    }

    fn write_journal(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.write(&self.journalled);
            self.journalled.clear();
        }
    }
}

/// The journal's line of this event, as of now, without its newline.
fn journalled(me: PeerId, mut event: Event) -> String {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    event.journal.at = Some(me.0);
    event.journal.time_us = u64::try_from(since_1970.as_micros()).ok();
    event.journalled()
}

/// The journal's line that stands for `count` others.
pub(crate) fn gap(me: PeerId, count: u64) -> String {
    let journal = Keys { lost: Some(count), ..Keys::default() };
    journalled(me, Event { journal, ..Event::plain(me.0, Action::Lost) }) + "\n"
}

/// The first line of an incarnation: what the peer found on its disk.
pub(crate) fn found(me: PeerId, peer: &Peer) -> Event {
    let held = peer.acceptor();
    Event {
        message_value: held.accepted.map(|accepted| accepted.value.0.to_string()),
        proposal_num: held.min_proposal.map(ProposalNumber::get),
        journal: Keys {
            accepted_proposal: held.accepted.map(|accepted| accepted.number.get()),
            last_proposal: peer.last_number().map(ProposalNumber::get),
            ..Keys::default()
        },
        ..Event::plain(me.0, Action::Started)
    }
}

/// What others can see of a process, as an event.
pub(crate) fn seen<P>(me: PeerId, output: &Output<P>) -> Event
where
    P: Process<Message = Message, Fact = Fact>,
{
    match output {
        Output::Connected(peer) => {
            let journal = Keys { to: Some(peer.0), ..Keys::default() };
            Event { journal, ..Event::plain(me.0, Action::Connected) }
        }
        Output::Received(from, message) => of_message(Action::Received, *from, me, message),
        Output::Sent(to, message) => of_message(Action::Sent, me, *to, message),
        Output::Report(Fact::Chose { number, value }) => Event {
            message_type: Some(MessageType::Chose),
            message_value: Some(value.0.to_string()),
            proposal_num: Some(number.get()),
            ..Event::plain(me.0, Action::Chose)
        },
        Output::Report(fact) => noted(me, fact.to_string()),
    }
}

/// Something that is said.
pub(crate) fn noted(me: PeerId, note: String) -> Event {
    let journal = Keys { note: Some(note), ..Keys::default() };
    Event { journal, ..Event::plain(me.0, Action::Noted) }
}

/// The line of a message, for either end.
fn of_message(action: Action, from: PeerId, to: PeerId, message: &Message) -> Event {
    let (message_type, number, value, ack) = fields(message);
    Event {
        message_type: Some(message_type),
        message_value: Some(value.0.to_string()),
        proposal_num: Some(number.get()),
        journal: Keys {
            to: Some(to.0),
            answers: ack.map(|ack| ack.answers.get()),
            accepted_proposal: ack.and_then(|ack| ack.accepted).map(|a| a.number.get()),
            ..Keys::default()
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

/// Which facts are trouble, and which are the story.
fn level(fact: &Fact) -> Level {
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

impl Observer<Peer> for Lines {
    fn observe(&mut self, output: &Output<Peer>) {
        if let Output::Report(fact) = output
            && !matches!(fact, Fact::Chose { .. })
        {
            self.say(fact);
        }
        self.record(seen(self.me, output));
    }

    /// The journal goes first: what a killed peer sent must stand in it.
    fn before_frames(&mut self) {
        self.write_journal();
    }

    fn after_frames(&mut self) {
        self.err.printer().print(&self.said);
        self.said.clear();
        self.out.print(&self.printed);
        self.printed.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::{fs, io};

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::paxos::acceptor::Acceptor;
    use crate::paxos::{Accepted, Record, Roles, Setup};

    const ME: PeerId = PeerId(3);
    const X: Value = Value('X');

    fn n(number: u64) -> ProposalNumber {
        ProposalNumber::new(number).expect("a number")
    }

    /// A peer that has promised 7, accepted 2 and reserved up to 13 in an earlier incarnation.
    fn restarted() -> Peer {
        let mut peer = Peer::new(std::sync::Arc::new(Setup {
            me: ME,
            roles: Roles { peers: 5, proposers: [].into() },
            candidate: None,
            delay: Duration::ZERO,
            link_wait: Duration::ZERO,
        }));
        let accepted = Some(Accepted { number: n(2), value: X });
        peer.restore(Record::Acceptor(Acceptor { min_proposal: Some(n(7)), accepted }));
        peer.restore(Record::LastNumber(n(13)));
        peer
    }

    #[test]
    fn the_journal_has_what_is_found_linked_heard_and_noted_before_the_frames_leave() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("trace");
        let printer = || Printer::new(io::sink(), |_| String::new()).expect("a thread");
        let (out, err) = (printer(), printer());
        let journal = Journal::open(ME, &path, err.clone(), gap).expect("a new file");
        let mut lines = Lines::new(ME, out, Prose::new(ME, err, false), Some(journal));
        let written = || -> Vec<Json> {
            let text = fs::read_to_string(&path).expect("is there");
            let line = |line| {
                let mut line: Json = serde_json::from_str(line).expect("JSON");
                let time = line.as_object_mut().and_then(|line| line.remove("time_us"));
                assert!(time.and_then(|time| time.as_u64()) > Some(1_700_000_000_000_000));
                line
            };
            text.lines().map(line).collect()
        };
        lines.started(&restarted());
        let mut want = vec![json!({"peer_id": 3, "action": "started", "message_value": "X",
            "proposal_num": 7, "at": 3, "accepted_proposal": 2, "last_proposal": 13})];
        assert_eq!(written(), want);
        lines.observe(&Output::Connected(PeerId(2)));
        lines.observe(&Output::Received(PeerId(1), Message::Prepare { number: n(6), value: X }));
        lines.observe(&Output::Report(Fact::Exhausted));
        assert_eq!(written(), want, "not yet");
        lines.before_frames();
        want.extend([
            json!({"peer_id": 3, "action": "connected", "at": 3, "to": 2}),
            json!({"peer_id": 1, "action": "received", "message_type": "prepare",
                "message_value": "X", "proposal_num": 6, "at": 3, "to": 3}),
            json!({"peer_id": 3, "action": "noted", "at": 3, "note": Fact::Exhausted.to_string()}),
        ]);
        assert_eq!(written(), want);
    }

    #[test]
    fn a_line_stands_for_the_lines_that_are_lost() {
        let line = gap(ME, 7);
        let mut read: Json =
            serde_json::from_str(line.strip_suffix('\n').expect("a line")).expect("JSON");
        assert!(read.as_object_mut().and_then(|line| line.remove("time_us")).is_some());
        assert_eq!(read, json!({"peer_id": 3, "action": "lost", "at": 3, "lost": 7}));
    }
}
