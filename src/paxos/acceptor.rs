//! The acceptor: two questions, one state, and it always answers.

use serde::{Deserialize, Serialize};

use super::message::{Accepted, Ack};
use super::proposal::{ProposalNumber, Value};

/// The memory of Paxos (Ousterhout's lecture, slide 45). A peer has one, however many proposers
/// it serves. The values may be of any type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptor<V = Value> {
    /// The promise: nothing below this number is accepted any more.
    pub min_proposal: Option<ProposalNumber>,
    /// What was accepted last, and so under the highest number.
    pub accepted: Option<Accepted<V>>,
}

// Written out because a derive would ask for a default value.
impl<V> Default for Acceptor<V> {
    fn default() -> Self {
        Self { min_proposal: None, accepted: None }
    }
}

impl<V: Clone> Acceptor<V> {
    /// `prepare(n)`: promises `number` if it is above every earlier promise. Returns the answer;
    /// the state may have changed and must be durable before the answer leaves.
    pub fn prepare(&mut self, number: ProposalNumber, asked: V) -> Ack<V> {
        let promised = self.min_proposal;
        // Equal is no new promise, but the answer is the same: the question came twice.
        if Some(number) > self.min_proposal {
            self.min_proposal = Some(number);
        }
        assert!(self.min_proposal >= promised, "a promise is never taken back");
        self.answer(number, asked)
    }

    /// `accept(n, v)`: accepts unless a higher number was promised. Returns the answer; the state
    /// may have changed and must be durable before the answer leaves.
    pub fn accept(&mut self, number: ProposalNumber, value: V) -> Ack<V> {
        let promised = self.min_proposal;
        // Not `>`: after its own promise nothing would ever be accepted.
        if Some(number) >= self.min_proposal {
            // The promise rises too: otherwise a lower accept could follow.
            self.min_proposal = Some(number);
            self.accepted = Some(Accepted { number, value: value.clone() });
        }
        assert!(self.min_proposal >= promised, "a promise is never taken back");
        self.answer(number, value)
    }

    fn answer(&self, answers: ProposalNumber, asked: V) -> Ack<V> {
        let min_proposal = self.min_proposal.map_or(answers, |promised| promised.max(answers));
        assert_eq!(
            Some(min_proposal),
            self.min_proposal,
            "a promise is recorded before it is given"
        );
        Ack { answers, min_proposal, accepted: self.accepted.clone(), asked }
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

    #[test]
    fn a_promise_is_never_taken_back() {
        let mut acceptor: Acceptor = Acceptor::default();
        assert!(acceptor.prepare(n(6), X).granted());
        let refused = acceptor.prepare(n(5), Y);
        assert!(!refused.granted());
        assert_eq!(refused.min_proposal, n(6), "a refusal names the higher number");
        assert!(!acceptor.accept(n(5), Y).accepts());
        assert_eq!(acceptor, Acceptor { min_proposal: Some(n(6)), accepted: None });
    }

    /// The protocol does not look at values.
    #[test]
    fn a_value_may_be_of_any_type() {
        let mut acceptor = Acceptor::default();
        acceptor.prepare(n(1), "a text".to_string());
        assert!(acceptor.accept(n(1), "a text".to_string()).accepts());
        let json = serde_json::to_string(&acceptor).unwrap();
        assert_eq!(json, r#"{"min_proposal":1,"accepted":{"number":1,"value":"a text"}}"#);
        assert_eq!(serde_json::from_str::<Acceptor<String>>(&json).unwrap(), acceptor);
    }

    #[test]
    fn its_own_promise_does_not_stop_an_acceptance() {
        let mut acceptor: Acceptor = Acceptor::default();
        acceptor.prepare(n(1), X);
        assert!(acceptor.accept(n(1), X).accepts());
        assert!(acceptor.accept(n(1), X).accepts(), "asked twice, answered twice");
    }

    #[test]
    fn an_acceptance_raises_the_promise() {
        let mut acceptor: Acceptor = Acceptor::default();
        assert!(acceptor.accept(n(6), X).accepts(), "no promise is needed to accept");
        assert!(!acceptor.accept(n(5), Y).accepts());
        assert_eq!(acceptor.accepted, Some(Accepted { number: n(6), value: X }));
    }

    #[test]
    fn a_promise_shows_what_was_accepted_under_its_own_number() {
        let mut acceptor: Acceptor = Acceptor::default();
        acceptor.accept(n(1), X);
        let promise = acceptor.prepare(n(5), Y);
        assert!(promise.granted() && !promise.accepts());
        assert_eq!(promise.accepted, Some(Accepted { number: n(1), value: X }), "not under 5");
    }
}
