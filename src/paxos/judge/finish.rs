//! The end of the log: what is left is settled, and the rules about the whole run are judged.

use super::conduct::both;
use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use super::state::{Held, Promise, Proposal, Stream, ValueId, Values};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Witness};

impl Hypothesis {
    /// Judges what is left.
    pub(super) fn finish(&mut self, known: &Known) {
        let places: Vec<(u16, u16)> = self.streams.keys().copied().collect();
        for place in places {
            self.end_of_waiting(known, place, None);
        }
        for stream in self.streams.values_mut() {
            if let Some((_, least, witness)) = stream.raise.take() {
                stream.promise_at_least(least, witness);
            }
        }
        // What nobody answers before the log ends may have been refused.
        let is_open = |stream: &Stream| stream.open.iter().any(|open| !open.is_empty());
        self.leaves_open |= self.streams.values().any(is_open);
        let proposals = std::mem::take(&mut self.proposals);
        for proposal in proposals.values() {
            self.note_acceptors(proposal);
        }
        let numbers: Vec<Number> = proposals.keys().copied().collect();
        self.proposals = proposals;
        for number in numbers {
            let Some(proposal) = self.proposals.remove(&number) else { continue };
            self.settle(known, number, &proposal, false);
            self.proposals.insert(number, proposal);
        }
        if self.shows_held {
            self.findings.promote(Certainty::IfAcksShowValues);
        }
        self.held_under_its_number(known);
        self.blank_promises(known);
        self.without_numbers(known);
        self.one_value(known);
        self.expected_value(known);
        self.value_was_proposed(known);
        self.judge_progress(known);
    }

    /// Under a reading in which an ack always has a number, one without is none; unless the
    /// program prints no numbers in acks at all.
    fn without_numbers(&mut self, known: &Known) {
        if known.numbered_acks == 0 {
            return;
        }
        if let Some(witness) = self.unnumbered.first().cloned() {
            self.contradictions += 1;
            self.findings.add(PaxosRule::AckFollowsQuestion, Certainty::Certain, || {
                (vec![witness], "this ack shows no number, where others do".into())
            });
        }
    }

    /// An acceptor that shows no value has accepted none, if acks of a prepare show values.
    fn blank_promises(&mut self, known: &Known) {
        for (acceptor, voted, blank) in std::mem::take(&mut self.blanks) {
            let means = known.promises_show_values;
            let certainty = if means { Certainty::Certain } else { Certainty::NotDecidable };
            self.findings.add_of(PaxosRule::VoteKept, acceptor, certainty, || {
                let words = if means {
                    format!(
                        "this promise of peer{acceptor} shows no value; it should have named \
                         the one that it has accepted"
                    )
                } else {
                    format!(
                        "this promise of peer{acceptor} shows no value although it has \
                         accepted one; this program never shows it"
                    )
                };
                (vec![voted, blank], words)
            });
        }
    }

    /// A promise that names the number of its value must name the value of that number.
    fn held_under_its_number(&mut self, known: &Known) {
        let shows_held = self.shows_held || known.printed_acks == 0;
        let told = |proposal: &Proposal| -> Vec<(Number, ValueId, Witness)> {
            let candidate = proposal.value_of(MessageType::Prepare);
            let promises = proposal.answers.iter().filter_map(|answer| answer.promise.as_ref());
            // It may be the question's.
            let is_other = |p: &&Promise| candidate.is_some() && p.value != candidate;
            let promises = promises.filter(|p| shows_held || is_other(p));
            let held = promises.filter_map(|promise| match promise.held {
                Held::Under(number) if promise.is_told => {
                    Some((number, promise.value?, promise.witness.clone()))
                }
                _ => None,
            });
            held.collect()
        };
        for (held, value, witness) in self.proposals.values().map(Box::as_ref).flat_map(told) {
            let asked = self
                .proposals
                .get(&held)
                .into_iter()
                .flat_map(|proposal| proposal.asked(MessageType::Accept));
            let mut asked = asked.filter(|asked| asked.value.is_some()).peekable();
            let Some(first) = asked.peek().and_then(|asked| asked.line()) else { continue };
            if asked.all(|asked| asked.value != Some(value)) {
                let text = known.values.text(value).to_owned();
                self.findings.add(PaxosRule::OneValuePerNumber, Certainty::Certain, || {
                    let words = format!(
                        "a promise shows {text} under {held}, which asked for another value"
                    );
                    (vec![first, witness], words)
                });
            }
        }
    }

