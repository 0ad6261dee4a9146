//! After a lost disk: everything is fetched from the others before this peer votes again.
//!
//! What is lost are promises and acceptances, so a majority in which this peer was counted may
//! have had a register chosen that only the others of it hold; and a proposer may still hold a
//! promise of this peer that only needs one more. So it takes two steps.
//!
//! 1. *Census.* Every other peer says which terms it has promised or reserved. Safety: a promise
//!    that was lost was given for a term that its proposer had reserved; so all that count it are
//!    below the highest of these. A majority of the others is not enough for this, since the
//!    proposer may be the one that is not asked: it would go on to count a promise for a term above
//!    the floor, while this peer accepts below that term.
//! 2. *Pull.* Every other peer promises to accept nothing up to that term, for any key, and tells
//!    what it holds. This peer adopts the highest ballots and promises the same. Safety: whatever
//!    was, or will still be, chosen with a vote that was lost has the vote of another peer too,
//!    and it was given before that peer's promise. So it is in what that peer tells.
//!
//! # Peers that keep nothing
//!
//! A peer without a disk cannot tell a first start from a later one. So it always begins like this.
//! Where no peer has begun there is nothing to fetch, and nobody who could be asked: a peer begins
//! as a new one once each other one has been *fresh* since this start, which means that it had not
//! begun and had adopted nothing. Safety: whatever a peer knew before is lost by then, so nothing
//! that this one has forgotten is remembered by anybody, nor counted by a proposer. If only some
//! have lost what they knew, and more than one at once, none of those begins again: it may be that
//! what they have lost was chosen. All of them must be started anew then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bytes::Bytes;
use super::super::message::{Fact, Message, Record};
use super::super::register::Held;
use super::Peer;
use crate::paxos::ProposalNumber;
use crate::process::{Effect, Effects, PeerId};

/// How soon what may have been lost is asked again.
const REPEAT: Duration = Duration::from_millis(200);
/// How much a page holds, in bytes of keys and values; one register more.
const PAGE: usize = 64 * 1024;
/// How many registers a page holds.
const MOST_ON_A_PAGE: usize = 256;

/// How far a peer has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Rejoining {
    limits: BTreeMap<PeerId, Option<ProposalNumber>>,
    /// Who had not begun either at some time since the start.
    fresh: BTreeSet<PeerId>,
    /// Above all terms in use, once that is known.
    floor: Option<ProposalNumber>,
    /// Where the last page of each ended.
    pages: BTreeMap<PeerId, Bytes>,
    done: BTreeSet<PeerId>,
    asked: Duration,
}

impl Peer {
    /// Asks everybody.
    pub(super) fn take_census(&mut self, out: &mut Effects<Self>) {
        for peer in self.others_ids() {
            self.repeat_rejoining(peer, out);
        }
    }

    /// Asks a peer again for what it has not answered.
    pub(super) fn repeat_rejoining(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        let Some(rejoining) = &mut self.rejoining else { return };
        rejoining.asked = self.now;
        let message = match rejoining.floor {
            _ if rejoining.done.contains(&peer) => return,
            Some(floor) => Message::Pull { floor, after: rejoining.pages.get(&peer).cloned() },
            // It may be fresh the next time.
            None if rejoining.limits.contains_key(&peer) && !self.setup.is_volatile => return,
            None => Message::Census { nonce: self.setup.nonce },
        };
        out.push(Effect::Send(peer, message));
    }

    pub(super) fn tick_rejoining(&mut self, out: &mut Effects<Self>) {
        let is_late = |open: &Rejoining| self.now.saturating_sub(open.asked) >= REPEAT;
        if self.rejoining.as_ref().is_some_and(is_late) {
            self.take_census(out);
        }
    }

