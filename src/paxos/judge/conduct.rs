//! Rules about one peer's conduct, judged in the order of its own lines.

use super::acks::Standing;
use super::dialect::{Entry, Number};
use super::intake::{Message, PaxosJudge, Refusal, Unasked};
use super::rules::PaxosRule;
use super::state::{Held, Stream, Values};
use crate::paxos::event::{Action, MessageType};
use crate::trace::findings::{Certainty, Findings, MOST_FINDINGS, Spot, Witness};

impl PaxosJudge {
    /// A line of a journal that says that a peer began, and with what.
    pub(super) fn started(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        let peer = entry.peer_id;
        let facts = self.peers.entry(peer).or_default();
        facts.starts += 1;
        let again = facts.starts > 1;
        // What the end of its last incarnation has cost is missing before this line.
        self.has_gaps |= again && facts.queued;
        facts.queued |= entry.queued;
        let stream = self.streams.entry((spot.input, peer)).or_default();
        stream.found = entry.number.max(entry.accepted_proposal);
        stream.lowest_accept = match (stream.lowest_accept, entry.accepted_proposal) {
            (Some(lowest), Some(found)) => Some(lowest.min(found)),
            (lowest, found) => lowest.or(found),
        };
        stream.open_accepts.clear();
        stream.open_prepares.clear();
        stream.chose = None;
        if again {
            stream.incarnation += 1;
            let forgot =
                stream.promised.as_ref().filter(|(number, _)| entry.number < Some(*number));
            let forgot = forgot.map(|(number, _)| *number);
            self.findings.add(PaxosRule::Restarted, Certainty::Certain, || {
                let memory = match forgot {
                    Some(number) => format!(", without its promise of {number}"),
                    None => String::new(),
                };
                (vec![spot.witness()], format!("peer{peer} began anew{memory}"))
            });
            stream.restart = Some(spot.witness());
        }
    }

    /// A line that stands for others, which are not here.
    pub(super) fn lost(&mut self, spot: Spot<'_>, entry: &Entry<'_>) {
        self.has_gaps = true;
        let facts = self.peers.entry(entry.peer_id).or_default();
        facts.lost = facts.lost.saturating_add(entry.lost.unwrap_or(1));
        // A new incarnation may have begun among them, which chooses anew.
        self.streams.entry((spot.input, entry.peer_id)).or_default().chose = None;
    }

    /// Judges a message or a choice by the lines that its printer printed before. Says of an ack
    /// that was sent what it is to its number.
    pub(super) fn judge_conduct(
        &mut self,
        spot: Spot<'_>,
        action: Action,
        message: Message,
    ) -> Standing {
        self.note_facts(action, message);
        let Some(printer) = message.printer else { return Standing::Open };
        let stream = self.streams.entry((spot.input, printer)).or_default();
        let number = message.number;
        match (action, message.kind) {
            (Action::Chose, _) => {
                if let Some(first) = &stream.chose {
                    let first = first.clone();
                    self.findings.add(PaxosRule::ChoseOnce, Certainty::Certain, || {
                        let words = format!("peer{printer} prints its choice again");
                        (vec![first, spot.witness()], words)
                    });
                } else {
                    stream.chose = Some(spot.witness());
                }
            }
            (Action::Received, MessageType::Prepare) => {
                stream.open_prepares.ask(number);
                lower(&mut stream.lowest_prepare, number);
            }
            (Action::Received, MessageType::Accept) => {
                lower(&mut stream.lowest_accept, number);
                stream.open_accepts.ask(number);
            }
            (Action::Sent, MessageType::Prepare) => {
                grows(&mut self.findings, stream, spot, message, printer);
                self.numbered_as_agreed(spot, message, printer);
            }
            (Action::Sent, MessageType::Accept) => {
                lower(&mut stream.lowest_asked, number);
            }
            (Action::Sent, MessageType::PrepareAck | MessageType::AcceptAck) => {
                keeps_promise(&mut self.findings, stream, spot, message, printer);
                keeps_vote(&mut self.findings, stream, spot, message, &self.values);
                let (standing, refused) = stream.answer(spot, message);
                let asked = stream.was_asked(message);
                self.follows_question(spot, message, printer, asked);
                if let Some(refused) = refused {
                    self.note_refusal(spot, refused, message, printer);
                }
                return standing;
            }
            _ => {}
        }
        Standing::Open
    }

