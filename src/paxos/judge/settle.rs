//! Rules about one number, judged when all lines about it are known.

use super::case::Case;
use super::conduct::both;
use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::rules::PaxosRule;
use super::state::{Choice, Exchange, Proposal, ValueId, Values, Vote};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Witness};

impl Hypothesis {
    /// Judges a number. `early` says that it is to be forgotten: further lines may have followed.
    pub(super) fn settle(
        &mut self,
        known: &Known,
        number: Number,
        proposal: &Proposal,
        early: bool,
    ) {
        if early {
            self.note_acceptors(proposal);
        }
        // Of inputs that are read one after the other, the later ones may have more to say.
        let more = early && known.counts.sources > 1;
        let partial = proposal.overflowed || more || known.has_gaps;
        self.one_value_per_number(known, number, proposal);
        let shared = self.one_owner(known, number, proposal);
        if let Some(owner) = proposal.owner().filter(|_| !shared) {
            let quorum = self.quorum(known, owner);
            let case = Case { number, proposal, owner, quorum: &quorum, partial };
            self.majority_of_promises(known, case);
            self.highest_value(known, case);
            for choice in &proposal.choices {
                self.majority_of_votes(known, case, choice);
            }
            self.count_votes(known, case);
            self.sent_per_receiver(known, case);
            self.note_progress(case);
        } else if let Some(choice) = proposal.choices.first().filter(|_| !shared) {
            self.findings.add(PaxosRule::MajorityOfVotes, Certainty::NotDecidable, || {
                let words = format!("no line shows who proposed {number}, nor to whom");
                (vec![choice.witness.clone()], words)
            });
        }
        for exchange in &proposal.exchanges {
            self.received_was_sent(known, number, proposal, exchange, partial);
        }
        self.note_gaps(proposal);
        for value in proposal.asked(MessageType::Accept).filter_map(|asked| asked.value) {
            self.value_numbers.entry(value).or_insert((number, number)).1 = number;
        }
    }

