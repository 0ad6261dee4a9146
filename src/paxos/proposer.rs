//! One attempt of a proposer, as a value: it counts answers and says when there are enough.
//!
//! An attempt lives and dies with its number. Whatever goes wrong, the cure is another attempt
//! under a higher number; nothing of the old one is carried over.

use std::collections::BTreeMap;

use super::message::{Accepted, Ack};
use super::proposal::{ProposalNumber, Value};
use super::quorum::{Acceptors, is_quorum};
use crate::process::PeerId;

/// What an answer led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing new: not enough yet, or an answer to something else.
    Pending,
    /// A majority has promised: ask for acceptance of this value. `adopted` is the proposal that
    /// forced it, if one did.
    Promised {
        /// The value that may be asked for.
        value: Value,
        /// The highest accepted proposal among the promises.
        adopted: Option<Accepted>,
    },
    /// A majority has accepted: this value is chosen.
    Chosen(Value),
    /// An acceptor has promised a higher number; this attempt cannot count on it any more.
    Refused,
}

/// The two phases, each with its answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Prepare { promises: BTreeMap<PeerId, Option<Accepted>> },
    Accept { value: Value, acceptances: Acceptors },
}

/// One attempt to have a value chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// Its number, used by no other attempt of any peer in any life.
    pub number: ProposalNumber,
    candidate: Value,
    phase: Phase,
    /// Acceptors that it does without: their promise is not believed.
    lost: Acceptors,
}

impl Attempt {
    /// An attempt that has asked nobody yet.
    pub fn new(number: ProposalNumber, candidate: Value) -> Self {
        let phase = Phase::Prepare { promises: BTreeMap::new() };
        Self { number, candidate, phase, lost: Acceptors::new() }
    }

