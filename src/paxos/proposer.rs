//! One attempt of a proposer, as a value: it counts answers and says when there are enough.
//!
//! To count and to act are two things. [`Attempt::prepare_ack`] and [`Attempt::accept_ack`] put an
//! answer into the state, and nothing more; [`Attempt::outcome`] says what the answers so far allow
//! or forbid. On sockets the first is done by the thread of a connection, the second by the
//! proposer's own thread, and answers may come in between. That is safe: whatever a complete count
//! allows, it still allows with more answers.
//!
//! An attempt has one number. Whatever goes wrong, the cure is another attempt
//! under a higher number; nothing of the old one is carried over.

use std::collections::BTreeMap;

use super::message::{Accepted, Ack};
use super::proposal::{ProposalNumber, Value};
use super::quorum::{Acceptors, is_quorum, is_quorum_of};
use crate::process::PeerId;

/// What the answers to the open question have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<V = Value> {
    /// A majority has promised: ask for acceptance of this value.
    Promised {
        /// The value that may be asked for.
        value: V,
        /// The highest accepted proposal among the promises, which forced it, if there is one.
        adopted: Option<Accepted<V>>,
    },
    /// A majority has accepted: this value is chosen.
    Chosen(V),
    /// An acceptor has promised a higher number, and no majority has answered yet: this attempt
    /// cannot count on it any more.
    Refused {
        /// The acceptor.
        by: PeerId,
        /// What it has promised.
        promised: ProposalNumber,
    },
}

/// The two phases, each with its answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase<V> {
    Prepare { promises: BTreeMap<PeerId, Option<Accepted<V>>> },
    Accept { value: V, acceptances: Acceptors },
}

/// One attempt to have a value chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt<V = Value> {
    /// Its number, used by no other attempt of any peer in any incarnation.
    pub number: ProposalNumber,
    candidate: V,
    phase: Phase<V>,
    /// The first refusal, of either question.
    refused: Option<(PeerId, ProposalNumber)>,
    /// Acceptors that it does without: their promise is not believed.
    lost: Acceptors,
}

impl<V: Clone> Attempt<V> {
    /// An attempt that has asked nobody yet.
    pub fn new(number: ProposalNumber, candidate: V) -> Self {
        let phase = Phase::Prepare { promises: BTreeMap::new() };
        Self { number, candidate, phase, refused: None, lost: Acceptors::new() }
    }

    /// The value that this attempt asks to accept; `None` while it still collects promises.
    pub fn asking(&self) -> Option<V> {
        match &self.phase {
            Phase::Prepare { .. } => None,
            Phase::Accept { value, .. } => Some(value.clone()),
        }
    }

    /// Who has answered the question that is open now.
    pub fn answered(&self) -> Acceptors {
        match &self.phase {
            Phase::Prepare { promises } => promises.keys().copied().collect(),
            Phase::Accept { acceptances, .. } => acceptances.clone(),
        }
    }

    /// Goes on without this acceptor; false if the others are no majority any more. (To leave an
    /// answer out is always safe: it could have been lost.)
    pub fn does_without(&mut self, members: &Acceptors, acceptor: PeerId) -> bool {
        self.lost.insert(acceptor);
        is_quorum(members, &(members - &self.lost))
    }

    /// Counts an answer to a prepare. `members` are this proposer's acceptors.
    pub fn prepare_ack(&mut self, members: &Acceptors, from: PeerId, ack: &Ack<V>) {
        // Only an answer to *this* number counts. A promise for an older one says nothing about
        // what its acceptor did since (two values were decided that way).
        if ack.answers != self.number || !members.contains(&from) {
            return;
        }
        if !ack.granted() {
            self.refused.get_or_insert((from, ack.min_proposal));
        } else if let Phase::Prepare { promises } = &mut self.phase {
            promises.insert(from, ack.accepted.clone());
        }
    }

