//! What a peer wants of what others offer.

use super::{Fetch, Other, Peer, Place};
use crate::process::{Effect, Effects, PeerId};
use crate::sync::message::{Fact, Message};
use crate::sync::version::{Contents, MOST_AUTHORS, Meeting, Stamp, Version};

/// From so many authors a version is taken; one that is of more than [`MOST_AUTHORS`] is none.
const MOST_JOINED: usize = MOST_AUTHORS - 100;

impl Peer {
    /// What becomes of ours when a peer has this.
    pub(super) fn meet(&self, theirs: &Version, is_host: bool) -> Meeting {
        let whole = || Meeting::Take { next: theirs.clone(), is_conflict: false };
        let meeting = match (&self.version, self.place) {
            (_, Place::Unknown | Place::Unusable) => Meeting::Keep,
            (None, _) => whole(),
            (Some(ours), Place::There) => ours.meet(theirs, is_host),
            // It was deleted: nothing is left to keep, and an older content is better than none.
            (Some(ours), Place::Missing) => match ours.meet(theirs, is_host) {
                Meeting::Adopt(next) | Meeting::Take { next, .. } => {
                    Meeting::Take { next, is_conflict: false }
                }
                Meeting::Keep => whole(),
            },
        };
        match meeting {
            // There must be room for the edits to come, or nobody would take them.
            Meeting::Adopt(next) | Meeting::Take { next, .. } if next.seen.len() > MOST_JOINED => {
                Meeting::Keep
            }
            meeting => meeting,
        }
    }

    /// Looks at all that is offered: takes over what needs no content, and asks for the best of
    /// the rest.
    pub(super) fn consider(&mut self, out: &mut Effects<Self>) {
        // Until the shell has said what became of it, the file may be either.
        if self.pending.is_some() {
            return;
        }
        let adopts =
            |peer: &Self, other: &Other| match peer.meet(other.offered.as_ref()?, other.is_host) {
                Meeting::Adopt(next) => Some(next),
                _ => None,
            };
        while let Some(next) = self.others.values().find_map(|other| adopts(self, other)) {
            self.adopt(next, out);
        }
        if self.fetch.is_some() || self.rest > 0 {
            return;
        }
        if let Some((from, offered)) = self.best(out) {
            self.fetch =
                Some(Fetch { from, digest: offered.digest, has_begun: false, is_old: false });
            out.push(Effect::Send(from, Message::Want(offered.digest)));
        }
    }

    /// Whom to ask, and for what.
    fn best(&mut self, out: &mut Effects<Self>) -> Option<(PeerId, Contents)> {
        let mut best: Option<(bool, bool, Stamp, PeerId, Contents)> = None;
        let mut too_large = Vec::new();
        for (peer, other) in &self.others {
            let Some(offered) = &other.offered else { continue };
            if !matches!(self.meet(offered, other.is_host), Meeting::Take { .. }) {
                continue;
            }
            if offered.contents.size > self.setup.max_size {
                too_large.push((*peer, offered.contents));
                continue;
            }
            // After a deletion, one who knows what was here comes before one who does not.
            let knows = self.version.as_ref().is_none_or(|ours| offered.has_seen(ours));
            let is_fresh = !self.passed_over.contains(peer);
            let found = (is_fresh, knows, offered.stamp, *peer, offered.contents);
            best = best.max(Some(found));
        }
        for (peer, offered) in too_large {
            if self.is_news(peer, offered) {
                out.push(Effect::Report(Fact::TooLarge { peer, size: offered.size }));
                let most = self.setup.max_size;
                out.push(Effect::Send(peer, Message::TooLarge { offered, most }));
            }
        }
        best.map(|(.., peer, contents)| (peer, contents))
    }

    /// True if people are to be told that this content is too large: once for each that a peer has,
    /// and not for every one that it can think of.
    pub(super) fn is_news(&mut self, peer: PeerId, contents: Contents) -> bool {
        let known = self.others.entry(peer).or_default().too_large;
        let is_news = known != Some(contents) && !self.has_told;
        if is_news {
            self.others.entry(peer).or_default().too_large = Some(contents);
            self.has_told = true;
        }
        is_news
    }
}
