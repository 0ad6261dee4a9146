//! What acceptors and homes say of themselves, and whether that is so.

use super::super::properties::{ASKED, DURABLE_FIRST, PROMISE_KEPT, PROMISE_RESTORED};
use super::StoreMonitor;
use crate::process::PeerId;
use crate::store::bytes::Bytes;
use crate::store::{Message, Peer};

impl StoreMonitor {
    /// What a peer knows of its promises when it begins again. One that rejoins knows nothing.
    pub(super) fn has_restored(&mut self, peer: PeerId, process: &Peer) {
        let watermark = process.registers().watermark();
        let of_peer = self.promised.iter().filter(|((by, ..), _)| *by == peer);
        let highest = of_peer.map(|(_, term)| *term).max();
        if process.serves() && highest > watermark {
            let how = || format!("{peer} has promised {highest:?} and restores {watermark:?}");
            self.violations.add(PROMISE_RESTORED, how);
        }
    }

    /// A link has taken a message.
    pub(super) fn sent(&mut self, peer: PeerId, to: PeerId, message: &Message) {
        let tells = |key: &Bytes, ballot| {
            let chosen = self.keys.get(key);
            chosen.is_none_or(|chosen| !chosen.is_durable(peer, ballot))
        };
        let not_durable = match message {
            Message::Promise { key, held: Some(held), .. } => tells(key, held.ballot),
            Message::State { key, ballot: Some(ballot), .. }
            | Message::Accepted { key, ballot } => tells(key, *ballot),
            _ => false,
        };
        if not_durable {
            let how = || format!("{peer} sends {message}, which it has not on its disk");
            self.violations.add(DURABLE_FIRST, how);
        }
        match message {
            Message::Promise { key, term, .. } => {
                let owner = term.owner(u16::try_from(self.peers).unwrap_or(1));
                let promised = self.promised.entry((peer, key.clone(), owner)).or_insert(*term);
                *promised = (*promised).max(*term);
            }
            Message::Accepted { key, ballot } => {
                let of_key =
                    self.promised.iter().filter(|((by, of, _), _)| *by == peer && of == key);
                let promised = of_key.map(|(_, term)| *term).max();
                if let Some(promised) = promised.filter(|promised| *promised > ballot.term) {
                    let how = || format!("{peer} accepts {ballot} of {key} after {promised}");
                    self.violations.add(PROMISE_KEPT, how);
                }
            }
            Message::Forward { .. } => self.tally.forwarded += 1,
            Message::Here { incarnation } => _ = self.incarnations.insert(peer, *incarnation),
            Message::Forwarded { id, .. } => {
                let asked = self.questions.get(&(peer, to, *id));
                let present = self.incarnations.get(&peer);
                if asked.is_some_and(|asked| present.is_some_and(|now| !asked.contains(now))) {
                    let how = || format!("{peer} answers what an earlier incarnation was asked");
                    self.violations.add(ASKED, how);
                }
            }
            _ => {}
        }
    }
}
