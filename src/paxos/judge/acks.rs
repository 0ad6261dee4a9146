//! Acks as their acceptor prints them: what each says of its promise and of what it has accepted,
//! and whether that goes with what the same acceptor printed before.

use super::asked::exchange;
use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::questions::{Answered, Standing};
use super::reading::Shows;
use super::rules::PaxosRule;
use super::state::{Held, Message, ValueId};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, Spot};

impl Hypothesis {
    /// An ack that an acceptor sent.
    pub(super) fn ack_sent(&mut self, known: &Known, spot: Spot<'_>, m: Message) {
        let number = self.shown(known, &m);
        if let Some(number) = number {
            self.with(number, |proposal| exchange(proposal, spot, &m, true));
        }
        let Some(acceptor) = m.printer.filter(|_| m.sender.is_some()) else { return };
        let (means, is_vote) = (self.means(&m), m.kind == MessageType::AcceptAck);
        if number.is_none() && !means.may_be_none() {
            self.unnumbered.extend((self.unnumbered.len() < 2).then(|| spot.witness()));
        }
        let kind = usize::from(is_vote);
        let heard = self.has_heard(known, acceptor, number, means, None);
        let stream = self.stream(spot, acceptor);
        // Learners get copies, which answer no question.
        let repeats = is_vote && stream.has_shown((number, m.value));
        let open = &stream.open[kind];
        let is_copy = repeats
            && known.may_have_learners()
            && match means {
                Shows::Promise | Shows::Asked => !open.has(number),
                Shows::PromiseBefore | Shows::Accepted => open.is_empty(),
            };
        // So does the vote for its own number, which nobody asks it for aloud.
        let own =
            number.filter(|number| is_vote && !m.is_journal && self.owns(known, acceptor, *number));
        let open = &self.stream(spot, acceptor).open[kind];
        if let Some(own) = own.filter(|own| !open.has(Some(*own))) {
            let copies = |proposal: &mut super::state::Proposal| proposal.copies = true;
            self.with(own, copies);
            return self.vote(own, acceptor, None, true, spot.witness());
        }
        let open = &self.stream(spot, acceptor).open[kind];
        if is_copy && m.answers.is_none() {
            if let Some(number) = number {
                self.with(number, |proposal| proposal.copies = true);
            }
            return;
        }
        let is_asked = if means == Shows::Asked { open.has(number) } else { !open.is_empty() };
        // What it had promised before this question it has heard of otherwise.
        let only = open.only().filter(|_| means == Shows::PromiseBefore);
        let is_late = only.is_some() && !self.has_heard(known, acceptor, number, means, only);
        let stream = self.stream(spot, acceptor);
        // With its question, the number is heard that it shows.
        let names_it = match means {
            Shows::Promise | Shows::Asked => true,
            Shows::Accepted => is_vote,
            Shows::PromiseBefore => false,
        };
        let is_known = is_asked && (heard || !names_it) && !is_late;
        // At the beginning, it may be missing; then the number must tell.
        let may_wait = stream.answered > 0 || names_it;
        if !(m.is_journal || is_known) && may_wait {
            // Some programs log the question behind the answer.
            stream.waiting = Some((m, spot.witness()));
            return;
        }
        self.judge_ack(known, spot, m, acceptor, true);
    }

