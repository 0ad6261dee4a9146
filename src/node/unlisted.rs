//! Peers that no file names. Each says in its hello what it is called, and the fingerprint is a
//! token that the group has agreed on.
//!
//! Such a peer dials us, or we dial an address without knowing who is there. Either way there is
//! one connection between the two, and it carries both directions: what is sent to the peer goes
//! back on the connection that it made. Two that dial each other would have two, and both keep the
//! one that the lower id has dialled. At most [`super::Sockets::unlisted`] such peers are connected
//! at once; more are told so. Of one that has gone nothing is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::link::Link;
use super::sync::UNPOISONED;
use crate::process::PeerId;

/// Those that are connected.
pub(super) struct Unlisted {
    pub(super) most: usize,
    /// Each with who has dialled.
    peers: Mutex<BTreeMap<PeerId, (Arc<Link>, PeerId)>>,
}

impl Unlisted {
    pub(super) fn new(most: usize) -> Self {
        Self { most, peers: Mutex::default() }
    }

    /// True if such peers are welcome at all.
    pub(super) fn is_open(&self) -> bool {
        self.most > 0
    }

    pub(super) fn peers(&self) -> MutexGuard<'_, BTreeMap<PeerId, (Arc<Link>, PeerId)>> {
        self.peers.lock().expect(UNPOISONED)
    }
}