    fn note_facts(&mut self, action: Action, message: Message) {
        let number = Some(message.number);
        let question = matches!(message.kind, MessageType::Prepare | MessageType::Accept);
        let ack = matches!(message.kind, MessageType::PrepareAck | MessageType::AcceptAck);
        if message.kind == MessageType::Prepare {
            self.prepare_without_value |= message.value.is_none();
            self.candidates.extend(message.value);
            lower(&mut self.lowest_prepared, message.number);
        }
        self.acks_show_values |= ack && message.value.is_some();
        self.nameless_answers |= ack && action == Action::Received && message.printer.is_none();
        let Some(facts) = message.printer.and_then(|printer| self.peers.get_mut(&printer)) else {
            return;
        };
        match action {
            Action::Received if question => {
                facts.hears_questions = true;
                facts.highest_heard = facts.highest_heard.max(number);
            }
            Action::Received => facts.hears_answers |= ack,
            Action::Sent => {
                facts.tells_sends = true;
                facts.asks |= question;
                facts.answers |= ack;
                let highest = match message.kind {
                    MessageType::Prepare => &mut facts.highest_prepare,
                    MessageType::Accept => &mut facts.highest_accept,
                    _ if ack => &mut facts.highest_ack,
                    _ => return,
                };
                *highest = (*highest).max(number);
            }
            _ => facts.chose |= action == Action::Chose,
        }
    }

    /// The agreement `n = (round - 1) * peers + id` is this program's: only its journals show it.
    fn numbered_as_agreed(&mut self, spot: Spot<'_>, message: Message, printer: u16) {
        let Some(roles) = self.options.roles.as_ref().filter(|_| message.is_journal) else {
            return;
        };
        let Number { round, id: None } = message.number else { return };
        let peers = u64::from(roles.peers.max(1));
        let owner = round.checked_sub(1).map(|before| before % peers + 1);
        if owner != Some(u64::from(printer)) {
            self.findings.add(PaxosRule::OwnGrowingNumbers, Certainty::Certain, || {
                let owner = owner.map_or("nobody".into(), |owner| format!("peer{owner}"));
                let words = format!(
                    "peer{printer} proposes under {}, which among {peers} peers is {owner}'s",
                    message.number
                );
                (vec![spot.witness()], words)
            });
        }
    }

    fn follows_question(&mut self, spot: Spot<'_>, message: Message, by: u16, of_kind: bool) {
        let number = message.number;
        // The number of an ack is the acceptor's promise, so somebody must have asked about it.
        let answers = self.proposals.get(&number).map(|proposal| &proposal.answers);
        let heard = answers
            .into_iter()
            .flatten()
            .any(|answer| answer.peer == by && (answer.got_prepare || answer.got_accept));
        let found = self.streams.get(&(spot.input, by)).and_then(|stream| stream.found);
        let forgotten = self.floor.is_some_and(|floor| number <= floor);
        if of_kind && (heard || forgotten || found == Some(number)) {
            return self.findings.kept(PaxosRule::AckFollowsQuestion);
        }
        if self.unasked.len() < usize::try_from(MOST_FINDINGS).unwrap_or(0) {
            let (kind, is_journal, witness) = (message.kind, message.is_journal, spot.witness());
            self.unasked.push(Unasked { by, kind, number, is_journal, witness });
        }
    }

    fn note_refusal(&mut self, spot: Spot<'_>, number: Number, message: Message, by: u16) {
        self.refusals += 1;
        let promised = message.number;
        let refusal = || Refusal { number, promised, by, witness: spot.witness() };
        self.first_refusal.get_or_insert_with(refusal);
        let answers = self.proposals.get_mut(&number).map(|proposal| &mut proposal.answers);
        if let Some(answer) = answers.into_iter().flatten().find(|answer| answer.peer == by) {
            answer.refused.get_or_insert_with(|| (promised, spot.witness()));
        }
    }
}

fn lower(known: &mut Option<Number>, number: Number) {
    let lowest = known.map_or(number, |known| known.min(number));
    *known = Some(lowest);
}