    /// A line of a peer whose last ack waits for its question: true if this is it.
    pub(super) fn end_of_waiting(
        &mut self,
        known: &Known,
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
        let means = self.reading.of(m.kind);
        let question = next.and_then(|(_, next, received)| {
            next.number.filter(|_| received && next.kind == question)
        });
        let was_asked = !stream.open[usize::from(is_vote)].is_empty() && means != Shows::Asked;
        let fits = question.is_some_and(|question| match means {
            _ if was_asked || stream.answered == 0 => m.number == Some(question),
            Shows::Asked => m.number == Some(question),
            Shows::Promise => m.number >= Some(question),
            Shows::PromiseBefore | Shows::Accepted => true,
        });
        if let Some(((spot, next, _), question)) = next.zip(question).filter(|_| fits) {
            stream.questions += 1;
            stream.late = Some(question);
            stream.open[usize::from(is_vote)].ask(question);
            let heard_at = stream.questions;
            self.hear(spot, next, question, heard_at);
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
        known: &Known,
        spot: Spot<'_>,
        m: Message,
        acceptor: u16,
        goes_on: bool,
    ) {
        let number = self.shown(known, &m);
        let (means, is_vote) = (self.means(&m), m.kind == MessageType::AcceptAck);
        let kind = usize::from(is_vote);
        let heard = self.has_heard(known, acceptor, number, Shows::Accepted, None);
        let stream = self.stream(spot, acceptor);
        // A journal's learners get their copies at any time.
        let is_known = m.is_journal && (heard || stream.found == number);
        let repeats = is_vote && (is_known || stream.has_shown((number, m.value)));
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
            None => open.answer(means, number, is_vote),
        };
        self.was_asked(known, spot, &m, acceptor, number, answered, goes_on);
        let is_sure = (answered.standing == Standing::Grant || means != Shows::Promise)
            && self.names_questions(spot, acceptor, means);
        if let Some(question) = answered.question.filter(|_| is_sure && !m.is_journal) {
            let asks = if is_vote { MessageType::Accept } else { MessageType::Prepare };
            self.is_no_echo(m.value, question, asks);
        }
        self.keeps_its_word(known, spot, &m, acceptor, number, answered);
        self.file(spot, &m, acceptor, number, answered);
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

    /// True if it is known which questions an acceptor answers. Where the number does not say it, a
    /// missing line is enough to mistake them.
    pub(super) fn names_questions(&mut self, spot: Spot<'_>, acceptor: u16, means: Shows) -> bool {
        let stream = self.stream(spot, acceptor);
        let is_by_order = matches!(means, Shows::PromiseBefore | Shows::Accepted);
        !is_by_order || (stream.answered > 0 && stream.unasked == 0 && stream.late.is_none())
    }

    /// Notes that an ack shows another value than its question has.
    pub(super) fn is_no_echo(&mut self, value: Option<ValueId>, of: Number, asks: MessageType) {
        let asked = self.proposals.get(&of).and_then(|proposal| proposal.value_of(asks));
        self.shows_held |= value.zip(asked).is_some_and(|(value, asked)| value != asked);
    }

    /// How sure it is what this value in an ack of a prepare says: some programs show the
    /// question's.
    pub(super) fn unless_echo(&self, m: &Message, answered: Answered) -> Certainty {
        let asked = answered.question.and_then(|question| self.proposals.get(&question));
        let asked = asked.and_then(|proposal| proposal.value_of(MessageType::Prepare));
        let is_sure = answered.standing == Standing::Grant || self.means(m) != Shows::Promise;
        if m.held == Held::Unknown && (!is_sure || asked.is_none() || asked == m.value) {
            Certainty::IfAcksShowValues
        } else {
            Certainty::Certain
        }
    }

    /// True if it is the number of a proposal of this peer's.
    pub(super) fn owns(&self, known: &Known, peer: u16, number: Number) -> bool {
        let owner = known.asked.get(&number).and_then(|asked| asked.owner);
        let owner = owner.or_else(|| self.proposals.get(&number)?.owner());
        owner == Some(peer)
    }

    /// True if an acceptor was asked about the number that it shows, before the question that it
    /// answers if that is the same.
    pub(super) fn has_heard(
        &self,
        known: &Known,
        acceptor: u16,
        number: Option<Number>,
        means: Shows,
        question: Option<Number>,
    ) -> bool {
        let Some(number) = number else { return true };
        let proposal = self.proposals.get(&number);
        let times = proposal.and_then(|proposal| proposal.answer_of(acceptor)).map(|answer| {
            let all = answer.prepares.saturating_add(answer.accepts);
            match means {
                Shows::Accepted => answer.accepts,
                Shows::PromiseBefore if question == Some(number) => all.saturating_sub(1),
                _ => all,
            }
        });
        let own = self.owns(known, acceptor, number);
        let forgotten = self.floor.is_some_and(|floor| number <= floor);
        own || forgotten || times.is_some_and(|times| times > 0)
    }

    /// False if an acceptor was asked to promise a number, and nobody to accept it.
    fn may_be_voted(&self, known: &Known, acceptor: u16, number: Number) -> bool {
        let asked = self.proposals.get(&number).and_then(|proposal| proposal.answer_of(acceptor));
        asked.is_none_or(|answer| answer.prepares == 0)
            || known.asked.get(&number).is_none_or(|asked| asked.accept)
    }

    /// An ack follows its question, and what it shows was asked about.
    #[allow(clippy::too_many_arguments)] // what is known of one ack
    pub(super) fn was_asked(
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
        let means = self.means(m);
        let heard = self.has_heard(known, acceptor, number, means, answered.question);
        // Nobody votes for what nobody asks to accept.
        let shows_vote = matches!(means, Shows::Asked | Shows::Accepted);
        let may_be_vote =
            !shows_vote || number.is_none_or(|n| self.may_be_voted(known, acceptor, n));
        let stream = self.stream(spot, acceptor);
        let found = stream.found.is_some() && stream.found == number;
        if answered.was_asked && (heard || found) {
            return self.findings.kept(PaxosRule::AckFollowsQuestion);
        }
        // The first lines may be missing, and with them the question.
        let rose = match means {
            Shows::Promise | Shows::PromiseBefore => {
                stream.promise.is_some_and(|promise| Some(promise) < number)
            }
            Shows::Accepted => stream.accepted.as_ref().is_some_and(|a| a.number < number),
            Shows::Asked => true,
        };
        stream.unasked += u8::from(!answered.was_asked && stream.unasked < u8::MAX);
        // An acceptor answers one question after the other: one of them may be missing, not more.
        let is_too_much = stream.unasked > 2 && stream.questions > 2;
        let begins_here = stream.is_whole || stream.answered > 0 || is_too_much;
        // A copy for a learner may come long after the vote.
        let may_be_copy = is_vote
            && may_be_vote
            && !answered.was_asked
            && known.may_have_learners()
            && !stream.has_shown_other((number, m.value));
        let is_new = stream.is_whole || !may_be_copy || (rose && means != Shows::Asked);
        // Of repeated questions, another may have been the late one.
        let is_before = means == Shows::PromiseBefore && stream.late.is_some();
        let is_repeated = number.is_some() && (stream.late == number || is_before);
        // What it promised to a question that is missing, it shows before the next one.
        let is_known = means != Shows::PromiseBefore || !answered.was_asked || stream.unasked == 0;
        let is_proved = !known.has_gaps
            && !is_repeated
            && is_known
            && is_new
            && (goes_on || m.is_journal)
            && if answered.was_asked {
                begins_here && (rose || stream.is_whole)
            } else {
                begins_here
            }
            && known.facts(acceptor).is_none_or(|facts| facts.starts < 2 || m.is_journal);
        // Once, its own question may stand on a later line.
        let is_own = means == Shows::PromiseBefore && answered.was_asked;
        let is_first = is_proved && is_own && !self.shows_own_question;
        self.shows_own_question |= is_proved && is_own;
        let is_proved = is_proved && !is_first;
        if is_proved {
            self.contradictions += 1;
        }
        let shown = (m.kind, number);
        self.say_unasked(spot, acceptor, shown, is_proved, answered.was_asked);
    }

    fn say_unasked(
        &mut self,
        spot: Spot<'_>,
        acceptor: u16,
        (kind, number): (MessageType, Option<Number>),
        is_proved: bool,
        was_asked: bool,
    ) {
        let certainty = if is_proved { Certainty::Certain } else { Certainty::NotDecidable };
        self.findings.add_of(PaxosRule::AckFollowsQuestion, acceptor, certainty, || {
            let is_vote = kind == MessageType::AcceptAck;
            let question = if is_vote { "accept" } else { "prepare" };
            let kind = kind.name();
            let number = number.map_or(String::new(), |number| format!(" of {number}"));
            let words = match (is_proved, was_asked) {
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
}
