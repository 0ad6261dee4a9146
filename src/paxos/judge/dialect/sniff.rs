//! A look at the head of an input: whose is it, and whom does `peer_id` mean?
//!
//! A reading of `peer_id` is struck out by lines that it cannot explain: under the first two a
//! question has one `peer_id` on all lines that send it, under the third on all that receive it.
//! What the readings that are left do not agree about is not known.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use super::number::Number;
use crate::paxos::event::{Action, MessageType};
use crate::trace::prefix::{Names, peer_named};

/// Whom a program means by `peer_id` in a line about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerIdMeans {
    /// The sender of the message, as the lab has it.
    Sender,
    /// The peer that prints the line.
    Printer,
    /// The peer at the other end.
    Other,
}

/// The readings that are left; never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) sender: bool,
    pub(super) printer: bool,
    pub(super) other: bool,
}

impl Default for Ids {
    fn default() -> Self {
        Self::only(PeerIdMeans::Sender)
    }
}

impl Ids {
    const ANY: Self = Self { sender: true, printer: true, other: true };

    pub(super) fn only(one: PeerIdMeans) -> Self {
        let is = |other| one == other;
        Self {
            sender: is(PeerIdMeans::Sender),
            printer: is(PeerIdMeans::Printer),
            other: is(PeerIdMeans::Other),
        }
    }
}

/// The `peer_id`s of the lines about one message: of those that send and those that receive it.
#[derive(Clone, Debug, Default)]
struct Ends {
    sent: BTreeSet<u16>,
    received: BTreeSet<u16>,
    times_sent: usize,
    times_received: usize,
}

/// What the lines at the head of an input have in common.
#[derive(Clone, Debug, Default)]
pub struct Sniff {
    /// The `peer_id`s of lines that send, that receive, and that choose.
    sent: BTreeSet<u16>,
    received: BTreeSet<u16>,
    chose: BTreeSet<u16>,
    /// The ends of questions and of answers, by their numbers.
    questions: BTreeMap<(MessageType, Number), Ends>,
    answers: BTreeMap<(MessageType, Number), Ends>,
    /// Of lines with a name in front: sent and received ones whose `peer_id` is that name, or not.
    sent_own: usize,
    sent_other: usize,
    received_own: usize,
    received_other: usize,
    /// Answers are sent, whatever their numbers.
    sends_answers: bool,
    /// There are lines of a journal.
    has_journal: bool,
    /// Lines that say themselves whose they are.
    named: usize,
    unnamed: usize,
}

/// What follows from a sniff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conclusion {
    /// The one peer that printed the whole input.
    pub(super) owner: Option<u16>,
    /// Whom `peer_id` may mean.
    pub(super) ids: Ids,
}

/// More ids or numbers than this in one input are noise.
const MOST_IDS: usize = 1024;

impl Sniff {
    /// Takes a line; `printer` is the peer whose name stands in front of it.
    pub(super) fn add(&mut self, entry: &Entry<'_>, printer: Option<u16>) {
        if entry.is_journal {
            self.named += 1;
            self.has_journal = true;
            return;
        }
        let tally = if printer.is_some() { &mut self.named } else { &mut self.unnamed };
        *tally += 1;
        if self.sent.len() + self.received.len() + self.questions.len() > MOST_IDS {
            return;
        }
        let (id, sends) = (entry.peer_id, entry.action == Action::Sent);
        match entry.action {
            Action::Sent => _ = self.sent.insert(id),
            Action::Received => _ = self.received.insert(id),
            Action::Chose => {
                self.chose.insert(id);
                return;
            }
            _ => return,
        }
        if let Some(printer) = printer {
            *match (sends, printer == id) {
                (true, true) => &mut self.sent_own,
                (true, false) => &mut self.sent_other,
                (false, true) => &mut self.received_own,
                (false, false) => &mut self.received_other,
            } += 1;
        }
        let is_answer =
            matches!(entry.message_type, Some(MessageType::PrepareAck | MessageType::AcceptAck));
        self.sends_answers |= sends && is_answer;
        let ends = match (entry.message_type, entry.number) {
            (Some(kind @ (MessageType::Prepare | MessageType::Accept)), Some(number)) => {
                self.questions.entry((kind, number)).or_default()
            }
            (Some(kind @ (MessageType::PrepareAck | MessageType::AcceptAck)), Some(number)) => {
                self.answers.entry((kind, number)).or_default()
            }
            _ => return,
        };
        ends.times_sent += usize::from(sends);
        ends.times_received += usize::from(!sends);
        if sends {
            ends.sent.insert(id)
        } else {
            ends.received.insert(id)
        };
    }

    /// What follows, given the name of the file, which may name a peer.
    pub(super) fn conclude(
        &self,
        input: &str,
        names: &Names,
        fixed: Option<PeerIdMeans>,
    ) -> Conclusion {
        let stem = input.rsplit(['/', '\\']).next().unwrap_or(input);
        let of_name = peer_named(stem.split('.').next().unwrap_or(stem), names);
        let (owner, ids) = match () {
            // Where there is a journal, the program is the one that has it.
            () if self.has_journal => (None, Ids::default()),
            () if self.named > 0 => (None, self.of_named()),
            () => self.of_one_voice(of_name).unwrap_or_else(|| (None, self.of_many())),
        };
        Conclusion { owner, ids: fixed.map_or(ids, Ids::only) }
    }

