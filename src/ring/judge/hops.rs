//! Requests: where they go, and who answers.
//!
//! A peer that passes a request on has found that the key does not lie between the peer before and
//! itself. So, going round from the asker, it stands before the key. The peer that has the file
//! stands at the key or behind it. Both hold whatever happens to the ring meanwhile, and in
//! whatever order the lines of several peers are read.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{RingRule, Source};
use crate::ring::event::{Said, shown};
use crate::trace::findings::{Certainty, Findings, Spot, Witness};

/// How many names are remembered.
const MOST_NAMES: usize = 10_000;

/// What is known of one name.
#[derive(Default)]
struct Asked {
    /// Who has asked for it, and where that is said.
    askers: BTreeMap<u16, Witness>,
    /// Somebody has asked whose name is not in the lines.
    is_asked_by_unknown: bool,
    /// Who has passed it on.
    passed: BTreeMap<u16, Witness>,
}

/// An answer from a peer that stands before the key.
struct Early {
    asker: u16,
    holder: u16,
    line: Witness,
    text: String,
}

/// The requests of a run.
#[derive(Default)]
pub(super) struct Hops {
    names: BTreeMap<u16, Asked>,
    early: Vec<Early>,
    /// Those that another peer has called dead: until they are back nobody counts on them.
    dead: BTreeSet<u16>,
    /// Those whose lines are read, and those who must be there.
    named: BTreeSet<u16>,
    mentioned: BTreeSet<u16>,
}

/// How far it is from one id to another, going round; from one to itself the whole way.
fn far(from: u16, to: u16) -> u16 {
    match (256 + to - from) % 256 {
        0 => 256,
        steps => steps,
    }
}

impl Hops {
    pub(super) fn take(
        &mut self,
        (_, named): Source,
        said: Said,
        spot: Spot<'_>,
        findings: &mut Findings<RingRule>,
    ) {
        self.named.extend(named);
        match said {
            Said::Dead(peer) => _ = self.dead.insert(peer),
            Said::PingFrom(peer) => _ = self.mentioned.insert(peer),
            _ => {}
        }
        let (Said::Requested(name) | Said::NotHere(name) | Said::ResponseFrom(_, name)) = said
        else {
            return;
        };
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(&name) {
            return;
        }
        let known = self.names.entry(name).or_default();
        let hash = name % 256;
        match (said, named) {
            (Said::Requested(_), Some(asker)) => {
                known.askers.entry(asker).or_insert_with(|| spot.witness());
            }
            (Said::Requested(_), None) => known.is_asked_by_unknown = true,
            (Said::NotHere(_), Some(by)) => {
                known.passed.entry(by).or_insert_with(|| spot.witness());
            }
            (Said::ResponseFrom(holder, _), Some(asker)) => {
                // The arc from the asker to itself is all of it.
                if far(asker, holder) >= far(asker, hash) {
                    return findings.kept(RingRule::Holder);
                }
                let text = format!(
                    "peer {asker} is answered by peer {holder}, which stands before the key {hash} \
                     of {}",
                    shown(name)
                );
                if self.early.len() < MOST_NAMES {
                    self.early.push(Early { asker, holder, line: spot.witness(), text });
                }
            }
            _ => {}
        }
    }

    /// What only the whole log can decide.
    pub(super) fn finish(self, findings: &mut Findings<RingRule>) {
        let has_all = self.mentioned.is_subset(&self.named);
        for (name, Asked { askers, is_asked_by_unknown, passed }) in &self.names {
            // Those of whom no line is read may have asked.
            if askers.is_empty() || *is_asked_by_unknown {
                continue;
            }
            for (by, line) in passed {
                let hash = name % 256;
                let is_before = |asker: &u16| far(*asker, *by) < far(*asker, hash);
                if askers.keys().any(is_before) {
                    findings.kept(RingRule::Forward);
                    continue;
                }
                let lines = askers.values().cloned().chain([line.clone()]).collect();
                let text = format!(
                    "peer {by} passes on the request for {}, whose key {hash} it stands behind",
                    shown(*name)
                );
                let certainty = if has_all { Certainty::Certain } else { Certainty::IfEveryPeer };
                findings.add(RingRule::Forward, certainty, || (lines, text));
            }
        }
        for Early { asker, holder, line, text } in self.early {
            let is_sure = self.named.contains(&holder) && !self.dead.contains(&asker);
            let certainty = if is_sure { Certainty::Certain } else { Certainty::IfEveryPeer };
            findings.add(RingRule::Holder, certainty, || (vec![line], text));
        }
    }
}
