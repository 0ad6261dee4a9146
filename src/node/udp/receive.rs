//! The threads of datagrams: they look names up, and step the process with what comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Datagrams, canonical};
use crate::error::Result;
use crate::node::Node;
use crate::node::link::Address;
use crate::node::outbox::TURN;
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
    let (mut batch, mut is_busy) = (Vec::new(), false);
    loop {
        let received = datagrams.receive(&mut buffer, &mut is_busy, |bytes, from| {
            match read::<P>(datagrams, is_bulk, bytes, from) {
                Ok(datagram) => batch.push(datagram),
                Err(why) if datagrams.report_strays => node.complain(&why),
                Err(_) => {}
            }
        });
        if let Err(error) = received {
            thread::park_timeout(REST);
            if datagrams.report_strays {
                node.complain(&format!("cannot read datagrams: {error}"));
            }
        }
        is_busy = is_bulk && !batch.is_empty();
        for why in node.receive_datagrams(&mut batch) {
            node.complain(&why);
        }
    }
}

/// A message that has come as a datagram: from whom, and how long it was.
type Datagram<P> = (PeerId, <P as Process>::Message, usize);

/// One datagram, or why it is dropped.
fn read<P: Process>(
    datagrams: &Datagrams,
    is_bulk: bool,
    bytes: &[u8],
    from: SocketAddr,
) -> std::result::Result<Datagram<P>, String> {
    let from = canonical(&from);
    let Some(peer) = datagrams.sender(from) else {
        return Err(format!("dropped a datagram from {from}, which is not a peer's address"));
    };
    let dropped = |why: &str| Err(format!("dropped a datagram from {peer}: {why}"));
    if bytes.len() > P::MAX_DATAGRAM {
        return dropped(&format!("longer than {} bytes", P::MAX_DATAGRAM));
    }
    match P::from_datagram(bytes) {
        None => dropped("it says nothing"),
        Some(message) if P::is_bulk(&message) != is_bulk => dropped("it came by the wrong port"),
        Some(message) => Ok((peer, message, bytes.len())),
    }
}

impl<P: Process + Send + 'static> Node<P> {
    /// These messages came as datagrams. The thread serves all peers, so what has no room is
    /// dropped, as networks do. The result says what was dropped, and why.
    pub(in crate::node) fn receive_datagrams(&self, batch: &mut Vec<Datagram<P>>) -> Vec<String> {
        let (mut core, mut dropped) = (self.lock(), Vec::new());
        for (from, message, length) in batch.drain(..) {
            if core.outputs.charged(from) >= TURN / 4 {
                // It can leave while the rest is stepped with.
                self.finish(core);
                core = self.lock();
            }
            let why = if core.outputs.has_room(from, false) {
                self.take(&mut core, from, message, length)
            } else {
                Some("too many of its messages wait".into())
            };
            dropped.extend(why.map(|why| format!("dropped a datagram from {from}: {why}")));
        }
        self.finish(core);
        dropped
    }
}
