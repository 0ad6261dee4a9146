//! What is known of a log under every reading, and beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::dialect::{Entry, Number, PeerIdMeans};
use super::reading::AckNumber;
use super::state::{Facts, Held, MOST_KEPT, Message, ValueId, Values};
use crate::paxos::event::{Action, MessageType};

/// Who serves whom, as a hostsfile says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownRoles {
    /// How many peers there are.
    pub peers: u16,
    /// The acceptors of each proposer.
    pub acceptors: BTreeMap<u16, BTreeSet<u16>>,
    /// The learners of each proposer.
    pub learners: BTreeMap<u16, BTreeSet<u16>>,
}

/// What is known beside the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaxosOptions {
    /// The roles; without them they are inferred from who answers whom.
    pub roles: Option<KnownRoles>,
    /// The value that must be chosen.
    pub expect: Option<String>,
    /// What an ack's number is; without it, whatever fits the log.
    pub acks: Option<AckNumber>,
    /// Whom `peer_id` means; without it, whatever fits the log.
    pub ids: Option<PeerIdMeans>,
}

/// What is known of the log under every reading.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts about the log
pub(super) struct Known {
    pub(super) options: PaxosOptions,
    pub(super) values: Values,
    /// The value that must be chosen.
    pub(super) expected: Option<ValueId>,
    pub(super) peers: BTreeMap<u16, Facts>,
    pub(super) candidates: BTreeSet<ValueId>,
    pub(super) prepare_without_value: bool,
    /// Acks, and acks of a prepare, show values.
    pub(super) acks_show_values: bool,
    pub(super) promises_show_values: bool,
    /// A blank is among the values; as an ack prints it, it may as well be none.
    pub(super) blank_values: bool,
    /// Lines are missing in the middle of a journal.
    pub(super) has_gaps: bool,
    /// Answers were received by it is not known whom.
    pub(super) nameless_answers: bool,
    /// Who asked what under which number, as far as the head of the log says it.
    pub(super) asked: BTreeMap<Number, Asked>,
    /// Somebody asks under number 0, which else stands for none.
    pub(super) zero_is_asked: bool,
    /// Printed acks, and those of them that have a number.
    pub(super) printed_acks: u64,
    pub(super) numbered_acks: u64,
    pub(super) counts: Counts,
}

/// What was asked under a number, anywhere in the log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// By whom.
    pub(super) owner: Option<u16>,
    /// Somebody was asked to accept it.
    pub(super) accept: bool,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) events: u64,
    pub(super) unnumbered: u64,
    pub(super) unknown_peers: u64,
    pub(super) sources: u16,
}

impl Known {
    /// The message in this line, or its choice, and what is learned of the whole log from it.
    pub(super) fn message(&mut self, entry: &Entry<'_>) -> Option<Message> {
        let kind = entry.message_type?;
        self.blank_values |= entry.value.as_deref().is_some_and(|value| value.trim().is_empty());
        let value = entry.value.as_deref().map(|value| self.values.id(value));
        let held = match (entry.is_journal, entry.accepted_proposal) {
            (false, None) => Held::Unknown,
            (true, None) => Held::Nothing,
            (_, Some(number)) => Held::Under(number),
        };
        let message = Message {
            kind,
            printer: entry.printer,
            sender: entry.sender,
            value,
            number: entry.number,
            answers: entry.answers,
            held,
            is_journal: entry.is_journal,
        };
        self.note(entry.action, &message);
        if message.number.is_none() && !message.is_ack() {
            self.counts.unnumbered += 1;
            return None;
        }
        Some(message)
    }

    fn note(&mut self, action: Action, message: &Message) {
        let (question, ack) = (message.is_question(), message.is_ack());
        if message.kind == MessageType::Prepare {
            self.prepare_without_value |= message.value.is_none();
            self.candidates.extend(message.value);
        }
        if question
            && self.counts.events <= MOST_KEPT as u64
            && let Some(number) = message.number
        {
            let asked = self.asked.entry(number).or_default();
            asked.owner = asked.owner.or(message.sender);
            asked.accept |= message.kind == MessageType::Accept;
        }
        let is_zero = message.number.is_some_and(|number| number.round == 0);
        self.zero_is_asked |= question && is_zero;
        self.acks_show_values |= ack && message.value.is_some();
        self.promises_show_values |=
            message.kind == MessageType::PrepareAck && message.value.is_some();
        self.nameless_answers |= ack && action == Action::Received && message.printer.is_none();
        self.printed_acks += u64::from(ack && !message.is_journal);
        self.numbered_acks += u64::from(ack && !message.is_journal && message.number.is_some());
        let Some(facts) = message.printer.and_then(|printer| self.peers.get_mut(&printer)) else {
            return;
        };
        match action {
            Action::Received => {
                facts.hears_questions |= question;
                facts.hears_answers |= ack;
                facts.talks_to_itself |= message.sender == message.printer;
            }
            Action::Sent => {
                facts.tells_sends = true;
                facts.asks |= question;
                facts.answers |= ack;
            }
            _ => {
                facts.chose |= action == Action::Chose;
                facts.choices += u32::from(action == Action::Chose);
            }
        }
    }

    /// True unless a hostsfile says that nobody gets copies of votes.
    pub(super) fn may_have_learners(&self) -> bool {
        let roles = self.options.roles.as_ref();
        roles.is_none_or(|roles| roles.learners.values().any(|learners| !learners.is_empty()))
    }

    pub(super) fn is_journal(&self, peer: u16) -> bool {
        self.peers.get(&peer).is_some_and(|facts| facts.journal)
    }

    pub(super) fn facts(&self, peer: u16) -> Option<&Facts> {
        self.peers.get(&peer)
    }
}
