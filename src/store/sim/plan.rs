//! What a seed draws beside the run itself: who asks for what and when, and whose disk is lost.

use serde::{Deserialize, Serialize};

use crate::process::PeerId;
use crate::sim::Prng;
use crate::store::Input;
use crate::store::bytes::Bytes;
use crate::store::operation::{Condition, Lifetime, Request};

/// Within so much the usual calls come.
const CALLS_US: u64 = 2_500_000;
/// When the last calls come: faults are over then, and peers have found each other again.
pub(super) const LAST_CALLS_US: u64 = 15_000_000;
/// For numbers; the other keys are for texts.
const COUNTER: &str = "n";

/// The plan of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePlan {
    /// What clients ask: when, in microseconds, whom, and what.
    pub calls: Vec<(u64, PeerId, u64, Bytes, Request)>,
    /// Who is taken to be away, by whom and when.
    pub doubts: Vec<(u64, PeerId, PeerId)>,
    /// Whose disk is lost, and before which of its incarnations.
    pub lost: Option<(PeerId, u64)>,
}

/// What an operation with this id writes: no other writes the same.
pub(super) fn token(id: u64) -> String {
    format!("{id},")
}

fn draw(prng: &mut Prng, key: &str, id: u64, earlier: u64) -> Request {
    let value: Bytes = token(id).as_str().into();
    let condition = match prng.index(7) {
        0 => Condition::Absent,
        1 => Condition::Present,
        2 => Condition::Equal(token(prng.below(earlier.max(1))).as_str().into()),
        3 => Condition::Version(prng.below(4)),
        _ => Condition::Always,
    };
    match prng.index(20) {
        0..7 => Request::Read,
        7..10 => Request::Delete { only: Condition::Always, tells: false },
        10 => Request::Delete { only: condition, tells: true },
        _ if key == COUNTER => Request::Add(1),
        11..16 => {
            let lifetime = match prng.index(8) {
                0 => Lifetime::Milliseconds(prng.below(1_500)),
                1 => Lifetime::Kept,
                _ => Lifetime::Unlimited,
            };
            Request::Set { value, only: condition, lifetime, tells: prng.chance(200_000) }
        }
        _ => Request::Append(value),
    }
}

impl StorePlan {
    /// With `rivals`, peers doubt each other all the time.
    pub(super) fn new(peers: u16, seed: u64, rivals: bool) -> Self {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0x5703_e5ee);
        let ids: Vec<PeerId> = (1..=peers).map(PeerId).collect();
        let keys = ["a", "b", COUNTER];
        let keys = &keys[..=prng.index(keys.len())];
        let mut times: Vec<u64> = (0..5 + prng.index(36)).map(|_| prng.below(CALLS_US)).collect();
        times.sort_unstable();
        let mut calls = Vec::new();
        for (id, time) in (1..).zip(times) {
            let (peer, key) = (ids[prng.index(ids.len())], keys[prng.index(keys.len())]);
            // Clients come in crowds, too.
            let time = if prng.chance(300_000) { time / 50_000 * 50_000 } else { time };
            calls.push((time, peer, id, key.into(), draw(&mut prng, key, id, id)));
        }
        let mut id = calls.len() as u64;
        for peer in &ids {
            for key in keys {
                for operation in [Request::Read, draw(&mut prng, key, id + 2, id)] {
                    id += 1;
                    let time = LAST_CALLS_US + prng.below(1_000_000);
                    calls.push((time, *peer, id, (*key).into(), operation));
                }
            }
        }
        let mut pair = || (ids[prng.index(ids.len())], ids[prng.index(ids.len())]);
        // Those that doubt a home propose themselves, so the more, the more rivals.
        let doubts = if rivals { 60 } else { 3 };
        let pairs: Vec<_> = (0..doubts).map(|_| pair()).collect();
        let doubts = pairs.into_iter().map(|(by, of)| (prng.below(CALLS_US), by, of)).collect();
        let lost = prng
            .chance(250_000)
            .then(|| (ids[prng.index(ids.len())], 2 + prng.below(2)))
            .filter(|_| peers > 1);
        Self { calls, doubts, lost }
    }

    pub(super) fn check(&self, peers: u16) -> Result<(), String> {
        let of_doubts = self.doubts.iter().flat_map(|(_, by, of)| [*by, *of]);
        let of_calls = self.calls.iter().map(|call| call.1);
        let mut named = of_calls.chain(of_doubts).chain(self.lost.map(|(peer, _)| peer));
        match named.find(|peer| !(1..=peers).contains(&peer.0)) {
            Some(peer) => Err(format!("there is no {peer} among {peers}")),
            None => Ok(()),
        }
    }

    pub(super) fn loses_disk(&self, peer: PeerId, incarnation: u64) -> bool {
        self.lost == Some((peer, incarnation))
    }

    pub(super) fn inputs(&self) -> Vec<(u64, PeerId, Input)> {
        let calls = self.calls.iter().cloned().map(|(time, peer, id, key, operation)| {
            (time, peer, Input::Call { id, key, operation })
        });
        let doubts = self.doubts.iter().map(|(time, by, of)| (*time, *by, Input::Suspect(*of)));
        calls.chain(doubts).collect()
    }
}
