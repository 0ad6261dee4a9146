//! Peers that no file names. Each says in its hello what it is called, and the fingerprint is a
//! token that the group has agreed on.
//!
//! Such a peer dials us, or we dial an address without knowing who is there. Either way there is
//! one connection between the two, and it carries both directions: what is sent to the peer goes
//! back on the connection that it made. Two that dial each other would have two, and both keep the
//! one that the lower id has dialled. At most [`super::Sockets::unlisted`] such peers are connected
//! at once; more are told so. Of one that has gone nothing is kept.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use super::link::Link;
use super::{Node, UNPOISONED};
use crate::process::{PeerId, Process};

/// Those that are connected.
pub(super) struct Unlisted {
    most: usize,
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

    fn peers(&self) -> MutexGuard<'_, BTreeMap<PeerId, (Arc<Link>, PeerId)>> {
        self.peers.lock().expect(UNPOISONED)
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// The link with a peer, whichever way it is known.
    pub(super) fn link(&self, peer: PeerId) -> Option<Arc<Link>> {
        let listed = self.links.get(&peer).cloned();
        listed.or_else(|| self.unlisted.peers().get(&peer).map(|(link, _)| Arc::clone(link)))
    }

    /// True if everything that was queued for peers has been handed to the system, or cannot be.
    pub(super) fn is_drained(&self) -> bool {
        let unlisted = self.unlisted.peers();
        self.links.values().chain(unlisted.values().map(|(link, _)| link)).all(|l| l.is_drained())
    }

    /// A peer has introduced itself over `stream`, which `dialler` has made. `first` goes over it
    /// before all else.
    ///
    /// # Errors
    /// Why it does not become the peer's link.
    pub(super) fn introduce(
        &self,
        link: &Arc<Link>,
        stream: &Arc<TcpStream>,
        first: Vec<u8>,
        dialler: PeerId,
    ) -> Result<(), String> {
        let (peer, most) = (link.peer, self.unlisted.most);
        let mut peers = self.unlisted.peers();
        match peers.get(&peer) {
            Some((_, lower)) if *lower < dialler => {
                return Err(format!("{peer} and {} are connected already", self.me));
            }
            None if peers.len() >= most => {
                return Err(format!("{} has {most} peers, which is the most", self.me));
            }
            _ => {}
        }
        link.set_up(Arc::clone(stream), first);
        let old = peers.insert(peer, (Arc::clone(link), dialler));
        drop(peers);
        // A second connection by the same dialler may be that of another process.
        if let Some((old, _)) = old.filter(|(_, of_old)| *of_old != dialler) {
            old.close();
        }
        self.outbound(peer, true);
        Ok(())
    }

    /// The connection of this link has ended; nothing, if it is none of such a peer.
    pub(super) fn part(&self, link: &Arc<Link>) {
        let mut peers = self.unlisted.peers();
        if peers.get(&link.peer).is_some_and(|(now, _)| Arc::ptr_eq(now, link)) {
            peers.remove(&link.peer);
            drop(peers);
            link.set_down();
            self.outbound(link.peer, false);
        }
    }
}
