//! The judge: takes lines and keeps what the rules need.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::acks::Standing;
use super::dialect::{Entry, Number, PaxosDialect};
use super::rules::PaxosRule;
use super::state::{
    Choice, Exchange, Facts, Held, MOST_EXCHANGES, MOST_RECORDS, Promise, Proposal, Stream,
    ValueId, Values, Vote,
};
use crate::paxos::event::{Action, MessageType};
use crate::trace::MOST_PEERS;
use crate::trace::findings::{Findings, Spot, Witness};
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
}

/// Takes the lines of a run and judges them.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts about the log
pub struct PaxosJudge {
    pub(super) options: PaxosOptions,
    pub(super) values: Values,
    pub(super) proposals: BTreeMap<Number, Box<Proposal>>,
    pub(super) records: usize,
    /// Numbers up to this one have been forgotten.
    pub(super) floor: Option<Number>,
    pub(super) streams: BTreeMap<(u16, u16), Stream>,
    pub(super) peers: BTreeMap<u16, Facts>,
    /// Who answered the numbers of whom.
    pub(super) answered: BTreeMap<u16, BTreeSet<u16>>,
    /// The fewest `sent` lines of one prepare: how many acceptors there may be.
    pub(super) fewest_sent: BTreeMap<u16, usize>,
    /// The first choice of each value.
    pub(super) choices: Vec<(Number, Choice)>,
    /// The first certain majority behind each value.
    pub(super) majorities: Vec<(ValueId, Number, Vec<Witness>)>,
    pub(super) candidates: BTreeSet<ValueId>,
    /// The lowest number that somebody prepared.
    pub(super) lowest_prepared: Option<Number>,
    pub(super) prepare_without_value: bool,
    pub(super) number_without_prepare: bool,
    pub(super) acks_show_values: bool,
    /// A blank is among the values; as an ack prints it, it may as well be none.
    pub(super) blank_values: bool,
    /// Lines are missing in the middle of a journal.
    pub(super) has_gaps: bool,
    /// Answers were received by it is not known whom.
    pub(super) nameless_answers: bool,
    /// The lowest and the highest settled number that asked for each value.
    pub(super) value_numbers: BTreeMap<ValueId, (Number, Number)>,
    pub(super) findings: Findings<PaxosRule>,
    pub(super) counts: Counts,
    pub(super) last_line: Option<(u16, u64)>,
    pub(super) refusals: u64,
    /// Numbers that somebody asked under, those of them that came to nothing, and who asked.
    pub(super) numbers: u64,
    pub(super) given_up: u64,
    pub(super) owners: BTreeSet<u16>,
    pub(super) first_refusal: Option<Refusal>,
    /// Acks without a question; judged at the end, when it is known whose questions are told.
    pub(super) unasked: Vec<Unasked>,
}

/// A number that an acceptor turned down.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) number: Number,
    pub(super) promised: Number,
    pub(super) by: u16,
    pub(super) witness: Witness,
}

/// An ack whose question its acceptor's own lines do not have.
#[derive(Clone, Debug)]
pub(super) struct Unasked {
    pub(super) by: u16,
    pub(super) kind: MessageType,
    pub(super) number: Number,
    pub(super) is_journal: bool,
    pub(super) witness: Witness,
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
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub(super) kind: MessageType,
    pub(super) printer: Option<u16>,
    pub(super) sender: Option<u16>,
    pub(super) value: Option<ValueId>,
    pub(super) number: Number,
    pub(super) answers: Option<Number>,
    pub(super) held: Held,
    pub(super) is_journal: bool,
}

