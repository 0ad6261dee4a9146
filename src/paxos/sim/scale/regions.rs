//! How far it is in a wide area: round trips between ten regions of a cloud, on five continents.
//!
//! The figures are averages in milliseconds, measured between Amazon's regions and tabulated in
//! *AWS Regions* (April 2017),
//! <https://acomputerscientistlearnsaws.blogspot.com/2017/04/aws-regions.html>, there taken from
//! *Latency Between AWS Global Regions*. Present ones are at <https://www.cloudping.co>: some pairs
//! have become a tenth faster, the distances are the same.

use crate::process::PeerId;

/// The regions, in the order in which peers are put there: near ones are never neighbours.
pub(super) const REGIONS: [&str; 10] = [
    "N. Virginia",
    "Ireland",
    "Tokyo",
    "São Paulo",
    "Oregon",
    "Frankfurt",
    "Singapore",
    "N. California",
    "Sydney",
    "Seoul",
];

/// Tenths of milliseconds there and back; above the diagonal, in the order of [`REGIONS`].
const ROUND_TRIPS: [&[u64]; 9] = [
    &[805, 1453, 1195, 869, 886, 2167, 727, 2300, 1784],
    &[2124, 1913, 1370, 195, 2390, 1532, 3096, 2424],
    &[2568, 891, 2365, 737, 1025, 1039, 314],
    &[1827, 1949, 3281, 1927, 3225, 2863],
    &[1595, 1614, 194, 1622, 1183],
    &[3259, 1666, 3235, 2662],
    &[1740, 1753, 718],
    &[1575, 1315],
    &[1340],
];

/// Half of a round trip within a region, in microseconds.
const WITHIN_US: u64 = 400;

/// The way between two peers, in microseconds; peer 1 lives in the first region, and so on round.
pub(super) fn way_us(from: PeerId, to: PeerId) -> u64 {
    let region = |peer: PeerId| (usize::from(peer.0) - 1) % REGIONS.len();
    let (low, high) = (region(from).min(region(to)), region(from).max(region(to)));
    // Half of a tenth of a millisecond is fifty microseconds.
    if low == high { WITHIN_US } else { ROUND_TRIPS[low][high - low - 1] * 50 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_the_same_both_ways() {
        for (row, trips) in ROUND_TRIPS.iter().enumerate() {
            assert_eq!(trips.len(), REGIONS.len() - 1 - row);
        }
        assert_eq!(way_us(PeerId(1), PeerId(2)), 40_250);
        assert_eq!(way_us(PeerId(10), PeerId(9)), 67_000);
        assert_eq!(way_us(PeerId(3), PeerId(13)), WITHIN_US);
        for (from, to) in (1..=20).flat_map(|a| (1..=20).map(move |b| (PeerId(a), PeerId(b)))) {
            assert_eq!(way_us(from, to), way_us(to, from));
        }
    }
}
