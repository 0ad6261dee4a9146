//! What becomes of deleted registers: they are dropped once all acceptors hold them.

use std::time::Duration;

use super::super::bytes::Bytes;
use super::super::operation::Request;
use super::super::owner::Owner;
use super::super::pending::{Origin, Pending};
use super::{CALL_TIMEOUT, Peer};
use crate::process::Effects;

/// How long a deleted register is kept, so that operations that are tried again still find in it
/// what was done before.
const KEPT: Duration = Duration::from_secs(1);
/// How often deleted registers are looked for that could not be dropped in their time.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How many of them are confirmed at once.
const MOST_SWEPT: usize = 64;
impl Peer {
    /// Has those dropped that were deleted some time ago.
    pub(super) fn collect(&mut self, out: &mut Effects<Self>) {
        let now = self.now;
        let is_old = |entry: &(Duration, Bytes)| now.saturating_sub(entry.0) >= KEPT;
        while self.deleted.front().is_some_and(is_old) {
            if let Some((_, key)) = self.deleted.pop_front() {
                self.with_owner(&key, out, Owner::collect);
            }
        }
    }

    /// Has some deleted registers confirmed, once all peers are there: then all of them accept, and
    /// it can be dropped. What is deleted only here, because this peer has missed what came later,
    /// is brought up to date by the same round.
    pub(super) fn sweep(&mut self, out: &mut Effects<Self>) {
        if self.now.saturating_sub(self.swept) < SWEEP_EVERY
            || self.connected_peers() < self.members.len()
            || self.rejoining.is_some()
        {
            return;
        }
        self.swept = self.now;
        let is_idle = |key: &&Bytes| !self.active.contains(*key);
        let keys: Vec<Bytes> =
            self.registers.deleted().iter().filter(is_idle).take(MOST_SWEPT).cloned().collect();
        for key in keys {
            let until = self.now + CALL_TIMEOUT;
            self.forward(&key, Pending::new(Origin::Itself, Request::Confirm, until), out);
        }
    }
}