    /// A peer asks which terms are in use.
    pub(super) fn counted(&self, from: PeerId, nonce: u64, out: &mut Effects<Self>) {
        let own = self.setup.nonce;
        let is_fresh = match &self.rejoining {
            // What it has adopted counts.
            Some(rejoining) => self.setup.is_volatile && rejoining.floor.is_none(),
            None => self.met.get(&from) == Some(&nonce),
        };
        if is_fresh {
            out.push(Effect::Send(from, Message::Fresh { nonce, own }));
        }
        if self.rejoining.is_none() {
            let highest = self.highest_term();
            out.push(Effect::Send(from, Message::Limits { nonce, highest }));
        }
    }

    /// A peer has not begun, or had not when this one had started already.
    pub(super) fn is_fresh(&mut self, from: PeerId, nonce: u64, own: u64, out: &mut Effects<Self>) {
        let others = self.members.len() - 1;
        let Some(rejoining) = &mut self.rejoining else { return };
        if nonce != self.setup.nonce || !self.setup.is_volatile || rejoining.floor.is_some() {
            return;
        }
        rejoining.fresh.insert(from);
        self.met.insert(from, own);
        if rejoining.fresh.len() == others {
            self.rejoining = None;
            self.begin(out);
        }
    }

    /// A peer says which terms it knows of.
    pub(super) fn limited(
        &mut self,
        from: PeerId,
        nonce: u64,
        highest: Option<ProposalNumber>,
        out: &mut Effects<Self>,
    ) {
        let others = self.members.len() - 1;
        let Some(rejoining) = &mut self.rejoining else { return };
        if nonce != self.setup.nonce || rejoining.floor.is_some() {
            return;
        }
        rejoining.limits.insert(from, highest);
        if rejoining.limits.len() == others {
            let highest = rejoining.limits.values().copied().max().flatten();
            rejoining.floor = highest.or(ProposalNumber::new(1));
            self.take_census(out);
        }
    }

    /// Promises for all keys, and tells a page of what is held.
    pub(super) fn give_page(
        &mut self,
        to: PeerId,
        floor: ProposalNumber,
        after: Option<Bytes>,
        out: &mut Effects<Self>,
    ) {
        out.extend(self.registers.promise_all(floor).into_iter().map(Effect::Persist));
        self.terms.heard_of(floor);
        let (mut page, mut bytes, mut is_last) = (Vec::new(), 0, true);
        for (key, held) in self.registers.behind(after.as_ref()) {
            if bytes > PAGE || page.len() == MOST_ON_A_PAGE {
                is_last = false;
                break;
            }
            bytes += key.len() + held.register.value.as_ref().map_or(0, |value| value.len());
            page.push((key.clone(), held));
        }
        let version = self.registers.floor().version;
        out.push(Effect::Send(to, Message::Pulled { floor, after, page, is_last, version }));
    }

    /// A page has come.
    pub(super) fn pulled(
        &mut self,
        from: PeerId,
        of: ProposalNumber,
        after: Option<&Bytes>,
        (page, is_last, version): (Vec<(Bytes, Held)>, bool, u64),
        out: &mut Effects<Self>,
    ) {
        let others = self.members.len() - 1;
        let Some(rejoining) = &mut self.rejoining else { return };
        let is_next = rejoining.pages.get(&from) == after && !rejoining.done.contains(&from);
        if rejoining.floor != Some(of) || !is_next {
            return;
        }
        if let Some((last, _)) = page.last() {
            rejoining.pages.insert(from, last.clone());
        }
        if is_last {
            rejoining.done.insert(from);
        }
        let is_all = rejoining.done.len() == others;
        for (key, held) in page {
            out.extend(self.registers.adopt(&key, held).map(Effect::Persist));
        }
        out.extend(self.registers.raise_version(version).map(Effect::Persist));
        if !is_all {
            return self.repeat_rejoining(from, out);
        }
        out.extend(self.registers.promise_all(of).into_iter().map(Effect::Persist));
        self.terms.heard_of(of);
        self.rejoining = None;
        out.push(Effect::Persist(Record::Rejoined));
        out.push(Effect::Report(Fact::Rejoined(self.registers.count() as u64)));
        self.begin(out);
    }
}
