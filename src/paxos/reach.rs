//! Which numbers are believed.
//!
//! Numbers end. A single frame with the last one would make a promise that nobody can ever top, so
//! a number far above everything that a peer has seen is not believed: its question is not answered
//! and its refusal ends no attempt. But what is not believed raises what will be: each such frame
//! by one step. So honest peers that are far apart, for whatever reason, come together after a few
//! frames, and a peer that wants to use the numbers up needs 2^53 / [`REACH`] = 2^29 frames.
//!
//! Honest peers do not get there. An attempt takes the next number of its proposer above those that
//! it has seen, so it raises the highest number by no more than there are peers, 255. A peer, a
//! fresh one too, must miss 65,000 attempts in a row before it finds a number out of reach. Among
//! five peers that is three million: two rivals make about three attempts a second once they back
//! off, and would have to go on for twelve days. It then costs that peer one frame.
//!
//! Left out: a peer of the hostsfile that lies for 2^29 frames. The cure is a protocol for malice.

use super::proposal::ProposalNumber;

/// How far above everything that an acceptor has seen the number of a question may be.
pub const REACH: u64 = 1 << 24;

/// How far above its own last number a refusal moves a proposer. Half of [`REACH`]: acceptors that
/// have seen only the number that was refused must believe the next one.
pub const STRIDE: u64 = REACH / 2;

/// What a peer has been told and does not believe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    /// What those numbers have raised.
    raised: u64,
    /// How many there were.
    disbelieved: u64,
}

impl Reach {
    /// True if a peer that has seen `seen` believes the number of a question. What it does not
    /// believe raises what it will.
    pub fn believes(&mut self, seen: Option<ProposalNumber>, number: ProposalNumber) -> bool {
        let seen = seen.map_or(0, ProposalNumber::get).max(self.raised);
        let believes = number.get().saturating_sub(seen) <= REACH;
        if !believes {
            self.raised = seen + REACH;
        }
        believes
    }

    /// Counts a number that is not believed. Returns the count if it is to be told: the first, the
    /// second, the fourth and so on, since there may be millions.
    pub fn disbelieve(&mut self) -> Option<u64> {
        self.disbelieved = self.disbelieved.saturating_add(1);
        self.disbelieved.is_power_of_two().then_some(self.disbelieved)
    }
}

/// What a proposer believes of the number in its way, its own last one being `last`.
pub fn within_stride(last: Option<ProposalNumber>, promised: ProposalNumber) -> ProposalNumber {
    let furthest = last.map_or(0, ProposalNumber::get) + STRIDE;
    ProposalNumber::new(furthest).map_or(promised, |furthest| promised.min(furthest))
}

/// The same number, or the highest that is within reach of `seen`.
pub fn within_reach(seen: Option<ProposalNumber>, number: ProposalNumber) -> ProposalNumber {
    let furthest = seen.map_or(0, ProposalNumber::get) + REACH;
    ProposalNumber::new(furthest).map_or(number, |furthest| number.min(furthest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::PeerId;

    fn n(number: u64) -> ProposalNumber {
        ProposalNumber::new(number).unwrap()
    }

    #[test]
    fn a_far_number_is_not_believed_but_raises_what_is() {
        let mut reach = Reach::default();
        assert!(reach.believes(None, n(REACH)));
        assert!(reach.believes(Some(n(7)), n(REACH + 7)));
        assert!(reach.believes(Some(n(ProposalNumber::MAX)), n(1)), "low ones are only refused");
        for _ in 0..4 {
            assert!(!reach.believes(None, n(5 * REACH + 1)));
        }
        assert!(!reach.believes(None, n(5 * REACH + 1)));
        assert!(reach.believes(None, n(5 * REACH + 1)));
    }

    #[test]
    fn using_the_numbers_up_takes_half_a_thousand_million_frames() {
        assert_eq!((ProposalNumber::MAX + 1) / REACH, 1 << 29);
        let last = n(ProposalNumber::MAX);
        assert_eq!(within_stride(Some(n(5)), last), n(5 + STRIDE));
        assert_eq!(within_stride(Some(n(ProposalNumber::MAX - 1)), last), last);
        assert_eq!(within_stride(Some(n(5)), n(6)), n(6), "an honest one is believed as it is");
    }

    /// Whatever a refusal says, acceptors that have seen the refused number believe the next one.
    #[test]
    fn what_a_refusal_leads_to_is_within_reach() {
        let end = ProposalNumber::MAX;
        for last in [1, 254, REACH, 1 << 40, end - 2 * REACH].map(n) {
            let seen = within_stride(Some(last), n(end));
            let next = ProposalNumber::next(PeerId(255), 255, Some(seen)).unwrap();
            assert!(Reach::default().believes(Some(last), next), "{last} and then {next}");
        }
    }

    #[test]
    fn what_is_not_believed_is_told_ever_more_rarely() {
        let mut reach = Reach::default();
        let told: Vec<u64> = (0..1_000_000).filter_map(|_| reach.disbelieve()).collect();
        assert_eq!(told.len(), 20);
        assert_eq!(told[..5], [1, 2, 4, 8, 16]);
    }
}
