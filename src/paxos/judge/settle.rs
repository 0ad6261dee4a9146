//! Rules about one number, judged when all lines about it are known.

use super::conduct::both;
use super::dialect::Number;
use super::intake::PaxosJudge;
use super::rules::PaxosRule;
use super::state::{Choice, Exchange, Proposal, ValueId, Values};
use super::support::Quorum;
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Witness};

impl PaxosJudge {
    /// Judges a number. `early` says that it is to be forgotten: further lines may have followed.
    pub(super) fn settle(&mut self, number: Number, proposal: &Proposal, early: bool) {
        if early {
            self.note_acceptors(proposal);
        }
        // Of inputs that are read one after the other, the later ones may have more to say.
        let more = early && self.counts.sources > 1;
        let partial = proposal.overflowed || more || self.has_gaps;
        self.one_value_per_number(number, proposal);
        let shared = self.one_owner(number, proposal);
        if let Some(owner) = proposal.owner().filter(|_| !shared) {
            let quorum = self.quorum(owner);
            self.majority_of_promises(number, proposal, owner, &quorum, partial);
            self.highest_value(number, proposal, owner, &quorum, partial);
            for choice in &proposal.choices {
                self.majority_of_votes(number, proposal, choice, owner, &quorum, partial);
            }
            self.count_votes(number, proposal, &quorum);
            self.sent_per_receiver(number, proposal, owner);
            self.note_progress(proposal, owner, &quorum);
        } else if let Some(choice) = proposal.choices.first().filter(|_| !shared) {
            self.findings.add(PaxosRule::MajorityOfVotes, Certainty::NotDecidable, || {
                let words = format!("no line shows who proposed {number}, nor to whom");
                (vec![choice.witness.clone()], words)
            });
        }
        for exchange in &proposal.exchanges {
            self.received_was_sent(number, proposal, exchange, partial);
        }
        self.note_gaps(proposal);
        for value in proposal.asked(MessageType::Accept).filter_map(|asked| asked.value) {
            self.value_numbers.entry(value).or_insert((number, number)).1 = number;
        }
    }

    fn one_value_per_number(&mut self, number: Number, proposal: &Proposal) {
        let told = proposal
            .exchanges
            .iter()
            .filter(|told| matches!(told.kind, MessageType::Accept | MessageType::Chosen))
            .filter_map(|told| Some((told.value?, told.sent.as_ref().or(told.received.as_ref())?)));
        let chosen = proposal.choices.iter().filter_map(|c| Some((c.value?, &c.witness)));
        let votes = proposal.answers.iter().filter_map(|answer| answer.vote.as_ref());
        let votes = votes.filter(|vote| vote.certain);
        let votes = votes.filter_map(|vote| Some((vote.value?, &vote.witness)));
        let mut all = told.chain(votes).chain(chosen);
        let Some((first, witness)) = all.next() else { return };
        match all.find(|(value, _)| *value != first && !Values::is_vague(*value)) {
            None => self.findings.kept(PaxosRule::OneValuePerNumber),
            Some((other, second)) => {
                let (first, other) = (self.values.text(first), self.values.text(other));
                self.findings.add(PaxosRule::OneValuePerNumber, Certainty::Certain, || {
                    let words =
                        format!("number {number} stands for two values, {first} and {other}");
                    (both(witness, second), words)
                });
            }
        }
    }

    /// Notes what shows that a proposer's lines are missing: a number that nobody prepared, or a
    /// promise of a value that nobody asked for under a lower number.
    fn note_gaps(&mut self, proposal: &Proposal) {
        let candidate = proposal.asked(MessageType::Prepare).next().map(|asked| asked.value);
        let promises = proposal.answers.iter().filter_map(|answer| answer.promise.as_ref());
        let foreign = promises.filter(|promise| Some(promise.value) != candidate).any(|promise| {
            promise.value.is_some_and(|value| !self.value_numbers.contains_key(&value))
        });
        self.number_without_prepare |= candidate.is_none() || foreign;
    }

