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

use super::dialect::Number;
use super::intake::PaxosJudge;
use super::rules::PaxosRule;
use super::state::{Answer, Held, Promise, Proposal, ValueId};
use super::support::Quorum;
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

impl PaxosJudge {
    /// Judges the value that `number` asks for.
    pub(super) fn highest_value(
        &mut self,
        number: Number,
        proposal: &Proposal,
        owner: u16,
        quorum: &Quorum,
        partial: bool,
    ) {
        let accept = proposal.asked(MessageType::Accept).find(|asked| asked.sent.is_some());
        let Some((accept, asked)) = accept.and_then(|accept| Some((accept, accept.value?))) else {
            return;
        };
        let candidate = proposal.asked(MessageType::Prepare).find_map(|prepare| prepare.value);
        let counted = |answer: &&Answer| answer.promised_in_time && quorum.counts(answer.peer);
        let answers: Vec<&Answer> = proposal.answers.iter().filter(counted).collect();
        // Without a majority there is nothing to take a value from; another rule says so.
        let hidden = proposal.nameless_promises + usize::from(quorum.silent_self);
        if answers.len() + hidden < quorum.least || quorum.members.is_empty() {
            return;
        }
        let bounds: Vec<Bounds<'_>> =
            answers.iter().filter_map(|answer| self.bounds(answer, candidate, number)).collect();
        let blind = bounds.len() < answers.len();
        let is_kept = !blind && is_certain(&bounds, asked, candidate, quorum.most);
        if is_kept {
            return self.findings.kept(PaxosRule::HighestAcceptedValue);
        }
        let possible = is_possible(&bounds, asked, candidate, quorum.least);
        let open = blind || hidden > 0 || partial || possible || candidate.is_none();
        let rests_on_all = bounds.iter().any(|b| b.value == Some(asked) && b.low.is_none());
        let journal = bounds.iter().all(|b| b.promise.held != Held::Unknown);
        let certainty = match () {
            () if open => Certainty::NotDecidable,
            () if journal || !rests_on_all => quorum.certainty(),
            () if self.every_proposer_speaks() => Certainty::IfEveryProposer,
            () => Certainty::NotDecidable,
        };
        let other = bounds.iter().filter(|b| b.high.is_some() && b.value != Some(asked));
        let highest = other.max_by_key(|b| b.high);
        let text = |value: Option<ValueId>| value.map_or("?", |value| self.values.text(value));
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
                     shows that {shown} was accepted{under}"
                )
            }
            None => format!(
                "peer{owner} asks for {asks} under {number}, which is neither its candidate {} nor \
                 a value in its promises",
                text(candidate)
            ),
        };
        let shown = highest.or(bounds.first()).map(|b| b.promise.witness.clone());
        self.findings.add(PaxosRule::HighestAcceptedValue, certainty, || {
            (shown.into_iter().chain(accept.line()).collect(), words)
        });
    }

    /// What a promise says of the value that its acceptor held; none if it says nothing.
    fn bounds<'a>(
        &self,
        answer: &'a Answer,
        candidate: Option<ValueId>,
        number: Number,
    ) -> Option<Bounds<'a>> {
        let promise = answer.promise.as_ref()?;
        // Of what may be a refusal it is not known who asked about its value.
        if !promise.certain && self.lowest_prepared.is_some_and(|lowest| lowest < number) {
            return None;
        }
        let value = promise.value;
        let known = value.and_then(|value| self.value_numbers.get(&value).copied());
        let (low, high) = match (promise.held, value) {
            (Held::Nothing, _) => (None, None),
            (Held::Under(held), _) => (Some(held), Some(held)),
            (Held::Unknown, None) if self.acks_show_values && !self.blank_values => (None, None),
            (Held::Unknown, None) => return None,
            (Held::Unknown, Some(_)) if value == candidate => {
                (None, known.map(|(_, highest)| highest))
            }
            // Asked for by a proposer whose lines are not here: anything below this number.
            (Held::Unknown, Some(_)) => {
                let (low, high) = known.unwrap_or((Number::whole(0), number));
                (Some(low), Some(high))
            }
        };
        // A promise that holds nothing shows what it was asked about.
        let value = if high.is_none() { None } else { value };
        Some(Bounds { value, low, high, promise, peer: answer.peer })
    }
}

/// True if some majority of these promises may have justified the value.
fn is_possible(
    bounds: &[Bounds<'_>],
    asked: ValueId,
    candidate: Option<ValueId>,
    need: usize,
) -> bool {
    let holds_nothing = bounds.iter().filter(|b| b.low.is_none()).count();
    if candidate == Some(asked) && holds_nothing >= need {
        return true;
    }
    bounds
        .iter()
        .filter(|b| b.value == Some(asked) && b.high.is_some())
        .any(|top| bounds.iter().filter(|b| b.low <= top.high).count() >= need)
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
