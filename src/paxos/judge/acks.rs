//! Acks as their acceptor prints them: what each says of its promise and of what it has accepted,
//! and whether that goes with what the same acceptor printed before.

use super::dialect::Number;
use super::hypothesis::{Hypothesis, Refusal, exchange};
use super::intake::{Known, Message};
use super::questions::{Answered, MOST_OPEN, Standing};
use super::reading::Shows;
use super::rules::PaxosRule;
use super::state::{Accepted, Held, Promise, Stream, ValueId, Vote};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, MOST_FINDINGS, Spot, Witness};

impl Hypothesis {
    /// An ack that an acceptor sent.
    pub(super) fn ack_sent(&mut self, known: &mut Known, spot: Spot<'_>, m: Message) {
        let number = self.shown(&m);
        if let Some(number) = number {
            self.with(known, number, |proposal| exchange(proposal, spot, &m, true));
        }
        let Some(acceptor) = m.printer.filter(|_| m.sender.is_some()) else { return };
        let (shows, is_vote) = (self.shows(&m), m.kind == MessageType::AcceptAck);
        if number.is_none() && !shows.may_be_none() {
            self.unnumbered.extend((self.unnumbered.len() < 2).then(|| spot.witness()));
        }
        let kind = usize::from(is_vote);
        let heard = self.has_heard(acceptor, number, shows, None);
        let stream = self.stream(spot, acceptor);
        // Learners get copies, which answer no question.
        let repeats = is_vote && stream.has_shown((number, m.value));
        let open = &stream.open[kind];
        let is_copy = repeats
            && known.may_have_learners()
            && match shows {
                Shows::Promise | Shows::Asked => !open.has(number),
                Shows::PromiseBefore | Shows::Accepted => open.is_empty(),
            };
        // So does the vote for its own number, which nobody asks it for aloud.
        let own = number.filter(|number| is_vote && !m.is_journal && self.owns(acceptor, *number));
        let open = &self.stream(spot, acceptor).open[kind];
        if let Some(own) = own.filter(|own| !open.has(Some(*own))) {
            let copies = |proposal: &mut super::state::Proposal| proposal.copies = true;
            self.with(known, own, copies);
            return self.vote(known, own, acceptor, None, true, spot.witness());
        }
        let open = &self.stream(spot, acceptor).open[kind];
        if is_copy && m.answers.is_none() {
            if let Some(number) = number {
                self.with(known, number, |proposal| proposal.copies = true);
            }
            return;
        }
        let is_asked = if shows == Shows::Asked { open.has(number) } else { !open.is_empty() };
        let stream = self.stream(spot, acceptor);
        // With its question, the number is heard that it shows.
        let names_it = shows == Shows::Promise || (shows == Shows::Accepted && is_vote);
        let is_known = is_asked && (heard || !names_it);
        if !(m.is_journal || is_known || stream.answered == 0) {
            // Some programs log the question behind the answer.
            stream.waiting = Some((m, spot.witness()));
            return;
        }
        self.judge_ack(known, spot, m, acceptor, true);
    }

