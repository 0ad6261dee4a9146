//! Which peers are connected in which direction, and what comes from them.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream};
use std::sync::Arc;

use super::ends::Ends;
use super::frame::{Frame, Hello};
use super::link::Link;
use super::outbox::Observer;
use super::sync::{MutexGuard, UNPOISONED};
use super::{Core, Node};
use crate::process::{Output, PeerId, Process};

/// How many connections of one peer may have a thread at once. All but the newest are about to
/// end, but may be waiting for a flush.
pub(super) const MAX_CONNECTIONS: usize = 16;

impl<P: Process> Core<P> {
    /// Keeps nothing of a peer that is gone in both directions.
    fn forget(&mut self, peer: PeerId) {
        if self.ends.get(&peer).is_some_and(|ends| ends.connections == 0 && !ends.outbound) {
            self.ends.remove(&peer);
        }
    }
}

/// What a connection's thread has stepped the process with and not seen through yet. It ends in
/// [`Node::conclude`].
#[derive(Default)]
#[must_use]
pub(super) struct Batch {
    /// How many records must be durable for the last of these steps; `None` without a step.
    needs: Option<u64>,
}

impl<P: Process + Send + 'static> Node<P> {
    /// A message of `length` bytes came over `stream`; it is stepped with as part of `batch`. Waits
    /// as long as too much waits that this peer caused. False if a newer connection has
    /// taken the place of this one.
    ///
    /// # Errors
    /// No honest peer would have sent the message.
    pub(super) fn receive(
        &self,
        from: PeerId,
        stream: &Arc<TcpStream>,
        message: P::Message,
        length: usize,
        batch: &mut Batch,
    ) -> Result<bool, String> {
        let mut core = self.lock();
        if !core.outputs.has_room(from, false) {
            // The room may be what this batch itself has taken.
            drop(core);
            self.conclude(batch);
            core = self.lock();
        }
        let Some(mut core) = self.wait_for_room(core, from, stream) else {
            return Ok(false);
        };
        let objection = self.take(&mut core, from, message, length);
        batch.needs = Some(core.appended);
        self.unlock(core);
        objection.map_or(Ok(true), Err)
    }

    /// Sees the steps of a batch through: makes their records durable, all at once, and hands over
    /// what became ready.
    pub(super) fn conclude(&self, batch: &mut Batch) {
        if let Some(needs) = batch.needs.take() {
            self.see_through(needs, false);
        }
    }

    /// Waits until `peer`, whose connection is `stream`, may cause more outputs. `None`
    /// once a newer connection has taken its place.
    ///
    /// What it waits for comes by itself: this thread has nothing to hand over, since its batch is
    /// concluded before, and a thread that has does not wait here.
    fn wait_for_room<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core<P>>,
        peer: PeerId,
        stream: &Arc<TcpStream>,
    ) -> Option<MutexGuard<'a, Core<P>>> {
        let mut again = false;
        while core.ends.get(&peer).is_some_and(|ends| ends.is_newest(stream)) {
            if core.outputs.has_room(peer, again) {
                return Some(core);
            }
            again = true;
            core.outputs.blocked += 1;
            core = self.room.wait(core).expect(UNPOISONED);
            core.outputs.blocked -= 1;
        }
        None
    }

    /// Feeds a message to the process, unless there is an objection, which is returned.
    pub(super) fn take(
        &self,
        core: &mut Core<P>,
        from: PeerId,
        message: P::Message,
        length: usize,
    ) -> Option<String> {
        let objection = core.process.objection(from, &message);
        if objection.is_none() {
            core.outputs.cause = Some(from);
            core.show(length, || Output::Received(from, message.clone()));
            self.step_locked(core, |process, out| process.receive(from, message, out));
        }
        objection
    }

    /// A peer has said hello over `stream`, which takes the place of an older connection. False if
    /// too many of its connections are still there.
    pub(super) fn inbound_up(&self, peer: PeerId, stream: &Arc<TcpStream>) -> bool {
        let mut core = self.lock();
        let ends = core.ends.entry(peer).or_default();
        if ends.connections == MAX_CONNECTIONS {
            return false;
        }
        ends.connections += 1;
        let old = ends.inbound.replace(Arc::clone(stream));
        ends.is_told = false;
        // The thread of the old one may be waiting for room.
        self.room.notify_all();
        drop(core);
        if let Some(old) = old {
            // Mostly nobody is there any more. If somebody is, two processes have one identity.
            refuse::<P>(&old, format!("another process says that it is {peer}"));
        }
        if let Some(link) = self.links.get(&peer) {
            link.wake();
        }
        let is_news = |core: &Core<P>| core.ends.get(&peer).is_some_and(Ends::is_news);
        core = self.lock();
        if is_news(&core)
            && let Some(core) = self.wait_for_room(core, peer, stream)
            && is_news(&core)
        {
            self.connected(core, peer);
        }
        true
    }

    /// `stream` ended; beside its thread, that matters only if it was the newest of its peer.
    pub(super) fn inbound_down(&self, peer: PeerId, stream: &Arc<TcpStream>) {
        let mut core = self.lock();
        let ends = core.ends.entry(peer).or_default();
        ends.connections -= 1;
        let mut is_news = false;
        if ends.is_newest(stream) {
            ends.inbound = None;
            is_news = std::mem::take(&mut ends.is_told);
        }
        core.forget(peer);
        if is_news {
            self.disconnected(core, peer);
        }
    }

    /// Our link to `peer` came up or went down.
    pub(super) fn outbound(&self, peer: PeerId, up: bool) {
        let mut core = self.lock();
        let ends = core.ends.entry(peer).or_default();
        ends.outbound = up;
        let was_told = ends.is_told;
        ends.is_told &= up;
        if ends.is_news() {
            return self.connected(core, peer);
        }
        core.forget(peer);
        if was_told && !up {
            self.disconnected(core, peer);
        }
    }

    /// Tells the process that `peer` cannot be talked with any more.
    fn disconnected(&self, mut core: MutexGuard<'_, Core<P>>, peer: PeerId) {
        core.outputs.cause = Some(peer);
        self.step_locked(&mut core, |process, out| process.disconnected(peer, out));
        self.finish(core);
    }

    /// Tells the process that `peer` can be talked with.
    pub(super) fn connected(&self, mut core: MutexGuard<'_, Core<P>>, peer: PeerId) {
        core.ends.entry(peer).or_default().is_told = true;
        core.outputs.cause = Some(peer);
        core.show(0, || Output::Connected(peer));
        self.step_locked(&mut core, |process, out| process.connected(peer, out));
        self.finish(core);
    }

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
                return Err(connected_already(dialler, self.me));
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
        let at = (dialler == self.me).then(|| link.address());
        let from = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |at| at.ip());
        self.tell(|observer| observer.linked(peer, from.to_canonical(), at));
        self.outbound(peer, true);
        Ok(())
    }

    /// Tells the observer something about links, and the process what it makes of that.
    fn tell(&self, event: impl FnOnce(&mut dyn Observer<P>) -> Option<P::Input>) {
        let input = event(&mut **self.observer.lock().expect(UNPOISONED));
        if let Some(input) = input {
            self.input(input);
        }
    }

    /// The connection of this link has ended; nothing, if it is none of such a peer.
    pub(super) fn part(&self, link: &Arc<Link>) {
        let mut peers = self.unlisted.peers();
        if peers.get(&link.peer).is_some_and(|(now, _)| Arc::ptr_eq(now, link)) {
            peers.remove(&link.peer);
            drop(peers);
            link.set_down();
            self.outbound(link.peer, false);
            self.tell(|observer| observer.unlinked(link.peer));
        }
    }

    /// This node's hello, as a line.
    pub(super) fn hello(&self) -> Vec<u8> {
        Frame::<P::Message>::Hello(Hello {
            protocol: P::PROTOCOL.into(),
            peer: self.me,
            fingerprint: self.fingerprint.clone(),
        })
        .line()
    }

    /// Why we do not talk with the one who says this hello, in words that both sides can print.
    pub(super) fn check(&self, hello: &Hello) -> Result<(), String> {
        let (me, peer) = (self.me, hello.peer);
        if hello.protocol != P::PROTOCOL {
            return Err(format!("{peer} speaks {}, {me} speaks {}", hello.protocol, P::PROTOCOL));
        }
        let is_open = self.unlisted.is_open();
        if hello.fingerprint != self.fingerprint && is_open {
            return Err(format!("{peer} and {me} are of different groups"));
        }
        if hello.fingerprint != self.fingerprint {
            // Without the fingerprint: who knows it is taken for a peer.
            return Err(format!(
                "the hostsfiles of {peer} and {me} differ; all peers need the same hosts, ports \
                 and roles"
            ));
        }
        if peer == me {
            return Err(format!("both sides say that they are {me}"));
        }
        if !self.links.contains_key(&peer) && !is_open {
            return Err(format!("the hostsfile of {me} has no {peer}"));
        }
        Ok(())
    }
}

/// Why a connection is not wanted beside the one that the two have: by this text its dialler knows
/// that nothing is wrong.
pub(super) fn connected_already(dialler: PeerId, other: PeerId) -> String {
    format!("{dialler} and {other} are connected already")
}

/// Closes a connection, and says why, so that the other side can say it too.
pub(super) fn refuse<P: Process>(mut stream: &TcpStream, why: String) {
    // It may be gone; then nobody asks.
    let _ = stream.write_all(&Frame::<P::Message>::Refused(why).line());
    let _ = stream.shutdown(Shutdown::Both);
}
