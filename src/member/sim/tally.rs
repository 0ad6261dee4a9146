//! What is counted in a run of `member`.

use crate::sim::harness::{Figure, Tally};

/// What the peers of a run did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberTally {
    /// Views installed.
    pub installed: u64,
    /// How often somebody was called unreachable.
    pub alarms: u64,
    /// How many learned that they were removed.
    pub removed: u64,
    /// How many went on as the members that they were.
    pub resumed: u64,
    /// Runs that ended in one view of all who live.
    pub one_group: u64,
    /// Runs that ended without, as was to be expected.
    pub stalled: u64,
    /// Runs that ended without where nothing is promised.
    pub split: u64,
    /// How long it took in the recovery phase until there was one group, in microseconds.
    pub one_group_us: u64,
}

impl Tally for MemberTally {
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("views installed", Figure::Sum(self.installed)),
            ("called unreachable", Figure::Sum(self.alarms)),
            ("removed and back", Figure::Sum(self.removed)),
            ("went on from records", Figure::Sum(self.resumed)),
            ("one group in the end", Figure::Sum(self.one_group)),
            ("expected stalls", Figure::Sum(self.stalled)),
            ("permitted splits", Figure::Sum(self.split)),
            ("one group after", Figure::Longest(self.one_group_us)),
        ]
    }
}
