//! The heart of Paxos, judged: does an accept ask for the value of the highest accepted proposal
//! among the promises?
//!
//! The journal says under which number each acceptor held its value, so the rule is decided. The
//! five printed keys show only the value, and show the proposer's own where none is held. So the
//! number under which a value was held is between the lowest and the highest one that asked for
//! it, and the rule is kept for certain, broken for certain, or open.
//!
//! Any majority among the promises that came in time justifies a value: it is enough that one
//! exists.

use super::case::Case;
use super::dialect::Number;
use super::hypothesis::Hypothesis;
use super::known::Known;
use super::reading::Shows;
use super::rules::PaxosRule;
use super::state::{Answer, Exchange, Held, Promise, ValueId};
use crate::paxos::event::MessageType;
use crate::trace::findings::Certainty;

/// A promise, and between which numbers its value may have been accepted. `None` is "it may hold
/// nothing" for `low`, and "it holds nothing" for `high`.
struct Bounds<'a> {
    value: Option<ValueId>,
    low: Option<Number>,
    high: Option<Number>,
    promise: &'a Promise,
    peer: u16,
}

/// A proposer that may be its own acceptor, and prints nothing of it.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    /// How many voices it may have: none or one.
    voices: usize,
    /// It may have accepted the value that it asks for, below this.
    below: Option<Number>,
}

impl Hypothesis {
    /// Judges the value that a number asks for; if there are several, says the worst of them, so
    /// that the order of the lines does not matter.
    pub(super) fn highest_value(&mut self, known: &Known, case: Case<'_>) {
        let accepts = case.proposal.asked(MessageType::Accept).filter(|asked| asked.sent.is_some());
        let judged = accepts.filter_map(|accept| {
            let asked = accept.value?;
            let (certainty, bounds) = self.judged_value(known, &case, asked)?;
            Some((certainty, bounds, asked, accept))
        });
        let worst = judged.min_by_key(|(certainty, ..)| match certainty {
            Some(Certainty::Certain) => 0,
            Some(Certainty::IfAcksShowValues) => 1,
            Some(_) => 2,
            None => 3,
        });
        match worst {
            None => (),
            Some((None, ..)) => self.findings.kept(PaxosRule::HighestAcceptedValue),
            Some((Some(certainty), bounds, asked, accept)) => {
                let candidate = case.proposal.value_of(MessageType::Prepare);
                self.say_value(known, case, certainty, &bounds, (asked, candidate), accept);
            }
        }
    }