impl PaxosJudge {
    /// A judge who has seen nothing.
    pub fn new(options: PaxosOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes a line of the input with this number, from 0. The lines of one input come in order.
    pub fn line(&mut self, input: u16, line: &LogLine<'_, PaxosDialect>) {
        // Several objects may stand on one line.
        let place = Some((input, line.number));
        self.counts.lines += u64::from(self.last_line != place);
        self.last_line = place;
        self.counts.sources = self.counts.sources.max(input.saturating_add(1));
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
        self.counts.events += 1;
        // A peer beyond the bound is counted, so that nobody takes silence for a clean bill.
        for peer in [entry.printer, entry.sender, Some(entry.peer_id)].into_iter().flatten() {
            if !self.peers.contains_key(&peer) {
                if self.peers.len() >= MOST_PEERS {
                    self.counts.unknown_peers += 1;
                    return;
                }
                self.peers.insert(peer, Facts::default());
            }
        }
        self.event(spot, entry);
    }

    fn event(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        if let Some(printer) = entry.printer {
            if let Some(facts) = self.peers.get_mut(&printer) {
                facts.speaks = true;
                facts.journal |= entry.is_journal;
            }
            if entry.action != Action::Received && entry.peer_id != printer {
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
        let Some(kind) = entry.message_type else { return };
        self.blank_values |= entry.value.as_deref().is_some_and(|value| value.trim().is_empty());
        let value = entry.value.as_deref().map(|value| self.values.id(value));
        let Some(number) = entry.number else {
            self.counts.unnumbered += 1;
            if kind == MessageType::Prepare {
                self.candidates.extend(value);
            }
            return;
        };
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
            number,
            answers: entry.answers,
            held,
            is_journal: entry.is_journal,
        };
        let sent_as = self.judge_conduct(spot, entry.action, message);
        if self.floor.is_some_and(|floor| number <= floor) {
            self.counts.forgotten += 1;
            return;
        }
        let proposal = self.proposals.entry(number).or_default();
        let before = proposal.records();
        let stream = entry.printer.and_then(|printer| self.streams.get(&(spot.input, printer)));
        let standing = message.standing(entry.action, sent_as, stream, proposal);
        match entry.action {
            Action::Chose => chose(proposal, spot, message, &mut self.choices),
            Action::Sent => sent(proposal, spot, message, standing),
            _ => received(proposal, spot, message, standing),
        }
        self.records += proposal.records() - before;
        while self.records + self.proposals.len() > MOST_RECORDS && self.proposals.len() > 1 {
            let Some((number, proposal)) = self.proposals.pop_first() else { break };
            self.records = self.records.saturating_sub(proposal.records());
            self.floor = Some(number);
            self.settle(number, &proposal, true);
        }
    }
}

/// Notes a message under its kind, sender and value.
fn exchange(proposal: &mut Proposal, spot: Spot<'_>, message: Message, is_sent: bool) {
    let Some(from) = message.sender else { return };
    let same = |known: &&mut Exchange| {
        known.kind == message.kind && known.from == from && known.value == message.value
    };
    let full = proposal.exchanges.len() >= MOST_EXCHANGES;
    let known = match proposal.exchanges.iter_mut().find(same) {
        Some(known) => known,
        None if full => {
            proposal.overflowed = true;
            return;
        }
        None => {
            let (kind, value) = (message.kind, message.value);
            proposal.exchanges.push(Exchange { kind, from, value, sent: None, received: None });
            let last = proposal.exchanges.len() - 1;
            &mut proposal.exchanges[last]
        }
    };
    let witness = if is_sent { &mut known.sent } else { &mut known.received };
    witness.get_or_insert_with(|| spot.witness());
}

fn sent(proposal: &mut Proposal, spot: Spot<'_>, message: Message, standing: Standing) {
    exchange(proposal, spot, message, true);
    let Some(sender) = message.sender else { return };
    let own = (sender, spot.input);
    match message.kind {
        MessageType::Prepare => {
            proposal.order.get_or_insert(own);
            proposal.prepares_sent += 1;
        }
        MessageType::Accept => {
            proposal.accept_sent |= *proposal.order.get_or_insert(own) == own;
            proposal.accepts_sent += 1;
        }
        _ if standing == Standing::Refusal => {}
        MessageType::PrepareAck => promise(proposal, spot, message, sender, standing, false),
        MessageType::AcceptAck => vote(proposal, spot, message, sender, standing),
        MessageType::Chose | MessageType::Chosen => {}
    }
}

fn received(proposal: &mut Proposal, spot: Spot<'_>, message: Message, standing: Standing) {
    exchange(proposal, spot, message, false);
    let is_owner = |(owner, input)| {
        input == spot.input && message.printer.is_none_or(|printer| printer == owner)
    };
    let in_order = proposal.order.is_some_and(is_owner);
    let early = proposal.order.is_none();
    match (message.kind, message.printer) {
        (MessageType::Prepare, Some(printer)) => proposal.answer(printer).got_prepare = true,
        (MessageType::Accept, Some(printer)) => proposal.answer(printer).got_accept = true,
        _ if standing == Standing::Refusal => {}
        (MessageType::PrepareAck, _) => {
            let in_time = in_order && !proposal.accept_sent;
            proposal.early_promises += usize::from(early);
            if let Some(sender) = message.sender {
                promise(proposal, spot, message, sender, standing, true);
                proposal.answer(sender).promised_in_time |= in_time;
            } else {
                proposal.nameless_promises += usize::from(in_time);
            }
        }
        (MessageType::AcceptAck, printer) => {
            let in_time = in_order && !proposal.owner_chose;
            proposal.owner_got_vote |= in_order && printer.is_some();
            proposal.early_votes += usize::from(early);
            if let Some(sender) = message.sender {
                vote(proposal, spot, message, sender, standing);
                proposal.answer(sender).voted_in_time |= in_time;
            } else {
                proposal.nameless_votes += usize::from(in_time);
            }
        }
        _ => {}
    }
}

fn promise(
    proposal: &mut Proposal,
    spot: Spot<'_>,
    message: Message,
    acceptor: u16,
    standing: Standing,
    received: bool,
) {
    let certain = standing == Standing::Grant;
    let promise = &mut proposal.answer(acceptor).promise;
    let (value, held) = (message.value, message.held);
    let fresh = || Promise { value, held, received, certain, witness: spot.witness() };
    let known = promise.get_or_insert_with(fresh);
    if known.certain && !certain {
        return;
    }
    // A proposer acts on what it received, whatever was sent.
    if (received && !known.received) || (certain && !known.certain) {
        let held = known.held;
        *known = fresh();
        if known.held == Held::Unknown {
            known.held = held;
        }
    } else if known.held == Held::Unknown {
        known.held = message.held;
    }
}

fn vote(
    proposal: &mut Proposal,
    spot: Spot<'_>,
    message: Message,
    acceptor: u16,
    standing: Standing,
) {
    let certain = standing == Standing::Grant;
    let vote = &mut proposal.answer(acceptor).vote;
    // What may be a refusal shows perhaps another value.
    if vote.as_ref().is_none_or(|known| certain && !known.certain) {
        *vote = Some(Vote { value: message.value, certain, witness: spot.witness() });
    }
}

fn chose(
    proposal: &mut Proposal,
    spot: Spot<'_>,
    message: Message,
    all: &mut Vec<(Number, Choice)>,
) {
    let (by, value) = (message.printer, message.value);
    let choice = || Choice { by, value, witness: spot.witness() };
    let owner = proposal.order.is_some_and(|order| Some(order) == by.map(|by| (by, spot.input)));
    let first_by_owner = owner && !proposal.owner_chose;
    proposal.owner_chose |= owner;
    if first_by_owner || !proposal.choices.iter().any(|known| known.value == value) {
        proposal.choices.push(choice());
    }
    if all.len() < MOST_EXCHANGES && !all.iter().any(|(_, known)| known.value == value) {
        all.push((message.number, choice()));
    }
}
