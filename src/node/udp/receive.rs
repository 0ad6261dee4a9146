//! The threads of datagrams: they look names up, and step the process with what comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Datagrams, canonical};
use crate::error::Result;
use crate::node::Node;
use crate::node::link::Address;
use crate::node::sync::spawn;
use crate::process::{PeerId, Process};

/// How long the listener rests when the system refuses to read.
const REST: Duration = Duration::from_millis(20);

/// Starts the threads, if the node has sockets for datagrams.
pub(in crate::node) fn open<P: Process + Send + 'static>(node: &Arc<Node<P>>) -> Result<()> {
    (0..node.datagrams.len()).try_for_each(|socket| open_socket(node, socket))
}

fn open_socket<P: Process + Send + 'static>(node: &Arc<Node<P>>, socket: usize) -> Result<()> {
    let Some(datagrams) = &node.datagrams[socket] else { return Ok(()) };
    if node.links.is_empty() {
        let known: Vec<PeerId> = datagrams.table().known.keys().copied().collect();
        for peer in known {
            node.connected(node.lock(), peer);
        }
    }
    for (peer, address) in datagrams.names.clone() {
        let node = Arc::clone(node);
        spawn(&format!("name of {peer}"), move || {
            if let Some(datagrams) = &node.datagrams[socket] {
                look_up(&node, datagrams, peer, &address);
            }
        })?;
    }
    let node = Arc::clone(node);
    spawn("datagrams", move || {
        if let Some(datagrams) = &node.datagrams[socket] {
            listen(&node, datagrams, socket == 1);
        }
    })
}

/// Looks a name up forever.
fn look_up<P: Process + Send + 'static>(
    node: &Node<P>,
    datagrams: &Datagrams,
    peer: PeerId,
    address: &Address,
) {
    datagrams.keep_looking_up(|| {
        let found = address.resolve()?;
        if datagrams.learn(peer, &found) && node.links.is_empty() {
            node.connected(node.lock(), peer);
        }
        Ok(())
    })
}

fn listen<P: Process + Send + 'static>(node: &Node<P>, datagrams: &Datagrams, is_bulk: bool) {
    // One byte more than is good, so that what is too long shows.
    let mut buffer = vec![0; P::MAX_DATAGRAM + 1];
    loop {
        let dropped = match datagrams.socket.recv_from(&mut buffer) {
            Ok((length, from)) => take(node, datagrams, is_bulk, &buffer[..length], from),
            Err(error) => {
                thread::park_timeout(REST);
                Some(format!("cannot read datagrams: {error}"))
            }
        };
        if let Some(why) = dropped.filter(|_| datagrams.report_strays) {
            node.complain(&why);
        }
    }
}

/// One datagram. The result says why it was dropped, if it was.
fn take<P: Process + Send + 'static>(
    node: &Node<P>,
    datagrams: &Datagrams,
    is_bulk: bool,
    bytes: &[u8],
    from: SocketAddr,
) -> Option<String> {
    let from = canonical(&from);
    let Some(peer) = datagrams.sender(from) else {
        return Some(format!("dropped a datagram from {from}, which is not a peer's address"));
    };
    if bytes.len() > P::MAX_DATAGRAM {
        let most = P::MAX_DATAGRAM;
        return Some(format!("dropped a datagram from {peer}: longer than {most} bytes"));
    }
    let Some(message) = P::from_datagram(bytes) else {
        return Some(format!("dropped a datagram from {peer}: it says nothing"));
    };
    if P::is_bulk(&message) != is_bulk {
        return Some(format!("dropped a datagram from {peer}: it came by the wrong port"));
    }
    let why = node.receive_datagram(peer, message, bytes.len())?;
    node.complain(&format!("dropped a datagram from {peer}: {why}"));
    None
}

impl<P: Process + Send + 'static> Node<P> {
    /// A message came as a datagram. The result says why it was dropped, if it was. The thread
    /// serves all peers, so what has no room is dropped too, as networks do.
    pub(in crate::node) fn receive_datagram(
        &self,
        from: PeerId,
        message: P::Message,
        length: usize,
    ) -> Option<String> {
        let mut core = self.lock();
        if !core.outputs.has_room(from, false) {
            return Some("too many of its messages wait".into());
        }
        let objection = self.take(&mut core, from, message, length);
        self.finish(core);
        objection
    }
}
