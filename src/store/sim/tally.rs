//! What is counted in a run of `store`.

use crate::sim::harness::{Figure, Tally};

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreTally {
    pub(super) calls: u64,
    pub(super) replies: u64,
    pub(super) unknown: u64,
    pub(super) unavailable: u64,
    pub(super) changes: u64,
    pub(super) forwarded: u64,
    pub(super) identity: u64,
    pub(super) dropped: u64,
    pub(super) lapsed: u64,
    pub(super) rejoined: u64,
    pub(super) longest_us: u64,
}

impl Tally for StoreTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("calls", Figure::Sum(self.calls)),
            ("replies", Figure::Sum(self.replies)),
            ("of them unknown", Figure::Sum(self.unknown)),
            ("of them unavailable", Figure::Sum(self.unavailable)),
            ("registers chosen", Figure::Sum(self.changes)),
            ("chosen unchanged", Figure::Sum(self.identity)),
            ("forwarded", Figure::Sum(self.forwarded)),
            ("dropped", Figure::Sum(self.dropped)),
            ("lapsed", Figure::Sum(self.lapsed)),
            ("disks lost", Figure::Sum(self.rejoined)),
            ("answered after", Figure::Longest(self.longest_us)),
        ]
    }
}