    /// A number is one proposer's, and stands for one candidate. True if two proposers share it:
    /// then no rule can tell their promises and votes apart.
    fn one_owner(&mut self, number: Number, proposal: &Proposal) -> bool {
        for kind in [MessageType::Prepare, MessageType::Accept] {
            let mut asked = proposal.asked(kind);
            let Some(first) = asked.next() else { continue };
            let values = |other: &Exchange| match (first.value, other.value) {
                (Some(one), Some(two)) => one != two && kind == MessageType::Prepare,
                _ => false,
            };
            let Some(other) = asked.find(|other| other.from != first.from || values(other)) else {
                continue;
            };
            let words = if other.from == first.from {
                let text = |value: Option<ValueId>| value.map_or("?", |v| self.values.text(v));
                let (one, two) = (text(first.value), text(other.value));
                format!(
                    "peer{} uses number {number} for two candidates, {one} and {two}",
                    first.from
                )
            } else {
                format!("peer{} and peer{} both use number {number}", first.from, other.from)
            };
            self.findings.add(PaxosRule::OwnGrowingNumbers, Certainty::Certain, || {
                (first.line().into_iter().chain(other.line()).collect(), words)
            });
            return other.from != first.from;
        }
        false
    }

    fn majority_of_promises(
        &mut self,
        number: Number,
        proposal: &Proposal,
        owner: u16,
        quorum: &Quorum,
        partial: bool,
    ) {
        let Some(accept) = proposal.asked(MessageType::Accept).next() else { return };
        let by =
            |answer: &&super::state::Answer| answer.promised_in_time && quorum.counts(answer.peer);
        let names = proposal.answers.iter().filter(by).map(|answer| answer.peer);
        let names: Vec<u16> = names.collect();
        let known = names.len() + proposal.nameless_promises + usize::from(quorum.silent_self);
        if proposal.accept_sent && known >= quorum.most && !quorum.members.is_empty() {
            return self.findings.kept(PaxosRule::MajorityOfPromises);
        }
        let hears = self.hears_answers(owner);
        let early = known + proposal.early_promises >= quorum.least;
        let open = !proposal.accept_sent || !hears || known >= quorum.least || early || partial;
        let certainty = if open { Certainty::NotDecidable } else { quorum.certainty() };
        self.findings.add(PaxosRule::MajorityOfPromises, certainty, || {
            let words = if open {
                format!(
                    "whether peer{owner} had a majority of promises for {number} cannot be seen \
                     from its own lines"
                )
            } else {
                format!(
                    "peer{owner} asks to accept {number} with promises from {}; it needs {} of {}",
                    peers(&names),
                    quorum.least,
                    quorum.members.len()
                )
            };
            let promise = proposal.answers.iter().find(by);
            let promise = promise.and_then(|answer| answer.promise.as_ref());
            let promise = promise.map(|promise| promise.witness.clone());
            (promise.into_iter().chain(accept.line()).collect(), words)
        });
    }

    fn majority_of_votes(
        &mut self,
        number: Number,
        proposal: &Proposal,
        choice: &Choice,
        owner: u16,
        quorum: &Quorum,
        partial: bool,
    ) {
        let own = choice.by == Some(owner) && proposal.owner_chose;
        let voters: Vec<u16> = proposal
            .answers
            .iter()
            .filter(|answer| answer.vote.is_some() && quorum.counts(answer.peer))
            .filter(|answer| !own || answer.voted_in_time)
            .map(|answer| answer.peer)
            .collect();
        let count = voters.len() + proposal.nameless_votes + usize::from(quorum.silent_self);
        if count >= quorum.most && !quorum.members.is_empty() {
            return self.findings.kept(PaxosRule::MajorityOfVotes);
        }
        let hears = self.hears_answers(owner);
        // Whoever announces its own count has printed what it counted. Others are told, and what
        // they were told of may have got lost with the end of somebody's lines.
        let silent = if own {
            if hears { proposal.early_votes } else { quorum.members.len().max(1) }
        } else if proposal.owner_chose && hears {
            0
        } else {
            let silent = |peer: &&u16| !self.tells_all(**peer, MessageType::AcceptAck, number);
            let others = quorum.members.iter().filter(|peer| !voters.contains(peer));
            others.filter(silent).count()
        };
        let open = count + silent >= quorum.least || partial;
        let certainty = if open { Certainty::NotDecidable } else { quorum.certainty() };
        self.findings.add(PaxosRule::MajorityOfVotes, certainty, || {
            let who = choice.by.map_or("somebody".into(), |by| format!("peer{by}"));
            let words = if open {
                format!("whether a majority accepted {number}, as {who} says, cannot be seen")
            } else {
                let when = if own { " when it says so" } else { "" };
                format!(
                    "{who} says that {number} is chosen, but{when} it is accepted by {}; it takes \
                     {} of {}",
                    peers(&voters),
                    quorum.least,
                    quorum.members.len()
                )
            };
            let vote = proposal.answers.iter().find(|answer| voters.contains(&answer.peer));
            let vote = vote.and_then(|answer| answer.vote.as_ref()).map(|v| v.witness.clone());
            (vote.into_iter().chain([choice.witness.clone()]).collect(), words)
        });
    }

