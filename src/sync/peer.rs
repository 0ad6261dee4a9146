//! The peer: what it knows of its file and of the others, and what it wants next.
//!
//! The file itself is the shell's (`command/`): it looks, and says what it has found
//! ([`Input::Found`]); it receives contents, and puts one in its place when [`Peer::plan`] says so.
//!
//! ```text
//! Offer ──► wanted? ──► Want ──► Content: the shell keeps it aside ──► Fact::Arrived
//!   ▲                                                                       │
//!   │        Input::Installed ◄── renamed, the loser kept ◄── plan() ◄── looked again
//!   └── to all ──┘                                  ▲            │ it has changed:
//!                                                   └────────────┘ Input::Found first
//! ```
//!
//! Everything between an arrival and [`Input::Installed`] can be cut off by a crash. The intent is
//! durable before the rename ([`Record::Installing`]), so after it the content of the file says how
//! far it came, and what was received is never taken for an edit.

mod choice;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::message::{Fact, Input, Message, Record, Timer};
use super::version::{Contents, Digest, FileId, Meeting, Stamp, Version};
use crate::process::{Effect, Effects, PeerId, Process};

/// How often what may have been lost is said again.
pub const TICK: Duration = Duration::from_secs(2);
/// After failures in a row a peer rests for up to so many ticks.
const MOST_REST: u32 = 8;
/// So far ahead of all that was seen a counter is believed.
const REACH: u64 = 1 << 32;

/// What a peer is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Its id, if it has none yet; random.
    pub fresh: FileId,
    /// The name of the file, without its directory.
    pub file: String,
    /// The longest file that it takes, in bytes.
    pub max_size: u64,
}

/// What is known of the file, beside its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Nobody has looked yet.
    Unknown,
    There,
    Missing,
    Unusable,
}

/// What is known of a connected peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Other {
    /// We have dialled it.
    is_host: bool,
    /// What it said last that it has.
    offered: Option<Version>,
    /// What of it people were told to be too large, here or there.
    too_large: Option<Contents>,
}

/// A content that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fetch {
    from: PeerId,
    digest: Digest,
    /// It is coming.
    has_begun: bool,
    /// A tick has passed since it was asked for.
    is_old: bool,
}

/// A content that is here and waits for its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    from: PeerId,
    theirs: Version,
    next: Version,
    kept: Option<Stamp>,
}

/// What the shell is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The content to put in the place of the file.
    pub contents: Contents,
    /// The name of what is there and must be kept as a copy first.
    pub kept: Option<Stamp>,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    setup: Setup,
    id: FileId,
    is_named: bool,
    /// The highest counter that was seen.
    clock: u64,
    version: Option<Version>,
    /// What the file may be already, though nobody has said so.
    installing: Option<Version>,
    place: Place,
    others: BTreeMap<PeerId, Other>,
    fetch: Option<Fetch>,
    pending: Option<Pending>,
    /// Those that were asked for this version in vain.
    passed_over: BTreeSet<PeerId>,
    /// Since the last tick people were told of a content that is too large.
    has_told: bool,
    failures: u32,
    /// For so many ticks nothing is asked for.
    rest: u32,
}

