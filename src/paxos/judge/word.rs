//! Is what an acceptor says of its promise and its vote what it said before?

use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::questions::Answered;
use super::reading::Shows;
use super::rules::PaxosRule;
use super::state::{Accepted, Held, Message, ValueId};
use crate::paxos::event::MessageType;
use crate::trace::findings::{Certainty, MOST_FINDINGS, Spot, Witness};

impl Hypothesis {
    /// What is promised and accepted is kept.
    pub(super) fn keeps_its_word(
        &mut self,
        known: &Known,
        spot: Spot<'_>,
        m: &Message,
        acceptor: u16,
        number: Option<Number>,
        answered: Answered,
    ) {
        let means = self.means(m);
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
        let below = promised.filter(|(promised, _)| match means {
            Shows::Promise => number.is_some_and(|number| number < *promised),
            Shows::PromiseBefore => number < Some(*promised),
            Shows::Accepted | Shows::Asked => false,
        });
        match below {
            Some((promised, witness)) => {
                self.goes_back(spot, acceptor, number, promised, witness);
            }
            None if means != Shows::Accepted => self.findings.kept(PaxosRule::PromiseKept),
            None => {}
        }
        if m.held == Held::Unknown && means == Shows::Accepted {
            self.accepts_upwards(known, spot, m, acceptor, number);
        } else {
            self.reports_its_vote(known, spot, m, acceptor, answered);
        }
        if m.kind == MessageType::PrepareAck && m.held == Held::Unknown {
            // Where the number is that of what is held, none says that the value is the question's.
            let holds_none = means == Shows::Accepted && number.is_none();
            let value = m.value.filter(|_| !holds_none);
            self.holds_what_it_may(known, spot, &Message { value, ..*m }, acceptor, answered);
        }
        let stream = self.stream(spot, acceptor);
        if matches!(means, Shows::Promise | Shows::PromiseBefore) {
            stream.promise = Some(number.unwrap_or(Number::whole(0)));
        }
        if let Some(number) = number {
            stream.promise_at_least(number, spot.witness());
        }
        let Some(least) = answered.at_least else { return };
        if stream.answered > 0 {
            stream.promise_at_least(least, spot.witness());
        } else {
            // Unless it answers a question that is logged behind it.
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
        let asks = known.facts(acceptor).is_some_and(|facts| facts.asks);
        let stream = self.stream(spot, acceptor);
        let promise = stream.promised.as_ref().map(|(promised, _)| *promised);
        let last =
            stream.last_value.replace((m.value, promise.max(answered.question), spot.witness()));
        let asked = std::mem::take(&mut stream.asked_since);
        // A proposer may be its own acceptor.
        let is_other = !asks;
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
        let shows_none = known.promises_show_values || self.means(m) == Shows::Accepted;
        if before == m.value || (before.is_none() && !shows_none) {
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
        match promise
            .max(before.promise)
            .zip(number)
            .filter(|(promise, _)| number > before.number && number < Some(*promise))
        {
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
}
