//! What the threads of all clients share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use super::calls::Calls;
use crate::node::Node;
use crate::process::PeerId;
use crate::store::Peer;

/// What all connections share.
pub(super) struct Server {
    pub(super) node: Arc<Node<Peer>>,
    pub(super) calls: Arc<Calls>,
    pub(super) me: PeerId,
    pub(super) peers: usize,
    pub(super) port: u16,
    pub(super) clients: AtomicUsize,
    pub(super) begun: Instant,
    /// What clients must say first.
    pub(super) word: Option<Vec<u8>>,
}
