//! The judge: takes lines, and hands what they say to each reading.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::dialect::{Entry, Number, PaxosDialect, PaxosFault, PeerIdMeans};
use super::hypothesis::Hypothesis;
use super::reading::{AckNumber, READINGS};
use super::rules::PaxosRule;
use super::state::{Facts, Held, ValueId, Values};
use crate::paxos::event::{Action, MessageType};
use crate::trace::MOST_PEERS;
use crate::trace::findings::{Findings, Spot};
use crate::trace::reader::{Content, LogLine};

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

/// Takes the lines of a run and judges them.
#[derive(Clone, Debug)]
pub struct PaxosJudge {
    pub(super) known: Known,
    /// One for each reading that is left; they begin to differ with the first printed ack.
    pub(super) hypotheses: Vec<Hypothesis>,
    /// The readings struck out, and how many lines contradicted each.
    pub(super) struck: Vec<(&'static str, u64)>,
    pub(super) findings: Findings<PaxosRule>,
    last_line: Option<(u16, u64)>,
}

/// What is known of the log under every reading.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts about the log
pub(super) struct Known {
    pub(super) options: PaxosOptions,
    pub(super) values: Values,
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
    /// Printed acks, and those of them that have a number.
    pub(super) printed_acks: u64,
    pub(super) numbered_acks: u64,
    pub(super) counts: Counts,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) events: u64,
    pub(super) unnumbered: u64,
    pub(super) forgotten: u64,
    pub(super) unknown_peers: u64,
    pub(super) sources: u16,
}

/// A message line, cut down to what the rules need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) kind: MessageType,
    pub(super) printer: Option<u16>,
    pub(super) sender: Option<u16>,
    pub(super) value: Option<ValueId>,
    pub(super) number: Option<Number>,
    pub(super) answers: Option<Number>,
    pub(super) held: Held,
    pub(super) is_journal: bool,
}

impl Message {
    pub(super) fn is_ack(&self) -> bool {
        matches!(self.kind, MessageType::PrepareAck | MessageType::AcceptAck)
    }

    pub(super) fn is_question(&self) -> bool {
        matches!(self.kind, MessageType::Prepare | MessageType::Accept)
    }
}

/// How many contradictions a reading may have that is not the best: beyond it, it is dropped.
const MOST_CONTRADICTIONS: u64 = 24;

impl PaxosJudge {
    /// A judge who has seen nothing.
    pub fn new(options: PaxosOptions) -> Self {
        let allowed = |reading: &&super::reading::Reading| {
            options.acks.is_none_or(|acks| acks.allows(**reading))
        };
        let first = READINGS.iter().find(allowed).copied().unwrap_or(READINGS[0]);
        let known = Known { options, ..Known::default() };
        Self {
            known,
            hypotheses: vec![Hypothesis::new(first)],
            struck: Vec::new(),
            findings: Findings::default(),
            last_line: None,
        }
    }

    /// Takes a line of the input with this number, from 0. The lines of one input come in order.
    pub fn line(&mut self, input: u16, line: &LogLine<'_, PaxosDialect>) {
        // Several objects may stand on one line.
        let place = Some((input, line.number));
        let counts = &mut self.known.counts;
        counts.lines += u64::from(self.last_line != place);
        self.last_line = place;
        counts.sources = counts.sources.max(input.saturating_add(1));
        let kept = OnceCell::new();
        let spot = Spot { input, line: line.number, text: &line.text, kept: &kept };
        if !line.faults.is_empty() {
            self.findings.add_faults(spot, line.faults);
        }
        if line.content == Content::Prose {
            let rule = PaxosRule::OtherText;
            self.findings.broken_by(rule, spot, || "this is not a line of a run".into());
        }
        let Content::Event(entry) = &line.content else { return };
        counts.events += 1;
        // A peer beyond the bound is counted, so that nobody takes silence for a clean bill.
        let peers = &mut self.known.peers;
        for peer in [entry.printer, entry.sender, Some(entry.peer_id)].into_iter().flatten() {
            if !peers.contains_key(&peer) {
                if peers.len() >= MOST_PEERS {
                    counts.unknown_peers += 1;
                    return;
                }
                peers.insert(peer, Facts::default());
            }
        }
        self.event(spot, entry, line.faults.has(PaxosFault::PeerIdIsPrinter));
    }

    /// `other_id` says that `peer_id` is not the sender's.
    fn event(&mut self, spot: Spot<'_>, entry: &Entry<'_>, other_id: bool) {
        if let Some(printer) = entry.printer {
            if let Some(facts) = self.known.peers.get_mut(&printer) {
                facts.speaks = true;
                facts.journal |= entry.is_journal;
            }
            if entry.action != Action::Received && entry.peer_id != printer && !other_id {
                self.findings.broken_by(PaxosRule::OwnPeerId, spot, || {
                    format!("peer{printer} prints an act of peer{} as its own", entry.peer_id)
                });
            }
        }
        match entry.action {
            Action::Started => return self.started(spot, entry),
            Action::Lost => return self.lost(spot, entry),
            _ => {}
        }
        let Some(message) = self.known.message(entry) else { return };
        if message.is_ack() && !message.is_journal && self.known.printed_acks == 1 {
            self.fork();
        }
        for hypothesis in &mut self.hypotheses {
            hypothesis.event(&mut self.known, spot, entry.action, message);
        }
        if self.hypotheses.len() > 1 {
            self.drop_the_contradicted();
        }
    }

    /// From the first printed ack on, the readings differ.
    fn fork(&mut self) {
        let first = self.hypotheses[0].reading;
        let allowed = |reading: &&super::reading::Reading| {
            **reading != first && self.known.options.acks.is_none_or(|acks| acks.allows(**reading))
        };
        let others = READINGS.iter().filter(allowed).map(|reading| {
            let mut hypothesis = self.hypotheses[0].clone();
            hypothesis.reading = *reading;
            hypothesis
        });
        let others: Vec<Hypothesis> = others.collect();
        self.hypotheses.extend(others);
    }

    /// What is broken under a reading stays broken, so it can no longer excuse anything: where it
    /// is not the best one either, it need not be followed any further.
    fn drop_the_contradicted(&mut self) {
        let best = self.hypotheses.iter().map(|one| one.contradictions).min().unwrap_or(0);
        let struck = &mut self.struck;
        self.hypotheses.retain(|one| {
            let keep = one.contradictions < MOST_CONTRADICTIONS + 4 * best;
            if !keep {
                struck.push((one.reading.words, one.contradictions));
            }
            keep
        });
    }

    /// A line of a journal that says that a peer began, and with what.
    fn started(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        let facts = self.known.peers.entry(entry.peer_id).or_default();
        facts.starts += 1;
        let again = facts.starts > 1;
        // What the end of its last incarnation has cost is missing before this line.
        self.known.has_gaps |= again && facts.queued;
        facts.queued |= entry.queued;
        for hypothesis in &mut self.hypotheses {
            hypothesis.started(spot, entry, again);
        }
    }

    /// A line that stands for others, which are not here.
    fn lost(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        self.known.has_gaps = true;
        let facts = self.known.peers.entry(entry.peer_id).or_default();
        facts.lost = facts.lost.saturating_add(entry.lost.unwrap_or(1));
        // A new incarnation may have begun among them, which chooses anew.
        for hypothesis in &mut self.hypotheses {
            hypothesis.stream(spot, entry.peer_id).chose = None;
        }
    }
}

impl Known {
    /// The message in this line, or its choice, and what is learned of the whole log from it.
    fn message(&mut self, entry: &Entry<'_>) -> Option<Message> {
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
