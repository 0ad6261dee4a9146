//! Whether and how a run got on: notes, no errors.

use super::case::Case;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use super::settle::peers;
use crate::paxos::event::MessageType;
use crate::trace::counts::plural;
use crate::trace::findings::{Certainty, Witness};

/// Of how many unfinished numbers it is said what they lacked: the last ones matter.
const MOST_MISSING: usize = 3;

impl Hypothesis {
    /// Counts this number among those that came to something, or to nothing.
    pub(super) fn note_progress(&mut self, case: Case<'_>) {
        self.numbers += 1;
        self.owners.insert(case.owner);
        let votes = case.proposal.answers.iter().filter(|answer| answer.has_voted()).count();
        self.given_up += u64::from(votes < case.quorum.least);
    }

    /// The notes on the whole run.
    pub(super) fn judge_progress(&mut self, known: &Known) {
        self.who_proposes(known);
        self.who_never_chose(known);
        if self.choices.is_empty() {
            self.what_was_missing(known);
        }
        let Some(refusal) = self.first_refusal.clone() else { return };
        let text = |number: Option<super::dialect::Number>, none: &str| {
            number.map_or_else(|| none.to_owned(), |number| number.to_string())
        };
        let number = text(refusal.number, "a number");
        let promised = text(refusal.promised, "a higher one");
        let by = refusal.by;
        let because = format!("peer{by} refused {number}, because it had promised {promised}");
        let line = vec![refusal.witness];
        let count = self.refusals;
        self.findings.add(PaxosRule::Refused, Certainty::Certain, || {
            let were = if count == 1 { "was" } else { "were" };
            let questions = plural(count, "question");
            (line.clone(), format!("{questions} {were} refused; the first: {because}"))
        });
        if self.owners.len() > 1 && self.given_up > 0 {
            let (all, lost) = (self.numbers, self.given_up);
            let owners: Vec<u16> = self.owners.iter().copied().collect();
            self.findings.add(PaxosRule::Duel, Certainty::Certain, || {
                let who = peers(&owners);
                let words = format!(
                    "{lost} of {all} numbers came to nothing while {who} proposed: {because}"
                );
                (line, words)
            });
        }
    }

    /// Peers that propose although the hostsfile does not say so.
    fn who_proposes(&mut self, known: &Known) {
        let Some(roles) = &known.options.roles else { return };
        let is_other = |peer: &&u16| !roles.acceptors.contains_key(*peer);
        let asking = known.peers.iter().filter(|(_, facts)| facts.asks).map(|(peer, _)| peer);
        for peer in asking.filter(is_other) {
            self.findings.add(PaxosRule::Roles, Certainty::Certain, || {
                (Vec::new(), format!("peer{peer} proposes, but is not a proposer in the hostsfile"))
            });
        }
    }

    fn who_never_chose(&mut self, known: &Known) {
        let mut parties: Vec<u16> = match &known.options.roles {
            Some(roles) => {
                let served = roles.acceptors.values().chain(roles.learners.values()).flatten();
                roles.acceptors.keys().chain(served).copied().collect()
            }
            None => known.peers.keys().copied().collect(),
        };
        parties.sort_unstable();
        parties.dedup();
        for peer in parties {
            let facts = known.peers.get(&peer);
            if facts.is_some_and(|facts| facts.chose) {
                continue;
            }
            let words = if facts.is_some_and(|facts| facts.lost > 0) {
                format!("no choice is among the lines that are left of peer{peer}")
            } else if facts.is_some_and(|facts| facts.speaks) {
                format!("peer{peer} never printed a choice")
            } else {
                format!("no line of peer{peer} is here")
            };
            self.findings.add(PaxosRule::NeverChose, Certainty::Certain, || (Vec::new(), words));
        }
    }

    /// Why the last numbers did not lead to a choice.
    fn what_was_missing(&mut self, known: &Known) {
        let mut notes: Vec<(Vec<Witness>, String)> = Vec::new();
        for (number, proposal) in self.proposals.iter().rev() {
            let Some(owner) = proposal.owner() else { continue };
            if notes.len() == MOST_MISSING {
                break;
            }
            let quorum = self.quorum(known, owner);
            let voting = proposal.asked(MessageType::Accept).next().is_some();
            let who = |answer: &&super::state::Answer| {
                let has_promised = answer.promise.is_some() && answer.refused.is_none();
                if voting { answer.has_voted() } else { has_promised }
            };
            let have: Vec<u16> = proposal.answers.iter().filter(who).map(|a| a.peer).collect();
            let what = if voting { "acceptances" } else { "promises" };
            let mut words = format!(
                "proposal {number} of peer{owner} has {what} from {} and needs {} of {}",
                peers(&have),
                quorum.least,
                quorum.members.len()
            );
            let mut lines = Vec::new();
            for peer in quorum.members.iter().filter(|peer| !have.contains(peer)) {
                let answer = proposal.answers.iter().find(|answer| answer.peer == *peer);
                let refused = answer.and_then(|answer| answer.refused.clone());
                let refused = refused.and_then(|(promised, line)| Some((promised?, line)));
                let streams = self.streams.iter().filter(|((_, of), _)| of == peer);
                let promised = streams.filter_map(|(_, stream)| stream.promised.clone());
                let promised =
                    promised.filter(|(promised, _)| promised > number).max_by_key(|p| p.0);
                let words_of_peer = match refused.or(promised) {
                    Some((promised, witness)) => {
                        let line = witness.line;
                        lines.push(witness);
                        let to =
                            self.proposals.get(&promised).and_then(|proposal| proposal.owner());
                        let to = to.map_or(String::new(), |to| format!(" to peer{to}"));
                        format!("; peer{peer} promised {promised}{to} at line {line}")
                    }
                    None if answer.is_some_and(|answer| answer.prepares > 0) => {
                        format!("; peer{peer} was asked, but its answer is not here")
                    }
                    None => format!("; of peer{peer} there is nothing"),
                };
                words.push_str(&words_of_peer);
            }
            lines.truncate(2);
            notes.push((lines, words));
        }
        for (lines, words) in notes {
            self.findings.add(PaxosRule::Missing, Certainty::Certain, || (lines, words));
        }
    }
}
