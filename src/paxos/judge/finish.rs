//! The end of the log: what is left is settled, and the rules about the whole run are judged.

use super::conduct::both;
use super::dialect::Number;
use super::intake::PaxosJudge;
use super::report::{Choices, Report};
use super::rules::PaxosRule;
use super::state::{Held, Proposal, ValueId, Values};
use crate::trace::findings::{Certainty, Witness};

impl PaxosJudge {
    /// Judges what is left and reports.
    pub fn finish(mut self) -> Report {
        let proposals = std::mem::take(&mut self.proposals);
        for proposal in proposals.values() {
            self.note_acceptors(proposal);
        }
        for (number, proposal) in &proposals {
            self.settle(*number, proposal, false);
        }
        self.proposals = proposals;
        self.held_under_its_number();
        self.acks_without_questions();
        self.one_value();
        self.expected_value();
        self.value_was_proposed();
        self.judge_progress();
        self.report()
    }

    /// A promise that names the number of its value must name the value of that number.
    fn held_under_its_number(&mut self) {
        let told = |proposal: &Proposal| -> Vec<(Number, ValueId, Witness)> {
            let promises = proposal.answers.iter().filter_map(|answer| answer.promise.as_ref());
            let held = promises.filter_map(|promise| match promise.held {
                Held::Under(number) => Some((number, promise.value?, promise.witness.clone())),
                _ => None,
            });
            held.collect()
        };
        for (held, value, witness) in self.proposals.values().map(Box::as_ref).flat_map(told) {
            let asked = self
                .proposals
                .get(&held)
                .into_iter()
                .flat_map(|proposal| proposal.asked(crate::paxos::event::MessageType::Accept));
            let mut asked = asked.filter(|asked| asked.value.is_some()).peekable();
            let Some(first) = asked.peek().and_then(|asked| asked.line()) else { continue };
            if asked.all(|asked| asked.value != Some(value)) {
                let text = self.values.text(value).to_owned();
                self.findings.add(PaxosRule::OneValuePerNumber, Certainty::Certain, || {
                    let words = format!(
                        "a promise shows {text} under {held}, which asked for another value"
                    );
                    (vec![first, witness], words)
                });
            }
        }
    }

    fn acks_without_questions(&mut self) {
        for unasked in std::mem::take(&mut self.unasked) {
            let facts = self.peers.get(&unasked.by);
            let hears = facts.is_some_and(|facts| facts.hears_questions);
            let restarted = facts.is_some_and(|facts| facts.starts > 1) && !unasked.is_journal;
            let open = !hears || restarted || self.has_gaps;
            let certainty = match () {
                () if open => Certainty::NotDecidable,
                () if unasked.is_journal => Certainty::Certain,
                () => Certainty::IfAckNumber,
            };
            self.findings.add(PaxosRule::AckFollowsQuestion, certainty, || {
                let (by, kind, number) = (unasked.by, unasked.kind.name(), unasked.number);
                let words = if open {
                    format!("what peer{by} was asked is not among the lines")
                } else {
                    format!("peer{by} sends this {kind} of {number}, but nobody had asked it")
                };
                (vec![unasked.witness], words)
            });
        }
    }

    /// What is chosen, by what peers say and by the votes: value, number, lines.
    fn chosen(&self) -> Vec<(ValueId, Number, Vec<Witness>)> {
        let said = self.choices.iter().filter_map(|(number, choice)| {
            Some((choice.value?, *number, vec![choice.witness.clone()]))
        });
        let mut chosen: Vec<_> = said.collect();
        for (value, number, lines) in &self.majorities {
            if !chosen.iter().any(|(known, ..)| known == value) {
                chosen.push((*value, *number, lines.clone()));
            }
        }
        chosen
    }

