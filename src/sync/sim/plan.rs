//! What a seed draws beside the run itself: who is linked with whom, and who edits when.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::process::PeerId;
use crate::sim::Prng;
use crate::sim::harness::all_pairs;
use crate::sync::machine::Input;

/// The plan of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPlan {
    /// The links: the peer that is dialled, and the one that dials it.
    pub links: Vec<(PeerId, PeerId)>,
    /// The files that are there before the first start; contents are numbers.
    pub files: BTreeMap<PeerId, u32>,
    /// What people do: when, in microseconds, and where.
    pub edits: Vec<(u64, PeerId, Input)>,
}

impl SyncPlan {
    pub(super) fn new(peers: u16, seed: u64, within_us: u64) -> Self {
        // Drawn apart from what happens in the run.
        let mut prng = Prng::new(seed ^ 0xf11e_5eed);
        let ids: Vec<PeerId> = (1..=peers).map(PeerId).collect();
        let chain = || ids.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
        let mut links = match prng.index(4) {
            0 => chain(),
            1 => ids.iter().skip(1).map(|peer| (PeerId(1), *peer)).collect(),
            2 if peers > 2 => chain().into_iter().chain([(PeerId(peers), PeerId(1))]).collect(),
            _ => all_pairs(peers),
        };
        for link in &mut links {
            if prng.chance(300_000) {
                *link = (link.1, link.0);
            }
        }
        let mut written = 0;
        let mut next = || {
            written += 1;
            written
        };
        let files =
            ids.iter().filter(|_| prng.chance(250_000)).map(|peer| (*peer, next())).collect();
        let mut edits: Vec<_> = (0..prng.index(13))
            .map(|_| {
                let (time, peer) = (prng.below(within_us), ids[prng.index(ids.len())]);
                let is_removed = prng.chance(80_000);
                (time, peer, if is_removed { Input::Remove } else { Input::Write(next()) })
            })
            .collect();
        edits.sort_by_key(|edit| edit.0);
        Self { links, files, edits }
    }

    pub(super) fn check(&self, peers: u16) -> Result<(), String> {
        let of_links = self.links.iter().flat_map(|(one, other)| [*one, *other]);
        let of_edits = self.edits.iter().map(|(_, peer, _)| *peer);
        let named: BTreeSet<PeerId> =
            of_links.chain(of_edits).chain(self.files.keys().copied()).collect();
        match named.into_iter().find(|peer| !(1..=peers).contains(&peer.0)) {
            Some(peer) => Err(format!("there is no {peer} among {peers}")),
            None => Ok(()),
        }
    }
}