    /// A line of a peer whose last ack waits for its question: true if this is it.
    pub(super) fn end_of_waiting(
        &mut self,
        known: &mut Known,
        place: (u16, u16),
        next: Option<(Spot<'_>, &Message, bool)>,
    ) -> bool {
        let stream = self.streams.get_mut(&place);
        let Some((stream, (m, witness))) = stream.and_then(|stream| {
            let waiting = stream.waiting.take()?;
            Some((stream, waiting))
        }) else {
            return false;
        };
        let is_vote = m.kind == MessageType::AcceptAck;
        let question = if is_vote { MessageType::Accept } else { MessageType::Prepare };
        let shows = self.reading.of(m.kind);
        let question = next.and_then(|(_, next, received)| {
            next.number.filter(|_| received && next.kind == question)
        });
        let was_asked = !stream.open[usize::from(is_vote)].is_empty() && shows != Shows::Asked;
        let fits = question.is_some_and(|question| match shows {
            _ if was_asked => m.number == Some(question),
            Shows::Asked => m.number == Some(question),
            Shows::Promise => m.number >= Some(question),
            Shows::PromiseBefore | Shows::Accepted => true,
        });
        if let Some(((spot, next, _), question)) = next.zip(question).filter(|_| fits) {
            stream.questions += 1;
            stream.open[usize::from(is_vote)].ask(question);
            let heard_at = stream.questions;
            self.hear(known, spot, next, question, heard_at);
        }
        let kept = std::cell::OnceCell::from(std::sync::Arc::clone(&witness.text));
        let (input, line) = (witness.input, witness.line);
        let spot = Spot { input, line, text: &witness.text, kept: &kept };
        self.judge_ack(known, spot, m, place.1, next.is_some());
        fits
    }

    /// `goes_on` says that the peer's lines do not end here.
    fn judge_ack(
        &mut self,
        known: &mut Known,
        spot: Spot<'_>,
        m: Message,
        acceptor: u16,
        goes_on: bool,
    ) {
        let number = self.shown(&m);
        let (shows, is_vote) = (self.shows(&m), m.kind == MessageType::AcceptAck);
        let kind = usize::from(is_vote);
        let stream = self.stream(spot, acceptor);
        let repeats = is_vote && stream.has_shown((number, m.value));
        if is_vote {
            stream.show((number, m.value));
        }
        let open = &mut stream.open[kind];
        let answered = match m.answers {
            Some(answers) => {
                let was_asked = open.has(Some(answers)) || open.lost_count || repeats;
                open.close(answers);
                let standing =
                    if number == Some(answers) { Standing::Grant } else { Standing::Refusal };
                Answered {
                    question: Some(answers),
                    at_least: None,
                    standing,
                    above: None,
                    was_asked,
                }
            }
            None => open.answer(shows, number, is_vote),
        };
        self.was_asked(known, spot, &m, acceptor, number, answered, goes_on);
        let is_sure = answered.standing == Standing::Grant || shows != Shows::Promise;
        if let Some(question) = answered.question.filter(|_| is_sure && !m.is_journal) {
            let asks = if is_vote { MessageType::Accept } else { MessageType::Prepare };
            self.is_no_echo(m.value, question, asks);
        }
        self.keeps_its_word(known, spot, &m, acceptor, number, answered);
        self.file(known, spot, &m, acceptor, number, answered);
        let stream = self.stream(spot, acceptor);
        stream.open[kind].is_doubtful |= !answered.was_asked && stream.answered == 0;
        let is_left = !m.is_journal && stream.open.iter().any(|open| !open.is_empty());
        if answered.was_asked {
            stream.answered = stream.questions;
        }
        let shown = stream.shown[kind].get_or_insert([number, number]);
        shown[1] = number;
        self.leaves_open |= is_left;
    }

    /// Notes that an ack shows another value than its question has.
    pub(super) fn is_no_echo(&mut self, value: Option<ValueId>, of: Number, asks: MessageType) {
        let asked = self.proposals.get(&of).and_then(|proposal| proposal.value_of(asks));
        self.shows_held |= value.zip(asked).is_some_and(|(value, asked)| value != asked);
    }

    /// How sure it is what this value in an ack of a prepare says: some programs show the
    /// question's.
    fn unless_echo(&self, m: &Message, answered: Answered) -> Certainty {
        let asked = answered.question.and_then(|question| self.proposals.get(&question));
        let asked = asked.and_then(|proposal| proposal.value_of(MessageType::Prepare));
        let is_sure = answered.standing == Standing::Grant || self.shows(m) != Shows::Promise;
        if m.held == Held::Unknown && (!is_sure || asked.is_none() || asked == m.value) {
            Certainty::IfAcksShowValues
        } else {
            Certainty::Certain
        }
    }

    /// True if it is the number of a proposal of this peer's.
    fn owns(&self, peer: u16, number: Number) -> bool {
        let proposal = self.proposals.get(&number);
        proposal.is_some_and(|proposal| proposal.owner() == Some(peer))
    }

    /// True if an acceptor was asked about the number that it shows, before the question that it
    /// answers if that is the same.
    fn has_heard(
        &self,
        acceptor: u16,
        number: Option<Number>,
        shows: Shows,
        question: Option<Number>,
    ) -> bool {
        let Some(number) = number else { return true };
        let proposal = self.proposals.get(&number);
        let times = proposal.and_then(|proposal| proposal.answer_of(acceptor)).map(|answer| {
            let all = answer.prepares.saturating_add(answer.accepts);
            match shows {
                Shows::Accepted => answer.accepts,
                Shows::PromiseBefore if question == Some(number) => all.saturating_sub(1),
                _ => all,
            }
        });
        let own = self.owns(acceptor, number);
        let forgotten = self.floor.is_some_and(|floor| number <= floor);
        own || forgotten || times.is_some_and(|times| times > 0)
    }

    /// An ack follows its question, and what it shows was asked about.
    #[allow(clippy::too_many_arguments)] // what is known of one ack
    fn was_asked(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
        goes_on: bool,
    ) {
        let is_vote = m.kind == MessageType::AcceptAck;
        let shows = self.shows(m);
        let heard = self.has_heard(acceptor, number, shows, answered.question);
        let stream = self.stream(spot, acceptor);
        let found = stream.found.is_some() && stream.found == number;
        if answered.was_asked && (heard || found) {
            return self.findings.kept(PaxosRule::AckFollowsQuestion);
        }
        // The first lines may be missing, and with them the question.
        let rose = match shows {
            Shows::Promise | Shows::PromiseBefore => stream.promise.is_some_and(|p| p < number),
            Shows::Accepted => stream.accepted.as_ref().is_some_and(|a| a.number < number),
            Shows::Asked => true,
        };
        let begins_here = stream.is_whole || stream.answered > 0;
        // A copy for a learner may come long after the vote.
        let may_be_copy = is_vote
            && !answered.was_asked
            && known.may_have_learners()
            && !stream.has_shown_other((number, m.value));
        let is_new = stream.is_whole || !may_be_copy || (rose && shows != Shows::Asked);
        let is_proved = !known.has_gaps
            && is_new
            && (goes_on || m.is_journal)
            && if answered.was_asked { begins_here && (rose || stream.is_whole) } else { begins_here }
            && known.facts(acceptor).is_none_or(|facts| facts.starts < 2 || m.is_journal);
        if is_proved {
            self.contradictions += 1;
        }
        let certainty = if is_proved { Certainty::Certain } else { Certainty::NotDecidable };
        self.findings.add_of(PaxosRule::AckFollowsQuestion, acceptor, certainty, || {
            let (kind, question) = (m.kind.name(), if is_vote { "accept" } else { "prepare" });
            let number = number.map_or(String::new(), |number| format!(" of {number}"));
            let words = match (is_proved, answered.was_asked) {
                (false, _) => format!("what peer{acceptor} was asked is not among the lines"),
                (true, false) => format!(
                    "peer{acceptor} sends this {kind}{number}, but no {question} that it could \
                     answer had reached it"
                ),
                (true, true) => format!(
                    "peer{acceptor} sends this {kind}{number}, but nobody had asked it under that \
                     number"
                ),
            };
            (vec![spot.witness()], words)
        });
    }

    /// What is promised and accepted is kept.
    fn keeps_its_word(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
    ) {
        let shows = self.shows(m);
        let question = m.answers.or(answered.above);
        if let Some((answers, shown)) = question.zip(number).filter(|(a, n)| n < a) {
            self.findings.add_of(PaxosRule::PromiseKept, acceptor, Certainty::Certain, || {
                let words = format!(
                    "peer{acceptor} answers {answers} with a promise of only {shown}: it should \
                     have raised its promise"
                );
                (vec![spot.witness()], words)
            });
        }
        let promised = self.stream(spot, acceptor).promised.clone();
        let below = promised.filter(|(promised, _)| match shows {
            Shows::Promise => number.is_some_and(|number| number < *promised),
            Shows::PromiseBefore => number < Some(*promised),
            Shows::Accepted | Shows::Asked => false,
        });
        match below {
            Some((promised, witness)) => {
                self.goes_back(spot, acceptor, number, promised, witness);
            }
            None if shows != Shows::Accepted => self.findings.kept(PaxosRule::PromiseKept),
            None => {}
        }
        if m.held == Held::Unknown && shows == Shows::Accepted {
            self.accepts_upwards(known, spot, m, acceptor, number);
        } else {
            self.reports_its_vote(known, spot, m, acceptor, answered);
        }
        if m.kind == MessageType::PrepareAck && m.held == Held::Unknown {
            self.holds_what_it_may(known, spot, m, acceptor, answered);
        }
        let stream = self.stream(spot, acceptor);
        if matches!(shows, Shows::Promise | Shows::PromiseBefore) {
            stream.promise = Some(number);
        }
        if let Some(number) = number {
            stream.promise_at_least(number, spot.witness());
        }
        // Unless it answers a question that is logged behind it.
        if let Some(least) = answered.at_least {
            let is_vote = m.kind == MessageType::AcceptAck;
            let asks = if is_vote { MessageType::Accept } else { MessageType::Prepare };
            stream.raise = Some((asks, least, spot.witness()));
        }
    }

    fn goes_back(
        &mut self,
        spot: Spot<'_>,
        acceptor: u16,
        number: Option<Number>,
        promised: Number,
        witness: Witness,
    ) {
        let restarted = self.stream(spot, acceptor).restart.is_some();
        self.findings.add_of(PaxosRule::PromiseKept, acceptor, Certainty::Certain, || {
            let cause = if restarted {
                "; it was restarted in between and has forgotten its promise"
            } else {
                ""
            };
            let to = number.map_or("no promise".into(), |number| number.to_string());
            let words = format!(
                "peer{acceptor} goes back to {to} after it promised {promised}{cause}; it should \
                 have refused"
            );
            (vec![witness, spot.witness()], words)
        });
    }

    /// A value that an acceptor holds all of a sudden was accepted since it last showed another,
    /// and at its promise of then or above.
    fn holds_what_it_may(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        answered: Answered,
    ) {
        let is_held = self.unless_echo(m, answered) == Certainty::Certain;
        let stream = self.stream(spot, acceptor);
        let promise = stream.promised.as_ref().map(|(promised, _)| *promised);
        let last = stream.last_value.replace((m.value, promise.max(answered.question), spot.witness()));
        let asked = std::mem::take(&mut stream.asked_since);
        // A proposer may be its own acceptor.
        let is_other = stream.first_prepared.is_none();
        // What it did not show before and was not asked for since, it was only asked about now.
        stream.holds_nothing = is_other
            && m.value.is_some()
            && last.as_ref().is_some_and(|(before, ..)| *before != m.value)
            && !asked.iter().any(|(_, value)| value.is_none() || *value == m.value);
        let last = last.filter(|_| is_held && is_other && m.value.is_some());
        let Some((before, promised, witness)) = last else {
            return;
        };
        // A blank is nothing only where values are shown.
        if before == m.value || (before.is_none() && !known.promises_show_values) {
            return;
        }
        let may = |(number, value): &(Number, Option<ValueId>)| {
            Some(*number) >= promised && (*value == m.value || value.is_none())
        };
        if asked.iter().any(may) {
            return;
        }
        let text = m.value.map_or("?", |value| known.values.text(value)).to_owned();
        let below = asked.iter().any(|(_, value)| *value == m.value);
        self.findings.add_of(PaxosRule::PromiseKept, acceptor, Certainty::Certain, || {
            let promised = promised.map_or("nothing".into(), |number| number.to_string());
            let words = if below {
                format!(
                    "peer{acceptor} has accepted {text} after it promised {promised}; it should \
                     have refused the lower number that asked for {text}"
                )
            } else {
                format!(
                    "peer{acceptor} shows {text} as accepted, which it did not before, and nobody \
                     has asked it for {text} since"
                )
            };
            (vec![witness, spot.witness()], words)
        });
    }

    /// The numbers that it has accepted grow, and each was at its promise or above.
    fn accepts_upwards(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
    ) {
        let stream = self.stream(spot, acceptor);
        let promise = stream.promised.as_ref().map(|(promised, _)| *promised);
        let before = stream.accepted.replace(Accepted {
            number,
            value: m.value,
            promise: promise.max(number),
            witness: spot.witness(),
        });
        let promised = stream.promised.clone();
        let Some(before) = before else { return };
        let other_value = before.number == number
            && number.is_some()
            && before.value.zip(m.value).is_some_and(|(one, two)| one != two);
        if number < before.number || other_value {
            let what = before.value.map_or("a value", |value| known.values.text(value)).to_owned();
            let is_lower = number < before.number;
            let echo = Certainty::IfAcksShowValues;
            let sure = if is_lower { Certainty::Certain } else { echo };
            self.vote_forgotten(acceptor, &what, before.number, before.witness, spot, sure);
            return;
        }
        self.findings.kept(PaxosRule::VoteKept);
        // It was accepted after that line, so the promise of then held.
        match before.promise.zip(number).filter(|(promise, _)| number > before.number && number < Some(*promise)) {
            Some((promise, number)) => {
                let witness = promised.map_or(before.witness, |(_, witness)| witness);
                self.goes_back(spot, acceptor, Some(number), promise, witness);
            }
            None => self.findings.kept(PaxosRule::PromiseKept),
        }
    }

    /// What was accepted is reported until something else is accepted under a higher number.
    fn reports_its_vote(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        answered: Answered,
    ) {
        let is_vote = m.kind == MessageType::AcceptAck;
        let stream = self.stream(spot, acceptor);
        let Some(accepted) = stream.accepted.clone() else { return };
        let Some(under) = accepted.number else { return };
        // What it has been asked in between, it may have accepted.
        if m.held == Held::Unknown && stream.open[1].highest() >= Some(under) {
            return;
        }
        let is_lost = match (m.held, m.value) {
            (Held::Under(held), shown) => {
                let other = shown.zip(accepted.value).is_some_and(|(one, two)| one != two);
                held < under || (held == under && other)
            }
            (Held::Nothing, _) => true,
            // An acceptance replaces the earlier one, so its value may be another.
            (Held::Unknown, _) if is_vote => return,
            // Some programs never show it.
            (Held::Unknown, None) => {
                if self.blanks.len() < usize::try_from(MOST_FINDINGS).unwrap_or(0) {
                    self.blanks.push((acceptor, accepted.witness, spot.witness()));
                }
                return;
            }
            (Held::Unknown, Some(shown)) => accepted
                .value
                .is_some_and(|value| value != shown && !super::state::Values::is_vague(shown)),
        };
        if !is_lost {
            return self.findings.kept(PaxosRule::VoteKept);
        }
        let what = accepted.value.map_or("a value", |value| known.values.text(value)).to_owned();
        let sure = self.unless_echo(m, answered);
        self.vote_forgotten(acceptor, &what, Some(under), accepted.witness, spot, sure);
    }

    fn vote_forgotten(
        &mut self,
        acceptor: u16,
        what: &str,
        under: Option<Number>,
        witness: Witness,
        spot: Spot<'_>,
        certainty: Certainty,
    ) {
        self.findings.add_of(PaxosRule::VoteKept, acceptor, certainty, || {
            let under = under.map_or(String::new(), |number| format!(" under {number}"));
            let words = format!(
                "peer{acceptor} accepted {what}{under} and no longer reports it; it should have \
                 named it until it accepted a higher number"
            );
            (vec![witness, spot.witness()], words)
        });
    }

    /// Files what an ack says under the number of its question.
    fn file(
        &mut self,
        known: &mut Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
    ) {
        let shows = self.shows(m);
        let is_vote = m.kind == MessageType::AcceptAck;
        let witness = || spot.witness();
        let promised =
            self.stream(spot, acceptor).promised.as_ref().map(|(promised, _)| *promised);
        // Who has promised more cannot grant it.
        let refuses = shows == Shows::Asked && number < promised;
        let standing = if refuses { Standing::Refusal } else { answered.standing };
        if standing == Standing::Refusal {
            self.note_refusal(known, spot, acceptor, answered.question, number.max(promised));
        }
        if !is_vote {
            let held = match (m.held, shows) {
                (Held::Unknown, Shows::Accepted) => number.map_or(Held::Nothing, Held::Under),
                (held, _) => held,
            };
            let is_told = held != Held::Unknown;
            let held = if is_told { held } else { self.held_by_its_votes(spot, m, acceptor) };
            let (value, received) = (m.value, false);
            let promise = Promise { value, held, is_told, received, witness: witness() };
            let is_granted = standing != Standing::Refusal || m.answers.is_none();
            if let Some(question) = answered.question.filter(|_| is_granted) {
                self.with(known, question, |proposal| proposal.take_promise(acceptor, promise));
            }
            if let (Shows::Accepted, Some(number)) = (shows, number) {
                self.vote(known, number, acceptor, None, true, witness());
            }
            return;
        }
        // What a vote is for, the accept says.
        let shown = m.value.filter(|_| m.is_journal);
        match (shows, standing) {
            (_, Standing::Refusal) => {}
            (Shows::Accepted, _) => {
                if let Some(number) = number {
                    self.vote(known, number, acceptor, shown, true, witness());
                }
            }
            (Shows::Promise | Shows::Asked, _) => {
                let certain = standing == Standing::Grant;
                if let Some(number) = number {
                    self.vote(known, number, acceptor, shown, certain, witness());
                }
            }
            (Shows::PromiseBefore, _) => match answered.question {
                Some(question) => {
                    self.vote(known, question, acceptor, shown, true, witness());
                }
                None => {
                    let asked = self.proposals.iter().rev().filter(|(asked, proposal)| {
                        let answer = proposal.answer_of(acceptor);
                        Some(**asked) >= number && answer.is_some_and(|a| a.accepts > 0)
                    });
                    let asked: Vec<Number> = asked.map(|(n, _)| *n).take(MOST_OPEN).collect();
                    for question in asked {
                        self.vote(known, question, acceptor, shown, false, witness());
                    }
                }
            },
        }
        let granted = match shows {
            Shows::Accepted => return,
            Shows::PromiseBefore => answered.question,
            _ => number,
        };
        let value = self.asked_value(granted).or(m.value);
        let stream = self.stream(spot, acceptor);
        match standing {
            Standing::Grant => {
                let promise = stream.promised.as_ref().map(|(promised, _)| *promised);
                let promise = promise.max(granted);
                stream.accepted = Some(Accepted { number: granted, value, promise, witness: witness() });
            }
            Standing::Open => stream.accepted = None,
            // A refusal changes nothing.
            Standing::Refusal => {}
        }
    }

    /// Under which number the acceptor holds the value that it shows, by its own votes before.
    fn held_by_its_votes(&mut self, spot: Spot<'_>, m: &Message, acceptor: u16) -> Held {
        let stream: &mut Stream = self.stream(spot, acceptor);
        match &stream.accepted {
            Some(Accepted { number: Some(number), value, .. })
                if (m.value.is_none() || *value == m.value)
                    && stream.open[1].highest() < Some(*number) =>
            {
                Held::Under(*number)
            }
            _ if stream.holds_nothing => Held::Nothing,
            _ => Held::Unknown,
        }
    }

    /// The value that an accept of this number asks for.
    pub(super) fn asked_value(&self, number: Option<Number>) -> Option<ValueId> {
        self.proposals.get(&number?)?.value_of(MessageType::Accept)
    }

    fn vote(
        &mut self,
        known: &mut Known,
        number: Number,
        acceptor: u16,
        value: Option<ValueId>,
        certain: bool,
        witness: Witness,
    ) {
        self.with(known, number, |proposal| {
            let vote = &mut proposal.answer(acceptor).vote;
            // What may be a refusal shows perhaps another value.
            if vote.as_ref().is_none_or(|known| certain && !known.certain) {
                *vote = Some(Vote { value, certain, witness });
            }
        });
    }

    fn note_refusal(
        &mut self,
        known: &mut Known,
        spot: Spot<'_>,
        by: u16,
        number: Option<Number>,
        promised: Option<Number>,
    ) {
        self.refusals += 1;
        self.shows_refusals = true;
        self.first_refusal.get_or_insert_with(|| Refusal {
            number,
            promised,
            by,
            witness: spot.witness(),
        });
        if let Some(number) = number {
            self.with(known, number, |proposal| {
                let refused = || (promised, spot.witness());
                proposal.answer(by).refused.get_or_insert_with(refused);
            });
        }
    }
}