impl Peer {
    /// A peer that knows nothing yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            id: setup.fresh,
            setup,
            is_named: false,
            clock: 0,
            version: None,
            installing: None,
            place: Place::Unknown,
            others: BTreeMap::new(),
            fetch: None,
            pending: None,
            passed_over: BTreeSet::new(),
            has_told: false,
            failures: 0,
            rest: 0,
        }
    }

    /// Its id.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The version that the file is.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// What is to be put in the place of the file, if anything.
    pub fn plan(&self) -> Option<Plan> {
        let pending = self.pending.as_ref()?;
        Some(Plan { contents: pending.next.contents, kept: pending.kept })
    }

    /// The content that is expected of this peer, if any.
    pub fn expects(&self, from: PeerId, version: &Version) -> bool {
        let fetch = self.fetch.as_ref();
        fetch.is_some_and(|f| f.from == from && f.digest == version.contents.digest)
    }

    /// True as long as a content with this digest has a use.
    pub fn needs(&self, digest: Digest) -> bool {
        self.fetch.as_ref().is_some_and(|fetch| fetch.digest == digest)
            || self.plan().is_some_and(|plan| plan.contents.digest == digest)
    }

    /// The file is this now.
    fn become_version(&mut self, version: Version, fact: Fact, out: &mut Effects<Self>) {
        self.clock = self.clock.max(version.stamp.counter);
        self.version = Some(version.clone());
        self.installing = None;
        self.passed_over.clear();
        out.push(Effect::Persist(Record::Has(version)));
        out.push(Effect::Report(fact));
        // Also to the one who gave it: so it knows that it need not say so again.
        let others: Vec<PeerId> = self.others.keys().copied().collect();
        for peer in others {
            self.offer(peer, out);
        }
    }

    /// The same content was found to be another version.
    fn adopt(&mut self, next: Version, out: &mut Effects<Self>) {
        self.become_version(next.clone(), Fact::Joined(next), out);
    }

    fn offer(&self, peer: PeerId, out: &mut Effects<Self>) {
        if let Some(version) = self.version.as_ref().filter(|_| self.place == Place::There) {
            out.push(Effect::Send(peer, Message::Offer(version.clone())));
        }
    }

    /// Ours has changed while a content waits for its place: it may have none any more.
    fn replan(&mut self, out: &mut Effects<Self>) {
        if let Some(Pending { from, theirs, .. }) = self.pending.take() {
            self.arrived(from, theirs, out);
        }
    }

    /// The content of `theirs` is here.
    fn arrived(&mut self, from: PeerId, theirs: Version, out: &mut Effects<Self>) {
        let is_host = self.others.get(&from).is_some_and(|other| other.is_host);
        match self.meet(&theirs, is_host) {
            Meeting::Keep => {}
            Meeting::Adopt(next) => self.adopt(next, out),
            Meeting::Take { next, is_conflict } => {
                let ours = self.version.as_ref().map(|ours| ours.stamp);
                let kept = ours.filter(|_| is_conflict);
                self.installing = Some(next.clone());
                out.push(Effect::Persist(Record::Installing(next.clone())));
                self.pending = Some(Pending { from, theirs, next, kept });
                out.push(Effect::Report(Fact::Arrived));
            }
        }
    }

    /// The file has this content, whoever has put it there.
    fn found(&mut self, contents: Contents, out: &mut Effects<Self>) {
        let was = std::mem::replace(&mut self.place, Place::There);
        if let Some(version) = self.version.as_ref().filter(|now| now.contents == contents) {
            if was == Place::Unknown {
                out.push(Effect::Report(Fact::Restored(version.clone())));
            }
            if was != Place::There {
                self.others.keys().for_each(|peer| self.offer(*peer, out));
            }
            return self.consider(out);
        }
        // A crash came between the rename and its record.
        if let Some(next) = self.installing.take_if(|next| next.contents == contents) {
            return self.installed(next, out);
        }
        let version = match &self.version {
            None => Version::found(self.id, contents),
            Some(version) => version.edited(self.id, contents, self.clock + 1),
        };
        self.become_version(version.clone(), Fact::Edited(version), out);
        self.replan(out);
        self.consider(out);
    }

    fn installed(&mut self, next: Version, out: &mut Effects<Self>) {
        self.place = Place::There;
        self.failures = 0;
        let version = next.clone();
        let fact = match self.pending.take() {
            Some(Pending { from, kept, .. }) => Fact::Received { version, from, kept },
            // It came to an earlier incarnation, which kept the other before it replaced it.
            None => Fact::Restored(version),
        };
        self.become_version(next, fact, out);
        self.consider(out);
    }

    /// What was asked for has not come: a rest, longer each time.
    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.rest = (1 << self.failures.min(3)).min(MOST_REST);
    }

    /// Whatever was asked of this peer is asked again, of it or of another.
    fn forget_fetch(&mut self, peer: PeerId) -> bool {
        self.fetch.take_if(|fetch| fetch.from == peer).is_some()
    }
}

impl Process for Peer {
    const PROTOCOL: &'static str = "sync/1";
    /// `--max-size` is at most this.
    const MAX_BODY: u64 = 1 << 36;
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    type Fact = Fact;
    type Input = Input;

    fn restore(&mut self, record: Record) {
        match record {
            Record::Named { id, clock, .. } => {
                (self.id, self.is_named, self.clock) = (id, true, self.clock.max(clock));
            }
            Record::Has(version) => {
                self.clock = self.clock.max(version.stamp.counter);
                (self.version, self.installing) = (Some(version), None);
            }
            Record::Installing(version) => self.installing = Some(version),
        }
    }

    fn disbelieves(&self, record: &Record) -> Option<String> {
        match record {
            Record::Named { file, .. } if *file != self.setup.file => {
                Some(format!("it is the state of the file {file:?}, not of {:?}", self.setup.file))
            }
            Record::Named { .. } => None,
            _ if !self.is_named => Some("it does not say of which file it is".into()),
            Record::Has(version) | Record::Installing(version) => version.objection(),
        }
    }

    fn snapshot(&self) -> Vec<Record> {
        if !self.is_named {
            return Vec::new();
        }
        let (id, file, clock) = (self.id, self.setup.file.clone(), self.clock);
        let has = self.version.clone().map(Record::Has);
        let installing = self.installing.clone().map(Record::Installing);
        [Some(Record::Named { id, file, clock }), has, installing].into_iter().flatten().collect()
    }

