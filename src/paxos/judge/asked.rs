//! Questions as both ends print them, and choices.

use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use super::state::{Choice, Exchange, Held, MOST_EXCHANGES, Message, Place, Promise, Proposal};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Spot};

impl Hypothesis {
    pub(super) fn question_sent(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: Message,
        number: Number,
    ) {
        let own: Option<Place> = m.sender.map(|sender| (sender, spot.input));
        let is_prepare = m.kind == MessageType::Prepare;
        let (mut since, mut nameless, mut begins_here) = (Vec::new(), 0, false);
        if let Some(printer) = m.printer.filter(|_| m.kind != MessageType::Chosen) {
            if is_prepare {
                self.numbers_grow(spot, number, printer);
                self.numbered_as_agreed(known, spot, &m, number, printer);
            }
            let stream = self.stream(spot, printer);
            let is_later = stream.first_prepared.is_some_and(|first| first < number);
            begins_here = stream.is_whole || is_later;
            if is_prepare {
                stream.first_prepared.get_or_insert(number);
            } else {
                // It may be its own acceptor, which prints nothing.
                stream.accepted = stream.accepted.take().filter(|_| m.is_journal);
                stream.last_value = None;
            }
            (since, nameless) =
                (std::mem::take(&mut stream.since), std::mem::take(&mut stream.nameless_since));
        }
        let is_first = is_prepare
            && !(since.is_empty() && nameless == 0)
            && self.proposals.get(&number).is_none_or(|proposal| !proposal.prepared);
        if let Some(printer) = m.printer.filter(|_| is_first) {
            self.stream(spot, printer).credit = Some((number, nameless, since));
        }
        self.with(number, |proposal| {
            exchange(proposal, spot, &m, true);
            let Some(own) = own else { return };
            match m.kind {
                MessageType::Prepare => {
                    let is_own = *proposal.order.get_or_insert(own) == own;
                    proposal.prepared |= is_own && !proposal.accept_sent;
                    proposal.begins_here |= is_own && begins_here;
                    proposal.prepares_sent += 1;
                }
                MessageType::Accept => {
                    let is_own = *proposal.order.get_or_insert(own) == own;
                    proposal.accept_behind |= is_own && proposal.prepared;
                    proposal.accept_sent |= is_own;
                    proposal.begins_here |= is_own && begins_here;
                    proposal.accepts_sent += 1;
                }
                _ => {}
            }
        });
    }

    pub(super) fn question_received(&mut self, spot: Spot<'_>, m: Message, number: Number) {
        let kind = usize::from(m.kind == MessageType::Accept);
        let mut heard_at = 0;
        if let Some(printer) = m.printer.filter(|_| m.is_question()) {
            let stream = self.stream(spot, printer);
            stream.questions += 1;
            heard_at = stream.questions;
            stream.open[kind].ask(number);
        }
        self.hear(spot, &m, number, heard_at);
    }

    /// Notes that a message of a proposer arrived, for an acceptor as the n-th of its questions.
    pub(super) fn hear(&mut self, spot: Spot<'_>, m: &Message, number: Number, heard_at: u64) {
        let kind = usize::from(m.kind == MessageType::Accept);
        if let Some(printer) = m.printer.filter(|_| m.is_question()) {
            let stream = self.stream(spot, printer);
            stream.highest_heard = stream.highest_heard.max(Some(number));
            if kind == 1 && stream.asked_since.len() < MOST_ASKED {
                stream.asked_since.push((number, m.value));
            } else if kind == 1 {
                stream.last_value = None;
            }
        }
        self.with(number, |proposal| {
            exchange(proposal, spot, m, false);
            let Some(printer) = m.printer else { return };
            if m.kind == MessageType::Chosen {
                let is_owner = proposal.order == Some((printer, spot.input));
                proposal.owner_was_told |= is_owner && !proposal.owner_chose;
                return;
            }
            let answer = proposal.answer(printer);
            let times = if kind == 0 { &mut answer.prepares } else { &mut answer.accepts };
            *times = times.saturating_add(1);
            if kind == 1 {
                answer.asked = answer.asked.or(m.value);
            }
            if answer.heard_at[kind] == 0 {
                answer.heard_at[kind] = heard_at;
            }
        });
    }

    pub(super) fn chose(&mut self, spot: Spot<'_>, m: Message, number: Number) {
        if let Some(printer) = m.printer {
            let stream = self.stream(spot, printer);
            if let Some(first) = stream.chose.clone() {
                self.findings.add(PaxosRule::ChoseOnce, Certainty::Certain, || {
                    let words = format!("peer{printer} prints its choice again");
                    (vec![first, spot.witness()], words)
                });
            } else {
                stream.chose = Some(spot.witness());
            }
        }
        let (by, value) = (m.printer, m.value);
        let choice = || Choice { by, value, witness: spot.witness() };
        if self.choices.len() < MOST_EXCHANGES
            && !self.choices.iter().any(|(_, known)| known.value == value)
        {
            self.choices.push((number, choice()));
        }
        self.with(number, |proposal| {
            let place = by.map(|by| (by, spot.input));
            let owner = proposal.order.is_some() && proposal.order == place;
            let first_by_owner = owner && !proposal.owner_chose;
            proposal.owner_chose |= owner;
            if first_by_owner || !proposal.choices.iter().any(|known| known.value == value) {
                proposal.choices.push(choice());
            }
        });
    }
}

impl Proposal {
    /// Keeps what an acceptor's answer says. A proposer acts on what it received, whatever was
    /// sent.
    pub(super) fn take_promise(&mut self, acceptor: u16, promise: Promise) {
        let answer = self.answer(acceptor);
        answer.promise_sent |= !promise.received;
        let Some(known) = &mut answer.promise else {
            answer.promise = Some(promise);
            return;
        };
        if known.received && promise.received {
            answer.promises_differ |= known.value != promise.value || known.held != promise.held;
        } else if promise.received || known.held == Held::Unknown {
            let is_known = promise.held != Held::Unknown;
            let (held, is_told) = (known.held, known.is_told);
            if promise.received {
                *known = promise;
                if !is_known {
                    (known.held, known.is_told) = (held, is_told);
                }
            } else {
                (known.held, known.is_told) = (promise.held, promise.is_told);
            }
        }
    }
}

/// How many accepts are remembered until the next promise.
const MOST_ASKED: usize = 16;

/// Notes a message under its kind, sender and value.
pub(super) fn exchange(proposal: &mut Proposal, spot: Spot<'_>, message: &Message, is_sent: bool) {
    let Some(from) = message.sender else {
        let known = &mut proposal.nameless;
        if let Some(value) = message.value.filter(|_| message.is_question() && known.len() < 8)
            && !known.iter().any(|(kind, of, _)| (*kind, *of) == (message.kind, value))
        {
            known.push((message.kind, value, spot.witness()));
        }
        return;
    };
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
