//! Acceptors, and messages that leave lines: what the simulator of textbook programs and the
//! scripts of wrong runs are made of. Nothing of synod's is in it.

use std::collections::BTreeMap;

use super::log::{Ack, Act, Kind, Line, Num, Run, Value};

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) kind: Kind,
    pub(crate) number: Num,
    /// The value of the question.
    pub(crate) value: Value,
    pub(crate) ack: Option<Ack>,
    pub(crate) id: u32,
}

/// The three variables of slide 45.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acceptor {
    pub(crate) promised: Option<Num>,
    pub(crate) accepted: Option<(Num, Value)>,
}

#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) run: Run,
    pub(crate) acceptors: BTreeMap<u16, Acceptor>,
    messages: u32,
}

impl Cluster {
    pub(crate) fn new(run: Run) -> Self {
        Self { run, ..Self::default() }
    }

    fn line(&mut self, at: u16, act: Act, wire: &Wire) {
        let Wire { from, to, kind, number, value, ack, id } = *wire;
        self.run.lines.push(Line { at, act, kind, from, to, number, value, ack, message: id });
    }

    pub(crate) fn send(&mut self, mut wire: Wire) -> Wire {
        self.messages += 1;
        wire.id = self.messages;
        self.line(wire.from, Act::Sent, &wire);
        wire
    }

    pub(crate) fn ask(
        &mut self,
        from: u16,
        to: u16,
        kind: Kind,
        number: Num,
        value: Value,
    ) -> Wire {
        self.send(Wire { from, to, kind, number, value, ack: None, id: 0 })
    }

    pub(crate) fn receive(&mut self, wire: &Wire) {
        self.line(wire.to, Act::Received, wire);
    }

    /// What the acceptor makes of a question.
    pub(crate) fn handle(&mut self, question: &Wire) -> Ack {
        let acceptor = self.acceptors.entry(question.to).or_default();
        let before = acceptor.promised;
        let number = Some(question.number);
        let granted = number >= before;
        if granted {
            acceptor.promised = number;
            if question.kind == Kind::Accept {
                acceptor.accepted = Some((question.number, question.value));
            }
        }
        Ack { before, after: acceptor.promised, accepted: acceptor.accepted, granted }
    }

    pub(crate) fn reply(&mut self, question: &Wire, ack: Ack) -> Wire {
        let Wire { from, to, kind, .. } = *question;
        self.send(Wire { from: to, to: from, kind: kind.ack(), ack: Some(ack), ..*question })
    }

    /// A question arrives and is answered.
    pub(crate) fn answer(&mut self, question: &Wire) -> Wire {
        self.receive(question);
        let ack = self.handle(question);
        self.reply(question, ack)
    }

    pub(crate) fn chose(&mut self, at: u16, number: Num, value: Value) {
        self.messages += 1;
        let (kind, id) = (Kind::Chose, self.messages);
        let wire = Wire { from: at, to: at, kind, number, value, ack: None, id };
        self.line(at, Act::Chose, &wire);
    }
}
