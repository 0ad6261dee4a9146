//! The terms of one peer: numbers of Paxos, each used for one attempt.
//!
//! A term must not be used again after a restart. As with the acceptors' watermark, a range is
//! recorded before its first number is used, so that an attempt need not wait for a flush of its
//! own.

use super::message::Record;
use crate::paxos::ProposalNumber;
use crate::process::PeerId;

/// How many terms of its own a peer reserves at once.
const RANGE: u64 = 1 << 16;

/// The terms of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Terms {
    me: PeerId,
    peers: u16,
    /// The highest that was used, heard of, or may have been used by an earlier incarnation.
    last: Option<ProposalNumber>,
    /// Numbers up to this one are recorded as used.
    reserved: Option<ProposalNumber>,
    /// What is to be recorded before the next message leaves.
    pub(super) record: Option<Record>,
}

impl Terms {
    pub(super) fn new(me: PeerId, peers: u16) -> Self {
        Self { me, peers, last: None, reserved: None, record: None }
    }

    /// Takes back what was durable.
    pub(super) fn restore(&mut self, reserved: ProposalNumber) {
        self.reserved = Some(reserved);
        self.last = self.last.max(Some(reserved));
    }

    /// The highest that was used or heard of.
    pub(super) fn last(&self) -> Option<ProposalNumber> {
        self.last
    }

    /// Up to where terms may have been used.
    pub(super) fn reserved(&self) -> Option<ProposalNumber> {
        self.reserved
    }

    /// This one was used by somebody.
    pub(super) fn heard_of(&mut self, term: ProposalNumber) {
        self.last = self.last.max(Some(term));
    }

    /// The next term, above all that were used and above `seen`; none if the numbers are used up.
    pub(super) fn next(&mut self, seen: Option<ProposalNumber>) -> Option<ProposalNumber> {
        let term = ProposalNumber::next(self.me, self.peers, self.last.max(seen))?;
        if Some(term) > self.reserved {
            let end = term.get() + (RANGE - 1) * u64::from(self.peers);
            let end = ProposalNumber::new(end).unwrap_or(term);
            self.reserved = Some(end);
            self.record = Some(Record::Reserved(end));
        }
        self.last = Some(term);
        Some(term)
    }

    /// A number that is not the same for two peers, nor twice for one.
    pub(super) fn lot(&self) -> u64 {
        let last = self.last.map_or(0, ProposalNumber::get);
        mix(last ^ u64::from(self.me.0) << 48)
    }
}

/// Spreads a number over all bits. Source: A. Appleby, the finalizer of `MurmurHash3`.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_term_is_used_again_after_a_restart() {
        let mut terms = Terms::new(PeerId(2), 3);
        let first = terms.next(None).unwrap();
        let Some(Record::Reserved(end)) = terms.record.take() else { panic!("not recorded") };
        assert_eq!((first.get(), first.owner(3)), (2, PeerId(2)));
        let mut last = first;
        for _ in 1..RANGE {
            last = terms.next(None).unwrap();
            assert_eq!(terms.record, None, "one record for a range");
        }
        assert_eq!(last, end);
        assert!(terms.next(None).is_some_and(|next| next > end) && terms.record.is_some());
        let mut after = Terms::new(PeerId(2), 3);
        after.restore(end);
        assert!(after.next(None) > Some(end));
    }

    #[test]
    fn at_the_end_of_the_numbers_there_is_none() {
        let mut terms = Terms::new(PeerId(1), 3);
        terms.heard_of(ProposalNumber::new(ProposalNumber::MAX).unwrap());
        assert_eq!(terms.next(None), None);
    }
}