    /// Counts an answer to an accept. `members` are this proposer's acceptors.
    pub fn accept_ack(&mut self, members: &Acceptors, from: PeerId, ack: &Ack<V>) {
        if ack.answers != self.number || !members.contains(&from) {
            return;
        }
        if !ack.granted() {
            self.refused.get_or_insert((from, ack.min_proposal));
        } else if let Phase::Accept { acceptances, .. } = &mut self.phase
            && ack.accepts()
        {
            acceptances.insert(from);
        }
    }

    /// What the answers allow now; `None` while there are not enough. A complete count goes before
    /// a refusal: the others are a majority without the one who refused.
    pub fn outcome(&self, members: &Acceptors) -> Option<Outcome<V>> {
        match &self.phase {
            Phase::Prepare { promises }
                if is_quorum_of(members, |member| promises.contains_key(member)) =>
            {
                // The heart of Paxos. A value chosen under a lower number was accepted by a
                // majority, and at least one of them is among these promises. Of all that
                // they report, the one with the highest *number* is the only one that can
                // have been chosen; our own candidate is free only if none reports any.
                let reported = promises.values().flatten();
                let adopted = reported.max_by_key(|accepted| accepted.number).cloned();
                let forced = adopted.as_ref().map(|accepted| accepted.value.clone());
                let value = forced.unwrap_or_else(|| self.candidate.clone());
                Some(Outcome::Promised { value, adopted })
            }
            Phase::Accept { value, acceptances } if is_quorum(members, acceptances) => {
                Some(Outcome::Chosen(value.clone()))
            }
            _ => self.refused.map(|(by, promised)| Outcome::Refused { by, promised }),
        }
    }

