//! The run as it was, if an ack's number is what one reading takes it for.
//!
//! Every rule is judged here, under one reading, as if it were the only one. What a rule needs and
//! the log may have lost makes it undecided, so if the reading is the program's, then whatever is
//! broken here was broken in the run.

use std::collections::{BTreeMap, BTreeSet};

use super::dialect::Number;
use super::known::Known;
use super::reading::{Reading, Shows};
use super::rules::PaxosRule;
use super::state::{Choice, Early, MOST_RECORDS, Message, Proposal, Said, Stream, ValueId};
use crate::paxos::event::{Action, MessageType};
use crate::trace::findings::{Certainty, Findings, Spot, Witness};

/// What is known of a run under one reading.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts about the log
pub(super) struct Hypothesis {
    pub(super) reading: Reading,
    pub(super) proposals: BTreeMap<Number, Box<Proposal>>,
    pub(super) records: usize,
    /// Numbers up to this one have been forgotten.
    pub(super) floor: Option<Number>,
    /// How many lines were about numbers that have been forgotten.
    pub(super) forgotten: u64,
    /// The lines of a peer in an input.
    pub(super) streams: BTreeMap<(u16, u16), Stream>,
    /// Who answered the numbers of whom.
    pub(super) answered: BTreeMap<u16, BTreeSet<u16>>,
    /// The most `sent` lines of one prepare: how many acceptors there are, unless one line stands
    /// for all.
    pub(super) most_sent: BTreeMap<u16, usize>,
    /// The first choice of each value.
    pub(super) choices: Vec<(Number, Choice)>,
    /// The first certain majority behind each value, and whether all acceptors are known.
    pub(super) majorities: Vec<(ValueId, Number, Vec<Witness>, bool)>,
    pub(super) number_without_prepare: bool,
    /// The lowest and the highest number so far that asked for each value.
    pub(super) value_numbers: BTreeMap<ValueId, (Number, Number)>,
    pub(super) findings: Findings<PaxosRule>,
    /// Acks that are no answers to what was asked: the reading, or the run, is wrong.
    pub(super) contradictions: u64,
    /// An ack shows a promise before its question that nobody but that question asked for.
    pub(super) shows_own_question: bool,
    /// Acks show values that are not those of their questions: what the acceptor holds.
    pub(super) shows_held: bool,
    /// An acceptor left a question unanswered, as far as is printed: a refusal, perhaps.
    pub(super) leaves_open: bool,
    /// Acks that show no number where this reading has one.
    pub(super) unnumbered: Vec<Witness>,
    /// Refusals are printed.
    pub(super) shows_refusals: bool,
    /// Acks were received for it is not known which number.
    pub(super) unplaced_promises: bool,
    pub(super) refusals: u64,
    /// Numbers that somebody asked under, those of them that came to nothing, and who asked.
    pub(super) numbers: u64,
    pub(super) given_up: u64,
    pub(super) owners: BTreeSet<u16>,
    pub(super) first_refusal: Option<Refusal>,
    /// Acks of a prepare without a value by acceptors that have accepted one, with the line before.
    pub(super) blanks: Vec<(u16, Witness, Witness)>,
}

/// A number that an acceptor turned down.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) number: Option<Number>,
    pub(super) promised: Option<Number>,
    pub(super) by: u16,
    pub(super) witness: Witness,
}