    /// Notes a majority of votes that are certain: the value is chosen, whoever says so.
    fn count_votes(&mut self, number: Number, proposal: &Proposal, quorum: &Quorum) {
        // With lines missing, the acceptors that are seen may be a part of those there are.
        if self.has_gaps && !quorum.named {
            return;
        }
        let asked = proposal.asked(MessageType::Accept).find_map(|asked| asked.value);
        let votes = proposal.answers.iter().filter(|answer| quorum.counts(answer.peer));
        let votes = votes.filter_map(|answer| answer.vote.as_ref().filter(|vote| vote.certain));
        let of_value =
            |value: ValueId| votes.clone().filter(move |vote| vote.value.or(asked) == Some(value));
        for value in votes.clone().filter_map(|vote| vote.value.or(asked)) {
            let enough = of_value(value).count() >= quorum.most;
            if enough && !self.majorities.iter().any(|(known, ..)| *known == value) {
                let lines = of_value(value).take(2).map(|vote| vote.witness.clone()).collect();
                self.majorities.push((value, number, lines));
            }
        }
    }

    fn received_was_sent(
        &mut self,
        number: Number,
        proposal: &Proposal,
        exchange: &Exchange,
        partial: bool,
    ) {
        let Some(received) = &exchange.received else { return };
        if exchange.sent.is_some() {
            return self.findings.kept(PaxosRule::ReceivedWasSent);
        }
        let (kind, from) = (exchange.kind, exchange.from);
        let alike =
            |other: &&Exchange| other.kind == kind && other.from == from && other.sent.is_some();
        let mut sent = proposal.exchanges.iter().filter(alike);
        // An end that shows no value says nothing against the other.
        if sent.clone().any(|other| other.value.is_none() || exchange.value.is_none()) {
            return self.findings.kept(PaxosRule::ReceivedWasSent);
        }
        let other = sent.next();
        let facts = self.peers.get(&from);
        let tells = facts.is_some_and(|facts| facts.speaks && facts.tells_sends);
        let question = matches!(kind, MessageType::Prepare | MessageType::Accept);
        let sure = (other.is_some() && question) || self.tells_all(from, kind, number);
        let open = !tells || !sure || partial;
        let certainty = if open { Certainty::NotDecidable } else { Certainty::Certain };
        self.findings.add(PaxosRule::ReceivedWasSent, certainty, || {
            let kind = kind.name();
            let words = match other {
                _ if open => format!(
                    "peer{from}'s lines do not show that it sent this {kind} of {number}, but \
                     they may have got lost"
                ),
                Some(_) => format!("peer{from} sent this {kind} of {number} with another value"),
                None => format!("peer{from} never sent this {kind} of {number}"),
            };
            let sent = other.and_then(|other| other.sent.clone());
            (sent.into_iter().chain([received.clone()]).collect(), words)
        });
    }
}

impl Exchange {
    /// A line that shows it.
    pub(super) fn line(&self) -> Option<Witness> {
        self.sent.clone().or_else(|| self.received.clone())
    }
}

/// A list of peers in words.
pub(super) fn peers(peers: &[u16]) -> String {
    match peers {
        [] => "nobody".into(),
        [one] => format!("peer{one} only"),
        _ => peers.iter().map(|peer| format!("peer{peer}")).collect::<Vec<_>>().join(", "),
    }
}