    /// Where names stand in front.
    fn of_named(&self) -> Ids {
        // To itself a peer sends no more than to others.
        if 2 * self.sent_other >= self.sent_own.max(1) {
            return Ids::only(PeerIdMeans::Other);
        }
        let other = self.sent_own == 0;
        match (self.received_own, self.received_other) {
            (0, 0) => Ids { other, ..Ids::ANY },
            // A message to itself is received from itself.
            (_, 0) => Ids::only(PeerIdMeans::Printer),
            _ if other => Ids { printer: false, ..Ids::ANY },
            _ => Ids::only(PeerIdMeans::Sender),
        }
    }

    /// Where one peer speaks alone; none if it cannot be one, or not be known which.
    fn of_one_voice(&self, of_name: Option<u16>) -> Option<(Option<u16>, Ids)> {
        let of_choice = self.chose.first().copied();
        let lone = self.sent.first().copied().filter(|_| self.sent.len() == 1);
        let owner = of_choice.or(of_name).or(lone)?;
        // One peer does not receive one question from two.
        let from_two = self.questions.values().any(|ends| ends.received.len() > 1);
        let is_name = of_name == Some(owner);
        // Its own question it receives only behind sending it.
        let hears_itself = self.questions.values().any(|ends| ends.received.contains(&owner));
        let only_itself = self.received.len() == 1;
        if self.chose.len() > 1 || (of_name.is_some() && !is_name) || from_two {
            return None;
        }
        if !is_name && hears_itself && !only_itself {
            return None;
        }
        let is_owner = |ids: &BTreeSet<u16>| ids.iter().all(|id| *id == owner);
        let known = of_choice.or(of_name).is_some();
        let one = |means| Some((Some(owner), Ids::only(means)));
        match (is_owner(&self.sent), is_owner(&self.received)) {
            // All of it is one id, which may be the other end's of a peer that is not known.
            (true, true) if !known => Some((None, Ids::ANY)),
            (true, true) if self.received.is_empty() => one(PeerIdMeans::Sender),
            (true, true) => one(PeerIdMeans::Printer),
            // A question that is sent and received here is one to itself, or of several peers.
            _ if of_name.is_none() && self.has_both_ends() => None,
            (true, false) if self.sent.is_empty() => {
                known.then_some((Some(owner), Ids { printer: false, ..Ids::ANY }))
            }
            (true, false) if known || self.sends_as_itself(owner) => one(PeerIdMeans::Sender),
            (true, false) => None,
            (false, _) => {
                let is_other = !self.sent.contains(&owner) && !self.received.contains(&owner);
                of_name.filter(|_| is_other).and_then(|_| one(PeerIdMeans::Other))
            }
        }
    }

    fn has_both_ends(&self) -> bool {
        self.questions.values().any(|ends| !(ends.sent.is_empty() || ends.received.is_empty()))
    }

    /// Where all that is sent has one id: true if it can hardly be the receiver's. That of a
    /// broadcast would not be the same twice, and that of an answer would be whose question was
    /// received.
    fn sends_as_itself(&self, id: u16) -> bool {
        let asks = self.questions.values().filter(|ends| !ends.sent.is_empty());
        let asked_by: BTreeSet<u16> =
            self.questions.values().flat_map(|ends| ends.received.iter().copied()).collect();
        let broadcasts = asks.map(|ends| ends.times_sent).max().unwrap_or(0) > 1;
        !self.received.contains(&id) && (broadcasts || (self.sends_answers && !asked_by.is_empty()))
    }

    /// Where several peers speak, and no line says which.
    fn of_many(&self) -> Ids {
        let mut ids = Ids::ANY;
        // A question that nobody here sends is perhaps not received from whom it names, if that
        // peer's questions are here.
        let senders = |id: &u16| self.questions.values().any(|ends| ends.sent.contains(id));
        let unsent = self.questions.values().filter(|ends| ends.sent.is_empty());
        let is_odd = unsent.flat_map(|ends| &ends.received).any(senders);
        for Ends { sent, received, times_received, .. } in self.questions.values() {
            let apart = sent.is_disjoint(received);
            let heard = !sent.is_empty() && !received.is_empty();
            ids.sender &= sent.len() <= 1 && received.len() <= 1 && !(heard && apart);
            // A peer may have sent it to itself, but not twice.
            ids.printer &= sent.len() <= 1 && (apart || is_odd || *times_received < 2);
            ids.other &= received.len() <= 1 && apart;
        }
        // Of peers that send nothing here, the other ends are elsewhere; once, they may be lost.
        let apart = self.answers.values().filter(|Ends { sent, received, .. }| {
            let is_apart = !received.is_empty() && sent.is_disjoint(received) && sent.len() > 1;
            is_apart && received.is_subset(&self.sent)
        });
        ids.sender &= apart.count() < 2;
        if ids.sender || ids.printer || ids.other { ids } else { Ids::ANY }
    }
}

impl Conclusion {
    pub(super) fn in_words(self, name: &str) -> Vec<String> {
        let owner = self.owner.map(|owner| {
            format!("{name}: taken for the lines of peer{owner}, who alone speaks in it")
        });
        let Ids { sender, printer, other } = self.ids;
        let means = match (sender, printer, other) {
            (true, false, false) => None,
            (false, true, false) => Some(
                "peer_id is taken for the peer that prints, also where it receives, so the senders \
                 of what is received are not known",
            ),
            (false, false, true) => Some("peer_id is taken for the peer at the other end"),
            _ => Some(
                "whom peer_id means cannot be told from these lines (--ids says it), so little is \
                 concluded from it",
            ),
        };
        let means = means.map(|means| format!("{name}: {means}"));
        owner.into_iter().chain(means).collect()
    }
}
