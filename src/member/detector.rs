//! Who is alive: heartbeats and the time in, silence out. A plain value without a clock.
//!
//! It is *checked* every quarter of a period. A check that comes late by more than another quarter
//! shows that this process itself was paused, and then it knows nothing about the others: all
//! silence is counted anew. A pause shorter than that cannot make two heartbeats disappear.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::process::PeerId;

/// How many checks there are in a period.
const CHECKS: u32 = 4;

/// What is known of the peers that are watched.
#[derive(Clone, Debug)]
pub struct Detector {
    period: Duration,
    /// When each was last heard.
    heard: BTreeMap<PeerId, Duration>,
    silent: BTreeSet<PeerId>,
    checked: Option<Duration>,
}

impl Detector {
    /// Watches nobody yet; heartbeats come every `period`.
    pub fn new(period: Duration) -> Self {
        Self { period, heard: BTreeMap::new(), silent: BTreeSet::new(), checked: None }
    }

    /// How long to wait before the next [`Self::check`].
    pub fn check_every(&self) -> Duration {
        self.period / CHECKS
    }

    /// Watches these peers and no others. Those who are new have just been heard.
    pub fn watch(&mut self, peers: &BTreeSet<PeerId>, now: Duration) {
        self.heard.retain(|peer, _| peers.contains(peer));
        self.silent.retain(|peer| peers.contains(peer));
        // A pause can begin before the first check.
        self.checked.get_or_insert(now);
        for peer in peers {
            self.heard.entry(*peer).or_insert(now);
        }
    }

    /// A sign of life.
    pub fn heard(&mut self, peer: PeerId, now: Duration) {
        if let Some(heard) = self.heard.get_mut(&peer) {
            *heard = now;
            self.silent.remove(&peer);
        }
    }

    /// It is known to be dead in another way. True if it was not silent before.
    pub fn lost(&mut self, peer: PeerId) -> bool {
        self.heard.contains_key(&peer) && self.silent.insert(peer)
    }

    /// Those who are silent now and were not at the last check.
    pub fn check(&mut self, now: Duration) -> BTreeSet<PeerId> {
        let late = self.checked.is_some_and(|at| now > at + self.check_every() * 2);
        self.checked = Some(now);
        if late {
            self.heard.values_mut().for_each(|heard| *heard = now);
        }
        let limit = self.period * 2;
        let is_silent = |heard: &Duration| now.saturating_sub(*heard) > limit;
        let silent = self.heard.iter().filter(|(_, heard)| is_silent(heard)).map(|(peer, _)| *peer);
        let fresh: BTreeSet<PeerId> = silent.filter(|peer| !self.silent.contains(peer)).collect();
        self.silent.extend(&fresh);
        fresh
    }

    /// Those who are considered dead.
    pub fn silent(&self) -> &BTreeSet<PeerId> {
        &self.silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: PeerId = PeerId(2);
    const THREE: PeerId = PeerId(3);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn watching() -> Detector {
        let mut detector = Detector::new(ms(1000));
        detector.watch(&[TWO, THREE].into(), ms(0));
        detector
    }

    /// Checks in time up to `until`; when each peer was found silent.
    fn run(
        detector: &mut Detector,
        from: u64,
        until: u64,
        beats: impl Fn(u64) -> Vec<PeerId>,
    ) -> Vec<(u64, PeerId)> {
        let mut found = Vec::new();
        for now in from..=until {
            for peer in beats(now) {
                detector.heard(peer, ms(now));
            }
            if now % 250 == 0 {
                found.extend(detector.check(ms(now)).into_iter().map(|peer| (now, peer)));
            }
        }
        found
    }

    #[test]
    fn silence_of_more_than_two_periods_is_found_once_within_half_a_period() {
        let mut detector = watching();
        for last in [0, 100, 249, 777] {
            let mut detector = detector.clone();
            let beats = |now| if now == last { vec![TWO] } else { vec![] };
            let found = run(&mut detector, 0, 9000, beats);
            let of_two: Vec<u64> = found.iter().filter(|f| f.1 == TWO).map(|f| f.0).collect();
            assert_eq!(of_two.len(), 1, "{found:?}");
            assert!((2001..=2500).contains(&(of_two[0] - last)), "{found:?}");
        }
        let found = run(&mut detector, 0, 9000, |now| match now {
            4000 => vec![TWO],
            _ => vec![],
        });
        assert_eq!(found, [(2250, TWO), (2250, THREE), (6250, TWO)], "once per silence");
    }

    #[test]
    fn an_hour_of_jitter_brings_no_false_alarm() {
        let mut detector = watching();
        // Every second, early or late by up to a fifth, by a fixed scramble.
        let late = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let times: BTreeSet<u64> = (1..3600).map(|n| n * 1000 - 200 + late(n) % 401).collect();
        let beats = |now| if times.contains(&now) { vec![TWO, THREE] } else { vec![] };
        assert_eq!(run(&mut detector, 0, 3_599_000, beats), []);
    }

    #[test]
    fn after_a_pause_of_its_own_silence_is_counted_anew() {
        let mut detector = watching();
        let both = |now| if now % 1000 == 0 { vec![TWO, THREE] } else { vec![] };
        assert_eq!(run(&mut detector, 0, 3000, both), []);
        // It is paused for a minute. The others' heartbeats come right after the check.
        assert_eq!(detector.check(ms(63_000)), [].into());
        assert_eq!(run(&mut detector, 63_001, 65_000, |_| vec![]), []);
        assert_eq!(run(&mut detector, 65_001, 65_250, |_| vec![]).len(), 2, "really silent");
    }

    #[test]
    fn whoever_is_not_watched_is_neither_silent_nor_alive() {
        let mut detector = watching();
        detector.heard(PeerId(9), ms(5));
        assert!(!detector.lost(PeerId(9)));
        assert!(detector.lost(TWO) && !detector.lost(TWO));
        detector.watch(&[THREE].into(), ms(10));
        assert!(detector.silent().is_empty());
    }

    #[test]
    fn two_periods_are_not_silence_and_a_moment_more_is() {
        for (last, found) in [(2000, vec![]), (2001, vec![TWO, THREE])] {
            let mut detector = watching();
            for now in [500, 1000, 1500, 1750] {
                assert!(detector.check(ms(now)).is_empty(), "{now}");
            }
            assert!(detector.check(ms(last)).into_iter().eq(found), "{last}");
        }
    }
}