    fn start(&mut self, out: &mut Effects<Self>) {
        if !self.is_named {
            self.is_named = true;
            let (id, file, clock) = (self.id, self.setup.file.clone(), self.clock);
            out.push(Effect::Persist(Record::Named { id, file, clock }));
        }
        out.push(Effect::SetTimer(Timer::Tick, TICK.into()));
    }

    fn connected(&mut self, peer: PeerId, out: &mut Effects<Self>) {
        // What it offered before may be old: then it is asked in vain, and offers again.
        self.others.entry(peer).or_default();
        self.forget_fetch(peer);
        self.offer(peer, out);
        self.consider(out);
    }

    fn receive(&mut self, from: PeerId, message: Message, out: &mut Effects<Self>) {
        match message {
            Message::Offer(version) => {
                // Whoever has another version cannot give the one that was asked for.
                let digest = version.contents.digest;
                self.fetch.take_if(|f| f.from == from && !f.has_begun && f.digest != digest);
                self.passed_over.remove(&from);
                let other = self.others.entry(from).or_default();
                if other.offered.replace(version.clone()).as_ref() != Some(&version) {
                    self.rest = 0;
                }
                self.consider(out);
            }
            Message::Want(digest) => {
                let ours = self.version.as_ref().filter(|_| self.place == Place::There);
                if let Some(version) = ours.filter(|ours| ours.contents.digest == digest) {
                    out.push(Effect::Send(from, Message::Content(version.clone())));
                }
            }
            Message::Content(version) => {
                if self.expects(from, &version) {
                    self.fetch = None;
                    self.arrived(from, version, out);
                    self.consider(out);
                }
            }
            Message::TooLarge { offered, most } => {
                let ours = self.version.as_ref().map(|version| version.contents);
                if ours == Some(offered) && self.is_news(from, offered) {
                    let size = offered.size;
                    out.push(Effect::Report(Fact::Refused { peer: from, most, size }));
                }
            }
        }
    }

    fn input(&mut self, input: Input, out: &mut Effects<Self>) {
        match input {
            Input::Linked { peer, by_us } => {
                self.others.entry(peer).or_default().is_host = by_us;
            }
            Input::Unlinked(peer) => {
                self.others.remove(&peer);
                self.forget_fetch(peer);
                self.consider(out);
            }
            Input::Found(contents) => self.found(contents, out),
            Input::Missing => {
                let was = std::mem::replace(&mut self.place, Place::Missing);
                if self.version.is_some() && was != Place::Missing {
                    out.push(Effect::Report(Fact::Deleted));
                }
                self.replan(out);
                self.consider(out);
            }
            Input::Unusable => {
                self.place = Place::Unusable;
                self.pending = None;
            }
            Input::Arriving(peer) => {
                if let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.from == peer) {
                    fetch.has_begun = true;
                }
            }
            Input::Dropped(peer) => {
                if self.forget_fetch(peer) {
                    self.failed();
                }
            }
            Input::Installed => {
                if let Some(next) = self.pending.as_ref().map(|pending| pending.next.clone()) {
                    self.installed(next, out);
                }
            }
            Input::NotInstalled => {
                self.pending = None;
                self.failed();
            }
        }
    }

    fn timeout(&mut self, Timer::Tick: Timer, out: &mut Effects<Self>) {
        out.push(Effect::SetTimer(Timer::Tick, TICK.into()));
        self.rest = self.rest.saturating_sub(1);
        self.has_told = false;
        if let Some(fetch) = self.fetch.take_if(|fetch| fetch.is_old && !fetch.has_begun) {
            self.passed_over.insert(fetch.from);
            if self.passed_over.len() >= self.others.len() {
                self.passed_over.clear();
            }
        }
        self.fetch.iter_mut().for_each(|fetch| fetch.is_old = true);
        for (peer, other) in &self.others {
            if other.offered != self.version {
                self.offer(*peer, out);
            }
        }
        self.consider(out);
    }

    fn objection(&self, _from: PeerId, message: &Message) -> Option<String> {
        match message {
            Message::Offer(version) | Message::Content(version) => {
                let is_near = version.stamp.counter <= self.clock.saturating_add(REACH);
                let far = || format!("the counter {} is out of reach", version.stamp.counter);
                version.objection().or_else(|| (!is_near).then(far))
            }
            Message::Want(_) | Message::TooLarge { .. } => None,
        }
    }

    fn has_body(message: &Message) -> bool {
        matches!(message, Message::Content(_))
    }
}

#[cfg(test)]
mod tests;