    fn one_value(&mut self) {
        let chosen = self.chosen();
        let [first, others @ ..] = &chosen[..] else { return };
        if others.is_empty() {
            return self.findings.kept(PaxosRule::OneValue);
        }
        for other in others {
            let said = |(value, number, _): &(ValueId, Number, Vec<Witness>)| {
                format!("{} (number {number})", self.values.text(*value))
            };
            let by_vote = |(value, ..): &(ValueId, Number, Vec<Witness>)| {
                !self.choices.iter().any(|(_, choice)| choice.value == Some(*value))
            };
            // What peers say needs no majority to be counted; votes do.
            let voted = by_vote(first) || by_vote(other);
            let certainty = if voted { self.certainty_of_votes() } else { Certainty::Certain };
            let words = format!("two values are chosen: {} and {}", said(first), said(other));
            let line = |of: &(ValueId, Number, Vec<Witness>)| of.2.first().cloned();
            let lines = match (line(first), line(other)) {
                (Some(one), Some(two)) => both(&one, &two),
                (one, two) => one.into_iter().chain(two).collect(),
            };
            self.findings.add(PaxosRule::OneValue, certainty, || (lines, words));
        }
    }

    fn certainty_of_votes(&self) -> Certainty {
        let journals = self.peers.values().filter(|facts| facts.answers).all(|facts| facts.journal);
        match (&self.options.roles, journals) {
            (Some(_), true) => Certainty::Certain,
            (Some(_), false) => Certainty::IfAckNumber,
            (None, _) => Certainty::IfRoles,
        }
    }

    fn expected_value(&mut self) {
        let Some(expect) = self.options.expect.clone() else { return };
        let expected = self.values.id(&expect);
        let chosen = self.chosen();
        let wrong: Vec<_> = chosen.iter().filter(|(value, ..)| *value != expected).collect();
        if chosen.is_empty() {
            let words = format!("{expect} was expected, but nothing is chosen");
            let (certainty, words) = if self.has_gaps {
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
            let text = self.values.text(*value);
            self.findings.add(PaxosRule::ExpectedValue, Certainty::Certain, || {
                (lines.clone(), format!("{text} is chosen, but {expect} was expected"))
            });
        }
    }

    fn value_was_proposed(&mut self) {
        for (value, number, lines) in self.chosen() {
            if self.candidates.contains(&value) {
                self.findings.kept(PaxosRule::ValueWasProposed);
                continue;
            }
            let complete = self.every_proposer_speaks() && !self.prepare_without_value;
            let open = !complete || Values::is_vague(value) || self.floor.is_some();
            let certainty = match () {
                () if open => Certainty::NotDecidable,
                () if self.options.roles.is_some() => Certainty::Certain,
                () => Certainty::IfEveryProposer,
            };
            let text = self.values.text(value);
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

    fn report(self) -> Report {
        let chosen: Vec<String> =
            self.chosen().iter().map(|(value, ..)| self.values.text(*value).to_owned()).collect();
        let mut inferred = Vec::new();
        if self.options.roles.is_none() {
            for (owner, acceptors) in self.answered.iter().filter(|(_, seen)| !seen.is_empty()) {
                let names: Vec<String> = acceptors.iter().map(|a| format!("peer{a}")).collect();
                inferred.push(format!(
                    "roles: peer{owner} is taken for a proposer with the acceptors {}",
                    names.join(", ")
                ));
            }
        }
        for (peer, facts) in self.peers.iter().filter(|(_, facts)| facts.lost > 0) {
            inferred.push(format!(
                "{} line(s) of peer{peer}'s journal were lost, so nothing is concluded from what \
                 is not here",
                facts.lost
            ));
        }
        let counts = self.counts;
        for (count, what) in [
            (counts.unnumbered, "message(s) without a proposal_num were not judged"),
            (counts.forgotten, "line(s) about numbers long forgotten were not judged"),
            (counts.unknown_peers, "line(s) of more peers than can be told apart were not judged"),
        ] {
            if count > 0 {
                inferred.push(format!("{count} {what}"));
            }
        }
        Report {
            findings: self.findings.sorted(),
            inferred,
            lines: counts.lines,
            events: counts.events,
            expects: self.options.expect.is_some(),
            summary: Choices { chosen },
        }
    }
}
