//! Pings and their answers, as the network has carried them: who may be called dead.

use std::collections::BTreeMap;

use crate::process::PeerId;

/// So many pings in a row without an answer are a death.
pub(super) const MISSES: u32 = 4;
/// A peer that was called dead by mistake is in the ring again after this time, in microseconds:
/// it notices that nobody pings it, and joins anew.
const BACK_US: u64 = 20_000_000;

/// What was asked and answered.
///
/// No detector can tell a peer that has died from one whose answers are all lost. With losses of
/// one message in two hundred, four pings in a row go wrong once in some thousand runs. So a
/// mistake is allowed where the network has made it, and nowhere else: the count is of what was
/// sent and what arrived, not of what a peer believes.
#[derive(Debug, Default)]
pub(super) struct Pings {
    /// How many pings of the one to the other there were since an answer came.
    unanswered: BTreeMap<(PeerId, PeerId), u32>,
    /// When somebody was called dead last who is there.
    mistaken_us: Option<u64>,
}

impl Pings {
    pub(super) fn sent(&mut self, from: PeerId, to: PeerId) {
        *self.unanswered.entry((from, to)).or_default() += 1;
    }

    pub(super) fn answered(&mut self, to: PeerId, by: PeerId) {
        self.unanswered.remove(&(to, by));
    }

    /// `of`, which is there, is called dead. True if the network has lost enough for that, or if
    /// such a mistake goes round.
    pub(super) fn explains(&mut self, now: u64, from: PeerId, of: PeerId) -> bool {
        let is_explained = self.unanswered.remove(&(from, of)).is_some_and(|pings| pings >= MISSES);
        if is_explained {
            self.mistaken_us = Some(now);
        }
        is_explained || self.are_mistaken(now)
    }

    /// True as long as a mistake may not be mended: the ring is not what its peers take it for.
    pub(super) fn are_mistaken(&self, now: u64) -> bool {
        self.mistaken_us.is_some_and(|at| now < at + BACK_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enough_pings_without_an_answer_explain_a_mistake() {
        let (mut pings, one, other) = (Pings::default(), PeerId(1), PeerId(2));
        let miss = |pings: &mut Pings, count: u32| (0..count).for_each(|_| pings.sent(one, other));
        miss(&mut pings, MISSES - 1);
        assert!(!pings.explains(0, one, other) && !pings.are_mistaken(0));
        miss(&mut pings, MISSES);
        assert!(!pings.explains(0, other, one), "the other way round");
        pings.answered(one, other);
        assert!(!pings.explains(0, one, other), "an answer came");
        miss(&mut pings, MISSES);
        assert!(pings.explains(7, one, other));
        assert!(pings.are_mistaken(8) && !pings.are_mistaken(7 + BACK_US));
    }
}