/// A proposer's numbers grow; the same one again is the same question to another acceptor.
fn grows(
    findings: &mut Findings<PaxosRule>,
    stream: &mut Stream,
    spot: Spot<'_>,
    message: Message,
    printer: u16,
) {
    let number = message.number;
    let incarnation = stream.incarnation;
    if let Some((last, its_incarnation, witness)) = &stream.prepared {
        if number == *last && incarnation == *its_incarnation {
            return;
        }
        if number <= *last {
            let (last, witness) = (*last, witness.clone());
            findings.add(PaxosRule::OwnGrowingNumbers, Certainty::Certain, || {
                let how = if incarnation > 0 { "after a restart " } else { "" };
                let words = format!("peer{printer} proposes {how}under {number} after {last}");
                (vec![witness, spot.witness()], words)
            });
        } else {
            findings.kept(PaxosRule::OwnGrowingNumbers);
        }
    } else {
        findings.kept(PaxosRule::OwnGrowingNumbers);
    }
    // Also after a finding, so that the other receivers of the same question are no further ones.
    stream.prepared = Some((number, incarnation, spot.witness()));
}

/// How sure a finding is that rests on the number of an ack.
fn by_ack_number(message: Message) -> Certainty {
    if message.is_journal { Certainty::Certain } else { Certainty::IfAckNumber }
}

fn keeps_promise(
    findings: &mut Findings<PaxosRule>,
    stream: &mut Stream,
    spot: Spot<'_>,
    message: Message,
    printer: u16,
) {
    let number = message.number;
    if let Some(answers) = message.answers.filter(|answers| number < *answers) {
        findings.add(PaxosRule::PromiseKept, by_ack_number(message), || {
            let words = format!(
                "peer{printer} answers {answers} with a promise of only {number}: it should have \
                 raised its promise"
            );
            (vec![spot.witness()], words)
        });
    }
    match &stream.promised {
        Some((promised, witness)) if number < *promised => {
            let (promised, witness) = (*promised, witness.clone());
            let restarted = stream.restart.is_some();
            findings.add(PaxosRule::PromiseKept, by_ack_number(message), || {
                let cause = if restarted {
                    "; it was restarted in between and has forgotten its promise"
                } else {
                    ""
                };
                let words = format!(
                    "peer{printer} goes back to {number} after it promised {promised}{cause}"
                );
                (vec![witness, spot.witness()], words)
            });
        }
        Some((promised, _)) if number == *promised => findings.kept(PaxosRule::PromiseKept),
        _ => {
            findings.kept(PaxosRule::PromiseKept);
            stream.promised = Some((number, spot.witness()));
        }
    }
}

/// What was accepted is reported until something else is accepted under a higher number.
fn keeps_vote(
    findings: &mut Findings<PaxosRule>,
    stream: &Stream,
    spot: Spot<'_>,
    message: Message,
    values: &Values,
) {
    let Some((voted, value, witness)) = &stream.voted else { return };
    let Some(printer) = message.printer else { return };
    let lost = match (message.held, message.value) {
        (Held::Under(held), shown) => {
            let other = shown.is_some() && value.is_some() && shown != *value;
            held < *voted || (held == *voted && other)
        }
        (Held::Nothing, _) => true,
        // An acceptance replaces the earlier one, so its value may be another.
        (Held::Unknown, _) if message.kind == MessageType::AcceptAck => return,
        (Held::Unknown, None) => {
            return findings.add(PaxosRule::VoteKept, Certainty::NotDecidable, || {
                let words = format!(
                    "this promise of peer{printer} shows no value although it has accepted one; \
                     some programs never show it"
                );
                (vec![witness.clone(), spot.witness()], words)
            });
        }
        (Held::Unknown, Some(shown)) => {
            value.is_some_and(|value| value != shown && !Values::is_vague(shown))
        }
    };
    if !lost {
        return findings.kept(PaxosRule::VoteKept);
    }
    findings.add(PaxosRule::VoteKept, by_ack_number(message), || {
        let what = value.map_or("a value", |value| values.text(value));
        let words = format!("peer{printer} accepted {what} under {voted} and no longer reports it");
        (vec![witness.clone(), spot.witness()], words)
    });
}

impl Stream {
    /// True if its last certain vote is the one in this message.
    pub(super) fn voted_now(&self, message: &Message) -> bool {
        self.voted.as_ref().is_some_and(|(number, ..)| *number == message.number)
    }

    /// True if it got a question of this kind that the ack may answer.
    fn was_asked(&self, message: Message) -> bool {
        let lowest = match message.kind {
            MessageType::PrepareAck => self.lowest_prepare,
            _ => self.lowest_accept,
        };
        lowest.is_some_and(|lowest| lowest <= message.number)
    }
}

/// Two lines in one list.
pub(super) fn both(one: &Witness, other: &Witness) -> Vec<Witness> {
    vec![one.clone(), other.clone()]
}
