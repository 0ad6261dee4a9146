//! What is connected between this node and one peer.

use std::net::TcpStream;
use std::sync::Arc;

/// The two directions between us and a peer.
#[derive(Default)]
pub(super) struct Ends {
    /// The newest connection from it; an older one has no say any more.
    pub(super) inbound: Option<Arc<TcpStream>>,
    /// Connections from it that have a thread.
    pub(super) connections: usize,
    /// Ours to it has said hello.
    pub(super) outbound: bool,
    /// The process was told that both are there.
    pub(super) is_told: bool,
}

impl Ends {
    /// True if both are there and the process does not know it.
    pub(super) fn is_news(&self) -> bool {
        self.inbound.is_some() && self.outbound && !self.is_told
    }

    pub(super) fn is_newest(&self, stream: &Arc<TcpStream>) -> bool {
        self.inbound.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, stream))
    }
}