    fn one_value_per_number(&mut self, known: &Known, number: Number, proposal: &Proposal) {
        let told = proposal
            .exchanges
            .iter()
            .filter(|told| matches!(told.kind, MessageType::Accept | MessageType::Chosen))
            .filter_map(|told| Some((told.value?, told.sent.as_ref().or(told.received.as_ref())?)));
        let chosen = proposal.choices.iter().filter_map(|c| Some((c.value?, &c.witness)));
        let nameless = proposal.nameless.iter().filter(|(kind, ..)| *kind == MessageType::Accept);
        let nameless = nameless.map(|(_, value, witness)| (*value, witness));
        let mut all = told.chain(nameless).chain(chosen);
        let Some((first, witness)) = all.next() else { return };
        match all.find(|(value, _)| *value != first && !Values::is_vague(*value)) {
            None => self.findings.kept(PaxosRule::OneValuePerNumber),
            Some((other, second)) => {
                let (first, other) = (known.values.text(first), known.values.text(other));
                self.findings.add(PaxosRule::OneValuePerNumber, Certainty::Certain, || {
                    let words = format!(
                        "number {number} stands for two values, {first} and {other}; its proposer \
                         should have asked everybody for the same"
                    );
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
    fn one_owner(&mut self, known: &Known, number: Number, proposal: &Proposal) -> bool {
        let asked = proposal.asked(MessageType::Prepare).find(|asked| asked.value.is_some());
        if let Some(asked) = asked {
            let other = proposal.nameless.iter().find(|(kind, value, _)| {
                *kind == MessageType::Prepare && Some(*value) != asked.value
            });
            if let Some((_, value, witness)) = other {
                let text = known.values.text(*value);
                self.findings.add(PaxosRule::OwnGrowingNumbers, Certainty::Certain, || {
                    let words = format!("number {number} stands for another candidate too, {text}");
                    (asked.line().into_iter().chain([witness.clone()]).collect(), words)
                });
                return false;
            }
        }
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
                let text = |value: Option<ValueId>| value.map_or("?", |v| known.values.text(v));
                let (one, two) = (text(first.value), text(other.value));
                format!(
                    "peer{} uses number {number} for two candidates, {one} and {two}",
                    first.from
                )
            } else {
                format!(
                    "peer{} and peer{} both use number {number}; a number should be one \
                     proposer's alone",
                    first.from, other.from
                )
            };
            self.findings.add(PaxosRule::OwnGrowingNumbers, Certainty::Certain, || {
                (first.line().into_iter().chain(other.line()).collect(), words)
            });
            return other.from != first.from;
        }
        false
    }

    fn majority_of_promises(&mut self, known: &Known, case: Case<'_>) {
        let Case { number, proposal, owner, quorum, partial } = case;
        let Some(accept) = proposal.asked(MessageType::Accept).next() else { return };
        let names: Vec<u16> = case.promises().map(|answer| answer.peer).collect();
        let count = names.len() + case.nameless_promises();
        let own = usize::from(quorum.silent_self);
        if proposal.accept_sent && count + own >= quorum.most && !quorum.members.is_empty() {
            return self.findings.kept(PaxosRule::MajorityOfPromises);
        }
        // Its first lines may be missing, and with them its question and the answers.
        let is_seen = proposal.accept_sent && case.is_seen_from_its_prepare_on();
        let unseen = self.unseen_answers(known, case) + case.lost_answers();
        let hides = !self.shows_refusals && self.leaves_open && !known.is_journal(owner);
        let more = hides && !quorum.named && proposal.prepares_sent != quorum.members.len();
        let open = !is_seen
            || partial
            || more
            || self.unplaced_promises
            || !Self::hears_answers(known, owner)
            || quorum.may_be(count + unseen);
        let certainty = if open { Certainty::NotDecidable } else { Certainty::Certain };
        self.findings.add_of(PaxosRule::MajorityOfPromises, owner, certainty, || {
            let words = if open {
                format!(
                    "whether peer{owner} had a majority of promises for {number} cannot be seen \
                     from its own lines"
                )
            } else {
                format!(
                    "peer{owner} asks to accept {number} with promises from {}; it should have \
                     waited for {}",
                    peers(&names),
                    quorum.need()
                )
            };
            let promise = case.promises().find_map(|answer| answer.promise.as_ref());
            let promise = promise.map(|promise| promise.witness.clone());
            (promise.into_iter().chain(accept.line()).collect(), words)
        });
    }

    fn majority_of_votes(&mut self, known: &Known, case: Case<'_>, choice: &Choice) {
        let Case { number, proposal, owner, quorum, partial } = case;
        let own = choice.by == Some(owner) && proposal.owner_chose;
        let votes: Vec<(u16, &Vote)> = proposal
            .answers
            .iter()
            .filter(|answer| quorum.counts(answer.peer))
            .filter_map(|answer| {
                let vote = self.possible_vote(known, number, answer)?;
                (!own || proposal.voted(answer)).then_some((answer.peer, vote))
            })
            .collect();
        // Nobody may have accepted it, as far as is known of all acceptors.
        let has_none = {
            let answers = || proposal.answers.iter().filter(|a| quorum.counts(a.peer));
            let who = answers().filter(|a| self.possible_vote(known, number, a).is_some());
            let who: Vec<u16> = who.map(|answer| answer.peer).collect();
            let silent = quorum.members.iter().filter(|peer| quorum.counts(**peer));
            let silent = silent.filter(|peer| !who.contains(peer)).filter(|peer| {
                !self.has_not_voted(known, **peer, number, proposal.answer_of(**peer))
            });
            quorum.is_all && !quorum.may_be(who.len() + silent.count())
        };
        let count = votes.len() + proposal.nameless_votes;
        let with_own = count + usize::from(quorum.silent_self);
        if with_own >= quorum.most && !quorum.members.is_empty() && !has_none {
            return self.findings.kept(PaxosRule::MajorityOfVotes);
        }
        let hears = Self::hears_answers(known, owner);
        // Whoever announces its own count has printed what it counted, unless somebody told it.
        let told = || {
            let facts = known.facts(owner);
            let journal = known.is_journal(owner);
            let learners = known.options.roles.as_ref().and_then(|r| r.learners.get(&owner));
            let absent = |peer: &&u16| known.facts(**peer).is_none_or(|facts| !facts.hears_answers);
            proposal.owner_was_told
                || (!journal && proposal.others_count)
                || (!journal && learners.into_iter().flatten().any(|l| absent(&l)))
                || (!journal && facts.is_some_and(|facts| facts.choices > 1))
                || (!journal && proposal.copies)
        };
        let is_own_count = own && hears && !told();
        // It asks to accept only once, so nobody voted before the first of these lines.
        let is_seen = proposal.begins_here || proposal.accept_behind;
        let is_few = is_own_count && is_seen && !quorum.may_be(count);
        let open = !(is_few || has_none);
        let certainty = if open || partial { Certainty::NotDecidable } else { Certainty::Certain };
        self.findings.add_of(PaxosRule::MajorityOfVotes, owner, certainty, || {
            let who = choice.by.map_or("somebody".into(), |by| format!("peer{by}"));
            let words = if certainty == Certainty::NotDecidable {
                format!("whether a majority accepted {number}, as {who} says, cannot be seen")
            } else {
                let by: Vec<u16> = votes.iter().map(|(peer, _)| *peer).collect();
                let when = if own { " when it says so" } else { "" };
                format!(
                    "{who} says that {number} is chosen, but{when} it is accepted by {}; it takes \
                     {}",
                    peers(&by),
                    quorum.need()
                )
            };
            let vote = votes.first().map(|(_, vote)| vote.witness.clone());
            (vote.into_iter().chain([choice.witness.clone()]).collect(), words)
        });
    }

    /// Notes a majority of votes that are certain: the value is chosen, whoever says so.
    fn count_votes(&mut self, known: &Known, case: Case<'_>) {
        // With lines missing, the acceptors that are seen may be a part of those there are.
        if known.has_gaps && !case.quorum.named {
            return;
        }
        let Case { number, proposal, quorum, .. } = case;
        let asked = proposal.value_of(MessageType::Accept);
        let votes = case.answers().filter_map(|answer| {
            let votes = [answer.vote.as_ref(), answer.heard_vote.as_ref()];
            votes.into_iter().flatten().find(|vote| vote.certain)
        });
        let of_value =
            |value: ValueId| votes.clone().filter(move |vote| vote.value.or(asked) == Some(value));
        for value in votes.clone().filter_map(|vote| vote.value.or(asked)) {
            let enough = of_value(value).count() >= quorum.most;
            if enough && !self.majorities.iter().any(|(known, ..)| *known == value) {
                let lines = of_value(value).take(2).map(|vote| vote.witness.clone()).collect();
                self.majorities.push((value, number, lines, quorum.is_all));
            }
        }
    }

    fn received_was_sent(
        &mut self,
        known: &Known,
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
        if matches!(kind, MessageType::Chosen | MessageType::Chose) {
            return;
        }
        let alike =
            |other: &&Exchange| other.kind == kind && other.from == from && other.sent.is_some();
        let mut sent = proposal.exchanges.iter().filter(alike);
        // An end that shows no value says nothing against the other.
        if sent.clone().any(|other| other.value.is_none() || exchange.value.is_none()) {
            return self.findings.kept(PaxosRule::ReceivedWasSent);
        }
        let other = sent.next();
        let facts = known.facts(from);
        let tells = facts.is_some_and(|facts| facts.speaks && facts.tells_sends);
        let question = matches!(kind, MessageType::Prepare | MessageType::Accept);
        // An acceptor that is asked again answers perhaps with another value.
        let sure = if other.is_some() {
            question || self.is_whole(from)
        } else {
            self.tells_all(known, from, kind, number, proposal.answer_of(from))
        };
        let open = !tells || !sure || partial;
        let certainty = if open { Certainty::NotDecidable } else { Certainty::Certain };
        self.findings.add_of(PaxosRule::ReceivedWasSent, from, certainty, || {
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