    /// The value that this attempt asks to accept; `None` while it still collects promises.
    pub fn asking(&self) -> Option<Value> {
        match self.phase {
            Phase::Prepare { .. } => None,
            Phase::Accept { value, .. } => Some(value),
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
    pub fn prepare_ack(&mut self, members: &Acceptors, from: PeerId, ack: &Ack) -> Progress {
        let Phase::Prepare { promises } = &mut self.phase else {
            return self.refused_by(ack);
        };
        // Only an answer to *this* number counts. A promise for an older one says nothing about
        // what its acceptor did since (two values were decided that way).
        if ack.answers != self.number || !members.contains(&from) {
            return Progress::Pending;
        }
        if !ack.granted() {
            return Progress::Refused;
        }
        promises.insert(from, ack.accepted);
        if !is_quorum(members, &promises.keys().copied().collect()) {
            return Progress::Pending;
        }
        // The heart of Paxos. A value chosen under a lower number was accepted by a majority, and
        // at least one of them is among these promises. Of all that they report, the one with the
        // highest *number* is the only one that can have been chosen; our own candidate is free
        // only if none reports any.
        let adopted = promises.values().flatten().copied().max_by_key(|accepted| accepted.number);
        let value = adopted.map_or(self.candidate, |accepted| accepted.value);
        self.phase = Phase::Accept { value, acceptances: Acceptors::new() };
        Progress::Promised { value, adopted }
    }

    /// Counts an answer to an accept. `members` are this proposer's acceptors.
    pub fn accept_ack(&mut self, members: &Acceptors, from: PeerId, ack: &Ack) -> Progress {
        let Phase::Accept { value, acceptances } = &mut self.phase else {
            return self.refused_by(ack);
        };
        if ack.answers != self.number || !members.contains(&from) {
            return Progress::Pending;
        }
        if !ack.accepts() {
            return Progress::Refused;
        }
        acceptances.insert(from);
        if is_quorum(members, acceptances) { Progress::Chosen(*value) } else { Progress::Pending }
    }

    /// A late answer to the other phase's question: it can still tell that this number is beaten.
    fn refused_by(&self, ack: &Ack) -> Progress {
        let beaten = ack.answers == self.number && !ack.granted();
        if beaten { Progress::Refused } else { Progress::Pending }
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

    #[test]
    fn the_value_of_the_highest_accepted_number_wins_not_the_largest_value() {
        let members = acceptors(&[2, 3, 4]);
        let mut attempt = Attempt::new(n(11), Value('Z'));
        let first = attempt.prepare_ack(&members, PeerId(2), &ack(11, 11, Some((1, Y))));
        assert_eq!(first, Progress::Pending);
        let second = attempt.prepare_ack(&members, PeerId(3), &ack(11, 11, Some((5, X))));
        let adopted = Some(Accepted { number: n(5), value: X });
        assert_eq!(second, Progress::Promised { value: X, adopted });
        assert_eq!(attempt.number, n(11), "it keeps its own number");
    }

    #[test]
    fn one_acceptor_counts_once() {
        let members = acceptors(&[2, 3, 4, 5, 6]);
        let mut attempt = Attempt::new(n(1), X);
        for _ in 0..5 {
            let progress = attempt.prepare_ack(&members, PeerId(2), &ack(1, 1, None));
            assert_eq!(progress, Progress::Pending);
        }
        for from in [3, 4] {
            attempt.prepare_ack(&members, PeerId(from), &ack(1, 1, None));
        }
        assert_eq!(attempt.asking(), Some(X));
        for _ in 0..5 {
            let progress = attempt.accept_ack(&members, PeerId(2), &ack(1, 1, Some((1, X))));
            assert_eq!(progress, Progress::Pending);
        }
    }

    #[test]
    fn an_answer_to_another_number_or_from_a_stranger_does_not_count() {
        let members = acceptors(&[2]);
        let mut attempt = Attempt::new(n(6), X);
        assert_eq!(attempt.prepare_ack(&members, PeerId(2), &ack(1, 6, None)), Progress::Pending);
        assert_eq!(attempt.prepare_ack(&members, PeerId(9), &ack(6, 6, None)), Progress::Pending);
        attempt.prepare_ack(&members, PeerId(2), &ack(6, 6, None));
        assert_eq!(attempt.asking(), Some(X));
        // A delayed refusal of 1 that says 6 is no acceptance of 6.
        assert_eq!(attempt.accept_ack(&members, PeerId(2), &ack(1, 6, None)), Progress::Pending);
        // Nor is a promise of 6 that arrives late.
        assert_eq!(attempt.prepare_ack(&members, PeerId(2), &ack(6, 6, None)), Progress::Pending);
        assert_eq!(attempt.answered(), Acceptors::new());
    }

    #[test]
    fn a_refusal_is_never_an_acceptance() {
        let members = acceptors(&[2]);
        let mut attempt = Attempt::new(n(1), X);
        assert_eq!(attempt.prepare_ack(&members, PeerId(2), &ack(1, 5, None)), Progress::Refused);
        attempt.prepare_ack(&members, PeerId(2), &ack(1, 1, None));
        let refusal = ack(1, 5, Some((5, Y)));
        assert_eq!(attempt.accept_ack(&members, PeerId(2), &refusal), Progress::Refused);
        assert_eq!(attempt.prepare_ack(&members, PeerId(2), &refusal), Progress::Refused);
    }

    #[test]
    fn a_majority_of_acceptances_is_a_choice() {
        let members = acceptors(&[2, 3, 4]);
        let mut attempt = Attempt::new(n(1), X);
        for from in [2, 4] {
            attempt.prepare_ack(&members, PeerId(from), &ack(1, 1, None));
        }
        let yes = ack(1, 1, Some((1, X)));
        assert_eq!(attempt.accept_ack(&members, PeerId(3), &yes), Progress::Pending);
        assert_eq!(attempt.accept_ack(&members, PeerId(2), &yes), Progress::Chosen(X));
    }
}