    /// What is chosen, by what peers say and by the votes: value, number, lines.
    pub(super) fn chosen(&self) -> Vec<(ValueId, Number, Vec<Witness>)> {
        let said = self.choices.iter().filter_map(|(number, choice)| {
            Some((choice.value?, *number, vec![choice.witness.clone()]))
        });
        let mut chosen: Vec<_> = said.collect();
        for (value, number, lines, _) in &self.majorities {
            if !chosen.iter().any(|(known, ..)| known == value) {
                chosen.push((*value, *number, lines.clone()));
            }
        }
        chosen
    }

    fn one_value(&mut self, known: &Known) {
        let chosen = self.chosen();
        let [first, others @ ..] = &chosen[..] else { return };
        if others.is_empty() {
            return self.findings.kept(PaxosRule::OneValue);
        }
        for other in others {
            let said = |(value, number, _): &(ValueId, Number, Vec<Witness>)| {
                format!("{} (number {number})", known.values.text(*value))
            };
            let by_vote = |(value, ..): &(ValueId, Number, Vec<Witness>)| {
                !self.choices.iter().any(|(_, choice)| choice.value == Some(*value))
            };
            // What peers say needs no majority to be counted; votes do.
            let voted = by_vote(first) || by_vote(other);
            let is_all = self.majorities.iter().all(|(.., is_all)| *is_all);
            let certainty = if voted && !is_all { Certainty::IfRoles } else { Certainty::Certain };
            let words = format!("two values are chosen: {} and {}", said(first), said(other));
            let line = |of: &(ValueId, Number, Vec<Witness>)| of.2.first().cloned();
            let lines = match (line(first), line(other)) {
                (Some(one), Some(two)) => both(&one, &two),
                (one, two) => one.into_iter().chain(two).collect(),
            };
            self.findings.add(PaxosRule::OneValue, certainty, || (lines, words));
        }
    }

    fn expected_value(&mut self, known: &Known) {
        let Some((expect, expected)) = known.options.expect.as_ref().zip(known.expected) else {
            return;
        };
        let chosen = self.chosen();
        let wrong: Vec<_> = chosen.iter().filter(|(value, ..)| *value != expected).collect();
        if chosen.is_empty() {
            let words = format!("{expect} was expected, but nothing is chosen");
            let (certainty, words) = if known.has_gaps {
                (Certainty::NotDecidable, format!("{words} in the lines that are left"))
            } else {
                (Certainty::Certain, words)
            };
            return self.findings.add(PaxosRule::ExpectedValue, certainty, || (Vec::new(), words));
        }
        if wrong.is_empty() {
            return self.findings.kept(PaxosRule::ExpectedValue);
        }
        for (value, _, lines) in wrong {
            let text = known.values.text(*value);
            self.findings.add(PaxosRule::ExpectedValue, Certainty::Certain, || {
                (lines.clone(), format!("{text} is chosen, but {expect} was expected"))
            });
        }
    }

    fn value_was_proposed(&mut self, known: &Known) {
        for (value, number, lines) in self.chosen() {
            if known.candidates.contains(&value) {
                self.findings.kept(PaxosRule::ValueWasProposed);
                continue;
            }
            let complete = self.every_proposer_speaks(known) && !known.prepare_without_value;
            let open = !complete || Values::is_vague(value) || self.floor.is_some();
            let certainty = match () {
                () if open => Certainty::NotDecidable,
                () if self.every_proposer_is_whole(known) => Certainty::Certain,
                () => Certainty::IfEveryProposer,
            };
            let text = known.values.text(value);
            self.findings.add(PaxosRule::ValueWasProposed, certainty, || {
                let words = if open {
                    format!("who put {text} forward is not among the lines")
                } else {
                    format!("{text} is chosen under {number}, but no proposer put it forward")
                };
                (lines, words)
            });
        }
    }
}