    /// How certain it is that this value must not be asked for, or that it may be, and what the
    /// promises say; none without a majority of them: another rule says so.
    fn judged_value<'a>(
        &self,
        known: &Known,
        case: &'a Case<'_>,
        asked: ValueId,
    ) -> Option<(Option<Certainty>, Vec<Bounds<'a>>)> {
        let Case { number, proposal, owner, quorum, partial } = *case;
        let candidate = proposal.value_of(MessageType::Prepare);
        let answers: Vec<&Answer> = case.promises().collect();
        let own = self.own_voice(known, *case, asked);
        let unseen = self.unseen_answers(known, *case) + case.nameless_promises();
        let count = answers.len() + unseen;
        if count + own.voices < quorum.least || quorum.members.is_empty() {
            return None;
        }
        let bounds: Vec<Bounds<'_>> = answers
            .iter()
            .filter_map(|answer| self.bounds(known, answer, candidate, number))
            .collect();
        let blind = bounds.len() < answers.len();
        if !blind && is_certain(&bounds, asked, candidate, quorum.most) {
            return Some((None, bounds));
        }
        let possible = is_possible(&bounds, asked, candidate, quorum.least, own);
        let open = blind
            || unseen > 0
            || partial
            || possible
            || candidate.is_none()
            || self.unplaced_promises
            || !proposal.prepared;
        // A value that nobody reports may be reported as the question's: then nothing is known.
        let is_shown = bounds.iter().any(|b| b.low.is_some());
        let echoes = !is_shown
            && !self.shows_held
            && self.reading.prepare != Shows::Accepted
            && !known.is_journal(owner);
        let certainty = match () {
            () if open => Certainty::NotDecidable,
            () if echoes => Certainty::IfAcksShowValues,
            () => Certainty::Certain,
        };
        Some((Some(certainty), bounds))
    }

    fn say_value(
        &mut self,
        known: &Known,
        case: Case<'_>,
        certainty: Certainty,
        bounds: &[Bounds<'_>],
        (asked, candidate): (ValueId, Option<ValueId>),
        accept: &Exchange,
    ) {
        let Case { number, owner, .. } = case;
        let other = bounds.iter().filter(|b| b.high.is_some() && b.value != Some(asked));
        let highest = other.max_by_key(|b| (b.low, b.high));
        let text = |value: Option<ValueId>| value.map_or("?", |value| known.values.text(value));
        let asks = text(Some(asked));
        let words = match highest {
            _ if certainty == Certainty::NotDecidable => format!(
                "whether peer{owner} had to ask for another value than {asks} under {number} \
                 depends on what the promises leave open: under which number a value was accepted"
            ),
            Some(Bounds { value, promise, peer, .. }) => {
                let under = match promise.held {
                    Held::Under(held) => format!(" under {held}"),
                    _ => String::new(),
                };
                let shown = text(*value);
                format!(
                    "peer{owner} asks for {asks} under {number}, but the promise of peer{peer} \
                     shows that {shown} was accepted{under}; it should have asked for the value of \
                     the highest proposal accepted"
                )
            }
            None => format!(
                "peer{owner} asks for {asks} under {number}, which is neither its candidate {} nor \
                 a value in its promises; where nothing is accepted it should have asked for its \
                 candidate",
                text(candidate)
            ),
        };
        let shown = highest.or(bounds.first()).map(|b| b.promise.witness.clone());
        self.findings.add_of(PaxosRule::HighestAcceptedValue, owner, certainty, || {
            (shown.into_iter().chain(accept.line()).collect(), words)
        });
    }

    /// What a proposer may hold that is its own acceptor.
    fn own_voice(&self, known: &Known, case: Case<'_>, asked: ValueId) -> Own {
        let (owner, quorum) = (case.owner, case.quorum);
        let facts = known.facts(owner);
        // Without a hostsfile, it is one if it is one for others, or nobody else proposes.
        let acts = facts.is_some_and(|facts| facts.hears_questions || facts.answers);
        let perhaps = quorum.perhaps_self && (acts || self.answered.len() < 2);
        if !quorum.silent_self && !perhaps {
            return Own::default();
        }
        let streams = self.streams.iter().filter(|((_, of), _)| *of == owner);
        let first = streams.filter_map(|(_, stream)| stream.first_prepared).min();
        let before = self.value_numbers.get(&asked).map(|(_, highest)| *highest);
        // What it asked for before its first line is not known.
        let below = first.max(before);
        Own { voices: 1, below }
    }

    /// What a promise says of the value that its acceptor held; none if it says nothing.
    fn bounds<'a>(
        &self,
        known: &Known,
        answer: &'a Answer,
        candidate: Option<ValueId>,
        number: Number,
    ) -> Option<Bounds<'a>> {
        let promise = answer.promise.as_ref().filter(|_| !answer.promises_differ)?;
        let value = promise.value;
        let asked = value.and_then(|value| self.value_numbers.get(&value).copied());
        let means = known.promises_show_values && !known.blank_values;
        // What a program shows as the question's value is not what its votes were for.
        let is_sure = promise.is_told || self.shows_held || !known.promises_show_values;
        let held = if is_sure { promise.held } else { Held::Unknown };
        let (low, high) = match (held, value) {
            (Held::Nothing, _) => (None, None),
            (Held::Under(held), _) => (Some(held), Some(held)),
            (Held::Unknown, None) if means => (None, None),
            (Held::Unknown, None) => return None,
            (Held::Unknown, Some(_)) if value == candidate => {
                // What was asked for before the first lines is not known.
                (None, Some(asked.map_or(number, |(_, highest)| highest)))
            }
            // Asked for by a proposer whose lines are not here: anything below this number.
            (Held::Unknown, Some(_)) => (Some(Number::whole(0)), Some(number)),
        };
        let value = match held {
            // The value shown may be the question's.
            Held::Under(held) if value.is_none() || value == candidate => {
                self.asked_value(Some(held), answer.peer).or(value.filter(|_| self.shows_held))
            }
            // A promise that holds nothing shows what it was asked about.
            _ if high.is_none() => None,
            _ => value,
        };
        if value.is_none() && high.is_some() {
            return None;
        }
        Some(Bounds { value, low, high, promise, peer: answer.peer })
    }
}

/// True if some majority of these promises may have justified the value.
fn is_possible(
    bounds: &[Bounds<'_>],
    asked: ValueId,
    candidate: Option<ValueId>,
    need: usize,
    own: Own,
) -> bool {
    let at_most = |top: Option<Number>| bounds.iter().filter(|b| b.low <= top).count() + own.voices;
    let holds_nothing = bounds.iter().filter(|b| b.low.is_none()).count() + own.voices;
    if candidate == Some(asked) && holds_nothing >= need {
        return true;
    }
    let is_top = |b: &&Bounds<'_>| b.value == Some(asked) && b.high.is_some();
    bounds.iter().filter(is_top).any(|top| at_most(top.high) >= need)
        || (own.voices > 0 && own.below.is_some() && at_most(own.below) >= need)
}

/// True if some majority of these promises justifies the value, wherever in their bounds they lie.
fn is_certain(
    bounds: &[Bounds<'_>],
    asked: ValueId,
    candidate: Option<ValueId>,
    need: usize,
) -> bool {
    let same = |b: &Bounds<'_>| b.high.is_none() || b.value == Some(asked);
    if candidate == Some(asked) && bounds.iter().filter(|b| same(b)).count() >= need {
        return true;
    }
    bounds.iter().filter(|b| b.value == Some(asked) && b.low.is_some()).any(|top| {
        bounds.iter().filter(|b| b.value == Some(asked) || b.high <= top.low).count() >= need
    })
}