impl Hypothesis {
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            reading,
            proposals: BTreeMap::new(),
            records: 0,
            floor: None,
            forgotten: 0,
            streams: BTreeMap::new(),
            answered: BTreeMap::new(),
            most_sent: BTreeMap::new(),
            choices: Vec::new(),
            majorities: Vec::new(),
            number_without_prepare: false,
            value_numbers: BTreeMap::new(),
            findings: Findings::default(),
            contradictions: 0,
            shows_own_question: false,
            shows_held: false,
            leaves_open: false,
            unnumbered: Vec::new(),
            shows_refusals: false,
            unplaced_promises: false,
            refusals: 0,
            numbers: 0,
            given_up: 0,
            owners: BTreeSet::new(),
            first_refusal: None,
            blanks: Vec::new(),
        }
    }

    pub(super) fn stream(&mut self, spot: Spot<'_>, peer: u16) -> &mut Stream {
        self.streams.entry((spot.input, peer)).or_default()
    }

    /// Takes a line.
    pub(super) fn take(&mut self, known: &Known, spot: Spot<'_>, said: Said) {
        match said {
            Said::Message(action, message) => self.event(known, spot, action, message),
            Said::Started { peer, again, promised, accepted } => {
                self.started(spot, (peer, again), promised, accepted);
            }
            // A new incarnation may have begun among them, which chooses anew.
            Said::Lost(peer) => self.stream(spot, peer).chose = None,
        }
    }

    /// True if something is wrong under this reading.
    pub(super) fn objects(&self) -> bool {
        self.findings.is_broken()
    }

    /// How well a reading fits the log: the least one is the best.
    pub(super) fn rank(&self) -> (bool, u64, u64) {
        let broken = self.findings.broken();
        // A few findings more are no reason to prefer an unlikely reading.
        (broken > 0, self.contradictions, broken / 4)
    }

    fn event(&mut self, known: &Known, spot: Spot<'_>, action: Action, message: Message) {
        if let Some(printer) = message.printer
            && self.follows_up(known, spot, printer, action, &message)
        {
            return;
        }
        match (action, message.number) {
            _ if message.is_ack() => match action {
                Action::Sent => self.ack_sent(known, spot, message),
                _ => self.ack_received(known, spot, message),
            },
            (Action::Chose, Some(number)) => self.chose(spot, message, number),
            (Action::Sent, Some(number)) => self.question_sent(known, spot, message, number),
            (_, Some(number)) => self.question_received(spot, message, number),
            (_, None) => {}
        }
        while self.records + self.proposals.len() > MOST_RECORDS && self.proposals.len() > 1 {
            let Some((number, proposal)) = self.proposals.pop_first() else { break };
            self.records = self.records.saturating_sub(proposal.records());
            self.floor = Some(number);
            self.settle(known, number, &proposal, true);
        }
    }

    /// What the lines before have left open is settled by this one. True if it needs no more.
    fn follows_up(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        printer: u16,
        action: Action,
        m: &Message,
    ) -> bool {
        let place = (spot.input, printer);
        let stream = self.streams.entry(place).or_default();
        let preparing =
            m.number.filter(|_| action == Action::Sent && m.kind == MessageType::Prepare);
        let in_a_row = preparing.is_some() && stream.preparing == preparing;
        stream.preparing = preparing;
        if let Some((kind, least, witness)) = stream.raise.take() {
            let next = m.number.filter(|_| action == Action::Received && m.kind == kind);
            stream.promise_at_least(next.map_or(least, |next| next.min(least)), witness);
        }
        let (is_waiting, is_credit) = (stream.waiting.is_some(), stream.credit.is_some());
        if is_credit {
            self.apply_credit(place, action, m);
        }
        if in_a_row && let Some(number) = preparing {
            self.with(number, |proposal| proposal.in_a_row = true);
        }
        is_waiting && {
            let question = (spot, m, action == Action::Received);
            self.end_of_waiting(known, place, Some(question))
        }
    }

    /// Promises that stand before their question, which is so only where it is logged behind the
    /// answer: not in front of another line of the same question.
    fn apply_credit(&mut self, place: (u16, u16), action: Action, next: &Message) {
        let stream = self.streams.get_mut(&place);
        let Some((number, nameless, since)) = stream.and_then(|stream| stream.credit.take()) else {
            return;
        };
        let is_prepare = action == Action::Sent && next.kind == MessageType::Prepare;
        // To itself a peer may answer at once.
        let in_a_row = is_prepare && next.number == Some(number);
        self.with(number, |proposal| {
            if proposal.order != Some((place.1, place.0)) || proposal.accept_sent {
                return;
            }
            proposal.nameless_promises += if in_a_row { 0 } else { nameless };
            for Early { from: acceptor, promised, promise, is_explained } in since {
                let is_enough = promised.is_none_or(|promised| promised >= number);
                if in_a_row && acceptor != place.1 {
                    proposal.early_answers += usize::from(is_enough && !is_explained);
                } else if is_enough {
                    proposal.answer(acceptor).promised_in_time = true;
                    proposal.take_promise(acceptor, promise);
                }
            }
        });
    }

    /// Changes what is known of a number; nothing of one that is forgotten.
    pub(super) fn with(&mut self, number: Number, change: impl FnOnce(&mut Proposal)) {
        if self.floor.is_some_and(|floor| number <= floor) {
            self.forgotten += 1;
            return;
        }
        let proposal = self.proposals.entry(number).or_default();
        let before = proposal.records();
        change(proposal);
        self.records += proposal.records() - before;
    }

    /// A line of a journal that says that a peer began, and with what.
    fn started(
        &mut self,
        spot: Spot<'_>,
        (peer, again): (u16, bool),
        promised_now: Option<Number>,
        accepted: Option<Number>,
    ) {
        let stream = self.stream(spot, peer);
        stream.is_whole |= !again && stream.questions == 0;
        stream.found = promised_now.max(accepted);
        stream.open.iter_mut().for_each(super::questions::Questions::clear);
        stream.chose = None;
        // A number that it has asked under is no longer its own count's.
        let prepared = stream.prepared.as_ref().map(|(number, ..)| *number);
        if again {
            stream.incarnation += 1;
            let promised = stream.promised.as_ref().map(|(number, _)| *number);
            let forgot = promised.filter(|number| promised_now < Some(*number));
            stream.restart = Some(spot.witness());
            self.findings.add(PaxosRule::Restarted, Certainty::Certain, || {
                let memory = match forgot {
                    Some(number) => format!(", without its promise of {number}"),
                    None => String::new(),
                };
                (vec![spot.witness()], format!("peer{peer} began anew{memory}"))
            });
        }
        let last = prepared.and_then(|number| self.proposals.get_mut(&number));
        if let Some(proposal) = last.filter(|last| last.order == Some((peer, spot.input))) {
            proposal.owner_was_told |= !proposal.owner_chose;
        }
    }

    /// What this reading takes the number of an ack for.
    pub(super) fn means(&self, m: &Message) -> Shows {
        if m.is_journal { Shows::Promise } else { self.reading.of(m.kind) }
    }

    /// The number that an ack shows; none if it stands for none. 0 does, unless somebody asks
    /// under it.
    pub(super) fn shown(&self, known: &Known, m: &Message) -> Option<Number> {
        let zero_is_none = self.means(m).may_be_none() && !known.zero_is_asked;
        m.number.filter(|number| number.round > 0 || !zero_is_none)
    }
}