    /// Asks for acceptance of the value that a majority of promises allows. The refusals of the
    /// question before are answered by that majority.
    pub fn ask_acceptance(&mut self, value: V) {
        assert!(self.asking().is_none(), "one attempt asks for acceptance of one value");
        self.phase = Phase::Accept { value, acceptances: Acceptors::new() };
        self.refused = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Value = Value('X');
    const Y: Value = Value('Y');

    fn n(number: u64) -> ProposalNumber {
        ProposalNumber::new(number).unwrap()
    }

    fn acceptors(ids: &[u16]) -> Acceptors {
        ids.iter().map(|&id| PeerId(id)).collect()
    }

    fn ack(answers: u64, min_proposal: u64, accepted: Option<(u64, Value)>) -> Ack {
        let accepted = accepted.map(|(number, value)| Accepted { number: n(number), value });
        Ack { answers: n(answers), min_proposal: n(min_proposal), accepted, asked: Y }
    }

    /// Goes on to the second question; `None` if there are not enough promises.
    fn proceed(attempt: &mut Attempt, members: &Acceptors) -> Option<Value> {
        let Some(Outcome::Promised { value, .. }) = attempt.outcome(members) else { return None };
        attempt.ask_acceptance(value);
        attempt.asking()
    }

    #[test]
    fn the_value_of_the_highest_accepted_number_wins_not_the_largest_value() {
        let members = acceptors(&[2, 3, 4]);
        let mut attempt = Attempt::new(n(11), Value('Z'));
        attempt.prepare_ack(&members, PeerId(2), &ack(11, 11, Some((1, Y))));
        assert_eq!(attempt.outcome(&members), None);
        attempt.prepare_ack(&members, PeerId(3), &ack(11, 11, Some((5, X))));
        let adopted = Some(Accepted { number: n(5), value: X });
        assert_eq!(attempt.outcome(&members), Some(Outcome::Promised { value: X, adopted }));
        assert_eq!(attempt.number, n(11), "it keeps its own number");
    }

    #[test]
    fn one_acceptor_counts_once() {
        let members = acceptors(&[2, 3, 4, 5, 6]);
        let mut attempt = Attempt::new(n(1), X);
        for _ in 0..5 {
            attempt.prepare_ack(&members, PeerId(2), &ack(1, 1, None));
            assert_eq!(attempt.outcome(&members), None);
        }
        for from in [3, 4] {
            attempt.prepare_ack(&members, PeerId(from), &ack(1, 1, None));
        }
        assert_eq!(proceed(&mut attempt, &members), Some(X));
        for _ in 0..5 {
            attempt.accept_ack(&members, PeerId(2), &ack(1, 1, Some((1, X))));
            assert_eq!(attempt.outcome(&members), None);
        }
    }

    #[test]
    fn an_answer_to_another_number_or_from_another_peer_does_not_count() {
        let members = acceptors(&[2]);
        let mut attempt = Attempt::new(n(6), X);
        attempt.prepare_ack(&members, PeerId(2), &ack(1, 6, None));
        attempt.prepare_ack(&members, PeerId(9), &ack(6, 6, None));
        attempt.prepare_ack(&members, PeerId(9), &ack(6, 7, None));
        assert_eq!(attempt.outcome(&members), None);
        attempt.prepare_ack(&members, PeerId(2), &ack(6, 6, None));
        assert_eq!(proceed(&mut attempt, &members), Some(X));
        // A delayed refusal of 1 that says 6 is no acceptance of 6.
        attempt.accept_ack(&members, PeerId(2), &ack(1, 6, None));
        // Nor is a promise of 6 that arrives late, as itself or in the place of an acceptance.
        attempt.prepare_ack(&members, PeerId(2), &ack(6, 6, None));
        attempt.accept_ack(&members, PeerId(2), &ack(6, 6, None));
        attempt.accept_ack(&members, PeerId(2), &ack(6, 6, Some((5, Y))));
        assert_eq!(attempt.answered(), Acceptors::new());
        assert_eq!(attempt.outcome(&members), None);
    }

    #[test]
    fn a_refusal_is_never_an_acceptance() {
        let members = acceptors(&[2]);
        let refused = Some(Outcome::Refused { by: PeerId(2), promised: n(5) });
        let mut attempt = Attempt::new(n(1), X);
        attempt.prepare_ack(&members, PeerId(2), &ack(1, 5, None));
        assert_eq!(attempt.outcome(&members), refused);
        let mut attempt = Attempt::new(n(1), X);
        attempt.prepare_ack(&members, PeerId(2), &ack(1, 1, None));
        assert_eq!(proceed(&mut attempt, &members), Some(X));
        let late = attempt.clone();
        attempt.accept_ack(&members, PeerId(2), &ack(1, 5, Some((5, Y))));
        assert_eq!(attempt.outcome(&members), refused);
        // Also one of the first question that arrives late.
        let mut attempt = late;
        attempt.prepare_ack(&members, PeerId(2), &ack(1, 5, Some((5, Y))));
        assert_eq!(attempt.outcome(&members), refused);
    }

    #[test]
    fn a_majority_of_acceptances_is_a_choice() {
        let members = acceptors(&[2, 3, 4]);
        let mut attempt = Attempt::new(n(1), X);
        for from in [2, 4] {
            attempt.prepare_ack(&members, PeerId(from), &ack(1, 1, None));
        }
        assert_eq!(proceed(&mut attempt, &members), Some(X));
        let yes = ack(1, 1, Some((1, X)));
        attempt.accept_ack(&members, PeerId(3), &yes);
        assert_eq!(attempt.outcome(&members), None);
        attempt.accept_ack(&members, PeerId(2), &yes);
        assert_eq!(attempt.outcome(&members), Some(Outcome::Chosen(X)));
    }

    #[test]
    fn a_complete_count_goes_before_a_refusal_whichever_came_first() {
        let members = acceptors(&[2, 3, 4]);
        for order in [[2, 3, 4], [2, 4, 3], [4, 2, 3]] {
            let mut attempt = Attempt::new(n(1), X);
            for from in order {
                let promised = if from == 4 { 5 } else { 1 };
                attempt.prepare_ack(&members, PeerId(from), &ack(1, promised, None));
            }
            assert_eq!(proceed(&mut attempt, &members), Some(X));
            assert_eq!(attempt.outcome(&members), None, "that refusal is done with");
            for from in order {
                let answer = if from == 4 { ack(1, 5, None) } else { ack(1, 1, Some((1, X))) };
                attempt.accept_ack(&members, PeerId(from), &answer);
            }
            assert_eq!(attempt.outcome(&members), Some(Outcome::Chosen(X)));
        }
    }
}
